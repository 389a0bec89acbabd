/*-------------------------------------------------------------------------
 *
 * hypo_info.h
 *	  A hypothetical index as the planner knows indexes.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DBA_HYPO_INFO_H
#define DBA_HYPO_INFO_H

#include "whatif/hypo.h"

#include "nodes/pathnodes.h"

/*
 * The planner's knowledge of an index of ours, and the index, which its cost
 * functions look for there: an IndexOptInfo from here cannot be copied alone.
 */
typedef struct DbaHypoInfo
{
	IndexOptInfo info;			/* first: the planner sees only this */
	const DbaHypoIndex *index;
} DbaHypoInfo;

extern IndexOptInfo *dba_hypo_info(DbaHypoIndex *index, RelOptInfo *rel);

#endif							/* DBA_HYPO_INFO_H */
