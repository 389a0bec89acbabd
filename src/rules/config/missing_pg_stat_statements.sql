-- missing_pg_stat_statements: nobody counts which statements take the time
-- category: config
-- severity: notice
-- examines: server
--
-- pg_stat_statements keeps calls, time, rows and blocks of every statement. It
-- is the first thing to look at when a server is slow, and it cannot be asked
-- about the time before it was there. Its cost is small enough that nearly all
-- hosting services have it on. Severity is info where dbadvisor itself observes
-- statements, which it does when the server preloads it: then pg_stat_statements
-- is for other tools.
--
-- Reported when it is not loaded by the server (shared_preload_libraries), when
-- it is loaded but not an extension of this database, when the extension is so
-- old (before 1.9, which a server updated with pg_upgrade keeps) that the view
-- lacks columns, and when it is not even installed on the machine.
--
-- Fix: load it (ALTER SYSTEM and a restart of the server), CREATE EXTENSION, or
-- ALTER EXTENSION UPDATE. The ALTER SYSTEM keeps every library that is there
-- and adds dbadvisor as well when that is missing, so that it and the fix of
-- not_preloaded are one and the same. The package that has pg_stat_statements
-- is postgresql-contrib or postgresqlNN-contrib where it is not part of the
-- server's own.
--
-- On a standby only the loading is offered: its databases are the primary's.

WITH limits AS (
    SELECT '{1,9}'::int[] AS min_version
), known AS (
    SELECT (SELECT e.extversion FROM pg_extension e WHERE e.extname = 'pg_stat_statements') AS version,
           EXISTS (SELECT FROM pg_available_extensions a
                   WHERE a.name = 'pg_stat_statements') AS available,
           -- A setting of that name in postgresql.conf alone is no integer.
           EXISTS (SELECT FROM pg_settings s
                   WHERE s.name = 'pg_stat_statements.max' AND s.vartype = 'integer') AS loaded
), states AS (
    SELECT k.*,
           CASE WHEN NOT k.loaded AND NOT k.available THEN 'not installed'
                WHEN NOT k.loaded THEN 'not loaded'
                WHEN k.version IS NULL THEN 'not created'
                WHEN CASE WHEN k.version ~ '^[0-9]{1,4}[.][0-9]{1,4}$'
                          THEN string_to_array(k.version, '.')::int[] < l.min_version END
                THEN 'outdated' END AS state
    FROM known k, limits l
), plans AS (
    SELECT s.state,
           s.version,
           p.*,
           s.state = 'not loaded' AND p.changeable AND NOT p.pending_restart
               AND 'pg_stat_statements' = ANY (p.missing) AS can_load,
           pg_is_in_recovery() AS is_standby
    FROM states s
    LEFT JOIN dbadvisor.preload_libraries p ON true
    WHERE s.state IS NOT NULL
), commands AS (
    SELECT p.*,
           p.version IS NULL AND NOT p.is_standby
               AND (p.can_load OR p.state = 'not created') AS can_create
    FROM plans p
)
SELECT NULL::oid AS classid,
       NULL::oid AS objid,
       NULL::int AS objsubid,
       'extension pg_stat_statements' AS object,
       CASE c.state
           WHEN 'not installed' THEN 'pg_stat_statements is not installed on this machine, so nobody counts which statements take the time.'
           WHEN 'not created' THEN 'The server loads pg_stat_statements, but it is not an extension of this database, where nobody can read what it counts.'
           WHEN 'outdated' THEN format('pg_stat_statements is still of version %s in this database, and its view lacks what later ones show.', c.version)
           ELSE format('pg_stat_statements is not loaded by the server (shared_preload_libraries: %s)%s, so nobody counts which statements take the time.',
                       CASE WHEN c.setting IS NULL THEN 'not readable' WHEN c.setting = '' THEN 'empty'
                            ELSE c.setting END,
                       CASE WHEN c.version IS NULL THEN ''
                            ELSE format(', though version %s of it is in this database', c.version) END) END AS detail,
       CASE WHEN w.observes THEN 'info' ELSE 'notice' END AS severity,
       nullif(concat_ws(E'\n',
           CASE WHEN c.can_load THEN c.add_missing END,
           CASE WHEN c.can_create THEN 'CREATE EXTENSION pg_stat_statements;'
                WHEN c.state = 'outdated' AND NOT c.is_standby
                THEN 'ALTER EXTENSION pg_stat_statements UPDATE;' END), '') AS fix,
       nullif(concat_ws(E'\n',
           CASE WHEN c.can_create THEN 'DROP EXTENSION pg_stat_statements;' END,
           CASE WHEN c.can_load THEN c.restore END), '') AS undo,
       concat_ws(' ',
           CASE c.state
               WHEN 'not installed' THEN 'Install the package with the contrib modules of this server''s version first; then ask again.'
               WHEN 'outdated' THEN 'Takes ACCESS EXCLUSIVE on the view for a moment. Cannot be undone, and fails without changing anything when other views use it: drop those first and make them again.'
               WHEN 'not created' THEN 'Needs a superuser; blocks nobody.' END,
           CASE WHEN c.state <> 'not loaded' THEN NULL
                WHEN c.can_load
                THEN 'Needs a superuser and a restart of the server, which ends every session; until then the view gives an error. ALTER SYSTEM cannot run inside a transaction block. The value goes to postgresql.auto.conf, which from then on wins over postgresql.conf; if either was changed since the server started, compare first. Where ALTER SYSTEM is not allowed (managed services), add it in the service''s own configuration.'
                WHEN c.setting IS NULL
                THEN 'Your role may not read shared_preload_libraries, so no command is given for it: ask as a member of pg_monitor.'
                WHEN c.pending_restart
                THEN 'shared_preload_libraries was changed and waits for a restart: restart the server and look again before changing it once more.'
                ELSE 'ALTER SYSTEM does not help here: shared_preload_libraries is given when the server is started, or ALTER SYSTEM is switched off. Add pg_stat_statements at the end of the list where it is set, and restart.' END,
           CASE WHEN c.is_standby AND c.version IS NULL
                THEN 'This server is a standby: CREATE EXTENSION has to be run on its primary.' END) AS caution,
       jsonb_build_object(
           'state', c.state,
           'version', c.version,
           'shared_preload_libraries', c.setting,
           'missing', c.missing,
           'pending_restart', c.pending_restart,
           'dbadvisor_observes', w.observes) AS evidence
FROM commands c
CROSS JOIN (
    -- A run of the rules is not observed; what holds for others is the setting to
    -- which it would be reset.
    SELECT dbadvisor.is_preloaded()
           AND dbadvisor.observing_obstacle() IS NULL
           AND EXISTS (SELECT FROM pg_settings s
                       WHERE s.name = 'dbadvisor.observe' AND s.reset_val = 'on') AS observes) w
