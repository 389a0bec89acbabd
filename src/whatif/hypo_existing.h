/*-------------------------------------------------------------------------
 *
 * hypo_existing.h
 *	  An index that exists, described like one that does not.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DBA_HYPO_EXISTING_H
#define DBA_HYPO_EXISTING_H

#include "whatif/hypo.h"

/* What else matters of it. */
typedef struct DbaExisting
{
	DbaHypoIndex *index;		/* with its real Oid */
	bool		valid;
	bool		droppable;		/* nothing but its speed depends on it */
} DbaExisting;

extern List *dba_hypo_existing(Oid relid);

#endif							/* DBA_HYPO_EXISTING_H */
