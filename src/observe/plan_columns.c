/*-------------------------------------------------------------------------
 *
 * plan_columns.c
 *	  Which columns of which tables the conditions of a plan's node are about.
 *
 * A scan's conditions name the columns of its table.  Above the scans a plan
 * names them by their place in what the node below returns, so they are
 * followed down through the target lists, as far as they are plain columns.
 * Columns of a partition are the partition's own, not its parent's, unless
 * dba_as_named() translates them.
 *
 * Locking: none; only the plan and the executor's state are read.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "observe/plan_columns.h"

#include "executor/executor.h"
#include "nodes/nodeFuncs.h"
#include "nodes/pathnodes.h"
#include "nodes/plannodes.h"
#include "parser/parsetree.h"

/* What collect_columns carries along. */
typedef struct Collection
{
	PlanState  *node;			/* whose expressions are walked */
	DbaNodeColumns *found;
} Collection;

static const AppendRelInfo *parent_of(PlanState *node, Index entry);
static DbaColumns parent_columns(const AppendRelInfo *info,
								 DbaColumns columns);
static Index scanned_entry(const Plan *plan);
static void collect(PlanState *node, List *expressions, DbaNodeColumns *found);
static bool collect_columns(Node *expression, void *context);
static void add_column(DbaNodeColumns *found, Oid relid, AttrNumber attnum);
static bool base_column(PlanState *node, const Var *var, Oid *relid,
						AttrNumber *attnum);
static PlanState *node_below(PlanState *node, int varno);
static List *described_list(const Plan *plan);
static const Var *entry_var(List *target_list, AttrNumber resno);

/* The table that the node reads itself, or invalid. */
Oid
dba_scanned_relation(PlanState *node)
{
	Index		entry = scanned_entry(node->plan);
	RangeTblEntry *rte;

	if (entry == 0)
		return InvalidOid;
	rte = exec_rt_fetch(entry, node->state);
	return rte->rtekind == RTE_RELATION ? rte->relid : InvalidOid;
}

/* Adds the columns by which the node throws rows away that it has read. */
void
dba_filter_columns(PlanState *node, DbaNodeColumns *found)
{
	const Plan *plan = node->plan;

	switch (nodeTag(plan))
	{
		case T_NestLoop:
		case T_MergeJoin:
		case T_HashJoin:
			collect(node, ((const Join *) plan)->joinqual, found);
			break;
		default:
			break;
	}
	collect(node, plan->qual, found);
}

/* Adds the columns of all conditions that decide how many rows come out. */
void
dba_condition_columns(PlanState *node, DbaNodeColumns *found)
{
	const Plan *plan = node->plan;
	ListCell   *lc;

	switch (nodeTag(plan))
	{
		case T_IndexScan:
			collect(node, ((const IndexScan *) plan)->indexqualorig, found);
			break;
		case T_IndexOnlyScan:
			collect(node, ((const IndexOnlyScan *) plan)->recheckqual, found);
			break;
		case T_BitmapHeapScan:
			collect(node, ((const BitmapHeapScan *) plan)->bitmapqualorig,
					found);
			break;
		case T_TidRangeScan:
			collect(node, ((const TidRangeScan *) plan)->tidrangequals, found);
			break;
		case T_ForeignScan:
			collect(node, ((const ForeignScan *) plan)->fdw_recheck_quals,
					found);
			break;
		case T_MergeJoin:
			collect(node, ((const MergeJoin *) plan)->mergeclauses, found);
			break;
		case T_HashJoin:
			collect(node, ((const HashJoin *) plan)->hashclauses, found);
			break;
		case T_NestLoop:
			/* what is handed down is compared there with the other table */
			foreach(lc, ((const NestLoop *) plan)->nestParams)
				collect(node, list_make1(lfirst_node(NestLoopParam, lc)->paramval),
						found);
			if (OidIsValid(found->relid))
				dba_condition_columns(innerPlanState(node), found);
			break;
		case T_Memoize:
		case T_Material:
			dba_condition_columns(outerPlanState(node), found);
			return;
		default:
			break;
	}
	dba_filter_columns(node, found);
}

/* Adds the columns by which, or by expressions of which, the node groups. */
void
dba_grouping_columns(PlanState *node, DbaNodeColumns *found)
{
	PlanState  *below = outerPlanState(node);
	const AttrNumber *numbers;
	int			count;

	switch (nodeTag(node->plan))
	{
		case T_Agg:
			numbers = ((const Agg *) node->plan)->grpColIdx;
			count = ((const Agg *) node->plan)->numCols;
			break;
		case T_Group:
			numbers = ((const Group *) node->plan)->grpColIdx;
			count = ((const Group *) node->plan)->numCols;
			break;
		case T_Unique:
			numbers = ((const Unique *) node->plan)->uniqColIdx;
			count = ((const Unique *) node->plan)->numCols;
			break;
		default:
			return;
	}
	for (int i = 0; i < count; i++)
	{
		const TargetEntry *entry = get_tle_by_resno(below->plan->targetlist,
													numbers[i]);

		if (entry != NULL)
			collect(below, list_make1(entry->expr), found);
	}
}

/*
 * Makes of the columns of a partition that the node scans those of the table
 * that the statement names; false if it is no partition, or named itself.
 */
bool
dba_as_named(PlanState *node, DbaNodeColumns *found)
{
	Index		entry = scanned_entry(node->plan);
	const AppendRelInfo *info;
	bool		changed = false;

	while (entry != 0 && (info = parent_of(node, entry)) != NULL)
	{
		entry = info->parent_relid;
		found->relid = info->parent_reloid;
		found->columns = parent_columns(info, found->columns);
		changed = true;
	}
	return changed;
}

