/*-------------------------------------------------------------------------
 *
 * stale.c
 *	  Whether a statement that was analysed long ago can still be planned.
 *
 * The server plans a statement right after its analysis, or has the analysis
 * thrown away when something that it depends on changes.  A tree from another
 * session has no such guard.  Most of what has gone since ends in an error of
 * the planner, which is harmless; but a column of another type makes it
 * compare values as what they are not, and that crashes.  So everything that
 * a tree names by number is looked up: relations, columns, functions (of
 * operators too), types; and the values are compared with the parameters that
 * they are for.
 *
 * What changed without breaking the tree is not noticed: a view or a policy
 * with another definition is planned as it was.
 *
 * Locking: AccessShareLock on every relation of the tree, conditionally, kept
 * until the caller's subtransaction ends.  Partitions and other children are
 * locked by the planner itself; the caller bounds its wait.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "whatif/stale.h"

#include "access/htup_details.h"
#include "catalog/pg_attribute.h"
#include "catalog/pg_class.h"
#include "nodes/nodeFuncs.h"
#include "nodes/primnodes.h"
#include "parser/parsetree.h"
#include "storage/lmgr.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

static const char *const changed = "a table of the statement has changed since";
static const char *const gone = "a table of the statement is gone";
static const char *const locked = "a table of the statement is locked just now";

/* The state of a walk, which stops at the first reason. */
typedef struct Walk
{
	const char *reason;
	List	   *rtables;		/* of the queries around, the innermost first */
	ParamListInfo params;
	bool		values_unknown;
} Walk;

static bool lock_relations(Node *node, void *context);
static const char *lock_relation(RangeTblEntry *rte);
static bool find_stale(Node *node, void *context);
static bool find_stale_in_query(Query *query, Walk *walk);
static const char *look_at_node(Node *node, Walk *walk);
static const char *look_at_var(const Var *var, const Walk *walk);
static const char *look_at_param(const Param *param, Walk *walk);
static const char *look_at_type(Oid type);
static bool function_gone(Oid function, void *context);

/*
 * Locks the relations of the statement, or returns why not.  The statement is
 * changed: whatever it does to a table, it is now locked for reading only,
 * which is all that planning needs and all that a standby allows.
 */
const char *
dba_stale_lock(Query *query)
{
	Walk		walk = {0};

	(void) lock_relations((Node *) query, &walk);
	return walk.reason;
}

/*
 * NULL when the statement, whose relations are locked, can be planned with
 * these values, or the reason why not.  *values_unknown says whether it has
 * parameters without a value.
 */
const char *
dba_stale_reason(Query *query, ParamListInfo params, bool *values_unknown)
{
	Walk		walk = {.params = params};

	Assert(params == NULL || params->paramFetch == NULL);
	(void) find_stale((Node *) query, &walk);
	*values_unknown = walk.values_unknown;
	return walk.reason;
}

static bool
lock_relations(Node *node, void *context)
{
	Walk	   *walk = context;

	if (node == NULL)
		return false;
	if (IsA(node, RangeTblEntry))
	{
		walk->reason = lock_relation((RangeTblEntry *) node);
		return walk->reason != NULL;
	}
	if (IsA(node, Query))
		return query_tree_walker((Query *) node, lock_relations, context,
								 QTW_EXAMINE_RTES_BEFORE);
	return expression_tree_walker(node, lock_relations, context);
}

static const char *
lock_relation(RangeTblEntry *rte)
{
	char		relkind;

	if (!OidIsValid(rte->relid))
		return NULL;
	if (!ConditionalLockRelationOid(rte->relid, AccessShareLock))
		return locked;
	rte->rellockmode = AccessShareLock;

	relkind = get_rel_relkind(rte->relid);
	if (relkind == '\0')
		return gone;
	/* EXCLUDED of ON CONFLICT passes for a row type, a view may for nothing. */
	if (relkind == rte->relkind || rte->relkind == RELKIND_COMPOSITE_TYPE ||
		rte->rtekind == RTE_SUBQUERY)
		return NULL;
	return changed;
}

