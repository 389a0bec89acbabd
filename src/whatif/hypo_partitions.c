/*-------------------------------------------------------------------------
 *
 * hypo_partitions.c
 *	  What becomes of a hypothetical index on a partitioned table.
 *
 * CREATE INDEX on a partitioned table makes an index of each partition, whose
 * columns have the same names but may be in another order.
 *
 * Locking: AccessShareLock on the partitions, until the end of the transaction;
 * demands one on the table.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "compat.h"
#include "whatif/hypo_partitions.h"

#include "access/attmap.h"
#include "access/table.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "rewrite/rewriteManip.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

static List *indexes_of_kind(DbaHypoIndex *index, char wanted);
static List *map_to_child(const List *expressions, const AttrMap *map);

/*
 * The indexes that scans would use: of a partitioned table those of its leaves,
 * else the index itself.
 */
List *
dba_hypo_leaves(DbaHypoIndex *index)
{
	if (get_rel_relkind(index->relid) != RELKIND_PARTITIONED_TABLE)
		return list_make1(index);
	return indexes_of_kind(index, RELKIND_RELATION);
}

/*
 * The indexes of the partitioned tables above the leaves, which hold nothing but
 * prove that rows are unique.
 */
List *
dba_hypo_parents(DbaHypoIndex *index)
{
	if (get_rel_relkind(index->relid) != RELKIND_PARTITIONED_TABLE)
		return NIL;
	return indexes_of_kind(index, RELKIND_PARTITIONED_TABLE);
}

/* Of the table and its partitions, on those of this kind. */
static List *
indexes_of_kind(DbaHypoIndex *index, char wanted)
{
	List	   *indexes = NIL;
	ListCell   *cell;

	foreach(cell, find_all_inheritors(index->relid, AccessShareLock, NULL))
	{
		Oid			child = lfirst_oid(cell);
		char		relkind = get_rel_relkind(child);

		if (relkind == RELKIND_FOREIGN_TABLE && index->unique)
			ereport(ERROR,
					(errcode(ERRCODE_WRONG_OBJECT_TYPE),
					 errmsg("cannot create unique index on partitioned table \"%s\"",
							get_rel_name(index->relid)),
					 errdetail("Table \"%s\" contains partitions that are foreign tables.",
							   get_rel_name(index->relid))));
		if (relkind != wanted)
			continue;
		indexes = lappend(indexes, dba_hypo_of_child(index, child));
		((DbaHypoIndex *) llast(indexes))->partitioned = wanted == RELKIND_PARTITIONED_TABLE;
	}
	return indexes;
}

/* The partition's own, whose columns have the same names in another order. */
DbaHypoIndex *
dba_hypo_of_child(const DbaHypoIndex *index, Oid child)
{
	DbaHypoIndex *own = palloc(sizeof(DbaHypoIndex));
	Relation	table = table_open(child, NoLock);
	Relation	parent = table_open(index->relid, NoLock);
	AttrMap    *map = build_attrmap_by_name(RelationGetDescr(table),
											RelationGetDescr(parent) DBA_MISSING_OK);

	*own = *index;
	own->context = CurrentMemoryContext;
	own->forms = NULL;
	own->relid = child;
	if (child != index->relid && index->name != NULL)
		own->name = psprintf("%s of %s", index->name, RelationGetRelationName(table));
	own->columns = palloc(sizeof(DbaHypoColumn) * index->column_count);
	for (int i = 0; i < index->column_count; i++)
	{
		own->columns[i] = index->columns[i];
		if (own->columns[i].attnum != 0)
			own->columns[i].attnum = map->attnums[own->columns[i].attnum - 1];
	}
	own->expressions = map_to_child(index->expressions, map);
	own->predicate = map_to_child(index->predicate, map);
	table_close(parent, NoLock);
	table_close(table, NoLock);
	return own;
}

static List *
map_to_child(const List *expressions, const AttrMap *map)
{
	bool		whole_row;
	Node	   *mapped = map_variable_attnos((Node *) expressions, 1, 0, map,
											 InvalidOid, &whole_row);

	if (whole_row)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("cannot convert whole-row table reference")));
	return (List *) mapped;
}
