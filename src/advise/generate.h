/*-------------------------------------------------------------------------
 *
 * generate.h
 *	  Which indexes could help a statement: every one that the planner takes.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DBA_GENERATE_H
#define DBA_GENERATE_H

#include "advise/candidate.h"

typedef struct DbaGenerator
{
	DbaPool    *pool;			/* where they go */
	int			max_columns;
	List	   *special_methods;	/* Oids: dba_special_access_methods() */
	List	   *defeated;		/* DbaDefeated: what is not to be indexed */
	List	   *unanalyzed;		/* out: tables without statistics */
} DbaGenerator;

/* A DbaExamine; arg is a DbaGenerator. */
extern void dba_generate(PlannerInfo *root, RelOptInfo *rel, RangeTblEntry *rte, void *arg);

#endif							/* DBA_GENERATE_H */
