/*-------------------------------------------------------------------------
 *
 * rows.h
 *	  Rows of a set-returning function, filled from left to right.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DBA_ROWS_H
#define DBA_ROWS_H

#include "observe/store_scan.h"

#include "fmgr.h"
#include "nodes/execnodes.h"

#define DBA_MAX_ROW_COLUMNS 64

/* A row in the making. */
typedef struct DbaRow
{
	ReturnSetInfo *result;
	int			count;
	Datum		values[DBA_MAX_ROW_COLUMNS];
	bool		nulls[DBA_MAX_ROW_COLUMNS];
	Oid			userid;			/* who asks */
	bool		sees_all;		/* member of pg_read_all_stats */
} DbaRow;

extern void dba_rows_begin(FunctionCallInfo fcinfo, DbaRow *row);
extern void dba_row_end(DbaRow *row);
extern void dba_put(DbaRow *row, Datum value);
extern void dba_put_null(DbaRow *row);
extern void dba_put_int(DbaRow *row, int64 value);
extern void dba_put_float(DbaRow *row, double value);
extern void dba_put_ms(DbaRow *row, double ns);
extern void dba_put_time(DbaRow *row, TimestampTz value);
extern void dba_put_text(DbaRow *row, const char *text);
extern void dba_put_oid(DbaRow *row, Oid value);
extern void dba_put_columns(DbaRow *row, DbaColumns columns);
extern bool dba_may_see(const DbaRow *row, Oid userid);
extern void dba_put_key(DbaRow *row, const DbaStatementKey *key);
extern void dba_put_foreign_text(DbaRow *row, Oid dbid, const char *text);
extern void dba_put_blob_text(DbaRow *row, const DbaStatementKey *key, const DbaBlobCopy *blob);
extern void dba_put_percentiles(DbaRow *row, const uint64 *histogram);

#endif							/* DBA_ROWS_H */
