/*-------------------------------------------------------------------------
 *
 * tally.c
 *	  What one backend has counted and not yet handed to the store.
 *
 * The hot path adds to memory that nobody else touches.  At the end of a
 * transaction, at most once a second, and when the backend ends, the sums go to
 * the store: one partition lock for a moment each, and when somebody else holds
 * it the sums wait for the next time rather than the backend for the lock.
 *
 * Memory: two arrays of fixed size, obtained at once and never given back; of
 * which pages are touched as statements come.  About 100 kB for statements and
 * 60 kB for batches at most.
 *
 * Locking: none but the store's, inside of dba_tally_flush().
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "observe/events.h"
#include "observe/repeats.h"
#include "observe/store.h"
#include "observe/store_entries.h"
#include "observe/store_events.h"
#include "observe/tally.h"
#include "settings.h"

#include "common/pg_prng.h"
#include "miscadmin.h"
#include "storage/ipc.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#define CHAINS 1024

/* Samples beyond the first few keep pace with this many recent executions. */
#define SAMPLED_WINDOW 5000

/* Counted executions beyond this number do not make the next one rarer. */
#define MAX_KNOWN 100

/* Executions between two that are looked at closely, at most. */
#define MAX_INTERVAL (1000 * 1000)

/* What counting may cost before it is earned. */
#define CREDIT_NS (500 * 1000 * 1000.0)

/* Executions without a query id are handed over in such numbers, at most. */
#define MAX_MISSED 1000

/* What may be saved up for it. */
#define MAX_ALLOWANCE_NS (2000 * 1000 * 1000.0)

bool		dba_tally_usable = false;
DbaTally   *dba_last_tally = NULL;
uint64		dba_tally_transactions = 0;

static MemoryContext tally_context = NULL;
static DbaTally *tallies;
static int	tally_count = 0;
static DbaTally *chains[CHAINS];
static DbaBatch *batches;
static DbaBatch *free_batches[DBA_MAX_BATCHES];
static int	free_count = 0;
static DbaTally *waiting[DBA_MAX_BATCHES];	/* tallies with a batch */
static int	waiting_count = 0;
static uint32 seen_epoch = 0;
static pg_prng_state prng;		/* of our own: others must not notice us */
static double allowance_ns = 0;
static uint64 handed_over = 0;	/* transactions */
static int64 missed = 0;		/* executions that could not be observed */

static void flush_at_exit(int code, Datum arg);
static bool hand_over(DbaTally *tally, bool wait);
static void hand_over_events(void);
static void hand_over_occasions(bool wait);
static void hand_over_missed(void);
static void forget_known(void);
static int32 executions_until_count(const DbaEntry *entry, double mean_ns);
static int32 draw(int64 mean);

/*
 * Gets this backend's memory; demands a store.  May run out of memory, and may
 * be called again then.
 */
void
dba_tally_init(void)
{
	if (tally_context == NULL)
		tally_context = AllocSetContextCreate(TopMemoryContext, "dbadvisor tallies",
											  ALLOCSET_SMALL_SIZES);
	if (tallies == NULL)
		tallies = MemoryContextAlloc(tally_context,
									 sizeof(DbaTally) * DBA_MAX_TALLIES);
	if (batches == NULL)
		batches = MemoryContextAllocZero(tally_context,
										 sizeof(DbaBatch) * DBA_MAX_BATCHES);
	for (free_count = 0; free_count < DBA_MAX_BATCHES; free_count++)
		free_batches[free_count] = &batches[DBA_MAX_BATCHES - 1 - free_count];
	seen_epoch = dba_store_epoch();
	pg_prng_seed(&prng, (uint64) GetCurrentTimestamp() ^ ((uint64) MyProcPid << 32));
	before_shmem_exit(flush_at_exit, (Datum) 0);
	dba_tally_usable = true;
}

