-- deep_offset: statement that produces many rows only to skip them with OFFSET
-- category: statement
-- severity: notice
-- needs: observing
-- examines: dbadvisor.statement_totals
--
-- OFFSET 100000 LIMIT 20 makes 100 020 rows, with all their joins and lookups, and
-- throws all but the last 20 away. Each page costs more than the one before it,
-- and rows that come or go meanwhile are shown twice or never.
--
-- What is reported was measured: statements that skipped 1000 rows or more in one
-- execution and, over all counted ones, ten times as many as they returned; seen
-- in 3 counted executions or more and a tenth of them, and taking 10 s an hour or
-- more. Severity is warning where the statement takes 10 % of an hour, and info for
-- what runs rarely (fewer than 5 calls, or less than one in two hours) and while
-- less than an hour has been observed. At most 20.
--
-- Fix: keyset pagination, in the application. Remember the sort columns of the last
-- row shown, and ask for the rows behind it: WHERE (a, id) > (last a, last id)
-- ORDER BY a, id LIMIT 20. With an index on (a, id) each page then costs the same.
-- The columns must be unique together, so add the key; and where they are sorted in
-- different directions the comparison is written out. It gives up jumping to page
-- 500, which hardly anybody misses. The caution names the columns, where the plan
-- says them.
--
-- How much it saves is claimed only where the rows came in order from an index: the
-- rows skipped are that share of the work. Where all rows are sorted first, keyset
-- pagination needs the index as well, and saves about all of it.
--
-- Not reported: pages near the beginning, and OFFSET that skips nothing.

