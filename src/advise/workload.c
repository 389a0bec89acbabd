/*-------------------------------------------------------------------------
 *
 * workload.c
 *	  The statements that advice is for, and what each is worth.
 *
 * Where they come from: the caller gives them, here; or observed.c has watched
 * them, or counted.c was told of them.
 *
 * Locking: that of analysing statements.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "compat.h"
#include "advise/workload.h"
#include "whatif/whatif.h"

#include "catalog/namespace.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"

static void set_work(DbaWork *work, const char *text, double weight);
static void check_permitted(const DbaPlannable *plannable, Query *query,
							bool values_unknown, void *arg);
static bool check_queries(Node *node, void *context);

/*
 * Statements of the caller's, with weights or (NULL) without.  Parameters have no
 * values: they are planned for any.  A statement that cannot be analysed, or that
 * the caller may not run, raises the server's error.
 */
DbaWorkload *
dba_workload_given(char **texts, int count, const double *weights)
{
	DbaWorkload *workload = palloc0(sizeof(DbaWorkload));

	workload->count = count;
	workload->works = palloc0(sizeof(DbaWork) * count);
	for (int i = 0; i < count; i++)
		set_work(&workload->works[i], texts[i], weights != NULL ? weights[i] : 1);
	return workload;
}

static void
set_work(DbaWork *work, const char *text, double weight)
{
	char	   *problem;

	dba_workload_analyze(work, text);
	work->calls = work->unit = weight;
	problem = dba_workload_forbidden(&work->variants->plannable, false);
	if (problem != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("%s", problem)));
}

/* Sets its only variant, of which no values are known; or the server's error. */
void
dba_workload_analyze(DbaWork *work, const char *text)
{
	DbaVariant *variant = palloc0(sizeof(DbaVariant));

	dba_whatif_analyze(text, &variant->plannable);
	variant->plannable.search_path = namespace_search_path;
	variant->plannable.userid = GetUserId();
	variant->share = 1;
	work->text = text;
	work->rows = -1;
	work->variant_count = 1;
	work->variants = variant;
}

/*
 * The server's words if the user of it may not run the statement, as EXPLAIN would
 * have them, or may not read what it reads; else NULL, also of what cannot be
 * planned for another reason.
 */
char *
dba_workload_forbidden(const DbaPlannable *plannable, bool only_reading)
{
	DbaProblem	problem;

	dba_plannable_do(plannable, check_permitted, &only_reading, &problem);
	return problem.sqlerrcode == ERRCODE_INSUFFICIENT_PRIVILEGE ? problem.message : NULL;
}

static void
check_permitted(const DbaPlannable *plannable, Query *query, bool values_unknown, void *arg)
{
	(void) plannable;
	(void) values_unknown;
	(void) check_queries((Node *) query, arg);
}

/* Each of those within it has tables of its own.  The context: only_reading. */
static bool
check_queries(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (!IsA(node, Query))
		return expression_tree_walker(node, check_queries, context);
	if (*(bool *) context)
		dba_only_read((Query *) node);
	dba_check_permissions((Query *) node);
	return query_tree_walker((Query *) node, check_queries, context, 0);
}

/* ------------------------------------------------------------------------
 * What is left out
 * ------------------------------------------------------------------------ */

/* Counts a statement that is left out for this reason. */
DbaSkipped *
dba_workload_skip(DbaWorkload *workload, const char *reason, double ms)
{
	DbaSkipped *skipped = NULL;
	ListCell   *cell;

	foreach(cell, workload->skipped)
	{
		if (strcmp(((DbaSkipped *) lfirst(cell))->reason, reason) == 0)
			skipped = lfirst(cell);
	}
	if (skipped == NULL)
	{
		skipped = palloc0(sizeof(DbaSkipped));
		skipped->reason = pstrdup(reason);
		workload->skipped = lappend(workload->skipped, skipped);
	}
	skipped->count++;
	skipped->ms += ms;
	return skipped;
}

/* Counts those of which no variant could be planned. */
void
dba_workload_note_problems(DbaWorkload *workload)
{
	for (int i = 0; i < workload->count; i++)
	{
		const DbaWork *work = &workload->works[i];
		const char *problem = NULL;

		for (int j = 0; j < work->variant_count; j++)
		{
			problem = work->variants[j].problem;
			if (problem == NULL)
				break;
		}
		if (problem != NULL)
			(void) dba_workload_skip(workload, psprintf("cannot be planned now: %s", problem),
									 work->ms);
	}
}
