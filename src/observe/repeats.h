/*-------------------------------------------------------------------------
 *
 * repeats.h
 *	  Statements that are sent once per row of another: N+1, and loops.
 *
 * Call dba_repeats_note() at the end of each execution, in the order in which
 * they end, with times that the caller has anyway.  Utility statements are not
 * passed in.  Nothing here allocates, locks, reads a clock or can fail.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DBA_REPEATS_H
#define DBA_REPEATS_H

#include "observe/statement.h"

typedef enum DbaRepeatKind
{
	DBA_REPEAT_CLIENT,			/* N+1: the client repeats it */
	DBA_REPEAT_LOOP				/* a function or a row trigger repeats it */
} DbaRepeatKind;

/*
 * An occasion has at least so many executions, so a statement that returns
 * fewer rows is never the parent of one.
 */
#define DBA_MIN_REPEATS 10

/* One execution, as it ended. */
typedef struct DbaExecuted
{
	const DbaStatementKey *key; /* compared by address; see _forget() */
	uint64		parent;			/* nested: queryid of the top-level statement */
	uint64		parent_serial;	/* nested: which execution of it, counted */
	int64		rows;
	int64		begun_ns;		/* monotonic clock */
	int64		ended_ns;
	int32		command;		/* a CmdType */
	bool		keyed;			/* looks rows up by equality with a value */
	bool		referential;
	uint64		transaction;	/* which transaction of this backend, counted */
} DbaExecuted;

/* The occasions of one child and parent since they were last taken. */
typedef struct DbaOccasions
{
	DbaStatementKey child;
	uint64		parent;			/* queryid */
	int64		occasions;		/* child was repeated for the rows of parent */
	int64		repeats;		/* executions of the child, sum */
	int64		max_repeats;	/* on one occasion */
	int64		parent_rows;	/* client: that the parent returned, sum */
	int64		ns;				/* that the executions of the child took, sum */
	int32		kind;			/* a DbaRepeatKind */
} DbaOccasions;

/* Hash of the values of this execution; called only when it matters. */
typedef uint64 (*DbaValuesHash) (void *execution);

/* Something is followed up: the next execution matters, whatever it is. */
#pragma GCC visibility push(hidden)
extern bool dba_repeats_open;
#pragma GCC visibility pop

extern void dba_repeats_follow(const DbaExecuted *executed,
							   DbaValuesHash values_hash, void *execution);
extern void dba_repeats_decide(bool exiting);
extern void dba_repeats_forget(void);
extern int	dba_repeats_take(DbaOccasions *occasions, int max_occasions,
							 int64 *lost);

/* For burst.c. */
extern void dba_repeats_report(const DbaOccasions *occasion);

/*
 * Takes note of an execution.  The ordinary one, sent by a client and with too
 * few rows for a parent, matters only when something is open.
 */
static inline void
dba_repeats_note(const DbaExecuted *executed, DbaValuesHash values_hash,
				 void *execution)
{
	if (likely(executed->rows < DBA_MIN_REPEATS && !dba_repeats_open &&
			   executed->key->toplevel))
		return;
	dba_repeats_follow(executed, values_hash, execution);
}

/*
 * Reports what can be decided.  To be called at the end of each transaction,
 * whether it is committed or not, and with exiting when the backend ends.
 */
static inline void
dba_repeats_close(bool exiting)
{
	if (dba_repeats_open)
		dba_repeats_decide(exiting);
}

#endif							/* DBA_REPEATS_H */
