-- filter_discards_most: statement that reads many rows of a table to keep few
-- category: statement
-- severity: notice
-- needs: observing
-- examines: dbadvisor.statement_totals
--
-- Rows that are read and thrown away again cost as much as rows that are wanted.
-- An index that leads to the wanted ones makes the rest unnecessary.
--
-- What is reported was measured, in executions that were counted node by node: a
-- scan that threw away 1000 rows or more in an execution, and 10 times as many as
-- it kept, in 3 counted executions or more and a tenth of them. The statement takes
-- 10 s an hour or more, and the table has 1000 rows or more and 10 MB or more (or
-- the statement takes 10 % of an hour: then also a smaller one). Severity is
-- warning where the statement takes 10 % of an hour, and info for what runs rarely
-- (fewer than 5 calls, or less than one in two hours) and while less than an hour
-- has been observed. At most 20.
--
-- Fix: an index on the columns that the caution names; those compared for equality
-- first, then one that is compared by range. No command is given: whether the
-- index pays depends on how often the table is written, and on which other
-- statements it would serve. No saving is claimed for the same reason.
--
-- Not reported: tables that are read without a condition, as by count(*);
-- statements that need more than a tenth of what they read; joins; what foreign
-- keys run (see foreign_key_without_index); utility statements; what was seen last
-- before an index with such a column in front was built; and statements for which
-- an index on all of these columns is there: the planner chose otherwise. What an index cannot
-- serve, as a function of a column, LIKE '%x' or <>, is reported, because it costs
-- as much, and the caution says so.

