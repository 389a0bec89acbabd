/*-------------------------------------------------------------------------
 *
 * misestimate.c
 *	  Where in an executed plan estimate and truth part.
 *
 * An error at the bottom of a plan makes everything above it wrong.  Advice
 * is for the node where it begins: the one whose rows are far from what was
 * expected while those that it read are not.
 *
 * Fewer rows than expected prove nothing where a node above stopped reading:
 * LIMIT, EXISTS, a join that found its match, a cursor.  So the walk through
 * the plan carries down whether somebody may have stopped, until a node that
 * reads its input to the end in any case (a sort, a hash table).
 *
 * Rows are compared per execution of the node and, in a parallel plan, per
 * process, as EXPLAIN shows them.
 *
 * Locking: none.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "observe/misestimate.h"

#include "executor/instrument.h"
#include "nodes/plannodes.h"

static bool reads_all(const PlanState *node);
static bool stops_outer(PlanState *node);
static bool stops_inner(PlanState *node);
static bool goes_back(PlanState *node);
static bool was_read_to_end(SubPlanState *cte);
static int	participants_of(const PlanState *node);
static bool workers_missing(const PlanState *node);
static bool makes_own_estimate(const PlanState *node);

/* Where a child of the node stands. */
DbaPlace
dba_place_below(PlanState *node, const DbaPlace *place, PlanState *child)
{
	DbaPlace	below = *place;

	below.depth++;
	below.repeated = false;
	if (IsA(node, GatherState) || IsA(node, GatherMergeState))
	{
		below.participants = participants_of(node);
		below.uneven = workers_missing(node);
	}

	if (reads_all(node))
		below.limited = false;
	else if (child == innerPlanState(node))
	{
		below.limited |= stops_inner(node);
		below.repeated = goes_back(node);
	}
	else
		below.limited |= stops_outer(node);
	return below;
}

/* Where the sub-select stands that belongs to a node in "place". */
DbaPlace
dba_place_of_subplan(SubPlanState *subplan, const DbaPlace *place, bool is_init)
{
	DbaPlace	below = *place;

	below.depth++;
	below.repeated = false;
	if (IsA(subplan->planstate, ModifyTableState))
	{
		below.limited = false;	/* runs to the end in any case */
		return below;
	}
	switch (subplan->subplan->subLinkType)
	{
		case EXISTS_SUBLINK:
			below.limited = true;
			break;
		case ALL_SUBLINK:
		case ANY_SUBLINK:
			below.limited = !subplan->subplan->useHashTable;
			break;
		case CTE_SUBLINK:
			below.limited = is_init && !was_read_to_end(subplan);
			break;
		default:
			below.limited = false;
			break;
	}
	return below;
}

/* The average number of rows in one execution; the node must have run. */
double
dba_rows_a_loop(const PlanState *node)
{
	Assert(node->instrument->nloops > 0);
	return node->instrument->ntuples / node->instrument->nloops;
}

/*
 * The real rows for each that was expected; 1 where that is right, or where
 * the counts do not tell.
 */
double
dba_estimate_error(const PlanState *node, const DbaPlace *place)
{
	double		estimated = Max(node->plan->plan_rows, 1.0);
	double		actual;

	if (node->instrument == NULL || node->instrument->nloops <= 0 ||
		place->uneven || IsA(node, ModifyTableState) ||
		IsA(node, BitmapIndexScanState) || IsA(node, BitmapAndState) ||
		IsA(node, BitmapOrState))
		return 1.0;

	/* The planner expects a row at least; so none is not counted as fewer. */
	actual = Max(dba_rows_a_loop(node), 1.0);
	if (actual < estimated && place->limited)
		return 1.0;
	if (actual > estimated && place->repeated)
		return 1.0;
	return actual / estimated;
}

/* Whether the error matters and begins at this node. */
bool
dba_is_misestimate(const PlanState *node, double error,
				   const DbaInputErrors *inputs)
{
	double		ratio = Max(error, 1.0 / error);
	double		input = error > 1.0 ? inputs->under : inputs->over;
	double		rows;

	if (ratio < DBA_MISESTIMATE_RATIO || !makes_own_estimate(node))
		return false;

	/* Some input went beyond already, or this node adds little. */
	if (Max(inputs->under, inputs->over) >= DBA_MISESTIMATE_RATIO ||
		ratio / input < DBA_MISESTIMATE_OWN_RATIO)
		return false;

	rows = Max(node->instrument->ntuples,
			   node->plan->plan_rows * node->instrument->nloops);
	return rows >= DBA_MISESTIMATE_ROWS;
}

