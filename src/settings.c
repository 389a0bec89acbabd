/*-------------------------------------------------------------------------
 *
 * settings.c
 *	  Every setting of dbadvisor, alphabetically, and nowhere else.
 *
 * Rules written in SQL read theirs with current_setting().
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "dbadvisor.h"
#include "settings.h"

#include <limits.h>

#include "utils/guc.h"

bool		dba_capture_parameters;
double		dba_max_regression;
int			dba_max_statements;
int			dba_min_window;
bool		dba_observe;
double		dba_overhead_target;
int			dba_sample_memory;
int			dba_time_limit;

/*
 * Sizes of shared memory cannot change while the server runs.  A session that
 * loads the library itself may not define such a setting any more.
 */
#define SHARED_SIZE (dba_preloaded ? PGC_POSTMASTER : PGC_SIGHUP)

/* Defines the settings; placeholders read from postgresql.conf take effect. */
void
dba_settings_init(void)
{
	DefineCustomBoolVariable("dbadvisor.capture_parameters",
							 "Whether samples keep the values that statements ran with.",
							 "Off: only their types are kept.",
							 &dba_capture_parameters,
							 true,
							 PGC_SUSET, 0,
							 NULL, NULL, NULL);

	DefineCustomRealVariable("dbadvisor.max_regression",
							 "Share by which a statement may become dearer through advised indexes.",
							 "Beyond, no set of indexes is advised, whatever others gain by it.",
							 &dba_max_regression,
							 0.1, 0, 10,
							 PGC_USERSET, 0,
							 NULL, NULL, NULL);

	DefineCustomIntVariable("dbadvisor.max_statements",
							"Different statements that are remembered, over all databases.",
							"Each takes about 3.5 kB of shared memory. Beyond, those that took the least time go first.",
							&dba_max_statements,
							5000, 100, 1000 * 1000,
							SHARED_SIZE, 0,
							NULL, NULL, NULL);

	DefineCustomIntVariable("dbadvisor.min_window",
							"Time that the cumulative statistics must cover before a rule judges by disuse.",
							"Counted from the last reset or crash. A rule that needs it and does not have it says so in coverage(). "
							"Below five times this window such findings are of severity info.",
							&dba_min_window,
							7 * 24 * 60 * 60, 0, INT_MAX,
							PGC_USERSET, GUC_UNIT_S,
							NULL, NULL, NULL);

	DefineCustomBoolVariable("dbadvisor.observe",
							 "Whether statements are observed.",
							 "What was observed before stays.",
							 &dba_observe,
							 true,
							 PGC_SUSET, 0,
							 NULL, NULL, NULL);

	DefineCustomRealVariable("dbadvisor.overhead_target",
							 "Share of statements' time, in percent, that counting the work of plan nodes may take.",
							 "So many executions are counted as this allows; the first of a statement in any case while there is time left. "
							 "0 counts none, 100 counts and samples every execution.",
							 &dba_overhead_target,
							 1, 0, 100,
							 PGC_SUSET, 0,
							 NULL, NULL, NULL);

	DefineCustomIntVariable("dbadvisor.sample_memory",
							"Shared memory for texts, plans and samples of statements.",
							"Beyond, the samples of statements that took the least time go first.",
							&dba_sample_memory,
							32 * 1024, 1024, 16 * 1024 * 1024,
							SHARED_SIZE, GUC_UNIT_KB,
							NULL, NULL, NULL);

	DefineCustomIntVariable("dbadvisor.time_limit",
							"Time that one run of all rules may take.",
							"The rules share it: each may use half of what is left when it starts. "
							"A rule that is cut off says so in coverage(). 0 means no limit.",
							&dba_time_limit,
							10 * 1000, 0, INT_MAX,
							PGC_USERSET, GUC_UNIT_MS,
							NULL, NULL, NULL);

	MarkGUCPrefixReserved("dbadvisor");
}
