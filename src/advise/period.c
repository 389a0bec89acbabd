/*-------------------------------------------------------------------------
 *
 * period.c
 *	  A day, a month, a year of a time: from when to when.
 *
 * placed::date = '2024-05-01' is what every index on placed is blind to, and one
 * on placed::date cannot be made, since the day depends on the time zone.  The
 * same rows are those from the beginning of the day to that of the next.
 *
 * Locking: none.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "advise/period.h"

#include "catalog/pg_collation.h"
#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"

/* What the side makes of the column. */
typedef struct Period
{
	Node	   *column;
	Node	   *start;			/* when the period begins that the value says */
	const char *length;			/* an interval; NULL: a day, and start is a date */
	Node	   *check;			/* true of a value that begins one; NULL: all do */
} Period;

static bool find_period(DbaCondition *condition, Period *period);
static bool of_cast(DbaCondition *condition, Period *period);
static bool of_date_trunc(DbaCondition *condition, const FuncExpr *call, Period *period);
static bool of_to_char(DbaCondition *condition, const FuncExpr *call, Period *period);
static bool of_year(DbaCondition *condition, const FuncExpr *call, Period *period);
static Node *of_epoch(DbaCondition *condition, const FuncExpr *call);
static Node *epoch_as_time(Node *seconds, bool with_time_zone);
static const char *constant_text(Node *node);
static const char *length_of_unit(const char *unit);
static const char *length_of_format(const char *format);
static Node *within(DbaCondition *condition, const Period *period);
static Node *end_of(const Period *period);

/* What to write instead; NULL if the side is not of that kind. */
Node *
dba_period_condition(DbaCondition *condition)
{
	Period		period = {.column = NULL};
	Node	   *result;

	if (condition->any)
		return NULL;
	if (IsA(condition->side, FuncExpr))
	{
		result = of_epoch(condition, (FuncExpr *) condition->side);
		if (result != NULL)
			return result;
	}
	if (!find_period(condition, &period) || dba_plain_column(period.column) == NULL)
		return NULL;
	/* A day that no period begins with is nobody's; a mistake, but another one. */
	if (period.check != NULL && dba_constant(condition->value, condition->params) != NULL &&
		!dba_is_known_true(period.check, condition->params))
		return NULL;
	return within(condition, &period);
}

static bool
find_period(DbaCondition *condition, Period *period)
{
	const FuncExpr *call = (const FuncExpr *) condition->side;

	if (!IsA(call, FuncExpr))
		return false;
	switch (call->funcid)
	{
		case F_DATE_TIMESTAMP:
		case F_DATE_TIMESTAMPTZ:
			return of_cast(condition, period);
		case F_DATE_TRUNC_TEXT_TIMESTAMPTZ:
			return of_date_trunc(condition, call, period);
		case F_TO_CHAR_TIMESTAMP_TEXT:
		case F_TO_CHAR_TIMESTAMPTZ_TEXT:
			return of_to_char(condition, call, period);
		case F_EXTRACT_TEXT_TIMESTAMPTZ:
		case F_DATE_PART_TEXT_TIMESTAMPTZ:
		case F_EXTRACT_TEXT_TIMESTAMP:
		case F_DATE_PART_TEXT_TIMESTAMP:
			return of_year(condition, call, period);
		default:
			return false;
	}
}

/* ------------------------------------------------------------------------
 * Kinds of periods
 * ------------------------------------------------------------------------ */

/* column::date = '2024-05-01' */
static bool
of_cast(DbaCondition *condition, Period *period)
{
	if (exprType(condition->value) != DATEOID)
		return false;
	period->column = linitial(((FuncExpr *) condition->side)->args);
	period->start = condition->value;
	condition->why = "the column is cast to date";
	return true;
}

/* date_trunc('day', column) = '2024-05-01'; without time zone it can be indexed */
static bool
of_date_trunc(DbaCondition *condition, const FuncExpr *call, Period *period)
{
	const char *unit = constant_text(linitial(call->args));
	FuncExpr   *again;

	period->length = unit != NULL ? length_of_unit(unit) : NULL;
	if (period->length == NULL)
		return false;
	period->column = lsecond(call->args);
	period->start = condition->value;
	again = copyObject((FuncExpr *) call);
	again->args = list_make2(linitial(call->args), condition->value);
	if (exprType(condition->value) == TIMESTAMPTZOID)
		period->check = dba_operation("=", (Node *) again, condition->value);
	condition->why = "date_trunc() of the column depends on the time zone";
	return true;
}

