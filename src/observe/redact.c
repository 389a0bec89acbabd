/*-------------------------------------------------------------------------
 *
 * redact.c
 *	  Any text of a statement, without the constants in it.
 *
 * normalize.c makes the text under which a statement is known, and wants a
 * whole statement.  Here the text is what the server logged of one: perhaps
 * cut, or in another dialect of quotes.  Where it cannot be read any further
 * it ends in "...", for what follows might be the inside of a string.
 *
 * Locking: none.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "observe/redact.h"
#include "observe/scan.h"

#include "lib/stringinfo.h"
#include "utils/elog.h"

static void write_tokens(StringInfo out, const char *text, int length);
static bool is_shown(const DbaScan *scan, bool after_is);
static bool is_keyword(const DbaScan *scan, const char *keyword);
static bool is_ambiguous(const DbaScan *scan);

/*
 * The text with ? for its constants and parameters, and a space for comments
 * and white space, so that executions of one statement look alike.  Raises no
 * error, whatever the text is.
 */
char *
dba_without_constants(const char *text, int length)
{
	MemoryContext caller = CurrentMemoryContext;
	DbaScanLevels levels = dba_scan_hush();
	StringInfoData out;

	initStringInfo(&out);
	PG_TRY();
	{
		write_tokens(&out, text, length);
	}
	PG_CATCH();
	{
		dba_scan_unhush(levels);
		if (!dba_scan_refused(geterrcode()))
			PG_RE_THROW();
		MemoryContextSwitchTo(caller);
		FlushErrorState();
		appendStringInfoString(&out, "...");
	}
	PG_END_TRY();
	dba_scan_unhush(levels);
	return out.data;
}

static void
write_tokens(StringInfo out, const char *text, int length)
{
	DbaScan		scan;
	int			before = DBA_TOKEN_END;
	int			end = 0;		/* of the token before */
	int			sign = -1;		/* where it was written, if it is one */
	bool		after_is = false;

	for (dba_scan_start(&scan, text, length); scan.token != DBA_TOKEN_END;
		 dba_scan_next(&scan))
	{
		bool		shown = is_shown(&scan, after_is);

		if (scan.start > end && out->len > 0)
			appendStringInfoChar(out, ' ');
		if (is_ambiguous(&scan))
		{
			appendStringInfoString(out, "...");
			break;
		}

		/* A sign belongs to its number, see normalize.c. */
		if (sign >= 0 && dba_scan_is_number(scan.token))
			out->len = sign;
		if (scan.token != '-' || !dba_scan_sign_may_follow(before))
			sign = -1;
		else if (sign < 0)
			sign = out->len;

		if (shown)
			appendBinaryStringInfo(out, scan.text + scan.start,
								   scan.end - scan.start);
		else
			appendStringInfoChar(out, '?');
		after_is = is_keyword(&scan, "is") || is_keyword(&scan, "not");
		before = scan.token;
		end = scan.end;
	}
}

/*
 * False for what stands for a value.  That is true and NULL, too, because the
 * normalised text has a parameter in their place, but in IS NOT NULL.
 */
static bool
is_shown(const DbaScan *scan, bool after_is)
{
	if (scan->token == DBA_TOKEN_PARAM || dba_scan_is_constant(scan->token))
		return false;
	if (after_is)
		return true;
	return !is_keyword(scan, "true") && !is_keyword(scan, "false") &&
		!is_keyword(scan, "null");
}

static bool
is_keyword(const DbaScan *scan, const char *keyword)
{
	int			length = strlen(keyword);

	return scan->token > DBA_TOKEN_PARAM &&
		scan->end - scan->start == length &&
		pg_strncasecmp(scan->text + scan->start, keyword, length) == 0;
}

/*
 * 'it\'s: where standard_conforming_strings was off that is the middle of a
 * string.  Nobody can tell, so what follows had better not be shown.
 */
static bool
is_ambiguous(const DbaScan *scan)
{
	return scan->token == DBA_TOKEN_SCONST &&
		scan->text[scan->start] == '\'' &&
		scan->text[scan->end - 2] == '\\';
}
