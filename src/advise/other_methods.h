/*-------------------------------------------------------------------------
 *
 * other_methods.h
 *	  Candidates of other access methods than btree, and for OR.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DBA_OTHER_METHODS_H
#define DBA_OTHER_METHODS_H

#include "advise/generation.h"

extern void dba_other_small(DbaGeneration *generation);
extern void dba_other_special(DbaGeneration *generation, DbaOperand *operand, Oid am);
extern void dba_other_disjunctions(DbaGeneration *generation);

#endif							/* DBA_OTHER_METHODS_H */
