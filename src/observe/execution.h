/*-------------------------------------------------------------------------
 *
 * execution.h
 *	  One execution while it lasts: between the executor's start and finish.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DBA_EXECUTION_H
#define DBA_EXECUTION_H

#include "observe/sample.h"
#include "observe/tally.h"

#include "executor/execdesc.h"

typedef struct DbaExecution
{
	QueryDesc  *query_desc;
	DbaTally   *tally;
	DbaValues  *values;			/* taken at the start, or NULL */
	int64		ns;				/* run and finish so far */
	int64		begun_ns;		/* monotonic clock: of the first run; 0: none */
	int64		ended_ns;		/* of the last run */
	int64		rows;
	int64		temp_written;	/* blocks */
	int			nest_level;		/* of the transaction */
	bool		counted;		/* node by node */
	bool		sampled;		/* for its values */
	bool		partial;		/* was not asked for all rows */
} DbaExecution;

#endif							/* DBA_EXECUTION_H */
