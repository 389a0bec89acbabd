/*-------------------------------------------------------------------------
 *
 * index_entry.h
 *	  An entry of an index, unless it is too wide for it.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DBA_INDEX_ENTRY_H
#define DBA_INDEX_ENTRY_H

#include "whatif/hypo.h"

#include "access/itup.h"

extern IndexTuple dba_index_entry(DbaHypoIndex *index, TupleDesc desc, Datum *values,
								  bool *nulls, Size most);
extern void dba_index_too_wide(DbaHypoIndex *index, Size size);

#endif							/* DBA_INDEX_ENTRY_H */
