/*-------------------------------------------------------------------------
 *
 * hooks.c
 *	  The hooks of parser, planner, executor and utility statements.
 *
 * This is the hot path: each statement of the server goes through here.  What
 * is done for every execution stands in this file and adds to memory of the
 * backend's own (tally.c); the close look at a few is inspect.c's.
 *
 * Two stacks say what runs.  "running" has a frame for each statement that is
 * being planned or executed now, the innermost on top: its depth tells
 * statements of clients from those of functions.  "open" has the executions
 * between the executor's start and finish, among them cursors that wait for the
 * next FETCH.
 *
 * Errors leave by longjmp.  A PG_TRY for each statement would cost more than
 * all the rest, so frames of planner and executor are simply left behind, and
 * the callbacks at the end of a (sub)transaction take away those that began
 * inside of it, counting the error for their statements.  Only utility
 * statements, which can survive the end of a transaction (CALL), have a
 * PG_TRY; frames above one that is left so are gone with it.
 *
 * Nothing here raises an error.
 *
 * Locking: none but in dba_tally_flush().
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "compat.h"
#include "observe/hooks.h"
#include "observe/inspect.h"
#include "observe/repeats.h"
#include "observe/store.h"
#include "settings.h"

#include <time.h>

#include "access/parallel.h"
#include "access/xact.h"
#include "commands/extension.h"
#include "executor/executor.h"
#include "jit/jit.h"
#include "miscadmin.h"
#include "optimizer/planner.h"
#include "parser/analyze.h"
#include "storage/ipc.h"
#include "tcop/cmdtag.h"
#include "tcop/utility.h"

/* Deeper statements are executed, not observed. */
#define MAX_RUNNING 64
#define MAX_OPEN 128

/*
 * What counting costs a plan that was never counted: about 10 ns a row, and a
 * row has a cost of about 0.02.
 */
#define COUNTING_NS_PER_COST 500.0

/* Executions until it is asked again whether one may be counted. */
#define UNTIL_ALLOWED 100

#define FLUSH_INTERVAL_NS (INT64CONST(1000) * 1000 * 1000)

/* The server's counters at the beginning of a piece of work. */
typedef struct Usage
{
	BufferUsage buffers;		/* its times: with track_io_timing only */
	int64		wal_records;
	int64		wal_fpi;
	int64		wal_bytes;
} Usage;

/*
 * The counts of blocks, which come first in the server's struct and stand in
 * the same order in ours.
 */
#define BLOCK_COUNTS 10

StaticAssertDecl(offsetof(BufferUsage, temp_blks_written) ==
				 (BLOCK_COUNTS - 1) * sizeof(int64), "counts of blocks come first");
StaticAssertDecl(offsetof(DbaCounters, temp_written) - offsetof(DbaCounters, shared_hit) ==
				 (BLOCK_COUNTS - 1) * sizeof(int64), "counts of blocks are in the same order");

/* A utility statement outlives every level of nested transactions. */
#define ANY_LEVEL (-1)

typedef struct Frame
{
	DbaTally   *tally;			/* NULL: not observed */
	int64		begun_ns;
	int			nest_level;		/* of the transaction, or ANY_LEVEL */
	Usage		usage;
} Frame;

static Frame running[MAX_RUNNING + 1];	/* the last one: all that are deeper */
static int	depth = 0;			/* may exceed MAX_RUNNING */
static int	nest_level = 1;		/* of the transaction */

static DbaExecution open_executions[MAX_OPEN];
static int	open_count = 0;

/* The execution that has begun last, until it runs. */
static struct
{
	QueryDesc  *query_desc;		/* NULL: none */
	DbaTally   *tally;
}			begun;

static DbaTally *starting = NULL;	/* has a record, and is in its start */

/* The innermost statement of an error that has left frames already. */
static DbaStatementKey failed;
static int64 latest_ns = 0;		/* the clock, when it was last looked at */
static int64 last_flush_ns = 0;
static uint64 transactions = 0; /* that this backend has ended */

static post_parse_analyze_hook_type prev_post_parse_analyze = NULL;
static planner_hook_type prev_planner = NULL;
static ExecutorStart_hook_type prev_executor_start = NULL;
static ExecutorRun_hook_type prev_executor_run = NULL;
static ExecutorFinish_hook_type prev_executor_finish = NULL;
static ProcessUtility_hook_type prev_process_utility = NULL;

