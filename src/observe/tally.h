/*-------------------------------------------------------------------------
 *
 * tally.h
 *	  What one backend has counted and not yet handed to the store.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DBA_TALLY_H
#define DBA_TALLY_H

#include "observe/entry.h"

/* Statements that a backend remembers; beyond, it starts over. */
#define DBA_MAX_TALLIES 1024

/* Statements with something to hand over; beyond, it is handed over at once. */
#define DBA_MAX_BATCHES 64

typedef struct DbaTally
{
	DbaStatementKey key;
	struct DbaTally *next;		/* in the hash chain */
	DbaBatch   *batch;			/* NULL: nothing to hand over */
	double		mean_ns;		/* of an execution, as the store has it */
	int64		slow_ns;		/* an execution above this is worth its values */
	int32		until_look;		/* executions until one is looked at closely */
	int32		look_span;		/* what until_look was when the next two were
								 * right */
	int32		until_sample;	/* executions until one's values are taken */
	int32		until_count;	/* executions until one is counted node by node */
	int64		counting_ns;	/* what counting an execution costs, once counted */
	bool		counted;		/* some execution was */
	bool		known;			/* else until_look is 1; the store has what stays the same about it */
	bool		keyed;			/* looks rows up by equality with a value */
	bool		referential;	/* run by a foreign key's trigger */
} DbaTally;

/*
 * The hot path reads these: hidden, they are read directly and not by way of
 * the table of symbols that another library might replace.
 */
#pragma GCC visibility push(hidden)

/* dba_tally_init() has succeeded, and the backend is not at its end. */
extern bool dba_tally_usable;

/* The tally that was looked up last. */
extern DbaTally *dba_last_tally;

/* Transactions that this backend has ended. */
extern uint64 dba_tally_transactions;

#pragma GCC visibility pop

extern void dba_tally_init(void);
extern DbaTally *dba_tally_search(uint64 queryid, Oid userid, bool toplevel);
extern DbaBatch *dba_tally_start_batch(DbaTally *tally);
extern void dba_tally_learn(DbaTally *tally, const DbaEntry *entry);
extern void dba_tally_looked(DbaTally *tally);
extern void dba_tally_flush(bool wait);
extern void dba_tally_make_room(void);
extern bool dba_tally_may_count(double cost_ns, bool first);
extern void dba_tally_charge(int64 ns);
extern int	dba_tally_random(int limit);
extern void dba_tally_missed(void);

/*
 * The backend's tally of a statement, made if needed; NULL when it remembers too
 * many, until the next flush.
 */
static inline DbaTally *
dba_tally_find(uint64 queryid, Oid userid, bool toplevel)
{
	DbaTally   *tally = dba_last_tally;

	if (likely(tally != NULL && tally->key.queryid == queryid &&
			   tally->key.userid == userid &&
			   tally->key.toplevel == (uint32) toplevel))
		return tally;
	return dba_tally_search(queryid, userid, toplevel);
}

/* Where the backend adds up what the statement does. */
static inline DbaBatch *
dba_tally_batch(DbaTally *tally)
{
	return likely(tally->batch != NULL) ? tally->batch :
		dba_tally_start_batch(tally);
}

/* Counts an execution that ended well. */
static inline void
dba_batch_call(DbaBatch *batch, int64 ns, int64 rows)
{
	DbaCounters *counters = &batch->counters;
	int			bucket = dba_histogram_bucket(ns);
	double		deviation = (double) ns - batch->base_ns;

	counters->calls++;
	counters->rows += rows;
	counters->total_ns += ns;
	counters->min_ns = Min(counters->min_ns, ns);
	counters->max_ns = Max(counters->max_ns, ns);
	batch->sum += deviation;
	batch->squares += deviation * deviation;
	if (unlikely(++batch->histogram[bucket] == PG_UINT16_MAX))
		dba_tally_flush(true);
}

#endif							/* DBA_TALLY_H */
