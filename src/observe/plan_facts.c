/*-------------------------------------------------------------------------
 *
 * plan_facts.c
 *	  What an execution that was counted node by node teaches.
 *
 * At the end of an execution, while the executor's state is still there, a
 * walk through the plan's nodes compares what each read, returned and threw
 * away.  What is out of proportion becomes a fact: a handful of plain numbers
 * about one node, which are added up over executions.
 *
 * This runs after somebody's statement.  It reads memory only, no catalog,
 * calls no function of a type, and raises nothing but the errors of memory
 * and stack.
 *
 * Locking: none.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "compat.h"
#include "observe/plan_facts.h"
#include "observe/spills.h"

#include <math.h>

#include "access/xact.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "utils/rel.h"

/* Rows that starting a sub-select once more costs as much as. */
#define ROWS_PER_LOOP 10.0

/* Bytes that cost as much to write and read again as a row to read. */
#define BYTES_PER_ROW 100.0

/* What the walk through a plan carries along. */
typedef struct Walk
{
	bool		counted;
	uint32		plan_hash;
	DbaPlanFact *facts;
	int			max_facts;
	int			count;			/* facts found */
	DbaPlanWork *work;
	List	   *partitioned;	/* DbaPlanFact: filters, summed over partitions */
	const Plan *append;			/* whose partitions are visited, or NULL */
	Bitmapset  *subplans;		/* those that were visited, by plan_id */
	DbaPlanFact misestimate;	/* the deepest; of kind NONE if there is none */
	int			misestimate_depth;
} Walk;

static bool close_books(PlanState *node, void *context);
static double walk_node(Walk *walk, PlanState *node, const DbaPlace *place);
static void walk_children(Walk *walk, PlanState *node, const DbaPlace *place,
						  DbaInputErrors *errors);
static void walk_child(Walk *walk, PlanState *node, const DbaPlace *place,
					   PlanState *child, DbaInputErrors *errors);
static void add_error(DbaInputErrors *errors, double error);
static void walk_members(Walk *walk, PlanState *node, const DbaPlace *place,
						 PlanState **members, int count,
						 DbaInputErrors *errors);
static void walk_subplans(Walk *walk, List *subplans, const DbaPlace *place,
						  bool are_init);
static void count_work(DbaPlanWork *work, const PlanState *node);
static void note_filter(Walk *walk, PlanState *node, const DbaPlace *place);
static void note_partition_filter(Walk *walk, const DbaPlanFact *fact);
static void add_filter(Walk *walk, const DbaPlanFact *fact);
static double removed_by_filter(const PlanState *node);
static void note_seq_scan(Walk *walk, PlanState *node, const DbaPlace *place);
static void note_offset(Walk *walk, PlanState *node, const DbaPlace *place);
static void note_subplan(Walk *walk, SubPlanState *subplan,
						 const DbaPlace *place);
static bool find_scan(PlanState *node, void *context);
static void note_spill(Walk *walk, PlanState *node, const DbaPlace *place);
static void note_misestimate(Walk *walk, PlanState *node,
							 const DbaPlace *place);
static DbaPlanFact start_fact(const Walk *walk, DbaFactKind kind,
							  PlanState *node, const DbaPlace *place);
static void set_columns(DbaPlanFact *fact, const DbaNodeColumns *found);
static void add_fact(Walk *walk, const DbaPlanFact *fact);
static double error_ratio(const DbaPlanFact *fact);

/*
 * Looks for facts in an execution that is about to be cleaned up, and returns
 * how many of them it put into "facts": the weightiest, if there are more
 * than max_facts.
 *
 * counted: rows and buffers were counted (INSTRUMENT_ROWS, INSTRUMENT_BUFFERS);
 * else only spills are found, and work is 0.  complete: the last run went on
 * until there were no more rows, rather than to a number of them.
 */
