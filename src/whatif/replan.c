/*-------------------------------------------------------------------------
 *
 * replan.c
 *	  Plans a statement of another session as its user would have it planned.
 *
 * Planning executes immutable and stable functions, and which plan is found
 * depends on who asks (permissions, the schemas of "$user").  So it is done as
 * the statement's user, with his search_path, but in the security context in
 * which the server itself runs code of others (ANALYZE, for one): what is
 * called cannot change the user, nor what outlives the subtransaction.  That
 * is always rolled back, and takes the user, the settings and the locks with
 * it, after an error as after a plan.
 *
 * The plan is explained as EXPLAIN does; the executor sets it up, which is
 * where permissions are checked, and runs nothing of it.
 *
 * Works in a read-only transaction and on a standby, since nothing is written
 * and no lock is stronger than AccessShareLock.
 *
 * Locking: see stale.c; for what the planner locks itself (indexes, children)
 * MAX_LOCK_WAIT is waited, or lock_timeout if that is less.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "compat.h"
#include "whatif/replan.h"
#include "whatif/stale.h"

#include "access/xact.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "storage/proc.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/resowner.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"

/* Waiting longer for somebody's lock is not worth a plan; milliseconds. */
#define MAX_LOCK_WAIT 100

static char *plan_as_user(const DbaPlannable *plannable, double *cost,
						  const char **reason);
static void become_user(const DbaPlannable *plannable);
static void pin_setting(const char *name, const char *value);
static char *explain(PlannedStmt *plan, const DbaPlannable *plannable,
					 bool values_unknown);

#if !DBA_HAS_GENERIC_EXPLAIN
static void forget_pruning(List *plans);
static void forget_pruning_below(Plan *plan);
#endif

/*
 * What EXPLAIN says of the statement, allocated in the caller's context, with
 * the plan's *cost; or NULL with the *error.  Only a cancel goes upwards.
 * Who may see the plan is for the caller to decide.  Refuses where a
 * subtransaction is not possible, or its end would let go of a buffer that is
 * held (SQL functions compare for indexes, too).
 */
char *
dba_replan(const DbaPlannable *plannable, double *cost, char **error)
{
	MemoryContext caller = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	MemoryContext work;
	const char *reason = NULL;
	char	   *volatile result = NULL;
	ErrorData  *volatile failure = NULL;

	*cost = 0;
	*error = NULL;
	if (IsInParallelMode() || InterruptHoldoffCount > 0)
	{
		*error = pstrdup("another statement cannot be planned from here");
		return NULL;
	}

	work = AllocSetContextCreate(caller, "dbadvisor replan",
								 ALLOCSET_DEFAULT_SIZES);
	BeginInternalSubTransaction(NULL);
	PG_TRY();
	{
		MemoryContextSwitchTo(work);
		result = plan_as_user(plannable, cost, &reason);
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(caller);
		failure = CopyErrorData();
		FlushErrorState();
	}
	PG_END_TRY();

	RollbackAndReleaseCurrentSubTransaction();
	MemoryContextSwitchTo(caller);
	CurrentResourceOwner = owner;

	if (failure != NULL && failure->sqlerrcode == ERRCODE_QUERY_CANCELED)
		ReThrowError(failure);
	if (failure != NULL)
		*error = failure->message;
	else if (result == NULL)
		*error = pstrdup(reason);
	else
		result = pstrdup(result);
	MemoryContextDelete(work);
	return failure != NULL ? NULL : result;
}

/* The same, or NULL with the reason; leaves undoing it all to the caller. */
static char *
plan_as_user(const DbaPlannable *plannable, double *cost, const char **reason)
{
	Query	   *query = copyObject(plannable->query);
	PlannedStmt *plan;
	bool		values_unknown;
	char	   *explained;

	if (!SearchSysCacheExists1(AUTHOID, ObjectIdGetDatum(plannable->userid)))
	{
		*reason = "the user of the statement is gone";
		return NULL;
	}
	become_user(plannable);

	*reason = dba_stale_lock(query);
	if (*reason == NULL)
		*reason = dba_stale_reason(query, plannable->params, &values_unknown);
	if (*reason != NULL)
		return NULL;

	PushActiveSnapshot(GetTransactionSnapshot());
	plan = dba_planner(query, plannable->text, CURSOR_OPT_PARALLEL_OK,
					   plannable->params);
	*cost = plan->planTree->total_cost;
	explained = explain(plan, plannable, values_unknown);
	PopActiveSnapshot();
	return explained;
}

/* Until the subtransaction is rolled back. */
static void
become_user(const DbaPlannable *plannable)
{
	Oid			userid;
	int			context;

	GetUserIdAndSecContext(&userid, &context);
	SetUserIdAndSecContext(plannable->userid,
						   context | SECURITY_LOCAL_USERID_CHANGE |
						   SECURITY_RESTRICTED_OPERATION);

	pin_setting("search_path", plannable->search_path);
	/* What functions have to tell while planning, they told their user. */
	pin_setting("client_min_messages", "error");
	if (LockTimeout == 0 || LockTimeout > MAX_LOCK_WAIT)
		pin_setting("lock_timeout", psprintf("%d", MAX_LOCK_WAIT));
}

static void
pin_setting(const char *name, const char *value)
{
	(void) set_config_option(name, value, PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_SAVE, true, 0, false);
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
		forget_pruning(list_make2(plan->lefttree, plan->righttree));
		forget_pruning_below(plan);
	}
}

static void
forget_pruning_below(Plan *plan)
{
	switch (nodeTag(plan))
	{
		case T_Append:
			((Append *) plan)->part_prune_info = NULL;
			forget_pruning(((Append *) plan)->appendplans);
			break;
		case T_MergeAppend:
			((MergeAppend *) plan)->part_prune_info = NULL;
			forget_pruning(((MergeAppend *) plan)->mergeplans);
			break;
		case T_SubqueryScan:
			forget_pruning(list_make1(((SubqueryScan *) plan)->subplan));
			break;
		case T_CustomScan:
			forget_pruning(((CustomScan *) plan)->custom_plans);
			break;
		default:
			break;
	}
}

#endif
