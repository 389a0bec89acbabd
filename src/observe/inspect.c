/*-------------------------------------------------------------------------
 *
 * inspect.c
 *	  The close look at a few executions, off the hot path.
 *
 * What is looked at: each statement at first sight, a few executions for their
 * values, a small share that is counted node by node, and those that spill or
 * are slower than all before.
 *
 * Nothing that goes wrong here may reach the statement: all of it runs inside
 * of dba_guarded().
 *
 * Locking: the store's, for moments.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "observe/guard.h"
#include "observe/inspect.h"
#include "observe/normalize.h"
#include "observe/store.h"
#include "observe/store_entries.h"
#include "observe/usage.h"
#include "settings.h"

#include "access/xact.h"
#include "common/hashfn.h"
#include "miscadmin.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

/* What counting an execution costs, in nanoseconds: measured, rounded up. */
#define COUNT_NS 2000
#define COUNT_NODE_NS 300
#define COUNT_TUPLE_NS 10

/* What keeping a statement's tree costs, before it is measured. */
#define TREE_NS 100000

/* Executions faster than this are not worth a place as the slowest. */
#define MIN_SLOW_NS INT64CONST(1000000)

/* An execution must be slower by so much to be the slowest anew. */
#define SLOWER 1.1

typedef struct Parsed
{
	DbaTally   *tally;
	const Query *query;			/* NULL: only the text is at hand */
	const char *source;
	int			location;
	int			length;
	const JumbleState *jstate;
} Parsed;

/* What the close look at one execution found. */
typedef struct Findings
{
	DbaPlanFact facts[DBA_MAX_FACTS];
	int			fact_count;
	int64		spilled;		/* memory that would have kept it from spilling */
	int64		cost_ns;		/* of counting it */
	bool		sampled;		/* its values are for the reservoir */
	bool		slowest;
	char	   *values;			/* packed */
	Size		values_size;
	bool		literal;		/* these are the text's constants */
	char	   *plan;
} Findings;

/* Whose values are hashed, and to what. */
typedef struct Hashed
{
	const QueryDesc *query_desc;
	uint64		hash;
} Hashed;

/*
 * Constants of the statement that was planned last, for its next execution:
 * that of the same text, since others have the same query id and other
 * constants.
 */
static struct
{
	MemoryContext context;
	DbaStatementKey key;		/* queryid 0: nothing */
	uint64		text_hash;
	int			bound;			/* parameters before the constants */
	DbaValues  *constants;
}			planned;

static void keep_text(void *arg);
static bool learn_from_store(const Parsed *parsed);
static void keep_query(void *arg);
static bool has_facts(const DbaStatementKey *key, const DbaQueryFacts *facts);
static void remember_constants(const Parsed *parsed, int bound, const DbaValues *constants);
static uint64 text_hash(const char *source, int location, int length);
static void take_values(void *arg);
static void hash_values(void *arg);
static uint64 datum_hash(Datum value, bool by_value, int16 length);
static void keep_execution(void *arg);
static void look_at_plan(DbaExecution *execution, Findings *found);
static void look_at_values(DbaExecution *execution, Findings *found);
static void keep_findings(DbaExecution *execution, const Findings *found);
static int	free_sample_place(const DbaEntry *entry);
static void keep_sample(DbaEntry *entry, int place, const DbaExecution *execution,
						bool is_literal, const char *data, Size size);
static DbaValues *literals(const DbaExecution *execution);
static char *raw_text(const QueryDesc *query_desc, Size *size);
static bool wants_plan_text(const DbaExecution *execution);

/* ------------------------------------------------------------------------
 * First sight
 * ------------------------------------------------------------------------ */

/* A statement was analysed: its text is known, with its constants. */
void
dba_inspect_parsed(DbaTally *tally, const Query *query, const char *source,
				   const JumbleState *jstate)
{
	Parsed		parsed = {
		.tally = tally, .query = query, .source = source,
		.location = query->stmt_location, .length = query->stmt_len,
		.jstate = query->commandType == CMD_UTILITY ? NULL : jstate
	};

	dba_guarded(keep_text, &parsed);
}

/* A statement begins of which the text was not seen when it was analysed. */
void
dba_inspect_text(DbaTally *tally, const char *source, int location, int length)
{
	Parsed		parsed = {
		.tally = tally, .source = source,
		.location = location, .length = length
	};

	if (!dba_may_guard())
		return;
	if (source != NULL)
		dba_guarded(keep_text, &parsed);

	/* What could not be kept is not tried again and again. */
	tally->known = true;
}

/*
 * Gives the store the statement's text, if it has none; and learns when to look
 * closely.
 */
