/*-------------------------------------------------------------------------
 *
 * expression_stats.c
 *	  Statistics of the expressions of a hypothetical index.
 *
 * Once the index is there, ANALYZE gathers statistics of its expressions, and the
 * planner judges by them even what does not use the index.  Here they are
 * computed of a sample, by the functions that ANALYZE calls for the type, and
 * become a row as pg_statistic would have it, which is only in memory.
 *
 * Locking: none.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "compat.h"
#include "whatif/expression_stats.h"

#include <math.h>

#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/pg_statistic.h"
#include "catalog/pg_type.h"
#include "commands/vacuum.h"
#include "miscadmin.h"
#include "parser/parsetree.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/fmgroids.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/syscache.h"

/* Rows that ANALYZE looks at for each unit of the statistics target. */
#define ROWS_PER_TARGET 300

static HeapTuple compute(const DbaHypoIndex *index, int column, const DbaTableSample *sample);
static bool describe(VacAttrStats *stats, const DbaHypoColumn *column);
static int	collect_values(VacAttrStats *stats, int column, const DbaTableSample *sample);
static Datum fetch_value(VacAttrStatsP stats, int row, bool *isnull);
static HeapTuple form_row(const DbaHypoIndex *index, int column, const VacAttrStats *stats);
static bool readable(const DbaHypoIndex *index, const RangeTblEntry *entry);
static void keep(HeapTuple tuple);

/* Computes those of all columns that are expressions; they live as long as the index. */
void
dba_expression_stats_sample(DbaHypoIndex *index, const DbaTableSample *sample)
{
	MemoryContext own = GetMemoryChunkContext(index);

	index->stats = MemoryContextAllocZero(own, sizeof(HeapTuple) * index->column_count);
	for (int i = 0; i < index->column_count && sample->kept > 0; i++)
	{
		MemoryContext caller;
		HeapTuple	row;

		if (index->columns[i].attnum != 0)
			continue;
		row = compute(index, i, sample);
		caller = MemoryContextSwitchTo(own);
		index->stats[i] = row == NULL ? NULL : heap_copytuple(row);
		MemoryContextSwitchTo(caller);
	}
}

/*
 * Gives the planner those of the index's column, if there are any.  As the planner
 * does without us, those of a partial index, which may not hold for the whole
 * table, are only for the index's own cost, when no relation is examined.
 */
bool
dba_expression_stats_give(const DbaHypoIndex *index, AttrNumber column, PlannerInfo *root,
						  VariableStatData *data)
{
	if (index->stats == NULL || index->stats[column - 1] == NULL ||
		(index->predicate != NIL && data->rel != NULL))
		return false;
	data->statsTuple = index->stats[column - 1];
	data->freefunc = keep;
	data->acl_ok = data->rel == NULL ||
		readable(index, planner_rt_fetch(data->rel->relid, root));
	return true;
}

/* Whether the planner may show values to operators that could tell of them. */
static bool
readable(const DbaHypoIndex *index, const RangeTblEntry *entry)
{
	return entry->securityQuals == NIL &&
		pg_class_aclcheck(index->relid, GetUserId(), ACL_SELECT) == ACLCHECK_OK;
}

/* The planner releases a row of the catalog; this one is ours. */
static void
keep(HeapTuple tuple)
{
	(void) tuple;
}

/* ------------------------------------------------------------------------
 * Computing
 * ------------------------------------------------------------------------ */

/* The row of the column, or NULL if its type has no statistics. */
static HeapTuple
compute(const DbaHypoIndex *index, int column, const DbaTableSample *sample)
{
	VacAttrStats *stats = palloc0(sizeof(VacAttrStats));
	int			count;

	if (!describe(stats, &index->columns[column]))
		return NULL;
	count = collect_values(stats, column, sample);
	stats->compute_stats(stats, fetch_value, count, ceil(sample->tuples));
	return stats->stats_valid ? form_row(index, column, stats) : NULL;
}

