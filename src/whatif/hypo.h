/*-------------------------------------------------------------------------
 *
 * hypo.h
 *	  An index that does not exist: what CREATE INDEX would make of a text.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DBA_HYPO_H
#define DBA_HYPO_H

#include "access/attnum.h"
#include "access/htup.h"
#include "nodes/parsenodes.h"
#include "nodes/pg_list.h"
#include "storage/block.h"

/* A column of the index, as the server's catalogs would describe it. */
typedef struct DbaHypoColumn
{
	AttrNumber	attnum;			/* of the table; 0: the next expression */
	Oid			type;			/* of the column or expression */
	int32		typmod;
	Oid			stored_type;	/* that the index keeps */
	Oid			collation;
	Oid			opclass;		/* this and below: of a key column, else invalid */
	Oid			opfamily;
	Oid			input_type;		/* that the operator class declares */
	int16		flags;			/* INDOPTION_* */
	bytea	   *options;		/* of the operator class, or NULL */
	Datum		raw_options;	/* the same as text[], or 0 */
} DbaHypoColumn;

/* What the planner asks a GIN index's meta page for. */
typedef struct DbaHypoGin
{
	double		entries;		/* keys */
	double		entry_pages;
	double		data_pages;		/* of posting trees */
} DbaHypoGin;

typedef struct DbaHypoIndex
{
	MemoryContext context;		/* that this and all of it lives in */
	Oid			oid;			/* pretended; unique among those of one plan */
	char	   *name;
	bool		named;			/* so by its text; else as the server would */
	Oid			relid;
	Oid			am;
	Oid			tablespace;		/* as in pg_class: 0 is the database's */
	bool		unique;
	bool		nulls_not_distinct;
	int			column_count;
	int			key_count;		/* columns before INCLUDE */
	DbaHypoColumn *columns;
	List	   *expressions;	/* over range table entry 1 */
	List	   *predicate;		/* the same, an implicit AND */
	bytea	   *options;		/* as the access method parsed them, or NULL */

	/* What it would be after CREATE INDEX. */
	BlockNumber pages;
	double		tuples;			/* < 0: as many as the table has */
	int			height;			/* of a tree above its leaves; -1: unknown */
	DbaHypoGin	gin;			/* where it is one */

	bool		partitioned;	/* has no entries; those of the leaves have */
	struct DbaHypoForm *forms;	/* what hypo_info.c told the planner before */
	HeapTuple  *stats;			/* of each column that is an expression, its row of
								 * pg_statistic; NULL: not sampled */
	int64		too_wide;		/* bytes of the widest entry seen, if CREATE INDEX
								 * would refuse it; else 0 */
} DbaHypoIndex;

extern DbaHypoIndex *dba_hypo_define(const char *create_index);
extern DbaHypoIndex *dba_hypo_define_parsed(IndexStmt *stmt, const char *text);
extern Node *dba_hypo_expression(const DbaHypoIndex *index, int column);
extern void dba_hypo_set_opclass(DbaHypoColumn *column, Oid opclass, Oid am);

#endif							/* DBA_HYPO_H */
