-- deadlocks: two statements that lock each other out are reported together, a
-- statement that meets itself alone; each deadlock is counted. Those that lock in
-- one order are not reported.
\ir ../rule.psql
SELECT plan(23);

CREATE TABLE account (id int PRIMARY KEY, owner text, balance int);
CREATE TABLE "Odd "" table" (id int PRIMARY KEY, n int);
INSERT INTO account SELECT i, 'O''Hara ' || i, 0 FROM generate_series(1, 9) i;
INSERT INTO "Odd "" table" SELECT i, 0 FROM generate_series(1, 9) i;
CREATE FUNCTION test.named(beginning text) RETURNS text LANGUAGE sql VOLATILE AS $$
    SELECT 'statement ' || max(queryid)
    FROM dbadvisor.statements
    WHERE starts_with(query, beginning)
      AND dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
$$;

-- Several clients run a script, each so many times.
\setenv PGDATABASE :DBNAME
\setenv PGOPTIONS '-c deadlock_timeout=10ms'
-- Two executions of one statement, whose text has quotes, lines and a comment.
\! printf '%s\n' '\set a random(1, 3)' '\set b random(1, 3)' 'BEGIN;' "UPDATE account /* a'b */ SET balance = balance -1 WHERE id = :a AND owner <> 'it''s me';" "UPDATE account /* a'b */ SET balance = balance -1 WHERE id = :b AND owner <> 'x';" 'END;' | pgbench -n -c 4 -t 100 -f /dev/stdin > /dev/null 2>&1
-- Two statements in opposite order.
\! printf '%s\n' '\if random(0, 1)' 'BEGIN;' 'UPDATE account SET owner = owner WHERE id = 9;' 'UPDATE "Odd "" table" SET n = n + 1 WHERE id IN (8, 9);' 'END;' '\else' 'BEGIN;' 'UPDATE "Odd "" table" SET n = n + 1 WHERE id IN (8, 9);' 'UPDATE account SET owner = owner WHERE id = 9;' 'END;' '\endif' | sed 's/if random(0, 1)/set side random(0, 1)\n\\if :side/' | pgbench -n -c 4 -t 100 -f /dev/stdin > /dev/null 2>&1
-- The twin: as many clients, the same rows, one order.
\! printf '%s\n' '\set a random(1, 3)' 'BEGIN;' 'UPDATE account SET balance = 1 WHERE id = :a;' 'UPDATE account SET balance = 1 WHERE id = :a + 1;' 'END;' | pgbench -n -c 4 -t 100 -f /dev/stdin > /dev/null 2>&1
:flush

SELECT isnt((SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()), 0::bigint, 'there were deadlocks');
SELECT is((SELECT count FROM dbadvisor.event_counts WHERE kind = 'deadlock'),
          (SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()), 'all of them were counted');
SELECT is((SELECT sum((evidence ->> 'deadlocks')::bigint)::bigint FROM dbadvisor.recommendations('{locks}', 'info')
           WHERE rule = 'deadlocks'),
          (SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()), 'and are reported');
SELECT is((SELECT count(*) FROM dbadvisor.recommendations('{locks}', 'info') WHERE rule = 'deadlocks'), 2::bigint,
          'in one finding for each pair that meets');

SELECT test.named('UPDATE account /*') AS self \gset
SELECT ok(test.found('deadlocks', :'self'), 'a statement that meets itself is reported');
SELECT matches(detail, '^[0-9]+ deadlocks in [0-9.]+ (s|minutes|hours), the last on .*: UPDATE account SET balance = balance -\s?\? WHERE id = \? AND owner <> \? \(two executions of it locked each other out\)$',
               'in words, without constants and comments')
FROM test.finding('deadlocks', :'self');
SELECT is(evidence ->> 'meets_itself' || ' ' || (evidence ->> 'waited_for') || ' ' || (evidence ->> 'tables'),
          'true rows ["public.account"]', 'and in figures')
FROM test.finding('deadlocks', :'self');
SELECT matches(caution, '^Both lock rows of public.account, each in an order of its own', 'with advice for it')
FROM test.finding('deadlocks', :'self');
SELECT is(fix, NULL, 'no command is given: the application must change') FROM test.finding('deadlocks', :'self');

