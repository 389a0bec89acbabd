/*-------------------------------------------------------------------------
 *
 * access.h
 *	  The ways into a table that indexes would give the planner.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DBA_ACCESS_H
#define DBA_ACCESS_H

#include "whatif/hypo.h"

#include "nodes/pathnodes.h"

extern List *dba_access_paths(PlannerInfo *root, RelOptInfo *rel, List *indexes);
extern bool dba_access_beaten(const Path *path, List *others, double margin);
extern bool dba_access_adds(List *paths, List *others, double margin);
extern List *dba_access_index_paths(Path *path);

#endif							/* DBA_ACCESS_H */
