/*-------------------------------------------------------------------------
 *
 * paper_index.c
 *	  A hypothetical index as access methods know indexes.
 *
 * Access methods have functions that form an entry, choose a subtree or split a
 * page.  They ask the relation only for its columns and for the functions of the
 * operator classes.  A relation that has these and nothing else, neither in the
 * relation cache nor on disk, is enough to call them with.
 *
 * Locking: none.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "compat.h"
#include "whatif/paper_index.h"

#include "access/amapi.h"
#include "access/htup_details.h"
#include "access/sysattr.h"
#include "catalog/pg_am.h"
#include "catalog/pg_index.h"
#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/syscache.h"

static TupleDesc descriptor(const DbaHypoIndex *index);
static void copy_storage(const DbaHypoIndex *index, const DbaHypoColumn *column,
						 Form_pg_attribute attribute);
static void find_functions(Relation relation, const DbaHypoIndex *index);

/*
 * The relation, in the caller's memory.  It must not be opened, closed, read or
 * written.
 */
Relation
dba_paper_index(const DbaHypoIndex *index)
{
	Relation	relation = palloc0(sizeof(RelationData));
	int			count = index->column_count;

	relation->rd_id = index->oid;
	relation->rd_rel = palloc0(sizeof(FormData_pg_class));
	namestrcpy(&relation->rd_rel->relname, index->name);
	relation->rd_rel->relkind = RELKIND_INDEX;
	relation->rd_rel->relpersistence = RELPERSISTENCE_PERMANENT;
	relation->rd_rel->relnatts = (int16) count;
	relation->rd_att = descriptor(index);
	relation->rd_index = palloc0(sizeof(FormData_pg_index));
	relation->rd_index->indrelid = index->relid;
	relation->rd_index->indnatts = (int16) count;
	relation->rd_index->indnkeyatts = (int16) index->key_count;
	relation->rd_indexcxt = CurrentMemoryContext;
	relation->rd_indam = (void *) GetIndexAmRoutineByAmId(index->am, false);
	relation->rd_options = index->options;
	relation->rd_opfamily = palloc0(sizeof(Oid) * count);
	relation->rd_opcintype = palloc0(sizeof(Oid) * count);
	relation->rd_indcollation = palloc0(sizeof(Oid) * count);
	relation->rd_indoption = palloc0(sizeof(int16) * count);
	relation->rd_opcoptions = palloc0(sizeof(bytea *) * count);
	for (int i = 0; i < count; i++)
	{
		relation->rd_opfamily[i] = index->columns[i].opfamily;
		relation->rd_opcintype[i] = index->columns[i].input_type;
		relation->rd_indcollation[i] = index->columns[i].collation;
		relation->rd_indoption[i] = index->columns[i].flags;
		relation->rd_opcoptions[i] = index->columns[i].options;
	}
	find_functions(relation, index);
	return relation;
}

/* How entries are stored. */
static TupleDesc
descriptor(const DbaHypoIndex *index)
{
	TupleDesc	desc = CreateTemplateTupleDesc(index->column_count);

	for (int i = 0; i < index->column_count; i++)
	{
		const DbaHypoColumn *column = &index->columns[i];
		bool		same = column->stored_type == column->type;

		TupleDescInitEntry(desc, i + 1, NULL, column->stored_type, same ? column->typmod : -1, 0);
		TupleDescInitEntryCollation(desc, i + 1, column->collation);
		if (same && column->attnum > 0)
			copy_storage(index, column, TupleDescAttr(desc, i));
	}
	dba_finish_descriptor(desc);
	return desc;
}

/* Whether values are compressed is as the table's column has it. */
static void
copy_storage(const DbaHypoIndex *index, const DbaHypoColumn *column, Form_pg_attribute attribute)
{
	HeapTuple	tuple = SearchSysCache2(ATTNUM, ObjectIdGetDatum(index->relid),
										Int16GetDatum(column->attnum));

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for attribute %d of relation %u",
			 column->attnum, index->relid);
	attribute->attstorage = ((Form_pg_attribute) GETSTRUCT(tuple))->attstorage;
	attribute->attcompression = ((Form_pg_attribute) GETSTRUCT(tuple))->attcompression;
	ReleaseSysCache(tuple);
}

/* The functions of the operator classes, where index_getprocinfo() looks. */
static void
find_functions(Relation relation, const DbaHypoIndex *index)
{
	int			most = relation->rd_indam->amsupport;

	relation->rd_support = palloc0(sizeof(RegProcedure) * most * index->column_count + 1);
	relation->rd_supportinfo = palloc0(sizeof(FmgrInfo) * most * index->column_count + 1);
	for (int i = 0; i < index->key_count; i++)
	{
		const DbaHypoColumn *column = &index->columns[i];

		for (int number = 1; number <= most; number++)
			relation->rd_support[i * most + number - 1] =
				get_opfamily_proc(column->opfamily, column->input_type, column->input_type,
								  (int16) number);
	}
}
