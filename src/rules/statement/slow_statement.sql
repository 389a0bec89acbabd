-- slow_statement: statement that takes a large share of the time of this database
-- category: statement
-- severity: notice
-- needs: extension pg_stat_statements, library pg_stat_statements
-- examines: @extschema:pg_stat_statements@.pg_stat_statements
--
-- A few statements take most of a server's time. They are where an index, a
-- rewrite or a cache pays, and where nothing else does.
--
-- Reported are statements of this database, summed over users, that take at
-- least 10 s an hour and
--   * 5 % of all statement time, or 10 % of an hour, at 50 ms a call or more, or
--   * 20 % of all statement time however fast each call is: then it is the
--     number of calls that costs (N+1 loops, polling, a missing cache).
-- Severity is warning when slow calls take 10 % of an hour and also 20 % of all
-- statement time or half an hour each hour. It is info for what runs rarely
-- (fewer than 5 calls, or less than one in two hours: a nightly report), and
-- while pg_stat_statements has counted for less than an hour. At most 20.
--
-- The time counts from the last pg_stat_statements_reset(), or on PostgreSQL 17
-- and later since the statement was first seen. A statement that was improved
-- stays in the list until its old time is outweighed, or reset:
-- pg_stat_statements_reset(0, 0, queryid). How much of it can be saved is not
-- known, so no saving is claimed.
--
-- Fix: the command shows the plan, made without values, and never runs the
-- statement. There is none where the text that pg_stat_statements keeps cannot
-- be prepared with certainty: constants are replaced by parameters in it, and
-- "interval $1" or "current_date - $1" no longer mean what they did.
--
-- Not reported: utility statements (COPY, VACUUM, CREATE INDEX, FETCH, CALL),
-- SELECT pg_sleep(..), with which jobs wait, and statements that read dbadvisor
-- or pg_stat_statements themselves. Those of other users are counted, but not
-- named, for a role that is not a member of pg_read_all_stats.

