/*-------------------------------------------------------------------------
 *
 * guard.c
 *	  Keeps what goes wrong while observing from the statement.
 *
 * Errors are caught without a subtransaction: that would have to be begun, and
 * when memory runs out in the middle of that the statement's own transaction
 * cannot go on.  Instead everything is given back that may be held by what runs
 * here, which allocates memory and reads the catalog: the same steps as in
 * AbortSubTransaction(), but for those that end what the statement itself does.
 *
 * What is meant for the statement reaches it: a cancel, a timeout, a conflict
 * with recovery that comes while a guarded function waits for a lock of the
 * catalog.
 *
 * Locking: none.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "compat.h"
#include "observe/guard.h"
#include "observe/store.h"

#include "miscadmin.h"
#include "storage/condition_variable.h"
#include "storage/lwlock.h"
#include "storage/proc.h"
#include "utils/memutils.h"
#include "utils/resowner.h"
#include "utils/timeout.h"
#include "utils/wait_event.h"

static MemoryContext work_context = NULL;
static bool guarding = false;

static bool meant_for_statement(int sqlerrcode);
static void give_back(void);
static void release_owner(ResourceOwner owner, bool ended_well);

/*
 * Whether an error could be undone here.  A statement can run while its caller
 * holds a lightweight lock, as when a function in SQL compares for an index;
 * such a lock holds interrupts off.
 */
bool
dba_may_guard(void)
{
	return InterruptHoldoffCount == 0 && CritSectionCount == 0 && !guarding;
}

/*
 * Calls the function and returns true; or, when it raises an error, swallows
 * and counts that and returns false.  Its memory is gone afterwards.  Where an
 * error could not be undone the function is not called.
 */
bool
dba_guarded(DbaGuarded function, void *arg)
{
	MemoryContext caller = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	ResourceOwner volatile mine = NULL;
	uint32		cancel_holdoff = QueryCancelHoldoffCount;
	volatile bool ok = true;

	if (!dba_may_guard())
		return false;

	guarding = true;
	PG_TRY();
	{
		if (work_context == NULL)
			work_context = AllocSetContextCreate(TopMemoryContext, "dbadvisor work",
												 ALLOCSET_DEFAULT_SIZES);
		MemoryContextSwitchTo(work_context);
		if (owner != NULL)
		{
			mine = ResourceOwnerCreate(owner, "dbadvisor");
			CurrentResourceOwner = mine;
		}
		function(arg);
		CurrentResourceOwner = owner;
		release_owner(mine, true);
	}
	PG_CATCH();
	{
		guarding = false;
		InterruptHoldoffCount = 0;
		QueryCancelHoldoffCount = cancel_holdoff;
		give_back();
		CurrentResourceOwner = owner;
		release_owner(mine, false);
		MemoryContextSwitchTo(caller);
		if (work_context != NULL)
			MemoryContextReset(work_context);
		if (meant_for_statement(geterrcode()))
			PG_RE_THROW();
		FlushErrorState();
		dba_store_lost(DBA_LOST_BY_FAILURE, 1);
		ok = false;
	}
	PG_END_TRY();
	guarding = false;
	MemoryContextSwitchTo(caller);
	if (work_context != NULL)
		MemoryContextReset(work_context);
	return ok;
}

/* A cancel, statement_timeout, lock_timeout, a standby's conflict. */
static bool
meant_for_statement(int sqlerrcode)
{
	return sqlerrcode == ERRCODE_QUERY_CANCELED ||
		sqlerrcode == ERRCODE_LOCK_NOT_AVAILABLE ||
		sqlerrcode == ERRCODE_T_R_SERIALIZATION_FAILURE;
}

/* What an error in the middle of reading the catalog may leave behind. */
static void
give_back(void)
{
	HOLD_INTERRUPTS();
	LWLockReleaseAll();
	pgstat_report_wait_end();
	(void) ConditionVariableCancelSleep();
	dba_abort_io();
	UnlockBuffers();
	LockErrorCleanup();
	reschedule_timeouts();
	RESUME_INTERRUPTS();
}

/* Gives back what catalog lookups held, after an error all of it. */
static void
release_owner(ResourceOwner owner, bool ended_well)
{
	if (owner == NULL)
		return;
	ResourceOwnerRelease(owner, RESOURCE_RELEASE_BEFORE_LOCKS, ended_well, false);
	ResourceOwnerRelease(owner, RESOURCE_RELEASE_LOCKS, ended_well, false);
	ResourceOwnerRelease(owner, RESOURCE_RELEASE_AFTER_LOCKS, ended_well, false);
	ResourceOwnerDelete(owner);
}
