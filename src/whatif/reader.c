/*-------------------------------------------------------------------------
 *
 * reader.c
 *	  Who reads a table for us, and with which rights.
 *
 * All rows are to be seen, since an index has all of them.  As when the server
 * analyses a table it is read as its owner, whose functions are called, and who can
 * do no more then than compute.  An owner for whom his own policies hold (FORCE ROW
 * LEVEL SECURITY) does not see all rows; where nothing is computed, so that no code
 * of his is called, the owner of the database cluster reads in his place.
 *
 * Locking: none.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "whatif/reader.h"

#include "catalog/pg_authid.h"
#include "miscadmin.h"
#include "utils/guc.h"
#include "utils/rel.h"

static void pin(const char *name, const char *value, GucContext context);

/*
 * Until the end, or an error.  Says whether expressions are computed: then policies
 * of the kind above hold.
 */
void
dba_reader_begin(DbaReader *reader, Relation table, bool computes)
{
	bool		forced = table->rd_rel->relrowsecurity && table->rd_rel->relforcerowsecurity;
	Oid			user = forced && !computes ? BOOTSTRAP_SUPERUSERID : table->rd_rel->relowner;

	reader->nest_level = NewGUCNestLevel();
	GetUserIdAndSecContext(&reader->user, &reader->security);
	SetUserIdAndSecContext(user, reader->security | SECURITY_RESTRICTED_OPERATION);
	pin("search_path", "pg_catalog, pg_temp", PGC_USERSET);
	pin("row_security", forced && computes ? "on" : "off", PGC_USERSET);
	/* Reading a sample is nobody's workload. */
	pin("dbadvisor.observe", "off", PGC_SUSET);
}

static void
pin(const char *name, const char *value, GucContext context)
{
	(void) set_config_option(name, value, context, PGC_S_SESSION, GUC_ACTION_SAVE,
							 true, 0, false);
}

/* Who we were. */
void
dba_reader_end(const DbaReader *reader)
{
	SetUserIdAndSecContext(reader->user, reader->security);
	AtEOXact_GUC(false, reader->nest_level);
}
