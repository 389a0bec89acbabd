/*-------------------------------------------------------------------------
 *
 * generate.c
 *	  Which indexes could help a statement: every one that the planner takes.
 *
 * Looks at each table of a statement while it is planned.  Whatever is compared
 * or sorted by there is tried as an index of its own, with every operator class
 * that takes its type; what the planner finds a use for is combined, and the
 * combinations are tried.  One is kept if it gives a way into the table that no
 * existing index, and no shorter one, gives as cheaply.
 *
 * Locking: none; the planner has locked the tables.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "compat.h"
#include "advise/access.h"
#include "advise/generate.h"
#include "advise/opclasses.h"
#include "advise/rewrite.h"
#include "advise/trial.h"

#include <math.h>

#include "access/htup_details.h"
#include "access/stratnum.h"
#include "access/sysattr.h"
#include "access/transam.h"
#include "catalog/pg_am.h"
#include "catalog/pg_class.h"
#include "catalog/pg_index.h"
#include "catalog/pg_statistic.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "optimizer/restrictinfo.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/selfuncs.h"
#include "utils/syscache.h"

/* Fewer rows or pages are read as quickly without an index. */
#define MIN_TUPLES 1000
#define MIN_PAGES 50

/* An index that is not this much cheaper than what there is adds nothing. */
#define MARGIN 0.02

/*
 * An index through which more of the table is read gains little, and that by
 * estimates that are the least certain; unless it gives an order, or all that is
 * wanted.
 */
#define MAX_SHARE 0.15

/* Bytes of a value that a hash is much shorter than. */
#define LONG_VALUE 64

/* BRIN pays for tables of so many pages whose rows lie in order. */
#define BRIN_PAGES 1000
#define BRIN_CORRELATION 0.9

/* What included columns must save, and how wide they may be together. */
#define COVERING_MARGIN 0.10
#define MAX_INCLUDED 6
#define MAX_COVERING_SHARE 0.6	/* of the width of a row, keys and all */

/*
 * A predicate lets in at most this share of the rows; of a column with few values
 * it is the rare one, which has half of what would be its part at most.
 */
#define PARTIAL_SHARE 0.25
#define FEW_VALUES 20
#define RARE_SHARE 0.5

/* An index that was tried. */
typedef struct Tried
{
	DbaHypoIndex *index;
	List	   *columns;		/* DbaKeyColumn; NIL of another than a btree */
	List	   *predicate;		/* as the statement has it */
	List	   *paths;
	bool		kept;
	bool		fallback;		/* for want of a better one */
} Tried;

typedef struct Generation
{
	DbaGenerator *generator;
	DbaTrial	trial;
	DbaOperands *operands;
	List	   *keys;			/* DbaKey of btrees */
	List	   *served;			/* RestrictInfos that a btree serves */
	List	   *tried;			/* Tried */
} Generation;

static bool worth_trying(Generation *generation);
static bool is_analyzed(Oid relid, AttrNumber columns);
static bool has_time(Oid function, Oid relid);
static void leave_out_defeated(Generation *generation);
static void find_keys(Generation *generation);
static bool find_key(Generation *generation, DbaOperand *operand, Oid opclass);
static bool sorts_sensibly(Oid type);
static void classify(Generation *generation, DbaKey *key, IndexPath *path);
static void classify_clause(DbaKey *key, const IndexClause *clause, bool is_join);
static bool is_equality(const RestrictInfo *qual, Oid opfamily);
static List *sort_columns(Generation *generation);
static List *row_columns(Generation *generation);
static void try_combinations(Generation *generation);
static Tried *try_index(Generation *generation, DbaHypoIndex *index, List *columns,
						List *predicate);
