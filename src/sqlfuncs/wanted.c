/*-------------------------------------------------------------------------
 *
 * wanted.c
 *	  An observed statement that somebody asks for by its number.
 *
 * Locking: none of its own.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "observe/sample.h"
#include "sqlfuncs/store_funcs.h"
#include "sqlfuncs/wanted.h"

#include "catalog/pg_authid.h"
#include "miscadmin.h"
#include "utils/acl.h"

/* Looks for a sample. */
typedef struct Wanted
{
	uint64		queryid;
	int			sample;			/* from 1; 0: the newest with values */
	int			rank;			/* of what was found; 0: nothing */
	DbaStatement statement;
	MemoryContext context;
	DbaRow	   *reader;
} Wanted;

static void find(Wanted *wanted);
static void bind(Wanted *wanted, DbaPlannable *plannable);
static void look_at_statement(const DbaStatement *statement, void *arg);
static int	choose_sample(const DbaStatement *statement, int wanted);

/*
 * What is needed to plan the statement again, with the values of a sample (0: of
 * the newest); an error where that is not known or not the user's to do.
 */
void
dba_wanted_plannable(uint64 queryid, int sample, DbaPlannable *plannable)
{
	DbaRow		reader = {.userid = GetUserId()};
	Wanted		wanted = {
		.queryid = queryid, .sample = sample,
		.context = CurrentMemoryContext, .reader = &reader
	};

	dba_demand_store();
	reader.sees_all = has_privs_of_role(GetUserId(), ROLE_PG_READ_ALL_STATS);
	find(&wanted);
	bind(&wanted, plannable);
	if (!has_privs_of_role(GetUserId(), plannable->userid))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied to plan statement %lld", (long long) queryid),
				 errdetail("Planning calls functions, and does so as the role whose statement it is."),
				 errhint("Only a superuser or a member of that role may do that.")));
}

/* The tree of the statement, or NULL. */
DbaTree *
dba_wanted_tree(DbaRow *reader, uint64 queryid)
{
	Wanted		wanted = {
		.queryid = queryid, .context = CurrentMemoryContext, .reader = reader
	};

	dba_store_scan(DBA_WITH_TREE, look_at_statement, &wanted);
	if (wanted.rank == 0)
		return NULL;
	return dba_tree_unpack(wanted.statement.tree.data, wanted.statement.tree.length);
}

static void
find(Wanted *wanted)
{
	dba_store_scan(DBA_WITH_TEXT | DBA_WITH_TREE | DBA_WITH_SAMPLES, look_at_statement, wanted);
	if (wanted->rank == 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("no statement %lld that could be planned again is known in this database",
						(long long) wanted->queryid),
				 errhint("dbadvisor.samples lists what is known.")));
}

/* The statement with the values of the sample. */
static void
bind(Wanted *wanted, DbaPlannable *plannable)
{
	const DbaStatement *statement = &wanted->statement;
	DbaTree    *tree = dba_tree_unpack(statement->tree.data, statement->tree.length);
	int			place = choose_sample(statement, wanted->sample);

	if (tree == NULL || (wanted->sample > 0 && place < 0))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("statement %lld has no sample %d",
						(long long) wanted->queryid, wanted->sample)));
	memset(plannable, 0, sizeof(*plannable));
	plannable->query = tree->query;
	plannable->text = statement->text.data ? statement->text.data : "";
	plannable->search_path = tree->search_path;
	plannable->userid = statement->entry.key.userid;
	if (place >= 0)
	{
		DbaValues  *values = dba_values_unpack(statement->samples[place].data,
											   statement->samples[place].length);

		plannable->params = dba_tree_bind(tree, values);
	}
}

/*
 * Remembers the statement asked for, of this database, that may be seen; of
 * several the one with samples, and rather a client's than a function's.
 */
static void
look_at_statement(const DbaStatement *statement, void *arg)
{
	Wanted	   *wanted = arg;
	MemoryContext caller;
	DbaStatement *copy = &wanted->statement;
	int			rank = 1;

	if (statement->entry.key.queryid != wanted->queryid ||
		statement->entry.key.dbid != MyDatabaseId || wanted->queryid == 0 ||
		statement->tree.data == NULL ||
		!dba_may_see(wanted->reader, statement->entry.key.userid))
		return;
	if (choose_sample(statement, wanted->sample) >= 0)
		rank += 2;
	if (statement->entry.key.toplevel)
		rank += 1;
	if (rank <= wanted->rank)
		return;

	wanted->rank = rank;
	*copy = *statement;
	caller = MemoryContextSwitchTo(wanted->context);
	copy->tree.data = memcpy(palloc(copy->tree.length), statement->tree.data, copy->tree.length);
	if (copy->text.data != NULL)
		copy->text.data = pstrdup(statement->text.data);
	for (int i = 0; i <= DBA_MAX_SAMPLES; i++)
	{
		if (statement->samples[i].data != NULL)
			copy->samples[i].data = memcpy(palloc(copy->samples[i].length),
										   statement->samples[i].data,
										   copy->samples[i].length);
	}
	MemoryContextSwitchTo(caller);
}

/*
 * The place of the sample asked for, or of the newest with values; -1 when there
 * is none.
 */
static int
choose_sample(const DbaStatement *statement, int wanted)
{
	int			newest = -1;

	for (int i = 0; i <= DBA_MAX_SAMPLES; i++)
	{
		const DbaSampleRef *sample = &statement->entry.samples[i];

		if (statement->samples[i].data == NULL || sample->is_literal ||
			(wanted > 0 && wanted != i + 1))
			continue;
		if (newest < 0 || sample->taken_at > statement->entry.samples[newest].taken_at)
			newest = i;
	}
	return newest;
}
