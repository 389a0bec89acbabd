/*-------------------------------------------------------------------------
 *
 * btree_size.c
 *	  Pages and height of a btree that was never built.
 *
 * CREATE INDEX sorts the entries and fills the leaves from left to right.  Here
 * the entries of a sample are formed by the server's own function, so that their
 * sizes are right with all that alignment and compression do, and the pages are
 * filled by the same rule.
 *
 * Entries with the same key share a posting list, which holds the key once; how
 * many of them there are sampled_keys.c says.
 *
 * Locking: none.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "whatif/btree_size.h"
#include "whatif/index_entry.h"
#include "whatif/paper_index.h"
#include "whatif/sampled_keys.h"

#include <math.h>

#include "access/itup.h"
#include "access/nbtree.h"
#include "common/hashfn.h"
#include "common/pg_prng.h"
#include "miscadmin.h"
#include "storage/bufpage.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"

/* Space for entries and their line pointers on a page. */
#define PAGE_SPACE (BLCKSZ - SizeOfPageHeaderData - MAXALIGN(sizeof(BTPageOpaqueData)))

/* Bytes of a posting list at most, and of each of its row pointers. */
#define POSTING_LIMIT (MAXALIGN_DOWN((BLCKSZ * 10 / 100)) - sizeof(ItemIdData))

/* An entry that is longer is refused: three must fit on a page. */
#define MOST_BYTES \
	MAXALIGN_DOWN((BLCKSZ - MAXALIGN(SizeOfPageHeaderData + 3 * sizeof(ItemIdData) + \
									 3 * sizeof(ItemPointerData)) - \
				   MAXALIGN(sizeof(BTPageOpaqueData))) / 3)

/* Items that leaves are filled with to see how many go on one. */
#define FILLED_ITEMS 20000.0

/* Rows of one key. */
typedef struct Run
{
	double		size;			/* of an entry with it */
	double		rows;
} Run;

/* Leaves that are filled from left to right; what is said of one is of the last. */
typedef struct Leaves
{
	double		reserve;		/* bytes that stay free */
	double		bytes;			/* used */
	double		items;
	double		last_bytes;		/* of its last item */
	double		last_list;		/* of them, the list's */
	bool		last_continues; /* it has the key of the one before */
	double		full;			/* leaves before it */
	double		within_key;		/* of them, that end amid the rows of a key */
	double		full_bytes;		/* used on them */
} Leaves;

static bool deduplicates(const DbaHypoIndex *index);
static double collect_keys(DbaKeys *keys, DbaHypoIndex *index, const DbaTableSample *sample);
static double pivot_bytes(const DbaHypoIndex *index, const DbaTableSample *sample, bool dedup);
static double leaves_for(const DbaKeyGroups *groups, double free_share, double *pivot);
static double most_rows(double size);
static double item_bytes(double size, double rows);
static double rest_bytes(double size, double rows);
static Run *draw_runs(const DbaKeyGroups *groups, double share, int *count);
static void add_item(Leaves *leaves, double size, double rows, bool continues);
static double pages_for(double items, double item_bytes, double free_share);

/* Sets pages, height and the widest entry. */
void
dba_btree_size(DbaHypoIndex *index, const DbaTableSample *sample)
{
	const BTOptions *options = (const BTOptions *) index->options;
	double		fill = options != NULL ? options->fillfactor : BTREE_DEFAULT_FILLFACTOR;
	bool		dedup = deduplicates(index);
	DbaKeys    *keys = dedup ? dba_keys_begin() : NULL;
	double		entry = collect_keys(keys, index, sample);
	double		pivot = index->key_count == index->column_count && dedup ? entry :
		pivot_bytes(index, sample, dedup);
	double		level;
	double		pages;
	int			height = 0;

	if (dedup)
		level = leaves_for(dba_keys_estimate(keys, sample->share), 1 - fill / 100, &pivot);
	else
		level = pages_for(sample->tuples, sample->tuples * (entry + sizeof(ItemIdData)), 1 - fill / 100);
	pages = level;
	while (level > 1)
	{
		level = pages_for(level, level * (pivot + sizeof(ItemIdData)), 1 - BTREE_NONLEAF_FILLFACTOR / 100.0);
		pages += level;
		height++;
	}
	index->pages = (BlockNumber) pages + 1; /* and the meta page */
	if (sample->tuples < 1)
		index->pages = 1;		/* an empty one has no root yet */
	index->height = height;
}

