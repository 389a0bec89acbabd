/*-------------------------------------------------------------------------
 *
 * combine.c
 *	  Which columns, and in which order, could make an index.
 *
 * What is equal to something comes first, in every order, because other
 * statements may share a beginning; then either one column that is compared in
 * another way, or those that the result is sorted by.  Which of the many are worth
 * anything the planner decides afterwards.
 *
 * Locking: none.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "advise/combine.h"

/* Columns of equality that are permuted; of more the most selective ones. */
#define MAX_PERMUTED 4

/* What more rows than this are equal to is no key. */
#define MOST_ROWS 0.5

typedef struct Combiner
{
	int			max_columns;
	List	   *equal;			/* DbaKeyColumn, most selective first */
	List	   *joined;			/* DbaKeyColumn */
	List	   *ranges;			/* DbaKeyColumn */
	List	   *tails;			/* Lists of DbaKeyColumn: orders and rows */
	List	   *result;			/* Lists of DbaKeyColumn */
} Combiner;

static void sort_keys(Combiner *combiner, List *keys);
static int	by_selectivity(const ListCell *a, const ListCell *b);
static void permute(Combiner *combiner, List *prefix, List *rest);
static void add_tails(Combiner *combiner, List *prefix);
static void add(Combiner *combiner, List *columns);
static bool same_column(const DbaKeyColumn *a, const DbaKeyColumn *b);
static bool has_operand(List *columns, const DbaKeyColumn *column);

/*
 * Lists of DbaKeyColumn, of at most so many, shorter ones before longer.  Orders
 * and rows are lists of DbaKeyColumn themselves.
 */
List *
dba_combine(List *keys, List *orders, List *rows, int max_columns)
{
	Combiner	combiner = {.max_columns = max_columns};
	List	   *result = NIL;

	sort_keys(&combiner, keys);
	combiner.tails = list_concat_copy(orders, rows);
	permute(&combiner, NIL, list_concat_copy(combiner.equal, combiner.joined));
	for (int length = 1; length <= max_columns; length++)
	{
		ListCell   *cell;

		foreach(cell, combiner.result)
		{
			if (list_length(lfirst(cell)) == length)
				result = lappend(result, lfirst(cell));
		}
	}
	return result;
}

static void
sort_keys(Combiner *combiner, List *keys)
{
	List	   *sorted = list_copy(keys);
	ListCell   *cell;

	list_sort(sorted, by_selectivity);
	foreach(cell, sorted)
	{
		DbaKey	   *key = lfirst(cell);

		if (key->equal && key->selectivity > MOST_ROWS)
			continue;
		if (key->equal && list_length(combiner->equal) < MAX_PERMUTED)
			combiner->equal = lappend(combiner->equal, &key->column);
		else if (key->equal_join && list_length(combiner->joined) < MAX_PERMUTED)
			combiner->joined = lappend(combiner->joined, &key->column);
		if (key->range)
			combiner->ranges = lappend(combiner->ranges, &key->column);
	}
}

static int
by_selectivity(const ListCell *a, const ListCell *b)
{
	Selectivity x = ((const DbaKey *) lfirst(a))->selectivity;
	Selectivity y = ((const DbaKey *) lfirst(b))->selectivity;

	return (x > y) - (x < y);
}

/* Every order of every choice of the rest after the prefix, each with tails. */
static void
permute(Combiner *combiner, List *prefix, List *rest)
{
	ListCell   *cell;

	if (prefix != NIL)
		add(combiner, prefix);
	add_tails(combiner, prefix);
	if (list_length(prefix) >= combiner->max_columns)
		return;
	foreach(cell, rest)
	{
		List	   *others = list_delete_ptr(list_copy(rest), lfirst(cell));

		permute(combiner, lappend(list_copy(prefix), lfirst(cell)), others);
	}
}

/* The prefix with a range behind it, or with an order. */
static void
add_tails(Combiner *combiner, List *prefix)
{
	ListCell   *cell;

	foreach(cell, combiner->ranges)
	{
		if (!has_operand(prefix, lfirst(cell)))
			add(combiner, lappend(list_copy(prefix), lfirst(cell)));
	}
	foreach(cell, combiner->tails)
	{
		List	   *columns = list_copy(prefix);
		ListCell   *tail;

		foreach(tail, (List *) lfirst(cell))
		{
			if (!has_operand(columns, lfirst(tail)))
				columns = lappend(columns, lfirst(tail));
			add(combiner, list_copy(columns));
		}
	}
}

/* Adds what is not too long, once. */
static void
add(Combiner *combiner, List *columns)
{
	ListCell   *cell;

	if (list_length(columns) > combiner->max_columns)
		return;
	foreach(cell, combiner->result)
	{
		if (dba_columns_same(lfirst(cell), columns))
			return;
	}
	combiner->result = lappend(combiner->result, columns);
}

bool
dba_columns_same(List *a, List *b)
{
	return list_length(a) == list_length(b) && dba_columns_begin(a, b);
}

/* Whether the columns begin with these. */
bool
dba_columns_begin(List *columns, List *beginning)
{
	ListCell   *a;
	ListCell   *b;

	if (list_length(beginning) > list_length(columns))
		return false;
	forboth(a, columns, b, beginning)
	{
		if (!same_column(lfirst(a), lfirst(b)))
			return false;
	}
	return true;
}

/* Whether all ascend, NULLs last. */
bool
dba_columns_plain(const List *columns)
{
	const ListCell *cell;

	foreach(cell, columns)
	{
		if (((const DbaKeyColumn *) lfirst(cell))->flags != 0)
			return false;
	}
	return true;
}

/* The same columns so that they do. */
List *
dba_columns_as_plain(const List *columns)
{
	List	   *result = NIL;
	const ListCell *cell;

	foreach(cell, columns)
	{
		DbaKeyColumn *column = palloc(sizeof(DbaKeyColumn));

		*column = *(const DbaKeyColumn *) lfirst(cell);
		column->flags = 0;
		result = lappend(result, column);
	}
	return result;
}

static bool
same_column(const DbaKeyColumn *a, const DbaKeyColumn *b)
{
	return a->opclass == b->opclass && a->flags == b->flags &&
		dba_operand_same(a->operand, b->operand);
}

static bool
has_operand(List *columns, const DbaKeyColumn *column)
{
	ListCell   *cell;

	foreach(cell, columns)
	{
		if (dba_operand_same(((DbaKeyColumn *) lfirst(cell))->operand, column->operand))
			return true;
	}
	return false;
}
