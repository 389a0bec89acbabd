/*-------------------------------------------------------------------------
 *
 * rewrite.c
 *	  What in a statement could be written so that indexes serve it.
 *
 * Goes through the conditions of an analysed statement, those of its sub-selects
 * and views too, and puts in the place of each what dba_simplify() makes of it.
 * Whether that gains anything the planner is asked afterwards, elsewhere.
 *
 * Locking: demands locks on the tables of the statement.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "advise/rewrite.h"
#include "advise/simplify.h"

#include "access/htup_details.h"
#include "access/transam.h"
#include "catalog/pg_class.h"
#include "catalog/pg_operator.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/clauses.h"
#include "optimizer/optimizer.h"
#include "parser/parse_node.h"
#include "parser/parse_oper.h"
#include "parser/parsetree.h"
#include "tsearch/ts_cache.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

/* Letters in a row that a trigram index needs of a pattern. */
#define MIN_TRIGRAM 3

/* Fewer rows or pages are read as quickly whatever is written. */
#define MIN_TUPLES 1000
#define MIN_PAGES 50

typedef struct Rewriter
{
	ParamListInfo params;
	const Bitmapset *leave;		/* numbers of what is to stay as it is */
	bool		with_trigrams;	/* pg_trgm could be created */
	List	   *queries;		/* the one at hand first, then those around it */
	int			count;
	List	   *found;			/* DbaRewrite */
} Rewriter;

/* What expressions are turned over to their table for. */
typedef struct OverTable
{
	Query	   *query;
	int			varno;			/* in the query; 0: no column yet, -1: not one table */
	Oid			relid;
} OverTable;

static void rewrite_query(Rewriter *rewriter, Query *query);
static bool rewrite_sublinks(Node *node, Rewriter *rewriter);
static void rewrite_from(Rewriter *rewriter, Node *node);
static void rewrite_condition(Rewriter *rewriter, Node **place, bool positive);
static void rewrite_list(Rewriter *rewriter, List *conditions, bool positive);
static void rewrite_leaf(Rewriter *rewriter, Node **place, bool positive);
static Node *better_leaf(Rewriter *rewriter, Node *node, bool positive, DbaRewrite *rewrite);
static Node *better_comparison(Rewriter *rewriter, const OpExpr *expr, bool positive,
							   DbaRewrite *rewrite);
static bool is_comparison(const char *op);
static Node *solved(Rewriter *rewriter, DbaCondition *condition, DbaRewrite *rewrite);
static Node *better_list(Rewriter *rewriter, const ScalarArrayOpExpr *expr,
						 DbaRewrite *rewrite);
static Node *as_containment(Node *value, Node *column, DbaRewrite *rewrite);
static Node *with_configuration(const OpExpr *expr, DbaRewrite *rewrite);
static Node *as_equality(Rewriter *rewriter, const DistinctExpr *expr, DbaRewrite *rewrite);
static Node *pattern_stand_in(Rewriter *rewriter, const OpExpr *expr, DbaRewrite *rewrite);
static bool is_pattern_operator(Oid op);
static bool has_letters(const char *pattern);
static bool is_small(Oid relid);
static Var *table_column(Query *query, Var *var, Oid *relid);
static bool is_free_of_table(Node *value, Node *column);
static bool find_column(Node *node, Var **column);
static List *defeated_parts(Rewriter *rewriter, Node *node);
static Node *as_over_table(Node *node, OverTable *over);

/*
 * Rewrites the query where it stands, but for the conditions with the numbers in
 * "leave"; says what (DbaRewrite) was found, those included.
 */
List *
dba_rewrite(Query *query, ParamListInfo params, const Bitmapset *leave, bool with_trigrams)
{
	Rewriter	rewriter = {
		.params = params, .leave = leave, .with_trigrams = with_trigrams
	};

	rewrite_query(&rewriter, query);
	return rewriter.found;
}

/* ------------------------------------------------------------------------
 * Going through the statement
 * ------------------------------------------------------------------------ */

