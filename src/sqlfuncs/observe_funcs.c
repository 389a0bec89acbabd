/*-------------------------------------------------------------------------
 *
 * observe_funcs.c
 *	  SQL functions over the observed workload: arguments in, tuples out.
 *
 * What a session has counted itself is handed over first, so that it sees its
 * own statements at once.
 *
 * Texts and values are shown to the user whose they are, and to members of
 * pg_read_all_stats; others see the numbers of a statement without its name.
 *
 * Locking: none of its own.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "dbadvisor.h"
#include "observe/histogram.h"
#include "observe/normalize.h"
#include "observe/region.h"
#include "observe/sample.h"
#include "observe/store.h"
#include "observe/tally.h"
#include "whatif/replan.h"

#include <math.h>

#include "catalog/pg_authid.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "funcapi.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/tuplestore.h"

PG_FUNCTION_INFO_V1(dba_sql_observing_obstacle);
PG_FUNCTION_INFO_V1(dba_sql_statements);
PG_FUNCTION_INFO_V1(dba_sql_samples);
PG_FUNCTION_INFO_V1(dba_sql_statement_plans);
PG_FUNCTION_INFO_V1(dba_sql_statement_facts);
PG_FUNCTION_INFO_V1(dba_sql_statement_columns);
PG_FUNCTION_INFO_V1(dba_sql_statement_relations);
PG_FUNCTION_INFO_V1(dba_sql_statement_repeats);
PG_FUNCTION_INFO_V1(dba_sql_events);
PG_FUNCTION_INFO_V1(dba_sql_event_counts);
PG_FUNCTION_INFO_V1(dba_sql_latency);
PG_FUNCTION_INFO_V1(dba_sql_store);
PG_FUNCTION_INFO_V1(dba_sql_explain_sample);
PG_FUNCTION_INFO_V1(dba_sql_reset);

#define MAX_COLUMNS 64

/* A row in the making, filled from left to right. */
typedef struct Row
{
	ReturnSetInfo *result;
	int			count;
	Datum		values[MAX_COLUMNS];
	bool		nulls[MAX_COLUMNS];
	Oid			userid;			/* who asks */
	bool		sees_all;		/* member of pg_read_all_stats */
} Row;

/* Adds up latencies. */
typedef struct Latency
{
	int64		calls;
	uint64		histogram[DBA_HISTOGRAM_BUCKETS];
} Latency;

/* Looks for a sample. */
typedef struct Wanted
{
	uint64		queryid;
	int			sample;			/* from 1; 0: the slowest, else the last one */
	int			rank;			/* of what was found; 0: nothing */
	DbaStatement statement;
	MemoryContext context;
	Row		   *reader;
} Wanted;

static const char *observing_obstacle(void);
static bool is_loaded_by(const char *setting);
static void begin_rows(FunctionCallInfo fcinfo, Row *row);
static void demand_store(void);
static void end_row(Row *row);
static void put(Row *row, Datum value);
static void put_null(Row *row);
static void put_int(Row *row, int64 value);
static void put_ms(Row *row, double ns);
static void put_float(Row *row, double value);
static void put_time(Row *row, TimestampTz value);
static void put_text(Row *row, const char *text);
static void put_oid(Row *row, Oid value);
static void put_columns(Row *row, DbaColumns columns);
static bool may_see(const Row *row, Oid userid);
static void put_key(Row *row, const DbaStatementKey *key);
static void put_blob_text(Row *row, const DbaStatementKey *key,
						  const DbaBlobCopy *blob);
static void show_statement(const DbaStatement *statement, void *arg);
static void show_samples(const DbaStatement *statement, void *arg);
static void show_plan(const DbaStatement *statement, void *arg);
static void show_facts(const DbaStatement *statement, void *arg);
static void show_columns(const DbaStatement *statement, void *arg);
static void show_repeats(const DbaStatement *statement, void *arg);
static void add_latency(const DbaStatement *statement, void *arg);
static void find_sample(const DbaStatement *statement, void *arg);
static void put_percentiles(Row *row, const uint64 *histogram);
static void put_values(Row *row, const DbaStatement *statement, int place);
static void put_constants(Row *row, const DbaStatement *statement,
						  const DbaBlobCopy *blob);
static ArrayType *type_array(const DbaValues *values);
static ArrayType *text_array(char **texts, int count);
static int	choose_sample(const DbaStatement *statement, int wanted);

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

