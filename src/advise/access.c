/*-------------------------------------------------------------------------
 *
 * access.c
 *	  The ways into a table that indexes would give the planner.
 *
 * Asks the planner itself, in the middle of its work: when all paths of a table
 * are known they are put aside, those of other indexes are made in their place,
 * and then all is put back.
 *
 * Locking: none.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "advise/access.h"
#include "whatif/hypo_info.h"

#include "optimizer/pathnode.h"
#include "optimizer/paths.h"

/* The paths (of the table, not of its indexes) that these indexes would give. */
List *
dba_access_paths(PlannerInfo *root, RelOptInfo *rel, List *indexes)
{
	List	   *pathlist = rel->pathlist;
	List	   *partial_pathlist = rel->partial_pathlist;
	List	   *indexlist = rel->indexlist;
	List	   *ppilist = rel->ppilist;
	bool		consider_parallel = rel->consider_parallel;
	List	   *result;
	ListCell   *cell;

	rel->pathlist = rel->partial_pathlist = rel->indexlist = NIL;
	rel->ppilist = list_copy(ppilist);
	rel->consider_parallel = false;
	foreach(cell, indexes)
		rel->indexlist = lappend(rel->indexlist, dba_hypo_info(lfirst(cell), rel));
	check_index_predicates(root, rel);
	create_index_paths(root, rel);
	result = rel->pathlist;

	rel->pathlist = pathlist;
	rel->partial_pathlist = partial_pathlist;
	rel->indexlist = indexlist;
	rel->ppilist = ppilist;
	rel->consider_parallel = consider_parallel;
	return result;
}

/*
 * Whether one of the others is as good in every respect: needs nothing more from
 * outside, has the order, and costs no more but for the margin (0.01: 1 %).
 */
bool
dba_access_beaten(const Path *path, List *others, double margin)
{
	ListCell   *cell;

	foreach(cell, others)
	{
		const Path *other = lfirst(cell);

		if (other->total_cost <= path->total_cost * (1 + margin) &&
			other->startup_cost <= path->startup_cost * (1 + margin) + 1 &&
			bms_is_subset(PATH_REQ_OUTER(other), PATH_REQ_OUTER(path)) &&
			pathkeys_contained_in(path->pathkeys, other->pathkeys))
			return true;
	}
	return false;
}

/* Whether one of the paths is not beaten by the others. */
bool
dba_access_adds(List *paths, List *others, double margin)
{
	ListCell   *cell;

	foreach(cell, paths)
	{
		if (!dba_access_beaten(lfirst(cell), others, margin))
			return true;
	}
	return false;
}

/* The scans of indexes (IndexPath) that a path is made of. */
List *
dba_access_index_paths(Path *path)
{
	List	   *parts = NIL;
	List	   *result = NIL;
	ListCell   *cell;

	switch (nodeTag(path))
	{
		case T_IndexPath:
			return list_make1(path);
		case T_BitmapHeapPath:
			return dba_access_index_paths(((BitmapHeapPath *) path)->bitmapqual);
		case T_BitmapAndPath:
			parts = ((BitmapAndPath *) path)->bitmapquals;
			break;
		case T_BitmapOrPath:
			parts = ((BitmapOrPath *) path)->bitmapquals;
			break;
		default:
			break;
	}
	foreach(cell, parts)
		result = list_concat(result, dba_access_index_paths(lfirst(cell)));
	return result;
}
