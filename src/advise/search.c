/*-------------------------------------------------------------------------
 *
 * search.c
 *	  Which candidates to choose.
 *
 * First greedily: whatever gains most is taken, until nothing gains.  A gain only
 * shrinks as more is chosen, nearly always; so an old one is a bound, and only the
 * candidate that looks best is looked at again (lazily).  Then what is chosen is
 * improved: left out, or exchanged for another, as long as that gains or time is
 * left.  At last a much smaller index may take the place of one that gains little
 * more.
 *
 * Locking: that of planning.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "advise/search.h"

#include <math.h>

#include "lib/binaryheap.h"
#include "miscadmin.h"
#include "nodes/nodes.h"
#include "optimizer/optimizer.h"
#include "utils/float.h"
#include "utils/timestamp.h"

/*
 * Share by which some statement must become cheaper for an index to be worth it,
 * and how much more for each byte that it takes for one of its table.
 */
#define NOTABLE 0.10
#define ROOM 1.0

/* Times that a choice is gone over. */
#define MAX_ROUNDS 5

/*
 * What may be lost for halving the size of an index: of what it gains, and of what
 * a statement costs.
 */
#define THRIFT_OF_GAIN 0.02
#define THRIFT_OF_COST 0.05

/* A cost that nobody notices: of one page. */
#define SLACK(work) ((work)->unit * random_page_cost)

/* Share of the whole workload that an exchange must gain. */
#define LEAST_GAIN 0.0001

/* Candidates that are taken together. */
typedef struct Move
{
	Bitmapset  *add;
	double		score;			/* when it was last looked at, a bound since */
	int			round;			/* in which that was */
} Move;

typedef struct Search
{
	DbaCosting *costing;
	DbaPool    *pool;
	const DbaGoal *goal;
	int			move_count;
	Move	   *moves;
	Bitmapset **works_of;		/* of each candidate, where it is relevant */
	Bitmapset  *chosen;
	double	   *worth;			/* of each work, with what is chosen */
	double		total;			/* of all of them, with nothing chosen */
} Search;

/* What a change would bring. */
typedef struct Change
{
	Bitmapset  *chosen;			/* with it */
	Bitmapset  *touched;		/* works that it can make a difference to */
	double		gain;			/* in the workload's unit, upkeep taken off */
	bool		allowed;		/* keeps to the goal */
	double		gains;			/* what the statement that gains most costs now,
								 * for 1 that it costs then */
	double		loses;			/* the reverse, of that which loses most */
	bool		harmful;		/* one is dearer than without any index */
} Change;

static void relate_works(Search *search);
static void make_moves(Search *search);
static void add_best_plans(Search *search);
static double choose(Search *search, bool by_size);
static Move *best_move(Search *search, binaryheap *heap, int round, bool by_size);
static int	by_score(Datum a, Datum b, void *arg);
static void look_again(Search *search, Move *move, int round, bool by_size);
static Change change(Search *search, const Bitmapset *add, const Bitmapset *remove);
static Bitmapset *works_of(const Search *search, const Bitmapset *numbers);
static void judge_works(Search *search, Change *result);
static bool is_worth_it(const Search *search, const Change *change, const Bitmapset *add);
static double room_of(const DbaPool *pool, const Bitmapset *chosen);
static bool keeps_to_goal(const Search *search, const Bitmapset *chosen);
static void apply(Search *search, const Change *change);
static bool improve(Search *search);
static bool remove_useless(Search *search);
static bool exchange(Search *search);
static void save_space(Search *search);
static bool try_smaller(Search *search, int number, const Bitmapset *alternative);
static double net_bytes(const DbaPool *pool, const Bitmapset *chosen);
static bool same_table(const DbaPool *pool, int number, const Bitmapset *others);
static bool time_is_up(const Search *search);

