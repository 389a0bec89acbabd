/*-------------------------------------------------------------------------
 *
 * cost.c
 *	  What a statement costs under changes: the number alone, quickly.
 *
 * An advisor asks this many thousand times.  The server's planner is called
 * without the hooks of others, and nothing is explained.
 *
 * Locking: that of plannable.c.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "compat.h"
#include "whatif/cost.h"
#include "whatif/plan_walk.h"

#include "miscadmin.h"
#include "optimizer/optimizer.h"
#include "optimizer/planner.h"
#include "utils/memutils.h"

typedef struct Costing
{
	const DbaChanges *changes;
	DbaCare		care;
	DbaCost    *cost;
	MemoryContext context;		/* of what is to stay */
} Costing;

static void find_cost(const DbaPlannable *plannable, Query *query, bool values_unknown,
					  void *arg);
static void take_cost(const PlannedStmt *plan, Costing *state);
static void collect_used(const List *plans, Costing *state);
static void remember(Oid oid, Costing *state);
static Oid	index_of(const Plan *plan);

/* The cost with the changes, or why there is none. */
void
dba_cost(const DbaPlannable *plannable, const DbaChanges *changes, DbaCare care,
		 DbaCost *cost)
{
	Costing		state = {
		.changes = changes, .care = care, .cost = cost, .context = CurrentMemoryContext
	};

	memset(cost, 0, sizeof(*cost));
	dba_plannable_do(plannable, find_cost, &state, &cost->problem);
}

static void
find_cost(const DbaPlannable *plannable, Query *query, bool values_unknown, void *arg)
{
	Costing    *state = arg;
	int			options = state->care == DBA_QUICKLY ? 0 : CURSOR_OPT_PARALLEL_OK;

	(void) values_unknown;
	dba_changes_begin(state->changes, DBA_STANDARD_PLANNER);
	PG_TRY();
	{
		take_cost(dba_standard_planner(query, plannable->text, options,
									   plannable->params), state);
	}
	PG_FINALLY();
	{
		(void) dba_changes_end();
	}
	PG_END_TRY();
}

static void
take_cost(const PlannedStmt *plan, Costing *state)
{
	dba_changes_check_arbiters(plan, state->changes);
	state->cost->total = plan->planTree->total_cost;
	if (IsA(plan->planTree, ModifyTable))
		state->cost->rows_written = outerPlan(plan->planTree)->plan_rows;
	if (state->changes->created == NIL && state->care == DBA_QUICKLY)
		return;
	collect_used(list_make1(plan->planTree), state);
	collect_used(plan->subplans, state);
}

/* Remembers which indexes the plans scan. */
static void
collect_used(const List *plans, Costing *state)
{
	ListCell   *cell;

	check_stack_depth();
	foreach(cell, plans)
	{
		const Plan *plan = lfirst(cell);

		if (plan == NULL)
			continue;
		remember(index_of(plan), state);
		collect_used(dba_plan_children(plan), state);
	}
}

static void
remember(Oid oid, Costing *state)
{
	DbaHypoIndex *index = dba_changes_index(state->changes, oid);
	DbaCost    *cost = state->cost;
	MemoryContext caller = MemoryContextSwitchTo(state->context);

	if (index != NULL)
		cost->used = list_append_unique_ptr(cost->used, index);
	else if (OidIsValid(oid) && state->care == DBA_AS_EXECUTED)
		cost->scanned = list_append_unique_oid(cost->scanned, oid);
	MemoryContextSwitchTo(caller);
}

/* The index that the plan scans, or none. */
static Oid
index_of(const Plan *plan)
{
	switch (nodeTag(plan))
	{
		case T_IndexScan:
			return ((const IndexScan *) plan)->indexid;
		case T_IndexOnlyScan:
			return ((const IndexOnlyScan *) plan)->indexid;
		case T_BitmapIndexScan:
			return ((const BitmapIndexScan *) plan)->indexid;
		default:
			return InvalidOid;
	}
}
