/*-------------------------------------------------------------------------
 *
 * disjunction.h
 *	  An OR over columns of several tables, and the UNION that it could be.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DBA_DISJUNCTION_H
#define DBA_DISJUNCTION_H

#include "advise/rewrite.h"

extern List *dba_split_disjunction(Query *query, DbaRewrite *rewrite);

#endif							/* DBA_DISJUNCTION_H */
