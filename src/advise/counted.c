/*-------------------------------------------------------------------------
 *
 * counted.c
 *	  The workload that pg_stat_statements counted, to be advised on.
 *
 * For servers on which nothing is observed: it has texts without constants, so
 * only generic plans, and no search_path but the caller's.  What cannot be
 * analysed so is left out, and counted.
 *
 * Locking: that of analysing statements; given back with each of them.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "advise/counted.h"

#include "access/xact.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/resowner.h"

/* As observed.c has it: what takes most, and all but a thousandth of the time. */
static const char statements[] =
"SELECT query, queryid, ms, calls, rows, times, of_all"
" FROM (SELECT s.query, s.queryid, s.total_ms / h.hours AS ms, s.calls / h.hours AS calls,"
"              s.rows / h.hours AS rows, s.calls::float8 AS times,"
"              sum(s.total_ms / h.hours) OVER (ORDER BY s.total_ms / h.hours, s.queryid, s.userid)"
"                  AS up_to_it,"
"              sum(s.total_ms / h.hours) OVER () AS of_all"
"       FROM dbadvisor.known_statements() s"
"       CROSS JOIN LATERAL (SELECT greatest(5, extract(epoch FROM now() - s.since))::float8 / 3600"
"                           AS hours) h"
"       WHERE NOT s.is_hidden AND s.calls > 0 AND dbadvisor.is_judged(s.query, s.toplevel)) k"
" WHERE up_to_it > 0.001 * of_all"
" ORDER BY ms DESC, queryid LIMIT 2000";

static void read_statements(void);
static void set_search_path(const char *search_path);
static void take(DbaWorkload *workload, HeapTuple tuple, const char *search_path,
				 MemoryContext context);
static double number_of(HeapTuple tuple, int column);
static char *analyze(DbaWork *work, const char *text, const char *search_path);

/*
 * The statements as they are understood with that search_path.  An error where
 * pg_stat_statements is not installed.  Lives in the current context.
 */
DbaWorkload *
dba_workload_counted(const char *search_path)
{
	DbaWorkload *workload = palloc0(sizeof(DbaWorkload));
	MemoryContext caller = CurrentMemoryContext;

	workload->observed = true;
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	read_statements();
	workload->works = MemoryContextAllocZero(caller, sizeof(DbaWork) * Max(SPI_processed, 1));
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		CHECK_FOR_INTERRUPTS();
		take(workload, SPI_tuptable->vals[i], search_path, caller);
	}
	SPI_finish();
	return workload;
}

/* Nothing of the caller's search_path may stand in for what this calls. */
static void
read_statements(void)
{
	int			nest_level = NewGUCNestLevel();

	set_search_path("pg_catalog, pg_temp");
	if (SPI_execute(statements, true, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not read the statements");
	AtEOXact_GUC(true, nest_level);
}

/* Until the end of a level of settings, or of a subtransaction. */
static void
set_search_path(const char *search_path)
{
	(void) set_config_option("search_path", search_path, PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_SAVE, true, 0, false);
}

static void
take(DbaWorkload *workload, HeapTuple tuple, const char *search_path, MemoryContext context)
{
	DbaWork    *work = &workload->works[workload->count];
	char	   *text = SPI_getvalue(tuple, SPI_tuptable->tupdesc, 1);
	MemoryContext caller = MemoryContextSwitchTo(context);
	char	   *problem = analyze(work, pstrdup(text), search_path);
	bool		isnull;

	workload->ms = number_of(tuple, 7);
	if (problem == NULL)
	{
		work->queryid = (uint64) DatumGetInt64(SPI_getbinval(tuple, SPI_tuptable->tupdesc, 2, &isnull));
		work->ms = number_of(tuple, 3);
		work->calls = number_of(tuple, 4);
		work->rows = number_of(tuple, 5);
		work->times = number_of(tuple, 6);
		workload->count++;
	}
	else
	{
		memset(work, 0, sizeof(*work));
		(void) dba_workload_skip(workload, problem, number_of(tuple, 3));
	}
	MemoryContextSwitchTo(caller);
}

static double
number_of(HeapTuple tuple, int column)
{
	bool		isnull;
	Datum		value = SPI_getbinval(tuple, SPI_tuptable->tupdesc, column, &isnull);

	return isnull ? 0 : DatumGetFloat8(value);
}

/* Why it could not be, or NULL.  Its locks are given back: it is planned later. */
static char *
analyze(DbaWork *work, const char *text, const char *search_path)
{
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	ErrorData  *volatile failure = NULL;

	BeginInternalSubTransaction(NULL);
	PG_TRY();
	{
		MemoryContextSwitchTo(context);
		set_search_path(search_path);
		dba_workload_analyze(work, text);
		work->variants->plannable.search_path = search_path;
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(context);
		failure = CopyErrorData();
		FlushErrorState();
	}
	PG_END_TRY();
	RollbackAndReleaseCurrentSubTransaction();
	MemoryContextSwitchTo(context);
	CurrentResourceOwner = owner;

	if (failure != NULL && failure->sqlerrcode == ERRCODE_QUERY_CANCELED)
		ReThrowError(failure);
	if (failure != NULL)
		return pstrdup("text cannot be analysed with this search_path: of a function, or with parameters of uncertain type");
	if (dba_workload_forbidden(&work->variants->plannable, true) != NULL)
		return pstrdup("not permitted to you");
	return NULL;
}
