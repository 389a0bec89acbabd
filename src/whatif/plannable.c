/*-------------------------------------------------------------------------
 *
 * plannable.c
 *	  A statement of whomever, and doing something with it in his place.
 *
 * Planning executes immutable and stable functions, and which plan is found
 * depends on who asks (permissions, the schemas of "$user").  So it is done as
 * the statement's user, with his search_path, but in the security context in
 * which the server itself runs code of others (ANALYZE, for one): what is
 * called cannot change the user, nor what outlives the subtransaction.  That
 * is always rolled back, and takes the user, the settings and the locks with
 * it, after an error as after a plan.
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
#include "whatif/plannable.h"
#include "whatif/stale.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "storage/proc.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/resowner.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"

/* Waiting longer for somebody's lock is not worth a plan; milliseconds. */
#define MAX_LOCK_WAIT 100

static const char *do_as_user(const DbaPlannable *plannable, DbaPlanning planning,
							  void *arg);
static void become_user(const DbaPlannable *plannable);
static void pin_setting(const char *name, const char *value);

/*
 * Has it done; the problem is allocated in the caller's context.  Only a cancel
 * goes upwards.  Who may see what comes of it is for the caller to decide.
 * Refuses where a subtransaction is not possible, or its end would let go of a
 * buffer that is held (SQL functions compare for indexes, too).
 */
void
dba_plannable_do(const DbaPlannable *plannable, DbaPlanning planning, void *arg,
				 DbaProblem *problem)
{
	MemoryContext caller = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	MemoryContext work;
	const char *volatile message = NULL;
	ErrorData  *volatile failure = NULL;

	problem->message = NULL;
	problem->sqlerrcode = ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE;
	if (IsInParallelMode() || InterruptHoldoffCount > 0)
	{
		problem->message = pstrdup("another statement cannot be planned from here");
		return;
	}

	work = AllocSetContextCreate(caller, "dbadvisor planning",
								 ALLOCSET_DEFAULT_SIZES);
	BeginInternalSubTransaction(NULL);
	PG_TRY();
	{
		MemoryContextSwitchTo(work);
		message = do_as_user(plannable, planning, arg);
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
	{
		problem->message = failure->message;
		problem->sqlerrcode = failure->sqlerrcode;
	}
	else if (message != NULL)
		problem->message = pstrdup(message);
	MemoryContextDelete(work);
}

/* The same, or the problem; leaves undoing it all to the caller. */
static const char *
do_as_user(const DbaPlannable *plannable, DbaPlanning planning, void *arg)
{
	Query	   *query = copyObject(plannable->query);
	const char *problem;
	bool		values_unknown;

	if (!SearchSysCacheExists1(AUTHOID, ObjectIdGetDatum(plannable->userid)))
		return "the user of the statement is gone";
	become_user(plannable);

	problem = dba_stale_lock(query);
	if (problem == NULL)
		problem = dba_stale_reason(query, plannable->params, &values_unknown);
	if (problem != NULL)
		return problem;

	PushActiveSnapshot(GetTransactionSnapshot());
	planning(plannable, query, values_unknown, arg);
	PopActiveSnapshot();
	return NULL;
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