/* What makes the entry part of another table, or NULL. */
static const AppendRelInfo *
parent_of(PlanState *node, Index entry)
{
	ListCell   *lc;

	foreach(lc, node->state->es_plannedstmt->appendRelations)
	{
		const AppendRelInfo *info = lfirst_node(AppendRelInfo, lc);

		/* The arms of a UNION ALL have no table above them. */
		if (info->child_relid == entry)
			return OidIsValid(info->parent_reloid) ? info : NULL;
	}
	return NULL;
}

static DbaColumns
parent_columns(const AppendRelInfo *info, DbaColumns columns)
{
	DbaColumns	parent = columns & DBA_OTHER_COLUMN;
	int			count = Min(info->num_child_cols, DBA_MAX_COLUMN);

	/* The parent's number of a dropped column is 0. */
	for (int i = 0; i < count; i++)
		if ((columns & dba_column_bit(i + 1)) && info->parent_colnos[i] > 0)
			parent |= dba_column_bit(info->parent_colnos[i]);
	return parent;
}

/* The range table entry that the node scans, or 0. */
static Index
scanned_entry(const Plan *plan)
{
	switch (nodeTag(plan))
	{
		case T_SeqScan:
		case T_SampleScan:
		case T_IndexScan:
		case T_IndexOnlyScan:
		case T_BitmapHeapScan:
		case T_TidScan:
		case T_TidRangeScan:
		case T_ForeignScan:		/* 0 if it joins remotely */
		case T_CustomScan:		/* likewise */
			return ((const Scan *) plan)->scanrelid;
		default:
			return 0;
	}
}

static void
collect(PlanState *node, List *expressions, DbaNodeColumns *found)
{
	Collection	collection = {.node = node,.found = found};

	(void) collect_columns((Node *) expressions, &collection);
}

static bool
collect_columns(Node *expression, void *context)
{
	Collection *collection = context;

	if (expression == NULL)
		return false;
	if (IsA(expression, Var))
	{
		Oid			relid;
		AttrNumber	attnum;

		if (base_column(collection->node, (Var *) expression, &relid, &attnum))
			add_column(collection->found, relid, attnum);
		return false;
	}
	return expression_tree_walker(expression, collect_columns, context);
}

static void
add_column(DbaNodeColumns *found, Oid relid, AttrNumber attnum)
{
	if (!OidIsValid(found->relid))
		found->relid = relid;
	if (found->relid == relid)
	{
		found->columns |= dba_column_bit(attnum);
		return;
	}
	if (!OidIsValid(found->other_relid))
		found->other_relid = relid;
	if (found->other_relid == relid)
		found->other_columns |= dba_column_bit(attnum);
}

/*
 * Follows a column of the node's expressions down to the table that it comes
 * from.  False if something is computed on the way.
 */
static bool
base_column(PlanState *node, const Var *var, Oid *relid, AttrNumber *attnum)
{
	for (;;)
	{
		if (var->varno == (int) INDEX_VAR)
		{
			var = entry_var(described_list(node->plan), var->varattno);
			if (var == NULL || var->varno == (int) INDEX_VAR)
				return false;
		}
		if (!IS_SPECIAL_VARNO(var->varno))
		{
			RangeTblEntry *rte = exec_rt_fetch(var->varno, node->state);

			if (rte->rtekind == RTE_RELATION)
			{
				*relid = rte->relid;
				*attnum = var->varattno;
				return true;
			}
		}
		node = node_below(node, var->varno);
		if (node == NULL)
			return false;
		var = entry_var(node->plan->targetlist, var->varattno);
		if (var == NULL)
			return false;
	}
}

/* The node whose result the column is of, or NULL. */
static PlanState *
node_below(PlanState *node, int varno)
{
	if (varno == INNER_VAR)
		return innerPlanState(node);
	if (varno == OUTER_VAR)
	{
		if (IsA(node, AppendState))
			return ((AppendState *) node)->as_nplans > 0 ?
				((AppendState *) node)->appendplans[0] : NULL;
		if (IsA(node, MergeAppendState))
			return ((MergeAppendState *) node)->ms_nplans > 0 ?
				((MergeAppendState *) node)->mergeplans[0] : NULL;
		return outerPlanState(node);
	}
	if (IsA(node, SubqueryScanState))
		return ((SubqueryScanState *) node)->subplan;
	if (IsA(node, CteScanState))
		return ((CteScanState *) node)->cteplanstate;
	return NULL;
}

/* The list that columns by the number INDEX_VAR are places in. */
static List *
described_list(const Plan *plan)
{
	switch (nodeTag(plan))
	{
		case T_IndexOnlyScan:
			return ((const IndexOnlyScan *) plan)->indextlist;
		case T_ForeignScan:
			return ((const ForeignScan *) plan)->fdw_scan_tlist;
		case T_CustomScan:
			return ((const CustomScan *) plan)->custom_scan_tlist;
		default:
			return NIL;
	}
}

/* The plain column at that place, or NULL. */
static const Var *
entry_var(List *target_list, AttrNumber resno)
{
	const TargetEntry *entry = get_tle_by_resno(target_list, resno);
	const Node *node;

	if (entry == NULL)
		return NULL;
	node = (const Node *) entry->expr;
	while (node != NULL && IsA(node, RelabelType))
		node = (const Node *) ((const RelabelType *) node)->arg;
	return node != NULL && IsA(node, Var) ? (const Var *) node : NULL;
}