static void on_post_parse_analyze(ParseState *pstate, Query *query,
								  DBA_JUMBLE_CONST JumbleState *jstate);
static PlannedStmt *on_planner(DBA_PLANNER_PARAMETERS);
static void on_executor_start(QueryDesc *query_desc, int eflags);
static void on_executor_run(DBA_RUN_PARAMETERS);
static void on_executor_finish(QueryDesc *query_desc);
static void on_process_utility(PlannedStmt *pstmt, const char *query_string,
							   bool read_only_tree, ProcessUtilityContext context,
							   ParamListInfo params, QueryEnvironment *query_env,
							   DestReceiver *dest, QueryCompletion *qc);
static void enter_utility(const PlannedStmt *pstmt, const char *query_string);
static void fail_utility(int caller_depth);
static void leave_utility(int caller_depth, int64 rows);
static void on_transaction(XactEvent event, void *arg);
static void on_subtransaction(SubXactEvent event, SubTransactionId subid,
							  SubTransactionId parent, void *arg);
static void abandon(int level);
static void count_error(DbaTally *tally, int64 begun_ns);
static void hand_up(int level);
static void after_transaction(void);

void
dba_hooks_init(void)
{
	prev_post_parse_analyze = post_parse_analyze_hook;
	post_parse_analyze_hook = on_post_parse_analyze;
	prev_planner = planner_hook;
	planner_hook = on_planner;
	prev_executor_start = ExecutorStart_hook;
	ExecutorStart_hook = on_executor_start;
	prev_executor_run = ExecutorRun_hook;
	ExecutorRun_hook = on_executor_run;
	prev_executor_finish = ExecutorFinish_hook;
	ExecutorFinish_hook = on_executor_finish;
	prev_process_utility = ProcessUtility_hook;
	ProcessUtility_hook = on_process_utility;
	nest_level = Max(1, GetCurrentTransactionNestLevel());
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
	if (failed.queryid != 0)
		return &failed;
	if (begun.query_desc != NULL)
		return &begun.tally->key;
	if (starting != NULL)
		return &starting->key;
	if (depth == 0 || depth > MAX_RUNNING || running[depth - 1].tally == NULL)
		return NULL;
	return &running[depth - 1].tally->key;
}

/* ------------------------------------------------------------------------
 * What all hooks need
 * ------------------------------------------------------------------------ */

static inline int64
now_ns(void)
{
	static struct timespec now;	/* on the stack it would want a canary */

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64) now.tv_sec * INT64CONST(1000000000) + now.tv_nsec;
}

static void
start_observing(void *arg)
{
	(void) arg;
	dba_tally_init();
}

static bool
begin_observing(void)
{
	if (!dba_observe || !dba_store_ready() || IsParallelWorker() ||
		proc_exit_inprogress || !OidIsValid(MyDatabaseId))
		return false;
	return dba_guarded(start_observing, NULL);
}

/*
 * Whether statements are observed: a look at two flags.  The first time in a
 * backend its memory is obtained.
 */
static inline bool
observing(void)
{
	if (likely(dba_tally_usable))
		return dba_observe;
	return begin_observing();
}
/* tally_of() for a statement that is not the one of before. */
static pg_noinline DbaTally *
find_tally(uint64 queryid)
{
	DbaTally   *tally;

	/* What an extension's script does is nobody's workload. */
	if (creating_extension)
		return NULL;
	if (queryid != 0)
	{
		tally = dba_tally_find(queryid, GetUserId(), depth == 0);
		if (tally != NULL)
			return tally;
		if (depth == 0 && open_count == 0 && begun.query_desc == NULL)
		{
			dba_tally_make_room();
			return dba_tally_find(queryid, GetUserId(), true);
		}
	}
	dba_store_lost(DBA_LOST_EXECUTION, 1);
	return NULL;
}

/*
 * The tally of a statement that is about to begin, or NULL when it cannot be
 * observed.
 */
