/*-------------------------------------------------------------------------
 *
 * statement_text.c
 *	  What can be known of a statement from its text alone.
 *
 * pg_stat_statements replaces each constant by a parameter, and what comes
 * out is not always a statement: "interval $1" does not parse, and where a
 * number told the types (current_date - 30, sum(CASE .. THEN 1 END)) PREPARE
 * takes the parameter for something else and fails.  A command made from
 * such a text would fail in the hands of whoever runs it, so here is decided
 * which texts are safe.  That errs on the side of refusing.
 *
 * Only the raw grammar is used: looking up names would lock the user's
 * tables and depend on the search_path.
 *
 * Locking: none.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "facts/statement_text.h"

#include "access/xact.h"
#include "nodes/nodeFuncs.h"
#include "nodes/parsenodes.h"
#include "parser/parser.h"
#include "utils/memutils.h"
#include "utils/resowner.h"

/* The parameters met so far; the type of each of them is certain. */
typedef struct Parameters
{
	Bitmapset  *numbers;
} Parameters;

static int	count_parameters(const char *text);
static Node *preparable_statement(const char *text);
static bool is_uncertain(Node *node, void *context);
static bool select_is_uncertain(const SelectStmt *stmt, bool coerced,
								Parameters *params);
static bool insert_is_uncertain(const InsertStmt *stmt, Parameters *params);
static bool update_is_uncertain(const UpdateStmt *stmt, Parameters *params);
static bool conflict_is_uncertain(const OnConflictClause *clause,
								  Parameters *params);
static bool operator_is_uncertain(const A_Expr *expr, Parameters *params);
static bool rows_are_uncertain(const RowExpr *row, Node *other,
							   Parameters *params);
static bool call_is_uncertain(const FuncCall *call, Parameters *params);
static bool targets_are_uncertain(List *targets, Parameters *params);
static bool operands_are_uncertain(List *operands, Parameters *params);
static bool operand_is_uncertain(Node *node, Parameters *params);
static bool is_bare(Node *node);
static bool has_parameter(Node *node, void *context);

/*
 * The number of parameters of a single SELECT, INSERT, UPDATE, DELETE or
 * MERGE for which PREPARE is sure to find their types without being told.
 * -1 for any other text, be it that it does not even parse.
 */
int
dba_statement_parameters(const char *text)
{
	MemoryContext caller = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	volatile int count = -1;

	BeginInternalSubTransaction(NULL);
	PG_TRY();
	{
		count = count_parameters(text);
		ReleaseCurrentSubTransaction();
	}
	PG_CATCH();
	{
		ErrorData  *error;

		MemoryContextSwitchTo(caller);
		error = CopyErrorData();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
		MemoryContextSwitchTo(caller);
		CurrentResourceOwner = owner;

		/* A cancel, or the end of the session, is not about the text. */
		if (ERRCODE_TO_CATEGORY(error->sqlerrcode) ==
			ERRCODE_OPERATOR_INTERVENTION)
			ReThrowError(error);
		FreeErrorData(error);
	}
	PG_END_TRY();

	MemoryContextSwitchTo(caller);
	CurrentResourceOwner = owner;
	return count;
}

static int
count_parameters(const char *text)
{
	Node	   *stmt = preparable_statement(text);
	Parameters	params = {0};
	int			count;

	if (stmt == NULL)
		return -1;
	if (IsA(stmt, SelectStmt) ?
		select_is_uncertain((SelectStmt *) stmt, true, &params) :
		is_uncertain(stmt, &params))
		return -1;

	/* PREPARE cannot tell the type of a number that is left out. */
	count = bms_num_members(params.numbers);
	return bms_is_subset(params.numbers,
						 bms_add_range(NULL, 1, count)) ? count : -1;
}

/* The one statement that the text is, if PREPARE takes its kind; else NULL. */
static Node *
preparable_statement(const char *text)
{
	List	   *statements = raw_parser(text, RAW_PARSE_DEFAULT);
	Node	   *stmt;

	if (list_length(statements) != 1)
		return NULL;
	stmt = linitial_node(RawStmt, statements)->stmt;
	switch (nodeTag(stmt))
	{
		case T_SelectStmt:
		case T_InsertStmt:
		case T_UpdateStmt:
		case T_DeleteStmt:
		case T_MergeStmt:
			return stmt;
		default:
			return NULL;
	}
}

