/*-------------------------------------------------------------------------
 *
 * hash_size.c
 *	  Pages of a hash index that was never built.
 *
 * CREATE INDEX makes buckets for as many rows as the planner believes the table
 * to have, and later more if there are more.  Rows of one key are in one bucket,
 * which is continued on overflow pages where one page does not hold them.
 *
 * Locking: none.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "whatif/hash_size.h"
#include "whatif/paper_index.h"
#include "whatif/sampled_keys.h"

#include <math.h>

#include "access/hash.h"
#include "port/pg_bitutils.h"
#include "utils/memutils.h"
#include "utils/rel.h"

/* Bytes of an entry with its line pointer, and how many fit on a page. */
#define ENTRY_BYTES \
	(MAXALIGN(sizeof(IndexTupleData)) + MAXALIGN(sizeof(uint32)) + sizeof(ItemIdData))
#define PAGE_ENTRIES \
	floor((double) (BLCKSZ - SizeOfPageHeaderData - MAXALIGN(sizeof(HashPageOpaqueData))) / ENTRY_BYTES)

/* Overflow pages that one page of a bitmap is for. */
#define BITMAP_PAGES 32768.0

/* A key with more of a page's entries than this counts by itself. */
#define LARGE_KEY 0.05

static double buckets_for(const DbaHypoIndex *index, const DbaTableSample *sample);
static DbaKeyGroups *find_keys(const DbaHypoIndex *index, const DbaTableSample *sample);
static double overflow(const DbaKeyGroups *groups, double buckets);
static double overflow_of(double mean, double variance);

/* A meta page, the buckets, the first page of a bitmap, and what overflows. */
void
dba_hash_size(DbaHypoIndex *index, const DbaTableSample *sample)
{
	double		buckets = buckets_for(index, sample);
	double		more = overflow(find_keys(index, sample), buckets);

	/* Space for buckets is taken for many at once. */
	index->pages = (BlockNumber) (1 + _hash_get_totalbuckets(_hash_spareindex((uint32) buckets)) + 1 +
								  rint(more) + floor(more / BITMAP_PAGES));
	index->height = -1;
}

/* As _hash_init() chooses them, and _hash_expandtable() adds to them. */
static double
buckets_for(const DbaHypoIndex *index, const DbaTableSample *sample)
{
	const HashOptions *options = (const HashOptions *) index->options;
	int			fill = options != NULL ? options->fillfactor : HASH_DEFAULT_FILLFACTOR;
	int			per_bucket = Max((int) (BLCKSZ * fill / 100 / ENTRY_BYTES), 10);
	double		wanted = sample->planner_tuples / per_bucket;
	double		needed = ceil(sample->tuples / per_bucket);
	double		first = wanted <= 2 ? 2 :
		_hash_get_totalbuckets(_hash_spareindex((uint32) Min(wanted, 0x40000000)));

	return Max(first, needed);
}

static DbaKeyGroups *
find_keys(const DbaHypoIndex *index, const DbaTableSample *sample)
{
	FmgrInfo   *hash = index_getprocinfo(dba_paper_index(index), 1, HASHSTANDARD_PROC);
	DbaKeys    *keys = dba_keys_begin();
	MemoryContext work = AllocSetContextCreate(CurrentMemoryContext, "dbadvisor hash",
											   ALLOCSET_DEFAULT_SIZES);

	for (uint64 row = 0; row < sample->kept; row++)
	{
		MemoryContext caller = MemoryContextSwitchTo(work);
		uint32		key;

		if (sample->nulls[row][0])
		{
			MemoryContextSwitchTo(caller);
			continue;			/* not in the index */
		}
		key = DatumGetUInt32(FunctionCall1Coll(hash, index->columns[0].collation,
											   sample->values[row][0]));
		MemoryContextSwitchTo(caller);
		dba_keys_add(keys, key, sample->blocks[row], ENTRY_BYTES);
		MemoryContextReset(work);
	}
	MemoryContextDelete(work);
	return dba_keys_estimate(keys, sample->share);
}

/*
 * Pages beyond the first of each bucket.  Small keys fall on all buckets by
 * chance; a large one has a bucket to itself, but for its part of the small ones.
 * Where buckets are no power of two, those not split yet have twice the rows.
 */
static double
overflow(const DbaKeyGroups *groups, double buckets)
{
	double		slots = pg_nextpower2_32((uint32) buckets);
	double		wide = slots - buckets;
	double		mean = 0;
	double		variance = 0;
	double		pages = 0;

	for (int i = 0; i < groups->count; i++)
	{
		const DbaKeyGroup *group = &groups->groups[i];

		if (group->rows > LARGE_KEY * PAGE_ENTRIES)
			continue;
		mean += group->keys * group->rows / slots;
		variance += group->keys * group->rows * group->rows / slots;
	}
	pages = (buckets - wide) * overflow_of(mean, variance) + wide * overflow_of(2 * mean, 2 * variance);
	for (int i = 0; i < groups->count; i++)
	{
		const DbaKeyGroup *group = &groups->groups[i];

		if (group->rows <= LARGE_KEY * PAGE_ENTRIES)
			continue;
		pages += group->keys * (buckets - wide) / slots *
			(overflow_of(mean + group->rows, variance) - overflow_of(mean, variance));
		pages += group->keys * 2 * wide / slots *
			(overflow_of(2 * mean + group->rows, 2 * variance) - overflow_of(2 * mean, 2 * variance));
	}
	return pages;
}

/* Of a bucket whose entries are distributed about like this. */
static double
overflow_of(double mean, double variance)
{
	double		deviation = sqrt(Max(variance, 1e-9));
	double		pages = 0;

	for (double page = 1;; page++)
	{
		double		above = (mean - PAGE_ENTRIES * page) / deviation;
		double		chance = erfc(-above / M_SQRT2) / 2;

		if (chance < 1e-9)
			return pages;
		if (above > 6)
		{
			/* All these pages are there for certain. */
			double		certain = floor((mean - 6 * deviation) / PAGE_ENTRIES);

			pages += Max(certain - page + 1, 1);
			page = Max(certain, page);
			continue;
		}
		pages += chance;
	}
}
