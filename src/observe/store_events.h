/*-------------------------------------------------------------------------
 *
 * store_events.h
 *	  The events of the store: counts per database, the last ones in words.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DBA_STORE_EVENTS_H
#define DBA_STORE_EVENTS_H

#include "observe/events.h"
#include "observe/store.h"

/* The last events that the store keeps in words. */
#define DBA_MAX_EVENTS 64

/* How often each kind of event happened in one database. */
typedef struct DbaEventCounts
{
	Oid			dbid;			/* invalid: an unused place */
	int64		transactions;	/* ended in the same time */
	int64		counts[DBA_EVENT_KINDS];
	TimestampTz last[DBA_EVENT_KINDS];
} DbaEventCounts;

/* All that is known of events.  Plain data: is also what the file has. */
typedef struct DbaEventLog
{
	int32		count;			/* events in use */
	DbaEvent	events[DBA_MAX_EVENTS]; /* the newest first */
	DbaEventCounts databases[DBA_MAX_DATABASES];
} DbaEventLog;

extern void dba_store_event(const DbaEvent *event);
extern int	dba_store_events(DbaEvent *events);
extern void dba_store_event_counts(Oid dbid, DbaEventCounts *counts);
extern bool dba_store_transactions(Oid dbid, int64 count, bool wait);

/* For the postmaster, which saves and restores. */
extern void dba_store_event_log(DbaEventLog *log);
extern void dba_store_take_in_events(const DbaEventLog *log);

#endif							/* DBA_STORE_EVENTS_H */
