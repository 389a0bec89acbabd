/*-------------------------------------------------------------------------
 *
 * gin_size.h
 *	  Pages of a GIN index that was never built.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DBA_GIN_SIZE_H
#define DBA_GIN_SIZE_H

#include "whatif/table_sample.h"

extern void dba_gin_size(DbaHypoIndex *index, const DbaTableSample *sample);

#endif							/* DBA_GIN_SIZE_H */