/* Whether CREATE INDEX would make posting lists, as _bt_allequalimage() asks. */
static bool
deduplicates(const DbaHypoIndex *index)
{
	const BTOptions *options = (const BTOptions *) index->options;

	if (index->unique || index->column_count > index->key_count ||
		(options != NULL && !options->deduplicate_items))
		return false;
	for (int i = 0; i < index->key_count; i++)
	{
		const DbaHypoColumn *column = &index->columns[i];
		Oid			function = get_opfamily_proc(column->opfamily, column->input_type,
												 column->input_type, BTEQUALIMAGE_PROC);

		if (!OidIsValid(function) ||
			!DatumGetBool(OidFunctionCall1Coll(function, column->collation,
											   ObjectIdGetDatum(column->input_type))))
			return false;
	}
	return true;
}

/* ------------------------------------------------------------------------
 * Keys
 * ------------------------------------------------------------------------ */

/* Bytes of an entry on average; adds the keys of the sample, if they matter. */
static double
collect_keys(DbaKeys *keys, DbaHypoIndex *index, const DbaTableSample *sample)
{
	TupleDesc	desc = RelationGetDescr(dba_paper_index(index));
	MemoryContext work = AllocSetContextCreate(CurrentMemoryContext, "dbadvisor entries",
											   ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = CurrentMemoryContext;
	double		sum = 0;
	Size		head = offsetof(IndexTupleData, t_info);

	for (uint64 row = 0; row < sample->kept; row++)
	{
		IndexTuple	tuple;
		Size		size;

		CHECK_FOR_INTERRUPTS();
		MemoryContextSwitchTo(work);
		tuple = dba_index_entry(index, desc, sample->values[row], sample->nulls[row], MOST_BYTES);
		if (tuple == NULL)
			continue;
		size = IndexTupleSize(tuple);
		sum += MAXALIGN(size);
		MemoryContextSwitchTo(caller);
		if (keys != NULL)
			dba_keys_add(keys, hash_bytes_extended((unsigned char *) tuple + head, (int) (size - head), 0),
						 sample->blocks[row], MAXALIGN(size));
		MemoryContextReset(work);
	}
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(work);
	return sample->kept > 0 ? sum / sample->kept : MAXALIGN(sizeof(IndexTupleData));
}

/*
 * Of an entry above the leaves, on average.  It has no included columns; but a row
 * pointer, where the leaf before ends with the same key.  How often that is, where
 * there are posting lists, is told when leaves are filled.
 */
static double
pivot_bytes(const DbaHypoIndex *index, const DbaTableSample *sample, bool dedup)
{
	DbaHypoIndex key = *index;
	DbaKeys    *keys = dba_keys_begin();
	DbaKeyGroups *groups;
	double		pivot;
	double		distinct = 0;

	key.column_count = key.key_count;
	pivot = collect_keys(dedup || index->unique ? NULL : keys, &key, sample);
	groups = dba_keys_estimate(keys, sample->share);
	for (int i = 0; i < groups->count; i++)
		distinct += groups->groups[i].keys;
	if (distinct > 0)
		pivot += MAXALIGN(sizeof(ItemPointerData)) * Max(0, 1 - distinct / sample->tuples);
	return pivot;
}

/* ------------------------------------------------------------------------
 * Leaves with posting lists
 * ------------------------------------------------------------------------ */

/*
 * Leaves that these keys fill.  Where they are many, by filling some leaves with
 * as many of each kind as are due to them, in an order by chance.  Where leaves end
 * amid the rows of a key, the entries above them, *pivot bytes on average, are
 * longer by a row pointer.
 */
static double
leaves_for(const DbaKeyGroups *groups, double free_share, double *pivot)
{
	Leaves		leaves = {.reserve = BLCKSZ * free_share};
	double		items = 0;
	double		bytes = 0;
	double		share;
	Run		   *runs;
	int			count;

	for (int i = 0; i < groups->count; i++)
	{
		const DbaKeyGroup *group = &groups->groups[i];
		double		most = most_rows(group->size);
		double		full = floor(group->rows / most);
		double		rest = group->rows - full * most;

		items += group->keys * (full + ceil(rest));
		bytes += group->keys * (full * item_bytes(group->size, most) + rest_bytes(group->size, rest));
	}
	share = Min(1, FILLED_ITEMS / Max(items, 1));
	runs = draw_runs(groups, share, &count);
	for (int i = 0; i < count; i++)
	{
		double		most = most_rows(runs[i].size);

		double		rows = runs[i].rows;

		while (rows >= 1)
		{
			add_item(&leaves, runs[i].size, Min(most, rows), rows < runs[i].rows);
			rows -= most;
		}
	}
	if (leaves.full > 0)
		*pivot += MAXALIGN(sizeof(ItemPointerData)) * leaves.within_key / leaves.full;
	if (share >= 1 || leaves.full == 0)
		return Max(1, ceil(leaves.full + (leaves.bytes > 0)));
	return ceil(bytes / (leaves.full_bytes / leaves.full));
}

/* Rows of a key that one item holds. */
static double
most_rows(double size)
{
	return Max(1, floor((POSTING_LIMIT - size) / sizeof(ItemPointerData)));
}

/* Bytes of an item with its line pointer that has so many rows of a key. */
static double
item_bytes(double size, double rows)
{
	return sizeof(ItemIdData) +
		(rows < 2 ? size : MAXALIGN((Size) (size + rows * sizeof(ItemPointerData))));
}

/* The same of a number of rows that is only known on average. */
static double
rest_bytes(double size, double rows)
{
	double		more = rows - floor(rows);
	double		less = rows < 1 ? 0 : item_bytes(size, floor(rows));

	return (1 - more) * less + more * item_bytes(size, floor(rows) + 1);
}

/* This share of the keys, in an order by chance; a key of very many rows in part. */
static Run *
draw_runs(const DbaKeyGroups *groups, double share, int *count)
{
	int			room = groups->count + (int) (2 * FILLED_ITEMS);
	Run		   *runs = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(Run) * room);
	pg_prng_state random;

	*count = 0;
	pg_prng_seed(&random, 1);
	for (int i = 0; i < groups->count; i++)
	{
		const DbaKeyGroup *group = &groups->groups[i];
		double		keys = group->keys * share;
		double		rows = group->rows;

		if (keys < 1 && rows * keys > most_rows(group->size))
		{
			rows *= keys;
			keys = 1;
		}
		keys = floor(keys + pg_prng_double(&random));
		while (keys-- >= 1 && *count < room)
			runs[(*count)++] = (Run)
		{
			.size = group->size,.rows = floor(rows + pg_prng_double(&random))
		};
	}
	for (int i = *count - 1; i > 0; i--)
	{
		int			j = (int) (pg_prng_double(&random) * (i + 1));
		Run			other = runs[i];

		runs[i] = runs[j];
		runs[j] = other;
	}
	return runs;
}

