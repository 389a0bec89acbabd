-- unused_index: index that no query reads but every write maintains
-- category: index
-- severity: warning
-- needs: primary, window
-- examines: dbadvisor.user_indexes
--
-- Every INSERT, and every UPDATE that is not HOT, writes to each index of the
-- table; VACUUM reads each of them; each takes disk, cache and backup. An index
-- that no query has used gives nothing back.
--
-- An index counts as unused when it was not scanned at all, or less than once
-- in ten days, since statistics were last reset (or lost in a crash) and since
-- the index itself was built. That must be at least dbadvisor.min_window (7
-- days); below five times that window (35 days: a monthly job may yet come) the
-- finding is of severity info.
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
-- and anything below 1 MB.

WITH limits AS MATERIALIZED (
    SELECT 1024 * 1024 AS min_bytes,
           0.1 AS max_scans_per_day,
           current_setting('dbadvisor.min_window')::interval AS min_window
), standbys AS (
    SELECT count(*) AS n
    FROM pg_stat_replication r
    LEFT JOIN pg_replication_slots s ON s.active_pid = r.pid
    WHERE coalesce(s.slot_type, 'physical') = 'physical'
), since AS MATERIALIZED (
    SELECT dbadvisor.statistics_since() AS statistics
), candidates AS MATERIALIZED (
    -- The cheap conditions first: what follows calls functions on each.
    SELECT i.*,
           greatest(interval '0',   -- built since this transaction began
                    now() - greatest(since.statistics,
                                     CASE i.kind WHEN 'I'
                                         THEN (SELECT max(dbadvisor.relation_created(leaf))
                                               FROM dbadvisor.partition_leaves(i.indexrelid) AS leaf)
                                         ELSE dbadvisor.relation_created(i.indexrelid) END)) AS counted
    FROM dbadvisor.user_indexes i
    CROSS JOIN since
    CROSS JOIN limits l
    WHERE i.is_valid
      AND NOT i.is_partition
      AND NOT (i.is_unique OR i.is_exclusion OR i.is_replica_identity OR i.is_clustered)
      AND i.scans <= l.max_scans_per_day * extract(epoch FROM now() - since.statistics) / 86400
      AND i.bytes >= l.min_bytes
      AND NOT EXISTS (SELECT FROM pg_constraint con WHERE con.conindid = i.indexrelid)
), unused AS (
    SELECT c.*,
           extract(epoch FROM c.counted) / 86400 AS days
    FROM candidates c
    CROSS JOIN limits l
    WHERE c.counted >= l.min_window
      AND c.scans <= l.max_scans_per_day * extract(epoch FROM c.counted) / 86400
      AND NOT EXISTS (SELECT
                      FROM pg_constraint fk
                      WHERE fk.conrelid = c.relid
                        AND fk.contype = 'f'
                        AND dbadvisor.index_serves_foreign_key(c.indexrelid, fk.oid))
)
SELECT 'pg_class'::regclass::oid AS classid,
       u.indexrelid AS objid,
       0 AS objsubid,
       format('%s in %s; it takes %s, and its table took %s meanwhile.',
              CASE u.scans WHEN 0 THEN 'Not scanned once'
                   WHEN 1 THEN 'Scanned only once'
                   ELSE format('Scanned only %s times', u.scans) END,
              CASE WHEN u.days >= 2 THEN format('%s days', trunc(u.days))
                   WHEN u.days * 24 >= 2 THEN format('%s hours', trunc(u.days * 24))
                   WHEN u.days * 1440 >= 2 THEN format('%s minutes', trunc(u.days * 1440))
                   ELSE 'the last two minutes' END,
              pg_size_pretty(u.bytes),
              CASE w.writes WHEN 0 THEN 'no write' WHEN 1 THEN '1 write'
                   ELSE format('%s writes', w.writes) END) AS detail,
       CASE WHEN standbys.n > 0 OR u.scans > 0 OR u.counted < 5 * l.min_window THEN 'info'
            WHEN w.writes = 0 THEN 'notice'
            ELSE 'warning' END AS severity,
       u.bytes AS frees_bytes,
       CASE WHEN standbys.n > 0 OR u.scans > 0 THEN 0.3
            WHEN u.has_expressions THEN 0.6
            WHEN u.counted < 5 * l.min_window THEN 0.5
            ELSE 0.9 END::float8 AS confidence,
       format('DROP INDEX %s%I.%I;',
              CASE u.kind WHEN 'I' THEN '' ELSE 'CONCURRENTLY ' END, u.schema, u.name) AS fix,
       d.definition || ';' || dbadvisor.index_extras(u.indexrelid) AS undo,
       concat_ws(' ',
           CASE u.kind WHEN 'I'
                THEN 'Takes ACCESS EXCLUSIVE on the table and its partitions for a moment: set lock_timeout. The undo blocks writes to them until all parts are built; their own names and comments do not come back.'
                ELSE 'Blocks no reads or writes; waits for transactions that use the table, and cannot run inside a transaction block.' END,
           CASE WHEN u.has_expressions
                THEN 'It indexes an expression, so the planner''s statistics about that expression go with it.' END,
           CASE WHEN standbys.n > 0
                THEN format('%s standby(s) are attached and count their own scans: look at pg_stat_user_indexes there first.', standbys.n) END) AS caution,
       jsonb_build_object(
           'scans', u.scans,
           'last_scan', dbadvisor.last_scan(u.indexrelid),
           'counted_days', round(u.days::numeric, 2),
           'bytes', u.bytes,
           'table_writes', w.writes,
           'standbys', standbys.n) AS evidence
FROM unused u
CROSS JOIN limits l
CROSS JOIN standbys
CROSS JOIN LATERAL (
    SELECT coalesce(sum(pg_stat_get_tuples_inserted(leaf)
                        + pg_stat_get_tuples_updated(leaf)
                        - pg_stat_get_tuples_hot_updated(leaf)), 0)::bigint AS writes
    FROM dbadvisor.partition_leaves(u.relid) AS leaf) w
CROSS JOIN LATERAL (
    SELECT dbadvisor.index_definition(u.indexrelid) AS definition) d
WHERE d.definition IS NOT NULL
