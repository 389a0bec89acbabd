/*-------------------------------------------------------------------------
 *
 * relation_file.c
 *	  What the file system knows of a relation: its size, and its birth.
 *
 * pg_relation_size() waits behind ACCESS EXCLUSIVE.  The size of a file needs
 * no lock: the path follows from pg_class, and a file that has just gone away
 * is no error here, the answer is merely "not known".
 *
 * Locking: none.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "compat.h"
#include "facts/relation_file.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "access/htup_details.h"
#include "catalog/pg_class.h"
#include "miscadmin.h"
#include "utils/relmapper.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"

static char *relation_path(Oid relid);

/*
 * Size of the relation's main fork.  False when it has no file of its own
 * here (a partitioned table, a view, a relation dropped just now).
 */
bool
dba_relation_bytes(Oid relid, int64 *bytes)
{
	char	   *path = relation_path(relid);
	int64		total = 0;

	if (path == NULL)
		return false;

	for (int segment = 0;; segment++)
	{
		char		name[MAXPGPATH];
		struct stat st;

		if (segment == 0)
			strlcpy(name, path, sizeof(name));
		else
			snprintf(name, sizeof(name), "%s.%d", path, segment);

		if (stat(name, &st) < 0)
		{
			if (segment == 0)
				return false;
			break;
		}
		total += st.st_size;
	}

	*bytes = total;
	return true;
}

/*
 * When the relation's file was made: at its creation or its last rewrite.
 * False where the file system does not remember births.
 */
bool
dba_relation_created(Oid relid, TimestampTz *created)
{
#ifdef STATX_BTIME
	char	   *path = relation_path(relid);
	struct statx stx;

	if (path == NULL ||
		statx(AT_FDCWD, path, 0, STATX_BTIME, &stx) < 0 ||
		(stx.stx_mask & STATX_BTIME) == 0)
		return false;

	*created = time_t_to_timestamptz((pg_time_t) stx.stx_btime.tv_sec);
	return true;
#else
	(void) relid;
	(void) created;
	return false;
#endif
}

/* Path of the first segment, relative to the data directory, or NULL. */
static char *
relation_path(Oid relid)
{
	HeapTuple	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relid));
	Form_pg_class form;
	RelFileNumber number;
	Oid			dboid;
	Oid			spcoid;

	if (!HeapTupleIsValid(tuple))
		return NULL;

	form = (Form_pg_class) GETSTRUCT(tuple);
	if (!RELKIND_HAS_STORAGE(form->relkind) ||
		form->relpersistence == RELPERSISTENCE_TEMP)
		number = InvalidRelFileNumber;
	else if (RelFileNumberIsValid(form->relfilenode))
		number = form->relfilenode;
	else
		number = RelationMapOidToFilenumber(relid, form->relisshared);
	dboid = form->relisshared ? InvalidOid : MyDatabaseId;
	spcoid = OidIsValid(form->reltablespace) ?
		form->reltablespace : MyDatabaseTableSpace;
	ReleaseSysCache(tuple);

	if (!RelFileNumberIsValid(number))
		return NULL;
	return dba_relation_path(dboid, spcoid, number);
}
