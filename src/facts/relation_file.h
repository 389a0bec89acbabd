/*-------------------------------------------------------------------------
 *
 * relation_file.h
 *	  What the file system knows of a relation.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DBA_RELATION_FILE_H
#define DBA_RELATION_FILE_H

#include "datatype/timestamp.h"

extern bool dba_relation_bytes(Oid relid, int64 *bytes);
extern bool dba_relation_created(Oid relid, TimestampTz *created);

#endif							/* DBA_RELATION_FILE_H */
