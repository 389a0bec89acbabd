/*-------------------------------------------------------------------------
 *
 * hypo.c
 *	  An index that does not exist: what CREATE INDEX would make of a text.
 *
 * The text is parsed and analysed by the server's own parser.  What DefineIndex()
 * then checks and looks up before it writes catalogs is done here again, with
 * the same words for the same mistakes, because nothing is to be written.
 *
 * Locking: AccessShareLock on the table, until the end of the transaction.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "compat.h"
#include "whatif/hypo.h"

#include "access/amapi.h"
#include "access/htup_details.h"
#include "access/reloptions.h"
#include "access/table.h"
#include "catalog/catalog.h"
#include "catalog/index.h"
#include "catalog/namespace.h"
#include "catalog/pg_am.h"
#include "catalog/pg_index.h"
#include "catalog/pg_opclass.h"
#include "catalog/pg_tablespace.h"
#include "catalog/pg_type.h"
#include "commands/defrem.h"
#include "commands/tablespace.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "nodes/pathnodes.h"
#include "optimizer/optimizer.h"
#include "optimizer/prep.h"
#include "parser/parse_coerce.h"
#include "parser/parse_oper.h"
#include "parser/parse_utilcmd.h"
#include "parser/parser.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/partcache.h"
#include "utils/rel.h"
#include "utils/ruleutils.h"
#include "utils/syscache.h"

/* pg_attribute.attgenerated of a column that is computed when read (18). */
#define VIRTUAL_COLUMN 'v'

static IndexStmt *parse(const char *create_index);
static Oid	find_table(const IndexStmt *stmt);
static void check_table(const IndexStmt *stmt, Oid relid, char relkind);
static bool name_is_taken(const IndexStmt *stmt, Oid relid);
static Oid	find_tablespace(const IndexStmt *stmt, Oid relid);
static Oid	find_access_method(const IndexStmt *stmt, const IndexAmRoutine **routine);
static void check_abilities(const IndexStmt *stmt, const IndexAmRoutine *routine);
static void define_columns(DbaHypoIndex *index, const IndexStmt *stmt,
						   const IndexAmRoutine *routine);
static void define_column(DbaHypoIndex *index, IndexElem *element,
						  DbaHypoColumn *column, bool included);
static void check_included(const IndexElem *element);
static void define_expression(DbaHypoIndex *index, IndexElem *element,
							  DbaHypoColumn *column);
static void define_key(const IndexStmt *stmt, IndexElem *element, Oid am,
					   const IndexAmRoutine *routine, DbaHypoColumn *column);
static void choose_collation(const IndexElem *element, DbaHypoColumn *column);
static Oid	stored_type(const DbaHypoColumn *column, const IndexAmRoutine *routine);
static void define_order(const IndexStmt *stmt, const IndexElem *element,
						 const IndexAmRoutine *routine, DbaHypoColumn *column);
static bytea *opclass_options(const DbaHypoColumn *column, const IndexAmRoutine *routine);
static void simplify(DbaHypoIndex *index, const IndexStmt *stmt);
static void check_special_columns(const DbaHypoIndex *index);
static void check_partition_key(const DbaHypoIndex *index);
static char *choose_name(const IndexStmt *stmt, Oid relid);

/*
 * The index that the text describes, without a size.  Raises the errors of
 * CREATE INDEX, but does not ask for the rights to do it: the caller must see to
 * it that the user may read what becomes of it.  NULL, and the server's notice,
 * where IF NOT EXISTS has it that nothing is created.
 */
DbaHypoIndex *
dba_hypo_define(const char *create_index)
{
	return dba_hypo_define_parsed(parse(create_index), create_index);
}

