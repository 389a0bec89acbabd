-- never_analyzed: table with rows of which the planner has no statistics
-- category: statistics
-- severity: warning
-- needs: primary
-- examines: dbadvisor.user_tables
--
-- Without statistics the planner guesses: that an equality finds one row in two
-- hundred, that a range finds a third of the table, that a join key is unique.
-- Wrong join orders and nested loops over millions of rows come from that.
--
-- What counts is whether statistics are there, not when ANALYZE last ran: that is
-- forgotten at every crash and reset. After pg_upgrade (before PostgreSQL 18)
-- and pg_restore there are none, and autovacuum comes only after a tenth of the
-- table has changed.
--
-- Autovacuum never analyzes a partitioned table itself, only its partitions, nor
-- a parent in an inheritance tree whose own rows do not change. Estimates for
-- queries over all partitions then lack a base: reported as notice. Partitions
-- without statistics of their own are reported together, at their root.
--
-- Severity is notice below 100 MB, and info where autovacuum is due to come by
-- itself within minutes, because the table is new.
--
-- Fix: ANALYZE. For partitioned tables put it into a nightly job as well.
--
-- Not reported: tables below 1 MB, or known to be empty, and those none of whose
-- columns can have statistics. For statistics that are old see stale_statistics.

WITH limits AS (
    SELECT 1024 * 1024 AS min_bytes,
           100 * 1024 * 1024 AS warning_bytes,
           interval '15 minutes' AS time_for_autovacuum,
           20 AS max_statements
), tables AS MATERIALIZED (
    SELECT t.*,
           EXISTS (SELECT FROM pg_inherits i WHERE i.inhparent = t.relid) AS has_children
    FROM dbadvisor.user_tables t
), leaves AS (
    SELECT t.relid, t.root, t.schema, t.name, t.last_analyze,
           dbadvisor.relation_bytes(t.relid) AS bytes,
           t.live_tuples
    FROM tables t
    WHERE t.kind <> 'p'
      AND NOT (t.live_tuples = 0 AND t.inserts > 0)
      AND NOT dbadvisor.has_statistics(t.relid)
), parents AS (
    SELECT t.relid AS root, l.leaves, l.bytes, l.foreign_leaves
    FROM tables t
    CROSS JOIN LATERAL (
        SELECT count(*) AS leaves,
               coalesce(sum(dbadvisor.relation_bytes(c.oid)), 0)::bigint AS bytes,
               count(*) FILTER (WHERE c.relkind = 'f') AS foreign_leaves
        FROM dbadvisor.partition_leaves(t.relid) AS leaf
        JOIN pg_class c ON c.oid = leaf) l
    WHERE t.has_children
      AND NOT t.is_partition
      AND NOT dbadvisor.has_statistics(t.relid, true)
), missing AS (
    SELECT v.root,
           count(*) AS tables,
           sum(v.bytes)::bigint AS bytes,
           sum(v.live_tuples)::bigint AS live_rows,
           max(v.last_analyze) AS last_analyze,
           bool_and(v.relid = v.root) AS is_root,
           string_agg(format('ANALYZE %I.%I;', v.schema, v.name), E'\n'
                      ORDER BY v.bytes DESC, v.relid) AS analyze,
           bool_and(u.disabled_by IS NULL
                    AND v.live_tuples > 0
                    AND u.modified_since_analyze > u.analyze_trigger
                    AND coalesce(dbadvisor.relation_created(v.relid) > now() - l.time_for_autovacuum, false)) AS is_coming
    FROM leaves v
    CROSS JOIN limits l
    JOIN dbadvisor.autovacuum_units u ON u.unit = v.relid
    WHERE v.bytes >= l.min_bytes
    GROUP BY v.root
), candidates AS (
    SELECT coalesce(p.root, m.root) AS root,
           p.root IS NOT NULL AS lacks_inherited,
           p.leaves,
           coalesce(p.foreign_leaves, 0) AS foreign_leaves,
           coalesce(m.tables, 0) AS tables,
           coalesce(m.is_root, false) AS is_root,
           coalesce(m.is_coming, false) AS is_coming,
           coalesce(m.bytes, p.bytes) AS bytes,
           m.live_rows, m.last_analyze, m.analyze
    FROM (SELECT p.* FROM parents p CROSS JOIN limits l WHERE p.bytes >= l.min_bytes) p
    FULL JOIN missing m ON m.root = p.root
)
SELECT 'pg_class'::regclass::oid AS classid,
       c.root AS objid,
       0 AS objsubid,
       concat(
           CASE WHEN c.tables > 0 AND NOT c.is_root
                THEN format(CASE c.tables WHEN 1 THEN '%s of its partitions, %s, has no statistics'
                                 ELSE '%s of its partitions, %s, have no statistics' END,
                            c.tables, pg_size_pretty(c.bytes))
                WHEN c.tables > 0 AND c.last_analyze IS NULL
                THEN format('%s%s without statistics: no ANALYZE is on record',
                            pg_size_pretty(c.bytes),
                            CASE WHEN c.live_rows > 0
                                 THEN format(' and about %s rows', to_char(c.live_rows, 'FM999,999,999,999,990'))
                                 ELSE '' END)
                WHEN c.tables > 0
                THEN format('%s without statistics, though it was analyzed on %s: it was empty then, or they were lost since',
                            pg_size_pretty(c.bytes), to_char(c.last_analyze, 'YYYY-MM-DD HH24:MI'))
                ELSE format('Its partitions or children (%s, %s) are analyzed one by one, if at all, but as a whole it has no statistics',
                            c.leaves, pg_size_pretty(c.bytes)) END,
           CASE WHEN c.lacks_inherited AND c.tables > 0 THEN ', nor has it any as a whole' END,
           CASE WHEN c.lacks_inherited THEN '; autovacuum does not make those.'
                WHEN c.is_coming THEN '; it is new, and autovacuum should come by itself.'
                ELSE '.' END) AS detail,
       CASE WHEN c.is_coming AND NOT c.lacks_inherited THEN 'info'
            WHEN c.tables = 0 OR c.is_coming OR c.bytes < l.warning_bytes THEN 'notice'
            ELSE 'warning' END AS severity,
       0.9::float8 AS confidence,
       CASE WHEN c.lacks_inherited OR c.tables > l.max_statements
            THEN format('ANALYZE %I.%I;', n.nspname, r.relname)
            ELSE c.analyze END AS fix,
       NULL::text AS undo,
       concat_ws(' ',
           'ANALYZE takes SHARE UPDATE EXCLUSIVE: reads and writes go on, schema changes of the table wait. It reads a sample (300 rows for each unit of default_statistics_target), so it takes seconds; of a partitioned table it reads every partition as well. Plans may change.',
           CASE WHEN c.foreign_leaves > 0
                THEN 'Some of its partitions are foreign tables, which it reads over the network.' END) AS caution,
       jsonb_build_object(
           'tables_without', c.tables,
           'lacks_inherited', c.lacks_inherited,
           'bytes', c.bytes,
           'live_rows', c.live_rows,
           'last_analyze', c.last_analyze) AS evidence
FROM candidates c
CROSS JOIN limits l
JOIN pg_class r ON r.oid = c.root
JOIN pg_namespace n ON n.oid = r.relnamespace
WHERE EXISTS (SELECT
              FROM pg_attribute a
              WHERE a.attrelid = c.root
                AND a.attnum > 0
                AND NOT a.attisdropped
                AND coalesce((to_jsonb(a) ->> 'attstattarget')::int, -1) <> 0
                AND a.attgenerated <> 'v')
