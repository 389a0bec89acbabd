/*-------------------------------------------------------------------------
 *
 * record.c
 *	  What is remembered of findings: dismissals, and when first seen.
 *
 * The tables are the extension's own, and dumped with the database; a finding
 * is recognised by its id.  All access is as the calling user.
 *
 * Locking: ordinary row locks on dbadvisor.dismissals.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "history/record.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

/* Ids that a hint lists before it says "and more". */
#define MAX_HINTED_IDS 10

struct DbaRecords
{
	HTAB	   *by_id;			/* of DbaRecord */
};

static void put_record(DbaRecords *records, HeapTuple row, TupleDesc desc);

/* All that is remembered, in the current memory context. */
DbaRecords *
dba_records_load(void)
{
	HASHCTL		control = {
		.keysize = DBA_ID_LENGTH + 1,
		.entrysize = sizeof(DbaRecord),
		.hcxt = CurrentMemoryContext
	};
	DbaRecords *records = palloc(sizeof(DbaRecords));

	records->by_id = hash_create("dbadvisor records", 64, &control,
								 HASH_ELEM | HASH_STRINGS | HASH_CONTEXT);

	SPI_connect();
	if (SPI_execute("SELECT id, true, NULL FROM dbadvisor.dismissals"
					" WHERE until IS NULL"
					" OR until OPERATOR(pg_catalog.>) pg_catalog.now()"
					" UNION ALL"
					" SELECT id, false, first_seen FROM dbadvisor.findings",
					true, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not read what is remembered of findings");
	for (uint64 i = 0; i < SPI_processed; i++)
		put_record(records, SPI_tuptable->vals[i], SPI_tuptable->tupdesc);
	SPI_finish();
	return records;
}

/*
 * What is remembered of the finding, or NULL.  A dismissal of one that was
 * merged into it counts as its own: it is about the same command for the same
 * object, and which of them ranks first may change from day to day.
 */
const DbaRecord *
dba_records_of(DbaRecords *records, const DbaFinding *finding)
{
	const DbaRecord *own = hash_search(records->by_id, finding->id,
									   HASH_FIND, NULL);
	ListCell   *cell;

	if (own != NULL && own->dismissed)
		return own;
	foreach(cell, finding->merged)
	{
		const DbaFinding *merged = lfirst(cell);
		const DbaRecord *other = hash_search(records->by_id, merged->id,
											 HASH_FIND, NULL);

		if (other != NULL && other->dismissed)
			return other;
	}
	return own;
}

/* Where a finding stands; a record of NULL is one never seen before. */
const char *
dba_record_status(const DbaRecord *record)
{
	if (record == NULL)
		return "new";
	return record->dismissed ? "dismissed" : "open";
}

/* Hides the finding, for ever or until a given time. */
void
dba_record_dismiss(const DbaFinding *finding, const char *reason,
				   const TimestampTz *until)
{
	Oid			types[5] = {TEXTOID, TEXTOID, TEXTOID, TEXTOID, TIMESTAMPTZOID};
	Datum		values[5] = {
		CStringGetTextDatum(finding->id),
		CStringGetTextDatum(finding->rule->name),
		CStringGetTextDatum(finding->object),
		reason ? CStringGetTextDatum(reason) : (Datum) 0,
		until ? TimestampTzGetDatum(*until) : (Datum) 0
	};
	char		nulls[6] = "     ";

	if (reason == NULL)
		nulls[3] = 'n';
	if (until == NULL)
		nulls[4] = 'n';

	SPI_connect();
	if (SPI_execute_with_args("INSERT INTO dbadvisor.dismissals AS d"
							  " (id, rule, object, reason, until)"
							  " VALUES ($1, $2, $3, $4, $5)"
							  " ON CONFLICT (id) DO UPDATE"
							  " SET reason = excluded.reason,"
							  " until = excluded.until,"
							  " dismissed_by = excluded.dismissed_by,"
							  " dismissed_at = excluded.dismissed_at",
							  5, types, values, nulls, false, 0) != SPI_OK_INSERT)
		elog(ERROR, "could not record the dismissal");
	SPI_finish();
}

/* Takes a dismissal back; false when there is none. */
bool
dba_record_reopen(const char *id)
{
	Oid			types[1] = {TEXTOID};
	Datum		values[1] = {CStringGetTextDatum(id)};
	bool		found;

	SPI_connect();
	if (SPI_execute_with_args("DELETE FROM dbadvisor.dismissals"
							  " WHERE id OPERATOR(pg_catalog.=) $1",
							  1, types, values, NULL, false, 0) != SPI_OK_DELETE)
		elog(ERROR, "could not take back the dismissal");
	found = SPI_processed > 0;
	SPI_finish();
	return found;
}

/* The ids that are dismissed, for a hint. */
char *
dba_record_dismissed_ids(void)
{
	MemoryContext caller = CurrentMemoryContext;
	StringInfoData buf;

	initStringInfo(&buf);
	SPI_connect();
	if (SPI_execute("SELECT id FROM dbadvisor.dismissals ORDER BY id",
					true, MAX_HINTED_IDS + 1) != SPI_OK_SELECT)
		elog(ERROR, "could not read the dismissals");
	MemoryContextSwitchTo(caller);
	for (uint64 i = 0; i < Min(SPI_processed, MAX_HINTED_IDS); i++)
		appendStringInfo(&buf, "%s%s", i ? ", " : "",
						 SPI_getvalue(SPI_tuptable->vals[i],
									  SPI_tuptable->tupdesc, 1));
	if (SPI_processed > MAX_HINTED_IDS)
		appendStringInfoString(&buf, ", and more");
	SPI_finish();
	return buf.data;
}

/* One row of dba_records_load(): id, dismissed, first_seen. */
static void
put_record(DbaRecords *records, HeapTuple row, TupleDesc desc)
{
	char	   *id = SPI_getvalue(row, desc, 1);
	DbaRecord  *record;
	bool		found;
	bool		isnull;
	Datum		first_seen;

	/* Rows with an id of another length are not ours. */
	if (strlen(id) != DBA_ID_LENGTH)
		return;

	record = hash_search(records->by_id, id, HASH_ENTER, &found);
	if (!found)
		record->dismissed = record->seen = false;

	if (DatumGetBool(SPI_getbinval(row, desc, 2, &isnull)))
	{
		record->dismissed = true;
		return;
	}
	first_seen = SPI_getbinval(row, desc, 3, &isnull);
	record->seen = true;
	record->first_seen = DatumGetTimestampTz(first_seen);
}
