-- n_plus_one: statement that a client sends once for each row of another
-- category: statement
-- severity: notice
-- needs: observing
-- examines: dbadvisor.user_statements
--
-- A page reads a list, and then for each row of it one more statement: N + 1
-- instead of one or two. Each is fast, so no list of slow statements shows them,
-- but the user waits for N round trips, and the server parses and plans N times.
-- Mostly an object-relational mapper does it, unasked, where it loads lazily.
--
-- Reported are statements that were repeated for the rows of another one on at
-- least 3 occasions, at least 10 times on each, in one transaction or in quick
-- and even succession, with different values. Severity is notice when that costs
-- 10 s an hour, the server's time and half a millisecond for each round trip
-- together, and warning from 10 % of an hour on. Less, and whatever is seen
-- for the first hour, is info. At most 20.
--
-- The time given is the server's. Which part of it one statement would save is
-- not known, and round trips are not measured, so no saving is claimed.
--
-- Fix: none that runs as it stands, for the client is what must change: one
-- statement with "= ANY" and an array of all the keys, or a join in the statement
-- that reads the list.
--
-- Not reported: repetition without a list before it (importers, pollers,
-- benchmarks), INSERT, the same values again and again (a missing cache), large
-- results, what runs inside of functions (see row_by_row), workers that take rows
-- off a queue (FOR UPDATE SKIP LOCKED) and treat each by itself, what reads system
-- catalogs alone, and what reads dbadvisor or pg_stat_statements.

