/*-------------------------------------------------------------------------
 *
 * events.c
 *	  What went wrong with statements, as the server reports it to its log.
 *
 * Deadlocks, serialization failures, locks waited for in vain, cancelled
 * statements and temporary files have one thing in common: the server writes
 * a line to its log, and nothing else.  The log's hook sees that line with
 * its error code, which needs no parsing and knows no language.  What the
 * server does not log is not seen: temporary files below log_temp_files, and
 * errors that a function catches.
 *
 * The hook runs in the middle of error reporting, so it only copies: into a
 * fixed array of this process, which is emptied at the end of transactions.
 * Nothing here allocates, throws, logs or waits, so the hook never meets
 * itself half-way; nor can it interrupt whoever takes the events, because no
 * signal handler that returns reports anything.
 *
 * When dbadvisor.capture_parameters is off, no value of a statement may be
 * kept.  Then the texts of a deadlock's statements are left out, rather than
 * cleaned of their constants: the server cuts them at
 * track_activity_query_size, and once a quote is lost in the middle of a
 * string, inside and outside of strings are no longer told apart.
 *
 * Locking: none, all is local to the process.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "observe/events.h"
#include "observe/running.h"
#include "settings.h"

#include <ctype.h>

#include "access/parallel.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"

#define NO_EVENT (-1)

/* Format of what fd.c logs of a temporary file, before translation. */
static const char temp_file_format[] = "temporary file: path \"%s\", size %lu";

static emit_log_hook_type prev_emit_log = NULL;

static DbaEvent waiting[DBA_MAX_WAITING_EVENTS];
static int	waiting_count = 0;
static int64 lost_count = 0;

static void note_log(ErrorData *edata);
static int	event_kind(const ErrorData *edata);
static int	error_kind(const ErrorData *edata);
static bool add_to_waiting(int kind, const ErrorData *edata);
static void note_event(DbaEvent *event, int kind, const ErrorData *edata);
static void note_key(DbaStatementKey *key);
static int64 last_number(const char *message);
static const char *deadlock_detail(const ErrorData *edata);
static bool says_password(const char *statements);
static void copy_detail(char *into, const char *detail);
static void hide_keys(char *detail);

/* Installs the hook.  Called once, when the library is loaded. */
void
dba_events_init(void)
{
	prev_emit_log = emit_log_hook;
	emit_log_hook = note_log;
}

/*
 * Moves up to max_events of the events that wait into the array and returns
 * how many.  *lost becomes the number of those that found no place since the
 * last call.
 */
int
dba_events_take(DbaEvent *events, int max_events, int64 *lost)
{
	int			count = Min(waiting_count, max_events);

	Assert(max_events >= 0);
	memcpy(events, waiting, sizeof(DbaEvent) * count);
	waiting_count -= count;
	memmove(waiting, waiting + count, sizeof(DbaEvent) * waiting_count);

	*lost = lost_count;
	lost_count = 0;
	return count;
}

static void
note_log(ErrorData *edata)
{
	int			kind = event_kind(edata);

	if (kind != NO_EVENT && !add_to_waiting(kind, edata))
	{
		if (waiting_count < DBA_MAX_WAITING_EVENTS)
			note_event(&waiting[waiting_count++], kind, edata);
		else
			lost_count++;
	}

	if (prev_emit_log != NULL)
		prev_emit_log(edata);
}

/* A DbaEventKind or NO_EVENT; for most of what is logged two comparisons. */
static int
event_kind(const ErrorData *edata)
{
	if (edata->elevel >= ERROR)
		return error_kind(edata);
	if (edata->elevel == LOG && edata->message_id != NULL &&
		strcmp(edata->message_id, temp_file_format) == 0)
		return DBA_EVENT_TEMP_FILE;
	return NO_EVENT;
}

static int
error_kind(const ErrorData *edata)
{
	/* The leader reports the errors of its workers once more. */
	if (IsParallelWorker())
		return NO_EVENT;

	switch (edata->sqlerrcode)
	{
		case ERRCODE_T_R_DEADLOCK_DETECTED:
			return DBA_EVENT_DEADLOCK;
		case ERRCODE_T_R_SERIALIZATION_FAILURE:
			return DBA_EVENT_SERIALIZATION;
		case ERRCODE_LOCK_NOT_AVAILABLE:
			return DBA_EVENT_LOCK_TIMEOUT;
		case ERRCODE_QUERY_CANCELED:
			return DBA_EVENT_CANCEL;
		default:
			return NO_EVENT;
	}
}

