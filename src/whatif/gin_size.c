/*-------------------------------------------------------------------------
 *
 * gin_size.c
 *	  Pages of a GIN index that was never built.
 *
 * The operator class extracts the keys of the sampled rows.  Each key has one
 * entry, with the list of its rows compressed; a long list is a tree of its own.
 *
 * CREATE INDEX collects keys until maintenance_work_mem is used up, puts them
 * into the tree in their order, and goes on.  A page that is full is split in
 * halves.  So after one round pages are half full, and after many more so.
 *
 * Locking: none.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "whatif/gin_size.h"
#include "whatif/index_entry.h"
#include "whatif/paper_index.h"
#include "whatif/sampled_keys.h"

#include <math.h>

#include "access/gin_private.h"
#include "common/hashfn.h"
#include "common/pg_prng.h"
#include "miscadmin.h"
#include "utils/memutils.h"
#include "utils/rel.h"

/* Keys that are extracted; of more rows only some are looked at. */
#define MOST_KEYS 600000.0

/* Rows by which the keys of one are known. */
#define TRIED_ROWS 200

/* Keys that are put into the tree to see how full its pages get, and rounds. */
#define TRIED_KEYS 6000
#define MOST_ROUNDS 40

#define ENTRY_SPACE \
	(BLCKSZ - MAXALIGN(SizeOfPageHeaderData) - MAXALIGN(sizeof(GinPageOpaqueData)))

/* A segment of a list in a tree of its own: usual bytes, and of its head. */
#define SEGMENT_BYTES 256.0
#define SEGMENT_HEAD 8.0

/* Memory of a key while it is collected: a node, the key and the first row pointers. */
#define NODE_BYTES 64.0
#define CHUNK_BYTES 16.0
#define FIRST_ROWS 5.0

/* What is known of the keys. */
typedef struct GinKeys
{
	DbaHypoIndex *index;
	GinState	state;
	DbaKeys    *keys;
	DbaKeyGroups *groups;
	double		share;			/* of the table's rows that were looked at */
	double		table_blocks;
	double		sum;			/* of keys extracted */
	double		bytes;			/* of their entries without rows */
} GinKeys;

/* The leaves of a tree of keys: each is the keys from one on to the next's. */
typedef struct Leaves
{
	int			count;
	double	   *bytes;			/* used */
	int		   *starts;			/* number of the first key */
} Leaves;

static void extract_keys(GinKeys *keys, const DbaTableSample *sample);
static uint32 extract_row(GinKeys *keys, const DbaTableSample *sample, uint64 row,
						  MemoryContext work);
static void add_entry(GinKeys *keys, int column, Datum key, GinNullCategory category,
					  BlockNumber block, MemoryContext work);
static double list_bytes(const GinKeys *keys, double rows, double blocks);
static double entry_bytes(const GinKeys *keys, const DbaKeyGroup *group, double part);
static double tree_pages(const GinKeys *keys, const DbaKeyGroup *group);
static double rounds(const GinKeys *keys);
static double memory(const GinKeys *keys, double part);
static double leaf_fill(const GinKeys *keys);
static int	draw_keys(const GinKeys *keys, const DbaKeyGroup **drawn, int count);
static double fill_after(const GinKeys *keys, const DbaKeyGroup **drawn, int count, double rounds);
static void split_leaf(Leaves *tree, int page, const double *bytes);

/* Sets pages, and what the planner asks the meta page for. */
void
dba_gin_size(DbaHypoIndex *index, const DbaTableSample *sample)
{
	GinKeys    *keys = palloc0(sizeof(GinKeys));
	DbaHypoGin *gin = &index->gin;
	double		bytes = 0;
	double		level;

	keys->index = index;
	keys->table_blocks = sample->table_blocks;
	initGinState(&keys->state, dba_paper_index(index));
	extract_keys(keys, sample);
	keys->groups = dba_keys_estimate(keys->keys, keys->share);
	memset(gin, 0, sizeof(*gin));
	for (int i = 0; i < keys->groups->count; i++)
	{
		const DbaKeyGroup *group = &keys->groups->groups[i];

		gin->entries += group->keys;
		gin->data_pages += group->keys * tree_pages(keys, group);
		bytes += group->keys * (entry_bytes(keys, group, 1) + sizeof(ItemIdData));
	}
	gin->data_pages = rint(gin->data_pages);
	level = gin->entry_pages = bytes <= ENTRY_SPACE ? 1 :
		ceil(bytes / ENTRY_SPACE / leaf_fill(keys));
	while (level > 1)
	{
		/* Upwards, too, entries come in order and halve the pages. */
		level = ceil(level * (keys->bytes / keys->sum + sizeof(ItemIdData)) * 2 / ENTRY_SPACE);
		gin->entry_pages += level;
	}
	index->pages = (BlockNumber) (1 + gin->entry_pages + gin->data_pages);
	index->height = -1;
}

/* ------------------------------------------------------------------------
 * Keys
 * ------------------------------------------------------------------------ */

