/*-------------------------------------------------------------------------
 *
 * replan.h
 *	  Plans a statement of another session as its user would have it planned.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DBA_REPLAN_H
#define DBA_REPLAN_H

#include "nodes/params.h"
#include "nodes/plannodes.h"

/* What is needed to plan a statement as somebody else. */
typedef struct DbaPlannable
{
	Query	   *query;			/* analysed and rewritten; is not changed */
	const char *text;			/* for error messages and EXPLAIN */
	const char *search_path;
	ParamListInfo params;		/* NULL: the generic plan; one of no type is
								 * not known */
	Oid			userid;
} DbaPlannable;

extern char *dba_replan(const DbaPlannable *plannable, double *cost,
						char **error);

#endif							/* DBA_REPLAN_H */