static inline DbaTally *
tally_of(uint64 queryid)
{
	DbaTally   *tally = dba_last_tally;

	if (likely(tally != NULL && tally->key.queryid == queryid &&
			   tally->key.userid == GetUserId() &&
			   tally->key.toplevel == (uint32) (depth == 0)))
		return tally;
	return find_tally(queryid);
}

/* Begins a piece of work at a deeper level; returns its frame. */
static inline Frame *
push_frame(DbaTally *tally, int64 begun_ns, int level)
{
	Frame	   *frame = &running[Min(depth, MAX_RUNNING)];

	frame->tally = tally;
	frame->begun_ns = begun_ns;
	frame->nest_level = level;
	depth++;
	return frame;
}

/*
 * The server's counters, to be compared after a piece of work.  The times in
 * it are copied only when they are taken.
 */
static inline void
note_usage(Usage *usage)
{
	memcpy(&usage->buffers, &pgBufferUsage, BLOCK_COUNTS * sizeof(int64));
	if (unlikely(track_io_timing))
		usage->buffers = pgBufferUsage;
	usage->wal_records = pgWalUsage.wal_records;
	usage->wal_fpi = pgWalUsage.wal_fpi;
	usage->wal_bytes = pgWalUsage.wal_bytes;
}

/* Adds what the server counted since; returns temporary blocks written. */
static inline int64
add_usage(DbaCounters *counters, const Usage *usage)
{
	const int64 *restrict before = (const int64 *) &usage->buffers;
	const int64 *restrict after = (const int64 *) &pgBufferUsage;
	int64	   *restrict sums = &counters->shared_hit;

	for (int i = 0; i < BLOCK_COUNTS; i++)
		sums[i] += after[i] - before[i];
	if (unlikely(track_io_timing))
	{
		counters->read_ns += dba_read_ns(&pgBufferUsage) - dba_read_ns(&usage->buffers);
		counters->write_ns += dba_write_ns(&pgBufferUsage) - dba_write_ns(&usage->buffers);
	}
	if (pgWalUsage.wal_records != usage->wal_records)
	{
		counters->wal_records += pgWalUsage.wal_records - usage->wal_records;
		counters->wal_fpi += pgWalUsage.wal_fpi - usage->wal_fpi;
		counters->wal_bytes += pgWalUsage.wal_bytes - usage->wal_bytes;
	}
	return after[BLOCK_COUNTS - 1] - before[BLOCK_COUNTS - 1];
}

/* Adds a piece of work that has just ended. */
static inline void
add_work(DbaExecution *execution, int64 begun_ns, const Usage *usage)
{
	execution->ns += latest_ns - begun_ns;
	execution->ended_ns = latest_ns;
	execution->temp_written +=
		add_usage(&dba_tally_batch(execution->tally)->counters, usage);
}

/* Counts an execution that ended well. */
static inline void
add_call(DbaBatch *batch, int64 ns, int64 rows)
{
	DbaCounters *counters = &batch->counters;
	int			bucket = dba_histogram_bucket(ns);
	double		deviation = (double) ns - batch->base_ns;

	counters->calls++;
	counters->rows += rows;
	counters->total_ns += ns;
	counters->min_ns = Min(counters->min_ns, ns);
	counters->max_ns = Max(counters->max_ns, ns);
	batch->sum += deviation;
	batch->squares += deviation * deviation;
	if (unlikely(++batch->histogram[bucket] == PG_UINT16_MAX))
		dba_tally_flush(true);
}

/* ------------------------------------------------------------------------
 * Parser and planner
 * ------------------------------------------------------------------------ */

/* The only place that knows which constants a text has: keeps it without. */
static void
on_post_parse_analyze(ParseState *pstate, Query *query,
					  DBA_JUMBLE_CONST JumbleState *jstate)
{
	if (prev_post_parse_analyze)
		prev_post_parse_analyze(pstate, query, jstate);

	if (query->queryId != 0 && observing() && pstate->p_sourcetext != NULL)
	{
		DbaTally   *tally = tally_of(query->queryId);

		if (tally != NULL && !tally->known)
			dba_inspect_parsed(tally, query, pstate->p_sourcetext, jstate);
	}
}

/*
 * Times the planning.  Functions that are evaluated while planning run at a
 * deeper level.
 */
