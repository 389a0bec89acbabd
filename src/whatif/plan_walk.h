/*-------------------------------------------------------------------------
 *
 * plan_walk.h
 *	  The plans below a plan.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DBA_PLAN_WALK_H
#define DBA_PLAN_WALK_H

#include "nodes/plannodes.h"

extern List *dba_plan_children(const Plan *plan);

#endif							/* DBA_PLAN_WALK_H */
