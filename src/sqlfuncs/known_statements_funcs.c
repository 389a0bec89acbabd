/*-------------------------------------------------------------------------
 *
 * known_statements_funcs.c
 *	  The statements of this database, from whoever knows them: out as tuples.
 *
 * A view could not do this: pg_stat_statements may not be there, and lies in
 * whatever schema somebody chose.
 *
 * Locking: none of its own.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "dbadvisor.h"

#include "commands/extension.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/tuplestore.h"

PG_FUNCTION_INFO_V1(dba_sql_known_statements);

/* Both give the columns of known_statements(), in its order. */
static const char observed[] =
"SELECT s.queryid, s.userid, s.toplevel, s.query, s.calls, s.errors, s.rows,"
"       s.total_ms, s.error_ms, s.stddev_ms, s.p50_ms, s.p95_ms, s.p99_ms,"
"       s.shared_hit, s.shared_read, s.local_hit + s.local_read,"
"       s.temp_written, s.read_ms,"
"       greatest(s.first_seen, o.since), true, s.explainable,"
"       s.queryid IS NULL AND s.query <> '<evicted statements>'"
" FROM dbadvisor.statements s CROSS JOIN dbadvisor.store o"
" WHERE s.dbid = (SELECT d.oid FROM pg_catalog.pg_database d"
"                 WHERE d.datname = pg_catalog.current_database())";

/* %s: the schema of pg_stat_statements.  The names of some columns changed. */
static const char counted[] =
"SELECT s.queryid, s.userid, s.toplevel, s.query, s.calls, 0::int8, s.rows,"
"       s.total_exec_time, 0::float8, s.stddev_exec_time,"
"       NULL::float8, NULL::float8, NULL::float8,"
"       s.shared_blks_hit, s.shared_blks_read,"
"       s.local_blks_hit + s.local_blks_read, s.temp_blks_written,"
"       coalesce(j.columns ->> 'shared_blk_read_time', j.columns ->> 'blk_read_time')::float8,"
"       coalesce((j.columns ->> 'stats_since')::timestamptz, i.stats_reset),"
"       false, false, s.queryid IS NULL"
" FROM %1$s.pg_stat_statements s CROSS JOIN %1$s.pg_stat_statements_info i"
" CROSS JOIN LATERAL (SELECT pg_catalog.to_jsonb(s) AS columns) j"
" WHERE s.dbid = (SELECT d.oid FROM pg_catalog.pg_database d"
"                 WHERE d.datname = pg_catalog.current_database())";

static bool is_observed(void);
static const char *extension_schema(const char *extension);
static void put_rows(ReturnSetInfo *result, const char *sql);

/* known_statements() -> what is known of the statements of this database */
Datum
dba_sql_known_statements(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;

	InitMaterializedSRF(fcinfo, 0);
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	if (is_observed())
		put_rows(result, observed);
	else
		put_rows(result, psprintf(counted, extension_schema("pg_stat_statements")));
	SPI_finish();
	return (Datum) 0;
}

static bool
is_observed(void)
{
	bool		isnull;

	if (SPI_execute("SELECT dbadvisor.observing_obstacle() IS NULL", true, 1) != SPI_OK_SELECT)
		elog(ERROR, "could not ask whether statements are observed");
	return DatumGetBool(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc,
									  1, &isnull));
}

/* The schema of an extension's objects, quoted. */
static const char *
extension_schema(const char *extension)
{
	char	   *sql = psprintf("SELECT pg_catalog.quote_ident(n.nspname)"
							   " FROM pg_catalog.pg_extension e"
							   " JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace"
							   " WHERE e.extname = %s",
							   quote_literal_cstr(extension));

	if (SPI_execute(sql, true, 1) != SPI_OK_SELECT || SPI_processed != 1)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("statements are not observed, nor counted by %s", extension),
				 errhint("dbadvisor.observing_obstacle() says why they are not observed.")));
	return SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1);
}

/* The result of the query, whose columns are those of the function. */
static void
put_rows(ReturnSetInfo *result, const char *sql)
{
	if (SPI_execute(sql, true, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not read the statements");
	Assert(SPI_tuptable->tupdesc->natts == result->setDesc->natts);
	for (uint64 i = 0; i < SPI_processed; i++)
		tuplestore_puttuple(result->setResult, SPI_tuptable->vals[i]);
}
