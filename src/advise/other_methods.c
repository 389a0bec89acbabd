/*-------------------------------------------------------------------------
 *
 * other_methods.c
 *	  Candidates of other access methods than btree, and for OR.
 *
 * What no btree serves is tried with the other access methods, in turn.  One arm's
 * index is of no use to an OR, so all that could serve an arm are tried together.
 *
 * Locking: none; the planner has locked the tables.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "advise/access.h"
#include "advise/opclasses.h"
#include "advise/other_methods.h"

#include <math.h>

#include "access/htup_details.h"
#include "catalog/pg_am.h"
#include "catalog/pg_statistic.h"
#include "catalog/pg_type.h"
#include "optimizer/restrictinfo.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

/* Bytes of a value that a hash is much shorter than. */
#define LONG_VALUE 64

/* BRIN pays for tables of so many pages whose rows lie in order. */
#define BRIN_PAGES 1000
#define BRIN_CORRELATION 0.9

static void try_hash(DbaGeneration *generation, const DbaKey *key, bool is_long);
static DbaTried *try_small_index(DbaGeneration *generation, const DbaKey *key, Oid am);
static bool is_correlated(Oid relid, AttrNumber attnum);
static bool serves_more(DbaGeneration *generation, List *paths);
static List *indexes_for_disjunctions(DbaGeneration *generation);
static void keep_group(DbaGeneration *generation, List *indexes, Path *path);

/* ------------------------------------------------------------------------
 * Small ones that do a little less
 * ------------------------------------------------------------------------ */

/* Hash where values are long, BRIN where they lie in the order of the rows. */
void
dba_other_small(DbaGeneration *generation)
{
	ListCell   *cell;

	foreach(cell, generation->keys)
	{
		const DbaKey *key = lfirst(cell);
		AttrNumber	attnum = key->column.operand->attnum;

		if (attnum == 0)
			continue;
		if (key->equal || key->equal_join)
			try_hash(generation, key, dba_generation_width(&generation->trial, attnum) >= LONG_VALUE);
		if (key->range && generation->trial.place->pages >= BRIN_PAGES &&
			is_correlated(generation->trial.place_relid, attnum))
			try_small_index(generation, key, BRIN_AM_OID);
	}
}

/* A hash of values that are not long only where a btree is not possible. */
static void
try_hash(DbaGeneration *generation, const DbaKey *key, bool is_long)
{
	DbaTried	   *tried;

	if (is_long)
		try_small_index(generation, key, HASH_AM_OID);
	else if (get_typlen(key->column.operand->type) < 0)
	{
		tried = try_small_index(generation, key, HASH_AM_OID);
		if (tried != NULL)
			tried->fallback = true;
	}
}

/* NULL: there is no such operator class. */
static DbaTried *
try_small_index(DbaGeneration *generation, const DbaKey *key, Oid am)
{
	List	   *opclasses = dba_opclasses_for(am, key->column.operand->type);
	DbaKeyColumn column = {.operand = key->column.operand};

	if (opclasses == NIL)
		return NULL;
	column.opclass = linitial_oid(opclasses);
	return dba_generation_try(generation, dba_trial_index(&generation->trial, am, list_make1(&column),
												 NIL, NIL), NIL, NIL);
}

/* Whether the rows lie in the order of the column, or in the opposite one. */
static bool
is_correlated(Oid relid, AttrNumber attnum)
{
	HeapTuple	tuple = SearchSysCache3(STATRELATTINH, ObjectIdGetDatum(relid),
										Int16GetDatum(attnum), BoolGetDatum(false));
	AttStatsSlot slot;
	bool		result = false;

	if (!HeapTupleIsValid(tuple))
		return false;
	if (get_attstatsslot(&slot, tuple, STATISTIC_KIND_CORRELATION, InvalidOid,
						 ATTSTATSSLOT_NUMBERS))
	{
		result = slot.nnumbers == 1 && fabsf(slot.numbers[0]) >= BRIN_CORRELATION;
		free_attstatsslot(&slot);
	}
	ReleaseSysCache(tuple);
	return result;
}

/* ------------------------------------------------------------------------
 * Other access methods
 * ------------------------------------------------------------------------ */

