/*-------------------------------------------------------------------------
 *
 * distinct.c
 *	  Numbers of distinct values that a column is to be taken to have.
 *
 * ANALYZE misjudges these more than anything else, and ALTER TABLE ... SET
 * (n_distinct) is the cure.  Here the planner is given the column's statistics
 * with another number in it, of a column that has none a row with nothing else.
 *
 * Locking: AccessShareLock on the table that is named, until the end of the
 * transaction.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "compat.h"
#include "whatif/distinct.h"

#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/namespace.h"
#include "catalog/pg_statistic.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/selfuncs.h"
#include "utils/syscache.h"
#include "utils/varlena.h"

static get_relation_stats_hook_type prev_relation_stats = NULL;

static bool on_relation_stats(PlannerInfo *root, RangeTblEntry *rte, AttrNumber attnum,
							  VariableStatData *vardata);
static const DbaDistinct *find(const List *distinct, Oid relid, AttrNumber attnum);
static HeapTuple statistics_with(const DbaDistinct *distinct, bool with_children);
static HeapTuple empty_statistics(const DbaDistinct *distinct, Relation statistics,
								  bool with_children);
static bool may_read(PlannerInfo *root, RangeTblEntry *rte, AttrNumber attnum);

void
dba_distinct_init(void)
{
	prev_relation_stats = get_relation_stats_hook;
	get_relation_stats_hook = on_relation_stats;
}

/* Adds it for "schema.table.column"; a negative number is a share of the rows. */
void
dba_distinct_add(DbaChanges *changes, const char *column, double value)
{
	List	   *names = textToQualifiedNameList(cstring_to_text(column));
	const char *column_name = strVal(llast(names));
	DbaDistinct *distinct = palloc(sizeof(DbaDistinct));
	RangeVar   *table;

	if (list_length(names) < 2)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_NAME),
				 errmsg("not a column of a table: %s", column),
				 errhint("Name it as table.column or schema.table.column.")));
	table = makeRangeVarFromNameList(list_truncate(names, list_length(names) - 1));
	distinct->relid = RangeVarGetRelid(table, AccessShareLock, false);
	distinct->attnum = get_attnum(distinct->relid, column_name);
	if (distinct->attnum == InvalidAttrNumber)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_COLUMN),
				 errmsg("column \"%s\" of relation \"%s\" does not exist",
						column_name, table->relname)));
	if (!(value >= -1) || value == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%g is no number of distinct values", value),
				 errdetail("It is more than 0, or from -1 to less than 0 as a share of the rows.")));
	distinct->value = (float4) value;
	changes->distinct = lappend(changes->distinct, distinct);
}

/* The statistics of a column, for the planner. */
static bool
on_relation_stats(PlannerInfo *root, RangeTblEntry *rte, AttrNumber attnum,
				  VariableStatData *vardata)
{
	const DbaChanges *changes = dba_changes_believed();
	const DbaDistinct *distinct;

	if (prev_relation_stats && prev_relation_stats(root, rte, attnum, vardata))
		return true;
	if (likely(changes == NULL || changes->distinct == NIL))
		return false;
	distinct = find(changes->distinct, rte->relid, attnum);
	if (distinct == NULL)
		return false;
	vardata->statsTuple = statistics_with(distinct, rte->inh);
	vardata->freefunc = heap_freetuple;
	vardata->acl_ok = may_read(root, rte, attnum);
	return true;
}

static const DbaDistinct *
find(const List *distinct, Oid relid, AttrNumber attnum)
{
	const ListCell *cell;

	foreach(cell, distinct)
	{
		const DbaDistinct *candidate = lfirst(cell);

		if (candidate->relid == relid && candidate->attnum == attnum)
			return candidate;
	}
	return NULL;
}

/* The row of pg_statistic with this number in it. */
static HeapTuple
statistics_with(const DbaDistinct *distinct, bool with_children)
{
	Relation	statistics = table_open(StatisticRelationId, AccessShareLock);
	HeapTuple	known = SearchSysCache3(STATRELATTINH, ObjectIdGetDatum(distinct->relid),
										Int16GetDatum(distinct->attnum),
										BoolGetDatum(with_children));
	HeapTuple	tuple;

	if (HeapTupleIsValid(known))
	{
		tuple = heap_copytuple(known);
		((Form_pg_statistic) GETSTRUCT(tuple))->stadistinct = distinct->value;
		ReleaseSysCache(known);
	}
	else
		tuple = empty_statistics(distinct, statistics, with_children);
	table_close(statistics, AccessShareLock);
	return tuple;
}

static HeapTuple
empty_statistics(const DbaDistinct *distinct, Relation statistics, bool with_children)
{
	Datum		values[Natts_pg_statistic] = {0};
	bool		nulls[Natts_pg_statistic] = {0};
	Oid			type;
	int32		typmod;
	Oid			collation;

	get_atttypetypmodcoll(distinct->relid, distinct->attnum, &type, &typmod, &collation);
	values[Anum_pg_statistic_starelid - 1] = ObjectIdGetDatum(distinct->relid);
	values[Anum_pg_statistic_staattnum - 1] = Int16GetDatum(distinct->attnum);
	values[Anum_pg_statistic_stainherit - 1] = BoolGetDatum(with_children);
	values[Anum_pg_statistic_stanullfrac - 1] = Float4GetDatum(0);
	values[Anum_pg_statistic_stawidth - 1] = Int32GetDatum(get_typavgwidth(type, typmod));
	values[Anum_pg_statistic_stadistinct - 1] = Float4GetDatum(distinct->value);
	for (int i = 0; i < STATISTIC_NUM_SLOTS; i++)
	{
		nulls[Anum_pg_statistic_stanumbers1 - 1 + i] = true;
		nulls[Anum_pg_statistic_stavalues1 - 1 + i] = true;
	}
	return heap_form_tuple(RelationGetDescr(statistics), values, nulls);
}

/* Whether the user may see all values; where in doubt, not. */
static bool
may_read(PlannerInfo *root, RangeTblEntry *rte, AttrNumber attnum)
{
	Oid			userid = dba_checked_as(root, rte);

	return rte->securityQuals == NIL &&
		(pg_class_aclcheck(rte->relid, userid, ACL_SELECT) == ACLCHECK_OK ||
		 pg_attribute_aclcheck(rte->relid, attnum, userid, ACL_SELECT) == ACLCHECK_OK);
}