/* The same of a statement that was parsed, out of a text. */
DbaHypoIndex *
dba_hypo_define_parsed(IndexStmt *stmt, const char *text)
{
	DbaHypoIndex *index = palloc0(sizeof(DbaHypoIndex));
	const IndexAmRoutine *routine;
	Datum		options;

	index->context = CurrentMemoryContext;
	index->relid = find_table(stmt);
	if (name_is_taken(stmt, index->relid))
		return NULL;
	stmt = transformIndexStmt(index->relid, stmt, text);
	index->am = find_access_method(stmt, &routine);
	check_abilities(stmt, routine);
	if (stmt->whereClause != NULL &&
		contain_mutable_functions_after_planning((Expr *) stmt->whereClause))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_OBJECT_DEFINITION),
				 errmsg("functions in index predicate must be marked IMMUTABLE")));

	index->unique = stmt->unique;
	index->nulls_not_distinct = stmt->nulls_not_distinct;
	index->tablespace = find_tablespace(stmt, index->relid);
	define_columns(index, stmt, routine);
	simplify(index, stmt);
	check_special_columns(index);
	if (index->unique)
		check_partition_key(index);

	options = transformRelOptions((Datum) 0, stmt->options, NULL, NULL, false, false);
	index->options = index_reloptions(routine->amoptions, options, true);
	index->named = stmt->idxname != NULL;
	index->name = choose_name(stmt, index->relid);
	index->tuples = -1;
	index->height = -1;
	return index;
}

/* The one statement of the text. */
static IndexStmt *
parse(const char *create_index)
{
	List	   *statements = raw_parser(create_index, RAW_PARSE_DEFAULT);
	Node	   *statement;

	if (list_length(statements) != 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("not one statement: %s", create_index)));
	statement = linitial_node(RawStmt, statements)->stmt;
	if (!IsA(statement, IndexStmt))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("not a CREATE INDEX statement: %s", create_index)));
	return (IndexStmt *) statement;
}

/* The table, locked; one that can have an index. */
static Oid
find_table(const IndexStmt *stmt)
{
	Oid			relid = RangeVarGetRelid(stmt->relation, AccessShareLock, false);

	/* Refuses what is no table in any sense. */
	table_close(table_open(relid, NoLock), NoLock);
	check_table(stmt, relid, get_rel_relkind(relid));
	return relid;
}

static void
check_table(const IndexStmt *stmt, Oid relid, char relkind)
{
	const char *name = stmt->relation->relname;

	if (relkind != RELKIND_RELATION && relkind != RELKIND_MATVIEW &&
		relkind != RELKIND_PARTITIONED_TABLE)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("cannot create index on relation \"%s\"", name),
				 errdetail_relkind_not_supported(relkind)));
	if (!allowSystemTableMods && IsCatalogRelationOid(relid))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied: \"%s\" is a system catalog", name)));
	if (isOtherTempNamespace(get_rel_namespace(relid)))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("cannot create indexes on temporary tables of other sessions")));
	if (relkind == RELKIND_PARTITIONED_TABLE && stmt->concurrent)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("cannot create index on partitioned table \"%s\" concurrently",
						name)));
	if (relkind == RELKIND_PARTITIONED_TABLE && !stmt->relation->inh)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("an index on only the partitioned table \"%s\" serves no statement",
						name),
				 errhint("Leave out ONLY.")));
}

/* Whether another relation has the name; an error unless IF NOT EXISTS. */
static bool
name_is_taken(const IndexStmt *stmt, Oid relid)
{
	if (stmt->idxname == NULL ||
		!OidIsValid(get_relname_relid(stmt->idxname, get_rel_namespace(relid))))
		return false;
	ereport(stmt->if_not_exists ? NOTICE : ERROR,
			(errcode(ERRCODE_DUPLICATE_TABLE),
			 stmt->if_not_exists ?
			 errmsg("relation \"%s\" already exists, skipping", stmt->idxname) :
			 errmsg("relation \"%s\" already exists", stmt->idxname)));
	return true;
}

/* Where the index would be, which has its own costs of pages. */
static Oid
find_tablespace(const IndexStmt *stmt, Oid relid)
{
	bool		partitioned = get_rel_relkind(relid) == RELKIND_PARTITIONED_TABLE;
	Oid			tablespace;

	if (stmt->tableSpace != NULL)
		tablespace = get_tablespace_oid(stmt->tableSpace, false);
	else
		tablespace = GetDefaultTablespace(get_rel_persistence(relid), partitioned);
	if (tablespace == GLOBALTABLESPACE_OID)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("only shared relations can be placed in pg_global tablespace")));
	return tablespace == MyDatabaseTableSpace ? InvalidOid : tablespace;
}

