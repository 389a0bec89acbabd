/*-------------------------------------------------------------------------
 *
 * gist_size.h
 *	  Pages of a GiST index that was never built.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DBA_GIST_SIZE_H
#define DBA_GIST_SIZE_H

#include "whatif/table_sample.h"

extern void dba_gist_size(DbaHypoIndex *index, const DbaTableSample *sample);

#endif							/* DBA_GIST_SIZE_H */
