/*-------------------------------------------------------------------------
 *
 * hypo_info.c
 *	  A hypothetical index as the planner knows indexes.
 *
 * Fills an IndexOptInfo with what get_relation_info() would, had it opened the
 * index.  An index is planned with many thousand times, and nearly all of this
 * is the same each time: it is kept with the index, in its memory, one for each
 * place in a range table that its table had.  The planner only reads what hangs
 * on an IndexOptInfo.
 *
 * Locking: none; the planner has locked the table.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "compat.h"
#include "whatif/hypo_cost.h"
#include "whatif/hypo_info.h"

#include "access/amapi.h"
#include "access/gist.h"
#include "access/spgist.h"
#include "access/table.h"
#include "access/tableam.h"
#include "catalog/pg_am.h"
#include "catalog/pg_index.h"
#include "nodes/makefuncs.h"
#include "rewrite/rewriteManip.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"

/* All that does not depend on the statement. */
typedef struct DbaHypoForm
{
	struct DbaHypoForm *next;	/* for another place */
	Index		varno;			/* the place in the range table */
	const DbaHypoColumn *columns;	/* that it was made of */
	const List *expressions;
	const List *predicate;
	IndexOptInfo info;			/* without rel, size and height */
} DbaHypoForm;

static DbaHypoForm *find_form(DbaHypoIndex *index, Index varno);
static bool form_fits(const DbaHypoForm *form, const DbaHypoIndex *index, Index varno);
static void make_form(DbaHypoForm *form, const DbaHypoIndex *index, Index varno);
static void copy_columns(IndexOptInfo *info, const DbaHypoIndex *index);
static void copy_order(IndexOptInfo *info, const DbaHypoIndex *index);
static void copy_abilities(IndexOptInfo *info, const DbaHypoIndex *index,
						   const IndexAmRoutine *routine);
static bool can_return(const DbaHypoIndex *index, int column,
					   const IndexAmRoutine *routine);
static bool has_proc(const DbaHypoColumn *column, int number);
static bool spgist_can_return(const DbaHypoIndex *index);
static List *expressions_over(const List *expressions, Index varno);
static List *target_list(const DbaHypoIndex *index, const List *expressions, Index varno);

/*
 * The index for its table, which is being planned; allocated in the planner's
 * memory, but what hangs on it belongs to the index and lives as long.
 */
IndexOptInfo *
dba_hypo_info(DbaHypoIndex *index, RelOptInfo *rel)
{
	DbaHypoInfo *own = palloc(sizeof(DbaHypoInfo));
	IndexOptInfo *info = &own->info;

	*info = find_form(index, rel->relid)->info;
	own->index = index;
	info->indexoid = index->oid;
	info->rel = rel;
	if (!index->partitioned)
	{
		info->pages = index->pages;
		info->tuples = index->tuples < 0 ? rel->tuples : Min(index->tuples, rel->tuples);
		info->tree_height = index->height;
	}
	return info;
}

/* The form for this place, made if need be. */
static DbaHypoForm *
find_form(DbaHypoIndex *index, Index varno)
{
	DbaHypoForm *form = index->forms;
	MemoryContext caller;

	/* Somebody has copied the index and made another of it. */
	if (form != NULL && !form_fits(form, index, form->varno))
		form = index->forms = NULL;
	for (; form != NULL; form = form->next)
	{
		if (form->varno == varno)
			return form;
	}
	caller = MemoryContextSwitchTo(index->context);
	form = palloc0(sizeof(DbaHypoForm));
	make_form(form, index, varno);
	MemoryContextSwitchTo(caller);
	form->next = index->forms;
	index->forms = form;
	return form;
}

static bool
form_fits(const DbaHypoForm *form, const DbaHypoIndex *index, Index varno)
{
	return form->varno == varno && form->columns == index->columns &&
		form->expressions == index->expressions &&
		form->predicate == index->predicate &&
		form->info.ncolumns == index->column_count &&
		form->info.nkeycolumns == index->key_count &&
		form->info.unique == index->unique && form->info.relam == index->am;
}

static void
make_form(DbaHypoForm *form, const DbaHypoIndex *index, Index varno)
{
	const IndexAmRoutine *routine = GetIndexAmRoutineByAmId(index->am, false);
	IndexOptInfo *info = &form->info;

	form->varno = varno;
	form->columns = index->columns;
	form->expressions = index->expressions;
	form->predicate = index->predicate;

	info->type = T_IndexOptInfo;
	info->reltablespace = index->tablespace;
	info->tree_height = -1;
	info->relam = index->am;
	info->unique = index->unique;
	dba_set_nulls_not_distinct(info, index->nulls_not_distinct);
	info->immediate = true;
	info->hypothetical = true;
	copy_columns(info, index);
	for (int i = 0; i < index->column_count; i++)
		info->canreturn[i] = can_return(index, i, routine);
	/* An index of a partitioned table is not scanned. */
	if (!index->partitioned)
	{
		if (routine->amcanorder)
			copy_order(info, index);
		copy_abilities(info, index, routine);
	}
	info->indexprs = expressions_over(index->expressions, varno);
	info->indpred = expressions_over(index->predicate, varno);
	info->indextlist = target_list(index, info->indexprs, varno);
}

