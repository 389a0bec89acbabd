-- row_by_row: statement that a function or trigger executes once for each row
-- category: statement
-- severity: notice
-- needs: observing
-- examines: dbadvisor.user_statements
--
-- A loop over rows with a statement in it, a function with a query that is called
-- for each row, a trigger FOR EACH ROW: the server does one after the other what
-- it could do at once. Each execution starts an executor and descends an index
-- anew; one statement over all rows often is ten times as fast.
--
-- Reported are statements that ran at least 10 times within one execution of the
-- statement that a client sent, in at least 3 executions of that, for 10 s an hour
-- in all, at 10 ms each or less. Severity is warning from 10 % of an hour on, and info in
-- the first hour in which the statement is seen. At most 20.
--
-- The function is named where the client's statement calls it, or is a write to a
-- table whose trigger it is; it may also be one that those call. Which part of
-- the time one statement would save is not known, so no saving is claimed.
--
-- Fix: none that runs as it stands: the function must be rewritten. UPDATE .. FROM,
-- INSERT .. SELECT, DELETE .. USING or a join in place of the loop; a trigger FOR
-- EACH STATEMENT with REFERENCING NEW TABLE in place of an AFTER trigger FOR EACH
-- ROW. A BEFORE trigger that changes NEW cannot become one.
--
-- Not reported: what is slow by itself, since the loop is then not what costs (see
-- slow_statement); the checks of foreign keys, and the functions of extensions,
-- about which nobody can do anything; loops that ran once or twice, as migrations
-- do, also where they commit within; writes of 10 rows or more each time, which are
-- batches, as a purge ought to be; what reads no table; what reads dbadvisor or
-- pg_stat_statements.

