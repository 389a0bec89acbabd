/*-------------------------------------------------------------------------
 *
 * trial.h
 *	  Trying an index on a table in the middle of its planning.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DBA_TRIAL_H
#define DBA_TRIAL_H

#include "advise/combine.h"
#include "whatif/hypo.h"

/* Where indexes are tried. */
typedef struct DbaTrial
{
	PlannerInfo *root;
	RelOptInfo *rel;			/* the table in the statement; over it are operands */
	RelOptInfo *place;			/* the same, or a partition of it: there is tried */
	Oid			relid;			/* of rel */
	Oid			place_relid;
} DbaTrial;

extern bool dba_trial_begin(DbaTrial *trial, PlannerInfo *root, RelOptInfo *rel,
							RangeTblEntry *rte);
extern DbaHypoIndex *dba_trial_index(const DbaTrial *trial, Oid am, List *columns,
									 List *included, List *predicate);
extern List *dba_trial_paths(const DbaTrial *trial, DbaHypoIndex *index);
extern List *dba_trial_paths_together(const DbaTrial *trial, List *indexes);
extern List *dba_trial_canonical(const DbaTrial *trial, List *nodes);

#endif							/* DBA_TRIAL_H */
