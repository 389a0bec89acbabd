-- slow_statement: statement that takes a large share of the time of this database
-- category: statement
-- severity: notice
-- needs: statements
-- examines: dbadvisor.known_statements
-- general: yes
--
-- A few statements take most of a server's time. They are where an index, a
-- rewrite or a cache pays, and where nothing else does.
--
-- Reported are statements of this database, summed over users, that take at
-- least 10 s an hour and
--   * 5 % of all statement time, or 10 % of an hour, at 50 ms a call or more, or
--   * 20 % of all statement time however fast each call is: then it is the
--     number of calls that costs (N+1 loops, polling, a missing cache).
-- Executions that failed count with the time that they took: a statement that
-- always runs into statement_timeout never gives a row, and takes the most.
--
-- Severity is warning when slow calls take 10 % of an hour and also 20 % of all
-- statement time or half an hour each hour. It is info for what runs rarely
-- (fewer than 5 calls, or less than one in two hours: a nightly report), and
-- while statements have been counted for less than an hour. At most 20.
--
-- The numbers are those that dbadvisor has observed. Where it does not observe
-- (it is not preloaded) they are those of pg_stat_statements, which knows neither
-- percentiles nor errors; those count from the last pg_stat_statements_reset(),
-- or on PostgreSQL 17 and later since the statement was first seen. A statement
-- that was improved stays in the list until its old time is outweighed, or
-- forgotten: dbadvisor.reset(), pg_stat_statements_reset(0, 0, queryid). How much
-- of it can be saved is not known, so no saving is claimed.
--
-- A statement that takes 50 ms and touches fewer than 100 blocks a call does not
-- read, it waits or computes; one that writes or locks rows, from 5 ms on, waits for
-- those who have them locked. The caution says so. (Where it waits for row locks no
-- plan is shown: there is none to mend.)
--
-- Where another rule says of the same statement why it is slow, it is that finding
-- which is listed, and this one is in its evidence.
--
-- Fix: the command shows the plan and never runs the statement. An observed one
-- is planned with the values of its last sample, as the user who ran it. One that
-- only pg_stat_statements knows is planned without values; there is no command
-- where its text cannot be prepared with certainty: constants are replaced by
-- parameters in it, and "interval $1" or "current_date - $1" no longer mean what
-- they did.
--
-- Not reported: utility statements (COPY, VACUUM, CREATE INDEX, FETCH, CALL),
-- SELECT pg_sleep(..) and pg_advisory_lock(..), with which jobs wait, and
-- statements that read dbadvisor or pg_stat_statements themselves. Those of other
-- users are counted, but not named, for a role that is not a member of
-- pg_read_all_stats.

