/*-------------------------------------------------------------------------
 *
 * query_facts.c
 *	  What an analysed statement says about the table that it is about.
 *
 * The statement as the rewriter left it tells which columns are set and which
 * are compared with values; the text does not (views, search_path, row
 * security), and the plan no longer does.  Only conditions that every row
 * must meet count: those joined by AND at the top.
 *
 * What an operator means is read from the cache of pg_amop: a statement is
 * looked at once per session, and the planner asks the same next.
 *
 * Locking: none of its own; the statement's tables are locked already.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "observe/query_facts.h"

#include "access/htup_details.h"
#include "access/stratnum.h"
#include "catalog/pg_am.h"
#include "catalog/pg_amop.h"
#include "catalog/pg_class.h"
#include "catalog/pg_operator.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "parser/parsetree.h"
#include "utils/catcache.h"
#include "utils/syscache.h"

/* Views within views that are looked through; below, the table is not known. */
#define MAX_VIEWS 8

/* Conditions that are looked at; a generated statement may have thousands. */
#define MAX_CONDITIONS 200

/* One statement, or the view that it reads, and its place for the next one. */
typedef struct Level
{
	const Query *query;
	int			varno;			/* of the table or view that is looked at */
} Level;

/* The way from the statement down to the table. */
typedef struct Lookup
{
	Level		levels[MAX_VIEWS];
	int			depth;			/* levels in use */
	int			conditions;		/* looked at */
	DbaQueryFacts *facts;
} Lookup;

/* What a condition makes of its column. */
typedef enum Meaning
{
	MEANS_NOTHING,
	MEANS_EQUALITY,
	MEANS_RANGE
} Meaning;

static void find_target(const Query *query, Lookup *lookup);
static int	only_source(const Query *query);
static int	count_sources(const Query *query, Node *jtnode, int *source);
static bool is_source(const RangeTblEntry *rte);
static bool is_plain_view(const RangeTblEntry *rte);
static bool is_table(const RangeTblEntry *rte);
static DbaColumns assigned_columns(const Query *query);
static DbaColumns target_list_columns(List *target_list);
static bool is_unbounded(const Query *query);
static void read_join_tree(Lookup *lookup, int level, Node *jtnode);
static void read_conditions(Lookup *lookup, int level, Node *node);
static void read_condition(Lookup *lookup, int level, Node *node);
static void read_comparison(Lookup *lookup, int level, Oid opno, List *args);
static void read_row_comparison(Lookup *lookup, int level,
								const RowCompareExpr *comparison);
static Meaning meaning_of(Oid opno, Node *value);
static Meaning meaning_of_pattern(Node *value);
static bool is_known_value(Node *node);
static DbaColumns column_of(const Lookup *lookup, int level, Node *node);
static void note(Lookup *lookup, Meaning meaning, DbaColumns columns);

/* The bit that stands for the column. */
DbaColumns
dba_column_bit(AttrNumber attnum)
{
	if (attnum < 1 || attnum > DBA_MAX_COLUMN)
		return DBA_OTHER_COLUMN;
	return UINT64CONST(1) << (attnum - 1);
}

/*
 * Fills the facts of a statement that is about to be planned, before the
 * planner changes it.  The statement must be rewritten, its tables locked.
 */
void
dba_query_facts(const Query *query, DbaQueryFacts *facts)
{
	Lookup		lookup = {.facts = facts};

	memset(facts, 0, sizeof(DbaQueryFacts));
	facts->command = query->commandType;

	/*
	 * Only the triggers of foreign keys set this.  On 19 they look most keys
	 * up without a statement; what cascades is still one.  A BEFORE trigger
	 * of a table that is cascaded to inherits the flag.
	 */
	facts->referential = InNoForceRLSOperation();
	facts->unbounded = is_unbounded(query);

	find_target(query, &lookup);
	if (!OidIsValid(facts->relid))
		return;
	facts->updated = assigned_columns(query);

	/* What MERGE is ON does not keep rows out: there is NOT MATCHED. */
	if (query->commandType == CMD_MERGE)
		return;
	for (int i = 0; i < lookup.depth; i++)
	{
		const Level *level = &lookup.levels[i];

		read_join_tree(&lookup, i, (Node *) level->query->jointree);
		/* row security, and views that are barriers */
		read_conditions(&lookup, i, (Node *)
						rt_fetch(level->varno, level->query->rtable)->securityQuals);
	}
}

