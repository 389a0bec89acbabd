-- serialization_failures: reported once for a database where many transactions fail
-- so, with the statements that fail and how many failed at COMMIT; a healthy share
-- of repetitions is not.
\ir ../rule.psql
SELECT plan(17);

CREATE TABLE counter (id int PRIMARY KEY, n int);
INSERT INTO counter SELECT i, 0 FROM generate_series(1, 1000) i;
CREATE TABLE roster (id int PRIMARY KEY, on_call boolean);
INSERT INTO roster SELECT i, true FROM generate_series(1, 20) i;
SELECT format('database %I', current_database()) AS database \gset
\setenv PGDATABASE :DBNAME

-- The good twin: serializable, of many clients, and nobody meets anybody.
\! printf '%s\n' 'BEGIN ISOLATION LEVEL REPEATABLE READ;' 'UPDATE counter SET n = n + 1 WHERE id = 100 + :client_id;' 'END;' | pgbench -n -c 4 -t 50 -f /dev/stdin > /dev/null 2>&1
:flush
SELECT ok(NOT test.found('serialization_failures', :'database'), 'transactions that never fail are not reported');

-- All want one row; REPEATABLE READ fails in the statement.
\set failed `printf '%s\n' 'BEGIN ISOLATION LEVEL REPEATABLE READ;' 'SELECT n FROM counter WHERE id = 1;' 'UPDATE counter SET n = n + 10 WHERE id = 1;' 'END;' | pgbench -n -c 4 -t 300 -f /dev/stdin 2>/dev/null | sed -n 's/^number of failed transactions: \([0-9]*\) .*/\1/p'`
:flush
SELECT cmp_ok(:failed, '>', 60, 'many transactions failed');
SELECT is((SELECT count FROM dbadvisor.event_counts WHERE kind = 'serialization_failure'), :failed::bigint, 'each failure was counted');
SELECT ok(test.found('serialization_failures', :'database'), 'where many fail it is reported');
SELECT is((evidence ->> 'failures')::int, :failed, 'with their number') FROM test.finding('serialization_failures', :'database');
SELECT is((evidence -> 'statements' -> 0 ->> 'failures')::int + (evidence ->> 'at_commit')::int, :failed, 'the statement that fails')
FROM test.finding('serialization_failures', :'database');
SELECT is((evidence -> 'statements' -> 0 ->> 'executions')::int, 1200, 'of how many executions')
FROM test.finding('serialization_failures', :'database');
SELECT ok(abs((evidence -> 'statements' -> 0 ->> 'share')::float8 - :failed / 1200.0) < 0.001, 'and the share')
FROM test.finding('serialization_failures', :'database');
SELECT matches(detail, '^[0-9]+ transactions failed in [0-9.]+ (s|minutes|hours) because they could not be serialized, [0-9.]+ % of all; most of them in: UPDATE counter SET n = n \+ \$1 WHERE id = \$2 \([0-9.]+ % of its executions\)$',
               'in words')
FROM test.finding('serialization_failures', :'database');
-- How often they meet is for the machine to say.
SELECT is(severity, CASE WHEN greatest((evidence ->> 'share')::float8,
                                       (evidence -> 'statements' -> 0 ->> 'share')::float8) >= 0.2 THEN 'warning' ELSE 'notice' END,
          'more than a fifth is a warning')
FROM test.finding('serialization_failures', :'database');
SELECT ok(caution !~ 'READ ONLY', 'the advice is for writes of the same row') FROM test.finding('serialization_failures', :'database');

-- Write skew is found at COMMIT, or in any statement.
\! printf '%s\n' 'BEGIN ISOLATION LEVEL SERIALIZABLE;' 'SELECT count(*) FROM roster WHERE on_call;' 'UPDATE roster SET on_call = true WHERE id = 1 + :client_id;' 'END;' | pgbench -n -c 4 -t 200 -f /dev/stdin > /dev/null 2>&1
SELECT ok(caution ~ 'READ ONLY', 'read and write dependencies have advice of their own')
FROM test.finding('serialization_failures', :'database');
SELECT is((evidence ->> 'failures')::bigint, (SELECT count FROM dbadvisor.event_counts WHERE kind = 'serialization_failure'),
          'and are counted') FROM test.finding('serialization_failures', :'database');

SET dbadvisor.min_window = '7d';
SELECT is(severity, 'info', 'in the first hour it is only for the record') FROM test.finding('serialization_failures', :'database');
SET dbadvisor.min_window = 0;
SELECT is_empty($$SELECT r FROM test.rows_with('serialization_failures', 'interval ''1 day''', 'interval ''-1 second''') r$$,
                'what ended a day ago is reported no more');
SELECT is_empty($$SELECT r FROM test.rows_with('serialization_failures', '0.05 AS notice_share', '0.99 AS notice_share') r$$,
                'a share that is not too large is not reported');
SET ROLE pg_monitor;
SELECT r.detail AS as_monitor FROM dbadvisor.recommendations('{locks}', 'info') r WHERE r.rule = 'serialization_failures' \gset
RESET ROLE;
SELECT is(regexp_replace(:'as_monitor', '[0-9.]+ % of all|in [0-9.]+ s', '', 'g'), (SELECT regexp_replace(detail, '[0-9.]+ % of all|in [0-9.]+ s', '', 'g') FROM test.finding('serialization_failures', :'database')),
          'pg_monitor is told the same');

SELECT * FROM finish();