static void
keep_text(void *arg)
{
	Parsed	   *parsed = arg;
	DbaTally   *tally = parsed->tally;
	DbaEntry   *entry;
	const char *part;
	char	   *text;

	if (learn_from_store(parsed))
		return;

	part = dba_statement_part(parsed->source, &parsed->location, &parsed->length);
	text = dba_normalize(part, parsed->location, parsed->length, parsed->jstate);
	entry = dba_store_lock(&tally->key, true);
	if (entry->text == 0)
		dba_store_put(entry, &entry->text, text, strlen(text));
	dba_tally_learn(tally, entry);
	dba_store_unlock(entry);
	if (parsed->query == NULL || parsed->query->commandType == CMD_UTILITY)
		tally->known = true;
}

/*
 * Learns what the store knows of the statement; whether it has its text.  Many
 * sessions may do so at once, so it only reads.
 */
static bool
learn_from_store(const Parsed *parsed)
{
	DbaTally   *tally = parsed->tally;
	const DbaEntry *entry = dba_store_look(&tally->key);
	bool		has_text;

	if (entry == NULL)
		return false;
	has_text = entry->text != 0;
	if (has_text)
	{
		tally->keyed = entry->query.equality != 0;
		tally->referential = entry->query.referential;
		tally->known = entry->tree != 0 || parsed->query == NULL;
		dba_tally_learn(tally, entry);
	}
	dba_store_unlock(entry);
	return has_text;
}

/* A statement is about to be planned: its tree can be had. */
void
dba_inspect_planned(DbaTally *tally, const Query *query, const char *source)
{
	Parsed		parsed = {
		.tally = tally, .query = query, .source = source,
		.location = query->stmt_location, .length = query->stmt_len
	};

	if (!dba_may_guard())
		return;
	dba_guarded(keep_query, &parsed);
	tally->known = true;
}

/*
 * Gives the store what it lacks of text, tree and facts; and keeps the
 * constants for the execution, if its values are to be taken.
 */
static void
keep_query(void *arg)
{
	Parsed	   *parsed = arg;
	DbaTally   *tally = parsed->tally;
	DbaQueryFacts facts;
	DbaEntry   *entry;
	DbaTree    *tree;
	DbaValues  *constants = NULL;
	char	   *packed = NULL;
	Size		size = 0;
	int64		begun_ns;
	bool		has_tree;

	if (!tally->known && parsed->source != NULL)
		keep_text(parsed);

	dba_query_facts(parsed->query, &facts);
	tally->keyed = facts.equality != 0;
	tally->referential = facts.referential;
	has_tree = has_facts(&tally->key, &facts);
	if (!has_tree)
	{
		entry = dba_store_lock(&tally->key, true);
		entry->query = facts;
		has_tree = entry->tree != 0;
		dba_store_unlock(entry);
	}
	dba_tally_looked(tally);
	if (has_tree && tally->until_sample > 1)
		return;
	if (!has_tree && !dba_tally_may_count(TREE_NS, true))
		return;
	if (!dba_tree_worth_keeping(parsed->query))
		return;
	begun_ns = dba_now_ns();
	tree = dba_tree_take(parsed->query, &constants);
	if (tree == NULL)
		return;
	remember_constants(parsed, tree->bound, constants);
	if (!has_tree)
		packed = dba_tree_pack(tree, &size);
	if (packed == NULL)
		return;
	entry = dba_store_lock(&tally->key, true);
	if (entry->tree == 0)
		dba_store_put(entry, &entry->tree, packed, size);
	dba_store_unlock(entry);
	dba_tally_charge(dba_now_ns() - begun_ns);
}

/* Whether the store has the statement's tree, and these facts. */
static bool
has_facts(const DbaStatementKey *key, const DbaQueryFacts *facts)
{
	const DbaEntry *entry = dba_store_look(key);
	bool		has;

	if (entry == NULL)
		return false;
	has = entry->tree != 0 && memcmp(&entry->query, facts, sizeof(*facts)) == 0;
	dba_store_unlock(entry);
	return has;
}

/* Copies the constants to where the next execution finds them. */
static void
remember_constants(const Parsed *parsed, int bound, const DbaValues *constants)
{
	MemoryContext caller;

	planned.key.queryid = 0;
	if (planned.context == NULL)
		planned.context = AllocSetContextCreate(TopMemoryContext,
												"dbadvisor constants",
												ALLOCSET_SMALL_SIZES);
	MemoryContextReset(planned.context);
	caller = MemoryContextSwitchTo(planned.context);
	planned.constants = constants == NULL ? NULL :
		dba_values_take(NULL, 0, constants, dba_capture_parameters);
	planned.bound = bound;
	planned.text_hash = text_hash(parsed->source, parsed->query->stmt_location,
								  parsed->query->stmt_len);
	planned.key = parsed->tally->key;
	MemoryContextSwitchTo(caller);
}