/* Finds the table, and the views on the way to it; or leaves it invalid. */
static void
find_target(const Query *query, Lookup *lookup)
{
	while (lookup->depth < MAX_VIEWS)
	{
		int			source = query->resultRelation;
		RangeTblEntry *rte;

		if (source == 0)
			source = only_source(query);
		if (source == 0 || source > list_length(query->rtable))
			return;
		lookup->levels[lookup->depth].query = query;
		lookup->levels[lookup->depth].varno = source;
		lookup->depth++;

		rte = rt_fetch(source, query->rtable);
		if (is_table(rte))
		{
			lookup->facts->relid = rte->relid;
			return;
		}
		if (!is_plain_view(rte))
			return;
		query = rte->subquery;
	}
}

/*
 * The table or view that is the only one that the FROM clause names, or 0.
 * (The list of range table entries also has what nobody reads.)
 */
static int
only_source(const Query *query)
{
	int			source = 0;

	if (query->commandType != CMD_SELECT || query->setOperations != NULL)
		return 0;
	if (count_sources(query, (Node *) query->jointree, &source) != 1)
		return 0;
	return source;
}

static int
count_sources(const Query *query, Node *jtnode, int *source)
{
	int			count = 0;
	ListCell   *lc;

	if (jtnode == NULL)
		return 0;
	check_stack_depth();
	if (IsA(jtnode, RangeTblRef))
	{
		int			index = ((RangeTblRef *) jtnode)->rtindex;

		if (!is_source(rt_fetch(index, query->rtable)))
			return 0;
		*source = index;
		return 1;
	}
	if (IsA(jtnode, JoinExpr))
	{
		count += count_sources(query, ((JoinExpr *) jtnode)->larg, source);
		count += count_sources(query, ((JoinExpr *) jtnode)->rarg, source);
	}
	else if (IsA(jtnode, FromExpr))
	{
		foreach(lc, ((FromExpr *) jtnode)->fromlist)
			count += count_sources(query, lfirst(lc), source);
	}
	return count;
}

/* False of what has its rows from the statement itself. */
static bool
is_source(const RangeTblEntry *rte)
{
	int			source;

	switch (rte->rtekind)
	{
		case RTE_FUNCTION:
		case RTE_TABLEFUNC:
		case RTE_VALUES:
		case RTE_RESULT:
			return false;
		case RTE_SUBQUERY:		/* so is (VALUES ...) in FROM */
			return rte->subquery->setOperations != NULL ||
				count_sources(rte->subquery, (Node *) rte->subquery->jointree,
							  &source) > 0;
		default:
			return true;
	}
}

static bool
is_table(const RangeTblEntry *rte)
{
	return rte->rtekind == RTE_RELATION && rte->relkind != RELKIND_VIEW;
}

/* Each of its rows is a row of what it reads. */
static bool
is_plain_view(const RangeTblEntry *rte)
{
	const Query *query = rte->subquery;

	return rte->rtekind == RTE_SUBQUERY && query != NULL &&
		query->commandType == CMD_SELECT && !query->hasAggs &&
		!query->hasWindowFuncs && !query->hasTargetSRFs &&
		query->groupClause == NIL && query->groupingSets == NIL &&
		query->havingQual == NULL && query->distinctClause == NIL &&
		query->limitCount == NULL && query->limitOffset == NULL;
}

/*
 * The columns that the statement sets in rows that exist.  Those that are
 * generated from them are not in the tree.
 */
static DbaColumns
assigned_columns(const Query *query)
{
	DbaColumns	columns = 0;
	ListCell   *lc;

	if (query->commandType == CMD_UPDATE)
		columns |= target_list_columns(query->targetList);
	if (query->onConflict != NULL)
		columns |= target_list_columns(query->onConflict->onConflictSet);
	foreach(lc, query->mergeActionList)
	{
		MergeAction *action = lfirst_node(MergeAction, lc);

		if (action->commandType == CMD_UPDATE)
			columns |= target_list_columns(action->targetList);
	}
	return columns;
}

static DbaColumns
target_list_columns(List *target_list)
{
	DbaColumns	columns = 0;
	ListCell   *lc;

	foreach(lc, target_list)
	{
		TargetEntry *entry = lfirst_node(TargetEntry, lc);

		if (!entry->resjunk)
			columns |= dba_column_bit(entry->resno);
	}
	return columns;
}

