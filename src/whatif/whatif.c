/*-------------------------------------------------------------------------
 *
 * whatif.c
 *	  What a statement would cost if other indexes were there.
 *
 * A statement of the caller's is analysed as he would run it, or a sample is
 * planned as its user; then twice: as things are, and with the changes.
 *
 * Locking: those of the statement's analysis, as EXPLAIN would take them, and
 * AccessShareLock on the tables of the indexes; until the end of the transaction.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "whatif/hypo_size.h"
#include "whatif/whatif.h"

#include "access/sysattr.h"
#include "catalog/catalog.h"
#include "catalog/dependency.h"
#include "catalog/index.h"
#include "catalog/namespace.h"
#include "catalog/objectaddress.h"
#include "catalog/partition.h"
#include "catalog/pg_class.h"
#include "catalog/pg_constraint.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "parser/analyze.h"
#include "tcop/tcopprot.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/varlena.h"

static void unwrap(RawStmt *raw, DbaPlannable *plannable);
static void check_readable(const DbaHypoIndex *index);
static void settle_name(const List *created, DbaHypoIndex *index);
static bool name_is_taken(const List *created, Oid schema, const char *name);
static void check_droppable(Oid index);

/*
 * Sets the statement of the text, analysed and rewritten, and how it is planned;
 * $1 and so on take the types that the statement gives them.
 */
void
dba_whatif_analyze(const char *text, DbaPlannable *plannable)
{
	List	   *raw = pg_parse_query(text);
	List	   *queries;
	Oid		   *types = NULL;
	int			count = 0;

	if (list_length(raw) != 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("not one statement: %s", text)));
	plannable->text = text;
	plannable->cursor_options = 0;
	unwrap(linitial_node(RawStmt, raw), plannable);
	queries = pg_analyze_and_rewrite_varparams(linitial_node(RawStmt, raw), text,
											   &types, &count, NULL);
	if (list_length(queries) != 1 ||
		linitial_node(Query, queries)->commandType == CMD_UTILITY)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("not a statement that the planner plans as one: %s", text),
				 errhint("Give a SELECT, INSERT, UPDATE, DELETE or MERGE statement.")));
	plannable->query = linitial_node(Query, queries);
	/* Nobody shall count it as one that was run. */
	plannable->query->queryId = 0;
}

/* Leaves the statement that is planned of one that has another in it. */
static void
unwrap(RawStmt *raw, DbaPlannable *plannable)
{
	Node	   *inner = raw->stmt;

	while (inner != NULL)
	{
		raw->stmt = inner;
		switch (nodeTag(inner))
		{
			case T_ExplainStmt:
				inner = ((ExplainStmt *) inner)->query;
				break;
			case T_DeclareCursorStmt:
				plannable->cursor_options = ((DeclareCursorStmt *) inner)->options;
				inner = ((DeclareCursorStmt *) inner)->query;
				break;
			case T_CreateTableAsStmt:
				inner = ((CreateTableAsStmt *) inner)->query;
				break;
			case T_PrepareStmt:
				inner = ((PrepareStmt *) inner)->query;
				break;
			case T_CopyStmt:
				inner = ((CopyStmt *) inner)->query;
				break;
			case T_SelectStmt:
				((SelectStmt *) inner)->intoClause = NULL;
				return;
			default:
				return;
		}
	}
}

/*
 * Adds the index of the text; the user must be able to read what it would hold.
 */
void
dba_whatif_create(DbaChanges *changes, const char *create_index)
{
	dba_whatif_create_all(changes, &create_index, 1);
}

/* The same of many texts: each table is sampled once. */
void
dba_whatif_create_all(DbaChanges *changes, const char *const *texts, int count)
{
	int			first = list_length(changes->created);

	for (int i = 0; i < count; i++)
	{
		DbaHypoIndex *index = dba_hypo_define(texts[i]);

		if (index == NULL)
			continue;
		check_readable(index);
		settle_name(changes->created, index);
		dba_changes_create(changes, index);
	}
	dba_hypo_measure_all(list_copy_tail(changes->created, first), DBA_PRECISELY);
}

/* Two indexes of a schema do not have the same name. */
static void
settle_name(const List *created, DbaHypoIndex *index)
{
	Oid			schema = get_rel_namespace(index->relid);
	const char *stem = index->name;
	int			length = (int) strlen(stem);

	for (int i = 1; name_is_taken(created, schema, index->name); i++)
	{
		if (index->named)
			ereport(ERROR,
					(errcode(ERRCODE_DUPLICATE_TABLE),
					 errmsg("relation \"%s\" already exists", index->name)));
		index->name = psprintf("%.*s%d", pg_mbcliplen(stem, length, NAMEDATALEN - 5), stem, i);
	}
}