static List *strong_paths(Generation *generation, List *paths);
static List *paths_of_beginnings(Generation *generation, List *columns, List *predicate);
static void try_special(Generation *generation, DbaOperand *operand, Oid am);
static bool serves_more(Generation *generation, List *paths);
static void try_small(Generation *generation);
static void try_hash(Generation *generation, const DbaKey *key, bool is_long);
static Tried *try_small_index(Generation *generation, const DbaKey *key, Oid am);
static bool is_correlated(Oid relid, AttrNumber attnum);
static void try_partial(Generation *generation);
static List *predicates(Generation *generation);
static bool is_predicate(Generation *generation, RestrictInfo *rinfo);
static Node *predicate_column(Node *clause);
static bool op_is_equality(Oid operator);
static void try_with_predicate(Generation *generation, RestrictInfo *rinfo);
static bool has_partial(Generation *generation, RestrictInfo *rinfo);
static bool try_partial_index(Generation *generation, List *columns, List *predicate);
static List *without_operand(List *columns, Node *operand);
static void try_covering(Generation *generation);
static List *columns_to_include(Generation *generation, const Tried *tried);
static int	column_width(const DbaTrial *trial, AttrNumber attnum);
static double row_width(Generation *generation);
static void try_disjunctions(Generation *generation);
static List *indexes_for_disjunctions(Generation *generation);
static void keep_group(Generation *generation, List *indexes, Path *path);

void
dba_generate(PlannerInfo *root, RelOptInfo *rel, RangeTblEntry *rte, void *arg)
{
	Generation	generation = {.generator = arg};
	ListCell   *cell;
	ListCell   *method;

	if (!dba_trial_begin(&generation.trial, root, rel, rte) || !worth_trying(&generation))
		return;
	generation.operands = dba_operands_find(root, rel);
	leave_out_defeated(&generation);
	find_keys(&generation);
	try_combinations(&generation);
	foreach(method, generation.generator->special_methods)
	{
		foreach(cell, generation.operands->all)
			try_special(&generation, lfirst(cell), lfirst_oid(method));
	}
	try_small(&generation);
	try_partial(&generation);
	try_covering(&generation);
	foreach(cell, generation.tried)
	{
		Tried	   *tried = lfirst(cell);

		if (tried->kept && tried->fallback)
			dba_pool_add_fallback(generation.generator->pool, tried->index);
		else if (tried->kept)
			(void) dba_pool_add(generation.generator->pool, tried->index);
	}
	try_disjunctions(&generation);
}

/* Whether an index on it could matter, and can be judged. */
static bool
worth_trying(Generation *generation)
{
	const DbaTrial *trial = &generation->trial;
	DbaGenerator *generator = generation->generator;

	if (trial->relid < FirstNormalObjectId ||
		get_rel_persistence(trial->relid) == RELPERSISTENCE_TEMP ||
		trial->place->tuples < MIN_TUPLES || trial->place->pages < MIN_PAGES)
		return false;
	if (!is_analyzed(trial->place_relid, trial->place->max_attr))
	{
		MemoryContext caller = MemoryContextSwitchTo(generator->pool->context);

		generator->unanalyzed = list_append_unique_oid(generator->unanalyzed, trial->relid);
		MemoryContextSwitchTo(caller);
		return false;
	}
	return true;
}

/*
 * VACUUM counts rows as well, but only ANALYZE leaves statistics; or none, of
 * columns that are to have none.
 */
static bool
is_analyzed(Oid relid, AttrNumber columns)
{
	for (AttrNumber i = 1; i <= columns; i++)
	{
		if (SearchSysCacheExists3(STATRELATTINH, ObjectIdGetDatum(relid), Int16GetDatum(i),
								  BoolGetDatum(false)))
			return true;
	}
	return has_time(F_PG_STAT_GET_LAST_ANALYZE_TIME, relid) ||
		has_time(F_PG_STAT_GET_LAST_AUTOANALYZE_TIME, relid);
}

/* Whether the function of a relation gives anything. */
static bool
has_time(Oid function, Oid relid)
{
	LOCAL_FCINFO(fcinfo, 1);
	FmgrInfo	info;

	fmgr_info(function, &info);
	InitFunctionCallInfoData(*fcinfo, &info, 1, InvalidOid, NULL, NULL);
	fcinfo->args[0].value = ObjectIdGetDatum(relid);
	fcinfo->args[0].isnull = false;
	(void) FunctionCallInvoke(fcinfo);
	return !fcinfo->isnull;
}

