-- unused_index: index that no query needs but every write maintains
-- category: index
-- severity: warning
-- needs: primary, window
-- examines: dbadvisor.user_indexes
--
-- Every INSERT, and every UPDATE that is not HOT, writes to each index of the
-- table; VACUUM reads each of them; each takes disk, cache and backup. An index
-- that no query needs gives nothing back.
--
-- An index counts as unused when it was not scanned at all, or less than once
-- in ten days, since statistics were last reset (or lost in a crash) and since
-- the index itself was built. That must be at least dbadvisor.min_window (7
-- days); below five times that window (35 days: a monthly job may yet come) the
-- finding is of severity info.
--
-- How often it was scanned says little of what it is worth. So the observed
-- statements that name its table are planned again, with the values that they
-- ran with, as things are and without the index. If one of them would cost more
-- than 1 % more without it, it is needed, however seldom: the finding is of
-- severity info, names the statement and gives no command.
--
-- And an index that was scanned is reported as well (notice) when all observed
-- statements that use it would cost the same without it, because another index
-- serves them as well; or when none uses it now, and its last scan is longer ago
-- than dbadvisor.min_window (before PostgreSQL 16 nobody knows, so that is info).
-- Either is said only where statements were observed over dbadvisor.min_window,
-- each one on its table could be planned, and those that can be are 95 % of the
-- time of this database. Indexes are judged one after the other, each as if those
-- that can go were gone; so all that are reported can be dropped.
--
-- Severity is info, too, when standbys are attached, because their use of the
-- index is counted there and not here: ask each of them before you drop it.
--
-- Fix: drop it. DROP INDEX CONCURRENTLY waits for running transactions but
-- blocks nobody. The undo statement makes the same index again.
--
-- Not reported: indexes that enforce something (primary key, unique, exclusion),
-- replica identity, the table's CLUSTER order, indexes that a foreign key or
-- another constraint depends on, those that serve a foreign key of the table
-- (deletes on the other side need them, however rare), invalid ones (see
-- invalid_index), the parts of a partitioned index (it is judged as a whole),
-- and anything below 1 MB. Of those that are scanned: one whose table is not
-- written, one that can stand in for another index (that one goes first: see
-- redundant_index, duplicate_index), one of an expression (its statistics serve
-- plans that do not scan it), and all but the 200 largest.

