/*-------------------------------------------------------------------------
 *
 * hooks.c
 *	  The hooks of parser, planner and executor.
 *
 * This is the hot path: each statement of the server goes through here.  What
 * is done for every execution stands in this file and adds to memory of the
 * backend's own (tally.c); what runs is noted in running.h, the close look at
 * a few is inspect.c's.
 *
 * Nothing here raises an error.
 *
 * Locking: none.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "compat.h"
#include "observe/hooks.h"
#include "observe/inspect.h"
#include "observe/repeats.h"
#include "observe/running.h"

#include "executor/executor.h"
#include "jit/jit.h"
#include "optimizer/planner.h"
#include "parser/analyze.h"

/*
 * What counting costs a plan that was never counted: about 10 ns a row, and a
 * row has a cost of about 0.02.
 */
#define COUNTING_NS_PER_COST 500.0

/* Executions until it is asked again whether one may be counted. */
#define UNTIL_ALLOWED 100

static post_parse_analyze_hook_type prev_post_parse_analyze = NULL;
static planner_hook_type prev_planner = NULL;
static ExecutorStart_hook_type prev_executor_start = NULL;
static ExecutorRun_hook_type prev_executor_run = NULL;
static ExecutorFinish_hook_type prev_executor_finish = NULL;

static void on_post_parse_analyze(ParseState *pstate, Query *query,
								  DBA_JUMBLE_CONST JumbleState *jstate);
static PlannedStmt *on_planner(DBA_PLANNER_PARAMETERS);
static void on_executor_start(QueryDesc *query_desc, int eflags);
static void on_executor_run(DBA_RUN_PARAMETERS);
static void on_executor_finish(QueryDesc *query_desc);

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

	if (query->queryId != 0 && dba_observing() && pstate->p_sourcetext != NULL)
	{
		DbaTally   *tally = dba_tally_of(query->queryId);

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
	int			caller_depth = dba_running.depth;

	if (parse->queryId == 0 || !dba_observing() ||
		(tally = dba_tally_of(parse->queryId)) == NULL)
		return next(DBA_PLANNER_ARGUMENTS);

	if (unlikely(!tally->known || tally->until_look <= 1))
		dba_inspect_planned(tally, parse, query_string);
	begun_ns = dba_now_ns();
	(void) dba_push_frame(tally, begun_ns, dba_running.nest_level);
	plan = next(DBA_PLANNER_ARGUMENTS);
	dba_running.depth = caller_depth;
	batch = dba_tally_batch(tally);
	batch->counters.plans++;
	dba_running.latest_ns = dba_now_ns();
	batch->counters.plan_ns += dba_running.latest_ns - begun_ns;
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
	execution = dba_make_record(query_desc, tally, dba_running.nest_level);
	if (execution == NULL)
		return false;
	dba_running.begun = NULL;
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
	DbaExecution *execution = dba_open_execution(query_desc);

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

	dba_running.starting = tally;
	call_start(query_desc, eflags);
	dba_running.starting = NULL;
	if (sampled)
		sample(query_desc);
}

