/*-------------------------------------------------------------------------
 *
 * index_users.c
 *	  Which observed statements use an index, and what they cost without it.
 *
 * How often an index was scanned says little of what it is worth: eight scans
 * can be the nightly job that takes hours without it, and a million can be those
 * of statements that another index would serve as well.  So every observed
 * statement is planned with the values of its samples as things are, and once
 * more without each of the indexes in question that its plan uses.
 *
 * Two indexes can each stand in for the other; then one of them is needed.  So the
 * indexes are judged in the order in which they are given, and one that no statement
 * needs is taken for gone when the next is judged: whoever drops all that are not
 * needed makes no observed statement worse.
 *
 * A statement is planned as its user, so only for who may act as he; what cannot be
 * planned is handed out as a possible user of all indexes of its tables.
 *
 * Locking: that of plannable.c.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "advise/index_users.h"
#include "observe/sample.h"
#include "observe/store_scan.h"
#include "whatif/cost.h"

#include "catalog/index.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_inherits.h"
#include "miscadmin.h"
#include "nodes/bitmapset.h"
#include "storage/lockdefs.h"
#include "utils/acl.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"

/* A plan is no dearer while it costs at most so many times as much. */
#define NO_DEARER 1.01

/* An observed statement that names a table of one of the indexes. */
typedef struct User
{
	DbaStatement statement;
	Bitmapset  *concerned;		/* indexes on tables that it names */
	Bitmapset  *used;			/* indexes that its plans use, with those gone that
								 * are gone */
	int			sample_count;	/* that were planned */
	double		costs[DBA_MAX_SAMPLES + 1]; /* as things are */
	const char *problem;		/* why it cannot be planned */
} User;

/* The indexes on, or below, a table, by their numbers. */
typedef struct TableIndexes
{
	Oid			relid;			/* hash key */
	Bitmapset  *indexes;
	Bitmapset  *below;			/* and on its children */
	bool		below_known;
} TableIndexes;

/* Costs of a statement's samples under changes. */
typedef struct Costs
{
	int			count;
	double		costs[DBA_MAX_SAMPLES + 1];
	Bitmapset  *used;
	const char *problem;
} Costs;

typedef struct Survey
{
	const Oid  *indexes;
	List	  **parts;			/* Oids of each, and of its partitions; NIL: it is gone */
	int			count;
	TimestampTz deadline;		/* 0: none */
	HTAB	   *numbers;		/* IndexNumber: of the parts of the indexes, too */
	HTAB	   *tables;			/* TableIndexes */
	List	   *users;			/* User */
	DbaChanges	gone;
	List	   *found;			/* DbaIndexUser */
	MemoryContext context;
} Survey;

/* Which of the indexes it is, or is a part of. */
typedef struct IndexNumber
{
	Oid			oid;			/* hash key */
	int			number;
} IndexNumber;

static void survey_begin(Survey *survey, const Oid *indexes, int count);
static HTAB *oid_hash(const char *name, Size entry_size);
static List *inheritors(Oid oid);
static void number_index(Survey *survey, int number);
static void take_user(const DbaStatement *statement, void *arg);
static void keep_copy(User *user, const DbaStatement *statement);
static void copy_blob(DbaBlobCopy *copy);
static Bitmapset *concerned_by(Survey *survey, const DbaStatement *statement);
static Bitmapset *indexes_below(Survey *survey, Oid relid);
static int	by_time(const ListCell *a, const ListCell *b);
static void plan_as_is(Survey *survey, User *user);
static void judge(Survey *survey, int number);
static bool can_go_without(Survey *survey, User *user, int number, const DbaChanges *changes,
						   Costs *without);
static DbaIndexUser *add_found(Survey *survey, const User *user, int number);
static void plan_samples(Survey *survey, const User *user, const DbaChanges *changes,
						 Costs *costs);
static void plan_all(Survey *survey, const User *user, const DbaChanges *changes, Costs *costs);
static bool plan_one(Survey *survey, const DbaPlannable *plannable, const DbaChanges *changes,
					 Costs *costs);
