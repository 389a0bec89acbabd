/*-------------------------------------------------------------------------
 *
 * store.c
 *	  The observed workload in shared memory: fixed in size, shared by all.
 *
 * The region holds, one behind the other: the head (DbaStore), the entries,
 * the hash chains, the arena.  Entries belong to one of DBA_PARTITIONS
 * partitions by the hash of their key; each partition has its own lock, chains
 * and free list, and makes room for itself by evicting the statements that
 * took the least time.  What evicted statements had counted is added to a rest
 * for their database, so that sums stay true.
 *
 * Nothing refers by address: the region may lie anywhere, and survives a crash
 * of a backend when the library is preloaded (region.c).  After such a crash
 * the first that comes puts it in order: counters may lack the last batch of
 * the backend that died, chains and blobs are made anew from the entries.
 *
 * Locking: partition locks guard entries, chains and free lists; the locks
 * of the arena and of the databases are taken under them, never both.  Nobody
 * holds two partition locks but a reset, which takes them in order.  Under a lock nothing is allocated, waited for, or can fail.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "compat.h"
#include "dbadvisor.h"
#include "observe/entry.h"
#include "observe/persist.h"
#include "observe/region.h"
#include "observe/store.h"
#include "settings.h"

#include "miscadmin.h"
#include "port/atomics.h"
#include "storage/ipc.h"
#include "utils/memutils.h"

/* Sessions that flush at the same moment rarely want the same one. */
#define DBA_PARTITIONS 16

/* Of a full partition at most one in so many entries is evicted at a time. */
#define EVICTED_SHARE 20

/* Entries whose times tell where the smallest times end. */
#define EVICTION_SAMPLE 64

/* Microseconds for which a statement is spared: sessions flush once a second. */
#define NEW_USEC (10 * USECS_PER_SEC)

#define STORE_MAGIC 0x64626173
#define LOCK_TRANCHE "dbadvisor"

typedef struct Partition
{
	LWLock		lock;
	uint32		free;			/* number of a free entry, or 0; lock */
	uint32		used;			/* entries in use; lock */
} Partition;

/* What is kept per database. */
typedef struct Database
{
	Oid			dbid;			/* invalid: an unused place */
	int64		event_counts[DBA_EVENT_KINDS];
	TimestampTz last_event[DBA_EVENT_KINDS];
	DbaEntry	rest[2];		/* evicted statements: nested, top-level */
} Database;

typedef struct DbaStore
{
	uint32		magic;
	int32		max_statements; /* constant, as the next four */
	uint32		per_partition;
	uint32		chains;			/* hash chains of a partition, a power of two */
	int32		tranche;
	Size		size;
	Size		sample_bytes;
	bool		check;			/* a crash may have left disorder; check_lock */
	bool		checking;		/* somebody died of putting it in order */
	LWLock		check_lock;
	pg_atomic_uint32 epoch;		/* resets so far */
	TimestampTz since;			/* all partition locks */
	pg_atomic_uint64 evicted;
	pg_atomic_uint64 losses[DBA_LOSS_KINDS];
	Partition	partitions[DBA_PARTITIONS];
	LWLock		database_lock;	/* guards all below */
	uint32		event_count;	/* events in use */
	DbaEvent	events[DBA_MAX_EVENTS]; /* in no order */
	Database	databases[DBA_MAX_DATABASES];
} DbaStore;

static DbaStore *store = NULL;
static shmem_startup_hook_type prev_shmem_startup = NULL;

