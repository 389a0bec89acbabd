/*-------------------------------------------------------------------------
 *
 * whatif_funcs.c
 *	  SQL functions over the what-if engine: arguments in, tuples out.
 *
 * Locking: none of its own.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "sqlfuncs/arrays.h"
#include "sqlfuncs/wanted.h"
#include "whatif/distinct.h"
#include "whatif/whatif.h"

#include "access/htup_details.h"
#include "catalog/namespace.h"
#include "commands/defrem.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/jsonb.h"
#include "utils/tuplestore.h"

PG_FUNCTION_INFO_V1(dba_sql_whatif);
PG_FUNCTION_INFO_V1(dba_sql_whatif_observed);
PG_FUNCTION_INFO_V1(dba_sql_estimate_index);

static DbaChanges *changes_of(FunctionCallInfo fcinfo);
static void add_distinct(DbaChanges *changes, Jsonb *object);
static Datum row_of(FunctionCallInfo fcinfo, const DbaWhatif *whatif);

/*
 * whatif(query, create_indexes, drop_indexes, n_distinct) -> its costs and plans,
 * as things are and with these changes
 */
Datum
dba_sql_whatif(PG_FUNCTION_ARGS)
{
	DbaPlannable plannable = {.search_path = namespace_search_path, .userid = GetUserId()};
	DbaChanges *changes;
	DbaWhatif	whatif;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	dba_whatif_analyze(text_to_cstring(PG_GETARG_TEXT_PP(0)), &plannable);
	changes = changes_of(fcinfo);
	if (!PG_ARGISNULL(3))
		add_distinct(changes, PG_GETARG_JSONB_P(3));
	dba_whatif_plan(&plannable, changes, &whatif);
	return row_of(fcinfo, &whatif);
}

/*
 * whatif(queryid, create_indexes, drop_indexes, sample) -> the same of an observed
 * statement, with the values of a sample
 */
Datum
dba_sql_whatif_observed(PG_FUNCTION_ARGS)
{
	DbaPlannable plannable;
	DbaWhatif	whatif;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	dba_wanted_plannable((uint64) PG_GETARG_INT64(0), PG_ARGISNULL(3) ? 0 : PG_GETARG_INT32(3),
						 &plannable);
	dba_whatif_plan(&plannable, changes_of(fcinfo), &whatif);
	return row_of(fcinfo, &whatif);
}

/* The indexes to create and to drop of the second and third argument. */
static DbaChanges *
changes_of(FunctionCallInfo fcinfo)
{
	DbaChanges *changes = palloc0(sizeof(DbaChanges));
	int			count = 0;
	char	  **texts;

	texts = PG_ARGISNULL(1) ? NULL : dba_text_items(PG_GETARG_ARRAYTYPE_P(1), &count);
	dba_whatif_create_all(changes, (const char *const *) texts, count);
	count = 0;
	texts = PG_ARGISNULL(2) ? NULL : dba_text_items(PG_GETARG_ARRAYTYPE_P(2), &count);
	for (int i = 0; i < count; i++)
		dba_whatif_drop(changes, texts[i]);
	return changes;
}

/* {"schema.table.column": number, ...} */
static void
add_distinct(DbaChanges *changes, Jsonb *object)
{
	JsonbIterator *iterator = JsonbIteratorInit(&object->root);
	JsonbIteratorToken token;
	JsonbValue	value;
	char	   *column = NULL;

	if (!JB_ROOT_IS_OBJECT(object))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("n_distinct must be an object of numbers by column")));
	while ((token = JsonbIteratorNext(&iterator, &value, true)) != WJB_DONE)
	{
		if (token == WJB_KEY)
			column = pnstrdup(value.val.string.val, value.val.string.len);
		else if (token == WJB_VALUE)
		{
			if (value.type != jbvNumeric)
				ereport(ERROR,
						(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						 errmsg("n_distinct of column %s is not a number", column)));
			dba_distinct_add(changes, column,
							 DatumGetFloat8(DirectFunctionCall1(numeric_float8,
																NumericGetDatum(value.val.numeric))));
		}
	}
}

static Datum
row_of(FunctionCallInfo fcinfo, const DbaWhatif *whatif)
{
	TupleDesc	desc;
	Datum		values[5];
	bool		nulls[5] = {0};
	char	  **names = palloc(sizeof(char *) * (list_length(whatif->after.used) + 1));
	int			count = 0;
	ListCell   *cell;

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "whatif() must be called as a function that returns a row");
	foreach(cell, whatif->after.used)
		names[count++] = ((DbaHypoIndex *) lfirst(cell))->name;
	values[0] = Float8GetDatum(whatif->before.cost);
	values[1] = Float8GetDatum(whatif->after.cost);
	values[2] = CStringGetTextDatum(whatif->before.plan);
	values[3] = CStringGetTextDatum(whatif->after.plan);
	values[4] = PointerGetDatum(dba_text_array(names, count));
	return HeapTupleGetDatum(heap_form_tuple(desc, values, nulls));
}

/* estimate_index(create_index) -> what it would be, of each partition one */
Datum
dba_sql_estimate_index(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	DbaChanges	changes = {0};
	ListCell   *cell;

	InitMaterializedSRF(fcinfo, 0);
	dba_whatif_create(&changes, text_to_cstring(PG_GETARG_TEXT_PP(0)));
	foreach(cell, changes.created)
	{
		const DbaHypoIndex *index = lfirst(cell);
		Datum		values[7];
		bool		nulls[7] = {0};

		values[0] = ObjectIdGetDatum(index->relid);
		values[1] = CStringGetTextDatum(index->name);
		values[2] = CStringGetTextDatum(get_am_name(index->am));
		values[3] = Int64GetDatum((int64) index->pages * BLCKSZ);
		values[4] = Float8GetDatum(index->tuples);
		values[5] = Int32GetDatum(index->height);
		values[6] = Int64GetDatum(index->too_wide);
		nulls[4] = index->tuples < 0;
		nulls[5] = index->height < 0;
		nulls[6] = index->too_wide == 0;
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
	return (Datum) 0;
}
