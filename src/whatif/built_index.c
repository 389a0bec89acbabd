/*-------------------------------------------------------------------------
 *
 * built_index.c
 *	  Whether an index that was recommended exists by now.
 *
 * Whoever builds it may give it another name, or write its definition in other
 * words.  So the commands are analysed as CREATE INDEX would, and what comes of
 * that is compared with the indexes of the table.
 *
 * Analysing simplifies expressions, which runs functions: as the owner of the
 * table and in the security context in which the server itself builds an index
 * for him.  All happens in a subtransaction that is rolled back.
 *
 * Locking: AccessShareLock on the table, only if it is to be had at once.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "whatif/built_index.h"
#include "whatif/hypo.h"

#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_index.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "optimizer/prep.h"
#include "parser/parser.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/relcache.h"
#include "utils/resowner.h"
#include "utils/syscache.h"

static Oid	find(const char *commands);
static IndexStmt *first_create_index(const char *commands);
static void forget_how_built(IndexStmt *stmt);
static void become_owner(Oid relid);
static Oid	find_among(const List *indexes, const DbaHypoIndex *wanted);
static bool is_it(const DbaHypoIndex *wanted, HeapTuple tuple);
static Oid	access_method(Oid indexid);
static bool same_keys(const DbaHypoIndex *wanted, HeapTuple tuple);
static bool includes_all(const DbaHypoIndex *wanted, HeapTuple tuple);
static Datum attribute(HeapTuple tuple, AttrNumber attnum);
static List *expressions(HeapTuple tuple);
static List *predicate(HeapTuple tuple);
static Node *simplified(HeapTuple tuple, AttrNumber attnum);

/*
 * The valid index that the first CREATE INDEX of the commands describes, under
 * whatever name; none also where that cannot be told (the commands have an error
 * by now, or the table is locked).
 */
Oid
dba_built_index(const char *commands)
{
	MemoryContext caller = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	ErrorData  *volatile failure = NULL;
	volatile Oid result = InvalidOid;

	BeginInternalSubTransaction(NULL);
	PG_TRY();
	{
		MemoryContextSwitchTo(CurTransactionContext);
		result = find(commands);
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(caller);
		failure = CopyErrorData();
		FlushErrorState();
	}
	PG_END_TRY();
	RollbackAndReleaseCurrentSubTransaction();
	MemoryContextSwitchTo(caller);
	CurrentResourceOwner = owner;

	if (failure != NULL && failure->sqlerrcode == ERRCODE_QUERY_CANCELED)
		ReThrowError(failure);
	return result;
}

static Oid
find(const char *commands)
{
	IndexStmt  *stmt = first_create_index(commands);
	Oid			relid;
	DbaHypoIndex *wanted;
	Relation	table;
	Oid			result;

	if (stmt == NULL)
		return InvalidOid;
	relid = RangeVarGetRelid(stmt->relation, NoLock, true);
	if (!OidIsValid(relid) || !ConditionalLockRelationOid(relid, AccessShareLock))
		return InvalidOid;
	become_owner(relid);
	forget_how_built(stmt);
	wanted = dba_hypo_define_parsed(stmt, commands);
	if (wanted->relid != relid)
		return InvalidOid;
	table = table_open(relid, NoLock);
	result = find_among(RelationGetIndexList(table), wanted);
	table_close(table, NoLock);
	return result;
}

static IndexStmt *
first_create_index(const char *commands)
{
	ListCell   *cell;

	foreach(cell, raw_parser(commands, RAW_PARSE_DEFAULT))
	{
		Node	   *statement = lfirst_node(RawStmt, cell)->stmt;

		if (IsA(statement, IndexStmt))
			return (IndexStmt *) statement;
	}
	return NULL;
}

/* Leaves of the command what the index is, however it is made. */
static void
forget_how_built(IndexStmt *stmt)
{
	stmt->idxname = NULL;
	stmt->tableSpace = NULL;
	stmt->concurrent = false;
	stmt->relation->inh = true;
}

/* Until the subtransaction is rolled back. */
static void
become_owner(Oid relid)
{
	HeapTuple	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relid));
	Oid			userid;
	int			context;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for relation %u", relid);
	GetUserIdAndSecContext(&userid, &context);
	SetUserIdAndSecContext(((Form_pg_class) GETSTRUCT(tuple))->relowner,
						   context | SECURITY_LOCAL_USERID_CHANGE |
						   SECURITY_RESTRICTED_OPERATION);
	ReleaseSysCache(tuple);
}