WITH limits AS (
    SELECT 0.05 AS min_share,
           0.20 AS large_share,
           50 AS slow_ms,
           10 * 1000 AS min_ms_per_hour,
           360 * 1000 AS heavy_ms_per_hour,
           1800 * 1000 AS very_heavy_ms_per_hour,
           5 AS min_calls,
           0.5 AS min_calls_per_hour,
           least('1 hour', current_setting('dbadvisor.min_window')::interval) AS min_counted,
           500 AS max_candidates,
           20 AS max_findings,
           120 AS shown_characters,
           10000 AS max_explained_characters
), entries AS MATERIALIZED (
    SELECT s.*
    FROM @extschema:pg_stat_statements@.pg_stat_statements s
    WHERE s.dbid = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database())
), totals AS (
    -- Statements inside functions are part of the calling statement's time.
    SELECT coalesce(sum(e.total_exec_time) FILTER (WHERE e.toplevel),
                    sum(e.total_exec_time)) AS ms,
           count(*) FILTER (WHERE e.queryid IS NULL) AS hidden,
           coalesce(sum(e.total_exec_time) FILTER (WHERE e.queryid IS NULL), 0) AS hidden_ms,
           (SELECT i.stats_reset
            FROM @extschema:pg_stat_statements@.pg_stat_statements_info i) AS stats_reset
    FROM entries e
), statements AS (
    SELECT e.queryid,
           bool_or(e.toplevel) AS toplevel,
           (array_agg(e.query ORDER BY e.total_exec_time DESC, e.query))[1] AS query,
           min((newer.columns ->> 'stats_since')::timestamptz) AS stats_since,
           sum(e.calls) AS calls,
           sum(e.total_exec_time) AS ms,
           sum(e.calls * (e.stddev_exec_time ^ 2 + e.mean_exec_time ^ 2)) AS square_ms,
           sum(e.rows) AS rows,
           sum(e.shared_blks_hit) AS blocks_hit,
           sum(e.shared_blks_hit + e.shared_blks_read) AS blocks,
           sum(e.temp_blks_written) AS temp_blocks,
           sum(coalesce(newer.columns ->> 'shared_blk_read_time',
                        newer.columns ->> 'blk_read_time')::float8) AS read_ms
    FROM entries e
    CROSS JOIN LATERAL (SELECT to_jsonb(e) AS columns) AS newer
    WHERE e.queryid IN (SELECT h.queryid
                        FROM entries h
                        WHERE h.queryid IS NOT NULL
                        GROUP BY h.queryid
                        ORDER BY sum(h.total_exec_time) DESC
                        LIMIT (SELECT max_candidates FROM limits))
    GROUP BY e.queryid
    HAVING sum(e.calls) > 0
), rates AS (
    SELECT s.*,
           s.ms / s.calls AS mean_ms,
           sqrt(greatest(0, s.square_ms / s.calls::float8 - (s.ms / s.calls) ^ 2)) AS stddev_ms,
           s.ms / nullif(t.ms, 0) AS share,
           c.since,
           now() - c.since AS counted,
           s.ms / c.hours AS ms_per_hour,
           s.calls / c.hours AS calls_per_hour
    FROM statements s
    CROSS JOIN totals t
    CROSS JOIN LATERAL (SELECT coalesce(s.stats_since, t.stats_reset) AS since) w
    CROSS JOIN LATERAL (
        SELECT w.since, greatest(5, extract(epoch FROM now() - w.since))::float8 / 3600 AS hours) c
), heavy AS (
    SELECT r.*,
           r.mean_ms >= l.slow_ms AS is_slow,
           CASE WHEN r.counted < l.min_counted
                     OR r.calls < l.min_calls
                     OR r.calls_per_hour < l.min_calls_per_hour THEN 'info'
                WHEN r.mean_ms >= l.slow_ms
                     AND r.ms_per_hour >= l.heavy_ms_per_hour
                     AND (r.share >= l.large_share
                          OR r.ms_per_hour >= l.very_heavy_ms_per_hour) THEN 'warning'
                ELSE 'notice' END AS severity
    FROM rates r, limits l
    WHERE r.ms_per_hour >= l.min_ms_per_hour
      AND (r.share >= l.large_share
           OR (r.mean_ms >= l.slow_ms
               AND (r.share >= l.min_share OR r.ms_per_hour >= l.heavy_ms_per_hour)))
      AND (r.query IS NULL
           OR (r.query ~* '^(\s|\(|/\*([^*]|\*+[^*/])*\*+/|--[^\n]*\n)*(select|insert|update|delete|merge|with|values|table)\M'
               AND r.query !~* '^select\s+(pg_catalog[.])?pg_sleep(_for|_until)?\s*\('
               AND r.query !~* 'dbadvisor[.]|pg_stat_statements'))
    ORDER BY r.ms DESC, r.queryid
    LIMIT (SELECT max_findings FROM limits)
), prepared AS (
    SELECT h.*,
           'dbadvisor_' || to_hex(h.queryid) AS name,
           CASE WHEN length(h.query) <= l.max_explained_characters
                     AND position(E';\n' IN h.query) = 0
                     AND NOT (strict.domains AND h.query ~* '\m(insert|update|merge)\M')
                THEN dbadvisor.statement_parameters(h.query) END AS parameters,
           CASE WHEN length(t.text) > l.shown_characters
                THEN left(t.text, l.shown_characters) || '...' ELSE t.text END AS shown
    FROM heavy h
    CROSS JOIN limits l
    CROSS JOIN (
        -- A column of such a type refuses the NULL that stands for its value.
        SELECT EXISTS (SELECT
                       FROM pg_type t
                       WHERE t.typtype = 'd'
                         AND t.typnamespace NOT IN (SELECT n.oid FROM pg_namespace n
                                                    WHERE n.nspname IN ('pg_catalog', 'information_schema'))
                         AND (t.typnotnull
                              OR EXISTS (SELECT FROM pg_constraint con
                                         WHERE con.contypid = t.oid))) AS domains) strict
    CROSS JOIN LATERAL (
        SELECT btrim(regexp_replace(left(h.query, 10 * l.shown_characters), '\s+', ' ', 'g')) AS text) t
), readable AS (
    -- Durations in the unit in which a human thinks of them.
    SELECT p.queryid,
           max(u.words) FILTER (WHERE d.what = 'mean') AS mean,
           max(u.words) FILTER (WHERE d.what = 'total') AS total,
           max(u.words) FILTER (WHERE d.what = 'counted') AS counted
    FROM prepared p
    CROSS JOIN LATERAL (
        VALUES ('mean', p.mean_ms), ('total', p.ms),
               ('counted', extract(epoch FROM p.counted)::float8 * 1000)) AS d(what, ms)
    CROSS JOIN LATERAL (
        SELECT CASE WHEN d.ms < 10 THEN format('%s ms', round(d.ms::numeric, 2))
                    WHEN d.ms < 1000 THEN format('%s ms', round(d.ms))
                    WHEN d.ms < 120 * 1000 THEN format('%s s', round(d.ms::numeric / 1000, 1))
                    WHEN d.ms < 120 * 60 * 1000 THEN format('%s minutes', round(d.ms / 60000))
                    WHEN d.ms < 72 * 3600 * 1000 THEN format('%s hours', round(d.ms / 3600000))
                    ELSE format('%s days', round(d.ms / 86400000)) END AS words) u
    GROUP BY p.queryid
)
SELECT NULL::oid AS classid,
       NULL::oid AS objid,
       NULL::int AS objsubid,
       'statement ' || p.queryid AS object,
       format('%s %% of all statement time in this database (%s in %s): %s, %s rows a call%s%s%s: %s',
              round(100 * p.share),
              w.total,
              w.counted,
              CASE WHEN p.calls = 1 THEN '1 call'
                   WHEN p.is_slow THEN format('%s calls of %s on average', p.calls, w.mean)
                   ELSE format('fast, %s on average, but called %s times', w.mean, p.calls) END,
              round(p.rows / p.calls, CASE WHEN p.rows < 10 * p.calls THEN 1 ELSE 0 END),
              CASE WHEN p.blocks > 0
                   THEN format(', %s %% of its blocks in cache', trunc(100 * p.blocks_hit / p.blocks)) END,
              CASE WHEN p.temp_blocks > 0
                   THEN format(', %s spilled to disk',
                               pg_size_pretty(p.temp_blocks * current_setting('block_size')::int8)) END,
              CASE WHEN NOT p.toplevel THEN ', inside of functions' END,
              coalesce(p.shown, '(its text is lost)')) AS detail,
       p.severity,
       CASE WHEN p.severity = 'info' THEN 0.5 ELSE 0.9 END::float8 AS confidence,
       CASE WHEN p.parameters = 0 THEN format(E'EXPLAIN %s\n;', p.query)
            WHEN p.parameters > 0
            THEN format(E'SET plan_cache_mode = force_generic_plan;\nPREPARE %I AS %s\n;\nEXPLAIN EXECUTE %I(%s);',
                        p.name, p.query, p.name,
                        array_to_string(array_fill('NULL'::text, ARRAY[p.parameters]), ', ')) END AS fix,
       CASE WHEN p.parameters > 0
            THEN format(E'DEALLOCATE %I;\nRESET plan_cache_mode;', p.name) END AS undo,
       CASE WHEN p.parameters IS NULL
            THEN 'Its text cannot be explained as it is: put values in the place of the parameters, and use EXPLAIN with the search_path of the application.'
            ELSE format('Plans the statement and does not run it; use the search_path of the application. To see where the time goes: EXPLAIN (ANALYZE, BUFFERS) %s, which does run it, so between BEGIN and ROLLBACK if it writes.',
                        CASE WHEN p.parameters > 0 THEN format('EXECUTE %I with real values', p.name)
                             ELSE 'in front of it' END) END AS caution,
       jsonb_build_object(
           'queryid', p.queryid::text,
           'share', round(p.share::numeric, 4),
           'calls', p.calls,
           'calls_per_hour', round(p.calls_per_hour::numeric, 2),
           'total_ms', round(p.ms::numeric, 1),
           'ms_per_hour', round(p.ms_per_hour::numeric, 1),
           'mean_ms', round(p.mean_ms::numeric, 3),
           'stddev_ms', round(p.stddev_ms::numeric, 3),
           'stddev_to_mean', round((p.stddev_ms / nullif(p.mean_ms, 0))::numeric, 2),
           'rows_per_call', round(p.rows / p.calls, 2),
           'hit_ratio', round(p.blocks_hit / nullif(p.blocks, 0), 4),
           'read_ms', round(p.read_ms::numeric, 1),
           'temp_bytes_written', p.temp_blocks * current_setting('block_size')::int8,
           'toplevel', p.toplevel,
           'since', p.since) AS evidence
FROM prepared p
JOIN readable w USING (queryid)
UNION ALL
SELECT NULL::oid, NULL::oid, NULL::int,
       'statements of other users',
       format('%s statements of other users, with %s %% of all statement time in this database, were not looked at.',
              t.hidden, round(100 * t.hidden_ms / nullif(t.ms, 0))),
       'info',
       NULL::float8,
       NULL::text,
       NULL::text,
       'Your role is not a member of pg_read_all_stats, so pg_stat_statements does not name them to you.',
       jsonb_build_object('statements', t.hidden, 'total_ms', round(t.hidden_ms::numeric, 1))
FROM totals t
WHERE t.hidden > 0
