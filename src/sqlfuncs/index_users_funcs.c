/*-------------------------------------------------------------------------
 *
 * index_users_funcs.c
 *	  SQL functions over indexes that exist, and who uses them: arguments in,
 *	  tuples out.
 *
 * Locking: none of its own.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "advise/index_users.h"
#include "observe/store.h"
#include "sqlfuncs/rows.h"
#include "whatif/built_index.h"

#include "catalog/pg_type.h"
#include "funcapi.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

PG_FUNCTION_INFO_V1(dba_sql_index_users);
PG_FUNCTION_INFO_V1(dba_sql_built_index);

static Oid *oids_of(ArrayType *array, int *count);
static TimestampTz deadline_of(const Interval *limit);
static void put_user(DbaRow *row, const DbaIndexUser *user);

/*
 * index_users(indexes, time_limit) -> the observed statements that use each of
 * them, and what they cost without it; none where nothing is observed
 */
Datum
dba_sql_index_users(PG_FUNCTION_ARGS)
{
	DbaRow		row;
	Oid		   *indexes;
	int			count;
	ListCell   *cell;

	if (!dba_store_ready())
	{
		InitMaterializedSRF(fcinfo, 0);
		return (Datum) 0;
	}
	dba_rows_begin(fcinfo, &row);
	if (PG_ARGISNULL(0))
		return (Datum) 0;
	indexes = oids_of(PG_GETARG_ARRAYTYPE_P(0), &count);
	foreach(cell, dba_index_users(indexes, count,
								  PG_ARGISNULL(1) ? 0 : deadline_of(PG_GETARG_INTERVAL_P(1))))
		put_user(&row, lfirst(cell));
	return (Datum) 0;
}

static Oid *
oids_of(ArrayType *array, int *count)
{
	Datum	   *items;
	bool	   *nulls;
	Oid		   *oids;

	deconstruct_array(array, OIDOID, sizeof(Oid), true, TYPALIGN_INT, &items, &nulls, count);
	oids = palloc(sizeof(Oid) * (*count + 1));
	for (int i = 0; i < *count; i++)
		oids[i] = nulls[i] ? InvalidOid : DatumGetObjectId(items[i]);
	return oids;
}

/* The moment when that has passed. */
static TimestampTz
deadline_of(const Interval *limit)
{
	return DatumGetTimestampTz(DirectFunctionCall2(timestamptz_pl_interval,
												   TimestampTzGetDatum(GetCurrentTimestamp()),
												   IntervalPGetDatum(limit)));
}

static void
put_user(DbaRow *row, const DbaIndexUser *user)
{
	dba_put_oid(row, user->index);
	dba_put_key(row, &user->key);
	if (dba_may_see(row, user->key.userid))
		dba_put_text(row, user->text);
	else
		dba_put_null(row);
	dba_put_int(row, user->calls);
	dba_put_ms(row, (double) user->total_ns);
	dba_put_time(row, user->first_seen);
	if (user->problem == NULL)
	{
		dba_put_float(row, user->cost);
		dba_put_float(row, user->cost_without);
		dba_put_float(row, user->worst_ratio);
	}
	else
	{
		dba_put_null(row);
		dba_put_null(row);
		dba_put_null(row);
	}
	dba_put_text(row, user->problem);
	dba_row_end(row);
}

/* built_index(commands) -> the index that they would create, if it is there */
Datum
dba_sql_built_index(PG_FUNCTION_ARGS)
{
	char	   *commands = text_to_cstring(PG_GETARG_TEXT_PP(0));
	Oid			index = dba_built_index(commands);

	if (!OidIsValid(index))
		PG_RETURN_NULL();
	PG_RETURN_OID(index);
}