/* ------------------------------------------------------------------------
 * Comparing
 * ------------------------------------------------------------------------ */

static Oid
find_among(const List *indexes, const DbaHypoIndex *wanted)
{
	const ListCell *cell;

	foreach(cell, indexes)
	{
		HeapTuple	tuple = SearchSysCache1(INDEXRELID, ObjectIdGetDatum(lfirst_oid(cell)));
		bool		found;

		if (!HeapTupleIsValid(tuple))
			continue;
		found = is_it(wanted, tuple);
		ReleaseSysCache(tuple);
		if (found)
			return lfirst_oid(cell);
	}
	return InvalidOid;
}

/*
 * Whether it is that index; it may include more columns, and may be unique.  How an
 * operator class was tuned makes it no other index.
 */
static bool
is_it(const DbaHypoIndex *wanted, HeapTuple tuple)
{
	Form_pg_index index = (Form_pg_index) GETSTRUCT(tuple);

	return index->indisvalid && index->indisready && index->indislive &&
		index->indnkeyatts == wanted->key_count &&
		(index->indisunique || !wanted->unique) &&
		access_method(index->indexrelid) == wanted->am &&
		same_keys(wanted, tuple) &&
		includes_all(wanted, tuple) &&
		equal(expressions(tuple), wanted->expressions) &&
		equal(predicate(tuple), wanted->predicate);
}

static Oid
access_method(Oid indexid)
{
	HeapTuple	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(indexid));
	Oid			am = InvalidOid;

	if (HeapTupleIsValid(tuple))
	{
		am = ((Form_pg_class) GETSTRUCT(tuple))->relam;
		ReleaseSysCache(tuple);
	}
	return am;
}

static bool
same_keys(const DbaHypoIndex *wanted, HeapTuple tuple)
{
	const int2vector *attnums = &((Form_pg_index) GETSTRUCT(tuple))->indkey;
	const oidvector *opclasses = (const oidvector *) DatumGetPointer(attribute(tuple, Anum_pg_index_indclass));
	const oidvector *collations = (const oidvector *) DatumGetPointer(attribute(tuple, Anum_pg_index_indcollation));
	const int2vector *flags = (const int2vector *) DatumGetPointer(attribute(tuple, Anum_pg_index_indoption));

	for (int i = 0; i < wanted->key_count; i++)
	{
		const DbaHypoColumn *column = &wanted->columns[i];

		if (attnums->values[i] != column->attnum ||
			opclasses->values[i] != column->opclass ||
			collations->values[i] != column->collation ||
			flags->values[i] != column->flags)
			return false;
	}
	return true;
}

/* Whether it has all columns that are wanted beside the keys. */
static bool
includes_all(const DbaHypoIndex *wanted, HeapTuple tuple)
{
	Form_pg_index index = (Form_pg_index) GETSTRUCT(tuple);

	for (int i = wanted->key_count; i < wanted->column_count; i++)
	{
		bool		found = false;

		for (int j = 0; j < index->indnatts; j++)
			found |= index->indkey.values[j] == wanted->columns[i].attnum;
		if (!found)
			return false;
	}
	return true;
}

/* A column of pg_index that is never null. */
static Datum
attribute(HeapTuple tuple, AttrNumber attnum)
{
	bool		isnull;
	Datum		value = SysCacheGetAttr(INDEXRELID, tuple, attnum, &isnull);

	if (isnull)
		elog(ERROR, "null column %d of pg_index", attnum);
	return value;
}

/* As the planner sees them, and hypo.c makes them. */
static List *
expressions(HeapTuple tuple)
{
	return (List *) simplified(tuple, Anum_pg_index_indexprs);
}

static List *
predicate(HeapTuple tuple)
{
	Node	   *node = simplified(tuple, Anum_pg_index_indpred);

	return make_ands_implicit((Expr *) canonicalize_qual((Expr *) node, false));
}

static Node *
simplified(HeapTuple tuple, AttrNumber attnum)
{
	bool		isnull;
	Datum		value = SysCacheGetAttr(INDEXRELID, tuple, attnum, &isnull);
	Node	   *node;

	if (isnull)
		return NULL;
	node = eval_const_expressions(NULL, stringToNode(TextDatumGetCString(value)));
	fix_opfuncids(node);
	return node;
}
