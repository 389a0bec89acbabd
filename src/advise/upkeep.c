/*-------------------------------------------------------------------------
 *
 * upkeep.c
 *	  What an index costs those who write to its table.
 *
 * Each row that is inserted makes an entry; each that is updated, too, unless the
 * update is HOT: it sets no column of any index, and finds room on the page.  So
 * an index on a column that is updated costs more than its own entries: those
 * updates write to all other indexes again.
 *
 * How often rows are written, the statements say.  Of the observed workload the
 * server's statistics of the table may know of more: of COPY, and of what was not
 * observed.
 *
 * Locking: AccessShareLock on the tables, which the caller has.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "compat.h"
#include "advise/upkeep.h"

#include "access/htup_details.h"
#include "access/sysattr.h"
#include "access/table.h"
#include "catalog/partition.h"
#include "catalog/pg_am.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "nodes/bitmapset.h"
#include "optimizer/optimizer.h"
#include "parser/parsetree.h"
#include "pgstat.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/relcache.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"

/*
 * What making an entry takes: in units of plan costs, and in milliseconds.  The
 * latter is from inserting half a million rows in random order into a table of
 * as many with none, one and four btrees: 5 us an entry.  The others as measured
 * with that: hash 3 us; GIN 3.5 us for each key of a row.
 */
#define ENTRY_COST 1.0
#define ENTRY_MS 0.005
#define HASH_PART 0.6
#define BRIN_PART 0.1
#define GIN_PART 0.7

/* Keys in a row of a GIN index, where nobody has counted. */
#define GIN_KEYS 8.0

/* Share of the updates that could be HOT and are, unless MIN_UPDATES tell better. */
#define HOT_SHARE 0.7
#define MIN_UPDATES 1000

/*
 * Statistics of a shorter time do not say how often a table is written to: what
 * filled it is in them.
 */
#define MIN_STATISTICS_S SECS_PER_HOUR

/* What a table is written to. */
typedef struct Writes
{
	Oid			relid;			/* as the statements name it */
	double		inserted;		/* rows, an hour or for the weights given */
	List	   *updates;		/* Update */
} Writes;

typedef struct Update
{
	double		rows;
	Bitmapset  *columns;		/* that are set, offset as for varattnos */
} Update;

/* The table of a candidate, all its partitions together. */
typedef struct Table
{
	int			index_count;	/* that exist */
	Bitmapset  *indexed;		/* columns of these, offset likewise */
	double		inserted;		/* rows an hour, as the statistics have it; 0: unknown */
	double		updated;
	double		hot_share;		/* of the updates that can be HOT */
	double		rows;			/* that it has; 0: unknown */
} Table;

static List *collect_writes(const DbaWorkload *workload);
static void add_written(List **writes, const DbaWritten *written);
static void add_query(List **writes, const Query *query, double rows);
static Writes *writes_of(List **writes, Oid relid);
static void add_update(Writes *table, List *target_list, double rows);
static void add_merge(Writes *table, const Query *query, double rows);
static void explain(const DbaCandidate *candidate, List *all, bool observed,
					DbaUpkeep *upkeep);
static void look_at_table(const DbaCandidate *candidate, bool observed, Table *table);
static double rows_of(Oid relid);
static double statistics_hours(void);
static double part_of(const DbaCandidate *candidate, Oid written);
static void add_updates(const DbaCandidate *candidate, const Writes *writes,
						const Table *table, double part, DbaUpkeep *upkeep);
static Bitmapset *columns_as_in(Bitmapset *columns, Oid from, Oid to);
static double method_part(const DbaCandidate *candidate);
static double share_of_rows(const DbaCandidate *candidate, double table_rows);
static Bitmapset *columns_of(const DbaHypoIndex *index);

/* Sets what each candidate costs, in the workload's unit. */
void
dba_upkeep_set(DbaPool *pool, const DbaWorkload *workload)
{
	List	   *all = collect_writes(workload);
	double		entry = workload->observed ? ENTRY_MS : ENTRY_COST;

	for (int i = 0; i < pool->count; i++)
	{
		DbaUpkeep	upkeep;

		explain(pool->candidates[i], all, workload->observed, &upkeep);
		pool->candidates[i]->upkeep = entry * upkeep.entries;
	}
}

