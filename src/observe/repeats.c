/*-------------------------------------------------------------------------
 *
 * repeats.c
 *	  Statements that are sent once per row of another: N+1, and loops.
 *
 * No single execution shows it: each is quick, keyed and returns a row.  It
 * takes the order of executions in one backend.  This file hands on those of
 * clients to burst.c, which recognizes their N+1, and counts by itself those of
 * functions and triggers: executions of a statement within one execution of
 * the top-level statement.  Those of a foreign key's trigger are not counted,
 * for nobody can do anything about them.
 *
 * What was found waits here, summed per child and parent, until it is taken.
 *
 * Memory is static and the work per execution bounded.  Statements are told
 * apart by the address of their key, which is followed only while the
 * backend's memory of statements lives.  Everything here is private to the
 * backend: no locks.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "observe/burst.h"
#include "observe/repeats.h"

/* Nested statements followed at a time; others replace what ran once or so. */
#define MAX_LOOPS 16

/* Children and parents that wait to be taken; further ones are only counted. */
#define MAX_WAITING 32

typedef struct Loop
{
	const DbaStatementKey *key;
	int64		count;
	int64		ns;				/* sum */
} Loop;

/* What the top-level statement of now has executed. */
static struct
{
	uint64		parent;			/* queryid */
	uint64		serial;			/* which execution of it */
	int			used;			/* of loops */
	Loop	   *last;			/* executed; the likeliest next one */
	Loop		loops[MAX_LOOPS];	/* the first one without key: none */
} nested = {.last = nested.loops};

static DbaOccasions waiting[MAX_WAITING];
static int	waiting_count;
static int64 waiting_lost;		/* occasions that found no place */

bool		dba_repeats_open = false;

static void note_client(const DbaExecuted *executed,
						DbaValuesHash values_hash, void *execution);
static Loop *find_loop(const DbaExecuted *executed);
static void end_loops(void);
static void end_repeated_loops(void);
static void keep_loops(int count);
static void end_loop(Loop *loop);

/*
 * The part of dba_repeats_note() that is not inlined.  Loops come here millions
 * of times in a second, nearly always with the statement of last time.
 */
void
dba_repeats_follow(const DbaExecuted *executed, DbaValuesHash values_hash,
				   void *execution)
{
	Loop	   *loop = nested.last;

	if (executed->key->toplevel)
	{
		note_client(executed, values_hash, execution);
		return;
	}
	if (executed->referential)
		return;
	if (unlikely(loop->key != executed->key ||
				 nested.serial != executed->parent_serial))
		loop = find_loop(executed);
	loop->count++;
	loop->ns += executed->ended_ns - executed->begun_ns;
}

/*
 * Reports what can be decided at the end of a transaction or of the backend.
 * A loop that ran too few times goes on: a procedure may commit within it.  So
 * does a burst: outside of a transaction only a pause ends it.
 */
void
dba_repeats_decide(bool exiting)
{
	end_repeated_loops();
	dba_repeats_open = dba_burst_decide(exiting) || nested.used > 0;
}

/*
 * Forgets every address of a statement: to be called when the backend's memory
 * of statements is emptied, before or after.  What waits to be taken stays.
 */
void
dba_repeats_forget(void)
{
	keep_loops(0);
	dba_burst_forget();
	dba_repeats_open = false;
}

/*
 * Moves finished occasions to the caller's array, at most max_occasions, and
 * returns how many; the others wait.  Sets lost to the number of occasions that
 * found no place since the last call.
 */
int
dba_repeats_take(DbaOccasions *occasions, int max_occasions, int64 *lost)
{
	int			taken = Min(waiting_count, max_occasions);

	memcpy(occasions, waiting, taken * sizeof(DbaOccasions));
	waiting_count -= taken;
	memmove(waiting, waiting + taken, waiting_count * sizeof(DbaOccasions));
	*lost = waiting_lost;
	waiting_lost = 0;
	return taken;
}

/*
 * Adds an occasion to those of the same child and parent that wait already,
 * because functions with loops can give thousands in a second.  (The kind is
 * that of the child, which is either nested or not.)
 */
void
dba_repeats_report(const DbaOccasions *occasion)
{
	for (int i = 0; i < waiting_count; i++)
	{
		DbaOccasions *into = &waiting[i];

		if (into->parent != occasion->parent ||
			memcmp(&into->child, &occasion->child, sizeof(into->child)) != 0)
			continue;
		into->occasions++;
		into->repeats += occasion->repeats;
		into->max_repeats = Max(into->max_repeats, occasion->max_repeats);
		into->parent_rows += occasion->parent_rows;
		into->ns += occasion->ns;
		return;
	}
	if (waiting_count < MAX_WAITING)
		waiting[waiting_count++] = *occasion;
	else
		waiting_lost++;
}

/* Kept out of the caller, which would save registers for it in every case. */
static pg_noinline void
note_client(const DbaExecuted *executed, DbaValuesHash values_hash,
			void *execution)
{
	end_loops();
	dba_repeats_open = dba_burst_note(executed, values_hash, execution);
}

/*
 * The loop of a nested statement, begun if need be.  Where every place is taken
 * by one that is repeated, a place for nobody.
 */
static pg_noinline Loop *
find_loop(const DbaExecuted *executed)
{
	static Loop nobody;
	Loop	   *least;

	if (nested.used == 0 || nested.serial != executed->parent_serial)
	{
		end_loops();
		nested.serial = executed->parent_serial;
		nested.parent = executed->parent;
	}
	least = nested.loops;
	for (int i = 0; i < nested.used; i++)
	{
		Loop	   *loop = &nested.loops[i];

		if (loop->key == executed->key)
			return nested.last = loop;
		if (loop->count < least->count)
			least = loop;
	}

	if (nested.used < MAX_LOOPS)
		least = &nested.loops[nested.used++];
	else if (least->count >= DBA_MIN_REPEATS)
		return &nobody;
	*least = (Loop) {.key = executed->key};
	dba_repeats_open = true;
	return nested.last = least;
}

/* The top-level statement is over. */
static void
end_loops(void)
{
	for (int i = 0; i < nested.used; i++)
		end_loop(&nested.loops[i]);
	keep_loops(0);
}

/* The transaction is over, the top-level statement perhaps. */
static void
end_repeated_loops(void)
{
	int			kept = 0;

	for (int i = 0; i < nested.used; i++)
	{
		if (nested.loops[i].count >= DBA_MIN_REPEATS)
			end_loop(&nested.loops[i]);
		else
			nested.loops[kept++] = nested.loops[i];
	}
	keep_loops(kept);
}

/* Forgets the loops behind the first ones. */
static void
keep_loops(int count)
{
	nested.used = count;
	nested.last = nested.loops;
	if (count == 0)
		nested.last->key = NULL;
}

static void
end_loop(Loop *loop)
{
	DbaOccasions occasion = {.kind = DBA_REPEAT_LOOP};

	if (loop->count < DBA_MIN_REPEATS)
		return;
	occasion.child = *loop->key;
	occasion.parent = nested.parent;
	occasion.occasions = 1;
	occasion.repeats = loop->count;
	occasion.max_repeats = loop->count;
	occasion.ns = loop->ns;
	dba_repeats_report(&occasion);
}
