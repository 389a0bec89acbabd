-- misestimate: statement planned for a tenth of its rows, or for ten times as many
-- category: statement
-- severity: notice
-- needs: observing
-- examines: dbadvisor.statement_totals
--
-- The planner chooses by the number of rows that it expects. Where it expects one
-- and meets thousands it takes a nested loop that a hash join would outdo by far;
-- where it expects millions and meets few it reads a table from end to end.
--
-- Estimate and truth are compared in executions that were counted node by node,
-- at the first node at which they part by 10 times or more: what is wrong above it
-- follows from that. Reported are statements that take 10 s an hour or more, where
-- 3 counted executions and a tenth of them showed it, the last of them after the
-- last ANALYZE of the table. Severity is warning where a nested loop runs over 100
-- times the rows expected and the statement takes 10 % of an hour; info for what
-- runs less than once in two hours, and while less than an hour has been observed.
-- At most 20; what one command mends is one finding, at the statement that costs
-- most.
--
-- Fix, by where the estimate comes from:
--   * A table that was never analyzed, or of which a tenth has changed since:
--     ANALYZE.
--   * Two or more columns of a table that are compared with values: the planner
--     multiplies as if they had nothing to do with each other. CREATE STATISTICS
--     (dependencies, mcv), then ANALYZE. The list of common combinations is made
--     long enough to hold the one that was seen; where that would take more than
--     1000, dependencies alone. Columns of which more than a tenth of the values
--     are different are left out: no combination of theirs is common.
--   * Grouping by two or more columns: CREATE STATISTICS (ndistinct), ANALYZE.
--   * One column that is compared by =, with more values than its statistics keep, and
--     more rows than expected: a higher statistics target, ANALYZE.
--   * One column that is compared by <, >, <=, >= alone, and more rows than expected:
--     the newest rows, which ANALYZE has not seen. ANALYZE, and at 1 % of changed rows
--     again (autovacuum_analyze_scale_factor).
-- All take SHARE UPDATE EXCLUSIVE. Plans of other statements change as well, for
-- the better as a rule.
--
-- No command is given for a condition on an expression (what the expression is
-- does not follow from its columns), nor for a join: no statistics span two
-- tables. Nor for a generic plan of a prepared statement, which expects the average
-- value, whatever statistics know: there it is plan_cache_mode = force_custom_plan that
-- helps, for the role that the caution names. The caution says what can be done.
--
-- Not reported: estimates that nothing in the plan depends on (one table read and
-- returned as it comes); fewer rows than expected where the plan stopped early, as
-- under a LIMIT; results of functions; columns that are compared with the result of
-- a sub-select; columns that have such statistics already.

