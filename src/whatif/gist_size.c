/*-------------------------------------------------------------------------
 *
 * gist_size.c
 *	  Pages of a GiST index that was never built.
 *
 * How full pages get is the operator class's doing, which says where an entry
 * goes and how a full page is split.  So a tree of some rows is really grown, in
 * memory, with the access method's own functions.  Pages tend to become full all
 * at the same time; that this does not mislead, the tree is smaller than the
 * index would be by a power of two.
 *
 * Where all operator classes can sort, CREATE INDEX sorts the entries, and splits
 * what some full pages hold at once.
 *
 * Locking: none.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "compat.h"
#include "whatif/gist_size.h"
#include "whatif/index_entry.h"
#include "whatif/paper_index.h"

#include <math.h>

#include "access/gist_private.h"
#include "access/htup_details.h"
#include "miscadmin.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/sortsupport.h"

/* Rows that the tree is grown of, at most. */
#define GROWN_ROWS 12000.0

/* Full pages of sorted entries that are split together (GIST_SORTED_BUILD_PAGE_NUM). */
#define SORTED_PAGES 4

/* Levels that a tree may have. */
#define MOST_LEVELS 32

#define PAGE_BYTES \
	(BLCKSZ - SizeOfPageHeaderData - MAXALIGN(sizeof(GISTPageOpaqueData)))

typedef struct Tree
{
	DbaHypoIndex *index;
	Relation	relation;
	GISTSTATE  *state;
	Size		reserve;		/* bytes of a page that stay free */
	Page	   *pages;			/* the first is the root */
	int			count;
	int			room;			/* pages that fit into the array */
	MemoryContext work;			/* reset for each entry */
	double		leaves;
	double		inner;			/* pages above them */
	double		downlinks;		/* on all pages above the leaves */
} Tree;

/* Where an entry goes: the pages from the root on, and the entry on each. */
typedef struct Way
{
	int			pages[MOST_LEVELS];
	OffsetNumber entries[MOST_LEVELS];
	int			depth;
} Way;

static Tree *begin(DbaHypoIndex *index);
static uint64 rows_to_grow(const DbaTableSample *sample);
static IndexTuple form_entry(Tree *tree, const DbaTableSample *sample, uint64 row);
static int	new_page(Tree *tree, uint32 flags);
static void insert(Tree *tree, IndexTuple entry);
static void place(Tree *tree, Way *way, int level, IndexTuple *entries, int count,
				  OffsetNumber old);
static void split(Tree *tree, Way *way, int level, IndexTuple *entries, int count,
				  OffsetNumber old);
static void count_pages(Tree *tree);
static bool can_sort(const DbaHypoIndex *index);
static void load_sorted(Tree *tree, const DbaTableSample *sample, uint64 count);
static int	compare_entries(const void *a, const void *b, void *arg);
static double extrapolate(const Tree *tree, double factor);

void
dba_gist_size(DbaHypoIndex *index, const DbaTableSample *sample)
{
	uint64		count = rows_to_grow(sample);
	Tree	   *tree = begin(index);

	if (can_sort(index))
		load_sorted(tree, sample, count);
	else
	{
		for (uint64 i = 0; i < count; i++)
		{
			MemoryContext caller = MemoryContextSwitchTo(tree->work);
			IndexTuple	entry = form_entry(tree, sample, (uint64) ((double) i * sample->kept / count));

			CHECK_FOR_INTERRUPTS();
			if (entry != NULL)
				insert(tree, entry);
			MemoryContextSwitchTo(caller);
			MemoryContextReset(tree->work);
		}
		count_pages(tree);
	}
	index->pages = (BlockNumber) extrapolate(tree, count > 0 ? sample->tuples / count : 1);
	index->height = -1;
	MemoryContextDelete(tree->work);
}

static Tree *
begin(DbaHypoIndex *index)
{
	const GiSTOptions *options = (const GiSTOptions *) index->options;
	int			fill = options != NULL ? options->fillfactor : GIST_DEFAULT_FILLFACTOR;
	Tree	   *tree = palloc0(sizeof(Tree));

	tree->index = index;
	tree->relation = dba_paper_index(index);
	tree->state = initGISTstate(tree->relation);
	tree->work = AllocSetContextCreate(CurrentMemoryContext, "dbadvisor tree",
									   ALLOCSET_DEFAULT_SIZES);
	tree->state->tempCxt = tree->work;
	tree->reserve = BLCKSZ * (100 - fill) / 100;
	tree->room = 64;
	tree->pages = palloc(sizeof(Page) * tree->room);
	new_page(tree, F_LEAF);
	return tree;
}

/* As many as there will be, divided by a power of two. */
static uint64
rows_to_grow(const DbaTableSample *sample)
{
	double		rows = sample->tuples;
	double		most = Min(GROWN_ROWS, sample->kept);

	while (rows > Max(most, 1))
		rows /= 2;
	return (uint64) Min(rint(rows), sample->kept);
}

