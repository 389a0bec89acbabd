/*-------------------------------------------------------------------------
 *
 * replan.h
 *	  The plan that a statement has, or would have, as EXPLAIN says it.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DBA_REPLAN_H
#define DBA_REPLAN_H

#include "whatif/changes.h"
#include "whatif/plannable.h"

/* What came of it. */
typedef struct DbaReplanned
{
	char	   *plan;			/* NULL: there is none */
	double		cost;
	List	   *used;			/* DbaHypoIndex of the changes, in the order of the
								 * plan */
	DbaProblem	problem;		/* why there is no plan */
} DbaReplanned;

extern void dba_replan(const DbaPlannable *plannable, const DbaChanges *changes,
					   DbaReplanned *planned);

#endif							/* DBA_REPLAN_H */
