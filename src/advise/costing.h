/*-------------------------------------------------------------------------
 *
 * costing.h
 *	  What statements cost with chosen candidates, planned as rarely as possible.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DBA_COSTING_H
#define DBA_COSTING_H

#include "advise/candidate.h"
#include "advise/generate.h"
#include "advise/workload.h"
#include "whatif/cost.h"

#include "datatype/timestamp.h"

/* A cost that was planned: of any set between those used and those at hand. */
typedef struct DbaKnownCost
{
	Bitmapset  *at_hand;
	Bitmapset  *used;
	double		total;
} DbaKnownCost;

typedef struct DbaCosting
{
	DbaPool    *pool;
	DbaWorkload *workload;
	int64		asked;			/* costs of a statement that were asked for */
	int64		planned;		/* and those for which the planner was called */
} DbaCosting;

extern void dba_costing_generate(DbaCosting *costing, DbaGenerator *generator,
								 TimestampTz deadline);
extern void dba_costing_relate(DbaCosting *costing);
extern double dba_costing_work(DbaCosting *costing, DbaWork *work, const Bitmapset *chosen);
extern double dba_costing_fully(DbaCosting *costing, DbaWork *work,
								const Bitmapset *chosen, List *dropped,
								Bitmapset **used);

#endif							/* DBA_COSTING_H */