/* to_char(column, 'YYYY-MM') = '2024-05' */
static bool
of_to_char(DbaCondition *condition, const FuncExpr *call, Period *period)
{
	const char *format = constant_text(lsecond(call->args));
	FuncExpr   *again;

	period->length = format != NULL ? length_of_format(format) : NULL;
	if (period->length == NULL)
		return false;
	period->column = linitial(call->args);
	period->start = (Node *) makeFuncExpr(F_TO_DATE, DATEOID,
										  list_make2(condition->value, lsecond(call->args)),
										  InvalidOid, DEFAULT_COLLATION_OID,
										  COERCE_EXPLICIT_CALL);
	again = makeFuncExpr(F_TO_CHAR_TIMESTAMPTZ_TEXT, TEXTOID,
						 list_make2(makeFuncExpr(F_TIMESTAMPTZ_DATE, TIMESTAMPTZOID,
												 list_make1(period->start), InvalidOid,
												 InvalidOid, COERCE_EXPLICIT_CAST),
									lsecond(call->args)),
						 DEFAULT_COLLATION_OID, DEFAULT_COLLATION_OID, COERCE_EXPLICIT_CALL);
	period->check = dba_operation("=", (Node *) again, condition->value);
	condition->why = "to_char() of the column depends on settings";
	return true;
}

/* extract(year FROM column) = 2024 */
static bool
of_year(DbaCondition *condition, const FuncExpr *call, Period *period)
{
	const char *unit = constant_text(linitial(call->args));
	Const	   *year = dba_constant(condition->value, condition->params);
	Datum		number;

	if (unit == NULL || pg_strcasecmp(unit, "year") != 0 || year == NULL || year->constisnull)
		return false;
	number = year->consttype == FLOAT8OID ?
		DirectFunctionCall1(dtoi4, year->constvalue) :
		year->consttype == NUMERICOID ? OidFunctionCall1(F_INT4_NUMERIC, year->constvalue) : 0;
	if (DatumGetInt32(number) <= 0)
		return false;
	period->column = lsecond(call->args);
	period->length = "1 year";
	period->start = (Node *)
		makeFuncExpr(F_MAKE_DATE, DATEOID,
					 list_make3(makeConst(INT4OID, -1, InvalidOid, 4, number, false, true),
								makeConst(INT4OID, -1, InvalidOid, 4, Int32GetDatum(1), false, true),
								makeConst(INT4OID, -1, InvalidOid, 4, Int32GetDatum(1), false, true)),
					 InvalidOid, InvalidOid, COERCE_EXPLICIT_CALL);
	condition->why = "the year is taken out of the column";
	return true;
}

/* extract(epoch FROM column) > 1735600000: no period, a point in time. */
static Node *
of_epoch(DbaCondition *condition, const FuncExpr *call)
{
	bool		with_time_zone = call->funcid == F_EXTRACT_TEXT_TIMESTAMPTZ ||
		call->funcid == F_DATE_PART_TEXT_TIMESTAMPTZ;
	const char *unit;
	Node	   *column;

	if (!with_time_zone && call->funcid != F_EXTRACT_TEXT_TIMESTAMP &&
		call->funcid != F_DATE_PART_TEXT_TIMESTAMP)
		return NULL;
	unit = constant_text(linitial(call->args));
	column = lsecond(call->args);
	if (unit == NULL || pg_strcasecmp(unit, "epoch") != 0 || dba_plain_column(column) == NULL)
		return NULL;
	condition->why = "the column is turned into seconds";
	return dba_comparison(column, condition->op,
						  epoch_as_time(condition->value, with_time_zone), false);
}