/* Of all rows of the sample, or of as many whole blocks as have enough keys. */
static void
extract_keys(GinKeys *keys, const DbaTableSample *sample)
{
	MemoryContext work = AllocSetContextCreate(CurrentMemoryContext, "dbadvisor keys",
											   ALLOCSET_DEFAULT_SIZES);
	double		tried = 0;
	uint64		used = 0;
	uint32		block = 0;
	uint32		step;

	keys->keys = NULL;
	for (uint64 row = 0; row < Min(sample->kept, TRIED_ROWS); row++)
		tried += extract_row(keys, sample, row * sample->kept / TRIED_ROWS % sample->kept, work);
	step = (uint32) Max(1, ceil(tried / TRIED_ROWS * sample->kept / MOST_KEYS));
	keys->sum = keys->bytes = 0;
	keys->keys = dba_keys_begin();
	for (uint64 row = 0; row < sample->kept; row++)
	{
		block += row > 0 && sample->blocks[row] != sample->blocks[row - 1];
		CHECK_FOR_INTERRUPTS();
		if (block % step != 0)
			continue;
		extract_row(keys, sample, row, work);
		used++;
	}
	keys->share = sample->kept > 0 ? sample->share * used / sample->kept : 1;
	MemoryContextDelete(work);
}

/* Adds the keys of a row, and says how many they are. */
static uint32
extract_row(GinKeys *keys, const DbaTableSample *sample, uint64 row, MemoryContext work)
{
	uint32		sum = 0;

	for (int i = 0; i < keys->index->column_count; i++)
	{
		MemoryContext caller = MemoryContextSwitchTo(work);
		GinNullCategory *categories;
		int32		count;
		Datum	   *entries = ginExtractEntries(&keys->state, (OffsetNumber) (i + 1),
												sample->values[row][i], sample->nulls[row][i],
												&count, &categories);

		MemoryContextSwitchTo(caller);
		for (int j = 0; j < count && keys->keys != NULL; j++)
			add_entry(keys, i, entries[j], categories[j], sample->blocks[row], work);
		sum += (uint32) count;
		MemoryContextReset(work);
	}
	return sum;
}

/* Adds a key by what its entry is without rows. */
static void
add_entry(GinKeys *keys, int column, Datum key, GinNullCategory category, BlockNumber block,
		  MemoryContext work)
{
	TupleDesc	desc = keys->state.tupdesc[column];
	Datum		values[2] = {Int16GetDatum(column + 1), key};
	bool		nulls[2] = {false, category != GIN_CAT_NORM_KEY};
	int			first = keys->state.oneCol ? 1 : 0;
	MemoryContext caller = MemoryContextSwitchTo(work);
	IndexTuple	tuple = dba_index_entry(keys->index, keys->state.oneCol ? keys->state.origTupdesc : desc,
										values + first, nulls + first, GinMaxItemSize);

	MemoryContextSwitchTo(caller);
	if (tuple != NULL)
	{
		Size		head = offsetof(IndexTupleData, t_info);
		Size		size = IndexTupleSize(tuple);
		uint64		hash = hash_bytes_extended((unsigned char *) tuple + head, (int) (size - head),
											   (uint64) category);

		dba_keys_add(keys->keys, hash, block, (uint32) size);
		keys->sum++;
		keys->bytes += size;
	}
}

/* ------------------------------------------------------------------------
 * Lists of rows
 * ------------------------------------------------------------------------ */

/*
 * Bytes of so many rows in so many blocks, but for the first.  What is stored is
 * the distance, in which a block counts as 2048 rows, with 7 bits to the byte.
 */
static double
list_bytes(const GinKeys *keys, double rows, double blocks)
{
	double		stay;			/* chance that the next block has no such row */
	double		each;

	if (rows <= 1 || blocks <= 0)
		return 0;
	stay = 1 - Min(1, blocks / Max(1, keys->table_blocks));
	each = 2 + pow(stay, 7) + pow(stay, 1023) + pow(stay, 131071);
	return Max(0, blocks - 1) * each + (rows - Max(1, blocks));
}

/* Bytes of an entry with this part of its key's rows. */
static double
entry_bytes(const GinKeys *keys, const DbaKeyGroup *group, double part)
{
	double		list = SEGMENT_HEAD + list_bytes(keys, Max(1, group->rows * part),
												 Max(1, group->blocks * part));
	double		whole = MAXALIGN((Size) ceil(group->size + list));

	/* A tree is referred to instead. */
	return whole > GinMaxItemSize ? MAXALIGN((Size) group->size) : whole;
}

/* Pages of the tree of a key that has one. */
static double
tree_pages(const GinKeys *keys, const DbaKeyGroup *group)
{
	double		list = list_bytes(keys, group->rows, group->blocks);
	double		leaves;

	if (MAXALIGN((Size) ceil(group->size + SEGMENT_HEAD + list)) <= GinMaxItemSize)
		return 0;
	list *= SEGMENT_BYTES / (SEGMENT_BYTES - SEGMENT_HEAD);
	leaves = Max(1, list / (GinDataPageMaxDataSize - SEGMENT_BYTES / 2));
	leaves = leaves < 1.5 && list <= GinDataPageMaxDataSize ? 1 : ceil(leaves);
	if (leaves <= 1)
		return 1;
	return leaves + ceil(leaves * sizeof(PostingItem) / GinDataPageMaxDataSize);
}

