/*-------------------------------------------------------------------------
 *
 * persist.c
 *	  The store's file: what survives a restart.
 *
 * Written by the postmaster when it ends in order, read and removed by it when
 * it starts: a server that crashes as a whole begins anew.  The file is for
 * this very build: of another version, damaged or cut short it is not read.
 *
 * Format: a head, the events, then for each statement its entry and its blobs,
 * each after its length; the checksum of all that is in the head.
 *
 * Locking: none of its own; nobody else is in the store.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "compat.h"
#include "observe/persist.h"
#include "observe/store.h"
#include "observe/store_events.h"
#include "observe/store_scan.h"

#include <sys/stat.h>
#include <unistd.h>

#include "miscadmin.h"
#include "pgstat.h"
#include "port/pg_crc32c.h"
#include "storage/fd.h"
#include "utils/memutils.h"

#define STORE_FILE PGSTAT_STAT_PERMANENT_DIRECTORY "/dbadvisor.stat"
#define STORE_FILE_NEW STORE_FILE ".tmp"

#define FILE_MAGIC 0x44424131
#define FILE_VERSION 3

typedef struct FileHead
{
	uint32		magic;
	uint32		version;
	uint32		server_major;
	uint32		entry_bytes;
	uint32		event_log_bytes;
	uint32		unused;
	TimestampTz since;
	uint64		bytes;			/* behind the head */
	pg_crc32c	crc;			/* of these, and of the head up to here */
} FileHead;

typedef struct Writer
{
	FILE	   *file;
	FileHead	head;
	bool		failed;
} Writer;

typedef struct Reader
{
	const char *at;
	const char *end;
} Reader;

static void write_events(Writer *writer);
static void write_statement(const DbaStatement *statement, void *arg);
static void write_blob(Writer *writer, const DbaBlobCopy *blob);
static void write_bytes(Writer *writer, const void *data, Size length);
static char *read_file(FileHead *head);
static const char *head_problem(const FileHead *head);
static pg_crc32c start_crc(const FileHead *head);
static void read_events(Reader *reader);
static bool read_statement(Reader *reader, DbaStatement *statement);
static bool read_blob(Reader *reader, DbaBlobCopy *blob);

/* Writes all of the store; a failure is said in the log. */
void
dba_store_save(void)
{
	DbaStoreInfo info;
	Writer		writer = {0};

	dba_store_info(&info);
	writer.file = AllocateFile(STORE_FILE_NEW, PG_BINARY_W);
	if (writer.file == NULL)
	{
		ereport(LOG,
				(errcode_for_file_access(),
				 errmsg("could not write file \"%s\": %m", STORE_FILE_NEW)));
		return;
	}
	writer.head.magic = FILE_MAGIC;
	writer.head.version = FILE_VERSION;
	writer.head.server_major = DBA_BUILD_MAJOR;
	writer.head.entry_bytes = sizeof(DbaEntry);
	writer.head.event_log_bytes = sizeof(DbaEventLog);
	writer.head.since = info.since;
	writer.head.crc = start_crc(&writer.head);
	if (fwrite(&writer.head, sizeof(FileHead), 1, writer.file) != 1)
		writer.failed = true;

	write_events(&writer);
	dba_store_scan(DBA_WITH_TEXT | DBA_WITH_TREE | DBA_WITH_PLAN | DBA_WITH_SAMPLES,
				   write_statement, &writer);

	FIN_CRC32C(writer.head.crc);
	if (fseek(writer.file, 0, SEEK_SET) != 0 ||
		fwrite(&writer.head, sizeof(FileHead), 1, writer.file) != 1)
		writer.failed = true;
	if (FreeFile(writer.file) != 0 || writer.failed)
	{
		ereport(LOG,
				(errcode_for_file_access(),
				 errmsg("could not write file \"%s\": %m", STORE_FILE_NEW)));
		unlink(STORE_FILE_NEW);
		return;
	}
	(void) durable_rename(STORE_FILE_NEW, STORE_FILE, LOG);
}

static void
write_events(Writer *writer)
{
	DbaEventLog *log = palloc(sizeof(DbaEventLog));

	dba_store_event_log(log);
	write_bytes(writer, log, sizeof(DbaEventLog));
	pfree(log);
}

static void
write_statement(const DbaStatement *statement, void *arg)
{
	Writer	   *writer = arg;

	write_bytes(writer, &statement->entry, sizeof(DbaEntry));
	write_blob(writer, &statement->text);
	write_blob(writer, &statement->tree);
	write_blob(writer, &statement->plan_text);
	for (int i = 0; i <= DBA_MAX_SAMPLES; i++)
		write_blob(writer, &statement->samples[i]);
}

static void
write_blob(Writer *writer, const DbaBlobCopy *blob)
{
	uint32		length = blob->data != NULL ? (uint32) blob->length : 0;

	write_bytes(writer, &length, sizeof(length));
	write_bytes(writer, blob->data, length);
}