static Oid
find_access_method(const IndexStmt *stmt, const IndexAmRoutine **routine)
{
	Oid			am = get_index_am_oid(stmt->accessMethod, false);

	*routine = GetIndexAmRoutineByAmId(am, false);
	return am;
}

/* Whether the access method can do what is asked of it. */
static void
check_abilities(const IndexStmt *stmt, const IndexAmRoutine *routine)
{
	const char *am = stmt->accessMethod;
	int			columns = list_length(stmt->indexParams) +
		list_length(stmt->indexIncludingParams);

	if (stmt->indexParams == NIL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_OBJECT_DEFINITION),
				 errmsg("must specify at least one column")));
	if (columns > INDEX_MAX_KEYS)
		ereport(ERROR,
				(errcode(ERRCODE_TOO_MANY_COLUMNS),
				 errmsg("cannot use more than %d columns in an index",
						INDEX_MAX_KEYS)));
	if (stmt->unique && !routine->amcanunique)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("access method \"%s\" does not support unique indexes", am)));
	if (stmt->indexIncludingParams != NIL && !routine->amcaninclude)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("access method \"%s\" does not support included columns", am)));
	if (list_length(stmt->indexParams) > 1 && !routine->amcanmulticol)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("access method \"%s\" does not support multicolumn indexes", am)));
}

/* ------------------------------------------------------------------------
 * Columns
 * ------------------------------------------------------------------------ */

static void
define_columns(DbaHypoIndex *index, const IndexStmt *stmt,
			   const IndexAmRoutine *routine)
{
	List	   *elements = list_concat_copy(stmt->indexParams, stmt->indexIncludingParams);

	index->key_count = list_length(stmt->indexParams);
	index->column_count = list_length(elements);
	index->columns = palloc0(sizeof(DbaHypoColumn) * index->column_count);
	for (int i = 0; i < index->column_count; i++)
	{
		IndexElem  *element = list_nth_node(IndexElem, elements, i);
		DbaHypoColumn *column = &index->columns[i];
		bool		included = i >= index->key_count;

		define_column(index, element, column, included);
		column->stored_type = column->type;
		if (!included)
			define_key(stmt, element, index->am, routine, column);
	}
}

/* What the column is of: one of the table, or an expression. */
static void
define_column(DbaHypoIndex *index, IndexElem *element, DbaHypoColumn *column,
			  bool included)
{
	if (included)
		check_included(element);
	if (element->name != NULL)
	{
		HeapTuple	tuple = SearchSysCacheAttName(index->relid, element->name);
		Form_pg_attribute attribute;

		if (!HeapTupleIsValid(tuple))
			ereport(ERROR,
					(errcode(ERRCODE_UNDEFINED_COLUMN),
					 errmsg("column \"%s\" does not exist", element->name)));
		attribute = (Form_pg_attribute) GETSTRUCT(tuple);
		column->attnum = attribute->attnum;
		column->type = attribute->atttypid;
		column->typmod = attribute->atttypmod;
		column->collation = included ? InvalidOid : attribute->attcollation;
		ReleaseSysCache(tuple);
	}
	else if (included)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("expressions are not supported in included columns")));
	else
		define_expression(index, element, column);
}

/* An included column is only stored. */
static void
check_included(const IndexElem *element)
{
	const char *unsupported = NULL;

	if (element->collation != NIL)
		unsupported = "a collation";
	else if (element->opclass != NIL)
		unsupported = "an operator class";
	else if (element->ordering != SORTBY_DEFAULT)
		unsupported = "ASC/DESC options";
	else if (element->nulls_ordering != SORTBY_NULLS_DEFAULT)
		unsupported = "NULLS FIRST/LAST options";
	if (unsupported != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_OBJECT_DEFINITION),
				 errmsg("including column does not support %s", unsupported)));
}

static void
define_expression(DbaHypoIndex *index, IndexElem *element, DbaHypoColumn *column)
{
	Node	   *expression = element->expr;

	column->type = exprType(expression);
	column->typmod = exprTypmod(expression);
	column->collation = exprCollation(expression);

	/* COLLATE on top is the column's, not the expression's. */
	while (IsA(expression, CollateExpr))
		expression = (Node *) ((CollateExpr *) expression)->arg;

	if (IsA(expression, Var) && ((Var *) expression)->varattno != InvalidAttrNumber)
	{
		column->attnum = ((Var *) expression)->varattno;
		return;
	}
	if (contain_mutable_functions_after_planning((Expr *) expression))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_OBJECT_DEFINITION),
				 errmsg("functions in index expression must be marked IMMUTABLE")));
	index->expressions = lappend(index->expressions, expression);
}

