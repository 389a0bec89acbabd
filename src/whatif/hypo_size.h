/*-------------------------------------------------------------------------
 *
 * hypo_size.h
 *	  How large indexes would be, by a sample of their table.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DBA_HYPO_SIZE_H
#define DBA_HYPO_SIZE_H

#include "whatif/hypo.h"
#include "whatif/table_sample.h"

extern void dba_hypo_measure(DbaHypoIndex *index);
extern void dba_hypo_measure_all(List *indexes, DbaPrecision precision);

#endif							/* DBA_HYPO_SIZE_H */