WITH limits AS (
    SELECT 0.05 AS min_share,
           0.20 AS large_share,
           50 AS slow_ms,
           10 * 1000 AS min_ms_per_hour,
           360 * 1000 AS heavy_ms_per_hour,
           1800 * 1000 AS very_heavy_ms_per_hour,
           5 AS min_calls,
           0.5 AS min_calls_per_hour,
           20 AS min_calls_of_percentile,
           100 AS max_blocks_of_waiting,
           5 AS min_ms_of_waiting_write,
           0.1 AS max_read_share_of_waiting,
           3 AS shown_users,
           least('1 hour', current_setting('dbadvisor.min_window')::interval) AS min_counted,
           500 AS max_candidates,
           20 AS max_findings,
           10000 AS max_explained_characters
), entries AS MATERIALIZED (
    SELECT s.*, s.total_ms + s.error_ms AS ms
    FROM dbadvisor.known_statements s
), totals AS (
    -- Statements inside functions are part of the calling statement's time.
    SELECT coalesce(sum(e.ms) FILTER (WHERE e.toplevel), sum(e.ms)) AS ms,
           count(*) FILTER (WHERE e.is_hidden) AS hidden,
           coalesce(sum(e.ms) FILTER (WHERE e.is_hidden AND e.toplevel), 0) AS hidden_ms
    FROM entries e
), statements AS (
    SELECT e.queryid,
           bool_or(e.toplevel) AS toplevel,
           bool_or(e.observed) AS observed,
           bool_or(e.explainable) AS explainable,
           (array_agg(e.query ORDER BY e.ms DESC, e.query))[1] AS query,
           min(e.since) AS since,
           sum(e.calls + e.errors) AS executions,
           sum(e.calls) AS calls,
           sum(e.errors) AS errors,
           sum(e.ms) AS ms,
           sum(e.error_ms) AS error_ms,
           sum(e.calls * (e.stddev_ms ^ 2 + (e.total_ms / nullif(e.calls, 0)) ^ 2)) AS square_ms,
           -- Percentiles cannot be added: those of who takes the most time.
           (array_agg(e.p50_ms ORDER BY e.ms DESC, e.query))[1] AS p50_ms,
           (array_agg(e.p95_ms ORDER BY e.ms DESC, e.query))[1] AS p95_ms,
           (array_agg(e.p99_ms ORDER BY e.ms DESC, e.query))[1] AS p99_ms,
           sum(e.rows) AS rows,
           sum(e.shared_hit) AS blocks_hit,
           sum(e.shared_hit + e.shared_read) AS blocks,
           sum(e.shared_hit + e.shared_read + e.local_blocks) AS all_blocks,
           sum(e.temp_written) AS temp_blocks,
           sum(e.read_ms) AS read_ms
    FROM entries e
    WHERE e.queryid IN (SELECT h.queryid
                        FROM entries h
                        WHERE h.queryid IS NOT NULL
                        GROUP BY h.queryid
                        ORDER BY sum(h.ms) DESC
                        LIMIT (SELECT max_candidates FROM limits))
    GROUP BY e.queryid
    HAVING sum(e.calls + e.errors) > 0
), rates AS (
    SELECT s.*,
           s.ms / s.executions AS mean_ms,
           sqrt(greatest(0, s.square_ms / nullif(s.calls, 0)::float8
                            - ((s.ms - s.error_ms) / nullif(s.calls, 0)) ^ 2)) AS stddev_ms,
           s.ms / nullif(t.ms, 0) AS share,
           now() - s.since AS counted,
           s.ms / c.hours AS ms_per_hour,
           s.executions / c.hours AS calls_per_hour
    FROM statements s
    CROSS JOIN totals t
    CROSS JOIN LATERAL (
        SELECT greatest(5, extract(epoch FROM now() - s.since))::float8 / 3600 AS hours) c
), heavy AS (
    SELECT r.*,
           r.mean_ms >= l.slow_ms AS is_slow,
           CASE WHEN r.counted < l.min_counted
                     OR r.executions < l.min_calls
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
      AND dbadvisor.is_judged(r.query, r.toplevel)
    ORDER BY r.ms DESC, r.queryid
    LIMIT (SELECT max_findings FROM limits)
), judged AS (
    SELECT h.*,
           h.all_blocks::float8 / h.executions::float8 AS blocks_per_call,
           (h.is_slow
            OR dbadvisor.takes_row_locks(h.query) AND h.mean_ms >= l.min_ms_of_waiting_write)
           AND h.all_blocks < l.max_blocks_of_waiting * h.executions
           AND h.temp_blocks = 0
           AND coalesce(h.read_ms, 0) <= l.max_read_share_of_waiting * h.ms AS waits,
           dbadvisor.takes_row_locks(h.query) AS takes_row_locks,
           (SELECT concat(string_agg(quote_ident(pg_get_userbyid(u.userid)), ', ' ORDER BY u.place)
                              FILTER (WHERE u.place <= l.shown_users),
                          CASE WHEN max(u.place) > l.shown_users
                               THEN format(' and %s others', max(u.place) - l.shown_users) END)
            FROM (SELECT e.userid, row_number() OVER (ORDER BY sum(e.ms) DESC, e.userid) AS place
                  FROM entries e
                  WHERE e.queryid = h.queryid
                  GROUP BY e.userid) u) AS users
    FROM heavy h
    CROSS JOIN limits l
), prepared AS (
    SELECT h.*,
           'dbadvisor_' || to_hex(h.queryid) AS name,
           h.waits AND h.takes_row_locks AS waits_for_rows,
           CASE WHEN NOT h.explainable
                     AND NOT (h.waits AND h.takes_row_locks)
                     AND h.toplevel
                     AND length(h.query) <= l.max_explained_characters
                     AND position(E';\n' IN h.query) = 0
                     AND NOT (strict.domains AND h.query ~* '\m(insert|update|merge)\M')
                THEN dbadvisor.statement_parameters(h.query) END AS parameters,
           CASE WHEN h.calls >= l.min_calls_of_percentile THEN h.p95_ms END AS said_p95_ms
    FROM judged h
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
)
SELECT NULL::oid AS classid,
       NULL::oid AS objid,
       NULL::int AS objsubid,
       'statement ' || p.queryid AS object,
       format('%s %% of all statement time in this database (%s of all sessions together in %s): %s%s%s%s%s, by %s%s: %s',
              round(100 * p.share),
              dbadvisor.in_words(p.ms),
              dbadvisor.in_words(extract(epoch FROM p.counted)::float8 * 1000),
              CASE WHEN p.calls = 0
                   THEN format('%s, %s after %s on average',
                               CASE WHEN p.errors = 1 THEN '1 call' ELSE p.errors || ' calls' END,
                               CASE WHEN p.errors = 1 THEN 'which failed' ELSE 'which all failed' END,
                               dbadvisor.in_words(p.mean_ms))
                   WHEN p.executions = 1 THEN '1 call'
                   WHEN p.is_slow THEN format('%s calls of %s on average', p.executions,
                                              dbadvisor.in_words(p.mean_ms))
                   ELSE format('fast, %s on average, but called %s times',
                               dbadvisor.in_words(p.mean_ms), p.executions) END
              || CASE WHEN p.said_p95_ms IS NOT NULL
                      THEN format(' (1 in 20 takes %s or more)', dbadvisor.in_words(p.said_p95_ms)) ELSE '' END,
              CASE WHEN p.calls > 0
                   THEN format(', %s rows a call',
                               round(p.rows / p.calls, CASE WHEN p.rows < 10 * p.calls THEN 1 ELSE 0 END)) END,
              CASE WHEN p.calls > 0 AND p.errors > 0
                   THEN format(', %s failed after %s in all', p.errors, dbadvisor.in_words(p.error_ms)) END,
              CASE WHEN p.waits THEN format(', %s blocks a call', round(p.blocks_per_call))
                   WHEN p.blocks > 0
                   THEN format(', %s %% of its blocks in cache', trunc(100 * p.blocks_hit / p.blocks)) END,
              CASE WHEN p.temp_blocks > 0
                   THEN format(', %s spilled to disk',
                               pg_size_pretty(p.temp_blocks * current_setting('block_size')::int8)) END,
              p.users,
              CASE WHEN NOT p.toplevel THEN ', inside of functions' END,
              dbadvisor.in_one_line(p.query)) AS detail,
       p.severity,
       p.ms_per_hour AS costs_ms_per_hour,
       CASE WHEN p.severity = 'info' THEN 0.5 ELSE 0.9 END::float8 AS confidence,
       CASE WHEN p.waits_for_rows THEN NULL
            WHEN p.explainable THEN format('SELECT dbadvisor.explain_sample(%L);', p.queryid)
            WHEN p.parameters = 0 THEN format(E'EXPLAIN %s\n;', p.query)
            WHEN p.parameters > 0
            THEN format(E'SET plan_cache_mode = force_generic_plan;\nPREPARE %I AS %s\n;\nEXPLAIN EXECUTE %I(%s);',
                        p.name, p.query, p.name,
                        array_to_string(array_fill('NULL'::text, ARRAY[p.parameters]), ', ')) END AS fix,
       CASE WHEN p.parameters > 0
            THEN format(E'DEALLOCATE %I;\nRESET plan_cache_mode;', p.name) END AS undo,
       concat_ws(' ',
           CASE WHEN p.waits THEN dbadvisor.waits_in_words(p.query, p.blocks_per_call) END,
           CASE WHEN p.waits_for_rows THEN NULL
                WHEN p.explainable
                THEN 'The fix shows the plan that it has now, with the values of an observed execution, as its own user gets it, so members of that role and superusers may ask; does not run it. dbadvisor.samples has the values, dbadvisor.statement_plans the plan of a slow execution with real row counts.'
                WHEN p.parameters IS NULL
                THEN 'Its text cannot be explained as it is: put values in the place of the parameters, and use EXPLAIN with the search_path of the application.'
                ELSE format('Plans the statement and does not run it; use the search_path of the application. To see where the time goes: EXPLAIN (ANALYZE, BUFFERS) %s, which does run it, so between BEGIN and ROLLBACK if it writes.',
                            CASE WHEN p.parameters > 0 THEN format('EXECUTE %I with real values', p.name)
                                 ELSE 'in front of it' END) END,
           dbadvisor.where_to_read(p.query, p.queryid)) AS caution,
       jsonb_build_object(
           'queryid', p.queryid::text,
           'source', CASE WHEN p.observed THEN 'dbadvisor' ELSE 'pg_stat_statements' END,
           'share', round(p.share::numeric, 4),
           'calls', p.calls,
           'errors', p.errors,
           'calls_per_hour', round(p.calls_per_hour::numeric, 2),
           'total_ms', round(p.ms::numeric, 1),
           'error_ms', round(p.error_ms::numeric, 1),
           'ms_per_hour', round(p.ms_per_hour::numeric, 1),
           'mean_ms', round(p.mean_ms::numeric, 3),
           'stddev_ms', round(p.stddev_ms::numeric, 3),
           'stddev_to_mean', round((p.stddev_ms / nullif(p.mean_ms, 0))::numeric, 2),
           'p50_ms', round(p.p50_ms::numeric, 3),
           'p95_ms', round(p.p95_ms::numeric, 3),
           'p99_ms', round(p.p99_ms::numeric, 3),
           'rows_per_call', round(p.rows / nullif(p.calls, 0), 2),
           'blocks_per_call', round(p.blocks_per_call::numeric, 1),
           'waits', p.waits,
           'users', p.users,
           'hit_ratio', round(p.blocks_hit / nullif(p.blocks, 0), 4),
           'read_ms', round(p.read_ms::numeric, 1),
           'temp_bytes_written', p.temp_blocks * current_setting('block_size')::int8,
           'toplevel', p.toplevel,
           'since', p.since) AS evidence
FROM prepared p
UNION ALL
SELECT NULL::oid, NULL::oid, NULL::int,
       'statements of other users',
       format('%s statements of other users, with %s %% of all statement time in this database, were not looked at.',
              t.hidden, round(100 * t.hidden_ms / nullif(t.ms, 0))),
       'info',
       NULL::float8,
       NULL::float8,
       NULL::text,
       NULL::text,
       'Your role is not a member of pg_read_all_stats, so it is not told which statements they are.',
       jsonb_build_object('statements', t.hidden, 'total_ms', round(t.hidden_ms::numeric, 1))
FROM totals t
WHERE t.hidden > 0