/* An index of another kind, for conditions and orders that no btree serves. */
void
dba_other_special(DbaGeneration *generation, DbaOperand *operand, Oid am)
{
	List	   *served = NIL;
	ListCell   *cell;

	foreach(cell, dba_opclasses_for(am, operand->type))
	{
		DbaKeyColumn column = {.operand = operand, .opclass = lfirst_oid(cell)};
		DbaHypoIndex *index = dba_trial_index(&generation->trial, am, list_make1(&column),
											  NIL, NIL);
		List	   *paths = dba_trial_paths(&generation->trial, index);
		ListCell   *path;

		if (!serves_more(generation, paths))
			continue;
		(void) dba_generation_try(generation, index, NIL, NIL);
		foreach(path, paths)
		{
			ListCell   *part;

			foreach(part, dba_access_index_paths(lfirst(path)))
				served = list_concat(served, ((IndexPath *) lfirst(part))->indexclauses);
		}
	}
	/* The next access method need not do the same, but another class may. */
	foreach(cell, served)
		generation->served = list_append_unique_ptr(generation->served,
													lfirst_node(IndexClause, cell)->rinfo);
}

/* Whether one of the paths does what none did before. */
static bool
serves_more(DbaGeneration *generation, List *paths)
{
	ListCell   *cell;

	foreach(cell, paths)
	{
		ListCell   *part;

		foreach(part, dba_access_index_paths(lfirst(cell)))
		{
			IndexPath  *path = lfirst(part);
			ListCell   *clause;

			if (path->indexorderbys != NIL)
				return true;
			foreach(clause, path->indexclauses)
			{
				RestrictInfo *rinfo = lfirst_node(IndexClause, clause)->rinfo;

				/* Clauses of equality classes are made anew each time. */
				if (!list_member_ptr(generation->served, rinfo) && rinfo->parent_ec == NULL)
					return true;
			}
		}
	}
	return false;
}

/* ------------------------------------------------------------------------
 * OR
 * ------------------------------------------------------------------------ */

/* One arm's index alone is of no use, so all are tried together. */
void
dba_other_disjunctions(DbaGeneration *generation)
{
	List	   *indexes = indexes_for_disjunctions(generation);
	List	   *paths;
	ListCell   *cell;

	if (indexes == NIL)
		return;
	paths = dba_trial_paths_together(&generation->trial, indexes);
	foreach(cell, paths)
	{
		if (!dba_access_beaten(lfirst(cell), generation->trial.place->pathlist, MARGIN))
			keep_group(generation, indexes, lfirst(cell));
	}
}

/* What is compared anywhere, in every way; NIL if there is no OR. */
static List *
indexes_for_disjunctions(DbaGeneration *generation)
{
	RelOptInfo *rel = generation->trial.rel;
	List	   *methods = lcons_oid(BTREE_AM_OID, list_copy(generation->generator->special_methods));
	List	   *result = NIL;
	bool		found = false;
	ListCell   *cell;
	ListCell   *method;
	ListCell   *opclass;

	foreach(cell, rel->baserestrictinfo)
		found |= restriction_is_or_clause(lfirst_node(RestrictInfo, cell));
	foreach(cell, rel->joininfo)
		found |= restriction_is_or_clause(lfirst_node(RestrictInfo, cell));
	if (!found)
		return NIL;
	foreach(cell, generation->operands->all)
	{
		DbaOperand *operand = lfirst(cell);

		foreach(method, methods)
		{
			if (lfirst_oid(method) == BTREE_AM_OID && !dba_generation_sorts(operand->type))
				continue;
			foreach(opclass, dba_opclasses_for(lfirst_oid(method), operand->type))
			{
				DbaKeyColumn column = {.operand = operand, .opclass = lfirst_oid(opclass)};

				result = lappend(result, dba_trial_index(&generation->trial, lfirst_oid(method),
														 list_make1(&column), NIL, NIL));
			}
		}
	}
	return result;
}

static void
keep_group(DbaGeneration *generation, List *indexes, Path *path)
{
	Bitmapset  *group = NULL;
	ListCell   *cell;

	foreach(cell, dba_access_index_paths(path))
	{
		Oid			place = ((IndexPath *) lfirst(cell))->indexinfo->indexoid;
		int			number = dba_pool_add(generation->generator->pool,
										  list_nth(indexes, (int) place - 1));

		group = bms_add_member(group, number);
	}
	dba_pool_add_group(generation->generator->pool, group);
	dba_pool_mark_grouped(generation->generator->pool, group);
}
