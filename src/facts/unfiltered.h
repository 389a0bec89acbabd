/*-------------------------------------------------------------------------
 *
 * unfiltered.h
 *	  Facts that the system views hide from a role that may not read a table.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DBA_UNFILTERED_H
#define DBA_UNFILTERED_H

#include "access/attnum.h"
#include "datatype/timestamp.h"

extern bool dba_sequence_last_value(Oid seqid, int64 *last_value);
extern bool dba_has_column_statistics(Oid relid, bool inherited);
extern bool dba_column_distinct(Oid relid, AttrNumber attnum, double *distinct);
extern bool dba_relation_last_scan(Oid relid, TimestampTz *last_scan);

#endif							/* DBA_UNFILTERED_H */
