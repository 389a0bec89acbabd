/*-------------------------------------------------------------------------
 *
 * needs.c
 *	  Whether a rule can run on this server, now.
 *
 * A rule states what it needs in its header; where that is not there, the
 * rule becomes a coverage row that says what is missing.
 *
 * Locking: none.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "rules/needs.h"
#include "settings.h"

#include "access/xlog.h"
#include "commands/extension.h"
#include "executor/spi.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/timestamp.h"
#include "utils/varlena.h"

static char *unmet_need(const char *need);
static char *asked(const char *sql);
static char *unmet_statements(void);
static char *unmet_window(void);
static bool is_preloaded(const char *library);
static int	server_major(void);

/* Why the rule cannot run here, in words for a coverage row, or NULL. */
char *
dba_rule_unmet_need(const DbaRule *rule)
{
	char	   *needs = pstrdup(rule->needs);
	char	   *rest = NULL;

	for (char *need = strtok_r(needs, ",", &rest); need != NULL;
		 need = strtok_r(NULL, ",", &rest))
	{
		char	   *reason = unmet_need(need + strspn(need, " "));

		if (reason != NULL)
			return reason;
	}
	return NULL;
}

/* One need; its grammar was checked when the library was built. */
static char *
unmet_need(const char *need)
{
	if (strcmp(need, "primary") == 0)
		return RecoveryInProgress() ?
			pstrdup("this server is a standby: ask its primary") : NULL;

	if (strcmp(need, "preload") == 0)
		return dba_preloaded ? NULL :
			pstrdup("dbadvisor is not preloaded: add it to shared_preload_libraries and restart");

	if (strcmp(need, "observing") == 0)
		return asked("SELECT dbadvisor.observing_obstacle()");

	if (strcmp(need, "statements") == 0)
		return unmet_statements();

	if (strcmp(need, "window") == 0)
		return unmet_window();

	if (strncmp(need, "extension ", 10) == 0)
		return OidIsValid(get_extension_oid(need + 10, true)) ? NULL :
			psprintf("needs CREATE EXTENSION %s", quote_identifier(need + 10));

	if (strncmp(need, "library ", 8) == 0)
		return is_preloaded(need + 8) ? NULL :
			psprintf("%s is not in shared_preload_libraries: add it and restart",
					 need + 8);

	Assert(strncmp(need, "version ", 8) == 0);
	return server_major() >= atoi(need + 8) ? NULL :
		psprintf("needs PostgreSQL %s or later", need + 8);
}

/* The answer of a query with one text, or NULL. */
static char *
asked(const char *sql)
{
	MemoryContext caller = CurrentMemoryContext;
	char	   *answer;

	SPI_connect();
	if (SPI_execute(sql, true, 1) != SPI_OK_SELECT || SPI_processed != 1)
		elog(ERROR, "could not ask what a rule needs");
	answer = SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1);
	if (answer != NULL)
		answer = MemoryContextStrdup(caller, answer);
	SPI_finish();
	return answer;
}

/* Statements are known where they are observed, or where others count them. */
static char *
unmet_statements(void)
{
	char	   *obstacle = asked("SELECT dbadvisor.observing_obstacle()");

	if (obstacle == NULL ||
		(OidIsValid(get_extension_oid("pg_stat_statements", true)) &&
		 is_preloaded("pg_stat_statements")))
		return NULL;
	return psprintf("%s; pg_stat_statements would do for a part, but it is not %s",
					obstacle,
					is_preloaded("pg_stat_statements") ?
					"an extension of this database" :
					"in shared_preload_libraries");
}

/* Statistics that cover too short a time say nothing about disuse. */
static char *
unmet_window(void)
{
	MemoryContext caller = CurrentMemoryContext;
	char	   *reason = NULL;

	SPI_connect();
	if (SPI_execute("SELECT date_trunc('second', now() - since)::text"
					" FROM dbadvisor.statistics_since() AS since"
					" WHERE now() - since <"
					" current_setting('dbadvisor.min_window')::interval",
					true, 1) != SPI_OK_SELECT)
		elog(ERROR, "could not read since when statistics are counted");
	if (SPI_processed > 0)
	{
		char	   *covered = SPI_getvalue(SPI_tuptable->vals[0],
										   SPI_tuptable->tupdesc, 1);

		MemoryContextSwitchTo(caller);
		reason = psprintf("statistics cover only %s, less than dbadvisor.min_window (%s)",
						  covered,
						  GetConfigOptionByName("dbadvisor.min_window",
												NULL, false));
	}
	SPI_finish();
	return reason;
}

/* Whether shared_preload_libraries names the library, with a path or not. */
static bool
is_preloaded(const char *library)
{
	char	   *setting = pstrdup(GetConfigOption("shared_preload_libraries",
												  false, false));
	List	   *names;
	ListCell   *cell;

	if (!SplitDirectoriesString(setting, ',', &names))
		return false;
	foreach(cell, names)
	{
		const char *name = last_dir_separator(lfirst(cell));
		size_t		length = strlen(library);

		name = name == NULL ? lfirst(cell) : name + 1;
		if (strncmp(name, library, length) == 0 &&
			(name[length] == '\0' || name[length] == '.'))
			return true;
	}
	return false;
}

static int
server_major(void)
{
	return atoi(GetConfigOption("server_version_num", false, false)) / 10000;
}
