/*-------------------------------------------------------------------------
 *
 * rules_funcs.c
 *	  SQL functions over the rules: arguments in, tuples out.
 *
 * Locking: none of its own.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "history/record.h"
#include "rules/finding.h"
#include "rules/rule.h"
#include "rules/runner.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "funcapi.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"

PG_FUNCTION_INFO_V1(dba_sql_rules);
PG_FUNCTION_INFO_V1(dba_sql_explain_rule);
PG_FUNCTION_INFO_V1(dba_sql_recommendations);
PG_FUNCTION_INFO_V1(dba_sql_coverage);
PG_FUNCTION_INFO_V1(dba_sql_dismiss);
PG_FUNCTION_INFO_V1(dba_sql_reopen);

/* Findings that the hint of an unknown id names. */
#define MAX_HINTED_FINDINGS 10

/* Columns of recommendations(); the last two come from the tables. */
enum
{
	REC_RANK, REC_ID, REC_SEVERITY, REC_CATEGORY, REC_RULE, REC_OBJECT,
	REC_DETAIL, REC_SAVES, REC_FREES, REC_CONFIDENCE, REC_FIX, REC_UNDO,
	REC_CAUTION, REC_EVIDENCE, REC_STATUS, REC_FIRST_SEEN,
	REC_COLUMNS
};

static bool is_dismissed(DbaRecords *records, const DbaFinding *finding);
static void warn_of_unfinished(DbaRun *run);
static DbaFinding *find_finding(const char *id);
static List *categories_argument(FunctionCallInfo fcinfo, int number);
static DbaSeverity severity_argument(FunctionCallInfo fcinfo, int number);
static void put_finding(ReturnSetInfo *rsinfo, const DbaFinding *finding,
						int rank, const DbaRecord *record);
static void set_text(Datum *value, bool *isnull, const char *text);

/* rules() -> name, category, severity, title, needs, examines, documentation */
Datum
dba_sql_rules(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;

	InitMaterializedSRF(fcinfo, 0);
	for (int i = 0; i < dba_rule_count; i++)
	{
		const DbaRule *rule = &dba_rules[i];
		Datum		values[8];
		bool		nulls[8] = {0};

		set_text(&values[0], &nulls[0], rule->name);
		set_text(&values[1], &nulls[1], rule->category);
		set_text(&values[2], &nulls[2], dba_severity_name(rule->severity));
		set_text(&values[3], &nulls[3], rule->title);
		set_text(&values[4], &nulls[4], *rule->needs ? rule->needs : NULL);
		set_text(&values[5], &nulls[5], rule->examines);
		set_text(&values[6], &nulls[6], rule->doc);
		set_text(&values[7], &nulls[7], rule->sql);
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc,
							 values, nulls);
	}
	return (Datum) 0;
}

/* explain_rule(name) -> the documentation of one rule */
Datum
dba_sql_explain_rule(PG_FUNCTION_ARGS)
{
	char	   *name = text_to_cstring(PG_GETARG_TEXT_PP(0));
	const DbaRule *rule = dba_rule_find(name);

	if (rule == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("rule \"%s\" does not exist", name),
				 errhint("The rules are: %s.", dba_rule_names())));

	PG_RETURN_TEXT_P(cstring_to_text(psprintf("%s/%s (%s): %s\n\n%s",
											  rule->category, rule->name,
											  dba_severity_name(rule->severity),
											  rule->title, rule->doc)));
}

/* recommendations(categories, min_severity, include_dismissed) */
Datum
dba_sql_recommendations(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	List	   *categories = categories_argument(fcinfo, 0);
	DbaSeverity min_severity = severity_argument(fcinfo, 1);
	bool		include_dismissed = !PG_ARGISNULL(2) && PG_GETARG_BOOL(2);
	DbaRecords *records = dba_records_load();
	DbaRun	   *run = dba_run_rules(categories);
	int			rank = 0;
	ListCell   *cell;

	warn_of_unfinished(run);
	InitMaterializedSRF(fcinfo, 0);
	foreach(cell, run->findings)
	{
		DbaFinding *finding = lfirst(cell);
		List	   *shown = list_make1(finding);
		ListCell   *other;

		/* Who dismissed a finding did not dismiss those that it covers. */
		if (is_dismissed(records, finding) && !include_dismissed)
			shown = finding->covered;
		foreach(other, shown)
		{
			finding = lfirst(other);
			if (finding->severity >= min_severity &&
				(include_dismissed || !is_dismissed(records, finding)))
				put_finding(rsinfo, finding, ++rank,
							dba_records_of(records, finding));
		}
	}
	return (Datum) 0;
}

