/*-------------------------------------------------------------------------
 *
 * observed.h
 *	  The workload that was observed, to be advised on.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DBA_OBSERVED_H
#define DBA_OBSERVED_H

#include "advise/workload.h"

extern DbaWorkload *dba_workload_observed(void);

#endif							/* DBA_OBSERVED_H */