static const char *const event_names[DBA_EVENT_KINDS] = {
	[DBA_EVENT_DEADLOCK] = "deadlock",
	[DBA_EVENT_SERIALIZATION] = "serialization_failure",
	[DBA_EVENT_LOCK_TIMEOUT] = "lock_timeout",
	[DBA_EVENT_CANCEL] = "cancel",
	[DBA_EVENT_TEMP_FILE] = "temp_file"
};

/* ------------------------------------------------------------------------
 * Whether there is something to see
 * ------------------------------------------------------------------------ */

/* observing_obstacle() -> why statements are not observed here, or null */
Datum
dba_sql_observing_obstacle(PG_FUNCTION_ARGS)
{
	const char *obstacle = observing_obstacle();

	(void) fcinfo;
	if (obstacle == NULL)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text(obstacle));
}

/*
 * A session that loads the library merely to ask is observed itself from then
 * on; that tells nothing of the others.
 */
static const char *
observing_obstacle(void)
{
	if (dba_store_ready() &&
		(dba_preloaded || is_loaded_by("session_preload_libraries") ||
		 is_loaded_by("local_preload_libraries")))
		return NULL;
	if (dba_preloaded)
		return "dbadvisor could not get its shared memory when the server started: see the server's log";
	return dba_region_can_name() ?
		"dbadvisor is not loaded in the sessions: add it to shared_preload_libraries and restart, or to session_preload_libraries" :
		"dbadvisor is not preloaded: add it to shared_preload_libraries and restart";
}

/* Whether a list of libraries names this one. */
static bool
is_loaded_by(const char *setting)
{
	const char *libraries = GetConfigOption(setting, true, false);

	return libraries != NULL && strstr(libraries, "dbadvisor") != NULL;
}

static void
demand_store(void)
{
	if (!dba_store_ready())
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("statements are not observed"),
				 errdetail("%s.", observing_obstacle())));
	if (dba_tally_usable)
		dba_tally_flush(true);
}

/* ------------------------------------------------------------------------
 * Statements
 * ------------------------------------------------------------------------ */

/* statements() -> what each statement did and took */
Datum
dba_sql_statements(PG_FUNCTION_ARGS)
{
	Row			row;

	begin_rows(fcinfo, &row);
	dba_store_scan(DBA_WITH_TEXT, show_statement, &row);
	return (Datum) 0;
}

static void
show_statement(const DbaStatement *statement, void *arg)
{
	Row		   *row = arg;
	const DbaEntry *entry = &statement->entry;
	const DbaCounters *c = &entry->counters;
	uint64		histogram[DBA_HISTOGRAM_BUCKETS];

	if (c->calls + c->errors + c->plans == 0)
		return;
	for (int i = 0; i < DBA_HISTOGRAM_BUCKETS; i++)
		histogram[i] = entry->histogram[i];

	put_key(row, &entry->key);
	put_blob_text(row, &entry->key, &statement->text);
	put_int(row, c->calls);
	put_int(row, c->errors);
	put_int(row, c->rows);
	put_ms(row, c->total_ns);
	put_ms(row, c->calls > 0 ? (double) c->total_ns / c->calls : NAN);
	put_float(row, c->calls > 0 ? sqrt(entry->m2 / c->calls) : NAN);
	put_ms(row, c->calls > 0 ? c->min_ns : NAN);
	put_ms(row, c->calls > 0 ? c->max_ns : NAN);
	put_percentiles(row, histogram);
	put_int(row, c->plans);
	put_ms(row, c->plan_ns);
	put_ms(row, c->error_ns);
	put_int(row, c->shared_hit);
	put_int(row, c->shared_read);
	put_int(row, c->shared_dirtied);
	put_int(row, c->shared_written);
	put_int(row, c->local_hit);
	put_int(row, c->local_read);
	put_int(row, c->local_dirtied);
	put_int(row, c->local_written);
	put_int(row, c->temp_read);
	put_int(row, c->temp_written);
	put_ms(row, c->read_ns);
	put_ms(row, c->write_ns);
	put_int(row, c->wal_records);
	put_int(row, c->wal_fpi);
	put_int(row, c->wal_bytes);
	put_int(row, c->jit_functions);
	put_ms(row, c->jit_ns);
	put_int(row, entry->spills.executions);
	if (entry->spills.executions > 0)
	{
		put_int(row, dba_spill_percentile(&entry->spills, 0.95));
		put_int(row, entry->spills.max_bytes);
	}
	else
	{
		put_null(row);
		put_null(row);
	}
	for (int i = 0; i < DBA_EVENT_KINDS; i++)
		put_int(row, entry->events[i]);
	put_int(row, entry->counted);
	put_time(row, entry->first_seen);
	put_time(row, entry->last_seen);
	put(row, BoolGetDatum(entry->tree != 0));
	end_row(row);
}