static PlannedStmt *
on_planner(DBA_PLANNER_PARAMETERS)
{
	planner_hook_type next = prev_planner ? prev_planner : standard_planner;
	PlannedStmt *plan;
	DbaTally   *tally;
	DbaBatch   *batch;
	int64		begun_ns;
	int			caller_depth = depth;

	if (parse->queryId == 0 || !observing() ||
		(tally = tally_of(parse->queryId)) == NULL)
		return next(DBA_PLANNER_ARGUMENTS);

	if (unlikely(!tally->known || tally->until_look <= 1))
		dba_inspect_planned(tally, parse, query_string, bound);
	begun_ns = now_ns();
	(void) push_frame(tally, begun_ns, nest_level);
	plan = next(DBA_PLANNER_ARGUMENTS);
	depth = caller_depth;
	batch = dba_tally_batch(tally);
	batch->counters.plans++;
	latest_ns = now_ns();
	batch->counters.plan_ns += latest_ns - begun_ns;
	return plan;
}

/* ------------------------------------------------------------------------
 * Executor
 *
 * Most executions are run once, from beginning to end, and change nothing:
 * they are counted when the executor's run returns, and never get a record.
 * All others do: those that are finished (writes), run in pieces (cursors) or
 * looked at closely.
 * ------------------------------------------------------------------------ */

/* Whether the run that begins is all that there will be of the execution. */
static inline bool
runs_at_once(const QueryDesc *query_desc, uint64 count)
{
	return count == 0 && query_desc->operation == CMD_SELECT &&
		!query_desc->plannedstmt->hasModifyingCTE;
}

/* The record of an execution, or NULL; nearly always the last one's. */
static inline DbaExecution *
open_execution(QueryDesc *query_desc)
{
	for (int i = open_count - 1; i >= 0; i--)
	{
		if (open_executions[i].query_desc == query_desc)
			return &open_executions[i];
	}
	return NULL;
}

/* Makes the record of an execution; NULL when there are too many. */
static DbaExecution *
make_record(QueryDesc *query_desc, DbaTally *tally, int level)
{
	DbaExecution *execution;

	if (open_count == MAX_OPEN)
	{
		dba_store_lost(DBA_LOST_EXECUTION, 1);
		return NULL;
	}
	execution = &open_executions[open_count++];
	memset(execution, 0, sizeof(*execution));
	execution->query_desc = query_desc;
	execution->tally = tally;
	execution->nest_level = level;
	return execution;
}

/* The execution that has begun last gets a record, because it goes on later. */
static pg_noinline void
put_aside(int level)
{
	(void) make_record(begun.query_desc, begun.tally, level);
	begun.query_desc = NULL;
}

/* Takes a record away; executions may end in any order. */
static inline void
drop_record(DbaExecution *execution)
{
	DbaExecution *last = &open_executions[--open_count];

	if (unlikely(execution != last))
		memmove(execution, execution + 1,
				sizeof(DbaExecution) * (last - execution));
}

/*
 * At its start an execution is one of many, unless its turn has come to be
 * counted or sampled, or it is the first that this backend sees.
 */
static pg_noinline bool
is_looked_at(DbaTally *tally, QueryDesc *query_desc)
{
	DbaExecution *execution;
	bool		count;

	if (!tally->known)
		dba_inspect_text(tally, query_desc->sourceText,
						 query_desc->plannedstmt->stmt_location,
						 query_desc->plannedstmt->stmt_len);
	dba_tally_looked(tally);
	count = tally->until_count <= 0 &&
		dba_tally_may_count(tally->counted ? (double) tally->counting_ns :
							COUNTING_NS_PER_COST * query_desc->plannedstmt->planTree->total_cost,
							!tally->counted);
	if (tally->until_count <= 0 && !count)
		tally->until_count = UNTIL_ALLOWED;
	tally->until_look = tally->look_span =
		Min(tally->until_count, tally->until_sample);
	if (!count && tally->until_sample > 0)
		return false;
	execution = make_record(query_desc, tally, nest_level);
	if (execution == NULL)
		return false;
	begun.query_desc = NULL;
	if (count)
	{
		execution->counted = true;
		query_desc->instrument_options |= INSTRUMENT_ROWS;
	}
	return tally->until_sample <= 0;
}