int
dba_plan_facts(QueryDesc *query_desc, bool counted, bool complete,
			   DbaPlanFact *facts, int max_facts, DbaPlanWork *work)
{
	Walk		walk = {.counted = counted,.facts = facts,
	.max_facts = max_facts,.work = work};
	DbaPlace	top = {.limited = !complete,.participants = 1};
	PlanState  *node = query_desc->planstate;
	MemoryContext caller;
	ListCell   *lc;

	Assert(max_facts > 0);
	memset(work, 0, sizeof(DbaPlanWork));
	if (node == NULL)
		return 0;

	caller = MemoryContextSwitchTo(query_desc->estate->es_query_cxt);
	walk.plan_hash = dba_plan_hash(query_desc->plannedstmt);
	if (counted)
		(void) close_books(node, NULL);
	(void) walk_node(&walk, node, &top);
	foreach(lc, walk.partitioned)
		add_filter(&walk, lfirst(lc));
	if (walk.misestimate.kind != DBA_FACT_NONE)
		add_fact(&walk, &walk.misestimate);
	MemoryContextSwitchTo(caller);
	return walk.count;
}

/*
 * Whether both are about the same node of the same plan.  The tables of a UNION
 * ALL may share an Append.
 */
bool
dba_plan_fact_same(const DbaPlanFact *a, const DbaPlanFact *b)
{
	return a->plan_hash == b->plan_hash && a->kind == b->kind &&
		a->node == b->node && a->relid == b->relid;
}

/* Adds the executions of "from", the same fact, to those of "into". */
void
dba_plan_fact_merge(DbaPlanFact *into, const DbaPlanFact *from)
{
	Assert(dba_plan_fact_same(into, from));

	if (error_ratio(from) > error_ratio(into))
	{
		into->estimated = from->estimated;
		into->actual = from->actual;
	}
	into->limited |= from->limited;
	into->columns |= from->columns;
	into->other_columns |= from->other_columns;
	into->executions += from->executions;
	into->loops += from->loops;
	into->rows += from->rows;
	into->removed += from->removed;
	into->max_removed = Max(into->max_removed, from->max_removed);
	into->bytes = Max(into->bytes, from->bytes);
	into->total_rows = from->total_rows;
	into->seen_at = Max(into->seen_at, from->seen_at);
}

/*
 * How much the fact matters: about the rows that were handled in vain, over
 * all executions, so that kinds can be compared.
 */
double
dba_plan_fact_weight(const DbaPlanFact *fact)
{
	switch ((DbaFactKind) fact->kind)
	{
		case DBA_FACT_NONE:
			break;
		case DBA_FACT_FILTER:
		case DBA_FACT_OFFSET:
			return fact->removed;
		case DBA_FACT_SEQ_SCAN:
			/* Reading all may be just what is wanted. */
			return (fact->rows + fact->removed) / 2;
		case DBA_FACT_SUBPLAN:
			return fact->rows + fact->loops * ROWS_PER_LOOP;
		case DBA_FACT_MISESTIMATE:
			return fabs(fact->actual - fact->estimated) * fact->loops;
		case DBA_FACT_SORT_SPILL:
		case DBA_FACT_HASH_SPILL:
		case DBA_FACT_AGGREGATE_SPILL:
			return fact->bytes / BYTES_PER_ROW * fact->executions;
	}
	return 0;
}

/* Adds the rows of the last loop to the sums, as the server does at the end. */
static bool
close_books(PlanState *node, void *context)
{
	if (node->instrument != NULL)
		dba_end_loop(node->instrument);
	return planstate_tree_walker(node, close_books, context);
}

/* Visits the node after what is below it; returns the error of its estimate. */
static double
walk_node(Walk *walk, PlanState *node, const DbaPlace *place)
{
	DbaInputErrors errors = {.under = 1.0,.over = 1.0};
	double		error = 1.0;

	check_stack_depth();
	walk_subplans(walk, node->initPlan, place, true);
	walk_children(walk, node, place, &errors);
	walk_subplans(walk, node->subPlan, place, false);

	note_spill(walk, node, place);
	if (walk->counted && node->instrument != NULL &&
		node->instrument->nloops > 0)
	{
		count_work(walk->work, node);
		note_filter(walk, node, place);
		note_seq_scan(walk, node, place);
		note_offset(walk, node, place);
		error = dba_estimate_error(node, place);
		if (dba_is_misestimate(node, error, &errors))
			note_misestimate(walk, node, place);
	}
	return error;
}