static void
rewrite_query(Rewriter *rewriter, Query *query)
{
	ListCell   *cell;

	check_stack_depth();
	rewriter->queries = lcons(query, rewriter->queries);
	foreach(cell, query->rtable)
	{
		RangeTblEntry *rte = lfirst_node(RangeTblEntry, cell);

		if (rte->rtekind == RTE_SUBQUERY)
			rewrite_query(rewriter, rte->subquery);
	}
	foreach(cell, query->cteList)
	{
		CommonTableExpr *cte = lfirst_node(CommonTableExpr, cell);

		if (IsA(cte->ctequery, Query))
			rewrite_query(rewriter, (Query *) cte->ctequery);
	}
	rewrite_from(rewriter, (Node *) query->jointree);
	(void) rewrite_sublinks((Node *) query->targetList, rewriter);
	(void) rewrite_sublinks(query->havingQual, rewriter);
	rewriter->queries = list_delete_first(rewriter->queries);
}

static bool
rewrite_sublinks(Node *node, Rewriter *rewriter)
{
	if (node == NULL)
		return false;
	if (IsA(node, SubLink) && IsA(((SubLink *) node)->subselect, Query))
		rewrite_query(rewriter, (Query *) ((SubLink *) node)->subselect);
	if (IsA(node, Query))
		return false;
	return expression_tree_walker(node, rewrite_sublinks, rewriter);
}

static void
rewrite_from(Rewriter *rewriter, Node *node)
{
	ListCell   *cell;

	if (node == NULL)
		return;
	if (IsA(node, FromExpr))
	{
		FromExpr   *from = (FromExpr *) node;

		foreach(cell, from->fromlist)
			rewrite_from(rewriter, lfirst(cell));
		rewrite_condition(rewriter, &from->quals, true);
	}
	else if (IsA(node, JoinExpr))
	{
		JoinExpr   *join = (JoinExpr *) node;

		rewrite_from(rewriter, join->larg);
		rewrite_from(rewriter, join->rarg);
		rewrite_condition(rewriter, &join->quals, true);
	}
}

/* Down to the leaves of AND, OR and NOT. */
static void
rewrite_condition(Rewriter *rewriter, Node **place, bool positive)
{
	Node	   *node = *place;

	if (node == NULL)
		return;
	if (is_notclause(node) && IsA(get_notclausearg((Expr *) node), DistinctExpr) && positive)
		rewrite_leaf(rewriter, place, positive);
	else if (IsA(node, BoolExpr))
		rewrite_list(rewriter, ((BoolExpr *) node)->args,
					 positive && ((BoolExpr *) node)->boolop != NOT_EXPR);
	else if (IsA(node, SubLink))
		(void) rewrite_sublinks(node, rewriter);
	else
	{
		(void) rewrite_sublinks(node, rewriter);
		rewrite_leaf(rewriter, place, positive);
	}
}

static void
rewrite_list(Rewriter *rewriter, List *conditions, bool positive)
{
	ListCell   *cell;

	foreach(cell, conditions)
		rewrite_condition(rewriter, (Node **) &lfirst(cell), positive);
}

static void
rewrite_leaf(Rewriter *rewriter, Node **place, bool positive)
{
	DbaRewrite *rewrite = palloc0(sizeof(DbaRewrite));
	Node	   *better = better_leaf(rewriter, *place, positive, rewrite);

	if (better == NULL)
		return;
	rewrite->number = rewriter->count++;
	rewrite->before = dba_condition_text(rewriter->queries, *place);
	rewrite->after = dba_condition_text(rewriter->queries, better);
	rewrite->defeated = defeated_parts(rewriter, *place);
	rewriter->found = lappend(rewriter->found, rewrite);
	if (!bms_is_member(rewrite->number, rewriter->leave))
		*place = better;
}

/* ------------------------------------------------------------------------
 * One condition
 * ------------------------------------------------------------------------ */

