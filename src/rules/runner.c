/*-------------------------------------------------------------------------
 *
 * runner.c
 *	  Runs the rules and gives what they found and what they examined.
 *
 * Each rule runs as one read-only query through SPI, in a subtransaction of
 * its own: an error in one rule becomes a line of coverage and never loses
 * the report.  What must end the whole statement does: a user's cancel, a
 * statement timeout, the end of the session.
 *
 * Settings are pinned for the run (see pinned_settings), so that neither a
 * caller's search_path nor his formats can change what a rule means.
 *
 * Works in a read-only transaction and on a standby: a subtransaction that
 * writes nothing needs no transaction id.
 *
 * Locking: catalogs only, under a short lock_timeout; user relations through
 * availability.c, which never waits.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "facts/availability.h"
#include "rules/deadline.h"
#include "rules/finding.h"
#include "rules/needs.h"
#include "rules/runner.h"
#include "settings.h"

#include <limits.h>
#include <math.h>

#include "access/xact.h"
#include "catalog/pg_class.h"
#include "executor/spi.h"
#include "portability/instr_time.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/resowner.h"

/* A rule never gets less than this while there is time left, in ms. */
#define MIN_RULE_TIME 100

/* What the rules are written for; see also the column of each in the docs. */
static const struct
{
	const char *name;
	const char *value;
}			pinned_settings[] = {
	{"search_path", "pg_catalog, pg_temp"},
	{"lock_timeout", "1s"},		/* a locked catalog; tables never wait */
	{"jit", "off"},				/* compiling costs more than it gives here */
	{"DateStyle", "ISO, YMD"},
	{"IntervalStyle", "postgres"},
	{"extra_float_digits", "1"},
	{"bytea_output", "hex"},
	{"quote_all_identifiers", "off"},
	{"standard_conforming_strings", "on"},
	{"transform_null_equals", "off"},
	{"dbadvisor.observe", "off"},	/* advice is nobody's workload */
};

/* How many objects there are to examine; counted once a run. */
typedef struct Population
{
	const char *relation;		/* as the rule names it */
	int64		count;
	List	   *skipped;		/* oids of locked relations left out of it */
} Population;

/* The state of a run. */
typedef struct RunState
{
	DbaRun	   *result;
	MemoryContext context;		/* what outlives a rule */
	instr_time	start;
	List	   *populations;
} RunState;

/* Of the rule that is running; NULL: none is. */
static DbaCoverage *running = NULL;

static void pin_settings(void);
static void run_rule(RunState *state, const DbaRule *rule);
static bool try_rule(RunState *state, const DbaRule *rule,
					 DbaCoverage *coverage);
static List *query_rule(RunState *state, const DbaRule *rule,
					   DbaCoverage *coverage);
static Population *population_of(RunState *state, const DbaRule *rule);
static void select_rows(const char *sql);
static char *with_extension_schemas(const char *sql);
static char *extension_schema(const char *extension);
static void judge_error(DbaCoverage *coverage, ErrorData *error,
						bool timed_out);
static void note_skipped(DbaCoverage *coverage, List *skipped);
static int	time_for_rule(RunState *state);
static double elapsed_ms(instr_time start);

/*
 * Runs the rules of the given categories (NIL for all).  The result lives in
 * the current memory context.
 */
DbaRun *
dba_run_rules(List *categories)
{
	RunState	state = {0};
	MemoryContext book_keeping;
	int			guc_level;

	state.context = CurrentMemoryContext;
	state.result = palloc0(sizeof(DbaRun));
	INSTR_TIME_SET_CURRENT(state.start);

	/* A child, so that after an error it ends with the caller's context. */
	book_keeping = AllocSetContextCreate(state.context, "dbadvisor run",
										 ALLOCSET_DEFAULT_SIZES);
	dba_availability_begin_run(book_keeping);
	guc_level = NewGUCNestLevel();
	pin_settings();

	for (int i = 0; i < dba_rule_count; i++)
	{
		if (categories == NIL ||
			list_member(categories,
						makeString(pstrdup(dba_rules[i].category))))
			run_rule(&state, &dba_rules[i]);
	}

	AtEOXact_GUC(true, guc_level);
	MemoryContextDelete(book_keeping);
	state.result->findings = dba_findings_rank(state.result->findings);
	return state.result;
}

const char *
dba_coverage_status_name(DbaCoverageStatus status)
{
	switch (status)
	{
		case DBA_COVERAGE_EXAMINED:
			return "examined";
		case DBA_COVERAGE_PARTLY:
			return "partly";
		case DBA_COVERAGE_SKIPPED:
			return "skipped";
		case DBA_COVERAGE_CUT_OFF:
			return "cut off";
		case DBA_COVERAGE_FAILED:
			return "failed";
	}
	pg_unreachable();
}

