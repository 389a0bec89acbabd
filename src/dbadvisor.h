/*-------------------------------------------------------------------------
 *
 * dbadvisor.h
 *	  What every station shares: the scale of severity, and the limits.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DBADVISOR_H
#define DBADVISOR_H

/* How much a finding matters; a larger value matters more. */
typedef enum DbaSeverity
{
	DBA_SEVERITY_INFO,			/* for the record */
	DBA_SEVERITY_NOTICE,		/* worth doing */
	DBA_SEVERITY_WARNING,		/* costs real time, space or safety */
	DBA_SEVERITY_CRITICAL		/* data, availability or security at risk */
} DbaSeverity;

#define DBA_SEVERITY_COUNT (DBA_SEVERITY_CRITICAL + 1)

/* Whether the library came in through shared_preload_libraries. */
extern bool dba_preloaded;

extern const char *dba_severity_name(DbaSeverity severity);
extern bool dba_severity_parse(const char *name, DbaSeverity *severity);

/* Characters of a finding's id; 12 hexadecimal digits are 48 bits. */
#define DBA_ID_LENGTH 12

/* Objects a coverage row names before it says "and N more". */
#define DBA_MAX_NAMED_SKIPS 5

#endif							/* DBADVISOR_H */
