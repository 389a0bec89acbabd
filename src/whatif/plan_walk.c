/*-------------------------------------------------------------------------
 *
 * plan_walk.c
 *	  The plans below a plan.
 *
 * Plans that are expressions' (of PlannedStmt.subplans) are not among them.
 *
 * Locking: none.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "whatif/plan_walk.h"

/* Its children, in order; NULLs are among them. */
List *
dba_plan_children(const Plan *plan)
{
	switch (nodeTag(plan))
	{
		case T_Append:
			return ((const Append *) plan)->appendplans;
		case T_MergeAppend:
			return ((const MergeAppend *) plan)->mergeplans;
		case T_BitmapAnd:
			return ((const BitmapAnd *) plan)->bitmapplans;
		case T_BitmapOr:
			return ((const BitmapOr *) plan)->bitmapplans;
		case T_SubqueryScan:
			return list_make1(((const SubqueryScan *) plan)->subplan);
		case T_CustomScan:
			return ((const CustomScan *) plan)->custom_plans;
		default:
			return list_make2(plan->lefttree, plan->righttree);
	}
}
