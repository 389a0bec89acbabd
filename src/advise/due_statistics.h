/*-------------------------------------------------------------------------
 *
 * due_statistics.h
 *	  Tables to analyse before advice on them is to be trusted.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DBA_DUE_STATISTICS_H
#define DBA_DUE_STATISTICS_H

#include "advise/answers.h"

extern List *dba_due_statistics(const DbaWorkload *workload, List *unanalyzed, List *advised);

#endif							/* DBA_DUE_STATISTICS_H */
