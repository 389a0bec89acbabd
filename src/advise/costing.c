/*-------------------------------------------------------------------------
 *
 * costing.c
 *	  What statements cost with chosen candidates, planned as rarely as possible.
 *
 * A search asks for the cost of every statement with ever other sets of indexes.
 * Nearly always the answer is known, because
 * - only those candidates matter that give a way into the statement's tables;
 * - one that another of the set beats in every respect does not matter either;
 * - a plan that uses U, found among A, is also the best of every set between.
 *
 * Locking: that of plannable.c.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "advise/access.h"
#include "advise/costing.h"
#include "advise/generate.h"
#include "advise/trial.h"

#include "miscadmin.h"
#include "optimizer/optimizer.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

/* Share of the time in which statements are looked at before any is chosen for. */
#define GENERATE_SHARE 0.4

/* Of what a statement costs now: what a gain must come to, and what less is worth. */
#define BELIEVABLE 0.85
#define GAMBLE 1.05

/* Finds out which candidates matter to a statement, and to which of its tables. */
typedef struct Relating
{
	DbaPool    *pool;
	DbaVariant *variant;
	MemoryContext context;
} Relating;

static void generate_for(DbaCosting *costing, DbaVariant *variant, DbaGenerator *generator);
static void relate_variant(DbaCosting *costing, DbaVariant *variant);
static void relate(PlannerInfo *root, RelOptInfo *rel, RangeTblEntry *rte, void *arg);
static void relate_dominance(Relating *relating, List *numbers, List *paths);
static bool is_beaten(List *paths, List *others);
static double variant_cost(DbaCosting *costing, DbaVariant *variant, const Bitmapset *chosen);
static double believable(const DbaVariant *variant, const DbaKnownCost *known);
static Bitmapset *that_matter(const DbaVariant *variant, const Bitmapset *chosen);
static const DbaKnownCost *find_known(const DbaVariant *variant, const Bitmapset *at_hand);
static const DbaKnownCost *plan(DbaCosting *costing, DbaVariant *variant, Bitmapset *at_hand);
static Bitmapset *numbers_of(const DbaPool *pool, List *used, const Bitmapset *among);

/*
 * Plans each statement once as things are, and fills the pool with what could
 * help it.  Statements that cannot be planned say why; so do those for which a
 * part of the time until the deadline does not suffice: the search needs some.
 */
void
dba_costing_generate(DbaCosting *costing, DbaGenerator *generator, TimestampTz deadline)
{
	DbaWorkload *workload = costing->workload;
	TimestampTz now = GetCurrentTimestamp();
	TimestampTz until = now + (TimestampTz) (GENERATE_SHARE * (double) (deadline - now));

	for (int i = 0; i < workload->count; i++)
	{
		DbaWork    *work = &workload->works[i];
		double		mean = 0;

		for (int j = 0; j < work->variant_count; j++)
		{
			CHECK_FOR_INTERRUPTS();
			generator->defeated = work->defeated;
			if (GetCurrentTimestamp() < until)
				generate_for(costing, &work->variants[j], generator);
			else
				work->variants[j].problem = pstrdup("there was no time for it");
			mean += work->variants[j].share * work->variants[j].before;
		}
		if (work->ms > 0)
			work->unit = mean > 0 ? work->ms / mean : 0;
		work->before = work->unit * mean;
	}
}

static void
generate_for(DbaCosting *costing, DbaVariant *variant, DbaGenerator *generator)
{
	DbaChanges	changes = {.examine = dba_generate, .examine_arg = generator};
	DbaCost		cost;

	dba_cost(&variant->plannable, &changes, DBA_QUICKLY, &cost);
	costing->planned++;
	variant->before = cost.total;
	variant->rows = cost.rows_written;
	variant->problem = cost.problem.message;
}

/* ------------------------------------------------------------------------
 * Which candidates matter to whom
 * ------------------------------------------------------------------------ */

