/*-------------------------------------------------------------------------
 *
 * advice.c
 *	  Indexes for a workload: what to make, what it gains, what it costs.
 *
 * Candidates, their sizes, to whom they matter, the search; then each statement is
 * planned as the server would, with all that is chosen, and what does not stand
 * that test is taken out again.
 *
 * Locking: AccessShareLock on the tables of the statements.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "advise/advice.h"
#include "advise/answers.h"
#include "advise/due_statistics.h"
#include "advise/generic.h"
#include "advise/opclasses.h"
#include "advise/replace.h"
#include "advise/too_wide.h"
#include "advise/upkeep.h"

#include <math.h>

/* Times that the chosen set is planned fully and mended. */
#define MAX_CHECKS 8

/* Times that a set is looked for. */
#define MAX_SEARCHES 5

/* Share by which a set must be of another size than was thought to look again. */
#define SIZE_MATTERS 0.01

typedef struct Check
{
	double	   *before;			/* worth of each work, fully planned */
	double	   *after;
	Bitmapset **used;			/* by each work */
	Bitmapset  *all_used;
} Check;

static Bitmapset *search(DbaAdvice *advice, const DbaGoal *goal);
static bool forbid_too_wide(DbaPool *pool, const Bitmapset *chosen);
static void plan_before(DbaAdvice *advice, Check *check);
static void plan_after(DbaAdvice *advice, const Bitmapset *chosen, Check *check);
static Bitmapset *stand_test(DbaAdvice *advice, Bitmapset *chosen, const DbaGoal *goal,
							 Check *check);
static Bitmapset *harmful(DbaAdvice *advice, const DbaGoal *goal, const Check *check);
static void report(DbaAdvice *advice, const Bitmapset *chosen, Check *check);
static DbaAdvised *report_index(DbaAdvice *advice, int number, Check *check);
static List *tables_of(const DbaAdvice *advice);
static int	by_saving(const ListCell *a, const ListCell *b);

DbaAdvice *
dba_advise(DbaWorkload *workload, const DbaGoal *goal, int max_columns)
{
	DbaAdvice  *advice = palloc0(sizeof(DbaAdvice));
	DbaGenerator generator = {.max_columns = max_columns};
	Check		check;
	Bitmapset  *chosen;

	generator.pool = dba_pool_new();
	generator.special_methods = dba_special_access_methods();
	advice->costing.pool = generator.pool;
	advice->costing.workload = workload;

	advice->answers = dba_answers_find(workload, &generator, goal->deadline);
	dba_costing_generate(&advice->costing, &generator, goal->deadline);
	dba_pool_measure(generator.pool);
	dba_replace_compare(generator.pool);
	dba_upkeep_set(generator.pool, workload);
	dba_costing_relate(&advice->costing);
	chosen = search(advice, goal);

	plan_before(advice, &check);
	chosen = stand_test(advice, chosen, goal, &check);
	report(advice, chosen, &check);
	dba_generic_judge(&advice->costing, chosen);
	dba_workload_note_problems(workload);
	advice->answers = list_concat(dba_due_statistics(workload, generator.unanalyzed,
													 tables_of(advice)),
								  advice->answers);
	return advice;
}

/*
 * The best set whose sizes are known well and that can be built: what was thought
 * of it at first may be wrong.
 */
static Bitmapset *
search(DbaAdvice *advice, const DbaGoal *goal)
{
	DbaPool    *pool = advice->costing.pool;
	Bitmapset  *chosen = dba_search(&advice->costing, goal);

	for (int i = 0; i < MAX_SEARCHES; i++)
	{
		double		guessed = dba_pool_bytes(pool, chosen);
		bool		other_size = dba_pool_measure_chosen(pool, chosen) &&
			fabs(dba_pool_bytes(pool, chosen) - guessed) > guessed * SIZE_MATTERS;

		if (!forbid_too_wide(pool, chosen) && !(other_size && goal->storage_budget >= 0))
			break;
		chosen = dba_search(&advice->costing, goal);
	}
	return chosen;
}

/* Whether one of the chosen could not be built after all. */
static bool
forbid_too_wide(DbaPool *pool, const Bitmapset *chosen)
{
	bool		found = false;
	int			number = -1;

	while ((number = bms_next_member(chosen, number)) >= 0)
	{
		DbaCandidate *candidate = pool->candidates[number];
		ListCell   *cell;

		if (candidate->possible)
			continue;
		candidate->possible = true;
		foreach(cell, candidate->leaves)
			candidate->possible &= !dba_is_too_wide(lfirst(cell));
		if (!candidate->possible)
			dba_pool_forbid(pool, candidate);
		found |= !candidate->possible;
	}
	return found;
}

