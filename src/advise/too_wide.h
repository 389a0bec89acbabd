/*-------------------------------------------------------------------------
 *
 * too_wide.h
 *	  Whether an index could be built, for all that its table holds.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DBA_TOO_WIDE_H
#define DBA_TOO_WIDE_H

#include "whatif/hypo.h"

extern bool dba_is_too_wide(const DbaHypoIndex *index);

#endif							/* DBA_TOO_WIDE_H */
