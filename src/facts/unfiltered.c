/*-------------------------------------------------------------------------
 *
 * unfiltered.c
 *	  Facts that the system views hide from a role that may not read a table.
 *
 * With pg_monitor alone pg_stats shows no row and pg_sequences no value, and
 * advice computed from them is silently wrong.  These functions read the same
 * facts without the filter.  They give away no user data: how far a sequence
 * has come, whether a column was analyzed, how many values it has, when an
 * index was last scanned.
 *
 * Locking: a sequence is read under a conditional AccessShareLock, see
 * availability.c; the rest takes catalog locks only.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "compat.h"
#include "facts/availability.h"
#include "facts/unfiltered.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/xlog.h"
#include "catalog/pg_class.h"
#include "catalog/pg_statistic.h"
#include "commands/sequence.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "utils/fmgroids.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/syscache.h"

static bool read_last_value(Form_pg_class sequence, int64 *last_value);

/*
 * The last value that the sequence gave out.  False when it gave out none
 * yet, is locked, or cannot be read here (a temporary sequence, an unlogged
 * one on a standby).
 */
bool
dba_sequence_last_value(Oid seqid, int64 *last_value)
{
	HeapTuple	tuple;
	bool		known = false;

	if (!dba_relation_try_lock(seqid))
		return false;

	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(seqid));
	if (HeapTupleIsValid(tuple))
	{
		Form_pg_class form = (Form_pg_class) GETSTRUCT(tuple);

		if (form->relkind == RELKIND_SEQUENCE &&
			form->relpersistence != RELPERSISTENCE_TEMP &&
			!(RecoveryInProgress() &&
			  form->relpersistence == RELPERSISTENCE_UNLOGGED))
			known = read_last_value(form, last_value);
		ReleaseSysCache(tuple);
	}
	dba_relation_unlock(seqid);
	return known;
}

/*
 * Whether ANALYZE ever left statistics for a column of the relation: of its
 * own rows, or with "inherited" of its rows and those of its children.
 */
bool
dba_has_column_statistics(Oid relid, bool inherited)
{
	Relation	statistic = table_open(StatisticRelationId, AccessShareLock);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;
	bool		found = false;

	ScanKeyInit(&key, Anum_pg_statistic_starelid, BTEqualStrategyNumber,
				F_OIDEQ, ObjectIdGetDatum(relid));
	scan = systable_beginscan(statistic, StatisticRelidAttnumInhIndexId, true,
							  NULL, 1, &key);
	while (!found && HeapTupleIsValid(tuple = systable_getnext(scan)))
		found = ((Form_pg_statistic) GETSTRUCT(tuple))->stainherit == inherited;
	systable_endscan(scan);
	table_close(statistic, AccessShareLock);
	return found;
}

/*
 * How many different values a column of the relation itself has, as ANALYZE
 * estimated.  False where it left no statistics.
 */
bool
dba_column_distinct(Oid relid, AttrNumber attnum, double *distinct)
{
	HeapTuple	tuple = SearchSysCache3(STATRELATTINH, ObjectIdGetDatum(relid),
										Int16GetDatum(attnum),
										BoolGetDatum(false));
	HeapTuple	relation;

	if (!HeapTupleIsValid(tuple))
		return false;
	*distinct = ((Form_pg_statistic) GETSTRUCT(tuple))->stadistinct;
	ReleaseSysCache(tuple);
	if (*distinct >= 0)
		return true;

	/* Below zero it is a share of the rows. */
	relation = SearchSysCache1(RELOID, ObjectIdGetDatum(relid));
	if (!HeapTupleIsValid(relation))
		return false;
	*distinct *= -Max(((Form_pg_class) GETSTRUCT(relation))->reltuples, 0);
	ReleaseSysCache(relation);
	return true;
}

/* When the relation was last scanned, where the server remembers (16+). */
bool
dba_relation_last_scan(Oid relid, TimestampTz *last_scan)
{
	PgStat_StatTabEntry *entry = pgstat_fetch_stat_tabentry(relid);

	if (entry == NULL || dba_last_scan(entry) == 0)
		return false;
	*last_scan = dba_last_scan(entry);
	return true;
}

/*
 * The sequence's single tuple; false when nextval() was never called.
 *
 * There may be very many sequences.  Their pages pass through a small ring
 * instead of pushing out other buffers, and no relation cache entry is made.
 */
static bool
read_last_value(Form_pg_class sequence, int64 *last_value)
{
	static BufferAccessStrategy ring = NULL;
	Buffer		buffer;
	Page		page;
	ItemId		item;
	bool		is_called = false;

	if (ring == NULL)
	{
		MemoryContext caller = MemoryContextSwitchTo(TopMemoryContext);

		ring = GetAccessStrategy(BAS_BULKREAD);
		MemoryContextSwitchTo(caller);
	}

	buffer = dba_read_first_block(MyDatabaseId,
								  OidIsValid(sequence->reltablespace) ?
								  sequence->reltablespace : MyDatabaseTableSpace,
								  sequence->relfilenode, ring,
								  sequence->relpersistence == RELPERSISTENCE_PERMANENT);
	LockBuffer(buffer, BUFFER_LOCK_SHARE);
	page = BufferGetPage(buffer);
	item = PageGetItemId(page, FirstOffsetNumber);
	if (ItemIdIsNormal(item))
	{
		HeapTupleHeader tuple = (HeapTupleHeader) PageGetItem(page, item);
		Form_pg_sequence_data data =
			(Form_pg_sequence_data) ((char *) tuple + tuple->t_hoff);

		*last_value = data->last_value;
		is_called = data->is_called;
	}
	UnlockReleaseBuffer(buffer);
	return is_called;
}