/*
 * True when some parameter stands where its type is not certain.  A parameter
 * is certain only where one of the cases says so: "operands" below.
 */
static bool
is_uncertain(Node *node, void *context)
{
	Parameters *params = context;

	if (node == NULL)
		return false;

	switch (nodeTag(node))
	{
		case T_ParamRef:
			return true;
		case T_SelectStmt:
			return select_is_uncertain((SelectStmt *) node, false, params);
		case T_InsertStmt:
			return insert_is_uncertain((InsertStmt *) node, params);
		case T_UpdateStmt:
			return update_is_uncertain((UpdateStmt *) node, params);
		case T_OnConflictClause:
			return conflict_is_uncertain((OnConflictClause *) node, params);
		case T_A_Expr:
			return operator_is_uncertain((A_Expr *) node, params);
		case T_FuncCall:
			return call_is_uncertain((FuncCall *) node, params);
		case T_TypeCast:
			return operand_is_uncertain(((TypeCast *) node)->arg, params);
		case T_BoolExpr:
			return operands_are_uncertain(((BoolExpr *) node)->args, params);
		case T_CoalesceExpr:
			return is_bare((Node *) ((CoalesceExpr *) node)->args) ||
				operands_are_uncertain(((CoalesceExpr *) node)->args, params);
		case T_SubLink:
			/* What EXISTS selects is of no matter. */
			if (((SubLink *) node)->subLinkType == EXISTS_SUBLINK &&
				IsA(((SubLink *) node)->subselect, SelectStmt))
				return select_is_uncertain((SelectStmt *)
										   ((SubLink *) node)->subselect,
										   true, params);
			break;
		default:
			break;
	}
	return raw_expression_tree_walker(node, is_uncertain, params);
}

/*
 * "coerced": what is selected goes to the client, or into columns, so that a
 * parameter in the list is text or what the column is.
 */
static bool
select_is_uncertain(const SelectStmt *stmt, bool coerced, Parameters *params)
{
	SelectStmt	rest = *stmt;
	ListCell   *cell;

	if (stmt->intoClause != NULL)
		return true;

	/*
	 * SELECT date_trunc($1, t) .. GROUP BY date_trunc($2, t): two parameters
	 * that once were one constant, so t is no longer grouped.
	 */
	if (has_parameter((Node *) stmt->groupClause, NULL))
		return true;
	if ((stmt->groupClause != NIL || stmt->distinctClause != NIL) &&
		has_parameter((Node *) stmt->sortClause, NULL))
		return true;

	rest.whereClause = rest.havingClause = NULL;
	rest.limitCount = rest.limitOffset = NULL;
	if (operand_is_uncertain(stmt->whereClause, params) ||
		operand_is_uncertain(stmt->havingClause, params) ||
		operand_is_uncertain(stmt->limitCount, params) ||
		operand_is_uncertain(stmt->limitOffset, params))
		return true;

	if (coerced)
	{
		rest.targetList = rest.valuesLists = NIL;
		if (targets_are_uncertain(stmt->targetList, params))
			return true;
		foreach(cell, stmt->valuesLists)
		{
			if (operands_are_uncertain(lfirst(cell), params))
				return true;
		}
	}
	return raw_expression_tree_walker((Node *) &rest, is_uncertain, params);
}

static bool
insert_is_uncertain(const InsertStmt *stmt, Parameters *params)
{
	InsertStmt	rest = *stmt;

	if (stmt->selectStmt != NULL)
	{
		const SelectStmt *source = (const SelectStmt *) stmt->selectStmt;

		/* DISTINCT and the like settle the types before the columns can. */
		if (select_is_uncertain(source,
								source->distinctClause == NIL &&
								source->groupClause == NIL &&
								source->sortClause == NIL,
								params))
			return true;
		rest.selectStmt = NULL;
	}
	return raw_expression_tree_walker((Node *) &rest, is_uncertain, params);
}

static bool
update_is_uncertain(const UpdateStmt *stmt, Parameters *params)
{
	UpdateStmt	rest = *stmt;

	if (targets_are_uncertain(stmt->targetList, params))
		return true;
	rest.targetList = NIL;
	return raw_expression_tree_walker((Node *) &rest, is_uncertain, params);
}

