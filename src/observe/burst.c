/*-------------------------------------------------------------------------
 *
 * burst.c
 *	  What one client sends in one go, and which of it is N+1.
 *
 * A client that reads a list and then sends one statement per row of it pays
 * for round trips what one join would give.
 *
 * A SELECT that returns enough rows for a parent opens a "burst".  In it each
 * statement that a client might repeat has a run: its executions, and how many
 * of their values differ.  A run is judged against the statements that returned
 * rows before it, the nearest first, when something ends it.  How much is
 * believed depends on what holds the executions together:
 *
 *	* One transaction is one client.  Whatever stands between the executions,
 *	  they belong together, and a client that keeps what it has looked up may
 *	  look up fewer than it has rows.
 *	* Without a transaction only the pace speaks for it, and behind a pooler
 *	  several clients share a backend.  Executions must follow each other
 *	  quickly and evenly, directly after the parent, and a pause must follow
 *	  that stands out.  In traffic without pauses a run counts only if it is
 *	  as long as the parent has rows, several times in a row.
 *
 * Not reported therefore: executions without a parent (importers, pollers,
 * benchmarks), with the same values, with many rows each (pages of a list), of
 * INSERT and MERGE; and a statement is not its own parent.  A parent that is
 * read through a cursor in parts is not seen.
 *
 * Memory is static, of fixed size, and private to the backend: no locks.
 * Nothing allocates or can fail.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "observe/burst.h"
#include "observe/steady.h"

/* Statements of a burst that are followed; another replaces the oldest. */
#define MAX_RUNS 16

/* Executions further apart are not one burst, unless one transaction. */
#define MAX_PAUSE_NS (20 * INT64CONST(1000000))

/* Share of the parent's rows for which the child is executed, in percent. */
#define MIN_SHARE 50
#define MIN_SHARE_IN_TRANSACTION 20 /* others came from the client's cache */
#define MAX_SHARE 110			/* a few more: the page's own look-ups */

/* Rows that an execution of a child returns on average; a page has more. */
#define MAX_CHILD_ROWS 30

/* Share of the executions of a run whose values must differ, in percent. */
#define MIN_DIFFERENT 80

/* Values are looked at from the third execution on, and so many of a run. */
#define FIRST_HASHED 3
#define MAX_HASHED 128
#define HASH_BITS 2048			/* so many that few values share one */

/*
 * Outside of a transaction: statements from one execution of a child to the
 * next, or from the parent to the first; and the share of these distances that
 * equals the one before, in percent.
 */
#define MAX_DISTANCE 8
#define MIN_EVEN 80

/*
 * The pause after a run is so many times as long as the client's mean time
 * between the statements of it.  Of requests that come at random, one in
 * 22 000 is followed by such a pause.
 */
#define MIN_PAUSE_FACTOR 10

/*
 * A burst without a pause is given up when so many statements per row of the
 * parent have come: none of them will be recognized any more.
 */
#define MAX_STATEMENTS_PER_ROW 16

/* Rows of an execution beyond which it makes no difference. */
#define MAX_ROWS INT64CONST(1000000000)

/* Why a run is judged. */
typedef enum RunEnd
{
	END_PARENT_AGAIN,			/* the parent is executed anew */
	END_TRANSACTION,			/* it may go on outside of a transaction */
	END_PAUSE,
	END_LOST					/* others' statements took its place */
} RunEnd;

/* The part of a run that follows an execution of its parent. */
typedef struct Since
{
	const DbaStatementKey *parent;
	uint64		place;			/* of the parent */
	int64		rows;			/* that the parent returned */
	int64		count;			/* executions of the child */
} Since;