WITH limits AS MATERIALIZED (
    SELECT 1000 AS min_removed,
           10 AS min_ratio,
           3 AS min_executions,
           0.1 AS min_share,
           1000 AS min_rows,
           10 * 1024 * 1024 AS min_bytes,
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
), filters AS MATERIALIZED (
    SELECT f.queryid, f.relation,
           sum(f.executions) AS executions,
           sum(f.loops) AS loops,
           sum(f.rows) AS rows,
           sum(f.removed) AS removed,
           max(f.max_removed) AS max_removed,
           max(f.last_seen) AS last_seen,
           bool_and(f.node_type = 'Seq Scan') AS sequential,
           string_to_array(nullif(string_agg(nullif(array_to_string(f.columns, ','), ''), ','), ''), ',')::int2[] AS columns
    FROM dbadvisor.statement_facts f
    JOIN here h USING (dbid)
    WHERE f.kind = 'filter'
      AND f.relation IS NOT NULL
      AND f.queryid IS NOT NULL
      AND f.node_type NOT IN ('Nested Loop', 'Merge Join', 'Hash Join')
    GROUP BY f.queryid, f.relation
), worst AS (
    -- Of each statement the table of which it throws most away.
    SELECT DISTINCT ON (f.queryid) f.*
    FROM filters f
    ORDER BY f.queryid, f.removed DESC, f.relation
), known AS (
    SELECT DISTINCT ON (s.queryid, s.relation)
           s.queryid, s.relation, s.referential, s.equality, s.range
    FROM dbadvisor.statement_columns s
    JOIN here h USING (dbid)
    ORDER BY s.queryid, s.relation, s.referential DESC,
             cardinality(s.equality) + cardinality(s.range) DESC
), plans AS (
    SELECT DISTINCT ON (p.queryid) p.queryid, p.plan
    FROM dbadvisor.statement_plans p
    JOIN here h USING (dbid)
    ORDER BY p.queryid, p.ms DESC
), wasteful AS MATERIALIZED (
    SELECT w.relation, w.executions, w.loops, w.rows AS kept, w.removed, w.max_removed, w.last_seen,
           w.sequential, w.columns, s.*,
           t.schema, t.name, t.tuples, dbadvisor.relation_bytes(t.relid) AS bytes,
           k.equality, k.range, p.plan,
           CASE WHEN s.observed < l.min_observed
                     OR s.calls < l.min_calls
                     OR s.calls_per_hour < l.min_calls_per_hour THEN 'info'
                WHEN s.ms_per_hour >= l.heavy_ms_per_hour THEN 'warning'
                ELSE 'notice' END AS severity
    FROM worst w
    CROSS JOIN limits l
    JOIN dbadvisor.statement_totals s USING (queryid)
    JOIN dbadvisor.user_tables t ON t.relid = w.relation
    LEFT JOIN known k ON k.queryid = w.queryid AND k.relation = w.relation
    LEFT JOIN plans p ON p.queryid = w.queryid
    WHERE w.max_removed >= l.min_removed
      AND w.removed >= l.min_ratio * w.rows
      AND w.executions >= greatest(l.min_executions, l.min_share * s.counted)
      AND s.ms_per_hour >= l.min_ms_per_hour
      AND NOT coalesce(k.referential, false)
      AND greatest(t.tuples, t.live_tuples) >= l.min_rows
), columns AS (
    -- Columns that an index could find rows by, and their places in it: 1 for
    -- equality, 2 for one range, 3 where it is not known which of the two.
    SELECT w.queryid,
           string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum) AS list,
           string_agg(quote_ident(a.attname), ', ' ORDER BY c.place, a.attnum)
               FILTER (WHERE c.place < 2 OR c.is_first_range) AS index_list,
           array_agg(a.attnum) FILTER (WHERE c.place < 2 OR c.is_first_range) AS index_attnums,
           count(*) FILTER (WHERE c.place IS NULL) AS unserved
    FROM wasteful w
    CROSS JOIN LATERAL (
        SELECT p.*,
               p.place = 2 AND row_number() OVER (PARTITION BY p.place ORDER BY p.attnum) = 1 AS is_first_range
        FROM (SELECT a.attnum,
                     CASE WHEN a.attnum = ANY (w.equality)
                               OR dbadvisor.plan_compares(w.plan, a.attname, '=') THEN 1
                          WHEN a.attnum = ANY (w.range)
                               OR dbadvisor.plan_compares(w.plan, a.attname) THEN 2 END AS place
              FROM pg_attribute a
              WHERE a.attrelid = w.relation
                AND a.attnum = ANY (w.columns || coalesce(w.equality || w.range, '{}'))) p) c
    JOIN pg_attribute a ON a.attrelid = w.relation AND a.attnum = c.attnum
    GROUP BY w.queryid
), reported AS (
    SELECT w.*, c.list, c.index_list, c.unserved, i.existing, i.serving
    FROM wasteful w
    CROSS JOIN limits l
    LEFT JOIN columns c USING (queryid)
    LEFT JOIN LATERAL (
        SELECT string_agg(quote_ident(x.name), ', ' ORDER BY x.name) AS existing,
               string_agg(quote_ident(x.name), ', ' ORDER BY x.name)
                   FILTER (WHERE x.attnums::int2[] @> c.index_attnums
                             AND (SELECT count(*)
                                  FROM unnest(x.attnums::int2[]) WITH ORDINALITY AS k(attnum, place)
                                  WHERE k.place <= cardinality(c.index_attnums)
                                    AND k.attnum = ANY (c.index_attnums)) = cardinality(c.index_attnums)
                             AND NOT x.is_partial) AS serving,
               bool_or(dbadvisor.relation_created(x.indexrelid) > w.last_seen) AS is_newer
        FROM dbadvisor.user_indexes x
        WHERE x.relid = w.relation
          AND x.is_valid
          AND x.attnums[0] = ANY (c.index_attnums)) i ON true
    WHERE (w.bytes >= l.min_bytes OR w.ms_per_hour >= l.heavy_ms_per_hour)
      AND NOT coalesce(i.is_newer, false)
      AND (i.serving IS NULL OR c.unserved > 0)
    ORDER BY w.ms_per_hour DESC, w.queryid
    LIMIT (SELECT max_findings FROM limits)
)
SELECT NULL::oid AS classid,
       NULL::oid AS objid,
       NULL::int AS objsubid,
       'statement ' || r.queryid AS object,
       format('It reads %s rows of %I.%I a call to keep %s%s (in %s of %s executions that were counted); %s calls of %s ms on average, %s s an hour: %s',
              to_char((r.removed + r.kept) / r.executions, 'FM999,999,999,999,990'),
              r.schema, r.name,
              round((r.kept / r.executions)::numeric, CASE WHEN r.kept < 10 * r.executions THEN 1 ELSE 0 END),
              ' by (' || r.list || ')',
              r.executions, r.counted, r.calls,
              round((r.ms / r.calls)::numeric, 1),
              round((r.ms_per_hour / 1000)::numeric),
              r.shown) AS detail,
       r.severity,
       CASE WHEN r.severity = 'info' THEN 0.4
            WHEN r.index_list IS NULL OR r.existing IS NOT NULL OR r.unserved > 0 THEN 0.6
            ELSE 0.8 END::float8 AS confidence,
       NULL::text AS fix,
       NULL::text AS undo,
       concat_ws(' ',
           CASE WHEN r.index_list IS NULL
                THEN 'No column is compared as it is with a value, so an index on a plain column will not help: index the expression as the statement has it, use an index for patterns (pg_trgm), or write the condition for the bare column.'
                WHEN r.serving IS NOT NULL
                THEN format('%s finds rows by (%s) already; what throws them away is a condition on an expression, a pattern or a negation: index the expression as the statement has it, use an index for patterns (pg_trgm), or write the condition for the bare column.',
                            r.serving, r.index_list)
                ELSE format('An index on %I.%I (%s) would lead to the rows that are kept. Look at the plan, and at what else it could serve, before you make it: every write to the table pays for it.',
                            r.schema, r.name, r.index_list) END,
           CASE WHEN r.unserved > 0 AND r.index_list IS NOT NULL AND r.serving IS NULL
                THEN 'Another part of the condition is on an expression, a pattern or a negation, which that does not serve.' END,
           CASE WHEN r.existing IS NOT NULL AND r.serving IS NULL
                THEN format('%s begins with one of these columns already, and that was not enough: more of them in one index, or a condition that it can use (see the plan).', r.existing) END) AS caution,
       jsonb_build_object(
           'queryid', r.queryid::text,
           'table', format('%I.%I', r.schema, r.name),
           'columns', r.list,
           'index_columns', r.index_list,
           'existing_indexes', r.existing,
           'sequential', r.sequential,
           'rows_removed', round((r.removed / r.executions)::numeric, 1),
           'rows_kept', round((r.kept / r.executions)::numeric, 1),
           'max_rows_removed', r.max_removed,
           'scans', round((r.loops / r.executions)::numeric, 1),
           'table_rows', r.tuples,
           'table_bytes', r.bytes,
           'executions', r.executions,
           'counted', r.counted,
           'last_seen', r.last_seen,
           'calls', r.calls,
           'calls_per_hour', round(r.calls_per_hour::numeric, 2),
           'mean_ms', round((r.ms / r.calls)::numeric, 3),
           'ms_per_hour', round(r.ms_per_hour::numeric, 1),
           'since', r.since) AS evidence
FROM reported r
