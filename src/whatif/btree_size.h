/*-------------------------------------------------------------------------
 *
 * btree_size.h
 *	  Pages and height of a btree that was never built.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DBA_BTREE_SIZE_H
#define DBA_BTREE_SIZE_H

#include "whatif/table_sample.h"

extern void dba_btree_size(DbaHypoIndex *index, const DbaTableSample *sample);

#endif							/* DBA_BTREE_SIZE_H */
