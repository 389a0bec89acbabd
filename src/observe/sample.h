/*-------------------------------------------------------------------------
 *
 * sample.h
 *	  A statement and the values that it ran with, packed to be planned again.
 *
 * Two halves, because one statement has many executions: tree.h has the
 * statement without its constants, values.h has what stood in their place in
 * one execution.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DBA_SAMPLE_H
#define DBA_SAMPLE_H

#include "observe/tree.h"
#include "observe/values.h"

#endif							/* DBA_SAMPLE_H */
