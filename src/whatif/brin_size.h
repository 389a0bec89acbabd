/*-------------------------------------------------------------------------
 *
 * brin_size.h
 *	  Pages of a BRIN index that was never built.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DBA_BRIN_SIZE_H
#define DBA_BRIN_SIZE_H

#include "whatif/table_sample.h"

extern void dba_brin_size(DbaHypoIndex *index, const DbaTableSample *sample);

#endif							/* DBA_BRIN_SIZE_H */
