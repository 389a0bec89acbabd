/*-------------------------------------------------------------------------
 *
 * store_entries.c
 *	  The statements of the store: finding, adding, evicting, their blobs.
 *
 * Entries belong to one of DBA_PARTITIONS partitions by the hash of their key;
 * each partition has its own lock, chains and free list, and makes room for
 * itself by evicting the statements that took the least time.  What evicted
 * statements had counted is added to a rest for their database, so that sums
 * stay true.
 *
 * Locking: store_layout.h.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "observe/store_entries.h"
#include "observe/store_layout.h"

#include "utils/timestamp.h"

/* Of a full partition at most one in so many entries is evicted at a time. */
#define EVICTED_SHARE 20

/* Entries whose times tell where the smallest times end. */
#define EVICTION_SAMPLE 64

/* Microseconds for which a statement is spared: sessions flush once a second. */
#define NEW_USEC (10 * USECS_PER_SEC)

static DbaEntry *find_in(uint32 partition, const DbaStatementKey *key);
static DbaEntry *add_to(uint32 partition, const DbaStatementKey *key);
static void evict_some(uint32 partition);
static int64 entry_time(const DbaEntry *entry);
static bool worth_sparing(const DbaEntry *entry);
static bool entry_new(const DbaEntry *entry, TimestampTz now);
static int64 small_time(uint32 partition, TimestampTz now);
static void evict(uint32 partition, DbaEntry *entry);
static void release_entry(uint32 partition, DbaEntry *entry);
static void remove_from_chain(uint32 partition, DbaEntry *entry);
static void free_entry_blobs(DbaEntry *entry);
static DbaEntry *least_with_samples(uint32 partition, int64 time);

/*
 * The entry of a statement, made if needed, locked for the caller; call
 * dba_store_unlock() soon and do nothing between that can fail.  NULL when
 * somebody else is in the partition and the caller does not want to wait.
 */
DbaEntry *
dba_store_lock(const DbaStatementKey *key, bool wait)
{
	uint32		partition = dba_key_hash(key) % DBA_PARTITIONS;
	LWLock	   *lock = &dba_store->partitions[partition].lock;
	DbaEntry   *entry;

	dba_store_check();
	if (wait)
		LWLockAcquire(lock, LW_EXCLUSIVE);
	else if (!LWLockConditionalAcquire(lock, LW_EXCLUSIVE))
		return NULL;

	entry = find_in(partition, key);
	if (entry == NULL)
		entry = add_to(partition, key);
	return entry;
}

/*
 * The entry of a statement to be read, locked for that; NULL, and nothing
 * locked, where there is none.  Those who only read do not wait for each other.
 */
const DbaEntry *
dba_store_look(const DbaStatementKey *key)
{
	uint32		partition = dba_key_hash(key) % DBA_PARTITIONS;
	LWLock	   *lock = &dba_store->partitions[partition].lock;
	const DbaEntry *entry;

	dba_store_check();
	LWLockAcquire(lock, LW_SHARED);
	entry = find_in(partition, key);
	if (entry == NULL)
		LWLockRelease(lock);
	return entry;
}

void
dba_store_unlock(const DbaEntry *entry)
{
	uint32		partition = (entry - dba_store_entries()) / dba_store->per_partition;

	LWLockRelease(&dba_store->partitions[partition].lock);
}

static DbaEntry *
find_in(uint32 partition, const DbaStatementKey *key)
{
	uint32		at = *dba_chain_head(partition, dba_key_hash(key));

	while (at != 0)
	{
		DbaEntry   *entry = dba_partition_entry(partition, at);

		if (dba_key_equal(&entry->key, key))
			return entry;
		at = entry->next;
	}
	return NULL;
}

/* A new entry in the partition, which evicts others if it is full. */
static DbaEntry *
add_to(uint32 partition, const DbaStatementKey *key)
{
	DbaPartition *p = &dba_store->partitions[partition];
	uint32	   *head = dba_chain_head(partition, dba_key_hash(key));
	uint32		at;
	DbaEntry   *entry;

	if (p->free == 0 && p->fresh > dba_store->per_partition)
		evict_some(partition);
	if (p->free != 0)
	{
		at = p->free;
		entry = dba_partition_entry(partition, at);
		p->free = entry->next;
	}
	else
	{
		at = p->fresh++;
		entry = dba_partition_entry(partition, at);
	}
	p->used++;

	memset(entry, 0, sizeof(DbaEntry));
	entry->key = *key;
	entry->first_seen = entry->last_seen = GetCurrentTimestamp();
	entry->used = 1;
	entry->next = *head;
	*head = at;
	return entry;
}

/*
 * Frees at least one entry of the partition and at most a twentieth: those
 * that took the least time.  Several at once, and not the newest, so that
 * newcomers have time to show what they are.
 */
static void
evict_some(uint32 partition)
{
	TimestampTz now = GetCurrentTimestamp();
	int64		limit = small_time(partition, now);
	uint32		left = Max(1, dba_store->per_partition / EVICTED_SHARE);
	DbaEntry   *least = NULL;

	for (uint32 i = 1; i <= dba_store->per_partition && left > 0; i++)
	{
		DbaEntry   *entry = dba_partition_entry(partition, i);

		if (entry_time(entry) <= limit && !entry_new(entry, now))
		{
			evict(partition, entry);
			left--;
		}
		else if (least == NULL ||
				 worth_sparing(entry) < worth_sparing(least) ||
				 (worth_sparing(entry) == worth_sparing(least) &&
				  entry_time(entry) < entry_time(least)))
			least = entry;
	}

	if (least != NULL && dba_store->partitions[partition].free == 0)
		evict(partition, least);
}

