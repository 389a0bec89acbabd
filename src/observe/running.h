/*-------------------------------------------------------------------------
 *
 * running.h
 *	  What runs in this backend now.
 *
 * Two stacks.  A frame for each statement that is being planned or executed,
 * the innermost on top: their number tells statements of clients from those of
 * functions.  And a record of each execution between the executor's start and
 * finish that needs one, among them cursors that wait for the next FETCH.
 *
 * The hot path reads and writes this: its functions are inline, and the
 * variables hidden, as in tally.h.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DBA_RUNNING_H
#define DBA_RUNNING_H

#include "observe/execution.h"
#include "observe/usage.h"
#include "settings.h"

#include "miscadmin.h"

/* Statements that are nested deeper are executed, not observed. */
#define DBA_MAX_FRAMES 64

/* Executions beyond are not observed. */
#define DBA_MAX_OPEN 128

/* A utility statement outlives every level of nested transactions. */
#define DBA_ANY_LEVEL (-1)

typedef struct DbaFrame
{
	DbaTally   *tally;			/* NULL: not observed */
	int64		begun_ns;
	int			nest_level;		/* of the transaction, or DBA_ANY_LEVEL */
	QueryDesc  *query_desc;		/* of an execution with a record, or NULL */
	DbaUsage	usage;
} DbaFrame;

typedef struct DbaRunning
{
	int			depth;			/* frames; may exceed DBA_MAX_FRAMES */
	int			nest_level;		/* of the transaction */
	int			open_count;		/* records */
	QueryDesc  *begun;			/* the execution that has begun last, until it
								 * runs; or NULL */
	DbaTally   *begun_tally;
	DbaTally   *starting;		/* has a record, and is in its start */
	DbaStatementKey failed;		/* the innermost statement of an error that has
								 * left frames already; or queryid 0 */
	int64		latest_ns;		/* the clock, when it was last looked at */
	DbaFrame	frames[DBA_MAX_FRAMES + 1]; /* the last one: all that are
											 * deeper */
	DbaExecution open[DBA_MAX_OPEN];
} DbaRunning;

#pragma GCC visibility push(hidden)
extern DbaRunning dba_running;
#pragma GCC visibility pop

extern void dba_running_init(void);
extern bool dba_begin_observing(void);
extern DbaTally *dba_find_tally(uint64 queryid);
extern const DbaStatementKey *dba_running_statement(void);
extern DbaExecution *dba_make_record(QueryDesc *query_desc, DbaTally *tally,
									 int level);
extern void dba_drop_record(DbaExecution *execution);
extern void dba_put_aside(void);
extern void dba_unwind_to(int depth);
extern void dba_count_error(DbaTally *tally, int64 begun_ns);

/*
 * Whether statements are observed: a look at two flags.  The first time in a
 * backend its memory is obtained.
 */
static inline bool
dba_observing(void)
{
	if (likely(dba_tally_usable))
		return dba_observe;
	return dba_begin_observing();
}

/*
 * The tally of a statement that is about to begin, or NULL when it cannot be
 * observed.
 */
static inline DbaTally *
dba_tally_of(uint64 queryid)
{
	DbaTally   *tally = dba_last_tally;

	if (likely(tally != NULL && tally->key.queryid == queryid &&
			   tally->key.userid == GetUserId() &&
			   tally->key.toplevel == (uint32) (dba_running.depth == 0) &&
			   dba_running.depth < DBA_MAX_FRAMES))
		return tally;
	return dba_find_tally(queryid);
}

/* Begins a piece of work at a deeper level; returns its frame. */
static inline DbaFrame *
dba_push_frame(DbaTally *tally, int64 begun_ns, int level)
{
	DbaFrame   *frame = &dba_running.frames[Min(dba_running.depth, DBA_MAX_FRAMES)];

	frame->tally = tally;
	frame->begun_ns = begun_ns;
	frame->nest_level = level;
	frame->query_desc = NULL;
	dba_running.depth++;
	return frame;
}

/* The record of an execution, or NULL; nearly always the last one's. */
static inline DbaExecution *
dba_open_execution(QueryDesc *query_desc)
{
	for (int i = dba_running.open_count - 1; i >= 0; i--)
	{
		if (dba_running.open[i].query_desc == query_desc)
			return &dba_running.open[i];
	}
	return NULL;
}

#endif							/* DBA_RUNNING_H */
