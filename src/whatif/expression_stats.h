/*-------------------------------------------------------------------------
 *
 * expression_stats.h
 *	  Statistics of the expressions of a hypothetical index.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DBA_EXPRESSION_STATS_H
#define DBA_EXPRESSION_STATS_H

#include "whatif/table_sample.h"

#include "utils/selfuncs.h"

extern void dba_expression_stats_sample(DbaHypoIndex *index, const DbaTableSample *sample);
extern bool dba_expression_stats_give(const DbaHypoIndex *index, AttrNumber column,
									  PlannerInfo *root, VariableStatData *data);

#endif							/* DBA_EXPRESSION_STATS_H */
