/*-------------------------------------------------------------------------
 *
 * gin_cost.h
 *	  What a scan of a hypothetical GIN index would cost.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DBA_GIN_COST_H
#define DBA_GIN_COST_H

#include "nodes/pathnodes.h"

extern void dba_gin_cost(PlannerInfo *root, IndexPath *path, double loop_count,
						 Cost *startup, Cost *total, Selectivity *selectivity,
						 double *correlation, double *pages);

#endif							/* DBA_GIN_COST_H */
