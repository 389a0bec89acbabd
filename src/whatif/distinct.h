/*-------------------------------------------------------------------------
 *
 * distinct.h
 *	  Numbers of distinct values that a column is to be taken to have.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DBA_DISTINCT_H
#define DBA_DISTINCT_H

#include "whatif/changes.h"

typedef struct DbaDistinct
{
	Oid			relid;
	AttrNumber	attnum;
	float4		value;			/* as pg_statistic.stadistinct */
} DbaDistinct;

extern void dba_distinct_init(void);
extern void dba_distinct_add(DbaChanges *changes, const char *column, double value);

#endif							/* DBA_DISTINCT_H */
