-- analyze_first: table that observed statements read and that has to be analyzed before advice
-- category: statistics
-- severity: notice
-- needs: statements
-- examines: dbadvisor.known_statements
-- general: yes
--
-- Which index a statement wants, and whether it wants one, hangs on how many rows its
-- conditions leave. That is estimated from statistics. Where there are none the planner
-- guesses, and so would any advice: for such a table none is given. Where a fifth of the
-- rows and more were changed since, what is advised may be wrong.
--
-- Reported are the tables that the observed statements read, from 1000 rows on; those
-- that were changed only if something else is advised for them.
-- Severity is info while less than an hour has been observed.
--
-- Fix: ANALYZE. Ask for recommendations again then.
--
-- Not reported: tables that no observed statement reads. Whatever else lacks statistics,
-- or has old ones, see never_analyzed and stale_statistics.

WITH limits AS MATERIALIZED (
    SELECT least('1 hour', current_setting('dbadvisor.min_window')::interval) AS min_observed
), window_of AS MATERIALIZED (
    SELECT now() - min(s.since) AS observed
    FROM dbadvisor.known_statements s
)
SELECT 'pg_class'::regclass::oid AS classid,
       a."table"::oid AS objid,
       0 AS objsubid,
       format('%s It is read by %s that %s %s an hour.', a.reason,
              CASE s.statements WHEN 1 THEN 'a statement' ELSE s.statements || ' statements' END,
              CASE s.statements WHEN 1 THEN 'takes' ELSE 'take' END,
              dbadvisor.in_words(s.ms_per_hour)) AS detail,
       CASE WHEN w.observed < l.min_observed THEN 'info' ELSE 'notice' END AS severity,
       s.ms_per_hour AS costs_ms_per_hour,
       0.8::float8 AS confidence,
       a.ddl AS fix,
       NULL::text AS undo,
       'ANALYZE takes SHARE UPDATE EXCLUSIVE: reads and writes go on, schema changes of the table wait. It reads a sample (300 rows for each unit of default_statistics_target), so it takes seconds. Plans may change.' AS caution,
       jsonb_build_object(
           'statements', s.statements,
           'ms_per_hour', round(s.ms_per_hour::numeric, 1),
           'observed_hours', extract(epoch FROM w.observed) / 3600) AS evidence
FROM dbadvisor.advice() a
CROSS JOIN limits l
CROSS JOIN window_of w
CROSS JOIN LATERAL (
    SELECT count(*) AS statements,
           sum(o.before) AS ms_per_hour
    FROM jsonb_to_recordset(a.statements) AS o(before float8)) s
WHERE a.kind = 'statistics'
