/*-------------------------------------------------------------------------
 *
 * spills.c
 *	  How much work_mem would have kept a node of a plan off the disk.
 *
 * The server tells how much went to disk, which is not what it would have
 * taken in memory: there a sorted row of one integer costs 72 bytes, on disk
 * 14.  So the rows are counted and each is charged what the server's own
 * accounting would have charged.  Where rows were not counted their number
 * comes from the space and the planner's width, and is only as good as that.
 *
 * All functions return a value of work_mem in bytes; 0 if nothing spilled.
 * What spilled needs more than there was, whatever the estimate says.
 *
 * Locking: none.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "compat.h"
#include "observe/spills.h"

#include <math.h>

#include "access/htup_details.h"
#include "executor/executor.h"
#include "executor/hashjoin.h"
#include "executor/nodeAgg.h"
#include "miscadmin.h"
#include "port/pg_bitutils.h"
#include "utils/tuplesort.h"

/* A block of a sort's tape ends in two block numbers. */
#define TAPE_BLOCK_BYTES (BLCKSZ - 2 * sizeof(int64))

/* A row on a tape: without what can be told from its length, which precedes. */
#define TAPE_ROW_SAVING (MINIMAL_TUPLE_DATA_OFFSET - (int) sizeof(int))

/* An element of the array that a sort in memory sorts. */
#define SORT_ELEMENT_BYTES 24

/* Share of the memory that a hash join keeps for the commonest values. */
#define SKEW_SHARE (SKEW_HASH_MEM_PERCENT / 100.0)

/* A hash table of groups is at most so full. */
#define GROUPS_FILL_FACTOR 0.9

/* Partitions of a hashed aggregate: for each that it would need, at least. */
#define PARTITION_FACTOR 1.5
#define MIN_PARTITIONS 4.0
#define MAX_PARTITIONS 1024.0

static double sort_bytes(SortState *sort, double disk, double rows);
static double sort_row_bytes(SortState *sort, double disk, double rows);
static bool sorts_values(SortState *sort);
static double tape_saving(SortState *sort);
static double sort_chunk(double length, bool bounded);
static double worker_rows(PlanState *node, int worker);
static double hash_rows(HashState *hash, bool counted);
static double hash_row_bytes(HashState *hash, double rows, int batches,
							 bool counted);
static double hash_table_bytes(double rows, double row_bytes);
static int	hash_batches(HashState *hash, bool counted);
static double groups_of(AggState *agg, bool counted);
static double group_table_bytes(AggState *agg, double groups);
static double partition_bytes(double expected, double available);
static double power_of_two(double value);
static int64 more_than_now(double bytes);

/* Of a sort: the most that the leader or one of the workers needed. */
int64
dba_sort_spill(SortState *sort, bool counted)
{
	PlanState  *input = outerPlanState(sort);
	double		rows = 0;
	double		bytes = 0;

	if (counted && input->instrument != NULL && input->instrument->nloops > 0)
		rows = input->instrument->ntuples / input->instrument->nloops;

	if (counted && sort->shared_info != NULL)
	{
		SharedSortInfo *info = sort->shared_info;

		rows = input->instrument != NULL ? input->instrument->ntuples : 0;
		for (int i = 0; i < info->num_workers; i++)
		{
			TuplesortInstrumentation *worker = &info->sinstrument[i];

			if (worker->sortMethod != SORT_TYPE_STILL_IN_PROGRESS &&
				worker->spaceType == SORT_SPACE_TYPE_DISK)
				bytes = Max(bytes, sort_bytes(sort, worker->spaceUsed * 1024.0,
											  worker_rows(input, i)));
			rows -= worker_rows(input, i);
		}
	}

	if (sort->sort_Done && sort->tuplesortstate != NULL)
	{
		TuplesortInstrumentation own;

		tuplesort_get_stats(sort->tuplesortstate, &own);
		if (own.spaceType == SORT_SPACE_TYPE_DISK)
			bytes = Max(bytes,
						sort_bytes(sort, own.spaceUsed * 1024.0, rows));
	}
	return bytes > 0 ? more_than_now(bytes) : 0;
}

