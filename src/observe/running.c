/*-------------------------------------------------------------------------
 *
 * running.c
 *	  What runs in this backend now, and how it ends.
 *
 * Errors leave by longjmp.  A PG_TRY for each statement would cost more than
 * all the rest, so frames of planner and executor are simply left behind, and
 * the callbacks at the end of a (sub)transaction take away those that began
 * inside of it, counting the error for their statements.
 *
 * Nothing here raises an error.
 *
 * Locking: none but in dba_tally_flush().
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "observe/guard.h"
#include "observe/repeats.h"
#include "observe/running.h"
#include "observe/store.h"

#include "access/parallel.h"
#include "access/xact.h"
#include "commands/extension.h"
#include "storage/ipc.h"

#define FLUSH_INTERVAL_NS (INT64CONST(1000) * 1000 * 1000)

DbaRunning	dba_running;
static int64 last_flush_ns = 0;

static void start_observing(void *arg);
static void on_transaction(XactEvent event, void *arg);
static void on_subtransaction(SubXactEvent event, SubTransactionId subid,
							  SubTransactionId parent, void *arg);
static void abandon(int level);
static void hand_up(int level);
static void after_transaction(void);

void
dba_running_init(void)
{
	dba_running.nest_level = Max(1, GetCurrentTransactionNestLevel());
	RegisterXactCallback(on_transaction, NULL);
	RegisterSubXactCallback(on_subtransaction, NULL);
}

/*
 * The statement that this backend runs now, the innermost; or NULL.  After an
 * error it is the one that failed, until its transaction is rolled back.
 */
const DbaStatementKey *
dba_running_statement(void)
{
	const DbaTally *tally;

	if (dba_running.failed.queryid != 0)
		return &dba_running.failed;
	if (dba_running.begun != NULL)
		return &dba_running.begun_tally->key;
	if (dba_running.starting != NULL)
		return &dba_running.starting->key;
	if (dba_running.depth == 0 || dba_running.depth > DBA_MAX_FRAMES)
		return NULL;
	tally = dba_running.frames[dba_running.depth - 1].tally;
	return tally != NULL ? &tally->key : NULL;
}

/* Obtains memory for the backend, where it is to be observed at all. */
bool
dba_begin_observing(void)
{
	if (!dba_observe || !dba_store_ready() || IsParallelWorker() ||
		proc_exit_inprogress || !OidIsValid(MyDatabaseId))
		return false;
	return dba_guarded(start_observing, NULL);
}

static void
start_observing(void *arg)
{
	(void) arg;
	dba_tally_init();
	/* Many sessions may begin at once; they need not hand over at once. */
	last_flush_ns = dba_running.latest_ns = dba_now_ns();
}

/* dba_tally_of() for a statement that is not the one of before. */
DbaTally *
dba_find_tally(uint64 queryid)
{
	DbaTally   *tally;

	/* What an extension's script does is nobody's workload. */
	if (creating_extension)
		return NULL;
	if (queryid != 0 && dba_running.depth < DBA_MAX_FRAMES)
	{
		tally = dba_tally_find(queryid, GetUserId(), dba_running.depth == 0);
		if (tally != NULL)
			return tally;
		if (dba_running.depth == 0 && dba_running.open_count == 0 &&
			dba_running.begun == NULL)
		{
			dba_tally_make_room();
			return dba_tally_find(queryid, GetUserId(), true);
		}
	}
	dba_tally_missed();
	return NULL;
}

/* Makes the record of an execution; NULL when there are too many. */
DbaExecution *
dba_make_record(QueryDesc *query_desc, DbaTally *tally, int level)
{
	DbaExecution *execution;

	if (dba_running.open_count == DBA_MAX_OPEN)
	{
		dba_tally_missed();
		return NULL;
	}
	execution = &dba_running.open[dba_running.open_count++];
	memset(execution, 0, sizeof(*execution));
	execution->query_desc = query_desc;
	execution->tally = tally;
	execution->nest_level = level;
	return execution;
}

/* The execution that has begun last gets a record, because it goes on later. */
void
dba_put_aside(void)
{
	(void) dba_make_record(dba_running.begun, dba_running.begun_tally,
						   dba_running.nest_level);
	dba_running.begun = NULL;
}

/* Takes a record away; executions may end in any order. */
void
dba_drop_record(DbaExecution *execution)
{
	DbaExecution *last = &dba_running.open[--dba_running.open_count];

	if (unlikely(execution != last))
		memmove(execution, execution + 1,
				sizeof(DbaExecution) * (last - execution));
}

