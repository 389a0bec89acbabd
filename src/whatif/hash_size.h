/*-------------------------------------------------------------------------
 *
 * hash_size.h
 *	  Pages of a hash index that was never built.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DBA_HASH_SIZE_H
#define DBA_HASH_SIZE_H

#include "whatif/table_sample.h"

extern void dba_hash_size(DbaHypoIndex *index, const DbaTableSample *sample);

#endif							/* DBA_HASH_SIZE_H */