/* Sets what is relevant to each statement, and what beats what. */
void
dba_costing_relate(DbaCosting *costing)
{
	DbaWorkload *workload = costing->workload;

	for (int i = 0; i < workload->count; i++)
	{
		DbaWork    *work = &workload->works[i];

		for (int j = 0; j < work->variant_count; j++)
		{
			CHECK_FOR_INTERRUPTS();
			relate_variant(costing, &work->variants[j]);
			work->relevant = bms_add_members(work->relevant, work->variants[j].relevant);
		}
	}
}

static void
relate_variant(DbaCosting *costing, DbaVariant *variant)
{
	Relating	relating = {
		.pool = costing->pool, .variant = variant, .context = CurrentMemoryContext
	};
	DbaChanges	changes = {.examine = relate, .examine_arg = &relating};
	DbaKnownCost *known;
	DbaCost		cost;

	if (variant->problem != NULL)
		return;
	variant->dominated_count = costing->pool->count;
	variant->dominated = palloc0(sizeof(Bitmapset *) * costing->pool->count);
	dba_cost(&variant->plannable, &changes, DBA_QUICKLY, &cost);
	costing->planned++;
	variant->problem = cost.problem.message;

	known = palloc0(sizeof(DbaKnownCost));
	known->total = variant->before = cost.total;
	variant->known = list_make1(known);
}

/* Tries every candidate on the table that is being planned. */
static void
relate(PlannerInfo *root, RelOptInfo *rel, RangeTblEntry *rte, void *arg)
{
	Relating   *relating = arg;
	DbaPool    *pool = relating->pool;
	List	   *numbers = NIL;
	List	   *all_paths = NIL;
	MemoryContext caller;

	if (rte->rtekind != RTE_RELATION || rte->inh || IS_DUMMY_REL(rel))
		return;
	for (int i = 0; i < pool->count; i++)
	{
		ListCell   *cell;

		foreach(cell, pool->candidates[i]->leaves)
		{
			DbaHypoIndex *leaf = lfirst(cell);
			List	   *paths;

			if (leaf->relid != rte->relid)
				continue;
			paths = dba_access_paths(root, rel, list_make1(leaf));
			if (!dba_access_adds(paths, rel->pathlist, 0) &&
				!bms_is_member(i, pool->grouped))
				continue;
			numbers = lappend_int(numbers, i);
			all_paths = lappend(all_paths, paths);
		}
	}

	caller = MemoryContextSwitchTo(relating->context);
	relate_dominance(relating, numbers, all_paths);
	MemoryContextSwitchTo(caller);
}

/* Of a table that the statement names twice, one must be beaten at both places. */
static void
relate_dominance(Relating *relating, List *numbers, List *paths)
{
	DbaVariant *variant = relating->variant;
	ListCell   *cell;
	ListCell   *own;

	forboth(cell, numbers, own, paths)
	{
		int			number = lfirst_int(cell);
		Bitmapset  *better = NULL;
		ListCell   *other;
		ListCell   *others;

		forboth(other, numbers, others, paths)
		{
			int			rival = lfirst_int(other);

			if (rival != number && !bms_is_member(number, relating->pool->grouped) &&
				is_beaten(lfirst(own), lfirst(others)) &&
				(rival < number || !is_beaten(lfirst(others), lfirst(own))))
				better = bms_add_member(better, rival);
		}
		variant->dominated[number] = bms_is_member(number, variant->relevant) ?
			bms_int_members(variant->dominated[number], better) : better;
		variant->relevant = bms_add_member(variant->relevant, number);
	}
}

static bool
is_beaten(List *paths, List *others)
{
	return !dba_access_adds(paths, others, 0);
}

/* ------------------------------------------------------------------------
 * Costs
 * ------------------------------------------------------------------------ */

/* What the statement is worth with these candidates, all its variants together. */
double
dba_costing_work(DbaCosting *costing, DbaWork *work, const Bitmapset *chosen)
{
	double		sum = 0;

	for (int i = 0; i < work->variant_count; i++)
	{
		DbaVariant *variant = &work->variants[i];

		if (variant->problem == NULL)
			sum += variant->share * variant_cost(costing, variant, chosen);
	}
	return sum * work->unit;
}

