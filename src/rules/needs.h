/*-------------------------------------------------------------------------
 *
 * needs.h
 *	  Whether a rule can run on this server, now.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DBA_NEEDS_H
#define DBA_NEEDS_H

#include "rules/rule.h"

extern char *dba_rule_unmet_need(const DbaRule *rule);

#endif							/* DBA_NEEDS_H */