/* Takes the values of an execution, once its memory is there. */
static pg_noinline void
sample(QueryDesc *query_desc)
{
	DbaExecution *execution = open_execution(query_desc);

	if (execution != NULL)
		dba_inspect_values(execution);
}

static inline void
call_start(QueryDesc *query_desc, int eflags)
{
	if (prev_executor_start)
		prev_executor_start(query_desc, eflags);
	else
		standard_ExecutorStart(query_desc, eflags);
}

/* Starts an execution of a statement whose turn has come. */
static pg_noinline void
start_looked_at(DbaTally *tally, QueryDesc *query_desc, int eflags)
{
	bool		sampled = is_looked_at(tally, query_desc);

	starting = tally;
	call_start(query_desc, eflags);
	starting = NULL;
	if (sampled)
		sample(query_desc);
}

static void
on_executor_start(QueryDesc *query_desc, int eflags)
{
	DbaTally   *tally;

	if (likely(observing()) && !(eflags & EXEC_FLAG_EXPLAIN_ONLY) &&
		(tally = tally_of(query_desc->plannedstmt->queryId)) != NULL)
	{
		if (unlikely(begun.query_desc != NULL))
			put_aside(nest_level);
		begun.query_desc = query_desc;
		begun.tally = tally;
		if (unlikely(--tally->until_look <= 0))
		{
			start_looked_at(tally, query_desc, eflags);
			return;
		}
	}
	call_start(query_desc, eflags);
}

static inline void
call_run(DBA_RUN_PARAMETERS)
{
	if (prev_executor_run)
		prev_executor_run(DBA_RUN_ARGUMENTS);
	else
		standard_ExecutorRun(DBA_RUN_ARGUMENTS);
}

/* Tells the detector of repetitions. */
static pg_noinline void
note_repeat(DbaExecution *execution)
{
	const DbaTally *tally = execution->tally;
	const DbaTally *top = depth > 0 && running[0].tally != NULL ? running[0].tally : tally;
	DbaExecuted executed = {
		.key = &tally->key,
		.parent = top->key.queryid,
		.parent_serial = depth > 0 ? running[0].begun_ns : execution->begun_ns,
		.rows = execution->rows,
		.begun_ns = execution->begun_ns,
		.ended_ns = execution->ended_ns,
		.command = execution->query_desc->operation,
		.keyed = tally->keyed,
		.referential = tally->referential,
		.transaction = transactions
	};

	dba_repeats_note(&executed, dba_inspect_hash, execution);
}

static pg_noinline void
add_jit(DbaCounters *counters, const JitInstrumentation *jit)
{
	counters->jit_functions += jit->created_functions;
	counters->jit_ns += DBA_NS(jit->generation_counter) +
		DBA_NS(jit->inlining_counter) + DBA_NS(jit->optimization_counter) +
		DBA_NS(jit->emission_counter);
}

/* Whether rows of this number, or what went before, may be a repetition. */
static inline bool
may_repeat(const DbaTally *tally, int64 rows)
{
	return unlikely(dba_repeats_open) || unlikely(rows >= DBA_MIN_REPEATS) ||
		unlikely(!tally->key.toplevel);
}

/*
 * What is seldom wanted of an execution that ran at once; it is made a record
 * for that.
 */
static pg_noinline void
look_after(QueryDesc *query_desc, DbaTally *tally, int64 begun_ns,
		   int64 temp_written)
{
	DbaExecution execution = {
		.query_desc = query_desc, .tally = tally,
		.ns = latest_ns - begun_ns, .begun_ns = begun_ns,
		.ended_ns = latest_ns, .rows = query_desc->estate->es_processed,
		.temp_written = temp_written
	};

	if (query_desc->estate->es_jit != NULL)
		add_jit(&dba_tally_batch(tally)->counters, &query_desc->estate->es_jit->instr);
	if (may_repeat(tally, execution.rows))
		note_repeat(&execution);
	if (temp_written > 0 || execution.ns > tally->slow_ns)
		dba_inspect_ended(&execution);
}

