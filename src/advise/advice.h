/*-------------------------------------------------------------------------
 *
 * advice.h
 *	  Indexes for a workload: what to make, what it gains, what it costs.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DBA_ADVICE_H
#define DBA_ADVICE_H

#include "advise/search.h"

/* A statement that an advised index serves. */
typedef struct DbaServed
{
	const DbaWork *work;
	double		after;			/* worth of it when all that is advised is there */
} DbaServed;

typedef struct DbaAdvised
{
	const DbaCandidate *candidate;
	List	   *served;			/* DbaServed */
	List	   *replaced;		/* Oids of indexes that it makes superfluous */
	double		saved;			/* its part of what they gain, upkeep not taken off */
} DbaAdvised;

typedef struct DbaAdvice
{
	DbaCosting	costing;
	List	   *advised;		/* DbaAdvised, what saves most first */
	List	   *answers;		/* DbaAnswer: what else is to be done, the first first */
} DbaAdvice;

extern DbaAdvice *dba_advise(DbaWorkload *workload, const DbaGoal *goal, int max_columns);

#endif							/* DBA_ADVICE_H */