static void
walk_children(Walk *walk, PlanState *node, const DbaPlace *place,
			  DbaInputErrors *errors)
{
	ListCell   *lc;

	walk_child(walk, node, place, outerPlanState(node), errors);
	walk_child(walk, node, place, innerPlanState(node), errors);
	switch (nodeTag(node))
	{
		case T_AppendState:
			walk_members(walk, node, place,
						 ((AppendState *) node)->appendplans,
						 ((AppendState *) node)->as_nplans, errors);
			break;
		case T_MergeAppendState:
			walk_members(walk, node, place,
						 ((MergeAppendState *) node)->mergeplans,
						 ((MergeAppendState *) node)->ms_nplans, errors);
			break;
		case T_BitmapAndState:
			walk_members(walk, node, place,
						 ((BitmapAndState *) node)->bitmapplans,
						 ((BitmapAndState *) node)->nplans, errors);
			break;
		case T_BitmapOrState:
			walk_members(walk, node, place,
						 ((BitmapOrState *) node)->bitmapplans,
						 ((BitmapOrState *) node)->nplans, errors);
			break;
		case T_SubqueryScanState:
			walk_child(walk, node, place,
					   ((SubqueryScanState *) node)->subplan, errors);
			break;
		case T_CteScanState:	/* visited where WITH stands */
			add_error(errors,
					  dba_estimate_error(((CteScanState *) node)->cteplanstate,
										 place));
			break;
		case T_CustomScanState:
			foreach(lc, ((CustomScanState *) node)->custom_ps)
				walk_child(walk, node, place, lfirst(lc), errors);
			break;
		default:
			break;
	}
}

static void
walk_child(Walk *walk, PlanState *node, const DbaPlace *place,
		   PlanState *child, DbaInputErrors *errors)
{
	DbaPlace	below;

	if (child == NULL)
		return;
	below = dba_place_below(node, place, child);
	add_error(errors, walk_node(walk, child, &below));
}

static void
add_error(DbaInputErrors *errors, double error)
{
	errors->under = Max(errors->under, error);
	errors->over = Max(errors->over, 1.0 / error);
}

static void
walk_members(Walk *walk, PlanState *node, const DbaPlace *place,
			 PlanState **members, int count, DbaInputErrors *errors)
{
	const Plan *outer = walk->append;

	if (IsA(node, AppendState) || IsA(node, MergeAppendState))
		walk->append = node->plan;
	for (int i = 0; i < count; i++)
		walk_child(walk, node, place, members[i], errors);
	walk->append = outer;
}

/* Several expressions may refer to the same sub-select. */
static void
walk_subplans(Walk *walk, List *subplans, const DbaPlace *place, bool are_init)
{
	ListCell   *lc;

	foreach(lc, subplans)
	{
		SubPlanState *subplan = lfirst_node(SubPlanState, lc);
		int			plan_id = subplan->subplan->plan_id;
		DbaPlace	below;

		if (subplan->planstate == NULL ||
			bms_is_member(plan_id, walk->subplans))
			continue;
		walk->subplans = bms_add_member(walk->subplans, plan_id);
		below = dba_place_of_subplan(subplan, place, are_init);
		(void) walk_node(walk, subplan->planstate, &below);
		if (!are_init)
			note_subplan(walk, subplan, &below);
	}
}

static void
count_work(DbaPlanWork *work, const PlanState *node)
{
	const NodeInstrumentation *seen = node->instrument;

	work->nodes++;
	work->tuples += seen->ntuples;
}

static void
note_filter(Walk *walk, PlanState *node, const DbaPlace *place)
{
	double		removed = removed_by_filter(node);
	DbaPlanFact fact;
	DbaNodeColumns found = {0};
	bool		is_partition;

	if (removed <= 0)
		return;
	fact = start_fact(walk, DBA_FACT_FILTER, node, place);
	found.relid = dba_scanned_relation(node);
	dba_filter_columns(node, &found);
	is_partition = dba_as_named(node, &found);
	set_columns(&fact, &found);
	fact.rows = node->instrument->ntuples;
	fact.removed = fact.max_removed = removed;
	if (is_partition)
		note_partition_filter(walk, &fact);
	else
		add_filter(walk, &fact);
}

/*
 * Sixty partitions, of which each loses few rows, are one table that loses many.
 * Those that an execution prunes have no node: the Append stands for all.
 */
