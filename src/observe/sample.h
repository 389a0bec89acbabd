/*-------------------------------------------------------------------------
 *
 * sample.h
 *	  A statement and the values that it ran with, packed to be planned again.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DBA_SAMPLE_H
#define DBA_SAMPLE_H

#include "nodes/params.h"
#include "nodes/parsenodes.h"

/* Bytes of one value; of a longer text the beginning is kept. */
#define DBA_MAX_VALUE 512

/* Values of one execution; a statement with more is kept without any. */
#define DBA_MAX_VALUES 200

/* Bytes of a packed statement or of its values; larger ones are not kept. */
#define DBA_MAX_PACKED (64 * 1024)

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
	Oid			type;			/* invalid: the statement has no such parameter */
	DbaValueState state;
	Datum		value;
} DbaValue;

typedef struct DbaValues
{
	int			count;
	DbaValue	values[FLEXIBLE_ARRAY_MEMBER];
} DbaValues;

/* A statement, as it can be planned again. */
typedef struct DbaTree
{
	Query	   *query;			/* constants of the text are parameters in it */
	int			bound;			/* parameters $1 .. $bound that the client sends;
								 * those beyond stand for constants */
	char	   *search_path;
} DbaTree;

/* Taking: in the planner, before it scribbles on the query. */
extern bool dba_tree_worth_keeping(const Query *query);
extern DbaTree *dba_tree_take(const Query *query, DbaValues **constants);
extern char *dba_tree_pack(const DbaTree *tree, Size *size);
extern DbaValues *dba_values_take(ParamListInfo bound, int count,
								  const DbaValues *constants,
								  bool keep_values);
extern char *dba_values_pack(const DbaValues *values, Size *size);

/* Reading: in any session of the same database. */
extern DbaTree *dba_tree_unpack(const char *data, Size size);
extern DbaValues *dba_values_unpack(const char *data, Size size);
extern ParamListInfo dba_values_bind(const DbaValues *values);
extern char *dba_value_text(const DbaValue *value);

#endif							/* DBA_SAMPLE_H */