/* coverage() -> rule, category, status, examined, found, skipped, reason, ms */
Datum
dba_sql_coverage(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	DbaRun	   *run = dba_run_rules(categories_argument(fcinfo, 0));
	ListCell   *cell;

	InitMaterializedSRF(fcinfo, 0);
	foreach(cell, run->coverage)
	{
		DbaCoverage *coverage = lfirst(cell);
		Datum		values[8];
		bool		nulls[8] = {0};

		set_text(&values[0], &nulls[0], coverage->rule->name);
		set_text(&values[1], &nulls[1], coverage->rule->category);
		set_text(&values[2], &nulls[2],
				 dba_coverage_status_name(coverage->status));
		values[3] = Int64GetDatum(coverage->examined);
		values[4] = Int64GetDatum(coverage->found);
		values[5] = Int64GetDatum(coverage->skipped);
		set_text(&values[6], &nulls[6], coverage->reason);
		values[7] = Float8GetDatum(coverage->ms);
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc,
							 values, nulls);
	}
	return (Datum) 0;
}

/* dismiss(id, reason, until) -> what was dismissed, in words */
Datum
dba_sql_dismiss(PG_FUNCTION_ARGS)
{
	char	   *id;
	char	   *reason = NULL;
	TimestampTz until = 0;
	DbaFinding *finding;

	if (PG_ARGISNULL(0))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("the id of a finding must not be null")));
	id = text_to_cstring(PG_GETARG_TEXT_PP(0));
	if (!PG_ARGISNULL(1))
		reason = text_to_cstring(PG_GETARG_TEXT_PP(1));
	if (!PG_ARGISNULL(2))
		until = PG_GETARG_TIMESTAMPTZ(2);
	if (!PG_ARGISNULL(2) && until <= GetCurrentTimestamp())
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the time until which to dismiss has passed already"),
				 errhint("NULL dismisses for ever; reopen() takes it back.")));

	finding = find_finding(id);
	dba_record_dismiss(finding, reason, PG_ARGISNULL(2) ? NULL : &until);
	PG_RETURN_TEXT_P(cstring_to_text(psprintf("dismissed: %s of %s",
											  finding->rule->name,
											  finding->object)));
}

/* reopen(id) -> what was reopened, in words */
Datum
dba_sql_reopen(PG_FUNCTION_ARGS)
{
	char	   *id = text_to_cstring(PG_GETARG_TEXT_PP(0));

	if (!dba_record_reopen(id))
	{
		char	   *dismissed = dba_record_dismissed_ids();

		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("finding \"%s\" is not dismissed", id),
				 *dismissed ? errhint("Dismissed are: %s.", dismissed)
				 : errhint("No finding is dismissed.")));
	}
	PG_RETURN_TEXT_P(cstring_to_text(psprintf("reopened: %s", id)));
}

static bool
is_dismissed(DbaRecords *records, const DbaFinding *finding)
{
	const DbaRecord *record = dba_records_of(records, finding);

	return record != NULL && record->dismissed;
}

/* An empty list must not pass for good health when rules broke off. */
static void
warn_of_unfinished(DbaRun *run)
{
	StringInfoData names;
	int			unfinished = 0;
	ListCell   *cell;

	initStringInfo(&names);
	foreach(cell, run->coverage)
	{
		DbaCoverage *coverage = lfirst(cell);

		if (coverage->status == DBA_COVERAGE_CUT_OFF ||
			coverage->status == DBA_COVERAGE_FAILED)
			appendStringInfo(&names, "%s%s", unfinished++ ? ", " : "",
							 coverage->rule->name);
	}
	if (unfinished > 0)
		ereport(WARNING,
				(errmsg_plural("%d rule did not come to its end: %s",
							   "%d rules did not come to their end: %s",
							   unfinished, unfinished, names.data),
				 errhint("The reason is in dbadvisor.coverage().")));
}

