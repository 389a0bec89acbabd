/*-------------------------------------------------------------------------
 *
 * built_index.h
 *	  Whether an index that was recommended exists by now.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DBA_BUILT_INDEX_H
#define DBA_BUILT_INDEX_H

extern Oid	dba_built_index(const char *commands);

#endif							/* DBA_BUILT_INDEX_H */
