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
#include "sqlfuncs/rows.h"
#include "sqlfuncs/store_funcs.h"
#include "whatif/replan.h"

#include "catalog/pg_authid.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"

PG_FUNCTION_INFO_V1(dba_sql_samples);
PG_FUNCTION_INFO_V1(dba_sql_explain_sample);
PG_FUNCTION_INFO_V1(dba_sql_statement_relations);

/* Looks for a sample. */
typedef struct Wanted
{
	uint64		queryid;
	int			sample;			/* from 1; 0: the newest with values */
	int			rank;			/* of what was found; 0: nothing */
	DbaStatement statement;
	MemoryContext context;
	DbaRow	   *reader;
} Wanted;

static void show_samples(const DbaStatement *statement, void *arg);
static void put_values(DbaRow *row, const DbaStatement *statement, int place);
static ArrayType *text_array(char **texts, int count);
static ArrayType *type_array(const DbaValues *values);
static void find_sample(const DbaStatement *statement, void *arg);
static int choose_sample(const DbaStatement *statement, int wanted);

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
	dba_put(row, PointerGetDatum(text_array(texts, values->count)));
	if (statement->entry.samples[place].is_literal)
		dba_put_null(row);
	else
		dba_put(row, PointerGetDatum(type_array(values)));
}

static ArrayType *
text_array(char **texts, int count)
{
	Datum	   *items = palloc(sizeof(Datum) * (count + 1));
	bool	   *nulls = palloc0(sizeof(bool) * (count + 1));
	int			lower = 1;

	for (int i = 0; i < count; i++)
	{
		nulls[i] = texts[i] == NULL;
		if (!nulls[i])
			items[i] = CStringGetTextDatum(texts[i]);
	}
	return construct_md_array(items, nulls, 1, &count, &lower, TEXTOID, -1, false,
							  TYPALIGN_INT);
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
	DbaRow		reader = {.userid = GetUserId()};
	Wanted		wanted = {
		.context = CurrentMemoryContext, .reader = &reader
	};
	DbaPlannable plannable = {0};
	DbaTree    *tree;
	char	   *plan;
	char	   *error = NULL;
	double		cost;
	int			place;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	dba_demand_store();
	reader.sees_all = has_privs_of_role(GetUserId(), ROLE_PG_READ_ALL_STATS);
	wanted.queryid = (uint64) PG_GETARG_INT64(0);
	wanted.sample = PG_ARGISNULL(1) ? 0 : PG_GETARG_INT32(1);
	dba_store_scan(DBA_WITH_TEXT | DBA_WITH_TREE | DBA_WITH_SAMPLES, find_sample, &wanted);
	if (wanted.rank == 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("no statement %lld that could be planned again is known in this database",
						(long long) wanted.queryid),
				 errhint("dbadvisor.samples lists what is known.")));

	tree = dba_tree_unpack(wanted.statement.tree.data, wanted.statement.tree.length);
	place = choose_sample(&wanted.statement, wanted.sample);
	if (tree == NULL || (wanted.sample > 0 && place < 0))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("statement %lld has no sample %d",
						(long long) wanted.queryid, wanted.sample)));

	plannable.query = tree->query;
	plannable.text = wanted.statement.text.data ? wanted.statement.text.data : "";
	plannable.search_path = tree->search_path;
	plannable.userid = wanted.statement.entry.key.userid;
	if (place >= 0)
	{
		DbaValues  *values = dba_values_unpack(wanted.statement.samples[place].data,
											   wanted.statement.samples[place].length);

		plannable.params = dba_tree_bind(tree, values);
	}
	if (!has_privs_of_role(GetUserId(), plannable.userid))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied to plan statement %lld",
						(long long) wanted.queryid),
				 errdetail("Planning calls functions, and does so as the role whose statement it is."),
				 errhint("Only a superuser or a member of that role may do that.")));
	plan = dba_replan(&plannable, &cost, &error);
	if (plan == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("statement %lld cannot be planned now: %s",
						(long long) wanted.queryid, error)));
	PG_RETURN_TEXT_P(cstring_to_text(plan));
}

/* statement_relations(queryid) -> the relations that a statement names */
Datum
dba_sql_statement_relations(PG_FUNCTION_ARGS)
{
	DbaRow		row;
	Wanted		wanted = {.context = CurrentMemoryContext, .reader = &row};
	DbaTree    *tree = NULL;
	ListCell   *cell;
	int			number = 0;

	dba_rows_begin(fcinfo, &row);
	wanted.queryid = (uint64) PG_GETARG_INT64(0);
	dba_store_scan(DBA_WITH_TREE, find_sample, &wanted);
	if (wanted.rank > 0)
		tree = dba_tree_unpack(wanted.statement.tree.data, wanted.statement.tree.length);
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

/*
 * Remembers the statement asked for, of this database, that may be seen; of
 * several the one with samples, and rather a client's than a function's.
 */
static void
find_sample(const DbaStatement *statement, void *arg)
{
	Wanted	   *wanted = arg;
	MemoryContext caller;
	DbaStatement *copy = &wanted->statement;
	int			rank = 1;

	if (statement->entry.key.queryid != wanted->queryid ||
		statement->entry.key.dbid != MyDatabaseId || wanted->queryid == 0 ||
		statement->tree.data == NULL ||
		!dba_may_see(wanted->reader, statement->entry.key.userid))
		return;
	if (choose_sample(statement, wanted->sample) >= 0)
		rank += 2;
	if (statement->entry.key.toplevel)
		rank += 1;
	if (rank <= wanted->rank)
		return;

	wanted->rank = rank;
	*copy = *statement;
	caller = MemoryContextSwitchTo(wanted->context);
	copy->tree.data = memcpy(palloc(copy->tree.length), statement->tree.data, copy->tree.length);
	if (copy->text.data != NULL)
		copy->text.data = pstrdup(statement->text.data);
	for (int i = 0; i <= DBA_MAX_SAMPLES; i++)
	{
		if (statement->samples[i].data != NULL)
			copy->samples[i].data = memcpy(palloc(copy->samples[i].length),
										   statement->samples[i].data,
										   copy->samples[i].length);
	}
	MemoryContextSwitchTo(caller);
}

/*
 * The place of the sample asked for, or of the newest with values; -1 when there
 * is none.
 */
static int
choose_sample(const DbaStatement *statement, int wanted)
{
	int			newest = -1;

	for (int i = 0; i <= DBA_MAX_SAMPLES; i++)
	{
		const DbaSampleRef *sample = &statement->entry.samples[i];

		if (statement->samples[i].data == NULL || sample->is_literal ||
			(wanted > 0 && wanted != i + 1))
			continue;
		if (newest < 0 || sample->taken_at > statement->entry.samples[newest].taken_at)
			newest = i;
	}
	return newest;
}
