/*-------------------------------------------------------------------------
 *
 * redact.h
 *	  Any text of a statement, without the constants in it.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DBA_REDACT_H
#define DBA_REDACT_H

extern char *dba_without_constants(const char *text, int length);

#endif							/* DBA_REDACT_H */
