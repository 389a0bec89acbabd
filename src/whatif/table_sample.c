/*-------------------------------------------------------------------------
 *
 * table_sample.c
 *	  What indexes would hold of some random blocks of their table.
 *
 * The rows are read by one statement for all indexes of a table, with
 * TABLESAMPLE, which any table access method supports that a table can be
 * analysed with, and which sees what the transaction sees.  Expressions of the
 * indexes are computed in it.
 *
 * From reading to dba_table_rows_end() the user is the table's owner, who can do
 * no more then than compute, as when the server analyses a table or builds an
 * index: functions of operator classes are called then, too.
 *
 * Locking: demands a lock on the table.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "compat.h"
#include "whatif/reader.h"
#include "whatif/table_sample.h"

#include <math.h>

#include "access/htup_details.h"
#include "access/table.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "optimizer/plancat.h"
#include "storage/itemptr.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/ruleutils.h"

/* Blocks that are read of a table, at least and at most; of a smaller one all. */
#define LEAST_BLOCKS 250
#define MOST_BLOCKS 1000

/* Rows that are read, times the indexes that look at each, and limits of it. */
#define ROW_LOOKS 300000.0
#define LEAST_ROWS 30000.0
#define MOST_ROWS 100000.0

/* The same where many indexes are only to be compared. */
#define ROUGH_BLOCKS 100.0
#define ROUGH_ROWS 4000.0

/* Rows that the catalogs may be wrong by before the sample is believed instead. */
#define TRUSTED_ERROR 0.1

/* Blocks without rows, of those that were to be read, that chance explains. */
#define CHANCE_OF_BLOCKS 0.3

struct DbaTableRows
{
	Oid			relid;
	List	   *indexes;		/* DbaHypoIndex */
	List	   *items;			/* of the select list, after ctid: texts */
	List	   *keeps;			/* of each index, number of its predicate, 0: none */
	List	   *columns;		/* of each index, an integer list of numbers */
	double		planner_tuples;
	double		table_tuples;
	BlockNumber table_blocks;
	double		share;			/* of the blocks; 1: all of them */
	uint64		count;
	BlockNumber *blocks;
	Datum	  **values;			/* of each row, ctid and items; in SPI's memory */
	bool	  **nulls;

	/* Put back at the end. */
	DbaReader	reader;			/* who reads */
};

static DbaTableRows *begin(List *indexes);
static double share_of(const DbaTableRows *rows, DbaPrecision precision);
static bool computes(const List *indexes);
static void choose_items(DbaTableRows *rows, const DbaHypoIndex *index, List *context);
static int	item_number(DbaTableRows *rows, const char *item);
static void run(DbaTableRows *rows, const char *clause);
static void take_rows(DbaTableRows *rows);
static void judge_tuples(DbaTableRows *rows);

/*
 * Rows of the table of these indexes, which is one.  Memory is the caller's, and
 * SPI's until dba_table_rows_end(), which must follow unless there is an error.
 */
DbaTableRows *
dba_table_rows_read(List *indexes, DbaPrecision precision)
{
	DbaTableRows *rows = begin(indexes);

	rows->share = share_of(rows, precision);
	run(rows, rows->share >= 1 ? "" :
		psprintf(" TABLESAMPLE pg_catalog.system (%.9f) REPEATABLE (1)", 100 * rows->share));
	judge_tuples(rows);
	return rows;
}

/* The same of so many blocks from the first on. */
DbaTableRows *
dba_table_rows_read_range(List *indexes, BlockNumber first, BlockNumber count)
{
	DbaTableRows *rows = begin(indexes);

	rows->share = Min(1, count / Max(1.0, rows->table_blocks));
	run(rows, psprintf(" WHERE ctid >= '(%u,0)' AND ctid < '(%u,0)'", first, first + count));
	return rows;
}