/* An UPDATE or DELETE of all rows: no condition, join or row security. */
static bool
is_unbounded(const Query *query)
{
	FromExpr   *from = query->jointree;

	if (query->commandType != CMD_UPDATE && query->commandType != CMD_DELETE)
		return false;
	if (from->quals != NULL || list_length(from->fromlist) != 1 ||
		!IsA(linitial(from->fromlist), RangeTblRef))
		return false;
	return rt_fetch(query->resultRelation, query->rtable)->securityQuals == NIL;
}

/* Reads the conditions that every row of the result meets. */
static void
read_join_tree(Lookup *lookup, int level, Node *jtnode)
{
	ListCell   *lc;

	if (jtnode == NULL)
		return;
	check_stack_depth();
	if (IsA(jtnode, FromExpr))
	{
		foreach(lc, ((FromExpr *) jtnode)->fromlist)
			read_join_tree(lookup, level, lfirst(lc));
		read_conditions(lookup, level, ((FromExpr *) jtnode)->quals);
	}
	else if (IsA(jtnode, JoinExpr))
	{
		JoinExpr   *join = (JoinExpr *) jtnode;

		if (join->jointype == JOIN_INNER || join->jointype == JOIN_LEFT)
			read_join_tree(lookup, level, join->larg);
		if (join->jointype == JOIN_INNER || join->jointype == JOIN_RIGHT)
			read_join_tree(lookup, level, join->rarg);
		if (join->jointype == JOIN_INNER)
			read_conditions(lookup, level, join->quals);
	}
}

/* Reads conditions joined by AND, or a list of them. */
static void
read_conditions(Lookup *lookup, int level, Node *node)
{
	List	   *conditions;
	ListCell   *lc;

	if (node == NULL)
		return;
	check_stack_depth();
	if (IsA(node, List))
		conditions = (List *) node;
	else if (is_andclause(node))
		conditions = ((BoolExpr *) node)->args;
	else
	{
		if (lookup->conditions++ < MAX_CONDITIONS)
			read_condition(lookup, level, node);
		return;
	}
	foreach(lc, conditions)
		read_conditions(lookup, level, lfirst(lc));
}

static void
read_condition(Lookup *lookup, int level, Node *node)
{
	if (IsA(node, OpExpr))
		read_comparison(lookup, level, ((OpExpr *) node)->opno,
						((OpExpr *) node)->args);
	else if (IsA(node, ScalarArrayOpExpr))
	{
		if (((ScalarArrayOpExpr *) node)->useOr)
			read_comparison(lookup, level, ((ScalarArrayOpExpr *) node)->opno,
							((ScalarArrayOpExpr *) node)->args);
	}
	else if (IsA(node, RowCompareExpr))
		read_row_comparison(lookup, level, (RowCompareExpr *) node);
	else if (IsA(node, NullTest))
	{
		if (((NullTest *) node)->nulltesttype == IS_NULL &&
			!((NullTest *) node)->argisrow)
			note(lookup, MEANS_EQUALITY,
				 column_of(lookup, level, (Node *) ((NullTest *) node)->arg));
	}
	else if (IsA(node, BooleanTest))
	{
		BoolTestType test = ((BooleanTest *) node)->booltesttype;

		if (test == IS_TRUE || test == IS_FALSE || test == IS_UNKNOWN)
			note(lookup, MEANS_EQUALITY,
				 column_of(lookup, level, (Node *) ((BooleanTest *) node)->arg));
	}
	else if (is_notclause(node))	/* WHERE NOT closed */
		note(lookup, MEANS_EQUALITY,
			 column_of(lookup, level, (Node *) get_notclausearg(node)));
	else						/* WHERE closed */
		note(lookup, MEANS_EQUALITY, column_of(lookup, level, node));
}

/* column op value, value op column, column op ANY (values) */
static void
read_comparison(Lookup *lookup, int level, Oid opno, List *args)
{
	DbaColumns	left;
	DbaColumns	right;
	Node	   *value;

	if (list_length(args) != 2)
		return;
	left = column_of(lookup, level, linitial(args));
	right = column_of(lookup, level, lsecond(args));
	if ((left == 0) == (right == 0))
		return;
	value = left != 0 ? lsecond(args) : linitial(args);
	if (is_known_value(value))
		note(lookup, meaning_of(opno, value), left | right);
}

