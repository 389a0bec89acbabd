/*-------------------------------------------------------------------------
 *
 * cost.h
 *	  What a statement costs under changes: the number alone, quickly.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DBA_COST_H
#define DBA_COST_H

#include "whatif/changes.h"
#include "whatif/plannable.h"

/* How carefully it is planned. */
typedef enum DbaCare
{
	DBA_QUICKLY,				/* without parallel plans */
	DBA_AS_EXECUTED				/* as the server would */
} DbaCare;

typedef struct DbaCost
{
	double		total;
	double		rows_written;	/* by INSERT, UPDATE, DELETE or MERGE */
	List	   *used;			/* DbaHypoIndex of the changes */
	List	   *scanned;		/* Oids of real indexes; only where planned as it
								 * would be executed */
	DbaProblem	problem;		/* why there is no cost */
} DbaCost;

extern void dba_cost(const DbaPlannable *plannable, const DbaChanges *changes,
					 DbaCare care, DbaCost *cost);

#endif							/* DBA_COST_H */