/* A hash of the part of a text that is the statement; 0 where there is none. */
static uint64
text_hash(const char *source, int location, int length)
{
	const char *part;

	if (source == NULL)
		return 0;
	part = dba_statement_part(source, &location, &length);
	return hash_bytes_extended((const unsigned char *) part, length, 0);
}

/* ------------------------------------------------------------------------
 * Values
 * ------------------------------------------------------------------------ */

/*
 * Takes the values of an execution that begins; they live as long as its
 * executor's memory.  Where all are constants of a text that was planned long
 * ago, they are taken from it in the end.
 */
void
dba_inspect_values(DbaExecution *execution)
{
	execution->sampled = true;
	dba_guarded(take_values, execution);
}

static void
take_values(void *arg)
{
	DbaExecution *execution = arg;
	const QueryDesc *query_desc = execution->query_desc;
	ParamListInfo params = query_desc->params;
	int			bound = params != NULL ? params->numParams : 0;
	const DbaValues *constants = NULL;
	MemoryContext caller;

	if (memcmp(&planned.key, &execution->tally->key, sizeof(planned.key)) == 0 &&
		planned.text_hash == text_hash(query_desc->sourceText,
									   query_desc->plannedstmt->stmt_location,
									   query_desc->plannedstmt->stmt_len))
	{
		bound = planned.bound;
		constants = planned.constants;
	}
	else if (params == NULL)
		return;
	caller = MemoryContextSwitchTo(query_desc->estate->es_query_cxt);
	execution->values = dba_values_take(params, bound, constants,
										dba_capture_parameters);
	MemoryContextSwitchTo(caller);
}

/* A hash of the values that the execution ran with; 0 when there is none. */
uint64
dba_inspect_hash(void *execution)
{
	Hashed		hashed = {.query_desc = ((DbaExecution *) execution)->query_desc};

	dba_guarded(hash_values, &hashed);
	return hashed.hash;
}

static void
hash_values(void *arg)
{
	Hashed	   *hashed = arg;
	ParamListInfo params = hashed->query_desc->params;
	Size		size;
	char	   *text;

	if (params == NULL)
	{
		text = raw_text(hashed->query_desc, &size);
		if (text != NULL)
			hashed->hash = hash_bytes_extended((unsigned char *) text, (int) size, 0);
		return;
	}
	for (int i = 0; i < params->numParams && params->paramFetch == NULL; i++)
	{
		const ParamExternData *param = &params->params[i];
		int16		length;
		bool		by_value;

		if (param->isnull || !OidIsValid(param->ptype))
			continue;
		get_typlenbyval(param->ptype, &length, &by_value);
		hashed->hash = hash_combine64(hashed->hash,
									  datum_hash(param->value, by_value, length));
	}
}

static uint64
datum_hash(Datum value, bool by_value, int16 length)
{
	if (by_value)
		return hash_bytes_extended((unsigned char *) &value, sizeof(Datum), 0);
	if (length == -1 && VARATT_IS_EXTERNAL(DatumGetPointer(value)))
		return 0;
	return hash_bytes_extended((unsigned char *) DatumGetPointer(value),
							   (int) datumGetSize(value, false, length), 0);
}

/* ------------------------------------------------------------------------
 * The end of an execution
 * ------------------------------------------------------------------------ */

/* Keeps what is worth keeping of an execution, whose plan still stands. */
void
dba_inspect_ended(DbaExecution *execution)
{
	dba_guarded(keep_execution, execution);
}

static void
keep_execution(void *arg)
{
	DbaExecution *execution = arg;
	Findings	found = {0};

	look_at_plan(execution, &found);
	look_at_values(execution, &found);
	if (execution->counted && wants_plan_text(execution))
		found.plan = dba_plan_text(execution->query_desc);
	keep_findings(execution, &found);
}

/* What the nodes of the plan say. */
static void
look_at_plan(DbaExecution *execution, Findings *found)
{
	DbaPlanWork work = {0};

	if (!execution->counted && execution->temp_written == 0)
		return;
	found->fact_count = dba_plan_facts(execution->query_desc, execution->counted,
									   !execution->partial, found->facts, DBA_MAX_FACTS, &work);
	for (int i = 0; i < found->fact_count; i++)
	{
		if (found->facts[i].kind >= DBA_FACT_SORT_SPILL)
			found->spilled = Max(found->spilled, found->facts[i].bytes);
	}
	if (execution->counted)
	{
		found->cost_ns = COUNT_NS + (int64) (COUNT_NODE_NS * work.nodes) +
			(int64) (COUNT_TUPLE_NS * work.tuples);
		dba_tally_charge(found->cost_ns);
	}
}

/*
 * The values of an execution of which they were taken at its start, or which
 * was slower than all before.
 */
