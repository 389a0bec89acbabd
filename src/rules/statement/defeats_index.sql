-- defeats_index: statement whose conditions no index can serve as they are written
-- category: statement
-- severity: notice
-- needs: statements
-- examines: dbadvisor.known_statements
--
-- An index on a column finds values of the column. A condition on what is computed from it
-- (customer_id::text = '17', placed::date = '2024-05-01', price * 2 > 100) has to be
-- computed for each row of the table. So has one that compares it with another type:
-- customer_id = 5.0 is customer_id::numeric = 5.0. An index on the expression itself is
-- one more to maintain, where there can be one: not where it depends on the time zone.
--
-- The observed statements are planned both ways: as they are, and with the condition
-- that means the same of the bare column, each with the indexes that could help it. What
-- is reported costs a tenth less the other way. It is found also in casts between
-- columns that are joined, date_trunc() and to_char(), coalesce(), IS NOT DISTINCT FROM,
-- x = ANY (column), an OR over columns of several tables, and LIKE '%x%', which
-- only an index of pg_trgm serves.
--
-- Severity is warning where it saves 36 s an hour (1 % of the time), and info while less
-- than an hour has been observed.
--
-- Fix: write the condition as the sentence says, in the application; and make the index
-- that the sentence names, if it names one. For patterns: create the extension, then the
-- index. What the placeholders stand for is up to the application as well: one of
-- the column's own type is what an index can find.
--
-- Not reported: what saves less than 1 s an hour; conditions whose table is found
-- quickly by another one, or is small; and those that an index on the expression serves.

WITH limits AS MATERIALIZED (
    SELECT 1000 AS min_ms_per_hour,
           36 * 1000 AS heavy_ms_per_hour,
           least('1 hour', current_setting('dbadvisor.min_window')::interval) AS min_observed
), window_of AS MATERIALIZED (
    SELECT now() - min(s.since) AS observed
    FROM dbadvisor.known_statements s
), answers AS MATERIALIZED (
    SELECT s.queryid, s.query,
           string_agg(a.reason, ' ' ORDER BY a."table") AS reason,
           string_agg(DISTINCT a.ddl, E'\n') AS fix,
           array_agg(DISTINCT a."table"::regclass::text) AS tables,
           array_agg(DISTINCT a.kind) AS kinds,
           max(s.calls) AS calls_per_hour,
           max(s.before) AS ms_per_hour,
           -- Of a pattern nobody knows what it would take.
           min(s.after) AS ms_per_hour_after
    FROM dbadvisor.advice() a
    CROSS JOIN LATERAL jsonb_to_recordset(a.statements)
        AS s(queryid bigint, query text, calls float8, before float8, after float8)
    WHERE a.kind IN ('rewrite', 'extension')
    GROUP BY s.queryid, s.query
)
SELECT NULL::oid AS classid,
       NULL::oid AS objid,
       NULL::int AS objsubid,
       'statement ' || a.queryid AS object,
       format('%s %s an hour go into: %s', a.reason, dbadvisor.in_words(a.ms_per_hour),
              dbadvisor.in_one_line(a.query)) AS detail,
       CASE WHEN w.observed < l.min_observed THEN 'info'
            WHEN a.ms_per_hour - a.ms_per_hour_after >= l.heavy_ms_per_hour THEN 'warning'
            ELSE 'notice' END AS severity,
       a.ms_per_hour - a.ms_per_hour_after AS saves_ms_per_hour,
       a.ms_per_hour AS costs_ms_per_hour,
       0.8::float8 AS confidence,
       a.fix,
       NULL::text AS undo,
       concat_ws(' ',
           CASE WHEN 'rewrite' = ANY (a.kinds)
                THEN 'The statement is to be changed where it comes from. Times and dates are those of the session''s time zone in both ways of writing them.' END,
           CASE WHEN 'extension' = ANY (a.kinds)
                THEN 'The extension alone changes nothing; the index on it is what helps.' END,
           dbadvisor.where_to_read(a.query, a.queryid)) AS caution,
       jsonb_build_object(
           'queryid', a.queryid::text,
           'tables', a.tables,
           'calls_per_hour', round(a.calls_per_hour::numeric, 2),
           'ms_per_hour', round(a.ms_per_hour::numeric, 1),
           'ms_per_hour_after', round(a.ms_per_hour_after::numeric, 1),
           'observed_hours', extract(epoch FROM w.observed) / 3600) AS evidence
FROM answers a
CROSS JOIN limits l
CROSS JOIN window_of w
WHERE a.queryid IS NOT NULL
  AND coalesce(a.ms_per_hour - a.ms_per_hour_after, a.ms_per_hour) >= l.min_ms_per_hour
