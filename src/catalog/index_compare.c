/*-------------------------------------------------------------------------
 *
 * index_compare.c
 *	  What one index can do that another can do as well.
 *
 * Comparing indexes by the text of their definitions goes wrong with operator
 * classes, collations, directions, expressions and predicates.  Here they are
 * compared as the planner sees them: equal() for expressions,
 * predicate_implied_by() for partial indexes.
 *
 * Expressions are compared as stored.  They are not simplified first, because
 * simplifying runs the functions in them, and those may be a user's own.
 *
 * Locking: none on user relations; everything comes from the catalog caches.
 * An index that is dropped meanwhile compares as different.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/availability.h"
#include "catalog/index_compare.h"

#include "access/htup_details.h"
#include "catalog/index.h"
#include "catalog/pg_am.h"
#include "catalog/pg_class.h"
#include "catalog/pg_constraint.h"
#include "catalog/pg_index.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "optimizer/prep.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/ruleutils.h"
#include "utils/syscache.h"

/* One column of an index, key or included. */
typedef struct IndexColumn
{
	AttrNumber	attnum;			/* of the table; 0 for an expression */
	Node	   *expression;
	Oid			collation;		/* this and the following: keys only */
	Oid			opfamily;
	Oid			opcintype;
	int16		direction;		/* INDOPTION_DESC, INDOPTION_NULLS_FIRST */
	Datum		opclass_options;	/* text[], or 0 */
} IndexColumn;

/* An index as far as its use for queries goes. */
typedef struct IndexShape
{
	Oid			am;
	Oid			table;
	bool		unique;
	bool		exclusion;
	bool		immediate;		/* uniqueness checked at once */
	bool		nulls_not_distinct;
	int			nkeys;
	int			ncolumns;		/* keys, then included columns */
	IndexColumn columns[INDEX_MAX_KEYS];
	List	   *predicate;		/* implicitly ANDed; NIL for a full index */
} IndexShape;

static IndexShape *load_shape(Oid indexid);
static void load_columns(IndexShape *shape, Oid indexid, HeapTuple tuple);
static void *vector_attribute(HeapTuple tuple, AttrNumber attnum);
static void *node_attribute(HeapTuple tuple, AttrNumber attnum);
static bool same_index(IndexShape *a, IndexShape *b);
static bool covered_by(IndexShape *a, IndexShape *b);
static bool enforces_no_more(IndexShape *a, IndexShape *b);
static bool same_key(IndexColumn *a, IndexColumn *b);
static bool same_source(IndexColumn *a, IndexColumn *b);
static bool same_options(Datum a, Datum b);
static bool same_order(IndexShape *a, IndexShape *b, int16 flipped);
static bool has_column(IndexShape *shape, IndexColumn *wanted, int from);
static bool keys_lead(IndexShape *shape, int nkeys, AttrNumber *attnums,
					  Oid *operators);
static List *not_null_clauses(Oid table, int nkeys, AttrNumber *attnums);

/*
 * Whether "other" is the same index as "indexid", or at least serves every
 * query that "indexid" serves and enforces all that it enforces.
 */
DbaIndexRelation
dba_index_compare(Oid indexid, Oid other)
{
	IndexShape *a = load_shape(indexid);
	IndexShape *b = load_shape(other);

	if (a == NULL || b == NULL || indexid == other ||
		a->table != b->table || a->am != b->am ||
		a->exclusion || !enforces_no_more(a, b))
		return DBA_INDEX_DIFFERENT;

	if (same_index(a, b))
		return DBA_INDEX_DUPLICATE;
	if (covered_by(a, b))
		return DBA_INDEX_REDUNDANT;
	return DBA_INDEX_DIFFERENT;
}

/*
 * Whether the index finds the rows that reference a given key: the columns of
 * the foreign key lead it, in any order, compared as the constraint compares
 * them, and every row with a non-null key is in it.
 */
bool
dba_index_serves_foreign_key(Oid indexid, Oid constraintid)
{
	IndexShape *shape = load_shape(indexid);
	HeapTuple	tuple;
	Oid			table;
	int			nkeys;
	AttrNumber	conkey[INDEX_MAX_KEYS];
	AttrNumber	confkey[INDEX_MAX_KEYS];
	Oid			pf_operators[INDEX_MAX_KEYS];

	tuple = SearchSysCache1(CONSTROID, ObjectIdGetDatum(constraintid));
	if (!HeapTupleIsValid(tuple))
		return false;
	table = ((Form_pg_constraint) GETSTRUCT(tuple))->conrelid;
	DeconstructFkConstraintRow(tuple, &nkeys, conkey, confkey, pf_operators,
							   NULL, NULL, NULL, NULL);
	ReleaseSysCache(tuple);

	if (shape == NULL || shape->table != table ||
		!keys_lead(shape, nkeys, conkey, pf_operators))
		return false;

	return shape->predicate == NIL ||
		predicate_implied_by(shape->predicate,
							 not_null_clauses(table, nkeys, conkey), false);
}

