/*-------------------------------------------------------------------------
 *
 * replace.h
 *	  Indexes that new ones make superfluous.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DBA_REPLACE_H
#define DBA_REPLACE_H

#include "advise/costing.h"

extern List *dba_replaced_by(DbaCosting *costing, const DbaCandidate *candidate,
							 const Bitmapset *chosen);
extern void dba_replace_compare(DbaPool *pool);

#endif							/* DBA_REPLACE_H */
