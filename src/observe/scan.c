/*-------------------------------------------------------------------------
 *
 * scan.c
 *	  A statement's text as the tokens that the server's scanner sees.
 *
 * It is the server's own scanner that reads the texts, so that a quote means
 * here what it meant when the statement was parsed.  Of a text that is no
 * whole statement it raises a syntax error.
 *
 * Everything is allocated in the current context and left to it.
 *
 * Locking: none.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "observe/scan.h"

#include "common/keywords.h"
#include "miscadmin.h"
#include "utils/guc.h"

static bool is_value(const char *keyword);

/*
 * The scanner warns of names that are too long, and whoever sent the
 * statement has read that already.
 */
DbaScanLevels
dba_scan_hush(void)
{
	DbaScanLevels levels = {client_min_messages, DBA_LOG_LEVEL};

	client_min_messages = Max(client_min_messages, ERROR);
	DBA_LOG_LEVEL = Max(DBA_LOG_LEVEL, ERROR);
	return levels;
}

/* Takes dba_scan_hush() back; to be called after errors, too. */
void
dba_scan_unhush(DbaScanLevels levels)
{
	client_min_messages = levels.client;
	DBA_LOG_LEVEL = levels.log;
}

/* Reads the first token.  The scanner wants a string that ends with the text. */
void
dba_scan_start(DbaScan *scan, const char *source, int length)
{
	scan->text = pnstrdup(source, length);
	scan->scanner = scanner_init(scan->text, &scan->extra,
								 &ScanKeywords, ScanKeywordTokens);
	DBA_SILENCE_SCANNER(&scan->extra);
	dba_scan_next(scan);
}

/* Relies on the scanner's zero byte after the token, in its own copy. */
void
dba_scan_next(DbaScan *scan)
{
	scan->token = core_yylex(&scan->value, &scan->start, scan->scanner);
	scan->end = scan->start + strlen(scan->extra.scanbuf + scan->start);
}

/* Reads on to the token at start; false when there is none. */
bool
dba_scan_until(DbaScan *scan, int start)
{
	while (scan->token != DBA_TOKEN_END && scan->start < start)
		dba_scan_next(scan);
	return scan->token != DBA_TOKEN_END;
}

bool
dba_scan_is_constant(int token)
{
	return dba_scan_is_number(token) ||
		(token >= DBA_TOKEN_SCONST && token <= DBA_TOKEN_XCONST);
}

bool
dba_scan_is_number(int token)
{
	return token == DBA_TOKEN_ICONST || token == DBA_TOKEN_FCONST;
}

/* True when "-" after this token is a number's sign and does not subtract. */
bool
dba_scan_sign_may_follow(int token)
{
	if (token <= DBA_TOKEN_PARAM)
		return token == DBA_TOKEN_OP ||
			(token < DBA_TOKEN_IDENT && token != ')' && token != ']');

	/* A keyword that is not reserved may be a column's name. */
	for (int i = 0; i < ScanKeywords.num_keywords; i++)
	{
		if (ScanKeywordTokens[i] == token)
			return ScanKeywordCategories[i] == RESERVED_KEYWORD &&
				!is_value(GetScanKeyword(i, &ScanKeywords));
	}
	return true;				/* an operator of two characters */
}

/* Reserved keywords that are a value, or end one. */
static bool
is_value(const char *keyword)
{
	static const char *const values[] = {
		"current_catalog", "current_date", "current_role", "current_time",
		"current_timestamp", "current_user", "end", "false", "localtime",
		"localtimestamp", "null", "session_user", "true", "user"
	};

	for (int i = 0; i < (int) lengthof(values); i++)
	{
		if (strcmp(keyword, values[i]) == 0)
			return true;
	}
	return false;
}

/*
 * Whether an error is one of the scanner: syntax, characters that are none,
 * escapes that this server does not take.
 */
bool
dba_scan_refused(int sqlstate)
{
	int			category = ERRCODE_TO_CATEGORY(sqlstate);

	return category == ERRCODE_TO_CATEGORY(ERRCODE_SYNTAX_ERROR) ||
		category == ERRCODE_TO_CATEGORY(ERRCODE_DATA_EXCEPTION) ||
		category == ERRCODE_TO_CATEGORY(ERRCODE_FEATURE_NOT_SUPPORTED);
}