static double
variant_cost(DbaCosting *costing, DbaVariant *variant, const Bitmapset *chosen)
{
	Bitmapset  *at_hand = that_matter(variant, chosen);
	const DbaKnownCost *known = find_known(variant, at_hand);

	costing->asked++;
	if (known == NULL)
		known = plan(costing, variant, at_hand);
	bms_free(at_hand);
	return believable(variant, known);
}

/*
 * A plan that is another one, but hardly cheaper, is as likely to be slower: costs
 * are not that exact.  What is chosen for the sake of other statements should not
 * bring that about.
 */
static double
believable(const DbaVariant *variant, const DbaKnownCost *known)
{
	if (!bms_is_empty(known->used) && known->total > variant->before * BELIEVABLE)
		return Max(known->total, variant->before * GAMBLE);
	return known->total;
}

/* Of the chosen those that the planner could have a use for. */
static Bitmapset *
that_matter(const DbaVariant *variant, const Bitmapset *chosen)
{
	Bitmapset  *relevant = bms_intersect(chosen, variant->relevant);
	Bitmapset  *result = bms_copy(relevant);
	int			number = -1;

	while ((number = bms_next_member(relevant, number)) >= 0)
	{
		if (bms_overlap(variant->dominated[number], relevant))
			result = bms_del_member(result, number);
	}
	bms_free(relevant);
	return result;
}

static const DbaKnownCost *
find_known(const DbaVariant *variant, const Bitmapset *at_hand)
{
	ListCell   *cell;

	foreach(cell, variant->known)
	{
		const DbaKnownCost *known = lfirst(cell);

		if (bms_is_subset(known->used, at_hand) && bms_is_subset(at_hand, known->at_hand))
			return known;
	}
	return NULL;
}

/* Asks the planner, and remembers. */
static const DbaKnownCost *
plan(DbaCosting *costing, DbaVariant *variant, Bitmapset *at_hand)
{
	DbaKnownCost *known = palloc(sizeof(DbaKnownCost));
	DbaChanges *changes = dba_pool_changes(costing->pool, at_hand);
	DbaCost		cost;

	CHECK_FOR_INTERRUPTS();
	dba_cost(&variant->plannable, changes, DBA_QUICKLY, &cost);
	costing->planned++;
	known->at_hand = bms_copy(at_hand);
	known->used = numbers_of(costing->pool, cost.used, at_hand);
	/* What can no longer be planned (dropped meanwhile) gains nothing. */
	known->total = cost.problem.message == NULL ? cost.total : variant->before;
	variant->known = lappend(variant->known, known);
	list_free(changes->created);
	pfree(changes);
	return known;
}

static Bitmapset *
numbers_of(const DbaPool *pool, List *used, const Bitmapset *among)
{
	Bitmapset  *result = NULL;
	ListCell   *cell;
	int			number = -1;

	while ((number = bms_next_member(among, number)) >= 0)
	{
		foreach(cell, used)
		{
			if (list_member_ptr(pool->candidates[number]->leaves, lfirst(cell)))
				result = bms_add_member(result, number);
		}
	}
	return result;
}

/*
 * The same with the planner at its best, parallel plans and all, and without some
 * existing indexes (Oids); not remembered.  Adds to *used the candidates that
 * plans use.
 */
double
dba_costing_fully(DbaCosting *costing, DbaWork *work, const Bitmapset *chosen,
				  List *dropped, Bitmapset **used)
{
	double		sum = 0;

	for (int i = 0; i < work->variant_count; i++)
	{
		DbaVariant *variant = &work->variants[i];
		Bitmapset  *at_hand;
		DbaChanges *changes;
		DbaCost		cost;

		if (variant->problem != NULL)
			continue;
		CHECK_FOR_INTERRUPTS();
		at_hand = bms_intersect(chosen, variant->relevant);
		changes = dba_pool_changes(costing->pool, at_hand);
		changes->dropped = dropped;
		dba_cost(&variant->plannable, changes, DBA_AS_EXECUTED, &cost);
		costing->planned++;
		if (cost.problem.message != NULL)
			cost.total = variant->before;
		sum += variant->share * cost.total;
		*used = bms_join(*used, numbers_of(costing->pool, cost.used, at_hand));
	}
	return sum * work->unit;
}