/* NULL if it is too wide. */
static IndexTuple
form_entry(Tree *tree, const DbaTableSample *sample, uint64 row)
{
	Datum		values[INDEX_MAX_KEYS];
	IndexTuple	entry;

	gistCompressValues(tree->state, tree->relation, sample->values[row], sample->nulls[row],
					   true, values);
	entry = dba_index_entry(tree->index, tree->state->leafTupdesc, values, sample->nulls[row],
							PAGE_BYTES - sizeof(ItemIdData));
	if (entry != NULL)
		ItemPointerSetOffsetNumber(&entry->t_tid, 0xffff);
	return entry;
}

static int
new_page(Tree *tree, uint32 flags)
{
	MemoryContext own = GetMemoryChunkContext(tree);

	if (tree->count == tree->room)
	{
		tree->room *= 2;
		tree->pages = repalloc(tree->pages, sizeof(Page) * tree->room);
	}
	tree->pages[tree->count] = MemoryContextAlloc(own, BLCKSZ);
	gistinitpage(tree->pages[tree->count], flags);
	return tree->count++;
}

/* ------------------------------------------------------------------------
 * Growing
 * ------------------------------------------------------------------------ */

/* Goes down where the operator class wants it, widening what it passes. */
static void
insert(Tree *tree, IndexTuple entry)
{
	Way			way = {.pages = {0}};

	for (;;)
	{
		Page		page = tree->pages[way.pages[way.depth]];
		IndexTuple	passed;
		IndexTuple	wider;

		if (GistPageIsLeaf(page) || way.depth + 1 == MOST_LEVELS)
			break;
		way.entries[way.depth] = gistchoose(tree->relation, page, entry, tree->state);
		passed = (IndexTuple) PageGetItem(page, PageGetItemId(page, way.entries[way.depth]));
		wider = gistgetadjusted(tree->relation, passed, entry, tree->state);
		if (wider != NULL)
		{
			int			pages = tree->count;

			place(tree, &way, way.depth, &wider, 1, way.entries[way.depth]);
			if (tree->count > pages)
			{
				/* That page is not what it was: from the top again. */
				way.depth = 0;
				continue;
			}
			passed = (IndexTuple) PageGetItem(page, PageGetItemId(page, way.entries[way.depth]));
		}
		way.pages[way.depth + 1] = (int) ItemPointerGetBlockNumber(&passed->t_tid);
		way.depth++;
	}
	place(tree, &way, way.depth, &entry, 1, InvalidOffsetNumber);
}

/* Puts entries on a page of the way, instead of an old one if there is one. */
static void
place(Tree *tree, Way *way, int level, IndexTuple *entries, int count, OffsetNumber old)
{
	Page		page = tree->pages[way->pages[level]];

	if (gistnospace(page, entries, count, old, tree->reserve))
	{
		split(tree, way, level, entries, count, old);
		return;
	}
	if (old != InvalidOffsetNumber && count == 1)
	{
		if (!PageIndexTupleOverwrite(page, old, (char *) *entries, IndexTupleSize(*entries)))
			elog(ERROR, "could not replace an entry");
		return;
	}
	if (old != InvalidOffsetNumber)
		PageIndexTupleDelete(page, old);
	gistfillbuffer(page, entries, count, InvalidOffsetNumber);

	/* What the way says of this page's entries is right only if none was moved. */
	way->entries[level] = InvalidOffsetNumber;
}

/* Splits the page, and puts the new pages' entries on the one above. */
static void
split(Tree *tree, Way *way, int level, IndexTuple *entries, int count, OffsetNumber old)
{
	int			number = way->pages[level];
	Page		page = tree->pages[number];
	uint32		flags = GistPageIsLeaf(page) ? F_LEAF : 0;
	bool		first = level > 0;
	int			length;
	IndexTuple *all = gistextractpage(page, &length);
	IndexTuple	links[MaxIndexTuplesPerPage];
	int			link_count = 0;

	if (old != InvalidOffsetNumber)
	{
		memmove(all + old - 1, all + old, sizeof(IndexTuple) * (length - old));
		length--;
	}
	all = gistjoinvector(all, &length, entries, count);
	for (DbaGistSplit *part = gistSplit(tree->relation, page, all, length, tree->state);
		 part != NULL; part = part->next)
	{
		/* The first takes the place of the old one, but not the root's. */
		int			target = first ? number : new_page(tree, flags);
		char	   *data = (char *) part->list;

		if (first)
			gistinitpage(page, flags);
		first = false;
		for (int i = 0; i < part->block.num; i++)
		{
			IndexTuple	entry = (IndexTuple) data;

			gistfillbuffer(tree->pages[target], &entry, 1, InvalidOffsetNumber);
			data += IndexTupleSize(entry);
		}
		ItemPointerSet(&part->itup->t_tid, (BlockNumber) target, 0xffff);
		links[link_count++] = part->itup;
	}
	if (level == 0)
	{
		gistinitpage(page, 0);
		gistfillbuffer(page, links, link_count, InvalidOffsetNumber);
	}
	else
		place(tree, way, level - 1, links, link_count, way->entries[level - 1]);
}

static void
count_pages(Tree *tree)
{
	for (int i = 0; i < tree->count; i++)
	{
		if (GistPageIsLeaf(tree->pages[i]))
			tree->leaves++;
		else
		{
			tree->inner++;
			tree->downlinks += PageGetMaxOffsetNumber(tree->pages[i]);
		}
	}
}

