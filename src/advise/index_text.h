/*-------------------------------------------------------------------------
 *
 * index_text.h
 *	  A hypothetical index as CREATE INDEX writes it.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DBA_INDEX_TEXT_H
#define DBA_INDEX_TEXT_H

#include "whatif/hypo.h"

extern char *dba_index_body(const DbaHypoIndex *index);
extern char *dba_index_label(const DbaHypoIndex *index);

#endif							/* DBA_INDEX_TEXT_H */
