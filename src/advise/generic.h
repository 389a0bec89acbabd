/*-------------------------------------------------------------------------
 *
 * generic.h
 *	  Whether advised indexes serve statements whatever their values.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DBA_GENERIC_H
#define DBA_GENERIC_H

#include "advise/costing.h"

extern void dba_generic_judge(DbaCosting *costing, const Bitmapset *chosen);

#endif							/* DBA_GENERIC_H */
