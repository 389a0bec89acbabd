/*-------------------------------------------------------------------------
 *
 * answers.c
 *	  Answers that are no index: a statement to write otherwise, an extension,
 *	  statistics.
 *
 * Where a condition keeps indexes away and could be written so that it does not,
 * the statement is planned both ways, each with all the indexes that could help
 * it.  What is worth saying is what gains then.
 *
 * Locking: AccessShareLock on the tables of the statements.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "advise/answers.h"
#include "advise/disjunction.h"
#include "advise/index_text.h"
#include "advise/rewrite.h"
#include "whatif/cost.h"

#include "commands/extension.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"

/* Share of its cost that a statement must gain to be worth rewriting. */
#define MIN_GAIN 0.10

/* A condition stays as it is if the cost with it is not so much higher. */
#define NEGLIGIBLE 0.02

/* Part of the time there is that goes into answers that are no index. */
#define PART_OF_TIME 0.25

typedef struct Search
{
	const DbaGenerator *like;	/* how to look for indexes */
	bool		with_trigrams;
	bool		knows_trigrams; /* that they could be had */
	List	   *answers;		/* DbaAnswer */
} Search;

/* A statement written otherwise. */
typedef struct Attempt
{
	const Bitmapset *leave;
	bool		with_trigrams;
	bool		split;			/* take an OR apart */
	MemoryContext context;
	List	   *queries;		/* what it is now; several make a UNION */
	List	   *rewrites;		/* DbaRewrite */
} Attempt;

/* What it costs. */
typedef struct Measured
{
	bool		failed;
	double		bare;			/* as things are */
	double		best;			/* with all indexes that could help */
	List	   *used;			/* DbaHypoIndex: those of them that plans use */
} Measured;

static void find_for_work(Search *search, DbaWork *work);
static DbaVariant *main_variant(const DbaWork *work);
static void try_rewriting(Search *search, DbaWork *work, const DbaVariant *variant);
static bool try_splitting(Search *search, DbaWork *work, const DbaVariant *variant);
static void make_attempt(Attempt *attempt, const DbaPlannable *plannable);
static void attempt_it(const DbaPlannable *plannable, Query *query, bool values_unknown,
					   void *arg);
static bool needs_extension(const List *rewrites);
static bool is_available(Search *search, const char *extension);
static void measure(Search *search, const DbaPlannable *plannable, List *queries,
					List *defeated, Measured *measured);
static void measure_one(Search *search, const DbaPlannable *plannable, Measured *measured,
						List *defeated);
static bool is_used(const DbaCandidate *candidate, const List *used);
static bool gains(const Measured *as_is, const Measured *better);
static Bitmapset *not_worth_it(Search *search, const DbaVariant *variant, Attempt *attempt,
							   const Measured *as_is, const Measured *better);
static Bitmapset *leave_too(Search *search, const DbaVariant *variant, Attempt *attempt,
							const Measured *as_is, const Measured *better,
							Bitmapset *leave, const DbaRewrite *rewrite);
static List *all_defeated(const List *rewrites);
static void add_rewrites(Search *search, DbaWork *work, List *rewrites,
						 const Measured *as_is, const Measured *better);
static void add_extension(Search *search, List *rewrites, const DbaHelped *helped);
static char *rewrite_reason(const List *rewrites, const Measured *better);
static char *extension_reason(const DbaRewrite *rewrite);
static char *index_commands(const List *rewrites, const Measured *better);

/*
 * What could be written otherwise, or needs an extension.  Notes with the
 * statements what of them no index is to be made for.
 */
List *
dba_answers_find(DbaWorkload *workload, const DbaGenerator *like, TimestampTz deadline)
{
	Search		search = {
		.like = like, .with_trigrams = !OidIsValid(get_extension_oid("pg_trgm", true))
	};
	TimestampTz now = GetCurrentTimestamp();
	TimestampTz until = now + (TimestampTz) ((double) (deadline - now) * PART_OF_TIME);

	for (int i = 0; i < workload->count; i++)
	{
		CHECK_FOR_INTERRUPTS();
		if (GetCurrentTimestamp() > until)
			break;
		find_for_work(&search, &workload->works[i]);
	}
	return search.answers;
}

static void
find_for_work(Search *search, DbaWork *work)
{
	const DbaVariant *variant = main_variant(work);

	if (variant != NULL && !try_splitting(search, work, variant))
		try_rewriting(search, work, variant);
}