/* Adds the columns whose statistics the estimate was made from. */
void
dba_misestimate_columns(PlanState *node, DbaNodeColumns *found)
{
	found->relid = dba_scanned_relation(node);
	dba_condition_columns(node, found);
	dba_grouping_columns(node, found);
}

/* Whether the node reads its input to the end before it returns a row. */
static bool
reads_all(const PlanState *node)
{
	switch (nodeTag(node->plan))
	{
		case T_Sort:
		case T_Hash:
			return true;
		case T_Agg:
			return ((const Agg *) node->plan)->aggstrategy != AGG_SORTED;
		case T_SetOp:
			return ((const SetOp *) node->plan)->strategy == SETOP_HASHED;
		case T_ModifyTable:
			return ((const ModifyTable *) node->plan)->returningLists == NIL;
		default:
			return false;
	}
}

/* Whether the node may stop reading its first input, or an only one. */
static bool
stops_outer(PlanState *node)
{
	switch (nodeTag(node->plan))
	{
		case T_Limit:
			return ((LimitState *) node)->lstate != LIMIT_SUBPLANEOF ||
				node->instrument == NULL || node->instrument->nloops > 1;
		case T_MergeJoin:
			switch (((const Join *) node->plan)->jointype)
			{
				case JOIN_LEFT:
				case JOIN_FULL:
				case JOIN_ANTI:
					return false;
				default:
					return true;
			}
		case T_HashJoin:
			/* It reads a row before it finds the hash table empty. */
			return innerPlanState(node)->instrument != NULL &&
				innerPlanState(node)->instrument->ntuples == 0;
		case T_WindowAgg:
			return ((const WindowAgg *) node->plan)->runCondition != NIL;
		case T_CustomScan:
			return true;		/* who knows */
		default:
			return false;
	}
}

static bool
stops_inner(PlanState *node)
{
	switch (nodeTag(node->plan))
	{
		case T_NestLoop:
			return ((JoinState *) node)->single_match ||
				((const Join *) node->plan)->jointype == JOIN_ANTI;
		case T_MergeJoin:
			switch (((const Join *) node->plan)->jointype)
			{
				case JOIN_RIGHT:
				case JOIN_FULL:
					return false;
				default:
					return true;
			}
		default:
			return false;
	}
}

/* Whether rows of the second input are read again after a look at the next. */
static bool
goes_back(PlanState *node)
{
	return IsA(node, MergeJoinState) &&
		!((const MergeJoin *) node->plan)->skip_mark_restore;
}

/* Whether somebody saw the end of a WITH query. */
static bool
was_read_to_end(SubPlanState *cte)
{
	EState	   *estate = cte->planstate->state;
	List	   *params = cte->subplan->setParam;
	CteScanState *leader;

	if (params == NIL)
		return false;
	/* The first of those who scan it put itself there. */
	leader = (CteScanState *)
		DatumGetPointer(estate->es_param_exec_vals[linitial_int(params)].value);
	return leader != NULL && IsA(leader, CteScanState) && leader->eof_cte;
}

static int
participants_of(const PlanState *node)
{
	return 1 + (IsA(node, GatherState) ?
				((const Gather *) node->plan)->num_workers :
				((const GatherMerge *) node->plan)->num_workers);
}

static bool
workers_missing(const PlanState *node)
{
	int			came = IsA(node, GatherState) ?
		((const GatherState *) node)->nworkers_launched :
		((const GatherMergeState *) node)->nworkers_launched;

	return came + 1 < participants_of(node);
}

/*
 * Whether the node has an estimate of its own, rather than its input's; and
 * one that somebody could do something about, unlike that of a recursion.
 */
static bool
makes_own_estimate(const PlanState *node)
{
	const Plan *plan = node->plan;

	switch (nodeTag(plan))
	{
		case T_SeqScan:
		case T_SampleScan:
		case T_IndexScan:
		case T_IndexOnlyScan:
		case T_BitmapHeapScan:
		case T_TidScan:
		case T_TidRangeScan:
		case T_ForeignScan:
		case T_CustomScan:
		case T_FunctionScan:
		case T_TableFuncScan:
		case T_ValuesScan:
		case T_CteScan:
		case T_NamedTuplestoreScan:
		case T_ProjectSet:
		case T_NestLoop:
		case T_MergeJoin:
		case T_HashJoin:
		case T_Group:
		case T_Unique:
		case T_SetOp:
			return true;
		case T_Agg:
			return ((const Agg *) plan)->numCols > 0;
		case T_SubqueryScan:
		case T_WindowAgg:
			return plan->qual != NIL;
		default:
			return false;
	}
}
