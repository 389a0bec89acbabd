/*-------------------------------------------------------------------------
 *
 * replan.c
 *	  The plan that a statement has, or would have, as EXPLAIN says it.
 *
 * The executor sets the plan up, which is where permissions are checked, and
 * runs nothing of it.
 *
 * Locking: that of plannable.c.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "compat.h"
#include "whatif/plan_walk.h"
#include "whatif/replan.h"

#include "executor/executor.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

typedef struct Replanning
{
	const DbaChanges *changes;
	DbaReplanned *planned;
	MemoryContext context;		/* of what is to stay */
} Replanning;

static void replan(const DbaPlannable *plannable, Query *query, bool values_unknown,
				   void *arg);
static void believe_and_plan(const DbaPlannable *plannable, Query *query,
							 bool values_unknown, Replanning *state);
static char *explain(PlannedStmt *plan, const DbaPlannable *plannable,
					 bool values_unknown);

#if !DBA_HAS_GENERIC_EXPLAIN
static void forget_pruning(List *plans);
#endif

/* The plan with the changes (NULL: none), or why there is none. */
void
dba_replan(const DbaPlannable *plannable, const DbaChanges *changes,
		   DbaReplanned *planned)
{
	Replanning	state = {
		.changes = changes, .planned = planned, .context = CurrentMemoryContext
	};

	memset(planned, 0, sizeof(*planned));
	dba_plannable_do(plannable, replan, &state, &planned->problem);
	if (planned->problem.message != NULL)
		planned->plan = NULL;
}

static void
replan(const DbaPlannable *plannable, Query *query, bool values_unknown, void *arg)
{
	Replanning *state = arg;

	dba_changes_begin(state->changes, DBA_NEXT_PLANNER_CALL);
	PG_TRY();
	{
		believe_and_plan(plannable, query, values_unknown, state);
	}
	PG_FINALLY();
	{
		MemoryContext caller = MemoryContextSwitchTo(state->context);

		state->planned->used = dba_changes_end();
		MemoryContextSwitchTo(caller);
	}
	PG_END_TRY();
}

static void
believe_and_plan(const DbaPlannable *plannable, Query *query, bool values_unknown,
				 Replanning *state)
{
	int			options = plannable->cursor_options != 0 ?
		plannable->cursor_options : CURSOR_OPT_PARALLEL_OK;
	PlannedStmt *plan = dba_planner(query, plannable->text, options, plannable->params);

	if (state->changes != NULL)
		dba_changes_check_arbiters(plan, state->changes);
	state->planned->cost = plan->planTree->total_cost;
	state->planned->plan = MemoryContextStrdup(state->context,
											   explain(plan, plannable, values_unknown));
}

/* What EXPLAIN would say, without its last newline. */
static char *
explain(PlannedStmt *plan, const DbaPlannable *plannable, bool values_unknown)
{
	ExplainState *es = NewExplainState();
	int			flags = EXEC_FLAG_EXPLAIN_ONLY;
	QueryDesc  *query_desc;

	/* Which partitions an unknown value leaves over is not known either. */
	if (values_unknown)
	{
		flags |= EXEC_FLAG_EXPLAIN_GENERIC;
#if !DBA_HAS_GENERIC_EXPLAIN
		forget_pruning(list_make1(plan->planTree));
		forget_pruning(plan->subplans);
#endif
	}

	query_desc = CreateQueryDesc(plan, plannable->text, GetActiveSnapshot(),
								 InvalidSnapshot, None_Receiver,
								 plannable->params, NULL, 0);
	ExecutorStart(query_desc, flags);
	ExplainBeginOutput(es);
	ExplainPrintPlan(es, query_desc);
	ExplainEndOutput(es);
	ExecutorEnd(query_desc);
	FreeQueryDesc(query_desc);

	if (es->str->len > 0 && es->str->data[es->str->len - 1] == '\n')
		es->str->data[--es->str->len] = '\0';
	return es->str->data;
}

#if !DBA_HAS_GENERIC_EXPLAIN

/*
 * Has the executor not look for the partitions to scan when it sets the plans
 * up, which would fail for want of the values.  All are shown then, as newer
 * servers do.
 */
static void
forget_pruning(List *plans)
{
	ListCell   *cell;

	check_stack_depth();
	foreach(cell, plans)
	{
		Plan	   *plan = lfirst(cell);

		if (plan == NULL)
			continue;
		if (IsA(plan, Append))
			((Append *) plan)->part_prune_info = NULL;
		if (IsA(plan, MergeAppend))
			((MergeAppend *) plan)->part_prune_info = NULL;
		forget_pruning(dba_plan_children(plan));
	}
}

#endif
