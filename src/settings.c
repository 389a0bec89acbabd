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

#include "settings.h"

#include <limits.h>

#include "utils/guc.h"

bool		dba_capture_parameters = true;
int			dba_min_window;
int			dba_time_limit;

/* Defines the settings; placeholders read from postgresql.conf take effect. */
void
dba_settings_init(void)
{
	DefineCustomBoolVariable("dbadvisor.capture_parameters",
							 "Whether samples keep the values that statements ran with.",
							 "Off: only their types.",
							 &dba_capture_parameters,
							 true,
							 PGC_SUSET, 0,
							 NULL, NULL, NULL);

	DefineCustomIntVariable("dbadvisor.min_window",
							"Time that the cumulative statistics must cover before a rule judges by disuse.",
							"Counted from the last reset or crash. A rule that needs it and does not have it says so in coverage(). "
							"Below five times this window such findings are of severity info.",
							&dba_min_window,
							7 * 24 * 60 * 60, 0, INT_MAX,
							PGC_USERSET, GUC_UNIT_S,
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
