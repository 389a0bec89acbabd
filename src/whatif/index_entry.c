/*-------------------------------------------------------------------------
 *
 * index_entry.c
 *	  An entry of an index, unless it is too wide for it.
 *
 * One value too many bytes long and CREATE INDEX fails.  What counts is the size
 * after compression, so wide values are compressed here as the server does.
 *
 * Locking: none.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "compat.h"
#include "whatif/index_entry.h"

#include "access/detoast.h"
#include "access/heaptoast.h"
#include "access/htup_details.h"
#include "access/toast_internals.h"

static bool has_wide_value(TupleDesc desc, Datum *values, bool *nulls);
static Datum compressed(Form_pg_attribute attribute, Datum value);

/*
 * Forms the entry as the descriptor has it.  NULL if it has more than so many
 * bytes, which the index then remembers.
 */
IndexTuple
dba_index_entry(DbaHypoIndex *index, TupleDesc desc, Datum *values, bool *nulls, Size most)
{
	Datum		own[INDEX_MAX_KEYS];
	Size		size;

	if (has_wide_value(desc, values, nulls))
	{
		for (int i = 0; i < desc->natts; i++)
			own[i] = nulls[i] ? (Datum) 0 : compressed(TupleDescAttr(desc, i), values[i]);
		values = own;
		size = MAXALIGN(MAXALIGN(sizeof(IndexTupleData)) + heap_compute_data_size(desc, values, nulls));
		if (size > most)
		{
			dba_index_too_wide(index, size);
			return NULL;
		}
	}
	return index_form_tuple(desc, values, nulls);
}

/* Remembers that CREATE INDEX would fail, for an entry of so many bytes. */
void
dba_index_too_wide(DbaHypoIndex *index, Size size)
{
	index->too_wide = Max(index->too_wide, (int64) size);
}

/* Whether one is so wide that the server would compress it. */
static bool
has_wide_value(TupleDesc desc, Datum *values, bool *nulls)
{
	for (int i = 0; i < desc->natts; i++)
	{
		if (!nulls[i] && TupleDescAttr(desc, i)->attlen == -1 &&
			toast_raw_datum_size(values[i]) > TOAST_INDEX_TARGET)
			return true;
	}
	return false;
}

/* The value as an index tuple holds it. */
static Datum
compressed(Form_pg_attribute attribute, Datum value)
{
	Datum		smaller = (Datum) 0;

	if (attribute->attlen != -1)
		return value;
	if (VARATT_IS_EXTERNAL(DatumGetPointer(value)))
		value = PointerGetDatum(detoast_external_attr((struct varlena *) DatumGetPointer(value)));
	if (!VARATT_IS_EXTENDED(DatumGetPointer(value)) &&
		VARSIZE(DatumGetPointer(value)) > TOAST_INDEX_TARGET &&
		(attribute->attstorage == TYPSTORAGE_EXTENDED || attribute->attstorage == TYPSTORAGE_MAIN))
		smaller = toast_compress_datum(value, attribute->attcompression);
	return DatumGetPointer(smaller) != NULL ? smaller : value;
}