/* p50, p90, p95, p99 */
static void
put_percentiles(Row *row, const uint64 *histogram)
{
	static const double fractions[] = {0.50, 0.90, 0.95, 0.99};

	for (size_t i = 0; i < lengthof(fractions); i++)
		put_ms(row, dba_histogram_percentile(histogram, fractions[i]));
}

/* statement_plans() -> the plan of each statement's slowest counted execution */
Datum
dba_sql_statement_plans(PG_FUNCTION_ARGS)
{
	Row			row;

	begin_rows(fcinfo, &row);
	dba_store_scan(DBA_WITH_PLAN, show_plan, &row);
	return (Datum) 0;
}

static void
show_plan(const DbaStatement *statement, void *arg)
{
	Row		   *row = arg;

	if (statement->plan_text.data == NULL)
		return;
	put_key(row, &statement->entry.key);
	put_ms(row, statement->entry.plan_text_ns);
	put_blob_text(row, &statement->entry.key, &statement->plan_text);
	end_row(row);
}

/* statement_facts() -> what counted executions taught */
Datum
dba_sql_statement_facts(PG_FUNCTION_ARGS)
{
	Row			row;

	begin_rows(fcinfo, &row);
	dba_store_scan(0, show_facts, &row);
	return (Datum) 0;
}

static void
show_facts(const DbaStatement *statement, void *arg)
{
	Row		   *row = arg;

	for (int i = 0; i < DBA_MAX_FACTS; i++)
	{
		const DbaPlanFact *fact = &statement->entry.facts[i];

		if (fact->kind == DBA_FACT_NONE || fact->kind >= lengthof(fact_names))
			continue;
		put_key(row, &statement->entry.key);
		put_int(row, fact->plan_hash);
		put_text(row, fact_names[fact->kind]);
		put(row, Int32GetDatum(fact->node));
		put_text(row, dba_plan_node_name(fact->node_tag));
		put_oid(row, fact->relid);
		put_columns(row, fact->columns);
		put_oid(row, fact->other_relid);
		put_columns(row, fact->other_columns);
		put(row, BoolGetDatum(fact->limited));
		put_int(row, fact->executions);
		put_float(row, fact->loops);
		put_float(row, fact->rows);
		put_float(row, fact->removed);
		put_float(row, fact->max_removed);
		put_float(row, fact->estimated);
		put_float(row, fact->actual);
		put_int(row, fact->bytes);
		put_float(row, fact->total_rows);
		put_time(row, fact->seen_at);
		end_row(row);
	}
}

/* statement_columns() -> the columns that each statement sets and looks up by */
Datum
dba_sql_statement_columns(PG_FUNCTION_ARGS)
{
	Row			row;

	begin_rows(fcinfo, &row);
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
	Row		   *row = arg;
	const DbaQueryFacts *facts = &statement->entry.query;

	if (!OidIsValid(facts->relid) || facts->command < 0 ||
		facts->command >= (int) lengthof(commands) || commands[facts->command] == NULL)
		return;
	put_key(row, &statement->entry.key);
	put_text(row, commands[facts->command]);
	put_oid(row, facts->relid);
	put_columns(row, facts->updated);
	put_columns(row, facts->equality);
	put_columns(row, facts->range);
	put(row, BoolGetDatum(facts->referential != 0));
	put(row, BoolGetDatum(facts->unbounded != 0));
	end_row(row);
}

/* statement_repeats() -> statements that are sent once per row of another */
Datum
dba_sql_statement_repeats(PG_FUNCTION_ARGS)
{
	Row			row;

	begin_rows(fcinfo, &row);
	dba_store_scan(0, show_repeats, &row);
	return (Datum) 0;
}

