/*-------------------------------------------------------------------------
 *
 * finding.c
 *	  From the rows of a rule to findings, and from many findings to a list
 *	  that says each thing once and the most important one first.
 *
 * The columns of a rule are matched by name.  A column that is unknown, of
 * another type, or missing though required is an error of the rule: the
 * runner turns it into a coverage row, and a test fails on it.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "rules/finding.h"

#include "catalog/pg_type.h"
#include "common/sha2.h"
#include "fmgr.h"
#include "parser/parser.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/hsearch.h"
#include "utils/json.h"
#include "utils/memutils.h"

/* The columns that a rule may return, in the order of column_specs. */
typedef enum ColumnNumber
{
	COL_CLASSID, COL_OBJID, COL_OBJSUBID, COL_OBJECT, COL_DETAIL,
	COL_SEVERITY, COL_SAVES, COL_COSTS, COL_FREES, COL_CONFIDENCE, COL_FIX,
	COL_UNDO, COL_CAUTION, COL_EVIDENCE,
	COLUMN_COUNT
} ColumnNumber;

static const struct
{
	const char *name;
	Oid			type;
	bool		required;
}			column_specs[COLUMN_COUNT] = {
	[COL_CLASSID] = {"classid", OIDOID, true},
	[COL_OBJID] = {"objid", OIDOID, true},
	[COL_OBJSUBID] = {"objsubid", INT4OID, true},
	[COL_OBJECT] = {"object", TEXTOID, false},
	[COL_DETAIL] = {"detail", TEXTOID, true},
	[COL_SEVERITY] = {"severity", TEXTOID, false},
	[COL_SAVES] = {"saves_ms_per_hour", FLOAT8OID, false},
	[COL_COSTS] = {"costs_ms_per_hour", FLOAT8OID, false},
	[COL_FREES] = {"frees_bytes", INT8OID, false},
	[COL_CONFIDENCE] = {"confidence", FLOAT8OID, false},
	[COL_FIX] = {"fix", TEXTOID, false},
	[COL_UNDO] = {"undo", TEXTOID, false},
	[COL_CAUTION] = {"caution", TEXTOID, false},
	[COL_EVIDENCE] = {"evidence", JSONBOID, false},
};

/* A row in reading: where each column is, and the row itself. */
typedef struct RuleRow
{
	TupleDesc	desc;
	HeapTuple	tuple;
	int			position[COLUMN_COUNT]; /* SPI numbers; 0 where absent */
	MemoryContext scratch;		/* reset after each row */
} RuleRow;

/* What makes two findings one: an object, or a command for an object. */
typedef struct MergeKey
{
	char		hash[PG_SHA256_DIGEST_LENGTH];
} MergeKey;

typedef struct MergeEntry
{
	MergeKey	key;			/* hash key */
	DbaFinding *kept;
} MergeEntry;

static void locate_columns(RuleRow *row);
static DbaFinding *read_finding(const DbaRule *rule, RuleRow *row);
static char *object_name(const DbaRule *rule, RuleRow *row,
						 const ObjectAddress *address);
static Datum column_datum(RuleRow *row, ColumnNumber column, bool *isnull);
static char *column_text(RuleRow *row, ColumnNumber column);
static char *column_command(RuleRow *row, ColumnNumber column,
							bool *changes);
static bool changes_something(const List *commands);
static bool only_shows(const SelectStmt *select);
static double column_float(RuleRow *row, ColumnNumber column);
static void make_id(DbaFinding *finding);
static Datum sha256_of(const char *text);
static int	compare_rank(const ListCell *a, const ListCell *b);
static List *fold_general(List *findings);
static char *what_it_changes(const DbaFinding *finding);
static List *merge_equal(List *findings);
static DbaFinding *first_of(HTAB *seen, const char *text,
							DbaFinding *finding);
static HTAB *create_seen(void);
static void mention_others(DbaFinding *finding);
static void mention(StringInfo json, const List *others);

/*
 * The rows as findings, allocated in "context".  A row whose object has been
 * dropped since the rule saw it is left out.
 */
