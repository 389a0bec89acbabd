/*-------------------------------------------------------------------------
 *
 * advice_funcs.c
 *	  SQL functions over index advice: arguments in, tuples out.
 *
 * Several rules want the advice on the observed workload, which takes its time:
 * what is found out for one is remembered until the client's command is over.
 *
 * Locking: none of its own.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "advise/advice.h"
#include "advise/counted.h"
#include "advise/index_text.h"
#include "advise/observed.h"
#include "advise/upkeep.h"
#include "rules/deadline.h"
#include "rules/runner.h"
#include "settings.h"
#include "sqlfuncs/answer_tuple.h"
#include "sqlfuncs/arrays.h"
#include "sqlfuncs/rows.h"
#include "sqlfuncs/store_funcs.h"

#include <math.h>

#include "access/htup_details.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "commands/defrem.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/json.h"
#include "utils/jsonb.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"

/* Time for given statements, and for observed ones where nothing limits it. */
#define DEFAULT_TIME_S 30

/* Of the time that a rule has left, the part in which advice is to be found. */
#define PART_OF_RULE 0.8

/* Advice on the observed workload, for whoever asks for the same in this command. */
typedef struct Remembered
{
	TimestampTz statement;		/* when the client's command began */
	CommandId	command;		/* what the transaction has changed until then */
	Oid			userid;
	double		storage_budget;
	int			max_columns;
	int			max_indexes;
	List	   *rows;			/* HeapTuple */
	List	   *skipped;		/* DbaSkipped */
} Remembered;

/* Goes with the transaction. */
static Remembered *remembered = NULL;

PG_FUNCTION_INFO_V1(dba_sql_advise_indexes);

static Remembered advise(FunctionCallInfo fcinfo, MemoryContext context);
static DbaWorkload *workload_of(FunctionCallInfo fcinfo);
static double *weights_of(ArrayType *array, int count);
static DbaGoal goal_of(FunctionCallInfo fcinfo);
static double milliseconds_of(FunctionCallInfo fcinfo);
static const Remembered *remember(FunctionCallInfo fcinfo);
static Remembered wanted(FunctionCallInfo fcinfo);
static void forget(void *arg);
static void tell_skipped(const List *skipped);
static HeapTuple index_tuple(TupleDesc desc, const DbaAdvice *advice, const DbaAdvised *advised);
static Datum oid_array(const List *oids);
static Datum statements_of(const DbaAdvised *advised);
static void append_numbers(StringInfo json, const DbaServed *served);
static Datum facts_of(const DbaAdvice *advice, const DbaAdvised *advised);
static void append_columns(StringInfo json, Oid relid, const Bitmapset *columns);

/*
 * advise_indexes(queries, weights, storage_budget, max_columns, max_indexes,
 * time_limit) -> the indexes, their texts in parts
 */
Datum
dba_sql_advise_indexes(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "dbadvisor advice",
												  ALLOCSET_DEFAULT_SIZES);
	Remembered	own;
	const Remembered *advice = &own;
	ListCell   *cell;

	InitMaterializedSRF(fcinfo, 0);
	if (PG_ARGISNULL(0) && PG_ARGISNULL(5))
		advice = remember(fcinfo);
	else
		own = advise(fcinfo, context);
	tell_skipped(advice->skipped);
	foreach(cell, advice->rows)
		tuplestore_puttuple(result->setResult, lfirst(cell));
	MemoryContextDelete(context);
	return (Datum) 0;
}

