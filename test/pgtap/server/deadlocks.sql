-- deadlocks: two statements that lock each other out are reported together, a
-- statement that meets itself alone; each deadlock is counted. Those that lock in
-- one order are not reported.
\ir ../rule.psql
SELECT plan(3);

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
SELECT * FROM finish();