static Node *
better_leaf(Rewriter *rewriter, Node *node, bool positive, DbaRewrite *rewrite)
{
	Node	   *better;

	switch (nodeTag(node))
	{
		case T_OpExpr:
			if (list_length(((OpExpr *) node)->args) != 2 ||
				((OpExpr *) node)->opno >= FirstGenbkiObjectId)
				return NULL;
			better = better_comparison(rewriter, (OpExpr *) node, positive, rewrite);
			if (better == NULL)
				better = with_configuration((OpExpr *) node, rewrite);
			if (better == NULL && rewriter->with_trigrams)
				better = pattern_stand_in(rewriter, (OpExpr *) node, rewrite);
			break;
		case T_ScalarArrayOpExpr:
			better = better_list(rewriter, (ScalarArrayOpExpr *) node, rewrite);
			break;
		case T_BoolExpr:
			better = as_equality(rewriter, (DistinctExpr *) get_notclausearg((Expr *) node),
								 rewrite);
			break;
		default:
			return NULL;
	}
	if (better == NULL ||
		!dba_rewrite_set_column(linitial_node(Query, rewriter->queries), node, rewrite) ||
		is_small(rewrite->relid))
		return NULL;
	return better;
}

/* "side op value", or the other way round. */
static Node *
better_comparison(Rewriter *rewriter, const OpExpr *expr, bool positive, DbaRewrite *rewrite)
{
	Oid			commutator = get_commutator(expr->opno);
	DbaCondition condition = {
		.side = linitial(expr->args), .op = get_opname(expr->opno),
		.value = lsecond(expr->args), .positive = positive
	};
	Node	   *better;

	if (!is_comparison(condition.op))
		return NULL;
	better = solved(rewriter, &condition, rewrite);
	if (better != NULL || !OidIsValid(commutator))
		return better;
	condition.side = lsecond(expr->args);
	condition.op = get_opname(commutator);
	condition.value = linitial(expr->args);
	return solved(rewriter, &condition, rewrite);
}

static bool
is_comparison(const char *op)
{
	static const char *const ops[] = {"=", "<", "<=", ">", ">="};

	for (int i = 0; i < (int) lengthof(ops); i++)
	{
		if (strcmp(op, ops[i]) == 0)
			return true;
	}
	return false;
}

static Node *
solved(Rewriter *rewriter, DbaCondition *condition, DbaRewrite *rewrite)
{
	Node	   *better;

	if (!dba_has_columns(condition->side, NULL) || contain_volatile_functions(condition->value) ||
		!is_free_of_table(condition->value, condition->side))
		return NULL;
	condition->params = rewriter->params;
	condition->why = NULL;
	better = dba_simplify(condition);
	rewrite->why = condition->why;
	return better;
}

/* side IN (...), or value = ANY (column) */
static Node *
better_list(Rewriter *rewriter, const ScalarArrayOpExpr *expr, DbaRewrite *rewrite)
{
	Node	   *left = linitial(expr->args);
	Node	   *right = lsecond(expr->args);
	DbaCondition condition = {
		.side = left, .op = "=", .value = right, .any = true
	};

	if (!expr->useOr || expr->opno >= FirstGenbkiObjectId ||
		strcmp(get_opname(expr->opno), "=") != 0)
		return NULL;
	if (dba_plain_column(right) != NULL)
		return as_containment(left, right, rewrite);
	return solved(rewriter, &condition, rewrite);
}

/* 'x' = ANY (tags): tags @> ARRAY['x'], which a GIN index serves. */
static Node *
as_containment(Node *value, Node *column, DbaRewrite *rewrite)
{
	ArrayExpr  *array = makeNode(ArrayExpr);

	array->element_typeid = get_element_type(exprType(column));
	array->array_typeid = exprType(column);
	array->array_collid = exprCollation(column);
	array->elements = list_make1(copyObject(value));
	array->location = -1;
	if (exprType(value) != array->element_typeid || contain_volatile_functions(value) ||
		!is_free_of_table(value, column))
		return NULL;
	rewrite->why = "ANY of a column looks into one array after the other";
	return dba_operation("@>", column, (Node *) array);
}