WITH limits AS MATERIALIZED (
    SELECT 1000 AS min_skipped,
           10 AS min_ratio,
           3 AS min_executions,
           0.1 AS min_share,
           10 * 1000 AS min_ms_per_hour,
           360 * 1000 AS heavy_ms_per_hour,
           5 AS min_calls,
           0.5 AS min_calls_per_hour,
           least('1 hour', current_setting('dbadvisor.min_window')::interval) AS min_observed,
           20 AS max_findings
), here AS MATERIALIZED (
    SELECT d.oid AS dbid
    FROM pg_database d
    WHERE d.datname = current_database()
), skipped AS (
    -- Over all shapes of the plan: a deep page may have another than a shallow one.
    SELECT f.queryid,
           sum(f.executions) AS executions,
           sum(f.removed) AS skipped,
           max(f.max_removed) AS max_skipped,
           sum(f.rows) AS returned
    FROM dbadvisor.statement_facts f
    JOIN here h USING (dbid)
    WHERE f.kind = 'offset'
      AND f.queryid IS NOT NULL
    GROUP BY f.queryid
), deep AS (
    SELECT k.executions, k.skipped, k.max_skipped, k.returned, s.*,
           CASE WHEN s.observed < l.min_observed
                     OR s.calls < l.min_calls
                     OR s.calls_per_hour < l.min_calls_per_hour THEN 'info'
                WHEN s.ms_per_hour >= l.heavy_ms_per_hour THEN 'warning'
                ELSE 'notice' END AS severity
    FROM skipped k
    CROSS JOIN limits l
    JOIN dbadvisor.statement_totals s USING (queryid)
    WHERE k.max_skipped >= l.min_skipped
      AND k.skipped >= l.min_ratio * k.returned
      AND k.executions >= greatest(l.min_executions, l.min_share * s.counted)
      AND s.ms_per_hour >= l.min_ms_per_hour
    ORDER BY s.ms_per_hour DESC, s.queryid
    LIMIT (SELECT max_findings FROM limits)
), plans AS (
    -- The order of the rows: what the topmost sort, else the index, is by.
    SELECT DISTINCT ON (p.queryid)
           p.queryid,
           substring(p.plan FROM 'Sort Key: ([^\n]+)') AS sort_key,
           substring(p.plan FROM '^Limit [^\n]*\n\s*->  Index (?:Only )?Scan (?:Backward )?using ("(?:[^"]|"")+"|\S+) on ') AS index_name,
           p.plan !~ '(Sort|Aggregate|Group|WindowAgg|Hash|Merge|Append|Gather)' AS in_order
    FROM dbadvisor.statement_plans p
    JOIN here h USING (dbid)
    WHERE p.queryid IN (SELECT d.queryid FROM deep d)
    ORDER BY p.queryid, p.ms DESC
), indexes AS (
    -- A name without its schema: only one that is not ambiguous will do.
    SELECT p.queryid,
           min(k.columns) AS columns
    FROM plans p
    JOIN dbadvisor.user_indexes i ON quote_ident(i.name) = p.index_name
    CROSS JOIN LATERAL (
        SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum) AS columns
        FROM pg_attribute a
        WHERE a.attrelid = i.indexrelid
          AND a.attnum <= i.key_columns) k
    WHERE NOT i.has_expressions
      AND NOT i.is_partition
    GROUP BY p.queryid
    HAVING count(*) = 1
)
SELECT NULL::oid AS classid,
       NULL::oid AS objid,
       NULL::int AS objsubid,
       'statement ' || d.queryid AS object,
       format('OFFSET skips %s rows a call, up to %s, to return %s (in %s of %s executions that were counted); %s calls of %s ms on average, %s s an hour: %s',
              to_char(d.skipped / d.executions, 'FM999,999,999,999,990'),
              to_char(d.max_skipped, 'FM999,999,999,999,990'),
              round((d.returned / d.executions)::numeric, CASE WHEN d.returned < 10 * d.executions THEN 1 ELSE 0 END),
              d.executions, d.counted, d.calls,
              round((d.ms / d.calls)::numeric, 1),
              round((d.ms_per_hour / 1000)::numeric),
              d.shown) AS detail,
       d.severity,
       CASE WHEN p.in_order AND d.executions = d.counted
            THEN d.ms_per_hour * d.skipped / (d.skipped + d.returned) END AS saves_ms_per_hour,
       CASE WHEN d.severity = 'info' THEN 0.5 ELSE 0.9 END::float8 AS confidence,
       NULL::text AS fix,
       NULL::text AS undo,
       CASE WHEN o.columns IS NULL
            THEN 'Page by key: order by columns that are unique together, have an index on them, and in place of OFFSET ask for the rows behind the last one shown, WHERE (columns) > (its values).'
            ELSE format('Page by key: the rows are ordered by (%s)%s. In place of OFFSET ask for those behind the last one shown, WHERE (%s) > (its values) ORDER BY %s LIMIT n (< where the order is descending)%s; if the columns are not unique together, add the primary key at the end of all of them.',
                        o.columns,
                        CASE WHEN p.sort_key IS NULL THEN ', which the index gives' ELSE ', which are sorted anew for each page' END,
                        o.bare, o.columns,
                        CASE WHEN p.sort_key IS NULL THEN '' ELSE format(', with an index on (%s)', o.columns) END) END AS caution,
       jsonb_build_object(
           'queryid', d.queryid::text,
           'rows_skipped', round((d.skipped / d.executions)::numeric, 1),
           'max_rows_skipped', d.max_skipped,
           'rows_returned', round((d.returned / d.executions)::numeric, 1),
           'executions', d.executions,
           'counted', d.counted,
           'order', o.columns,
           'sorted', p.sort_key IS NOT NULL,
           'calls', d.calls,
           'calls_per_hour', round(d.calls_per_hour::numeric, 2),
           'mean_ms', round((d.ms / d.calls)::numeric, 3),
           'ms_per_hour', round(d.ms_per_hour::numeric, 1),
           'since', d.since) AS evidence
FROM deep d
LEFT JOIN plans p USING (queryid)
LEFT JOIN indexes i USING (queryid)
CROSS JOIN LATERAL (
    SELECT c.columns,
           regexp_replace(c.columns, ' (DESC|NULLS FIRST|NULLS LAST|COLLATE \S+|USING \S+)', '', 'g') AS bare
    FROM (SELECT coalesce(p.sort_key, i.columns) AS columns) c) o
