/*-------------------------------------------------------------------------
 *
 * repeats.h
 *	  Statements that are sent once per row of another: N+1, and loops.
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

/* An occasion has at least so many executions. */
#define DBA_MIN_REPEATS 10

/* One execution, as it ended. */
typedef struct DbaExecuted
{
	const DbaStatementKey *key; /* lives as long as the backend's memory of it */
	uint64		parent;			/* nested: queryid of the top-level statement */
	uint64		parent_serial;	/* nested: which execution of it, counted */
	int64		rows;
	int64		begun_ns;		/* monotonic clock */
	int64		ended_ns;
	int32		command;		/* a CmdType */
	bool		keyed;			/* looks rows up by equality with a value */
	bool		referential;
	bool		in_transaction; /* in a transaction block */
	uint64		transaction;	/* which transaction of this backend, counted */
} DbaExecuted;

/* A finished occasion: child was executed count times for one parent. */
typedef struct DbaOccasion
{
	DbaStatementKey child;
	uint64		parent;			/* queryid */
	int64		parent_rows;	/* client: rows that the parent returned */
	int64		count;
	int64		ns;				/* that the executions of the child took */
	int32		kind;			/* a DbaRepeatKind */
} DbaOccasion;

/* Hash of the values of this execution; called only when it matters. */
typedef uint64 (*DbaValuesHash) (void *execution);

extern void dba_repeats_note(const DbaExecuted *executed,
							 DbaValuesHash values_hash, void *execution);
extern void dba_repeats_close(void);
extern int	dba_repeats_take(DbaOccasion *occasions, int max_occasions);

#endif							/* DBA_REPEATS_H */
