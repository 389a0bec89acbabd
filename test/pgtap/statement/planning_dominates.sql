-- planning_dominates: a statement that is planned longer than it runs, each time,
-- is reported with what to do; the same one prepared, one that runs longer, and
-- one that only EXPLAIN planned are not.
\ir ../rule.psql
SELECT plan(21);

SET dbadvisor.overhead_target = 100;

SELECT format('CREATE TABLE t%s (id int PRIMARY KEY, v int)', i) FROM generate_series(1, 9) i \gexec
CREATE VIEW wide AS
    SELECT t1.id, t9.v
    FROM t1 JOIN t2 USING (id) JOIN t3 USING (id) JOIN t4 USING (id) JOIN t5 USING (id)
    JOIN t6 USING (id) JOIN t7 USING (id) JOIN t8 USING (id) JOIN t9 USING (id);
CREATE TABLE log (day int, line text) PARTITION BY RANGE (day);
SELECT format('CREATE TABLE log_%s PARTITION OF log FOR VALUES FROM (%s) TO (%s)', i, i, i + 1)
FROM generate_series(1, 60) i \gexec
ANALYZE;
CREATE FUNCTION ask(text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    answer bigint;
BEGIN
    EXECUTE 'SELECT count(*) AS dynamic FROM wide WHERE id = ' || $1 INTO answer;
    RETURN answer;
END $$;

CREATE FUNCTION test.named(pattern text) RETURNS text LANGUAGE sql VOLATILE AS $$
    SELECT 'statement ' || s.queryid
    FROM dbadvisor.user_statements s
    WHERE s.query ~ pattern
    ORDER BY s.plans DESC
    LIMIT 1
$$;

\o /dev/null
SELECT format('SELECT v FROM wide WHERE id = %s', i) FROM generate_series(1, 120) i \gexec
SELECT format('SELECT line FROM log WHERE line = %L AND day >= %s', i, 0) FROM generate_series(1, 120) i \gexec
PREPARE kept AS SELECT v, id AS kept FROM wide WHERE id = $1;
SELECT format('EXECUTE kept(%s)', i) FROM generate_series(1, 120) i \gexec
SELECT format('SELECT v + 1 AS few FROM wide WHERE id = %s', i) FROM generate_series(1, 20) i \gexec
SELECT format('EXPLAIN SELECT v, v AS explained FROM wide WHERE id = %s', i) FROM generate_series(1, 120) i \gexec
SELECT format('SELECT sum(i) AS busy FROM generate_series(1, 20000 + %s) i', i) FROM generate_series(1, 120) i \gexec
-- As a driver asks what columns there are.
SELECT format('SELECT a.attname AS asked FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_attribute a ON a.attrelid = c.oid JOIN pg_type t ON t.oid = a.atttypid LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum LEFT JOIN pg_description s ON s.objoid = c.oid LEFT JOIN pg_constraint k ON k.conrelid = c.oid WHERE c.oid = %s', i)
FROM generate_series(1, 120) i \gexec
SELECT format('SELECT ask(%L)', i) FROM generate_series(1, 120) i \gexec
\o

SELECT test.named('^SELECT v FROM wide') AS bad,
       test.named('^SELECT line') AS partitions,
       test.named('AS dynamic') AS dynamic,
       test.named('AS kept') AS kept \gset

-- How long that took depends on the machine.
CREATE FUNCTION test.lenient() RETURNS SETOF jsonb LANGUAGE sql VOLATILE AS $$
    SELECT test.rows_with('planning_dominates', '1.0 AS long_plan_ms', '0.01 AS long_plan_ms',
                          '10 * 1000 AS min_ms_per_hour', '1 AS min_ms_per_hour',
                          '360 * 1000 AS heavy_ms_per_hour', '100 AS heavy_ms_per_hour')
$$;

SELECT ok(test.found('planning_dominates', :'bad'), 'a join that takes longer to plan than to run is reported');
SELECT is(concat_ws(' ', replace(severity, 'warning', 'notice'), evidence ->> 'calls', evidence ->> 'plans', evidence ->> 'relations'),
          'notice 120 120 9', 'with its calls, plans and tables')
FROM test.finding('planning_dominates', :'bad');
SELECT ok((evidence ->> 'mean_plan_ms')::numeric > 1
          AND (evidence ->> 'plan_ms')::numeric > (evidence ->> 'execution_ms')::numeric
          AND (evidence ->> 'plan_ms_per_hour')::numeric > 10000, 'and its times')
FROM test.finding('planning_dominates', :'bad');
SELECT matches(detail, '^Planning takes this statement .* ms on average, .* planned at each of 120 executions, of 9 tables joined: SELECT v FROM wide WHERE id = \$1$',
               'which the sentence says')
FROM test.finding('planning_dominates', :'bad');
SELECT ok(caution LIKE 'It is planned at every execution. Prepare it: %join_collapse_limit%'
          AND caution NOT LIKE '%partition%', 'the advice is what applies')
FROM test.finding('planning_dominates', :'bad');
SELECT is(fix, NULL, 'and no command') FROM test.finding('planning_dominates', :'bad');

SELECT ok((found #>> '{evidence,partitions}')::int = 60
          AND found ->> 'caution' LIKE '%make fewer and larger partitions%'
          AND found ->> 'caution' NOT LIKE '%join_collapse_limit%', 'partitions are named as the reason')
FROM test.lenient() found WHERE found ->> 'object' = :'partitions';
SELECT is(array_agg(DISTINCT found ->> 'severity'), '{warning}', 'much of it is a warning')
FROM test.lenient() found WHERE found ->> 'object' IN (:'bad', :'partitions');
SELECT ok(caution LIKE 'A function executes it as dynamic SQL%', 'and so is dynamic SQL')
FROM test.finding('planning_dominates', :'dynamic');

SELECT ok((SELECT plans < 20 AND calls = 120 FROM dbadvisor.user_statements WHERE 'statement ' || queryid = :'kept'),
          'a prepared statement was planned a few times');
SELECT ok(NOT test.found('planning_dominates', :'kept'), 'and is not reported');
SELECT ok((SELECT plan_ms > total_ms AND plans >= 100 FROM dbadvisor.user_statements WHERE 'statement ' || queryid = test.named('AS asked')),
          'a look at the catalogs is planned longer than it runs');
SELECT is_empty($$SELECT found FROM test.lenient() found WHERE found ->> 'object' = test.named('AS asked')$$, 'and is not reported');
SELECT ok(NOT test.found('planning_dominates', test.named('AS few')), 'nor is a rare one');
SELECT ok(test.named('AS explained') IS NULL OR NOT test.found('planning_dominates', test.named('AS explained')),
          'nor what only EXPLAIN planned');
SELECT ok(NOT test.found('planning_dominates', test.named('AS busy')), 'nor what takes longer to run');

SET dbadvisor.min_window = '7d';
SELECT is(severity, 'info', 'in the first hour it is only for the record')
FROM test.finding('planning_dominates', :'bad');
SET dbadvisor.min_window = 0;

\set seen 'SELECT jsonb_agg(jsonb_build_array(r.object, r.caution, r.evidence -> ''plan_ms'', r.evidence -> ''relations'') ORDER BY r.object) FROM dbadvisor.recommendations(''{statement}'', ''info'') r WHERE r.rule = ''planning_dominates'' AND r.detail ~ '': SELECT (v|line) FROM'''
SELECT (:seen) AS as_superuser \gset
SET ROLE pg_monitor;
SELECT (:seen) AS as_monitor \gset
RESET ROLE;
SELECT is(:'as_monitor'::jsonb, :'as_superuser'::jsonb, 'pg_monitor is told the same');

-- Plans of ours are nobody's workload.
SELECT plans AS plans_before FROM dbadvisor.user_statements WHERE 'statement ' || queryid = :'bad' \gset
SELECT dbadvisor.explain_sample(substr(:'bad', 11)::bigint) \g /dev/null
SELECT is(sum(plans)::int, :plans_before, 'explain_sample() does not count')
FROM dbadvisor.user_statements WHERE 'statement ' || queryid = :'bad';

-- Prepared, but each session ends after a few executions.
\o /dev/null
SELECT 'PREPARE short AS SELECT id, v AS short FROM wide WHERE id = $1', 'EXECUTE short(1)', 'EXECUTE short(2)', 'EXECUTE short(3)', 'DEALLOCATE short'
FROM generate_series(1, 110) i \gexec
\o
SELECT ok(found ->> 'caution' LIKE 'It is planned at every execution%', 'custom plans are made each time')
FROM test.lenient() found WHERE found ->> 'object' = test.named('AS short');
\o /dev/null
SET plan_cache_mode = force_generic_plan;
SELECT 'PREPARE short AS SELECT id, v AS short FROM wide WHERE id = $1', 'EXECUTE short(1)', 'EXECUTE short(2)', 'EXECUTE short(3)', 'EXECUTE short(4)', 'DEALLOCATE short'
FROM generate_series(1, 220) i \gexec
RESET plan_cache_mode;
\o
SELECT ok(found ->> 'caution' LIKE 'It is prepared, and planned once for %', 'for sessions that end too soon the advice is to keep them')
FROM test.lenient() found WHERE found ->> 'object' = test.named('AS short');

SELECT * FROM finish();
