/*-------------------------------------------------------------------------
 *
 * availability.c
 *	  Whether a relation can be looked at now, without waiting.
 *
 * An advisor that queues behind somebody's ALTER TABLE makes every later
 * statement queue behind itself.  So nothing in dbadvisor takes a lock on a
 * user's relation except through this file, and here a lock is only ever
 * asked for conditionally.
 *
 * During a run of rules it also remembers what was found locked: each table
 * is tried once a run, however many rules ask, and the tables that a rule had
 * to leave out are kept so that its coverage row can name them.
 *
 * Locking: AccessShareLock on user relations, conditional, released before
 * the caller returns.  The book-keeping is private to the backend and lives
 * in the memory context of the run; it is forgotten with that context, on
 * success and on error alike.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "facts/availability.h"

#include "access/transam.h"
#include "storage/lmgr.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"

typedef struct TriedRelation
{
	Oid			relid;			/* hash key */
	bool		available;
} TriedRelation;

/* The run in progress; context is NULL outside of one. */
static struct
{
	MemoryContext context;
	HTAB	   *tried;			/* of TriedRelation */
	List	   *skipped;		/* oids left out since the rule began */
} run;

static void forget_run(void *arg);
static bool try_relation(Oid relid);

/*
 * True when the relation can be locked at once.  Within a run of rules the
 * answer is that of the first question, and a false is put down for the
 * coverage of the rule that asks.
 */
bool
dba_relation_available(Oid relid)
{
	TriedRelation *tried;
	bool		found;

	/* The system's own tables are nobody's to alter, and not our subject. */
	if (relid < FirstNormalObjectId)
		return true;
	if (run.context == NULL)
		return try_relation(relid);

	tried = hash_search(run.tried, &relid, HASH_ENTER, &found);
	if (!found)
	{
		tried->available = false;	/* should the lock throw */
		tried->available = try_relation(relid);
	}

	if (!tried->available)
	{
		MemoryContext caller = MemoryContextSwitchTo(run.context);

		run.skipped = list_append_unique_oid(run.skipped, relid);
		MemoryContextSwitchTo(caller);
	}
	return tried->available;
}

/*
 * Locks the relation against being changed, or returns false when somebody
 * else is changing it.  To be undone with dba_relation_unlock().
 */
bool
dba_relation_try_lock(Oid relid)
{
	return dba_relation_available(relid) &&
		ConditionalLockRelationOid(relid, AccessShareLock);
}

void
dba_relation_unlock(Oid relid)
{
	UnlockRelationOid(relid, AccessShareLock);
}

/* Starts the book-keeping; it ends with run_context. */
void
dba_availability_begin_run(MemoryContext run_context)
{
	HASHCTL		control = {
		.keysize = sizeof(Oid),
		.entrysize = sizeof(TriedRelation),
		.hcxt = run_context
	};
	MemoryContextCallback *callback;

	callback = MemoryContextAllocZero(run_context, sizeof(*callback));
	callback->func = forget_run;
	callback->arg = run_context;

	run.tried = hash_create("dbadvisor relations tried", 1024, &control,
							HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	run.skipped = NIL;
	run.context = run_context;
	MemoryContextRegisterResetCallback(run_context, callback);
}

/* What is skipped from here on belongs to the next rule. */
void
dba_availability_begin_rule(void)
{
	run.skipped = NIL;
}

/* The relations that the present rule had to leave out, as oids. */
List *
dba_availability_skipped(void)
{
	return run.skipped;
}

static void
forget_run(void *arg)
{
	/* A nested run has taken over if the contexts differ. */
	if (run.context == arg)
		memset(&run, 0, sizeof(run));
}

static bool
try_relation(Oid relid)
{
	if (!ConditionalLockRelationOid(relid, AccessShareLock))
		return false;
	UnlockRelationOid(relid, AccessShareLock);
	return true;
}
