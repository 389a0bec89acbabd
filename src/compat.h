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

/* The server that this library was built for, as data. */
#define DBA_BUILD_MAJOR (PG_VERSION_NUM / 10000)

#include "access/stratnum.h"
#include "commands/explain.h"
#if PG_VERSION_NUM >= 180000
#include "commands/explain_format.h"
#include "commands/explain_state.h"
#endif
#include "common/relpath.h"
#include "executor/executor.h"
#include "executor/instrument.h"
#include "access/stratnum.h"
#include "miscadmin.h"
#include "nodes/params.h"
#include "nodes/pathnodes.h"
#if PG_VERSION_NUM >= 160000
#include "nodes/queryjumble.h"
#else
#include "utils/queryjumble.h"
#endif
#include "optimizer/optimizer.h"
#include "optimizer/planner.h"
#if PG_VERSION_NUM >= 160000
#include "parser/parse_relation.h"
#endif
#include "pgstat.h"
#if PG_VERSION_NUM >= 180000
#include "storage/aio_subsys.h"
#endif
#include "storage/bufmgr.h"
#if PG_VERSION_NUM >= 170000
#include "storage/dsm_registry.h"
#endif
#include "storage/lwlock.h"
#include "storage/smgr.h"
#include "utils/lsyscache.h"
#if PG_VERSION_NUM >= 160000
#include "varatt.h"
#endif

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
typedef WorkerInstrumentation WorkerNodeInstrumentation;
#define DBA_WHOLE(node) (node)
#else
#define DBA_WHOLE(node) (&(node)->instr)
#endif

/*
 * Closes the books on a plan's node, as EXPLAIN does; harmless to do twice.
 * The server takes one whose clock still runs for an error, which is not for
 * an observer to raise.
 */
static inline void
dba_end_loop(NodeInstrumentation *node)
{
	if (INSTR_TIME_IS_ZERO(DBA_WHOLE(node)->starttime))
		InstrEndLoop(node);
}

/* Blocks that a node and those below it used. */
static inline const BufferUsage *
dba_node_buffers(const NodeInstrumentation *node)
{
	return &DBA_WHOLE(node)->bufusage;
}

/*
 * Bytes that a sort in memory spends on each tuple beside tuple and array: 16
 * made chunk headers smaller (c6e0fe1f2), 17 has none here (6ed83d5fa).
 */
#if PG_VERSION_NUM >= 170000
#define DBA_SORT_TUPLE_OVERHEAD 0
#elif PG_VERSION_NUM >= 160000
#define DBA_SORT_TUPLE_OVERHEAD 8
#else
#define DBA_SORT_TUPLE_OVERHEAD 24
#endif

/* The same where the sort has a LIMIT, and rounds up to a power of two. */
#if PG_VERSION_NUM >= 160000
#define DBA_CHUNK_HEADER 8
#else
#define DBA_CHUNK_HEADER 16
#endif

/*
 * 16 counts nanoseconds in instr_time (03023a2664), 17 tells local from shared
 * blocks (295c36c0c1).
 */
#if PG_VERSION_NUM >= 160000
#define DBA_NS(time) ((int64) INSTR_TIME_GET_NANOSEC(time))
#else
#define DBA_NS(time) ((int64) (INSTR_TIME_GET_DOUBLE(time) * 1e9))
#endif

/* Time spent reading blocks, of files and of temporary ones. */
static inline int64
dba_read_ns(const BufferUsage *usage)
{
#if PG_VERSION_NUM >= 170000
	return DBA_NS(usage->shared_blk_read_time) +
		DBA_NS(usage->local_blk_read_time) + DBA_NS(usage->temp_blk_read_time);
#else
	return DBA_NS(usage->blk_read_time) + DBA_NS(usage->temp_blk_read_time);
#endif
}

/* Time spent writing blocks, likewise. */
static inline int64
dba_write_ns(const BufferUsage *usage)
{
#if PG_VERSION_NUM >= 170000
	return DBA_NS(usage->shared_blk_write_time) +
		DBA_NS(usage->local_blk_write_time) + DBA_NS(usage->temp_blk_write_time);
#else
	return DBA_NS(usage->blk_write_time) + DBA_NS(usage->temp_blk_write_time);
#endif
}

