/*-------------------------------------------------------------------------
 *
 * operand.c
 *	  What of a table a statement compares or sorts by.
 *
 * Read from the planner's own lists, when views and sub-selects are pulled up,
 * constants folded, policies added, and equal things known to be equal.  No
 * operator is judged here: whether an index serves it the planner is asked.
 *
 * Locking: none.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "compat.h"
#include "advise/operand.h"

#include "access/htup_details.h"
#include "access/sysattr.h"
#include "catalog/pg_amop.h"
#include "catalog/pg_index.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/clauses.h"
#include "optimizer/optimizer.h"
#include "utils/catcache.h"
#include "utils/syscache.h"

typedef struct Finder
{
	PlannerInfo *root;
	RelOptInfo *rel;
	DbaOperands *found;
} Finder;

static void find_in_clauses(Finder *finder, List *rinfos);
static bool find_in_clause(Node *node, Finder *finder);
static void add_arguments(Finder *finder, List *arguments, Oid collation);
static void add_row(Finder *finder, RowCompareExpr *row);
static DbaOperand *add_operand(Finder *finder, Node *node, Oid collation);
static bool can_be_key(Finder *finder, Node *node);
static void find_in_classes(Finder *finder);
static void find_in_order(Finder *finder, List *pathkeys);
static DbaOperand *operand_of_class(Finder *finder, EquivalenceClass *class);
static bool is_distance(Oid operator);
static void flip(List *order);

/* What there is of the table, in the planner's memory. */
DbaOperands *
dba_operands_find(PlannerInfo *root, RelOptInfo *rel)
{
	Finder		finder = {
		.root = root, .rel = rel, .found = palloc0(sizeof(DbaOperands))
	};

	find_in_clauses(&finder, rel->baserestrictinfo);
	find_in_clauses(&finder, rel->joininfo);
	find_in_classes(&finder);
	find_in_order(&finder, root->query_pathkeys);
	find_in_order(&finder, root->group_pathkeys);
	find_in_order(&finder, root->window_pathkeys);
	find_in_order(&finder, root->distinct_pathkeys);
	find_in_order(&finder, root->sort_pathkeys);
	return finder.found;
}

bool
dba_operand_same(const DbaOperand *a, const DbaOperand *b)
{
	return a->collation == b->collation && equal(a->expr, b->expr);
}

/* ------------------------------------------------------------------------
 * Conditions
 * ------------------------------------------------------------------------ */

static void
find_in_clauses(Finder *finder, List *rinfos)
{
	ListCell   *cell;

	foreach(cell, rinfos)
		(void) find_in_clause((Node *) lfirst_node(RestrictInfo, cell)->clause, finder);
}

/* Takes what is compared, down to the leaves of AND, OR and NOT. */
static bool
find_in_clause(Node *node, Finder *finder)
{
	if (node == NULL)
		return false;
	switch (nodeTag(node))
	{
		case T_BoolExpr:
			return expression_tree_walker(node, find_in_clause, finder);
		case T_OpExpr:
			add_arguments(finder, ((OpExpr *) node)->args, ((OpExpr *) node)->inputcollid);
			return false;
		case T_FuncExpr:
			add_operand(finder, node, InvalidOid);
			add_arguments(finder, ((FuncExpr *) node)->args, ((FuncExpr *) node)->inputcollid);
			return false;
		case T_ScalarArrayOpExpr:
			add_operand(finder, linitial(((ScalarArrayOpExpr *) node)->args),
						((ScalarArrayOpExpr *) node)->inputcollid);
			return false;
		case T_RowCompareExpr:
			add_row(finder, (RowCompareExpr *) node);
			return false;
		case T_NullTest:
			add_operand(finder, (Node *) ((NullTest *) node)->arg, InvalidOid);
			return false;
		case T_BooleanTest:
			add_operand(finder, (Node *) ((BooleanTest *) node)->arg, InvalidOid);
			return false;
		case T_Var:
			add_operand(finder, node, InvalidOid);
			return false;
		default:
			return false;
	}
}

static void
add_arguments(Finder *finder, List *arguments, Oid collation)
{
	ListCell   *cell;

	foreach(cell, arguments)
		add_operand(finder, lfirst(cell), collation);
}

static void
add_row(Finder *finder, RowCompareExpr *row)
{
	List	   *columns = NIL;
	ListCell   *left;
	ListCell   *right;
	ListCell   *collation;

	forthree(left, row->largs, right, row->rargs, collation, row->inputcollids)
	{
		DbaOperand *operand = add_operand(finder, lfirst(left), lfirst_oid(collation));

		if (operand == NULL)
			operand = add_operand(finder, lfirst(right), lfirst_oid(collation));
		if (operand == NULL)
			break;
		columns = lappend(columns, operand);
	}
	if (list_length(columns) > 1)
		finder->found->rows = lappend(finder->found->rows, columns);
}