/* The best set that was found in time; empty if nothing is worth it. */
Bitmapset *
dba_search(DbaCosting *costing, const DbaGoal *goal)
{
	Search		search = {.costing = costing, .pool = costing->pool, .goal = goal};
	Bitmapset  *first = NULL;
	double		gain;

	search.worth = palloc(sizeof(double) * Max(costing->workload->count, 1));
	for (int i = 0; i < costing->workload->count; i++)
		search.total += costing->workload->works[i].before;
	relate_works(&search);
	make_moves(&search);
	gain = choose(&search, goal->storage_budget >= 0);
	if (goal->storage_budget >= 0)
	{
		/* The best for its size can keep a better but larger one out. */
		first = search.chosen;
		if (choose(&search, false) < gain)
		{
			Change		back;

			search.chosen = NULL;
			back = change(&search, first, NULL);
			for (int i = 0; i < costing->workload->count; i++)
				search.worth[i] = costing->workload->works[i].before;
			apply(&search, &back);
		}
	}
	for (int i = 0; i < MAX_ROUNDS && !time_is_up(&search) && improve(&search); i++)
		;
	if (goal->storage_budget < 0)
		save_space(&search);
	return search.chosen;
}

static void
relate_works(Search *search)
{
	DbaWorkload *workload = search->costing->workload;

	search->works_of = palloc0(sizeof(Bitmapset *) * Max(search->pool->count, 1));
	for (int i = 0; i < workload->count; i++)
	{
		int			number = -1;

		while ((number = bms_next_member(workload->works[i].relevant, number)) >= 0)
			search->works_of[number] = bms_add_member(search->works_of[number], i);
	}
}

/* ------------------------------------------------------------------------
 * Moves
 * ------------------------------------------------------------------------ */

/* Each candidate, and those that are of use together. */
static void
make_moves(Search *search)
{
	DbaPool    *pool = search->pool;
	ListCell   *cell;

	add_best_plans(search);
	search->moves = palloc0(sizeof(Move) * (pool->count + list_length(pool->groups) + 1));
	for (int i = 0; i < pool->count; i++)
	{
		if (!pool->candidates[i]->impossible && search->works_of[i] != NULL)
			search->moves[search->move_count++].add = bms_make_singleton(i);
	}
	foreach(cell, pool->groups)
	{
		bool		possible = true;
		int			number = -1;

		while ((number = bms_next_member(lfirst(cell), number)) >= 0)
			possible &= !pool->candidates[number]->impossible;
		if (possible)
			search->moves[search->move_count++].add = lfirst(cell);
	}
}

/* What each statement would use if it could choose is of use together. */
static void
add_best_plans(Search *search)
{
	DbaWorkload *workload = search->costing->workload;

	for (int i = 0; i < workload->count && !time_is_up(search); i++)
	{
		DbaWork    *work = &workload->works[i];

		if (bms_is_empty(work->relevant))
			continue;
		(void) dba_costing_work(search->costing, work, work->relevant);
		for (int j = 0; j < work->variant_count; j++)
		{
			if (work->variants[j].known != NIL)
				dba_pool_add_group(search->pool,
								   ((DbaKnownCost *) llast(work->variants[j].known))->used);
		}
	}
}

/* ------------------------------------------------------------------------
 * Greedily
 * ------------------------------------------------------------------------ */

/* Chooses anew; gives what is gained. */
static double
choose(Search *search, bool by_size)
{
	DbaWorkload *workload = search->costing->workload;
	binaryheap *heap = binaryheap_allocate(Max(search->move_count, 1), by_score, NULL);
	double		gain = 0;
	Move	   *move;

	search->chosen = NULL;
	for (int i = 0; i < workload->count; i++)
		search->worth[i] = workload->works[i].before;
	for (int i = 0; i < search->move_count; i++)
	{
		search->moves[i].score = get_float8_infinity();
		search->moves[i].round = -1;
		binaryheap_add_unordered(heap, PointerGetDatum(&search->moves[i]));
	}
	binaryheap_build(heap);
	for (int round = 0; (move = best_move(search, heap, round, by_size)) != NULL; round++)
	{
		Change		next = change(search, move->add, NULL);

		gain += next.gain;
		apply(search, &next);
		(void) binaryheap_remove_first(heap);
	}
	binaryheap_free(heap);
	return gain;
}

/* That which gains most now; NULL: none gains, or time is up. */
static Move *
best_move(Search *search, binaryheap *heap, int round, bool by_size)
{
	while (!binaryheap_empty(heap))
	{
		Move	   *best = (Move *) DatumGetPointer(binaryheap_first(heap));

		if (best->score <= 0 || (best->round < round && time_is_up(search)))
			return NULL;
		if (best->round == round)
			return best;
		look_again(search, best, round, by_size);
		binaryheap_replace_first(heap, PointerGetDatum(best));
	}
	return NULL;
}

