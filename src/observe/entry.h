/*-------------------------------------------------------------------------
 *
 * entry.h
 *	  One statement of the store: what it holds and how it grows.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DBA_ENTRY_H
#define DBA_ENTRY_H

#include "observe/arena.h"
#include "observe/repeats.h"
#include "observe/statement.h"

/* Executions of a statement whose values are kept: a reservoir. */
#define DBA_MAX_SAMPLES 5

/* Beside them, the values of the slowest execution have a place of their own. */
#define DBA_SLOWEST DBA_MAX_SAMPLES

/* Parents remembered of a statement that is repeated. */
#define DBA_MAX_REPEATS 2

/* Memory that a spill would have needed: half octaves from 64 kB. */
#define DBA_SPILL_BUCKETS 40

typedef struct DbaSampleRef
{
	TimestampTz taken_at;
	int64		ns;
	int64		rows;
	DbaBlob		blob;			/* 0: no sample here */
	uint32		is_literal;		/* 1: the values are constants as they stood in
								 * the text, which cannot be bound */
} DbaSampleRef;

typedef struct DbaSpills
{
	int64		executions;		/* that spilled */
	int64		max_bytes;
	uint32		buckets[DBA_SPILL_BUCKETS];
} DbaSpills;

typedef struct DbaRepeats
{
	uint64		parent;			/* queryid; 0: an unused place */
	int64		occasions;
	int64		repeats;		/* executions, over all occasions */
	int64		max_repeats;	/* in one occasion */
	int64		parent_rows;	/* sum over occasions */
	int64		ns;
	int32		kind;			/* a DbaRepeatKind */
	int32		unused;
} DbaRepeats;

/* One statement.  All of it is guarded by the lock of its partition. */
typedef struct DbaEntry
{
	DbaStatementKey key;
	uint32		used;			/* 1: holds a statement */
	uint32		next;			/* in the hash chain or the free list; number
								 * of an entry of the partition, from 1 */
	TimestampTz first_seen;
	TimestampTz last_seen;
	DbaCounters counters;
	double		mean_ms;		/* of total_ns */
	double		m2;				/* sum of squared distances from the mean, ms^2 */
	uint32		histogram[DBA_HISTOGRAM_BUCKETS];
	int64		events[DBA_EVENT_KINDS];
	DbaQueryFacts query;
	int64		counted;		/* executions counted node by node */
	int64		counting_ns;	/* what one more would cost */
	DbaPlanFact facts[DBA_MAX_FACTS];
	DbaSpills	spills;
	DbaRepeats	repeats[DBA_MAX_REPEATS];
	DbaSampleRef samples[DBA_MAX_SAMPLES + 1];
	int64		plan_text_ns;	/* how long the execution of that plan took */
	DbaBlob		text;			/* without constants */
	DbaBlob		tree;			/* packed DbaTree */
	DbaBlob		plan_text;		/* of the slowest counted execution */
	uint32		unused;
} DbaEntry;

/* What one backend adds at once. */
typedef struct DbaBatch
{
	DbaCounters counters;
	double		base_ns;		/* deviations count from here */
	double		sum;			/* of deviations */
	double		squares;		/* of deviations */
	uint16		histogram[DBA_HISTOGRAM_BUCKETS];
} DbaBatch;

extern void dba_batch_clear(DbaBatch *batch, double mean_ns);
extern void dba_entry_add(DbaEntry *entry, const DbaBatch *batch);
extern void dba_entry_merge(DbaEntry *into, const DbaEntry *from);
extern void dba_entry_fact(DbaEntry *entry, const DbaPlanFact *fact);
extern void dba_entry_spill(DbaEntry *entry, int64 bytes);
extern void dba_entry_occasions(DbaEntry *entry, const DbaOccasions *occasions);
extern int64 dba_spill_percentile(const DbaSpills *spills, double fraction);

#endif							/* DBA_ENTRY_H */
