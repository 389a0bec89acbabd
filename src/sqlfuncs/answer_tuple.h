/*-------------------------------------------------------------------------
 *
 * answer_tuple.h
 *	  Answers that are no index as rows of advise_indexes().
 *
 *-------------------------------------------------------------------------
 */
#ifndef DBA_ANSWER_TUPLE_H
#define DBA_ANSWER_TUPLE_H

#include "advise/answers.h"

#include "access/htup.h"
#include "access/tupdesc.h"

extern HeapTuple dba_answer_tuple(TupleDesc desc, const DbaAnswer *answer, bool observed);

#endif							/* DBA_ANSWER_TUPLE_H */