static void
note_partition_filter(Walk *walk, const DbaPlanFact *fact)
{
	DbaPlanFact *sum;
	ListCell   *lc;

	foreach(lc, walk->partitioned)
	{
		sum = lfirst(lc);
		if (walk->append != NULL && sum->relid == fact->relid &&
			sum->node == Min(walk->append->plan_node_id, PG_UINT16_MAX))
		{
			sum->columns |= fact->columns;
			sum->loops = Max(sum->loops, fact->loops);
			sum->rows += fact->rows;
			sum->removed += fact->removed;
			sum->max_removed = sum->removed;
			return;
		}
	}
	sum = palloc(sizeof(DbaPlanFact));
	*sum = *fact;
	if (walk->append != NULL)
		sum->node = Min(walk->append->plan_node_id, PG_UINT16_MAX);
	walk->partitioned = lappend(walk->partitioned, sum);
}

/* Adds a filter that threw away many rows, and many for each that it kept. */
static void
add_filter(Walk *walk, const DbaPlanFact *fact)
{
	if (fact->removed >= DBA_FACT_ROWS &&
		fact->removed >= DBA_FILTER_RATIO * fact->rows)
		add_fact(walk, fact);
}

/* Rows that a scan's or a join's filter threw away; 0 for other nodes. */
static double
removed_by_filter(const PlanState *node)
{
	const NodeInstrumentation *seen = node->instrument;

	switch (nodeTag(node->plan))
	{
		case T_NestLoop:
		case T_MergeJoin:
		case T_HashJoin:
			return seen->nfiltered1 + seen->nfiltered2;
		case T_SeqScan:
		case T_SampleScan:
		case T_IndexScan:
		case T_IndexOnlyScan:
		case T_BitmapHeapScan:
		case T_TidScan:
		case T_TidRangeScan:
		case T_SubqueryScan:
		case T_FunctionScan:
		case T_TableFuncScan:
		case T_ValuesScan:
		case T_CteScan:
		case T_NamedTuplestoreScan:
		case T_WorkTableScan:
		case T_ForeignScan:
		case T_CustomScan:
			return seen->nfiltered1;	/* the second is rechecks */
		default:
			return 0;
	}
}

static void
note_seq_scan(Walk *walk, PlanState *node, const DbaPlace *place)
{
	Relation	relation;
	DbaPlanFact fact;
	DbaNodeColumns found = {0};

	if (!IsA(node, SeqScanState) ||
		node->instrument->ntuples + node->instrument->nfiltered1 < DBA_FACT_ROWS)
		return;
	fact = start_fact(walk, DBA_FACT_SEQ_SCAN, node, place);
	found.relid = dba_scanned_relation(node);
	dba_filter_columns(node, &found);
	set_columns(&fact, &found);
	fact.rows = node->instrument->ntuples;
	fact.removed = fact.max_removed = node->instrument->nfiltered1;
	relation = ((SeqScanState *) node)->ss.ss_currentRelation;
	if (relation != NULL)
		fact.total_rows = Max(relation->rd_rel->reltuples, 0);	/* -1: not known */
	add_fact(walk, &fact);
}

static void
note_offset(Walk *walk, PlanState *node, const DbaPlace *place)
{
	LimitState *limit = (LimitState *) node;
	const NodeInstrumentation *input;
	DbaPlanFact fact;

	if (!IsA(node, LimitState) || limit->limitOffset == NULL ||
		limit->offset <= 0)
		return;
	input = outerPlanState(node)->instrument;
	if (input == NULL || input->ntuples <= 0)
		return;
	fact = start_fact(walk, DBA_FACT_OFFSET, node, place);
	fact.rows = node->instrument->ntuples;
	fact.removed = Min(limit->offset * node->instrument->nloops,
					   input->ntuples);
	fact.max_removed = fact.removed;
	add_fact(walk, &fact);
}

/* A sub-select that runs for each row; one that is hashed runs once. */
static void
note_subplan(Walk *walk, SubPlanState *subplan, const DbaPlace *place)
{
	PlanState  *node = subplan->planstate;
	PlanState  *scan = NULL;
	DbaPlanFact fact;

	if (!walk->counted || node->instrument == NULL ||
		node->instrument->nloops < DBA_SUBPLAN_LOOPS)
		return;
	fact = start_fact(walk, DBA_FACT_SUBPLAN, node, place);
	fact.rows = node->instrument->ntuples;
	if (find_scan(node, &scan))
	{
		DbaNodeColumns found = {.relid = dba_scanned_relation(scan)};

		dba_condition_columns(scan, &found);
		set_columns(&fact, &found);
	}
	add_fact(walk, &fact);
}

