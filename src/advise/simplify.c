/*-------------------------------------------------------------------------
 *
 * simplify.c
 *	  The same condition on the bare column.
 *
 * Takes off what stands around the column, step by step, and does the opposite to
 * the value: (a + 1)::text = '6' is a + 1 = 6 is a = 5.  A step is only taken
 * where the condition stays true for the same rows: what is known of the value is
 * computed there and back.
 *
 * Locking: none.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "advise/period.h"
#include "advise/simplify.h"

#include <math.h>

#include "access/transam.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/clauses.h"
#include "optimizer/optimizer.h"
#include "parser/parse_coerce.h"
#include "parser/parse_collate.h"
#include "parser/parse_node.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/typcache.h"

/* Whole numbers beyond this are not told apart as float8. */
#define MAX_EXACT_FLOAT 9007199254740992.0	/* 2 ^ 53 */

static bool take_step(DbaCondition *condition);
static bool take_off_cast(DbaCondition *condition);
static bool keeps_apart(Oid from, int32 typmod, Oid to, const char *op);
static bool is_integer(Oid type);
static bool is_number(Oid type);
static bool is_time(Oid type);
static bool is_text(Oid type);
static Node *as_column_type(DbaCondition *condition, Node *column);
static Node *cast_to(Node *node, Oid type);
static bool comes_back(DbaCondition *condition, Node *converted);
static bool take_off_operator(DbaCondition *condition);
static bool take_off_arithmetic(DbaCondition *condition, const char *op, Node *operand,
								bool is_left);
static bool take_off_factor(DbaCondition *condition, const char *op, Node *factor);
static Node *without_zeros(Node *value);
static bool is_exact(DbaCondition *condition, Node *value, const char *op, Node *factor);
static Node *zero(void);
static const char *flipped(const char *op);
static Node *without_coalesce(DbaCondition *condition);
static Node *null_or(DbaCondition *condition, Node *column);

/*
 * What to write instead, of which an index on the column can make use; NULL if
 * nothing is in the way of one, or nothing better is known.
 */
Node *
dba_simplify(DbaCondition *condition)
{
	if (dba_plain_column(condition->side) != NULL)
		return NULL;
	do
	{
		Node	   *better = dba_period_condition(condition);

		if (better == NULL)
			better = without_coalesce(condition);
		if (better != NULL)
			return better;
		if (!take_step(condition))
			return NULL;
	} while (dba_plain_column(condition->side) == NULL);
	return dba_comparison(condition->side, condition->op, condition->value, condition->any);
}

static bool
take_step(DbaCondition *condition)
{
	while (IsA(condition->side, RelabelType))
		condition->side = (Node *) ((RelabelType *) condition->side)->arg;
	return take_off_cast(condition) || take_off_operator(condition);
}

/* ------------------------------------------------------------------------
 * Casts
 * ------------------------------------------------------------------------ */

static bool
take_off_cast(DbaCondition *condition)
{
	Node	   *column = dba_cast_argument(condition->side);
	Node	   *value;

	if (column == NULL ||
		!keeps_apart(getBaseType(exprType(column)), exprTypmod(column),
					 getBaseType(exprType(condition->side)), condition->op))
		return false;
	value = as_column_type(condition, column);
	if (value == NULL)
		return false;
	if (condition->why == NULL)
		condition->why = psprintf("the column is cast to %s",
								  format_type_be(exprType(condition->side)));
	condition->side = column;
	condition->value = value;
	return true;
}

/*
 * Whether different values are different still when they are cast, and, unless
 * they are only asked for equality, in the same order.
 */
static bool
keeps_apart(Oid from, int32 typmod, Oid to, const char *op)
{
	if (is_text(to))
		return strcmp(op, "=") == 0 &&
			(is_integer(from) || is_time(from) || (from == NUMERICOID && typmod >= 0) ||
			 from == OIDOID || from == UUIDOID || from == BOOLOID || from == BPCHAROID ||
			 from == NAMEOID || get_typtype(from) == TYPTYPE_ENUM);
	if (is_integer(from))
		return is_number(to);
	if (from == NUMERICOID)
		return to == FLOAT8OID;
	return is_time(from) && is_time(to) && to != DATEOID;
}

static bool
is_integer(Oid type)
{
	return type == INT2OID || type == INT4OID || type == INT8OID;
}

