/*-------------------------------------------------------------------------
 *
 * persist.h
 *	  The store's file: what survives a restart.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DBA_PERSIST_H
#define DBA_PERSIST_H

extern void dba_store_save(void);
extern void dba_store_restore(void);
extern void dba_store_discard(void);

#endif							/* DBA_PERSIST_H */