/* What the statement should not compare at all is nothing to make an index of. */
static void
leave_out_defeated(Generation *generation)
{
	ListCell   *cell;
	ListCell   *other;

	foreach(cell, generation->operands->all)
	{
		DbaOperand *operand = lfirst(cell);
		List	   *own;

		if (operand->attnum != 0 || generation->generator->defeated == NIL)
			continue;
		own = dba_trial_canonical(&generation->trial, list_make1(operand->expr));
		foreach(other, generation->generator->defeated)
		{
			const DbaDefeated *defeated = lfirst(other);

			if (defeated->relid != generation->trial.relid ||
				!equal(defeated->expr, dba_masked(linitial(own), NULL)))
				continue;
			generation->operands->all =
				foreach_delete_current(generation->operands->all, cell);
			break;
		}
	}
}

/* ------------------------------------------------------------------------
 * Columns that a btree serves
 * ------------------------------------------------------------------------ */

/* The default operator class first; another only for what that does not serve. */
static void
find_keys(Generation *generation)
{
	ListCell   *cell;

	foreach(cell, generation->operands->all)
	{
		DbaOperand *operand = lfirst(cell);
		ListCell   *opclass;

		if (!sorts_sensibly(operand->type))
			continue;
		foreach(opclass, dba_opclasses_for(BTREE_AM_OID, operand->type))
			(void) find_key(generation, operand, lfirst_oid(opclass));
	}
}

/* These have an order only so that they can be sorted at all. */
static bool
sorts_sensibly(Oid type)
{
	Oid			base = getBaseType(type);

	return base != JSONBOID && base != TSVECTOROID && base != TSQUERYOID;
}

/* Tries the operand alone, and remembers how the planner uses it. */
static bool
find_key(Generation *generation, DbaOperand *operand, Oid opclass)
{
	DbaKey	   *key = palloc0(sizeof(DbaKey));
	DbaHypoIndex *index;
	List	   *paths;
	ListCell   *cell;
	int			served = list_length(generation->served);

	key->column.operand = operand;
	key->column.opclass = opclass;
	key->selectivity = 1;
	index = dba_trial_index(&generation->trial, BTREE_AM_OID, list_make1(&key->column), NIL, NIL);
	paths = dba_trial_paths(&generation->trial, index);
	foreach(cell, paths)
	{
		ListCell   *part;

		foreach(part, dba_access_index_paths(lfirst(cell)))
			classify(generation, key, lfirst(part));
	}
	if (served == list_length(generation->served) && !key->equal_join)
		return false;
	generation->keys = lappend(generation->keys, key);
	return true;
}

static void
classify(Generation *generation, DbaKey *key, IndexPath *path)
{
	bool		is_join = path->path.param_info != NULL;
	ListCell   *cell;

	foreach(cell, path->indexclauses)
	{
		const IndexClause *clause = lfirst_node(IndexClause, cell);

		if (!is_join && list_member_ptr(generation->served, clause->rinfo))
			continue;
		if (!is_join)
		{
			generation->served = lappend(generation->served, clause->rinfo);
			key->selectivity = Min(key->selectivity, path->indexselectivity);
		}
		classify_clause(key, clause, is_join &&
						!bms_is_subset(clause->rinfo->clause_relids, path->path.parent->relids));
	}
}

static void
classify_clause(DbaKey *key, const IndexClause *clause, bool is_join)
{
	Oid			opfamily = get_opclass_family(key->column.opclass);
	ListCell   *cell;

	foreach(cell, clause->indexquals)
	{
		if (!is_equality(lfirst_node(RestrictInfo, cell), opfamily))
			key->range = true;
		else if (is_join)
			key->equal_join = true;
		else
			key->equal = true;
	}
}

