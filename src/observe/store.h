/*-------------------------------------------------------------------------
 *
 * store.h
 *	  The observed workload in shared memory.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DBA_STORE_H
#define DBA_STORE_H

#include "datatype/timestamp.h"

/* Databases whose events and evicted statements are counted; others' are not. */
#define DBA_MAX_DATABASES 64

/* What the store says of itself. */
typedef struct DbaStoreInfo
{
	TimestampTz since;			/* reset, or first start */
	int32		max_statements;
	int32		statements;
	int64		sample_bytes;
	int64		sample_bytes_used;
	int64		shared_bytes;
	int64		evicted;		/* statements that had to go */
	int64		samples_dropped;	/* for want of memory */
	int64		events_lost;
	int64		unobserved;		/* executions without a query id, or nested too
								 * deep */
	int64		failures;		/* errors in our own code, kept from statements */
} DbaStoreInfo;

typedef enum DbaLoss
{
	DBA_LOST_SAMPLE,
	DBA_LOST_EVENT,
	DBA_LOST_EXECUTION,
	DBA_LOST_BY_FAILURE
} DbaLoss;

#define DBA_LOSS_KINDS (DBA_LOST_BY_FAILURE + 1)

extern void dba_store_init(void);
extern bool dba_store_ready(void);
extern uint32 dba_store_epoch(void);

extern void dba_store_lost(DbaLoss loss, int64 count);
extern void dba_store_info(DbaStoreInfo *info);
extern void dba_store_reset(void);

/* For the postmaster, which saves and restores. */
extern void dba_store_set_since(TimestampTz since);

#endif							/* DBA_STORE_H */
