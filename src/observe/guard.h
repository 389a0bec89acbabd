/*-------------------------------------------------------------------------
 *
 * guard.h
 *	  Keeps what goes wrong while observing from the statement.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DBA_GUARD_H
#define DBA_GUARD_H

typedef void (*DbaGuarded) (void *arg);

extern bool dba_may_guard(void);
extern bool dba_guarded(DbaGuarded function, void *arg);

#endif							/* DBA_GUARD_H */