static void
show_repeats(const DbaStatement *statement, void *arg)
{
	Row		   *row = arg;

	for (int i = 0; i < DBA_MAX_REPEATS; i++)
	{
		const DbaRepeats *repeats = &statement->entry.repeats[i];

		if (repeats->occasions == 0)
			continue;
		put_key(row, &statement->entry.key);
		put_text(row, repeats->kind == DBA_REPEAT_CLIENT ? "client" : "loop");
		if (may_see(row, statement->entry.key.userid))
			put_int(row, (int64) repeats->parent);
		else
			put_null(row);
		put_int(row, repeats->occasions);
		put_int(row, repeats->repeats);
		put_int(row, repeats->max_repeats);
		put_int(row, repeats->parent_rows);
		put_ms(row, repeats->ns);
		end_row(row);
	}
}

/* ------------------------------------------------------------------------
 * Samples
 * ------------------------------------------------------------------------ */

/* samples() -> executions with the values that they ran with */
Datum
dba_sql_samples(PG_FUNCTION_ARGS)
{
	Row			row;

	begin_rows(fcinfo, &row);
	dba_store_scan(DBA_WITH_TEXT | DBA_WITH_TREE | DBA_WITH_SAMPLES, show_samples, &row);
	return (Datum) 0;
}

static void
show_samples(const DbaStatement *statement, void *arg)
{
	Row		   *row = arg;
	const DbaEntry *entry = &statement->entry;
	char	   *search_path = NULL;

	if (!may_see(row, entry->key.userid))
		return;
	if (statement->tree.data != NULL)
		search_path = dba_tree_search_path(statement->tree.data, statement->tree.length);
	for (int i = 0; i <= DBA_MAX_SAMPLES; i++)
	{
		const DbaSampleRef *sample = &entry->samples[i];

		if (statement->samples[i].data == NULL)
			continue;
		put_key(row, &entry->key);
		put(row, Int32GetDatum(i + 1));
		put(row, BoolGetDatum(i == DBA_SLOWEST));
		put_time(row, sample->taken_at);
		put_ms(row, sample->ns);
		put_int(row, sample->rows);
		put_values(row, statement, i);
		put_text(row, search_path);
		put_blob_text(row, &entry->key, &statement->text);
		end_row(row);
	}
}

/* The values of a sample and their types, as two arrays. */
static void
put_values(Row *row, const DbaStatement *statement, int place)
{
	const DbaBlobCopy *blob = &statement->samples[place];
	DbaValues  *values;
	char	  **texts;

	/* What another database's types mean is not known here. */
	if (statement->entry.samples[place].is_text)
	{
		put_constants(row, statement, blob);
		put_null(row);
		return;
	}
	values = statement->entry.key.dbid == MyDatabaseId ?
		dba_values_unpack(blob->data, blob->length) : NULL;
	if (values == NULL)
	{
		put_null(row);
		put_null(row);
		return;
	}
	texts = palloc(sizeof(char *) * (values->count + 1));
	for (int i = 0; i < values->count; i++)
		texts[i] = dba_value_text(&values->values[i]);
	put(row, PointerGetDatum(text_array(texts, values->count)));
	put(row, PointerGetDatum(type_array(values)));
}

/* The constants of one statement's text, by their numbers. */
static void
put_constants(Row *row, const DbaStatement *statement, const DbaBlobCopy *blob)
{
	DbaConstant *constants = NULL;
	char	  **texts;
	int			count = 0;
	int			highest = 0;

	if (statement->text.data != NULL)
		constants = dba_constants(statement->text.data, blob->data,
								  (int) blob->length, &count);
	if (constants == NULL)
	{
		put_null(row);
		return;
	}
	for (int i = 0; i < count; i++)
		highest = Max(highest, constants[i].number);
	texts = palloc0(sizeof(char *) * (highest + 1));
	for (int i = 0; i < count; i++)
		texts[constants[i].number - 1] = unconstify(char *, constants[i].text);
	put(row, PointerGetDatum(text_array(texts, highest)));
}

static ArrayType *
text_array(char **texts, int count)
{
	Datum	   *items = palloc(sizeof(Datum) * (count + 1));
	bool	   *nulls = palloc0(sizeof(bool) * (count + 1));
	int			lower = 1;

	for (int i = 0; i < count; i++)
	{
		nulls[i] = texts[i] == NULL;
		if (!nulls[i])
			items[i] = CStringGetTextDatum(texts[i]);
	}
	return construct_md_array(items, nulls, 1, &count, &lower, TEXTOID, -1, false,
							  TYPALIGN_INT);
}