WITH limits AS (
    SELECT 3 AS min_occasions,
           0.5 AS round_trip_ms,
           10 * 1000 AS min_ms_per_hour,
           360 * 1000 AS heavy_ms_per_hour,
           80 AS shown_characters,
           20 AS max_findings
), here AS (
    SELECT d.oid AS dbid FROM pg_database d WHERE d.datname = current_database()
), children AS (
    SELECT s.queryid,
           (array_agg(s.query ORDER BY s.total_ms DESC, s.query))[1] AS query,
           max(s.hours) AS hours,
           bool_and(s.is_new) AS is_new,
           sum(s.calls) AS calls,
           sum(s.total_ms) AS ms
    FROM dbadvisor.user_statements s
    WHERE s.toplevel
    GROUP BY s.queryid
), parents AS (
    SELECT s.queryid, min(s.query) AS query
    FROM dbadvisor.statements s
    WHERE s.dbid = (SELECT h.dbid FROM here h)
      AND s.toplevel
      AND s.queryid IS NOT NULL
    GROUP BY s.queryid
), pairs AS (
    SELECT r.queryid,
           r.parent_queryid,
           p.query AS parent,
           sum(r.occasions) AS occasions,
           sum(r.repeats) AS repeats,
           max(r.max_repeats) AS max_repeats,
           sum(r.parent_rows) AS parent_rows,
           sum(r.repeat_ms) AS ms
    FROM dbadvisor.statement_repeats r
    LEFT JOIN parents p ON p.queryid = r.parent_queryid
    WHERE r.kind = 'client'
      AND r.dbid = (SELECT h.dbid FROM here h)
      AND r.queryid IS NOT NULL
      AND coalesce(dbadvisor.is_judged(p.query, true), true)
      AND coalesce(p.query !~* '\mskip\s+locked\M', true)
    GROUP BY r.queryid, r.parent_queryid, p.query
), repeated AS (
    SELECT c.queryid, c.query, c.hours, c.is_new, c.calls,
           sum(p.occasions) AS occasions,
           sum(p.repeats) AS repeats,
           max(p.max_repeats) AS max_repeats,
           sum(p.ms) AS ms,
           (array_agg(p.parent ORDER BY p.repeats DESC, p.parent_queryid))[1] AS parent,
           jsonb_agg(jsonb_build_object('queryid', p.parent_queryid::text,
                                        'occasions', p.occasions,
                                        'rows', p.parent_rows,
                                        'repeats', p.repeats,
                                        'query', dbadvisor.in_one_line(p.parent))
                     ORDER BY p.repeats DESC, p.parent_queryid) AS parents
    FROM pairs p
    JOIN children c USING (queryid)
    GROUP BY c.queryid, c.query, c.hours, c.is_new, c.calls
), costly AS (
    SELECT r.*,
           r.repeats / r.hours AS repeats_per_hour,
           r.ms / r.hours AS ms_per_hour,
           (r.ms + r.repeats::float8 * l.round_trip_ms) / r.hours AS waited_ms_per_hour
    FROM repeated r, limits l
    WHERE r.occasions >= l.min_occasions
      AND NOT dbadvisor.reads_only_catalogs(r.queryid)
    ORDER BY waited_ms_per_hour DESC, r.queryid
    LIMIT (SELECT max_findings FROM limits)
), keys AS (
    -- The columns by which rows are looked up, where the statement has one table.
    SELECT DISTINCT ON (k.queryid)
           k.queryid,
           k.command,
           k.relation,
           (SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum)
            FROM pg_attribute a
            WHERE a.attrelid = k.relation
              AND a.attnum = ANY (k.equality)) AS columns,
           cardinality(k.equality) AS column_count
    FROM dbadvisor.statement_columns k
    WHERE k.dbid = (SELECT h.dbid FROM here h)
      AND k.queryid IN (SELECT c.queryid FROM costly c)
    ORDER BY k.queryid, k.toplevel DESC
)
SELECT NULL::oid AS classid,
       NULL::oid AS objid,
       NULL::int AS objsubid,
       'statement ' || c.queryid AS object,
       format('A client sends this once per row of a list: %s times on %s occasions, %s each%s; at this rate %s round trips an hour and %s of the server''s time: %s -- after: %s',
              c.repeats,
              c.occasions,
              round(c.repeats / c.occasions),
              CASE WHEN c.repeats <> c.occasions * c.max_repeats
                   THEN format(' on average and %s at most', c.max_repeats) END,
              to_char(c.repeats_per_hour, 'FM999,999,999,999,990'),
              dbadvisor.in_words(c.ms_per_hour),
              dbadvisor.in_one_line(c.query),
              dbadvisor.in_one_line(c.parent, l.shown_characters)) AS detail,
       CASE WHEN c.is_new OR c.waited_ms_per_hour < l.min_ms_per_hour THEN 'info'
            WHEN c.waited_ms_per_hour >= l.heavy_ms_per_hour THEN 'warning'
            ELSE 'notice' END AS severity,
       c.waited_ms_per_hour AS costs_ms_per_hour,
       CASE WHEN c.is_new THEN 0.5 ELSE 0.8 END::float8 AS confidence,
       concat_ws(' ',
           CASE WHEN w.command IN ('UPDATE', 'DELETE')
                THEN format('Change all rows at once: %s .. WHERE %s, or with a join to unnest() of arrays where the new values differ.',
                            w.command,
                            CASE WHEN k.column_count = 1 THEN k.columns || ' = ANY ($1)' ELSE 'key = ANY ($1)' END)
                ELSE format('Read all rows at once: with %s and an array of the keys of the list, or by a join in the statement that reads the list.',
                            CASE WHEN k.column_count = 1 THEN k.columns || ' = ANY ($1)'
                                 WHEN k.column_count > 1
                                 THEN format('(%s) IN (SELECT * FROM unnest($1, $2, ..))', k.columns)
                                 ELSE '= ANY ($1)' END) END,
           CASE WHEN w.command NOT IN ('UPDATE', 'DELETE')
                THEN 'In an object-relational mapper that is eager loading (joinedload, selectinload, prefetch_related, includes, JOIN FETCH) for this relation.' END,
           'An index that serves the one key serves the array too.',
           dbadvisor.where_to_read(c.query, c.queryid)) AS caution,
       jsonb_strip_nulls(jsonb_build_object(
           'queryid', c.queryid::text,
           'occasions', c.occasions,
           'repeats', c.repeats,
           'max_repeats', c.max_repeats,
           'repeats_per_hour', round(c.repeats_per_hour::numeric, 1),
           'repeat_ms', round(c.ms::numeric, 1),
           'ms_per_hour', round(c.ms_per_hour::numeric, 1),
           'waited_ms_per_hour', round(c.waited_ms_per_hour::numeric, 1),
           'round_trip_ms_assumed', l.round_trip_ms,
           'calls', c.calls,
           'parents', c.parents,
           'table', k.relation::regclass::text,
           'columns', k.columns,
           'hours', round(c.hours::numeric, 3))) AS evidence
FROM costly c
CROSS JOIN limits l
LEFT JOIN keys k USING (queryid)
CROSS JOIN LATERAL (
    SELECT coalesce(k.command, upper(substring(c.query FROM '^\s*(\w+)')), 'SELECT') AS command) w
