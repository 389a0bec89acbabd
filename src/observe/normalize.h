/*-------------------------------------------------------------------------
 *
 * normalize.h
 *	  The text of a statement without its constants.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DBA_NORMALIZE_H
#define DBA_NORMALIZE_H

#include "compat.h"

/* Bytes of a statement's text that are kept; the rest is "...". */
#define DBA_MAX_TEXT 8192

extern const char *dba_statement_part(const char *source, int *location,
									  int *length);
extern char *dba_normalize(const char *text, int location, int length,
						   const JumbleState *jstate);

#endif							/* DBA_NORMALIZE_H */