/*
 * Of a sort whose input is sorted already by the first columns: what its
 * largest group needed.  The server keeps that only where it counts.
 */
int64
dba_incremental_sort_spill(IncrementalSortState *sort, bool counted)
{
	double		disk;
	double		length;

	if (!counted)
		return 0;
	disk = Max(sort->incsort_info.fullsortGroupInfo.maxDiskSpaceUsed,
			   sort->incsort_info.prefixsortGroupInfo.maxDiskSpaceUsed);
	if (sort->shared_info != NULL)
	{
		for (int i = 0; i < sort->shared_info->num_workers; i++)
		{
			IncrementalSortInfo *info = &sort->shared_info->sinfo[i];

			disk = Max(disk, info->fullsortGroupInfo.maxDiskSpaceUsed);
			disk = Max(disk, info->prefixsortGroupInfo.maxDiskSpaceUsed);
		}
	}
	if (disk <= 0)
		return 0;

	/* How many rows the group had is not known: the planner's width it is. */
	length = MAXALIGN(SizeofMinimalTupleHeader) + sort->ss.ps.plan->plan_width;
	return more_than_now(disk * 1024.0 / (length - TAPE_ROW_SAVING) *
						 (SORT_ELEMENT_BYTES + sort_chunk(length, false)));
}

/*
 * Of a hash join: the whole table in one batch.  The server also asks for what
 * it expected, so an overestimate makes batches that nothing needs.
 */
int64
dba_hash_spill(HashJoinState *join, bool counted, int participants)
{
	HashState  *hash = castNode(HashState, innerPlanState(join));
	const Hash *plan = (const Hash *) hash->ps.plan;
	const Plan *input = outerPlan(plan);
	int			batches = hash_batches(hash, counted);
	double		rows;
	double		expected_rows;
	double		bytes;

	if (batches <= 1)
		return 0;

	rows = hash_rows(hash, counted);
	bytes = hash_table_bytes(rows, HJTUPLE_OVERHEAD +
							 hash_row_bytes(hash, rows, batches, counted));

	expected_rows = plan->plan.parallel_aware ? plan->rows_total :
		input->plan_rows;
	bytes = Max(bytes,
				hash_table_bytes(expected_rows, HJTUPLE_OVERHEAD +
								 MAXALIGN(SizeofMinimalTupleHeader) +
								 MAXALIGN(input->plan_width)));
	if (OidIsValid(plan->skewTable))
		bytes /= 1.0 - SKEW_SHARE;

	/* Those who share a table put their memory together. */
	if (plan->plan.parallel_aware)
		bytes /= participants;
	return more_than_now(bytes / hash_mem_multiplier);
}

/*
 * Of a hashed aggregate: all groups in one table.  It makes room for as many
 * groups as the planner's idea of their size allows.
 */
int64
dba_aggregate_spill(AggState *agg, bool counted)
{
	const Agg  *plan = (const Agg *) agg->ss.ps.plan;
	double		entry;
	double		groups;
	double		bytes;
	bool		spilled = agg->hash_batches_used > 1;

	if (agg->aggstrategy != AGG_HASHED && agg->aggstrategy != AGG_MIXED)
		return 0;
	if (counted && agg->shared_info != NULL)
	{
		for (int i = 0; i < agg->shared_info->num_workers; i++)
			if (agg->shared_info->sinstrument[i].hash_batches_used > 1)
				spilled = true;
	}
	if (!spilled)
		return 0;

	entry = hash_agg_entry_size(agg->numtrans, outerPlan(plan)->plan_width,
								plan->transitionSpace);
	groups = groups_of(agg, counted);
	bytes = Max(group_table_bytes(agg, groups), groups * entry);
	if (plan->numGroups * entry > bytes)
		bytes += partition_bytes(plan->numGroups * entry, bytes);
	return more_than_now(bytes / hash_mem_multiplier);
}