static void startup(void);
static void save_at_exit(int code, Datum arg);
static void attach_named(void);
static uint32 chains_for(uint32 entries);
static Size store_size(int max_statements, Size sample_bytes);
static DbaEntry *all_entries(void);
static uint32 *all_chains(void);
static DbaArena *arena(void);
static void init_store(void *region);
static void init_locks(void);
static void empty_partition(uint32 partition);
static void check_after_crash(void);
static void relink_all(void);
static void clear_all(void);
static bool entry_sane(const DbaEntry *entry);
static void claim_blob(bool *claimed, DbaBlob *blob);
static uint64 key_hash(const DbaStatementKey *key);
static bool key_equal(const DbaStatementKey *a, const DbaStatementKey *b);
static DbaEntry *partition_entry(uint32 partition, uint32 number);
static uint32 *chain_head(uint32 partition, uint64 hash);
static DbaEntry *find_in(uint32 partition, const DbaStatementKey *key);
static DbaEntry *add_to(uint32 partition, const DbaStatementKey *key);
static void evict_some(uint32 partition);
static int64 entry_time(const DbaEntry *entry);
static bool worth_sparing(const DbaEntry *entry);
static bool entry_new(const DbaEntry *entry, TimestampTz now);
static int64 small_time(uint32 partition, TimestampTz now);
static void evict(uint32 partition, DbaEntry *entry);
static void release_entry(uint32 partition, DbaEntry *entry);
static Database *find_database(Oid dbid);
static DbaEvent *place_for_event(int kind);
static int	events_like(const DbaEvent *event);
static int	compare_newest_first(const void *a, const void *b);
static void remove_from_chain(uint32 partition, DbaEntry *entry);
static void free_entry_blobs(DbaEntry *entry);
static DbaEntry *least_with_samples(uint32 partition, int64 time);
static int	copy_partition(uint32 partition, int with, DbaStatement *into);
static void copy_blobs(DbaStatement *statement, int with);
static int	copy_rests(DbaStatement *into);
static void take_in_blob(DbaEntry *entry, DbaBlob *place,
						 const DbaBlobCopy *copy);

/* ------------------------------------------------------------------------
 * Start and end
 * ------------------------------------------------------------------------ */

/* Sees to it that the store is there, now or when the server has memory. */
void
dba_store_init(void)
{
	if (dba_preloaded)
	{
		prev_shmem_startup = shmem_startup_hook;
		shmem_startup_hook = startup;
	}
	else if (dba_region_can_name())
		attach_named();
}

/* Whether there is a store to write to and to read from. */
bool
dba_store_ready(void)
{
	return store != NULL;
}

/* Changes when everything is forgotten. */
uint32
dba_store_epoch(void)
{
	return pg_atomic_read_u32(&store->epoch);
}

/*
 * In the postmaster, at its start and after every crash of a backend.  The
 * second time the region is already there, with all that it knows.
 */
static void
startup(void)
{
	if (prev_shmem_startup)
		prev_shmem_startup();

	if (store == NULL)
	{
		void	   *region = dba_region_map(store_size(dba_max_statements,
													   (Size) dba_sample_memory * 1024));

		if (region == NULL)
			return;
		init_store(region);
		store = region;
		dba_store_restore();
	}
	else
	{
		store->tranche = dba_new_lock_tranche(LOCK_TRANCHE);
		init_locks();
		store->check = true;
	}
	if (!IsUnderPostmaster)
		on_shmem_exit(save_at_exit, (Datum) 0);
}

/* In the postmaster, when the server ends; a crash comes with a code. */
static void
save_at_exit(int code, Datum arg)
{
	(void) arg;
	if (code == 0 && store != NULL)
		dba_store_save();
}

/* Joins, or makes, the memory of sessions that load the library themselves. */
static void
attach_named(void)
{
	char		name[NAMEDATALEN];
	Size		sample_bytes = (Size) dba_sample_memory * 1024;

	/* Sessions with other settings have another store. */
	snprintf(name, sizeof(name), "dbadvisor %d %d", dba_max_statements,
			 dba_sample_memory);
	store = dba_region_named(name, store_size(dba_max_statements, sample_bytes),
							 init_store);
	if (store != NULL)
		dba_name_lock_tranche(store->tranche, LOCK_TRANCHE);
}

static uint32
chains_for(uint32 entries)
{
	return pg_nextpower2_32(entries);
}

static Size
store_size(int max_statements, Size sample_bytes)
{
	uint32		per_partition = (max_statements + DBA_PARTITIONS - 1) / DBA_PARTITIONS;
	Size		size = MAXALIGN(sizeof(DbaStore));

	size = add_size(size, mul_size(sizeof(DbaEntry),
								   mul_size(per_partition, DBA_PARTITIONS)));
	size = add_size(size, mul_size(sizeof(uint32),
								   mul_size(chains_for(per_partition), DBA_PARTITIONS)));
	return add_size(MAXALIGN(size), dba_arena_size(sample_bytes));
}

