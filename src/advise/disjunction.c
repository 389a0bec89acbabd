/*-------------------------------------------------------------------------
 *
 * disjunction.c
 *	  An OR over columns of several tables, and the UNION that it could be.
 *
 * Locking: demands locks on the tables of the statement.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "advise/condition.h"
#include "advise/disjunction.h"

#include "nodes/nodeFuncs.h"
#include "optimizer/clauses.h"
#include "optimizer/optimizer.h"

static Node **find_disjunction(Query *query);
static bool is_over_tables(Node *node);
static bool can_be_union(const Query *query);

/*
 * The query (a Query for each arm) whose parts a UNION would put together; NIL if
 * it has no OR that only the joined rows can decide, or is none that can be taken
 * apart.
 */
List *
dba_split_disjunction(Query *query, DbaRewrite *rewrite)
{
	Node	  **place = can_be_union(query) ? find_disjunction(query) : NULL;
	List	   *queries = list_make1(query);
	Node	   *whole;
	List	   *result = NIL;
	StringInfoData arms;
	ListCell   *cell;

	if (place == NULL || !dba_rewrite_set_column(query, *place, rewrite))
		return NIL;
	whole = *place;
	initStringInfo(&arms);
	foreach(cell, ((BoolExpr *) whole)->args)
	{
		appendStringInfo(&arms, "%sSELECT ... WHERE %s", arms.len > 0 ? " UNION " : "",
						 dba_condition_text(queries, lfirst(cell)));
		*place = lfirst(cell);
		result = lappend(result, copyObject(query));
	}
	*place = whole;
	rewrite->before = dba_condition_text(queries, whole);
	rewrite->after = arms.data;
	rewrite->is_union = true;
	rewrite->why = "the OR is over columns of several tables, and only their joined rows decide it";
	return result;
}

/* Where in the WHERE of the query it stands; NULL: nowhere. */
static Node **
find_disjunction(Query *query)
{
	Node	  **quals = &query->jointree->quals;
	ListCell   *cell;

	if (*quals == NULL)
		return NULL;
	if (is_over_tables(*quals))
		return quals;
	if (!is_andclause(*quals))
		return NULL;
	foreach(cell, ((BoolExpr *) *quals)->args)
	{
		if (is_over_tables(lfirst(cell)))
			return (Node **) &lfirst(cell);
	}
	return NULL;
}

/* Whether it is an OR each of whose arms is of one table, and not all of the same. */
static bool
is_over_tables(Node *node)
{
	Relids		relids = pull_varnos(NULL, node);
	ListCell   *cell;

	if (!is_orclause(node) || bms_num_members(relids) < 2 || contain_volatile_functions(node))
		return false;
	foreach(cell, ((BoolExpr *) node)->args)
	{
		if (bms_num_members(pull_varnos(NULL, lfirst(cell))) != 1)
			return false;
	}
	return true;
}

/* Whether its rows are those of its parts; duplicates aside. */
static bool
can_be_union(const Query *query)
{
	return query->commandType == CMD_SELECT && !query->hasAggs && !query->hasWindowFuncs &&
		!query->hasTargetSRFs && !query->hasForUpdate && !query->hasModifyingCTE &&
		query->groupClause == NIL && query->groupingSets == NIL && query->distinctClause == NIL &&
		query->havingQual == NULL && query->limitCount == NULL && query->limitOffset == NULL &&
		query->setOperations == NULL && !contain_volatile_functions((Node *) query->targetList);
}