static void
look_at_values(DbaExecution *execution, Findings *found)
{
	found->sampled = execution->sampled;
	found->slowest = execution->ns > MIN_SLOW_NS &&
		execution->ns > SLOWER * execution->tally->slow_ns;

	if ((found->slowest || found->sampled) && execution->values == NULL &&
		dba_capture_parameters)
	{
		found->literal = execution->query_desc->params == NULL;
		if (found->literal)
			execution->values = literals(execution);
		else
			take_values(execution);
	}
	if (execution->values != NULL)
		found->values = dba_values_pack(execution->values, &found->values_size);
}

/*
 * Gives the entry all that was found, if anything.  That an execution was the
 * slowest is not worth waiting for somebody else who is there: under load there
 * are many, one after the other.
 */
static void
keep_findings(DbaExecution *execution, const Findings *found)
{
	DbaEntry   *entry;

	if (!execution->counted && !found->sampled && !found->slowest &&
		found->spilled == 0 && found->fact_count == 0)
		return;
	entry = dba_store_lock(&execution->tally->key, execution->counted || found->sampled);
	if (entry == NULL)
		return;
	for (int i = 0; i < found->fact_count; i++)
		dba_entry_fact(entry, &found->facts[i]);
	if (found->spilled > 0)
		dba_entry_spill(entry, found->spilled);
	if (execution->counted)
	{
		entry->counted++;
		entry->counting_ns = found->cost_ns;
		execution->tally->until_count = 0;
	}
	if (found->plan != NULL)
	{
		dba_store_put(entry, &entry->plan_text, found->plan, strlen(found->plan));
		entry->plan_text_ns = execution->ns;
	}
	if (found->sampled && found->values != NULL)
		keep_sample(entry, free_sample_place(entry), execution, found->literal,
					found->values, found->values_size);
	if (found->slowest && found->values != NULL)
		keep_sample(entry, DBA_SLOWEST, execution, found->literal,
					found->values, found->values_size);
	dba_tally_learn(execution->tally, entry);
	dba_store_unlock(entry);
}

/* A place of the reservoir: a free one, else any. */
static int
free_sample_place(const DbaEntry *entry)
{
	for (int i = 0; i < DBA_MAX_SAMPLES; i++)
	{
		if (entry->samples[i].blob == 0)
			return i;
	}
	return dba_tally_random(DBA_MAX_SAMPLES);
}

static void
keep_sample(DbaEntry *entry, int place, const DbaExecution *execution,
			bool is_literal, const char *data, Size size)
{
	DbaSampleRef *sample = &entry->samples[place];

	dba_store_put(entry, &sample->blob, data, size);
	sample->taken_at = GetCurrentTimestamp();
	sample->ns = execution->ns;
	sample->rows = execution->rows;
	sample->is_literal = is_literal;
}

/*
 * The constants of an execution without parameters, as they stand in its text;
 * NULL where they cannot be told.
 */
static DbaValues *
literals(const DbaExecution *execution)
{
	char	   *normalized = dba_store_text(&execution->tally->key);
	Size		size;
	char	   *text = raw_text(execution->query_desc, &size);
	DbaConstant *constants = NULL;
	DbaValues  *values;
	int			count;
	int			highest = 0;

	if (normalized != NULL && text != NULL)
		constants = dba_constants(normalized, text, (int) size, &count);
	if (constants == NULL)
		return NULL;
	for (int i = 0; i < count; i++)
		highest = Max(highest, constants[i].number);
	if (highest > DBA_MAX_VALUES)
		return NULL;
	values = dba_values_new(highest);
	for (int i = 0; i < count; i++)
		values->values[constants[i].number - 1] = dba_value_literal(constants[i].text);
	return values;
}

/* The statement's own text, with the constants of this execution. */
static char *
raw_text(const QueryDesc *query_desc, Size *size)
{
	int			location = query_desc->plannedstmt->stmt_location;
	int			length = query_desc->plannedstmt->stmt_len;
	const char *part;

	if (query_desc->sourceText == NULL)
		return NULL;
	part = dba_statement_part(query_desc->sourceText, &location, &length);
	if (length > DBA_MAX_TEXT)
		return NULL;			/* half a statement says nothing */
	*size = length;
	return pnstrdup(part, length);
}

/*
 * Whether this execution's plan is worth its text: the plan of the slowest
 * stands for its statement.  It shows constants.
 */
static bool
wants_plan_text(const DbaExecution *execution)
{
	DbaEntry   *entry;
	bool		wants;

	if (!dba_capture_parameters || execution->ns < MIN_SLOW_NS ||
		IsInParallelMode())
		return false;
	entry = dba_store_lock(&execution->tally->key, false);
	if (entry == NULL)
		return false;
	wants = entry->plan_text == 0 || execution->ns > SLOWER * entry->plan_text_ns;
	dba_store_unlock(entry);
	return wants;
}