static DbaEntry *
all_entries(void)
{
	return (DbaEntry *) ((char *) store + MAXALIGN(sizeof(DbaStore)));
}

static uint32 *
all_chains(void)
{
	return (uint32 *) (all_entries() + (Size) store->per_partition * DBA_PARTITIONS);
}

static DbaArena *
arena(void)
{
	uint32	   *end = all_chains() + (Size) store->chains * DBA_PARTITIONS;

	return (DbaArena *) ((char *) store + MAXALIGN((char *) end - (char *) store));
}

/* Fills new memory, all zeros. */
static void
init_store(void *region)
{
	DbaStore   *caller = store;

	store = region;
	store->magic = STORE_MAGIC;
	store->max_statements = dba_max_statements;
	store->per_partition = (dba_max_statements + DBA_PARTITIONS - 1) / DBA_PARTITIONS;
	store->chains = chains_for(store->per_partition);
	store->sample_bytes = (Size) dba_sample_memory * 1024;
	store->size = store_size(dba_max_statements, store->sample_bytes);
	store->tranche = dba_new_lock_tranche(LOCK_TRANCHE);
	store->since = GetCurrentTimestamp();
	pg_atomic_init_u32(&store->epoch, 1);
	pg_atomic_init_u64(&store->evicted, 0);
	for (int i = 0; i < DBA_LOSS_KINDS; i++)
		pg_atomic_init_u64(&store->losses[i], 0);
	dba_arena_init(arena(), store->sample_bytes, store->tranche);
	init_locks();
	for (uint32 i = 0; i < DBA_PARTITIONS; i++)
		empty_partition(i);
	store = caller;
}

static void
init_locks(void)
{
	LWLockInitialize(&store->check_lock, store->tranche);
	LWLockInitialize(&store->database_lock, store->tranche);
	LWLockInitialize(&arena()->lock, store->tranche);
	for (int i = 0; i < DBA_PARTITIONS; i++)
		LWLockInitialize(&store->partitions[i].lock, store->tranche);
}

/* Makes all entries of a partition free; blobs are the caller's affair. */
static void
empty_partition(uint32 partition)
{
	Partition  *p = &store->partitions[partition];

	memset(all_chains() + (Size) partition * store->chains, 0,
		   store->chains * sizeof(uint32));
	p->free = 0;
	p->used = 0;
	for (uint32 i = store->per_partition; i > 0; i--)
	{
		DbaEntry   *entry = partition_entry(partition, i);

		/* Clear only what was in use: untouched pages stay untouched. */
		if (entry->used)
			memset(entry, 0, sizeof(DbaEntry));
		entry->next = p->free;
		p->free = i;
	}
}

/* ------------------------------------------------------------------------
 * After a crash
 * ------------------------------------------------------------------------ */

/* Puts the store in order once, before its first use after a crash. */
static void
check_after_crash(void)
{
	LWLockAcquire(&store->check_lock, LW_EXCLUSIVE);
	if (store->check)
	{
		bool		died = store->checking;

		store->checking = true;
		if (died)
			clear_all();
		else
			relink_all();
		store->checking = false;
		pg_write_barrier();
		store->check = false;
	}
	LWLockRelease(&store->check_lock);
}

/*
 * Makes chains, free lists and blobs anew from the entries.  Nobody else is in
 * the store: all come by check_after_crash().
 */
static void
relink_all(void)
{
	bool	   *claimed = dba_arena_check_begin(arena());

	if (claimed == NULL)
	{
		clear_all();
		return;
	}
	for (uint32 partition = 0; partition < DBA_PARTITIONS; partition++)
	{
		Partition  *p = &store->partitions[partition];

		memset(all_chains() + (Size) partition * store->chains, 0,
			   store->chains * sizeof(uint32));
		p->free = 0;
		p->used = 0;
		for (uint32 i = store->per_partition; i > 0; i--)
		{
			DbaEntry   *entry = partition_entry(partition, i);
			uint32	   *head = &p->free;

			if (entry_sane(entry))
			{
				claim_blob(claimed, &entry->text);
				claim_blob(claimed, &entry->tree);
				claim_blob(claimed, &entry->plan_text);
				for (int s = 0; s <= DBA_MAX_SAMPLES; s++)
					claim_blob(claimed, &entry->samples[s].blob);
				head = chain_head(partition, key_hash(&entry->key));
				p->used++;
			}
			else if (entry->used)
				memset(entry, 0, sizeof(DbaEntry));
			entry->next = *head;
			*head = i;
		}
	}
	dba_arena_check_end(arena(), claimed);
	store->event_count = Min(store->event_count, DBA_MAX_EVENTS);
}