/* Looks the table up, becomes its owner, and chooses what to select. */
static DbaTableRows *
begin(List *indexes)
{
	DbaTableRows *rows = palloc0(sizeof(DbaTableRows));
	Relation	table;
	List	   *context;
	ListCell   *cell;
	double		all_visible;

	rows->relid = ((DbaHypoIndex *) linitial(indexes))->relid;
	rows->indexes = indexes;
	table = table_open(rows->relid, NoLock);
	estimate_rel_size(table, NULL, &rows->table_blocks, &rows->planner_tuples, &all_visible);
	rows->table_tuples = rows->planner_tuples;
	dba_reader_begin(&rows->reader, table, computes(indexes));
	context = deparse_context_for(RelationGetRelationName(table), rows->relid);
	foreach(cell, indexes)
		choose_items(rows, lfirst(cell), context);
	table_close(table, NoLock);
	return rows;
}

/* Of the blocks, so that rows are about as many as all indexes may look at. */
static double
share_of(const DbaTableRows *rows, DbaPrecision precision)
{
	double		most = Max(LEAST_ROWS, Min(ROW_LOOKS / list_length(rows->indexes), MOST_ROWS));
	double		density = Max(1, rows->planner_tuples / Max(1.0, rows->table_blocks));
	double		blocks = Max(LEAST_BLOCKS, Min(most / density, MOST_BLOCKS));

	if (precision == DBA_ROUGHLY)
		blocks = Max(ROUGH_BLOCKS, ROUGH_ROWS / density);
	return Min(1, blocks / Max(1.0, rows->table_blocks));
}

/* Whether any of the indexes has what must be computed. */
static bool
computes(const List *indexes)
{
	const ListCell *cell;

	foreach(cell, indexes)
	{
		const DbaHypoIndex *index = lfirst(cell);

		if (index->expressions != NIL || index->predicate != NIL)
			return true;
	}
	return false;
}

/* Becomes again who we were, and forgets the rows. */
void
dba_table_rows_end(DbaTableRows *rows)
{
	SPI_finish();
	dba_reader_end(&rows->reader);
}

/* ------------------------------------------------------------------------
 * The statement
 * ------------------------------------------------------------------------ */

/*
 * Predicate and columns of the index.  An expression is not computed for rows
 * that the predicate keeps out: they may be just what it fails on.
 * Implicit casts are written, or the value would be of another type.
 */
static void
choose_items(DbaTableRows *rows, const DbaHypoIndex *index, List *context)
{
	ListCell   *expression = list_head(index->expressions);
	List	   *numbers = NIL;
	char	   *keep = NULL;

	if (index->predicate != NIL)
		keep = deparse_expression((Node *) make_ands_explicit(copyObject(index->predicate)),
								  context, false, true);
	rows->keeps = lappend_int(rows->keeps, keep == NULL ? 0 :
							  item_number(rows, psprintf("(%s) IS TRUE", keep)));
	for (int i = 0; i < index->column_count; i++)
	{
		const char *column;

		if (index->columns[i].attnum != 0)
			column = quote_identifier(get_attname(index->relid, index->columns[i].attnum, false));
		else
		{
			column = deparse_expression(lfirst(expression), context, false, true);
			expression = lnext(index->expressions, expression);
			if (keep != NULL)
				column = psprintf("CASE WHEN %s THEN %s END", keep, column);
		}
		numbers = lappend_int(numbers, item_number(rows, column));
	}
	rows->columns = lappend(rows->columns, numbers);
}

/* Of the item in the select list, which begins with ctid. */
static int
item_number(DbaTableRows *rows, const char *item)
{
	ListCell   *cell;

	foreach(cell, rows->items)
	{
		if (strcmp(lfirst(cell), item) == 0)
			return foreach_current_index(cell) + 1;
	}
	rows->items = lappend(rows->items, pstrdup(item));
	return list_length(rows->items);
}

