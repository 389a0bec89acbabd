/*-------------------------------------------------------------------------
 *
 * gin_cost.c
 *	  What a scan of a hypothetical GIN index would cost.
 *
 * The server's gincostestimate() reads from the index how many entries it has and
 * how many pages these and the lists of rows take; for a hypothetical index it
 * makes up numbers.  Here the same model is computed from what the index was
 * measured to have, just built: no list of pending entries.
 *
 * Locking: none.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "compat.h"
#include "whatif/gin_cost.h"
#include "whatif/hypo_info.h"

#include <math.h>

#include "access/gin.h"
#include "catalog/pg_collation.h"
#include "fmgr.h"
#include "optimizer/cost.h"
#include "optimizer/optimizer.h"
#include "utils/array.h"
#include "utils/index_selfuncs.h"
#include "utils/lsyscache.h"
#include "utils/selfuncs.h"
#include "utils/spccache.h"

/* What the server takes a search for a prefix to match; entries. */
#define PARTIAL_MATCHES 100

/* What the server takes the handling of a page for. */
#define PAGE_CPU (DBA_GIN_COSTS_CPU * 50.0 * cpu_operator_cost)

/* Bytes that the server takes a row of a list for. */
#define BYTES_PER_ROW 3

/* What a scan looks for. */
typedef struct Search
{
	double		partial;		/* entries that searches for a prefix match */
	double		exact;			/* entries that are looked for as they are */
	double		searches;		/* descents to an entry */
	double		scans;			/* of the index, for each element of an array one */
	double		loops;			/* of all that, in a nested loop */
	bool		all[INDEX_MAX_KEYS];	/* the column's entries must all be read */
	bool		some[INDEX_MAX_KEYS];	/* or the column is searched */
} Search;

static void add_descents(PlannerInfo *root, const DbaHypoGin *gin, const Search *search,
						 double page_cost, Cost *startup, Cost *total);
static double add_lists(PlannerInfo *root, const DbaHypoGin *gin, const Search *search,
						double rows, double page_cost, Cost *startup, Cost *total);
static double fetched(PlannerInfo *root, const Search *search, double pages, double there);
static bool count_clauses(PlannerInfo *root, IndexPath *path, double entries, Search *search);
static bool count_operator(PlannerInfo *root, const IndexOptInfo *index, int column,
						   const OpExpr *clause, Search *search);
static bool count_array(PlannerInfo *root, const IndexOptInfo *index, int column,
						const ScalarArrayOpExpr *clause, double entries, Search *search);
static bool count_elements(const IndexOptInfo *index, int column, Oid operator,
						   Datum array, double entries, Search *search);
static bool count_keys(const IndexOptInfo *index, int column, Oid operator, Datum value,
					   Search *search);
static Node *known_value(PlannerInfo *root, Node *operand);

/* An amcostestimate function. */
void
dba_gin_cost(PlannerInfo *root, IndexPath *path, double loop_count,
			 Cost *startup, Cost *total, Selectivity *selectivity,
			 double *correlation, double *pages)
{
	IndexOptInfo *index = path->indexinfo;
	const DbaHypoGin *gin = &((DbaHypoInfo *) index)->index->gin;
	List	   *quals = get_quals_from_indexclauses(path->indexclauses);
	Search		search = {.scans = 1, .loops = loop_count};
	double		page_cost;
	double		qual_cost;

	/* An index that was not measured. */
	if (gin->entry_pages <= 0)
	{
		gincostestimate(root, path, loop_count, startup, total, selectivity, correlation, pages);
		return;
	}

	*selectivity = clauselist_selectivity(root, add_predicate_to_index_quals(index, quals),
										  index->rel->relid, JOIN_INNER, NULL);
	*correlation = 0;
	*startup = *total = *pages = 0;
	if (!count_clauses(root, path, Max(gin->entries, 1), &search))
	{
		*selectivity = 0;
		return;
	}
	get_tablespace_page_costs(index->reltablespace, &page_cost, NULL);
	add_descents(root, gin, &search, page_cost, startup, total);
	*pages = add_lists(root, gin, &search, *selectivity * index->tuples, page_cost,
					   startup, total);

	qual_cost = index_other_operands_eval_cost(root, quals);
	*startup += qual_cost;
	*total += qual_cost;
	qual_cost = cpu_operator_cost * list_length(quals);
	if (DBA_GIN_COSTS_CPU)
		*total += search.searches * search.scans * qual_cost +
			index->tuples * *selectivity * cpu_index_tuple_cost;
	else
		*total += index->tuples * *selectivity * (cpu_index_tuple_cost + qual_cost);
}

