/*-------------------------------------------------------------------------
 *
 * candidate.c
 *	  Indexes that may be worth making, over all statements.
 *
 * Locking: AccessShareLock on their tables, until the end of the transaction.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "advise/candidate.h"
#include "whatif/hypo_partitions.h"
#include "whatif/hypo_size.h"

#include "access/htup_details.h"
#include "catalog/pg_class.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "storage/lmgr.h"
#include "utils/memutils.h"
#include "utils/syscache.h"

static void add_up(DbaPool *pool, DbaCandidate *candidate);
static DbaHypoIndex *copy_index(const DbaHypoIndex *index);
static bool same_columns(const DbaHypoIndex *a, const DbaHypoIndex *b, int count);

/* An empty one, in the current context. */
DbaPool *
dba_pool_new(void)
{
	DbaPool    *pool = palloc0(sizeof(DbaPool));

	pool->context = CurrentMemoryContext;
	pool->space = 64;
	pool->candidates = palloc(sizeof(DbaCandidate *) * pool->space);
	return pool;
}

/* The number of the index, which is copied if it was not there yet. */
int
dba_pool_add(DbaPool *pool, const DbaHypoIndex *index)
{
	DbaCandidate *candidate;
	MemoryContext caller;

	for (int i = 0; i < pool->count; i++)
	{
		if (pool->candidates[i]->index->relid == index->relid &&
			dba_index_same(pool->candidates[i]->index, index))
			return i;
	}

	caller = MemoryContextSwitchTo(pool->context);
	if (pool->count == pool->space)
	{
		pool->space *= 2;
		pool->candidates = repalloc(pool->candidates, sizeof(DbaCandidate *) * pool->space);
	}
	candidate = palloc0(sizeof(DbaCandidate));
	candidate->number = pool->count;
	candidate->index = copy_index(index);
	pool->candidates[pool->count++] = candidate;
	MemoryContextSwitchTo(caller);
	return candidate->number;
}

/* Adds one that takes part when a btree on its column turns out to be impossible. */
void
dba_pool_add_fallback(DbaPool *pool, const DbaHypoIndex *index)
{
	int			count = pool->count;
	int			number = dba_pool_add(pool, index);

	if (number == count)
		pool->candidates[number]->fallback = pool->candidates[number]->impossible = true;
}

/* It cannot be built; what can take its place may. */
void
dba_pool_forbid(DbaPool *pool, DbaCandidate *candidate)
{
	candidate->impossible = true;
	for (int i = 0; i < pool->count; i++)
	{
		DbaCandidate *other = pool->candidates[i];

		if (other->fallback && other->index->relid == candidate->index->relid &&
			other->index->columns[0].attnum == candidate->index->columns[0].attnum)
			other->impossible = other->fallback = false;
	}
}

/* The statement's plan that uses all of them is better than those that do not. */
void
dba_pool_add_group(DbaPool *pool, const Bitmapset *group)
{
	MemoryContext caller = MemoryContextSwitchTo(pool->context);
	ListCell   *cell;
	bool		known = bms_num_members(group) < 2;

	foreach(cell, pool->groups)
		known |= bms_equal(lfirst(cell), group);
	if (!known)
		pool->groups = lappend(pool->groups, bms_copy(group));
	MemoryContextSwitchTo(caller);
}

/* None of them is to be left out because alone it is of no use. */
void
dba_pool_mark_grouped(DbaPool *pool, const Bitmapset *group)
{
	MemoryContext caller = MemoryContextSwitchTo(pool->context);

	pool->grouped = bms_add_members(pool->grouped, group);
	MemoryContextSwitchTo(caller);
}

/* Finds out how large each would be, roughly: they are many. */
void
dba_pool_measure(DbaPool *pool)
{
	MemoryContext caller = MemoryContextSwitchTo(pool->context);
	List	   *leaves = NIL;

	for (int i = 0; i < pool->count; i++)
	{
		DbaCandidate *candidate = pool->candidates[i];

		LockRelationOid(candidate->index->relid, AccessShareLock);
		candidate->leaves = dba_hypo_leaves(candidate->index);
		leaves = list_concat(leaves, candidate->leaves);
	}
	dba_hypo_measure_all(leaves, DBA_ROUGHLY);
	for (int i = 0; i < pool->count; i++)
		add_up(pool, pool->candidates[i]);
	MemoryContextSwitchTo(caller);
}

