/*-------------------------------------------------------------------------
 *
 * observe.c
 *	  Sets the station up: the store first, then those who fill it.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "compat.h"
#include "dbadvisor.h"
#include "observe/events.h"
#include "observe/hooks.h"
#include "observe/observe.h"
#include "observe/region.h"
#include "observe/running.h"
#include "observe/store.h"
#include "observe/utility.h"

/*
 * Begins to observe: at the start of the server, or of a session where memory
 * can be had without preloading.  Elsewhere nothing is hooked.
 */
void
dba_observe_init(void)
{
	dba_store_init();
	if (!dba_preloaded && !dba_store_ready())
		return;
	EnableQueryId();
	dba_running_init();
	dba_hooks_init();
	dba_utility_init();
	dba_events_init();
}
