/*-------------------------------------------------------------------------
 *
 * inspect.h
 *	  The close look at a few executions, off the hot path.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DBA_INSPECT_H
#define DBA_INSPECT_H

#include "compat.h"
#include "observe/execution.h"

extern void dba_inspect_parsed(DbaTally *tally, const Query *query,
							   const char *source, const JumbleState *jstate);
extern void dba_inspect_planned(DbaTally *tally, const Query *query,
								const char *source);
extern void dba_inspect_text(DbaTally *tally, const char *source, int location,
							 int length);
extern void dba_inspect_values(DbaExecution *execution);
extern void dba_inspect_ended(DbaExecution *execution);
extern uint64 dba_inspect_hash(void *execution);

#endif							/* DBA_INSPECT_H */
