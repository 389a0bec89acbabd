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
-- row shown, and ask for the rows behind it: WHERE (a, id) > ($1, $2) ORDER BY a, id
-- LIMIT 20; with < where both descend, and written out where they differ in direction,
-- which the caution does. With an index on (a, id) each page then costs the same. The
-- columns must be unique together, so add the key; and a NULL in them is found by no
-- comparison. It gives up jumping to page 500, which hardly anybody misses. The
-- caution names the columns where the plan says them; not where it sorts by an
-- expression.
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
    SELECT DISTINCT ON (p.queryid) p.queryid, p.plan
    FROM dbadvisor.statement_plans p
    JOIN here h USING (dbid)
    WHERE p.queryid IN (SELECT d.queryid FROM deep d)
    ORDER BY p.queryid, p.ms DESC
), orders AS MATERIALIZED (
    -- What is below the LIMIT gives the order: a sort, a merge of sorted rows, or an index.
    SELECT p.queryid,
           n.parts[1] AS sort_key,
           i.parts[2] AS index_name,
           i.parts[1] IS NOT NULL AS is_backward,
           n.parts IS NOT NULL AND p.plan ~ 'Sort  [(]' AS is_sorted,
           p.plan !~ '(Sort|Aggregate|Group|WindowAgg|Hash|Merge|Append|Gather)' AS in_order
    FROM plans p
    CROSS JOIN LATERAL (
        SELECT regexp_match(p.plan, 'Limit [^\n]*\n *->  (?:(?:Gather Merge|Result|LockRows) [^\n]*\n(?: +[^-\s][^\n]*\n)* *->  )*(?:Incremental Sort|Sort|Merge Append) [^\n]*\n *Sort Key: ([^\n]+)') AS parts) n
    CROSS JOIN LATERAL (
        SELECT regexp_match(p.plan, 'Limit [^\n]*\n *->  (?:(?:Gather Merge|Result|LockRows) [^\n]*\n(?: +[^-\s][^\n]*\n)* *->  )*(?:Parallel )?Index (?:Only )?Scan (Backward )?using ("(?:[^"]|"")+"|\S+) on ') AS parts) i
), read AS MATERIALIZED (
    -- Where a statement reads one table, that one's key is known.
    SELECT c.queryid, min(c.relation::bigint)::oid AS relid
    FROM dbadvisor.statement_columns c
    JOIN here h USING (dbid)
    WHERE c.queryid IN (SELECT d.queryid FROM deep d)
      AND c.relation IS NOT NULL
    GROUP BY c.queryid
    HAVING count(DISTINCT c.relation) = 1
), indexes AS (
    -- A name without its schema: only one that is not ambiguous will do.
    SELECT o.queryid, min(i.indexrelid::bigint)::oid AS indexrelid, min(i.relid::bigint)::oid AS relid
    FROM orders o
    JOIN dbadvisor.user_indexes i ON quote_ident(i.name) = o.index_name
    WHERE i.method = 'btree'
      AND NOT i.is_partition
    GROUP BY o.queryid
    HAVING count(*) = 1
), parts AS (
    -- One row a column. A bare name, or what is not to be repeated: an expression has
    -- the constants of the statement in it.
    SELECT o.queryid, k.place,
           regexp_replace(k.part, '( DESC)?( NULLS (FIRST|LAST))?$', '') AS name,
           k.part,
           k.part ~ ' DESC( NULLS (FIRST|LAST))?$' AS descends,
           k.part ~ '^([[:alnum:]_$.]+|"([^"]|"")+")+( COLLATE ([[:alnum:]_$.]+|"([^"]|"")+")+)?( DESC)?( NULLS (FIRST|LAST))?$' AS is_column
    FROM orders o
    CROSS JOIN LATERAL regexp_split_to_table(o.sort_key, ', ') WITH ORDINALITY AS k(part, place)
    UNION ALL
    SELECT x.queryid, a.attnum, quote_ident(a.attname),
           concat(quote_ident(a.attname), CASE WHEN v.descends THEN ' DESC' END,
                  CASE WHEN v.descends <> v.nulls_first
                       THEN CASE WHEN v.nulls_first THEN ' NULLS FIRST' ELSE ' NULLS LAST' END END),
           v.descends,
           n.indkey[a.attnum - 1] > 0
    FROM indexes x
    JOIN orders o USING (queryid)
    JOIN pg_index n ON n.indexrelid = x.indexrelid
    JOIN pg_attribute a ON a.attrelid = n.indexrelid AND a.attnum BETWEEN 1 AND n.indnkeyatts
    CROSS JOIN LATERAL (
        SELECT (n.indoption[a.attnum - 1] & 1 = 1) <> o.is_backward AS descends,
               (n.indoption[a.attnum - 1] & 2 = 2) <> o.is_backward AS nulls_first) v
), keys AS (
    SELECT p.queryid,
           string_agg(p.part, ', ' ORDER BY p.place) AS ordered,
           CASE WHEN bool_and(p.descends) OR NOT bool_or(p.descends)
                THEN format(CASE count(*) WHEN 1 THEN '%s %s %s' ELSE '(%s) %s (%s)' END,
                            string_agg(p.name, ', ' ORDER BY p.place),
                            CASE WHEN bool_and(p.descends) THEN '<' ELSE '>' END,
                            string_agg('$' || p.place, ', ' ORDER BY p.place))
                -- The first condition is implied; it is for the index.
                ELSE concat((array_agg(format('%s %s= $1', p.name, p.sign) ORDER BY p.place))[1], ' AND (',
                            string_agg(p.arm, ' OR ' ORDER BY p.place), ')') END AS behind,
           -- Of columns of one table, whose name is not part of an index.
           CASE WHEN count(DISTINCT p.table_alias) <= 1 AND bool_and(p.table_alias IS NULL) = bool_or(p.table_alias IS NULL)
                THEN string_agg(regexp_replace(p.part, p.prefix, ''), ', ' ORDER BY p.place) END AS index_list,
           p_key.relid IS NOT NULL AS has_key
    FROM (SELECT p.*, s.sign, q.prefix, substring(p.name FROM q.prefix) AS table_alias,
                 format(CASE p.place WHEN 1 THEN '%2$s' ELSE '(%1$s AND %2$s)' END,
                        string_agg(format('%s = $%s', p.name, p.place), ' AND ') OVER above,
                        format('%s %s $%s', p.name, s.sign, p.place)) AS arm
          FROM parts p
          CROSS JOIN LATERAL (SELECT CASE WHEN p.descends THEN '<' ELSE '>' END AS sign) s
          CROSS JOIN (SELECT '^(?:[[:alnum:]_$]+|"(?:[^"]|"")+")\.' AS prefix) q
          WINDOW above AS (PARTITION BY p.queryid ORDER BY p.place
                           ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)) p
    LEFT JOIN LATERAL (
        SELECT n.indrelid AS relid
        FROM (SELECT r.relid FROM read r WHERE r.queryid = p.queryid
              UNION
              SELECT x.relid FROM indexes x WHERE x.queryid = p.queryid) t
        JOIN pg_index n ON n.indrelid = t.relid AND n.indisprimary
        WHERE NOT EXISTS (SELECT
                          FROM unnest(n.indkey::int2[]) AS u(attnum)
                          JOIN pg_attribute a ON a.attrelid = n.indrelid AND a.attnum = u.attnum
                          WHERE NOT EXISTS (SELECT
                                            FROM parts q
                                            WHERE q.queryid = p.queryid
                                              AND regexp_replace(q.name, p.prefix, '')
                                                  = quote_ident(a.attname)))
        LIMIT 1) p_key ON true
    GROUP BY p.queryid, p_key.relid
    HAVING bool_and(p.is_column)
)
SELECT NULL::oid AS classid,
       NULL::oid AS objid,
       NULL::int AS objsubid,
       'statement ' || d.queryid AS object,
       format('OFFSET skips %s rows a call, up to %s, to return %s (in %s of %s executions that were counted); %s calls of %s ms on average, %s an hour: %s',
              to_char(d.skipped / d.executions, 'FM999,999,999,999,990'),
              to_char(d.max_skipped, 'FM999,999,999,999,990'),
              round((d.returned / d.executions)::numeric, CASE WHEN d.returned < 10 * d.executions THEN 1 ELSE 0 END),
              d.executions, d.counted, d.calls,
              round((d.ms / d.calls)::numeric, 1),
              dbadvisor.in_words(d.ms_per_hour),
              d.shown) AS detail,
       d.severity,
       CASE WHEN o.in_order AND d.executions = d.counted
            THEN d.ms_per_hour * d.skipped / (d.skipped + d.returned) END AS saves_ms_per_hour,
       d.ms_per_hour AS costs_ms_per_hour,
       CASE WHEN d.severity = 'info' THEN 0.5 ELSE 0.9 END::float8 AS confidence,
       NULL::text AS fix,
       NULL::text AS undo,
       concat_ws(' ',
           CASE WHEN k.behind IS NULL
                THEN 'Page by key: order by columns that are unique together, have an index on them, and in place of OFFSET ask for the rows behind the last one shown: WHERE (a, id) > ($1, $2) ORDER BY a, id LIMIT n.'
                ELSE concat(format('Page by key: the rows are ordered by %s%s. In place of OFFSET ask for those behind the last one shown: WHERE %s ORDER BY %s LIMIT n',
                                   k.ordered,
                                   CASE WHEN o.is_sorted THEN ', and sorted anew for each page' ELSE ', as the index gives them' END,
                                   k.behind, k.ordered),
                            CASE WHEN o.is_sorted THEN ', with an index on (' || k.index_list || ')' END,
                            '.',
                            CASE WHEN NOT k.has_key
                                 THEN ' If the columns are not unique together, add the primary key at the end of all of them.' END) END,
           dbadvisor.where_to_read(d.query, d.queryid)) AS caution,
       jsonb_build_object(
           'queryid', d.queryid::text,
           'rows_skipped', round((d.skipped / d.executions)::numeric, 1),
           'max_rows_skipped', d.max_skipped,
           'rows_returned', round((d.returned / d.executions)::numeric, 1),
           'executions', d.executions,
           'counted', d.counted,
           'order', k.ordered,
           'sorted', o.is_sorted,
           'calls', d.calls,
           'calls_per_hour', round(d.calls_per_hour::numeric, 2),
           'mean_ms', round((d.ms / d.calls)::numeric, 3),
           'ms_per_hour', round(d.ms_per_hour::numeric, 1),
           'since', d.since) AS evidence
FROM deep d
LEFT JOIN orders o USING (queryid)
LEFT JOIN keys k USING (queryid)