/* A statement of the burst: as a child its run, as a parent its last rows. */
typedef struct Run
{
	const DbaStatementKey *key; /* NULL: unused */
	uint64		used;			/* place of the last execution */

	/* As a parent. */
	uint64		parent_place;	/* 0: is none */
	int64		parent_rows;	/* of the last execution */
	uint64		parent_transaction;
	int64		before[MAX_RUNS];	/* counts of all runs at that time */

	/* As a child. */
	int64		count;
	int64		rows;			/* sum */
	int64		ns;				/* sum */
	uint64		first;			/* place of the first execution */
	uint64		last;			/* place of the last one */
	uint64		transaction;	/* of the last one */
	uint64		distance;		/* between the last two */
	int64		even;			/* distances that equal the one before */
	int64		idle_before_ns; /* of the burst, when the first began */
	int64		idle_ns;		/* likewise the last */
	int			hashed;			/* values looked at */
	int			different;		/* of these, approximately */
	uint64		bits[HASH_BITS / 64];	/* values seen */
} Run;

static struct
{
	bool		open;
	uint64		place;			/* statements counted from the first parent, 1 */
	uint64		until;			/* place at which it is given up */
	uint64		transaction;	/* of the last statement */
	int64		in_transaction; /* statements of this transaction */
	int64		ended_ns;		/* of the last statement */
	int64		idle_ns;		/* between statements, sum */
	int64		pause_ns;		/* that ended it */
	Run			runs[MAX_RUNS];
} burst;

static void end_if_paused(const DbaExecuted *executed);
static void follow_time(const DbaExecuted *executed);
static bool is_parent(const DbaExecuted *executed);
static bool is_child(const DbaExecuted *executed);
static bool is_trivial(const DbaExecuted *executed);
static void end_burst(RunEnd end);
static Run *find_run(const DbaStatementKey *key);
static Run *begin_run(const DbaStatementKey *key);
static Run *place_for_run(void);
static void reset_run(Run *run);
static void add_to_run(Run *run, const DbaExecuted *executed);
static void add_values(Run *run, uint64 hash);
static void become_parent(Run *run, const DbaExecuted *executed);

static void judge_all(RunEnd end, const Run *parent);
static void judge(const Run *run, RunEnd end, const Run *only, Since *found);
static void judge_rows_of_runs(const Run *run, Since *found);
static bool looks_like_child(const Run *run);
static bool is_explained_nearer(const Run *run, const Run *parent);
static bool fits(const Run *run, const Run *parent, RunEnd end);
static bool is_rhythmic(const Run *run, const Run *parent);
static bool is_before_pause(const Run *run);
static uint64 others_between(uint64 from, uint64 to);
static bool fits_rows_of_run(const Run *run, const Run *parent);
static int64 count_since(const Run *run, const Run *parent);
static void report_run(const Run *run, const Since *since);

/*
 * Takes note of a client's execution.  Returns whether the next one matters,
 * whatever it is.
 */
bool
dba_burst_note(const DbaExecuted *executed, DbaValuesHash values_hash,
			   void *execution)
{
	bool		parent = is_parent(executed);
	bool		child = is_child(executed);
	Run		   *run;

	if (burst.open)
		end_if_paused(executed);
	if (!burst.open && !parent)
		return false;
	follow_time(executed);
	if (is_trivial(executed))
		return true;

	burst.place++;
	run = find_run(executed->key);
	if (run == NULL && (parent || child))
		run = begin_run(executed->key);
	if (run != NULL)
	{
		run->used = burst.place;
		if (run->parent_place > 0)
			judge_all(END_PARENT_AGAIN, run);
		if (child)
			add_to_run(run, executed);
		if (child && run->count >= FIRST_HASHED && run->hashed < MAX_HASHED)
			add_values(run, values_hash(execution));
		run->parent_place = 0;
		if (parent)
			become_parent(run, executed);
	}
	if (burst.place > burst.until)
		end_burst(END_LOST);
	return burst.open;
}

/*
 * Reports what can be decided at the end of a transaction or of the backend.
 * Returns whether the next execution matters.
 */
bool
dba_burst_decide(bool exiting)
{
	if (exiting && burst.open)
	{
		burst.pause_ns = PG_INT64_MAX;
		end_burst(END_PAUSE);
	}
	else if (burst.open && burst.in_transaction > DBA_MIN_REPEATS)
	{
		judge_all(END_TRANSACTION, NULL);
		burst.in_transaction = 0;
	}
	return burst.open;
}

/* Forgets every address of a statement. */
void
dba_burst_forget(void)
{
	memset(&burst, 0, sizeof(burst));
	dba_steady_forget();
}

