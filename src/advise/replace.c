/*-------------------------------------------------------------------------
 *
 * replace.c
 *	  Indexes that new ones make superfluous.
 *
 * Only those whose keys a new index begins with: whatever statement uses such an
 * index can use the new one, observed or not.  That none becomes dearer by it is
 * seen by planning those that are known.
 *
 * Locking: that of planning.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "advise/replace.h"
#include "whatif/hypo_existing.h"

#include "fmgr.h"
#include "utils/fmgroids.h"

/* A statement that becomes dearer by this share misses the old index. */
#define MISSED 0.05

static bool is_duplicate(const DbaExisting *existing, const List *all);
static int64 scans_of(const DbaExisting *existing);
static bool none_misses(DbaCosting *costing, Oid index, const Bitmapset *chosen);

/* The existing indexes (Oids) that can be dropped when the candidate is there. */
List *
dba_replaced_by(DbaCosting *costing, const DbaCandidate *candidate, const Bitmapset *chosen)
{
	List	   *all = dba_hypo_existing(candidate->index->relid);
	List	   *result = NIL;
	ListCell   *cell;

	foreach(cell, all)
	{
		const DbaExisting *existing = lfirst(cell);

		if (existing->droppable && !is_duplicate(existing, all) &&
			dba_index_begins(candidate->index, existing->index) &&
			none_misses(costing, existing->index->oid, chosen))
			result = lappend_oid(result, existing->index->oid);
	}
	return result;
}

/* Whether it is to go anyway, because another does the same: the one used more stays. */
static bool
is_duplicate(const DbaExisting *existing, const List *all)
{
	const ListCell *cell;

	foreach(cell, all)
	{
		const DbaExisting *other = lfirst(cell);
		int64		scans = scans_of(existing) - scans_of(other);

		if (other != existing && other->valid && dba_index_same(existing->index, other->index) &&
			(scans < 0 || (scans == 0 && other->index->oid < existing->index->oid)))
			return true;
	}
	return false;
}

static int64
scans_of(const DbaExisting *existing)
{
	return DatumGetInt64(OidFunctionCall1(F_PG_STAT_GET_NUMSCANS,
										  ObjectIdGetDatum(existing->index->oid)));
}

static bool
none_misses(DbaCosting *costing, Oid index, const Bitmapset *chosen)
{
	DbaChanges	dropped = {0};

	dba_changes_drop(&dropped, index);
	for (int i = 0; i < costing->workload->count; i++)
	{
		DbaWork    *work = &costing->workload->works[i];
		Bitmapset  *used = NULL;
		double		with;
		double		without;

		if (bms_is_empty(work->relevant))
			continue;
		with = dba_costing_fully(costing, work, chosen, NIL, &used);
		without = dba_costing_fully(costing, work, chosen, dropped.dropped, &used);
		if (without > with * (1 + MISSED))
			return false;
	}
	return true;
}

/*
 * Compares the candidates with what exists.  Those that are there already, but not
 * valid, are none: either somebody builds them just now, or they are to be
 * repaired.  Of others it is remembered what they could replace.
 */
void
dba_replace_compare(DbaPool *pool)
{
	for (int i = 0; i < pool->count; i++)
	{
		DbaCandidate *candidate = pool->candidates[i];
		ListCell   *cell;

		foreach(cell, dba_hypo_existing(candidate->index->relid))
		{
			const DbaExisting *existing = lfirst(cell);

			if (!existing->valid && dba_index_same(candidate->index, existing->index))
				candidate->impossible = true;
			if (existing->droppable && dba_index_begins(candidate->index, existing->index))
				candidate->freed_bytes += dba_table_bytes(existing->index->oid);
		}
	}
}