WITH limits AS MATERIALIZED (
    SELECT 3 AS min_executions,
           0.1 AS min_share,
           10 * 1000 AS min_ms_per_hour,
           360 * 1000 AS heavy_ms_per_hour,
           100.0 AS heavy_ratio,
           0.1 AS changed_share,
           1000 AS changed_rows,
           1000 AS high_target,
           8 AS max_columns,
           0.1 AS max_distinct_share,
           0.01 AS low_analyze_scale,
           0.5 AS min_calls_per_hour,
           least('1 hour', current_setting('dbadvisor.min_window')::interval) AS min_observed,
           20 AS max_findings
), here AS MATERIALIZED (
    SELECT d.oid AS dbid
    FROM pg_database d
    WHERE d.datname = current_database()
), facts AS MATERIALIZED (
    -- Of those of a statement that no ANALYZE has settled since, the one seen most.
    SELECT DISTINCT ON (f.queryid)
           f.queryid, f.relation, f.columns, f.other_relation, f.other_columns, f.node_type,
           f.executions, f.estimated, f.actual, f.last_seen,
           t.schema, t.name, t.kind, t.is_partition, t.options, t.tuples, t.modified_since_analyze, t.last_analyze,
           greatest(f.actual, 1) / greatest(f.estimated, 1) AS factor,
           f.node_type IN ('Aggregate', 'Group', 'Unique') AS groups,
           f.node_type IN ('Nested Loop', 'Merge Join', 'Hash Join') AS joins
    FROM dbadvisor.statement_facts f
    JOIN here h USING (dbid)
    JOIN dbadvisor.user_tables t ON t.relid = f.relation
    WHERE f.kind = 'misestimate'
      AND f.queryid IS NOT NULL
      AND f.last_seen > coalesce(t.last_analyze, '-infinity')
      AND NOT (f.limited AND f.actual < f.estimated)
    ORDER BY f.queryid, f.executions DESC, f.last_seen DESC
), plans AS MATERIALIZED (
    SELECT DISTINCT ON (p.queryid) p.queryid, p.plan
    FROM dbadvisor.statement_plans p
    JOIN here h USING (dbid)
    ORDER BY p.queryid, p.ms DESC
), wrong AS MATERIALIZED (
    SELECT f.queryid, f.relation, f.columns, f.other_relation, f.other_columns, f.node_type, f.groups, f.joins,
           f.executions, f.estimated, f.actual, f.factor, f.last_seen,
           s.query, s.shown, s.calls, s.counted, s.ms_per_hour, s.calls_per_hour, s.since, s.observed,
           p.plan,
           (SELECT string_agg(n.conditions, E'\n')
            FROM dbadvisor.plan_scans(p.plan) n
            WHERE n.table_name = quote_ident(f.name)) AS conditions,
           f.schema, f.name, f.kind, f.is_partition, f.options, f.tuples, f.modified_since_analyze, f.last_analyze,
           dbadvisor.has_statistics(f.relation) AS analyzed
    FROM facts f
    CROSS JOIN limits l
    JOIN dbadvisor.statement_totals s USING (queryid)
    LEFT JOIN plans p USING (queryid)
    WHERE f.executions >= greatest(l.min_executions, l.min_share * s.counted)
      AND s.ms_per_hour >= l.min_ms_per_hour
      AND (f.groups OR p.plan IS NULL
           OR p.plan ~ 'Nested Loop|Join|Sort|Limit|Hash|Group|Memoize')
), columns AS MATERIALIZED (
    -- Those of the node that are plain, and what can be said about their statistics.
    SELECT w.queryid,
           count(*) AS plain,
           array_agg(a.attnum ORDER BY a.attnum) FILTER (WHERE c.useful) AS attnums,
           string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum) FILTER (WHERE c.useful) AS list,
           string_agg(a.attname, '_' ORDER BY a.attnum) FILTER (WHERE c.useful) AS label,
           bool_and(c.can_have_statistics) FILTER (WHERE c.useful) AS can_have_statistics,
           min(c.target) AS target,
           min((to_jsonb(a) ->> 'attstattarget')::int) AS own_target,
           min(c.distinct_values) AS distinct_values,
           exp(sum(ln(greatest(c.distinct_values, 1))) FILTER (WHERE c.useful)) AS combinations,
           bool_and(known.equal
                    OR coalesce(dbadvisor.plan_compares(w.conditions, a.attname, a.atttypid, '='), false))
               FILTER (WHERE c.useful) AS equal,
           bool_or(dbadvisor.plan_compares(w.conditions, a.attname, a.atttypid, with_parameter => true)) AS by_parameter
    FROM wrong w
    CROSS JOIN limits l
    JOIN pg_attribute a ON a.attrelid = w.relation AND a.attnum = ANY (w.columns) AND a.attnum > 0
    JOIN pg_type t ON t.oid = a.atttypid
    LEFT JOIN LATERAL (
        SELECT coalesce(bool_or(a.attnum = ANY (s.equality || s.range)), false) AS compares,
               coalesce(bool_or(a.attnum = ANY (s.equality)), false) AS equal
        FROM dbadvisor.statement_columns s
        JOIN here h USING (dbid)
        WHERE s.queryid = w.queryid
          AND s.relation = w.relation) known ON true
    CROSS JOIN LATERAL (
        SELECT dbadvisor.column_distinct(a.attrelid, a.attnum) AS distinct_values) d
    CROSS JOIN LATERAL (
        SELECT d.distinct_values,
               w.groups OR cardinality(w.columns) = 1
               OR coalesce(d.distinct_values, 0) <= l.max_distinct_share * w.tuples AS useful,
               coalesce(nullif((to_jsonb(a) ->> 'attstattarget')::int, -1),
                        current_setting('default_statistics_target')::int) AS target,
               a.attgenerated <> 'v'
               AND (t.typcategory IN ('S', 'I')
                    OR t.typtype IN ('e', 'r', 'm')
                    OR EXISTS (SELECT
                               FROM pg_opclass o
                               JOIN pg_am m ON m.oid = o.opcmethod AND m.amname = 'btree'
                               WHERE o.opcdefault
                                 AND o.opcintype IN (t.oid, t.typbasetype))) AS can_have_statistics) c
    WHERE w.groups
       OR known.compares
       OR dbadvisor.plan_compares(w.conditions, a.attname, a.atttypid)
    GROUP BY w.queryid
), judged AS (
    SELECT w.*,
           c.attnums, c.list, c.label, c.target, c.own_target, c.distinct_values, n.combinations,
           CASE WHEN NOT w.analyzed THEN 'analyze'
                WHEN c.by_parameter AND NOT w.groups AND NOT w.joins
                THEN CASE WHEN w.plan !~ 'InitPlan' THEN 'generic' END
                WHEN w.modified_since_analyze >= greatest(l.changed_rows, l.changed_share * w.tuples) THEN 'analyze'
                WHEN w.joins THEN 'join'
                WHEN cardinality(c.attnums) BETWEEN 2 AND l.max_columns
                     AND c.can_have_statistics
                THEN CASE WHEN w.groups THEN 'ndistinct'
                          WHEN n.combinations <= l.high_target THEN 'mcv'
                          WHEN w.factor > 1 AND c.equal THEN 'dependencies' END
                WHEN cardinality(c.attnums) = 1
                     AND cardinality(w.columns) = 1
                     AND w.factor > 1
                     AND c.equal
                     AND c.distinct_values > c.target
                     AND c.target < l.high_target THEN 'target'
                WHEN cardinality(c.attnums) = 1
                     AND cardinality(w.columns) = 1
                     AND w.factor > 1
                     AND NOT c.equal
                     AND w.modified_since_analyze > 0 THEN 'edge'
                WHEN NOT w.groups
                     AND cardinality(w.columns) > coalesce(c.plain, 0)
                     AND w.plan IS NOT NULL THEN 'expression' END AS remedy
    FROM wrong w
    CROSS JOIN limits l
    LEFT JOIN columns c USING (queryid)
    CROSS JOIN LATERAL (
        -- How long a list of combinations must be to have this one, with a margin,
        -- or all, to show that there are few of a kind.
        SELECT ceil(CASE WHEN w.factor > 1 THEN 2 * greatest(w.tuples, 1) / greatest(w.actual, 1)
                         ELSE c.combinations END) AS combinations) n
), mendable AS (
    -- What one command mends is said once.
    SELECT j.*,
           row_number() OVER same AS place,
           count(*) OVER (PARTITION BY j.relation, j.remedy, j.mended_together) AS statements
    FROM (SELECT j.*,
                 CASE j.remedy WHEN 'analyze' THEN ''
                               WHEN 'mcv' THEN j.list
                               WHEN 'dependencies' THEN j.list
                               WHEN 'ndistinct' THEN j.list
                               WHEN 'target' THEN j.list
                               WHEN 'edge' THEN ''
                               ELSE j.queryid::text END AS mended_together
          FROM judged j
          WHERE j.remedy IS NOT NULL) j
    WHERE NOT EXISTS (SELECT
                      FROM pg_statistic_ext e
                      WHERE e.stxrelid = j.relation
                        AND e.stxkeys::int2[] @> j.attnums
                        AND CASE j.remedy WHEN 'mcv' THEN 'm' = ANY (e.stxkind)
                                          WHEN 'dependencies' THEN e.stxkind && '{f,m}'
                                          WHEN 'ndistinct' THEN 'd' = ANY (e.stxkind) END)
    WINDOW same AS (PARTITION BY j.relation, j.remedy, j.mended_together
                    ORDER BY j.ms_per_hour DESC, j.queryid)
), reported AS (
    SELECT m.*,
           CASE WHEN m.observed < l.min_observed
                     OR m.calls_per_hour < l.min_calls_per_hour THEN 'info'
                WHEN m.factor >= l.heavy_ratio
                     AND m.ms_per_hour >= l.heavy_ms_per_hour
                     AND m.plan ~ 'Nested Loop' THEN 'warning'
                ELSE 'notice' END AS severity
    FROM mendable m
    CROSS JOIN limits l
    WHERE m.place = 1
    ORDER BY m.ms_per_hour DESC, m.queryid
    LIMIT (SELECT max_findings FROM limits)
), named AS (
    SELECT r.*,
           format('%I.%I', r.schema, r.name) AS relation_name,
           format('%I.%I', r.schema,
                  CASE WHEN n = 0 THEN b.name ELSE format('%s%s', b.name, n) END) AS statistics
    FROM reported r
    CROSS JOIN LATERAL (
        SELECT format('%s_%s_%s', r.name, r.label, r.remedy) AS readable) full_name
    CROSS JOIN LATERAL (
        SELECT CASE WHEN octet_length(full_name.readable) <= 60 THEN full_name.readable
                    ELSE 'statistics_' || left(md5(full_name.readable), 12) END AS name) b
    CROSS JOIN LATERAL (
        SELECT n
        FROM generate_series(0, 99) n
        WHERE NOT EXISTS (SELECT
                          FROM pg_statistic_ext e
                          JOIN pg_namespace ns ON ns.oid = e.stxnamespace
                          WHERE ns.nspname = r.schema
                            AND e.stxname = CASE WHEN n = 0 THEN b.name ELSE format('%s%s', b.name, n) END)
        ORDER BY n
        LIMIT 1) free
), commands AS (
    -- For whoever runs most of it.
    SELECT DISTINCT ON (s.queryid)
           s.queryid,
           format('ALTER ROLE %I IN DATABASE %I SET plan_cache_mode = force_custom_plan;',
                  u.rolname, current_database()) AS command
    FROM dbadvisor.user_statements s
    JOIN pg_roles u ON u.oid = s.userid
    WHERE s.queryid IN (SELECT n.queryid FROM named n WHERE n.remedy = 'generic')
    ORDER BY s.queryid, s.total_ms DESC, u.rolname
)
SELECT NULL::oid AS classid,
       NULL::oid AS objid,
       NULL::int AS objsubid,
       'statement ' || r.queryid AS object,
       format('The planner expected %s %s of %s%s, and found %s (in %s of %s executions that were counted)%s; %s calls, %s an hour: %s',
              to_char(greatest(r.estimated, 1), 'FM999,999,999,999,990'),
              CASE WHEN r.groups THEN 'group' ELSE 'row' END || CASE WHEN r.estimated > 1 THEN 's' ELSE '' END,
              CASE WHEN r.joins
                   THEN concat('a join of ', w.relation_name, ' with ', coalesce(o.name, 'itself'))
                   ELSE r.relation_name END,
              ' by (' || coalesce(w.columns, r.list) || ')',
              to_char(r.actual, 'FM999,999,999,999,990'),
              r.executions, r.counted,
              CASE WHEN r.statements > 1 THEN format(', here and in %s other statement%s', r.statements - 1,
                                                    CASE WHEN r.statements > 2 THEN 's' END) END,
              r.calls, dbadvisor.in_words(r.ms_per_hour),
              r.shown) AS detail,
       r.severity,
       r.ms_per_hour AS costs_ms_per_hour,
       CASE WHEN r.severity = 'info' THEN 0.4
            WHEN r.remedy = 'analyze' THEN 0.9
            WHEN r.remedy IN ('mcv', 'ndistinct') THEN 0.8
            WHEN r.remedy = 'dependencies' THEN 0.7
            ELSE 0.6 END::float8 AS confidence,
       CASE WHEN r.remedy = 'analyze'
                 OR r.remedy = 'edge' AND e.scale IS NULL
            THEN format('ANALYZE %s;', r.relation_name)
            WHEN r.remedy = 'edge'
            THEN format(E'ANALYZE %s;\nALTER %s %s SET (autovacuum_analyze_scale_factor = %s);',
                        r.relation_name, w.kind, r.relation_name, e.scale)
            WHEN r.remedy IN ('mcv', 'dependencies', 'ndistinct')
            THEN format(E'CREATE STATISTICS %s (%s) ON %s FROM %s;%s\nANALYZE %s;',
                        r.statistics,
                        CASE r.remedy WHEN 'mcv' THEN 'dependencies, mcv' ELSE r.remedy END,
                        r.list, r.relation_name,
                        CASE WHEN r.remedy = 'mcv' AND r.combinations > r.target
                             THEN format(E'\nALTER STATISTICS %s SET STATISTICS %s;', r.statistics, r.combinations) END,
                        r.relation_name)
            WHEN r.remedy = 'target'
            THEN format(E'ALTER %s %s ALTER COLUMN %s SET STATISTICS %s;\nANALYZE %s;',
                        w.kind, r.relation_name, r.list, l.high_target, r.relation_name) END AS fix,
       CASE WHEN r.remedy IN ('mcv', 'dependencies', 'ndistinct')
            THEN format('DROP STATISTICS %s;', r.statistics)
            WHEN r.remedy = 'edge' AND e.scale IS NOT NULL
            THEN format('ALTER %s %s %s;', w.kind, r.relation_name,
                        coalesce('SET (autovacuum_analyze_scale_factor = ' || e.own_scale || ')',
                                 'RESET (autovacuum_analyze_scale_factor)'))
            WHEN r.remedy = 'target'
            THEN format('ALTER %s %s ALTER COLUMN %s SET STATISTICS %s;',
                        w.kind, r.relation_name, r.list, coalesce(r.own_target, -1)) END AS undo,
       concat_ws(' ',
           CASE r.remedy
               WHEN 'join' THEN 'No statistics span two tables. A foreign key over all columns of the join tells the planner that each row finds its match. Else help it another way: join in steps through a temporary table that is analyzed in between, or keep the column that decides in both tables.'
               WHEN 'generic' THEN concat('Its plan is generic: made for any value, it expects the average one. Statistics do not help. To have it planned for each value, from the next login on: ',
                                          coalesce(g.command, 'plan_cache_mode = force_custom_plan for its role.'),
                                          ' (each execution then pays for planning).')
               WHEN 'expression' THEN 'The condition is on an expression, of which the planner knows nothing. CREATE STATISTICS name ON (expression) FROM table, with the expression as the statement has it, then ANALYZE, tells it; or compare the bare column.'
               ELSE 'Takes SHARE UPDATE EXCLUSIVE: reads and writes go on, schema changes of the table wait. ANALYZE reads a sample, so it takes seconds. Plans of other statements change too.' END,
           CASE r.remedy
               WHEN 'analyze' THEN 'If autovacuum should have done it, see stale_statistics.'
               WHEN 'edge' THEN concat('The condition reaches beyond what ANALYZE has seen, as that for the newest rows does. ',
                                       CASE WHEN e.scale IS NULL THEN 'Autovacuum analyzes the table often already; ANALYZE right after rows are loaded, or ask for less.'
                                            ELSE format('Autovacuum analyzes the table too seldom for it, when %s %% of its rows have changed; then it will at %s %%.',
                                                        round((100 * e.current_scale)::numeric, 1)::float8,
                                                        round((100 * e.scale)::numeric, 1)::float8) END)
               WHEN 'target' THEN 'ANALYZE reads ten times as many rows from then on, and planning looks at more values.'
               WHEN 'mcv' THEN 'They help where the columns are compared by =, <, > and IN with values that are known when it is planned; if the finding comes back, take them away again.'
               WHEN 'dependencies' THEN 'They help where one column follows from another, as a city from its postal code; if the finding comes back, take them away again.'
               WHEN 'ndistinct' THEN 'If the finding comes back, take them away again.' END,
           CASE WHEN r.is_partition AND r.remedy IN ('mcv', 'dependencies', 'ndistinct', 'target', 'edge')
                THEN 'It is a partition: the others need the same.' END,
           dbadvisor.where_to_read(r.query, r.queryid)) AS caution,
       jsonb_build_object(
           'queryid', r.queryid::text,
           'table', r.relation_name,
           'columns', to_jsonb(r.columns),
           'other_table', o.name,
           'node', r.node_type,
           'estimated_rows', r.estimated,
           'actual_rows', r.actual,
           'factor', round(r.factor::numeric, 4),
           'executions', r.executions,
           'counted', r.counted,
           'last_seen', r.last_seen,
           'remedy', r.remedy,
           'statements', r.statements,
           'calls', r.calls,
           'calls_per_hour', round(r.calls_per_hour::numeric, 2),
           'ms_per_hour', round(r.ms_per_hour::numeric, 1),
           'combinations_to_keep', r.combinations,
           'distinct_values', round(r.distinct_values::numeric),
           'statistics_target', r.target,
           'modified_since_analyze', r.modified_since_analyze,
           'last_analyze', r.last_analyze,
           'since', r.since) AS evidence
FROM named r
CROSS JOIN limits l
LEFT JOIN LATERAL (
    SELECT format('%I.%I', t.schema, t.name) AS name
    FROM dbadvisor.user_tables t
    WHERE t.relid = r.other_relation) o ON true
LEFT JOIN commands g ON g.queryid = r.queryid
CROSS JOIN LATERAL (
    SELECT n.own_scale, n.current_scale,
           CASE WHEN n.current_scale > l.low_analyze_scale THEN l.low_analyze_scale END AS scale
    FROM (SELECT v.own_scale,
                 coalesce(v.own_scale, current_setting('autovacuum_analyze_scale_factor'))::float8 AS current_scale
          FROM (SELECT (SELECT substr(option, 33)
                        FROM unnest(r.options) AS option
                        WHERE starts_with(option, 'autovacuum_analyze_scale_factor=')) AS own_scale) v) n) e
CROSS JOIN LATERAL (
    SELECT CASE r.kind WHEN 'm' THEN 'MATERIALIZED VIEW' ELSE 'TABLE' END AS kind,
           r.relation_name,
           (SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum)
            FROM pg_attribute a
            WHERE a.attrelid = r.relation
              AND a.attnum = ANY (r.columns)
              AND a.attnum > 0) AS columns) w
