/*-------------------------------------------------------------------------
 *
 * spgist_size.h
 *	  Pages of an SP-GiST index that was never built.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DBA_SPGIST_SIZE_H
#define DBA_SPGIST_SIZE_H

#include "whatif/table_sample.h"

extern void dba_spgist_size(DbaHypoIndex *index, const DbaTableSample *sample);

#endif							/* DBA_SPGIST_SIZE_H */