/*
 * For functions that rules call: so many objects were left out, or none, and what
 * is to be said of that.  False where no rule runs.
 */
bool
dba_run_note(int64 skipped, const char *reason)
{
	MemoryContext caller;

	if (running == NULL)
		return false;
	caller = MemoryContextSwitchTo(GetMemoryChunkContext(running));
	running->skipped += skipped;
	running->reason = running->reason == NULL ? pstrdup(reason) :
		psprintf("%s; %s", running->reason, reason);
	MemoryContextSwitchTo(caller);
	return true;
}

static void
pin_settings(void)
{
	for (size_t i = 0; i < lengthof(pinned_settings); i++)
		(void) set_config_option(pinned_settings[i].name,
								 pinned_settings[i].value,
								 PGC_SUSET, PGC_S_SESSION,
								 GUC_ACTION_SAVE, true, 0, false);
}

/* Adds the rule's coverage, and its findings, to the run. */
static void
run_rule(RunState *state, const DbaRule *rule)
{
	DbaCoverage *coverage = palloc0(sizeof(DbaCoverage));
	instr_time	start;

	state->result->coverage = lappend(state->result->coverage, coverage);
	coverage->rule = rule;
	if (time_for_rule(state) <= 0)
	{
		coverage->status = DBA_COVERAGE_CUT_OFF;
		coverage->reason = psprintf("not begun: dbadvisor.time_limit of %d ms was used up",
									dba_time_limit);
		return;
	}

	INSTR_TIME_SET_CURRENT(start);
	dba_availability_begin_rule();
	if (try_rule(state, rule, coverage) && coverage->skipped > 0)
		coverage->status = DBA_COVERAGE_PARTLY;
	coverage->ms = elapsed_ms(start);
}

/*
 * Runs the rule in a subtransaction and adds what it finds to the run.
 * False, and the coverage says why, when it did not come to its end.
 */
static bool
try_rule(RunState *state, const DbaRule *rule, DbaCoverage *coverage)
{
	ResourceOwner owner = CurrentResourceOwner;
	List	   *volatile findings = NIL;
	volatile bool ended = false;

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(state->context);
	running = coverage;
	PG_TRY();
	{
		dba_deadline_arm(time_for_rule(state));
		findings = query_rule(state, rule, coverage);
		/* A deadline that passed in the last moment did no harm. */
		(void) dba_deadline_disarm();
		ReleaseCurrentSubTransaction();
		ended = true;
	}
	PG_CATCH();
	{
		ErrorData  *error;
		bool		timed_out = dba_deadline_disarm();

		running = NULL;
		MemoryContextSwitchTo(state->context);
		error = CopyErrorData();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
		MemoryContextSwitchTo(state->context);
		CurrentResourceOwner = owner;
		judge_error(coverage, error, timed_out);
	}
	PG_END_TRY();

	running = NULL;
	MemoryContextSwitchTo(state->context);
	CurrentResourceOwner = owner;
	if (ended)
		state->result->findings = list_concat(state->result->findings,
											  findings);
	return ended;
}

/*
 * Queries the population and the rule, and returns what the rule found.  A rule
 * that lacks something that it needs is skipped, with the reason.
 */
static List *
query_rule(RunState *state, const DbaRule *rule, DbaCoverage *coverage)
{
	Population *population;
	List	   *findings;

	coverage->reason = dba_rule_unmet_need(rule);
	if (coverage->reason != NULL)
	{
		coverage->status = DBA_COVERAGE_SKIPPED;
		return NIL;
	}

	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");

	population = population_of(state, rule);
	select_rows(rule->sql);
	findings = dba_findings_read(rule, SPI_tuptable, SPI_processed,
								 state->context);
	SPI_finish();

	MemoryContextSwitchTo(state->context);
	coverage->examined = population->count;
	coverage->found = list_length(findings);
	note_skipped(coverage,
				 list_concat_unique_oid(list_copy(population->skipped),
										dba_availability_skipped()));
	return findings;
}

/* What the rule examines, counted if no rule before it asked for the same. */
static Population *
population_of(RunState *state, const DbaRule *rule)
{
	ListCell   *cell;
	Population *population;
	MemoryContext caller;
	bool		isnull;

	foreach(cell, state->populations)
	{
		population = lfirst(cell);
		if (strcmp(population->relation, rule->examines) == 0)
			return population;
	}

	caller = MemoryContextSwitchTo(state->context);
	population = palloc0(sizeof(Population));
	population->relation = rule->examines;
	population->count = 1;
	MemoryContextSwitchTo(caller);

	if (strcmp(rule->examines, "server") != 0)
	{
		select_rows(psprintf("SELECT count(*) FROM %s", rule->examines));
		population->count =
			DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[0],
										SPI_tuptable->tupdesc, 1, &isnull));
	}

	caller = MemoryContextSwitchTo(state->context);
	population->skipped = list_copy(dba_availability_skipped());
	state->populations = lappend(state->populations, population);
	MemoryContextSwitchTo(caller);
	return population;
}