/* How the access method handles a key column. */
static void
define_key(const IndexStmt *stmt, IndexElem *element, Oid am,
		   const IndexAmRoutine *routine, DbaHypoColumn *column)
{
	choose_collation(element, column);
	dba_hypo_set_opclass(column, ResolveOpClass(element->opclass, column->type,
												stmt->accessMethod, am), am);
	define_order(stmt, element, routine, column);
	if (element->opclassopts != NIL)
	{
		column->raw_options = transformRelOptions((Datum) 0, element->opclassopts,
												  NULL, NULL, false, false);
		column->options = opclass_options(column, routine);
	}
}

/* The operator class of a key column, whose type is known, and what it implies. */
void
dba_hypo_set_opclass(DbaHypoColumn *column, Oid opclass, Oid am)
{
	column->opclass = opclass;
	column->opfamily = get_opclass_family(opclass);
	column->input_type = get_opclass_input_type(opclass);
	column->stored_type = stored_type(column, GetIndexAmRoutineByAmId(am, false));
}

static void
choose_collation(const IndexElem *element, DbaHypoColumn *column)
{
	if (element->collation != NIL)
		column->collation = get_collation_oid(element->collation, false);

	if (!type_is_collatable(column->type))
	{
		if (OidIsValid(column->collation))
			ereport(ERROR,
					(errcode(ERRCODE_DATATYPE_MISMATCH),
					 errmsg("collations are not supported by type %s",
							format_type_be(column->type))));
	}
	else if (!OidIsValid(column->collation))
		ereport(ERROR,
				(errcode(ERRCODE_INDETERMINATE_COLLATION),
				 errmsg("could not determine which collation to use for index expression"),
				 errhint("Use the COLLATE clause to set the collation explicitly.")));
}

/* The type that the index keeps, which may be another than the column's. */
static Oid
stored_type(const DbaHypoColumn *column, const IndexAmRoutine *routine)
{
	HeapTuple	tuple = SearchSysCache1(CLAOID, ObjectIdGetDatum(column->opclass));
	Oid			type;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for opclass %u", column->opclass);
	type = ((Form_pg_opclass) GETSTRUCT(tuple))->opckeytype;
	ReleaseSysCache(tuple);

	if (!OidIsValid(type))
		type = OidIsValid(routine->amkeytype) ? routine->amkeytype : column->type;
	if (type == ANYELEMENTOID && column->input_type == ANYARRAYOID)
		type = get_base_element_type(column->type);
	return IsPolymorphicType(type) ? column->type : type;
}

static void
define_order(const IndexStmt *stmt, const IndexElem *element,
			 const IndexAmRoutine *routine, DbaHypoColumn *column)
{
	if (!routine->amcanorder)
	{
		if (element->ordering != SORTBY_DEFAULT)
			ereport(ERROR,
					(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
					 errmsg("access method \"%s\" does not support ASC/DESC options",
							stmt->accessMethod)));
		if (element->nulls_ordering != SORTBY_NULLS_DEFAULT)
			ereport(ERROR,
					(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
					 errmsg("access method \"%s\" does not support NULLS FIRST/LAST options",
							stmt->accessMethod)));
		return;
	}
	if (element->ordering == SORTBY_DESC)
		column->flags |= INDOPTION_DESC;
	/* NULLs are the largest of all: first where the order descends. */
	if (element->nulls_ordering == SORTBY_NULLS_FIRST ||
		(element->nulls_ordering == SORTBY_NULLS_DEFAULT && element->ordering == SORTBY_DESC))
		column->flags |= INDOPTION_NULLS_FIRST;
}