/* What a statement has cost: that is how much it matters. */
static int64
entry_time(const DbaEntry *entry)
{
	return entry->counters.total_ns + entry->counters.plan_ns +
		entry->counters.error_ns;
}

/* A statement just met, whose first execution has not been handed over. */
static bool
worth_sparing(const DbaEntry *entry)
{
	return entry_time(entry) == 0;
}

/* Whether the sessions that saw it may not have handed over its times yet. */
static bool
entry_new(const DbaEntry *entry, TimestampTz now)
{
	return now - entry->first_seen < NEW_USEC;
}

/* A time below which about one in EVICTED_SHARE of the older entries lies. */
static int64
small_time(uint32 partition, TimestampTz now)
{
	int64		smallest[EVICTION_SAMPLE / EVICTED_SHARE + 1];
	int			count = 0;
	uint32		step = Max(1, dba_store->per_partition / EVICTION_SAMPLE);

	for (uint32 i = 1; i <= dba_store->per_partition; i += step)
	{
		DbaEntry   *entry = dba_partition_entry(partition, i);
		int64		time = entry_time(entry);
		int			at;

		if (entry_new(entry, now))
			continue;
		if (count < (int) lengthof(smallest))
			at = count++;
		else if (time < smallest[count - 1])
			at = count - 1;
		else
			continue;
		for (; at > 0 && smallest[at - 1] > time; at--)
			smallest[at] = smallest[at - 1];
		smallest[at] = time;
	}
	return count > 0 ? smallest[count - 1] : -1;
}

/* Makes one entry free; what it had counted goes to its database's rest. */
static void
evict(uint32 partition, DbaEntry *entry)
{
	DbaDatabase *database;

	LWLockAcquire(&dba_store->database_lock, LW_EXCLUSIVE);
	database = dba_store_database(entry->key.dbid);
	if (database != NULL)
		dba_entry_merge(&database->rest[entry->key.toplevel], entry);
	LWLockRelease(&dba_store->database_lock);

	remove_from_chain(partition, entry);
	free_entry_blobs(entry);
	release_entry(partition, entry);
	pg_atomic_fetch_add_u64(&dba_store->evicted, 1);
}

/* Puts an entry that is in no chain among the free ones. */
static void
release_entry(uint32 partition, DbaEntry *entry)
{
	DbaPartition *p = &dba_store->partitions[partition];

	entry->used = 0;
	entry->next = p->free;
	p->free = (uint32) (entry - dba_partition_entry(partition, 1)) + 1;
	p->used--;
}

static void
remove_from_chain(uint32 partition, DbaEntry *entry)
{
	uint32	   *link = dba_chain_head(partition, dba_key_hash(&entry->key));
	uint32		number = (uint32) (entry - dba_partition_entry(partition, 1)) + 1;

	while (*link != number)
	{
		if (*link == 0)
			return;
		link = &dba_partition_entry(partition, *link)->next;
	}
	*link = entry->next;
}

static void
free_entry_blobs(DbaEntry *entry)
{
	dba_arena_free(dba_store_arena(), &entry->text);
	dba_arena_free(dba_store_arena(), &entry->tree);
	dba_arena_free(dba_store_arena(), &entry->plan_text);
	for (int i = 0; i <= DBA_MAX_SAMPLES; i++)
		dba_arena_free(dba_store_arena(), &entry->samples[i].blob);
}

/* ------------------------------------------------------------------------
 * Blobs
 * ------------------------------------------------------------------------ */

/*
 * A copy of a statement's text; NULL where there is none, or somebody else is
 * there.  An error can only be want of memory; the lock is released then as all
 * locks are.
 */
char *
dba_store_text(const DbaStatementKey *key)
{
	DbaEntry   *entry = dba_store_lock(key, false);
	Size		length;
	char	   *text;

	if (entry == NULL)
		return NULL;
	text = dba_arena_get(dba_store_arena(), entry->text, &length);
	dba_store_unlock(entry);
	return text;
}

/*
 * Keeps data for a locked entry in one of its places, instead of what was
 * there.  When memory is short the samples of statements of the partition that
 * took less time go first; when that is not enough, the new one is dropped and
 * counted.
 */
void
dba_store_put(DbaEntry *entry, DbaBlob *place, const char *data, Size length)
{
	uint32		partition = (entry - dba_store_entries()) / dba_store->per_partition;

	dba_arena_free(dba_store_arena(), place);
	while ((*place = dba_arena_put(dba_store_arena(), data, length)) == 0)
	{
		DbaEntry   *victim = least_with_samples(partition, entry_time(entry));

		if (victim == NULL || victim == entry)
		{
			dba_store_lost(DBA_LOST_SAMPLE, 1);
			return;
		}
		dba_arena_free(dba_store_arena(), &victim->tree);
		dba_arena_free(dba_store_arena(), &victim->plan_text);
		for (int i = 0; i <= DBA_MAX_SAMPLES; i++)
			dba_arena_free(dba_store_arena(), &victim->samples[i].blob);
	}
}

/* The entry below a time that took the least and has more than its text. */
static DbaEntry *
least_with_samples(uint32 partition, int64 time)
{
	DbaEntry   *least = NULL;

	for (uint32 i = 1; i < dba_store->partitions[partition].fresh; i++)
	{
		DbaEntry   *entry = dba_partition_entry(partition, i);

		if (entry->used && entry_time(entry) < time &&
			(entry->tree != 0 || entry->plan_text != 0 ||
			 entry->samples[0].blob != 0 || entry->samples[DBA_SLOWEST].blob != 0))
		{
			least = entry;
			time = entry_time(entry);
		}
	}
	return least;
}