WITH limits AS (
    SELECT 3 AS min_runs,
           10 AS max_mean_ms,
           10 * 1000 AS min_ms_per_hour,
           360 * 1000 AS heavy_ms_per_hour,
           10 AS min_rows_of_batch,
           3 AS shown_functions,
           80 AS shown_characters,
           20 AS max_findings
), here AS (
    SELECT d.oid AS dbid FROM pg_database d WHERE d.datname = current_database()
), children AS (
    SELECT s.queryid,
           (array_agg(s.query ORDER BY s.total_ms DESC, s.query))[1] AS query,
           max(s.hours) AS hours,
           bool_and(s.is_new) AS is_new,
           bool_or(s.explainable) AS explainable
    FROM dbadvisor.user_statements s
    CROSS JOIN limits l
    WHERE NOT s.toplevel
    GROUP BY s.queryid, l.min_rows_of_batch
    HAVING NOT (min(s.query) ~* '\m(insert\s+into|update|delete\s+from|merge\s+into)\M'
                AND sum(s.rows) >= l.min_rows_of_batch * sum(s.calls))
), pairs AS (
    SELECT r.queryid,
           r.parent_queryid,
           sum(r.occasions) AS occasions,
           sum(r.repeats) AS repeats,
           max(r.max_repeats) AS max_repeats,
           sum(r.repeat_ms) AS ms
    FROM dbadvisor.statement_repeats r
    WHERE r.kind = 'loop'
      AND r.dbid = (SELECT h.dbid FROM here h)
      AND r.queryid IS NOT NULL
    GROUP BY r.queryid, r.parent_queryid
), columns AS MATERIALIZED (
    SELECT DISTINCT ON (k.queryid) k.queryid, k.command, k.relation
    FROM dbadvisor.statement_columns k
    WHERE k.dbid = (SELECT h.dbid FROM here h)
    ORDER BY k.queryid, k.toplevel DESC
), parents AS MATERIALIZED (
    SELECT s.queryid,
           min(s.query) AS query,
           sum(s.calls + s.errors) AS executions,
           min(k.command) AS command,
           min(k.relation) AS relation
    FROM dbadvisor.statements s
    LEFT JOIN columns k USING (queryid)
    WHERE s.dbid = (SELECT h.dbid FROM here h)
      AND s.toplevel
      AND s.queryid IN (SELECT p.parent_queryid FROM pairs p)
    GROUP BY s.queryid
), functions AS (
    -- Those whose name the client's statement has in front of a parenthesis, ...
    SELECT p.queryid AS parent_queryid, f.oid AS function, false AS is_trigger, false AS is_before
    FROM parents p
    CROSS JOIN LATERAL regexp_matches(p.query, '(?:(?:"([^"]+)"|(\w+))\s*\.\s*)?(?:"([^"]+)"|(\w+))\s*\(', 'g') AS m(found)
    JOIN pg_proc f ON f.proname = coalesce(m.found[3], lower(m.found[4]))
    JOIN pg_namespace n ON n.oid = f.pronamespace
    WHERE n.nspname <> 'pg_catalog'
      AND n.nspname = coalesce(m.found[1], lower(m.found[2]), n.nspname)
    UNION
    -- ... and those of the triggers that it fires for each row.
    SELECT p.queryid, t.tgfoid, true, t.tgtype & (2 | 64) <> 0 -- BEFORE, INSTEAD OF
    FROM parents p
    JOIN pg_trigger t ON t.tgrelid = p.relation
    WHERE NOT t.tgisinternal
      AND t.tgtype & 1 <> 0
      AND t.tgtype & CASE p.command WHEN 'INSERT' THEN 4 WHEN 'DELETE' THEN 8
                                    WHEN 'UPDATE' THEN 16 WHEN 'MERGE' THEN 28
                                    ELSE 0 END <> 0
), called AS (
    SELECT f.*,
           format('%I.%I', n.nspname, p.proname) AS name,
           p.prosrc AS source,
           p.prokind = 'p' AS is_procedure,
           EXISTS (SELECT
                   FROM pg_depend d
                   WHERE d.classid = 'pg_proc'::regclass
                     AND d.objid = f.function
                     AND d.refclassid = 'pg_extension'::regclass
                     AND d.deptype = 'e') AS is_extension
    FROM functions f
    JOIN pg_proc p ON p.oid = f.function
    JOIN pg_namespace n ON n.oid = p.pronamespace
    JOIN pg_language l ON l.oid = p.prolang
    WHERE l.lanname NOT IN ('internal', 'c') OR f.is_trigger
), named AS (
    -- Rather those in whose source the table of the statement occurs.
    SELECT p.queryid,
           p.parent_queryid,
           bool_and(c.is_extension) AS only_extensions,
           string_agg(DISTINCT c.name, ' or ') FILTER (WHERE c.mentions) AS mentioning,
           string_agg(DISTINCT c.name, ' or ') AS names,
           count(DISTINCT c.name) AS count,
           bool_or(c.is_trigger AND c.mentions) OR bool_and(c.is_trigger) AS is_trigger,
           coalesce(bool_or(c.is_before) FILTER (WHERE c.mentions), bool_or(c.is_before)) AS is_before,
           coalesce(bool_and(c.is_procedure) FILTER (WHERE c.mentions), bool_and(c.is_procedure)) AS is_procedure
    FROM pairs p
    JOIN LATERAL (
        SELECT x.*,
               position((SELECT r.relname
                         FROM columns k
                         JOIN pg_class r ON r.oid = k.relation
                         WHERE k.queryid = p.queryid) IN x.source) > 0 AS mentions
        FROM called x
        WHERE x.parent_queryid = p.parent_queryid) c ON true
    GROUP BY p.queryid, p.parent_queryid
), calls AS (
    SELECT p.*, q.query AS parent, n.is_trigger, n.is_before, n.is_procedure,
           -- Where a loop commits, one execution is many occasions.
           least(p.occasions, q.executions) AS runs,
           coalesce(n.mentioning,
                    CASE WHEN n.count <= (SELECT shown_functions FROM limits) THEN n.names END) AS function
    FROM pairs p
    LEFT JOIN parents q ON q.queryid = p.parent_queryid
    LEFT JOIN named n ON n.queryid = p.queryid AND n.parent_queryid = p.parent_queryid
    WHERE NOT coalesce(n.only_extensions, false)
      AND coalesce(q.query !~* 'dbadvisor[.]|pg_stat_statements', true)
), repeated AS (
    SELECT c.queryid, c.query, c.hours, c.is_new, c.explainable,
           sum(p.runs) AS runs,
           sum(p.occasions) AS occasions,
           sum(p.repeats) AS repeats,
           max(p.max_repeats) AS max_repeats,
           sum(p.ms) AS ms,
           (array_agg(p.parent ORDER BY p.ms DESC, p.parent_queryid))[1] AS parent,
           (array_agg(p.function ORDER BY p.ms DESC, p.parent_queryid))[1] AS function,
           (array_agg(p.is_trigger ORDER BY p.ms DESC, p.parent_queryid))[1] AS is_trigger,
           (array_agg(p.is_before ORDER BY p.ms DESC, p.parent_queryid))[1] AS is_before,
           (array_agg(p.is_procedure ORDER BY p.ms DESC, p.parent_queryid))[1] AS is_procedure,
           jsonb_agg(jsonb_strip_nulls(jsonb_build_object(
                         'queryid', p.parent_queryid::text,
                         'occasions', p.occasions,
                         'repeats', p.repeats,
                         'function', p.function,
                         'query', dbadvisor.in_one_line(p.parent)))
                     ORDER BY p.ms DESC, p.parent_queryid) AS parents
    FROM calls p
    JOIN children c USING (queryid)
    GROUP BY c.queryid, c.query, c.hours, c.is_new, c.explainable
), costly AS (
    SELECT r.*, r.ms / r.hours AS ms_per_hour
    FROM repeated r, limits l
    WHERE r.runs >= l.min_runs
      AND r.ms / r.hours >= l.min_ms_per_hour
      AND r.ms <= r.repeats * l.max_mean_ms
      AND (NOT r.explainable
           OR EXISTS (SELECT FROM dbadvisor.statement_relations(r.queryid)))
    ORDER BY ms_per_hour DESC, r.queryid
    LIMIT (SELECT max_findings FROM limits)
)
SELECT NULL::oid AS classid,
       NULL::oid AS objid,
       NULL::int AS objsubid,
       'statement ' || c.queryid AS object,
       format('%s executes this once per row: %s times on %s occasions, %s each%s, for %s an hour: %s -- within: %s',
              CASE WHEN c.parent ~* '^\s*do\M' THEN 'A DO block'
                   WHEN c.function IS NULL THEN 'A function or trigger'
                   WHEN c.is_trigger THEN 'The trigger function ' || c.function
                   WHEN c.is_procedure THEN 'The procedure ' || c.function
                   ELSE 'The function ' || c.function END,
              c.repeats,
              c.runs,
              round(c.repeats / c.runs),
              CASE WHEN c.runs <> c.occasions THEN ' on average'
                   WHEN c.repeats <> c.runs * c.max_repeats
                   THEN format(' on average and %s at most', c.max_repeats) END,
              dbadvisor.in_words(c.ms_per_hour),
              dbadvisor.in_one_line(c.query),
              dbadvisor.in_one_line(c.parent, l.shown_characters)) AS detail,
       CASE WHEN c.is_new THEN 'info'
            WHEN c.ms_per_hour >= l.heavy_ms_per_hour THEN 'warning'
            ELSE 'notice' END AS severity,
       c.ms_per_hour AS costs_ms_per_hour,
       CASE WHEN c.is_new THEN 0.5 ELSE 0.7 END::float8 AS confidence,
       concat_ws(' ',
           CASE WHEN c.is_trigger AND c.is_before
                THEN 'A trigger that changes NEW must stay FOR EACH ROW: read what it looks up once per statement, or compute it in the statement that writes. One that changes only other rows can be an AFTER trigger FOR EACH STATEMENT.'
                WHEN c.is_trigger
                THEN 'Make the trigger one AFTER .. REFERENCING NEW TABLE AS changed .. FOR EACH STATEMENT, and do the work for all rows of "changed" in one statement.'
                ELSE 'Do it for all rows in one statement: UPDATE .. FROM, INSERT .. SELECT, DELETE .. USING, or a join to the rows over which the loop goes, or a join in place of the function in a list of columns.' END,
           'The function may also be one that the named one calls. Keep the loop where each row must be able to fail by itself, or where locks must be short.',
           dbadvisor.where_to_read(c.query, c.queryid)) AS caution,
       jsonb_strip_nulls(jsonb_build_object(
           'queryid', c.queryid::text,
           'runs', c.runs,
           'occasions', c.occasions,
           'repeats', c.repeats,
           'max_repeats', c.max_repeats,
           'repeat_ms', round(c.ms::numeric, 1),
           'mean_ms', round((c.ms / c.repeats)::numeric, 4),
           'ms_per_hour', round(c.ms_per_hour::numeric, 1),
           'function', c.function,
           'is_trigger', c.is_trigger,
           'parents', c.parents,
           'hours', round(c.hours::numeric, 3))) AS evidence
FROM costly c, limits l
