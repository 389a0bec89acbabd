/*-------------------------------------------------------------------------
 *
 * counted.h
 *	  The workload that pg_stat_statements counted, to be advised on.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DBA_COUNTED_H
#define DBA_COUNTED_H

#include "advise/workload.h"

extern DbaWorkload *dba_workload_counted(const char *search_path);

#endif							/* DBA_COUNTED_H */