/* Among equals that which was thought of first, whose keys are more selective. */
static int
by_score(Datum a, Datum b, void *arg)
{
	const Move *x = (const Move *) DatumGetPointer(a);
	const Move *y = (const Move *) DatumGetPointer(b);

	(void) arg;
	if (x->score != y->score)
		return x->score > y->score ? 1 : -1;
	return x < y ? 1 : -1;
}

static void
look_again(Search *search, Move *move, int round, bool by_size)
{
	Change		next = change(search, move->add, NULL);

	move->round = round;
	move->score = is_worth_it(search, &next, move->add) ? next.gain : 0;
	if (by_size)
		move->score /= Max(dba_pool_bytes(search->pool, move->add), BLCKSZ);
}

/* ------------------------------------------------------------------------
 * Changes
 * ------------------------------------------------------------------------ */

static Change
change(Search *search, const Bitmapset *add, const Bitmapset *remove)
{
	Change		result = {0};

	result.chosen = bms_difference(bms_union(search->chosen, add), remove);
	result.touched = bms_union(works_of(search, add), works_of(search, remove));
	result.allowed = keeps_to_goal(search, result.chosen);
	if (result.allowed)
		judge_works(search, &result);
	result.gain -= dba_search_upkeep(search->pool, add) -
		dba_search_upkeep(search->pool, remove);
	return result;
}

static Bitmapset *
works_of(const Search *search, const Bitmapset *numbers)
{
	Bitmapset  *result = NULL;
	int			number = -1;

	while ((number = bms_next_member(numbers, number)) >= 0)
		result = bms_add_members(result, search->works_of[number]);
	return result;
}

static void
judge_works(Search *search, Change *result)
{
	int			i = -1;

	while ((i = bms_next_member(result->touched, i)) >= 0)
	{
		DbaWork    *work = &search->costing->workload->works[i];
		double		worth = dba_costing_work(search->costing, work, result->chosen);

		result->gain += search->worth[i] - worth;
		result->gains = Max(result->gains, search->worth[i] / (worth + SLACK(work)));
		result->loses = Max(result->loses, worth / (search->worth[i] + SLACK(work)));
		result->harmful |= worth > search->worth[i] &&
			worth > work->before * (1 + search->goal->max_regression);
	}
}

/* The more room something takes, the more it must gain, if room is not given. */
static bool
is_worth_it(const Search *search, const Change *change, const Bitmapset *add)
{
	double		least = 1 + NOTABLE;

	if (search->goal->storage_budget < 0)
		least += ROOM * room_of(search->pool, add);
	return change->allowed && !change->harmful && change->gain > 0 && change->gains > least;
}

/* Bytes of the largest of them, for each byte of its table. */
static double
room_of(const DbaPool *pool, const Bitmapset *chosen)
{
	double		room = 0;
	int			number = -1;

	while ((number = bms_next_member(chosen, number)) >= 0)
	{
		const DbaCandidate *candidate = pool->candidates[number];

		room = Max(room, candidate->bytes / Max(candidate->table_bytes, BLCKSZ));
	}
	return room;
}

static bool
keeps_to_goal(const Search *search, const Bitmapset *chosen)
{
	const DbaGoal *goal = search->goal;

	return (goal->storage_budget < 0 ||
			dba_pool_bytes(search->pool, chosen) <= goal->storage_budget) &&
		(goal->max_indexes == 0 || bms_num_members(chosen) <= goal->max_indexes);
}

static void
apply(Search *search, const Change *change)
{
	DbaWorkload *workload = search->costing->workload;
	int			i = -1;

	search->chosen = change->chosen;
	while ((i = bms_next_member(change->touched, i)) >= 0)
		search->worth[i] = dba_costing_work(search->costing, &workload->works[i],
											search->chosen);
}

/* ------------------------------------------------------------------------
 * Improving
 * ------------------------------------------------------------------------ */