/*
 * Ends the reading of a block that an error has broken off.  From 16 on resource
 * owners know of it; 18 also reads in the background.
 */
static inline void
dba_abort_io(void)
{
#if PG_VERSION_NUM >= 180000
	pgaio_error_cleanup();
#elif PG_VERSION_NUM < 160000
	AbortBufferIO();
#endif
}

/* 19 lets those who look at the jumbled statement only look (const). */
#if PG_VERSION_NUM >= 190000
#define DBA_JUMBLE_CONST const
#else
#define DBA_JUMBLE_CONST
#endif

/*
 * 18 takes a list of constants for one (62d712ecf), and renumbers the
 * parameters of a statement that has such a list (c2da1a5d6).
 */
#if PG_VERSION_NUM >= 180000
#define DBA_CONSTANT_IS_LIST(constant) ((constant)->squashed)
#define DBA_CONSTANT_IS_PARAMETER(constant) ((constant)->extern_param)
#define DBA_JUMBLE_HAS_LISTS(jstate) ((jstate)->has_squashed_lists)
#else
#define DBA_CONSTANT_IS_LIST(constant) ((void) (constant), false)
#define DBA_CONSTANT_IS_PARAMETER(constant) ((void) (constant), false)
#define DBA_JUMBLE_HAS_LISTS(jstate) ((void) (jstate), false)
#endif

/* 19 has no warning of backslashes in strings, so none to switch off. */
#if PG_VERSION_NUM >= 190000
#define DBA_SILENCE_SCANNER(extra) ((void) (extra))
#else
#define DBA_SILENCE_SCANNER(extra) ((extra)->escape_string_warning = false)
#endif

/* 19 has a level of what is logged for each kind of process. */
#if PG_VERSION_NUM >= 190000
#define DBA_LOG_LEVEL log_min_messages[MyBackendType]
#else
#define DBA_LOG_LEVEL log_min_messages
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

/* The server's own planner, whatever hooks there are. */
static inline PlannedStmt *
dba_standard_planner(Query *query, const char *query_string, int cursor_options,
					 ParamListInfo bound)
{
#if PG_VERSION_NUM >= 190000
	return standard_planner(query, query_string, cursor_options, bound, NULL);
#else
	return standard_planner(query, query_string, cursor_options, bound);
#endif
}

/* 16 explains plans whose parameters nobody knows (3c05284d8). */
#if PG_VERSION_NUM >= 160000
#define DBA_HAS_GENERIC_EXPLAIN 1
#else
#define DBA_HAS_GENERIC_EXPLAIN 0
#define EXEC_FLAG_EXPLAIN_GENERIC 0
#endif

/* 16 asks whether a column may be missing. */
#if PG_VERSION_NUM >= 160000
#define DBA_MISSING_OK , false
#else
#define DBA_MISSING_OK
#endif

/*
 * Defines dba_install_relation_hook(), which has a function called for each
 * relation that is planned, when its indexes are known, and told whether the
 * relation stands for itself with its children.  19 has another hook for that.
 */
#if PG_VERSION_NUM >= 190000
#define DBA_DEFINE_RELATION_HOOK(function) \
static build_simple_rel_hook_type prev_relation = NULL; \
static void \
on_relation(PlannerInfo *root, RelOptInfo *rel, RangeTblEntry *rte) \
{ \
	if (prev_relation) \
		prev_relation(root, rel, rte); \
	if (rte->rtekind == RTE_RELATION) \
		function(rel, rte->relid, rte->inh); \
} \
static void \
dba_install_relation_hook(void) \
{ \
	prev_relation = build_simple_rel_hook; \
	build_simple_rel_hook = on_relation; \
}
#else
#define DBA_DEFINE_RELATION_HOOK(function) \
static get_relation_info_hook_type prev_relation = NULL; \
static void \
on_relation(PlannerInfo *root, Oid relid, bool inhparent, RelOptInfo *rel) \
{ \
	if (prev_relation) \
		prev_relation(root, relid, inhparent, rel); \
	function(rel, relid, inhparent); \
} \
static void \
dba_install_relation_hook(void) \
{ \
	prev_relation = get_relation_info_hook; \
	get_relation_info_hook = on_relation; \
}
#endif