/* Reads the rows of what the clause says. */
static void
run(DbaTableRows *rows, const char *clause)
{
	MemoryContext context = CurrentMemoryContext;
	StringInfoData text;
	ListCell   *cell;

	initStringInfo(&text);
	appendStringInfoString(&text, "SELECT ctid");
	foreach(cell, rows->items)
		appendStringInfo(&text, ", %s", (char *) lfirst(cell));
	appendStringInfo(&text, " FROM ONLY %s%s",
					 quote_qualified_identifier(get_namespace_name(get_rel_namespace(rows->relid)),
												get_rel_name(rows->relid)), clause);
	SPI_connect();
	if (SPI_execute(text.data, true, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not sample table \"%s\"", get_rel_name(rows->relid));
	MemoryContextSwitchTo(context);
	take_rows(rows);
}

/* Makes arrays of what was read; the values stay where they are. */
static void
take_rows(DbaTableRows *rows)
{
	TupleDesc	desc = SPI_tuptable->tupdesc;
	Datum	   *values;
	bool	   *nulls;

	rows->count = SPI_processed;
	rows->blocks = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(BlockNumber) * (rows->count + 1));
	rows->values = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(Datum *) * (rows->count + 1));
	rows->nulls = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(bool *) * (rows->count + 1));
	values = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(Datum) * desc->natts * (rows->count + 1));
	nulls = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(bool) * desc->natts * (rows->count + 1));
	for (uint64 row = 0; row < rows->count; row++)
	{
		heap_deform_tuple(SPI_tuptable->vals[row], desc, values, nulls);
		rows->values[row] = values;
		rows->nulls[row] = nulls;
		rows->blocks[row] = ItemPointerGetBlockNumberNoCheck((ItemPointer) DatumGetPointer(values[0]));
		values += desc->natts;
		nulls += desc->natts;
	}
}

/* ------------------------------------------------------------------------
 * What was read
 * ------------------------------------------------------------------------ */

/*
 * How many rows the table has.  Where not all were read, the catalogs know it
 * better than a sample, unless they are out of date.
 */
static void
judge_tuples(DbaTableRows *rows)
{
	double		expected = rows->share * rows->table_blocks;
	double		blocks = 0;

	if (rows->share >= 1)
	{
		rows->table_tuples = rows->count;
		return;
	}
	for (uint64 row = 0; row < rows->count; row++)
		blocks += row == 0 || rows->blocks[row] != rows->blocks[row - 1];
	if (blocks < (1 - CHANCE_OF_BLOCKS) * expected)
		blocks = expected;
	rows->table_tuples = rows->count * rows->table_blocks / blocks;
	if (fabs(rows->planner_tuples - rows->table_tuples) <= TRUSTED_ERROR * rows->table_tuples)
		rows->table_tuples = rows->planner_tuples;
}

/* What the index would hold of the rows, by its number in the list. */
DbaTableSample *
dba_table_rows_sample(DbaTableRows *rows, int number)
{
	DbaTableSample *sample = palloc0(sizeof(DbaTableSample));
	int			keep = list_nth_int(rows->keeps, number);
	List	   *columns = list_nth(rows->columns, number);
	int			count = list_length(columns);
	Datum	   *values = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(Datum) * count * (rows->count + 1));
	bool	   *nulls = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(bool) * count * (rows->count + 1));

	sample->table_tuples = rows->table_tuples;
	sample->planner_tuples = rows->planner_tuples;
	sample->table_blocks = rows->table_blocks;
	sample->rows = rows->count;
	sample->share = rows->table_tuples > 0 ? Min(1, rows->count / rows->table_tuples) : 1;
	sample->blocks = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(BlockNumber) * (rows->count + 1));
	sample->values = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(Datum *) * (rows->count + 1));
	sample->nulls = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(bool *) * (rows->count + 1));
	for (uint64 row = 0; row < rows->count; row++)
	{
		ListCell   *cell;

		if (keep != 0 && !DatumGetBool(rows->values[row][keep]))
			continue;
		sample->blocks[sample->kept] = rows->blocks[row];
		sample->values[sample->kept] = values;
		sample->nulls[sample->kept] = nulls;
		sample->kept++;
		foreach(cell, columns)
		{
			*values++ = rows->values[row][lfirst_int(cell)];
			*nulls++ = rows->nulls[row][lfirst_int(cell)];
		}
	}
	if (rows->count > 0)
		sample->tuples = rows->table_tuples * sample->kept / rows->count;
	return sample;
}
