/*-------------------------------------------------------------------------
 *
 * operand.h
 *	  What of a table a statement compares or sorts by.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DBA_OPERAND_H
#define DBA_OPERAND_H

#include "nodes/pathnodes.h"

/* A column or an expression that could be a column of an index. */
typedef struct DbaOperand
{
	Expr	   *expr;			/* as the statement has it, RelabelTypes off */
	AttrNumber	attnum;			/* 0: an expression */
	Oid			type;
	int32		typmod;
	Oid			collation;		/* by which it is compared */
} DbaOperand;

/* An operand in an order that the statement wants. */
typedef struct DbaSortColumn
{
	DbaOperand *operand;
	Oid			opfamily;
	int16		flags;			/* INDOPTION_* */
} DbaSortColumn;

/* What was found of one table in one statement. */
typedef struct DbaOperands
{
	List	   *all;			/* DbaOperand */
	List	   *orders;			/* Lists of DbaSortColumn */
	List	   *rows;			/* Lists of DbaOperand: of (a, b) > (1, 2) */
} DbaOperands;

extern DbaOperands *dba_operands_find(PlannerInfo *root, RelOptInfo *rel);
extern bool dba_operand_same(const DbaOperand *a, const DbaOperand *b);

#endif							/* DBA_OPERAND_H */
