/*-------------------------------------------------------------------------
 *
 * arrays.c
 *	  Arrays of texts, from and to SQL.
 *
 * Locking: none.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "sqlfuncs/arrays.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"

/* The texts as an array; NULL pointers are nulls. */
ArrayType *
dba_text_array(char **texts, int count)
{
	Datum	   *items = palloc(sizeof(Datum) * (count + 1));
	bool	   *nulls = palloc0(sizeof(bool) * (count + 1));
	int			lower = 1;

	for (int i = 0; i < count; i++)
	{
		nulls[i] = texts[i] == NULL;
		if (!nulls[i])
			items[i] = CStringGetTextDatum(texts[i]);
	}
	return construct_md_array(items, nulls, 1, &count, &lower, TEXTOID, -1, false,
							  TYPALIGN_INT);
}

/* The items of a text[]; an error where one is null. */
char **
dba_text_items(ArrayType *array, int *count)
{
	Datum	   *items;
	char	  **texts;

	if (array_contains_nulls(array))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("array must not contain nulls")));
	deconstruct_array(array, TEXTOID, -1, false, TYPALIGN_INT, &items, NULL, count);
	texts = palloc(sizeof(char *) * (*count + 1));
	for (int i = 0; i < *count; i++)
		texts[i] = TextDatumGetCString(items[i]);
	return texts;
}
