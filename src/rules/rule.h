/*-------------------------------------------------------------------------
 *
 * rule.h
 *	  A rule as the build made it from its file, and the catalogue of rules.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DBA_RULE_H
#define DBA_RULE_H

#include "dbadvisor.h"

typedef struct DbaRule
{
	const char *name;			/* unique among all rules */
	const char *category;		/* the folder */
	const char *title;			/* what it finds, in one line */
	DbaSeverity severity;		/* of a finding that names none itself */
	const char *needs;			/* what must hold, separated by commas */
	bool		general;		/* gives way to what others say of an object */
	const char *examines;		/* relation whose rows it looks at */
	const char *doc;			/* why, how to fix, what is not reported */
	const char *sql;			/* one SELECT */
} DbaRule;

/* Sorted by category and name. */
extern const DbaRule dba_rules[];
extern const int dba_rule_count;

extern const DbaRule *dba_rule_find(const char *name);
extern bool dba_rule_category_exists(const char *category);
extern char *dba_rule_names(void);
extern char *dba_rule_categories(void);

#endif							/* DBA_RULE_H */
