/*-------------------------------------------------------------------------
 *
 * candidate.h
 *	  Indexes that may be worth making, over all statements.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DBA_CANDIDATE_H
#define DBA_CANDIDATE_H

#include "whatif/changes.h"

#include "nodes/bitmapset.h"

typedef struct DbaCandidate
{
	int			number;			/* its place in the pool */
	DbaHypoIndex *index;		/* of the table that statements name, which may be
								 * partitioned */
	List	   *leaves;			/* DbaHypoIndex of each partition, or itself */
	double		bytes;			/* of all of them */
	double		table_bytes;
	double		freed_bytes;	/* of indexes that could be dropped then */
	double		upkeep;			/* what writes cost more, in the workload's unit */
	bool		measured;		/* else bytes is a rough guess */
	bool		impossible;		/* CREATE INDEX would fail, or makes a twin */
	bool		fallback;		/* not to be thought of unless a btree is impossible */
	bool		possible;		/* it would not: that was looked for */
} DbaCandidate;

typedef struct DbaPool
{
	MemoryContext context;
	DbaCandidate **candidates;
	int			count;
	int			space;
	List	   *groups;			/* Bitmapsets of candidates, of use together */
	Bitmapset  *grouped;		/* those that alone may be of none: of OR */
} DbaPool;

extern DbaPool *dba_pool_new(void);
extern int	dba_pool_add(DbaPool *pool, const DbaHypoIndex *index);
extern void dba_pool_add_fallback(DbaPool *pool, const DbaHypoIndex *index);
extern void dba_pool_forbid(DbaPool *pool, DbaCandidate *candidate);
extern void dba_pool_add_group(DbaPool *pool, const Bitmapset *group);
extern void dba_pool_mark_grouped(DbaPool *pool, const Bitmapset *group);
extern void dba_pool_measure(DbaPool *pool);
extern bool dba_pool_measure_chosen(DbaPool *pool, const Bitmapset *chosen);
extern double dba_pool_bytes(const DbaPool *pool, const Bitmapset *chosen);
extern double dba_table_bytes(Oid relid);
extern DbaChanges *dba_pool_changes(const DbaPool *pool, const Bitmapset *chosen);
extern bool dba_index_same(const DbaHypoIndex *a, const DbaHypoIndex *b);
extern bool dba_index_begins(const DbaHypoIndex *index, const DbaHypoIndex *beginning);

#endif							/* DBA_CANDIDATE_H */
