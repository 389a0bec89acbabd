/*-------------------------------------------------------------------------
 *
 * store.h
 *	  The observed workload in shared memory.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DBA_STORE_H
#define DBA_STORE_H

#include "observe/entry.h"
#include "observe/events.h"

/* The last events that the store keeps in words. */
#define DBA_MAX_EVENTS 64

/* Databases whose events and evicted statements are counted; others' are not. */
#define DBA_MAX_DATABASES 64

/* Which of an entry's blobs a scan brings along. */
#define DBA_WITH_TEXT 1
#define DBA_WITH_TREE 2
#define DBA_WITH_PLAN 4
#define DBA_WITH_SAMPLES 8

typedef struct DbaBlobCopy
{
	char	   *data;			/* NULL: none */
	Size		length;
} DbaBlobCopy;

/* An entry copied out, with its blobs. */
typedef struct DbaStatement
{
	DbaEntry	entry;
	DbaBlobCopy text;
	DbaBlobCopy tree;
	DbaBlobCopy plan_text;
	DbaBlobCopy samples[DBA_MAX_SAMPLES + 1];
} DbaStatement;

/* What the store says of itself. */
typedef struct DbaStoreInfo
{
	TimestampTz since;			/* reset, or first start */
	int32		max_statements;
	int32		statements;
	int64		sample_bytes;
	int64		sample_bytes_used;
	int64		shared_bytes;
	int64		evicted;		/* statements that had to go */
	int64		samples_dropped;	/* for want of memory */
	int64		events_lost;
	int64		unobserved;		/* executions without a query id, or nested too
								 * deep */
	int64		failures;		/* errors in our own code, kept from statements */
} DbaStoreInfo;

typedef enum DbaLoss
{
	DBA_LOST_SAMPLE,
	DBA_LOST_EVENT,
	DBA_LOST_EXECUTION,
	DBA_LOST_BY_FAILURE
} DbaLoss;

#define DBA_LOSS_KINDS (DBA_LOST_BY_FAILURE + 1)

/* How often each kind of event happened in one database. */
typedef struct DbaEventCounts
{
	Oid			dbid;			/* invalid: an unused place */
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

typedef void (*DbaStatementVisitor) (const DbaStatement *statement, void *arg);

extern void dba_store_init(void);
extern bool dba_store_ready(void);
extern uint32 dba_store_epoch(void);

extern DbaEntry *dba_store_lock(const DbaStatementKey *key, bool wait);
extern void dba_store_unlock(DbaEntry *entry);
extern void dba_store_put(DbaEntry *entry, DbaBlob *place, const char *data,
						  Size length);

extern void dba_store_event(const DbaEvent *event);
extern void dba_store_lost(DbaLoss loss, int64 count);

extern void dba_store_scan(int with, DbaStatementVisitor visit, void *arg);
extern int	dba_store_events(DbaEvent *events);
extern int64 dba_store_event_count(Oid dbid, DbaEventKind kind, TimestampTz *last);
extern void dba_store_info(DbaStoreInfo *info);
extern void dba_store_reset(void);

/* For the postmaster, which saves and restores. */
extern void dba_store_set_since(TimestampTz since);
extern void dba_store_take_in(const DbaStatement *statement);
extern void dba_store_event_log(DbaEventLog *log);
extern void dba_store_take_in_events(const DbaEventLog *log);

#endif							/* DBA_STORE_H */