/* Whether an entry that a crash left can be kept. */
static bool
entry_sane(const DbaEntry *entry)
{
	return entry->used == 1 && OidIsValid(entry->key.dbid) &&
		entry->key.toplevel <= 1 && entry->counters.calls >= 0 &&
		entry->counters.total_ns >= 0;
}

/* Keeps a blob of a sane entry, or forgets it where it was half written. */
static void
claim_blob(bool *claimed, DbaBlob *blob)
{
	if (*blob != 0 && !dba_arena_check_claim(arena(), claimed, *blob))
		*blob = 0;
}

/* ------------------------------------------------------------------------
 * Finding, adding, evicting
 * ------------------------------------------------------------------------ */

/*
 * The entry of a statement, made if needed, locked for the caller; call
 * dba_store_unlock() soon and do nothing between that can fail.  NULL when
 * somebody else is in the partition and the caller does not want to wait.
 */
DbaEntry *
dba_store_lock(const DbaStatementKey *key, bool wait)
{
	uint32		partition = key_hash(key) % DBA_PARTITIONS;
	LWLock	   *lock = &store->partitions[partition].lock;
	DbaEntry   *entry;

	if (unlikely(store->check))
		check_after_crash();
	if (wait)
		LWLockAcquire(lock, LW_EXCLUSIVE);
	else if (!LWLockConditionalAcquire(lock, LW_EXCLUSIVE))
		return NULL;

	entry = find_in(partition, key);
	if (entry == NULL)
		entry = add_to(partition, key);
	return entry;
}

void
dba_store_unlock(DbaEntry *entry)
{
	uint32		partition = (entry - all_entries()) / store->per_partition;

	LWLockRelease(&store->partitions[partition].lock);
}

/*
 * Query ids are hashes already, and those of one statement differ by user: so
 * little is needed to spread them.
 */
static uint64
key_hash(const DbaStatementKey *key)
{
	uint64		hash = key->queryid ^
		((((uint64) key->dbid << 32) | key->userid) + key->toplevel) *
		UINT64CONST(0x9E3779B97F4A7C15);

	return (hash ^ (hash >> 32)) * UINT64CONST(0xD6E8FEB86659FD93) >> 16;
}

static bool
key_equal(const DbaStatementKey *a, const DbaStatementKey *b)
{
	return a->queryid == b->queryid && a->userid == b->userid &&
		a->dbid == b->dbid && a->toplevel == b->toplevel;
}

static DbaEntry *
partition_entry(uint32 partition, uint32 number)
{
	Assert(number > 0 && number <= store->per_partition);
	return all_entries() + (Size) partition * store->per_partition + number - 1;
}

static uint32 *
chain_head(uint32 partition, uint64 hash)
{
	return all_chains() + (Size) partition * store->chains +
		(hash / DBA_PARTITIONS) % store->chains;
}

static DbaEntry *
find_in(uint32 partition, const DbaStatementKey *key)
{
	uint32		at = *chain_head(partition, key_hash(key));

	while (at != 0)
	{
		DbaEntry   *entry = partition_entry(partition, at);

		if (key_equal(&entry->key, key))
			return entry;
		at = entry->next;
	}
	return NULL;
}