/* The way in which the statement runs most often. */
static DbaVariant *
main_variant(const DbaWork *work)
{
	DbaVariant *result = NULL;

	for (int i = 0; i < work->variant_count; i++)
	{
		if (result == NULL || work->variants[i].share > result->share)
			result = &work->variants[i];
	}
	return result;
}

/* ------------------------------------------------------------------------
 * Trying
 * ------------------------------------------------------------------------ */

static void
try_rewriting(Search *search, DbaWork *work, const DbaVariant *variant)
{
	Attempt		attempt = {.with_trigrams = search->with_trigrams};
	Measured	as_is;
	Measured	better;
	Bitmapset  *useless;
	List	   *defeated;
	ListCell   *cell;

	make_attempt(&attempt, &variant->plannable);
	if (needs_extension(attempt.rewrites) && !is_available(search, "pg_trgm"))
	{
		attempt.with_trigrams = false;
		make_attempt(&attempt, &variant->plannable);
	}
	if (attempt.rewrites == NIL)
		return;
	defeated = all_defeated(attempt.rewrites);
	measure(search, &variant->plannable, list_make1(variant->plannable.query), defeated, &as_is);
	measure(search, &variant->plannable, attempt.queries, NIL, &better);
	if (!gains(&as_is, &better))
		return;

	useless = not_worth_it(search, variant, &attempt, &as_is, &better);
	foreach(cell, attempt.rewrites)
	{
		if (bms_is_member(((DbaRewrite *) lfirst(cell))->number, useless))
			attempt.rewrites = foreach_delete_current(attempt.rewrites, cell);
	}
	work->defeated = all_defeated(attempt.rewrites);
	add_rewrites(search, work, attempt.rewrites, &as_is, &better);
}

/* A UNION in the place of an OR; whether it gains. */
static bool
try_splitting(Search *search, DbaWork *work, const DbaVariant *variant)
{
	Attempt		attempt = {.split = true};
	Measured	as_is;
	Measured	better;

	make_attempt(&attempt, &variant->plannable);
	if (attempt.rewrites == NIL)
		return false;
	measure(search, &variant->plannable, list_make1(variant->plannable.query), NIL, &as_is);
	measure(search, &variant->plannable, attempt.queries, NIL, &better);
	if (!gains(&as_is, &better))
		return false;
	add_rewrites(search, work, attempt.rewrites, &as_is, &better);
	return true;
}

/* Sets what becomes of the statement; no rewrites: it stays what it is. */
static void
make_attempt(Attempt *attempt, const DbaPlannable *plannable)
{
	DbaProblem	problem;

	attempt->context = CurrentMemoryContext;
	attempt->queries = attempt->rewrites = NIL;
	dba_plannable_do(plannable, attempt_it, attempt, &problem);
	/* For instance a text that is no number, compared with a column of numbers. */
	if (problem.message != NULL)
		attempt->rewrites = NIL;
}

static void
attempt_it(const DbaPlannable *plannable, Query *query, bool values_unknown, void *arg)
{
	Attempt    *attempt = arg;
	MemoryContext work = MemoryContextSwitchTo(attempt->context);

	(void) values_unknown;
	if (attempt->split)
	{
		DbaRewrite *rewrite = palloc0(sizeof(DbaRewrite));

		attempt->queries = dba_split_disjunction(query, rewrite);
		if (attempt->queries != NIL)
			attempt->rewrites = list_make1(rewrite);
	}
	else
	{
		attempt->rewrites = dba_rewrite(query, plannable->params, attempt->leave,
										attempt->with_trigrams);
		if (attempt->rewrites != NIL)
			attempt->queries = list_make1(copyObject(query));
	}
	MemoryContextSwitchTo(work);
}

static bool
needs_extension(const List *rewrites)
{
	ListCell   *cell;

	foreach(cell, rewrites)
	{
		if (((const DbaRewrite *) lfirst(cell))->extension != NULL)
			return true;
	}
	return false;
}

/* Whether the extension could be created; asked for once. */
static bool
is_available(Search *search, const char *extension)
{
	if (!search->knows_trigrams)
	{
		SPI_connect();
		if (SPI_execute(psprintf("SELECT FROM pg_catalog.pg_available_extensions() WHERE name = %s",
								 quote_literal_cstr(extension)), true, 1) != SPI_OK_SELECT)
			elog(ERROR, "could not read the available extensions");
		search->with_trigrams = SPI_processed > 0;
		SPI_finish();
		search->knows_trigrams = true;
	}
	return search->with_trigrams;
}

/* ------------------------------------------------------------------------
 * Measuring
 * ------------------------------------------------------------------------ */