static void
on_executor_start(QueryDesc *query_desc, int eflags)
{
	DbaTally   *tally;

	if (likely(dba_observing()) && !(eflags & EXEC_FLAG_EXPLAIN_ONLY) &&
		(tally = dba_tally_of(query_desc->plannedstmt->queryId)) != NULL)
	{
		if (unlikely(dba_running.begun != NULL))
			dba_put_aside();
		dba_running.begun = query_desc;
		dba_running.begun_tally = tally;
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
	const DbaFrame *top = dba_running.depth > 0 ? &dba_running.frames[0] : NULL;
	DbaExecuted executed = {
		.key = &tally->key,
		.parent = top && top->tally ? top->tally->key.queryid : tally->key.queryid,
		.parent_serial = top ? top->begun_ns : execution->begun_ns,
		.rows = execution->rows,
		.begun_ns = execution->begun_ns,
		.ended_ns = execution->ended_ns,
		.command = execution->query_desc->operation,
		.keyed = tally->keyed,
		.referential = tally->referential,
		.transaction = dba_tally_transactions
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
		.ns = dba_running.latest_ns - begun_ns, .begun_ns = begun_ns,
		.ended_ns = dba_running.latest_ns, .rows = query_desc->estate->es_processed,
		.temp_written = temp_written
	};

	if (query_desc->estate->es_jit != NULL)
		add_jit(&dba_tally_batch(tally)->counters, &query_desc->estate->es_jit->instr);
	if (may_repeat(tally, execution.rows))
		note_repeat(&execution);
	if (temp_written > 0 || execution.ns > tally->slow_ns)
		dba_inspect_ended(&execution);
}

/* Adds a piece of work that has just ended. */
static inline void
add_work(DbaExecution *execution, int64 begun_ns, const DbaUsage *usage)
{
	execution->ns += dba_running.latest_ns - begun_ns;
	execution->ended_ns = dba_running.latest_ns;
	execution->temp_written +=
		dba_usage_add(&dba_tally_batch(execution->tally)->counters, usage);
}

/* An execution with a record, or one that is not observed. */
static pg_noinline void
run_on(DBA_RUN_PARAMETERS)
{
	DbaExecution *execution;
	int			caller_depth = dba_running.depth;
	DbaFrame   *frame;
	int64		begun_ns;

	if (dba_running.begun == query_desc)
		dba_put_aside();
	execution = dba_open_execution(query_desc);
	if (execution == NULL)
	{
		(void) dba_push_frame(NULL, 0, dba_running.nest_level);
		call_run(DBA_RUN_ARGUMENTS);
		dba_running.depth = caller_depth;
		return;
	}

	begun_ns = dba_now_ns();
	if (execution->begun_ns == 0)
		execution->begun_ns = begun_ns;
	frame = dba_push_frame(execution->tally, begun_ns, dba_running.nest_level);
	frame->query_desc = query_desc;
	dba_usage_note(&frame->usage);
	call_run(DBA_RUN_ARGUMENTS);
	dba_running.depth = caller_depth;
	dba_running.latest_ns = dba_now_ns();

	/* Others that ended meanwhile may have moved it. */
	execution = dba_open_execution(query_desc);
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
	DbaTally   *tally = dba_running.begun_tally;
	int			caller_depth = dba_running.depth;
	int64		temp_written;
	int64		begun_ns;
	DbaBatch   *batch;
	DbaFrame   *frame;

	if (unlikely(dba_running.begun != query_desc || !runs_at_once(query_desc, count)))
	{
		run_on(DBA_RUN_ARGUMENTS);
		return;
	}

	dba_running.begun = NULL;
	begun_ns = dba_now_ns();
	frame = dba_push_frame(tally, begun_ns, dba_running.nest_level);
	dba_usage_note(&frame->usage);
	call_run(DBA_RUN_ARGUMENTS);
	dba_running.depth = caller_depth;
	dba_running.latest_ns = dba_now_ns();

	batch = dba_tally_batch(tally);
	temp_written = dba_usage_add(&batch->counters, &frame->usage);
	dba_batch_call(batch, dba_running.latest_ns - begun_ns, query_desc->estate->es_processed);
	if (may_repeat(tally, query_desc->estate->es_processed) ||
		unlikely(temp_written > 0) ||
		unlikely(dba_running.latest_ns - begun_ns > tally->slow_ns) ||
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
	DbaExecution *execution = dba_open_execution(query_desc);
	int			caller_depth = dba_running.depth;
	DbaFrame   *frame;
	int64		begun_ns;

	begun_ns = dba_now_ns();
	frame = dba_push_frame(execution ? execution->tally : NULL, begun_ns,
						   dba_running.nest_level);
	frame->query_desc = query_desc;
	dba_usage_note(&frame->usage);
	call_finish(query_desc);
	dba_running.depth = caller_depth;
	dba_running.latest_ns = dba_now_ns();

	execution = dba_open_execution(query_desc);
	if (execution != NULL)
		add_work(execution, begun_ns, &frame->usage);
}

/* All that is known of an execution with a record goes to its tally. */
static pg_noinline void
end_recorded(QueryDesc *query_desc)
{
	DbaExecution *execution = dba_open_execution(query_desc);
	DbaTally   *tally;

	if (execution == NULL)
		return;
	tally = execution->tally;

	/* An execution that never ran is no call. */
	if (execution->begun_ns != 0)
	{
		dba_batch_call(dba_tally_batch(tally), execution->ns, execution->rows);
		if (query_desc->estate->es_jit != NULL)
			add_jit(&dba_tally_batch(tally)->counters, &query_desc->estate->es_jit->instr);
		if (may_repeat(tally, execution->rows))
			note_repeat(execution);
		if (execution->counted || execution->sampled ||
			execution->temp_written > 0 || execution->ns > tally->slow_ns)
			dba_inspect_ended(execution);
	}
	dba_drop_record(execution);
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

	if (unlikely(dba_running.begun == query_desc))
		dba_running.begun = NULL;
	else if (unlikely(dba_running.open_count > 0))
		end_recorded(query_desc);
}
