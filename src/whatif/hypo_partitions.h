/*-------------------------------------------------------------------------
 *
 * hypo_partitions.h
 *	  What becomes of a hypothetical index on a partitioned table.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DBA_HYPO_PARTITIONS_H
#define DBA_HYPO_PARTITIONS_H

#include "whatif/hypo.h"

extern List *dba_hypo_leaves(DbaHypoIndex *index);
extern List *dba_hypo_parents(DbaHypoIndex *index);
extern DbaHypoIndex *dba_hypo_of_child(const DbaHypoIndex *index, Oid child);

#endif							/* DBA_HYPO_PARTITIONS_H */
