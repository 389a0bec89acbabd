/*-------------------------------------------------------------------------
 *
 * events.h
 *	  What went wrong with statements, as the server reports it to its log.
 *
 * A deadlock's detail has the statements of other users, too.  When an error
 * of a statement is reported its execution has already been unwound; see
 * dba_running_statement() for which statement that is.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DBA_EVENTS_H
#define DBA_EVENTS_H

#include "observe/statement.h"

/* Bytes of an event's detail: for a deadlock the statements of all sides. */
#define DBA_MAX_EVENT_DETAIL 2048

/*
 * Events of one backend that wait for the next flush.  When half of them do,
 * further ones of the same kind and statement only count.
 */
#define DBA_MAX_WAITING_EVENTS 8

/* Plain data: lies in shared memory. */
typedef struct DbaEvent
{
	DbaStatementKey key;		/* queryid 0: not known */
	TimestampTz at;
	int32		kind;			/* a DbaEventKind */
	int32		sqlstate;		/* as of MAKE_SQLSTATE */
	int64		count;			/* happened so often; the others left no words */
	int64		bytes;			/* of temporary files, those of one statement that
								 * waited together */
	char		detail[DBA_MAX_EVENT_DETAIL];
} DbaEvent;

extern void dba_events_init(void);
extern int	dba_events_take(DbaEvent *events, int max_events, int64 *lost);

#endif							/* DBA_EVENTS_H */
