/*-------------------------------------------------------------------------
 *
 * repeats_driver.c
 *	  Plays a script of executions to repeats.c, without a server.
 *
 * test/static/repeats.t compiles and feeds it.  Times are in microseconds.
 * Standard input has one event a line:
 *
 *	client NAME COMMAND ROWS KEYED VALUE TRANSACTION BEGUN TOOK
 *	nested NAME PARENT SERIAL REFERENTIAL TOOK
 *	commit, exit, forget	as the functions of repeats.h
 *	hot client|nested TIMES	the ordinary statement; for counting instructions
 *
 * and standard output what was found: kind, child, parent, occasions, repeats,
 * max_repeats, parent_rows, microseconds; then what was lost, and how often the
 * values were hashed.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "observe/repeats.h"

/* The C library's: nothing of the server's is linked. */
#undef printf
#undef snprintf

#define MAX_NAMES 100

static char names[MAX_NAMES][32];
static DbaStatementKey keys[2][MAX_NAMES];	/* nested and top-level */
static int	names_used;
static int	hashes;

/* The queryid of a statement is the number of its name, from 1. */
static const DbaStatementKey *
key_of(const char *name, int toplevel)
{
	int			i = 0;

	while (i < names_used && strcmp(names[i], name) != 0)
		i++;
	if (i == MAX_NAMES)
		exit(2);
	if (i == names_used)
		snprintf(names[names_used++], sizeof(names[0]), "%s", name);
	keys[toplevel][i].queryid = i + 1;
	keys[toplevel][i].toplevel = toplevel;
	return &keys[toplevel][i];
}

static int32
command_of(const char *name)
{
	switch (name[0])
	{
		case 'i':
			return CMD_INSERT;
		case 'u':
			return CMD_UPDATE;
		case 'd':
			return CMD_DELETE;
		default:
			return CMD_SELECT;
	}
}

static uint64
hash_value(void *execution)
{
	hashes++;
	return *(uint64 *) execution;
}

static void
play_client(const char *line)
{
	char		name[32];
	char		command[32];
	long		rows;
	int			keyed;
	unsigned long value;
	unsigned long transaction;
	long		begun;
	long		took;
	DbaExecuted executed = {0};
	uint64		hash;

	if (sscanf(line, "client %31s %31s %ld %d %lu %lu %ld %ld", name, command,
			   &rows, &keyed, &value, &transaction, &begun, &took) != 8)
		exit(2);
	executed.key = key_of(name, 1);
	executed.command = command_of(command);
	executed.rows = rows;
	executed.keyed = keyed;
	executed.transaction = transaction;
	executed.begun_ns = begun * 1000;
	executed.ended_ns = (begun + took) * 1000;
	hash = value;
	dba_repeats_note(&executed, hash_value, &hash);
}

static void
play_nested(const char *line)
{
	char		name[32];
	char		parent[32];
	unsigned long serial;
	int			referential;
	long		took;
	DbaExecuted executed = {0};

	if (sscanf(line, "nested %31s %31s %lu %d %ld", name, parent, &serial,
			   &referential, &took) != 5)
		exit(2);
	executed.key = key_of(name, 0);
	executed.parent = key_of(parent, 1)->queryid;
	executed.parent_serial = serial;
	executed.referential = referential;
	executed.ended_ns = took * 1000;
	dba_repeats_note(&executed, NULL, NULL);
}

/*
 * A statement over and over that has nothing to do with N+1, or one in a loop.
 */
static void
play_hot(const char *line)
{
	char		how[32];
	long		times;
	int			toplevel;
	uint64		hash = 0;
	DbaExecuted executed = {.command = CMD_SELECT, .rows = 1, .keyed = true};

	if (sscanf(line, "hot %31s %ld", how, &times) != 2)
		exit(2);
	toplevel = strcmp(how, "client") == 0;
	executed.key = key_of("hot", toplevel);
	for (long i = 0; i < times; i++)
	{
		executed.transaction += toplevel;
		dba_repeats_note(&executed, hash_value, &hash);
		if (toplevel)
			dba_repeats_close(false);
	}
}

static void
print_found(void)
{
	DbaOccasions found[7];		/* few, so that some must wait */
	int			count;
	int64		lost;
	int64		all_lost = 0;

	do
	{
		count = dba_repeats_take(found, lengthof(found), &lost);
		all_lost += lost;
		for (int i = 0; i < count; i++)
			printf("%s %s %s %lld %lld %lld %lld %lld\n",
				   found[i].kind == DBA_REPEAT_CLIENT ? "client" : "loop",
				   names[found[i].child.queryid - 1],
				   names[found[i].parent - 1],
				   (long long) found[i].occasions,
				   (long long) found[i].repeats,
				   (long long) found[i].max_repeats,
				   (long long) found[i].parent_rows,
				   (long long) found[i].ns / 1000);
	} while (count > 0);
	printf("lost %lld\nhashed %d\n", (long long) all_lost, hashes);
}

int
main(void)
{
	char		line[200];

	while (fgets(line, sizeof(line), stdin) != NULL)
	{
		if (strncmp(line, "client ", 7) == 0)
			play_client(line);
		else if (strncmp(line, "nested ", 7) == 0)
			play_nested(line);
		else if (strncmp(line, "hot ", 4) == 0)
			play_hot(line);
		else if (strcmp(line, "commit\n") == 0)
			dba_repeats_close(false);
		else if (strcmp(line, "exit\n") == 0)
			dba_repeats_close(true);
		else if (strcmp(line, "forget\n") == 0)
			dba_repeats_forget();
		else
			exit(2);
	}
	print_found();
	return 0;
}