static ArrayType *
type_array(const DbaValues *values)
{
	Datum	   *items = palloc(sizeof(Datum) * (values->count + 1));

	for (int i = 0; i < values->count; i++)
		items[i] = ObjectIdGetDatum(values->values[i].type);
	return construct_array(items, values->count, REGTYPEOID, sizeof(Oid), true,
						   TYPALIGN_INT);
}

/*
 * explain_sample(queryid, sample) -> the plan that a sampled statement has now,
 * as its user would get it
 */
Datum
dba_sql_explain_sample(PG_FUNCTION_ARGS)
{
	Row			reader = {.userid = GetUserId()};
	Wanted		wanted = {
		.context = CurrentMemoryContext, .reader = &reader
	};
	DbaPlannable plannable = {0};
	DbaTree    *tree;
	char	   *plan;
	char	   *error = NULL;
	double		cost;
	int			place;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	demand_store();
	reader.sees_all = has_privs_of_role(GetUserId(), ROLE_PG_READ_ALL_STATS);
	wanted.queryid = (uint64) PG_GETARG_INT64(0);
	wanted.sample = PG_ARGISNULL(1) ? 0 : PG_GETARG_INT32(1);
	dba_store_scan(DBA_WITH_TEXT | DBA_WITH_TREE | DBA_WITH_SAMPLES, find_sample, &wanted);
	if (wanted.rank == 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("no statement %lld that could be planned again is known in this database",
						(long long) wanted.queryid),
				 errhint("dbadvisor.samples lists what is known.")));

	tree = dba_tree_unpack(wanted.statement.tree.data, wanted.statement.tree.length);
	place = choose_sample(&wanted.statement, wanted.sample);
	if (tree == NULL || (wanted.sample > 0 && place < 0))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("statement %lld has no sample %d",
						(long long) wanted.queryid, wanted.sample)));

	plannable.query = tree->query;
	plannable.text = wanted.statement.text.data ? wanted.statement.text.data : "";
	plannable.search_path = tree->search_path;
	plannable.userid = wanted.statement.entry.key.userid;
	if (place >= 0)
	{
		DbaValues  *values = dba_values_unpack(wanted.statement.samples[place].data,
											   wanted.statement.samples[place].length);

		plannable.params = dba_tree_bind(tree, values);
	}
	plan = dba_replan(&plannable, &cost, &error);
	if (plan == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("statement %lld cannot be planned now: %s",
						(long long) wanted.queryid, error)));
	PG_RETURN_TEXT_P(cstring_to_text(plan));
}

/* statement_relations(queryid) -> the relations that a statement names */
Datum
dba_sql_statement_relations(PG_FUNCTION_ARGS)
{
	Row			row;
	Wanted		wanted = {.context = CurrentMemoryContext, .reader = &row};
	DbaTree    *tree = NULL;
	ListCell   *cell;
	int			number = 0;

	begin_rows(fcinfo, &row);
	wanted.queryid = (uint64) PG_GETARG_INT64(0);
	dba_store_scan(DBA_WITH_TREE, find_sample, &wanted);
	if (wanted.rank > 0)
		tree = dba_tree_unpack(wanted.statement.tree.data, wanted.statement.tree.length);
	if (tree == NULL)
		return (Datum) 0;
	foreach(cell, dba_tree_relations(tree))
	{
		put(&row, Int32GetDatum(++number));
		put_oid(&row, lfirst_oid(cell));
		end_row(&row);
	}
	return (Datum) 0;
}

/*
 * Remembers the statement asked for, of this database, that may be seen; of
 * several the one with samples, and rather a client's than a function's.
 */
static void
find_sample(const DbaStatement *statement, void *arg)
{
	Wanted	   *wanted = arg;
	MemoryContext caller;
	DbaStatement *copy = &wanted->statement;
	int			rank = 1;

	if (statement->entry.key.queryid != wanted->queryid ||
		statement->entry.key.dbid != MyDatabaseId || wanted->queryid == 0 ||
		statement->tree.data == NULL ||
		!may_see(wanted->reader, statement->entry.key.userid))
		return;
	if (choose_sample(statement, wanted->sample) >= 0)
		rank += 2;
	if (statement->entry.key.toplevel)
		rank += 1;
	if (rank <= wanted->rank)
		return;

	wanted->rank = rank;
	*copy = *statement;
	caller = MemoryContextSwitchTo(wanted->context);
	copy->tree.data = memcpy(palloc(copy->tree.length), statement->tree.data, copy->tree.length);
	if (copy->text.data != NULL)
		copy->text.data = pstrdup(statement->text.data);
	for (int i = 0; i <= DBA_MAX_SAMPLES; i++)
	{
		if (statement->samples[i].data != NULL)
			copy->samples[i].data = memcpy(palloc(copy->samples[i].length),
										   statement->samples[i].data,
										   copy->samples[i].length);
	}
	MemoryContextSwitchTo(caller);
}

