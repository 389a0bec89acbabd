/*-------------------------------------------------------------------------
 *
 * too_wide.c
 *	  Whether an index could be built, for all that its table holds.
 *
 * One value that is wider than a third of a page makes CREATE INDEX fail, and a
 * sample misses it.  So, for the few indexes that are to be advised, the table is
 * asked: only if it has values out of line at all, and is not too large to be read
 * for that.
 *
 * Locking: demands a lock on the table.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "advise/too_wide.h"
#include "whatif/reader.h"

#include "access/table.h"
#include "catalog/pg_am.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "lib/stringinfo.h"
#include "storage/bufmgr.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

/* Blocks of a table that are read for the answer: 160 MB. */
#define MAX_BLOCKS 20000

/* Bytes of a btree's entry at most, without what it takes beside its values. */
#define WIDEST_VALUES (BLCKSZ / 3 - 90)

static bool has_wide_columns(const DbaHypoIndex *index);
static bool has_values_out_of_line(const DbaHypoIndex *index);
static bool find_wide_row(const DbaHypoIndex *index);

/* False also where it is not known. */
bool
dba_is_too_wide(const DbaHypoIndex *index)
{
	return index->am == BTREE_AM_OID && has_wide_columns(index) &&
		has_values_out_of_line(index) && find_wide_row(index);
}

/* Whether it has a column whose values can have any length. */
static bool
has_wide_columns(const DbaHypoIndex *index)
{
	for (int i = 0; i < index->column_count; i++)
	{
		if (index->columns[i].attnum != 0 && get_typlen(index->columns[i].type) < 0)
			return true;
	}
	return false;
}

static bool
has_values_out_of_line(const DbaHypoIndex *index)
{
	Relation	table = table_open(index->relid, NoLock);
	Oid			toast = table->rd_rel->reltoastrelid;
	bool		result = false;

	if (OidIsValid(toast) && RELKIND_HAS_STORAGE(table->rd_rel->relkind) &&
		RelationGetNumberOfBlocks(table) <= MAX_BLOCKS)
	{
		Relation	values = table_open(toast, AccessShareLock);

		result = RelationGetNumberOfBlocks(values) > 0;
		table_close(values, AccessShareLock);
	}
	table_close(table, NoLock);
	return result;
}

static bool
find_wide_row(const DbaHypoIndex *index)
{
	Relation	table = table_open(index->relid, NoLock);
	StringInfoData sql;
	DbaReader	reader;
	bool		found;

	initStringInfo(&sql);
	appendStringInfo(&sql, "SELECT FROM ONLY %s WHERE 0",
					 quote_qualified_identifier(get_namespace_name(RelationGetNamespace(table)),
												RelationGetRelationName(table)));
	for (int i = 0; i < index->column_count; i++)
	{
		if (index->columns[i].attnum != 0)
			appendStringInfo(&sql, " + coalesce(pg_catalog.pg_column_size(%s), 0)",
							 quote_identifier(get_attname(index->relid, index->columns[i].attnum, false)));
	}
	appendStringInfo(&sql, " > %d LIMIT 1", WIDEST_VALUES);

	dba_reader_begin(&reader, table, false);
	SPI_connect();
	if (SPI_execute(sql.data, true, 1) != SPI_OK_SELECT)
		elog(ERROR, "could not read table \"%s\"", RelationGetRelationName(table));
	found = SPI_processed > 0;
	SPI_finish();
	dba_reader_end(&reader);
	table_close(table, NoLock);
	return found;
}
