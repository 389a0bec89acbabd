/*-------------------------------------------------------------------------
 *
 * observed.c
 *	  The workload that was observed, to be advised on.
 *
 * The store is read twice: once to rank the statements by the time that they
 * take, then for the trees and values of those that matter.  A statement's worth
 * is its milliseconds an hour.  It has a variant for each set of values that was
 * sampled, all of the same weight, and one without any where none was kept.
 *
 * Who sees what: statements of other users only members of pg_read_all_stats.
 * Planning calls functions, so a statement is planned as its user only for who
 * could become that user.  For others it is planned as they themselves, and left
 * out if they may not read what it reads: costs tell of values.
 *
 * Locking: that of the store's scan, and of looking into the catalogs.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "advise/observed.h"
#include "observe/sample.h"
#include "observe/store.h"
#include "observe/store_scan.h"

#include <math.h>

#include "catalog/catalog.h"
#include "catalog/dependency.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_class.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

/* Statements that are planned; those beyond take the least time. */
#define MAX_STATEMENTS 2000

/* Share of all time that the statements together take that are left out. */
#define TAIL 0.001

/* Of so many statements all samples count, of the others the slowest and one more. */
#define FULLY_SAMPLED 300
#define MAX_VARIANTS_OF_OTHERS 2

/* No rate is that of a shorter time. */
#define MIN_WINDOW_S 5

/* What the first reading leaves of a statement. */
typedef struct Ranked
{
	DbaStatementKey key;
	double		ms;				/* an hour */
	double		hours;
} Ranked;

typedef struct Gathering
{
	DbaWorkload *workload;
	MemoryContext context;		/* of what is to stay */
	Oid			userid;			/* who asks */
	bool		sees_all;
	TimestampTz since;
	TimestampTz now;
	Ranked	   *ranked;
	int			count;
	int			space;
} Gathering;

static void rank_statement(const DbaStatement *statement, void *arg);
static bool is_planned(const DbaEntry *entry);
static void note_writes(Gathering *gathering, const DbaEntry *entry, double hours);
static double hours_of(const Gathering *gathering, const DbaEntry *entry);
static int	by_ms(const void *a, const void *b);
static void leave_out_tail(Gathering *gathering);
static void gather_statement(const DbaStatement *statement, void *arg);
static const Ranked *find_ranked(const Gathering *gathering, const DbaStatementKey *key);
static const char *gather(Gathering *gathering, const DbaStatement *statement,
						  const Ranked *ranked);
static bool names_user_table(const DbaTree *tree);
static bool is_user_table(Oid relid);
static void set_plannable(const Gathering *gathering, const DbaStatement *statement,
						  const DbaTree *tree, DbaPlannable *plannable);
static void set_variants(DbaWork *work, const DbaStatement *statement, const DbaTree *tree,
						 const DbaPlannable *plannable, int most);
static bool has_values(ParamListInfo params);
static bool sampled_before(const DbaStatement *statement, int place);
static void set_generic(DbaWork *work, const DbaTree *tree);
static void close_gaps(DbaWorkload *workload);

/*
 * Demands that the store is there.  Lives in the current context.
 */
DbaWorkload *
dba_workload_observed(void)
{
	DbaWorkload *workload = palloc0(sizeof(DbaWorkload));
	Gathering	gathering = {
		.workload = workload, .context = CurrentMemoryContext, .userid = GetUserId(),
		.now = GetCurrentTimestamp(), .space = 256
	};
	DbaStoreInfo info;

	dba_store_info(&info);
	gathering.since = info.since;
	gathering.sees_all = has_privs_of_role(gathering.userid, ROLE_PG_READ_ALL_STATS);
	gathering.ranked = palloc(sizeof(Ranked) * gathering.space);
	workload->observed = workload->writes_known = true;

	dba_store_scan(0, rank_statement, &gathering);
	qsort(gathering.ranked, gathering.count, sizeof(Ranked), by_ms);
	leave_out_tail(&gathering);

	workload->count = gathering.count;
	workload->works = palloc0(sizeof(DbaWork) * Max(gathering.count, 1));
	dba_store_scan(DBA_WITH_TEXT | DBA_WITH_TREE | DBA_WITH_SAMPLES, gather_statement,
				   &gathering);
	close_gaps(workload);
	pfree(gathering.ranked);
	return workload;
}

/* ------------------------------------------------------------------------
 * Ranking
 * ------------------------------------------------------------------------ */