/* A new entry in the partition, which evicts others if it is full. */
static DbaEntry *
add_to(uint32 partition, const DbaStatementKey *key)
{
	Partition  *p = &store->partitions[partition];
	uint32	   *head = chain_head(partition, key_hash(key));
	uint32		at;
	DbaEntry   *entry;

	if (p->free == 0)
		evict_some(partition);
	at = p->free;
	entry = partition_entry(partition, at);
	p->free = entry->next;
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
	uint32		left = Max(1, store->per_partition / EVICTED_SHARE);
	DbaEntry   *least = NULL;

	for (uint32 i = 1; i <= store->per_partition && left > 0; i++)
	{
		DbaEntry   *entry = partition_entry(partition, i);

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

	if (least != NULL && store->partitions[partition].free == 0)
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
	uint32		step = Max(1, store->per_partition / EVICTION_SAMPLE);

	for (uint32 i = 1; i <= store->per_partition; i += step)
	{
		DbaEntry   *entry = partition_entry(partition, i);
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
	Database   *database;

	LWLockAcquire(&store->database_lock, LW_EXCLUSIVE);
	database = find_database(entry->key.dbid);
	if (database != NULL)
		dba_entry_merge(&database->rest[entry->key.toplevel], entry);
	LWLockRelease(&store->database_lock);

	remove_from_chain(partition, entry);
	free_entry_blobs(entry);
	release_entry(partition, entry);
	pg_atomic_fetch_add_u64(&store->evicted, 1);
}

/* Puts an entry that is in no chain among the free ones. */
static void
release_entry(uint32 partition, DbaEntry *entry)
{
	Partition  *p = &store->partitions[partition];

	entry->used = 0;
	entry->next = p->free;
	p->free = (uint32) (entry - partition_entry(partition, 1)) + 1;
	p->used--;
}

/* The database's place, made if needed; NULL when there are too many. */
static Database *
find_database(Oid dbid)
{
	for (int i = 0; i < DBA_MAX_DATABASES; i++)
	{
		Database   *database = &store->databases[i];

		if (database->dbid == dbid)
			return database;
		if (!OidIsValid(database->dbid))
		{
			database->dbid = dbid;
			for (int toplevel = 0; toplevel < 2; toplevel++)
			{
				database->rest[toplevel].used = 1;
				database->rest[toplevel].key.dbid = dbid;
				database->rest[toplevel].key.toplevel = toplevel;
			}
			return database;
		}
	}
	return NULL;
}

static void
remove_from_chain(uint32 partition, DbaEntry *entry)
{
	uint32	   *link = chain_head(partition, key_hash(&entry->key));
	uint32		number = (uint32) (entry - partition_entry(partition, 1)) + 1;

	while (*link != number)
	{
		if (*link == 0)
			return;
		link = &partition_entry(partition, *link)->next;
	}
	*link = entry->next;
}

static void
free_entry_blobs(DbaEntry *entry)
{
	dba_arena_free(arena(), &entry->text);
	dba_arena_free(arena(), &entry->tree);
	dba_arena_free(arena(), &entry->plan_text);
	for (int i = 0; i <= DBA_MAX_SAMPLES; i++)
		dba_arena_free(arena(), &entry->samples[i].blob);
}

/* ------------------------------------------------------------------------
 * Blobs
 * ------------------------------------------------------------------------ */

/*
 * Keeps data for a locked entry in one of its places, instead of what was
 * there.  When memory is short the samples of statements of the partition that
 * took less time go first; when that is not enough, the new one is dropped and
 * counted.
 */
void
dba_store_put(DbaEntry *entry, DbaBlob *place, const char *data, Size length)
{
	uint32		partition = (entry - all_entries()) / store->per_partition;

	dba_arena_free(arena(), place);
	while ((*place = dba_arena_put(arena(), data, length)) == 0)
	{
		DbaEntry   *victim = least_with_samples(partition, entry_time(entry));

		if (victim == NULL || victim == entry)
		{
			dba_store_lost(DBA_LOST_SAMPLE, 1);
			return;
		}
		dba_arena_free(arena(), &victim->tree);
		dba_arena_free(arena(), &victim->plan_text);
		for (int i = 0; i <= DBA_MAX_SAMPLES; i++)
			dba_arena_free(arena(), &victim->samples[i].blob);
	}
}

/* The entry below a time that took the least and has more than its text. */
static DbaEntry *
least_with_samples(uint32 partition, int64 time)
{
	DbaEntry   *least = NULL;

	for (uint32 i = 1; i <= store->per_partition; i++)
	{
		DbaEntry   *entry = partition_entry(partition, i);

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

/* ------------------------------------------------------------------------
 * Events and losses
 * ------------------------------------------------------------------------ */

/* Counts an event for its database, and keeps its words among the last ones. */
void
dba_store_event(const DbaEvent *event)
{
	Database   *database;

	Assert(event->kind >= 0 && event->kind < DBA_EVENT_KINDS);
	LWLockAcquire(&store->database_lock, LW_EXCLUSIVE);
	database = find_database(event->key.dbid);
	if (database != NULL)
	{
		database->event_counts[event->kind] += event->count;
		database->last_event[event->kind] = Max(database->last_event[event->kind], event->at);
	}
	*place_for_event(event->kind) = *event;
	LWLockRelease(&store->database_lock);
}

/*
 * A free place, or that of the oldest event of a kind and statement that have
 * more than their share: many failures to serialize must not displace the last
 * deadlock, nor one statement's deadlocks those of another.
 */
static DbaEvent *
place_for_event(int kind)
{
	int			counts[DBA_EVENT_KINDS] = {0};
	DbaEvent   *oldest = NULL;
	int			most = 0;

	if (store->event_count < DBA_MAX_EVENTS)
		return &store->events[store->event_count++];

	for (int i = 0; i < DBA_MAX_EVENTS; i++)
		counts[store->events[i].kind]++;
	if (counts[kind] < DBA_MAX_EVENTS / DBA_EVENT_KINDS)
	{
		for (int other = 0; other < DBA_EVENT_KINDS; other++)
		{
			if (counts[other] > counts[kind])
				kind = other;
		}
	}
	for (int i = 0; i < DBA_MAX_EVENTS; i++)
	{
		DbaEvent   *event = &store->events[i];
		int			same = events_like(event);

		if (event->kind == kind &&
			(same > most || (same == most && event->at < oldest->at)))
		{
			oldest = event;
			most = same;
		}
	}
	Assert(oldest != NULL);
	return oldest;
}

/* How many of the last events are of the kind and statement of this one. */
static int
events_like(const DbaEvent *event)
{
	int			count = 0;

	for (uint32 i = 0; i < store->event_count; i++)
	{
		if (store->events[i].kind == event->kind &&
			key_equal(&store->events[i].key, &event->key))
			count++;
	}
	return count;
}

/* Counts what could not be observed. */
void
dba_store_lost(DbaLoss loss, int64 count)
{
	pg_atomic_fetch_add_u64(&store->losses[loss], count);
}

/* The last events, the newest first; room for DBA_MAX_EVENTS. */
int
dba_store_events(DbaEvent *events)
{
	int			count;

	if (unlikely(store->check))
		check_after_crash();
	LWLockAcquire(&store->database_lock, LW_SHARED);
	count = store->event_count;
	memcpy(events, store->events, sizeof(DbaEvent) * count);
	LWLockRelease(&store->database_lock);
	qsort(events, count, sizeof(DbaEvent), compare_newest_first);
	return count;
}

static int
compare_newest_first(const void *a, const void *b)
{
	TimestampTz x = ((const DbaEvent *) a)->at;
	TimestampTz y = ((const DbaEvent *) b)->at;

	return x < y ? 1 : x > y ? -1 : 0;
}

/* How many events of a kind a database had, and when the last was. */
int64
dba_store_event_count(Oid dbid, DbaEventKind kind, TimestampTz *last)
{
	int64		count = 0;

	*last = 0;
	LWLockAcquire(&store->database_lock, LW_SHARED);
	for (int i = 0; i < DBA_MAX_DATABASES; i++)
	{
		if (store->databases[i].dbid == dbid)
		{
			count = store->databases[i].event_counts[kind];
			*last = store->databases[i].last_event[kind];
		}
	}
	LWLockRelease(&store->database_lock);
	return count;
}

/* ------------------------------------------------------------------------
 * Reading and forgetting
 * ------------------------------------------------------------------------ */

/*
 * Shows the visitor a copy of every statement, with the blobs that are asked
 * for, in a memory context that is emptied after each partition.  No lock is
 * held during a visit.
 */
void
dba_store_scan(int with, DbaStatementVisitor visit, void *arg)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext,
												  "dbadvisor scan",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller;

	if (unlikely(store->check))
		check_after_crash();
	for (uint32 partition = 0; partition <= DBA_PARTITIONS; partition++)
	{
		DbaStatement *statements;
		int			count;

		CHECK_FOR_INTERRUPTS();
		caller = MemoryContextSwitchTo(context);
		if (partition < DBA_PARTITIONS)
		{
			statements = palloc_extended(sizeof(DbaStatement) * store->per_partition,
										 MCXT_ALLOC_HUGE);
			count = copy_partition(partition, with, statements);
		}
		else
		{
			statements = palloc(sizeof(DbaStatement) * 2 * DBA_MAX_DATABASES);
			count = copy_rests(statements);
		}
		MemoryContextSwitchTo(caller);
		for (int i = 0; i < count; i++)
			visit(&statements[i], arg);
		MemoryContextReset(context);
	}
	MemoryContextDelete(context);
}

/*
 * Copies the entries of a partition.  An error while a blob is copied can only
 * be want of memory; the server releases the lock then.
 */
static int
copy_partition(uint32 partition, int with, DbaStatement *into)
{
	LWLock	   *lock = &store->partitions[partition].lock;
	int			count = 0;

	LWLockAcquire(lock, LW_SHARED);
	for (uint32 i = 1; i <= store->per_partition; i++)
	{
		DbaEntry   *entry = partition_entry(partition, i);

		if (entry->used)
		{
			into[count].entry = *entry;
			copy_blobs(&into[count], with);
			count++;
		}
	}
	LWLockRelease(lock);
	return count;
}

static void
copy_blobs(DbaStatement *statement, int with)
{
	const DbaEntry *entry = &statement->entry;

	statement->text.data = statement->tree.data = statement->plan_text.data = NULL;
	memset(statement->samples, 0, sizeof(statement->samples));
	if (with & DBA_WITH_TEXT)
		statement->text.data = dba_arena_get(arena(), entry->text,
											 &statement->text.length);
	if (with & DBA_WITH_TREE)
		statement->tree.data = dba_arena_get(arena(), entry->tree,
											 &statement->tree.length);
	if (with & DBA_WITH_PLAN)
		statement->plan_text.data = dba_arena_get(arena(), entry->plan_text,
												  &statement->plan_text.length);
	for (int i = 0; (with & DBA_WITH_SAMPLES) && i <= DBA_MAX_SAMPLES; i++)
		statement->samples[i].data = dba_arena_get(arena(), entry->samples[i].blob,
												   &statement->samples[i].length);
}

/* Copies what evicted statements had counted, for each database. */
static int
copy_rests(DbaStatement *into)
{
	int			count = 0;

	LWLockAcquire(&store->database_lock, LW_SHARED);
	for (int i = 0; i < DBA_MAX_DATABASES; i++)
	{
		for (int toplevel = 0; toplevel < 2; toplevel++)
		{
			DbaEntry   *rest = &store->databases[i].rest[toplevel];

			if (OidIsValid(store->databases[i].dbid) && rest->counters.calls > 0)
			{
				into[count].entry = *rest;
				copy_blobs(&into[count++], 0);
			}
		}
	}
	LWLockRelease(&store->database_lock);
	return count;
}

/* What the store says of itself. */
void
dba_store_info(DbaStoreInfo *info)
{
	memset(info, 0, sizeof(*info));
	info->since = store->since;
	info->max_statements = store->max_statements;
	info->sample_bytes = store->sample_bytes;
	info->sample_bytes_used = dba_arena_used(arena());
	info->shared_bytes = store->size;
	info->evicted = pg_atomic_read_u64(&store->evicted);
	info->samples_dropped = pg_atomic_read_u64(&store->losses[DBA_LOST_SAMPLE]);
	info->events_lost = pg_atomic_read_u64(&store->losses[DBA_LOST_EVENT]);
	info->unobserved = pg_atomic_read_u64(&store->losses[DBA_LOST_EXECUTION]);
	info->failures = pg_atomic_read_u64(&store->losses[DBA_LOST_BY_FAILURE]);
	for (int i = 0; i < DBA_PARTITIONS; i++)
		info->statements += store->partitions[i].used;
}

/* Forgets all that was observed, of all databases. */
void
dba_store_reset(void)
{
	if (unlikely(store->check))
		check_after_crash();
	for (int i = 0; i < DBA_PARTITIONS; i++)
		LWLockAcquire(&store->partitions[i].lock, LW_EXCLUSIVE);
	LWLockAcquire(&store->database_lock, LW_EXCLUSIVE);
	clear_all();
	LWLockRelease(&store->database_lock);
	for (int i = DBA_PARTITIONS - 1; i >= 0; i--)
		LWLockRelease(&store->partitions[i].lock);
}

/* The same, for who is alone in the store. */
static void
clear_all(void)
{
	for (uint32 i = 0; i < DBA_PARTITIONS; i++)
		empty_partition(i);
	dba_arena_clear(arena());
	memset(store->databases, 0, sizeof(store->databases));
	store->event_count = 0;
	pg_atomic_write_u64(&store->evicted, 0);
	for (int i = 0; i < DBA_LOSS_KINDS; i++)
		pg_atomic_write_u64(&store->losses[i], 0);
	store->since = GetCurrentTimestamp();
	pg_atomic_fetch_add_u32(&store->epoch, 1);
}

/* ------------------------------------------------------------------------
 * For persist.c: the postmaster, alone
 * ------------------------------------------------------------------------ */

/* The time that the counters cover begins here. */
void
dba_store_set_since(TimestampTz since)
{
	store->since = since;
}

/*
 * Takes in a statement as it was saved, adding to what is there; the rest of a
 * database is one with queryid 0.
 */
void
dba_store_take_in(const DbaStatement *statement)
{
	DbaEntry   *entry;
	uint32		next;

	if (statement->entry.key.queryid == 0)
	{
		Database   *database = find_database(statement->entry.key.dbid);

		if (database != NULL)
			dba_entry_merge(&database->rest[statement->entry.key.toplevel],
							&statement->entry);
		return;
	}
	entry = dba_store_lock(&statement->entry.key, true);
	next = entry->next;
	*entry = statement->entry;
	entry->next = next;
	entry->text = entry->tree = entry->plan_text = 0;
	for (int i = 0; i <= DBA_MAX_SAMPLES; i++)
		entry->samples[i].blob = 0;
	take_in_blob(entry, &entry->text, &statement->text);
	take_in_blob(entry, &entry->tree, &statement->tree);
	take_in_blob(entry, &entry->plan_text, &statement->plan_text);
	for (int i = 0; i <= DBA_MAX_SAMPLES; i++)
		take_in_blob(entry, &entry->samples[i].blob, &statement->samples[i]);
	dba_store_unlock(entry);
}

/* Copies out all that is known of events. */
void
dba_store_event_log(DbaEventLog *log)
{
	memset(log, 0, sizeof(*log));
	log->count = dba_store_events(log->events);
	for (int i = 0; i < DBA_MAX_DATABASES; i++)
	{
		const Database *database = &store->databases[i];

		log->databases[i].dbid = database->dbid;
		memcpy(log->databases[i].counts, database->event_counts,
			   sizeof(database->event_counts));
		memcpy(log->databases[i].last, database->last_event,
			   sizeof(database->last_event));
	}
}

/* Takes in what was known of events, into a store that knows none. */
void
dba_store_take_in_events(const DbaEventLog *log)
{
	for (int i = 0; i < DBA_MAX_DATABASES; i++)
	{
		const DbaEventCounts *saved = &log->databases[i];
		Database   *database = OidIsValid(saved->dbid) ?
			find_database(saved->dbid) : NULL;

		if (database == NULL)
			continue;
		memcpy(database->event_counts, saved->counts, sizeof(saved->counts));
		memcpy(database->last_event, saved->last, sizeof(saved->last));
	}
	store->event_count = Max(0, Min(log->count, DBA_MAX_EVENTS));
	memcpy(store->events, log->events, sizeof(store->events));
}

static void
take_in_blob(DbaEntry *entry, DbaBlob *place, const DbaBlobCopy *copy)
{
	if (copy->data != NULL)
		dba_store_put(entry, place, copy->data, copy->length);
}