List *
dba_findings_read(const DbaRule *rule, SPITupleTable *rows, uint64 nrows,
				  MemoryContext context)
{
	MemoryContext caller = MemoryContextSwitchTo(context);
	List	   *findings = NIL;
	RuleRow		row = {
		.desc = rows->tupdesc,
		.scratch = AllocSetContextCreate(caller, "dbadvisor rule row",
										 ALLOCSET_DEFAULT_SIZES)
	};

	locate_columns(&row);
	for (uint64 i = 0; i < nrows; i++)
	{
		DbaFinding *finding;

		row.tuple = rows->vals[i];
		finding = read_finding(rule, &row);
		if (finding != NULL)
			findings = lappend(findings, finding);
		MemoryContextReset(row.scratch);
	}
	MemoryContextDelete(row.scratch);
	MemoryContextSwitchTo(caller);
	return findings;
}

/*
 * Sorts by severity, time saved, time lost now, space freed; then by names, so
 * that the order is the same every time.  Each thing is said once: a general
 * finding is folded into a more specific one about the same object, and of
 * several that give the same command for the same object the first stays.
 * Those that stay mention the others.
 */
List *
dba_findings_rank(List *findings)
{
	List	   *ranked;
	ListCell   *cell;

	list_sort(findings, compare_rank);
	ranked = fold_general(findings);
	list_sort(ranked, compare_rank);	/* what was folded in has a weight */
	ranked = merge_equal(ranked);

	foreach(cell, ranked)
		mention_others(lfirst(cell));
	return ranked;
}

/* Finds the columns by name and checks that they are within the contract. */
static void
locate_columns(RuleRow *row)
{
	for (int i = 0; i < row->desc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(row->desc, i);
		int			column;

		for (column = 0; column < COLUMN_COUNT; column++)
		{
			if (strcmp(NameStr(att->attname), column_specs[column].name) == 0)
				break;
		}
		if (column == COLUMN_COUNT)
			elog(ERROR, "the rule returns an unknown column \"%s\"",
				 NameStr(att->attname));
		if (att->atttypid != column_specs[column].type)
			elog(ERROR, "column \"%s\" of the rule is of type %s, not %s",
				 NameStr(att->attname), format_type_be(att->atttypid),
				 format_type_be(column_specs[column].type));
		row->position[column] = i + 1;
	}

	for (int column = 0; column < COLUMN_COUNT; column++)
	{
		if (column_specs[column].required && row->position[column] == 0)
			elog(ERROR, "the rule does not return column \"%s\"",
				 column_specs[column].name);
	}
}

/* One row; NULL when its object is gone. */
static DbaFinding *
read_finding(const DbaRule *rule, RuleRow *row)
{
	DbaFinding *finding = palloc0(sizeof(DbaFinding));
	char	   *severity = column_text(row, COL_SEVERITY);
	bool		isnull;
	Datum		datum;

	datum = column_datum(row, COL_CLASSID, &isnull);
	finding->address.classId = isnull ? InvalidOid : DatumGetObjectId(datum);
	datum = column_datum(row, COL_OBJID, &isnull);
	finding->address.objectId = isnull ? InvalidOid : DatumGetObjectId(datum);
	datum = column_datum(row, COL_OBJSUBID, &isnull);
	finding->address.objectSubId = isnull ? 0 : DatumGetInt32(datum);

	finding->rule = rule;
	finding->object = object_name(rule, row, &finding->address);
	if (finding->object == NULL)
		return NULL;
	make_id(finding);

	finding->severity = rule->severity;
	if (severity != NULL && !dba_severity_parse(severity, &finding->severity))
		elog(ERROR, "the rule returns an unknown severity \"%s\"", severity);

	finding->detail = column_text(row, COL_DETAIL);
	if (finding->detail == NULL)
		elog(ERROR, "the rule returns no detail for %s", finding->object);
	finding->saves_ms_per_hour = column_float(row, COL_SAVES);
	finding->costs_ms_per_hour = column_float(row, COL_COSTS);
	datum = column_datum(row, COL_FREES, &isnull);
	finding->frees_bytes = isnull ? -1 : DatumGetInt64(datum);
	finding->confidence = column_float(row, COL_CONFIDENCE);
	finding->fix = column_command(row, COL_FIX, &finding->fix_changes);
	finding->undo = column_command(row, COL_UNDO, NULL);
	finding->caution = column_text(row, COL_CAUTION);
	datum = column_datum(row, COL_EVIDENCE, &isnull);
	finding->evidence = isnull ? NULL : DatumGetJsonbPCopy(datum);
	return finding;
}

