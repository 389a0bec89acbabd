/*-------------------------------------------------------------------------
 *
 * statements_funcs.c
 *	  SQL functions over observed statements: arguments in, tuples out.
 *
 * Locking: none of its own.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "sqlfuncs/rows.h"

#include <math.h>

#include "utils/builtins.h"

PG_FUNCTION_INFO_V1(dba_sql_statements);
PG_FUNCTION_INFO_V1(dba_sql_statement_plans);
PG_FUNCTION_INFO_V1(dba_sql_statement_facts);
PG_FUNCTION_INFO_V1(dba_sql_statement_columns);
PG_FUNCTION_INFO_V1(dba_sql_statement_repeats);

static void show_statement(const DbaStatement *statement, void *arg);
static void show_plan(const DbaStatement *statement, void *arg);
static void show_facts(const DbaStatement *statement, void *arg);
static void show_columns(const DbaStatement *statement, void *arg);
static void show_repeats(const DbaStatement *statement, void *arg);

static const char *const fact_names[] = {
	[DBA_FACT_FILTER] = "filter",
	[DBA_FACT_MISESTIMATE] = "misestimate",
	[DBA_FACT_SUBPLAN] = "subplan",
	[DBA_FACT_SEQ_SCAN] = "seq_scan",
	[DBA_FACT_OFFSET] = "offset",
	[DBA_FACT_SORT_SPILL] = "sort_spill",
	[DBA_FACT_HASH_SPILL] = "hash_spill",
	[DBA_FACT_AGGREGATE_SPILL] = "aggregate_spill"
};

/* statements() -> what each statement did and took */
Datum
dba_sql_statements(PG_FUNCTION_ARGS)
{
	DbaRow		row;

	dba_rows_begin(fcinfo, &row);
	dba_store_scan(DBA_WITH_TEXT, show_statement, &row);
	return (Datum) 0;
}

static void
show_statement(const DbaStatement *statement, void *arg)
{
	DbaRow	   *row = arg;
	const DbaEntry *entry = &statement->entry;
	const DbaCounters *c = &entry->counters;
	uint64		histogram[DBA_HISTOGRAM_BUCKETS];

	if (c->calls + c->errors + c->plans == 0)
		return;
	for (int i = 0; i < DBA_HISTOGRAM_BUCKETS; i++)
		histogram[i] = entry->histogram[i];

	dba_put_key(row, &entry->key);
	dba_put_blob_text(row, &entry->key, &statement->text);
	dba_put_int(row, c->calls);
	dba_put_int(row, c->errors);
	dba_put_int(row, c->rows);
	dba_put_ms(row, c->total_ns);
	dba_put_ms(row, c->calls > 0 ? (double) c->total_ns / c->calls : NAN);
	dba_put_float(row, c->calls > 0 ? sqrt(entry->m2 / c->calls) : NAN);
	dba_put_ms(row, c->calls > 0 ? c->min_ns : NAN);
	dba_put_ms(row, c->calls > 0 ? c->max_ns : NAN);
	dba_put_percentiles(row, histogram);
	dba_put_int(row, c->plans);
	dba_put_ms(row, c->plan_ns);
	dba_put_ms(row, c->error_ns);
	dba_put_int(row, c->shared_hit);
	dba_put_int(row, c->shared_read);
	dba_put_int(row, c->shared_dirtied);
	dba_put_int(row, c->shared_written);
	dba_put_int(row, c->local_hit);
	dba_put_int(row, c->local_read);
	dba_put_int(row, c->local_dirtied);
	dba_put_int(row, c->local_written);
	dba_put_int(row, c->temp_read);
	dba_put_int(row, c->temp_written);
	dba_put_ms(row, c->read_ns);
	dba_put_ms(row, c->write_ns);
	dba_put_int(row, c->wal_records);
	dba_put_int(row, c->wal_fpi);
	dba_put_int(row, c->wal_bytes);
	dba_put_int(row, c->jit_functions);
	dba_put_ms(row, c->jit_ns);
	dba_put_int(row, entry->spills.executions);
	if (entry->spills.executions > 0)
	{
		dba_put_int(row, dba_spill_percentile(&entry->spills, 0.95));
		dba_put_int(row, entry->spills.max_bytes);
	}
	else
	{
		dba_put_null(row);
		dba_put_null(row);
	}
	for (int i = 0; i < DBA_EVENT_KINDS; i++)
		dba_put_int(row, entry->events[i]);
	dba_put_int(row, entry->counted);
	dba_put_time(row, entry->first_seen);
	dba_put_time(row, entry->last_seen);
	dba_put(row, BoolGetDatum(entry->tree != 0));
	dba_row_end(row);
}

