/*-------------------------------------------------------------------------
 *
 * dbadvisor.c
 *	  The library's entry point: what is set up, and in which order.
 *
 * Works preloaded (shared_preload_libraries) and loaded on first use.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "dbadvisor.h"
#include "observe/observe.h"
#include "settings.h"
#include "whatif/changes.h"
#include "whatif/distinct.h"

#include "fmgr.h"
#include "miscadmin.h"

PG_MODULE_MAGIC;

void		_PG_init(void);

bool		dba_preloaded = false;

static const char *const severity_names[DBA_SEVERITY_COUNT] = {
	"info", "notice", "warning", "critical"
};

void
_PG_init(void)
{
	dba_preloaded = process_shared_preload_libraries_in_progress;
	dba_settings_init();
	dba_observe_init();
	dba_changes_init();
	dba_distinct_init();
}

/* The word for a severity, as users write and read it. */
const char *
dba_severity_name(DbaSeverity severity)
{
	Assert((int) severity >= 0 && severity < DBA_SEVERITY_COUNT);
	return severity_names[severity];
}

/* True, and *severity set, when the name is one of the four. */
bool
dba_severity_parse(const char *name, DbaSeverity *severity)
{
	for (int i = 0; i < DBA_SEVERITY_COUNT; i++)
	{
		if (strcmp(name, severity_names[i]) == 0)
		{
			*severity = (DbaSeverity) i;
			return true;
		}
	}
	return false;
}