/*
 * Takes away the frames of statements that an error has left, and counts it for
 * each.  Those of them that had a record are finished by nobody: a portal that
 * was opened before a subtransaction and failed inside it is only marked so.
 */
void
dba_unwind_to(int depth)
{
	dba_running.depth = Min(dba_running.depth, DBA_MAX_FRAMES);
	while (dba_running.depth > depth)
	{
		const DbaFrame *frame = &dba_running.frames[--dba_running.depth];
		DbaExecution *execution = frame->query_desc == NULL ? NULL :
			dba_open_execution(frame->query_desc);

		if (execution != NULL)
			dba_drop_record(execution);
		dba_count_error(frame->tally, frame->begun_ns);
	}
}

/* An execution that began then, or was only about to (0), has failed. */
void
dba_count_error(DbaTally *tally, int64 begun_ns)
{
	if (tally == NULL || !dba_tally_usable)
		return;
	dba_tally_batch(tally)->counters.errors++;
	if (begun_ns != 0)
		dba_tally_batch(tally)->counters.error_ns += dba_now_ns() - begun_ns;
}

static void
on_transaction(XactEvent event, void *arg)
{
	(void) arg;
	if (unlikely(event != XACT_EVENT_COMMIT))
	{
		if (event == XACT_EVENT_ABORT)
			abandon(0);
		else if (event != XACT_EVENT_PREPARE)
			return;
	}
	dba_running.open_count = 0;
	dba_running.nest_level = 1;
	dba_running.begun = NULL;
	dba_running.failed.queryid = 0;
	dba_tally_transactions++;
	if (unlikely(dba_repeats_open |
				 (dba_running.latest_ns - last_flush_ns >= FLUSH_INTERVAL_NS)))
		after_transaction();
}

static void
on_subtransaction(SubXactEvent event, SubTransactionId subid,
				  SubTransactionId parent, void *arg)
{
	(void) subid;
	(void) parent;
	(void) arg;
	switch (event)
	{
		case SUBXACT_EVENT_START_SUB:
			if (dba_running.begun != NULL)
				dba_put_aside();
			dba_running.nest_level = GetCurrentTransactionNestLevel();
			break;
		case SUBXACT_EVENT_ABORT_SUB:
			dba_running.nest_level = GetCurrentTransactionNestLevel() - 1;
			abandon(dba_running.nest_level + 1);
			break;
		case SUBXACT_EVENT_COMMIT_SUB:
			dba_running.nest_level = GetCurrentTransactionNestLevel() - 1;
			hand_up(dba_running.nest_level + 1);
			break;
		default:
			break;
	}
}

/*
 * Takes away what an error has left behind: frames and executions that began
 * at this level of nested transactions or deeper.  A utility statement on top
 * is still there: it is the one that ends the transaction.
 */
static pg_noinline void
abandon(int level)
{
	int			depth;

	if (dba_running.begun != NULL)
		dba_count_error(dba_running.begun_tally, 0);
	else if (dba_running.starting != NULL)
		dba_count_error(dba_running.starting, 0);
	dba_running.begun = NULL;
	dba_running.starting = NULL;
	dba_running.failed.queryid = 0;
	depth = Min(dba_running.depth, DBA_MAX_FRAMES);
	while (depth > 0 && dba_running.frames[depth - 1].nest_level >= level)
		depth--;
	dba_unwind_to(depth);
	while (dba_running.open_count > 0 &&
		   dba_running.open[dba_running.open_count - 1].nest_level >= level)
		dba_running.open_count--;
}

/* Cursors of a subtransaction that commits are its parent's now. */
static void
hand_up(int level)
{
	for (int i = dba_running.open_count - 1; i >= 0; i--)
	{
		if (dba_running.open[i].nest_level < level)
			break;
		dba_running.open[i].nest_level = level - 1;
	}
}

/*
 * Decides what was repeated, and hands over what was counted, at most once a
 * second.  What the last statement saw of the clock is good enough for that:
 * reading it costs as much as all else at the end of a transaction.
 */
static pg_noinline void
after_transaction(void)
{
	dba_repeats_close(false);
	if (dba_running.latest_ns - last_flush_ns < FLUSH_INTERVAL_NS)
		return;
	last_flush_ns = dba_running.latest_ns;
	if (dba_tally_usable)
		dba_tally_flush(false);
}