/* Finds it out well for those of the chosen that are known roughly; says if any. */
bool
dba_pool_measure_chosen(DbaPool *pool, const Bitmapset *chosen)
{
	MemoryContext caller = MemoryContextSwitchTo(pool->context);
	List	   *leaves = NIL;
	int			number = -1;

	while ((number = bms_next_member(chosen, number)) >= 0)
	{
		if (!pool->candidates[number]->measured)
			leaves = list_concat(leaves, pool->candidates[number]->leaves);
	}
	dba_hypo_measure_all(leaves, DBA_PRECISELY);
	number = -1;
	while ((number = bms_next_member(chosen, number)) >= 0)
	{
		if (!pool->candidates[number]->measured)
			add_up(pool, pool->candidates[number]);
		pool->candidates[number]->measured = true;
	}
	MemoryContextSwitchTo(caller);
	return leaves != NIL;
}

/* What its leaves are together. */
static void
add_up(DbaPool *pool, DbaCandidate *candidate)
{
	ListCell   *cell;

	candidate->bytes = candidate->table_bytes = 0;
	foreach(cell, candidate->leaves)
	{
		const DbaHypoIndex *leaf = lfirst(cell);

		candidate->bytes += (double) leaf->pages * BLCKSZ;
		candidate->table_bytes += dba_table_bytes(leaf->relid);
		if (leaf->too_wide > 0)
			dba_pool_forbid(pool, candidate);
	}
}

/* Of the chosen ones together. */
double
dba_pool_bytes(const DbaPool *pool, const Bitmapset *chosen)
{
	double		bytes = 0;
	int			number = -1;

	while ((number = bms_next_member(chosen, number)) >= 0)
		bytes += pool->candidates[number]->bytes;
	return bytes;
}

/* Of the table or index itself, by its statistics. */
double
dba_table_bytes(Oid relid)
{
	HeapTuple	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relid));
	double		pages = 0;

	if (HeapTupleIsValid(tuple))
	{
		pages = ((Form_pg_class) GETSTRUCT(tuple))->relpages;
		ReleaseSysCache(tuple);
	}
	return pages * BLCKSZ;
}

/* The chosen ones, for the planner to believe in; in the current context. */
DbaChanges *
dba_pool_changes(const DbaPool *pool, const Bitmapset *chosen)
{
	DbaChanges *changes = palloc0(sizeof(DbaChanges));
	int			number = -1;

	while ((number = bms_next_member(chosen, number)) >= 0)
	{
		ListCell   *cell;

		foreach(cell, pool->candidates[number]->leaves)
			dba_changes_add(changes, lfirst(cell));
	}
	return changes;
}

/* ------------------------------------------------------------------------
 * Comparing
 * ------------------------------------------------------------------------ */

/* Whether they are the same but for name and size. */
bool
dba_index_same(const DbaHypoIndex *a, const DbaHypoIndex *b)
{
	return a->relid == b->relid && a->am == b->am && a->unique == b->unique &&
		a->key_count == b->key_count && a->column_count == b->column_count &&
		same_columns(a, b, a->column_count) && equal(a->predicate, b->predicate);
}

/* Whether its keys begin with those of the other, which serves no more then. */
bool
dba_index_begins(const DbaHypoIndex *index, const DbaHypoIndex *beginning)
{
	return index->relid == beginning->relid && index->am == beginning->am &&
		beginning->key_count <= index->key_count &&
		beginning->key_count == beginning->column_count &&
		same_columns(index, beginning, beginning->key_count) &&
		equal(index->predicate, beginning->predicate);
}

static bool
same_columns(const DbaHypoIndex *a, const DbaHypoIndex *b, int count)
{
	for (int i = 0; i < count; i++)
	{
		const DbaHypoColumn *x = &a->columns[i];
		const DbaHypoColumn *y = &b->columns[i];

		if (x->attnum != y->attnum || x->opclass != y->opclass || x->flags != y->flags ||
			(OidIsValid(x->opclass) && x->collation != y->collation) ||
			!equal(dba_hypo_expression(a, i), dba_hypo_expression(b, i)))
			return false;
	}
	return true;
}

static DbaHypoIndex *
copy_index(const DbaHypoIndex *index)
{
	DbaHypoIndex *copy = palloc(sizeof(DbaHypoIndex));

	*copy = *index;
	copy->context = CurrentMemoryContext;
	copy->forms = NULL;
	copy->name = index->name ? pstrdup(index->name) : NULL;
	copy->columns = palloc(sizeof(DbaHypoColumn) * index->column_count);
	memcpy(copy->columns, index->columns, sizeof(DbaHypoColumn) * index->column_count);
	copy->expressions = copyObject(index->expressions);
	copy->predicate = copyObject(index->predicate);
	return copy;
}
