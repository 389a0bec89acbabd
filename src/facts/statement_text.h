/*-------------------------------------------------------------------------
 *
 * statement_text.h
 *	  What can be known of a statement from its text alone.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DBA_STATEMENT_TEXT_H
#define DBA_STATEMENT_TEXT_H

extern int	dba_statement_parameters(const char *text);

#endif							/* DBA_STATEMENT_TEXT_H */