/*
 * The statement that makes the index again without blocking writes, or NULL
 * when its table is locked or the index has just gone.  For a partitioned
 * table it makes the index on the partitions too, and does block writes:
 * there is no concurrent way in one statement.
 */
char *
dba_index_definition(Oid indexid)
{
	Oid			table = IndexGetRelation(indexid, true);
	char	   *definition;
	const char *head;
	char	   *name;
	StringInfoData buf;

	if (!OidIsValid(table) || !dba_relation_try_lock(table))
		return NULL;
	name = get_rel_name(indexid);
	if (name == NULL)
	{
		dba_relation_unlock(table);
		return NULL;
	}
	definition = pg_get_indexdef_string(indexid);
	dba_relation_unlock(table);

	head = strncmp(definition, "CREATE UNIQUE", 13) == 0 ?
		"CREATE UNIQUE INDEX " : "CREATE INDEX ";
	initStringInfo(&buf);
	appendStringInfoString(&buf, head);
	if (get_rel_relkind(indexid) == RELKIND_PARTITIONED_INDEX)
	{
		const char *only = psprintf("%s ON ONLY ", quote_identifier(name));
		char	   *rest = definition + strlen(head);

		if (strncmp(rest, only, strlen(only)) == 0)
			appendStringInfo(&buf, "%s ON %s", quote_identifier(name),
							 rest + strlen(only));
		else
			appendStringInfoString(&buf, rest);
	}
	else
		appendStringInfo(&buf, "CONCURRENTLY %s", definition + strlen(head));
	return buf.data;
}

/* Reads the index from the catalog caches; NULL when it is not there. */
static IndexShape *
load_shape(Oid indexid)
{
	HeapTuple	tuple = SearchSysCache1(INDEXRELID, ObjectIdGetDatum(indexid));
	Form_pg_index form;
	IndexShape *shape;
	HeapTuple	class;

	if (!HeapTupleIsValid(tuple))
		return NULL;
	class = SearchSysCache1(RELOID, ObjectIdGetDatum(indexid));
	if (!HeapTupleIsValid(class))
	{
		ReleaseSysCache(tuple);
		return NULL;
	}

	form = (Form_pg_index) GETSTRUCT(tuple);
	shape = palloc0(sizeof(IndexShape));
	shape->am = ((Form_pg_class) GETSTRUCT(class))->relam;
	shape->table = form->indrelid;
	shape->unique = form->indisunique;
	shape->exclusion = form->indisexclusion;
	shape->immediate = form->indimmediate;
	shape->nulls_not_distinct = form->indnullsnotdistinct;
	shape->nkeys = form->indnkeyatts;
	shape->ncolumns = form->indnatts;
	load_columns(shape, indexid, tuple);

	shape->predicate = node_attribute(tuple, Anum_pg_index_indpred);
	if (shape->predicate != NIL)
	{
		Expr	   *qual = canonicalize_qual((Expr *) shape->predicate, false);

		shape->predicate = make_ands_implicit(qual);
		fix_opfuncids((Node *) shape->predicate);
	}

	ReleaseSysCache(class);
	ReleaseSysCache(tuple);
	return shape;
}

static void
load_columns(IndexShape *shape, Oid indexid, HeapTuple tuple)
{
	Form_pg_index form = (Form_pg_index) GETSTRUCT(tuple);
	List	   *expressions = node_attribute(tuple, Anum_pg_index_indexprs);
	ListCell   *next = list_head(expressions);
	oidvector  *collations;
	oidvector  *opclasses;
	int2vector *options;

	collations = vector_attribute(tuple, Anum_pg_index_indcollation);
	opclasses = vector_attribute(tuple, Anum_pg_index_indclass);
	options = vector_attribute(tuple, Anum_pg_index_indoption);

	for (int i = 0; i < shape->ncolumns; i++)
	{
		IndexColumn *column = &shape->columns[i];

		column->attnum = form->indkey.values[i];
		if (column->attnum == 0)
		{
			column->expression = lfirst(next);
			fix_opfuncids(column->expression);
			next = lnext(expressions, next);
		}
		if (i >= shape->nkeys)
			continue;
		column->collation = collations->values[i];
		column->opfamily = get_opclass_family(opclasses->values[i]);
		column->opcintype = get_opclass_input_type(opclasses->values[i]);
		column->direction = options->values[i];
		column->opclass_options = get_attoptions(indexid, i + 1);
	}
}

/* A vector attribute of a pg_index tuple, which is never null. */
static void *
vector_attribute(HeapTuple tuple, AttrNumber attnum)
{
	bool		isnull;
	Datum		datum = SysCacheGetAttr(INDEXRELID, tuple, attnum, &isnull);

	Assert(!isnull);
	return DatumGetPointer(datum);
}

/* A pg_node_tree attribute of a pg_index tuple as a node, or NULL. */
static void *
node_attribute(HeapTuple tuple, AttrNumber attnum)
{
	bool		isnull;
	Datum		datum = SysCacheGetAttr(INDEXRELID, tuple, attnum, &isnull);

	return isnull ? NULL : stringToNode(TextDatumGetCString(datum));
}

