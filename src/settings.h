/*-------------------------------------------------------------------------
 *
 * settings.h
 *	  The settings of dbadvisor, as their C variables.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DBA_SETTINGS_H
#define DBA_SETTINGS_H

extern bool dba_capture_parameters;
extern double dba_max_regression;	/* share of a statement's cost */
extern int	dba_max_statements;
extern int	dba_min_window;		/* seconds; 0 = any */
#pragma GCC visibility push(hidden)
extern bool dba_observe;		/* read for each statement */
#pragma GCC visibility pop
extern double dba_overhead_target;	/* percent */
extern int	dba_sample_memory;	/* kB */
extern int	dba_time_limit;		/* milliseconds; 0 = no limit */

extern void dba_settings_init(void);

#endif							/* DBA_SETTINGS_H */
