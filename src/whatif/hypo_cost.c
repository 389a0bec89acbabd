/*-------------------------------------------------------------------------
 *
 * hypo_cost.c
 *	  What a scan of a hypothetical index would cost.
 *
 * The access method's own function says so, from the numbers of pages and entries
 * that it is given.  Some want to know more, and look into the index:
 *
 *	  BRIN	how many blocks are in a range, and how many pages hold the map of
 *			ranges.  For an index that is hypothetical it takes the default.  It is
 *			shown a table with as many ranges of that size as there would be, and
 *			what it then counts for their size is put right.
 *	  GIN	how many entries it has, and in how many pages; gin_cost.c.
 *	  others	that come with extensions: who knows.  When one fails because the
 *			index is not there, the server's general estimate takes its place.
 *
 * Locking: none.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "compat.h"
#include "whatif/gin_cost.h"
#include "whatif/hypo_cost.h"
#include "whatif/hypo_info.h"

#include <math.h>

#include "access/brin.h"
#include "access/brin_page.h"
#include "access/xact.h"
#include "catalog/pg_am.h"
#include "optimizer/cost.h"
#include "utils/index_selfuncs.h"
#include "utils/memutils.h"
#include "utils/resowner.h"
#include "utils/selfuncs.h"
#include "utils/spccache.h"

static void brin_cost(PlannerInfo *root, IndexPath *path, double loop_count,
					  Cost *startup, Cost *total, Selectivity *selectivity,
					  double *correlation, double *pages);
static double brin_map_pages(double ranges);
static void guarded_cost(PlannerInfo *root, IndexPath *path, double loop_count,
						 Cost *startup, Cost *total, Selectivity *selectivity,
						 double *correlation, double *pages);
static bool own_cost(PlannerInfo *root, IndexPath *path, double loop_count,
					 Cost *startup, Cost *total, Selectivity *selectivity,
					 double *correlation, double *pages);

/* What the planner is to call for an index of this access method. */
amcostestimate_function
dba_hypo_cost_function(Oid am, const IndexAmRoutine *routine)
{
	switch (am)
	{
		case BTREE_AM_OID:
		case HASH_AM_OID:
		case GIST_AM_OID:
		case SPGIST_AM_OID:
			return routine->amcostestimate;
		case BRIN_AM_OID:
			return brin_cost;
		case GIN_AM_OID:
			return dba_gin_cost;
		default:
			return guarded_cost;
	}
}

static void
brin_cost(PlannerInfo *root, IndexPath *path, double loop_count,
		  Cost *startup, Cost *total, Selectivity *selectivity,
		  double *correlation, double *pages)
{
	const DbaHypoInfo *own = (const DbaHypoInfo *) path->indexinfo;
	const BrinOptions *options = (const BrinOptions *) own->index->options;
	double		per_range = options != NULL ? options->pagesPerRange : BRIN_DEFAULT_PAGES_PER_RANGE;
	RelOptInfo *table = path->indexinfo->rel;
	BlockNumber blocks = table->pages;
	double		ranges = Max(ceil(blocks / per_range), 1.0);
	double		shown_map = floor(ranges / REVMAP_PAGE_MAXITEMS) + 1;
	double		map = brin_map_pages(ranges);
	double		random_cost;
	double		seq_cost;

	table->pages = (BlockNumber) Min(ranges * BRIN_DEFAULT_PAGES_PER_RANGE, MaxBlockNumber);
	brincostestimate(root, path, loop_count, startup, total, selectivity, correlation, pages);
	table->pages = blocks;

	get_tablespace_page_costs(own->info.reltablespace, &random_cost, &seq_cost);
	*startup += (map - shown_map) * seq_cost * loop_count;
	*total += (map - shown_map) * (seq_cost - random_cost) * loop_count;
	*total += 0.1 * cpu_operator_cost * *selectivity * ranges *
		(per_range - BRIN_DEFAULT_PAGES_PER_RANGE);
}

/* Pages of the map, as the server counts them in a real index: without the first. */
static double
brin_map_pages(double ranges)
{
	return ceil(ranges / REVMAP_PAGE_MAXITEMS) - 1;
}

/* ------------------------------------------------------------------------
 * Access methods of extensions
 * ------------------------------------------------------------------------ */

static void
guarded_cost(PlannerInfo *root, IndexPath *path, double loop_count,
			 Cost *startup, Cost *total, Selectivity *selectivity,
			 double *correlation, double *pages)
{
	GenericCosts costs = {0};

	if (own_cost(root, path, loop_count, startup, total, selectivity, correlation, pages))
		return;
	genericcostestimate(root, path, loop_count, &costs);
	*startup = costs.indexStartupCost;
	*total = costs.indexTotalCost;
	*selectivity = costs.indexSelectivity;
	*correlation = costs.indexCorrelation;
	*pages = costs.numIndexPages;
}

/*
 * Asks the access method, which may fail.  What it holds then (locks, open
 * relations) is let go of by the end of a subtransaction; the planner's own is
 * not touched.  A cancel goes upwards.
 */
static bool
own_cost(PlannerInfo *root, IndexPath *path, double loop_count,
		 Cost *startup, Cost *total, Selectivity *selectivity,
		 double *correlation, double *pages)
{
	const IndexAmRoutine *routine = GetIndexAmRoutineByAmId(path->indexinfo->relam, false);
	MemoryContext caller = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	volatile bool failed = false;
	ErrorData  *volatile failure = NULL;

	BeginInternalSubTransaction(NULL);
	PG_TRY();
	{
		MemoryContextSwitchTo(caller);
		routine->amcostestimate(root, path, loop_count, startup, total, selectivity,
								correlation, pages);
		ReleaseCurrentSubTransaction();
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(caller);
		failure = CopyErrorData();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
		failed = true;
	}
	PG_END_TRY();
	MemoryContextSwitchTo(caller);
	CurrentResourceOwner = owner;

	if (failure != NULL && failure->sqlerrcode == ERRCODE_QUERY_CANCELED)
		ReThrowError(failure);
	return !failed;
}
