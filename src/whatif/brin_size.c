/*-------------------------------------------------------------------------
 *
 * brin_size.c
 *	  Pages of a BRIN index that was never built.
 *
 * A summary for each range of blocks, and a map of where they are.  Summaries
 * whose size depends on the values are made of some whole ranges, by the
 * operator classes' own functions.
 *
 * Locking: demands a lock on the table.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "whatif/brin_size.h"
#include "whatif/paper_index.h"

#include <math.h>

#include "access/brin.h"
#include "access/brin_internal.h"
#include "access/brin_page.h"
#include "access/brin_tuple.h"
#include "access/tupmacs.h"
#include "utils/rel.h"
#include "utils/typcache.h"

/* Ranges that are read, and blocks of one, at most. */
#define READ_RANGES 8
#define READ_BLOCKS 1024

#define PAGE_SPACE \
	(BLCKSZ - MAXALIGN(SizeOfPageHeaderData) - MAXALIGN(sizeof(BrinSpecialSpace)))

static double fixed_summary(BrinDesc *desc);
static double read_summaries(DbaHypoIndex *index, BrinDesc *desc, BlockNumber per_range,
							 BlockNumber ranges);
static Size read_summary(DbaHypoIndex *index, BrinDesc *desc, BlockNumber first, BlockNumber count);
static void add_row(BrinDesc *desc, BrinMemTuple *summary, Datum *values, bool *nulls);
static void add_value(BrinDesc *desc, BrinValues *summary, int column, Datum value, bool isnull);

void
dba_brin_size(DbaHypoIndex *index, const DbaTableSample *sample)
{
	const BrinOptions *options = (const BrinOptions *) index->options;
	BlockNumber per_range = options != NULL ? options->pagesPerRange : BRIN_DEFAULT_PAGES_PER_RANGE;
	BlockNumber ranges = Max(1, (sample->table_blocks + per_range - 1) / per_range);
	BrinDesc   *desc = brin_build_desc(dba_paper_index(index));
	double		bytes = fixed_summary(desc);
	double		on_page;

	if (bytes < 0)
		bytes = read_summaries(index, desc, per_range, ranges);
	on_page = floor(PAGE_SPACE / (bytes + sizeof(ItemIdData)));
	index->pages = (BlockNumber) (1 + ceil(ranges / (double) REVMAP_PAGE_MAXITEMS) +
								  ceil(ranges / Max(1, on_page)));
	brin_free_desc(desc);
}

/* Bytes of a summary that has values in all columns, or -1 if they vary. */
static double
fixed_summary(BrinDesc *desc)
{
	Size		header = SizeOfBrinTuple;
	Size		data = 0;

	for (int i = 0; i < desc->bd_tupdesc->natts; i++)
	{
		for (int j = 0; j < desc->bd_info[i]->oi_nstored; j++)
		{
			TypeCacheEntry *type = desc->bd_info[i]->oi_typcache[j];

			if (type->typlen < 0)
				return -1;
			data = att_align_nominal(data, type->typalign) + type->typlen;
		}
	}
	return MAXALIGN(MAXALIGN(header) + data);
}

/* The mean of some ranges, evenly over the table. */
static double
read_summaries(DbaHypoIndex *index, BrinDesc *desc, BlockNumber per_range, BlockNumber ranges)
{
	BlockNumber blocks = Min(per_range, READ_BLOCKS);
	BlockNumber count = Min(ranges, Max(1, Min(READ_RANGES, READ_BLOCKS / blocks)));
	double		sum = 0;

	for (BlockNumber i = 0; i < count; i++)
		sum += (double) read_summary(index, desc, (BlockNumber) ((double) i * ranges / count) * per_range, blocks);
	return count > 0 ? sum / count : SizeOfBrinTuple;
}

/* Bytes of the summary of so many blocks. */
static Size
read_summary(DbaHypoIndex *index, BrinDesc *desc, BlockNumber first, BlockNumber count)
{
	DbaTableRows *rows = dba_table_rows_read_range(list_make1(index), first, count);
	DbaTableSample *sample = dba_table_rows_sample(rows, 0);
	BrinMemTuple *summary = brin_new_memtuple(desc);
	Size		size;

	/* Operator classes keep values in the current memory. */
	for (uint64 row = 0; row < sample->kept; row++)
		add_row(desc, summary, sample->values[row], sample->nulls[row]);
	brin_form_tuple(desc, first, summary, &size);
	dba_table_rows_end(rows);
	return MAXALIGN(size);
}

static void
add_row(BrinDesc *desc, BrinMemTuple *summary, Datum *values, bool *nulls)
{
	for (int i = 0; i < desc->bd_tupdesc->natts; i++)
		add_value(desc, &summary->bt_columns[i], i, values[i], nulls[i]);
	summary->bt_empty_range = false;
}

/* The operator class sees NULLs only if it asked for them. */
static void
add_value(BrinDesc *desc, BrinValues *summary, int column, Datum value, bool isnull)
{
	FmgrInfo   *add = index_getprocinfo(desc->bd_index, column + 1, BRIN_PROCNUM_ADDVALUE);

	if (isnull && desc->bd_info[column]->oi_regular_nulls)
	{
		summary->bv_hasnulls = true;
		return;
	}
	(void) FunctionCall4Coll(add, desc->bd_index->rd_indcollation[column],
							 PointerGetDatum(desc), PointerGetDatum(summary),
							 value, BoolGetDatum(isnull));
}