/* ------------------------------------------------------------------------
 * Sorting
 * ------------------------------------------------------------------------ */

static bool
can_sort(const DbaHypoIndex *index)
{
	const GiSTOptions *options = (const GiSTOptions *) index->options;
	Relation	relation = dba_paper_index(index);

	if (options != NULL && options->buffering_mode != GIST_OPTION_BUFFERING_AUTO)
		return false;
	for (int i = 0; i < index->key_count; i++)
	{
		if (!OidIsValid(index_getprocid(relation, i + 1, GIST_SORTSUPPORT_PROC)))
			return false;
	}
	return true;
}

/* What entries are compared by. */
typedef struct Order
{
	TupleDesc	desc;
	int			keys;
	SortSupport columns;
} Order;

static void
load_sorted(Tree *tree, const DbaTableSample *sample, uint64 count)
{
	IndexTuple *entries = palloc(sizeof(IndexTuple) * (count + 1));
	Order		order = {.desc = tree->state->leafTupdesc,.keys = tree->index->key_count};
	uint64		formed = 0;
	uint64		first = 0;
	Size		bytes = 0;
	Page		page = tree->pages[0];
	double		link_bytes = 0;

	for (uint64 i = 0; i < count; i++)
	{
		entries[formed] = form_entry(tree, sample, (uint64) ((double) i * sample->kept / count));
		formed += entries[formed] != NULL;
	}
	order.columns = palloc0(sizeof(SortSupportData) * order.keys);
	for (int i = 0; i < order.keys; i++)
	{
		order.columns[i].ssup_cxt = CurrentMemoryContext;
		order.columns[i].ssup_collation = tree->index->columns[i].collation;
		order.columns[i].ssup_attno = (AttrNumber) (i + 1);
		(void) OidFunctionCall1(index_getprocid(tree->relation, i + 1, GIST_SORTSUPPORT_PROC),
								PointerGetDatum(&order.columns[i]));
	}
	qsort_arg(entries, formed, sizeof(IndexTuple), compare_entries, &order);
	for (uint64 i = 0; i <= formed; i++)
	{
		Size		each = i < formed ? MAXALIGN(IndexTupleSize(entries[i])) + sizeof(ItemIdData) : 0;

		/* Each page keeps its reserve, and the last entry that did not fit goes on. */
		if (i == formed || bytes + each > SORTED_PAGES * (PAGE_BYTES - tree->reserve - each / 2))
		{
			MemoryContext caller = MemoryContextSwitchTo(tree->work);

			if (bytes > 0 && i == formed && bytes < PAGE_BYTES - tree->reserve)
				tree->leaves++;
			else if (bytes > 0)
			{
				for (DbaGistSplit *part = gistSplit(tree->relation, page, entries + first,
													(int) (i - first), tree->state);
					 part != NULL; part = part->next)
				{
					tree->leaves++;
					link_bytes = MAXALIGN(IndexTupleSize(part->itup)) + sizeof(ItemIdData);
				}
			}
			MemoryContextSwitchTo(caller);
			MemoryContextReset(tree->work);
			first = i;
			bytes = 0;
		}
		bytes += each;
	}
	tree->leaves = Max(tree->leaves, 1);
	if (tree->leaves > 1)
	{
		/* Upwards pages are as full as here. */
		double		fill = formed * (double) (MAXALIGN(IndexTupleSize(entries[0])) + sizeof(ItemIdData)) /
			(tree->leaves * PAGE_BYTES);

		tree->inner = 1;
		tree->downlinks = Min(1, fill) * PAGE_BYTES / link_bytes;
	}
}

static int
compare_entries(const void *a, const void *b, void *arg)
{
	Order	   *order = arg;

	for (int i = 0; i < order->keys; i++)
	{
		bool		null_a;
		bool		null_b;
		Datum		value_a = index_getattr(*(const IndexTuple *) a, i + 1, order->desc, &null_a);
		Datum		value_b = index_getattr(*(const IndexTuple *) b, i + 1, order->desc, &null_b);
		int			result = ApplySortComparator(value_a, null_a, value_b, null_b, &order->columns[i]);

		if (result != 0)
			return result;
	}
	return 0;
}

/* ------------------------------------------------------------------------
 * Size
 * ------------------------------------------------------------------------ */

/* Pages of a tree that has so many times the rows. */
static double
extrapolate(const Tree *tree, double factor)
{
	double		level = Max(1, rint(tree->leaves * factor));
	double		pages = level;
	double		fan = tree->inner > 0 ? tree->downlinks / tree->inner : 0;

	if (factor <= 1.001)
		return tree->leaves + tree->inner;

	/* A small tree's root is not as full as pages below one are. */
	if (tree->inner < 4 && tree->leaves > 1)
		fan = Max(fan, PAGE_BYTES * 0.6 / (2 * MAXALIGN(sizeof(IndexTupleData))));
	while (level > 1)
	{
		level = ceil(level / Max(fan, 2));
		pages += level;
	}
	return pages;
}
