/*-------------------------------------------------------------------------
 *
 * table_sample.h
 *	  What indexes would hold of some random blocks of their table.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DBA_TABLE_SAMPLE_H
#define DBA_TABLE_SAMPLE_H

#include "whatif/hypo.h"

/* The rows that were read of one table; opaque. */
/* How large a sample is. */
typedef enum DbaPrecision
{
	DBA_ROUGHLY,				/* to choose among many; 10 % off, perhaps */
	DBA_PRECISELY
} DbaPrecision;

typedef struct DbaTableRows DbaTableRows;

/* The columns of one index in these rows. */
typedef struct DbaTableSample
{
	double		table_tuples;	/* by the catalogs, unless the sample belies them */
	double		planner_tuples; /* as the planner believes */
	BlockNumber table_blocks;
	double		share;			/* of the rows that were read */
	uint64		rows;			/* read */
	uint64		kept;			/* of them, that the predicate lets in */
	double		tuples;			/* that the index would have */
	BlockNumber *blocks;		/* of the kept rows, ascending */
	Datum	  **values;			/* of each of them, the index's columns */
	bool	  **nulls;
} DbaTableSample;

extern DbaTableRows *dba_table_rows_read(List *indexes, DbaPrecision precision);
extern DbaTableRows *dba_table_rows_read_range(List *indexes, BlockNumber first, BlockNumber count);
extern DbaTableSample *dba_table_rows_sample(DbaTableRows *rows, int number);
extern void dba_table_rows_end(DbaTableRows *rows);

#endif							/* DBA_TABLE_SAMPLE_H */