static const char *why_not(const Survey *survey, const User *user);

/*
 * The statements (DbaIndexUser) of this database that use each of the indexes,
 * which are judged in this order; until the deadline (0: none).
 */
List *
dba_index_users(const Oid *indexes, int count, TimestampTz deadline)
{
	Survey		survey = {.deadline = deadline};
	ListCell   *cell;

	survey_begin(&survey, indexes, count);
	dba_store_scan(DBA_WITH_TEXT | DBA_WITH_TREE | DBA_WITH_SAMPLES, take_user, &survey);
	list_sort(survey.users, by_time);
	foreach(cell, survey.users)
		plan_as_is(&survey, lfirst(cell));
	for (int i = 0; i < count; i++)
		judge(&survey, i);
	return survey.found;
}

static void
survey_begin(Survey *survey, const Oid *indexes, int count)
{
	survey->indexes = indexes;
	survey->parts = palloc0(sizeof(List *) * (count + 1));
	survey->count = count;
	survey->context = CurrentMemoryContext;
	survey->numbers = oid_hash("dbadvisor indexes judged", sizeof(IndexNumber));
	survey->tables = oid_hash("dbadvisor tables of indexes judged", sizeof(TableIndexes));
	for (int i = 0; i < count; i++)
		number_index(survey, i);
}