/* to_tsvector(story) @@ ...: as it is set now, but said. */
static Node *
with_configuration(const OpExpr *expr, DbaRewrite *rewrite)
{
	Node	   *better = copyObject((Node *) expr);
	ListCell   *cell;
	bool		found = false;

	foreach(cell, ((OpExpr *) better)->args)
	{
		FuncExpr   *call = lfirst(cell);

		if (!IsA(call, FuncExpr) || call->funcid != F_TO_TSVECTOR_TEXT)
			continue;
		call->funcid = F_TO_TSVECTOR_REGCONFIG_TEXT;
		call->args = lcons(makeConst(REGCONFIGOID, -1, InvalidOid, sizeof(Oid),
									 ObjectIdGetDatum(getTSCurrentConfig(true)), false, true),
						   call->args);
		found = true;
	}
	rewrite->why = "to_tsvector() without a configuration depends on a setting";
	return found ? better : NULL;
}

/* column IS NOT DISTINCT FROM a value that is not NULL */
static Node *
as_equality(Rewriter *rewriter, const DistinctExpr *expr, DbaRewrite *rewrite)
{
	Node	   *column = linitial(expr->args);
	Node	   *value = lsecond(expr->args);
	const Const *known;

	if (dba_plain_column(column) == NULL)
	{
		column = value;
		value = linitial(expr->args);
	}
	if (dba_plain_column(column) == NULL || dba_has_columns(value, NULL))
		return NULL;
	known = dba_constant(value, rewriter->params);
	rewrite->why = "IS NOT DISTINCT FROM is no operator that an index knows";
	return known != NULL && !known->constisnull ? dba_comparison(column, "=", value, false) : NULL;
}

/* ------------------------------------------------------------------------
 * Patterns
 * ------------------------------------------------------------------------ */

/*
 * LIKE '%abc%' and the like: there is no better way to write it, but a kind of
 * index that is not installed.  For the costs' sake an equality stands in, which
 * finds few rows by an index as the pattern would.
 */
static Node *
pattern_stand_in(Rewriter *rewriter, const OpExpr *expr, DbaRewrite *rewrite)
{
	Node	   *column = linitial(expr->args);
	const Const *pattern;

	if (!is_pattern_operator(expr->opno) || dba_plain_column(column) == NULL)
		return NULL;
	pattern = dba_constant(lsecond(expr->args), rewriter->params);
	if (pattern != NULL && (pattern->constisnull ||
							!has_letters(TextDatumGetCString(pattern->constvalue))))
		return NULL;
	rewrite->extension = "pg_trgm";
	rewrite->why = "no index but one of trigrams finds a pattern within text";
	return dba_comparison(column, "=", lsecond(expr->args), false);
}

static bool
is_pattern_operator(Oid op)
{
	return op == OID_TEXT_LIKE_OP || op == OID_TEXT_ICLIKE_OP || op == OID_TEXT_REGEXEQ_OP ||
		op == OID_TEXT_ICREGEXEQ_OP;
}

/* Whether there are letters or digits enough in a row to look up. */
static bool
has_letters(const char *pattern)
{
	int			row = 0;

	for (; *pattern != '\0' && row < MIN_TRIGRAM; pattern++)
		row = isalnum((unsigned char) *pattern) || IS_HIGHBIT_SET(*pattern) ? row + 1 : 0;
	return row == MIN_TRIGRAM;
}

/* ------------------------------------------------------------------------
 * The column
 * ------------------------------------------------------------------------ */

/* Says which it is; false if it is not of a table. */
bool
dba_rewrite_set_column(Query *query, Node *node, DbaRewrite *rewrite)
{
	Var		   *var = NULL;

	(void) find_column(node, &var);
	var = var != NULL ? table_column(query, var, &rewrite->relid) : NULL;
	if (var == NULL)
		return false;
	rewrite->attnum = var->varattno;
	return true;
}

