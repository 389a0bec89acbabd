-- planning_dominates: statement that takes longer to plan than to execute
-- category: statement
-- severity: notice
-- needs: observing
-- examines: dbadvisor.user_statements
--
-- Each time that a statement comes as text, or unnamed through a driver, it is
-- planned anew. For a look-up by key that is cheap; for a join of ten tables, or
-- a table of hundreds of partitions, the plan can take a hundred times as long as
-- the rows. The planner's time is the server's, and the user waits for it.
--
-- Reported are statements of this database, summed over users, with at least 100
-- calls and 100 plans, that were planned longer in all than they ran, for
--   * 10 s an hour at 1 ms a plan or more, or
--   * 10 % of an hour however short each plan is.
-- Severity is warning when plans of 1 ms or more take 10 % of an hour. It is info
-- in the first hour in which the statement is seen. At most 20.
--
-- Fix: none that runs as it stands, for the statement comes from elsewhere. Which
-- advice applies is told by how often it is planned, and by what it joins:
--   * planned at every execution: prepare it. From the sixth execution in a
--     session on PostgreSQL keeps a generic plan, if that is no dearer;
--     plan_cache_mode = force_generic_plan keeps it from the first.
--   * planned once for a few executions: it is prepared, but sessions end too
--     soon. Keep them: a pool.
--   * inside of a function: EXECUTE plans its text each time, a statement that
--     is written in the function is planned once a session.
--   * many partitions: fewer and larger ones, or a condition on the partition key.
--     Many joined tables: a smaller join_collapse_limit.
-- A generic plan does not know the values, and can be worse: how much is saved is
-- not known, so no saving is claimed.
--
-- Not reported: what was planned half as often again as it ran, as by somebody's
-- EXPLAIN; utility statements; what reads system catalogs alone; what reads dbadvisor or pg_stat_statements.