/* ------------------------------------------------------------------------
 * How full pages are
 * ------------------------------------------------------------------------ */

/* How often CREATE INDEX has to put keys into the tree. */
static double
rounds(const GinKeys *keys)
{
	double		most = maintenance_work_mem * 1024.0;
	double		low = 1;
	double		high = 1;

	while (high < 1e6 && memory(keys, 1 / high) > most)
		high *= 2;
	low = high / 2;
	for (int i = 0; i < 20 && high > 1; i++)
	{
		double		middle = (low + high) / 2;

		if (memory(keys, 1 / middle) > most)
			low = middle;
		else
			high = middle;
	}
	return high;
}

/* Memory for the keys of this part of the table. */
static double
memory(const GinKeys *keys, double part)
{
	double		sum = 0;

	for (int i = 0; i < keys->groups->count; i++)
	{
		const DbaKeyGroup *group = &keys->groups->groups[i];
		double		seen = 1 - exp(-group->blocks * part);
		double		rows = group->rows * part / Max(seen, 1e-9);
		double		places = FIRST_ROWS;

		if (part >= 1)
		{
			seen = 1;
			rows = group->rows;
		}
		while (places < rows)
			places *= 2;
		sum += group->keys * seen * (NODE_BYTES + group->size + CHUNK_BYTES +
									 places * sizeof(ItemPointerData) + CHUNK_BYTES);
	}
	return sum;
}

/* Of leaves of the tree of keys, by filling such a tree. */
static double
leaf_fill(const GinKeys *keys)
{
	double		last = Min(rounds(keys), MOST_ROUNDS);
	int			count = (int) Min(keys->index->gin.entries, TRIED_KEYS);
	const DbaKeyGroup **drawn = palloc(sizeof(DbaKeyGroup *) * (count + 1));

	count = draw_keys(keys, drawn, count);
	return fill_after(keys, drawn, count, last);
}

/* So many keys by chance, in the order of the tree, which is no order of ours. */
static int
draw_keys(const GinKeys *keys, const DbaKeyGroup **drawn, int count)
{
	double		step = keys->index->gin.entries / Max(1, count);
	double		passed = 0;
	pg_prng_state random;
	int			n = 0;

	pg_prng_seed(&random, 1);
	for (int i = 0; i < keys->groups->count; i++)
	{
		passed += keys->groups->groups[i].keys;
		while (n < count && (n + 0.5) * step < passed)
			drawn[n++] = &keys->groups->groups[i];
	}
	for (int i = n - 1; i > 0; i--)
	{
		int			j = (int) (pg_prng_double(&random) * (i + 1));
		const DbaKeyGroup *other = drawn[i];

		drawn[i] = drawn[j];
		drawn[j] = other;
	}
	return n;
}

/*
 * Share of the leaves that is used after so many rounds, the last of which may be
 * a part of one.  A page is the keys from
 * one on up to the next page's.
 */
static double
fill_after(const GinKeys *keys, const DbaKeyGroup **drawn, int count, double rounds)
{
	int			last = (int) ceil(rounds);
	double	   *bytes = palloc0(sizeof(double) * (count + 1));
	Leaves		tree = {
		.count = 1,
		.bytes = palloc0(sizeof(double) * (count + 2)),
		.starts = palloc0(sizeof(int) * (count + 2))
	};
	double		sum = 0;
	pg_prng_state random;

	pg_prng_seed(&random, 2);
	for (int round = 1; round <= last; round++)
	{
		int			page = 0;

		for (int key = 0; key < count; key++)
		{
			const DbaKeyGroup *group = drawn[key];
			double		now;

			while (page + 1 < tree.count && tree.starts[page + 1] <= key)
				page++;
			/* Not in this round, unless it is the last chance to be there. */
			if (pg_prng_double(&random) < exp(-group->blocks / rounds) &&
				(round < last || bytes[key] > 0))
				continue;
			now = entry_bytes(keys, group, Min(1, round / rounds)) + sizeof(ItemIdData);
			tree.bytes[page] += now - bytes[key];
			sum += now - bytes[key];
			bytes[key] = now;
			if (tree.bytes[page] > ENTRY_SPACE)
				split_leaf(&tree, page, bytes);
		}
	}
	return sum > 0 ? sum / (tree.count * (double) ENTRY_SPACE) : 1;
}

/* Halves a page. */
static void
split_leaf(Leaves *tree, int page, const double *bytes)
{
	int			rest = tree->count - page - 1;
	int			start = tree->starts[page];
	double		left = 0;

	while (left <= tree->bytes[page] / 2)
		left += bytes[start++];
	memmove(tree->starts + page + 2, tree->starts + page + 1, sizeof(int) * rest);
	memmove(tree->bytes + page + 2, tree->bytes + page + 1, sizeof(double) * rest);
	tree->starts[page + 1] = start;
	tree->bytes[page + 1] = tree->bytes[page] - left;
	tree->bytes[page] = left;
	tree->count++;
}
