-- stale_statistics: table that has changed much since it was last analyzed
-- category: statistics
-- severity: warning
-- needs: primary
-- examines: dbadvisor.user_tables
--
-- The planner believes the last ANALYZE. Rows added since, above all newer dates
-- and higher keys than it saw, are taken for next to none, and a plan that suits
-- a handful of rows meets millions.
--
-- Autovacuum analyzes a table when more rows than autovacuum_analyze_threshold +
-- autovacuum_analyze_scale_factor x rows were changed; the table's storage
-- parameters override the settings. A table is reported when it is twice beyond
-- that point, or beyond it at all while autovacuum is off for the table or the
-- server. Partitions are reported together, at their root.
--
-- Severity is notice where autovacuum is on: it may yet come. It is given five
-- rounds (autovacuum_naptime) after the last ANALYZE, and after the table was made.
--
-- Fix: ANALYZE; and where the table has autovacuum switched off, think of
-- switching that on (see vacuum_overdue, which does).
--
-- Not reported: fewer than 10 000 changed rows, tables with fewer than 10 000
-- rows or below 1 MB, those that are being analyzed just now, and those that have
-- no statistics at all (see never_analyzed).

WITH limits AS (
    SELECT 1024 * 1024 AS min_bytes,
           10000 AS min_rows,
           2.0 AS overdue_factor,
           5 AS rounds_of_patience,
           20 AS max_statements
), due AS MATERIALIZED (
    SELECT u.*,
           u.modified_since_analyze / greatest(u.analyze_trigger, 1) AS factor
    FROM dbadvisor.autovacuum_units u
    CROSS JOIN limits l
    WHERE NOT u.is_toast
      AND u.modified_since_analyze >= l.min_rows
      AND u.live_tuples >= l.min_rows
), sized AS MATERIALIZED (
    SELECT d.*,
           dbadvisor.relation_bytes(d.relid) AS bytes
    FROM due d
    CROSS JOIN limits l
    WHERE d.factor > CASE WHEN d.disabled_by IS NULL THEN l.overdue_factor ELSE 1 END
      -- Rows loaded just before ANALYZE may be counted just after it: wait for
      -- autovacuum to have had its chance.
      AND (d.disabled_by IS NOT NULL
           OR coalesce(greatest(d.last_analyze, dbadvisor.relation_created(d.relid)), '-infinity')
              < now() - l.rounds_of_patience * current_setting('autovacuum_naptime')::interval)
      AND dbadvisor.has_statistics(d.relid)
      AND NOT EXISTS (SELECT
                      FROM pg_stat_progress_analyze p
                      WHERE p.datname = current_database()
                        AND p.relid = d.relid)
), stale AS (
    SELECT s.*
    FROM sized s
    CROSS JOIN limits l
    WHERE s.bytes >= l.min_bytes
), roots AS (
    SELECT s.root,
           count(*) AS tables,
           string_agg(format('ANALYZE %I.%I;', s.schema, s.name), E'\n'
                      ORDER BY s.factor DESC, s.relid) AS analyze
    FROM stale s
    GROUP BY s.root
), worst AS (
    SELECT DISTINCT ON (s.root) s.*
    FROM stale s
    ORDER BY s.root, s.disabled_by IS NULL, s.factor DESC, s.relid
)
SELECT 'pg_class'::regclass::oid AS classid,
       w.root AS objid,
       0 AS objsubid,
       concat(
           CASE WHEN r.tables > 1 THEN format('%s partitions have old statistics, the worst is %I.%I: ', r.tables, w.schema, w.name)
                WHEN w.relid <> w.root THEN format('Partition %I.%I has old statistics: ', w.schema, w.name) END,
           format('%s changed rows beside %s live ones, %s times the %s at which autovacuum analyzes',
                  to_char(w.modified_since_analyze, 'FM999,999,999,999,990'),
                  to_char(w.live_tuples, 'FM999,999,999,999,990'),
                  trunc(w.factor::numeric, 1),
                  to_char(w.analyze_trigger, 'FM999,999,999,999,990')),
           CASE w.disabled_by
               WHEN 'table' THEN ', but it is switched off for this table'
               WHEN 'server' THEN ', but it is switched off on this server' END,
           CASE WHEN w.last_analyze IS NULL THEN '; no ANALYZE is on record.'
                ELSE format('; last analyzed on %s.', to_char(w.last_analyze, 'YYYY-MM-DD HH24:MI')) END) AS detail,
       CASE WHEN w.disabled_by IS NULL THEN 'notice' ELSE 'warning' END AS severity,
       CASE WHEN w.disabled_by IS NULL THEN 0.7 ELSE 0.9 END::float8 AS confidence,
       CASE WHEN r.tables <= l.max_statements THEN r.analyze
            ELSE format('ANALYZE %I.%I;', n.nspname, c.relname) END AS fix,
       NULL::text AS undo,
       concat_ws(' ',
           'ANALYZE takes SHARE UPDATE EXCLUSIVE: reads and writes go on, schema changes of the table wait. It reads a sample (300 rows for each unit of default_statistics_target), so it takes seconds. Plans may change.',
           CASE w.disabled_by
               WHEN 'table' THEN 'This helps once: as long as the table has autovacuum_enabled = off, nobody analyzes it.'
               WHEN 'server' THEN 'This helps once: switch on autovacuum and track_counts for the server.' END) AS caution,
       jsonb_build_object(
           'tables', r.tables,
           'worst', format('%I.%I', w.schema, w.name),
           'modified_since_analyze', w.modified_since_analyze,
           'analyze_trigger', round(w.analyze_trigger::numeric),
           'live_rows', w.live_tuples,
           'last_analyze', w.last_analyze,
           'autovacuum_disabled_by', w.disabled_by) AS evidence
FROM worst w
CROSS JOIN limits l
JOIN roots r ON r.root = w.root
JOIN pg_class c ON c.oid = w.root
JOIN pg_namespace n ON n.oid = c.relnamespace