/*
 * As _bt_buildadd(): a page is full when the item does not fit, or too little
 * would stay free.  Its last item then begins the next page, and only its key
 * stays as the page's upper limit, so that a posting list counts as free.
 */
static void
add_item(Leaves *leaves, double size, double rows, bool continues)
{
	double		bytes = item_bytes(size, rows);
	double		unused = PAGE_SPACE - sizeof(ItemIdData) - leaves->bytes;

	if (leaves->items > 1 &&
		(unused < bytes + MAXALIGN(sizeof(ItemPointerData)) ||
		 unused + leaves->last_list < leaves->reserve))
	{
		leaves->full++;
		leaves->within_key += leaves->last_continues;
		leaves->full_bytes += leaves->bytes - leaves->last_bytes;
		leaves->bytes = leaves->last_bytes;
		leaves->items = 1;
	}
	leaves->bytes += bytes;
	leaves->items++;
	leaves->last_bytes = bytes;
	leaves->last_continues = continues;
	leaves->last_list = rows < 2 ? 0 : MAXALIGN_DOWN((Size) (rows * sizeof(ItemPointerData)));
}

/* ------------------------------------------------------------------------
 * Pages
 * ------------------------------------------------------------------------ */

/*
 * Pages that so many items fill.  A page is full when less than its share of free
 * space is left; the item that did not fit any more begins the next one, and one
 * before it goes there, too, of which a copy stays as the page's upper limit.
 */
static double
pages_for(double items, double item_bytes, double free_share)
{
	double		space = PAGE_SPACE - 2 * sizeof(ItemIdData) - BLCKSZ * free_share;

	if (items < 1)
		return 1;
	/* The last page may keep the item that fills it. */
	return Max(1, ceil((items - 1) / Max(floor(space / (item_bytes / items)), 2)));
}