/*
 * Down to each entry; and, for a prefix, along the leaves, with all lists read
 * before the first row is returned.
 */
static void
add_descents(PlannerInfo *root, const DbaHypoGin *gin, const Search *search,
			 double page_cost, Cost *startup, Cost *total)
{
	double		entries = Max(gin->entries, 1);
	double		prefix_share = Min(search->partial / entries, 1.0);
	double		entry_pages = ceil(search->searches * rint(pow(gin->entry_pages, 0.15))) +
		ceil(gin->entry_pages * prefix_share);
	double		list_pages = ceil(gin->data_pages * prefix_share);

	if (DBA_GIN_COSTS_CPU && entries > 1)
	{
		Cost		descent = ceil(log(entries) / log(2.0)) * cpu_operator_cost;

		*startup += descent * search->searches;
		*total += descent * search->searches * search->scans;
	}
	*startup += (entry_pages + list_pages) * PAGE_CPU;
	*total += entry_pages * search->scans * PAGE_CPU +
		list_pages * (search->scans - 1) * PAGE_CPU;
	*startup += page_cost *
		(fetched(root, search, entry_pages, gin->entry_pages) +
		 fetched(root, search, list_pages, gin->data_pages));
}

/*
 * The lists of the entries, at the least what so many rows take.  Returns their
 * pages; the total has the startup in it afterwards.
 */
static double
add_lists(PlannerInfo *root, const DbaHypoGin *gin, const Search *search, double rows,
		  double page_cost, Cost *startup, Cost *total)
{
	double		pages = Max(ceil(gin->data_pages * search->exact / Max(gin->entries, 1)),
							ceil(rows / (BLCKSZ / BYTES_PER_ROW)));

	*startup += PAGE_CPU * search->searches;
	*total += PAGE_CPU * pages * search->scans;
	pages = fetched(root, search, pages, gin->data_pages);
	*total += *startup + pages * page_cost;
	return pages;
}

/* Pages to read, if some are still in memory from another scan. */
static double
fetched(PlannerInfo *root, const Search *search, double pages, double there)
{
	if (search->loops <= 1 && search->scans <= 1)
		return pages;
	return index_pages_fetched(pages * search->loops * search->scans, (BlockNumber) there,
							   there, root) / search->loops;
}

/* ------------------------------------------------------------------------
 * What a scan looks for
 * ------------------------------------------------------------------------ */

/* False when no row can match. */
static bool
count_clauses(PlannerInfo *root, IndexPath *path, double entries, Search *search)
{
	const IndexOptInfo *index = path->indexinfo;
	bool		everything = path->indexclauses == NIL;
	ListCell   *cell;

	foreach(cell, path->indexclauses)
	{
		const IndexClause *indexclause = lfirst_node(IndexClause, cell);
		ListCell   *qual;

		foreach(qual, indexclause->indexquals)
		{
			Node	   *clause = (Node *) lfirst_node(RestrictInfo, qual)->clause;
			bool		possible;

			if (IsA(clause, OpExpr))
				possible = count_operator(root, index, indexclause->indexcol,
										  (OpExpr *) clause, search);
			else
				possible = count_array(root, index, indexclause->indexcol,
									   castNode(ScalarArrayOpExpr, clause), entries, search);
			if (!possible)
				return false;
		}
	}
	for (int i = 0; i < index->nkeycolumns; i++)
		everything |= search->all[i] && !search->some[i];
	if (everything)
	{
		search->partial = 0;
		search->exact = search->searches = entries;
	}
	return true;
}

static bool
count_operator(PlannerInfo *root, const IndexOptInfo *index, int column,
			   const OpExpr *clause, Search *search)
{
	Node	   *value = known_value(root, lsecond(clause->args));

	if (!IsA(value, Const))
	{
		search->exact++;
		search->searches++;
		return true;
	}
	return !((Const *) value)->constisnull &&
		count_keys(index, column, clause->opno, ((Const *) value)->constvalue, search);
}

