/*-------------------------------------------------------------------------
 *
 * compat.h
 *	  The differences between PostgreSQL versions, and nothing else.
 *
 * The code is written against the newest interface; this file emulates it on
 * older servers.  No other file may look at PG_VERSION_NUM (a test greps).
 *
 *-------------------------------------------------------------------------
 */
#ifndef DBA_COMPAT_H
#define DBA_COMPAT_H

#if PG_VERSION_NUM < 150000
#error "dbadvisor needs PostgreSQL 15 or later"
#endif

#include "commands/explain.h"
#if PG_VERSION_NUM >= 180000
#include "commands/explain_format.h"
#include "commands/explain_state.h"
#endif
#include "common/relpath.h"
#include "executor/instrument.h"
#include "nodes/params.h"
#if PG_VERSION_NUM >= 160000
#include "nodes/queryjumble.h"
#else
#include "utils/queryjumble.h"
#endif
#include "optimizer/optimizer.h"
#include "pgstat.h"
#include "storage/bufmgr.h"
#include "storage/smgr.h"

/*
 * 16 renamed relation file numbers (b0a55e432); the struct that locates a
 * relation on disk became RelFileLocator with other field names.
 */
#if PG_VERSION_NUM < 160000
typedef Oid RelFileNumber;
#define RelFileNumberIsValid(number) OidIsValid(number)
#define InvalidRelFileNumber InvalidOid
#define RelationMapOidToFilenumber(oid, shared) \
	RelationMapOidToFilenode(oid, shared)
#endif

/* 17 numbers processes rather than backends (024c52111). */
#if PG_VERSION_NUM < 170000
#define INVALID_PROC_NUMBER InvalidBackendId
#endif

/*
 * 19 counts nodes and whole statements in structs of their own.
 */
#if PG_VERSION_NUM < 190000
typedef Instrumentation NodeInstrumentation;
#endif

/* 19 lets those who look at the jumbled statement only look (const). */
#if PG_VERSION_NUM >= 190000
#define DBA_JUMBLE_CONST const
#else
#define DBA_JUMBLE_CONST
#endif

/* 19 tells the planner's hook what EXPLAIN asked for. */
#if PG_VERSION_NUM >= 190000
#define DBA_PLANNER_PARAMETERS \
	Query *parse, const char *query_string, int cursor_options, \
	ParamListInfo bound, struct ExplainState *explain
#define DBA_PLANNER_ARGUMENTS \
	parse, query_string, cursor_options, bound, explain
#else
#define DBA_PLANNER_PARAMETERS \
	Query *parse, const char *query_string, int cursor_options, \
	ParamListInfo bound
#define DBA_PLANNER_ARGUMENTS parse, query_string, cursor_options, bound
#endif

/* The planner with its hooks, asked by nobody in particular. */
static inline PlannedStmt *
dba_planner(Query *query, const char *query_string, int cursor_options,
			ParamListInfo bound)
{
#if PG_VERSION_NUM >= 190000
	return planner(query, query_string, cursor_options, bound, NULL);
#else
	return planner(query, query_string, cursor_options, bound);
#endif
}

/* 16 explains plans whose parameters nobody knows (3c05284d8). */
#if PG_VERSION_NUM >= 160000
#define DBA_HAS_GENERIC_EXPLAIN 1
#else
#define DBA_HAS_GENERIC_EXPLAIN 0
#define EXEC_FLAG_EXPLAIN_GENERIC 0
#endif

/* 18 no longer says that a portal runs once (3eea7a0c9). */
#if PG_VERSION_NUM >= 180000
#define DBA_RUN_PARAMETERS \
	QueryDesc *query_desc, ScanDirection direction, uint64 count
#define DBA_RUN_ARGUMENTS query_desc, direction, count
#else
#define DBA_RUN_PARAMETERS \
	QueryDesc *query_desc, ScanDirection direction, uint64 count, \
	bool execute_once
#define DBA_RUN_ARGUMENTS query_desc, direction, count, execute_once
#endif

/*
 * 18 returns the path of a relation by value (37c87e63f), earlier servers a
 * palloc'd string.
 */
static inline char *
dba_relation_path(Oid dboid, Oid spcoid, RelFileNumber number)
{
#if PG_VERSION_NUM >= 180000
	RelPathStr	path = GetRelationPath(dboid, spcoid, number,
									   INVALID_PROC_NUMBER, MAIN_FORKNUM);

	return pstrdup(path.str);
#else
	return GetRelationPath(dboid, spcoid, number,
						   INVALID_PROC_NUMBER, MAIN_FORKNUM);
#endif
}

/*
 * 16 renamed the parts of a relation's address on disk as well (b0a55e432).
 * Reads the first block of a permanent or unlogged relation's main fork.
 */
static inline Buffer
dba_read_first_block(Oid dboid, Oid spcoid, RelFileNumber number,
					 BufferAccessStrategy strategy, bool permanent)
{
#if PG_VERSION_NUM >= 160000
	RelFileLocator locator = {
		.spcOid = spcoid, .dbOid = dboid, .relNumber = number
	};
#else
	RelFileNode locator = {
		.spcNode = spcoid, .dbNode = dboid, .relNode = number
	};
#endif

	return ReadBufferWithoutRelcache(locator, MAIN_FORKNUM, 0, RBM_NORMAL,
									 strategy, permanent);
}

/*
 * 16 remembers when a relation was last scanned (c03747183); before that
 * nobody knows.
 */
static inline TimestampTz
dba_last_scan(PgStat_StatTabEntry *entry)
{
#if PG_VERSION_NUM >= 160000
	return entry->lastscan;
#else
	(void) entry;
	return 0;
#endif
}

#endif							/* DBA_COMPAT_H */
