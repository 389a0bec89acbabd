/*-------------------------------------------------------------------------
 *
 * plan_shape.c
 *	  Tells plans of one statement apart by what they do.
 *
 * Two plans have the same shape when the same kinds of nodes read the same
 * tables through the same indexes and join them alike.  Costs, estimates and
 * constants do not count, or each execution would have a plan of its own.
 *
 * Locking: none.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "observe/plan_shape.h"

#include "common/hashfn.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "parser/parsetree.h"

static void add_node(uint32 *hash, const PlannedStmt *stmt, const Plan *plan);
static void add_nodes(uint32 *hash, const PlannedStmt *stmt, List *plans);
static void add_details(uint32 *hash, const PlannedStmt *stmt,
						const Plan *plan);
static void add_scan(uint32 *hash, const PlannedStmt *stmt, const Scan *scan);
static void add_entry(uint32 *hash, const PlannedStmt *stmt, Index entry);
static void add(uint32 *hash, uint32 value);

/* A hash of the plan's shape; 0 only by chance. */
uint32
dba_plan_hash(const PlannedStmt *plan)
{
	uint32		hash = 0;

	add(&hash, plan->commandType);
	add_node(&hash, plan, plan->planTree);
	add_nodes(&hash, plan, plan->subplans);
	return hash;
}

/* Adds the node and what is below it; there may be nothing. */
static void
add_node(uint32 *hash, const PlannedStmt *stmt, const Plan *plan)
{
	if (plan == NULL)
	{
		add(hash, 0);
		return;
	}
	check_stack_depth();
	add(hash, nodeTag(plan));
	add_details(hash, stmt, plan);
	add_node(hash, stmt, plan->lefttree);
	add_node(hash, stmt, plan->righttree);
}

static void
add_nodes(uint32 *hash, const PlannedStmt *stmt, List *plans)
{
	ListCell   *lc;

	add(hash, list_length(plans));
	foreach(lc, plans)
		add_node(hash, stmt, lfirst(lc));
}

static void
add_details(uint32 *hash, const PlannedStmt *stmt, const Plan *plan)
{
	add(hash, plan->parallel_aware);
	switch (nodeTag(plan))
	{
		case T_ModifyTable:
			add(hash, ((const ModifyTable *) plan)->operation);
			add_entry(hash, stmt, ((const ModifyTable *) plan)->nominalRelation);
			break;
		case T_Append:
			add_nodes(hash, stmt, ((const Append *) plan)->appendplans);
			break;
		case T_MergeAppend:
			add_nodes(hash, stmt, ((const MergeAppend *) plan)->mergeplans);
			break;
		case T_BitmapAnd:
			add_nodes(hash, stmt, ((const BitmapAnd *) plan)->bitmapplans);
			break;
		case T_BitmapOr:
			add_nodes(hash, stmt, ((const BitmapOr *) plan)->bitmapplans);
			break;
		case T_NestLoop:
		case T_MergeJoin:
		case T_HashJoin:
			add(hash, ((const Join *) plan)->jointype);
			break;
		case T_Agg:
			add(hash, ((const Agg *) plan)->aggstrategy);
			add(hash, ((const Agg *) plan)->aggsplit);
			break;
		case T_SetOp:
			add(hash, ((const SetOp *) plan)->strategy);
			add(hash, ((const SetOp *) plan)->cmd);
			break;
		default:
			add_scan(hash, stmt, (const Scan *) plan);
			break;
	}
}

/* What a scan reads, and through which index. */
static void
add_scan(uint32 *hash, const PlannedStmt *stmt, const Scan *scan)
{
	switch (nodeTag(scan))
	{
		case T_IndexScan:
			add(hash, ((const IndexScan *) scan)->indexid);
			add(hash, ((const IndexScan *) scan)->indexorderdir);
			break;
		case T_IndexOnlyScan:
			add(hash, ((const IndexOnlyScan *) scan)->indexid);
			add(hash, ((const IndexOnlyScan *) scan)->indexorderdir);
			break;
		case T_BitmapIndexScan:
			add(hash, ((const BitmapIndexScan *) scan)->indexid);
			break;
		case T_SubqueryScan:
			add_node(hash, stmt, ((const SubqueryScan *) scan)->subplan);
			return;
		case T_CustomScan:
			add_nodes(hash, stmt, ((const CustomScan *) scan)->custom_plans);
			break;
		case T_SeqScan:
		case T_SampleScan:
		case T_BitmapHeapScan:
		case T_TidScan:
		case T_TidRangeScan:
		case T_ForeignScan:
			break;
		default:
			return;				/* reads no table itself */
	}
	add_entry(hash, stmt, scan->scanrelid);
}

/* The table behind a range table entry; 0 where a foreign server joins. */
static void
add_entry(uint32 *hash, const PlannedStmt *stmt, Index entry)
{
	if (entry > 0 && entry <= (Index) list_length(stmt->rtable))
		add(hash, rt_fetch(entry, stmt->rtable)->relid);
}

static void
add(uint32 *hash, uint32 value)
{
	*hash = hash_combine(*hash, murmurhash32(value));
}

/* The name that EXPLAIN gives to a kind of node, or NULL for rare kinds. */
const char *
dba_plan_node_name(uint32 node_tag)
{
	static const struct
	{
		NodeTag		tag;
		const char *name;
	}			names[] = {
		{T_SeqScan, "Seq Scan"}, {T_SampleScan, "Sample Scan"},
		{T_IndexScan, "Index Scan"}, {T_IndexOnlyScan, "Index Only Scan"},
		{T_BitmapIndexScan, "Bitmap Index Scan"},
		{T_BitmapHeapScan, "Bitmap Heap Scan"},
		{T_TidScan, "Tid Scan"}, {T_TidRangeScan, "Tid Range Scan"},
		{T_SubqueryScan, "Subquery Scan"}, {T_FunctionScan, "Function Scan"},
		{T_TableFuncScan, "Table Function Scan"}, {T_ValuesScan, "Values Scan"},
		{T_CteScan, "CTE Scan"}, {T_WorkTableScan, "WorkTable Scan"},
		{T_ForeignScan, "Foreign Scan"}, {T_CustomScan, "Custom Scan"},
		{T_NestLoop, "Nested Loop"}, {T_MergeJoin, "Merge Join"},
		{T_HashJoin, "Hash Join"}, {T_Hash, "Hash"}, {T_Sort, "Sort"},
		{T_IncrementalSort, "Incremental Sort"}, {T_Group, "Group"},
		{T_Agg, "Aggregate"}, {T_WindowAgg, "WindowAgg"},
		{T_Unique, "Unique"}, {T_SetOp, "SetOp"}, {T_Limit, "Limit"},
		{T_Append, "Append"}, {T_MergeAppend, "Merge Append"},
		{T_RecursiveUnion, "Recursive Union"},
		{T_Material, "Materialize"}, {T_Memoize, "Memoize"},
		{T_Gather, "Gather"}, {T_GatherMerge, "Gather Merge"},
		{T_LockRows, "LockRows"}, {T_ModifyTable, "ModifyTable"},
		{T_Result, "Result"}, {T_ProjectSet, "ProjectSet"}
	};

	for (size_t i = 0; i < lengthof(names); i++)
	{
		if (names[i].tag == (NodeTag) node_tag)
			return names[i].name;
	}
	return NULL;
}
