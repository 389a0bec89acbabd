/*-------------------------------------------------------------------------
 *
 * index_compare.h
 *	  What one index can do that another can do as well.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DBA_INDEX_COMPARE_H
#define DBA_INDEX_COMPARE_H

typedef enum DbaIndexRelation
{
	DBA_INDEX_DIFFERENT,		/* each has its own use */
	DBA_INDEX_REDUNDANT,		/* the other serves all it serves */
	DBA_INDEX_DUPLICATE			/* the other is the same index again */
} DbaIndexRelation;

extern DbaIndexRelation dba_index_compare(Oid indexid, Oid other);
extern bool dba_index_serves_foreign_key(Oid indexid, Oid constraintid);
extern bool dba_foreign_key_indexable(Oid constraintid);
extern bool dba_index_is_valid(Oid indexid);
extern char *dba_index_definition(Oid indexid);

#endif							/* DBA_INDEX_COMPARE_H */