/* 16 keeps whom permissions are checked as apart from the relation (a61b1f748). */
static inline Oid
dba_checked_as(PlannerInfo *root, RangeTblEntry *rte)
{
#if PG_VERSION_NUM >= 160000
	Oid			userid = rte->perminfoindex == 0 ? InvalidOid :
		getRTEPermissionInfo(root->parse->rteperminfos, rte)->checkAsUser;
#else
	Oid			userid = rte->checkAsUser;

	(void) root;
#endif
	return OidIsValid(userid) ? userid : GetUserId();
}

/* 19 wants to be told when a descriptor has all its columns. */
#if PG_VERSION_NUM >= 190000
#define dba_finish_descriptor(desc) TupleDescFinalize(desc)
#else
#define dba_finish_descriptor(desc) ((void) (desc))
#endif

/* 16 tells columns of indexes that summarize from those that keep HOT away. */
#if PG_VERSION_NUM >= 160000
#define dba_hot_blocking(relation) \
	RelationGetIndexAttrBitmap(relation, INDEX_ATTR_BITMAP_HOT_BLOCKING)
#else
#define dba_hot_blocking(relation) \
	RelationGetIndexAttrBitmap(relation, INDEX_ATTR_BITMAP_ALL)
#endif

/* 15 has every index keep HOT away, also one that only summarizes. */
#if PG_VERSION_NUM >= 160000
#define DBA_BRIN_ALLOWS_HOT true
#else
#define DBA_BRIN_ALLOWS_HOT false
#endif

/* 16 marks columns that an outer join may have made NULL (2489d76c4). */
#if PG_VERSION_NUM >= 160000
#define dba_is_nulled(var) (!bms_is_empty((var)->varnullingrels))
#else
#define dba_is_nulled(var) ((void) (var), false)
#endif

/* Whether such a column is in the expression. */
static inline bool
dba_contains_nulled(Node *node)
{
#if PG_VERSION_NUM >= 160000
	ListCell   *cell;

	foreach(cell, pull_var_clause(node, PVC_RECURSE_AGGREGATES |
								  PVC_RECURSE_WINDOWFUNCS |
								  PVC_RECURSE_PLACEHOLDERS))
	{
		if (dba_is_nulled((Var *) lfirst(cell)))
			return true;
	}
#else
	(void) node;
#endif
	return false;
}

/* 18 describes an order by how values compare (8123e91f5). */
#if PG_VERSION_NUM >= 180000
#define dba_pathkey_descends(pathkey) ((pathkey)->pk_cmptype == COMPARE_GT)
#else
#define dba_pathkey_descends(pathkey) \
	((pathkey)->pk_strategy == BTGreaterStrategyNumber)
#endif

/* 18 keeps what is of a partition in a list of its own (d69d45a5a). */
static inline List *
dba_class_members(EquivalenceClass *class, RelOptInfo *rel)
{
#if PG_VERSION_NUM >= 180000
	if (rel->reloptkind == RELOPT_OTHER_MEMBER_REL)
		return (int) rel->relid < class->ec_childmembers_size ?
			class->ec_childmembers[rel->relid] : NIL;
#else
	(void) rel;
#endif
	return class->ec_members;
}

/* 17 took the statistics target out of a copy of the column (struct VacAttrStats). */
#if PG_VERSION_NUM >= 170000
#define dba_default_statistics_target(stats) ((stats)->attstattarget = -1)
#else
#define dba_default_statistics_target(stats) \
	((stats)->attr = palloc0(ATTRIBUTE_FIXED_PART_SIZE), \
	 (stats)->attr->attstattarget = -1)
#endif

/* What gistSplit() returns a list of; 17 has it under another name than 15. */
#define DbaGistSplit __typeof__(*gistSplit(NULL, NULL, NULL, 0, NULL))

/* 18 tells the planner whether NULLs are distinct. */
#if PG_VERSION_NUM >= 180000
#define dba_set_nulls_not_distinct(info, value) \
	((info)->nullsnotdistinct = (value))
#else
#define dba_set_nulls_not_distinct(info, value) ((void) (value))
#endif

/*
 * The btree family with the same order as a family of another access method, as
 * its "<" says; none, if there is none.  18 asks by what an operator means
 * rather than by its number (8123e91f5).
 */