/* As ANALYZE describes a column to its type's function; false if that declines. */
static bool
describe(VacAttrStats *stats, const DbaHypoColumn *column)
{
	HeapTuple	tuple = SearchSysCacheCopy1(TYPEOID, ObjectIdGetDatum(column->type));

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for type %u", column->type);
	dba_default_statistics_target(stats);
	stats->attrtypid = column->type;
	stats->attrtypmod = column->typmod;
	stats->attrtype = (Form_pg_type) GETSTRUCT(tuple);
	stats->attrcollid = column->collation;
	stats->anl_context = CurrentMemoryContext;
	stats->tupattnum = 1;
	for (int i = 0; i < STATISTIC_NUM_SLOTS; i++)
	{
		stats->statypid[i] = stats->attrtypid;
		stats->statyplen[i] = stats->attrtype->typlen;
		stats->statypbyval[i] = stats->attrtype->typbyval;
		stats->statypalign[i] = stats->attrtype->typalign;
	}
	if (OidIsValid(stats->attrtype->typanalyze))
		return DatumGetBool(OidFunctionCall1(stats->attrtype->typanalyze, PointerGetDatum(stats)));
	return std_typanalyze(stats);
}

/* Lets it fetch the values of as many rows as ANALYZE would take. */
static int
collect_values(VacAttrStats *stats, int column, const DbaTableSample *sample)
{
	int			most = Max(stats->minrows, ROWS_PER_TARGET);
	int			count = (int) Min(sample->kept, (uint64) most);

	stats->exprvals = palloc(sizeof(Datum) * (count + 1));
	stats->exprnulls = palloc(sizeof(bool) * (count + 1));
	stats->rowstride = 1;
	for (int i = 0; i < count; i++)
	{
		uint64		row = (uint64) ((double) i * sample->kept / count);

		stats->exprvals[i] = sample->values[row][column];
		stats->exprnulls[i] = sample->nulls[row][column];
	}
	return count;
}

static Datum
fetch_value(VacAttrStatsP stats, int row, bool *isnull)
{
	*isnull = stats->exprnulls[row];
	return stats->exprvals[row];
}

/* The row that update_attstats() would store. */
static HeapTuple
form_row(const DbaHypoIndex *index, int column, const VacAttrStats *stats)
{
	Relation	catalog = table_open(StatisticRelationId, AccessShareLock);
	Datum		values[Natts_pg_statistic] = {0};
	bool		nulls[Natts_pg_statistic] = {0};
	HeapTuple	row;

	values[Anum_pg_statistic_starelid - 1] = ObjectIdGetDatum(index->oid);
	values[Anum_pg_statistic_staattnum - 1] = Int16GetDatum(column + 1);
	values[Anum_pg_statistic_stanullfrac - 1] = Float4GetDatum(stats->stanullfrac);
	values[Anum_pg_statistic_stawidth - 1] = Int32GetDatum(stats->stawidth);
	values[Anum_pg_statistic_stadistinct - 1] = Float4GetDatum(stats->stadistinct);
	for (int i = 0; i < STATISTIC_NUM_SLOTS; i++)
	{
		int			numbers = Anum_pg_statistic_stanumbers1 - 1 + i;
		int			slot_values = Anum_pg_statistic_stavalues1 - 1 + i;

		values[Anum_pg_statistic_stakind1 - 1 + i] = Int16GetDatum(stats->stakind[i]);
		values[Anum_pg_statistic_staop1 - 1 + i] = ObjectIdGetDatum(stats->staop[i]);
		values[Anum_pg_statistic_stacoll1 - 1 + i] = ObjectIdGetDatum(stats->stacoll[i]);
		nulls[numbers] = stats->numnumbers[i] <= 0;
		nulls[slot_values] = stats->numvalues[i] <= 0;
		if (!nulls[numbers])
		{
			Datum	   *all = palloc(sizeof(Datum) * stats->numnumbers[i]);

			for (int n = 0; n < stats->numnumbers[i]; n++)
				all[n] = Float4GetDatum(stats->stanumbers[i][n]);
			values[numbers] = PointerGetDatum(construct_array(all, stats->numnumbers[i], FLOAT4OID,
															  sizeof(float4), true, TYPALIGN_INT));
		}
		if (!nulls[slot_values])
			values[slot_values] = PointerGetDatum(construct_array(stats->stavalues[i], stats->numvalues[i],
																  stats->statypid[i], stats->statyplen[i],
																  stats->statypbyval[i], stats->statypalign[i]));
	}
	row = heap_form_tuple(RelationGetDescr(catalog), values, nulls);
	table_close(catalog, AccessShareLock);
	return row;
}
