/*-------------------------------------------------------------------------
 *
 * hooks.h
 *	  The hooks of parser, planner and executor.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DBA_HOOKS_H
#define DBA_HOOKS_H

extern void dba_hooks_init(void);

#endif							/* DBA_HOOKS_H */
