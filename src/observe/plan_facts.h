/*-------------------------------------------------------------------------
 *
 * plan_facts.h
 *	  What an execution that was counted node by node teaches.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DBA_PLAN_FACTS_H
#define DBA_PLAN_FACTS_H

#include "observe/misestimate.h"
#include "observe/plan_shape.h"
#include "observe/plan_text.h"
#include "observe/query_facts.h"

#include "datatype/timestamp.h"
#include "executor/execdesc.h"

typedef enum DbaFactKind
{
	DBA_FACT_NONE,				/* an unused place */
	DBA_FACT_FILTER,			/* rows read and thrown away by a condition */
	DBA_FACT_MISESTIMATE,		/* first node where estimate and truth part */
	DBA_FACT_SUBPLAN,			/* a sub-select executed again and again */
	DBA_FACT_SEQ_SCAN,			/* a table read from end to end */
	DBA_FACT_OFFSET,			/* rows produced and skipped by OFFSET */
	DBA_FACT_SORT_SPILL,		/* a sort that went to disk */
	DBA_FACT_HASH_SPILL,		/* a hash join in several batches */
	DBA_FACT_AGGREGATE_SPILL	/* a hashed aggregate that went to disk */
} DbaFactKind;

/* Facts kept per statement, over all shapes of its plan. */
#define DBA_MAX_FACTS 8

/* Rows read in one execution, or thrown away, that make a fact of it. */
#define DBA_FACT_ROWS 1000.0

/* Rows thrown away for each that came out, that make a filter a fact. */
#define DBA_FILTER_RATIO 10.0

/* Executions of a sub-select in one of the statement that make it a fact. */
#define DBA_SUBPLAN_LOOPS 100.0

/*
 * One fact, summed over the executions that showed it.  Which fields mean
 * something depends on the kind; the others are 0.  Plain data: lies in shared
 * memory.
 */
typedef struct DbaPlanFact
{
	uint32		plan_hash;		/* shape of the plan */
	uint16		kind;			/* a DbaFactKind; first key of the merge */
	uint16		node;			/* plan_node_id: its place in the plan */
	uint32		node_tag;		/* NodeTag of the plan's node */
	Oid			relid;			/* table, if the node is about one */
	Oid			other_relid;	/* join: the table on the other side */
	uint32		limited;		/* 1: a node above may have stopped early */
	DbaColumns	columns;		/* of relid: filtered or joined by */
	DbaColumns	other_columns;	/* of other_relid */
	int64		executions;		/* that showed it */
	double		loops;			/* sum */
	double		rows;			/* sum of rows that came out */
	double		removed;		/* sum of rows thrown away or skipped */
	double		max_removed;	/* in one execution */
	double		estimated;		/* rows a loop, of the worst execution */
	double		actual;			/* likewise */
	int64		bytes;			/* largest memory that would have held it all */
	double		total_rows;		/* table's reltuples as the planner took it */
	TimestampTz seen_at;		/* when the last of these statements was sent */
} DbaPlanFact;

/*
 * How much work counting an execution was: what the adaptive sampling weighs
 * against the time of the statement.
 */
typedef struct DbaPlanWork
{
	double		nodes;			/* executed */
	double		tuples;			/* passed between nodes, over all loops */
} DbaPlanWork;

extern int	dba_plan_facts(QueryDesc *query_desc, bool counted, bool complete,
						   DbaPlanFact *facts, int max_facts,
						   DbaPlanWork *work);
extern bool dba_plan_fact_same(const DbaPlanFact *a, const DbaPlanFact *b);
extern void dba_plan_fact_merge(DbaPlanFact *into, const DbaPlanFact *from);
extern double dba_plan_fact_weight(const DbaPlanFact *fact);

#endif							/* DBA_PLAN_FACTS_H */