/* Ends the burst if the statement came too late for it. */
static void
end_if_paused(const DbaExecuted *executed)
{
	burst.pause_ns = executed->begun_ns - burst.ended_ns;
	if (executed->transaction != burst.transaction &&
		burst.pause_ns >= MAX_PAUSE_NS)
		end_burst(END_PAUSE);
}

/* Makes the statement part of the burst, which it opens if need be. */
static void
follow_time(const DbaExecuted *executed)
{
	if (burst.open)
		burst.idle_ns += burst.pause_ns;
	if (!burst.open || burst.transaction != executed->transaction)
		burst.in_transaction = 0;
	burst.open = true;
	burst.transaction = executed->transaction;
	burst.in_transaction++;
	burst.ended_ns = executed->ended_ns;
}

/* Whether a client may go through its rows. */
static bool
is_parent(const DbaExecuted *executed)
{
	return executed->command == CMD_SELECT &&
		executed->rows >= DBA_MIN_REPEATS;
}

/*
 * Whether it may be executed per row.  INSERT is left out because the rows that
 * importers insert come from elsewhere, and so is MERGE.
 */
static bool
is_child(const DbaExecuted *executed)
{
	return executed->keyed &&
		(executed->command == CMD_SELECT ||
		 executed->command == CMD_UPDATE ||
		 executed->command == CMD_DELETE);
}

/*
 * "SELECT 1" and its like, with which pools test a connection before each use.
 * It does not count among the statements that lie between two others.
 */
static bool
is_trivial(const DbaExecuted *executed)
{
	return executed->command == CMD_SELECT && !executed->keyed &&
		executed->rows <= 1;
}

static void
end_burst(RunEnd end)
{
	judge_all(end, NULL);
	for (int i = 0; i < MAX_RUNS; i++)
		burst.runs[i].key = NULL;
	burst.open = false;
	burst.place = 0;
	burst.until = 0;
}

/* The run of a statement, or NULL if it is new to the burst. */
static Run *
find_run(const DbaStatementKey *key)
{
	for (int i = 0; i < MAX_RUNS; i++)
	{
		if (burst.runs[i].key == key)
			return &burst.runs[i];
	}
	return NULL;
}

static Run *
begin_run(const DbaStatementKey *key)
{
	Run		   *run = place_for_run();

	run->key = key;
	run->parent_place = 0;
	reset_run(run);
	return run;
}

/*
 * An unused place, or that of the statement which was not executed for the
 * longest time; but what is neither a parent nor repeated goes first.
 */
static Run *
place_for_run(void)
{
	Run		   *oldest = NULL;
	bool		oldest_matters = true;

	for (int i = 0; i < MAX_RUNS; i++)
	{
		Run		   *run = &burst.runs[i];
		bool		matters;

		if (run->key == NULL)
			return run;
		matters = run->parent_place > 0 || run->count >= FIRST_HASHED;
		if (oldest == NULL || (oldest_matters && !matters) ||
			(oldest_matters == matters && run->used < oldest->used))
		{
			oldest = run;
			oldest_matters = matters;
		}
	}
	return oldest;
}

/* Begins a run anew: for every parent, too, it has not been executed yet. */
static void
reset_run(Run *run)
{
	int			number = run - burst.runs;

	run->count = 0;
	run->rows = 0;
	run->ns = 0;
	run->distance = 0;
	run->even = 0;
	run->hashed = 0;
	run->different = 0;
	for (int i = 0; i < MAX_RUNS; i++)
		burst.runs[i].before[number] = 0;
}

static void
add_to_run(Run *run, const DbaExecuted *executed)
{
	if (run->count > 0 && burst.place - run->last > MAX_DISTANCE &&
		run->transaction != executed->transaction)
	{
		Since		since;

		judge(run, END_LOST, NULL, &since);
		if (since.parent != NULL)
			report_run(run, &since);
		reset_run(run);
	}
	if (run->count == 0)
	{
		run->first = burst.place;
		run->idle_before_ns = burst.idle_ns;
	}
	else
	{
		uint64		distance = burst.place - run->last;

		run->even += (run->count == 1 || distance == run->distance);
		run->distance = distance;
	}
	run->last = burst.place;
	run->idle_ns = burst.idle_ns;
	run->transaction = executed->transaction;
	run->count++;
	run->rows += Min(executed->rows, MAX_ROWS);
	run->ns += executed->ended_ns - executed->begun_ns;
}

