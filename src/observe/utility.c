/*-------------------------------------------------------------------------
 *
 * utility.c
 *	  The hook of utility statements.
 *
 * These can survive the end of a transaction (CALL), so other than statements
 * of planner and executor each has a PG_TRY; frames above one that is left by
 * an error are gone with it.
 *
 * Nothing here raises an error of its own.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "observe/inspect.h"
#include "observe/running.h"
#include "observe/utility.h"

#include "tcop/cmdtag.h"
#include "tcop/utility.h"

static ProcessUtility_hook_type prev_process_utility = NULL;

static void on_process_utility(PlannedStmt *pstmt, const char *query_string,
				   bool read_only_tree, ProcessUtilityContext context,
				   ParamListInfo params, QueryEnvironment *query_env,
				   DestReceiver *dest, QueryCompletion *qc);
static void call_utility(PlannedStmt *pstmt, const char *query_string, bool read_only_tree,
			 ProcessUtilityContext context, ParamListInfo params,
			 QueryEnvironment *query_env, DestReceiver *dest, QueryCompletion *qc);
static int64 utility_rows(const QueryCompletion *qc);
static void enter_utility(const PlannedStmt *pstmt, const char *query_string);
static void fail_utility(int caller_depth);
static void leave_utility(int caller_depth, int64 rows);

void
dba_utility_init(void)
{
	prev_process_utility = ProcessUtility_hook;
	ProcessUtility_hook = on_process_utility;
}

/*
 * EXECUTE and PREPARE are seen through: the statement that they stand for is
 * observed as if the client had sent it.
 */
static void
on_process_utility(PlannedStmt *pstmt, const char *query_string,
				   bool read_only_tree, ProcessUtilityContext context,
				   ParamListInfo params, QueryEnvironment *query_env,
				   DestReceiver *dest, QueryCompletion *qc)
{
	const int	caller_depth = dba_running.depth;

	if (IsA(pstmt->utilityStmt, ExecuteStmt) ||
		IsA(pstmt->utilityStmt, PrepareStmt))
	{
		call_utility(pstmt, query_string, read_only_tree, context, params,
					 query_env, dest, qc);
		return;
	}

	enter_utility(pstmt, query_string);
	PG_TRY();
	{
		call_utility(pstmt, query_string, read_only_tree, context, params,
					 query_env, dest, qc);
	}
	PG_CATCH();
	{
		fail_utility(caller_depth);
		PG_RE_THROW();
	}
	PG_END_TRY();
	leave_utility(caller_depth, utility_rows(qc));
}

static void
call_utility(PlannedStmt *pstmt, const char *query_string, bool read_only_tree,
			 ProcessUtilityContext context, ParamListInfo params,
			 QueryEnvironment *query_env, DestReceiver *dest, QueryCompletion *qc)
{
	if (prev_process_utility)
		prev_process_utility(pstmt, query_string, read_only_tree, context,
							 params, query_env, dest, qc);
	else
		standard_ProcessUtility(pstmt, query_string, read_only_tree, context,
								params, query_env, dest, qc);
}

/* Rows that a finished utility statement reports and has moved itself. */
static int64
utility_rows(const QueryCompletion *qc)
{
	if (qc == NULL)
		return 0;
	switch (qc->commandTag)
	{
		case CMDTAG_COPY:
		case CMDTAG_FETCH:
		case CMDTAG_SELECT:
		case CMDTAG_REFRESH_MATERIALIZED_VIEW:
			return qc->nprocessed;
		default:
			return 0;
	}
}

/* Begins the frame of a utility statement. */
static void
enter_utility(const PlannedStmt *pstmt, const char *query_string)
{
	DbaTally   *tally = NULL;
	DbaFrame   *frame;

	if (pstmt->queryId != 0 && dba_observing())
		tally = dba_tally_of(pstmt->queryId);
	if (tally != NULL && !tally->known)
		dba_inspect_text(tally, query_string, pstmt->stmt_location,
						 pstmt->stmt_len);
	frame = dba_push_frame(tally, dba_now_ns(), DBA_ANY_LEVEL);
	dba_usage_note(&frame->usage);
}

/* Leaves it, and all above it, by an error. */
static void
fail_utility(int caller_depth)
{
	const DbaStatementKey *key = dba_running_statement();

	if (dba_running.failed.queryid == 0 && key != NULL)
		dba_running.failed = *key;
	dba_unwind_to(caller_depth);
	dba_running.depth = caller_depth;
}

/* Leaves it in good order, and counts it. */
static void
leave_utility(int caller_depth, int64 rows)
{
	DbaFrame   *frame = &dba_running.frames[Min(caller_depth, DBA_MAX_FRAMES)];
	DbaBatch   *batch;

	/* A cursor was declared: it runs later, at another depth. */
	if (dba_running.begun != NULL)
		dba_put_aside();
	dba_running.depth = caller_depth;

	/* The end of the session may have ended observing. */
	if (caller_depth >= DBA_MAX_FRAMES || frame->tally == NULL ||
		!dba_tally_usable)
		return;
	batch = dba_tally_batch(frame->tally);
	dba_usage_add(&batch->counters, &frame->usage);
	dba_running.latest_ns = dba_now_ns();
	dba_batch_call(batch, dba_running.latest_ns - frame->begun_ns, rows);
}