/* What the queries cost together, with indexes but for what is defeated. */
static void
measure(Search *search, const DbaPlannable *plannable, List *queries, List *defeated,
		Measured *measured)
{
	ListCell   *cell;

	memset(measured, 0, sizeof(*measured));
	foreach(cell, queries)
	{
		DbaPlannable one = *plannable;

		one.query = lfirst_node(Query, cell);
		if (!measured->failed)
			measure_one(search, &one, measured, defeated);
	}
}

static void
measure_one(Search *search, const DbaPlannable *plannable, Measured *measured, List *defeated)
{
	DbaGenerator generator = *search->like;
	DbaChanges	looking = {.examine = dba_generate, .examine_arg = &generator};
	Bitmapset  *all = NULL;
	DbaCost		cost;

	generator.pool = dba_pool_new();
	generator.defeated = defeated;
	dba_cost(plannable, &looking, DBA_QUICKLY, &cost);
	measured->failed |= cost.problem.message != NULL;
	measured->bare += cost.total;
	if (measured->failed)
		return;

	dba_pool_measure(generator.pool);
	for (int i = 0; i < generator.pool->count; i++)
	{
		if (!generator.pool->candidates[i]->impossible)
			all = bms_add_member(all, i);
	}
	dba_cost(plannable, dba_pool_changes(generator.pool, all), DBA_QUICKLY, &cost);
	measured->failed |= cost.problem.message != NULL;
	measured->best += cost.total;
	for (int i = 0; i < generator.pool->count; i++)
	{
		const DbaCandidate *candidate = generator.pool->candidates[i];

		if (is_used(candidate, cost.used))
			measured->used = lappend(measured->used, candidate->index);
	}
}

/* Whether the plan uses it, or a partition of it. */
static bool
is_used(const DbaCandidate *candidate, const List *used)
{
	ListCell   *cell;

	foreach(cell, used)
	{
		if (list_member_ptr(candidate->leaves, lfirst(cell)))
			return true;
	}
	return false;
}

static bool
gains(const Measured *as_is, const Measured *better)
{
	return !as_is->failed && !better->failed &&
		better->best < as_is->best * (1 - MIN_GAIN);
}

/* Numbers of what need not be rewritten: the rest gains the same. */
static Bitmapset *
not_worth_it(Search *search, const DbaVariant *variant, Attempt *attempt,
			 const Measured *as_is, const Measured *better)
{
	Bitmapset  *leave = NULL;
	ListCell   *cell;

	if (list_length(attempt->rewrites) < 2)
		return NULL;
	/* A new extension is the last resort. */
	foreach(cell, attempt->rewrites)
	{
		if (((DbaRewrite *) lfirst(cell))->extension != NULL)
			leave = leave_too(search, variant, attempt, as_is, better, leave, lfirst(cell));
	}
	foreach(cell, attempt->rewrites)
	{
		if (((DbaRewrite *) lfirst(cell))->extension == NULL)
			leave = leave_too(search, variant, attempt, as_is, better, leave, lfirst(cell));
	}
	return leave;
}

/* The numbers with that of the rewrite, if it does not matter either. */
static Bitmapset *
leave_too(Search *search, const DbaVariant *variant, Attempt *attempt, const Measured *as_is,
		  const Measured *better, Bitmapset *leave, const DbaRewrite *rewrite)
{
	Bitmapset  *more = bms_add_member(bms_copy(leave), rewrite->number);
	Attempt		without = {.leave = more, .with_trigrams = attempt->with_trigrams};
	Measured	measured;

	CHECK_FOR_INTERRUPTS();
	make_attempt(&without, &variant->plannable);
	if (without.rewrites == NIL)
		return leave;
	measure(search, &variant->plannable, without.queries, all_defeated(attempt->rewrites),
			&measured);
	if (rewrite->extension != NULL && gains(as_is, &measured))
		return more;
	return !measured.failed && measured.best <= better->best * (1 + NEGLIGIBLE) ? more : leave;
}

static List *
all_defeated(const List *rewrites)
{
	List	   *result = NIL;
	ListCell   *cell;

	foreach(cell, rewrites)
		result = list_concat(result, ((const DbaRewrite *) lfirst(cell))->defeated);
	return result;
}

/* ------------------------------------------------------------------------
 * Saying it
 * ------------------------------------------------------------------------ */

