/*-------------------------------------------------------------------------
 *
 * changes.c
 *	  Changes on paper: indexes that do not exist, and some that are not to.
 *
 * Between dba_changes_begin() and dba_changes_end() the planner of this backend
 * is told of other indexes than there are.  No catalog is written and no other
 * session notices.
 *
 * Planning can call functions, and these plan and execute statements of their
 * own: for these the changes do not exist, since an index that is only on paper
 * cannot be scanned, and their plans are kept.  So only the one planner call
 * that follows the beginning believes in them.
 *
 * Locking: none.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "compat.h"
#include "whatif/changes.h"
#include "whatif/expression_stats.h"
#include "whatif/hypo_info.h"
#include "whatif/hypo_partitions.h"

#include "access/xact.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "commands/explain.h"
#include "optimizer/pathnode.h"
#include "optimizer/paths.h"
#include "optimizer/plancat.h"
#include "optimizer/planner.h"
#include "storage/lockdefs.h"
#include "utils/lsyscache.h"

/* No real object has one of these for a long time; those of one plan differ. */
#define FIRST_PRETENDED_OID ((Oid) 0xFFFF0000)

/* A function that is called while planning may itself ask; so many times over. */
#define MAX_NESTED 8

/* From a beginning to its end. */
typedef struct State
{
	const DbaChanges *begun;	/* all the time */
	const DbaChanges *believed; /* the same, while our statement is planned or
								 * explained; else NULL */
	bool		expected;		/* our planner call has not come yet */
	List	   *used;			/* pretended Oids that a plan was shown with */
} State;

static State states[MAX_NESTED + 1];	/* the first is of nobody */
static State *now = states;

static planner_hook_type prev_planner = NULL;
static explain_get_index_name_hook_type prev_index_name = NULL;
static get_index_stats_hook_type prev_index_stats = NULL;
static set_rel_pathlist_hook_type prev_pathlist = NULL;

static PlannedStmt *on_planner(DBA_PLANNER_PARAMETERS);
static void on_transaction(XactEvent event, void *arg);
static const char *on_index_name(Oid oid);
static void change_indexes(RelOptInfo *rel, Oid relid, bool with_children);
static void add_indexes(RelOptInfo *rel, Oid relid, const List *indexes);
static void check_arbiters(const List *plans, const List *dropped);
static bool on_index_stats(PlannerInfo *root, Oid oid, AttrNumber column, VariableStatData *data);
static void on_pathlist(PlannerInfo *root, RelOptInfo *rel, Index rti, RangeTblEntry *rte);

/* The hook that the planner's knowledge of a relation passes through. */
DBA_DEFINE_RELATION_HOOK(change_indexes)

void
dba_changes_init(void)
{
	prev_planner = planner_hook;
	planner_hook = on_planner;
	prev_index_name = explain_get_index_name_hook;
	explain_get_index_name_hook = on_index_name;
	prev_index_stats = get_index_stats_hook;
	get_index_stats_hook = on_index_stats;
	prev_pathlist = set_rel_pathlist_hook;
	set_rel_pathlist_hook = on_pathlist;
	dba_install_relation_hook();
	RegisterXactCallback(on_transaction, NULL);
}

/* Whoever did not get to the end of his changes: no transaction outlives them. */
static void
on_transaction(XactEvent event, void *arg)
{
	(void) arg;
	if (event == XACT_EVENT_COMMIT || event == XACT_EVENT_ABORT)
		now = states;
}

/* Adds an index, of each partition one. */
void
dba_changes_create(DbaChanges *changes, DbaHypoIndex *index)
{
	ListCell   *cell;

	foreach(cell, dba_hypo_leaves(index))
		dba_changes_add(changes, lfirst(cell));
	if (DBA_PARTITIONED_TABLES_LIST_INDEXES)
		changes->parents = list_concat(changes->parents, dba_hypo_parents(index));
}

/* Adds an index of a table that is not partitioned; gives it its pretended Oid. */
void
dba_changes_add(DbaChanges *changes, DbaHypoIndex *leaf)
{
	leaf->oid = FIRST_PRETENDED_OID + list_length(changes->created);
	changes->created = lappend(changes->created, leaf);
}

/* Hides an index, and its partitions. */
void
dba_changes_drop(DbaChanges *changes, Oid index)
{
	changes->dropped = list_concat_unique_oid(changes->dropped,
											  find_all_inheritors(index, NoLock, NULL));
}

void
dba_changes_begin(const DbaChanges *changes, DbaBeliever believer)
{
	if (now == &states[MAX_NESTED])
		ereport(ERROR,
				(errcode(ERRCODE_STATEMENT_TOO_COMPLEX),
				 errmsg("too many changes within changes")));
	now++;
	now->begun = now->believed = changes;
	now->expected = believer == DBA_NEXT_PLANNER_CALL;
	now->used = NIL;
}