static bool
find_stale(Node *node, void *context)
{
	Walk	   *walk = context;

	if (node == NULL)
		return false;
	if (IsA(node, Query))
		return find_stale_in_query((Query *) node, walk);

	walk->reason = look_at_node(node, walk);
	if (walk->reason != NULL)
		return true;
	return expression_tree_walker(node, find_stale, context);
}

static bool
find_stale_in_query(Query *query, Walk *walk)
{
	bool		stale;

	walk->rtables = lcons(query->rtable, walk->rtables);
	stale = query_tree_walker(query, find_stale, walk, 0);
	walk->rtables = list_delete_first(walk->rtables);
	return stale;
}

/* What is wrong with this node itself, if anything. */
static const char *
look_at_node(Node *node, Walk *walk)
{
	if (check_functions_in_node(node, function_gone, NULL))
		return "a function of the statement is gone";

	switch (nodeTag(node))
	{
		case T_Var:
			return look_at_var((Var *) node, walk);
		case T_Param:
			return look_at_param((Param *) node, walk);
		case T_Const:
		case T_Aggref:
		case T_WindowFunc:
		case T_SubscriptingRef:
		case T_FuncExpr:
		case T_OpExpr:
		case T_FieldSelect:
		case T_FieldStore:
		case T_RelabelType:
		case T_CoerceViaIO:
		case T_ArrayCoerceExpr:
		case T_ConvertRowtypeExpr:
		case T_CaseExpr:
		case T_CaseTestExpr:
		case T_ArrayExpr:
		case T_RowExpr:
		case T_CoalesceExpr:
		case T_MinMaxExpr:
		case T_CoerceToDomain:
		case T_CoerceToDomainValue:
		case T_SetToDefault:
			return look_at_type(exprType(node));
		default:
			return NULL;
	}
}

/* A column of a relation has to be there, and of the same type. */
static const char *
look_at_var(const Var *var, const Walk *walk)
{
	List	   *rtable;
	RangeTblEntry *rte;
	HeapTuple	tuple;
	Form_pg_attribute column;
	bool		same;

	if ((int) var->varlevelsup >= list_length(walk->rtables))
		return changed;
	rtable = list_nth(walk->rtables, var->varlevelsup);
	if (var->varno <= 0 || (int) var->varno > list_length(rtable))
		return changed;
	rte = rt_fetch(var->varno, rtable);
	if (rte->rtekind != RTE_RELATION || var->varattno <= 0)
		return look_at_type(var->vartype);

	tuple = SearchSysCache2(ATTNUM, ObjectIdGetDatum(rte->relid),
							Int16GetDatum(var->varattno));
	if (!HeapTupleIsValid(tuple))
		return changed;
	column = (Form_pg_attribute) GETSTRUCT(tuple);
	same = !column->attisdropped && column->atttypid == var->vartype &&
		column->atttypmod == var->vartypmod &&
		column->attcollation == var->varcollid;
	ReleaseSysCache(tuple);
	return same ? NULL : changed;
}

/* The planner puts values in the place of parameters without looking. */
static const char *
look_at_param(const Param *param, Walk *walk)
{
	Oid			given = InvalidOid;

	if (param->paramkind == PARAM_EXTERN)
	{
		if (param->paramid <= 0)
			return "a parameter of the statement has no number";
		if (walk->params != NULL && param->paramid <= walk->params->numParams)
			given = walk->params->params[param->paramid - 1].ptype;
		if (!OidIsValid(given))
			walk->values_unknown = true;
		else if (given != param->paramtype)
			return "the values are not those of the statement";
	}
	return look_at_type(param->paramtype);
}

static const char *
look_at_type(Oid type)
{
	if (SearchSysCacheExists1(TYPEOID, ObjectIdGetDatum(type)))
		return NULL;
	return "a type of the statement is gone";
}

static bool
function_gone(Oid function, void *context)
{
	(void) context;
	return !SearchSysCacheExists1(PROCOID, ObjectIdGetDatum(function));
}
