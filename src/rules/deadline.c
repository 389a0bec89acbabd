/*-------------------------------------------------------------------------
 *
 * deadline.c
 *	  Stops a rule that takes too long, and only that rule.
 *
 * When the time is up the running query is cancelled the way a user would
 * cancel it; the runner asks afterwards whether it was us, and if so goes on
 * with the next rule.  The server's own statement_timeout is left alone and
 * still ends the whole statement.
 *
 * When it has come due as well, in whichever order, the statement ends.
 *
 * A user's cancel that arrives in the same instant as our own cannot be told
 * from it and is lost; the run is then still bounded by the time limit.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "rules/deadline.h"

#include <signal.h>

#include "miscadmin.h"
#include "storage/latch.h"
#include "utils/float.h"
#include "utils/timeout.h"
#include "utils/timestamp.h"

static TimeoutId timeout_id = MAX_TIMEOUTS;	/* until registered */
static volatile sig_atomic_t expired = false;
static bool statement_timed = false;	/* statement_timeout ran when armed */

static void expire(void);

/* Cancels what runs after the given time, unless disarmed before. */
void
dba_deadline_arm(int milliseconds)
{
	/* Registrations are per backend, so this cannot happen in _PG_init. */
	if (timeout_id == MAX_TIMEOUTS)
		timeout_id = RegisterTimeout(USER_TIMEOUT, expire);

	expired = false;
	statement_timed = get_timeout_active(STATEMENT_TIMEOUT);
	enable_timeout_after(timeout_id, milliseconds);
}

/*
 * Ends the watch and returns whether the time ran out, and no more than that.
 * A cancel of ours that was not served yet is taken back, lest it hit an
 * innocent statement.
 */
bool
dba_deadline_disarm(void)
{
	disable_timeout(timeout_id, false);
	/* One that runs no longer has fired; nobody disables it during a rule. */
	if (statement_timed && !get_timeout_active(STATEMENT_TIMEOUT))
		return false;
	if (expired)
		QueryCancelPending = false;
	return expired;
}

/* Milliseconds that are left; infinity where no watch is kept. */
double
dba_deadline_left(void)
{
	if (timeout_id == MAX_TIMEOUTS || !get_timeout_active(timeout_id))
		return get_float8_infinity();
	return (double) (get_timeout_finish_time(timeout_id) - GetCurrentTimestamp()) / 1000;
}

/* Runs in a signal handler. */
static void
expire(void)
{
	expired = true;
	InterruptPending = true;
	QueryCancelPending = true;
	SetLatch(MyLatch);
}
