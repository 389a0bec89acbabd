/*-------------------------------------------------------------------------
 *
 * changes.h
 *	  Changes on paper: indexes that do not exist, and some that are not to.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DBA_CHANGES_H
#define DBA_CHANGES_H

#include "whatif/hypo.h"

#include "nodes/pathnodes.h"
#include "nodes/plannodes.h"

/* Looks at a relation that is planned, all of whose paths are known. */
typedef void (*DbaExamine) (PlannerInfo *root, RelOptInfo *rel, RangeTblEntry *rte,
							void *arg);

typedef struct DbaChanges
{
	List	   *created;		/* DbaHypoIndex, of one table each */
	List	   *parents;		/* DbaHypoIndex of the partitioned tables above */
	List	   *dropped;		/* Oids of indexes */
	List	   *distinct;		/* DbaDistinct */
	DbaExamine	examine;		/* NULL: nobody looks */
	void	   *examine_arg;
} DbaChanges;

/* Whose work is to be changed. */
typedef enum DbaBeliever
{
	DBA_NEXT_PLANNER_CALL,		/* and what explains its plan */
	DBA_STANDARD_PLANNER		/* that is called without its hooks */
} DbaBeliever;

extern void dba_changes_init(void);
extern void dba_changes_create(DbaChanges *changes, DbaHypoIndex *index);
extern void dba_changes_add(DbaChanges *changes, DbaHypoIndex *leaf);
extern void dba_changes_drop(DbaChanges *changes, Oid index);

/* From here to the end the planner believes in them; the end after any error. */
extern void dba_changes_begin(const DbaChanges *changes, DbaBeliever believer);
extern List *dba_changes_end(void);

/* What the statement that is being planned is to believe in, or NULL. */
extern const DbaChanges *dba_changes_believed(void);
extern DbaHypoIndex *dba_changes_index(const DbaChanges *changes, Oid oid);
extern void dba_changes_check_arbiters(const PlannedStmt *plan, const DbaChanges *changes);

#endif							/* DBA_CHANGES_H */