/* Whether the table is read as quickly without an index; a partitioned one never. */
static bool
is_small(Oid relid)
{
	HeapTuple	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relid));
	Form_pg_class class;
	bool		result;

	if (!HeapTupleIsValid(tuple))
		return true;
	class = (Form_pg_class) GETSTRUCT(tuple);
	result = class->relkind != RELKIND_PARTITIONED_TABLE &&
		(class->reltuples < MIN_TUPLES || class->relpages < MIN_PAGES);
	ReleaseSysCache(tuple);
	return result;
}

/* The same column where it is one of a table, and which; or NULL. */
static Var *
table_column(Query *query, Var *var, Oid *relid)
{
	while (var != NULL && var->varlevelsup == 0 && var->varattno > 0)
	{
		RangeTblEntry *rte = rt_fetch(var->varno, query->rtable);
		TargetEntry *entry;

		*relid = rte->relid;
		if (rte->rtekind == RTE_RELATION)
			return var;
		if (rte->rtekind != RTE_SUBQUERY)
			return NULL;
		query = rte->subquery;
		entry = get_tle_by_resno(query->targetList, var->varattno);
		var = entry != NULL ? dba_plain_column((Node *) entry->expr) : NULL;
	}
	return NULL;
}

/* The first column in it that is of the query itself. */
static bool
find_column(Node *node, Var **column)
{
	if (node == NULL)
		return false;
	if (IsA(node, Var) && ((Var *) node)->varlevelsup == 0)
	{
		*column = (Var *) node;
		return true;
	}
	return expression_tree_walker(node, find_column, column);
}

/* Whether the value has nothing of the tables that the other side is of. */
static bool
is_free_of_table(Node *value, Node *column)
{
	return !bms_overlap(pull_varnos(NULL, value), pull_varnos(NULL, column));
}

/* Both sides of the condition, as far as they are computed from one table. */
static List *
defeated_parts(Rewriter *rewriter, Node *node)
{
	List	   *arguments = IsA(node, OpExpr) ? ((OpExpr *) node)->args :
		IsA(node, ScalarArrayOpExpr) ? ((ScalarArrayOpExpr *) node)->args : NIL;
	List	   *result = NIL;
	ListCell   *cell;

	foreach(cell, arguments)
	{
		Node	   *part = lfirst(cell);
		OverTable	over = {.query = linitial_node(Query, rewriter->queries)};
		DbaDefeated *defeated;

		while (IsA(part, RelabelType))
			part = (Node *) ((RelabelType *) part)->arg;
		if (IsA(part, Var))
			continue;
		part = as_over_table(part, &over);
		if (over.varno <= 0)
			continue;
		defeated = palloc(sizeof(DbaDefeated));
		defeated->relid = over.relid;
		defeated->expr = dba_masked(eval_const_expressions(NULL, part), NULL);
		result = lappend(result, defeated);
	}
	return result;
}

/* With something in the place of whatever is constant: what matters is the shape. */
Node *
dba_masked(Node *node, void *unused)
{
	if (node == NULL)
		return NULL;
	if (!IsA(node, List) && !dba_has_columns(node, NULL))
		return (Node *) makeNullConst(exprType(node), -1, InvalidOid);
	return expression_tree_mutator(node, dba_masked, unused);
}

/* Puts columns of the one table in, as of range table entry 1. */
static Node *
as_over_table(Node *node, OverTable *over)
{
	Var		   *var;
	Oid			relid;

	if (node == NULL)
		return NULL;
	if (!IsA(node, Var))
		return expression_tree_mutator(node, as_over_table, over);

	var = table_column(over->query, (Var *) node, &relid);
	if (var == NULL || (over->varno != 0 && over->varno != ((Var *) node)->varno))
	{
		over->varno = -1;
		return node;
	}
	over->varno = ((Var *) node)->varno;
	over->relid = relid;
	var = copyObject(var);
	var->varno = 1;
	return (Node *) var;
}
