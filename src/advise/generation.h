/*-------------------------------------------------------------------------
 *
 * generation.h
 *	  What is known of a table while candidates are thought of; for their makers.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DBA_GENERATION_H
#define DBA_GENERATION_H

#include "advise/generate.h"
#include "advise/trial.h"

/* An index that is not this much cheaper than what there is adds nothing. */
#define MARGIN 0.02

/* An index that was tried. */
typedef struct DbaTried
{
	DbaHypoIndex *index;
	List	   *columns;		/* DbaKeyColumn; NIL of another than a btree */
	List	   *predicate;		/* as the statement has it */
	List	   *paths;
	bool		kept;
	bool		fallback;		/* for want of a better one */
} DbaTried;

typedef struct DbaGeneration
{
	DbaGenerator *generator;
	DbaTrial	trial;
	DbaOperands *operands;
	List	   *keys;			/* DbaKey of btrees */
	List	   *served;			/* RestrictInfos that a btree serves */
	List	   *tried;			/* DbaTried */
} DbaGeneration;

extern DbaTried *dba_generation_try(DbaGeneration *generation, DbaHypoIndex *index, List *columns,
						List *predicate);
extern bool dba_generation_sorts(Oid type);
extern int	dba_generation_width(const DbaTrial *trial, AttrNumber attnum);

#endif							/* DBA_GENERATION_H */
