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
 * Locking: none on user relations to compare; everything comes from the catalog
 * caches.  An index that is dropped meanwhile compares as different.  To write a
 * definition, AccessShareLock on the table and the index, conditionally.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "facts/availability.h"
#include "facts/index_compare.h"

#include "access/htup_details.h"
#include "catalog/index.h"
#include "catalog/pg_am.h"
#include "catalog/pg_class.h"
#include "catalog/pg_constraint.h"
#include "catalog/pg_index.h"
#include "commands/defrem.h"
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
	Datum		options;		/* text[] of WITH (...), or 0 */
	bool		unique;
	bool		exclusion;
	bool		immediate;		/* uniqueness checked at once */
	bool		nulls_not_distinct;
	int			nkeys;
	int			ncolumns;		/* keys, then included columns */
	IndexColumn columns[INDEX_MAX_KEYS];
	List	   *predicate;		/* implicitly ANDed; NIL for a full index */
} IndexShape;

typedef struct ColumnType
{
	Oid			type;
	int32		typmod;
	Oid			collation;
} ColumnType;

/* A foreign key, as a lookup of the rows that reference a given key sees it. */
typedef struct ForeignKey
{
	Oid			table;
	Oid			referenced;		/* table */
	int			nkeys;
	AttrNumber	attnums[INDEX_MAX_KEYS];
	AttrNumber	referenced_attnums[INDEX_MAX_KEYS];
	Oid			operators[INDEX_MAX_KEYS];	/* referenced = referencing */
	ColumnType	types[INDEX_MAX_KEYS];
	ColumnType	referenced_types[INDEX_MAX_KEYS];
} ForeignKey;

static bool load_foreign_key(ForeignKey *key, Oid constraintid);
static bool load_type(ColumnType *type, Oid table, AttrNumber attnum);
static IndexShape *load_shape(Oid indexid);
static bool load_columns(IndexShape *shape, Oid indexid, HeapTuple tuple);
static bool load_options(Datum *options, Oid indexid, AttrNumber attnum);
static void *vector_attribute(HeapTuple tuple, AttrNumber attnum);
static void *node_attribute(HeapTuple tuple, AttrNumber attnum);
static bool same_index(IndexShape *a, IndexShape *b);
static bool includes_all(IndexShape *a, IndexShape *b);
static bool options_matter(Oid am);
static bool covered_by(IndexShape *a, IndexShape *b);
static bool enforces_no_more(IndexShape *a, IndexShape *b);
static bool same_key(IndexColumn *a, IndexColumn *b);
static bool same_source(IndexColumn *a, IndexColumn *b);
static bool same_options(Datum a, Datum b);
static bool same_order(IndexShape *a, IndexShape *b, int16 flipped);
static bool has_column(IndexShape *shape, IndexColumn *wanted, int from);
static bool finds_by_equality(Oid am);
static bool keys_lead(IndexShape *shape, ForeignKey *key);
static Oid	lookup_collation(ForeignKey *key, int position);
static List *not_null_clauses(ForeignKey *key);

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
	ForeignKey	key;

	if (shape == NULL || !load_foreign_key(&key, constraintid) ||
		shape->table != key.table || !keys_lead(shape, &key))
		return false;

	return shape->predicate == NIL ||
		predicate_implied_by(shape->predicate, not_null_clauses(&key), false);
}

/*
 * Whether an ordinary btree on the columns of the foreign key would serve it.
 * Not so where the constraint compares them as another type: an integer that
 * references a numeric is cast on every row.
 */
bool
dba_foreign_key_indexable(Oid constraintid)
{
	ForeignKey	key;

	if (!load_foreign_key(&key, constraintid))
		return false;

	for (int i = 0; i < key.nkeys; i++)
	{
		Oid			opclass = GetDefaultOpClass(key.types[i].type,
												BTREE_AM_OID);

		if (!OidIsValid(opclass) ||
			!op_in_opfamily(key.operators[i], get_opclass_family(opclass)))
			return false;
	}
	return true;
}

/*
 * Whether the index is valid now; false also when it is gone.  A query sees
 * pg_index as its snapshot does, and one that has just been built concurrently
 * would still look broken to it.
 */
