/*-------------------------------------------------------------------------
 *
 * hypo_existing.c
 *	  An index that exists, described like one that does not.
 *
 * Read from the catalogs alone, so that an index that is being built or dropped
 * need not be waited for.
 *
 * Locking: demands a lock on the table.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "whatif/hypo_existing.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/dependency.h"
#include "catalog/pg_class.h"
#include "catalog/pg_index.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/relcache.h"
#include "utils/syscache.h"

static DbaExisting *describe(HeapTuple tuple);
static Oid	access_method_of(Oid index);
static void describe_columns(DbaHypoIndex *index, HeapTuple tuple);
static void describe_column(DbaHypoIndex *index, int place);
static void *vector_of(HeapTuple tuple, AttrNumber attribute);
static List *expressions_of(HeapTuple tuple, AttrNumber attribute);
static bool can_be_dropped(HeapTuple tuple);

/* The indexes (DbaExisting) of the table, those that are not valid, too. */
List *
dba_hypo_existing(Oid relid)
{
	Relation	table = table_open(relid, NoLock);
	List	   *result = NIL;
	ListCell   *cell;

	foreach(cell, RelationGetIndexList(table))
	{
		HeapTuple	tuple = SearchSysCache1(INDEXRELID, ObjectIdGetDatum(lfirst_oid(cell)));

		if (!HeapTupleIsValid(tuple))
			continue;
		result = lappend(result, describe(tuple));
		ReleaseSysCache(tuple);
	}
	table_close(table, NoLock);
	return result;
}

static DbaExisting *
describe(HeapTuple tuple)
{
	Form_pg_index form = (Form_pg_index) GETSTRUCT(tuple);
	DbaExisting *existing = palloc0(sizeof(DbaExisting));
	DbaHypoIndex *index = palloc0(sizeof(DbaHypoIndex));

	index->context = CurrentMemoryContext;
	index->oid = form->indexrelid;
	index->name = get_rel_name(form->indexrelid);
	index->relid = form->indrelid;
	index->am = access_method_of(form->indexrelid);
	index->unique = form->indisunique;
	index->tuples = -1;
	index->height = -1;
	describe_columns(index, tuple);
	index->predicate = expressions_of(tuple, Anum_pg_index_indpred);
	existing->index = index;
	existing->valid = form->indisvalid;
	existing->droppable = can_be_dropped(tuple);
	return existing;
}

static Oid
access_method_of(Oid index)
{
	HeapTuple	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(index));
	Oid			am = InvalidOid;

	if (HeapTupleIsValid(tuple))
	{
		am = ((Form_pg_class) GETSTRUCT(tuple))->relam;
		ReleaseSysCache(tuple);
	}
	return am;
}

static void
describe_columns(DbaHypoIndex *index, HeapTuple tuple)
{
	Form_pg_index form = (Form_pg_index) GETSTRUCT(tuple);
	oidvector  *opclasses = vector_of(tuple, Anum_pg_index_indclass);
	oidvector  *collations = vector_of(tuple, Anum_pg_index_indcollation);
	int2vector *options = vector_of(tuple, Anum_pg_index_indoption);

	index->expressions = expressions_of(tuple, Anum_pg_index_indexprs);
	index->column_count = form->indnatts;
	index->key_count = form->indnkeyatts;
	index->columns = palloc0(sizeof(DbaHypoColumn) * index->column_count);
	for (int i = 0; i < index->column_count; i++)
		index->columns[i].attnum = form->indkey.values[i];
	for (int i = 0; i < index->column_count; i++)
	{
		DbaHypoColumn *column = &index->columns[i];

		describe_column(index, i);
		if (i >= index->key_count)
			continue;
		column->collation = collations->values[i];
		column->opclass = opclasses->values[i];
		column->opfamily = get_opclass_family(column->opclass);
		column->input_type = get_opclass_input_type(column->opclass);
		column->flags = options->values[i];
	}
}

/* Its type: of the table's column, or of the expression. */
static void
describe_column(DbaHypoIndex *index, int place)
{
	DbaHypoColumn *column = &index->columns[place];

	if (column->attnum != 0)
		get_atttypetypmodcoll(index->relid, column->attnum, &column->type,
							  &column->typmod, &column->collation);
	else
	{
		column->type = exprType(dba_hypo_expression(index, place));
		column->typmod = exprTypmod(dba_hypo_expression(index, place));
	}
	column->stored_type = column->type;
}

static void *
vector_of(HeapTuple tuple, AttrNumber attribute)
{
	bool		isnull;
	Datum		datum = SysCacheGetAttr(INDEXRELID, tuple, attribute, &isnull);

	return isnull ? NULL : PG_DETOAST_DATUM_COPY(datum);
}

/* As the planner sees them, so that they can be compared. */
static List *
expressions_of(HeapTuple tuple, AttrNumber attribute)
{
	bool		isnull;
	Datum		datum = SysCacheGetAttr(INDEXRELID, tuple, attribute, &isnull);
	Node	   *node;

	if (isnull)
		return NIL;
	node = eval_const_expressions(NULL, stringToNode(TextDatumGetCString(datum)));
	if (attribute == Anum_pg_index_indpred)
		node = (Node *) make_ands_implicit((Expr *) node);
	fix_opfuncids(node);
	return (List *) node;
}

/* Not one that proves something, or that has a name somewhere. */
static bool
can_be_dropped(HeapTuple tuple)
{
	Form_pg_index form = (Form_pg_index) GETSTRUCT(tuple);

	return !form->indisunique && !form->indisprimary && !form->indisexclusion &&
		!form->indisreplident && !form->indisclustered && form->indisvalid &&
		!get_rel_relispartition(form->indexrelid) &&
		!OidIsValid(get_index_constraint(form->indexrelid));
}