WITH limits AS MATERIALIZED (
    SELECT 1024 * 1024 AS min_bytes,
           0.1 AS max_scans_per_day,
           1.01 AS max_ratio,
           0.95 AS min_known_share,
           200 AS max_scanned,
           5 AS shown_statements,
           current_setting('dbadvisor.min_window')::interval AS min_window,
           -- a rule may take half of what is left of the run
           nullif(current_setting('dbadvisor.time_limit')::interval / 4, '0') AS planning_time
), standbys AS (
    SELECT count(*) AS n
    FROM pg_stat_replication r
    LEFT JOIN pg_replication_slots s ON s.active_pid = r.pid
    WHERE coalesce(s.slot_type, 'physical') = 'physical'
), since AS MATERIALIZED (
    SELECT dbadvisor.statistics_since() AS statistics
), known AS MATERIALIZED (
    -- Evaluated only where it can be: the views raise errors elsewhere.
    SELECT CASE WHEN dbadvisor.observing_obstacle() IS NULL
                THEN (SELECT now() - o.since FROM dbadvisor.store o) END AS observed,
           CASE WHEN dbadvisor.observing_obstacle() IS NULL
                THEN (SELECT coalesce(sum(s.total_ms) FILTER (WHERE s.queryid IS NOT NULL AND s.explainable)
                                      / nullif(sum(s.total_ms), 0), 0)
                      FROM dbadvisor.statements s
                      WHERE s.dbid = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database())
                        AND (s.queryid IS NULL OR dbadvisor.is_judged(s.query, s.toplevel))) END AS share
), candidates AS MATERIALIZED (
    -- The cheap conditions first: what follows calls functions on each.
    SELECT i.*,
           i.scans > l.max_scans_per_day * extract(epoch FROM now() - since.statistics) / 86400 AS is_scanned
    FROM dbadvisor.user_indexes i
    CROSS JOIN since
    CROSS JOIN known k
    CROSS JOIN limits l
    WHERE i.is_valid
      AND NOT i.is_partition
      AND NOT (i.is_unique OR i.is_exclusion OR i.is_replica_identity OR i.is_clustered)
      AND (i.scans <= l.max_scans_per_day * extract(epoch FROM now() - since.statistics) / 86400
           OR (k.observed >= l.min_window AND k.share >= l.min_known_share AND NOT i.has_expressions))
      AND i.bytes >= l.min_bytes
      AND NOT EXISTS (SELECT FROM pg_constraint con WHERE con.conindid = i.indexrelid)
), scanned AS MATERIALIZED (
    SELECT c.indexrelid
    FROM candidates c
    WHERE c.is_scanned
    ORDER BY c.bytes DESC, c.indexrelid
    LIMIT (SELECT max_scanned FROM limits)
), aged AS MATERIALIZED (
    SELECT c.*,
           greatest(interval '0',   -- built since this transaction began
                    now() - greatest(since.statistics,
                                     CASE c.kind WHEN 'I'
                                         THEN (SELECT max(dbadvisor.relation_created(leaf))
                                               FROM dbadvisor.partition_leaves(c.indexrelid) AS leaf)
                                         ELSE dbadvisor.relation_created(c.indexrelid) END)) AS counted
    FROM candidates c
    CROSS JOIN since
    WHERE NOT c.is_scanned
       OR c.indexrelid IN (SELECT s.indexrelid FROM scanned s)
), droppable AS MATERIALIZED (
    SELECT a.*,
           extract(epoch FROM a.counted) / 86400 AS days,
           a.scans <= l.max_scans_per_day * extract(epoch FROM a.counted) / 86400 AS is_rare
    FROM aged a
    CROSS JOIN limits l
    WHERE a.counted >= l.min_window
      AND (a.is_scanned OR a.scans <= l.max_scans_per_day * extract(epoch FROM a.counted) / 86400)
      AND NOT EXISTS (SELECT
                      FROM pg_constraint fk
                      WHERE fk.conrelid = a.relid
                        AND fk.contype = 'f'
                        AND dbadvisor.index_serves_foreign_key(a.indexrelid, fk.oid))
      AND NOT (a.is_scanned
               AND EXISTS (SELECT
                           FROM pg_index other
                           WHERE other.indrelid = a.relid
                             AND other.indexrelid <> a.indexrelid
                             AND dbadvisor.compare_indexes(other.indexrelid, a.indexrelid) IS NOT NULL))
), users AS MATERIALIZED (
    SELECT u.*,
           row_number() OVER (PARTITION BY u.index
                              ORDER BY u.worst_ratio DESC NULLS LAST, u.total_ms DESC, u.queryid) AS place
    FROM (SELECT array_agg(d.indexrelid::oid ORDER BY d.is_rare DESC, d.scans = 0 DESC, d.bytes DESC, d.indexrelid)
                     AS indexes
          FROM droppable d) j
    CROSS JOIN limits l
    CROSS JOIN LATERAL dbadvisor.index_users(j.indexes, l.planning_time) u
), uses AS (
    SELECT u.index,
           count(*) FILTER (WHERE u.problem IS NULL) AS statements,
           count(u.problem) AS unknown,
           max(u.worst_ratio) AS worst_ratio,
           max(u.queryid) FILTER (WHERE u.place = 1) AS queryid,
           max(u.query) FILTER (WHERE u.place = 1) AS query,
           jsonb_agg(jsonb_build_object(
                         'queryid', u.queryid::text,
                         'calls', u.calls,
                         'total_ms', round(u.total_ms::numeric, 1),
                         'since', u.first_seen,
                         'cost', round(u.cost::numeric, 2),
                         'cost_without', round(u.cost_without::numeric, 2),
                         'worst_ratio', round(u.worst_ratio::numeric, 3),
                         'problem', u.problem) ORDER BY u.place)
               FILTER (WHERE u.place <= l.shown_statements) AS shown
    FROM users u
    CROSS JOIN limits l
    GROUP BY u.index
), judged AS (
    SELECT d.*,
           u.statements, u.queryid, u.query, u.worst_ratio, u.shown,
           coalesce(u.unknown, 0) AS unknown,
           k.share,
           k.observed,
           coalesce(u.worst_ratio > l.max_ratio, false) AS is_needed,
           coalesce(a.all_asked AND u.statements > 0 AND u.worst_ratio <= l.max_ratio, false) AS is_dispensable,
           coalesce(a.all_asked AND u.statements IS NULL
                    AND (s.last_scan IS NULL OR s.last_scan < now() - l.min_window), false) AS is_abandoned,
           s.last_scan
    FROM droppable d
    CROSS JOIN limits l
    CROSS JOIN known k
    LEFT JOIN uses u ON u.index = d.indexrelid
    CROSS JOIN LATERAL (
        SELECT coalesce(u.unknown, 0) = 0 AND k.share >= l.min_known_share
               AND k.observed >= l.min_window AS all_asked) a
    CROSS JOIN LATERAL (
        SELECT dbadvisor.last_scan(d.indexrelid) AS last_scan) s
), reported AS (
    SELECT j.*,
           w.writes,
           standbys.n AS standbys,
           least(j.counted, CASE WHEN j.scans > 0 THEN j.observed END) < 5 * l.min_window AS is_early
    FROM judged j
    CROSS JOIN limits l
    CROSS JOIN standbys
    CROSS JOIN LATERAL (
        SELECT coalesce(sum(pg_stat_get_tuples_inserted(leaf)
                            + pg_stat_get_tuples_updated(leaf)
                            - pg_stat_get_tuples_hot_updated(leaf)), 0)::bigint AS writes
        FROM dbadvisor.partition_leaves(j.relid) AS leaf) w
    WHERE j.is_rare
       OR ((j.is_dispensable OR j.is_abandoned) AND w.writes > 0)
)
SELECT 'pg_class'::regclass::oid AS classid,
       r.indexrelid AS objid,
       0 AS objsubid,
       format('%s in %s%s; it takes %s, and its table took %s meanwhile.',
              CASE WHEN r.scans = 0 THEN 'Not scanned once'
                   WHEN r.scans = 1 THEN 'Scanned only once'
                   WHEN r.is_rare THEN format('Scanned only %s times', r.scans)
                   ELSE format('Scanned %s times', r.scans) END,
              CASE WHEN r.days >= 2 THEN format('%s days', trunc(r.days))
                   WHEN r.days * 24 >= 2 THEN format('%s hours', trunc(r.days * 24))
                   WHEN r.days * 1440 >= 2 THEN format('%s minutes', trunc(r.days * 1440))
                   ELSE 'the last two minutes' END,
              CASE WHEN r.is_needed
                   THEN format(', but an observed statement needs it and would cost %s without it (%s)',
                               CASE WHEN r.worst_ratio >= 2
                                    THEN format('%s times as much', round(r.worst_ratio::numeric, CASE WHEN r.worst_ratio < 10 THEN 1 ELSE 0 END))
                                    ELSE format('%s %% more', ceil(100 * (r.worst_ratio - 1))) END,
                               coalesce(dbadvisor.in_one_line(r.query), 'statement ' || r.queryid))
                   WHEN r.is_dispensable
                   THEN format(', and not needed: %s would cost the same without it',
                               CASE r.statements WHEN 1 THEN 'the one observed statement that uses it'
                                    ELSE format('the %s observed statements that use it', r.statements) END)
                   WHEN NOT r.is_rare THEN ', but no observed statement uses it now' END,
              pg_size_pretty(r.bytes),
              CASE r.writes WHEN 0 THEN 'no write' WHEN 1 THEN '1 write'
                   ELSE format('%s writes', r.writes) END) AS detail,
       CASE WHEN r.is_needed OR r.standbys > 0 OR r.is_early
                 OR (r.scans > 0 AND NOT (r.is_dispensable OR (r.is_abandoned AND r.last_scan IS NOT NULL))) THEN 'info'
            WHEN r.writes = 0 OR r.scans > 0 THEN 'notice'
            ELSE 'warning' END AS severity,
       r.bytes AS frees_bytes,
       CASE WHEN r.is_needed THEN 0.1
            WHEN r.standbys > 0 OR (r.scans > 0 AND NOT (r.is_dispensable OR r.is_abandoned)) THEN 0.3
            WHEN r.is_early THEN 0.5
            WHEN r.has_expressions THEN 0.6
            WHEN r.is_abandoned AND r.scans > 0 AND r.last_scan IS NULL THEN 0.4
            WHEN r.scans > 0 THEN 0.7 * r.share
            ELSE 0.9 END::float8 AS confidence,
       CASE WHEN NOT r.is_needed
            THEN format('DROP INDEX %s%I.%I;',
                        CASE r.kind WHEN 'I' THEN '' ELSE 'CONCURRENTLY ' END, r.schema, r.name) END AS fix,
       CASE WHEN NOT r.is_needed
            THEN d.definition || ';' || dbadvisor.index_extras(r.indexrelid) END AS undo,
       CASE WHEN r.is_needed
            THEN concat_ws(' ',
                'To be kept, unless that statement no longer matters. dbadvisor.whatif() shows its plan without the index.',
                dbadvisor.where_to_read(r.query, r.queryid))
            ELSE concat_ws(' ',
                CASE r.kind WHEN 'I'
                     THEN 'Takes ACCESS EXCLUSIVE on the table and its partitions for a moment: set lock_timeout. The undo blocks writes to them until all parts are built; their own names and comments do not come back.'
                     ELSE 'Blocks no reads or writes; waits for transactions that use the table, and cannot run inside a transaction block.' END,
                CASE WHEN r.has_expressions
                     THEN 'It indexes an expression, so the planner''s statistics about that expression go with it.' END,
                CASE WHEN r.is_dispensable AND r.scans > 0
                     THEN 'The statements that use it now will be served another way at the same cost, by the planner''s estimate.' END,
                CASE WHEN r.unknown > 0
                     THEN format('%s could not be planned without it and may use it.',
                                 CASE r.unknown WHEN 1 THEN '1 observed statement on its table'
                                      ELSE format('%s observed statements on its table', r.unknown) END) END,
                CASE WHEN r.standbys > 0
                     THEN format('%s standby(s) are attached and count their own scans: look at pg_stat_user_indexes there first.', r.standbys) END) END AS caution,
       jsonb_build_object(
           'scans', r.scans,
           'last_scan', r.last_scan,
           'counted_days', round(r.days::numeric, 2),
           'bytes', r.bytes,
           'table_writes', r.writes,
           'standbys', r.standbys,
           'statements', r.shown,
           'unknown_statements', r.unknown,
           'known_share_of_time', round(r.share::numeric, 3)) AS evidence
FROM reported r
CROSS JOIN LATERAL (
    SELECT dbadvisor.index_definition(r.indexrelid) AS definition) d
WHERE d.definition IS NOT NULL