/* Adds what could be a key of the table, once; NULL if it could not. */
static DbaOperand *
add_operand(Finder *finder, Node *node, Oid collation)
{
	DbaOperand *operand;
	ListCell   *cell;

	while (node != NULL && IsA(node, RelabelType))
		node = (Node *) ((RelabelType *) node)->arg;
	if (node == NULL || !can_be_key(finder, node))
		return NULL;

	operand = palloc0(sizeof(DbaOperand));
	operand->expr = (Expr *) node;
	operand->attnum = IsA(node, Var) ? ((Var *) node)->varattno : 0;
	operand->type = exprType(node);
	operand->typmod = exprTypmod(node);
	operand->collation = exprCollation(node);
	if (OidIsValid(operand->collation) && OidIsValid(collation))
		operand->collation = collation;
	foreach(cell, finder->found->all)
	{
		if (dba_operand_same(lfirst(cell), operand))
			return lfirst(cell);
	}
	finder->found->all = lappend(finder->found->all, operand);
	return operand;
}

/* A column, or what an index can hold that is computed from columns. */
static bool
can_be_key(Finder *finder, Node *node)
{
	Relids		relids = pull_varnos(finder->root, node);
	bool		own = bms_equal(relids, finder->rel->relids);

	bms_free(relids);
	if (!own)
		return false;
	if (IsA(node, Var))
		return ((Var *) node)->varattno > 0 && !dba_is_nulled((Var *) node);
	if (IsA(node, BoolExpr) || IsA(node, RowExpr) || IsA(node, PlaceHolderVar))
		return false;
	return !contain_mutable_functions(node) && !contain_subplans(node) &&
		!contain_agg_clause(node) && !contain_window_function(node) &&
		!dba_contains_nulled(node) && pull_var_clause(node, PVC_INCLUDE_PLACEHOLDERS) != NIL;
}

/* ------------------------------------------------------------------------
 * Joins and orders
 * ------------------------------------------------------------------------ */

/* What is equal to something else; the planner makes clauses of it as it needs. */
static void
find_in_classes(Finder *finder)
{
	ListCell   *cell;

	foreach(cell, finder->root->eq_classes)
	{
		EquivalenceClass *class = lfirst_node(EquivalenceClass, cell);

		if (list_length(class->ec_members) > 1)
			(void) operand_of_class(finder, class);
	}
}

/* The order as far as this table can give it, or what of it comes first. */
static void
find_in_order(Finder *finder, List *pathkeys)
{
	List	   *order = NIL;
	ListCell   *cell;

	foreach(cell, pathkeys)
	{
		PathKey    *pathkey = lfirst_node(PathKey, cell);
		DbaOperand *operand = operand_of_class(finder, pathkey->pk_eclass);
		DbaSortColumn *column;

		if (operand == NULL)
			break;
		column = palloc(sizeof(DbaSortColumn));
		column->operand = operand;
		column->opfamily = pathkey->pk_opfamily;
		column->flags = (dba_pathkey_descends(pathkey) ? INDOPTION_DESC : 0) |
			(pathkey->pk_nulls_first ? INDOPTION_NULLS_FIRST : 0);
		order = lappend(order, column);
	}
	if (order == NIL)
		return;
	flip(order);
	finder->found->orders = lappend(finder->found->orders, order);
}

/* The class's member that is of this table. */
static DbaOperand *
operand_of_class(Finder *finder, EquivalenceClass *class)
{
	ListCell   *cell;
	DbaOperand *operand = NULL;

	if (class->ec_has_volatile)
		return NULL;
	foreach(cell, dba_class_members(class, finder->rel))
	{
		EquivalenceMember *member = lfirst_node(EquivalenceMember, cell);
		Node	   *node = (Node *) member->em_expr;

		if (member->em_is_const || !bms_equal(member->em_relids, finder->rel->relids))
			continue;
		/* ORDER BY a <-> 'b': an index on a may give this order. */
		if (IsA(node, OpExpr) && is_distance(((OpExpr *) node)->opno))
			add_arguments(finder, ((OpExpr *) node)->args, ((OpExpr *) node)->inputcollid);
		else
			operand = add_operand(finder, node, class->ec_collation);
	}
	return operand;
}

/* Whether indexes of some access method are read in its order. */
static bool
is_distance(Oid operator)
{
	CatCList   *list = SearchSysCacheList1(AMOPOPID, ObjectIdGetDatum(operator));
	bool		result = false;

	for (int i = 0; i < list->n_members; i++)
	{
		Form_pg_amop amop = (Form_pg_amop) GETSTRUCT(&list->members[i]->tuple);

		result |= amop->amoppurpose == AMOP_ORDER;
	}
	ReleaseCatCacheList(list);
	return result;
}

/* An index is read in both directions; say it in the usual one where one is. */
static void
flip(List *order)
{
	const int16 both = INDOPTION_DESC | INDOPTION_NULLS_FIRST;
	ListCell   *cell;

	if (((DbaSortColumn *) linitial(order))->flags != both)
		return;
	foreach(cell, order)
		((DbaSortColumn *) lfirst(cell))->flags ^= both;
}
