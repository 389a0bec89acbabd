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

#include "advise/access.h"
#include "advise/generate.h"
#include "advise/opclasses.h"
#include "advise/other_methods.h"
#include "advise/variants.h"
#include "advise/rewrite.h"

#include "access/htup_details.h"
#include "catalog/pg_am.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/selfuncs.h"
#include "utils/syscache.h"

/* Fewer rows or pages are read as quickly without an index. */
#define MIN_TUPLES 1000
#define MIN_PAGES 50

/*
 * An index through which more of the table is read gains little, and that by
 * estimates that are the least certain; unless it gives an order, or all that is
 * wanted.
 */
#define MAX_SHARE 0.15

static bool worth_trying(DbaGeneration *generation);
static bool is_analyzed(Oid relid, AttrNumber columns);
static bool has_time(Oid function, Oid relid);
static void leave_out_defeated(DbaGeneration *generation);
static void find_keys(DbaGeneration *generation);
static bool find_key(DbaGeneration *generation, DbaOperand *operand, Oid opclass);
static void classify(DbaGeneration *generation, DbaKey *key, IndexPath *path);
static void classify_clause(DbaKey *key, const IndexClause *clause, bool is_join);
static bool is_equality(const RestrictInfo *qual, Oid opfamily);
static List *sort_columns(DbaGeneration *generation);
static List *row_columns(DbaGeneration *generation);
static void try_combinations(DbaGeneration *generation);
static List *strong_paths(DbaGeneration *generation, List *paths);
static List *paths_of_beginnings(DbaGeneration *generation, List *columns, List *predicate);

void
dba_generate(PlannerInfo *root, RelOptInfo *rel, RangeTblEntry *rte, void *arg)
{
	DbaGeneration	generation = {.generator = arg};
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
			dba_other_special(&generation, lfirst(cell), lfirst_oid(method));
	}
	dba_other_small(&generation);
	dba_variants_partial(&generation);
	dba_variants_covering(&generation);
	foreach(cell, generation.tried)
	{
		DbaTried	   *tried = lfirst(cell);

		if (tried->kept && tried->fallback)
			dba_pool_add_fallback(generation.generator->pool, tried->index);
		else if (tried->kept)
			(void) dba_pool_add(generation.generator->pool, tried->index);
	}
	dba_other_disjunctions(&generation);
}

/* Whether an index on it could matter, and can be judged. */
static bool
worth_trying(DbaGeneration *generation)
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
leave_out_defeated(DbaGeneration *generation)
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
find_keys(DbaGeneration *generation)
{
	ListCell   *cell;

	foreach(cell, generation->operands->all)
	{
		DbaOperand *operand = lfirst(cell);
		ListCell   *opclass;

		if (!dba_generation_sorts(operand->type))
			continue;
		foreach(opclass, dba_opclasses_for(BTREE_AM_OID, operand->type))
			(void) find_key(generation, operand, lfirst_oid(opclass));
	}
}

/* These have an order only so that they can be sorted at all. */
bool
dba_generation_sorts(Oid type)
{
	Oid			base = getBaseType(type);

	return base != JSONBOID && base != TSVECTOROID && base != TSQUERYOID;
}

/* Tries the operand alone, and remembers how the planner uses it. */
static bool
find_key(DbaGeneration *generation, DbaOperand *operand, Oid opclass)
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
classify(DbaGeneration *generation, DbaKey *key, IndexPath *path)
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
try_combinations(DbaGeneration *generation)
{
	ListCell   *cell;

	foreach(cell, dba_combine(generation->keys, sort_columns(generation),
							  row_columns(generation), generation->generator->max_columns))
	{
		DbaHypoIndex *index = dba_trial_index(&generation->trial, BTREE_AM_OID, lfirst(cell),
											  NIL, NIL);

		CHECK_FOR_INTERRUPTS();
		(void) dba_generation_try(generation, index, lfirst(cell), NIL);
	}
}

/* The orders that the statement wants, as columns of an index. */
static List *
sort_columns(DbaGeneration *generation)
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
			if (!OidIsValid(column->opclass) || !dba_generation_sorts(wanted->operand->type))
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
row_columns(DbaGeneration *generation)
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
DbaTried *
dba_generation_try(DbaGeneration *generation, DbaHypoIndex *index, List *columns, List *predicate)
{
	DbaTried	   *tried = palloc0(sizeof(DbaTried));
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
strong_paths(DbaGeneration *generation, List *paths)
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
paths_of_beginnings(DbaGeneration *generation, List *columns, List *predicate)
{
	List	   *result = NIL;
	ListCell   *cell;

	foreach(cell, generation->tried)
	{
		const DbaTried *tried = lfirst(cell);

		if (tried->columns != NIL && tried->predicate == predicate &&
			(dba_columns_begin(columns, tried->columns) ||
			 (dba_columns_plain(tried->columns) &&
			  dba_columns_begin(dba_columns_as_plain(columns), tried->columns))))
			result = list_concat(result, tried->paths);
	}
	return result;
}

/* Bytes of a value of the table's column, by what is known where it is tried. */
int
dba_generation_width(const DbaTrial *trial, AttrNumber attnum)
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
