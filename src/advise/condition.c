/*-------------------------------------------------------------------------
 *
 * condition.c
 *	  Conditions of a statement, taken apart and put together anew.
 *
 * All of it works on analysed trees.  What is put together is looked up as the
 * parser does it, but only among the server's own operators, and types and
 * collations are set; what cannot be put together is NULL.
 *
 * Locking: demands locks on the tables of the statement; for dba_condition_text().
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "advise/condition.h"

#include "access/transam.h"
#include "catalog/pg_operator.h"
#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/clauses.h"
#include "optimizer/optimizer.h"
#include "parser/parse_coerce.h"
#include "parser/parse_collate.h"
#include "parser/parse_node.h"
#include "parser/parse_oper.h"
#include "utils/lsyscache.h"
#include "utils/ruleutils.h"
#include "utils/syscache.h"

static Node *bind_parameters(Node *node, ParamListInfo params);
static const ParamExternData *parameter_value(const Param *param, ParamListInfo params,
											  ParamExternData *space);
static bool is_variable(Node *node, void *unused);
static List *operator_name(const char *op);
static bool operator_exists(const char *op, Oid left, Oid right);
static char *without_parentheses(char *text);
static Query *showing_query(List *queries, Node *node);
static Node *flatten_levels(Node *node, List *queries);

/* The column that it is, but for a change of type that changes nothing, or NULL. */
Var *
dba_plain_column(Node *node)
{
	while (node != NULL && IsA(node, RelabelType))
		node = (Node *) ((RelabelType *) node)->arg;
	if (node == NULL || !IsA(node, Var) || ((Var *) node)->varattno <= 0 ||
		((Var *) node)->varlevelsup != 0)
		return NULL;
	return (Var *) node;
}

/* Whether it has a column of whatever table, or what is computed from rows. */
bool
dba_has_columns(Node *node, void *unused)
{
	if (node == NULL)
		return false;
	if (IsA(node, Var) || IsA(node, SubLink) || IsA(node, Aggref) || IsA(node, WindowFunc) ||
		IsA(node, GroupingFunc))
		return true;
	return expression_tree_walker(node, dba_has_columns, unused);
}

/* ------------------------------------------------------------------------
 * Constants
 * ------------------------------------------------------------------------ */

/*
 * What it comes to, if that hangs on nothing but constants and the values of
 * parameters (and the settings of the session); else NULL.
 */
Const *
dba_constant(Node *node, ParamListInfo params)
{
	node = bind_parameters(copyObject(node), params);
	if (node == NULL || is_variable(node, NULL) || contain_volatile_functions(node))
		return NULL;
	if (!IsA(node, Const))
		node = (Node *) evaluate_expr((Expr *) node, exprType(node), exprTypmod(node),
									  exprCollation(node));
	return IsA(node, Const) ? (Const *) node : NULL;
}

static Node *
bind_parameters(Node *node, ParamListInfo params)
{
	if (node == NULL)
		return NULL;
	if (IsA(node, Param) && params != NULL)
	{
		const Param *param = (const Param *) node;
		ParamExternData space;
		const ParamExternData *known = parameter_value(param, params, &space);

		if (known != NULL)
		{
			int16		length;
			bool		by_value;

			get_typlenbyval(param->paramtype, &length, &by_value);
			return (Node *) makeConst(param->paramtype, param->paramtypmod, param->paramcollid,
									  length, known->value, known->isnull, by_value);
		}
	}
	return expression_tree_mutator(node, bind_parameters, params);
}

/* Its value, or NULL if that is not known. */
static const ParamExternData *
parameter_value(const Param *param, ParamListInfo params, ParamExternData *space)
{
	const ParamExternData *known;

	if (param->paramkind != PARAM_EXTERN || param->paramid <= 0 ||
		param->paramid > params->numParams)
		return NULL;
	known = params->paramFetch != NULL ?
		params->paramFetch(params, param->paramid, true, space) :
		&params->params[param->paramid - 1];
	return known->ptype == param->paramtype ? known : NULL;
}

/* Whether something in it is known only when the statement runs. */
static bool
is_variable(Node *node, void *unused)
{
	if (node == NULL)
		return false;
	switch (nodeTag(node))
	{
		case T_Const:
		case T_OpExpr:
		case T_RelabelType:
		case T_CoerceViaIO:
		case T_ArrayExpr:
		case T_ArrayCoerceExpr:
		case T_CaseTestExpr:
			break;
		case T_FuncExpr:
			if (((FuncExpr *) node)->args == NIL)
				return true;	/* now() */
			break;
		case T_List:
			break;
		default:
			return true;
	}
	return expression_tree_walker(node, is_variable, unused);
}

bool
dba_is_known_true(Node *node, ParamListInfo params)
{
	const Const *known = node != NULL ? dba_constant(node, params) : NULL;

	return known != NULL && !known->constisnull && DatumGetBool(known->constvalue);
}

/* The same as a constant, if it is one whatever the parameters are. */
Node *
dba_fold(Node *node)
{
	Const	   *known = node != NULL ? dba_constant(node, NULL) : NULL;

	return known != NULL ? (Node *) known : node;
}

/* ------------------------------------------------------------------------
 * Putting together
 * ------------------------------------------------------------------------ */

