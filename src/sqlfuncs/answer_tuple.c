/*-------------------------------------------------------------------------
 *
 * answer_tuple.c
 *	  Answers that are no index as rows of advise_indexes().
 *
 * Columns are found by their names: most of them are of indexes, and NULL here.
 *
 * Locking: none.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "sqlfuncs/answer_tuple.h"

#include "access/htup_details.h"
#include "utils/builtins.h"
#include "utils/json.h"
#include "utils/jsonb.h"

typedef struct Row
{
	TupleDesc	desc;
	Datum	   *values;
	bool	   *nulls;
} Row;

static void set_costs(Row *row, const DbaAnswer *answer, bool observed);
static Datum statements_of(const DbaAnswer *answer);
static void append_statement(StringInfo json, const DbaHelped *helped);
static void set(Row *row, const char *column, Datum value);

HeapTuple
dba_answer_tuple(TupleDesc desc, const DbaAnswer *answer, bool observed)
{
	Row			row = {.desc = desc};

	row.values = palloc0(sizeof(Datum) * desc->natts);
	row.nulls = palloc(sizeof(bool) * desc->natts);
	memset(row.nulls, true, sizeof(bool) * desc->natts);

	set(&row, "relation", ObjectIdGetDatum(answer->relid));
	set_costs(&row, answer, observed);
	set(&row, "statements", statements_of(answer));
	set(&row, "kind", CStringGetTextDatum(answer->kind));
	set(&row, "reason", CStringGetTextDatum(answer->reason));
	if (answer->command != NULL)
		set(&row, "command", CStringGetTextDatum(answer->command));
	return heap_form_tuple(desc, row.values, row.nulls);
}

/* Sums over the statements; what comes after is known of all, or not. */
static void
set_costs(Row *row, const DbaAnswer *answer, bool observed)
{
	double		before = 0;
	double		after = 0;
	bool		known = true;
	ListCell   *cell;

	foreach(cell, answer->helped)
	{
		const DbaHelped *helped = lfirst(cell);

		before += dba_helped_before(helped);
		after += helped->after * helped->work->unit;
		known &= helped->after >= 0;
	}
	set(row, "cost_before", Float8GetDatum(before));
	if (known)
		set(row, "cost_after", Float8GetDatum(after));
	if (known && observed)
		set(row, "saves_ms_per_hour", Float8GetDatum(before - after));
}

static Datum
statements_of(const DbaAnswer *answer)
{
	StringInfoData json;
	ListCell   *cell;

	initStringInfo(&json);
	appendStringInfoChar(&json, '[');
	foreach(cell, answer->helped)
		append_statement(&json, lfirst(cell));
	appendStringInfoChar(&json, ']');
	return DirectFunctionCall1(jsonb_in, CStringGetDatum(json.data));
}

static void
append_statement(StringInfo json, const DbaHelped *helped)
{
	const DbaWork *work = helped->work;

	if (json->len > 1)
		appendStringInfoString(json, ", ");
	appendStringInfoString(json, "{\"query\": ");
	escape_json(json, work->text);
	if (work->queryid != 0)
		appendStringInfo(json, ", \"queryid\": %lld", (long long) work->queryid);
	appendStringInfo(json, ", \"calls\": %.6g, \"before\": %.2f", work->calls,
					 dba_helped_before(helped));
	if (helped->after >= 0)
		appendStringInfo(json, ", \"after\": %.2f", helped->after * work->unit);
	appendStringInfoChar(json, '}');
}

static void
set(Row *row, const char *column, Datum value)
{
	for (int i = 0; i < row->desc->natts; i++)
	{
		if (strcmp(NameStr(TupleDescAttr(row->desc, i)->attname), column) == 0)
		{
			row->values[i] = value;
			row->nulls[i] = false;
			return;
		}
	}
	elog(ERROR, "there is no column %s", column);
}