/* Says why a candidate costs that. */
void
dba_upkeep_explain(const DbaCandidate *candidate, const DbaWorkload *workload,
				   DbaUpkeep *upkeep)
{
	explain(candidate, collect_writes(workload), workload->observed, upkeep);
}

/* ------------------------------------------------------------------------
 * What statements write
 * ------------------------------------------------------------------------ */

static List *
collect_writes(const DbaWorkload *workload)
{
	List	   *writes = NIL;
	ListCell   *cell;

	foreach(cell, workload->written)
		add_written(&writes, lfirst(cell));
	for (int i = 0; i < workload->count && !workload->writes_known; i++)
	{
		const DbaWork *work = &workload->works[i];
		double		rows = 0;

		for (int j = 0; j < work->variant_count; j++)
			rows += work->calls * work->variants[j].share * work->variants[j].rows;
		/* What was counted is better than what the planner thinks. */
		if (work->rows >= 0)
			rows = work->rows;
		if (work->variant_count > 0)
			add_query(&writes, work->variants[0].plannable.query, rows);
	}
	return writes;
}

static void
add_written(List **writes, const DbaWritten *written)
{
	Writes	   *table = writes_of(writes, written->relid);
	bool		updates = written->columns != NULL;
	double		each = written->command != CMD_UPDATE && updates ?
		written->rows / 2 : written->rows;	/* nobody counts how often it does which */

	if (written->command != CMD_UPDATE)
		table->inserted += each;
	if (written->command == CMD_UPDATE || updates)
	{
		Update	   *update = palloc0(sizeof(Update));
		int			column = -1;

		while ((column = bms_next_member(written->columns, column)) >= 0)
			update->columns = bms_add_member(update->columns,
											 column - FirstLowInvalidHeapAttributeNumber);
		update->rows = each;
		table->updates = lappend(table->updates, update);
	}
}

static void
add_query(List **writes, const Query *query, double rows)
{
	Writes	   *table;

	if (query->resultRelation == 0)
		return;
	table = writes_of(writes, rt_fetch(query->resultRelation, query->rtable)->relid);
	if (query->commandType == CMD_UPDATE)
		add_update(table, query->targetList, rows);
	else if (query->commandType == CMD_MERGE)
		add_merge(table, query, rows);
	else if (query->commandType == CMD_INSERT)
	{
		bool		updates = query->onConflict != NULL &&
			query->onConflict->action == ONCONFLICT_UPDATE;

		/* Nobody counts how often it does which. */
		table->inserted += updates ? rows / 2 : rows;
		if (updates)
			add_update(table, query->onConflict->onConflictSet, rows / 2);
	}
}

static Writes *
writes_of(List **writes, Oid relid)
{
	ListCell   *cell;
	Writes	   *table;

	foreach(cell, *writes)
	{
		if (((Writes *) lfirst(cell))->relid == relid)
			return lfirst(cell);
	}
	table = palloc0(sizeof(Writes));
	table->relid = relid;
	*writes = lappend(*writes, table);
	return table;
}

static void
add_update(Writes *table, List *target_list, double rows)
{
	Update	   *update = palloc0(sizeof(Update));
	ListCell   *cell;

	foreach(cell, target_list)
	{
		const TargetEntry *entry = lfirst_node(TargetEntry, cell);

		if (!entry->resjunk)
			update->columns = bms_add_member(update->columns,
											 entry->resno - FirstLowInvalidHeapAttributeNumber);
	}
	update->rows = rows;
	table->updates = lappend(table->updates, update);
}

/* As if each of its actions was taken as often. */
static void
add_merge(Writes *table, const Query *query, double rows)
{
	double		each = rows / Max(list_length(query->mergeActionList), 1);
	ListCell   *cell;

	foreach(cell, query->mergeActionList)
	{
		const MergeAction *action = lfirst_node(MergeAction, cell);

		if (action->commandType == CMD_INSERT)
			table->inserted += each;
		else if (action->commandType == CMD_UPDATE)
			add_update(table, action->targetList, each);
	}
}

