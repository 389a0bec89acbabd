/*-------------------------------------------------------------------------
 *
 * hypo_cost.h
 *	  What a scan of a hypothetical index would cost.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DBA_HYPO_COST_H
#define DBA_HYPO_COST_H

#include "access/amapi.h"

extern amcostestimate_function dba_hypo_cost_function(Oid am, const IndexAmRoutine *routine);

#endif							/* DBA_HYPO_COST_H */
