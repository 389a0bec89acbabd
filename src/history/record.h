/*-------------------------------------------------------------------------
 *
 * record.h
 *	  What is remembered of findings: dismissals, and when first seen.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DBA_RECORD_H
#define DBA_RECORD_H

#include "dbadvisor.h"
#include "rules/finding.h"

#include "datatype/timestamp.h"

typedef struct DbaRecord
{
	char		id[DBA_ID_LENGTH + 1];	/* hash key */
	bool		dismissed;		/* now, and not only until a past time */
	bool		seen;			/* by a snapshot */
	TimestampTz first_seen;		/* valid if seen */
} DbaRecord;

typedef struct DbaRecords DbaRecords;

extern DbaRecords *dba_records_load(void);
extern const DbaRecord *dba_records_of(DbaRecords *records,
									   const DbaFinding *finding);
extern const char *dba_record_status(const DbaRecord *record);

extern void dba_record_dismiss(const DbaFinding *finding, const char *reason,
							   const TimestampTz *until);
extern bool dba_record_reopen(const char *id);
extern char *dba_record_dismissed_ids(void);

#endif							/* DBA_RECORD_H */
