/*-------------------------------------------------------------------------
 *
 * steady.c
 *	  Weak evidence for N+1 that comes again and again.
 *
 * On a busy connection without transactions, a statement that was executed as
 * often as another one returned rows may have come from anybody.  A client that
 * shows the first fifty rows of a thousand executes it fifty times.  Once, both
 * say nothing; but what is no loop varies from one time to the next.
 *
 * Memory is static, of fixed size, and private to the backend: no locks.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "observe/steady.h"

/* The evidence is believed when it has come so often in a row. */
#define MIN_TIMES 4

/* Parents and children that are remembered; another replaces the oldest. */
#define MAX_SERIES 8

typedef struct Series
{
	const DbaStatementKey *parent;	/* NULL: unused */
	const DbaStatementKey *child;
	int64		count;			/* executions of the child the last time */
	int			times;			/* that the evidence came, in a row */
} Series;

static Series all_series[MAX_SERIES];
static int	oldest;

static Series *find_series(const DbaStatementKey *parent,
						   const DbaStatementKey *child);
static Series *begin_series(const DbaStatementKey *parent,
							const DbaStatementKey *child);

/*
 * Takes note that the child was executed count times after the parent returned
 * rows; possible says whether these can be a loop at all.  Returns whether the
 * evidence has come often enough: as many executions as rows, or as many as the
 * last time.  Anything else breaks the series.
 */
bool
dba_steady_note(const DbaStatementKey *parent, const DbaStatementKey *child,
				int64 rows, int64 count, bool possible)
{
	Series	   *series = find_series(parent, child);

	if (series == NULL && !possible)
		return false;
	if (series == NULL)
	{
		series = begin_series(parent, child);
		series->count = count;
	}
	if (possible && (count == series->count ||
					 (count >= rows - 1 && count <= rows + 1)))
		series->times++;
	else
		series->times = 0;
	series->count = count;
	return series->times >= MIN_TIMES;
}

/* Forgets every address of a statement. */
void
dba_steady_forget(void)
{
	memset(all_series, 0, sizeof(all_series));
}

static Series *
find_series(const DbaStatementKey *parent, const DbaStatementKey *child)
{
	for (int i = 0; i < MAX_SERIES; i++)
	{
		if (all_series[i].parent == parent && all_series[i].child == child)
			return &all_series[i];
	}
	return NULL;
}

static Series *
begin_series(const DbaStatementKey *parent, const DbaStatementKey *child)
{
	Series	   *series = &all_series[oldest];

	oldest = (oldest + 1) % MAX_SERIES;
	*series = (Series) {.parent = parent, .child = child};
	return series;
}
