/*-------------------------------------------------------------------------
 *
 * tree.c
 *	  A statement without its constants, as it can be planned again.
 *
 * What the parser and the rewriter made of a statement is the only form of it
 * that another session can plan: the text needs its search_path, its
 * parameter types, the variables of the function that it stands in and the
 * policies of its user.  Constants of the text become parameters, so that one
 * tree serves all executions of the statement, and so that a tree says nothing
 * of the data unless its values are kept too (values.c).
 *
 * A parameter whose value is given is made a constant again by the planner,
 * before anything else looks at it; so the plan is that of the statement.
 * Some constants stay where they are, because they are no data and because a
 * statement in which they are not known makes no sense.  They have a number
 * and a value like the others, so that numbers agree with the normalised text:
 *	  - those of ON CONFLICT (...) WHERE, which name an index;
 *	  - TRUE as a whole condition, as in JOIN ... ON TRUE;
 *	  - the words of EXTRACT (year FROM ...) and NORMALIZE (..., nfc), which
 *		EXPLAIN expects to be constants.
 * And these are not seen here at all:
 *	  - those that do not come from the text: of views, policies, defaults.
 *		They are the same in each execution, and are read with location -1;
 *	  - the path of JSON_TABLE, which is no expression.
 *
 * Runs inside of hooks and takes no locks.  The only catalog that it reads is
 * pg_class, of relations that the parser has locked and opened just before:
 * they are in the cache and cannot go away, so the look cannot fail, save for
 * want of memory.  Everything that recurses is the server's own walker, which
 * minds the stack.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "observe/tree.h"

#include "access/htup_details.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "common/pg_lzcompress.h"
#include "nodes/nodeFuncs.h"
#include "nodes/primnodes.h"
#include "nodes/readfuncs.h"
#include "utils/fmgroids.h"
#include "utils/memutils.h"
#include "utils/syscache.h"

/* Rows of one INSERT; with more its tree is not worth keeping. */
#define MAX_INSERTED_ROWS 20

/* A constant of the text: where it stands, for sorting, and its node. */
typedef struct Literal
{
	int			location;		/* byte of the text */
	int			found;			/* how many were found before */
	bool		stays;			/* a constant in the tree too */
	Const	   *node;
} Literal;

typedef struct Literals
{
	Literal    *found;
	int			count;
	int			room;
	int			highest_param;	/* of the client's parameters */
	bool		stay;			/* those found now are to stay */
} Literals;

/* What follows the envelope; then the path, then the tree as text. */
typedef struct PackedTree
{
	DbaBlobHeader header;
	int32		bound;
	int32		count;
	uint32		path_size;		/* with the final zero */
	uint32		text_size;		/* with the final zero, before compression */
	uint32		packed_size;	/* text_size if not compressed */
} PackedTree;

static bool too_large_or_bound(Node *node, void *nodes);
static bool relation_bound_to_session(const RangeTblEntry *rte);
static bool find_literals(Node *node, void *context);
static bool find_relations(Node *node, void *relations);
static bool find_staying(Node *node, Literals *literals);
static bool find_in_condition(Node *quals, Literals *literals);
static bool find_in_conflict(OnConflictExpr *conflict, Literals *literals);
static bool find_in_call(FuncExpr *call, Literals *literals);
static int	place_of_word(const FuncExpr *call);
static void note_literal(Literals *literals, Const *node);
static int	make_parameters(Literals *literals, DbaValues **values);
static DbaValue value_of(const Const *node);
static int	compare_literals(const void *a, const void *b);
static void become_parameter(Const *node, int number);
static const char *open_packed(const char *data, Size size,
							   PackedTree *packed);
static Size pack_text(const char *written, Size text_size, char *packed);
static char *unpack_text(const PackedTree *packed, const char *data);

/*
 * False when no other session can plan the statement, or ought to: it refers
 * to what only this session has, or to a foreign table (planning may talk to
 * the other server); when it is very large; and when it brings along many rows
 * to insert, as each number of rows is another statement.
 */
bool
dba_tree_worth_keeping(const Query *query)
{
	int			nodes = 0;
	ListCell   *cell;

	if (query->commandType == CMD_UTILITY || query->utilityStmt != NULL)
		return false;
	if (query->commandType == CMD_INSERT)
	{
		foreach(cell, query->rtable)
		{
			if (list_length(lfirst_node(RangeTblEntry, cell)->values_lists) > MAX_INSERTED_ROWS)
				return false;
		}
	}
	return !too_large_or_bound((Node *) query, &nodes);
}

