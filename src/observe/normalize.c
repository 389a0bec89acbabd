/*-------------------------------------------------------------------------
 *
 * normalize.c
 *	  The text of a statement without its constants.
 *
 * Statements that differ in constants alone are one statement to the server.
 * The text that stands for all of them has a $n, beyond the statement's own
 * parameters, for each constant, as pg_stat_statements has taught everybody
 * to read it.  The jumble state says where constants begin, only the scanner
 * knows where they end.
 *
 * Without a jumble state every constant that the scanner knows is replaced.
 * That is for utility statements above all: what the server marks in those
 * leaves out options, and so passwords.
 *
 * The way back, from a text to the constants that a normalised one has lost,
 * reads both texts side by side.
 *
 * Everything is allocated in the current context and left to it.
 *
 * Locking: none.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "observe/normalize.h"
#include "observe/scan.h"

#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "parser/scansup.h"

/* A constant's place in the text. */
typedef struct Mark
{
	int			start;			/* in bytes */
	int			end;
	int			number;			/* of the $n that stands for it */
	bool		list;			/* a list that is one constant */
} Mark;

/* The constants of a text, in its order. */
typedef struct Marks
{
	const char *text;
	int			length;
	int			count;
	int			removed;		/* bytes of all marked constants */
	Mark	   *marks;
} Marks;

/* How the server shows that a $n stands for a list. */
static const char list_sign[] = " /*, ... */";

static void mark_constants(Marks *marks, int location,
						   const JumbleState *jstate);
static bool has_several(const char *statements, int length);
static void mark_jumbled(Marks *marks, int location,
						 const JumbleState *jstate);
static LocationLen *sorted_constants(const JumbleState *jstate);
static int	compare_locations(const void *a, const void *b);
static void mark_all(Marks *marks);
static bool is_full(const Marks *marks, int start);
static void add_mark(Marks *marks, int start, int end, int number, bool list);
static char *write_text(const Marks *marks);
static void cut_text(StringInfo out);
static bool is_cut(const char *statement, int length);
static bool match(DbaScan *model, DbaScan *raw, DbaConstant *constants,
				  int *count);
static int	constant_end(DbaScan *reading);
static int	list_end(DbaScan *reading);
static bool stands_for_list(const DbaScan *reading);
static bool is_same_token(const DbaScan *a, const DbaScan *b);

/*
 * Where the statement is in the source that it was sent in, without white
 * space around it; *location and *length, as of a Query or a PlannedStmt of
 * this source (-1 and 0: all of it), become those of what is returned.
 *
 * The source is read from its beginning, so that a location that is not of
 * this source does no harm: not for every execution.
 */
const char *
dba_statement_part(const char *source, int *location, int *length)
{
	const char *start = source;
	const char *end;

	if (*location > 0)
		start += strnlen(source, *location);
	if (*length > 0 && *location >= 0)
		end = start + strnlen(start, *length);
	else
	{
		end = start + strlen(start);
		while (end > start && scanner_isspace(end[-1]))
			end--;

		/*
		 * Where the parser says where a statement ends it leaves the
		 * semicolon out; the statement inside of EXPLAIN has it.
		 */
		if (end > start && end[-1] == ';')
			end--;
	}
	while (start < end && scanner_isspace(*start))
		start++;
	while (end > start && scanner_isspace(end[-1]))
		end--;

	*location = (int) (start - source);
	*length = (int) (end - start);
	return start;
}

/*
 * The statement with $n for its constants, in less than DBA_MAX_TEXT bytes.
 * Demands what dba_statement_part() returned, the location because the jumble
 * state counts from the beginning of the source.  NULL for a jumble state
 * replaces everything that looks like a constant; every utility statement has
 * to be given so.
 */
char *
dba_normalize(const char *statement, int location, int length,
			  const JumbleState *jstate)
{
	Marks		marks = {.text = statement,.length = length};
	DbaScanLevels levels = dba_scan_hush();

	Assert(length >= 0 && location >= 0);
	PG_TRY();
	{
		mark_constants(&marks, location, jstate);
	}
	PG_FINALLY();
	{
		dba_scan_unhush(levels);
	}
	PG_END_TRY();
	return write_text(&marks);
}

/*
 * The constants of one execution, whose text this is, for the $n of the
 * statement's normalised text, in the order of their numbers.  NULL where the
 * texts do not match: other names for the same things, one of them is cut, or
 * is no text that the scanner reads.
 */