static void
copy_columns(IndexOptInfo *info, const DbaHypoIndex *index)
{
	int			all = index->column_count;
	int			keys = index->key_count;

	info->ncolumns = all;
	info->nkeycolumns = keys;
	info->indexkeys = palloc(sizeof(int) * all);
	info->canreturn = palloc(sizeof(bool) * all);
	info->indexcollations = palloc(sizeof(Oid) * keys);
	info->opfamily = palloc(sizeof(Oid) * keys);
	info->opcintype = palloc(sizeof(Oid) * keys);
	info->opclassoptions = palloc0(sizeof(bytea *) * all);
	for (int i = 0; i < all; i++)
	{
		info->indexkeys[i] = index->columns[i].attnum;
		info->opclassoptions[i] = index->columns[i].options;
	}
	for (int i = 0; i < keys; i++)
	{
		info->indexcollations[i] = index->columns[i].collation;
		info->opfamily[i] = index->columns[i].opfamily;
		info->opcintype[i] = index->columns[i].input_type;
	}
}

/* The order of the entries, which for the planner is one of btrees. */
static void
copy_order(IndexOptInfo *info, const DbaHypoIndex *index)
{
	int			keys = index->key_count;
	Oid		   *families = info->opfamily;

	if (index->am != BTREE_AM_OID)
	{
		families = palloc(sizeof(Oid) * keys);
		for (int i = 0; i < keys; i++)
		{
			families[i] = dba_ordering_family(info->opfamily[i], info->opcintype[i]);
			if (!OidIsValid(families[i]))
				return;
		}
	}
	info->sortopfamily = families;
	info->reverse_sort = palloc(sizeof(bool) * keys);
	info->nulls_first = palloc(sizeof(bool) * keys);
	for (int i = 0; i < keys; i++)
	{
		info->reverse_sort[i] = (index->columns[i].flags & INDOPTION_DESC) != 0;
		info->nulls_first[i] = (index->columns[i].flags & INDOPTION_NULLS_FIRST) != 0;
	}
}

static void
copy_abilities(IndexOptInfo *info, const DbaHypoIndex *index,
			   const IndexAmRoutine *routine)
{
	Relation	table = table_open(index->relid, NoLock);

	info->amcanorderbyop = routine->amcanorderbyop;
	info->amoptionalkey = routine->amoptionalkey;
	info->amsearcharray = routine->amsearcharray;
	info->amsearchnulls = routine->amsearchnulls;
	info->amcanparallel = routine->amcanparallel;
	info->amhasgettuple = routine->amgettuple != NULL;
	info->amhasgetbitmap = routine->amgetbitmap != NULL && dba_scans_bitmaps(table);
	info->amcanmarkpos = routine->ammarkpos != NULL && routine->amrestrpos != NULL;
	info->amcostestimate = dba_hypo_cost_function(index->am, routine);
	table_close(table, NoLock);
}

/* ------------------------------------------------------------------------
 * Index-only scans
 * ------------------------------------------------------------------------ */

/* Whether the access method could give the column back; asks as it would. */
static bool
can_return(const DbaHypoIndex *index, int column, const IndexAmRoutine *routine)
{
	const DbaHypoColumn *key = &index->columns[column];

	if (routine->amcanreturn == NULL)
		return false;
	switch (index->am)
	{
		case BTREE_AM_OID:
			return true;
		case GIST_AM_OID:
			return column >= index->key_count ||
				has_proc(key, GIST_FETCH_PROC) || !has_proc(key, GIST_COMPRESS_PROC);
		case SPGIST_AM_OID:
			return column >= index->key_count || spgist_can_return(index);
		default:
			return false;
	}
}

static bool
has_proc(const DbaHypoColumn *column, int number)
{
	return OidIsValid(get_opfamily_proc(column->opfamily, column->input_type,
										column->input_type, number));
}

/*
 * An SP-GiST operator class says so itself, when told the type of the values,
 * which is the column's where the class takes any.
 */
static bool
spgist_can_return(const DbaHypoIndex *index)
{
	const DbaHypoColumn *key = &index->columns[0];
	spgConfigIn in = {
		.attType = IsPolymorphicType(key->input_type) ? key->type : key->input_type
	};
	spgConfigOut out = {0};
	Oid			function = get_opfamily_proc(key->opfamily, key->input_type,
											 key->input_type, SPGIST_CONFIG_PROC);

	if (!OidIsValid(function))
		return false;
	(void) OidFunctionCall2Coll(function, key->collation, PointerGetDatum(&in),
								PointerGetDatum(&out));
	return out.canReturnData;
}

/* ------------------------------------------------------------------------
 * Expressions
 * ------------------------------------------------------------------------ */

/* The expressions, which are over entry 1, over the entry that is planned. */
static List *
expressions_over(const List *expressions, Index varno)
{
	List	   *result = copyObjectImpl(expressions);

	if (varno != 1)
		ChangeVarNodes((Node *) result, 1, varno, 0);
	return result;
}

/* The columns of the index as a target list. */
static List *
target_list(const DbaHypoIndex *index, const List *expressions, Index varno)
{
	List	   *list = NIL;
	int			expression = 0;

	for (int i = 0; i < index->column_count; i++)
	{
		AttrNumber	attnum = index->columns[i].attnum;
		Expr	   *column;

		if (attnum != 0)
		{
			Oid			type;
			int32		typmod;
			Oid			collation;

			get_atttypetypmodcoll(index->relid, attnum, &type, &typmod, &collation);
			column = (Expr *) makeVar(varno, attnum, type, typmod, collation, 0);
		}
		else
			column = list_nth(expressions, expression++);
		list = lappend(list, makeTargetEntry(column, i + 1, NULL, false));
	}
	return list;
}