/*
 * A copy of the statement in which the constants of its text are parameters,
 * numbered beyond those of the client in the order of the text, so that every
 * execution of the statement numbers them alike.  *constants are their
 * values, or none if there are more than DBA_MAX_VALUES; they share memory
 * with nothing but the copy.  Demands dba_tree_worth_keeping().
 */
DbaTree *
dba_tree_take(const Query *query, DbaValues **constants)
{
	DbaTree    *tree = palloc(sizeof(DbaTree));
	Literals	literals = {0};

	tree->query = (Query *) copyObject(query);
	(void) find_literals((Node *) tree->query, &literals);
	tree->bound = literals.highest_param;
	tree->count = tree->bound + make_parameters(&literals, constants);
	tree->search_path = pstrdup(namespace_search_path);
	return tree;
}

/* One flat piece of memory, or NULL when larger than DBA_MAX_PACKED. */
char *
dba_tree_pack(const DbaTree *tree, Size *size)
{
	PackedTree	packed = {0};
	char	   *written = nodeToString(tree->query);
	char	   *data;
	char	   *path;

	packed.bound = tree->bound;
	packed.count = tree->count;
	packed.path_size = strlen(tree->search_path) + 1;
	packed.text_size = strlen(written) + 1;
	data = palloc(sizeof(packed) + packed.path_size +
				  PGLZ_MAX_OUTPUT(packed.text_size));
	path = data + sizeof(packed);
	memcpy(path, tree->search_path, packed.path_size);
	packed.packed_size = pack_text(written, packed.text_size,
								   path + packed.path_size);
	pfree(written);
	memcpy(data, &packed, sizeof(packed));

	*size = sizeof(packed) + packed.path_size + packed.packed_size;
	if (*size > DBA_MAX_PACKED)
	{
		pfree(data);
		return NULL;
	}
	dba_blob_seal(data, *size, DBA_BLOB_TREE);
	return data;
}

/* The statement again, or NULL when the bytes are not what was packed. */
DbaTree *
dba_tree_unpack(const char *data, Size size)
{
	PackedTree	packed;
	const char *path = open_packed(data, size, &packed);
	char	   *written;
	Node	   *node;
	DbaTree    *tree;

	if (path == NULL)
		return NULL;
	written = unpack_text(&packed, path + packed.path_size);
	if (written == NULL)
		return NULL;
	node = stringToNode(written);
	pfree(written);
	if (node == NULL || !IsA(node, Query))
		return NULL;

	tree = palloc(sizeof(DbaTree));
	tree->query = (Query *) node;
	tree->bound = packed.bound;
	tree->count = packed.count;
	tree->search_path = pstrdup(path);
	return tree;
}

/*
 * The values for the planner, or NULL (the generic plan) when they are not
 * those of this tree: from 18 on, lists of different lengths are one statement
 * to the server, and their values would stand in each other's places.
 */
ParamListInfo
dba_tree_bind(const DbaTree *tree, const DbaValues *values)
{
	if (values == NULL || values->count != tree->count)
		return NULL;
	return dba_values_bind(values);
}

/* The search_path of a packed statement alone; NULL when it is not one. */
char *
dba_tree_search_path(const char *data, Size size)
{
	PackedTree	packed;
	const char *path = open_packed(data, size, &packed);

	return path == NULL ? NULL : pstrdup(path);
}

/*
 * Oids of the relations that the statement names, as often as it does; those
 * of its views are among them, and so are views themselves.
 */
List *
dba_tree_relations(const DbaTree *tree)
{
	List	   *relations = NIL;

	(void) find_relations((Node *) tree->query, &relations);
	return relations;
}

static bool
find_relations(Node *node, void *relations)
{
	List	  **found = relations;

	if (node == NULL)
		return false;
	if (IsA(node, RangeTblEntry))
	{
		const RangeTblEntry *rte = (RangeTblEntry *) node;

		if (rte->rtekind == RTE_RELATION)
			*found = lappend_oid(*found, rte->relid);
		return false;
	}
	if (IsA(node, Query))
		return query_tree_walker((Query *) node, find_relations, relations,
								 QTW_EXAMINE_RTES_BEFORE);
	return expression_tree_walker(node, find_relations, relations);
}

static bool
too_large_or_bound(Node *node, void *nodes)
{
	if (node == NULL)
		return false;
	if (++*(int *) nodes > DBA_MAX_NODES)
		return true;
	if (IsA(node, RangeTblEntry))
		return relation_bound_to_session((RangeTblEntry *) node);
	if (IsA(node, Query))
		return query_tree_walker((Query *) node, too_large_or_bound, nodes,
								 QTW_EXAMINE_RTES_BEFORE);
	return expression_tree_walker(node, too_large_or_bound, nodes);
}