bool
dba_index_is_valid(Oid indexid)
{
	HeapTuple	tuple = SearchSysCache1(INDEXRELID, ObjectIdGetDatum(indexid));
	bool		valid;

	if (!HeapTupleIsValid(tuple))
		return false;
	valid = ((Form_pg_index) GETSTRUCT(tuple))->indisvalid;
	ReleaseSysCache(tuple);
	return valid;
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

	/* DROP INDEX CONCURRENTLY waits for nobody who has locked the table. */
	if (!dba_relation_try_lock(indexid))
	{
		dba_relation_unlock(table);
		return NULL;
	}
	name = get_rel_name(indexid);
	definition = name == NULL ? NULL : pg_get_indexdef_string(indexid);
	dba_relation_unlock(indexid);
	dba_relation_unlock(table);
	if (definition == NULL)
		return NULL;

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

/* Reads the foreign key from the catalog caches; false when it is gone. */
static bool
load_foreign_key(ForeignKey *key, Oid constraintid)
{
	HeapTuple	tuple = SearchSysCache1(CONSTROID,
										ObjectIdGetDatum(constraintid));
	Form_pg_constraint form;

	if (!HeapTupleIsValid(tuple))
		return false;
	form = (Form_pg_constraint) GETSTRUCT(tuple);
	if (form->contype != CONSTRAINT_FOREIGN)
	{
		ReleaseSysCache(tuple);
		return false;
	}
	key->table = form->conrelid;
	key->referenced = form->confrelid;
	DeconstructFkConstraintRow(tuple, &key->nkeys, key->attnums,
							   key->referenced_attnums, key->operators,
							   NULL, NULL, NULL, NULL);
	ReleaseSysCache(tuple);

	for (int i = 0; i < key->nkeys; i++)
	{
		if (!load_type(&key->types[i], key->table, key->attnums[i]) ||
			!load_type(&key->referenced_types[i], key->referenced,
					   key->referenced_attnums[i]))
			return false;
	}
	return true;
}

/*
 * The type of the column; false when it is gone, for which the functions of
 * the server raise an error.
 */
static bool
load_type(ColumnType *type, Oid table, AttrNumber attnum)
{
	HeapTuple	tuple = SearchSysCacheAttNum(table, attnum);
	Form_pg_attribute form;

	if (!HeapTupleIsValid(tuple))
		return false;
	form = (Form_pg_attribute) GETSTRUCT(tuple);
	type->type = form->atttypid;
	type->typmod = form->atttypmod;
	type->collation = form->attcollation;
	ReleaseSysCache(tuple);
	return true;
}

/* Reads the index from the catalog caches; NULL when it is not there. */
static IndexShape *
load_shape(Oid indexid)
{
	HeapTuple	tuple = SearchSysCache1(INDEXRELID, ObjectIdGetDatum(indexid));
	Form_pg_index form;
	IndexShape *shape;
	HeapTuple	class;
	bool		isnull;
	bool		complete;

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
	shape->options = SysCacheGetAttr(RELOID, class, Anum_pg_class_reloptions,
									 &isnull);
	shape->options = isnull ? (Datum) 0 :
		PointerGetDatum(DatumGetArrayTypePCopy(shape->options));
	shape->table = form->indrelid;
	shape->unique = form->indisunique;
	shape->exclusion = form->indisexclusion;
	shape->immediate = form->indimmediate;
	shape->nulls_not_distinct = form->indnullsnotdistinct;
	shape->nkeys = form->indnkeyatts;
	shape->ncolumns = form->indnatts;
	complete = load_columns(shape, indexid, tuple);

	shape->predicate = node_attribute(tuple, Anum_pg_index_indpred);
	if (shape->predicate != NIL)
	{
		Expr	   *qual = canonicalize_qual((Expr *) shape->predicate, false);

		shape->predicate = make_ands_implicit(qual);
		fix_opfuncids((Node *) shape->predicate);
	}

	ReleaseSysCache(class);
	ReleaseSysCache(tuple);
	return complete ? shape : NULL;
}

/* False when the index has gone since its tuple was read. */
static bool
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
		if (!load_options(&column->opclass_options, indexid, i + 1))
			return false;
	}
	return true;
}

