/*
 * cppcheck.h: what cppcheck must know of PostgreSQL, whose headers it does not
 * read: that an ERROR does not come back, and macros that are not statements.
 */
#define PG_VERSION_NUM 180000
#define PG_MODULE_MAGIC
#define PG_MODULE_MAGIC_EXT(...)
#define PG_FUNCTION_INFO_V1(name) extern Datum name(PG_FUNCTION_ARGS)
#define PG_FUNCTION_ARGS FunctionCallInfo fcinfo
#define PGDLLEXPORT
#define ERROR 21
#define FATAL 22
#define PANIC 23
#define ereport(level, ...) do { if ((level) >= ERROR) abort(); } while (0)
#define elog(level, ...) do { if ((level) >= ERROR) abort(); } while (0)
#define Assert(condition) do { if (!(condition)) abort(); } while (0)
#define PG_TRY(...) do { if (1) {
#define PG_CATCH(...) } else {
#define PG_FINALLY(...) } {
#define PG_END_TRY(...) } } while (0)
#define PG_RE_THROW() abort()
#define lengthof(array) (sizeof (array) / sizeof ((array)[0]))
#define foreach(cell, list) for ((cell) = list_head(list); (cell) != NULL; (cell) = lnext((list), (cell)))
