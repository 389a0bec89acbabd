/*-------------------------------------------------------------------------
 *
 * store_scan.c
 *	  Copies statements out of the store, and saved ones in.
 *
 * Locking: the lock of one partition, or of the databases, while it is copied;
 * none while the copies are looked at.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "observe/store_entries.h"
#include "observe/store_layout.h"
#include "observe/store_scan.h"

#include "miscadmin.h"
#include "utils/memutils.h"

static int copy_partition(uint32 partition, int with, DbaStatement *into);
static void copy_blobs(DbaStatement *statement, int with);
static int copy_rests(DbaStatement *into);
static void take_in_blob(DbaEntry *entry, DbaBlob *place, const DbaBlobCopy *copy);

/*
 * Shows the visitor a copy of every statement, with the blobs that are asked
 * for, in a memory context that is emptied after each partition.  No lock is
 * held during a visit.
 */
void
dba_store_scan(int with, DbaStatementVisitor visit, void *arg)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext,
												  "dbadvisor scan",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller;

	dba_store_check();
	for (uint32 partition = 0; partition <= DBA_PARTITIONS; partition++)
	{
		DbaStatement *statements;
		int			count;

		CHECK_FOR_INTERRUPTS();
		caller = MemoryContextSwitchTo(context);
		if (partition < DBA_PARTITIONS)
		{
			statements = palloc_extended(sizeof(DbaStatement) * dba_store->per_partition,
										 MCXT_ALLOC_HUGE);
			count = copy_partition(partition, with, statements);
		}
		else
		{
			statements = palloc(sizeof(DbaStatement) * 2 * DBA_MAX_DATABASES);
			count = copy_rests(statements);
		}
		MemoryContextSwitchTo(caller);
		for (int i = 0; i < count; i++)
			visit(&statements[i], arg);
		MemoryContextReset(context);
	}
	MemoryContextDelete(context);
}

/*
 * Copies the entries of a partition.  An error while a blob is copied can only
 * be want of memory; the server releases the lock then.
 */
static int
copy_partition(uint32 partition, int with, DbaStatement *into)
{
	LWLock	   *lock = &dba_store->partitions[partition].lock;
	int			count = 0;

	LWLockAcquire(lock, LW_SHARED);
	for (uint32 i = 1; i < dba_store->partitions[partition].fresh; i++)
	{
		DbaEntry   *entry = dba_partition_entry(partition, i);

		if (entry->used)
		{
			into[count].entry = *entry;
			copy_blobs(&into[count], with);
			count++;
		}
	}
	LWLockRelease(lock);
	return count;
}

static void
copy_blobs(DbaStatement *statement, int with)
{
	const DbaEntry *entry = &statement->entry;

	statement->text.data = statement->tree.data = statement->plan_text.data = NULL;
	memset(statement->samples, 0, sizeof(statement->samples));
	if (with & DBA_WITH_TEXT)
		statement->text.data = dba_arena_get(dba_store_arena(), entry->text,
											 &statement->text.length);
	if (with & DBA_WITH_TREE)
		statement->tree.data = dba_arena_get(dba_store_arena(), entry->tree,
											 &statement->tree.length);
	if (with & DBA_WITH_PLAN)
		statement->plan_text.data = dba_arena_get(dba_store_arena(), entry->plan_text,
												  &statement->plan_text.length);
	for (int i = 0; (with & DBA_WITH_SAMPLES) && i <= DBA_MAX_SAMPLES; i++)
		statement->samples[i].data = dba_arena_get(dba_store_arena(), entry->samples[i].blob,
												   &statement->samples[i].length);
}

/* Copies what evicted statements had counted, for each database. */
static int
copy_rests(DbaStatement *into)
{
	int			count = 0;

	LWLockAcquire(&dba_store->database_lock, LW_SHARED);
	for (int i = 0; i < DBA_MAX_DATABASES; i++)
	{
		for (int toplevel = 0; toplevel < 2; toplevel++)
		{
			DbaEntry   *rest = &dba_store->databases[i].rest[toplevel];

			if (OidIsValid(dba_store->databases[i].events.dbid) && rest->counters.calls > 0)
			{
				into[count].entry = *rest;
				copy_blobs(&into[count++], 0);
			}
		}
	}
	LWLockRelease(&dba_store->database_lock);
	return count;
}

/*
 * Takes in a statement as it was saved, adding to what is there; the rest of a
 * database is one with queryid 0.
 */
void
dba_store_take_in(const DbaStatement *statement)
{
	DbaEntry   *entry;
	uint32		next;

	if (statement->entry.key.queryid == 0)
	{
		DbaDatabase *database = dba_store_database(statement->entry.key.dbid);

		if (database != NULL)
			dba_entry_merge(&database->rest[statement->entry.key.toplevel],
							&statement->entry);
		return;
	}
	entry = dba_store_lock(&statement->entry.key, true);
	next = entry->next;
	*entry = statement->entry;
	entry->next = next;
	entry->text = entry->tree = entry->plan_text = 0;
	for (int i = 0; i <= DBA_MAX_SAMPLES; i++)
		entry->samples[i].blob = 0;
	take_in_blob(entry, &entry->text, &statement->text);
	take_in_blob(entry, &entry->tree, &statement->tree);
	take_in_blob(entry, &entry->plan_text, &statement->plan_text);
	for (int i = 0; i <= DBA_MAX_SAMPLES; i++)
		take_in_blob(entry, &entry->samples[i].blob, &statement->samples[i]);
	dba_store_unlock(entry);
}

static void
take_in_blob(DbaEntry *entry, DbaBlob *place, const DbaBlobCopy *copy)
{
	if (copy->data != NULL)
		dba_store_put(entry, place, copy->data, copy->length);
}
