/*-------------------------------------------------------------------------
 *
 * histogram.c
 *	  Latencies in log-linear buckets: what is not on the hot path.
 *
 * Locking: none; the caller owns the buckets.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "observe/histogram.h"

#include <math.h>

static double bucket_start(int bucket);

/* The middle of a bucket in nanoseconds, which stands for all in it. */
double
dba_histogram_middle(int bucket)
{
	Assert(bucket >= 0 && bucket < DBA_HISTOGRAM_BUCKETS);
	return (bucket_start(bucket) + bucket_start(bucket + 1)) / 2;
}

/*
 * The latency in nanoseconds that the fraction of all executions did not
 * exceed (nearest rank), or NaN when there was none.
 */
double
dba_histogram_percentile(const uint64 *buckets, double fraction)
{
	uint64		total = 0;
	uint64		seen = 0;
	double		rank;

	for (int i = 0; i < DBA_HISTOGRAM_BUCKETS; i++)
		total += buckets[i];
	if (total == 0)
		return NAN;

	rank = Max(1.0, ceil(fraction * (double) total));
	for (int i = 0; i < DBA_HISTOGRAM_BUCKETS; i++)
	{
		seen += buckets[i];
		if ((double) seen >= rank)
			return dba_histogram_middle(i);
	}
	return dba_histogram_middle(DBA_HISTOGRAM_BUCKETS - 1);
}

/* Where a bucket begins, in nanoseconds. */
static double
bucket_start(int bucket)
{
	int			octave = bucket / 8 - 1;
	double		units = octave < 0 ? bucket : ldexp(8 + bucket % 8, octave);

	return ldexp(units, DBA_HISTOGRAM_UNIT_BITS);
}
