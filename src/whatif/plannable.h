/*-------------------------------------------------------------------------
 *
 * plannable.h
 *	  A statement of whomever, and doing something with it in his place.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DBA_PLANNABLE_H
#define DBA_PLANNABLE_H

#include "nodes/params.h"
#include "nodes/parsenodes.h"

/* What is needed to plan a statement as somebody else. */
typedef struct DbaPlannable
{
	Query	   *query;			/* analysed and rewritten; is not changed */
	const char *text;			/* for error messages and EXPLAIN */
	const char *search_path;
	ParamListInfo params;		/* NULL: the generic plan; one of no type is
								 * not known */
	Oid			userid;
	int			cursor_options; /* of DECLARE CURSOR; 0: it is none */
} DbaPlannable;

/* Why it could not be done. */
typedef struct DbaProblem
{
	char	   *message;		/* NULL: it was done */
	int			sqlerrcode;
} DbaProblem;

/*
 * What is to be done with a copy of the query, whose relations are locked; some
 * values may be unknown.  Runs in a context that goes away.
 */
typedef void (*DbaPlanning) (const DbaPlannable *plannable, Query *query,
							 bool values_unknown, void *arg);

extern void dba_plannable_do(const DbaPlannable *plannable, DbaPlanning planning,
							 void *arg, DbaProblem *problem);

#endif							/* DBA_PLANNABLE_H */
