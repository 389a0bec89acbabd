/*-------------------------------------------------------------------------
 *
 * plan_columns.h
 *	  Which columns of which tables the conditions of a plan's node are about.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DBA_PLAN_COLUMNS_H
#define DBA_PLAN_COLUMNS_H

#include "observe/query_facts.h"

#include "nodes/execnodes.h"

/* Columns of the first two tables that were met; those of others are lost. */
typedef struct DbaNodeColumns
{
	Oid			relid;			/* or invalid */
	Oid			other_relid;	/* or invalid */
	DbaColumns	columns;		/* of relid */
	DbaColumns	other_columns;	/* of other_relid */
} DbaNodeColumns;

extern Oid	dba_scanned_relation(PlanState *node);
extern bool dba_as_named(PlanState *node, DbaNodeColumns *found);
extern void dba_filter_columns(PlanState *node, DbaNodeColumns *found);
extern void dba_condition_columns(PlanState *node, DbaNodeColumns *found);
extern void dba_grouping_columns(PlanState *node, DbaNodeColumns *found);

#endif							/* DBA_PLAN_COLUMNS_H */
