/*-------------------------------------------------------------------------
 *
 * hypo_size.c
 *	  How large indexes would be, by a sample of their table.
 *
 * Each access method of the server has a file of its own.  Of one that is not known
 * here pages are taken to be two thirds full, as those of a tree are that grew by
 * splits.  The extension bloom, which keeps a signature of each row, is known.
 *
 * Locking: demands a lock on the tables.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "whatif/brin_size.h"
#include "whatif/btree_size.h"
#include "whatif/expression_stats.h"
#include "whatif/gin_size.h"
#include "whatif/gist_size.h"
#include "whatif/hash_size.h"
#include "whatif/hypo_size.h"
#include "whatif/index_entry.h"
#include "whatif/paper_index.h"
#include "whatif/spgist_size.h"

#include <math.h>

#include "access/itup.h"
#include "catalog/pg_am.h"
#include "commands/defrem.h"
#include "storage/bufpage.h"
#include "utils/memutils.h"
#include "utils/rel.h"

/* Of a page that came about by splits. */
#define SPLIT_FILL 0.67

/* The extension bloom: words of a signature by default, and space of a page. */
#define BLOOM_WORDS 5
#define BLOOM_SPACE (BLCKSZ - MAXALIGN(SizeOfPageHeaderData) - MAXALIGN(8))

/* Indexes of one table that are measured by one sample, so that memory has a limit. */
#define MOST_TOGETHER 50

static void measure_table(List *indexes, DbaPrecision precision);
static void measure(DbaHypoIndex *index, const DbaTableSample *sample);
static void bloom_size(DbaHypoIndex *index, const DbaTableSample *sample);
static void other_size(DbaHypoIndex *index, const DbaTableSample *sample);

/* Sets all that a DbaHypoIndex says of the index after CREATE INDEX and ANALYZE. */
void
dba_hypo_measure(DbaHypoIndex *index)
{
	dba_hypo_measure_all(list_make1(index), DBA_PRECISELY);
}

/* The same of many (DbaHypoIndex): each table is read once. */
void
dba_hypo_measure_all(List *indexes, DbaPrecision precision)
{
	List	   *left = list_copy(indexes);

	while (left != NIL)
	{
		DbaHypoIndex *first = linitial(left);
		List	   *together = NIL;
		ListCell   *cell;

		foreach(cell, left)
		{
			DbaHypoIndex *index = lfirst(cell);

			if (index->relid != first->relid || list_length(together) >= MOST_TOGETHER)
				continue;
			together = lappend(together, index);
			left = foreach_delete_current(left, cell);
		}
		measure_table(together, precision);
	}
}

/* Those of one table. */
static void
measure_table(List *indexes, DbaPrecision precision)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "dbadvisor sample",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext one = AllocSetContextCreate(context, "dbadvisor measure",
											  ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(context);
	DbaTableRows *rows = dba_table_rows_read(indexes, precision);
	ListCell   *cell;

	foreach(cell, indexes)
	{
		MemoryContextSwitchTo(one);
		measure(lfirst(cell), dba_table_rows_sample(rows, foreach_current_index(cell)));
		MemoryContextReset(one);
	}
	dba_table_rows_end(rows);
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(context);
}

static void
measure(DbaHypoIndex *index, const DbaTableSample *sample)
{
	index->too_wide = 0;
	switch (index->am)
	{
		case BTREE_AM_OID:
			dba_btree_size(index, sample);
			break;
		case HASH_AM_OID:
			dba_hash_size(index, sample);
			break;
		case BRIN_AM_OID:
			dba_brin_size(index, sample);
			break;
		case GIN_AM_OID:
			dba_gin_size(index, sample);
			break;
		case GIST_AM_OID:
			dba_gist_size(index, sample);
			break;
		case SPGIST_AM_OID:
			dba_spgist_size(index, sample);
			break;
		default:
			if (strcmp(get_am_name(index->am), "bloom") == 0)
				bloom_size(index, sample);
			else
				other_size(index, sample);
			break;
	}
	if (index->predicate != NIL)
		index->tuples = sample->tuples;
	if (index->expressions != NIL)
		dba_expression_stats_sample(index, sample);
}

/* A row pointer and a signature for each row, on full pages. */
static void
bloom_size(DbaHypoIndex *index, const DbaTableSample *sample)
{
	/* What the extension's options begin with. */
	const struct
	{
		int32		length;
		int			words;		/* of a signature, 2 bytes each */
	}		   *options = (const void *) index->options;
	double		each = sizeof(ItemPointerData) + 2.0 * (options != NULL ? options->words : BLOOM_WORDS);

	index->pages = (BlockNumber) (1 + ceil(sample->tuples / floor(BLOOM_SPACE / each)));
}

/* Values are taken to be stored as they are. */
static void
other_size(DbaHypoIndex *index, const DbaTableSample *sample)
{
	DbaHypoIndex plain = *index;
	double		space = (BLCKSZ - SizeOfPageHeaderData) * SPLIT_FILL;
	double		sum = 0;
	TupleDesc	desc;

	plain.columns = palloc(sizeof(DbaHypoColumn) * index->column_count);
	for (int i = 0; i < index->column_count; i++)
	{
		plain.columns[i] = index->columns[i];
		plain.columns[i].stored_type = plain.columns[i].type;
	}
	desc = RelationGetDescr(dba_paper_index(&plain));
	for (uint64 row = 0; row < sample->kept; row++)
	{
		IndexTuple	tuple = dba_index_entry(&plain, desc, sample->values[row],
											sample->nulls[row], INDEX_SIZE_MASK);

		if (tuple == NULL)
			continue;
		sum += MAXALIGN(IndexTupleSize(tuple)) + sizeof(ItemIdData);
		pfree(tuple);
	}
	if (sample->kept > 0)
		sum *= sample->tuples / sample->kept;
	index->pages = (BlockNumber) (1 + ceil(sum / space));
}