/* The options of a key's operator class; false when the index is gone. */
static bool
load_options(Datum *options, Oid indexid, AttrNumber attnum)
{
	HeapTuple	tuple = SearchSysCache2(ATTNUM, ObjectIdGetDatum(indexid),
										Int16GetDatum(attnum));
	bool		isnull;
	Datum		stored;

	if (!HeapTupleIsValid(tuple))
		return false;
	stored = SysCacheGetAttr(ATTNUM, tuple, Anum_pg_attribute_attoptions,
							 &isnull);
	*options = isnull ? (Datum) 0 :
		PointerGetDatum(DatumGetArrayTypePCopy(stored));
	ReleaseSysCache(tuple);
	return true;
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
		!same_order(a, b, 0) || !equal(a->predicate, b->predicate) ||
		(options_matter(a->am) && !same_options(a->options, b->options)))
		return false;

	for (int i = 0; i < a->nkeys; i++)
	{
		if (!same_key(&a->columns[i], &b->columns[i]))
			return false;
	}
	return includes_all(a, b) && includes_all(b, a);
}

/* Whatever a includes, b includes. */
static bool
includes_all(IndexShape *a, IndexShape *b)
{
	for (int i = a->nkeys; i < a->ncolumns; i++)
	{
		if (!has_column(b, &a->columns[i], b->nkeys))
			return false;
	}
	return true;
}

/*
 * Storage parameters say how full the pages of the older access methods are.
 * Of any other they say what the index can do: pages_per_range of BRIN, the
 * lists and neighbours of a vector index, the signature of a bloom filter.
 */
static bool
options_matter(Oid am)
{
	return am != BTREE_AM_OID && am != HASH_AM_OID && am != GIST_AM_OID &&
		am != GIN_AM_OID && am != SPGIST_AM_OID;
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

/*
 * Dropping a loses no uniqueness that b does not keep up, provided that b has
 * the same keys and at least the rows of a.
 */
static bool
enforces_no_more(IndexShape *a, IndexShape *b)
{
	if (!a->unique)
		return true;
	return b->unique && a->nkeys == b->nkeys &&
		a->immediate == b->immediate &&
		a->nulls_not_distinct == b->nulls_not_distinct;
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
 * Whether the method goes straight to the rows with a given key.  BRIN and
 * bloom filters read all of themselves, and then much of the table.
 */
static bool
finds_by_equality(Oid am)
{
	return am == BTREE_AM_OID || am == HASH_AM_OID || am == GIST_AM_OID ||
		am == SPGIST_AM_OID || am == GIN_AM_OID;
}

/*
 * The first keys of the index are the columns of the foreign key, in any
 * order, and the index can be searched with the operators of the constraint.
 */
static bool
keys_lead(IndexShape *shape, ForeignKey *key)
{
	if (shape->nkeys < key->nkeys || !finds_by_equality(shape->am))
		return false;

	for (int i = 0; i < key->nkeys; i++)
	{
		int			position;
		IndexColumn *column;

		for (position = 0; position < key->nkeys; position++)
		{
			if (shape->columns[position].attnum == key->attnums[i])
				break;
		}
		if (position == key->nkeys)
			return false;

		column = &shape->columns[position];
		if ((OidIsValid(column->collation) &&
			 column->collation != lookup_collation(key, i)) ||
			!op_in_opfamily(key->operators[i], column->opfamily))
			return false;
	}
	return true;
}

/*
 * The collation in which the server looks for referencing rows: that of the
 * referencing column, unless the referenced one is non-deterministic and so
 * has a meaning of equality of its own (ri_GenerateQualCollation).
 */
static Oid
lookup_collation(ForeignKey *key, int position)
{
	Oid			referenced = key->referenced_types[position].collation;

	if (OidIsValid(referenced) && !get_collation_isdeterministic(referenced))
		return referenced;
	return key->types[position].collation;
}

/* "column IS NOT NULL" for each of the columns: what a lookup implies. */
static List *
not_null_clauses(ForeignKey *key)
{
	List	   *clauses = NIL;

	for (int i = 0; i < key->nkeys; i++)
	{
		NullTest   *test = makeNode(NullTest);
		ColumnType *type = &key->types[i];

		test->arg = (Expr *) makeVar(1, key->attnums[i], type->type,
									 type->typmod, type->collation, 0);
		test->nulltesttype = IS_NOT_NULL;
		test->location = -1;
		clauses = lappend(clauses, test);
	}
	return clauses;
}
