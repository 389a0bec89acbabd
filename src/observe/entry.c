/*-------------------------------------------------------------------------
 *
 * entry.c
 *	  One statement of the store: what it holds and how it grows.
 *
 * Locking: the caller holds the lock that guards the entry.  Nothing here
 * allocates or fails.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "observe/entry.h"

#include <math.h>

#define MS_IN_NS 1e6

static void add_to_bucket(DbaEntry *entry, int bucket, uint32 count);
static void add_counters(DbaCounters *into, const DbaCounters *from);
static void add_deviations(DbaEntry *entry, int64 calls, double mean_ms, double m2);
static int	spill_bucket(int64 bytes);

/*
 * Makes a batch empty.  Deviations count from about where the mean is: far from
 * it their squares would lose their last digits.
 */
void
dba_batch_clear(DbaBatch *batch, double mean_ns)
{
	memset(batch, 0, sizeof(*batch));
	batch->base_ns = mean_ns;
	batch->counters.min_ns = PG_INT64_MAX;
}

/* Adds what one backend counted. */
void
dba_entry_add(DbaEntry *entry, const DbaBatch *batch)
{
	int64		calls = batch->counters.calls;

	if (calls > 0)
	{
		add_deviations(entry, calls, (batch->base_ns + batch->sum / calls) / MS_IN_NS,
					   (batch->squares - batch->sum * batch->sum / calls) /
					   (MS_IN_NS * MS_IN_NS));
		for (int i = 0; i < DBA_HISTOGRAM_BUCKETS; i++)
			add_to_bucket(entry, i, batch->histogram[i]);
	}
	add_counters(&entry->counters, &batch->counters);
}

/* Adds the counters of another entry, all that can be added of different ones. */
void
dba_entry_merge(DbaEntry *into, const DbaEntry *from)
{
	if (from->counters.calls > 0)
		add_deviations(into, from->counters.calls, from->mean_ms, from->m2);
	for (int i = 0; i < DBA_HISTOGRAM_BUCKETS; i++)
		add_to_bucket(into, i, from->histogram[i]);
	for (int i = 0; i < DBA_EVENT_KINDS; i++)
		into->events[i] += from->events[i];
	add_counters(&into->counters, &from->counters);
	if (into->first_seen == 0 || from->first_seen < into->first_seen)
		into->first_seen = from->first_seen;
	into->last_seen = Max(into->last_seen, from->last_seen);
}

/*
 * Before a bucket is full all are halved: percentiles stay what they are, and
 * the newer executions count twice.
 */
static void
add_to_bucket(DbaEntry *entry, int bucket, uint32 count)
{
	while (unlikely(count > PG_UINT32_MAX - entry->histogram[bucket]))
	{
		for (int i = 0; i < DBA_HISTOGRAM_BUCKETS; i++)
			entry->histogram[i] /= 2;
		count = Min(count, PG_UINT32_MAX / 2);
	}
	entry->histogram[bucket] += count;
}

/* Sums, but for the smallest and the largest time, which stand last. */
static void
add_counters(DbaCounters *into, const DbaCounters *from)
{
	const int64 *source = (const int64 *) from;
	int64	   *target = (int64 *) into;

	StaticAssertStmt(sizeof(DbaCounters) % sizeof(int64) == 0,
					 "counters are all of one type");
	if (from->calls > 0)
	{
		into->min_ns = into->calls > 0 ? Min(into->min_ns, from->min_ns) : from->min_ns;
		into->max_ns = Max(into->max_ns, from->max_ns);
	}
	for (size_t i = 0; i < offsetof(DbaCounters, min_ns) / sizeof(int64); i++)
		target[i] += source[i];
}

/*
 * Mean and squared distances of two sets of times together (Chan et al.); the
 * entry's calls are those before.
 */
static void
add_deviations(DbaEntry *entry, int64 calls, double mean_ms, double m2)
{
	double		before = (double) entry->counters.calls;
	double		both = before + (double) calls;
	double		apart = mean_ms - entry->mean_ms;

	entry->m2 += Max(m2, 0) + apart * apart * before * (double) calls / both;
	entry->mean_ms += apart * (double) calls / both;
}

/* Adds a fact; when there are too many the one of least weight is left out. */
void
dba_entry_fact(DbaEntry *entry, const DbaPlanFact *fact)
{
	DbaPlanFact *lightest = &entry->facts[0];

	for (int i = 0; i < DBA_MAX_FACTS; i++)
	{
		DbaPlanFact *known = &entry->facts[i];

		if (known->kind == DBA_FACT_NONE)
		{
			*known = *fact;
			return;
		}
		if (dba_plan_fact_same(known, fact))
		{
			dba_plan_fact_merge(known, fact);
			return;
		}
		if (dba_plan_fact_weight(known) < dba_plan_fact_weight(lightest))
			lightest = known;
	}
	if (dba_plan_fact_weight(fact) > dba_plan_fact_weight(lightest))
		*lightest = *fact;
}

/* Counts an execution that would have needed so much memory. */
void
dba_entry_spill(DbaEntry *entry, int64 bytes)
{
	entry->spills.executions++;
	entry->spills.max_bytes = Max(entry->spills.max_bytes, bytes);
	entry->spills.buckets[spill_bucket(bytes)]++;
}

/* Memory in bytes that would have held a share of the spilling executions. */
int64
dba_spill_percentile(const DbaSpills *spills, double fraction)
{
	int64		rank = (int64) ceil(fraction * (double) spills->executions);
	int64		seen = 0;

	for (int i = 0; i < DBA_SPILL_BUCKETS; i++)
	{
		seen += spills->buckets[i];
		if (seen >= rank && seen > 0)
			return Min(spills->max_bytes,
					   (int64) (65536 * pow(2.0, (i + 1) / 2.0)));
	}
	return spills->max_bytes;
}

/* Half an octave a bucket, from 64 kB; each holds what is up to its end. */
static int
spill_bucket(int64 bytes)
{
	double		octaves = log2(Max(bytes, 65536) / 65536.0);

	return Min((int) (2 * octaves), DBA_SPILL_BUCKETS - 1);
}

/* Adds occasions to those of the same parent, or in place of a rarer one. */
void
dba_entry_occasions(DbaEntry *entry, const DbaOccasions *occasions)
{
	DbaRepeats *repeats = NULL;

	for (int i = 0; i < DBA_MAX_REPEATS; i++)
	{
		DbaRepeats *known = &entry->repeats[i];

		if (known->occasions > 0 && known->parent == occasions->parent &&
			known->kind == occasions->kind)
		{
			repeats = known;
			break;
		}
		if (repeats == NULL || known->occasions < repeats->occasions)
			repeats = known;
	}
	if (repeats->parent != occasions->parent || repeats->kind != occasions->kind)
	{
		memset(repeats, 0, sizeof(*repeats));
		repeats->parent = occasions->parent;
		repeats->kind = occasions->kind;
	}
	repeats->occasions += occasions->occasions;
	repeats->repeats += occasions->repeats;
	repeats->max_repeats = Max(repeats->max_repeats, occasions->max_repeats);
	repeats->parent_rows += occasions->parent_rows;
	repeats->ns += occasions->ns;
}