/* Puts the first node that reads a table into *context, a PlanState pointer. */
static bool
find_scan(PlanState *node, void *context)
{
	if (OidIsValid(dba_scanned_relation(node)))
	{
		*(PlanState **) context = node;
		return true;
	}
	return planstate_tree_walker(node, find_scan, context);
}

static void
note_spill(Walk *walk, PlanState *node, const DbaPlace *place)
{
	DbaPlanFact fact;
	DbaFactKind kind;
	int64		bytes;

	switch (nodeTag(node))
	{
		case T_SortState:
			kind = DBA_FACT_SORT_SPILL;
			bytes = dba_sort_spill((SortState *) node, walk->counted);
			break;
		case T_IncrementalSortState:
			kind = DBA_FACT_SORT_SPILL;
			bytes = dba_incremental_sort_spill((IncrementalSortState *) node,
											   walk->counted);
			break;
		case T_HashJoinState:
			kind = DBA_FACT_HASH_SPILL;
			bytes = dba_hash_spill((HashJoinState *) node, walk->counted,
								   place->participants);
			break;
		case T_AggState:
			kind = DBA_FACT_AGGREGATE_SPILL;
			bytes = dba_aggregate_spill((AggState *) node, walk->counted);
			break;
		default:
			return;
	}
	if (bytes == 0)
		return;
	fact = start_fact(walk, kind, node, place);
	fact.bytes = bytes;
	add_fact(walk, &fact);
}

/*
 * Keeps the misestimate if it is deeper than the one before, or the first that
 * is about a table: statistics of a function's result are nobody's to improve.
 */
static void
note_misestimate(Walk *walk, PlanState *node, const DbaPlace *place)
{
	DbaPlanFact fact = start_fact(walk, DBA_FACT_MISESTIMATE, node, place);
	DbaNodeColumns found = {0};
	bool		first = walk->misestimate.kind == DBA_FACT_NONE;
	bool		has_table;
	bool		had_table = OidIsValid(walk->misestimate.relid);

	dba_misestimate_columns(node, &found);
	has_table = OidIsValid(found.relid);
	if (!first &&
		(has_table != had_table ? !has_table :
		 place->depth <= walk->misestimate_depth))
		return;

	set_columns(&fact, &found);
	fact.rows = node->instrument->ntuples;
	fact.estimated = node->plan->plan_rows;
	fact.actual = dba_rows_a_loop(node);
	walk->misestimate = fact;
	walk->misestimate_depth = place->depth;
}

static DbaPlanFact
start_fact(const Walk *walk, DbaFactKind kind, PlanState *node,
		   const DbaPlace *place)
{
	DbaPlanFact fact = {0};

	fact.plan_hash = walk->plan_hash;
	fact.kind = kind;
	fact.node = Min(node->plan->plan_node_id, PG_UINT16_MAX);
	fact.node_tag = nodeTag(node->plan);
	fact.limited = place->limited;
	fact.executions = 1;
	fact.seen_at = GetCurrentStatementStartTimestamp();
	if (walk->counted && node->instrument != NULL)
		fact.loops = node->instrument->nloops;
	return fact;
}

static void
set_columns(DbaPlanFact *fact, const DbaNodeColumns *found)
{
	fact->relid = found->relid;
	fact->columns = found->columns;
	fact->other_relid = found->other_relid;
	fact->other_columns = found->other_columns;
}

/* Adds the fact, in place of the lightest if there is no more room. */
static void
add_fact(Walk *walk, const DbaPlanFact *fact)
{
	DbaPlanFact *lightest = walk->facts;

	if (walk->count < walk->max_facts)
	{
		walk->facts[walk->count++] = *fact;
		return;
	}
	for (int i = 1; i < walk->count; i++)
		if (dba_plan_fact_weight(&walk->facts[i]) <
			dba_plan_fact_weight(lightest))
			lightest = &walk->facts[i];
	if (dba_plan_fact_weight(fact) > dba_plan_fact_weight(lightest))
		*lightest = *fact;
}

/* How far estimate and truth are apart, in either direction. */
static double
error_ratio(const DbaPlanFact *fact)
{
	double		estimated = Max(fact->estimated, 1.0);
	double		actual = Max(fact->actual, 1.0);

	return Max(actual / estimated, estimated / actual);
}