/* Finds it out; what comes of it lives in that context, all else goes away. */
static Remembered
advise(FunctionCallInfo fcinfo, MemoryContext context)
{
	TupleDesc	desc = ((ReturnSetInfo *) fcinfo->resultinfo)->setDesc;
	Remembered	result = wanted(fcinfo);
	MemoryContext work = AllocSetContextCreate(CurrentMemoryContext, "dbadvisor advising",
											   ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(work);
	DbaGoal		goal = goal_of(fcinfo);
	DbaWorkload *workload = workload_of(fcinfo);
	DbaAdvice  *advice = dba_advise(workload, &goal, result.max_columns);
	ListCell   *cell;

	elog(DEBUG1, "dbadvisor: %d candidates, %lld costs asked for, %lld planned",
		 advice->costing.pool->count, (long long) advice->costing.asked,
		 (long long) advice->costing.planned);
	foreach(cell, advice->answers)
	{
		HeapTuple	tuple = dba_answer_tuple(desc, lfirst(cell), workload->observed);

		MemoryContextSwitchTo(context);
		result.rows = lappend(result.rows, heap_copytuple(tuple));
		MemoryContextSwitchTo(work);
	}
	foreach(cell, advice->advised)
	{
		HeapTuple	tuple = index_tuple(desc, advice, lfirst(cell));

		MemoryContextSwitchTo(context);
		result.rows = lappend(result.rows, heap_copytuple(tuple));
		MemoryContextSwitchTo(work);
	}
	MemoryContextSwitchTo(context);
	foreach(cell, workload->skipped)
	{
		DbaSkipped *skipped = palloc(sizeof(DbaSkipped));

		*skipped = *(DbaSkipped *) lfirst(cell);
		skipped->reason = pstrdup(skipped->reason);
		result.skipped = lappend(result.skipped, skipped);
	}
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(work);
	return result;
}

/* ------------------------------------------------------------------------
 * What is wanted
 * ------------------------------------------------------------------------ */

static DbaWorkload *
workload_of(FunctionCallInfo fcinfo)
{
	int			count;
	char	  **texts;

	if (!PG_ARGISNULL(0))
	{
		texts = dba_text_items(PG_GETARG_ARRAYTYPE_P(0), &count);
		return dba_workload_given(texts, count, PG_ARGISNULL(1) ? NULL :
								  weights_of(PG_GETARG_ARRAYTYPE_P(1), count));
	}
	if (!PG_ARGISNULL(1))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("weights are for given statements"),
				 errhint("Observed statements count by the time that they take.")));
	if (dba_is_observed())
	{
		dba_demand_store();
		return dba_workload_observed();
	}
	/* For rules search_path is one in which no table is found. */
	return dba_workload_counted(PG_ARGISNULL(5) ? GetConfigOptionResetString("search_path") :
								namespace_search_path);
}

static double *
weights_of(ArrayType *array, int count)
{
	Datum	   *items;
	bool	   *nulls;
	int			item_count;
	double	   *weights = palloc(sizeof(double) * (count + 1));

	deconstruct_array(array, FLOAT8OID, sizeof(float8), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE,
					  &items, &nulls, &item_count);
	if (item_count != count)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%d weights for %d statements", item_count, count)));
	for (int i = 0; i < count; i++)
	{
		weights[i] = nulls[i] ? 1 : DatumGetFloat8(items[i]);
		if (!(weights[i] >= 0) || isinf(weights[i]))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("the weight of a statement must not be negative or infinite: %g",
							weights[i])));
	}
	return weights;
}

static DbaGoal
goal_of(FunctionCallInfo fcinfo)
{
	DbaGoal		goal = {.max_regression = dba_max_regression};
	Remembered	what = wanted(fcinfo);

	goal.storage_budget = what.storage_budget;
	goal.max_indexes = what.max_indexes;
	goal.deadline = GetCurrentTimestamp() + (TimestampTz) (milliseconds_of(fcinfo) * 1000);
	return goal;
}

/* The time limit that is given, or what the rules leave. */
static double
milliseconds_of(FunctionCallInfo fcinfo)
{
	double		most = DEFAULT_TIME_S * 1000.0;

	if (!PG_ARGISNULL(5))
	{
		Datum		seconds = DirectFunctionCall2(interval_part, CStringGetTextDatum("epoch"),
												  PG_GETARG_DATUM(5));

		return Max(DatumGetFloat8(seconds), 0) * 1000;
	}
	if (PG_ARGISNULL(0) && dba_time_limit > 0)
		most = dba_time_limit / 2.0;
	return Min(most, dba_deadline_left() * PART_OF_RULE);
}