/* An execution with a record, or one that is not observed. */
static pg_noinline void
run_on(DBA_RUN_PARAMETERS)
{
	DbaExecution *execution;
	int			caller_depth = depth;
	Frame	   *frame;
	int64		begun_ns;

	if (begun.query_desc == query_desc)
		put_aside(nest_level);
	execution = open_execution(query_desc);
	if (execution == NULL)
	{
		(void) push_frame(NULL, 0, nest_level);
		call_run(DBA_RUN_ARGUMENTS);
		depth = caller_depth;
		return;
	}

	begun_ns = now_ns();
	if (execution->begun_ns == 0)
		execution->begun_ns = begun_ns;
	frame = push_frame(execution->tally, begun_ns, nest_level);
	note_usage(&frame->usage);
	call_run(DBA_RUN_ARGUMENTS);
	depth = caller_depth;
	latest_ns = now_ns();

	/* Others that ended meanwhile may have moved it. */
	execution = open_execution(query_desc);
	if (execution != NULL)
	{
		execution->rows += query_desc->estate->es_processed;
		execution->partial |= count != 0;
		add_work(execution, begun_ns, &frame->usage);
	}
}

static void
on_executor_run(DBA_RUN_PARAMETERS)
{
	DbaTally   *tally = begun.tally;
	int			caller_depth = depth;
	int64		temp_written;
	int64		begun_ns;
	DbaBatch   *batch;
	Frame	   *frame;

	if (unlikely(begun.query_desc != query_desc || !runs_at_once(query_desc, count)))
	{
		run_on(DBA_RUN_ARGUMENTS);
		return;
	}

	begun.query_desc = NULL;
	begun_ns = now_ns();
	frame = push_frame(tally, begun_ns, nest_level);
	note_usage(&frame->usage);
	call_run(DBA_RUN_ARGUMENTS);
	depth = caller_depth;
	latest_ns = now_ns();

	batch = dba_tally_batch(tally);
	temp_written = add_usage(&batch->counters, &frame->usage);
	add_call(batch, latest_ns - begun_ns, query_desc->estate->es_processed);
	if (may_repeat(tally, query_desc->estate->es_processed) ||
		unlikely(temp_written > 0) ||
		unlikely(latest_ns - begun_ns > tally->slow_ns) ||
		unlikely(query_desc->estate->es_jit != NULL))
		look_after(query_desc, tally, begun_ns, temp_written);
}

static inline void
call_finish(QueryDesc *query_desc)
{
	if (prev_executor_finish)
		prev_executor_finish(query_desc);
	else
		standard_ExecutorFinish(query_desc);
}

/* Triggers that fire at the end of a statement are part of its time. */
static pg_noinline void
finish_write(QueryDesc *query_desc)
{
	DbaExecution *execution = open_execution(query_desc);
	int			caller_depth = depth;
	Frame	   *frame;
	int64		begun_ns;

	begun_ns = now_ns();
	frame = push_frame(execution ? execution->tally : NULL, begun_ns, nest_level);
	note_usage(&frame->usage);
	call_finish(query_desc);
	depth = caller_depth;
	latest_ns = now_ns();

	execution = open_execution(query_desc);
	if (execution != NULL)
		add_work(execution, begun_ns, &frame->usage);
}

/* All that is known of an execution with a record goes to its tally. */
static pg_noinline void
end_recorded(QueryDesc *query_desc)
{
	DbaExecution *execution = open_execution(query_desc);
	DbaTally   *tally;
	DbaBatch   *batch;

	if (execution == NULL)
		return;
	tally = execution->tally;

	/* An execution that never ran is no call. */
	if (execution->begun_ns != 0)
	{
		batch = dba_tally_batch(tally);
		add_call(batch, execution->ns, execution->rows);
		if (query_desc->estate->es_jit != NULL)
			add_jit(&batch->counters, &query_desc->estate->es_jit->instr);
		if (may_repeat(tally, execution->rows))
			note_repeat(execution);
		if (execution->counted || execution->values != NULL ||
			execution->temp_written > 0 || execution->ns > tally->slow_ns)
			dba_inspect_ended(execution);
	}
	drop_record(execution);
}

/*
 * The last that is heard of an execution: the executor's end follows, and the
 * plan's state is still there.  What changes nothing has nothing to finish.
 */
static void
on_executor_finish(QueryDesc *query_desc)
{
	if (likely(query_desc->operation == CMD_SELECT &&
			   !query_desc->plannedstmt->hasModifyingCTE))
		call_finish(query_desc);
	else
		finish_write(query_desc);

	if (unlikely(begun.query_desc == query_desc))
		begun.query_desc = NULL;
	else if (unlikely(open_count > 0))
		end_recorded(query_desc);
}