/* Runs one SELECT; the rows are in SPI_tuptable. */
static void
select_rows(const char *sql)
{
	int			result = SPI_execute(with_extension_schemas(sql), true, 0);

	if (result != SPI_OK_SELECT)
		elog(ERROR, "a rule is one SELECT: %s", SPI_result_code_string(result));
}

/*
 * The query with each @extschema:NAME@ replaced by the schema in which that
 * extension happens to be installed.
 */
static char *
with_extension_schemas(const char *sql)
{
	static const char marker[] = "@extschema:";
	StringInfoData buf;
	const char *found;

	initStringInfo(&buf);
	while ((found = strstr(sql, marker)) != NULL)
	{
		const char *name = found + strlen(marker);
		size_t		length = strcspn(name, "@");

		appendBinaryStringInfo(&buf, sql, found - sql);
		appendStringInfoString(&buf,
							   extension_schema(pnstrdup(name, length)));
		sql = name + length + 1;
	}
	appendStringInfoString(&buf, sql);
	return buf.data;
}

/* The quoted schema of an extension's objects. */
static char *
extension_schema(const char *extension)
{
	char	   *sql = psprintf("SELECT quote_ident(nspname)"
							   " FROM pg_extension"
							   " JOIN pg_namespace n ON n.oid = extnamespace"
							   " WHERE extname = %s",
							   quote_literal_cstr(extension));

	if (SPI_execute(sql, true, 1) != SPI_OK_SELECT || SPI_processed == 0)
		elog(ERROR, "extension \"%s\" is not installed", extension);
	return SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1);
}

/*
 * What an error in a rule means: our own time limit, an end that the user or
 * the server asked for (then it goes on upwards), or a fault of the rule.
 */
static void
judge_error(DbaCoverage *coverage, ErrorData *error, bool timed_out)
{
	bool		cancelled = error->sqlerrcode == ERRCODE_QUERY_CANCELED;

	if (cancelled && !timed_out)
	{
		/* SPI's context is the whole text of the rule: its name will do. */
		error->context = psprintf("dbadvisor rule \"%s\"",
								  coverage->rule->name);
		ReThrowError(error);
	}

	if (cancelled)
	{
		coverage->status = DBA_COVERAGE_CUT_OFF;
		coverage->reason = psprintf("cut off: its share of dbadvisor.time_limit (%d ms) was used up",
									dba_time_limit);
	}
	else
	{
		coverage->status = DBA_COVERAGE_FAILED;
		coverage->reason = psprintf("failed: %s", error->message);
	}
}

/* Counts the locked relations and names the first of them. */
static void
note_skipped(DbaCoverage *coverage, List *skipped)
{
	StringInfoData buf;
	int			named = 0;
	ListCell   *cell;

	coverage->skipped += list_length(skipped);
	if (skipped == NIL)
		return;

	initStringInfo(&buf);
	if (coverage->reason != NULL)
		appendStringInfo(&buf, "%s; ", coverage->reason);
	appendStringInfoString(&buf, "locked: ");
	foreach(cell, skipped)
	{
		ObjectAddress address;
		char	   *name;

		if (named == DBA_MAX_NAMED_SKIPS)
			break;
		ObjectAddressSet(address, RelationRelationId, lfirst_oid(cell));
		name = getObjectIdentity(&address, true);
		if (name != NULL)
			appendStringInfo(&buf, "%s%s", named++ ? ", " : "", name);
	}
	if (list_length(skipped) > named)
		appendStringInfo(&buf, " and %d more", list_length(skipped) - named);
	coverage->reason = buf.data;
}

/*
 * Milliseconds that the next rule may take: half of what is left, so that one
 * slow rule never starves the others; none when the time is up.
 */
static int
time_for_rule(RunState *state)
{
	double		left;

	if (dba_time_limit == 0)
		return INT_MAX;
	left = dba_time_limit - elapsed_ms(state->start);
	if (left <= 0)
		return 0;
	return (int) ceil(Max(left / 2, Min(left, MIN_RULE_TIME)));
}

static double
elapsed_ms(instr_time start)
{
	instr_time	now;

	INSTR_TIME_SET_CURRENT(now);
	INSTR_TIME_SUBTRACT(now, start);
	return INSTR_TIME_GET_MILLISEC(now);
}
