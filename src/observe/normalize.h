/*-------------------------------------------------------------------------
 *
 * normalize.h
 *	  The text of a statement without its constants.
 *
 * The text must be a whole statement as it was sent: of one that is cut, or
 * that was sent while standard_conforming_strings or backslash_quote were set
 * differently, the server's scanner may raise a syntax error (never anything
 * that holds a resource).  Whoever catches it must keep nothing of the text.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DBA_NORMALIZE_H
#define DBA_NORMALIZE_H

#include "compat.h"

/* Bytes of a statement's text that are kept; the rest is "...". */
#define DBA_MAX_TEXT 8192

/* A constant of one execution, as it stood in the text. */
typedef struct DbaConstant
{
	int			number;			/* of the $n in the normalised text */
	const char *text;			/* of a list that is one $n, all of it */
} DbaConstant;

extern const char *dba_statement_part(const char *source, int *location,
									  int *length);
extern char *dba_normalize(const char *statement, int location, int length,
						   const JumbleState *jstate);
extern DbaConstant *dba_constants(const char *normalized,
								  const char *statement, int length,
								  int *count);

#endif							/* DBA_NORMALIZE_H */