/*
 * Counts an event with the last one of its kind and statement, if one waits
 * and places are scarce: a session may fail to serialize a thousand times a
 * second.  Temporary files always are: a hash join may have hundreds, which
 * would leave no place for a deadlock.
 */
static bool
add_to_waiting(int kind, const ErrorData *edata)
{
	DbaStatementKey key;

	if (kind != DBA_EVENT_TEMP_FILE && waiting_count < DBA_MAX_WAITING_EVENTS / 2)
		return false;
	note_key(&key);
	for (int i = waiting_count - 1; i >= 0; i--)
	{
		if (waiting[i].kind == kind &&
			memcmp(&waiting[i].key, &key, sizeof(key)) == 0)
		{
			waiting[i].count++;
			waiting[i].at = GetCurrentTimestamp();
			if (kind == DBA_EVENT_TEMP_FILE)
				waiting[i].bytes += last_number(edata->message);
			return true;
		}
	}
	return false;
}

static void
note_event(DbaEvent *event, int kind, const ErrorData *edata)
{
	const char *detail;

	memset(event, 0, offsetof(DbaEvent, detail));
	note_key(&event->key);
	event->at = GetCurrentTimestamp();
	event->kind = kind;
	event->count = 1;
	event->sqlstate = edata->sqlerrcode;

	if (kind == DBA_EVENT_TEMP_FILE)
	{
		event->bytes = last_number(edata->message);
		detail = NULL;
	}
	else if (kind == DBA_EVENT_DEADLOCK)
		detail = deadlock_detail(edata);
	else
		detail = dba_capture_parameters ? edata->message : edata->message_id;

	copy_detail(event->detail, detail);
	if (!dba_capture_parameters)
		hide_keys(event->detail);
}

/*
 * GetUserId() would not do: it asserts that there is a user, and errors come
 * before there is one.
 */
static void
note_key(DbaStatementKey *key)
{
	const DbaStatementKey *running = dba_running_statement();
	int			security_context;

	if (running != NULL)
	{
		*key = *running;
		return;
	}
	memset(key, 0, sizeof(*key));
	key->dbid = MyDatabaseId;
	GetUserIdAndSecContext(&key->userid, &security_context);
}

/* Every translation of the temporary file's message ends with its size. */
static int64
last_number(const char *message)
{
	int64		number = 0;
	int64		unit = 1;
	const char *end;

	if (message == NULL)
		return 0;
	end = message + strlen(message);
	while (end > message && !isdigit((unsigned char) end[-1]))
		end--;

	/* 18 digits are an exabyte, and no overflow. */
	for (int i = 0; i < 18 && end > message; i++)
	{
		if (!isdigit((unsigned char) *--end))
			break;
		number += unit * (*end - '0');
		unit *= 10;
	}
	return number;
}

/*
 * Who waits for whom and, where that may be kept, the statements of all
 * sides.  The error of a parallel worker comes without them.
 */
static const char *
deadlock_detail(const ErrorData *edata)
{
	if (dba_capture_parameters && edata->detail_log != NULL &&
		!says_password(edata->detail_log))
		return edata->detail_log;
	return edata->detail;
}

/* True for ALTER ROLE .. PASSWORD 'x', and for more than that. */
static bool
says_password(const char *statements)
{
	static const char word[] = "password";

	for (; *statements != '\0'; statements++)
	{
		if (pg_strncasecmp(statements, word, strlen(word)) == 0)
			return true;
	}
	return false;
}

/* Copies as many whole characters as have room. */
static void
copy_detail(char *into, const char *detail)
{
	int			length = detail == NULL ? 0 : strlen(detail);

	if (length >= DBA_MAX_EVENT_DETAIL)
		length = pg_mbcliplen(detail, length, DBA_MAX_EVENT_DETAIL - 1);
	memset(into, 0, DBA_MAX_EVENT_DETAIL);
	if (length > 0)
		strlcpy(into, detail, length + 1);
}

/*
 * "advisory lock [5,0,42,1]": the key is a value of the user's.  Nothing else
 * that the server says of a lock is in brackets.
 */
static void
hide_keys(char *detail)
{
	bool		inside = false;

	for (; *detail != '\0'; detail++)
	{
		if (*detail == '[' || *detail == ']')
			inside = *detail == '[';
		else if (inside && isdigit((unsigned char) *detail))
			*detail = '?';
	}
}
