/*-------------------------------------------------------------------------
 *
 * plan_text.h
 *	  The plan of an execution, as EXPLAIN prints it.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DBA_PLAN_TEXT_H
#define DBA_PLAN_TEXT_H

#include "executor/execdesc.h"

/* Bytes of a plan's text that are kept; the rest is "...". */
#define DBA_MAX_PLAN_TEXT 16384

extern char *dba_plan_text(QueryDesc *query_desc);

#endif							/* DBA_PLAN_TEXT_H */
