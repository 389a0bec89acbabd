/*-------------------------------------------------------------------------
 *
 * rewrite.h
 *	  What in a statement could be written so that indexes serve it.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DBA_REWRITE_H
#define DBA_REWRITE_H

#include "nodes/bitmapset.h"
#include "nodes/params.h"
#include "nodes/parsenodes.h"

/* What of a table is not worth an index, since the statement is at fault. */
typedef struct DbaDefeated
{
	Oid			relid;
	Node	   *expr;			/* over range table entry 1, masked */
} DbaDefeated;

typedef struct DbaRewrite
{
	int			number;			/* in the order in which they are found, from 0 */
	Oid			relid;			/* the table, and the column of it */
	AttrNumber	attnum;
	const char *why;			/* what keeps indexes away */
	const char *before;			/* the condition as SQL */
	const char *after;
	const char *extension;		/* NULL, or what an index would need; after is what
								 * is like it in cost, not in meaning */
	bool		is_union;		/* after is not a condition, but statements */
	List	   *defeated;		/* DbaDefeated */
} DbaRewrite;

extern List *dba_rewrite(Query *query, ParamListInfo params, const Bitmapset *leave,
						 bool with_trigrams);
extern Node *dba_masked(Node *node, void *unused);
extern bool dba_rewrite_set_column(Query *query, Node *node, DbaRewrite *rewrite);

#endif							/* DBA_REWRITE_H */
