/*-------------------------------------------------------------------------
 *
 * paper_index.h
 *	  A hypothetical index as access methods know indexes.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DBA_PAPER_INDEX_H
#define DBA_PAPER_INDEX_H

#include "whatif/hypo.h"

#include "utils/relcache.h"

extern Relation dba_paper_index(const DbaHypoIndex *index);

#endif							/* DBA_PAPER_INDEX_H */