static void
rank_statement(const DbaStatement *statement, void *arg)
{
	Gathering  *gathering = arg;
	const DbaEntry *entry = &statement->entry;
	Ranked	   *ranked;
	double		hours = hours_of(gathering, entry);
	double		ms = (double) entry->counters.total_ns / 1e6 / hours;
	MemoryContext caller;

	if (entry->key.dbid != MyDatabaseId || entry->key.queryid == 0 ||
		entry->counters.calls == 0 || !is_planned(entry))
		return;
	caller = MemoryContextSwitchTo(gathering->context);
	note_writes(gathering, entry, hours);
	if (!gathering->sees_all && entry->key.userid != gathering->userid)
		(void) dba_workload_skip(gathering->workload, "of other users; members of pg_read_all_stats see them", ms);
	else
	{
		if (gathering->count == gathering->space)
		{
			gathering->space *= 2;
			gathering->ranked = repalloc(gathering->ranked, sizeof(Ranked) * gathering->space);
		}
		ranked = &gathering->ranked[gathering->count++];
		ranked->key = entry->key;
		ranked->ms = ms;
		ranked->hours = hours;
	}
	MemoryContextSwitchTo(caller);
}

/* Of a utility statement nothing is known. */
static bool
is_planned(const DbaEntry *entry)
{
	CmdType		command = (CmdType) entry->query.command;

	return command == CMD_SELECT || command == CMD_INSERT || command == CMD_UPDATE ||
		command == CMD_DELETE || command == CMD_MERGE;
}

/* Of every statement: how often a table is written to is no secret. */
static void
note_writes(Gathering *gathering, const DbaEntry *entry, double hours)
{
	DbaWritten *written;

	if ((entry->query.command != CMD_INSERT && entry->query.command != CMD_UPDATE &&
		 entry->query.command != CMD_MERGE) || !OidIsValid(entry->query.relid))
		return;
	written = palloc0(sizeof(DbaWritten));
	written->relid = entry->query.relid;
	written->command = entry->query.command;
	written->rows = (double) entry->counters.rows / hours;
	for (int i = 1; i <= DBA_MAX_COLUMN; i++)
	{
		if (entry->query.updated & dba_column_bit((AttrNumber) i))
			written->columns = bms_add_member(written->columns, i);
	}
	gathering->workload->written = lappend(gathering->workload->written, written);
}

static double
hours_of(const Gathering *gathering, const DbaEntry *entry)
{
	double		seconds = (double) (gathering->now - Max(entry->first_seen, gathering->since)) / USECS_PER_SEC;

	return Max(seconds, MIN_WINDOW_S) / SECS_PER_HOUR;
}

/* What takes most first; of equals in an order that does not change. */
static int
by_ms(const void *a, const void *b)
{
	const Ranked *x = a;
	const Ranked *y = b;

	if (x->ms != y->ms)
		return x->ms > y->ms ? -1 : 1;
	return memcmp(&x->key, &y->key, sizeof(x->key));
}

static void
leave_out_tail(Gathering *gathering)
{
	DbaWorkload *workload = gathering->workload;
	double		tail = 0;

	for (int i = 0; i < gathering->count; i++)
		workload->ms += gathering->ranked[i].ms;
	while (gathering->count > 0)
	{
		double		ms = gathering->ranked[gathering->count - 1].ms;

		if (tail + ms > TAIL * workload->ms && gathering->count <= MAX_STATEMENTS)
			break;
		tail += ms;
		gathering->count--;
		dba_workload_skip(workload, "taking hardly any time", ms)->harmless = tail <= TAIL * workload->ms;
	}
}

/* ------------------------------------------------------------------------
 * Gathering
 * ------------------------------------------------------------------------ */

static void
gather_statement(const DbaStatement *statement, void *arg)
{
	Gathering  *gathering = arg;
	const Ranked *ranked = find_ranked(gathering, &statement->entry.key);
	MemoryContext caller;
	const char *reason;

	if (ranked == NULL)
		return;
	caller = MemoryContextSwitchTo(gathering->context);
	reason = gather(gathering, statement, ranked);
	if (reason != NULL)
		(void) dba_workload_skip(gathering->workload, reason, ranked->ms);
	MemoryContextSwitchTo(caller);
}

static const Ranked *
find_ranked(const Gathering *gathering, const DbaStatementKey *key)
{
	for (int i = 0; i < gathering->count; i++)
	{
		if (memcmp(&gathering->ranked[i].key, key, sizeof(*key)) == 0)
			return &gathering->ranked[i];
	}
	return NULL;
}

/*
 * Sets the work in its place of the ranking, or says why it is left out; neither
 * of what indexes do not matter to.
 */
static const char *
gather(Gathering *gathering, const DbaStatement *statement, const Ranked *ranked)
{
	int			rank = (int) (ranked - gathering->ranked);
	DbaWork    *work = &gathering->workload->works[rank];
	const DbaCounters *counters = &statement->entry.counters;
	DbaTree    *tree;
	DbaPlannable plannable;
	bool		foreign;

	if (statement->tree.data == NULL)
		return "not kept to be planned again: very large, of temporary or foreign tables, or for want of dbadvisor.sample_memory";
	tree = dba_tree_unpack(statement->tree.data, statement->tree.length);
	if (tree == NULL)
		return "kept by another version of the server";
	if (!names_user_table(tree))
		return NULL;
	set_plannable(gathering, statement, tree, &plannable);
	foreign = plannable.userid != statement->entry.key.userid;
	if (dba_workload_forbidden(&plannable, foreign) != NULL)
		return !foreign ?
			"no longer permitted to their user" : "of other users, and not permitted to you";

	work->text = plannable.text;
	work->queryid = statement->entry.key.queryid;
	work->ms = ranked->ms;
	work->times = (double) counters->calls;
	work->calls = (double) counters->calls / ranked->hours;
	work->rows = (double) counters->rows / ranked->hours;
	set_variants(work, statement, tree, &plannable,
				 rank < FULLY_SAMPLED ? DBA_MAX_SAMPLES + 1 : MAX_VARIANTS_OF_OTHERS);
	set_generic(work, tree);
	return NULL;
}

