/*-------------------------------------------------------------------------
 *
 * combine.h
 *	  Which columns, and in which order, could make an index.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DBA_COMBINE_H
#define DBA_COMBINE_H

#include "advise/operand.h"

/* A column of an index to be. */
typedef struct DbaKeyColumn
{
	DbaOperand *operand;
	Oid			opclass;
	int16		flags;			/* INDOPTION_* */
} DbaKeyColumn;

/* How a statement uses a column, as the planner said of an index on it alone. */
typedef struct DbaKey
{
	DbaKeyColumn column;
	bool		equal;			/* to a constant, or NULL, or in a list */
	bool		equal_join;		/* to a column of another table */
	bool		range;			/* anything else that an order serves */
	Selectivity selectivity;	/* of the constants */
} DbaKey;

extern List *dba_combine(List *keys, List *orders, List *rows, int max_columns);
extern bool dba_columns_same(List *a, List *b);
extern bool dba_columns_begin(List *columns, List *beginning);
extern bool dba_columns_plain(const List *columns);
extern List *dba_columns_as_plain(const List *columns);

#endif							/* DBA_COMBINE_H */
