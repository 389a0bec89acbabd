/*-------------------------------------------------------------------------
 *
 * availability.h
 *	  Whether a relation can be looked at now, without waiting.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DBA_AVAILABILITY_H
#define DBA_AVAILABILITY_H

#include "nodes/pg_list.h"

extern bool dba_relation_available(Oid relid);
extern bool dba_relation_try_lock(Oid relid);
extern void dba_relation_unlock(Oid relid);

/* Book-keeping of one run of rules. */
extern void dba_availability_begin_run(MemoryContext run_context);
extern void dba_availability_begin_rule(void);
extern List *dba_availability_skipped(void);

#endif							/* DBA_AVAILABILITY_H */
