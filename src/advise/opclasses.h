/*-------------------------------------------------------------------------
 *
 * opclasses.h
 *	  The operator classes that take a type.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DBA_OPCLASSES_H
#define DBA_OPCLASSES_H

#include "nodes/pg_list.h"

extern List *dba_opclasses_for(Oid am, Oid type);
extern Oid	dba_opclass_of_family(Oid am, Oid type, Oid opfamily);
extern List *dba_special_access_methods(void);

#endif							/* DBA_OPCLASSES_H */
