/*-------------------------------------------------------------------------
 *
 * store_funcs.c
 *	  SQL functions over the observed workload as a whole: arguments in, tuples out.
 *
 * Locking: none of its own.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "dbadvisor.h"
#include "observe/histogram.h"
#include "observe/region.h"
#include "observe/store.h"
#include "observe/store_events.h"
#include "observe/tally.h"
#include "sqlfuncs/rows.h"
#include "sqlfuncs/store_funcs.h"

#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/guc.h"

PG_FUNCTION_INFO_V1(dba_sql_observing_obstacle);
PG_FUNCTION_INFO_V1(dba_sql_events);
PG_FUNCTION_INFO_V1(dba_sql_event_counts);
PG_FUNCTION_INFO_V1(dba_sql_latency);
PG_FUNCTION_INFO_V1(dba_sql_store);
PG_FUNCTION_INFO_V1(dba_sql_reset);

/* Adds up latencies. */
typedef struct Latency
{
	int64		calls;
	uint64		histogram[DBA_HISTOGRAM_BUCKETS];
} Latency;

static const char *observing_obstacle(void);
static bool is_loaded_by(const char *setting);
static void add_latency(const DbaStatement *statement, void *arg);

static const char *const event_names[DBA_EVENT_KINDS] = {
	[DBA_EVENT_DEADLOCK] = "deadlock",
	[DBA_EVENT_SERIALIZATION] = "serialization_failure",
	[DBA_EVENT_LOCK_TIMEOUT] = "lock_timeout",
	[DBA_EVENT_CANCEL] = "cancel",
	[DBA_EVENT_TEMP_FILE] = "temp_file"
};

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

/* Whether the store tells what this database's sessions do. */
bool
dba_is_observed(void)
{
	return observing_obstacle() == NULL;
}

/* Whether a list of libraries names this one. */
static bool
is_loaded_by(const char *setting)
{
	const char *libraries = GetConfigOption(setting, true, false);

	return libraries != NULL && strstr(libraries, "dbadvisor") != NULL;
}

void
dba_demand_store(void)
{
	if (!dba_store_ready())
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("statements are not observed"),
				 errdetail("%s.", observing_obstacle())));
	if (dba_tally_usable)
		dba_tally_flush(true);
}

/* events() -> the last events, the newest first */
Datum
dba_sql_events(PG_FUNCTION_ARGS)
{
	DbaEvent   *events = palloc(sizeof(DbaEvent) * DBA_MAX_EVENTS);
	DbaRow		row;
	int			count;

	dba_rows_begin(fcinfo, &row);
	count = dba_store_events(events);
	for (int i = 0; i < count; i++)
	{
		const DbaEvent *event = &events[i];

		dba_put_time(&row, event->at);
		dba_put_text(&row, event_names[event->kind]);
		dba_put_text(&row, unpack_sql_state(event->sqlstate));
		dba_put_oid(&row, event->key.dbid);
		dba_put_oid(&row, event->key.userid);
		if (event->key.queryid != 0 && dba_may_see(&row, event->key.userid))
			dba_put_int(&row, (int64) event->key.queryid);
		else
			dba_put_null(&row);
		if (event->kind == DBA_EVENT_TEMP_FILE)
			dba_put_int(&row, event->bytes);
		else
			dba_put_null(&row);
		/* A deadlock's detail has the statements of others. */
		if (row.sees_all ||
			(event->kind != DBA_EVENT_DEADLOCK && dba_may_see(&row, event->key.userid)))
			dba_put_foreign_text(&row, event->key.dbid, event->detail);
		else
			dba_put_null(&row);
		dba_row_end(&row);
	}
	return (Datum) 0;
}

/* event_counts() -> how often each kind of event happened in this database */
Datum
dba_sql_event_counts(PG_FUNCTION_ARGS)
{
	DbaRow		row;
	DbaEventCounts counts;

	dba_rows_begin(fcinfo, &row);
	dba_store_event_counts(MyDatabaseId, &counts);
	for (int kind = 0; kind < DBA_EVENT_KINDS; kind++)
	{
		dba_put_text(&row, event_names[kind]);
		dba_put_int(&row, counts.counts[kind]);
		if (counts.counts[kind] > 0)
			dba_put_time(&row, counts.last[kind]);
		else
			dba_put_null(&row);
		dba_put_int(&row, counts.transactions);
		dba_row_end(&row);
	}
	return (Datum) 0;
}

/* latency() -> percentiles over all statements of clients of this database */
Datum
dba_sql_latency(PG_FUNCTION_ARGS)
{
	Latency    *latency = palloc0(sizeof(Latency));
	DbaRow		row;

	dba_rows_begin(fcinfo, &row);
	dba_store_scan(0, add_latency, latency);
	dba_put_int(&row, latency->calls);
	dba_put_percentiles(&row, latency->histogram);
	dba_row_end(&row);
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
	DbaRow		row;

	dba_rows_begin(fcinfo, &row);
	dba_store_info(&info);
	dba_put_time(&row, info.since);
	dba_put_int(&row, info.statements);
	dba_put_int(&row, info.max_statements);
	dba_put_int(&row, info.sample_bytes_used);
	dba_put_int(&row, info.sample_bytes);
	dba_put_int(&row, info.shared_bytes);
	dba_put_int(&row, info.evicted);
	dba_put_int(&row, info.samples_dropped);
	dba_put_int(&row, info.events_lost);
	dba_put_int(&row, info.unobserved);
	dba_put_int(&row, info.failures);
	dba_row_end(&row);
	return (Datum) 0;
}

/* reset() -> forgets all */
Datum
dba_sql_reset(PG_FUNCTION_ARGS)
{
	(void) fcinfo;
	dba_demand_store();
	dba_store_reset();

	/* Or this session would take the texts for known until its next flush. */
	if (dba_tally_usable)
		dba_tally_flush(true);
	PG_RETURN_VOID();
}
