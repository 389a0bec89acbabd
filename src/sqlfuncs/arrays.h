/*-------------------------------------------------------------------------
 *
 * arrays.h
 *	  Arrays of texts, from and to SQL.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DBA_ARRAYS_H
#define DBA_ARRAYS_H

#include "utils/array.h"

extern ArrayType *dba_text_array(char **texts, int count);
extern char **dba_text_items(ArrayType *array, int *count);

#endif							/* DBA_ARRAYS_H */
