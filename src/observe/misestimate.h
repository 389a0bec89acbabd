/*-------------------------------------------------------------------------
 *
 * misestimate.h
 *	  Where in an executed plan estimate and truth part.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DBA_MISESTIMATE_H
#define DBA_MISESTIMATE_H

#include "observe/plan_columns.h"

#include "nodes/execnodes.h"

/* A ratio between estimated and actual rows that counts as a misestimate. */
#define DBA_MISESTIMATE_RATIO 10.0

/* What a node must add to the errors of its inputs to be the one at fault. */
#define DBA_MISESTIMATE_OWN_RATIO 3.0

/* Fewer rows than this in one execution, expected and real, do no harm. */
#define DBA_MISESTIMATE_ROWS 100.0

/* Where a node stands, as far as it tells how to read the counts. */
typedef struct DbaPlace
{
	bool		limited;		/* a node above may have stopped it early */
	bool		repeated;		/* a merge join counts rows again on going back */
	bool		uneven;			/* fewer workers came than were planned */
	int			depth;			/* nodes above */
	int			participants;	/* processes that share the node's work */
} DbaPlace;

/* The largest errors among a node's inputs, in each direction; at least 1. */
typedef struct DbaInputErrors
{
	double		under;			/* rows for one that was expected */
	double		over;			/* expected rows for a real one */
} DbaInputErrors;

extern DbaPlace dba_place_below(PlanState *node, const DbaPlace *place,
								PlanState *child);
extern DbaPlace dba_place_of_subplan(SubPlanState *subplan,
									 const DbaPlace *place, bool is_init);
extern double dba_rows_a_loop(const PlanState *node);
extern double dba_estimate_error(const PlanState *node, const DbaPlace *place);
extern bool dba_is_misestimate(const PlanState *node, double error,
							   const DbaInputErrors *inputs);
extern void dba_misestimate_columns(PlanState *node, DbaNodeColumns *found);

#endif							/* DBA_MISESTIMATE_H */
