/*-------------------------------------------------------------------------
 *
 * usage.h
 *	  What the server counts for a backend, and the clock: before and after.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DBA_USAGE_H
#define DBA_USAGE_H

#include "compat.h"
#include "observe/statement.h"

#include <time.h>

#include "executor/instrument.h"
#include "storage/bufmgr.h"

/* The server's counters at the beginning of a piece of work. */
typedef struct DbaUsage
{
	BufferUsage buffers;		/* its times: with track_io_timing only */
	int64		wal_records;
	int64		wal_fpi;
	int64		wal_bytes;
} DbaUsage;

/*
 * The counts of blocks, which come first in the server's struct and stand in
 * the same order in ours.
 */
#define DBA_BLOCK_COUNTS 10

StaticAssertDecl(offsetof(BufferUsage, temp_blks_written) ==
				 (DBA_BLOCK_COUNTS - 1) * sizeof(int64), "counts of blocks come first");
StaticAssertDecl(offsetof(DbaCounters, temp_written) - offsetof(DbaCounters, shared_hit) ==
				 (DBA_BLOCK_COUNTS - 1) * sizeof(int64), "counts of blocks are in the same order");

static inline int64
dba_now_ns(void)
{
	static struct timespec now;	/* on the stack it would want a canary */

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64) now.tv_sec * INT64CONST(1000000000) + now.tv_nsec;
}

/*
 * The server's counters, to be compared after a piece of work.  The times in
 * it are copied only when they are taken.
 */
static inline void
dba_usage_note(DbaUsage *usage)
{
	memcpy(&usage->buffers, &pgBufferUsage, DBA_BLOCK_COUNTS * sizeof(int64));
	if (unlikely(track_io_timing))
		usage->buffers = pgBufferUsage;
	usage->wal_records = pgWalUsage.wal_records;
	usage->wal_fpi = pgWalUsage.wal_fpi;
	usage->wal_bytes = pgWalUsage.wal_bytes;
}

/* Adds what the server counted since; returns temporary blocks written. */
static inline int64
dba_usage_add(DbaCounters *counters, const DbaUsage *usage)
{
	const int64 *restrict before = (const int64 *) &usage->buffers;
	const int64 *restrict after = (const int64 *) &pgBufferUsage;
	int64	   *restrict sums = &counters->shared_hit;

	for (int i = 0; i < DBA_BLOCK_COUNTS; i++)
		sums[i] += after[i] - before[i];
	if (unlikely(track_io_timing))
	{
		counters->read_ns += dba_read_ns(&pgBufferUsage) - dba_read_ns(&usage->buffers);
		counters->write_ns += dba_write_ns(&pgBufferUsage) - dba_write_ns(&usage->buffers);
	}
	if (pgWalUsage.wal_records != usage->wal_records)
	{
		counters->wal_records += pgWalUsage.wal_records - usage->wal_records;
		counters->wal_fpi += pgWalUsage.wal_fpi - usage->wal_fpi;
		counters->wal_bytes += pgWalUsage.wal_bytes - usage->wal_bytes;
	}
	return after[DBA_BLOCK_COUNTS - 1] - before[DBA_BLOCK_COUNTS - 1];
}

#endif							/* DBA_USAGE_H */
