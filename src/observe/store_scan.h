/*-------------------------------------------------------------------------
 *
 * store_scan.h
 *	  Copies statements out of the store, and saved ones in.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DBA_STORE_SCAN_H
#define DBA_STORE_SCAN_H

#include "observe/entry.h"

/* Which of an entry's blobs a scan brings along. */
#define DBA_WITH_TEXT 1
#define DBA_WITH_TREE 2
#define DBA_WITH_PLAN 4
#define DBA_WITH_SAMPLES 8

typedef struct DbaBlobCopy
{
	char	   *data;			/* NULL: none */
	Size		length;
} DbaBlobCopy;

/* An entry copied out, with its blobs. */
typedef struct DbaStatement
{
	DbaEntry	entry;
	DbaBlobCopy text;
	DbaBlobCopy tree;
	DbaBlobCopy plan_text;
	DbaBlobCopy samples[DBA_MAX_SAMPLES + 1];
} DbaStatement;

typedef void (*DbaStatementVisitor) (const DbaStatement *statement, void *arg);

extern void dba_store_scan(int with, DbaStatementVisitor visit, void *arg);

/* For the postmaster, which restores. */
extern void dba_store_take_in(const DbaStatement *statement);

#endif							/* DBA_STORE_SCAN_H */
