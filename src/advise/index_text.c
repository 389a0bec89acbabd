/*-------------------------------------------------------------------------
 *
 * index_text.c
 *	  A hypothetical index as CREATE INDEX writes it.
 *
 * Locking: demands a lock on the table.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "advise/index_text.h"

#include "catalog/pg_index.h"
#include "commands/defrem.h"
#include "lib/stringinfo.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/ruleutils.h"

static void append_column(StringInfo text, const DbaHypoIndex *index, int column,
						  const char *name);
static char *column_text(const DbaHypoIndex *index, int column, List *context);
static bool is_implicit_cast(Node *node);
static Oid	own_collation(const DbaHypoIndex *index, int column);

/* What comes after the table's name: USING ... */
char *
dba_index_body(const DbaHypoIndex *index)
{
	List	   *context = deparse_context_for(get_rel_name(index->relid), index->relid);
	StringInfoData text;

	initStringInfo(&text);
	appendStringInfo(&text, "USING %s (", quote_identifier(get_am_name(index->am)));
	for (int i = 0; i < index->column_count; i++)
	{
		char	   *name = column_text(index, i, context);

		if (i == index->key_count)
			appendStringInfoString(&text, ") INCLUDE (");
		else if (i > 0)
			appendStringInfoString(&text, ", ");
		append_column(&text, index, i, name);
	}
	appendStringInfoChar(&text, ')');
	if (index->predicate != NIL)
		appendStringInfo(&text, " WHERE (%s)",
						 deparse_expression((Node *) make_ands_explicit(copyObject(index->predicate)),
											context, false, false));
	return text.data;
}

/* The column, and whatever of it is not the default. */
static void
append_column(StringInfo text, const DbaHypoIndex *index, int column, const char *name)
{
	const DbaHypoColumn *key = &index->columns[column];
	bool		descends = (key->flags & INDOPTION_DESC) != 0;
	bool		nulls_first = (key->flags & INDOPTION_NULLS_FIRST) != 0;

	appendStringInfoString(text, name);
	if (column >= index->key_count)
		return;
	if (OidIsValid(key->collation) && key->collation != own_collation(index, column))
		appendStringInfo(text, " COLLATE %s", generate_collation_name(key->collation));
	if (key->opclass != GetDefaultOpClass(key->type, index->am))
		appendStringInfo(text, " %s", generate_opclass_name(key->opclass));
	if (descends)
		appendStringInfoString(text, " DESC");
	if (nulls_first != descends)
		appendStringInfoString(text, nulls_first ? " NULLS FIRST" : " NULLS LAST");
}

/* The column's name, or its expression in parentheses. */
static char *
column_text(const DbaHypoIndex *index, int column, List *context)
{
	Node	   *node;

	if (index->columns[column].attnum != 0)
		return pstrdup(quote_identifier(get_attname(index->relid,
													index->columns[column].attnum, false)));
	node = dba_hypo_expression(index, column);
	return psprintf("(%s)", deparse_expression(node, context, false, is_implicit_cast(node)));
}

/* Such a cast is not written unless that is asked for. */
static bool
is_implicit_cast(Node *node)
{
	return (IsA(node, FuncExpr) && ((FuncExpr *) node)->funcformat == COERCE_IMPLICIT_CAST) ||
		(IsA(node, CoerceViaIO) && ((CoerceViaIO *) node)->coerceformat == COERCE_IMPLICIT_CAST);
}

/* The collation that the column has without being told. */
static Oid
own_collation(const DbaHypoIndex *index, int column)
{
	const DbaHypoColumn *key = &index->columns[column];
	Oid			type;
	int32		typmod;
	Oid			collation;

	if (key->attnum != 0)
		get_atttypetypmodcoll(index->relid, key->attnum, &type, &typmod, &collation);
	else
		collation = exprCollation(dba_hypo_expression(index, column));
	return collation;
}

/* What the index's name says of its columns. */
char *
dba_index_label(const DbaHypoIndex *index)
{
	StringInfoData text;

	initStringInfo(&text);
	for (int i = 0; i < index->key_count; i++)
	{
		if (i > 0)
			appendStringInfoChar(&text, '_');
		appendStringInfoString(&text, index->columns[i].attnum != 0 ?
							   get_attname(index->relid, index->columns[i].attnum, false) : "expr");
	}
	return text.data;
}