SELECT 'statement ' || least(substr(test.named('UPDATE account SET owner'), 11)::bigint,
                             substr(test.named('UPDATE "Odd'), 11)::bigint) AS pair \gset
SELECT ok(test.found('deadlocks', :'pair'), 'two statements that meet are reported as one');
SELECT matches(detail, 'UPDATE account SET owner = owner WHERE id = \?', 'which names the one')
FROM test.finding('deadlocks', :'pair');
-- From 18 on the statement's own text has one ? for a list, the text of who waited for it all of them.
SELECT matches(detail, 'UPDATE "Odd "" table" SET n = n \+ \? WHERE id IN \(\?(, \?)?\)', 'and the other')
FROM test.finding('deadlocks', :'pair');
SELECT is(evidence -> 'tables', '["public.\"Odd \"\" table\"", "public.account"]', 'and both tables')
FROM test.finding('deadlocks', :'pair');
SELECT matches(caution, 'in different order', 'with other advice') FROM test.finding('deadlocks', :'pair');
SELECT ok(NOT test.found('deadlocks', test.named('UPDATE account SET balance = $1 WHERE id = $2')),
          'statements that lock in one order are not reported');

SELECT is(severity, 'warning', 'many an hour are a warning') FROM test.finding('deadlocks', :'self');
SELECT cmp_ok((SELECT min(saves_ms_per_hour) FROM dbadvisor.recommendations('{locks}', 'info') WHERE rule = 'deadlocks'),
              '>', 0::float8, 'the time waited in vain is said');
SET dbadvisor.min_window = '7d';
SELECT is(severity, 'info', 'but in the first hour they are only for the record') FROM test.finding('deadlocks', :'self');
SET dbadvisor.min_window = 0;
SELECT is_empty($$SELECT r ->> 'object' FROM test.rows_with('deadlocks', 'interval ''7 days''', 'interval ''-1 second''') r$$,
                'what did not happen for a week is reported no more');
SELECT is((SELECT DISTINCT r ->> 'severity'
           FROM test.rows_with('deadlocks', '3 AS min_deadlocks', '1000000 AS min_deadlocks') r), 'info',
          'what hardly ever happens is for the record');

-- Whoever may not see the statements of others is not shown any.
SELECT jsonb_agg(to_jsonb(r) - 'detail' - 'saves_ms_per_hour' - 'evidence' ORDER BY object) AS as_superuser
FROM dbadvisor.recommendations('{locks}', 'info') r WHERE rule = 'deadlocks' \gset
SET ROLE pg_monitor;
SELECT jsonb_agg(to_jsonb(r) - 'detail' - 'saves_ms_per_hour' - 'evidence' ORDER BY object) AS as_monitor
FROM dbadvisor.recommendations('{locks}', 'info') r WHERE rule = 'deadlocks' \gset
RESET ROLE;
SELECT is(:'as_monitor'::jsonb, :'as_superuser'::jsonb, 'pg_monitor is told the same');

-- Where no values may be kept, the other side is not known.
CREATE TABLE discreet (id int PRIMARY KEY, name text);
INSERT INTO discreet SELECT i FROM generate_series(1, 9) i;
\setenv PGOPTIONS '-c deadlock_timeout=10ms -c dbadvisor.capture_parameters=off'
\! printf '%s\n' '\set a random(1, 3)' '\set b random(1, 3)' 'BEGIN;' "UPDATE discreet SET name = 'secret' WHERE id = :a;" "UPDATE discreet SET name = 'secret' WHERE id = :b;" 'END;' | pgbench -n -c 4 -t 100 -f /dev/stdin > /dev/null 2>&1
SELECT matches(detail, '\(with whom is not known\)$', 'without values the statement stands alone')
FROM test.finding('deadlocks', test.named('UPDATE discreet'));
SELECT is_empty($$SELECT 1 FROM dbadvisor.recommendations('{locks}', 'info') WHERE to_jsonb(recommendations)::text ~ 'secret|Hara|it''s me'$$,
                'and never is a value shown');

SELECT * FROM finish();