DbaConstant *
dba_constants(const char *normalized, const char *statement, int length,
			  int *count)
{
	int			model_length = strlen(normalized);
	DbaConstant *constants;
	DbaScanLevels levels;
	DbaScan		model;
	DbaScan		raw;
	MemoryContext caller = CurrentMemoryContext;
	volatile bool matched = false;

	*count = 0;
	if (is_cut(normalized, model_length) || is_cut(statement, length))
		return NULL;

	constants = palloc(sizeof(DbaConstant) * (model_length / 2 + 1));
	levels = dba_scan_hush();
	PG_TRY();
	{
		dba_scan_start(&model, normalized, model_length);
		dba_scan_start(&raw, statement, length);
		matched = match(&model, &raw, constants, count);
	}
	PG_CATCH();
	{
		/* The scanner holds nothing. */
		dba_scan_unhush(levels);
		if (!dba_scan_refused(geterrcode()))
			PG_RE_THROW();
		MemoryContextSwitchTo(caller);
		FlushErrorState();
	}
	PG_END_TRY();
	dba_scan_unhush(levels);

	if (!matched)
		*count = 0;
	return matched ? constants : NULL;
}

static void
mark_constants(Marks *marks, int location, const JumbleState *jstate)
{
	/* A constant has a byte at least, and a $n that is shown has two. */
	marks->marks = palloc(sizeof(Mark) *
						  (Min(marks->length, DBA_MAX_TEXT / 2) + 1));
	if (jstate == NULL || has_several(marks->text, marks->length))
		mark_all(marks);
	else if (jstate->clocations_count > 0)
		mark_jumbled(marks, location, jstate);
}

/*
 * True when there is a semicolon between statements.  The statement inside of
 * EXPLAIN or CREATE TABLE AS does not know its place, and its text is all that
 * was sent with it: constants of other statements, too, which nothing marks.
 */
static bool
has_several(const char *statements, int length)
{
	DbaScan		reading;

	if (memchr(statements, ';', length) == NULL)
		return false;
	dba_scan_start(&reading, statements, length);
	while (reading.token != DBA_TOKEN_END && reading.token != ';')
		dba_scan_next(&reading);
	return reading.token == ';';
}

/* Marks what the jumble state says, as far as it will be shown. */
static void
mark_jumbled(Marks *marks, int location, const JumbleState *jstate)
{
	LocationLen *constants = sorted_constants(jstate);
	int			last_end = 0;
	DbaScan		reading;

	dba_scan_start(&reading, marks->text, marks->length);
	for (int i = 0; i < jstate->clocations_count; i++)
	{
		LocationLen *constant = &constants[i];
		int			start = constant->location - location;
		bool		list = DBA_CONSTANT_IS_LIST(constant) &&
			constant->length > 0;

		/* The statement's own $n stays, unless lists move the numbers. */
		if (DBA_CONSTANT_IS_PARAMETER(constant) &&
			!DBA_JUMBLE_HAS_LISTS(jstate))
			continue;

		/*
		 * "BETWEEN SYMMETRIC 1 AND 2" makes two of each; what is outside of
		 * the text belongs to another statement.
		 */
		if (start < last_end || start >= marks->length)
			continue;
		if (is_full(marks, start))
			break;

		if (list)
			last_end = start + Min(constant->length, marks->length - start);
		else if (dba_scan_until(&reading, start))
			last_end = constant_end(&reading);
		else
			break;
		add_mark(marks, start, last_end,
				 jstate->highest_extern_param_id + marks->count + 1, list);
	}
}

/* The jumble state belongs to others, so a copy. */
static LocationLen *
sorted_constants(const JumbleState *jstate)
{
	Size		size = sizeof(LocationLen) * jstate->clocations_count;
	LocationLen *constants = palloc(size);

	memcpy(constants, jstate->clocations, size);
	qsort(constants, jstate->clocations_count, sizeof(LocationLen),
		  compare_locations);
	return constants;
}

static int
compare_locations(const void *a, const void *b)
{
	int			one = ((const LocationLen *) a)->location;
	int			other = ((const LocationLen *) b)->location;

	return (one > other) - (one < other);
}

/*
 * Marks all that the scanner calls a constant, as far as it will be shown.  A
 * sign belongs to its number where the parser would have made one constant of
 * them.
 */
static void
mark_all(Marks *marks)
{
	int			highest = 0;
	int			sign = -1;		/* where the token before is one */
	int			before = DBA_TOKEN_END;
	DbaScan		reading;

	dba_scan_start(&reading, marks->text, marks->length);
	for (; reading.token != DBA_TOKEN_END && !is_full(marks, reading.start);
		 dba_scan_next(&reading))
	{
		if (reading.token == DBA_TOKEN_PARAM)
			highest = Max(highest, reading.value.ival);
		else if (dba_scan_is_constant(reading.token))
			add_mark(marks,
					 sign >= 0 && dba_scan_is_number(reading.token) ?
					 sign : reading.start,
					 reading.end, marks->count + 1, false);

		if (reading.token != '-' || !dba_scan_sign_may_follow(before))
			sign = -1;
		else if (sign < 0)
			sign = reading.start;
		before = reading.token;
	}

	/* No statement has parameters that many; a text may have any number. */
	highest = Min(highest, PG_INT32_MAX - DBA_MAX_TEXT);
	for (int i = 0; i < marks->count; i++)
		marks->marks[i].number += highest;
}

/*
 * True when what comes before "start" is enough to fill the text that is
 * kept.  Of a long statement only the beginning needs to be read.
 */
