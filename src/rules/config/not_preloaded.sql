-- not_preloaded: dbadvisor is not loaded by the server, and sees no statement run
-- category: config
-- severity: notice
-- examines: server
--
-- Only a library that the server loads at its start can watch statements as
-- they are planned and executed. Without that there are no percentiles, no values
-- that statements ran with, no real row counts of their plans, and no deadlocks in
-- words; rules that need them say so in coverage(). What is left are the catalogs,
-- the statistics views, and pg_stat_statements where that is there.
--
-- From PostgreSQL 17 on session_preload_libraries is enough to observe the sessions
-- that begin after it was set, without a restart: each loads the library. Then
-- severity is info, because what was observed so is lost when the server stops,
-- and when a backend crashes.
--
-- Fix: add it to shared_preload_libraries and restart the server. The command
-- keeps every library that is there, each in quotes of its own (as one string,
-- 'a, b', the server would look for a file of that name and not start). It also
-- adds pg_stat_statements when that is installed and not loaded, so that this
-- fix and that of missing_pg_stat_statements are one and the same.
--
-- No command is given where it would not help or would take something away:
-- the setting comes from the command line (as in many containers), ALTER SYSTEM
-- is switched off, a change of the setting is waiting for a restart already, or
-- the role may not read the setting.
--
-- Not reported: a server that preloads dbadvisor.

SELECT NULL::oid AS classid,
       NULL::oid AS objid,
       NULL::int AS objsubid,
       'setting shared_preload_libraries' AS object,
       CASE WHEN sessions.observe
            THEN format('dbadvisor was not loaded when the server started (shared_preload_libraries: %s), only by each session: what it observes is lost when the server stops.', w.loaded)
            WHEN p.pending_restart
            THEN format('dbadvisor is not loaded; shared_preload_libraries was changed after the server started (with %s), and the change is waiting for a restart.', w.loaded)
            ELSE format('dbadvisor was not loaded when the server started (shared_preload_libraries: %s), so it cannot watch statements as they run: %s rules cannot look at them.', w.loaded, w.blind) END AS detail,
       CASE WHEN sessions.observe THEN 'info' ELSE 'notice' END AS severity,
       CASE WHEN w.can_fix THEN p.add_missing END AS fix,
       CASE WHEN w.can_fix THEN p.restore END AS undo,
       concat_ws(' ',
           CASE WHEN p.setting IS NULL
                THEN 'Your role may not read the setting, so no command is given: ask as a member of pg_monitor.'
                WHEN p.pending_restart
                THEN 'Restart the server and look again: what is waiting may name dbadvisor already, and a command made from the old value would undo it.'
                WHEN NOT p.changeable
                THEN 'ALTER SYSTEM does not help here: the value is given when the server is started, or ALTER SYSTEM is switched off. Add dbadvisor at the end of the list where it is set, and restart.'
                ELSE 'Needs a superuser and a restart of the server, which ends every session; nothing changes before that. Cannot run inside a transaction block. The value goes to postgresql.auto.conf, which from then on wins over postgresql.conf; if either was changed since the server started, compare first. Where ALTER SYSTEM is not allowed (managed services), add it in the service''s own configuration.' END,
           CASE WHEN sessions.can_observe AND NOT sessions.observe
                THEN 'Without a restart, dbadvisor can be added to session_preload_libraries: it then observes the sessions that begin after that, and forgets when the server stops.' END) AS caution,
       jsonb_build_object(
           'shared_preload_libraries', p.setting,
           'session_preload_libraries', sessions.libraries,
           'missing', p.missing,
           'pending_restart', p.pending_restart,
           'rules_that_need_it', w.blind) AS evidence
FROM (SELECT WHERE NOT dbadvisor.is_preloaded()) AS server
LEFT JOIN dbadvisor.preload_libraries p ON true
CROSS JOIN LATERAL (
    SELECT CASE WHEN p.setting IS NULL THEN 'not readable' WHEN p.setting = '' THEN 'empty'
                ELSE p.setting END AS loaded,
           p.changeable AND NOT p.pending_restart AND p.missing <> '{}' AS can_fix,
           (SELECT count(*) FROM dbadvisor.rules r
            WHERE r.needs ~ '\m(observing|preload)\M') AS blind) w
CROSS JOIN (
    SELECT v.can_observe,
           x.setting AS libraries,
           v.can_observe AND coalesce(x.setting ~ '(^|[,/"[:space:]])dbadvisor([.]so)?($|[,"[:space:]])', false) AS observe
    FROM (SELECT current_setting('server_version_num')::int >= 170000 AS can_observe) v
    LEFT JOIN pg_settings x ON x.name = 'session_preload_libraries') sessions