/* Ends it, and gives the indexes (DbaHypoIndex) that plans were shown with. */
List *
dba_changes_end(void)
{
	List	   *result = NIL;
	ListCell   *cell;

	Assert(now > states);
	foreach(cell, now->used)
		result = lappend(result, dba_changes_index(now->begun, lfirst_oid(cell)));
	now--;
	return result;
}

/* What is planned while our statement is planned must not see the changes. */
static PlannedStmt *
on_planner(DBA_PLANNER_PARAMETERS)
{
	planner_hook_type next = prev_planner ? prev_planner : standard_planner;
	State	   *state = now;
	PlannedStmt *plan;

	if (likely(state->believed == NULL))
		return next(DBA_PLANNER_ARGUMENTS);
	if (state->expected)
	{
		state->expected = false;
		return next(DBA_PLANNER_ARGUMENTS);
	}

	state->believed = NULL;
	PG_TRY();
	{
		plan = next(DBA_PLANNER_ARGUMENTS);
	}
	PG_FINALLY();
	{
		state->believed = state->begun;
	}
	PG_END_TRY();
	return plan;
}

const DbaChanges *
dba_changes_believed(void)
{
	return now->believed;
}

/*
 * Changes what the planner has found out about the indexes of a table.  One that
 * stands for itself with its children has none, unless it is partitioned; it is
 * itself among the children.
 */
static void
change_indexes(RelOptInfo *rel, Oid relid, bool with_children)
{
	const DbaChanges *believed = now->believed;
	ListCell   *cell;

	if (likely(believed == NULL))
		return;
	foreach(cell, rel->indexlist)
	{
		if (list_member_oid(believed->dropped, lfirst_node(IndexOptInfo, cell)->indexoid))
			rel->indexlist = foreach_delete_current(rel->indexlist, cell);
	}
	add_indexes(rel, relid, with_children ? believed->parents : believed->created);
}

/* The newest first, as the server has them; it matters among equals. */
static void
add_indexes(RelOptInfo *rel, Oid relid, const List *indexes)
{
	const ListCell *cell;

	foreach(cell, indexes)
	{
		DbaHypoIndex *index = lfirst(cell);

		if (index->relid == relid)
			rel->indexlist = lcons(dba_hypo_info(index, rel), rel->indexlist);
	}
}

/*
 * Raises the server's error where ON CONFLICT has only indexes left to go by that
 * are not to be: the planner looks for these in the catalogs.
 */
void
dba_changes_check_arbiters(const PlannedStmt *plan, const DbaChanges *changes)
{
	if (changes->dropped == NIL)
		return;
	check_arbiters(list_make1(plan->planTree), changes->dropped);
	check_arbiters(plan->subplans, changes->dropped);
}

static void
check_arbiters(const List *plans, const List *dropped)
{
	const ListCell *cell;

	foreach(cell, plans)
	{
		const ModifyTable *plan = lfirst(cell);

		if (plan != NULL && IsA(plan, ModifyTable) && plan->arbiterIndexes != NIL &&
			list_difference_oid(plan->arbiterIndexes, dropped) == NIL)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_COLUMN_REFERENCE),
					 errmsg("there is no unique or exclusion constraint matching the ON CONFLICT specification")));
	}
}

/* The name of an index in EXPLAIN, which asks for those that a plan uses. */
static const char *
on_index_name(Oid oid)
{
	const DbaHypoIndex *index = now->begun == NULL ? NULL : dba_changes_index(now->begun, oid);

	if (index == NULL)
		return prev_index_name ? prev_index_name(oid) : NULL;
	now->used = list_append_unique_oid(now->used, oid);
	return index->name;
}

/* Statistics of an index's expressions, for which the planner looks in a catalog. */
static bool
on_index_stats(PlannerInfo *root, Oid oid, AttrNumber column, VariableStatData *data)
{
	const DbaHypoIndex *index = now->believed == NULL ? NULL : dba_changes_index(now->believed, oid);

	if (index != NULL && dba_expression_stats_give(index, column, root, data))
		return true;
	return prev_index_stats ? prev_index_stats(root, oid, column, data) : false;
}

/* The index that has this pretended Oid; NULL: none has. */
DbaHypoIndex *
dba_changes_index(const DbaChanges *changes, Oid oid)
{
	if (oid < FIRST_PRETENDED_OID ||
		oid - FIRST_PRETENDED_OID >= (Oid) list_length(changes->created))
		return NULL;
	return list_nth(changes->created, (int) (oid - FIRST_PRETENDED_OID));
}

/* Lets who asked for it look at a relation. */
static void
on_pathlist(PlannerInfo *root, RelOptInfo *rel, Index rti, RangeTblEntry *rte)
{
	const DbaChanges *believed = now->believed;

	if (prev_pathlist)
		prev_pathlist(root, rel, rti, rte);
	if (unlikely(believed != NULL) && believed->examine != NULL)
		believed->examine(root, rel, rte, believed->examine_arg);
}