/* dba_tally_find() for a statement that is not the one of before. */
DbaTally *
dba_tally_search(uint64 queryid, Oid userid, bool toplevel)
{
	DbaTally  **chain = &chains[(queryid ^ userid) % CHAINS];
	DbaTally   *tally;

	Assert(dba_tally_usable);
	for (tally = *chain; tally != NULL; tally = tally->next)
	{
		if (tally->key.queryid == queryid && tally->key.userid == userid &&
			tally->key.toplevel == (uint32) toplevel)
			return dba_last_tally = tally;
	}

	if (tally_count == DBA_MAX_TALLIES)
		return NULL;
	tally = &tallies[tally_count++];
	memset(tally, 0, sizeof(*tally));
	tally->key.queryid = queryid;
	tally->key.dbid = MyDatabaseId;
	tally->key.userid = userid;
	tally->key.toplevel = toplevel;
	tally->next = *chain;
	*chain = tally;
	return dba_last_tally = tally;
}

/* Gives the tally an empty batch; if none is left all are handed over first. */
DbaBatch *
dba_tally_start_batch(DbaTally *tally)
{
	if (free_count == 0)
		dba_tally_flush(true);
	tally->batch = free_batches[--free_count];
	dba_batch_clear(tally->batch, tally->mean_ns);
	waiting[waiting_count++] = tally;
	return tally->batch;
}

/*
 * Decides from the store's knowledge when the next executions are looked at
 * closely.  The caller holds the entry's lock.
 *
 * Values: about DBA_MAX_SAMPLES of the last SAMPLED_WINDOW executions, so that
 * the reservoir follows a workload that changes.  Counting: so seldom that it
 * costs the statement no more than dba_overhead_target of its time, and ever
 * more seldom as more is known.
 */
void
dba_tally_learn(DbaTally *tally, const DbaEntry *entry)
{
	int64		calls = Max(1, entry->counters.calls);
	double		mean_ns = Max(1, (double) entry->counters.total_ns / calls);

	tally->mean_ns = (double) entry->counters.total_ns / calls;
	tally->counted = entry->counted > 0;
	tally->counting_ns = entry->counting_ns;
	tally->slow_ns = Max(entry->samples[DBA_SLOWEST].ns, (int64) (2 * mean_ns));
	dba_tally_looked(tally);
	if (dba_overhead_target >= 100)
		tally->until_sample = tally->until_count = 1;
	if (tally->until_sample <= 0)
		tally->until_sample = draw(Min(calls, SAMPLED_WINDOW) / DBA_MAX_SAMPLES);
	if (tally->until_count <= 0)
		tally->until_count = executions_until_count(entry, mean_ns);
	tally->until_look = tally->look_span = tally->known ?
		Min(tally->until_sample, tally->until_count) : 1;
}

/* Brings both countdowns to where the common one is. */
void
dba_tally_looked(DbaTally *tally)
{
	int32		passed = tally->look_span - tally->until_look;

	tally->until_sample -= passed;
	tally->until_count -= passed;
	tally->look_span = tally->until_look;
}

static int32
executions_until_count(const DbaEntry *entry, double mean_ns)
{
	double		known = (double) Min(entry->counted, MAX_KNOWN);
	double		fair;

	if (dba_overhead_target <= 0)
		return MAX_INTERVAL;
	if (entry->counted == 0)
		return 1;
	fair = (double) entry->counting_ns / (mean_ns * dba_overhead_target / 100);
	return draw((int64) Min(fair * Max(1, known * known), MAX_INTERVAL));
}

/* A random number around the mean, from 1. */
static int32
draw(int64 mean)
{
	if (mean <= 1)
		return 1;
	return 1 + dba_tally_random((int) (2 * mean - 1));
}

/* A random number below the limit. */
int
dba_tally_random(int limit)
{
	return (int) (pg_prng_double(&prng) * limit);
}

/*
 * Whether the backend has earned what counting one more execution will cost,
 * in nanoseconds.  The first of a statement may be had on credit.
 */
bool
dba_tally_may_count(double cost_ns, bool first)
{
	return dba_overhead_target >= 100 ||
		cost_ns <= allowance_ns + (first ? CREDIT_NS : 0);
}

/* Notes what counting an execution has cost. */
void
dba_tally_charge(int64 ns)
{
	allowance_ns -= (double) ns;
}

/* An execution cannot be observed; of these too the store hears now and then. */
void
dba_tally_missed(void)
{
	if (++missed == MAX_MISSED)
		hand_over_missed();
}