/*
 * Transition tables of triggers, temporary tables (also a temporary view,
 * which is expanded but from 16 on named), and foreign tables.
 */
static bool
relation_bound_to_session(const RangeTblEntry *rte)
{
	HeapTuple	tuple;
	bool		bound = true;

	if (rte->rtekind == RTE_NAMEDTUPLESTORE)
		return true;
	if (!OidIsValid(rte->relid))
		return false;
	if (rte->relkind == RELKIND_FOREIGN_TABLE)
		return true;

	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(rte->relid));
	if (HeapTupleIsValid(tuple))
	{
		bound = ((Form_pg_class) GETSTRUCT(tuple))->relpersistence ==
			RELPERSISTENCE_TEMP;
		ReleaseSysCache(tuple);
	}
	return bound;
}

/* Notes the constants of the text and the highest parameter; goes on always. */
static bool
find_literals(Node *node, void *context)
{
	Literals   *literals = context;

	if (node == NULL)
		return false;

	switch (nodeTag(node))
	{
		case T_Const:
			if (((Const *) node)->location >= 0)
				note_literal(literals, (Const *) node);
			return false;
		case T_Param:
			if (((Param *) node)->paramkind == PARAM_EXTERN)
				literals->highest_param = Max(literals->highest_param,
											  ((Param *) node)->paramid);
			return false;
		case T_Query:
			return query_tree_walker((Query *) node, find_literals, context, 0);
		case T_FromExpr:
			return find_literals((Node *) ((FromExpr *) node)->fromlist, context) ||
				find_in_condition(((FromExpr *) node)->quals, literals);
		case T_JoinExpr:
			return find_literals(((JoinExpr *) node)->larg, context) ||
				find_literals(((JoinExpr *) node)->rarg, context) ||
				find_in_condition(((JoinExpr *) node)->quals, literals);
		case T_OnConflictExpr:
			return find_in_conflict((OnConflictExpr *) node, literals);
		case T_FuncExpr:
			return find_in_call((FuncExpr *) node, literals);
		default:
			return expression_tree_walker(node, find_literals, context);
	}
}

/* As find_literals(), but those found stay. */
static bool
find_staying(Node *node, Literals *literals)
{
	bool		stay = literals->stay;

	literals->stay = true;
	(void) find_literals(node, literals);
	literals->stay = stay;
	return false;
}

static bool
find_in_condition(Node *quals, Literals *literals)
{
	if (quals != NULL && IsA(quals, Const))
		return find_staying(quals, literals);
	return find_literals(quals, literals);
}

static bool
find_in_conflict(OnConflictExpr *conflict, Literals *literals)
{
	return find_staying((Node *) conflict->arbiterElems, literals) ||
		find_staying(conflict->arbiterWhere, literals) ||
		find_literals((Node *) conflict->onConflictSet, literals) ||
		find_literals(conflict->onConflictWhere, literals);
}

static bool
find_in_call(FuncExpr *call, Literals *literals)
{
	int			word = place_of_word(call);
	ListCell   *cell;

	foreach(cell, call->args)
	{
		if (foreach_current_index(cell) == word)
			(void) find_staying(lfirst(cell), literals);
		else
			(void) find_literals(lfirst(cell), literals);
	}
	return false;
}

/* Which argument, if any, is a word of SQL rather than a value. */
static int
place_of_word(const FuncExpr *call)
{
	if (call->funcformat != COERCE_SQL_SYNTAX)
		return -1;

	switch (call->funcid)
	{
		case F_EXTRACT_TEXT_DATE:
		case F_EXTRACT_TEXT_TIME:
		case F_EXTRACT_TEXT_TIMETZ:
		case F_EXTRACT_TEXT_TIMESTAMP:
		case F_EXTRACT_TEXT_TIMESTAMPTZ:
		case F_EXTRACT_TEXT_INTERVAL:
			return 0;
		case F_NORMALIZE:
		case F_IS_NORMALIZED:
			return 1;
		default:
			return -1;
	}
}

static void
note_literal(Literals *literals, Const *node)
{
	Literal    *literal;

	if (literals->count == literals->room)
	{
		literals->room = Max(64, 2 * literals->room);
		if (literals->found == NULL)
			literals->found = palloc(literals->room * sizeof(Literal));
		else
			literals->found = repalloc(literals->found,
									   literals->room * sizeof(Literal));
	}

	literal = &literals->found[literals->count];
	literal->location = node->location;
	literal->found = literals->count++;
	literal->stays = literals->stay;
	literal->node = node;
}