static void
write_bytes(Writer *writer, const void *data, Size length)
{
	if (length == 0 || writer->failed)
		return;
	if (fwrite(data, length, 1, writer->file) != 1)
		writer->failed = true;
	COMP_CRC32C(writer->head.crc, data, length);
	writer->head.bytes += length;
}

/*
 * Takes in what was saved, if there is something.  The file stays until the next
 * one takes its place: the server may not get beyond its start.
 */
void
dba_store_restore(void)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext,
												  "dbadvisor restore",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(context);
	FileHead	head;
	char	   *data = read_file(&head);

	if (data != NULL)
	{
		Reader		reader = {data, data + head.bytes};
		DbaStatement *statement = palloc(sizeof(DbaStatement));

		read_events(&reader);
		while (read_statement(&reader, statement))
			dba_store_take_in(statement);
		dba_store_set_since(head.since);
	}
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(context);
}

/* Forgets what was saved. */
void
dba_store_discard(void)
{
	(void) unlink(STORE_FILE);
}

/*
 * The file behind its head, or NULL where there is none or it cannot be
 * trusted, which the log then says.
 */
static char *
read_file(FileHead *head)
{
	FILE	   *file = AllocateFile(STORE_FILE, PG_BINARY_R);
	const char *problem = NULL;
	char	   *data = NULL;
	struct stat state;

	if (file == NULL)
	{
		if (errno != ENOENT)
			ereport(LOG,
					(errcode_for_file_access(),
					 errmsg("could not read file \"%s\": %m", STORE_FILE)));
		return NULL;
	}
	if (fread(head, sizeof(FileHead), 1, file) != 1)
		problem = "it is cut short";
	else
		problem = head_problem(head);
	if (problem == NULL &&
		(fstat(fileno(file), &state) != 0 ||
		 (uint64) state.st_size != sizeof(FileHead) + head->bytes))
		problem = "its length is wrong";
	if (problem == NULL)
	{
		data = palloc_extended(head->bytes + 1, MCXT_ALLOC_HUGE | MCXT_ALLOC_NO_OOM);
		if (data == NULL)
			problem = "there is not enough memory for it";
		else if (head->bytes > 0 && fread(data, head->bytes, 1, file) != 1)
			problem = "it is cut short";
		else
		{
			pg_crc32c	crc = start_crc(head);

			COMP_CRC32C(crc, data, head->bytes);
			FIN_CRC32C(crc);
			if (!EQ_CRC32C(crc, head->crc))
				problem = "its checksum is wrong";
		}
	}
	FreeFile(file);
	if (problem == NULL)
		return data;
	ereport(LOG,
			(errmsg("dbadvisor ignores file \"%s\": %s", STORE_FILE, problem),
			 errdetail("Observing begins anew.")));
	return NULL;
}

/* Why a file with this head is not for this server, or NULL. */
static const char *
head_problem(const FileHead *head)
{
	if (head->magic != FILE_MAGIC)
		return "it is not a file of dbadvisor";
	if (head->version != FILE_VERSION || head->entry_bytes != sizeof(DbaEntry) ||
		head->event_log_bytes != sizeof(DbaEventLog) ||
		head->server_major != DBA_BUILD_MAJOR)
		return "it is of another version";
	return NULL;
}

/* The checksum of what comes before the counted bytes. */
static pg_crc32c
start_crc(const FileHead *head)
{
	pg_crc32c	crc;

	INIT_CRC32C(crc);
	COMP_CRC32C(crc, head, offsetof(FileHead, bytes));
	return crc;
}

static void
read_events(Reader *reader)
{
	DbaEventLog *log;

	if ((Size) (reader->end - reader->at) < sizeof(DbaEventLog))
		return;
	log = palloc(sizeof(DbaEventLog));
	memcpy(log, reader->at, sizeof(DbaEventLog));
	reader->at += sizeof(DbaEventLog);
	dba_store_take_in_events(log);
	pfree(log);
}

static bool
read_statement(Reader *reader, DbaStatement *statement)
{
	if ((Size) (reader->end - reader->at) < sizeof(DbaEntry))
		return false;
	memcpy(&statement->entry, reader->at, sizeof(DbaEntry));
	reader->at += sizeof(DbaEntry);
	if (!read_blob(reader, &statement->text) ||
		!read_blob(reader, &statement->tree) ||
		!read_blob(reader, &statement->plan_text))
		return false;
	for (int i = 0; i <= DBA_MAX_SAMPLES; i++)
	{
		if (!read_blob(reader, &statement->samples[i]))
			return false;
	}
	return true;
}

static bool
read_blob(Reader *reader, DbaBlobCopy *blob)
{
	uint32		length;

	if ((Size) (reader->end - reader->at) < sizeof(length))
		return false;
	memcpy(&length, reader->at, sizeof(length));
	reader->at += sizeof(length);
	if ((Size) (reader->end - reader->at) < length)
		return false;
	blob->data = length > 0 ? unconstify(char *, reader->at) : NULL;
	blob->length = length;
	reader->at += length;
	return true;
}
