/*-------------------------------------------------------------------------
 *
 * store.c
 *	  The observed workload in shared memory: fixed in size, shared by all.
 *
 * Here the store begins and ends: it is made or found, put in order after a
 * crash, emptied.  Statements are store_entries.c's, events store_events.c's;
 * store_scan.c copies out and takes in.  store_layout.h says how it all lies
 * and is locked.
 *
 * The region survives a crash of a backend when the library is preloaded
 * (region.c).  After such a crash the first that comes puts it in order:
 * counters may lack the last batch of the backend that died, chains and blobs
 * are made anew from the entries.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "compat.h"
#include "dbadvisor.h"
#include "observe/persist.h"
#include "observe/region.h"
#include "observe/store_layout.h"
#include "settings.h"

#include "miscadmin.h"
#include "storage/ipc.h"

#define STORE_MAGIC 0x64626173
#define LOCK_TRANCHE "dbadvisor"

DbaStore   *dba_store = NULL;
static shmem_startup_hook_type prev_shmem_startup = NULL;

static void startup(void);
static void save_at_exit(int code, Datum arg);
static void attach_named(void);
static uint32 chains_for(uint32 entries);
static Size store_size(int max_statements, Size sample_bytes);
static void init_store(void *region);
static void init_locks(void);
static void empty_partition(uint32 partition);
static void relink_all(void);
static bool entry_sane(const DbaEntry *entry);
static void claim_blob(bool *claimed, DbaBlob *blob);
static void clear_all(void);

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
	return dba_store != NULL;
}

/* Changes when everything is forgotten. */
uint32
dba_store_epoch(void)
{
	return pg_atomic_read_u32(&dba_store->epoch);
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

	if (dba_store == NULL)
	{
		void	   *region = dba_region_map(store_size(dba_max_statements,
													   (Size) dba_sample_memory * 1024));

		if (region == NULL)
			return;
		init_store(region);
		dba_store = region;
		dba_store_restore();
	}
	else
	{
		dba_store->tranche = dba_new_lock_tranche(LOCK_TRANCHE);
		init_locks();
		dba_store->check = true;
	}
	if (!IsUnderPostmaster)
		on_shmem_exit(save_at_exit, (Datum) 0);
}

/*
 * In the postmaster, when the server ends; a crash comes with a code.  An
 * immediate shutdown comes with none: its sessions may have died anywhere, and
 * with locks.  Nobody else is left, so the locks can be made anew and the store
 * is put in order as after a crash.
 */
