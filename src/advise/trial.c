/*-------------------------------------------------------------------------
 *
 * trial.c
 *	  Trying an index on a table in the middle of its planning.
 *
 * An index of a partitioned table is tried on its largest partition that the
 * statement reads.  Sizes are rough here: what is worth more than a look is
 * measured later.
 *
 * Locking: none; the planner has locked the tables.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "advise/access.h"
#include "advise/trial.h"
#include "whatif/hypo_partitions.h"

#include <math.h>

#include "access/htup_details.h"
#include "access/itup.h"
#include "catalog/pg_am.h"
#include "catalog/pg_class.h"
#include "optimizer/optimizer.h"
#include "parser/parsetree.h"
#include "rewrite/rewriteManip.h"
#include "utils/lsyscache.h"

/* Pages of an index of a method that is not a btree, for each of the table. */
#define OTHER_PAGES 0.25

/* Pages of a table that a page of BRIN sums up. */
#define BRIN_RANGES_ON_PAGE (128.0 * 200)

/* Entries of an inner page of a tree. */
#define FANOUT 300.0

static RelOptInfo *largest_leaf(PlannerInfo *root, RelOptInfo *parent);
static void set_column(const DbaTrial *trial, DbaHypoIndex *index, int place,
					   const DbaKeyColumn *key);
static void set_included(const DbaTrial *trial, DbaHypoIndex *index, List *included);
static DbaHypoIndex *at_place(const DbaTrial *trial, DbaHypoIndex *index);
static void guess_size(const DbaTrial *trial, DbaHypoIndex *index);

/* False where no index would be tried: the table is a part, or not a table. */
bool
dba_trial_begin(DbaTrial *trial, PlannerInfo *root, RelOptInfo *rel, RangeTblEntry *rte)
{
	trial->root = root;
	trial->rel = trial->place = rel;
	if (rte->rtekind != RTE_RELATION || IS_DUMMY_REL(rel))
		return false;
	trial->relid = trial->place_relid = rte->relid;

	/* A partition is seen with its parent. */
	if (rel->reloptkind == RELOPT_OTHER_MEMBER_REL)
	{
		AppendRelInfo *part = root->append_rel_array[rel->relid];
		RangeTblEntry *parent = planner_rt_fetch(part->parent_relid, root);

		if (parent->rtekind == RTE_RELATION && parent->relkind == RELKIND_PARTITIONED_TABLE)
			return false;
	}
	if (rte->relkind == RELKIND_PARTITIONED_TABLE)
	{
		trial->place = largest_leaf(root, rel);
		if (trial->place == NULL)
			return false;
		trial->place_relid = planner_rt_fetch(trial->place->relid, root)->relid;
		return true;
	}
	return !rte->inh && (rte->relkind == RELKIND_RELATION || rte->relkind == RELKIND_MATVIEW);
}

/* Of the partitions that are read; NULL: none is, or none is a plain table. */
static RelOptInfo *
largest_leaf(PlannerInfo *root, RelOptInfo *parent)
{
	RelOptInfo *largest = NULL;
	ListCell   *cell;

	foreach(cell, root->append_rel_list)
	{
		AppendRelInfo *part = lfirst_node(AppendRelInfo, cell);
		RelOptInfo *child;

		if (part->parent_relid != parent->relid)
			continue;
		child = root->simple_rel_array[part->child_relid];
		if (child == NULL || IS_DUMMY_REL(child))
			continue;
		if (planner_rt_fetch(child->relid, root)->relkind == RELKIND_PARTITIONED_TABLE)
			child = largest_leaf(root, child);
		else if (planner_rt_fetch(child->relid, root)->relkind != RELKIND_RELATION)
			child = NULL;
		if (child != NULL && (largest == NULL || child->pages > largest->pages))
			largest = child;
	}
	return largest;
}

/* ------------------------------------------------------------------------
 * Making an index
 * ------------------------------------------------------------------------ */

/*
 * The index with these keys (DbaKeyColumn), included attributes, and predicate
 * (expressions of the statement's), as if CREATE INDEX had defined it.
 */
DbaHypoIndex *
dba_trial_index(const DbaTrial *trial, Oid am, List *columns, List *included,
				List *predicate)
{
	DbaHypoIndex *index = palloc0(sizeof(DbaHypoIndex));

	index->context = CurrentMemoryContext;
	index->name = pstrdup("candidate");
	index->relid = trial->relid;
	index->am = am;
	index->key_count = list_length(columns);
	index->column_count = index->key_count + list_length(included);
	index->columns = palloc0(sizeof(DbaHypoColumn) * index->column_count);
	for (int i = 0; i < index->key_count; i++)
		set_column(trial, index, i, list_nth(columns, i));
	set_included(trial, index, included);
	index->predicate = dba_trial_canonical(trial, predicate);
	index->tuples = -1;
	index->height = -1;
	return index;
}