/* The same keys in the same order over the same rows with the same payload. */
static bool
same_index(IndexShape *a, IndexShape *b)
{
	if (a->nkeys != b->nkeys || a->ncolumns != b->ncolumns ||
		!same_order(a, b, 0) || !equal(a->predicate, b->predicate))
		return false;

	for (int i = 0; i < a->ncolumns; i++)
	{
		if (i < a->nkeys ? !same_key(&a->columns[i], &b->columns[i])
			: !has_column(b, &a->columns[i], b->nkeys))
			return false;
	}
	return true;
}

/*
 * a's keys are the first keys of b, read forwards or backwards, b carries all
 * of a's payload, and each row of a is in b.  Only a btree can stand in for
 * another one like this.
 */
static bool
covered_by(IndexShape *a, IndexShape *b)
{
	if (a->am != BTREE_AM_OID || a->nkeys > b->nkeys ||
		!(same_order(a, b, 0) ||
		  same_order(a, b, INDOPTION_DESC | INDOPTION_NULLS_FIRST)))
		return false;

	for (int i = 0; i < a->ncolumns; i++)
	{
		if (i < a->nkeys ? !same_key(&a->columns[i], &b->columns[i])
			: !has_column(b, &a->columns[i], 0))
			return false;
	}
	return b->predicate == NIL ||
		(a->predicate != NIL &&
		 predicate_implied_by(b->predicate, a->predicate, false));
}

/* Dropping a loses no uniqueness that b does not keep up. */
static bool
enforces_no_more(IndexShape *a, IndexShape *b)
{
	if (!a->unique)
		return true;
	return b->unique && a->nkeys == b->nkeys &&
		a->immediate == b->immediate &&
		a->nulls_not_distinct == b->nulls_not_distinct &&
		equal(a->predicate, b->predicate);
}

static bool
same_key(IndexColumn *a, IndexColumn *b)
{
	return same_source(a, b) &&
		a->collation == b->collation &&
		a->opfamily == b->opfamily &&
		a->opcintype == b->opcintype &&
		same_options(a->opclass_options, b->opclass_options);
}

static bool
same_source(IndexColumn *a, IndexColumn *b)
{
	return a->attnum == b->attnum && equal(a->expression, b->expression);
}

/* Operator class options are compared as the text[] that stores them. */
static bool
same_options(Datum a, Datum b)
{
	if (a == (Datum) 0 || b == (Datum) 0)
		return a == b;
	return datumIsEqual(a, b, false, -1);
}

/* The directions of a's keys are b's, each with the bits "flipped" turned. */
static bool
same_order(IndexShape *a, IndexShape *b, int16 flipped)
{
	for (int i = 0; i < a->nkeys; i++)
	{
		if (a->columns[i].direction != (b->columns[i].direction ^ flipped))
			return false;
	}
	return true;
}

static bool
has_column(IndexShape *shape, IndexColumn *wanted, int from)
{
	for (int i = from; i < shape->ncolumns; i++)
	{
		if (same_source(wanted, &shape->columns[i]))
			return true;
	}
	return false;
}

/*
 * The first nkeys keys of the index are the given columns, in any order, and
 * the index can be searched with the operators of the constraint.
 */
static bool
keys_lead(IndexShape *shape, int nkeys, AttrNumber *attnums, Oid *operators)
{
	if (shape->nkeys < nkeys)
		return false;
	/* Only these find a key by equality without scanning much else. */
	if (shape->am != BTREE_AM_OID &&
		!(shape->am == HASH_AM_OID && nkeys == 1))
		return false;

	for (int i = 0; i < nkeys; i++)
	{
		int			position;
		IndexColumn *column;
		Oid			type;
		int32		typmod;
		Oid			collation;

		for (position = 0; position < nkeys; position++)
		{
			if (shape->columns[position].attnum == attnums[i])
				break;
		}
		if (position == nkeys)
			return false;

		column = &shape->columns[position];
		get_atttypetypmodcoll(shape->table, attnums[i],
							  &type, &typmod, &collation);
		if (column->collation != collation ||
			!op_in_opfamily(operators[i], column->opfamily))
			return false;
	}
	return true;
}

/* "column IS NOT NULL" for each of the columns: what a lookup implies. */
static List *
not_null_clauses(Oid table, int nkeys, AttrNumber *attnums)
{
	List	   *clauses = NIL;

	for (int i = 0; i < nkeys; i++)
	{
		NullTest   *test = makeNode(NullTest);
		Oid			type;
		int32		typmod;
		Oid			collation;

		get_atttypetypmodcoll(table, attnums[i], &type, &typmod, &collation);
		test->arg = (Expr *) makeVar(1, attnums[i], type, typmod, collation, 0);
		test->nulltesttype = IS_NOT_NULL;
		test->location = -1;
		clauses = lappend(clauses, test);
	}
	return clauses;
}