/* The arguments, and from where they come. */
static Remembered
wanted(FunctionCallInfo fcinfo)
{
	Remembered	result = {
		.statement = GetCurrentStatementStartTimestamp(),
		.command = GetCurrentCommandId(false),
		.userid = GetUserId(),
		.storage_budget = PG_ARGISNULL(2) ? -1 : (double) PG_GETARG_INT64(2),
		.max_columns = PG_ARGISNULL(3) ? 3 : PG_GETARG_INT32(3),
		.max_indexes = PG_ARGISNULL(4) ? 0 : PG_GETARG_INT32(4)
	};

	return result;
}

/* ------------------------------------------------------------------------
 * Remembering
 * ------------------------------------------------------------------------ */

/* The advice on the observed workload, which is found out once a command. */
static const Remembered *
remember(FunctionCallInfo fcinfo)
{
	Remembered	want = wanted(fcinfo);
	MemoryContext context;
	MemoryContextCallback *callback;
	Remembered *found;

	if (remembered != NULL && remembered->statement == want.statement &&
		remembered->command == want.command && remembered->userid == want.userid &&
		remembered->storage_budget == want.storage_budget &&
		remembered->max_columns == want.max_columns && remembered->max_indexes == want.max_indexes)
		return remembered;

	context = AllocSetContextCreate(TopTransactionContext, "dbadvisor remembered advice",
									ALLOCSET_SMALL_SIZES);
	found = MemoryContextAlloc(context, sizeof(Remembered));
	*found = advise(fcinfo, context);
	callback = MemoryContextAllocZero(context, sizeof(MemoryContextCallback));
	callback->func = forget;
	callback->arg = found;
	MemoryContextRegisterResetCallback(context, callback);
	remembered = found;
	return found;
}

static void
forget(void *arg)
{
	if (remembered == arg)
		remembered = NULL;
}

/* In the coverage of the rule that asks; or to the client, what matters. */
static void
tell_skipped(const List *skipped)
{
	const ListCell *cell;

	foreach(cell, skipped)
	{
		const DbaSkipped *one = lfirst(cell);
		char	   *what = psprintf("left out: %d %s (%s)", one->count,
									one->count == 1 ? "statement" : "statements", one->reason);

		if (!dba_run_note(one->harmless ? 0 : one->count, what) && !one->harmless)
			ereport(NOTICE, (errmsg("%s", what)));
	}
}

/* ------------------------------------------------------------------------
 * Rows
 * ------------------------------------------------------------------------ */

static HeapTuple
index_tuple(TupleDesc desc, const DbaAdvice *advice, const DbaAdvised *advised)
{
	const DbaCandidate *candidate = advised->candidate;
	bool		observed = advice->costing.workload->observed;
	DbaRow		row;
	double		before = 0;
	double		after = 0;
	ListCell   *cell;

	memset(&row, 0, sizeof(row));
	foreach(cell, advised->served)
	{
		const DbaServed *served = lfirst(cell);

		before += served->work->before;
		after += served->after;
	}
	dba_put_oid(&row, candidate->index->relid);
	dba_put_text(&row, dba_index_body(candidate->index));
	dba_put_text(&row, dba_index_label(candidate->index));
	dba_put_text(&row, get_am_name(candidate->index->am));
	dba_put_int(&row, (int64) candidate->bytes);
	dba_put_float(&row, before);
	dba_put_float(&row, after);
	if (observed)
		dba_put_float(&row, advised->saved - candidate->upkeep);
	else
		dba_put_null(&row);
	dba_put_float(&row, candidate->upkeep);
	dba_put(&row, statements_of(advised));
	dba_put(&row, facts_of(advice, advised));
	dba_put_text(&row, advised->replaced == NIL ? "index" : "replacement");
	dba_put_null(&row);
	dba_put_null(&row);
	if (advised->replaced == NIL)
		dba_put_null(&row);
	else
		dba_put(&row, oid_array(advised->replaced));
	Assert(row.count == desc->natts);
	return heap_form_tuple(desc, row.values, row.nulls);
}