static bool
is_equality(const RestrictInfo *qual, Oid opfamily)
{
	const Expr *clause = qual->clause;

	if (IsA(clause, OpExpr))
		return get_op_opfamily_strategy(((const OpExpr *) clause)->opno, opfamily) ==
			BTEqualStrategyNumber;
	if (IsA(clause, ScalarArrayOpExpr))
		return get_op_opfamily_strategy(((const ScalarArrayOpExpr *) clause)->opno, opfamily) ==
			BTEqualStrategyNumber;
	return IsA(clause, NullTest) && ((const NullTest *) clause)->nulltesttype == IS_NULL;
}

/* ------------------------------------------------------------------------
 * Several columns
 * ------------------------------------------------------------------------ */

static void
try_combinations(Generation *generation)
{
	ListCell   *cell;

	foreach(cell, dba_combine(generation->keys, sort_columns(generation),
							  row_columns(generation), generation->generator->max_columns))
	{
		DbaHypoIndex *index = dba_trial_index(&generation->trial, BTREE_AM_OID, lfirst(cell),
											  NIL, NIL);

		CHECK_FOR_INTERRUPTS();
		(void) try_index(generation, index, lfirst(cell), NIL);
	}
}

/* The orders that the statement wants, as columns of an index. */
static List *
sort_columns(Generation *generation)
{
	List	   *result = NIL;
	ListCell   *cell;

	foreach(cell, generation->operands->orders)
	{
		List	   *columns = NIL;
		ListCell   *item;

		foreach(item, (List *) lfirst(cell))
		{
			const DbaSortColumn *wanted = lfirst(item);
			DbaKeyColumn *column = palloc0(sizeof(DbaKeyColumn));

			column->operand = wanted->operand;
			column->flags = wanted->flags;
			column->opclass = dba_opclass_of_family(BTREE_AM_OID, wanted->operand->type,
													wanted->opfamily);
			if (!OidIsValid(column->opclass) || !sorts_sensibly(wanted->operand->type))
				break;
			columns = lappend(columns, column);
		}
		if (columns == NIL)
			continue;
		if (!dba_columns_plain(columns))
			result = lappend(result, dba_columns_as_plain(columns));
		result = lappend(result, columns);
	}
	return result;
}

/* The rows that are compared as a whole, likewise. */
static List *
row_columns(Generation *generation)
{
	List	   *result = NIL;
	ListCell   *cell;

	foreach(cell, generation->operands->rows)
	{
		List	   *columns = NIL;
		ListCell   *item;

		foreach(item, (List *) lfirst(cell))
		{
			DbaKeyColumn *column = palloc0(sizeof(DbaKeyColumn));
			List	   *opclasses;

			column->operand = lfirst(item);
			opclasses = dba_opclasses_for(BTREE_AM_OID, column->operand->type);
			if (opclasses == NIL)
				break;
			column->opclass = linitial_oid(opclasses);
			columns = lappend(columns, column);
		}
		if (columns != NIL)
			result = lappend(result, columns);
	}
	return result;
}

/* Tries the index; it is kept if it adds to what there is and to shorter ones. */
static Tried *
try_index(Generation *generation, DbaHypoIndex *index, List *columns, List *predicate)
{
	Tried	   *tried = palloc0(sizeof(Tried));
	List	   *others = list_concat_copy(generation->trial.place->pathlist,
										  paths_of_beginnings(generation, columns, predicate));

	tried->index = index;
	tried->columns = columns;
	tried->predicate = predicate;
	tried->paths = dba_trial_paths(&generation->trial, index);
	if (index->am != BRIN_AM_OID)
		tried->paths = strong_paths(generation, tried->paths);
	tried->kept = dba_access_adds(tried->paths, others, MARGIN);
	generation->tried = lappend(generation->tried, tried);
	return tried;
}

/* Those that do not read much of the table by way of an index. */
static List *
strong_paths(Generation *generation, List *paths)
{
	List	   *result = NIL;
	ListCell   *cell;

	foreach(cell, paths)
	{
		Path	   *path = lfirst(cell);

		if (path->pathkeys != NIL || path->param_info != NULL ||
			path->pathtype == T_IndexOnlyScan ||
			path->rows <= generation->trial.place->tuples * MAX_SHARE)
			result = lappend(result, path);
	}
	return result;
}

