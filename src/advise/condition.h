/*-------------------------------------------------------------------------
 *
 * condition.h
 *	  Conditions of a statement, taken apart and put together anew.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DBA_CONDITION_H
#define DBA_CONDITION_H

#include "nodes/params.h"
#include "nodes/parsenodes.h"
#include "nodes/primnodes.h"

/* side op value, or side op ANY (value) */
typedef struct DbaCondition
{
	Node	   *side;			/* has the column */
	const char *op;				/* a name of pg_catalog's */
	Node	   *value;			/* has no column of that table */
	bool		any;			/* value is an array */
	bool		positive;		/* NULL is no better than false here */
	ParamListInfo params;		/* values of parameters, or NULL */
	const char *why;			/* out: what keeps indexes away */
} DbaCondition;

extern Var *dba_plain_column(Node *node);
extern bool dba_has_columns(Node *node, void *unused);
extern Const *dba_constant(Node *node, ParamListInfo params);
extern bool dba_is_known_true(Node *node, ParamListInfo params);
extern Node *dba_fold(Node *node);
extern Node *dba_operation(const char *op, Node *left, Node *right);
extern Node *dba_comparison(Node *column, const char *op, Node *value, bool any);
extern Node *dba_cast_argument(Node *node);
extern char *dba_condition_text(List *queries, Node *node);

#endif							/* DBA_CONDITION_H */
