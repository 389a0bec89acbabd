/*-------------------------------------------------------------------------
 *
 * rows.c
 *	  Rows of a set-returning function, filled from left to right.
 *
 * Texts and values are shown to the user whose they are, and to members of
 * pg_read_all_stats; others see the numbers of a statement without its name.
 *
 * Locking: none of its own.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "observe/histogram.h"
#include "sqlfuncs/rows.h"
#include "sqlfuncs/store_funcs.h"

#include <math.h>

#include "catalog/pg_authid.h"
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/tuplestore.h"

void
dba_rows_begin(FunctionCallInfo fcinfo, DbaRow *row)
{
	dba_demand_store();
	InitMaterializedSRF(fcinfo, 0);
	memset(row, 0, sizeof(*row));
	row->result = (ReturnSetInfo *) fcinfo->resultinfo;
	row->userid = GetUserId();
	row->sees_all = has_privs_of_role(row->userid, ROLE_PG_READ_ALL_STATS);
}

void
dba_row_end(DbaRow *row)
{
	Assert(row->count == row->result->setDesc->natts);
	tuplestore_putvalues(row->result->setResult, row->result->setDesc,
						 row->values, row->nulls);
	row->count = 0;
}

void
dba_put(DbaRow *row, Datum value)
{
	row->nulls[row->count] = false;
	row->values[row->count++] = value;
}

void
dba_put_null(DbaRow *row)
{
	row->nulls[row->count] = true;
	row->values[row->count++] = (Datum) 0;
}

void
dba_put_int(DbaRow *row, int64 value)
{
	dba_put(row, Int64GetDatum(value));
}

/* Not a number is null. */
void
dba_put_float(DbaRow *row, double value)
{
	if (isnan(value))
		dba_put_null(row);
	else
		dba_put(row, Float8GetDatum(value));
}

/* Nanoseconds, shown as milliseconds. */
void
dba_put_ms(DbaRow *row, double ns)
{
	dba_put_float(row, ns / 1000000);
}

void
dba_put_time(DbaRow *row, TimestampTz value)
{
	dba_put(row, TimestampTzGetDatum(value));
}

void
dba_put_text(DbaRow *row, const char *text)
{
	if (text == NULL)
		dba_put_null(row);
	else
		dba_put(row, CStringGetTextDatum(text));
}

void
dba_put_oid(DbaRow *row, Oid value)
{
	if (OidIsValid(value))
		dba_put(row, ObjectIdGetDatum(value));
	else
		dba_put_null(row);
}

/* Column numbers; 0 stands for those that have no number of their own here. */
void
dba_put_columns(DbaRow *row, DbaColumns columns)
{
	Datum		items[DBA_MAX_COLUMN + 1];
	int			count = 0;

	for (int i = 1; i <= DBA_MAX_COLUMN; i++)
	{
		if (columns & (UINT64CONST(1) << (i - 1)))
			items[count++] = Int16GetDatum((int16) i);
	}
	if (columns & DBA_OTHER_COLUMN)
		items[count++] = Int16GetDatum(0);
	dba_put(row, PointerGetDatum(construct_array(items, count, INT2OID, sizeof(int16),
											 true, TYPALIGN_SHORT)));
}

bool
dba_may_see(const DbaRow *row, Oid userid)
{
	return row->sees_all || userid == row->userid;
}

/* queryid, userid, dbid, toplevel; a hidden statement's queryid is null. */
void
dba_put_key(DbaRow *row, const DbaStatementKey *key)
{
	if (key->queryid != 0 && dba_may_see(row, key->userid))
		dba_put_int(row, (int64) key->queryid);
	else
		dba_put_null(row);
	dba_put_oid(row, key->userid);
	dba_put_oid(row, key->dbid);
	dba_put(row, BoolGetDatum(key->toplevel != 0));
}

/* A text of another database, if its bytes are a text in this one's encoding. */
void
dba_put_foreign_text(DbaRow *row, Oid dbid, const char *text)
{
	if (text != NULL && dbid != MyDatabaseId &&
		!pg_verify_mbstr(GetDatabaseEncoding(), text, (int) strlen(text), true))
		dba_put_text(row, "<text in another encoding>");
	else
		dba_put_text(row, text);
}

/* The text of a statement, for who may see it. */
void
dba_put_blob_text(DbaRow *row, const DbaStatementKey *key, const DbaBlobCopy *blob)
{
	if (key->queryid == 0)
		dba_put_text(row, "<evicted statements>");
	else if (!dba_may_see(row, key->userid))
		dba_put_text(row, "<insufficient privilege>");
	else
		dba_put_foreign_text(row, key->dbid, blob->data);
}

/* p50, p90, p95, p99 */
void
dba_put_percentiles(DbaRow *row, const uint64 *histogram)
{
	static const double fractions[] = {0.50, 0.90, 0.95, 0.99};

	for (size_t i = 0; i < lengthof(fractions); i++)
		dba_put_ms(row, dba_histogram_percentile(histogram, fractions[i]));
}