static List *
paths_of_beginnings(Generation *generation, List *columns, List *predicate)
{
	List	   *result = NIL;
	ListCell   *cell;

	foreach(cell, generation->tried)
	{
		const Tried *tried = lfirst(cell);

		if (tried->columns != NIL && tried->predicate == predicate &&
			(dba_columns_begin(columns, tried->columns) ||
			 (dba_columns_plain(tried->columns) &&
			  dba_columns_begin(dba_columns_as_plain(columns), tried->columns))))
			result = list_concat(result, tried->paths);
	}
	return result;
}

/* ------------------------------------------------------------------------
 * Other access methods
 * ------------------------------------------------------------------------ */

/* An index of another kind, for conditions and orders that no btree serves. */
static void
try_special(Generation *generation, DbaOperand *operand, Oid am)
{
	List	   *served = NIL;
	ListCell   *cell;

	foreach(cell, dba_opclasses_for(am, operand->type))
	{
		DbaKeyColumn column = {.operand = operand, .opclass = lfirst_oid(cell)};
		DbaHypoIndex *index = dba_trial_index(&generation->trial, am, list_make1(&column),
											  NIL, NIL);
		List	   *paths = dba_trial_paths(&generation->trial, index);
		ListCell   *path;

		if (!serves_more(generation, paths))
			continue;
		(void) try_index(generation, index, NIL, NIL);
		foreach(path, paths)
		{
			ListCell   *part;

			foreach(part, dba_access_index_paths(lfirst(path)))
				served = list_concat(served, ((IndexPath *) lfirst(part))->indexclauses);
		}
	}
	/* The next access method need not do the same, but another class may. */
	foreach(cell, served)
		generation->served = list_append_unique_ptr(generation->served,
													lfirst_node(IndexClause, cell)->rinfo);
}

/* Whether one of the paths does what none did before. */
static bool
serves_more(Generation *generation, List *paths)
{
	ListCell   *cell;

	foreach(cell, paths)
	{
		ListCell   *part;

		foreach(part, dba_access_index_paths(lfirst(cell)))
		{
			IndexPath  *path = lfirst(part);
			ListCell   *clause;

			if (path->indexorderbys != NIL)
				return true;
			foreach(clause, path->indexclauses)
			{
				RestrictInfo *rinfo = lfirst_node(IndexClause, clause)->rinfo;

				/* Clauses of equality classes are made anew each time. */
				if (!list_member_ptr(generation->served, rinfo) && rinfo->parent_ec == NULL)
					return true;
			}
		}
	}
	return false;
}

/* ------------------------------------------------------------------------
 * Small ones that do a little less
 * ------------------------------------------------------------------------ */

/* Hash where values are long, BRIN where they lie in the order of the rows. */
static void
try_small(Generation *generation)
{
	ListCell   *cell;

	foreach(cell, generation->keys)
	{
		const DbaKey *key = lfirst(cell);
		AttrNumber	attnum = key->column.operand->attnum;

		if (attnum == 0)
			continue;
		if (key->equal || key->equal_join)
			try_hash(generation, key, column_width(&generation->trial, attnum) >= LONG_VALUE);
		if (key->range && generation->trial.place->pages >= BRIN_PAGES &&
			is_correlated(generation->trial.place_relid, attnum))
			try_small_index(generation, key, BRIN_AM_OID);
	}
}

/* A hash of values that are not long only where a btree is not possible. */
static void
try_hash(Generation *generation, const DbaKey *key, bool is_long)
{
	Tried	   *tried;

	if (is_long)
		try_small_index(generation, key, HASH_AM_OID);
	else if (get_typlen(key->column.operand->type) < 0)
	{
		tried = try_small_index(generation, key, HASH_AM_OID);
		if (tried != NULL)
			tried->fallback = true;
	}
}