static bool
is_full(const Marks *marks, int start)
{
	return start - marks->removed + 2 * marks->count >= DBA_MAX_TEXT;
}

/* Demands that the text was not full at start. */
static void
add_mark(Marks *marks, int start, int end, int number, bool list)
{
	Mark	   *mark = &marks->marks[marks->count++];

	Assert(marks->count <= Min(marks->length, DBA_MAX_TEXT / 2));
	mark->start = start;
	mark->end = end;
	mark->number = number;
	mark->list = list;
	marks->removed += end - start;
}

static char *
write_text(const Marks *marks)
{
	StringInfoData out;
	int			done = 0;

	initStringInfo(&out);
	for (int i = 0; i < marks->count; i++)
	{
		const Mark *mark = &marks->marks[i];

		appendBinaryStringInfo(&out, marks->text + done, mark->start - done);
		appendStringInfo(&out, "$%d%s", mark->number,
						 mark->list ? list_sign : "");
		done = mark->end;
	}

	/* Enough to see that it is too long; it may be very long. */
	appendBinaryStringInfo(&out, marks->text + done,
						   Min(marks->length - done, DBA_MAX_TEXT));
	cut_text(&out);
	return out.data;
}

static void
cut_text(StringInfo out)
{
	int			room = DBA_MAX_TEXT - 1;

	if (out->len <= room)
		return;
	out->len = pg_mbcliplen(out->data, out->len, room - strlen("..."));
	out->data[out->len] = '\0';
	appendStringInfoString(out, "...");
}

/* No statement ends like this, but for a comment. */
static bool
is_cut(const char *statement, int length)
{
	return length >= 3 && memcmp(statement + length - 3, "...", 3) == 0;
}

/*
 * Reads the normalised text and a raw one side by side to their ends, and
 * collects what is constant in the raw one; false when they do not match.
 */
static bool
match(DbaScan *model, DbaScan *raw, DbaConstant *constants, int *count)
{
	while (model->token != DBA_TOKEN_END && raw->token != DBA_TOKEN_END)
	{
		int			start = raw->start;
		int			end = -1;

		if (stands_for_list(model))
			end = list_end(raw);
		else if (is_same_token(model, raw))
			dba_scan_next(raw);
		else if (model->token == DBA_TOKEN_PARAM &&
				 (raw->token >= DBA_TOKEN_IDENT || raw->token == '-'))
		{
			end = constant_end(raw);
			dba_scan_next(raw);
		}
		else
			return false;

		if (end >= 0)
		{
			/* A text that was never analysed may have any number. */
			if (model->value.ival < 1 || model->value.ival > PG_UINT16_MAX + DBA_MAX_TEXT)
				return false;
			constants[*count].number = model->value.ival;
			constants[(*count)++].text = pnstrdup(raw->text + start,
												  end - start);
		}
		dba_scan_next(model);
	}
	return model->token == raw->token;
}

/*
 * The end of the constant whose first token was just read, which may be a
 * sign: the parser makes one constant of "- -1" and of "-(1)", too.
 */
static int
constant_end(DbaScan *reading)
{
	bool		is_signed = reading->token == '-';
	int			depth = 0;
	int			end;

	while (is_signed && (reading->token == '-' || reading->token == '('))
	{
		depth += reading->token == '(';
		dba_scan_next(reading);
	}
	end = reading->end;
	for (; depth > 0; depth--)
	{
		dba_scan_next(reading);
		if (reading->token != ')')
			break;
		end = reading->end;
	}
	return end;
}

/*
 * The end of the list whose first token was just read; the bracket that
 * closes it becomes the token that was read last.
 */
static int
list_end(DbaScan *reading)
{
	int			depth = 0;
	int			end;

	do
	{
		end = reading->end;
		depth += reading->token == '(' || reading->token == '[';
		depth -= reading->token == ')' || reading->token == ']';
		dba_scan_next(reading);
	} while (reading->token != DBA_TOKEN_END &&
			 (depth > 0 || (reading->token != ')' && reading->token != ']')));
	return end;
}

static bool
stands_for_list(const DbaScan *reading)
{
	return reading->token == DBA_TOKEN_PARAM &&
		strncmp(reading->text + reading->end, list_sign,
				strlen(list_sign)) == 0;
}

/* Keywords and names may be spelled differently, the rest may not. */
static bool
is_same_token(const DbaScan *a, const DbaScan *b)
{
	int			size = a->end - a->start;

	if (a->token != b->token)
		return false;
	if (a->token == DBA_TOKEN_PARAM)
		return a->value.ival == b->value.ival;
	if (a->token == DBA_TOKEN_IDENT)
		return strcmp(a->value.str, b->value.str) == 0;
	if (a->token < DBA_TOKEN_IDENT || a->token > DBA_TOKEN_PARAM)
		return true;
	return size == b->end - b->start &&
		memcmp(a->text + a->start, b->text + b->start, size) == 0;
}