static void
add_values(Run *run, uint64 hash)
{
	/* Multiplied because a caller's hash may be good in some bits only. */
	uint64		bit = (hash * UINT64CONST(0x9E3779B97F4A7C15)) >> 32;
	uint64	   *word = &run->bits[bit % HASH_BITS / 64];
	uint64		mask = UINT64CONST(1) << (bit % 64);

	if (run->hashed == 0)
		memset(run->bits, 0, sizeof(run->bits));
	run->hashed++;
	run->different += (*word & mask) == 0;
	*word |= mask;
}

/* Counts executions from here on; of itself, therefore, there are none. */
static void
become_parent(Run *run, const DbaExecuted *executed)
{
	run->parent_place = burst.place;
	run->parent_rows = Min(executed->rows, MAX_ROWS);
	run->parent_transaction = executed->transaction;
	for (int i = 0; i < MAX_RUNS; i++)
		run->before[i] = burst.runs[i].count;
	burst.until = Max(burst.until, burst.place +
					  run->parent_rows * MAX_STATEMENTS_PER_ROW);
}

/* ---------------------------------------------------------------------------
 * Judging the runs
 * ---------------------------------------------------------------------------
 */

/*
 * Reports the runs that are occasions, and begins these anew.  When a parent is
 * executed again, only its own.
 */
static void
judge_all(RunEnd end, const Run *parent)
{
	Since		found[MAX_RUNS];

	/* A run can be the parent of another one: judge all, then forget. */
	for (int i = 0; i < MAX_RUNS; i++)
		judge(&burst.runs[i], end, parent, &found[i]);
	for (int i = 0; i < MAX_RUNS; i++)
	{
		if (found[i].parent == NULL)
			judge_rows_of_runs(&burst.runs[i], found);
	}
	for (int i = 0; i < MAX_RUNS; i++)
	{
		if (found[i].parent == NULL)
			continue;
		report_run(&burst.runs[i], &found[i]);
		reset_run(&burst.runs[i]);
	}
}

/*
 * Finds the nearest parent that makes the run an occasion; only the given one
 * unless that is NULL.
 */
static void
judge(const Run *run, RunEnd end, const Run *only, Since *found)
{
	found->parent = NULL;
	found->place = 0;
	if (run->key == NULL || run->count == 0)
		return;
	for (int i = 0; i < MAX_RUNS; i++)
	{
		const Run  *parent = &burst.runs[i];

		if (parent->key == NULL ||
			(only != NULL && only != parent))
			continue;
		if (parent->parent_place > found->place && fits(run, parent, end))
		{
			found->parent = parent->key;
			found->place = parent->parent_place;
			found->rows = parent->parent_rows;
			found->count = count_since(run, parent);
		}
	}
}

/*
 * The same for the rows of the rows of a list: the parent is a run that was
 * found to be an occasion, and returned too few rows in any one execution.
 */
static void
judge_rows_of_runs(const Run *run, Since *found)
{
	Since	   *mine = &found[run - burst.runs];

	if (run->key == NULL || !looks_like_child(run))
		return;
	for (int i = 0; i < MAX_RUNS && mine->parent == NULL; i++)
	{
		const Run  *parent = &burst.runs[i];

		if (found[i].parent == NULL || !fits_rows_of_run(run, parent))
			continue;
		mine->parent = parent->key;
		mine->rows = parent->rows;
		mine->count = run->count;
	}
}

/* Whether it can be a child at all: different values, few rows. */
static bool
looks_like_child(const Run *run)
{
	return run->count >= DBA_MIN_REPEATS &&
		run->rows / run->count <= MAX_CHILD_ROWS &&
		run->different * 100 >= run->hashed * MIN_DIFFERENT;
}