static inline Oid
dba_ordering_family(Oid family, Oid type)
{
	Oid			ordering;
	Oid			input;
#if PG_VERSION_NUM >= 180000
	CompareType strategy;
	Oid			less = get_opfamily_member_for_cmptype(family, type, type, COMPARE_LT);
	bool		is_less = OidIsValid(less) &&
		get_ordering_op_properties(less, &ordering, &input, &strategy) &&
		strategy == COMPARE_LT;
#else
	int16		strategy;
	Oid			less = get_opfamily_member(family, type, type, BTLessStrategyNumber);
	bool		is_less = OidIsValid(less) &&
		get_ordering_op_properties(less, &ordering, &input, &strategy) &&
		strategy == BTLessStrategyNumber;
#endif

	return is_less && input == type ? ordering : InvalidOid;
}

/* 16 counts what the processor does in a GIN index (cd9479af2). */
#if PG_VERSION_NUM >= 160000
#define DBA_GIN_COSTS_CPU 1
#else
#define DBA_GIN_COSTS_CPU 0
#endif

/* 17 looks at statistics for the length of an array (9391f7152). */
#if PG_VERSION_NUM >= 170000
#define dba_array_length(root, array) estimate_array_length(root, array)
#else
#define dba_array_length(root, array) estimate_array_length(array)
#endif

/* 16 keeps indexes of partitioned tables as proofs (3c569049b). */
#if PG_VERSION_NUM >= 160000
#define DBA_PARTITIONED_TABLES_LIST_INDEXES 1
#else
#define DBA_PARTITIONED_TABLES_LIST_INDEXES 0
#endif

/* 18 has one function of a table for all steps of a bitmap scan. */
#if PG_VERSION_NUM >= 180000
#define dba_scans_bitmaps(table) \
	((table)->rd_tableam->scan_bitmap_next_tuple != NULL)
#else
#define dba_scans_bitmaps(table) \
	((table)->rd_tableam->scan_bitmap_next_block != NULL)
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
 * 17 gives out shared memory by name after the start (8b2bcf3f2); 19 passes
 * the initialising function an argument.
 */
#define DBA_HAS_NAMED_SEGMENTS (PG_VERSION_NUM >= 170000)

#if PG_VERSION_NUM >= 190000
static inline void
dba_named_segment_init(void *segment, void *init)
{
	((void (*) (void *)) init) (segment);
}
#endif

static inline void *
dba_named_segment(const char *name, Size size, void (*init) (void *))
{
#if PG_VERSION_NUM >= 190000
	bool		found;

	return GetNamedDSMSegment(name, size, dba_named_segment_init, &found,
							  (void *) init);
#elif PG_VERSION_NUM >= 170000
	bool		found;

	return GetNamedDSMSegment(name, size, init, &found);
#else
	(void) name;
	(void) size;
	(void) init;
	return NULL;
#endif
}

/* 19 keeps the names of lock tranches in shared memory (38b602b02). */
static inline int
dba_new_lock_tranche(const char *name)
{
#if PG_VERSION_NUM >= 190000
	return LWLockNewTrancheId(name);
#else
	int			tranche = LWLockNewTrancheId();

	LWLockRegisterTranche(tranche, name);
	return tranche;
#endif
}

/* Each process that comes later has to learn the name before 19. */
static inline void
dba_name_lock_tranche(int tranche, const char *name)
{
#if PG_VERSION_NUM >= 190000
	(void) tranche;
	(void) name;
#else
	LWLockRegisterTranche(tranche, name);
#endif
}

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

/*
 * Raises the server's error unless the user may do what the query does to its
 * tables; 16 moved what that is out of the range table (a61b1f748).
 */
static inline void
dba_check_permissions(const Query *query)
{
#if PG_VERSION_NUM >= 160000
	(void) ExecCheckPermissions(query->rtable, query->rteperminfos, true);
#else
	(void) ExecCheckRTPerms(query->rtable, true);
#endif
}

/* Leaves of what the query does to its tables the reading. */
static inline void
dba_only_read(Query *query)
{
	ListCell   *cell;

#if PG_VERSION_NUM >= 160000
	foreach(cell, query->rteperminfos)
		lfirst_node(RTEPermissionInfo, cell)->requiredPerms &= ACL_SELECT;
#else
	foreach(cell, query->rtable)
		lfirst_node(RangeTblEntry, cell)->requiredPerms &= ACL_SELECT;
#endif
}

#endif							/* DBA_COMPAT_H */
