/*-------------------------------------------------------------------------
 *
 * deadline.h
 *	  Stops a rule that takes too long.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DBA_DEADLINE_H
#define DBA_DEADLINE_H

extern void dba_deadline_arm(int milliseconds);
extern bool dba_deadline_disarm(void);
extern double dba_deadline_left(void);

#endif							/* DBA_DEADLINE_H */
