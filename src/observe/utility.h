/*-------------------------------------------------------------------------
 *
 * utility.h
 *	  The hook of utility statements.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DBA_UTILITY_H
#define DBA_UTILITY_H

extern void dba_utility_init(void);

#endif							/* DBA_UTILITY_H */
