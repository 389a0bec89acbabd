/*-------------------------------------------------------------------------
 *
 * values.h
 *	  The values that a statement ran with, once.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DBA_VALUES_H
#define DBA_VALUES_H

#include "observe/blob.h"

#include "nodes/params.h"

/* Bytes of one value; of a longer text the beginning is kept. */
#define DBA_MAX_VALUE 512

/* Values of one execution; a statement with more is kept without any. */
#define DBA_MAX_VALUES 200

typedef enum DbaValueState
{
	DBA_VALUE_GIVEN,
	DBA_VALUE_NULL,
	DBA_VALUE_CUT,				/* the beginning of a longer text */
	DBA_VALUE_NOT_KEPT			/* too long, of a type that cannot be kept, or
								 * dbadvisor.capture_parameters is off */
} DbaValueState;

typedef struct DbaValue
{
	Oid			type;			/* invalid: the statement has no such
								 * parameter */
	int16		typlen;			/* of the type when the value was taken */
	bool		typbyval;
	DbaValueState state;
	Datum		value;			/* where GIVEN or CUT */
} DbaValue;

typedef struct DbaValues
{
	int			count;			/* 0 also where there were too many */
	DbaValue	values[FLEXIBLE_ARRAY_MEMBER];
} DbaValues;

/* Taking: in the planner or the executor. */
extern DbaValues *dba_values_new(int count);
extern DbaValue dba_value_literal(const char *text);
extern DbaValues *dba_values_take(ParamListInfo bound, int count,
								  const DbaValues *constants,
								  bool keep_values);
extern char *dba_values_pack(const DbaValues *values, Size *size);

/* Reading: in any session of the same database. */
extern DbaValues *dba_values_unpack(const char *data, Size size);
extern ParamListInfo dba_values_bind(const DbaValues *values);
extern char *dba_value_text(const DbaValue *value);

#endif							/* DBA_VALUES_H */
