/*-------------------------------------------------------------------------
 *
 * samples_funcs.c
 *	  SQL functions over samples of statements, and their plans of today.
 *
 * Locking: none of its own, but for those that planning takes (replan.c).
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "observe/sample.h"
#include "sqlfuncs/arrays.h"
#include "sqlfuncs/rows.h"
#include "sqlfuncs/wanted.h"
#include "whatif/replan.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/builtins.h"

PG_FUNCTION_INFO_V1(dba_sql_samples);
PG_FUNCTION_INFO_V1(dba_sql_explain_sample);
PG_FUNCTION_INFO_V1(dba_sql_statement_relations);

static void show_samples(const DbaStatement *statement, void *arg);
static void put_values(DbaRow *row, const DbaStatement *statement, int place);
static ArrayType *type_array(const DbaValues *values);

/* samples() -> executions with the values that they ran with */
Datum
dba_sql_samples(PG_FUNCTION_ARGS)
{
	DbaRow		row;

	dba_rows_begin(fcinfo, &row);
	dba_store_scan(DBA_WITH_TEXT | DBA_WITH_TREE | DBA_WITH_SAMPLES, show_samples, &row);
	return (Datum) 0;
}

static void
show_samples(const DbaStatement *statement, void *arg)
{
	DbaRow	   *row = arg;
	const DbaEntry *entry = &statement->entry;
	char	   *search_path = NULL;

	if (!dba_may_see(row, entry->key.userid))
		return;
	if (statement->tree.data != NULL)
		search_path = dba_tree_search_path(statement->tree.data, statement->tree.length);
	for (int i = 0; i <= DBA_MAX_SAMPLES; i++)
	{
		const DbaSampleRef *sample = &entry->samples[i];

		if (statement->samples[i].data == NULL)
			continue;
		dba_put_key(row, &entry->key);
		dba_put(row, Int32GetDatum(i + 1));
		dba_put(row, BoolGetDatum(i == DBA_SLOWEST));
		dba_put_time(row, sample->taken_at);
		dba_put_ms(row, sample->ns);
		dba_put_int(row, sample->rows);
		put_values(row, statement, i);
		dba_put_foreign_text(row, entry->key.dbid, search_path);
		dba_put_blob_text(row, &entry->key, &statement->text);
		dba_row_end(row);
	}
}

/* The values of a sample and their types, as two arrays. */
static void
put_values(DbaRow *row, const DbaStatement *statement, int place)
{
	const DbaBlobCopy *blob = &statement->samples[place];
	DbaValues  *values;
	char	  **texts;

	/* What another database's types mean is not known here. */
	values = statement->entry.key.dbid == MyDatabaseId ?
		dba_values_unpack(blob->data, blob->length) : NULL;
	if (values == NULL)
	{
		dba_put_null(row);
		dba_put_null(row);
		return;
	}
	texts = palloc(sizeof(char *) * (values->count + 1));
	for (int i = 0; i < values->count; i++)
		texts[i] = dba_value_text(&values->values[i]);
	dba_put(row, PointerGetDatum(dba_text_array(texts, values->count)));
	if (statement->entry.samples[place].is_literal)
		dba_put_null(row);
	else
		dba_put(row, PointerGetDatum(type_array(values)));
}

static ArrayType *
type_array(const DbaValues *values)
{
	Datum	   *items = palloc(sizeof(Datum) * (values->count + 1));

	for (int i = 0; i < values->count; i++)
		items[i] = ObjectIdGetDatum(values->values[i].type);
	return construct_array(items, values->count, REGTYPEOID, sizeof(Oid), true,
						   TYPALIGN_INT);
}

/*
 * explain_sample(queryid, sample) -> the plan that a sampled statement has now,
 * as its user would get it
 */
Datum
dba_sql_explain_sample(PG_FUNCTION_ARGS)
{
	DbaPlannable plannable;
	DbaReplanned planned;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	dba_wanted_plannable((uint64) PG_GETARG_INT64(0), PG_ARGISNULL(1) ? 0 : PG_GETARG_INT32(1),
						 &plannable);
	dba_replan(&plannable, NULL, &planned);
	if (planned.plan == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("statement %lld cannot be planned now: %s",
						(long long) PG_GETARG_INT64(0), planned.problem.message)));
	PG_RETURN_TEXT_P(cstring_to_text(planned.plan));
}

/* statement_relations(queryid) -> the relations that a statement names */
Datum
dba_sql_statement_relations(PG_FUNCTION_ARGS)
{
	DbaRow		row;
	DbaTree    *tree;
	ListCell   *cell;
	int			number = 0;

	dba_rows_begin(fcinfo, &row);
	tree = dba_wanted_tree(&row, (uint64) PG_GETARG_INT64(0));
	if (tree == NULL)
		return (Datum) 0;
	foreach(cell, dba_tree_relations(tree))
	{
		dba_put(&row, Int32GetDatum(++number));
		dba_put_oid(&row, lfirst_oid(cell));
		dba_row_end(&row);
	}
	return (Datum) 0;
}