static bool
count_array(PlannerInfo *root, const IndexOptInfo *index, int column,
			const ScalarArrayOpExpr *clause, double entries, Search *search)
{
	Node	   *value = known_value(root, lsecond(clause->args));

	if (!IsA(value, Const))
	{
		search->exact++;
		search->searches++;
		search->scans *= dba_array_length(root, value);
		return true;
	}
	return !((Const *) value)->constisnull &&
		count_elements(index, column, clause->opno, ((Const *) value)->constvalue,
					   entries, search);
}

/* Adds a scan for each element that can match, with what is searched on average. */
static bool
count_elements(const IndexOptInfo *index, int column, Oid operator, Datum array,
			   double entries, Search *search)
{
	ArrayType  *values = DatumGetArrayTypeP(array);
	Search		sum = {0};
	int			possible = 0;
	int16		length;
	bool		by_value;
	char		align;
	Datum	   *items;
	bool	   *nulls;
	int			count;

	get_typlenbyvalalign(ARR_ELEMTYPE(values), &length, &by_value, &align);
	deconstruct_array(values, ARR_ELEMTYPE(values), length, by_value, align,
					  &items, &nulls, &count);
	for (int i = 0; i < count; i++)
	{
		Search		one = {0};

		if (nulls[i] || !count_keys(index, column, operator, items[i], &one))
			continue;
		possible++;
		if (one.all[column] && !one.some[column])
		{
			one.partial = 0;
			one.exact = one.searches = entries;
		}
		sum.partial += one.partial;
		sum.exact += one.exact;
		sum.searches += one.searches;
	}
	if (possible == 0)
		return false;
	search->partial += sum.partial / possible;
	search->exact += sum.exact / possible;
	search->searches += sum.searches / possible;
	search->scans *= possible;
	return true;
}

/* The keys that the operator class looks for; false when there are none. */
static bool
count_keys(const IndexOptInfo *index, int column, Oid operator, Datum value, Search *search)
{
	Oid			collation = index->indexcollations[column];
	Oid			function = get_opfamily_proc(index->opfamily[column], index->opcintype[column],
											 index->opcintype[column], GIN_EXTRACTQUERY_PROC);
	int			strategy = get_op_opfamily_strategy(operator, index->opfamily[column]);
	FmgrInfo	extract;
	int32		count = 0;
	int32		mode = GIN_SEARCH_MODE_DEFAULT;
	bool	   *partial = NULL;
	bool	   *nulls = NULL;
	Pointer    *extra = NULL;

	if (!OidIsValid(function))
		elog(ERROR, "operator family %u cannot search GIN indexes", index->opfamily[column]);
	fmgr_info(function, &extract);
	set_fn_opclass_options(&extract, index->opclassoptions[column]);
	(void) FunctionCall7Coll(&extract, OidIsValid(collation) ? collation : DEFAULT_COLLATION_OID,
							 value, PointerGetDatum(&count), UInt16GetDatum(strategy),
							 PointerGetDatum(&partial), PointerGetDatum(&extra),
							 PointerGetDatum(&nulls), PointerGetDatum(&mode));
	if (count <= 0 && mode == GIN_SEARCH_MODE_DEFAULT)
		return false;

	for (int i = 0; i < count; i++)
	{
		if (partial != NULL && partial[i])
			search->partial += PARTIAL_MATCHES;
		else
			search->exact++;
		search->searches++;
	}
	if (mode == GIN_SEARCH_MODE_ALL)
		search->all[column] = true;
	else
		search->some[column] = true;
	if (mode == GIN_SEARCH_MODE_INCLUDE_EMPTY)
	{
		search->exact++;
		search->searches++;
	}
	return true;
}

/* The operand as a constant, if the planner can know it. */
static Node *
known_value(PlannerInfo *root, Node *operand)
{
	Node	   *value = estimate_expression_value(root, operand);

	return IsA(value, RelabelType) ? (Node *) ((RelabelType *) value)->arg : value;
}
