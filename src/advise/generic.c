/*-------------------------------------------------------------------------
 *
 * generic.c
 *	  Whether advised indexes serve statements whatever their values.
 *
 * A prepared statement is planned for the values that it comes with, or once for
 * all.  The plan for all cannot use a partial index on
 *
 *		SELECT .. WHERE status = $1
 *
 * and no index at all where a value is rare and others are not.  What is advised
 * was judged by plans for values; this says what remains of it without them.
 *
 * Locking: that of plannable.c.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "advise/generic.h"

#include "miscadmin.h"

static double generic_cost(DbaCosting *costing, const DbaWork *work, const Bitmapset *chosen);

/* Sets what the statements' generic plans would gain by the chosen. */
void
dba_generic_judge(DbaCosting *costing, const Bitmapset *chosen)
{
	DbaWorkload *workload = costing->workload;

	for (int i = 0; i < workload->count; i++)
	{
		DbaWork    *work = &workload->works[i];
		double		before;
		double		after;

		if (work->generic == NULL || !bms_overlap(work->relevant, chosen))
			continue;
		before = generic_cost(costing, work, NULL);
		after = generic_cost(costing, work, bms_intersect(work->relevant, chosen));
		if (before > 0 && after >= 0)
			work->generic_gain = 1 - after / before;
	}
}

/* Negative: there is none. */
static double
generic_cost(DbaCosting *costing, const DbaWork *work, const Bitmapset *chosen)
{
	DbaCost		cost;

	CHECK_FOR_INTERRUPTS();
	dba_cost(&work->generic->plannable, dba_pool_changes(costing->pool, chosen),
			 DBA_AS_EXECUTED, &cost);
	costing->planned++;
	return cost.problem.message == NULL ? cost.total : -1;
}
