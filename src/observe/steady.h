/*-------------------------------------------------------------------------
 *
 * steady.h
 *	  Weak evidence for N+1 that comes again and again.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DBA_STEADY_H
#define DBA_STEADY_H

#include "observe/statement.h"

extern bool dba_steady_note(const DbaStatementKey *parent,
							const DbaStatementKey *child,
							int64 rows, int64 count, bool possible);
extern void dba_steady_forget(void);

#endif							/* DBA_STEADY_H */
