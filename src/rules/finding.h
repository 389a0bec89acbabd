/*-------------------------------------------------------------------------
 *
 * finding.h
 *	  One thing that a rule found, and the ranking of many.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DBA_FINDING_H
#define DBA_FINDING_H

#include "rules/rule.h"

#include "catalog/objectaddress.h"
#include "executor/spi.h"
#include "utils/jsonb.h"

typedef struct DbaFinding
{
	const DbaRule *rule;
	char		id[DBA_ID_LENGTH + 1];	/* of rule and object name */
	ObjectAddress address;		/* invalid when the object has none */
	DbaSeverity severity;
	char	   *object;			/* its name, quoted as SQL needs it */
	char	   *detail;			/* the measured fact, one sentence */
	double		saves_ms_per_hour;	/* negative: not known */
	double		costs_ms_per_hour;	/* what is lost now; negative: not known */
	int64		frees_bytes;	/* negative: not known */
	double		confidence;		/* 0..1; negative: not given */
	char	   *fix;			/* the rest may be NULL */
	bool		fix_changes;	/* the fix does more than to show something */
	char	   *undo;
	char	   *caution;
	Jsonb	   *evidence;
	List	   *merged;			/* findings that said the same less well */
	List	   *covered;		/* general ones, which this one is better than */
} DbaFinding;

extern List *dba_findings_read(const DbaRule *rule, SPITupleTable *rows,
							   uint64 nrows, MemoryContext context);
extern List *dba_findings_rank(List *findings);

#endif							/* DBA_FINDING_H */
