/*-------------------------------------------------------------------------
 *
 * workload.h
 *	  The statements that advice is for, and what each is worth.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DBA_WORKLOAD_H
#define DBA_WORKLOAD_H

#include "whatif/plannable.h"

#include "nodes/bitmapset.h"

/* One way in which a statement runs: with these values, or with none known. */
typedef struct DbaVariant
{
	DbaPlannable plannable;
	bool		has_values;		/* or needs none */
	double		share;			/* of the statement's executions */
	double		before;			/* cost as things are, planned quickly */
	double		rows;			/* that a plan of it writes */
	char	   *problem;		/* why it cannot be planned; NULL: it can */
	Bitmapset  *relevant;		/* candidates that give a way into its tables */
	int			dominated_count;
	Bitmapset **dominated;		/* of each candidate, those that are no worse */
	List	   *known;			/* DbaKnownCost */
} DbaVariant;

typedef struct DbaWork
{
	const char *text;
	uint64		queryid;		/* 0: not observed */
	double		calls;			/* an hour; of a given statement its weight */
	double		ms;				/* an hour; 0: not observed */
	double		rows;			/* an hour; negative: not counted */
	double		times;			/* how often it was called in all; 0: not observed */
	double		unit;			/* what a unit of its cost is worth: its weight, or
								 * milliseconds an hour */
	int			variant_count;
	DbaVariant *variants;
	DbaVariant *generic;		/* with none of the client's values, no part of its
								 * worth; NULL: it has none, or none is known */
	double		generic_gain;	/* share of the cost of that which is saved */
	Bitmapset  *relevant;		/* of all variants */
	double		before;			/* worth of it as things are */
	List	   *defeated;		/* DbaDefeated: what no index is to be made for */
} DbaWork;

/* What an observed statement writes, whether or not advice is for it. */
typedef struct DbaWritten
{
	Oid			relid;
	CmdType		command;
	double		rows;			/* an hour */
	Bitmapset  *columns;		/* attribute numbers that it updates */
} DbaWritten;

/* Statements that advice leaves out, and why. */
typedef struct DbaSkipped
{
	char	   *reason;			/* of one or several */
	bool		harmless;		/* advice would hardly be another with them */
	int			count;
	double		ms;				/* that they take an hour */
} DbaSkipped;

typedef struct DbaWorkload
{
	bool		observed;		/* worth is milliseconds an hour, else cost */
	int			count;
	DbaWork    *works;			/* observed ones: what takes most time first */
	double		ms;				/* an hour, of all, also of what is left out */
	List	   *skipped;		/* DbaSkipped */
	bool		writes_known;	/* else they are what works say */
	List	   *written;		/* DbaWritten */
} DbaWorkload;

extern DbaWorkload *dba_workload_given(char **texts, int count, const double *weights);
extern DbaSkipped *dba_workload_skip(DbaWorkload *workload, const char *reason, double ms);
extern void dba_workload_note_problems(DbaWorkload *workload);
extern void dba_workload_analyze(DbaWork *work, const char *text);
extern char *dba_workload_forbidden(const DbaPlannable *plannable, bool only_reading);

#endif							/* DBA_WORKLOAD_H */
