-- serialization_failures: many transactions fail because they cannot be serialized
-- category: locks
-- severity: notice
-- needs: primary, observing
-- examines: dbadvisor.statements
--
-- In REPEATABLE READ and SERIALIZABLE a transaction fails (SQLSTATE 40001) when it
-- would build on what another has changed meanwhile. That is how these levels
-- work, and the application repeats the transaction. But each failure throws the
-- work of a whole transaction away, and where many fail the repetitions meet each
-- other, too.
--
-- Reported once for the database, when at least 10 transactions an hour fail so
-- and
--   * a statement fails in 5 % of its executions, in at least 20 of them, or
--   * 5 % of all transactions fail.
-- Severity is warning from 20 % on, and info while statements were observed for
-- less than an hour. Failures at COMMIT belong to no statement. How many
-- transactions there were comes from the server's own statistics
-- (pg_stat_database), which may count from another time on; both are rates.
--
-- Fix: none that is a command; see the caution. What helps, in this order: repeat
-- failed transactions after a short, random, growing pause; make them shorter;
-- lock what will be written at once (SELECT .. FOR UPDATE), so that others wait
-- and do not fail; use READ COMMITTED where one statement does the work (SET n =
-- n + 1). In SERIALIZABLE: declare READ ONLY what only reads, and let indexes
-- serve the reads, because a sequential scan conflicts with every write to its
-- table.
--
-- Not reported: a workload that repeats one transaction in a hundred; that is
-- healthy. Databases where the last failure is more than a day ago. Standbys,
-- where the same SQLSTATE means a conflict with recovery.

WITH limits AS MATERIALIZED (
    SELECT 10.0 AS min_per_hour,
           20 AS min_failures,
           0.05 AS notice_share,
           0.20 AS warning_share,
           interval '1 day' AS max_age,
           least('1 hour', current_setting('dbadvisor.min_window')::interval) AS min_counted,
           0.01 AS shown_share,
           3 AS max_statements
), here AS MATERIALIZED (
    SELECT d.oid AS dbid
    FROM pg_database d
    WHERE d.datname = current_database()
), total AS MATERIALIZED (
    SELECT c.count AS failures,
           c.last_at,
           i.since,
           h.hours,
           c.count / h.hours AS per_hour,
           c.transactions / h.hours AS transactions_per_hour
    FROM dbadvisor.event_counts c
    CROSS JOIN dbadvisor.store i
    CROSS JOIN LATERAL (
        SELECT greatest(0.001, extract(epoch FROM now() - i.since) / 3600)::float8 AS hours) h
    WHERE c.kind = 'serialization_failure'
), hit AS MATERIALIZED (
    SELECT s.queryid,
           (array_agg(s.query ORDER BY s.total_ms DESC, s.query))[1] AS query,
           sum(s.serialization_failures)::bigint AS failures,
           sum(s.calls + s.errors)::bigint AS executions,
           sum(s.serialization_failures)::float8 / sum(s.calls + s.errors)::float8 AS share
    FROM dbadvisor.statements s
    JOIN here ON here.dbid = s.dbid
    WHERE s.queryid IS NOT NULL
      AND s.query !~* 'dbadvisor[.]|pg_stat_statements'
    GROUP BY s.queryid
    HAVING sum(s.serialization_failures) > 0
), worst AS MATERIALIZED (
    SELECT h.*,
           dbadvisor.in_one_line(h.query) AS shown
    FROM hit h
    ORDER BY h.failures DESC, h.queryid
    LIMIT (SELECT max_statements FROM limits)
), judged AS (
    SELECT t.*,
           least(1, t.per_hour / nullif(t.transactions_per_hour, 0)) AS share,
           (SELECT max(h.share) FROM hit h WHERE h.failures >= l.min_failures) AS worst_share,
           (SELECT coalesce(sum(h.failures), 0) FROM hit h)::bigint AS in_statements,
           (SELECT string_agg(format('%s (%s %% of its executions)', w.shown, round((100 * w.share)::numeric, 1)),
                              '; ' ORDER BY w.failures DESC, w.queryid)
            FROM worst w) AS statements,
           (SELECT jsonb_agg(jsonb_build_object('queryid', w.queryid::text,
                                                'query', w.shown,
                                                'failures', w.failures,
                                                'executions', w.executions,
                                                'share', round(w.share::numeric, 4))
                             ORDER BY w.failures DESC, w.queryid)
            FROM worst w) AS worst,
           (SELECT string_agg(DISTINCT e.detail, E'\n')
            FROM dbadvisor.events e
            JOIN here ON here.dbid = e.dbid
            WHERE e.kind = 'serialization_failure') AS messages
    FROM total t
    CROSS JOIN limits l
)
SELECT NULL::oid AS classid,
       NULL::oid AS objid,
       NULL::int AS objsubid,
       format('database %I', current_database()) AS object,
       concat(
           format('%s transactions failed in %s because they could not be serialized%s',
                  j.failures,
                  dbadvisor.in_words(j.hours * 3600 * 1000),
                  CASE WHEN j.share >= l.shown_share
                       THEN format(', %s %% of all', round((100 * j.share)::numeric, 1)) END),
           CASE WHEN j.failures > j.in_statements
                THEN format(', %s of them at COMMIT', j.failures - j.in_statements) END,
           CASE WHEN j.statements IS NULL THEN '.' ELSE format('; %s: %s',
                             CASE WHEN j.failures > j.in_statements THEN 'most of the others in' ELSE 'most of them in' END,
                             j.statements) END) AS detail,
       CASE WHEN j.hours < extract(epoch FROM l.min_counted) / 3600 THEN 'info'
            WHEN greatest(j.share, j.worst_share) >= l.warning_share THEN 'warning'
            ELSE 'notice' END AS severity,
       0.8::float8 AS confidence,
       concat_ws(' ',
           'Let the application repeat such a transaction as a whole, after a short, random and growing pause; keep it short.',
           'Where it writes rows that all want (a counter, a balance), lock them first with SELECT .. FOR UPDATE, so that others wait and do not fail, or do it in one statement (SET n = n + 1) in READ COMMITTED.',
           CASE WHEN j.messages IS NULL OR j.messages ~ 'read/write dependencies' OR j.failures > j.in_statements
                THEN 'In SERIALIZABLE, declare READ ONLY what only reads, and see that its reads use indexes: a sequential scan conflicts with every write to its table. Lower the level to READ COMMITTED only where the application does not rely on it.' END) AS caution,
       jsonb_build_object(
           'failures', j.failures,
           'per_hour', round(j.per_hour::numeric, 2),
           'transactions_per_hour', round(j.transactions_per_hour::numeric, 2),
           'share', round(j.share::numeric, 4),
           'at_commit', greatest(0, j.failures - j.in_statements),
           'since', j.since,
           'last_at', j.last_at,
           'statements', j.worst,
           'messages', j.messages) AS evidence
FROM judged j
CROSS JOIN limits l
WHERE j.per_hour >= l.min_per_hour
  AND j.failures >= l.min_failures
  AND j.last_at >= now() - l.max_age
  AND (j.share >= l.notice_share OR j.worst_share >= l.notice_share)
