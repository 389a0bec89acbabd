/*-------------------------------------------------------------------------
 *
 * period.h
 *	  A day, a month, a year of a time: from when to when.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DBA_PERIOD_H
#define DBA_PERIOD_H

#include "advise/condition.h"

extern Node *dba_period_condition(DbaCondition *condition);

#endif							/* DBA_PERIOD_H */
