/*-------------------------------------------------------------------------
 *
 * search.h
 *	  Which candidates to choose.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DBA_SEARCH_H
#define DBA_SEARCH_H

#include "advise/costing.h"

#include "datatype/timestamp.h"

/* What is wanted. */
typedef struct DbaGoal
{
	double		storage_budget; /* bytes of all indexes; negative: no limit */
	int			max_indexes;	/* 0: no limit */
	double		max_regression; /* share by which a statement may become dearer */
	TimestampTz deadline;		/* the best until then is given */
} DbaGoal;

extern Bitmapset *dba_search(DbaCosting *costing, const DbaGoal *goal);
extern double dba_search_upkeep(const DbaPool *pool, const Bitmapset *chosen);

#endif							/* DBA_SEARCH_H */