/* Others read catalogs, or nothing; or tables that are an extension's own. */
static bool
names_user_table(const DbaTree *tree)
{
	ListCell   *cell;

	foreach(cell, dba_tree_relations(tree))
	{
		if (is_user_table(lfirst_oid(cell)))
			return true;
	}
	return false;
}

/* One that is gone counts: that the statement cannot be planned is to be said. */
static bool
is_user_table(Oid relid)
{
	char		relkind = get_rel_relkind(relid);
	char	   *schema;

	if (relkind == '\0')
		return true;
	schema = get_namespace_name(get_rel_namespace(relid));
	return relkind != RELKIND_VIEW && !IsCatalogRelationOid(relid) &&
		(schema == NULL || strcmp(schema, "information_schema") != 0) &&
		!OidIsValid(getExtensionOfObject(RelationRelationId, relid));
}

/* All but the values. */
static void
set_plannable(const Gathering *gathering, const DbaStatement *statement,
			  const DbaTree *tree, DbaPlannable *plannable)
{
	Oid			userid = statement->entry.key.userid;

	memset(plannable, 0, sizeof(*plannable));
	plannable->query = tree->query;
	plannable->text = statement->text.data != NULL ? pstrdup(statement->text.data) : "";
	plannable->search_path = tree->search_path;
	plannable->userid = has_privs_of_role(gathering->userid, userid) ? userid : gathering->userid;
}

/* The slowest first, which counts even if there is no time for others. */
static void
set_variants(DbaWork *work, const DbaStatement *statement, const DbaTree *tree,
			 const DbaPlannable *plannable, int most)
{
	work->variants = palloc0(sizeof(DbaVariant) * (DBA_MAX_SAMPLES + 1));
	for (int i = DBA_SLOWEST; i >= 0 && work->variant_count < most; i--)
	{
		DbaVariant *variant = &work->variants[work->variant_count];
		const DbaBlobCopy *blob = &statement->samples[i];
		DbaValues  *values;

		if (blob->data == NULL || statement->entry.samples[i].is_literal ||
			sampled_before(statement, i))
			continue;
		values = dba_values_unpack(blob->data, blob->length);
		variant->plannable = *plannable;
		variant->plannable.params = values != NULL ? dba_tree_bind(tree, values) : NULL;
		variant->has_values = tree->count == 0 || has_values(variant->plannable.params);
		if (variant->has_values)
			work->variant_count++;
	}
	if (work->variant_count == 0)
	{
		work->variants[0].plannable = *plannable;
		work->variants[0].has_values = tree->count == 0;
		work->variant_count = 1;
	}
	for (int i = 0; i < work->variant_count; i++)
		work->variants[i].share = 1.0 / work->variant_count;
}

/* Whether one at least is known. */
static bool
has_values(ParamListInfo params)
{
	for (int i = 0; params != NULL && i < params->numParams; i++)
	{
		if (OidIsValid(params->params[i].ptype))
			return true;
	}
	return false;
}

/* Whether a later place has the same values: of few different ones, or of none. */
static bool
sampled_before(const DbaStatement *statement, int place)
{
	const DbaBlobCopy *blob = &statement->samples[place];

	for (int i = place + 1; i <= DBA_SLOWEST; i++)
	{
		const DbaBlobCopy *other = &statement->samples[i];

		if (other->data != NULL && other->length == blob->length &&
			memcmp(other->data, blob->data, blob->length) == 0)
			return true;
	}
	return false;
}

/*
 * The plan that the server makes for any values that a client sends.  Constants
 * of the text stay what they are.
 */
static void
set_generic(DbaWork *work, const DbaTree *tree)
{
	ParamListInfo params = work->variants[0].plannable.params;

	if (tree->bound == 0 || params == NULL)
		return;
	work->generic = palloc0(sizeof(DbaVariant));
	work->generic->plannable = work->variants[0].plannable;
	params = copyParamList(params);
	for (int i = 0; i < Min(tree->bound, params->numParams); i++)
	{
		params->params[i].ptype = InvalidOid;
		params->params[i].isnull = true;
	}
	work->generic->plannable.params = params;
}

/* Those that were left out have no variants. */
static void
close_gaps(DbaWorkload *workload)
{
	int			count = 0;

	for (int i = 0; i < workload->count; i++)
	{
		if (workload->works[i].variant_count > 0)
			workload->works[count++] = workload->works[i];
	}
	workload->count = count;
}
