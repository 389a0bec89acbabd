/*-------------------------------------------------------------------------
 *
 * statement.h
 *	  What is known of one statement: the words that all of observe/ speaks.
 *
 * Plain data without pointers, because it is also what lies in shared memory
 * and in the file that survives a restart.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DBA_STATEMENT_H
#define DBA_STATEMENT_H

#include "observe/histogram.h"
#include "observe/plan_facts.h"
#include "observe/query_facts.h"

#include "utils/timestamp.h"

/* Statements are told apart by these.  Hashed as bytes: no padding. */
typedef struct DbaStatementKey
{
	uint64		queryid;		/* 0: what was evicted, summed per database */
	Oid			dbid;
	Oid			userid;
	uint32		toplevel;		/* 1: sent by a client, 0: by a function */
	uint32		unused;			/* 0 */
} DbaStatementKey;

/*
 * Sums over executions.  Added to per backend first, then to the shared entry;
 * every field is a plain sum but for the last two.
 */
typedef struct DbaCounters
{
	int64		calls;			/* executions that ended well */
	int64		errors;			/* planned or executed, and failed */
	int64		rows;
	int64		total_ns;		/* of calls: run and finish */
	int64		error_ns;		/* spent in executions that failed */
	int64		plans;
	int64		plan_ns;
	int64		shared_hit;		/* blocks */
	int64		shared_read;
	int64		shared_dirtied;
	int64		shared_written;
	int64		local_hit;
	int64		local_read;
	int64		local_dirtied;
	int64		local_written;
	int64		temp_read;
	int64		temp_written;
	int64		read_ns;		/* with track_io_timing only */
	int64		write_ns;
	int64		wal_records;
	int64		wal_fpi;
	int64		wal_bytes;
	int64		jit_functions;
	int64		jit_ns;
	int64		min_ns;			/* smallest time; meaningless without calls */
	int64		max_ns;			/* largest */
} DbaCounters;

/* The same number in every place: an event of this kind hit the statement. */
typedef enum DbaEventKind
{
	DBA_EVENT_DEADLOCK,
	DBA_EVENT_SERIALIZATION,
	DBA_EVENT_LOCK_TIMEOUT,
	DBA_EVENT_CANCEL,			/* by the user or a statement timeout */
	DBA_EVENT_TEMP_FILE
} DbaEventKind;

#define DBA_EVENT_KINDS (DBA_EVENT_TEMP_FILE + 1)

#endif							/* DBA_STATEMENT_H */