/* ------------------------------------------------------------------------
 * Utility statements
 * ------------------------------------------------------------------------ */

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
	const int	caller_depth = depth;

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

/* Begins the frame of a utility statement. */
static void
enter_utility(const PlannedStmt *pstmt, const char *query_string)
{
	DbaTally   *tally = NULL;
	Frame	   *frame;

	if (pstmt->queryId != 0 && observing())
		tally = tally_of(pstmt->queryId);
	if (tally != NULL && !tally->known)
		dba_inspect_text(tally, query_string, pstmt->stmt_location,
						 pstmt->stmt_len);
	frame = push_frame(tally, now_ns(), ANY_LEVEL);
	note_usage(&frame->usage);
}

/* Leaves it, and all above it, by an error. */
static void
fail_utility(int caller_depth)
{
	const DbaStatementKey *key = dba_running_statement();
	Frame	   *frame = &running[Min(caller_depth, MAX_RUNNING)];

	if (failed.queryid == 0 && key != NULL)
		failed = *key;
	depth = caller_depth;
	count_error(frame->tally, frame->begun_ns);
}

/* Leaves it in good order, and counts it. */
static void
leave_utility(int caller_depth, int64 rows)
{
	Frame	   *frame = &running[Min(caller_depth, MAX_RUNNING)];
	DbaBatch   *batch;

	/* A cursor was declared: it runs later, at another depth. */
	if (begun.query_desc != NULL)
		put_aside(nest_level);
	depth = caller_depth;

	/* The end of the session may have ended observing. */
	if (frame->tally == NULL || !dba_tally_usable)
		return;
	batch = dba_tally_batch(frame->tally);
	add_usage(&batch->counters, &frame->usage);
	latest_ns = now_ns();
	add_call(batch, latest_ns - frame->begun_ns, rows);
}

/* ------------------------------------------------------------------------
 * Ends of transactions
 * ------------------------------------------------------------------------ */

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
	open_count = 0;
	nest_level = 1;
	begun.query_desc = NULL;
	failed.queryid = 0;
	transactions++;
	if (unlikely(dba_repeats_open |
				 (latest_ns - last_flush_ns >= FLUSH_INTERVAL_NS)))
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
			if (begun.query_desc != NULL)
				put_aside(nest_level);
			nest_level = GetCurrentTransactionNestLevel();
			break;
		case SUBXACT_EVENT_ABORT_SUB:
			nest_level = GetCurrentTransactionNestLevel() - 1;
			abandon(nest_level + 1);
			break;
		case SUBXACT_EVENT_COMMIT_SUB:
			nest_level = GetCurrentTransactionNestLevel() - 1;
			hand_up(nest_level + 1);
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
	if (begun.query_desc != NULL)
		count_error(begun.tally, 0);
	else if (starting != NULL)
		count_error(starting, 0);
	begun.query_desc = NULL;
	starting = NULL;
	failed.queryid = 0;
	depth = Min(depth, MAX_RUNNING);
	while (depth > 0 && running[depth - 1].nest_level >= level)
	{
		depth--;
		count_error(running[depth].tally, running[depth].begun_ns);
	}
	while (open_count > 0 && open_executions[open_count - 1].nest_level >= level)
		open_count--;
}

static void
count_error(DbaTally *tally, int64 begun_ns)
{
	if (tally == NULL || !dba_tally_usable)
		return;
	dba_tally_batch(tally)->counters.errors++;
	if (begun_ns != 0)
		dba_tally_batch(tally)->counters.error_ns += now_ns() - begun_ns;
}

/* Cursors of a subtransaction that commits are its parent's now. */
static void
hand_up(int level)
{
	for (int i = open_count - 1; i >= 0; i--)
	{
		if (open_executions[i].nest_level < level)
			break;
		open_executions[i].nest_level = level - 1;
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
	if (latest_ns - last_flush_ns < FLUSH_INTERVAL_NS)
		return;
	last_flush_ns = latest_ns;
	if (dba_tally_usable)
		dba_tally_flush(false);
}
