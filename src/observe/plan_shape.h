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
extern const char *dba_plan_node_name(uint32 node_tag);

#endif							/* DBA_PLAN_SHAPE_H */
