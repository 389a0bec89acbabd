/*-------------------------------------------------------------------------
 *
 * index_users.h
 *	  Which observed statements use an index, and what they cost without it.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DBA_INDEX_USERS_H
#define DBA_INDEX_USERS_H

#include "observe/statement.h"

#include "nodes/pg_list.h"

/* A statement that uses an index, or may do so. */
typedef struct DbaIndexUser
{
	Oid			index;
	DbaStatementKey key;
	const char *text;			/* without constants; NULL: not known */
	int64		calls;
	int64		total_ns;
	TimestampTz first_seen;
	double		cost;			/* as things are: mean over its samples */
	double		cost_without;	/* the same samples, without the index */
	double		worst_ratio;	/* of the sample that suffers most */
	const char *problem;		/* why that is not known; NULL: it is */
} DbaIndexUser;

extern List *dba_index_users(const Oid *indexes, int count, TimestampTz deadline);

#endif							/* DBA_INDEX_USERS_H */
