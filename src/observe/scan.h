/*-------------------------------------------------------------------------
 *
 * scan.h
 *	  A statement's text as the tokens that the server's scanner sees.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DBA_SCAN_H
#define DBA_SCAN_H

#include "compat.h"

#include "parser/scanner.h"

/*
 * The scanner's codes of tokens, which every parser that uses it has to
 * number like this (parser/scanner.h).  A character stands for itself; what
 * comes after these are keywords.
 */
typedef enum DbaToken
{
	DBA_TOKEN_END = 0,
	DBA_TOKEN_IDENT = 258,
	DBA_TOKEN_UIDENT,
	DBA_TOKEN_FCONST,
	DBA_TOKEN_SCONST,
	DBA_TOKEN_USCONST,
	DBA_TOKEN_BCONST,
	DBA_TOKEN_XCONST,
	DBA_TOKEN_OP,
	DBA_TOKEN_ICONST,
	DBA_TOKEN_PARAM
} DbaToken;

/* A text being read, and the token that was read last. */
typedef struct DbaScan
{
	const char *text;
	core_yyscan_t scanner;
	core_yy_extra_type extra;
	core_YYSTYPE value;
	int			token;			/* DBA_TOKEN_END when there are no more */
	int			start;			/* in bytes */
	int			end;
} DbaScan;

/* What the server says of itself, to the client and to the log. */
typedef struct DbaScanLevels
{
	int			client;
	int			log;
} DbaScanLevels;

extern DbaScanLevels dba_scan_hush(void);
extern void dba_scan_unhush(DbaScanLevels levels);

extern void dba_scan_start(DbaScan *scan, const char *source, int length);
extern void dba_scan_next(DbaScan *scan);
extern bool dba_scan_until(DbaScan *scan, int start);

extern bool dba_scan_is_constant(int token);
extern bool dba_scan_is_number(int token);
extern bool dba_scan_sign_may_follow(int token);
extern bool dba_scan_refused(int sqlstate);

#endif							/* DBA_SCAN_H */
