/*-------------------------------------------------------------------------
 *
 * sampled_keys.h
 *	  How many keys a table has, and how many rows each, by a sample.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DBA_SAMPLED_KEYS_H
#define DBA_SAMPLED_KEYS_H

#include "storage/block.h"

/* Keys that have about as many rows. */
typedef struct DbaKeyGroup
{
	double		keys;
	double		rows;			/* of each key */
	double		blocks;			/* of the table, that have it */
	double		size;			/* of an entry with it, bytes */
} DbaKeyGroup;

typedef struct DbaKeyGroups
{
	int			count;
	DbaKeyGroup *groups;
} DbaKeyGroups;

typedef struct DbaKeys DbaKeys;

extern DbaKeys *dba_keys_begin(void);
extern void dba_keys_add(DbaKeys *keys, uint64 hash, BlockNumber block, uint32 size);
extern DbaKeyGroups *dba_keys_estimate(DbaKeys *keys, double share);

#endif							/* DBA_SAMPLED_KEYS_H */