static bool
name_is_taken(const List *created, Oid schema, const char *name)
{
	const ListCell *cell;

	foreach(cell, created)
	{
		const DbaHypoIndex *other = lfirst(cell);

		if (strcmp(other->name, name) == 0 && get_rel_namespace(other->relid) == schema)
			return true;
	}
	return OidIsValid(get_relname_relid(name, schema));
}

/* Sizes tell of values, and expressions are computed. */
static void
check_readable(const DbaHypoIndex *index)
{
	Bitmapset  *columns = NULL;
	int			column = -1;

	if (pg_class_aclcheck(index->relid, GetUserId(), ACL_SELECT) == ACLCHECK_OK)
		return;
	for (int i = 0; i < index->column_count; i++)
	{
		if (index->columns[i].attnum != 0)
			columns = bms_add_member(columns, index->columns[i].attnum - FirstLowInvalidHeapAttributeNumber);
	}
	pull_varattnos((Node *) index->expressions, 1, &columns);
	pull_varattnos((Node *) index->predicate, 1, &columns);
	while ((column = bms_next_member(columns, column)) >= 0)
	{
		AttrNumber	attnum = (AttrNumber) (column + FirstLowInvalidHeapAttributeNumber);

		if (attnum <= 0 ||
			pg_attribute_aclcheck(index->relid, attnum, GetUserId(), ACL_SELECT) != ACLCHECK_OK)
			aclcheck_error(ACLCHECK_NO_PRIV, OBJECT_TABLE, get_rel_name(index->relid));
	}
}

/* Hides the index; the server's error where it cannot be dropped alone. */
void
dba_whatif_drop(DbaChanges *changes, const char *index_name)
{
	RangeVar   *name = makeRangeVarFromNameList(textToQualifiedNameList(cstring_to_text(index_name)));
	Oid			index = RangeVarGetRelid(name, AccessShareLock, true);
	char		relkind = get_rel_relkind(index);

	if (!OidIsValid(index) && name->schemaname != NULL)
		(void) get_namespace_oid(name->schemaname, false);
	if (!OidIsValid(index))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("index \"%s\" does not exist", name->relname)));
	if (relkind != RELKIND_INDEX && relkind != RELKIND_PARTITIONED_INDEX)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("\"%s\" is not an index", name->relname)));
	check_droppable(index);
	dba_changes_drop(changes, index);
}

static void
check_droppable(Oid index)
{
	ObjectAddress self = {.classId = RelationRelationId, .objectId = index};
	ObjectAddress owner = {0};
	List	   *references = get_index_ref_constraints(index);

	if (IsCatalogRelationOid(index))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied: \"%s\" is a system catalog",
						get_rel_name(index))));
	owner.classId = ConstraintRelationId;
	owner.objectId = get_index_constraint(index);
	if (!OidIsValid(owner.objectId) && get_rel_relispartition(index))
	{
		owner.classId = RelationRelationId;
		owner.objectId = get_partition_parent(index, true);
	}
	if (OidIsValid(owner.objectId))
		ereport(ERROR,
				(errcode(ERRCODE_DEPENDENT_OBJECTS_STILL_EXIST),
				 errmsg("cannot drop %s because %s requires it",
						getObjectDescription(&self, false), getObjectDescription(&owner, false))));
	if (references == NIL)
		return;
	owner.classId = ConstraintRelationId;
	owner.objectId = linitial_oid(references);
	ereport(ERROR,
			(errcode(ERRCODE_DEPENDENT_OBJECTS_STILL_EXIST),
			 errmsg("cannot drop %s because other objects depend on it",
					getObjectDescription(&self, false)),
			 errdetail("%s depends on %s", getObjectDescription(&owner, false),
					   getObjectDescription(&self, false))));
}

/* Plans as things are, then with the changes; an error where that fails. */
void
dba_whatif_plan(const DbaPlannable *plannable, const DbaChanges *changes,
				DbaWhatif *result)
{
	DbaReplanned *planned = &result->before;

	dba_replan(plannable, NULL, planned);
	if (planned->plan != NULL)
	{
		planned = &result->after;
		dba_replan(plannable, changes, planned);
	}
	if (planned->plan == NULL)
		ereport(ERROR,
				(errcode(planned->problem.sqlerrcode),
				 errmsg("%s", planned->problem.message)));
}