/* Those of one table are one answer. */
static void
add_rewrites(Search *search, DbaWork *work, List *rewrites, const Measured *as_is,
			 const Measured *better)
{
	DbaHelped	helped = {.work = work, .before = as_is->bare, .after = better->best};

	while (rewrites != NIL)
	{
		DbaRewrite *first = linitial(rewrites);
		List	   *together = list_make1(first);
		ListCell   *cell;

		rewrites = list_delete_first(rewrites);
		foreach(cell, rewrites)
		{
			const DbaRewrite *rewrite = lfirst(cell);

			if (rewrite->relid != first->relid || rewrite->extension != first->extension)
				continue;
			together = lappend(together, lfirst(cell));
			rewrites = foreach_delete_current(rewrites, cell);
		}
		if (first->extension == NULL)
			dba_answers_add(&search->answers, "rewrite", first->relid,
					   rewrite_reason(together, better), NULL, &helped);
		else
			add_extension(search, together, &helped);
	}
}

/* The stand-in tells that it gains, but not how much. */
static void
add_extension(Search *search, List *rewrites, const DbaHelped *helped)
{
	const DbaRewrite *first = linitial(rewrites);
	DbaHelped	unknown = *helped;

	unknown.after = -1;
	dba_answers_add(&search->answers, "extension", first->relid, extension_reason(first),
			   psprintf("CREATE EXTENSION %s;", quote_identifier(first->extension)), &unknown);
}

static char *
rewrite_reason(const List *rewrites, const Measured *better)
{
	StringInfoData before;
	StringInfoData after;
	char	   *indexes = index_commands(rewrites, better);
	ListCell   *cell;

	initStringInfo(&before);
	initStringInfo(&after);
	foreach(cell, rewrites)
	{
		const DbaRewrite *rewrite = lfirst(cell);

		appendStringInfo(&before, "%sNo index on %s (%s) serves %s: %s.",
						 before.len > 0 ? " " : "", dba_answer_table(rewrite->relid),
						 quote_identifier(get_attname(rewrite->relid, rewrite->attnum, false)),
						 rewrite->before, rewrite->why);
		appendStringInfo(&after, "%s%s", after.len > 0 ? ", and " : "", rewrite->after);
	}
	return psprintf("%s Write %s instead%s.", before.data, after.data,
					*indexes == '\0' ? "" : psprintf("; for that, %s", indexes));
}

static char *
extension_reason(const DbaRewrite *rewrite)
{
	const char *table = dba_answer_table(rewrite->relid);
	const char *column = quote_identifier(get_attname(rewrite->relid, rewrite->attnum, false));

	return psprintf("No index on %s (%s) serves %s: %s. The extension %s is available; with it CREATE INDEX ON %s USING gin (%s gin_trgm_ops) does.",
					table, column, rewrite->before, rewrite->why, rewrite->extension, table,
					column);
}

/* The indexes that the better statement uses; empty: those that are there. */
static char *
index_commands(const List *rewrites, const Measured *better)
{
	const DbaRewrite *first = linitial(rewrites);
	StringInfoData text;
	ListCell   *cell;

	initStringInfo(&text);
	foreach(cell, better->used)
	{
		const DbaHypoIndex *index = lfirst(cell);

		if (index->relid == first->relid || first->is_union)
			appendStringInfo(&text, "%sCREATE INDEX ON %s %s", text.len > 0 ? " and " : "",
							 dba_answer_table(index->relid), dba_index_body(index));
	}
	return text.data;
}

char *
dba_answer_table(Oid relid)
{
	return quote_qualified_identifier(get_namespace_name(get_rel_namespace(relid)),
									  get_rel_name(relid));
}

/* Adds one; the same answer of another statement is the same answer. */
void
dba_answers_add(List **answers, const char *kind, Oid relid, const char *reason,
				const char *command, const DbaHelped *helped)
{
	DbaHelped  *copy = palloc(sizeof(DbaHelped));
	DbaAnswer  *answer = NULL;
	ListCell   *cell;

	*copy = *helped;
	foreach(cell, *answers)
	{
		DbaAnswer  *other = lfirst(cell);

		if (other->relid == relid && strcmp(other->kind, kind) == 0 &&
			strcmp(other->reason, reason) == 0)
			answer = other;
	}
	if (answer == NULL)
	{
		answer = palloc(sizeof(DbaAnswer));
		answer->kind = kind;
		answer->relid = relid;
		answer->reason = reason;
		answer->command = command;
		answer->helped = NIL;
		*answers = lappend(*answers, answer);
	}
	answer->helped = lappend(answer->helped, copy);
}

/* What the statement is worth as it is, in the workload's unit. */
double
dba_helped_before(const DbaHelped *helped)
{
	return helped->before >= 0 ? helped->before * helped->work->unit : helped->work->before;
}