/* ------------------------------------------------------------------------
 * What it means for an index
 * ------------------------------------------------------------------------ */

static void
explain(const DbaCandidate *candidate, List *all, bool observed, DbaUpkeep *upkeep)
{
	Table		table;
	double		inserted = 0;
	double		updated = 0;
	ListCell   *cell;
	ListCell   *update;

	memset(upkeep, 0, sizeof(*upkeep));
	look_at_table(candidate, observed, &table);
	foreach(cell, all)
	{
		const Writes *writes = lfirst(cell);
		double		part = part_of(candidate, writes->relid);

		if (part == 0)
			continue;
		inserted += part * writes->inserted;
		foreach(update, writes->updates)
			updated += part * ((Update *) lfirst(update))->rows;
		add_updates(candidate, writes, &table, part, upkeep);
	}
	upkeep->entries += Max(inserted, table.inserted);
	/* Of others it is not known which columns they set. */
	upkeep->entries += Max(table.updated - updated, 0) * (1 - table.hot_share);
	upkeep->entries *= method_part(candidate) * share_of_rows(candidate, table.rows);
	upkeep->entries += upkeep->no_longer_hot * table.index_count;
}

static void
look_at_table(const DbaCandidate *candidate, bool observed, Table *table)
{
	Relation	relation = try_table_open(candidate->index->relid, AccessShareLock);
	double		hours = observed ? statistics_hours() : 0;
	double		updated = 0;
	double		hot = 0;
	ListCell   *cell;

	memset(table, 0, sizeof(*table));
	table->hot_share = HOT_SHARE;
	if (relation != NULL)
	{
		table->index_count = list_length(RelationGetIndexList(relation));
		table->indexed = bms_copy(dba_hot_blocking(relation));
		table_close(relation, NoLock);
	}
	foreach(cell, candidate->leaves)
		table->rows += rows_of(((DbaHypoIndex *) lfirst(cell))->relid);
	if (!observed)
		return;
	foreach(cell, candidate->leaves)
	{
		PgStat_StatTabEntry *counted = pgstat_fetch_stat_tabentry(((DbaHypoIndex *) lfirst(cell))->relid);

		if (counted == NULL)
			continue;
		updated += (double) counted->tuples_updated;
		hot += (double) counted->tuples_hot_updated;
		if (hours > 0)
			table->inserted += (double) counted->tuples_inserted / hours;
	}
	if (hours > 0)
		table->updated = updated / hours;
	if (updated >= MIN_UPDATES)
		table->hot_share = hot / updated;
}

/* As VACUUM or ANALYZE left them; 0: unknown. */
static double
rows_of(Oid relid)
{
	HeapTuple	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relid));
	double		rows = 0;

	if (HeapTupleIsValid(tuple))
	{
		rows = Max(((Form_pg_class) GETSTRUCT(tuple))->reltuples, 0);
		ReleaseSysCache(tuple);
	}
	return rows;
}

/* Over how many the tables were counted; 0: too short to say anything. */
static double
statistics_hours(void)
{
	PgStat_StatDBEntry *database = pgstat_fetch_stat_dbentry(MyDatabaseId);
	TimestampTz since = pgstat_fetch_stat_archiver()->stat_reset_timestamp;
	double		seconds;

	/* What is reset last of these was by a crash, and all with it. */
	since = Min(since, pgstat_fetch_stat_bgwriter()->stat_reset_timestamp);
	since = Min(since, pgstat_fetch_stat_wal()->stat_reset_timestamp);
	if (database != NULL)
		since = Max(since, database->stat_reset_timestamp);
	seconds = (double) (GetCurrentTimestamp() - since) / USECS_PER_SEC;
	return since != 0 && seconds >= MIN_STATISTICS_S ? seconds / SECS_PER_HOUR : 0;
}

