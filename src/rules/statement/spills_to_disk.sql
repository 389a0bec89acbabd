-- spills_to_disk: statement that sorts or hashes on disk for want of work_mem
-- category: statement
-- severity: notice
-- needs: observing
-- examines: dbadvisor.statement_totals
--
-- A sort, a hash join or a hashed aggregate that needs more than work_mem writes
-- its rows to temporary files and reads them again, once or several times. That
-- costs time, and disk bandwidth that others need.
--
-- From each execution that spilled, dbadvisor knows how much memory would have
-- kept it in memory: a value of work_mem, with hash_mem_multiplier reckoned in.
-- The finding names the one that would have held 95 % of them, with a tenth more
-- because the server's own accounting differs a little, in whole MB.
--
-- Reported are statements that spilled in 5 executions or more, take 10 s an
-- hour or more, and write 100 MB an hour or more to temporary files. Severity is
-- warning from 10 GB an hour, and info for what runs less than once in two hours
-- and while less than an hour has been observed. At most 20.
--
-- Fix: give the role that runs the statement this work_mem, in this database
-- only. Where several statements of a role are reported, the one that needs most
-- has the command, and the others name it. Memory is what limits this: each session of the role may take
-- that much for each sort and hash of each of its statements. There is no command
-- where the sessions that the role has now would together take more than 1 GB or
-- shared_buffers, whichever is more; and none for a superuser, for a role that
-- cannot log in, or for what runs only inside of functions. The caution says
-- what to do then: set work_mem in the transaction, or on the function.
--
-- From 1 GB on more memory is not the answer: an index that gives the rows in
-- order, or a condition that leaves fewer of them, is.
--
-- Not reported: statements whose users have that much work_mem by now, whether
-- from the server's configuration, the database or the role. What a session sets
-- for itself is not known. Deep pages by OFFSET, which sort more than anybody reads:
-- see deep_offset.

