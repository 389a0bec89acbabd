/*-------------------------------------------------------------------------
 *
 * store_events.c
 *	  The events of the store: counts per database, the last ones in words.
 *
 * Locking: the lock of the databases, for all here.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "observe/store_events.h"
#include "observe/store_layout.h"

static DbaEvent *place_for_event(int kind);
static int events_like(const DbaEvent *event);
static int compare_newest_first(const void *a, const void *b);

/* Counts an event for its database, and keeps its words among the last ones. */
void
dba_store_event(const DbaEvent *event)
{
	DbaDatabase *database;

	Assert(event->kind >= 0 && event->kind < DBA_EVENT_KINDS);
	dba_store_check();
	LWLockAcquire(&dba_store->database_lock, LW_EXCLUSIVE);
	database = dba_store_database(event->key.dbid);
	if (database != NULL)
	{
		database->events.counts[event->kind] += event->count;
		database->events.last[event->kind] = Max(database->events.last[event->kind], event->at);
	}
	*place_for_event(event->kind) = *event;
	LWLockRelease(&dba_store->database_lock);
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

	if (dba_store->event_count < DBA_MAX_EVENTS)
		return &dba_store->events[dba_store->event_count++];

	for (int i = 0; i < DBA_MAX_EVENTS; i++)
		counts[dba_store->events[i].kind]++;
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
		DbaEvent   *event = &dba_store->events[i];
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

	for (uint32 i = 0; i < dba_store->event_count; i++)
	{
		if (dba_store->events[i].kind == event->kind &&
			dba_key_equal(&dba_store->events[i].key, &event->key))
			count++;
	}
	return count;
}

/* The last events, the newest first; room for DBA_MAX_EVENTS. */
int
dba_store_events(DbaEvent *events)
{
	int			count;

	dba_store_check();
	LWLockAcquire(&dba_store->database_lock, LW_SHARED);
	count = dba_store->event_count;
	memcpy(events, dba_store->events, sizeof(DbaEvent) * count);
	LWLockRelease(&dba_store->database_lock);
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

/*
 * Counts transactions that have ended; false, and nothing counted, when somebody
 * else is there and the caller does not want to wait.
 */
bool
dba_store_transactions(Oid dbid, int64 count, bool wait)
{
	DbaDatabase *database;

	dba_store_check();
	if (wait)
		LWLockAcquire(&dba_store->database_lock, LW_EXCLUSIVE);
	else if (!LWLockConditionalAcquire(&dba_store->database_lock, LW_EXCLUSIVE))
		return false;
	database = dba_store_database(dbid);
	if (database != NULL)
		database->events.transactions += count;
	LWLockRelease(&dba_store->database_lock);
	return true;
}

/* What happened in a database. */
void
dba_store_event_counts(Oid dbid, DbaEventCounts *counts)
{
	memset(counts, 0, sizeof(*counts));
	dba_store_check();
	LWLockAcquire(&dba_store->database_lock, LW_SHARED);
	for (int i = 0; i < DBA_MAX_DATABASES; i++)
	{
		if (dba_store->databases[i].events.dbid == dbid)
			*counts = dba_store->databases[i].events;
	}
	LWLockRelease(&dba_store->database_lock);
}

/* Copies out all that is known of events. */
void
dba_store_event_log(DbaEventLog *log)
{
	memset(log, 0, sizeof(*log));
	log->count = dba_store_events(log->events);
	for (int i = 0; i < DBA_MAX_DATABASES; i++)
		log->databases[i] = dba_store->databases[i].events;
}

/* Takes in what was known of events, into a store that knows none. */
void
dba_store_take_in_events(const DbaEventLog *log)
{
	for (int i = 0; i < DBA_MAX_DATABASES; i++)
	{
		const DbaEventCounts *saved = &log->databases[i];
		DbaDatabase *database = OidIsValid(saved->dbid) ?
			dba_store_database(saved->dbid) : NULL;

		if (database != NULL)
			database->events = *saved;
	}
	dba_store->event_count = Max(0, Min(log->count, DBA_MAX_EVENTS));
	memcpy(dba_store->events, log->events, sizeof(dba_store->events));
}
