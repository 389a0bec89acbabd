/*-------------------------------------------------------------------------
 *
 * due_statistics.c
 *	  Tables to analyse before advice on them is to be trusted.
 *
 * Locking: none; tables may be dropped meanwhile.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "advise/due_statistics.h"

#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/pg_class.h"
#include "nodes/nodeFuncs.h"
#include "storage/bufmgr.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"

/* Share of the rows that changed since ANALYZE, from which on it is due. */
#define STALE_SHARE 0.2

/* Fewer rows than this are planned well enough anyway. */
#define MIN_ROWS 1000

static void add_tables_read(const Query *query, List **relids);
static bool add_tables_walker(Node *node, List **relids);
static bool is_stale(Oid relid, int64 *changes);
static int64 counter(Oid function, Oid relid);
static bool has_grown(Oid relid, double pages);

/*
 * Tables to analyse first: of which nothing is known, and of those that something is
 * advised for the ones that are other than they were.
 */
List *
dba_due_statistics(const DbaWorkload *workload, List *unanalyzed, List *advised)
{
	List	   *answers = NIL;

	for (int i = 0; i < workload->count; i++)
	{
		const DbaWork *work = &workload->works[i];
		DbaHelped	helped = {.work = work, .before = -1, .after = -1};
		List	   *relids = NIL;
		ListCell   *cell;

		if (work->variant_count > 0)
			add_tables_read(work->variants[0].plannable.query, &relids);
		foreach(cell, relids)
		{
			Oid			relid = lfirst_oid(cell);
			char	   *command;
			int64		changes;

			if (get_rel_name(relid) == NULL)
				continue;
			command = psprintf("ANALYZE %s;", dba_answer_table(relid));
			if (list_member_oid(unanalyzed, relid))
				dba_answers_add(&answers, "statistics", relid,
								psprintf("Nothing is known of the values in %s, because it was never analysed; the planner guesses, and an index on it cannot be judged.",
										 dba_answer_table(relid)),
								command, &helped);
			else if (list_member_oid(advised, relid) && is_stale(relid, &changes))
				dba_answers_add(&answers, "statistics", relid,
								psprintf("%lld rows of %s were changed since it was analysed; what the planner and the advice on it take for true may be so no longer.",
										 (long long) changes, dba_answer_table(relid)),
						   command, &helped);
		}
	}
	return answers;
}

/* Those that are only inserted into are not read. */
static void
add_tables_read(const Query *query, List **relids)
{
	List	   *found = NIL;
	ListCell   *cell;

	foreach(cell, query->rtable)
	{
		const RangeTblEntry *rte = lfirst_node(RangeTblEntry, cell);

		if (rte->rtekind == RTE_RELATION &&
			!(query->commandType == CMD_INSERT &&
			  foreach_current_index(cell) + 1 == query->resultRelation))
			found = list_append_unique_oid(found, rte->relid);
	}
	*relids = list_concat_unique_oid(*relids, found);
	(void) query_tree_walker((Query *) query, add_tables_walker, relids, 0);
}

static bool
add_tables_walker(Node *node, List **relids)
{
	if (node == NULL)
		return false;
	if (IsA(node, Query))
	{
		add_tables_read((const Query *) node, relids);
		return false;
	}
	return expression_tree_walker(node, add_tables_walker, relids);
}

/*
 * Whether so much of the table is new that ANALYZE is due.  What a session loads it
 * often reports only after it has analysed the table; but where rows were added, the
 * table has more pages than it had then.
 */
static bool
is_stale(Oid relid, int64 *changes)
{
	HeapTuple	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relid));
	double		rows;
	double		pages;

	if (!HeapTupleIsValid(tuple))
		return false;
	rows = ((Form_pg_class) GETSTRUCT(tuple))->reltuples;
	pages = ((Form_pg_class) GETSTRUCT(tuple))->relpages;
	ReleaseSysCache(tuple);
	*changes = counter(F_PG_STAT_GET_MOD_SINCE_ANALYZE, relid);
	if (rows < MIN_ROWS || *changes <= rows * STALE_SHARE)
		return false;
	return counter(F_PG_STAT_GET_TUPLES_UPDATED, relid) +
		counter(F_PG_STAT_GET_TUPLES_DELETED, relid) > rows * STALE_SHARE ||
		has_grown(relid, pages);
}

static int64
counter(Oid function, Oid relid)
{
	return DatumGetInt64(OidFunctionCall1(function, ObjectIdGetDatum(relid)));
}

/* Whether it has notably more pages; one that is locked, or has no file, has not. */
static bool
has_grown(Oid relid, double pages)
{
	Relation	table;
	bool		result;

	if (!ConditionalLockRelationOid(relid, AccessShareLock))
		return false;
	table = try_table_open(relid, AccessShareLock);
	if (table == NULL)
		return false;
	result = RELKIND_HAS_STORAGE(table->rd_rel->relkind) &&
		RelationGetNumberOfBlocks(table) > pages * (1 + STALE_SHARE / 2);
	table_close(table, NoLock);
	return result;
}
