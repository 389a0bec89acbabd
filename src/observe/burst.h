/*-------------------------------------------------------------------------
 *
 * burst.h
 *	  What one client sends in one go, and which of it is N+1.
 *
 * For repeats.c alone, which says what an execution is.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DBA_BURST_H
#define DBA_BURST_H

#include "observe/repeats.h"

extern bool dba_burst_note(const DbaExecuted *executed,
						   DbaValuesHash values_hash, void *execution);
extern bool dba_burst_decide(bool exiting);
extern void dba_burst_forget(void);

#endif							/* DBA_BURST_H */