WITH limits AS (
    SELECT 100 AS min_calls,
           100 AS min_plans,
           1.0 AS long_plan_ms,
           10 * 1000 AS min_ms_per_hour,
           360 * 1000 AS heavy_ms_per_hour,
           1.5 AS max_plans_per_execution,
           0.9 AS each_time,
           8 AS many_relations,
           10 AS many_partitions,
           20 AS max_findings
), statements AS (
    SELECT s.queryid,
           bool_or(s.toplevel) AS toplevel,
           (array_agg(s.query ORDER BY s.plan_ms DESC, s.query))[1] AS query,
           bool_and(s.is_new) AS is_new,
           max(s.hours) AS hours,
           sum(s.calls) AS calls,
           sum(s.calls + s.errors) AS executions,
           sum(s.plans) AS plans,
           sum(s.plan_ms) AS plan_ms,
           sum(s.total_ms + s.error_ms) AS ms
    FROM dbadvisor.user_statements s
    GROUP BY s.queryid
), costly AS (
    SELECT s.*,
           s.plan_ms / s.plans AS mean_plan_ms,
           s.plan_ms / s.hours AS plan_ms_per_hour,
           s.plans >= l.each_time * s.executions AS is_planned_each_time,
           CASE WHEN s.is_new THEN 'info'
                WHEN s.plan_ms / s.plans >= l.long_plan_ms
                     AND s.plan_ms / s.hours >= l.heavy_ms_per_hour THEN 'warning'
                ELSE 'notice' END AS severity
    FROM statements s, limits l
    WHERE s.calls >= l.min_calls
      AND s.plans >= l.min_plans
      AND s.plan_ms > s.ms
      AND s.plans <= l.max_plans_per_execution * s.executions
      AND s.plan_ms / s.hours >= CASE WHEN s.plan_ms / s.plans >= l.long_plan_ms THEN l.min_ms_per_hour
                                      ELSE l.heavy_ms_per_hour END
      AND NOT dbadvisor.reads_only_catalogs(s.queryid)
    ORDER BY s.plan_ms / s.hours DESC, s.queryid
    LIMIT (SELECT max_findings FROM limits)
), relations AS (
    -- What it joins, and of how many partitions that consists.
    SELECT c.queryid,
           count(*) AS relations,
           sum(p.leaves) AS partitions
    FROM costly c
    CROSS JOIN LATERAL dbadvisor.statement_relations(c.queryid) s
    JOIN pg_class r ON r.oid = s.relation
    CROSS JOIN LATERAL (
        SELECT count(*) AS leaves
        FROM dbadvisor.partition_leaves(r.oid) AS leaf
        WHERE r.relkind = 'p') p
    WHERE r.relkind IN ('r', 'p', 'm', 'f')
    GROUP BY c.queryid
)
SELECT NULL::oid AS classid,
       NULL::oid AS objid,
       NULL::int AS objsubid,
       'statement ' || c.queryid AS object,
       format('Planning takes %s %s on average, executing it %s: %s of planning an hour, %s%s%s: %s',
              CASE WHEN c.toplevel THEN 'this statement' ELSE 'this statement inside of functions' END,
              dbadvisor.in_words(c.mean_plan_ms),
              dbadvisor.in_words(c.ms / c.executions),
              dbadvisor.in_words(c.plan_ms_per_hour),
              CASE WHEN c.plans = c.executions THEN format('planned at each of %s executions', c.executions)
                   ELSE format('%s plans for %s executions', c.plans, c.executions) END,
              CASE WHEN r.partitions >= l.many_partitions THEN format(', of tables with %s partitions', r.partitions) END,
              CASE WHEN r.relations >= l.many_relations
                   THEN format(', of %s tables joined', r.relations) END,
              dbadvisor.in_one_line(c.query)) AS detail,
       c.severity,
       c.plan_ms_per_hour AS costs_ms_per_hour,
       CASE WHEN c.severity = 'info' THEN 0.5 ELSE 0.9 END::float8 AS confidence,
       concat_ws(' ',
           CASE WHEN NOT c.toplevel AND c.is_planned_each_time
                THEN 'A function executes it as dynamic SQL, which is planned each time: write it as a statement of the function, with variables for what changes.'
                WHEN c.is_planned_each_time
                THEN 'It is planned at every execution. Prepare it: a named prepared statement of the driver, or PREPARE; behind a pooler in transaction mode, one that knows prepared statements. If it is prepared, the server prefers plans for the values at hand: compare EXPLAIN EXECUTE with and without plan_cache_mode = force_generic_plan, and set that for its role if the generic plan is as good.'
                ELSE format('It is prepared, and planned once for %s executions: sessions end too soon to use their plans. Keep connections open, by a pool.',
                            round(c.executions / c.plans, 1)) END,
           CASE WHEN r.partitions >= l.many_partitions
                THEN 'The planner looks at every partition that no condition with a constant excludes: compare the partition key with one, or make fewer and larger partitions.' END,
           CASE WHEN r.relations >= l.many_relations
                THEN format('The order of joins is searched among %s at a time (join_collapse_limit): fewer plan faster, if the joins are written in a good order; look whether a view joins what nobody reads.',
                            current_setting('join_collapse_limit')) END,
           dbadvisor.where_to_read(c.query, c.queryid)) AS caution,
       jsonb_build_object(
           'queryid', c.queryid::text,
           'calls', c.calls,
           'executions', c.executions,
           'plans', c.plans,
           'plan_ms', round(c.plan_ms::numeric, 1),
           'execution_ms', round(c.ms::numeric, 1),
           'mean_plan_ms', round(c.mean_plan_ms::numeric, 3),
           'mean_ms', round((c.ms / c.executions)::numeric, 3),
           'plan_ms_per_hour', round(c.plan_ms_per_hour::numeric, 1),
           'relations', r.relations,
           'partitions', r.partitions,
           'toplevel', c.toplevel,
           'hours', round(c.hours::numeric, 3)) AS evidence
FROM costly c
CROSS JOIN limits l
LEFT JOIN relations r USING (queryid)