static void
save_at_exit(int code, Datum arg)
{
	(void) arg;
	if (code != 0 || dba_store == NULL)
		return;
	init_locks();
	dba_store->check = true;
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
	dba_store = dba_region_named(name, store_size(dba_max_statements, sample_bytes),
							 init_store);
	if (dba_store != NULL)
		dba_name_lock_tranche(dba_store->tranche, LOCK_TRANCHE);
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

/* Fills new memory, all zeros. */
static void
init_store(void *region)
{
	DbaStore   *caller = dba_store;

	dba_store = region;
	dba_store->magic = STORE_MAGIC;
	dba_store->max_statements = dba_max_statements;
	dba_store->per_partition = (dba_max_statements + DBA_PARTITIONS - 1) / DBA_PARTITIONS;
	dba_store->chains = chains_for(dba_store->per_partition);
	dba_store->sample_bytes = (Size) dba_sample_memory * 1024;
	dba_store->size = store_size(dba_max_statements, dba_store->sample_bytes);
	dba_store->tranche = dba_new_lock_tranche(LOCK_TRANCHE);
	dba_store->since = GetCurrentTimestamp();
	pg_atomic_init_u32(&dba_store->epoch, 1);
	pg_atomic_init_u64(&dba_store->evicted, 0);
	for (int i = 0; i < DBA_LOSS_KINDS; i++)
		pg_atomic_init_u64(&dba_store->losses[i], 0);
	dba_arena_init(dba_store_arena(), dba_store->sample_bytes, dba_store->tranche);
	init_locks();
	for (uint32 i = 0; i < DBA_PARTITIONS; i++)
		empty_partition(i);
	dba_store = caller;
}

static void
init_locks(void)
{
	LWLockInitialize(&dba_store->check_lock, dba_store->tranche);
	LWLockInitialize(&dba_store->database_lock, dba_store->tranche);
	LWLockInitialize(&dba_store_arena()->lock, dba_store->tranche);
	for (int i = 0; i < DBA_PARTITIONS; i++)
		LWLockInitialize(&dba_store->partitions[i].lock, dba_store->tranche);
}

/* Makes all entries of a partition fresh; blobs are the caller's affair. */
static void
empty_partition(uint32 partition)
{
	DbaPartition *p = &dba_store->partitions[partition];

	memset(dba_store_chains() + (Size) partition * dba_store->chains, 0,
		   dba_store->chains * sizeof(uint32));
	p->free = 0;
	p->fresh = 1;
	p->used = 0;
}

/* ------------------------------------------------------------------------
 * After a crash
 * ------------------------------------------------------------------------ */

/* Puts the store in order once, before its first use after a crash. */
void
dba_store_check_after_crash(void)
{
	LWLockAcquire(&dba_store->check_lock, LW_EXCLUSIVE);
	if (dba_store->check)
	{
		bool		died = dba_store->checking;

		dba_store->checking = true;
		if (died)
			clear_all();
		else
			relink_all();
		dba_store->checking = false;
		pg_write_barrier();
		dba_store->check = false;
	}
	LWLockRelease(&dba_store->check_lock);
}

/*
 * Makes chains, free lists and blobs anew from the entries.  Nobody else is in
 * the store: all come by dba_store_check_after_crash().
 */
static void
relink_all(void)
{
	bool	   *claimed = dba_arena_check_begin(dba_store_arena());

	if (claimed == NULL)
	{
		clear_all();
		return;
	}
	for (uint32 partition = 0; partition < DBA_PARTITIONS; partition++)
	{
		DbaPartition *p = &dba_store->partitions[partition];

		memset(dba_store_chains() + (Size) partition * dba_store->chains, 0,
			   dba_store->chains * sizeof(uint32));
		p->free = 0;
		p->used = 0;
		p->fresh = Max(1, Min(p->fresh, dba_store->per_partition + 1));
		for (uint32 i = p->fresh - 1; i > 0; i--)
		{
			DbaEntry   *entry = dba_partition_entry(partition, i);
			uint32	   *head = &p->free;

			if (entry_sane(entry))
			{
				claim_blob(claimed, &entry->text);
				claim_blob(claimed, &entry->tree);
				claim_blob(claimed, &entry->plan_text);
				for (int s = 0; s <= DBA_MAX_SAMPLES; s++)
					claim_blob(claimed, &entry->samples[s].blob);
				head = dba_chain_head(partition, dba_key_hash(&entry->key));
				p->used++;
			}
			else
				entry->used = 0;
			entry->next = *head;
			*head = i;
		}
	}
	dba_arena_check_end(dba_store_arena(), claimed);
	dba_store->event_count = Min(dba_store->event_count, DBA_MAX_EVENTS);
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
	if (*blob != 0 && !dba_arena_check_claim(dba_store_arena(), claimed, *blob))
		*blob = 0;
}

/* ------------------------------------------------------------------------
 * The whole
 * ------------------------------------------------------------------------ */

/* Forgets all that was observed, of all databases; and what was saved of it. */
void
dba_store_reset(void)
{
	dba_store_check();
	for (int i = 0; i < DBA_PARTITIONS; i++)
		LWLockAcquire(&dba_store->partitions[i].lock, LW_EXCLUSIVE);
	LWLockAcquire(&dba_store->database_lock, LW_EXCLUSIVE);
	clear_all();
	LWLockRelease(&dba_store->database_lock);
	for (int i = DBA_PARTITIONS - 1; i >= 0; i--)
		LWLockRelease(&dba_store->partitions[i].lock);
	dba_store_discard();
}

/* The same, for who is alone in the store. */
static void
clear_all(void)
{
	for (uint32 i = 0; i < DBA_PARTITIONS; i++)
		empty_partition(i);
	dba_arena_clear(dba_store_arena());
	memset(dba_store->databases, 0, sizeof(dba_store->databases));
	dba_store->event_count = 0;
	pg_atomic_write_u64(&dba_store->evicted, 0);
	for (int i = 0; i < DBA_LOSS_KINDS; i++)
		pg_atomic_write_u64(&dba_store->losses[i], 0);
	dba_store->since = GetCurrentTimestamp();
	pg_atomic_fetch_add_u32(&dba_store->epoch, 1);
}

/* What the store says of itself. */
void
dba_store_info(DbaStoreInfo *info)
{
	dba_store_check();
	memset(info, 0, sizeof(*info));
	info->since = dba_store->since;
	info->max_statements = dba_store->max_statements;
	info->sample_bytes = dba_store->sample_bytes;
	info->sample_bytes_used = dba_arena_used(dba_store_arena());
	info->shared_bytes = dba_store->size;
	info->evicted = pg_atomic_read_u64(&dba_store->evicted);
	info->samples_dropped = pg_atomic_read_u64(&dba_store->losses[DBA_LOST_SAMPLE]);
	info->events_lost = pg_atomic_read_u64(&dba_store->losses[DBA_LOST_EVENT]);
	info->unobserved = pg_atomic_read_u64(&dba_store->losses[DBA_LOST_EXECUTION]);
	info->failures = pg_atomic_read_u64(&dba_store->losses[DBA_LOST_BY_FAILURE]);
	for (int i = 0; i < DBA_PARTITIONS; i++)
		info->statements += dba_store->partitions[i].used;
}

/* Counts what could not be observed. */
void
dba_store_lost(DbaLoss loss, int64 count)
{
	pg_atomic_fetch_add_u64(&dba_store->losses[loss], count);
}

/* The time that the counters cover begins here. */
void
dba_store_set_since(TimestampTz since)
{
	dba_store->since = since;
}

/* The database's place, made if needed; NULL when there are too many. */
DbaDatabase *
dba_store_database(Oid dbid)
{
	for (int i = 0; i < DBA_MAX_DATABASES; i++)
	{
		DbaDatabase *database = &dba_store->databases[i];

		if (database->events.dbid == dbid)
			return database;
		if (!OidIsValid(database->events.dbid))
		{
			database->events.dbid = dbid;
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
