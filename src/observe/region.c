/*-------------------------------------------------------------------------
 *
 * region.c
 *	  Where the memory that all sessions share comes from.
 *
 * Preloaded, the postmaster maps memory of its own before it forks.  The
 * server's own shared memory would be made anew after every crash of any
 * backend, and what was observed until then is what explains the crash; a
 * mapping of the postmaster's outlives it.  Its price: whoever uses it must
 * mistrust the content after a crash (store.c does).
 *
 * Not preloaded, the memory is a named segment, from PostgreSQL 17 on.
 *
 * Locking: none here.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "compat.h"
#include "observe/region.h"

#include <sys/mman.h>

#include "miscadmin.h"
#include "storage/lwlock.h"

/*
 * Memory for the postmaster and all its children, or NULL with a message in
 * the log.  The pages are taken from the machine when they are first touched.
 */
void *
dba_region_map(Size size)
{
#ifndef EXEC_BACKEND
	void	   *region;

	Assert(!IsUnderPostmaster);
	region = mmap(NULL, size, PROT_READ | PROT_WRITE,
				  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (region != MAP_FAILED)
		return region;
	ereport(LOG,
			(errmsg("dbadvisor could not get %zu bytes of shared memory: %m",
					size),
			 errhint("Statements are not observed. Lower dbadvisor.max_statements or dbadvisor.sample_memory.")));
#endif
	return NULL;
}

/* Whether this server has named segments. */
bool
dba_region_can_name(void)
{
	return DBA_HAS_NAMED_SEGMENTS;
}

/*
 * The segment of that name, made and initialised if it is not there yet; NULL
 * when that fails, with the reason in the log.  Demands that the session holds
 * no lock that it still needs: it is for the load of the library.
 */
void *
dba_region_named(const char *name, Size size, DbaRegionInit init)
{
	MemoryContext caller = CurrentMemoryContext;
	void	   *volatile region = NULL;

	PG_TRY();
	{
		region = dba_named_segment(name, size, init);
	}
	PG_CATCH();
	{
		ErrorData  *error;

		MemoryContextSwitchTo(caller);
		error = CopyErrorData();
		FlushErrorState();
		LWLockReleaseAll();
		ereport(LOG,
				(errmsg("dbadvisor could not get its shared memory: %s",
						error->message)));
		FreeErrorData(error);
	}
	PG_END_TRY();

	return region;
}