/* statement_plans() -> the plan of each statement's slowest counted execution */
Datum
dba_sql_statement_plans(PG_FUNCTION_ARGS)
{
	DbaRow		row;

	dba_rows_begin(fcinfo, &row);
	dba_store_scan(DBA_WITH_PLAN, show_plan, &row);
	return (Datum) 0;
}

static void
show_plan(const DbaStatement *statement, void *arg)
{
	DbaRow	   *row = arg;

	if (statement->plan_text.data == NULL)
		return;
	dba_put_key(row, &statement->entry.key);
	dba_put_ms(row, statement->entry.plan_text_ns);
	dba_put_blob_text(row, &statement->entry.key, &statement->plan_text);
	dba_row_end(row);
}

/* statement_facts() -> what counted executions taught */
Datum
dba_sql_statement_facts(PG_FUNCTION_ARGS)
{
	DbaRow		row;

	dba_rows_begin(fcinfo, &row);
	dba_store_scan(0, show_facts, &row);
	return (Datum) 0;
}

static void
show_facts(const DbaStatement *statement, void *arg)
{
	DbaRow	   *row = arg;

	for (int i = 0; i < DBA_MAX_FACTS; i++)
	{
		const DbaPlanFact *fact = &statement->entry.facts[i];

		if (fact->kind == DBA_FACT_NONE || fact->kind >= lengthof(fact_names))
			continue;
		dba_put_key(row, &statement->entry.key);
		dba_put_int(row, fact->plan_hash);
		dba_put_text(row, fact_names[fact->kind]);
		dba_put(row, Int32GetDatum(fact->node));
		dba_put_text(row, dba_plan_node_name(fact->node_tag));
		dba_put_oid(row, fact->relid);
		dba_put_columns(row, fact->columns);
		dba_put_oid(row, fact->other_relid);
		dba_put_columns(row, fact->other_columns);
		dba_put(row, BoolGetDatum(fact->limited));
		dba_put_int(row, fact->executions);
		dba_put_float(row, fact->loops);
		dba_put_float(row, fact->rows);
		dba_put_float(row, fact->removed);
		dba_put_float(row, fact->max_removed);
		dba_put_float(row, fact->estimated);
		dba_put_float(row, fact->actual);
		dba_put_int(row, fact->bytes);
		dba_put_float(row, fact->total_rows);
		dba_put_time(row, fact->seen_at);
		dba_row_end(row);
	}
}

/* statement_columns() -> the columns that each statement sets and looks up by */
Datum
dba_sql_statement_columns(PG_FUNCTION_ARGS)
{
	DbaRow		row;

	dba_rows_begin(fcinfo, &row);
	dba_store_scan(0, show_columns, &row);
	return (Datum) 0;
}

static void
show_columns(const DbaStatement *statement, void *arg)
{
	static const char *const commands[] = {
		[CMD_SELECT] = "SELECT", [CMD_UPDATE] = "UPDATE",
		[CMD_INSERT] = "INSERT", [CMD_DELETE] = "DELETE",
		[CMD_MERGE] = "MERGE"
	};
	DbaRow	   *row = arg;
	const DbaQueryFacts *facts = &statement->entry.query;

	if (!OidIsValid(facts->relid) || facts->command < 0 ||
		facts->command >= (int) lengthof(commands) || commands[facts->command] == NULL)
		return;
	dba_put_key(row, &statement->entry.key);
	dba_put_text(row, commands[facts->command]);
	dba_put_oid(row, facts->relid);
	dba_put_columns(row, facts->updated);
	dba_put_columns(row, facts->equality);
	dba_put_columns(row, facts->range);
	dba_put(row, BoolGetDatum(facts->referential != 0));
	dba_put(row, BoolGetDatum(facts->unbounded != 0));
	dba_row_end(row);
}

/* statement_repeats() -> statements that are sent once per row of another */
Datum
dba_sql_statement_repeats(PG_FUNCTION_ARGS)
{
	DbaRow		row;

	dba_rows_begin(fcinfo, &row);
	dba_store_scan(0, show_repeats, &row);
	return (Datum) 0;
}

static void
show_repeats(const DbaStatement *statement, void *arg)
{
	DbaRow	   *row = arg;

	for (int i = 0; i < DBA_MAX_REPEATS; i++)
	{
		const DbaRepeats *repeats = &statement->entry.repeats[i];

		if (repeats->occasions == 0)
			continue;
		dba_put_key(row, &statement->entry.key);
		dba_put_text(row, repeats->kind == DBA_REPEAT_CLIENT ? "client" : "loop");
		if (dba_may_see(row, statement->entry.key.userid))
			dba_put_int(row, (int64) repeats->parent);
		else
			dba_put_null(row);
		dba_put_int(row, repeats->occasions);
		dba_put_int(row, repeats->repeats);
		dba_put_int(row, repeats->max_repeats);
		dba_put_int(row, repeats->parent_rows);
		dba_put_ms(row, repeats->ns);
		dba_row_end(row);
	}
}
