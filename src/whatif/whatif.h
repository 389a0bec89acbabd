/*-------------------------------------------------------------------------
 *
 * whatif.h
 *	  What a statement would cost if other indexes were there.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DBA_WHATIF_H
#define DBA_WHATIF_H

#include "whatif/replan.h"

typedef struct DbaWhatif
{
	DbaReplanned before;
	DbaReplanned after;
} DbaWhatif;

extern void dba_whatif_analyze(const char *text, DbaPlannable *plannable);
extern void dba_whatif_create(DbaChanges *changes, const char *create_index);
extern void dba_whatif_create_all(DbaChanges *changes, const char *const *texts, int count);
extern void dba_whatif_drop(DbaChanges *changes, const char *index_name);
extern void dba_whatif_plan(const DbaPlannable *plannable, const DbaChanges *changes,
							DbaWhatif *result);

#endif							/* DBA_WHATIF_H */
