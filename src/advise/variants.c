/*-------------------------------------------------------------------------
 *
 * variants.c
 *	  Variants of btrees that are kept: with a predicate, with included columns.
 *
 * Each index that adds something is tried again, on the few rows that a condition
 * of the statement lets in, and with the other columns that the statement reads.
 *
 * Locking: none; the planner has locked the tables.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "advise/access.h"
#include "advise/variants.h"

#include "access/htup_details.h"
#include "access/sysattr.h"
#include "catalog/pg_am.h"
#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "utils/lsyscache.h"
#include "utils/selfuncs.h"

/*
 * A predicate lets in at most this share of the rows; of a column with few values
 * it is the rare one, which has half of what would be its part at most.
 */
#define PARTIAL_SHARE 0.25
#define FEW_VALUES 20
#define RARE_SHARE 0.5

/* What included columns must save, and how wide they may be together. */
#define COVERING_MARGIN 0.10
#define MAX_INCLUDED 6
#define MAX_COVERING_SHARE 0.6	/* of the width of a row, keys and all */

static List *predicates(DbaGeneration *generation);
static bool is_predicate(DbaGeneration *generation, RestrictInfo *rinfo);
static Node *predicate_column(Node *clause);
static bool op_is_equality(Oid operator);
static void try_with_predicate(DbaGeneration *generation, RestrictInfo *rinfo);
static bool has_partial(DbaGeneration *generation, RestrictInfo *rinfo);
static bool try_partial_index(DbaGeneration *generation, List *columns, List *predicate);
static List *without_operand(List *columns, Node *operand);
static List *columns_to_include(DbaGeneration *generation, const DbaTried *tried);
static double row_width(DbaGeneration *generation);

/* ------------------------------------------------------------------------
 * Partial indexes
 * ------------------------------------------------------------------------ */

void
dba_variants_partial(DbaGeneration *generation)
{
	ListCell   *cell;

	foreach(cell, predicates(generation))
		try_with_predicate(generation, lfirst(cell));
}

/* The conditions that few rows fulfil, of columns that have few values. */
static List *
predicates(DbaGeneration *generation)
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
is_predicate(DbaGeneration *generation, RestrictInfo *rinfo)
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
try_with_predicate(DbaGeneration *generation, RestrictInfo *rinfo)
{
	List	   *tried_before = list_copy(generation->tried);
	Node	   *column = predicate_column((Node *) rinfo->clause);
	List	   *predicate = list_make1(rinfo->clause);
	DbaTried	   *alone = NULL;
	bool		found = false;
	ListCell   *cell;

	foreach(cell, tried_before)
	{
		DbaTried	   *full = lfirst(cell);
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
has_partial(DbaGeneration *generation, RestrictInfo *rinfo)
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
try_partial_index(DbaGeneration *generation, List *columns, List *predicate)
{
	ListCell   *cell;
	DbaHypoIndex *index;

	foreach(cell, generation->tried)
	{
		const DbaTried *tried = lfirst(cell);

		if (tried->predicate == predicate && dba_columns_same(tried->columns, columns))
			return tried->kept;
	}
	index = dba_trial_index(&generation->trial, BTREE_AM_OID, columns, NIL, predicate);
	return dba_generation_try(generation, index, columns, predicate)->kept;
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
void
dba_variants_covering(DbaGeneration *generation)
{
	List	   *tried_before = list_copy(generation->tried);
	ListCell   *cell;

	foreach(cell, tried_before)
	{
		DbaTried	   *plain = lfirst(cell);
		List	   *included;
		DbaTried	   *covering;

		if (!plain->kept || plain->columns == NIL)
			continue;
		included = columns_to_include(generation, plain);
		if (included == NIL)
			continue;
		covering = dba_generation_try(generation,
							 dba_trial_index(&generation->trial, BTREE_AM_OID, plain->columns,
											 included, plain->predicate),
							 plain->columns, plain->predicate);
		covering->kept = dba_access_adds(covering->paths, plain->paths, COVERING_MARGIN);
	}
}

/* Attributes that are read and are no keys; NIL: none, or too many. */
static List *
columns_to_include(DbaGeneration *generation, const DbaTried *tried)
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
		width += dba_generation_width(&generation->trial, tried->index->columns[i].attnum);
	}
	while ((member = bms_next_member(needed, member)) >= 0)
	{
		AttrNumber	attnum = (AttrNumber) (member + FirstLowInvalidHeapAttributeNumber);

		if (attnum <= 0)
			return NIL;			/* a whole row, or where it is */
		width += dba_generation_width(&generation->trial, attnum);
		result = lappend_int(result, attnum);
	}
	if (list_length(result) > MAX_INCLUDED || width > row_width(generation) * MAX_COVERING_SHARE)
		return NIL;
	return result;
}

/* Bytes that a row of the table takes, values alone. */
static double
row_width(DbaGeneration *generation)
{
	const RelOptInfo *place = generation->trial.place;

	return place->pages * (double) BLCKSZ / place->tuples - SizeofHeapTupleHeader;
}
