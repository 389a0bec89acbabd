/*-------------------------------------------------------------------------
 *
 * upkeep.h
 *	  What an index costs those who write to its table.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DBA_UPKEEP_H
#define DBA_UPKEEP_H

#include "advise/costing.h"

/* Why it costs that; an hour, or for the weights given. */
typedef struct DbaUpkeep
{
	double		entries;		/* of the index, and of others through it */
	double		no_longer_hot;	/* updates that were HOT without it */
	Bitmapset  *columns;		/* that these set: attribute numbers of its table */
} DbaUpkeep;

extern void dba_upkeep_set(DbaPool *pool, const DbaWorkload *workload);
extern void dba_upkeep_explain(const DbaCandidate *candidate, const DbaWorkload *workload,
							   DbaUpkeep *upkeep);

#endif							/* DBA_UPKEEP_H */
