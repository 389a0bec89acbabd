/*-------------------------------------------------------------------------
 *
 * tree.h
 *	  A statement without its constants, as it can be planned again.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DBA_TREE_H
#define DBA_TREE_H

#include "observe/blob.h"
#include "observe/values.h"

#include "nodes/parsenodes.h"

/*
 * Nodes of a statement that are worth copying and writing out, which takes
 * almost a microsecond each; larger ones are not kept.
 */
#define DBA_MAX_NODES 5000

typedef struct DbaTree
{
	Query	   *query;			/* constants of the text are parameters in it */
	int			bound;			/* parameters $1 .. $bound that the client
								 * sends; those beyond stand for constants */
	int			count;			/* of both, so of its values too */
	char	   *search_path;
} DbaTree;

/* Taking: in the planner, before it scribbles on the query. */
extern bool dba_tree_worth_keeping(const Query *query);
extern DbaTree *dba_tree_take(const Query *query, DbaValues **constants);
extern char *dba_tree_pack(const DbaTree *tree, Size *size);

/* Reading: in any session of the same database. */
extern DbaTree *dba_tree_unpack(const char *data, Size size);
extern char *dba_tree_search_path(const char *data, Size size);
extern List *dba_tree_relations(const DbaTree *tree);
extern ParamListInfo dba_tree_bind(const DbaTree *tree,
								   const DbaValues *values);

#endif							/* DBA_TREE_H */