/* (created, id) > (value, value): up to the first that is no such pair */
static void
read_row_comparison(Lookup *lookup, int level,
					const RowCompareExpr *comparison)
{
	ListCell   *l;
	ListCell   *r;

	forboth(l, comparison->largs, r, comparison->rargs)
	{
		DbaColumns	left = column_of(lookup, level, lfirst(l));
		DbaColumns	right = column_of(lookup, level, lfirst(r));

		if ((left == 0) == (right == 0) ||
			!is_known_value(left != 0 ? lfirst(r) : lfirst(l)))
			break;
		note(lookup, MEANS_RANGE, left | right);
	}
}

/* Equality is what a btree or a hash index calls so, range what a btree does. */
static Meaning
meaning_of(Oid opno, Node *value)
{
	Meaning		meaning = MEANS_NOTHING;
	CatCList   *members;

	switch (opno)
	{
		case OID_TEXT_LIKE_OP:
		case OID_BPCHAR_LIKE_OP:
		case OID_NAME_LIKE_OP:
		case OID_BYTEA_LIKE_OP:
			return meaning_of_pattern(value);
		default:
			break;
	}

	members = SearchSysCacheList1(AMOPOPID, ObjectIdGetDatum(opno));
	for (int i = 0; i < members->n_members && meaning == MEANS_NOTHING; i++)
	{
		Form_pg_amop form = (Form_pg_amop)
			GETSTRUCT(&members->members[i]->tuple);

		if (form->amopmethod == HASH_AM_OID)
			meaning = MEANS_EQUALITY;
		else if (form->amopmethod == BTREE_AM_OID)
			meaning = form->amopstrategy == BTEqualStrategyNumber ?
				MEANS_EQUALITY : MEANS_RANGE;
	}
	ReleaseSysCacheList(members);
	return meaning;
}

/* LIKE 'x%' is a range, LIKE 'x' an equality; LIKE '%x' and $1 are neither. */
static Meaning
meaning_of_pattern(Node *value)
{
	const Const *constant = (const Const *) value;
	const char *pattern;
	const struct varlena *datum;
	int			length;

	if (!IsA(value, Const) || constant->constisnull || constant->constbyval ||
		constant->constlen != -1)
		return MEANS_NOTHING;
	datum = (const struct varlena *) DatumGetPointer(constant->constvalue);
	if (VARATT_IS_EXTERNAL(datum) || VARATT_IS_COMPRESSED(datum))
		return MEANS_NOTHING;

	pattern = VARDATA_ANY(datum);
	length = VARSIZE_ANY_EXHDR(datum);
	if (length == 0)
		return MEANS_EQUALITY;
	if (pattern[0] == '%' || pattern[0] == '_')
		return MEANS_NOTHING;
	for (int i = 0; i < length; i++)
	{
		/* The server's encodings use no such byte inside a character. */
		if (pattern[i] == '%' || pattern[i] == '_')
			return MEANS_RANGE;
		if (pattern[i] == '\\')
			i++;
	}
	return MEANS_EQUALITY;
}

/* Does not depend on the row, and is the same for each row. */
static bool
is_known_value(Node *node)
{
	return !contain_vars_of_level(node, 0) &&
		!contain_volatile_functions(node);
}

/* The table's column that the expression is; none if it is anything else. */
static DbaColumns
column_of(const Lookup *lookup, int level, Node *node)
{
	for (; level < lookup->depth; level++)
	{
		const TargetEntry *entry;
		const Var  *var;

		while (node != NULL && IsA(node, RelabelType))
			node = (Node *) ((RelabelType *) node)->arg;
		if (node == NULL || !IsA(node, Var))
			return 0;
		var = (const Var *) node;
		if (var->varlevelsup != 0 ||
			(int) var->varno != lookup->levels[level].varno)
			return 0;
		if (level == lookup->depth - 1)
			return dba_column_bit(var->varattno);

		entry = get_tle_by_resno(lookup->levels[level + 1].query->targetList,
								 var->varattno);
		node = entry != NULL ? (Node *) entry->expr : NULL;
	}
	return 0;
}

static void
note(Lookup *lookup, Meaning meaning, DbaColumns columns)
{
	if (meaning == MEANS_EQUALITY)
		lookup->facts->equality |= columns;
	else if (meaning == MEANS_RANGE)
		lookup->facts->range |= columns;
}