/* "left op right", or NULL if there is no such operator. */
Node *
dba_operation(const char *op, Node *left, Node *right)
{
	ParseState *pstate = make_parsestate(NULL);
	Node	   *result;

	if (left == NULL || right == NULL || !operator_exists(op, exprType(left), exprType(right)))
		return NULL;
	result = (Node *) make_op(pstate, operator_name(op), copyObject(left), copyObject(right),
							  NULL, -1);
	assign_expr_collations(pstate, result);
	return result;
}

/*
 * "column op value", or with ANY; NULL if there is no such operator that takes the
 * column as it is.
 */
Node *
dba_comparison(Node *column, const char *op, Node *value, bool any)
{
	ParseState *pstate = make_parsestate(NULL);
	Oid			right = any ? get_element_type(exprType(value)) : exprType(value);
	Node	   *result;

	if (!OidIsValid(right) || !operator_exists(op, exprType(column), right))
		return NULL;
	if (!any)
		result = dba_operation(op, column, value);
	else
	{
		result = (Node *) make_scalar_array_op(pstate, operator_name(op), true,
											   copyObject(column), copyObject(value), -1);
		assign_expr_collations(pstate, result);
	}
	return dba_plain_column(any ? linitial(((ScalarArrayOpExpr *) result)->args) :
							linitial(((OpExpr *) result)->args)) != NULL ? result : NULL;
}

static List *
operator_name(const char *op)
{
	return list_make2(makeString(pstrdup("pg_catalog")), makeString(pstrdup(op)));
}

static bool
operator_exists(const char *op, Oid left, Oid right)
{
	Operator	found = oper(NULL, operator_name(op), left, right, true, -1);

	if (found == NULL)
		return false;
	ReleaseSysCache(found);
	return true;
}

/* What is cast to another type, or NULL if it is no cast. */
Node *
dba_cast_argument(Node *node)
{
	Node	   *argument = NULL;
	Oid			function;

	while (node != NULL && IsA(node, RelabelType))
		node = (Node *) ((RelabelType *) node)->arg;
	if (node == NULL)
		return NULL;
	if (IsA(node, CoerceViaIO))
		argument = (Node *) ((CoerceViaIO *) node)->arg;
	else if (IsA(node, FuncExpr) && ((FuncExpr *) node)->args != NIL)
		argument = linitial(((FuncExpr *) node)->args);
	if (argument == NULL || exprType(argument) == exprType(node))
		return NULL;
	if (IsA(node, FuncExpr) &&
		(find_coercion_pathway(exprType(node), exprType(argument), COERCION_EXPLICIT,
							   &function) != COERCION_PATH_FUNC ||
		 function != ((FuncExpr *) node)->funcid))
		return NULL;
	while (IsA(argument, RelabelType))
		argument = (Node *) ((RelabelType *) argument)->arg;
	return argument;
}

/* ------------------------------------------------------------------------
 * As text
 * ------------------------------------------------------------------------ */

/*
 * The condition as SQL, with the names that the statement has for its tables;
 * "queries" are the query that it stands in and those around it.
 */
char *
dba_condition_text(List *queries, Node *node)
{
	char	   *text = pg_get_querydef(showing_query(queries, node), false);

	while (*text == ' ')
		text++;
	Assert(strncmp(text, "SELECT ", 7) == 0);
	text += strlen("SELECT ");
	while (*text == ' ')
		text++;
	return without_parentheses(text);
}

/* Those around the whole, which add nothing. */
static char *
without_parentheses(char *text)
{
	size_t		length = strlen(text);
	int			depth = 0;

	char		quote = '\0';

	if (length < 2 || text[0] != '(' || text[length - 1] != ')')
		return text;
	for (size_t i = 0; i < length - 1; i++)
	{
		if (quote != '\0')
			quote = text[i] == quote ? '\0' : quote;
		else if (text[i] == '\'' || text[i] == '"')
			quote = text[i];
		else
			depth += text[i] == '(' ? 1 : text[i] == ')' ? -1 : 0;
		if (depth == 0)
			return text;
	}
	return pnstrdup(text + 1, length - 2);
}

/* SELECT condition, out of a range table with all of theirs. */
static Query *
showing_query(List *queries, Node *node)
{
	Query	   *query = makeNode(Query);
	ListCell   *cell;

	query->commandType = CMD_SELECT;
	query->canSetTag = true;
	query->jointree = makeFromExpr(NIL, NULL);
	query->targetList = list_make1(makeTargetEntry((Expr *) flatten_levels(node, queries), 1,
												   NULL, false));
	foreach(cell, queries)
		query->rtable = list_concat(query->rtable, copyObject(lfirst_node(Query, cell)->rtable));
	/* Only names are wanted of what is no table, and a join is not looked into. */
	foreach(cell, query->rtable)
	{
		RangeTblEntry *rte = lfirst_node(RangeTblEntry, cell);

		if (rte->rtekind != RTE_RELATION)
			rte->rtekind = RTE_RESULT;
		rte->securityQuals = NIL;
	}
	return query;
}

/* With columns of queries around as columns of this one. */
static Node *
flatten_levels(Node *node, List *queries)
{
	Var		   *var;

	if (node == NULL)
		return NULL;
	if (!IsA(node, Var))
		return expression_tree_mutator(node, flatten_levels, queries);

	var = copyObject((Var *) node);
	for (int i = 0; i < (int) var->varlevelsup && i < list_length(queries); i++)
		var->varno += list_length(list_nth_node(Query, queries, i)->rtable);
	var->varlevelsup = 0;
	var->varnosyn = 0;
	return (Node *) var;
}
