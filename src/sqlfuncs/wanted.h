/*-------------------------------------------------------------------------
 *
 * wanted.h
 *	  An observed statement that somebody asks for by its number.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DBA_WANTED_H
#define DBA_WANTED_H

#include "observe/tree.h"
#include "sqlfuncs/rows.h"
#include "whatif/replan.h"

extern void dba_wanted_plannable(uint64 queryid, int sample, DbaPlannable *plannable);
extern DbaTree *dba_wanted_tree(DbaRow *reader, uint64 queryid);

#endif							/* DBA_WANTED_H */
