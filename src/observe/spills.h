/*-------------------------------------------------------------------------
 *
 * spills.h
 *	  How much work_mem would have kept a node of a plan off the disk.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DBA_SPILLS_H
#define DBA_SPILLS_H

#include "nodes/execnodes.h"

extern int64 dba_sort_spill(SortState *sort, bool counted);
extern int64 dba_incremental_sort_spill(IncrementalSortState *sort,
										bool counted);
extern int64 dba_hash_spill(HashJoinState *join, bool counted,
							int participants);
extern int64 dba_aggregate_spill(AggState *agg, bool counted);

#endif							/* DBA_SPILLS_H */
