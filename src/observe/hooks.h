/*-------------------------------------------------------------------------
 *
 * hooks.h
 *	  The hooks of parser, planner, executor and utility statements.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DBA_HOOKS_H
#define DBA_HOOKS_H

#include "observe/statement.h"

extern void dba_hooks_init(void);

/* The statement that this backend runs now, the innermost; or NULL. */
extern const DbaStatementKey *dba_running_statement(void);

#endif							/* DBA_HOOKS_H */