static Node *
epoch_as_time(Node *seconds, bool with_time_zone)
{
	Node	   *result;

	if (exprType(seconds) == NUMERICOID)
		seconds = (Node *) makeFuncExpr(F_FLOAT8_NUMERIC, FLOAT8OID, list_make1(seconds),
										InvalidOid, InvalidOid, COERCE_IMPLICIT_CAST);
	result = (Node *) makeFuncExpr(F_TO_TIMESTAMP_FLOAT8, TIMESTAMPTZOID,
								   list_make1(dba_fold(seconds)), InvalidOid, InvalidOid,
								   COERCE_EXPLICIT_CALL);
	if (!with_time_zone)
		result = (Node *) makeFuncExpr(F_TIMEZONE_TEXT_TIMESTAMPTZ, TIMESTAMPOID,
									   list_make2(makeConst(TEXTOID, -1, DEFAULT_COLLATION_OID, -1,
															CStringGetTextDatum("UTC"), false, false),
												  result),
									   InvalidOid, DEFAULT_COLLATION_OID, COERCE_EXPLICIT_CALL);
	return result;
}

static const char *
constant_text(Node *node)
{
	const Const *constant = (const Const *) node;

	return IsA(node, Const) && constant->consttype == TEXTOID && !constant->constisnull ?
		TextDatumGetCString(constant->constvalue) : NULL;
}

static const char *
length_of_unit(const char *unit)
{
	static const char *const units[][2] = {
		{"second", "1 second"}, {"minute", "1 minute"}, {"hour", "1 hour"}, {"day", "1 day"},
		{"week", "7 days"}, {"month", "1 month"}, {"quarter", "3 months"}, {"year", "1 year"}
	};

	for (int i = 0; i < (int) lengthof(units); i++)
	{
		if (pg_strcasecmp(unit, units[i][0]) == 0)
			return units[i][1];
	}
	return NULL;
}

/* Of formats in which later is greater. */
static const char *
length_of_format(const char *format)
{
	static const char *const formats[][2] = {
		{"YYYY-MM-DD", "1 day"}, {"YYYYMMDD", "1 day"}, {"YYYY/MM/DD", "1 day"},
		{"YYYY-MM", "1 month"}, {"YYYYMM", "1 month"}, {"YYYY/MM", "1 month"}, {"YYYY", "1 year"}
	};

	for (int i = 0; i < (int) lengthof(formats); i++)
	{
		if (pg_strcasecmp(format, formats[i][0]) == 0)
			return formats[i][1];
	}
	return NULL;
}

/* ------------------------------------------------------------------------
 * From when to when
 * ------------------------------------------------------------------------ */

static Node *
within(DbaCondition *condition, const Period *period)
{
	const char *op = condition->op;
	Node	   *start = dba_fold(period->start);
	Node	   *end = end_of(period);
	Node	   *from;
	Node	   *to;

	if (end == NULL)
		return NULL;
	if (strcmp(op, "<") == 0 || strcmp(op, ">=") == 0)
		return dba_comparison(period->column, op, start, false);
	if (strcmp(op, "<=") == 0)
		return dba_comparison(period->column, "<", end, false);
	if (strcmp(op, ">") == 0)
		return dba_comparison(period->column, ">=", end, false);
	if (strcmp(op, "=") != 0)
		return NULL;
	from = dba_comparison(period->column, ">=", start, false);
	to = dba_comparison(period->column, "<", end, false);
	return from != NULL && to != NULL ?
		(Node *) makeBoolExpr(AND_EXPR, list_make2(from, to), -1) : NULL;
}

/* When the next one begins. */
static Node *
end_of(const Period *period)
{
	Node	   *length;
	Node	   *end;

	if (period->length == NULL)
		length = (Node *) makeConst(INT4OID, -1, InvalidOid, sizeof(int32), Int32GetDatum(1),
									false, true);
	else
		length = (Node *) makeConst(INTERVALOID, -1, InvalidOid, sizeof(Interval),
									DirectFunctionCall3(interval_in,
														CStringGetDatum(period->length),
														ObjectIdGetDatum(InvalidOid),
														Int32GetDatum(-1)),
									false, false);
	end = dba_operation("+", period->start, length);
	/* A date and an interval make a timestamp, whose day is meant. */
	if (end != NULL && exprType(period->start) == DATEOID && exprType(end) == TIMESTAMPOID)
		end = (Node *) makeFuncExpr(F_DATE_TIMESTAMP, DATEOID, list_make1(end), InvalidOid,
									InvalidOid, COERCE_EXPLICIT_CAST);
	return dba_fold(end);
}