/*
 * The place of the sample asked for, or of the newest with values; -1 when there
 * is none.
 */
static int
choose_sample(const DbaStatement *statement, int wanted)
{
	int			newest = -1;

	for (int i = 0; i <= DBA_MAX_SAMPLES; i++)
	{
		const DbaSampleRef *sample = &statement->entry.samples[i];

		if (statement->samples[i].data == NULL || sample->is_text ||
			(wanted > 0 && wanted != i + 1))
			continue;
		if (newest < 0 || sample->taken_at > statement->entry.samples[newest].taken_at)
			newest = i;
	}
	return newest;
}

/* ------------------------------------------------------------------------
 * Events, and the whole
 * ------------------------------------------------------------------------ */

/* events() -> the last events, the newest first */
Datum
dba_sql_events(PG_FUNCTION_ARGS)
{
	DbaEvent   *events = palloc(sizeof(DbaEvent) * DBA_MAX_EVENTS);
	Row			row;
	int			count;

	begin_rows(fcinfo, &row);
	count = dba_store_events(events);
	for (int i = 0; i < count; i++)
	{
		const DbaEvent *event = &events[i];

		put_time(&row, event->at);
		put_text(&row, event_names[event->kind]);
		put_text(&row, unpack_sql_state(event->sqlstate));
		put_oid(&row, event->key.dbid);
		put_oid(&row, event->key.userid);
		if (event->key.queryid != 0 && may_see(&row, event->key.userid))
			put_int(&row, (int64) event->key.queryid);
		else
			put_null(&row);
		if (event->kind == DBA_EVENT_TEMP_FILE)
			put_int(&row, event->bytes);
		else
			put_null(&row);
		/* A deadlock's detail has the statements of others. */
		if (row.sees_all ||
			(event->kind != DBA_EVENT_DEADLOCK && may_see(&row, event->key.userid)))
			put_text(&row, event->detail);
		else
			put_null(&row);
		end_row(&row);
	}
	return (Datum) 0;
}

/* event_counts() -> how often each kind of event happened in this database */
Datum
dba_sql_event_counts(PG_FUNCTION_ARGS)
{
	Row			row;

	begin_rows(fcinfo, &row);
	for (int kind = 0; kind < DBA_EVENT_KINDS; kind++)
	{
		TimestampTz last;
		int64		count = dba_store_event_count(MyDatabaseId, kind, &last);

		put_text(&row, event_names[kind]);
		put_int(&row, count);
		if (count > 0)
			put_time(&row, last);
		else
			put_null(&row);
		end_row(&row);
	}
	return (Datum) 0;
}

/* latency() -> percentiles over all statements of clients of this database */
Datum
dba_sql_latency(PG_FUNCTION_ARGS)
{
	Latency    *latency = palloc0(sizeof(Latency));
	Row			row;

	begin_rows(fcinfo, &row);
	dba_store_scan(0, add_latency, latency);
	put_int(&row, latency->calls);
	put_percentiles(&row, latency->histogram);
	end_row(&row);
	return (Datum) 0;
}

static void
add_latency(const DbaStatement *statement, void *arg)
{
	Latency    *latency = arg;

	if (statement->entry.key.dbid != MyDatabaseId || !statement->entry.key.toplevel)
		return;
	latency->calls += statement->entry.counters.calls;
	for (int i = 0; i < DBA_HISTOGRAM_BUCKETS; i++)
		latency->histogram[i] += statement->entry.histogram[i];
}

/* store() -> what the store says of itself */
Datum
dba_sql_store(PG_FUNCTION_ARGS)
{
	DbaStoreInfo info;
	Row			row;

	begin_rows(fcinfo, &row);
	dba_store_info(&info);
	put_time(&row, info.since);
	put_int(&row, info.statements);
	put_int(&row, info.max_statements);
	put_int(&row, info.sample_bytes_used);
	put_int(&row, info.sample_bytes);
	put_int(&row, info.shared_bytes);
	put_int(&row, info.evicted);
	put_int(&row, info.samples_dropped);
	put_int(&row, info.events_lost);
	put_int(&row, info.unobserved);
	put_int(&row, info.failures);
	end_row(&row);
	return (Datum) 0;
}