/* The server names what has an address; a rule names only what has none. */
static char *
object_name(const DbaRule *rule, RuleRow *row, const ObjectAddress *address)
{
	char	   *name;

	if (OidIsValid(address->classId))
		return getObjectIdentity(address, true);

	name = column_text(row, COL_OBJECT);
	if (name == NULL)
		elog(ERROR, "rule \"%s\" returns neither an address nor a name",
			 rule->name);
	return name;
}

static Datum
column_datum(RuleRow *row, ColumnNumber column, bool *isnull)
{
	if (row->position[column] == 0)
	{
		*isnull = true;
		return (Datum) 0;
	}
	return SPI_getbinval(row->tuple, row->desc, row->position[column], isnull);
}

static char *
column_text(RuleRow *row, ColumnNumber column)
{
	bool		isnull;
	Datum		datum = column_datum(row, column, &isnull);

	return isnull ? NULL : TextDatumGetCString(datum);
}

/*
 * A command that users will run; one that does not even parse is an error.
 * "changes" becomes whether it changes anything, when it is not NULL.
 */
static char *
column_command(RuleRow *row, ColumnNumber column, bool *changes)
{
	char	   *command = column_text(row, column);

	if (command != NULL)
	{
		MemoryContext caller = MemoryContextSwitchTo(row->scratch);
		List	   *commands = raw_parser(command, RAW_PARSE_DEFAULT);

		if (changes != NULL)
			*changes = changes_something(commands);
		MemoryContextSwitchTo(caller);
	}
	return command;
}

/* False when the commands show plans and do nothing else. */
static bool
changes_something(const List *commands)
{
	ListCell   *cell;

	foreach(cell, commands)
	{
		Node	   *command = lfirst_node(RawStmt, cell)->stmt;

		switch (nodeTag(command))
		{
			case T_ExplainStmt:
			case T_PrepareStmt:
			case T_VariableSetStmt:
				break;
			case T_SelectStmt:
				if (!only_shows((SelectStmt *) command))
					return true;
				break;
			default:
				return true;
		}
	}
	return false;
}

/* SELECT of one function of our own, none of which changes anything. */
static bool
only_shows(const SelectStmt *select)
{
	Node	   *value;

	if (list_length(select->targetList) != 1)
		return false;
	value = linitial_node(ResTarget, select->targetList)->val;
	return IsA(value, FuncCall) &&
		strcmp(strVal(linitial(((FuncCall *) value)->funcname)),
			   "dbadvisor") == 0;
}

/* Negative when absent or null: none of our numbers is negative. */
static double
column_float(RuleRow *row, ColumnNumber column)
{
	bool		isnull;
	Datum		datum = column_datum(row, column, &isnull);

	return isnull ? -1 : DatumGetFloat8(datum);
}

/*
 * The first digits of sha256(rule, newline, object): by name, so that the id
 * outlives dump and restore, and the same on every machine.
 */
static void
make_id(DbaFinding *finding)
{
	Datum		hash = sha256_of(psprintf("%s\n%s", finding->rule->name,
										  finding->object));

	hex_encode(VARDATA_ANY(DatumGetByteaPP(hash)), DBA_ID_LENGTH / 2,
			   finding->id);
	finding->id[DBA_ID_LENGTH] = '\0';
}

static Datum
sha256_of(const char *text)
{
	return DirectFunctionCall1(sha256_bytea, CStringGetTextDatum(text));
}

static int
compare_rank(const ListCell *a, const ListCell *b)
{
	const DbaFinding *x = lfirst(a);
	const DbaFinding *y = lfirst(b);
	int			by_name;

	if (x->severity != y->severity)
		return x->severity > y->severity ? -1 : 1;
	if (x->saves_ms_per_hour != y->saves_ms_per_hour)
		return x->saves_ms_per_hour > y->saves_ms_per_hour ? -1 : 1;
	if (x->costs_ms_per_hour != y->costs_ms_per_hour)
		return x->costs_ms_per_hour > y->costs_ms_per_hour ? -1 : 1;
	if (x->frees_bytes != y->frees_bytes)
		return x->frees_bytes > y->frees_bytes ? -1 : 1;
	by_name = strcmp(x->object, y->object);
	return by_name != 0 ? by_name : strcmp(x->rule->name, y->rule->name);
}

