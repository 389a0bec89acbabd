/*-------------------------------------------------------------------------
 *
 * store_funcs.h
 *	  What SQL functions demand of the observed workload.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DBA_STORE_FUNCS_H
#define DBA_STORE_FUNCS_H

extern void dba_demand_store(void);
extern bool dba_is_observed(void);

#endif							/* DBA_STORE_FUNCS_H */
