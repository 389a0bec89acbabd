/*-------------------------------------------------------------------------
 *
 * store_entries.h
 *	  The statements of the store: finding, adding, evicting, their blobs.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DBA_STORE_ENTRIES_H
#define DBA_STORE_ENTRIES_H

#include "observe/entry.h"

extern DbaEntry *dba_store_lock(const DbaStatementKey *key, bool wait);
extern const DbaEntry *dba_store_look(const DbaStatementKey *key);
extern void dba_store_unlock(const DbaEntry *entry);
extern char *dba_store_text(const DbaStatementKey *key);
extern void dba_store_put(DbaEntry *entry, DbaBlob *place, const char *data,
						  Size length);

#endif							/* DBA_STORE_ENTRIES_H */