static bool
conflict_is_uncertain(const OnConflictClause *clause, Parameters *params)
{
	OnConflictClause rest = *clause;

	if (targets_are_uncertain(clause->targetList, params))
		return true;
	rest.targetList = NIL;
	return raw_expression_tree_walker((Node *) &rest, is_uncertain, params);
}

/*
 * A parameter takes the type of the other side, as a constant in quotes did.
 * For numbers that holds but with + and -: date - 30 becomes date - date.
 */
static bool
operator_is_uncertain(const A_Expr *expr, Parameters *params)
{
	const char *name = strVal(llast(expr->name));
	bool		left = is_bare(expr->lexpr);
	bool		right = is_bare(expr->rexpr);
	bool		additive = strcmp(name, "+") == 0 || strcmp(name, "-") == 0;

	if ((left || right) && additive && expr->kind == AEXPR_OP)
		return true;
	if ((left && right) || (expr->lexpr == NULL && right))
		return true;
	/* $1 IN (a, $2): each of the two is compared with something else. */
	if (left && expr->rexpr != NULL && IsA(expr->rexpr, List))
		return true;
	/* nullif($1, a) is of the type that $1 had. */
	if (left && expr->kind == AEXPR_NULLIF)
		return true;
	if (expr->lexpr != NULL && IsA(expr->lexpr, RowExpr))
		return rows_are_uncertain((RowExpr *) expr->lexpr, expr->rexpr, params);
	return operand_is_uncertain(expr->lexpr, params) ||
		operand_is_uncertain(expr->rexpr, params);
}

/* (a, b) > ($1, $2), and (a, b) IN (($1, $2), ($3, $4)): column by column. */
static bool
rows_are_uncertain(const RowExpr *row, Node *other, Parameters *params)
{
	ListCell   *cell;

	if (has_parameter((Node *) row->args, NULL))
		return true;
	if (other != NULL && IsA(other, RowExpr))
		return operands_are_uncertain(((RowExpr *) other)->args, params);
	if (other == NULL || !IsA(other, List))
		return is_uncertain(other, params);
	foreach(cell, (List *) other)
	{
		if (rows_are_uncertain(row, lfirst(cell), params))
			return true;
	}
	return false;
}

/* Functions whose constants can only have been in quotes. */
static bool
call_is_uncertain(const FuncCall *call, Parameters *params)
{
	static const char *const of_strings[] = {
		"lower", "upper", "date_trunc", "date_part", "to_tsvector",
		"to_tsquery", "plainto_tsquery", "websearch_to_tsquery"
	};
	const char *name = strVal(llast(call->funcname));

	for (size_t i = 0; i < lengthof(of_strings); i++)
	{
		if (strcmp(name, of_strings[i]) == 0)
			return operands_are_uncertain(call->args, params);
	}
	return raw_expression_tree_walker((Node *) call, is_uncertain, params);
}

static bool
targets_are_uncertain(List *targets, Parameters *params)
{
	ListCell   *cell;

	foreach(cell, targets)
	{
		ResTarget  *target = lfirst_node(ResTarget, cell);

		if (is_uncertain((Node *) target->indirection, params) ||
			operand_is_uncertain(target->val, params))
			return true;
	}
	return false;
}

static bool
operands_are_uncertain(List *operands, Parameters *params)
{
	ListCell   *cell;

	foreach(cell, operands)
	{
		if (operand_is_uncertain(lfirst(cell), params))
			return true;
	}
	return false;
}

/* As is_uncertain(), but a parameter alone has the type that is wanted here. */
static bool
operand_is_uncertain(Node *node, Parameters *params)
{
	if (node == NULL)
		return false;
	if (IsA(node, ParamRef))
	{
		params->numbers = bms_add_member(params->numbers,
										 ((ParamRef *) node)->number);
		return false;
	}
	if (IsA(node, List))
		return operands_are_uncertain((List *) node, params);
	return is_uncertain(node, params);
}

/* A parameter, or a list of nothing else: no type comes from there. */
static bool
is_bare(Node *node)
{
	ListCell   *cell;

	if (node == NULL)
		return false;
	if (IsA(node, ParamRef))
		return true;
	if (!IsA(node, List))
		return false;
	foreach(cell, (List *) node)
	{
		if (!is_bare(lfirst(cell)))
			return false;
	}
	return true;
}

static bool
has_parameter(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, ParamRef))
		return true;
	return raw_expression_tree_walker(node, has_parameter, context);
}
