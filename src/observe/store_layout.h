/*-------------------------------------------------------------------------
 *
 * store_layout.h
 *	  How the store lies in shared memory: for the files of the store only.
 *
 * The region holds, one behind the other: the head (DbaStore), the entries,
 * the hash chains, the arena.  Nothing refers by address: the region may lie
 * anywhere.  Entries, chains and free lists refer by number, from 1.
 *
 * Locking: partition locks guard entries, chains and free lists; the locks
 * of the arena and of the databases are taken under them, never both.  Nobody
 * holds two partition locks but a reset, which takes them in order.  Under a
 * lock nothing is waited for, and nothing can fail but for want of memory for a
 * copy: then all locks are released.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DBA_STORE_LAYOUT_H
#define DBA_STORE_LAYOUT_H

#include "observe/entry.h"
#include "observe/store.h"
#include "observe/store_events.h"

#include "port/atomics.h"

/* Sessions that flush at the same moment rarely want the same one. */
#define DBA_PARTITIONS 16

typedef struct DbaPartition
{
	LWLock		lock;
	uint32		free;			/* number of a free entry, or 0; lock */
	uint32		fresh;			/* entries from this number on were never used:
								 * their memory is not touched; lock */
	uint32		used;			/* entries in use; lock */
} DbaPartition;

/* What is kept per database. */
typedef struct DbaDatabase
{
	DbaEventCounts events;
	DbaEntry	rest[2];		/* evicted statements: nested, top-level */
} DbaDatabase;

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
	DbaPartition partitions[DBA_PARTITIONS];
	LWLock		database_lock;	/* guards all below */
	uint32		event_count;	/* events in use */
	DbaEvent	events[DBA_MAX_EVENTS]; /* in no order */
	DbaDatabase databases[DBA_MAX_DATABASES];
} DbaStore;

extern DbaStore *dba_store;		/* NULL: none */

extern void dba_store_check_after_crash(void);
/* The database's place, made if needed; NULL when there are too many. */
extern DbaDatabase *dba_store_database(Oid dbid);

/* To be called before anything else in the store. */
static inline void
dba_store_check(void)
{
	if (unlikely(dba_store->check))
		dba_store_check_after_crash();
}

static inline DbaEntry *
dba_store_entries(void)
{
	return (DbaEntry *) ((char *) dba_store + MAXALIGN(sizeof(DbaStore)));
}

static inline uint32 *
dba_store_chains(void)
{
	return (uint32 *) (dba_store_entries() + (Size) dba_store->per_partition * DBA_PARTITIONS);
}

static inline DbaArena *
dba_store_arena(void)
{
	uint32	   *end = dba_store_chains() + (Size) dba_store->chains * DBA_PARTITIONS;

	return (DbaArena *) ((char *) dba_store + MAXALIGN((char *) end - (char *) dba_store));
}

/* An entry of a partition, by its number. */
static inline DbaEntry *
dba_partition_entry(uint32 partition, uint32 number)
{
	Assert(number > 0 && number <= dba_store->per_partition);
	return dba_store_entries() + (Size) partition * dba_store->per_partition + number - 1;
}

/*
 * Query ids are hashes already, and those of one statement differ by user: so
 * little is needed to spread them.
 */
static inline uint64
dba_key_hash(const DbaStatementKey *key)
{
	uint64		hash = key->queryid ^
		((((uint64) key->dbid << 32) | key->userid) + key->toplevel) *
		UINT64CONST(0x9E3779B97F4A7C15);

	return (hash ^ (hash >> 32)) * UINT64CONST(0xD6E8FEB86659FD93) >> 16;
}

static inline bool
dba_key_equal(const DbaStatementKey *a, const DbaStatementKey *b)
{
	return a->queryid == b->queryid && a->userid == b->userid &&
		a->dbid == b->dbid && a->toplevel == b->toplevel;
}

/* Where the chain of a hash begins. */
static inline uint32 *
dba_chain_head(uint32 partition, uint64 hash)
{
	return dba_store_chains() + (Size) partition * dba_store->chains +
		(hash / DBA_PARTITIONS) % dba_store->chains;
}

#endif							/* DBA_STORE_LAYOUT_H */