static void
hand_over_missed(void)
{
	dba_store_lost(DBA_LOST_EXECUTION, missed);
	missed = 0;
}

/*
 * Hands everything over to the store.  Without wait, what would have to wait
 * stays for the next time.  Cannot fail.
 */
void
dba_tally_flush(bool wait)
{
	int			left = 0;
	int			count = waiting_count;

	if (seen_epoch != dba_store_epoch())
		forget_known();
	for (int i = 0; i < count; i++)
	{
		DbaTally   *tally = waiting[i];

		if (hand_over(tally, wait))
			free_batches[free_count++] = tally->batch, tally->batch = NULL;
		else
			waiting[left++] = tally;
	}
	waiting_count = left;
	hand_over_occasions(wait);
	hand_over_events();
	if (dba_store_transactions(MyDatabaseId, (int64) (dba_tally_transactions - handed_over), wait))
		handed_over = dba_tally_transactions;
	if (missed > 0)
		hand_over_missed();
	allowance_ns = Min(allowance_ns, MAX_ALLOWANCE_NS);
}

/*
 * Makes room for other statements where there is none left.  Demands that
 * nobody holds a tally.
 */
void
dba_tally_make_room(void)
{
	if (tally_count < DBA_MAX_TALLIES)
		return;
	dba_tally_flush(true);
	dba_repeats_forget();
	memset(chains, 0, sizeof(chains));
	tally_count = 0;
	dba_last_tally = NULL;
}

/* Adds one batch to its entry; false when somebody else is there. */
static bool
hand_over(DbaTally *tally, bool wait)
{
	DbaEntry   *entry = dba_store_lock(&tally->key, wait);

	if (entry == NULL)
		return false;
	dba_entry_add(entry, tally->batch);
	entry->last_seen = GetCurrentTimestamp();
	if (entry->text == 0)
		tally->known = false;	/* evicted, or reset */
	dba_tally_learn(tally, entry);
	dba_store_unlock(entry);
	allowance_ns += (double) tally->batch->counters.total_ns *
		dba_overhead_target / 100;
	return true;
}

/* What went wrong with statements, to their entries and to the databases. */
static void
hand_over_events(void)
{
	static DbaEvent events[DBA_MAX_WAITING_EVENTS];
	int64		lost;
	int			count = dba_events_take(events, DBA_MAX_WAITING_EVENTS, &lost);

	if (lost > 0)
		dba_store_lost(DBA_LOST_EVENT, lost);
	for (int i = 0; i < count; i++)
	{
		dba_store_event(&events[i]);
		if (events[i].key.queryid != 0)
		{
			DbaEntry   *entry = dba_store_lock(&events[i].key, true);

			entry->events[events[i].kind] += events[i].count;
			dba_store_unlock(entry);
		}
	}
}

/*
 * What was repeated, to the entry of the statement that was; without wait, what
 * would have to wait is reported anew.
 */
static void
hand_over_occasions(bool wait)
{
	DbaOccasions occasions[4];
	int64		all_lost = 0;
	int64		lost;
	int			count;
	bool		busy = false;

	while (!busy &&
		   (count = dba_repeats_take(occasions, lengthof(occasions), &lost)) > 0)
	{
		all_lost += lost;
		for (int i = 0; i < count; i++)
		{
			DbaEntry   *entry = dba_store_lock(&occasions[i].child, wait);

			if (entry == NULL)
			{
				dba_repeats_report(&occasions[i]);
				busy = true;
				continue;
			}
			dba_entry_occasions(entry, &occasions[i]);
			dba_store_unlock(entry);
		}
	}
	if (all_lost > 0)
		dba_store_lost(DBA_LOST_EVENT, all_lost);
}

/* All statements are new again: the store has forgotten them. */
static void
forget_known(void)
{
	for (int i = 0; i < tally_count; i++)
	{
		tallies[i].known = false;
		tallies[i].until_look = tallies[i].look_span = 1;
	}
	seen_epoch = dba_store_epoch();
}

/* The last statements of a session are handed over when it ends. */
static void
flush_at_exit(int code, Datum arg)
{
	(void) code;
	(void) arg;
	dba_repeats_close(true);
	dba_tally_flush(true);
	dba_tally_usable = false;
}