static void
set_column(const DbaTrial *trial, DbaHypoIndex *index, int place, const DbaKeyColumn *key)
{
	DbaHypoColumn *column = &index->columns[place];
	const DbaOperand *operand = key->operand;

	column->attnum = operand->attnum;
	column->type = operand->type;
	column->typmod = operand->typmod;
	column->collation = operand->collation;
	column->flags = key->flags;
	dba_hypo_set_opclass(column, key->opclass, index->am);
	if (operand->attnum == 0)
		index->expressions = list_concat(index->expressions,
										 dba_trial_canonical(trial, list_make1(operand->expr)));
}

static void
set_included(const DbaTrial *trial, DbaHypoIndex *index, List *included)
{
	int			place = index->key_count;
	ListCell   *cell;

	foreach(cell, included)
	{
		DbaHypoColumn *column = &index->columns[place++];

		column->attnum = (AttrNumber) lfirst_int(cell);
		get_atttypetypmodcoll(trial->relid, column->attnum, &column->type,
							  &column->typmod, &column->collation);
		column->collation = InvalidOid;
		column->stored_type = column->type;
	}
}

/* Expressions over the table as the first and only one. */
List *
dba_trial_canonical(const DbaTrial *trial, List *nodes)
{
	List	   *result = copyObject(nodes);

	if (trial->rel->relid != 1)
		ChangeVarNodes((Node *) result, (int) trial->rel->relid, 1, 0);
	return result;
}

/* ------------------------------------------------------------------------
 * Trying it
 * ------------------------------------------------------------------------ */

/* The paths that the index would give where it is tried. */
List *
dba_trial_paths(const DbaTrial *trial, DbaHypoIndex *index)
{
	return dba_access_paths(trial->root, trial->place, list_make1(at_place(trial, index)));
}

/* Those that several would give; each is known by its place in the list, from 1. */
List *
dba_trial_paths_together(const DbaTrial *trial, List *indexes)
{
	List	   *there = NIL;
	ListCell   *cell;

	foreach(cell, indexes)
	{
		DbaHypoIndex *index = at_place(trial, lfirst(cell));

		index->oid = (Oid) foreach_current_index(cell) + 1;
		there = lappend(there, index);
	}
	return dba_access_paths(trial->root, trial->place, there);
}

/* The index of the table or partition where it is tried. */
static DbaHypoIndex *
at_place(const DbaTrial *trial, DbaHypoIndex *index)
{
	DbaHypoIndex *there = index;

	if (trial->place != trial->rel)
		there = dba_hypo_of_child(index, trial->place_relid);
	guess_size(trial, there);
	return there;
}

static void
guess_size(const DbaTrial *trial, DbaHypoIndex *index)
{
	const RelOptInfo *rel = trial->place;
	double		bytes = 0;
	double		share = 1;

	if (index->predicate != NIL)
	{
		List	   *predicate = copyObject(index->predicate);

		ChangeVarNodes((Node *) predicate, 1, (int) rel->relid, 0);
		share = clauselist_selectivity(trial->root, predicate, 0, JOIN_INNER, NULL);
		index->tuples = clamp_row_est(rel->tuples * share);
	}
	for (int i = 0; i < index->column_count; i++)
	{
		const DbaHypoColumn *column = &index->columns[i];
		int32		width = column->attnum != 0 ? get_attavgwidth(index->relid, column->attnum) : 0;

		bytes += width > 0 ? width : get_typavgwidth(column->stored_type, column->typmod);
	}
	bytes = MAXALIGN((Size) bytes) + sizeof(IndexTupleData) + sizeof(ItemIdData);
	if (index->am == BRIN_AM_OID)
		index->pages = (BlockNumber) (3 + rel->pages / BRIN_RANGES_ON_PAGE);
	else if (index->am == BTREE_AM_OID)
		index->pages = (BlockNumber) (2 + rel->tuples * share * bytes / (0.9 * BLCKSZ));
	else
		index->pages = (BlockNumber) (2 + rel->pages * share * OTHER_PAGES);
	index->height = index->pages < 3 ? 0 : (int) ceil(log(index->pages) / log(FANOUT));
}