/* NULL: there is no such operator class. */
static Tried *
try_small_index(Generation *generation, const DbaKey *key, Oid am)
{
	List	   *opclasses = dba_opclasses_for(am, key->column.operand->type);
	DbaKeyColumn column = {.operand = key->column.operand};

	if (opclasses == NIL)
		return NULL;
	column.opclass = linitial_oid(opclasses);
	return try_index(generation, dba_trial_index(&generation->trial, am, list_make1(&column),
												 NIL, NIL), NIL, NIL);
}

/* Whether the rows lie in the order of the column, or in the opposite one. */
static bool
is_correlated(Oid relid, AttrNumber attnum)
{
	HeapTuple	tuple = SearchSysCache3(STATRELATTINH, ObjectIdGetDatum(relid),
										Int16GetDatum(attnum), BoolGetDatum(false));
	AttStatsSlot slot;
	bool		result = false;

	if (!HeapTupleIsValid(tuple))
		return false;
	if (get_attstatsslot(&slot, tuple, STATISTIC_KIND_CORRELATION, InvalidOid,
						 ATTSTATSSLOT_NUMBERS))
	{
		result = slot.nnumbers == 1 && fabsf(slot.numbers[0]) >= BRIN_CORRELATION;
		free_attstatsslot(&slot);
	}
	ReleaseSysCache(tuple);
	return result;
}

/* ------------------------------------------------------------------------
 * Partial indexes
 * ------------------------------------------------------------------------ */

static void
try_partial(Generation *generation)
{
	ListCell   *cell;

	foreach(cell, predicates(generation))
		try_with_predicate(generation, lfirst(cell));
}

/* The conditions that few rows fulfil, of columns that have few values. */
static List *
predicates(Generation *generation)
{
	List	   *result = NIL;
	ListCell   *cell;

	foreach(cell, generation->trial.rel->baserestrictinfo)
	{
		RestrictInfo *rinfo = lfirst_node(RestrictInfo, cell);

		if (is_predicate(generation, rinfo))
			result = lappend(result, rinfo);
	}
	return result;
}

static bool
is_predicate(Generation *generation, RestrictInfo *rinfo)
{
	PlannerInfo *root = generation->trial.root;
	Node	   *clause = (Node *) rinfo->clause;
	Node	   *column = predicate_column(clause);
	VariableStatData vardata;
	bool		is_default;
	double		values;
	Selectivity share;

	if (column == NULL)
		return false;
	share = clause_selectivity(root, (Node *) rinfo, 0, JOIN_INNER, NULL);
	if (share > PARTIAL_SHARE)
		return false;
	if (!IsA(clause, OpExpr))
		return true;
	examine_variable(root, column, 0, &vardata);
	values = get_variable_numdistinct(&vardata, &is_default);
	ReleaseVariableStats(vardata);
	return !is_default && values <= FEW_VALUES && share <= RARE_SHARE / values;
}

/* The column of "column = constant", "column IS NULL", "column", "NOT column". */
static Node *
predicate_column(Node *clause)
{
	if (IsA(clause, Var))
		return clause;
	if (is_notclause(clause) && IsA(get_notclausearg((Expr *) clause), Var))
		return (Node *) get_notclausearg((Expr *) clause);
	if (IsA(clause, NullTest) && IsA(((NullTest *) clause)->arg, Var))
		return (Node *) ((NullTest *) clause)->arg;
	if (IsA(clause, BooleanTest) && IsA(((BooleanTest *) clause)->arg, Var))
		return (Node *) ((BooleanTest *) clause)->arg;
	if (is_opclause(clause) && list_length(((OpExpr *) clause)->args) == 2 &&
		IsA(get_leftop((Expr *) clause), Var) && IsA(get_rightop((Expr *) clause), Const) &&
		op_is_equality(((OpExpr *) clause)->opno))
		return get_leftop((Expr *) clause);
	return NULL;
}

/* Whether the operator is "=" to some btree. */
static bool
op_is_equality(Oid operator)
{
	return get_mergejoin_opfamilies(operator) != NIL;
}

/*
 * Each index that was kept, without the column that the predicate settles.  One on
 * that column alone is the last resort: the planner takes its rows for neighbours.
 */
