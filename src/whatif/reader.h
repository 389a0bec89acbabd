/*-------------------------------------------------------------------------
 *
 * reader.h
 *	  Who reads a table for us, and with which rights.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DBA_READER_H
#define DBA_READER_H

#include "utils/relcache.h"

/* Who we were before. */
typedef struct DbaReader
{
	Oid			user;
	int			security;
	int			nest_level;		/* of settings */
} DbaReader;

extern void dba_reader_begin(DbaReader *reader, Relation table, bool computes);
extern void dba_reader_end(const DbaReader *reader);

#endif							/* DBA_READER_H */