/* Whether something could be changed for the better. */
static bool
improve(Search *search)
{
	bool		changed = remove_useless(search);

	changed |= exchange(search);
	for (int i = 0; i < search->move_count && !time_is_up(search); i++)
	{
		Change		more;

		if (bms_is_subset(search->moves[i].add, search->chosen))
			continue;
		more = change(search, search->moves[i].add, NULL);
		if (is_worth_it(search, &more, search->moves[i].add))
		{
			apply(search, &more);
			changed = true;
		}
	}
	return changed;
}

/* Leaves out what no statement misses: another has taken its place meanwhile. */
static bool
remove_useless(Search *search)
{
	bool		changed = false;
	int			number = -1;

	while ((number = bms_next_member(search->chosen, number)) >= 0 && !time_is_up(search))
	{
		Change		without = change(search, NULL, bms_make_singleton(number));

		if (without.gain > 0 || without.loses <= 1 + NOTABLE)
		{
			apply(search, &without);
			changed = true;
		}
	}
	return changed;
}

/* Takes another in the place of one. */
static bool
exchange(Search *search)
{
	bool		changed = false;
	int			number = -1;

	while ((number = bms_next_member(search->chosen, number)) >= 0)
	{
		Bitmapset  *one = bms_make_singleton(number);

		for (int i = 0; i < search->move_count && !time_is_up(search); i++)
		{
			Change		other;

			if (bms_is_subset(search->moves[i].add, search->chosen) ||
				!same_table(search->pool, number, search->moves[i].add))
				continue;
			other = change(search, search->moves[i].add, one);
			if (!other.allowed || other.harmful || other.gain <= LEAST_GAIN * search->total)
				continue;
			apply(search, &other);
			changed = true;
			break;
		}
	}
	return changed;
}

/* Takes smaller ones where little is lost. */
static void
save_space(Search *search)
{
	int			number = -1;

	while ((number = bms_next_member(search->chosen, number)) >= 0)
	{
		for (int i = 0; i < search->move_count && !time_is_up(search); i++)
		{
			const Bitmapset *alternative = search->moves[i].add;

			if (bms_membership(alternative) == BMS_SINGLETON &&
				!bms_is_subset(alternative, search->chosen) &&
				same_table(search->pool, number, alternative) &&
				try_smaller(search, number, alternative))
				break;
		}
	}
}

static bool
try_smaller(Search *search, int number, const Bitmapset *alternative)
{
	Bitmapset  *one = bms_make_singleton(number);
	double		bytes = net_bytes(search->pool, one);
	double		smaller = net_bytes(search->pool, alternative);
	Change		without;
	Change		other;

	if (smaller * 1.2 > bytes)
		return false;
	without = change(search, NULL, one);
	other = change(search, alternative, one);
	if (!other.allowed || other.harmful ||
		-other.gain > -without.gain * THRIFT_OF_GAIN * log2(bytes / smaller) ||
		other.loses > 1 + THRIFT_OF_COST * log2(bytes / smaller))
		return false;
	apply(search, &other);
	return true;
}

/* ------------------------------------------------------------------------
 * Small things
 * ------------------------------------------------------------------------ */

/* What they take more than what they make superfluous. */
static double
net_bytes(const DbaPool *pool, const Bitmapset *chosen)
{
	double		bytes = dba_pool_bytes(pool, chosen);
	int			number = -1;

	while ((number = bms_next_member(chosen, number)) >= 0)
		bytes -= pool->candidates[number]->freed_bytes;
	return Max(bytes, BLCKSZ);
}

double
dba_search_upkeep(const DbaPool *pool, const Bitmapset *chosen)
{
	double		upkeep = 0;
	int			number = -1;

	while ((number = bms_next_member(chosen, number)) >= 0)
		upkeep += pool->candidates[number]->upkeep;
	return upkeep;
}

static bool
same_table(const DbaPool *pool, int number, const Bitmapset *others)
{
	int			other = -1;

	while ((other = bms_next_member(others, other)) >= 0)
	{
		if (pool->candidates[other]->index->relid == pool->candidates[number]->index->relid)
			return true;
	}
	return false;
}

static bool
time_is_up(const Search *search)
{
	CHECK_FOR_INTERRUPTS();
	return GetCurrentTimestamp() >= search->goal->deadline;
}
