/*-------------------------------------------------------------------------
 *
 * plan_shape.h
 *	  Tells plans of one statement apart by what they do.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DBA_PLAN_SHAPE_H
#define DBA_PLAN_SHAPE_H

#include "nodes/plannodes.h"

extern uint32 dba_plan_hash(const PlannedStmt *plan);

#endif							/* DBA_PLAN_SHAPE_H */
