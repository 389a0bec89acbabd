/*-------------------------------------------------------------------------
 *
 * variants.h
 *	  Variants of btrees that are kept: with a predicate, with included columns.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DBA_VARIANTS_H
#define DBA_VARIANTS_H

#include "advise/generation.h"

extern void dba_variants_partial(DbaGeneration *generation);
extern void dba_variants_covering(DbaGeneration *generation);

#endif							/* DBA_VARIANTS_H */
