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
-- Fix: what the caution names. No command is given: whether an index pays depends on
-- how often the table is written, and on which other statements it would serve. No
-- saving is claimed for the same reason.
--   * Columns compared with values: an index on them, those compared for equality
--     first, then one that is compared by range. LIKE 'x%' needs text_pattern_ops
--     unless the column's collation is C.
--   * A boolean, or IS NULL: a partial index on the rare value.
--   * @>, &&, ? and their like: GIN or GiST, whichever knows the operator.
--   * An OR: an index for each side, or a UNION.
--   * created::date = $1: a range of created, which an index on it serves.
-- A partitioned table and its partitions are one table.
--
-- Not reported: tables that are read without a condition, as by count(*);
-- statements that need more than a tenth of what they read; joins; what foreign
-- keys run (see foreign_key_without_index); utility statements; what was seen last
-- before an index with such a column was built; and statements for which an index
-- on all of these columns is there: the planner chose otherwise. What an index cannot
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
), facts AS MATERIALIZED (
    SELECT f.*, t.root
    FROM dbadvisor.statement_facts f
    JOIN here h USING (dbid)
    JOIN dbadvisor.user_tables t ON t.relid = f.relation
    WHERE f.kind = 'filter'
      AND f.queryid IS NOT NULL
      AND f.node_type NOT IN ('Nested Loop', 'Merge Join', 'Hash Join')
), worst AS MATERIALIZED (
    -- Of each statement the table, with all its partitions, of which it throws most away.
    SELECT DISTINCT ON (f.queryid)
           f.queryid, f.root,
           sum(f.executions) AS executions,
           sum(f.loops) AS loops,
           sum(f.rows) AS rows,
           sum(f.removed) AS removed,
           max(f.max_removed) AS max_removed,
           max(f.last_seen) AS last_seen,
           bool_and(f.node_type = 'Seq Scan') AS sequential
    FROM facts f
    GROUP BY f.queryid, f.root
    ORDER BY f.queryid, removed DESC, f.root
), known AS MATERIALIZED (
    SELECT s.queryid, t.root, s.relation, s.referential, s.equality, s.range
    FROM dbadvisor.statement_columns s
    JOIN here h USING (dbid)
    JOIN dbadvisor.user_tables t ON t.relid = s.relation
), plans AS (
    SELECT DISTINCT ON (p.queryid) p.queryid, p.plan
    FROM dbadvisor.statement_plans p
    JOIN here h USING (dbid)
    ORDER BY p.queryid, p.ms DESC
), wasteful AS MATERIALIZED (
    SELECT w.root, w.executions, w.loops, w.rows AS kept, w.removed, w.max_removed, w.last_seen, w.sequential, s.*,
           t.schema, t.name, t.kind = 'p' AS is_partitioned, v.tuples, v.bytes, v.names, p.plan,
           CASE WHEN s.observed < l.min_observed
                     OR s.calls < l.min_calls
                     OR s.calls_per_hour < l.min_calls_per_hour THEN 'info'
                WHEN s.ms_per_hour >= l.heavy_ms_per_hour THEN 'warning'
                ELSE 'notice' END AS severity
    FROM worst w
    CROSS JOIN limits l
    JOIN dbadvisor.statement_totals s USING (queryid)
    JOIN dbadvisor.user_tables t ON t.relid = w.root
    CROSS JOIN LATERAL (
        SELECT sum(greatest(p.tuples, p.live_tuples)) AS tuples,
               sum(dbadvisor.relation_bytes(p.relid))::bigint AS bytes,
               array_agg(quote_ident(p.name)) AS names
        FROM dbadvisor.partition_leaves(w.root) AS leaf
        JOIN dbadvisor.user_tables p ON p.relid = leaf) v
    LEFT JOIN plans p ON p.queryid = w.queryid
    WHERE w.max_removed >= l.min_removed
      AND w.removed >= l.min_ratio * w.rows
      AND w.executions >= greatest(l.min_executions, l.min_share * s.counted)
      AND s.ms_per_hour >= l.min_ms_per_hour
      AND v.tuples >= l.min_rows
      AND NOT EXISTS (SELECT FROM known k WHERE k.queryid = w.queryid AND k.root = w.root AND k.referential)
), scans AS MATERIALIZED (
    -- What its scans of the table ask. Of an OR it is not clear what holds for every row.
    SELECT w.queryid,
           string_agg(s.conditions, E'\n') AS conditions,
           coalesce(bool_or(s.conditions ~ ' OR '), false) AS has_or
    FROM wasteful w
    CROSS JOIN LATERAL dbadvisor.plan_scans(w.plan) s
    WHERE s.table_name = ANY (w.names)
    GROUP BY w.queryid
), compared AS MATERIALIZED (
    -- By name: a partition may number its columns in its own way.
    SELECT w.queryid, w.root, a.attname,
           bool_or(c.means = 'equality') AS equality,
           bool_or(c.means = 'range') AS range
    FROM wasteful w
    CROSS JOIN LATERAL (
        SELECT f.relation, unnest(f.columns) AS attnum, 'filter' AS means
        FROM facts f
        WHERE f.queryid = w.queryid AND f.root = w.root
        UNION ALL
        SELECT k.relation, unnest(k.equality), 'equality'
        FROM known k
        WHERE k.queryid = w.queryid AND k.root = w.root
        UNION ALL
        SELECT k.relation, unnest(k.range), 'range'
        FROM known k
        WHERE k.queryid = w.queryid AND k.root = w.root) c
    JOIN pg_attribute a ON a.attrelid = c.relation AND a.attnum = c.attnum
    GROUP BY w.queryid, w.root, a.attname
), placed AS (
    -- What could find rows by the column: a btree index in which it has its place (1
    -- for equality, 2 for one range), a partial one, another method; or nothing.
    SELECT c.queryid, c.root, a.attnum, quote_ident(a.attname) AS name, s.has_or,
           m.method,
           t.test,
           CASE WHEN t.test IS NOT NULL THEN NULL
                WHEN p.equal THEN 1
                WHEN p.range THEN 2 END AS place,
           CASE WHEN p.range
                     AND NOT p.equal
                     AND NOT dbadvisor.sorts_by_bytes(a.attcollation)
                     AND dbadvisor.plan_compares(s.conditions, a.attname, a.atttypid, '~~')
                THEN CASE WHEN y.base = 'bpchar'::regtype THEN 'bpchar_pattern_ops' ELSE 'text_pattern_ops' END
                END AS opclass,
           y.base IN ('timestamp'::regtype, 'timestamptz'::regtype)
           AND position(format('(%I)::date ', a.attname) IN s.conditions) > 0 AS is_cut_to_date
    FROM compared c
    JOIN pg_attribute a ON a.attrelid = c.root AND a.attname = c.attname
    LEFT JOIN scans s ON s.queryid = c.queryid
    CROSS JOIN LATERAL (
        SELECT CASE z.typtype WHEN 'd' THEN z.typbasetype ELSE z.oid END AS base, z.typcategory, z.typtype
        FROM pg_type z
        WHERE z.oid = a.atttypid) y
    CROSS JOIN LATERAL (
        SELECT c.equality
               OR coalesce(NOT s.has_or
                           AND dbadvisor.plan_compares(s.conditions, a.attname, a.atttypid, '='), false) AS equal,
               c.range
               OR coalesce(NOT s.has_or
                           AND dbadvisor.plan_compares(s.conditions, a.attname, a.atttypid), false) AS range) p
    LEFT JOIN LATERAL (
        SELECT dbadvisor.plan_tests(s.conditions, a.attname) AS test
        WHERE c.equality OR NOT s.has_or) t ON true
    LEFT JOIN LATERAL (
        SELECT CASE m.amname WHEN 'gin' THEN 'GIN' ELSE 'GiST' END AS method
        FROM pg_opclass o
        JOIN pg_am m ON m.oid = o.opcmethod
        JOIN pg_amop x ON x.amopfamily = o.opcfamily
        JOIN pg_operator g ON g.oid = x.amopopr
        WHERE o.opcdefault
          AND m.amname IN ('gin', 'gist')
          AND o.opcintype IN (y.base, CASE WHEN y.typcategory = 'A' THEN 'anyarray'::regtype
                                           WHEN y.typtype = 'r' THEN 'anyrange'::regtype
                                           WHEN y.typtype = 'm' THEN 'anymultirange'::regtype END)
          AND g.oprname ~ '[@&?]'
          AND NOT p.equal
          AND NOT p.range
          AND NOT s.has_or
          AND dbadvisor.plan_compares(s.conditions, a.attname, a.atttypid,
                                      regexp_replace(g.oprname::text, '(.)', '[\1]', 'g'))
        ORDER BY m.amname
        LIMIT 1) m ON true
), columns AS (
    SELECT p.queryid,
           string_agg(p.name, ', ' ORDER BY p.attnum) AS list,
           string_agg(concat_ws(' ', p.name, p.opclass), ', ' ORDER BY p.place, p.attnum)
               FILTER (WHERE p.is_key) AS index_list,
           array_agg(p.attnum) FILTER (WHERE p.is_key) AS index_attnums,
           bool_or(p.opclass IS NOT NULL) FILTER (WHERE p.is_key) AS has_pattern,
           string_agg(p.test, ' AND ' ORDER BY p.attnum) AS test,
           string_agg(p.name, ', ' ORDER BY p.attnum) FILTER (WHERE p.method IS NOT NULL) AS method_list,
           min(p.method) AS method,
           -- An index on the key needs none of what takes another method.
           coalesce(array_agg(p.attnum) FILTER (WHERE p.test IS NOT NULL OR p.method IS NOT NULL AND NOT p.has_key), '{}') AS other_attnums,
           min(p.name) FILTER (WHERE p.is_cut_to_date) AS cut_to_date,
           bool_or(p.has_or) AS has_or,
           count(*) FILTER (WHERE p.place IS NULL AND p.test IS NULL AND p.method IS NULL) AS unserved
    FROM (SELECT p.*,
                 p.place = 1
                 OR p.place = 2 AND row_number() OVER (PARTITION BY p.queryid, p.place ORDER BY p.attnum) = 1 AS is_key,
                 count(p.place) OVER (PARTITION BY p.queryid) > 0 AS has_key
          FROM placed p) p
    GROUP BY p.queryid
), reported AS (
    SELECT w.*, c.list, c.index_list, c.test, c.method, c.method_list, c.cut_to_date, c.has_or, c.unserved,
           i.existing, i.serving
    FROM wasteful w
    CROSS JOIN limits l
    LEFT JOIN columns c USING (queryid)
    LEFT JOIN LATERAL (
        SELECT string_agg(quote_ident(x.name), ', ' ORDER BY x.name) AS existing,
               string_agg(quote_ident(x.name), ', ' ORDER BY x.name)
                   FILTER (WHERE (c.index_attnums IS NULL
                                  OR x.attnums::int2[] @> c.index_attnums
                                     AND (SELECT count(*)
                                          FROM unnest(x.attnums::int2[]) WITH ORDINALITY AS k(attnum, place)
                                          WHERE k.place <= cardinality(c.index_attnums)
                                            AND k.attnum = ANY (c.index_attnums)) = cardinality(c.index_attnums))
                             AND u.others = cardinality(c.other_attnums)
                             AND (NOT x.is_partial OR c.test IS NOT NULL)
                             AND (u.has_pattern OR NOT coalesce(c.has_pattern, false))) AS serving,
               bool_or((SELECT max(dbadvisor.relation_created(leaf))
                        FROM dbadvisor.partition_leaves(x.indexrelid) AS leaf) > w.last_seen) AS is_newer
        FROM dbadvisor.user_indexes x
        CROSS JOIN LATERAL (
            -- In its key, or in its WHERE.
            SELECT count(*) AS others
            FROM unnest(c.other_attnums) AS o(attnum)
            WHERE o.attnum = ANY (x.attnums::int2[])
               OR EXISTS (SELECT
                          FROM pg_depend d
                          WHERE d.classid = 'pg_class'::regclass
                            AND d.objid = x.indexrelid
                            AND d.refclassid = 'pg_class'::regclass
                            AND d.refobjid = x.relid
                            AND d.refobjsubid = o.attnum)) u0
        CROSS JOIN LATERAL (
            SELECT u0.others,
                   EXISTS (SELECT
                           FROM pg_index n
                           JOIN pg_opclass o ON o.oid = ANY (n.indclass)
                           WHERE n.indexrelid = x.indexrelid
                             AND o.opcname LIKE '%pattern\_ops') AS has_pattern) u
        WHERE x.relid = w.root
          AND x.is_valid
          AND (x.attnums[0] = ANY (c.index_attnums) OR u.others > 0)) i ON true
    WHERE (w.bytes >= l.min_bytes OR w.ms_per_hour >= l.heavy_ms_per_hour)
      AND NOT coalesce(i.is_newer, false)
      AND (i.serving IS NULL OR c.unserved > 0)
    ORDER BY w.ms_per_hour DESC, w.queryid
    LIMIT (SELECT max_findings FROM limits)
), named AS (
    SELECT r.*,
           format('%I.%I', r.schema, r.name) AS relation_name,
           CASE WHEN r.index_list IS NOT NULL
                THEN format('An index on %I.%I (%s)%s would lead to the rows that are kept.',
                            r.schema, r.name, r.index_list, ' WHERE ' || r.test)
                WHEN r.test IS NOT NULL
                THEN format('A partial index on %I.%I, WHERE %s, would lead to the rows that are kept; its column is the one that they are sorted by, or the primary key.',
                            r.schema, r.name, r.test)
                WHEN r.method IS NOT NULL
                THEN format('A %s index on %I.%I (%s) would lead to the rows that are kept.',
                            r.method, r.schema, r.name, r.method_list) END AS advice
    FROM reported r
)
SELECT NULL::oid AS classid,
       NULL::oid AS objid,
       NULL::int AS objsubid,
       'statement ' || r.queryid AS object,
       format('It reads %s rows of %s a call to keep %s (in %s of %s executions that were counted); %s calls of %s ms on average, %s an hour: %s',
              to_char((r.removed + r.kept) / r.executions, 'FM999,999,999,999,990'),
              r.relation_name,
              CASE WHEN r.kept < 0.1 * r.executions
                   THEN CASE WHEN r.kept = 0 THEN 'none' ELSE 'hardly any' END || ', by (' || r.list || ')'
                   ELSE concat(CASE WHEN r.kept < 10 * r.executions
                                    THEN round((r.kept / r.executions)::numeric, 1)::float8::text
                                    ELSE to_char(r.kept / r.executions, 'FM999,999,999,999,990') END,
                               ', chosen by ' || r.list) END,
              r.executions, r.counted, r.calls,
              round((r.ms / r.calls)::numeric, 1),
              dbadvisor.in_words(r.ms_per_hour),
              r.shown) AS detail,
       r.severity,
       r.ms_per_hour AS costs_ms_per_hour,
       CASE WHEN r.severity = 'info' THEN 0.4
            WHEN r.advice IS NULL OR r.existing IS NOT NULL OR r.unserved > 0 THEN 0.6
            ELSE 0.8 END::float8 AS confidence,
       NULL::text AS fix,
       NULL::text AS undo,
       concat_ws(' ',
           CASE WHEN r.serving IS NOT NULL
                THEN format('%s finds rows already; what throws them away is another part of the condition.', r.serving)
                ELSE r.advice || ' Look at the plan, and at what else it could serve, before you make it: every write to the table pays for it.' END,
           CASE WHEN r.serving IS NULL AND r.advice IS NOT NULL AND r.is_partitioned
                THEN format('It is partitioned: CREATE INDEX .. ON ONLY %s, then CONCURRENTLY on each partition, and ATTACH them.', r.relation_name) END,
           CASE WHEN r.serving IS NULL AND r.method IS NOT NULL AND (r.index_list IS NOT NULL OR r.test IS NOT NULL)
                THEN format('For %s it takes a %s index of its own.', r.method_list, r.method) END,
           CASE WHEN r.cut_to_date IS NOT NULL
                THEN format('An index on %1$s does not serve %1$s::date = $1; it serves %1$s >= $1 AND %1$s < $1 + 1, with a date: write that.', r.cut_to_date)
                WHEN r.unserved > 0 AND r.has_or
                THEN 'In an OR, each side takes an index of its own; or write it as a UNION.'
                WHEN r.advice IS NULL
                THEN 'No column is compared as it is with a value, so an index on a plain column will not help: index the expression as the statement has it, use an index for patterns (pg_trgm), or write the condition for the bare column.'
                WHEN r.serving IS NOT NULL
                THEN 'If that is on an expression, a pattern or a negation, index the expression as the statement has it, use an index for patterns (pg_trgm), or write the condition for the bare column.'
                WHEN r.unserved > 0
                THEN 'Another part of the condition is on an expression, a pattern or a negation, which that does not serve.' END,
           CASE WHEN r.existing IS NOT NULL AND r.serving IS NULL
                THEN format('%s is on one of these columns already, and that was not enough: more of them in one index, or a condition that it can use (see the plan).', r.existing) END,
           dbadvisor.where_to_read(r.query, r.queryid)) AS caution,
       jsonb_build_object(
           'queryid', r.queryid::text,
           'table', r.relation_name,
           'columns', r.list,
           'index_columns', r.index_list,
           'index_condition', r.test,
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
FROM named r
