/*-------------------------------------------------------------------------
 *
 * stale.h
 *	  Whether a statement that was analysed long ago can still be planned.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DBA_STALE_H
#define DBA_STALE_H

#include "nodes/params.h"
#include "nodes/parsenodes.h"

extern const char *dba_stale_lock(Query *query);
extern const char *dba_stale_reason(Query *query, ParamListInfo params,
									bool *values_unknown);

#endif							/* DBA_STALE_H */