static bool
is_number(Oid type)
{
	return is_integer(type) || type == NUMERICOID || type == FLOAT8OID;
}

static bool
is_time(Oid type)
{
	return type == DATEOID || type == TIMESTAMPOID || type == TIMESTAMPTZOID;
}

static bool
is_text(Oid type)
{
	return type == TEXTOID || type == VARCHAROID || type == BPCHAROID;
}

/* The value in the type of the column; NULL if no value of the column is like it. */
static Node *
as_column_type(DbaCondition *condition, Node *column)
{
	Node	   *value = condition->value;
	Oid			type = getBaseType(exprType(column));
	Node	   *other = dba_cast_argument(value);
	Node	   *converted;

	/* Points in time are compared as they are. */
	if (is_time(type) && is_time(exprType(value)))
		return value;
	if (dba_has_columns(value, NULL))
	{
		Oid			other_type = other != NULL ? getBaseType(exprType(other)) : InvalidOid;

		return other_type == type || (is_integer(type) && is_integer(other_type)) ? other : NULL;
	}
	converted = cast_to(value, condition->any ? get_array_type(type) : type);
	return converted != NULL && comes_back(condition, converted) ? dba_fold(converted) : NULL;
}

static Node *
cast_to(Node *node, Oid type)
{
	Node	   *result;

	if (!OidIsValid(type))
		return NULL;
	result = coerce_to_target_type(NULL, copyObject(node), exprType(node), type, -1,
								   COERCION_EXPLICIT, COERCE_EXPLICIT_CAST, -1);
	assign_expr_collations(make_parsestate(NULL), result);
	return result;
}

/* Whether the value, as far as it is known, is the same when it is cast back. */
static bool
comes_back(DbaCondition *condition, Node *converted)
{
	Const	   *value = dba_constant(condition->value, condition->params);
	Const	   *there = value != NULL ? dba_constant(converted, condition->params) : NULL;
	Const	   *back;
	TypeCacheEntry *type;

	if (value == NULL)
		return true;
	if (value->constisnull || there == NULL || there->constisnull)
		return false;
	if (value->consttype == FLOAT8OID &&
		!(fabs(DatumGetFloat8(value->constvalue)) <= MAX_EXACT_FLOAT))
		return false;
	back = dba_constant(cast_to((Node *) there, value->consttype), NULL);
	type = lookup_type_cache(value->consttype, TYPECACHE_EQ_OPR_FINFO);
	return back != NULL && !back->constisnull && OidIsValid(type->eq_opr) &&
		DatumGetBool(FunctionCall2Coll(&type->eq_opr_finfo, DEFAULT_COLLATION_OID,
									   value->constvalue, back->constvalue));
}

/* ------------------------------------------------------------------------
 * Arithmetic
 * ------------------------------------------------------------------------ */

static bool
take_off_operator(DbaCondition *condition)
{
	OpExpr	   *expr = (OpExpr *) condition->side;
	const char *op;
	Node	   *left;
	Node	   *right;
	bool		is_left;

	if (!IsA(expr, OpExpr) || list_length(expr->args) != 2 ||
		expr->opno >= FirstGenbkiObjectId)
		return false;
	op = get_opname(expr->opno);
	left = linitial(expr->args);
	right = lsecond(expr->args);
	is_left = dba_has_columns(left, NULL);
	if (is_left == dba_has_columns(right, NULL) ||
		contain_volatile_functions(is_left ? right : left))
		return false;
	return take_off_arithmetic(condition, op, is_left ? right : left, is_left);
}

/* Solves "side op operand" (or "operand op side") for side. */
static bool
take_off_arithmetic(DbaCondition *condition, const char *op, Node *operand, bool is_left)
{
	OpExpr	   *expr = (OpExpr *) condition->side;
	Node	   *side = is_left ? linitial(expr->args) : lsecond(expr->args);
	Oid			type = getBaseType(exprType(side));
	Node	   *value = NULL;

	if (condition->why == NULL)
		condition->why = "the column is part of an expression";
	if (strcmp(op, "||") == 0 && is_text(type))
	{
		Node	   *empty = dba_operation("=", operand, (Node *)
										  makeConst(TEXTOID, -1, DEFAULT_COLLATION_OID, -1,
													CStringGetTextDatum(""), false, false));

		if (!dba_is_known_true(empty, condition->params))
			return false;
		condition->side = side;
		return true;
	}
	if (condition->any || !(is_number(type) || is_time(type)))
		return false;
	if (strcmp(op, "+") == 0)
		value = dba_operation("-", condition->value, operand);
	else if (strcmp(op, "-") == 0 && is_left)
		value = dba_operation("+", condition->value, operand);
	else if (strcmp(op, "-") == 0)
	{
		value = dba_operation("-", operand, condition->value);
		condition->op = flipped(condition->op);
	}
	else if (is_number(type) && (is_left || strcmp(op, "*") == 0))
		return take_off_factor(condition, op, operand);
	if (value == NULL)
		return false;
	condition->side = side;
	condition->value = dba_fold(value);
	return true;
}