WITH limits AS MATERIALIZED (
    SELECT 5 AS min_spills,
           10 * 1000 AS min_ms_per_hour,
           100 * 1024 * 1024 AS min_bytes_per_hour,
           10 * 1024 * 1024 * 1024::bigint AS heavy_bytes_per_hour,
           0.5 AS min_calls_per_hour,
           1000 AS min_skipped_of_deep_page,
           10 AS min_ratio_of_deep_page,
           1.1 AS headroom,
           1024 AS max_mb,
           greatest(1024, (SELECT s.setting::bigint FROM pg_settings s WHERE s.name = 'shared_buffers')
                          * current_setting('block_size')::bigint / (1024 * 1024)) AS max_mb_together,
           least('1 hour', current_setting('dbadvisor.min_window')::interval) AS min_observed,
           20 AS max_findings
), here AS MATERIALIZED (
    SELECT d.oid AS dbid, d.datname
    FROM pg_database d
    WHERE d.datname = current_database()
), given AS (
    -- work_mem for databases and roles; a number alone is in kB.
    SELECT s.setrole, s.setdatabase, v.value,
           CASE WHEN v.value ~ '^\d+$' THEN v.value::numeric * 1024
                WHEN v.value ~* '^[0-9.]+\s*(B|kB|MB|GB|TB)$' THEN pg_size_bytes(v.value) END AS bytes
    FROM pg_db_role_setting s
    CROSS JOIN LATERAL unnest(s.setconfig) AS option
    CROSS JOIN LATERAL (SELECT btrim(substr(option, 10)) AS value) v
    WHERE starts_with(option, 'work_mem=')
), server AS MATERIALIZED (
    -- The server's own, unless this session's role or database has another.
    SELECT (SELECT s.reset_val::numeric * 1024
            FROM pg_settings s
            WHERE s.name = 'work_mem'
              AND NOT EXISTS (SELECT
                              FROM given g, here h
                              WHERE g.setdatabase IN (0, h.dbid)
                                AND g.setrole IN (0, (SELECT r.oid FROM pg_roles r
                                                      WHERE r.rolname = session_user)))) AS bytes
), users AS (
    SELECT s.queryid, s.userid,
           bool_or(s.toplevel) AS toplevel,
           sum(s.spills) AS spills,
           max(s.spill_bytes_p95) AS bytes,
           max(s.spill_bytes_max) AS max_bytes
    FROM dbadvisor.statements s
    JOIN here h USING (dbid)
    WHERE s.spills > 0
      AND s.queryid IS NOT NULL
    GROUP BY s.queryid, s.userid
), lacking AS (
    SELECT u.*,
           ceil(l.headroom * u.bytes / 1048576.0)::bigint AS mb,
           coalesce(c.bytes, server.bytes) AS bytes_now,
           r.rolname, r.rolsuper, r.rolcanlogin
    FROM users u
    JOIN pg_roles r ON r.oid = u.userid
    CROSS JOIN here h
    CROSS JOIN limits l
    CROSS JOIN server
    LEFT JOIN LATERAL (
        SELECT g.bytes
        FROM given g
        WHERE g.setrole IN (0, u.userid)
          AND g.setdatabase IN (0, h.dbid)
        ORDER BY g.setrole <> 0 DESC, g.setdatabase <> 0 DESC
        LIMIT 1) c ON true
    WHERE coalesce(c.bytes, server.bytes, 0) < u.bytes
), deep_pages AS (
    SELECT f.queryid
    FROM dbadvisor.statement_facts f
    JOIN here h USING (dbid)
    CROSS JOIN limits l
    WHERE f.kind = 'offset'
      AND f.queryid IS NOT NULL
    GROUP BY f.queryid, l.min_skipped_of_deep_page, l.min_ratio_of_deep_page
    HAVING max(f.max_removed) >= l.min_skipped_of_deep_page
       AND sum(f.removed) >= l.min_ratio_of_deep_page * sum(f.rows)
), spilling AS (
    SELECT s.queryid, s.query, s.shown, s.calls, s.ms_per_hour, s.calls_per_hour, s.since, s.observed,
           s.temp_written * current_setting('block_size')::bigint AS temp_bytes,
           s.temp_written * current_setting('block_size')::float8 * s.calls_per_hour / s.calls AS bytes_per_hour,
           n.*
    FROM dbadvisor.statement_totals s
    CROSS JOIN limits l
    JOIN LATERAL (
        SELECT sum(k.spills) AS spills,
               max(k.bytes) AS bytes,
               max(k.max_bytes) AS max_bytes,
               max(k.mb) AS mb
        FROM lacking k
        WHERE k.queryid = s.queryid) n ON n.spills >= l.min_spills
    WHERE s.spills >= l.min_spills
      AND s.ms_per_hour >= l.min_ms_per_hour
      AND NOT EXISTS (SELECT FROM deep_pages d WHERE d.queryid = s.queryid)
), reported AS (
    SELECT s.*,
           CASE WHEN s.observed < l.min_observed
                     OR s.calls_per_hour < l.min_calls_per_hour THEN 'info'
                WHEN s.bytes_per_hour >= l.heavy_bytes_per_hour THEN 'warning'
                ELSE 'notice' END AS severity
    FROM spilling s
    CROSS JOIN limits l
    WHERE s.bytes_per_hour >= l.min_bytes_per_hour
    ORDER BY s.bytes_per_hour DESC, s.queryid
    LIMIT (SELECT max_findings FROM limits)
), sessions AS MATERIALIZED (
    SELECT a.usesysid AS userid, count(*) AS n
    FROM pg_stat_activity a
    JOIN here h ON h.dbid = a.datid
    GROUP BY a.usesysid
), obstacles AS (
    SELECT k.*,
           greatest(1, coalesce(n.n, 0)) AS sessions,
           CASE WHEN k.mb > l.max_mb THEN 'size'
                WHEN NOT k.toplevel THEN 'function'
                WHEN k.rolsuper THEN 'superuser'
                WHEN NOT k.rolcanlogin THEN 'login'
                WHEN k.mb * greatest(1, coalesce(n.n, 0)) > l.max_mb_together THEN 'sessions' END AS obstacle
    FROM lacking k
    JOIN reported USING (queryid)
    CROSS JOIN limits l
    LEFT JOIN sessions n ON n.userid = k.userid
), roles AS (
    -- One value a role, or one statement's fix would take back another's; said once.
    SELECT o.userid,
           o.rolname,
           max(o.mb) AS mb,
           (array_agg(o.queryid ORDER BY o.mb DESC, o.queryid))[1] AS said_of,
           format('ALTER ROLE %I IN DATABASE %I SET work_mem = %L;',
                  o.rolname, h.datname, max(o.mb) || 'MB') AS fix,
           format('ALTER ROLE %I IN DATABASE %I %s;', o.rolname, h.datname,
                  coalesce((SELECT format('SET work_mem = %L', g.value)
                            FROM given g
                            WHERE g.setrole = o.userid
                              AND g.setdatabase = h.dbid), 'RESET work_mem')) AS undo
    FROM obstacles o
    CROSS JOIN here h
    WHERE o.obstacle IS NULL
    GROUP BY o.userid, o.rolname, h.dbid, h.datname
), fixes AS (
    SELECT o.queryid,
           string_agg(r.fix, E'\n' ORDER BY o.spills DESC, o.rolname) FILTER (WHERE r.said_of = o.queryid) AS fix,
           string_agg(r.undo, E'\n' ORDER BY o.spills DESC, o.rolname) FILTER (WHERE r.said_of = o.queryid) AS undo,
           max(o.sessions) FILTER (WHERE r.said_of = o.queryid) AS sessions,
           max(r.mb) FILTER (WHERE r.said_of = o.queryid) AS role_mb,
           string_agg(format('The fix of statement %s gives role %I %s MB, which that one needs, and covers this one.',
                             r.said_of, r.rolname, r.mb), ' ' ORDER BY o.spills DESC, o.rolname)
               FILTER (WHERE r.said_of <> o.queryid) AS covered,
           (array_agg(o.obstacle ORDER BY o.spills DESC, o.rolname))[1] AS obstacle,
           (array_agg(o.sessions ORDER BY o.spills DESC, o.rolname))[1] AS worst_sessions,
           min(o.bytes_now) AS bytes_now,
           jsonb_object_agg(o.rolname, o.spills) AS spills_of
    FROM obstacles o
    LEFT JOIN roles r ON r.userid = o.userid AND o.obstacle IS NULL
    GROUP BY o.queryid
), nodes AS (
    SELECT f.queryid,
           string_agg(DISTINCT CASE f.kind WHEN 'sort_spill' THEN 'a sort'
                                           WHEN 'hash_spill' THEN 'a hash join'
                                           ELSE 'a hashed aggregate' END, ', ') AS words
    FROM dbadvisor.statement_facts f
    JOIN here h USING (dbid)
    WHERE f.kind IN ('sort_spill', 'hash_spill', 'aggregate_spill')
    GROUP BY f.queryid
)
SELECT NULL::oid AS classid,
       NULL::oid AS objid,
       NULL::int AS objsubid,
       'statement ' || r.queryid AS object,
       format('%s of its %s calls went to disk (%s) and wrote %s an hour to temporary files; %s of work_mem would have kept 95 %% of them in memory%s: %s',
              least(r.spills, r.calls), r.calls,
              coalesce(n.words, 'sorts or hashes'),
              pg_size_pretty(r.bytes_per_hour::bigint),
              m.needed,
              CASE WHEN f.bytes_now IS NOT NULL
                   THEN format(' (the role has %s)', pg_size_pretty(f.bytes_now::bigint)) END,
              r.shown) AS detail,
       r.severity,
       r.ms_per_hour AS costs_ms_per_hour,
       CASE WHEN r.severity = 'info' THEN 0.5 WHEN f.fix IS NULL AND f.covered IS NULL THEN 0.7 ELSE 0.9 END::float8 AS confidence,
       f.fix,
       f.undo,
       concat_ws(' ', f.covered,
       CASE WHEN f.fix IS NOT NULL
            THEN format('Holds for sessions that begin afterwards: reconnect, a pooler too. Takes no lock. Each session of the role (%s now) may then take %s MB for each sort of each statement, and %s times that for each hash (hash_mem_multiplier). Where that is too much, leave the role as it is and say SET LOCAL work_mem = %L in the transaction of this statement. Needs a superuser, or CREATEROLE.',
                        f.sessions, f.role_mb, current_setting('hash_mem_multiplier'), m.setting)
            WHEN f.covered IS NOT NULL
            THEN format('Or say SET LOCAL work_mem = %L in the transaction of this statement alone.', m.setting)
            ELSE CASE f.obstacle
                WHEN 'size' THEN format('%s is too much to give to a session. Let it handle fewer rows: an index that returns them in order, an earlier condition, aggregation before the join, fewer and narrower columns.', m.needed)
                WHEN 'function' THEN format('It runs inside of functions: ALTER FUNCTION .. SET work_mem = %L on the one that holds it gives the memory to that function alone.', m.setting)
                WHEN 'superuser' THEN format('A superuser runs it: say SET LOCAL work_mem = %L in its transaction, rather than for all that a superuser does.', m.setting)
                WHEN 'login' THEN format('Its role cannot log in, and settings of a role hold from its login: say SET LOCAL work_mem = %L in its transaction.', m.setting)
                ELSE format('%s sessions of its role are connected; %s for each sort of each of them could be %s in all. Say SET LOCAL work_mem = %L in the transaction of this statement alone, or let it handle fewer rows.',
                            f.worst_sessions, m.needed, pg_size_pretty(r.mb * f.worst_sessions * 1048576), m.setting) END END,
       dbadvisor.where_to_read(r.query, r.queryid)) AS caution,
       jsonb_build_object(
           'queryid', r.queryid::text,
           'calls', r.calls,
           'calls_per_hour', round(r.calls_per_hour::numeric, 2),
           'ms_per_hour', round(r.ms_per_hour::numeric, 1),
           'spills', r.spills,
           'spills_by_role', f.spills_of,
           'spilled_by', n.words,
           'needed_bytes_p95', r.bytes,
           'needed_bytes_max', r.max_bytes,
           'work_mem_mb', r.mb,
           'work_mem_bytes_now', f.bytes_now,
           'sessions', f.worst_sessions,
           'temp_bytes_written', r.temp_bytes,
           'temp_bytes_per_hour', round(r.bytes_per_hour),
           'since', r.since) AS evidence
FROM reported r
JOIN fixes f USING (queryid)
LEFT JOIN nodes n USING (queryid)
CROSS JOIN LATERAL (
    SELECT r.mb || 'MB' AS setting,
           format('%s MB', r.mb) AS needed) m