/* reset() -> forgets all */
Datum
dba_sql_reset(PG_FUNCTION_ARGS)
{
	(void) fcinfo;
	demand_store();
	dba_store_reset();

	/* Or this session would take the texts for known until its next flush. */
	if (dba_tally_usable)
		dba_tally_flush(true);
	PG_RETURN_VOID();
}

/* ------------------------------------------------------------------------
 * Rows
 * ------------------------------------------------------------------------ */

static void
begin_rows(FunctionCallInfo fcinfo, Row *row)
{
	demand_store();
	InitMaterializedSRF(fcinfo, 0);
	memset(row, 0, sizeof(*row));
	row->result = (ReturnSetInfo *) fcinfo->resultinfo;
	row->userid = GetUserId();
	row->sees_all = has_privs_of_role(row->userid, ROLE_PG_READ_ALL_STATS);
}

static void
end_row(Row *row)
{
	Assert(row->count == row->result->setDesc->natts);
	tuplestore_putvalues(row->result->setResult, row->result->setDesc,
						 row->values, row->nulls);
	row->count = 0;
}

static void
put(Row *row, Datum value)
{
	row->nulls[row->count] = false;
	row->values[row->count++] = value;
}

static void
put_null(Row *row)
{
	row->nulls[row->count] = true;
	row->values[row->count++] = (Datum) 0;
}

static void
put_int(Row *row, int64 value)
{
	put(row, Int64GetDatum(value));
}

/* Not a number is null. */
static void
put_float(Row *row, double value)
{
	if (isnan(value))
		put_null(row);
	else
		put(row, Float8GetDatum(value));
}

/* Nanoseconds, shown as milliseconds. */
static void
put_ms(Row *row, double ns)
{
	put_float(row, ns / 1000000);
}

static void
put_time(Row *row, TimestampTz value)
{
	put(row, TimestampTzGetDatum(value));
}

static void
put_text(Row *row, const char *text)
{
	if (text == NULL)
		put_null(row);
	else
		put(row, CStringGetTextDatum(text));
}

static void
put_oid(Row *row, Oid value)
{
	if (OidIsValid(value))
		put(row, ObjectIdGetDatum(value));
	else
		put_null(row);
}

/* Column numbers; 0 stands for those that have no number of their own here. */
static void
put_columns(Row *row, DbaColumns columns)
{
	Datum		items[DBA_MAX_COLUMN + 1];
	int			count = 0;

	for (int i = 1; i <= DBA_MAX_COLUMN; i++)
	{
		if (columns & (UINT64CONST(1) << (i - 1)))
			items[count++] = Int16GetDatum((int16) i);
	}
	if (columns & DBA_OTHER_COLUMN)
		items[count++] = Int16GetDatum(0);
	put(row, PointerGetDatum(construct_array(items, count, INT2OID, sizeof(int16),
											 true, TYPALIGN_SHORT)));
}

static bool
may_see(const Row *row, Oid userid)
{
	return row->sees_all || userid == row->userid;
}

/* queryid, userid, dbid, toplevel; a hidden statement's queryid is null. */
static void
put_key(Row *row, const DbaStatementKey *key)
{
	if (key->queryid != 0 && may_see(row, key->userid))
		put_int(row, (int64) key->queryid);
	else
		put_null(row);
	put_oid(row, key->userid);
	put_oid(row, key->dbid);
	put(row, BoolGetDatum(key->toplevel != 0));
}

/* A text of the statement's database, in the encoding of this one. */
static void
put_blob_text(Row *row, const DbaStatementKey *key, const DbaBlobCopy *blob)
{
	if (key->queryid == 0)
		put_text(row, "<evicted statements>");
	else if (!may_see(row, key->userid))
		put_text(row, "<insufficient privilege>");
	else if (blob->data != NULL && key->dbid != MyDatabaseId &&
			 !pg_verify_mbstr(GetDatabaseEncoding(), blob->data, (int) blob->length, true))
		put_text(row, "<text in another encoding>");
	else
		put_text(row, blob->data);
}