/* The same of a factor or divisor, which must be known and positive. */
static bool
take_off_factor(DbaCondition *condition, const char *op, Node *factor)
{
	OpExpr	   *expr = (OpExpr *) condition->side;
	Node	   *side = linitial(expr->args) == factor ? lsecond(expr->args) : linitial(expr->args);
	bool		times = strcmp(op, "*") == 0;
	Node	   *value;

	if (!(times || (strcmp(op, "/") == 0 && !is_integer(exprType((Node *) expr)))) ||
		!dba_is_known_true(dba_operation(">", factor, zero()), condition->params))
		return false;
	value = dba_operation(times ? "/" : "*", condition->value, factor);
	if (value == NULL || !is_exact(condition, value, op, factor))
		return false;
	condition->side = side;
	condition->value = without_zeros(dba_fold(value));
	return true;
}

/* 50.000000 is 50. */
static Node *
without_zeros(Node *value)
{
	Const	   *number = (Const *) value;

	if (IsA(number, Const) && number->consttype == NUMERICOID && !number->constisnull)
		number->constvalue = DirectFunctionCall1(numeric_trim_scale, number->constvalue);
	return value;
}

/* Whether nothing was rounded, where that would matter. */
static bool
is_exact(DbaCondition *condition, Node *value, const char *op, Node *factor)
{
	Node	   *back = dba_operation(op, value, factor);

	if (strcmp(condition->op, "=") != 0 && !is_integer(exprType(value)))
		return true;
	return dba_is_known_true(dba_operation("=", back, condition->value), condition->params);
}

static Node *
zero(void)
{
	return (Node *) makeConst(INT4OID, -1, InvalidOid, sizeof(int32), Int32GetDatum(0), false, true);
}

/* The operator for "b a" that says what this one says of "a b". */
static const char *
flipped(const char *op)
{
	static const char *const pairs[][2] = {
		{"<", ">"}, {"<=", ">="}, {">", "<"}, {">=", "<="}
	};

	for (int i = 0; i < (int) lengthof(pairs); i++)
	{
		if (strcmp(op, pairs[i][0]) == 0)
			return pairs[i][1];
	}
	return op;
}

/* ------------------------------------------------------------------------
 * coalesce()
 * ------------------------------------------------------------------------ */

/* coalesce(a, 0) = 5 is a = 5; coalesce(a, 5) = 5 is that or a IS NULL. */
static Node *
without_coalesce(DbaCondition *condition)
{
	CoalesceExpr *expr = (CoalesceExpr *) condition->side;
	Node	   *column;
	Node	   *instead;
	Const	   *known;

	if (!IsA(expr, CoalesceExpr) || list_length(expr->args) != 2 || !condition->positive ||
		condition->any)
		return NULL;
	column = linitial(expr->args);
	instead = dba_operation(condition->op, lsecond(expr->args), condition->value);
	known = instead != NULL ? dba_constant(instead, condition->params) : NULL;
	if (dba_plain_column(column) == NULL || known == NULL)
		return NULL;
	if (condition->why == NULL)
		condition->why = "the column is inside of coalesce()";
	if (!known->constisnull && DatumGetBool(known->constvalue))
		return null_or(condition, column);
	return dba_comparison(column, condition->op, condition->value, false);
}

/* "column op value OR column IS NULL" */
static Node *
null_or(DbaCondition *condition, Node *column)
{
	NullTest   *test = makeNode(NullTest);
	Node	   *comparison = dba_comparison(column, condition->op, condition->value, false);

	if (comparison == NULL)
		return NULL;
	test->arg = copyObject((Expr *) column);
	test->nulltesttype = IS_NULL;
	test->location = -1;
	return (Node *) makeBoolExpr(OR_EXPR, list_make2(comparison, test), -1);
}
