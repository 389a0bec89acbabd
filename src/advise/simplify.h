/*-------------------------------------------------------------------------
 *
 * simplify.h
 *	  The same condition on the bare column.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DBA_SIMPLIFY_H
#define DBA_SIMPLIFY_H

#include "advise/condition.h"

extern Node *dba_simplify(DbaCondition *condition);

#endif							/* DBA_SIMPLIFY_H */