/*
 * The findings without those of general rules about whose object a specific
 * rule says more, no less severely.  That one covers them, and ranks by what
 * they cost, too.  Demands that the findings are sorted.
 */
static List *
fold_general(List *findings)
{
	HTAB	   *seen = create_seen();
	List	   *kept = NIL;
	ListCell   *cell;

	foreach(cell, findings)
	{
		DbaFinding *finding = lfirst(cell);

		if (!finding->rule->general)
			(void) first_of(seen, finding->object, finding);
	}
	foreach(cell, findings)
	{
		DbaFinding *finding = lfirst(cell);
		DbaFinding *specific = finding->rule->general ?
			first_of(seen, finding->object, NULL) : NULL;

		if (specific != NULL && specific->severity >= finding->severity)
		{
			specific->covered = lappend(specific->covered, finding);
			specific->costs_ms_per_hour = Max(specific->costs_ms_per_hour,
											  finding->costs_ms_per_hour);
		}
		else
			kept = lappend(kept, finding);
	}
	hash_destroy(seen);
	return kept;
}

/*
 * The command and its object.  One index may serve a foreign key and a statement;
 * a setting is changed for many reasons.
 */
static char *
what_it_changes(const DbaFinding *finding)
{
	bool		is_index = strcmp(finding->rule->category, "index") == 0;

	return psprintf("%s\n%s", is_index ? "" : finding->object, finding->fix);
}

/*
 * The findings with those that give the same command for the same object, or make
 * the same index, merged into the first of them.  A command that only shows
 * something leaves open what is to be done, so it does not make two findings one.
 */
static List *
merge_equal(List *findings)
{
	HTAB	   *seen = create_seen();
	List	   *kept = NIL;
	ListCell   *cell;

	foreach(cell, findings)
	{
		DbaFinding *finding = lfirst(cell);
		DbaFinding *first = finding;

		if (finding->fix_changes)
			first = first_of(seen, what_it_changes(finding), finding);
		if (first == finding)
			kept = lappend(kept, finding);
		else
		{
			first->merged = lappend(first->merged, finding);
			first->covered = list_concat(first->covered, finding->covered);
		}
	}
	hash_destroy(seen);
	return kept;
}

/*
 * The finding that was first seen with this text: the given one, when there
 * was none before; NULL when none is given either.
 */
static DbaFinding *
first_of(HTAB *seen, const char *text, DbaFinding *finding)
{
	Datum		hash = sha256_of(text);
	MergeKey	key;
	MergeEntry *entry;
	bool		found;

	memcpy(key.hash, VARDATA_ANY(DatumGetByteaPP(hash)), sizeof(key.hash));
	entry = hash_search(seen, &key, finding ? HASH_ENTER : HASH_FIND, &found);
	if (!found && finding != NULL)
		entry->kept = finding;
	return entry ? entry->kept : NULL;
}

static HTAB *
create_seen(void)
{
	HASHCTL		control = {
		.keysize = sizeof(MergeKey),
		.entrysize = sizeof(MergeEntry),
		.hcxt = CurrentMemoryContext
	};

	return hash_create("dbadvisor findings seen", 256, &control,
					   HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
}

/* Adds {"also": {rule: detail, ...}} to the evidence of a finding. */
static void
mention_others(DbaFinding *finding)
{
	StringInfoData json;
	Datum		also;

	if (finding->merged == NIL && finding->covered == NIL)
		return;

	initStringInfo(&json);
	mention(&json, finding->merged);
	mention(&json, finding->covered);
	appendStringInfoString(&json, "}}");
	also = DirectFunctionCall1(jsonb_in, CStringGetDatum(json.data));

	if (finding->evidence != NULL)
		also = DirectFunctionCall2(jsonb_concat,
								   JsonbPGetDatum(finding->evidence), also);
	finding->evidence = DatumGetJsonbP(also);
}

static void
mention(StringInfo json, const List *others)
{
	ListCell   *cell;

	foreach(cell, others)
	{
		const DbaFinding *other = lfirst(cell);

		appendStringInfoString(json, json->len ? ", " : "{\"also\": {");
		escape_json(json, other->rule->name);
		appendStringInfoString(json, ": ");
		escape_json(json, other->detail);
	}
}