/* Which part of the rows written to that table the index would see. */
static double
part_of(const DbaCandidate *candidate, Oid written)
{
	Oid			relid = candidate->index->relid;
	ListCell   *cell;

	if (written == relid)
		return 1;
	foreach(cell, candidate->leaves)
	{
		if (((DbaHypoIndex *) lfirst(cell))->relid == written)
			return 1;
	}
	if (get_rel_relispartition(written) &&
		list_member_oid(get_partition_ancestors(written), relid))
		return 1;
	/* One that is written to through the table that it is a part of. */
	if (get_rel_relispartition(relid) && list_member_oid(get_partition_ancestors(relid), written))
		return 1.0 / Max(list_length(find_inheritance_children(written, NoLock)), 1);
	return 0;
}

/* What updates of the table mean for the index: entries, and HOT. */
static void
add_updates(const DbaCandidate *candidate, const Writes *writes, const Table *table,
			double part, DbaUpkeep *upkeep)
{
	Bitmapset  *own = columns_of(candidate->index);
	ListCell   *cell;

	foreach(cell, writes->updates)
	{
		const Update *update = lfirst(cell);
		Bitmapset  *columns = columns_as_in(update->columns, writes->relid,
											candidate->index->relid);
		double		rows = part * update->rows;
		bool		summarizes = DBA_BRIN_ALLOWS_HOT && candidate->index->am == BRIN_AM_OID;

		if (bms_overlap(columns, table->indexed))
			upkeep->entries += rows;	/* never HOT */
		else if (bms_overlap(columns, own) && !summarizes)
		{
			Bitmapset  *which = bms_intersect(columns, own);
			int			column = -1;

			upkeep->entries += rows;	/* no longer */
			upkeep->no_longer_hot += rows * table->hot_share;
			while ((column = bms_next_member(which, column)) >= 0)
				upkeep->columns = bms_add_member(upkeep->columns,
												 column + FirstLowInvalidHeapAttributeNumber);
		}
		else
			upkeep->entries += rows * (1 - table->hot_share);
	}
}

/* A partition may number the columns in its own way. */
static Bitmapset *
columns_as_in(Bitmapset *columns, Oid from, Oid to)
{
	Bitmapset  *result = NULL;
	int			column = -1;

	if (from == to)
		return columns;
	while ((column = bms_next_member(columns, column)) >= 0)
	{
		char	   *name = get_attname(from, (AttrNumber) (column + FirstLowInvalidHeapAttributeNumber), true);
		AttrNumber	number = name != NULL ? get_attnum(to, name) : InvalidAttrNumber;

		if (number != InvalidAttrNumber)
			result = bms_add_member(result, number - FirstLowInvalidHeapAttributeNumber);
	}
	return result;
}

/* What an entry of it takes, in those of a btree. */
static double
method_part(const DbaCandidate *candidate)
{
	switch (candidate->index->am)
	{
		case BRIN_AM_OID:
			return BRIN_PART;
		case HASH_AM_OID:
			return HASH_PART;
		case GIN_AM_OID:
			return GIN_PART * GIN_KEYS;
		default:
			return 1;
	}
}

/* Of a partial index how many rows it has; as many of those written. */
static double
share_of_rows(const DbaCandidate *candidate, double table_rows)
{
	double		rows = 0;
	ListCell   *cell;

	if (candidate->index->predicate == NIL || table_rows <= 0)
		return 1;
	foreach(cell, candidate->leaves)
		rows += ((DbaHypoIndex *) lfirst(cell))->tuples;
	return rows < 0 ? 1 : Min(rows / table_rows, 1);
}

/* Those that keep an update from being HOT when they are set. */
static Bitmapset *
columns_of(const DbaHypoIndex *index)
{
	Bitmapset  *result = NULL;

	for (int i = 0; i < index->column_count; i++)
	{
		if (index->columns[i].attnum != 0)
			result = bms_add_member(result, index->columns[i].attnum - FirstLowInvalidHeapAttributeNumber);
	}
	pull_varattnos((Node *) index->expressions, 1, &result);
	pull_varattnos((Node *) index->predicate, 1, &result);
	return result;
}