/* ------------------------------------------------------------------------
 * Testing what was chosen
 * ------------------------------------------------------------------------ */

static void
plan_before(DbaAdvice *advice, Check *check)
{
	const DbaWorkload *workload = advice->costing.workload;

	check->before = palloc0(sizeof(double) * (workload->count + 1));
	check->after = palloc0(sizeof(double) * (workload->count + 1));
	check->used = palloc0(sizeof(Bitmapset *) * (workload->count + 1));
	for (int i = 0; i < workload->count; i++)
	{
		Bitmapset  *none = NULL;

		if (!bms_is_empty(workload->works[i].relevant))
			check->before[i] = dba_costing_fully(&advice->costing, &workload->works[i],
												 NULL, NIL, &none);
	}
}

static void
plan_after(DbaAdvice *advice, const Bitmapset *chosen, Check *check)
{
	const DbaWorkload *workload = advice->costing.workload;

	check->all_used = NULL;
	for (int i = 0; i < workload->count; i++)
	{
		check->used[i] = NULL;
		check->after[i] = check->before[i];
		if (bms_overlap(workload->works[i].relevant, chosen))
			check->after[i] = dba_costing_fully(&advice->costing, &workload->works[i],
												chosen, NIL, &check->used[i]);
		check->all_used = bms_add_members(check->all_used, check->used[i]);
	}
}

/* What is left when the unused and the harmful are gone. */
static Bitmapset *
stand_test(DbaAdvice *advice, Bitmapset *chosen, const DbaGoal *goal, Check *check)
{
	for (int i = 0; i < MAX_CHECKS; i++)
	{
		Bitmapset  *out;

		plan_after(advice, chosen, check);
		out = bms_difference(chosen, check->all_used);
		if (bms_is_empty(out))
			out = harmful(advice, goal, check);
		if (bms_is_empty(out))
			return chosen;
		chosen = bms_difference(chosen, out);
	}
	/* It does not settle; nothing is better than what makes things worse. */
	return NULL;
}

/*
 * The indexes of the statement that becomes dearest beyond what is allowed; NULL
 * if none does.
 */
static Bitmapset *
harmful(DbaAdvice *advice, const DbaGoal *goal, const Check *check)
{
	const DbaWorkload *workload = advice->costing.workload;
	double		worst = 1 + goal->max_regression;
	Bitmapset  *out = NULL;

	for (int i = 0; i < workload->count; i++)
	{
		if (check->before[i] > 0 && check->after[i] > check->before[i] * worst)
		{
			worst = check->after[i] / check->before[i];
			out = check->used[i];
		}
	}
	return out;
}

/* ------------------------------------------------------------------------
 * Reporting
 * ------------------------------------------------------------------------ */

static void
report(DbaAdvice *advice, const Bitmapset *chosen, Check *check)
{
	int			number = -1;

	while ((number = bms_next_member(chosen, number)) >= 0)
	{
		DbaAdvised *advised = report_index(advice, number, check);

		advised->replaced = dba_replaced_by(&advice->costing, advised->candidate, chosen);
		advice->advised = lappend(advice->advised, advised);
	}
	list_sort(advice->advised, by_saving);
}

/* What several indexes save a statement together is divided among them. */
static DbaAdvised *
report_index(DbaAdvice *advice, int number, Check *check)
{
	const DbaWorkload *workload = advice->costing.workload;
	DbaAdvised *advised = palloc0(sizeof(DbaAdvised));

	advised->candidate = advice->costing.pool->candidates[number];
	for (int i = 0; i < workload->count; i++)
	{
		DbaServed  *served;

		if (!bms_is_member(number, check->used[i]))
			continue;
		served = palloc(sizeof(DbaServed));
		served->work = &workload->works[i];
		workload->works[i].before = check->before[i];
		served->after = check->after[i];
		advised->served = lappend(advised->served, served);
		advised->saved += (check->before[i] - check->after[i]) / bms_num_members(check->used[i]);
	}
	return advised;
}

/* Oids of the tables that something is advised for. */
static List *
tables_of(const DbaAdvice *advice)
{
	List	   *result = NIL;
	ListCell   *cell;

	foreach(cell, advice->advised)
		result = list_append_unique_oid(result,
										((DbaAdvised *) lfirst(cell))->candidate->index->relid);
	foreach(cell, advice->answers)
		result = list_append_unique_oid(result, ((DbaAnswer *) lfirst(cell))->relid);
	return result;
}

static int
by_saving(const ListCell *a, const ListCell *b)
{
	double		x = ((const DbaAdvised *) lfirst(a))->saved;
	double		y = ((const DbaAdvised *) lfirst(b))->saved;

	return (x < y) - (x > y);
}