/* What a sort of so many rows takes in memory; 0 rows: as many as fit "disk". */
static double
sort_bytes(SortState *sort, double disk, double rows)
{
	double		length = sort_row_bytes(sort, disk, rows);
	bool		bounded = sort->bounded_Done;
	double		per_row = SORT_ELEMENT_BYTES;

	if (rows <= 0)
		rows = disk / Max(length - tape_saving(sort), 1.0);
	if (bounded)				/* from here on it would drop the others */
		rows = Min(rows, sort->bound_Done + 1.0);
	if (!sorts_values(sort))
		per_row += sort_chunk(length, bounded);
	return rows * per_row;
}

/*
 * The average length of a sorted row in memory, padding aside; the planner's
 * if the rows are not known.
 */
static double
sort_row_bytes(SortState *sort, double disk, double rows)
{
	double		saving = tape_saving(sort);
	double		spent = SORT_ELEMENT_BYTES + DBA_SORT_TUPLE_OVERHEAD + saving;
	double		per_run = BLCKSZ / 2.0 / (work_mem * 1024.0);

	if (rows <= 0)
	{
		if (sorts_values(sort))
			return sizeof(Datum);
		return MAXALIGN(SizeofMinimalTupleHeader) +
			sort->ss.ps.plan->plan_width;
	}

	/*
	 * Each time the memory was full a run was written, and the last block of
	 * a run is half empty on average.
	 */
	return (disk / BLCKSZ * TAPE_BLOCK_BYTES / rows - spent * per_run) /
		(1.0 + per_run) + saving;
}

/* Whether it sorts plain values that the array itself holds. */
static bool
sorts_values(SortState *sort)
{
	return sort->datumSort &&
		TupleDescAttr(ExecGetResultType(outerPlanState(sort)), 0)->attbyval;
}

/* Bytes of a row in memory that are not on a tape. */
static double
tape_saving(SortState *sort)
{
	double		saving = sort->datumSort ? -(double) sizeof(int) :
		TAPE_ROW_SAVING;

	if (sort->randomAccess)		/* its length stands on both sides */
		saving -= sizeof(int);
	return saving;
}

/* What the memory context takes for a row of that length on average. */
static double
sort_chunk(double length, bool bounded)
{
	if (bounded && length <= ALLOCSET_SEPARATE_THRESHOLD)
		return DBA_CHUNK_HEADER + power_of_two(length);
	return DBA_SORT_TUPLE_OVERHEAD + MAXALIGN((int64) ceil(length - 0.05));
}

/* Rows that one of the workers had from the node. */
static double
worker_rows(PlanState *node, int worker)
{
	WorkerNodeInstrumentation *workers = node->worker_instrument;

	if (workers == NULL || worker >= workers->num_workers)
		return 0;
	return workers->instrument[worker].ntuples;
}

/* Rows that the table would have held at once. */
static double
hash_rows(HashState *hash, bool counted)
{
	const NodeInstrumentation *seen = hash->ps.instrument;

	if (counted && seen != NULL && seen->nloops > 0)
		return hash->ps.plan->parallel_aware ? seen->ntuples :
			seen->ntuples / seen->nloops;
	return hash->hashtable != NULL ? hash->hashtable->totalTuples : 0;
}

/*
 * The average length of a row.  All batches but the first were written to
 * disk, and how much was written is counted with the blocks.
 */
static double
hash_row_bytes(HashState *hash, double rows, int batches, bool counted)
{
	PlanState  *input = outerPlanState(hash);
	double		expected = MAXALIGN(SizeofMinimalTupleHeader) +
		input->plan->plan_width;
	double		written_rows;
	double		written;

	if (!counted || hash->ps.instrument == NULL || input->instrument == NULL ||
		hash->ps.plan->parallel_aware || hash->ps.instrument->nloops != 1)
		return expected;

	written = dba_node_buffers(hash->ps.instrument)->temp_blks_written -
		dba_node_buffers(input->instrument)->temp_blks_written;
	/* The last block of each batch was not full yet when it was counted. */
	written = written * BLCKSZ + (batches - 1) * BLCKSZ / 2.0;
	written_rows = rows * (batches - 1) / batches;
	if (written_rows < batches || written < 1)
		return expected;
	return Max(written / written_rows - sizeof(uint32),
			   MAXALIGN(SizeofMinimalTupleHeader));
}

