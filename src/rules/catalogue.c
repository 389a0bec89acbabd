/*-------------------------------------------------------------------------
 *
 * catalogue.c
 *	  Which rules there are.
 *
 * Locking: none.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "rules/rule.h"

#include "lib/stringinfo.h"

/* The rule called "name" or "category/name", or NULL. */
const DbaRule *
dba_rule_find(const char *name)
{
	for (int i = 0; i < dba_rule_count; i++)
	{
		const DbaRule *rule = &dba_rules[i];
		size_t		length = strlen(rule->category);

		if (strcmp(name, rule->name) == 0)
			return rule;
		if (strncmp(name, rule->category, length) == 0 &&
			name[length] == '/' &&
			strcmp(name + length + 1, rule->name) == 0)
			return rule;
	}
	return NULL;
}

bool
dba_rule_category_exists(const char *category)
{
	for (int i = 0; i < dba_rule_count; i++)
	{
		if (strcmp(category, dba_rules[i].category) == 0)
			return true;
	}
	return false;
}

/* All names, for a hint. */
char *
dba_rule_names(void)
{
	StringInfoData buf;

	initStringInfo(&buf);
	for (int i = 0; i < dba_rule_count; i++)
		appendStringInfo(&buf, "%s%s", i ? ", " : "", dba_rules[i].name);
	return buf.data;
}

/* All categories, for a hint; the array is sorted by them. */
char *
dba_rule_categories(void)
{
	StringInfoData buf;

	initStringInfo(&buf);
	for (int i = 0; i < dba_rule_count; i++)
	{
		if (i == 0 ||
			strcmp(dba_rules[i].category, dba_rules[i - 1].category) != 0)
			appendStringInfo(&buf, "%s%s", i ? ", " : "",
							 dba_rules[i].category);
	}
	return buf.data;
}