/* Whether the executions of the child go with the last rows of the parent. */
static bool
fits(const Run *run, const Run *parent, RunEnd end)
{
	int64		count = count_since(run, parent);
	int64		share;
	bool		possible;

	if (count == 0 ||
		(end == END_PARENT_AGAIN && is_explained_nearer(run, parent)))
		return false;
	share = count * 100 / parent->parent_rows;
	possible = count >= DBA_MIN_REPEATS && share <= MAX_SHARE &&
		looks_like_child(run);

	/* What lies between the parent and the last one is of one transaction. */
	if (run->transaction == parent->parent_transaction)
	{
		if (possible && share >= MIN_SHARE_IN_TRANSACTION)
			return true;
	}
	else
	{
		possible &= is_rhythmic(run, parent);
		if (possible && share >= MIN_SHARE && end == END_PAUSE &&
			is_before_pause(run))
			return true;
	}
	return end != END_TRANSACTION &&
		dba_steady_note(parent->key, run->key, parent->parent_rows, count,
						possible);
}

/*
 * Whether a parent that was executed after this one can still explain the run:
 * then the run is not over, though this one is executed again.
 */
static bool
is_explained_nearer(const Run *run, const Run *parent)
{
	for (int i = 0; i < MAX_RUNS; i++)
	{
		const Run  *nearer = &burst.runs[i];
		int64		count;

		if (nearer->key == NULL ||
			nearer->parent_place <= parent->parent_place)
			continue;
		count = count_since(run, nearer);
		if (count > 0 && count * 100 <= nearer->parent_rows * MAX_SHARE)
			return true;
	}
	return false;
}

/* Outside of a transaction: directly after the parent and evenly. */
static bool
is_rhythmic(const Run *run, const Run *parent)
{
	bool		near = run->first < parent->parent_place ||
		others_between(parent->parent_place, run->first) < MAX_DISTANCE;

	return near && run->even * 100 >= (run->count - 1) * MIN_EVEN;
}

/* Whether a pause follows directly that stands out from the pace of the run. */
static bool
is_before_pause(const Run *run)
{
	int64		idle_ns = run->idle_ns - run->idle_before_ns;

	return others_between(run->last, burst.place + 1) < MAX_DISTANCE &&
		burst.pause_ns / MIN_PAUSE_FACTOR >= idle_ns / run->count;
}

/*
 * Statements between two places without those of runs that lie wholly there:
 * a client may go through the rows once for each of several children.
 */
static uint64
others_between(uint64 from, uint64 to)
{
	uint64		others = to - from - 1;

	for (int i = 0; i < MAX_RUNS; i++)
	{
		const Run  *run = &burst.runs[i];

		if (run->key != NULL && run->count >= DBA_MIN_REPEATS &&
			run->first > from && run->last < to)
			others -= Min(others, (uint64) run->count);
	}
	return others;
}

/*
 * Whether the run goes with all the rows of another one.  It must be executed
 * more often than that one, or they are two children of the same parent.
 */
static bool
fits_rows_of_run(const Run *run, const Run *parent)
{
	return parent->first < run->first &&
		run->transaction == parent->transaction &&
		run->count * 100 > parent->count * MAX_SHARE &&
		run->count * 100 >= parent->rows * MIN_SHARE &&
		run->count * 100 <= parent->rows * MAX_SHARE;
}

/* Executions since the parent's last one; 0 if it is no parent. */
static int64
count_since(const Run *run, const Run *parent)
{
	if (parent->parent_place == 0)
		return 0;
	return run->count - parent->before[run - burst.runs];
}

static void
report_run(const Run *run, const Since *since)
{
	DbaOccasions occasion = {.kind = DBA_REPEAT_CLIENT};

	occasion.child = *run->key;
	occasion.parent = since->parent->queryid;
	occasion.occasions = 1;
	occasion.repeats = since->count;
	occasion.max_repeats = since->count;
	occasion.parent_rows = since->rows;
	/* A few executions may have come before the parent. */
	occasion.ns = (int64) ((double) run->ns * since->count / run->count);
	dba_repeats_report(&occasion);
}