/*
 * Makes each constant a parameter where it stands, unless it is to stay, and
 * returns how many they are; *values has them unless that is too many.
 * A constant that the parser copied to several places (x BETWEEN SYMMETRIC 1
 * AND 2) stays one, because the planner compares expressions; unless it is
 * not the same any more, as when it was converted to two types.
 */
static int
make_parameters(Literals *literals, DbaValues **values)
{
	Const		last = {0};
	int			count = 0;

	*values = dba_values_new(Min(literals->count, DBA_MAX_VALUES));
	if (literals->count > 1)
		qsort(literals->found, literals->count, sizeof(Literal),
			  compare_literals);

	for (int i = 0; i < literals->count; i++)
	{
		Const	   *node = literals->found[i].node;

		if (count == 0 || node->location != last.location ||
			!equal(node, &last))
		{
			last = *node;
			if (count < DBA_MAX_VALUES)
				(*values)->values[count] = value_of(node);
			count++;
		}
		if (!literals->found[i].stays)
			become_parameter(node, literals->highest_param + count);
	}

	(*values)->count = count <= DBA_MAX_VALUES ? count : 0;
	return count;
}

static DbaValue
value_of(const Const *node)
{
	DbaValue	value = {
		.type = node->consttype,
		.typlen = node->constlen,
		.typbyval = node->constbyval,
		.state = node->constisnull ? DBA_VALUE_NULL : DBA_VALUE_GIVEN,
		.value = node->constvalue
	};

	return value;
}

/* By place in the text; at one place by what they are, then as found. */
static int
compare_literals(const void *a, const void *b)
{
	const Literal *left = a;
	const Literal *right = b;

	if (left->location != right->location)
		return left->location < right->location ? -1 : 1;
	if (left->node->consttype != right->node->consttype)
		return left->node->consttype < right->node->consttype ? -1 : 1;
	if (left->node->consttypmod != right->node->consttypmod)
		return left->node->consttypmod < right->node->consttypmod ? -1 : 1;
	return left->found < right->found ? -1 : 1;
}

/* A parameter is the smaller node, so it fits where the constant was. */
static void
become_parameter(Const *node, int number)
{
	Const		was = *node;
	Param	   *param = (Param *) node;

	StaticAssertStmt(sizeof(Param) <= sizeof(Const),
					 "a Param takes more room than a Const");

	memset(node, 0, sizeof(Const));
	param->xpr.type = T_Param;
	param->paramkind = PARAM_EXTERN;
	param->paramid = number;
	param->paramtype = was.consttype;
	param->paramtypmod = was.consttypmod;
	param->paramcollid = was.constcollid;
	param->location = -1;
}

/*
 * Fills the head of a packed statement and returns the path behind it, or NULL
 * when the sizes do not add up.
 */
static const char *
open_packed(const char *data, Size size, PackedTree *packed)
{
	const char *path = data + sizeof(PackedTree);

	if (!dba_blob_intact(data, size, DBA_BLOB_TREE) ||
		size < sizeof(PackedTree))
		return NULL;
	memcpy(packed, data, sizeof(PackedTree));
	if (packed->bound < 0 || packed->count < packed->bound ||
		packed->path_size == 0 ||
		packed->text_size == 0 || !AllocSizeIsValid(packed->text_size) ||
		size != sizeof(PackedTree) + (uint64) packed->path_size +
		packed->packed_size ||
		path[packed->path_size - 1] != '\0')
		return NULL;
	return path;
}

/* Returns the bytes written; as many as the text has if it did not shrink. */
static Size
pack_text(const char *written, Size text_size, char *packed)
{
	int32		size = pglz_compress(written, text_size, packed,
									 PGLZ_strategy_default);

	if (size >= 0 && (Size) size < text_size)
		return size;
	memcpy(packed, written, text_size);
	return text_size;
}

/* NULL when it does not come to the size that was packed. */
static char *
unpack_text(const PackedTree *packed, const char *data)
{
	char	   *written = palloc(packed->text_size);

	if (packed->packed_size == packed->text_size)
		memcpy(written, data, packed->text_size);
	else if (pglz_decompress(data, packed->packed_size, written,
							 packed->text_size, true) !=
			 (int32) packed->text_size)
		return NULL;
	return written[packed->text_size - 1] == '\0' ? written : NULL;
}