static void
try_with_predicate(Generation *generation, RestrictInfo *rinfo)
{
	List	   *tried_before = list_copy(generation->tried);
	Node	   *column = predicate_column((Node *) rinfo->clause);
	List	   *predicate = list_make1(rinfo->clause);
	Tried	   *alone = NULL;
	bool		found = false;
	ListCell   *cell;

	foreach(cell, tried_before)
	{
		Tried	   *full = lfirst(cell);
		List	   *columns;

		if (!full->kept || full->predicate != NIL || full->columns == NIL)
			continue;
		columns = without_operand(full->columns, column);
		if (columns == NIL)
			alone = full;
		else
		{
			found |= try_partial_index(generation, columns, predicate);
			if (list_length(columns) < list_length(full->columns) &&
				(found || has_partial(generation, rinfo)))
				full->kept = false;
		}
	}
	if (alone != NULL && (found || has_partial(generation, rinfo) ||
						  try_partial_index(generation, alone->columns, predicate)))
		alone->kept = false;
}

/* Whether there is an index with this predicate. */
static bool
has_partial(Generation *generation, RestrictInfo *rinfo)
{
	ListCell   *cell;

	foreach(cell, generation->trial.rel->indexlist)
	{
		if (list_member(lfirst_node(IndexOptInfo, cell)->indpred, rinfo->clause))
			return true;
	}
	return false;
}

/* Whether an index on these is kept, which may have been tried before. */
static bool
try_partial_index(Generation *generation, List *columns, List *predicate)
{
	ListCell   *cell;
	DbaHypoIndex *index;

	foreach(cell, generation->tried)
	{
		const Tried *tried = lfirst(cell);

		if (tried->predicate == predicate && dba_columns_same(tried->columns, columns))
			return tried->kept;
	}
	index = dba_trial_index(&generation->trial, BTREE_AM_OID, columns, NIL, predicate);
	return try_index(generation, index, columns, predicate)->kept;
}

/* The columns but for this one. */
static List *
without_operand(List *columns, Node *operand)
{
	List	   *result = NIL;
	ListCell   *cell;

	foreach(cell, columns)
	{
		if (!equal(((DbaKeyColumn *) lfirst(cell))->operand->expr, operand))
			result = lappend(result, lfirst(cell));
	}
	return result;
}

/* ------------------------------------------------------------------------
 * Covering indexes
 * ------------------------------------------------------------------------ */

/* Each index that was kept, with the other columns that the statement reads. */
static void
try_covering(Generation *generation)
{
	List	   *tried_before = list_copy(generation->tried);
	ListCell   *cell;

	foreach(cell, tried_before)
	{
		Tried	   *plain = lfirst(cell);
		List	   *included;
		Tried	   *covering;

		if (!plain->kept || plain->columns == NIL)
			continue;
		included = columns_to_include(generation, plain);
		if (included == NIL)
			continue;
		covering = try_index(generation,
							 dba_trial_index(&generation->trial, BTREE_AM_OID, plain->columns,
											 included, plain->predicate),
							 plain->columns, plain->predicate);
		covering->kept = dba_access_adds(covering->paths, plain->paths, COVERING_MARGIN);
	}
}

/* Attributes that are read and are no keys; NIL: none, or too many. */
static List *
columns_to_include(Generation *generation, const Tried *tried)
{
	RelOptInfo *rel = generation->trial.rel;
	Bitmapset  *needed = NULL;
	List	   *result = NIL;
	ListCell   *cell;
	int			member = -1;
	int			width = 0;

	pull_varattnos((Node *) rel->reltarget->exprs, rel->relid, &needed);
	foreach(cell, rel->baserestrictinfo)
		pull_varattnos((Node *) lfirst_node(RestrictInfo, cell)->clause, rel->relid, &needed);
	for (int i = 0; i < tried->index->column_count; i++)
	{
		if (tried->index->columns[i].attnum == 0)
			return NIL;			/* the planner does not see through expressions */
		needed = bms_del_member(needed, tried->index->columns[i].attnum -
								FirstLowInvalidHeapAttributeNumber);
		width += column_width(&generation->trial, tried->index->columns[i].attnum);
	}
	while ((member = bms_next_member(needed, member)) >= 0)
	{
		AttrNumber	attnum = (AttrNumber) (member + FirstLowInvalidHeapAttributeNumber);

		if (attnum <= 0)
			return NIL;			/* a whole row, or where it is */
		width += column_width(&generation->trial, attnum);
		result = lappend_int(result, attnum);
	}
	if (list_length(result) > MAX_INCLUDED || width > row_width(generation) * MAX_COVERING_SHARE)
		return NIL;
	return result;
}

