/*-------------------------------------------------------------------------
 *
 * opclasses.c
 *	  The operator classes that take a type.
 *
 * Locking: AccessShareLock on pg_am for a moment.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "advise/opclasses.h"

#include "access/amapi.h"
#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/pg_am.h"
#include "catalog/pg_opclass.h"
#include "commands/defrem.h"
#include "parser/parse_coerce.h"
#include "utils/catcache.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

/*
 * One of each family, the default first.  A family's operators decide what the
 * index serves, so two of one family are one too many.
 */
List *
dba_opclasses_for(Oid am, Oid type)
{
	Oid			base = getBaseType(type);
	Oid			preferred = GetDefaultOpClass(base, am);
	List	   *families = NIL;
	List	   *result = NIL;
	CatCList   *list;

	if (OidIsValid(preferred))
	{
		result = list_make1_oid(preferred);
		families = list_make1_oid(get_opclass_family(preferred));
	}
	list = SearchSysCacheList1(CLAAMNAMENSP, ObjectIdGetDatum(am));
	for (int i = 0; i < list->n_members; i++)
	{
		Form_pg_opclass opclass = (Form_pg_opclass) GETSTRUCT(&list->members[i]->tuple);

		if (!IsBinaryCoercible(base, opclass->opcintype) ||
			list_member_oid(families, opclass->opcfamily))
			continue;
		result = lappend_oid(result, opclass->oid);
		families = lappend_oid(families, opclass->opcfamily);
	}
	ReleaseCatCacheList(list);
	return result;
}

/* That of the family which takes the type, or none. */
Oid
dba_opclass_of_family(Oid am, Oid type, Oid opfamily)
{
	ListCell   *cell;

	foreach(cell, dba_opclasses_for(am, type))
	{
		if (get_opclass_family(lfirst_oid(cell)) == opfamily)
			return lfirst_oid(cell);
	}
	return InvalidOid;
}

/*
 * Access methods for what no btree can: GIN, GiST and SP-GiST in this order, then
 * those of extensions that find what is nearest.
 */
List *
dba_special_access_methods(void)
{
	List	   *result = list_make3_oid(GIN_AM_OID, GIST_AM_OID, SPGIST_AM_OID);
	Relation	methods = table_open(AccessMethodRelationId, AccessShareLock);
	SysScanDesc scan = systable_beginscan(methods, InvalidOid, false, NULL, 0, NULL);
	HeapTuple	tuple;

	while ((tuple = systable_getnext(scan)) != NULL)
	{
		Form_pg_am	method = (Form_pg_am) GETSTRUCT(tuple);

		if (method->amtype == AMTYPE_INDEX &&
			GetIndexAmRoutineByAmId(method->oid, false)->amcanorderbyop)
			result = list_append_unique_oid(result, method->oid);
	}
	systable_endscan(scan);
	table_close(methods, AccessShareLock);
	return result;
}