static HTAB *
oid_hash(const char *name, Size entry_size)
{
	HASHCTL		control = {
		.keysize = sizeof(Oid), .entrysize = entry_size, .hcxt = CurrentMemoryContext
	};

	return hash_create(name, 256, &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
}

/* It and its children; none when it is gone. */
static List *
inheritors(Oid oid)
{
	if (!SearchSysCacheExists1(RELOID, ObjectIdGetDatum(oid)))
		return NIL;
	return find_all_inheritors(oid, NoLock, NULL);
}

/* Enters the index, its parts, and their tables; one that is gone has none. */
static void
number_index(Survey *survey, int number)
{
	ListCell   *cell;

	survey->parts[number] = inheritors(survey->indexes[number]);
	foreach(cell, survey->parts[number])
	{
		Oid			oid = lfirst_oid(cell);
		Oid			relid = IndexGetRelation(oid, true);
		IndexNumber *entry;
		TableIndexes *table;
		bool		found;

		if (!OidIsValid(relid))
			continue;
		entry = hash_search(survey->numbers, &oid, HASH_ENTER, NULL);
		entry->number = number;
		table = hash_search(survey->tables, &relid, HASH_ENTER, &found);
		if (!found)
		{
			table->indexes = table->below = NULL;
			table->below_known = false;
		}
		table->indexes = bms_add_member(table->indexes, number);
	}
}

/* ------------------------------------------------------------------------
 * The statements
 * ------------------------------------------------------------------------ */

/* Takes a statement of this database that has to do with one of the indexes. */
static void
take_user(const DbaStatement *statement, void *arg)
{
	Survey	   *survey = arg;
	const DbaStatementKey *key = &statement->entry.key;
	MemoryContext caller;
	Bitmapset  *concerned;

	if (key->dbid != MyDatabaseId || key->queryid == 0 || statement->tree.data == NULL)
		return;
	concerned = concerned_by(survey, statement);
	if (concerned == NULL)
		return;

	caller = MemoryContextSwitchTo(survey->context);
	{
		User	   *user = palloc0(sizeof(User));

		user->concerned = bms_copy(concerned);
		keep_copy(user, statement);
		survey->users = lappend(survey->users, user);
	}
	MemoryContextSwitchTo(caller);
}

static void
keep_copy(User *user, const DbaStatement *statement)
{
	user->statement = *statement;
	if (statement->text.data != NULL)
		user->statement.text.data = pstrdup(statement->text.data);
	copy_blob(&user->statement.tree);
	for (int i = 0; i <= DBA_MAX_SAMPLES; i++)
		copy_blob(&user->statement.samples[i]);
}

static void
copy_blob(DbaBlobCopy *copy)
{
	if (copy->data != NULL)
		copy->data = memcpy(palloc(copy->length), copy->data, copy->length);
}

/* The indexes on tables that the statement names, or on children of these. */
static Bitmapset *
concerned_by(Survey *survey, const DbaStatement *statement)
{
	DbaTree    *tree = dba_tree_unpack(statement->tree.data, statement->tree.length);
	Bitmapset  *concerned = NULL;
	ListCell   *cell;

	if (tree == NULL)
		return NULL;
	foreach(cell, dba_tree_relations(tree))
		concerned = bms_add_members(concerned, indexes_below(survey, lfirst_oid(cell)));
	return concerned;
}

static Bitmapset *
indexes_below(Survey *survey, Oid relid)
{
	bool		found;
	TableIndexes *table = hash_search(survey->tables, &relid, HASH_ENTER, &found);
	MemoryContext caller;
	Bitmapset  *below = NULL;
	ListCell   *cell;

	if (!found)
	{
		table->indexes = table->below = NULL;
		table->below_known = false;
	}
	if (table->below_known)
		return table->below;
	caller = MemoryContextSwitchTo(survey->context);
	foreach(cell, inheritors(relid))
	{
		const TableIndexes *child = hash_search(survey->tables, &lfirst_oid(cell), HASH_FIND, NULL);

		if (child != NULL)
			below = bms_add_members(below, child->indexes);
	}
	MemoryContextSwitchTo(caller);
	table->below = below;
	table->below_known = true;
	return below;
}

/* What took most time first. */
static int
by_time(const ListCell *a, const ListCell *b)
{
	int64		time_a = ((const User *) lfirst(a))->statement.entry.counters.total_ns;
	int64		time_b = ((const User *) lfirst(b))->statement.entry.counters.total_ns;

	return time_a < time_b ? 1 : time_a > time_b ? -1 : 0;
}

/* ------------------------------------------------------------------------
 * Their plans
 * ------------------------------------------------------------------------ */

/* What it costs as things are, and which of the indexes it uses. */
static void
plan_as_is(Survey *survey, User *user)
{
	DbaChanges	none = {0};
	Costs		costs;

	plan_samples(survey, user, &none, &costs);
	user->problem = costs.problem;
	user->sample_count = costs.count;
	user->used = costs.used;
	memcpy(user->costs, costs.costs, sizeof(costs.costs));
}

/* Whether any statement needs the index; takes it for gone if none does. */
static void
judge(Survey *survey, int number)
{
	DbaChanges	changes = survey->gone;
	Costs	   *without = palloc0(sizeof(Costs) * (list_length(survey->users) + 1));
	bool		needed = false;
	int			place = 0;
	ListCell   *cell;

	changes.dropped = list_concat_copy(changes.dropped, survey->parts[number]);
	foreach(cell, survey->users)
	{
		User	   *user = lfirst(cell);

		if (user->problem != NULL && bms_is_member(number, user->concerned))
			add_found(survey, user, number)->problem = user->problem;
		else if (bms_is_member(number, user->used) &&
				 !can_go_without(survey, user, number, &changes, &without[place]))
			needed = true;
		place++;
	}
	if (needed)
		return;

	survey->gone = changes;
	place = 0;
	foreach(cell, survey->users)
	{
		if (without[place].count > 0)
			((User *) lfirst(cell))->used = without[place].used;
		place++;
	}
}

/* Plans the statement without it, notes what that says, and whether it is no dearer. */
static bool
can_go_without(Survey *survey, User *user, int number, const DbaChanges *changes, Costs *without)
{
	DbaIndexUser *found = add_found(survey, user, number);

	plan_samples(survey, user, changes, without);
	found->problem = without->problem;
	if (without->problem != NULL)
		return false;
	for (int i = 0; i < without->count; i++)
	{
		found->cost += user->costs[i] / without->count;
		found->cost_without += without->costs[i] / without->count;
		found->worst_ratio = Max(found->worst_ratio,
								 without->costs[i] / Max(user->costs[i], 0.01));
	}
	return found->worst_ratio <= NO_DEARER;
}

static DbaIndexUser *
add_found(Survey *survey, const User *user, int number)
{
	DbaIndexUser *found = palloc0(sizeof(DbaIndexUser));
	const DbaEntry *entry = &user->statement.entry;

	found->index = survey->indexes[number];
	found->key = entry->key;
	found->text = user->statement.text.data;
	found->calls = entry->counters.calls;
	found->total_ns = entry->counters.total_ns;
	found->first_seen = entry->first_seen;
	survey->found = lappend(survey->found, found);
	return found;
}

/* The costs of all its samples with the changes, or the problem with one of them. */
static void
plan_samples(Survey *survey, const User *user, const DbaChanges *changes, Costs *costs)
{
	MemoryContext work = AllocSetContextCreate(CurrentMemoryContext, "dbadvisor index user",
											   ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller;

	memset(costs, 0, sizeof(*costs));
	costs->problem = why_not(survey, user);
	if (costs->problem == NULL)
	{
		caller = MemoryContextSwitchTo(work);
		plan_all(survey, user, changes, costs);
		MemoryContextSwitchTo(caller);
	}
	costs->used = bms_copy(costs->used);
	if (costs->problem != NULL)
		costs->problem = pstrdup(costs->problem);
	MemoryContextDelete(work);
}

/* One that has no sample with values is planned for any. */
static void
plan_all(Survey *survey, const User *user, const DbaChanges *changes, Costs *costs)
{
	const DbaStatement *statement = &user->statement;
	DbaTree    *tree = dba_tree_unpack(statement->tree.data, statement->tree.length);
	DbaPlannable plannable = {.text = "", .userid = statement->entry.key.userid};

	if (tree == NULL)
	{
		costs->problem = "it cannot be read any more";
		return;
	}
	plannable.query = tree->query;
	plannable.search_path = tree->search_path;
	for (int i = 0; i <= DBA_MAX_SAMPLES; i++)
	{
		const DbaBlobCopy *sample = &statement->samples[i];
		DbaValues  *values;

		if (sample->data == NULL || statement->entry.samples[i].is_literal)
			continue;
		values = dba_values_unpack(sample->data, sample->length);
		plannable.params = values != NULL ? dba_tree_bind(tree, values) : NULL;
		if (!plan_one(survey, &plannable, changes, costs))
			return;
	}
	plannable.params = NULL;
	if (costs->count == 0)
		(void) plan_one(survey, &plannable, changes, costs);
}

static bool
plan_one(Survey *survey, const DbaPlannable *plannable, const DbaChanges *changes, Costs *costs)
{
	DbaCost		cost;
	ListCell   *cell;

	CHECK_FOR_INTERRUPTS();
	dba_cost(plannable, changes, DBA_AS_EXECUTED, &cost);
	costs->problem = cost.problem.message;
	if (costs->problem != NULL)
		return false;
	costs->costs[costs->count++] = cost.total;
	foreach(cell, cost.scanned)
	{
		const IndexNumber *entry = hash_search(survey->numbers, &lfirst_oid(cell), HASH_FIND, NULL);

		if (entry != NULL)
			costs->used = bms_add_member(costs->used, entry->number);
	}
	return true;
}

/* Why the statement is not to be planned, or NULL. */
static const char *
why_not(const Survey *survey, const User *user)
{
	Oid			caller = GetUserId();
	Oid			owner = user->statement.entry.key.userid;

	if (!has_privs_of_role(caller, owner) ||
		(caller != owner && !has_privs_of_role(caller, ROLE_PG_READ_ALL_STATS)))
		return "it is another user's";
	if (survey->deadline != 0 && GetCurrentTimestamp() >= survey->deadline)
		return "no time was left";
	return NULL;
}