/* The rows and the array of buckets, whose number is a power of two. */
static double
hash_table_bytes(double rows, double row_bytes)
{
	return rows * row_bytes +
		power_of_two(Max(rows, 1024)) * sizeof(HashJoinTuple);
}

/* Into how many batches the table was split, by whoever built it. */
static int
hash_batches(HashState *hash, bool counted)
{
	int			batches = 0;

	if (hash->hashtable != NULL)
		batches = hash->hashtable->nbatch;
	if (hash->hinstrument != NULL)
		batches = Max(batches, hash->hinstrument->nbatch);
	if (counted && hash->shared_info != NULL)
	{
		for (int i = 0; i < hash->shared_info->num_workers; i++)
			batches = Max(batches, hash->shared_info->hinstrument[i].nbatch);
	}
	return batches;
}

/* Groups in one execution of the node, by one of the processes. */
static double
groups_of(AggState *agg, bool counted)
{
	const NodeInstrumentation *seen = agg->ss.ps.instrument;
	double		row_bytes;
	double		spilled_rows;
	double		first;

	if (counted && seen != NULL && seen->nloops > 0)
		return (seen->ntuples + seen->nfiltered1) / seen->nloops;

	/*
	 * Not more than a new group with each row that went to disk, nor than a
	 * full table with each batch.
	 */
	row_bytes = sizeof(uint32) + MAXALIGN(SizeofMinimalTupleHeader) +
		outerPlan(agg->ss.ps.plan)->plan_width;
	spilled_rows = agg->hash_disk_used * 1024.0 / row_bytes;
	first = agg->hash_mem_limit / Max(agg->hashentrysize, 1.0);
	return first + Min(spilled_rows, first * (agg->hash_batches_used - 1));
}

/*
 * The table of all groups: the array, and the rest of each group.  The server
 * last measured the rest on what may have been a small batch, by whole blocks
 * of memory, the last of which was half empty on average.
 */
static double
group_table_bytes(AggState *agg, double groups)
{
	double		rest = agg->hashentrysize - sizeof(TupleHashEntryData);
	double		measured = rest * agg->hash_ngroups_current;
	double		last_block = power_of_two(work_mem * 1024.0 / 16 + 1) / 2;

	last_block = Min(last_block, ALLOCSET_DEFAULT_MAXSIZE);
	last_block = Min(last_block, measured / 2);
	if (agg->hash_ngroups_current > 0)
		rest = (measured - last_block / 2) / agg->hash_ngroups_current;
	return power_of_two(groups / GROUPS_FILL_FACTOR) *
		sizeof(TupleHashEntryData) + groups * Max(rest, 0);
}

/*
 * What an aggregate that expects to spill sets aside for writing its
 * partitions: a block for each, and not more than a quarter of the memory.
 */
static double
partition_bytes(double expected, double available)
{
	double		partitions = power_of_two(PARTITION_FACTOR * expected /
										  Max(available, 1.0));

	partitions = Max(partitions, MIN_PARTITIONS);
	partitions = Min(partitions, MAX_PARTITIONS);
	return Min(BLCKSZ * (partitions + 1), available / 3);
}

/* The next power of two that is not smaller. */
static double
power_of_two(double value)
{
	double		power = 1;

	while (power < value)
		power *= 2;
	return power;
}

static int64
more_than_now(double bytes)
{
	int64		now = work_mem * INT64CONST(1024);

	if (isnan(bytes) || bytes <= now)
		return now + 1024;
	return bytes < (double) PG_INT64_MAX / 2 ? (int64) bytes : PG_INT64_MAX / 2;
}
