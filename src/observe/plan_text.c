/*-------------------------------------------------------------------------
 *
 * plan_text.c
 *	  The plan of an execution, as EXPLAIN prints it.
 *
 * It holds the statement's constants: whether it may be kept is the caller's
 * to know.
 *
 * Locking: looks names up in catalogs, and raises what that raises.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "compat.h"
#include "observe/plan_text.h"

#include "commands/explain.h"
#include "mb/pg_wchar.h"

#define CUT_MARK "..."

/*
 * The plan of a finished execution, before it is cleaned up, with the rows
 * that each node really returned where those were counted.  At most
 * DBA_MAX_PLAN_TEXT bytes, in the current memory context.
 */
char *
dba_plan_text(QueryDesc *query_desc)
{
	ExplainState *explain = NewExplainState();
	StringInfo	text = explain->str;

	explain->analyze = (query_desc->instrument_options &
						(INSTRUMENT_ROWS | INSTRUMENT_TIMER)) != 0;
	explain->costs = true;
	explain->format = EXPLAIN_FORMAT_TEXT;

	ExplainBeginOutput(explain);
	ExplainPrintPlan(explain, query_desc);
	ExplainEndOutput(explain);

	while (text->len > 0 && text->data[text->len - 1] == '\n')
		text->data[--text->len] = '\0';
	if (text->len > DBA_MAX_PLAN_TEXT)
	{
		int			kept = pg_mbcliplen(text->data, text->len,
										DBA_MAX_PLAN_TEXT - strlen(CUT_MARK));

		strlcpy(text->data + kept, CUT_MARK, text->maxlen - kept);
	}
	return text->data;
}