static Datum
oid_array(const List *oids)
{
	Datum	   *items = palloc(sizeof(Datum) * list_length(oids));
	const ListCell *cell;

	foreach(cell, oids)
		items[foreach_current_index(cell)] = ObjectIdGetDatum(lfirst_oid(cell));
	return PointerGetDatum(construct_array(items, list_length(oids), OIDOID, sizeof(Oid), true,
										   TYPALIGN_INT));
}

/* The statements as JSON, what gains most first. */
static Datum
statements_of(const DbaAdvised *advised)
{
	StringInfoData json;
	ListCell   *cell;

	initStringInfo(&json);
	appendStringInfoChar(&json, '[');
	foreach(cell, advised->served)
	{
		const DbaServed *served = lfirst(cell);

		if (json.len > 1)
			appendStringInfoString(&json, ", ");
		appendStringInfoString(&json, "{\"query\": ");
		escape_json(&json, served->work->text);
		if (served->work->queryid != 0)
			appendStringInfo(&json, ", \"queryid\": %lld", (long long) served->work->queryid);
		append_numbers(&json, served);
	}
	appendStringInfoChar(&json, ']');
	return DirectFunctionCall1(jsonb_in, CStringGetDatum(json.data));
}

static void
append_numbers(StringInfo json, const DbaServed *served)
{
	const DbaWork *work = served->work;
	int			sampled = 0;

	for (int i = 0; i < work->variant_count; i++)
		sampled += work->variants[i].has_values;
	appendStringInfo(json, ", \"calls\": %.6g, \"before\": %.2f, \"after\": %.2f",
					 work->calls, work->before, served->after);
	if (work->times > 0)
		appendStringInfo(json, ", \"times\": %.0f, \"samples\": %d", work->times, sampled);
	if (work->generic != NULL)
		appendStringInfo(json, ", \"generic_gain\": %.3f", work->generic_gain);
	appendStringInfoChar(json, '}');
}

/* What the index is for the table and those who write to it, as JSON. */
static Datum
facts_of(const DbaAdvice *advice, const DbaAdvised *advised)
{
	const DbaCandidate *candidate = advised->candidate;
	StringInfoData json;
	DbaUpkeep	upkeep;

	dba_upkeep_explain(candidate, advice->costing.workload, &upkeep);
	initStringInfo(&json);
	appendStringInfo(&json, "{\"entries_per_hour\": %.0f, \"no_longer_hot_per_hour\": %.0f",
					 upkeep.entries, upkeep.no_longer_hot);
	appendStringInfo(&json, ", \"statements_saved\": %.2f, \"updated_columns\": ", advised->saved);
	append_columns(&json, candidate->index->relid, upkeep.columns);
	appendStringInfo(&json, ", \"partitions\": %d}", list_length(candidate->leaves));
	return DirectFunctionCall1(jsonb_in, CStringGetDatum(json.data));
}

/* Their names, quoted as SQL needs it, in an array. */
static void
append_columns(StringInfo json, Oid relid, const Bitmapset *columns)
{
	int			column = -1;
	bool		first = true;

	appendStringInfoChar(json, '[');
	while ((column = bms_next_member(columns, column)) >= 0)
	{
		char	   *name = get_attname(relid, (AttrNumber) column, true);

		if (!first)
			appendStringInfoString(json, ", ");
		escape_json(json, name != NULL ? quote_identifier(name) : "?");
		first = false;
	}
	appendStringInfoChar(json, ']');
}
