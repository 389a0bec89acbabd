/*-------------------------------------------------------------------------
 *
 * answers.h
 *	  Answers that are no index: a statement to write otherwise, an extension,
 *	  statistics.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DBA_ANSWERS_H
#define DBA_ANSWERS_H

#include "advise/generate.h"
#include "advise/workload.h"

#include "datatype/timestamp.h"

/* A statement that is helped; costs as the planner gives them. */
typedef struct DbaHelped
{
	const DbaWork *work;
	double		before;			/* negative: as the workload has it */
	double		after;			/* negative: not known */
} DbaHelped;

typedef struct DbaAnswer
{
	const char *kind;			/* rewrite, extension, statistics */
	Oid			relid;
	const char *reason;
	const char *command;		/* NULL: none, it is up to the application */
	List	   *helped;			/* DbaHelped */
} DbaAnswer;

extern List *dba_answers_find(DbaWorkload *workload, const DbaGenerator *like,
							  TimestampTz deadline);
extern double dba_helped_before(const DbaHelped *helped);
extern void dba_answers_add(List **answers, const char *kind, Oid relid, const char *reason,
							const char *command, const DbaHelped *helped);
extern char *dba_answer_table(Oid relid);

#endif							/* DBA_ANSWERS_H */