/* Bytes of a value of the table's column, by what is known where it is tried. */
static int
column_width(const DbaTrial *trial, AttrNumber attnum)
{
	const char *name = get_attname(trial->relid, attnum, false);
	int			width = get_attavgwidth(trial->place_relid, get_attnum(trial->place_relid, name));
	Oid			type;
	int32		typmod;
	Oid			collation;

	if (width > 0)
		return width;
	get_atttypetypmodcoll(trial->relid, attnum, &type, &typmod, &collation);
	return get_typavgwidth(type, typmod);
}

/* Bytes that a row of the table takes, values alone. */
static double
row_width(Generation *generation)
{
	const RelOptInfo *place = generation->trial.place;

	return place->pages * (double) BLCKSZ / place->tuples - SizeofHeapTupleHeader;
}

/* ------------------------------------------------------------------------
 * OR
 * ------------------------------------------------------------------------ */

/* One arm's index alone is of no use, so all are tried together. */
static void
try_disjunctions(Generation *generation)
{
	List	   *indexes = indexes_for_disjunctions(generation);
	List	   *paths;
	ListCell   *cell;

	if (indexes == NIL)
		return;
	paths = dba_trial_paths_together(&generation->trial, indexes);
	foreach(cell, paths)
	{
		if (!dba_access_beaten(lfirst(cell), generation->trial.place->pathlist, MARGIN))
			keep_group(generation, indexes, lfirst(cell));
	}
}

/* What is compared anywhere, in every way; NIL if there is no OR. */
static List *
indexes_for_disjunctions(Generation *generation)
{
	RelOptInfo *rel = generation->trial.rel;
	List	   *methods = lcons_oid(BTREE_AM_OID, list_copy(generation->generator->special_methods));
	List	   *result = NIL;
	bool		found = false;
	ListCell   *cell;
	ListCell   *method;
	ListCell   *opclass;

	foreach(cell, rel->baserestrictinfo)
		found |= restriction_is_or_clause(lfirst_node(RestrictInfo, cell));
	foreach(cell, rel->joininfo)
		found |= restriction_is_or_clause(lfirst_node(RestrictInfo, cell));
	if (!found)
		return NIL;
	foreach(cell, generation->operands->all)
	{
		DbaOperand *operand = lfirst(cell);

		foreach(method, methods)
		{
			if (lfirst_oid(method) == BTREE_AM_OID && !sorts_sensibly(operand->type))
				continue;
			foreach(opclass, dba_opclasses_for(lfirst_oid(method), operand->type))
			{
				DbaKeyColumn column = {.operand = operand, .opclass = lfirst_oid(opclass)};

				result = lappend(result, dba_trial_index(&generation->trial, lfirst_oid(method),
														 list_make1(&column), NIL, NIL));
			}
		}
	}
	return result;
}

static void
keep_group(Generation *generation, List *indexes, Path *path)
{
	Bitmapset  *group = NULL;
	ListCell   *cell;

	foreach(cell, dba_access_index_paths(path))
	{
		Oid			place = ((IndexPath *) lfirst(cell))->indexinfo->indexoid;
		int			number = dba_pool_add(generation->generator->pool,
										  list_nth(indexes, (int) place - 1));

		group = bms_add_member(group, number);
	}
	dba_pool_add_group(generation->generator->pool, group);
	dba_pool_mark_grouped(generation->generator->pool, group);
}
