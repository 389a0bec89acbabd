/*-------------------------------------------------------------------------
 *
 * facts_funcs.c
 *	  SQL functions with facts for rules: arguments in, a value out.
 *
 * Locking: none of its own.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "dbadvisor.h"
#include "facts/availability.h"
#include "facts/index_compare.h"
#include "facts/relation_file.h"
#include "facts/statement_text.h"
#include "facts/unfiltered.h"
#include "observe/redact.h"

#include "catalog/pg_class.h"
#include "commands/defrem.h"
#include "fmgr.h"
#include "nodes/supportnodes.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"

PG_FUNCTION_INFO_V1(dba_sql_is_preloaded);
PG_FUNCTION_INFO_V1(dba_sql_examinable);
PG_FUNCTION_INFO_V1(dba_sql_examinable_support);
PG_FUNCTION_INFO_V1(dba_sql_relation_bytes);
PG_FUNCTION_INFO_V1(dba_sql_relation_created);
PG_FUNCTION_INFO_V1(dba_sql_last_scan);
PG_FUNCTION_INFO_V1(dba_sql_has_statistics);
PG_FUNCTION_INFO_V1(dba_sql_column_distinct);
PG_FUNCTION_INFO_V1(dba_sql_sequence_last_value);
PG_FUNCTION_INFO_V1(dba_sql_compare_indexes);
PG_FUNCTION_INFO_V1(dba_sql_index_serves_foreign_key);
PG_FUNCTION_INFO_V1(dba_sql_foreign_key_indexable);
PG_FUNCTION_INFO_V1(dba_sql_index_is_valid);
PG_FUNCTION_INFO_V1(dba_sql_index_definition);
PG_FUNCTION_INFO_V1(dba_sql_new_index_name);
PG_FUNCTION_INFO_V1(dba_sql_statement_parameters);
PG_FUNCTION_INFO_V1(dba_sql_without_constants);

/* is_preloaded() -> whether shared_preload_libraries loaded the library */
Datum
dba_sql_is_preloaded(PG_FUNCTION_ARGS)
{
	(void) fcinfo;
	PG_RETURN_BOOL(dba_preloaded);
}

/* examinable(relation) -> whether nobody is changing it just now */
Datum
dba_sql_examinable(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(dba_relation_available(PG_GETARG_OID(0)));
}

/*
 * Tells the planner that examinable() is nearly always true.  Its default of
 * one in three makes nested loops of joins over a whole catalog.
 */
Datum
dba_sql_examinable_support(PG_FUNCTION_ARGS)
{
	Node	   *request = (Node *) PG_GETARG_POINTER(0);

	if (!IsA(request, SupportRequestSelectivity))
		PG_RETURN_POINTER(NULL);
	((SupportRequestSelectivity *) request)->selectivity = 1.0;
	PG_RETURN_POINTER(request);
}

/* relation_bytes(relation) -> size of its main fork */
Datum
dba_sql_relation_bytes(PG_FUNCTION_ARGS)
{
	int64		bytes;

	if (!dba_relation_bytes(PG_GETARG_OID(0), &bytes))
		PG_RETURN_NULL();
	PG_RETURN_INT64(bytes);
}

/* relation_created(relation) -> when its present file was made */
Datum
dba_sql_relation_created(PG_FUNCTION_ARGS)
{
	TimestampTz created;

	if (!dba_relation_created(PG_GETARG_OID(0), &created))
		PG_RETURN_NULL();
	PG_RETURN_TIMESTAMPTZ(created);
}

/* last_scan(relation) -> when it was last scanned */
Datum
dba_sql_last_scan(PG_FUNCTION_ARGS)
{
	TimestampTz last_scan;

	if (!dba_relation_last_scan(PG_GETARG_OID(0), &last_scan))
		PG_RETURN_NULL();
	PG_RETURN_TIMESTAMPTZ(last_scan);
}

/* has_statistics(relation, inherited) -> whether ANALYZE left any */
Datum
dba_sql_has_statistics(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(dba_has_column_statistics(PG_GETARG_OID(0),
											 PG_GETARG_BOOL(1)));
}

/* column_distinct(relation, attnum) -> the number of values in the column */
Datum
dba_sql_column_distinct(PG_FUNCTION_ARGS)
{
	double		distinct;

	if (!dba_column_distinct(PG_GETARG_OID(0), PG_GETARG_INT16(1), &distinct))
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8(distinct);
}

/* sequence_last_value(sequence) -> the last value given out */
Datum
dba_sql_sequence_last_value(PG_FUNCTION_ARGS)
{
	int64		last_value;

	if (!dba_sequence_last_value(PG_GETARG_OID(0), &last_value))
		PG_RETURN_NULL();
	PG_RETURN_INT64(last_value);
}

/* compare_indexes(index, other) -> 'duplicate', 'redundant' or null */
Datum
dba_sql_compare_indexes(PG_FUNCTION_ARGS)
{
	switch (dba_index_compare(PG_GETARG_OID(0), PG_GETARG_OID(1)))
	{
		case DBA_INDEX_DUPLICATE:
			PG_RETURN_TEXT_P(cstring_to_text("duplicate"));
		case DBA_INDEX_REDUNDANT:
			PG_RETURN_TEXT_P(cstring_to_text("redundant"));
		case DBA_INDEX_DIFFERENT:
			break;
	}
	PG_RETURN_NULL();
}

/* index_serves_foreign_key(index, constraint) */
Datum
dba_sql_index_serves_foreign_key(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(dba_index_serves_foreign_key(PG_GETARG_OID(0),
												PG_GETARG_OID(1)));
}

/* foreign_key_indexable(constraint) -> whether a plain index could serve it */
Datum
dba_sql_foreign_key_indexable(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(dba_foreign_key_indexable(PG_GETARG_OID(0)));
}

/* index_is_valid(index) -> whether it is valid now, whatever the snapshot */
Datum
dba_sql_index_is_valid(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(dba_index_is_valid(PG_GETARG_OID(0)));
}

/* index_definition(index) -> the statement that makes it again */
Datum
dba_sql_index_definition(PG_FUNCTION_ARGS)
{
	char	   *definition = dba_index_definition(PG_GETARG_OID(0));

	if (definition == NULL)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text(definition));
}

/* new_index_name(table, columns) -> a name that is still free */
Datum
dba_sql_new_index_name(PG_FUNCTION_ARGS)
{
	Oid			table = PG_GETARG_OID(0);
	char	   *columns = text_to_cstring(PG_GETARG_TEXT_PP(1));
	char	   *name = get_rel_name(table);

	if (name == NULL)
		PG_RETURN_NULL();
	name = ChooseRelationName(name, columns, "idx",
							  get_rel_namespace(table), false);
	PG_RETURN_TEXT_P(cstring_to_text(name));
}

/* statement_parameters(statement) -> their number, null if PREPARE may fail */
Datum
dba_sql_statement_parameters(PG_FUNCTION_ARGS)
{
	int			count;

	count = dba_statement_parameters(text_to_cstring(PG_GETARG_TEXT_PP(0)));
	if (count < 0)
		PG_RETURN_NULL();
	PG_RETURN_INT32(count);
}

/* without_constants(statement) -> the same with ? for constants */
Datum
dba_sql_without_constants(PG_FUNCTION_ARGS)
{
	text	   *statement = PG_GETARG_TEXT_PP(0);

	PG_RETURN_TEXT_P(cstring_to_text(
		dba_without_constants(VARDATA_ANY(statement),
							  VARSIZE_ANY_EXHDR(statement))));
}
