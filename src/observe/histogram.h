/*-------------------------------------------------------------------------
 *
 * histogram.h
 *	  Latencies in log-linear buckets: percentiles from a kilobyte.
 *
 * Each octave has 8 buckets of equal width, so a value is known to 1/8 of the
 * octave's start and the middle of its bucket is at most 6.25 % off.
 * Histograms are added bucket by bucket.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DBA_HISTOGRAM_H
#define DBA_HISTOGRAM_H

#include "port/pg_bitutils.h"

/* A unit is 32 ns; the first 8 buckets are one unit wide each. */
#define DBA_HISTOGRAM_UNIT_BITS 5

/* Up to 32 ns * 2^39, which is 4.9 hours; slower ones count as that slow. */
#define DBA_HISTOGRAM_OCTAVES 36
#define DBA_HISTOGRAM_BUCKETS (8 + 8 * DBA_HISTOGRAM_OCTAVES)

/* The bucket of a latency. */
static inline int
dba_histogram_bucket(uint64 ns)
{
	uint64		units = ns >> DBA_HISTOGRAM_UNIT_BITS;
	int			octave;
	int			bucket;

	if (units < 8)
		return (int) units;
	octave = pg_leftmost_one_pos64(units) - 3;
	bucket = 8 * octave + (int) (units >> octave);
	return Min(bucket, DBA_HISTOGRAM_BUCKETS - 1);
}

extern double dba_histogram_middle(int bucket);
extern double dba_histogram_percentile(const uint64 *buckets, double fraction);

#endif							/* DBA_HISTOGRAM_H */