/* The options of the operator class, parsed by its own function. */
static bytea *
opclass_options(const DbaHypoColumn *column, const IndexAmRoutine *routine)
{
	Oid			function = InvalidOid;
	local_relopts options;

	if (routine->amoptsprocnum != 0)
		function = get_opfamily_proc(column->opfamily, column->input_type,
									 column->input_type, routine->amoptsprocnum);
	if (!OidIsValid(function))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("operator class %s has no options",
						generate_opclass_name(column->opclass))));
	init_local_reloptions(&options, 0);
	(void) OidFunctionCall1(function, PointerGetDatum(&options));
	return build_local_reloptions(&options, column->raw_options, true);
}

/* ------------------------------------------------------------------------
 * What is left to check
 * ------------------------------------------------------------------------ */

/* Expressions and predicate as the server's cache of relations gives them. */
static void
simplify(DbaHypoIndex *index, const IndexStmt *stmt)
{
	index->expressions = (List *) eval_const_expressions(NULL, (Node *) index->expressions);
	fix_opfuncids((Node *) index->expressions);
	if (stmt->whereClause != NULL)
	{
		Node	   *predicate = eval_const_expressions(NULL, stmt->whereClause);

		predicate = (Node *) canonicalize_qual((Expr *) predicate, false);
		index->predicate = make_ands_implicit((Expr *) predicate);
		fix_opfuncids((Node *) index->predicate);
	}
}

/* Neither columns of the system nor those that are computed when read. */
static void
check_special_columns(const DbaHypoIndex *index)
{
	Bitmapset  *columns = NULL;
	int			column = -1;

	for (int i = 0; i < index->column_count; i++)
	{
		if (index->columns[i].attnum != 0)
			columns = bms_add_member(columns, index->columns[i].attnum - FirstLowInvalidHeapAttributeNumber);
	}
	pull_varattnos((Node *) index->expressions, 1, &columns);
	pull_varattnos((Node *) index->predicate, 1, &columns);
	while ((column = bms_next_member(columns, column)) >= 0)
	{
		AttrNumber	attnum = (AttrNumber) (column + FirstLowInvalidHeapAttributeNumber);

		if (attnum < 0)
			ereport(ERROR,
					(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
					 errmsg("index creation on system columns is not supported")));
		if (attnum > 0 && get_attgenerated(index->relid, attnum) == VIRTUAL_COLUMN)
			ereport(ERROR,
					(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
					 errmsg("indexes on virtual generated columns are not supported")));
	}
}

/* A unique index of a partitioned table must have the partition key. */
static void
check_partition_key(const DbaHypoIndex *index)
{
	Relation	table = table_open(index->relid, NoLock);
	PartitionKey key = table->rd_rel->relkind == RELKIND_PARTITIONED_TABLE ?
		RelationGetPartitionKey(table) : NULL;

	for (int i = 0; key != NULL && i < get_partition_natts(key); i++)
	{
		bool		found = false;

		for (int j = 0; j < index->key_count; j++)
			found |= get_partition_col_attnum(key, i) != 0 &&
				index->columns[j].attnum == get_partition_col_attnum(key, i);
		if (!found)
			ereport(ERROR,
					(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
					 errmsg("unique constraint on partitioned table must include all partitioning columns")));
	}
	table_close(table, NoLock);
}

/* The name that it was given, or that CREATE INDEX would choose. */
static char *
choose_name(const IndexStmt *stmt, Oid relid)
{
	StringInfoData columns;
	ListCell   *cell;

	if (stmt->idxname != NULL)
		return pstrdup(stmt->idxname);
	initStringInfo(&columns);
	foreach(cell, stmt->indexParams)
	{
		const IndexElem *element = lfirst_node(IndexElem, cell);

		if (columns.len > 0)
			appendStringInfoChar(&columns, '_');
		appendStringInfoString(&columns, element->name ? element->name :
							   element->indexcolname ? element->indexcolname : "expr");
		if (columns.len >= NAMEDATALEN)
			break;
	}
	return ChooseRelationName(get_rel_name(relid), columns.data, "idx",
							  get_rel_namespace(relid), false);
}

/* The expression that the column is of; NULL: a column of the table. */
Node *
dba_hypo_expression(const DbaHypoIndex *index, int column)
{
	int			number = 0;

	if (index->columns[column].attnum != 0)
		return NULL;
	for (int i = 0; i < column; i++)
		number += index->columns[i].attnum == 0;
	return list_nth(index->expressions, number);
}
