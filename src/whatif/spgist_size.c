/*-------------------------------------------------------------------------
 *
 * spgist_size.c
 *	  Pages of an SP-GiST index that was never built.
 *
 * Leaves are computed as they are stored, and pages taken to be as full as they
 * are on average with the operator classes of the server (between 66 % and 84 %),
 * inner pages included.  A radix tree stores of a text only what its inner nodes
 * have not consumed: that is what it shares with its neighbours.
 *
 * Locking: none.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "whatif/paper_index.h"
#include "whatif/spgist_size.h"

#include <math.h>

#include "access/detoast.h"
#include "access/htup_details.h"
#include "access/spgist_private.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"

/* Of a page, with what splits leave behind and inner tuples take. */
#define MEAN_FILL 0.77

/* Rows that are together below one node, which they know all of. */
#define TOGETHER_ROWS 60

/* A text as it was sampled. */
typedef struct Text
{
	const char *bytes;
	int			length;
} Text;

static void configure(const DbaHypoIndex *index, spgConfigOut *config);
static double key_bytes(const DbaTableSample *sample, uint64 row, Oid type);
static double included_bytes(TupleDesc desc, const DbaTableSample *sample, uint64 row);
static double consumed_bytes(const DbaTableSample *sample);
static int	compare_texts(const void *a, const void *b);
static int	shared_bytes(const Text *a, const Text *b);

void
dba_spgist_size(DbaHypoIndex *index, const DbaTableSample *sample)
{
	TupleDesc	desc = RelationGetDescr(dba_paper_index(index));
	spgConfigOut config = {0};
	double		consumed = 0;
	double		sum = 0;
	MemoryContext work;

	configure(index, &config);
	if (config.longValuesOK && get_typlen(config.leafType) == -1)
		consumed = consumed_bytes(sample);
	work = AllocSetContextCreate(CurrentMemoryContext, "dbadvisor leaf", ALLOCSET_DEFAULT_SIZES);
	for (uint64 row = 0; row < sample->kept; row++)
	{
		MemoryContext caller = MemoryContextSwitchTo(work);
		double		key = Max(0, key_bytes(sample, row, config.leafType) - consumed);
		Size		size = MAXALIGN(sizeof(SpGistLeafTupleData)) + (Size) key;

		sum += MAXALIGN(MAXALIGN(size) + (Size) included_bytes(desc, sample, row)) + sizeof(ItemIdData);
		MemoryContextSwitchTo(caller);
		MemoryContextReset(work);
	}
	if (sample->kept > 0)
		sum *= sample->tuples / sample->kept;

	/* A meta page, and the roots for values and for NULLs. */
	index->pages = (BlockNumber) (3 + (sum > SPGIST_PAGE_CAPACITY ?
									   ceil(sum / SPGIST_PAGE_CAPACITY / MEAN_FILL) : 0));
	index->height = -1;
	MemoryContextDelete(work);
}

/* What the operator class says of itself. */
static void
configure(const DbaHypoIndex *index, spgConfigOut *config)
{
	const DbaHypoColumn *key = &index->columns[0];
	spgConfigIn in = {.attType = key->type};

	(void) OidFunctionCall2Coll(get_opfamily_proc(key->opfamily, key->input_type,
												  key->input_type, SPGIST_CONFIG_PROC),
								key->collation, PointerGetDatum(&in), PointerGetDatum(config));
	if (!OidIsValid(config->leafType))
		config->leafType = key->stored_type;
}

/* Of the value in a leaf, where it has a whole header and is not compressed. */
static double
key_bytes(const DbaTableSample *sample, uint64 row, Oid type)
{
	int16		length = get_typlen(type);

	if (sample->nulls[row][0])
		return 0;
	if (length > 0)
		return Max(length, (int) sizeof(Datum));
	if (length == -2)
		return strlen(DatumGetCString(sample->values[row][0])) + 1;
	return toast_raw_datum_size(sample->values[row][0]);
}

/* Of the columns that are only there to be given back. */
static double
included_bytes(TupleDesc desc, const DbaTableSample *sample, uint64 row)
{
	bool		nulls[INDEX_MAX_KEYS];

	if (desc->natts == 1)
		return 0;
	memcpy(nulls, sample->nulls[row], sizeof(bool) * desc->natts);
	nulls[0] = true;
	return heap_compute_data_size(desc, sample->values[row], nulls);
}

/* ------------------------------------------------------------------------
 * Texts
 * ------------------------------------------------------------------------ */

/* Bytes of a text that the nodes above its leaf have, on average. */
static double
consumed_bytes(const DbaTableSample *sample)
{
	Text	   *texts = palloc(sizeof(Text) * (sample->kept + 1));
	uint64		step = (uint64) Max(1, rint(TOGETHER_ROWS * sample->share));
	uint64		count = 0;
	double		sum = 0;

	for (uint64 row = 0; row < sample->kept; row++)
	{
		struct varlena *value;

		if (sample->nulls[row][0])
			continue;
		value = pg_detoast_datum_packed((struct varlena *) DatumGetPointer(sample->values[row][0]));
		texts[count].bytes = VARDATA_ANY(value);
		texts[count++].length = VARSIZE_ANY_EXHDR(value);
	}
	qsort(texts, count, sizeof(Text), compare_texts);
	if (count <= step)
		return 0;
	for (uint64 i = 0; i + step < count; i++)
	{
		int			shared = shared_bytes(&texts[i], &texts[i + step]);

		/* And the byte that tells the nodes of one level apart. */
		sum += Min(shared + 1, texts[i].length);
	}
	return sum / (count - step);
}

static int
compare_texts(const void *a, const void *b)
{
	const Text *text_a = a;
	const Text *text_b = b;
	int			result = memcmp(text_a->bytes, text_b->bytes, Min(text_a->length, text_b->length));

	return result != 0 ? result : text_a->length - text_b->length;
}

static int
shared_bytes(const Text *a, const Text *b)
{
	int			n = 0;

	while (n < a->length && n < b->length && a->bytes[n] == b->bytes[n])
		n++;
	return n;
}