/* The present finding with that id, or an error that lists what there is. */
static DbaFinding *
find_finding(const char *id)
{
	DbaRun	   *run = dba_run_rules(NIL);
	StringInfoData hint;
	int			hinted = 0;
	ListCell   *cell;

	initStringInfo(&hint);
	foreach(cell, run->findings)
	{
		DbaFinding *finding = lfirst(cell);

		ListCell   *other;

		if (strcmp(finding->id, id) == 0)
			return finding;
		foreach(other, finding->covered)
		{
			if (strcmp(((DbaFinding *) lfirst(other))->id, id) == 0)
				return lfirst(other);
		}
		if (hinted++ < MAX_HINTED_FINDINGS)
			appendStringInfo(&hint, "%s%s (%s of %s)",
							 hinted > 1 ? ", " : "", finding->id,
							 finding->rule->name, finding->object);
	}
	if (hinted > MAX_HINTED_FINDINGS)
		appendStringInfo(&hint, ", and %d more", hinted - MAX_HINTED_FINDINGS);

	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_OBJECT),
			 errmsg("there is no finding \"%s\"", id),
			 hinted ? errhint("The findings are: %s.", hint.data)
			 : errhint("There are no findings at present.")));
}

/* The categories asked for as a list of String nodes; NIL for all. */
static List *
categories_argument(FunctionCallInfo fcinfo, int number)
{
	Datum	   *elements;
	bool	   *nulls;
	int			count;
	List	   *categories = NIL;

	if (PG_ARGISNULL(number))
		return NIL;

	deconstruct_array(PG_GETARG_ARRAYTYPE_P(number),
					  TEXTOID, -1, false, TYPALIGN_INT,
					  &elements, &nulls, &count);
	for (int i = 0; i < count; i++)
	{
		char	   *category = nulls[i] ? pstrdup("NULL") :
			TextDatumGetCString(elements[i]);

		if (!dba_rule_category_exists(category))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("category \"%s\" does not exist", category),
					 errhint("The categories are: %s.",
							 dba_rule_categories())));
		categories = lappend(categories, makeString(category));
	}
	if (categories == NIL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the array of categories is empty"),
				 errhint("NULL stands for all categories; they are: %s.",
						 dba_rule_categories())));
	return categories;
}

static DbaSeverity
severity_argument(FunctionCallInfo fcinfo, int number)
{
	char	   *name = PG_ARGISNULL(number) ? pstrdup("NULL") :
		text_to_cstring(PG_GETARG_TEXT_PP(number));
	DbaSeverity severity;

	if (!dba_severity_parse(name, &severity))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("severity \"%s\" does not exist", name),
				 errhint("The severities are: info, notice, warning, critical.")));
	return severity;
}

static void
put_finding(ReturnSetInfo *rsinfo, const DbaFinding *finding, int rank,
			const DbaRecord *record)
{
	Datum		values[REC_COLUMNS];
	bool		nulls[REC_COLUMNS] = {0};

	values[REC_RANK] = Int32GetDatum(rank);
	set_text(&values[REC_ID], &nulls[REC_ID], finding->id);
	set_text(&values[REC_SEVERITY], &nulls[REC_SEVERITY],
			 dba_severity_name(finding->severity));
	set_text(&values[REC_CATEGORY], &nulls[REC_CATEGORY],
			 finding->rule->category);
	set_text(&values[REC_RULE], &nulls[REC_RULE], finding->rule->name);
	set_text(&values[REC_OBJECT], &nulls[REC_OBJECT], finding->object);
	set_text(&values[REC_DETAIL], &nulls[REC_DETAIL], finding->detail);
	values[REC_SAVES] = Float8GetDatum(finding->saves_ms_per_hour);
	nulls[REC_SAVES] = finding->saves_ms_per_hour < 0;
	values[REC_FREES] = Int64GetDatum(finding->frees_bytes);
	nulls[REC_FREES] = finding->frees_bytes < 0;
	values[REC_CONFIDENCE] = Float8GetDatum(finding->confidence);
	nulls[REC_CONFIDENCE] = finding->confidence < 0;
	set_text(&values[REC_FIX], &nulls[REC_FIX], finding->fix);
	set_text(&values[REC_UNDO], &nulls[REC_UNDO], finding->undo);
	set_text(&values[REC_CAUTION], &nulls[REC_CAUTION], finding->caution);
	values[REC_EVIDENCE] = JsonbPGetDatum(finding->evidence);
	nulls[REC_EVIDENCE] = finding->evidence == NULL;
	set_text(&values[REC_STATUS], &nulls[REC_STATUS],
			 dba_record_status(record));
	nulls[REC_FIRST_SEEN] = record == NULL || !record->seen;
	values[REC_FIRST_SEEN] = nulls[REC_FIRST_SEEN] ? (Datum) 0 :
		TimestampTzGetDatum(record->first_seen);
	tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
}

static void
set_text(Datum *value, bool *isnull, const char *text)
{
	*isnull = text == NULL;
	*value = text == NULL ? (Datum) 0 : CStringGetTextDatum(text);
}
