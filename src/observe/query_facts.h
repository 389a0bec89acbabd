/*-------------------------------------------------------------------------
 *
 * query_facts.h
 *	  What an analysed statement says about the table that it is about.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DBA_QUERY_FACTS_H
#define DBA_QUERY_FACTS_H

#include "nodes/parsenodes.h"

/*
 * A set of columns of one table: bit n-1 for column n, n <= 63; the highest
 * bit for a column beyond, a system column or a whole row.
 */
typedef uint64 DbaColumns;

#define DBA_MAX_COLUMN 63
#define DBA_OTHER_COLUMN (UINT64CONST(1) << 63)

/* Plain data: lies in shared memory. */
typedef struct DbaQueryFacts
{
	int32		command;		/* a CmdType */
	Oid			relid;			/* written to, else the only table read; or invalid */
	DbaColumns	updated;		/* set by UPDATE, ON CONFLICT or MERGE */
	DbaColumns	equality;		/* column = value known when it runs */
	DbaColumns	range;			/* column <, <=, >, >= value known when it runs */
	uint32		referential;	/* 1: run by a foreign key's trigger */
	uint32		unbounded;		/* 1: UPDATE or DELETE without any condition */
} DbaQueryFacts;

extern DbaColumns dba_column_bit(AttrNumber attnum);
extern void dba_query_facts(const Query *query, DbaQueryFacts *facts);

#endif							/* DBA_QUERY_FACTS_H */
