/*-------------------------------------------------------------------------
 *
 * runner.h
 *	  Runs the rules and gives what they found and what they examined.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DBA_RUNNER_H
#define DBA_RUNNER_H

#include "rules/rule.h"

/* How far a rule came. */
typedef enum DbaCoverageStatus
{
	DBA_COVERAGE_EXAMINED,		/* all of it */
	DBA_COVERAGE_PARTLY,		/* some objects were locked */
	DBA_COVERAGE_SKIPPED,		/* something that it needs is not there */
	DBA_COVERAGE_CUT_OFF,		/* by the time limit */
	DBA_COVERAGE_FAILED			/* with an error */
} DbaCoverageStatus;

typedef struct DbaCoverage
{
	const DbaRule *rule;
	DbaCoverageStatus status;
	int64		examined;		/* objects looked at */
	int64		found;			/* findings, before merging */
	int64		skipped;		/* objects left out */
	char	   *reason;			/* why not all, or NULL */
	double		ms;				/* wall clock */
} DbaCoverage;

typedef struct DbaRun
{
	List	   *findings;		/* of DbaFinding, ranked */
	List	   *coverage;		/* of DbaCoverage, in the order of the rules */
} DbaRun;

extern DbaRun *dba_run_rules(List *categories);
extern bool dba_run_note(int64 skipped, const char *reason);
extern const char *dba_coverage_status_name(DbaCoverageStatus status);

#endif							/* DBA_RUNNER_H */
