-- Statistics of statements: equal to those of pg_stat_statements where both
-- count the same, and percentiles that are true.
\ir ../rule.psql
SELECT plan(23);

SET pg_stat_statements.track = 'all';
SET dbadvisor.overhead_target = 100;

CREATE TABLE bill (id int PRIMARY KEY, amount int, note text);
CREATE TABLE line (bill int REFERENCES bill ON DELETE CASCADE, n int);
CREATE INDEX ON line (bill);
CREATE FUNCTION bills(int) RETURNS bigint LANGUAGE sql AS 'SELECT count(*) FROM bill WHERE amount = $1';
CREATE PROCEDURE pay() LANGUAGE plpgsql AS $$
BEGIN
    UPDATE bill SET amount = 1 WHERE id = 1;
    COMMIT;
    UPDATE bill SET amount = 2 WHERE id = 2;
    ROLLBACK;
    UPDATE bill SET amount = 3 WHERE id = 3;
END $$;

-- The workload: each way in which a statement can come.  What it prints is of
-- no interest.
\o /dev/null
INSERT INTO bill SELECT i, i % 100, 'note ' || i FROM generate_series(1, 5000) i;
INSERT INTO line SELECT i, 1 FROM generate_series(1, 500) i;
UPDATE bill SET amount = amount + 1 WHERE id < 100;
DELETE FROM bill WHERE id = 7;
SELECT * FROM bill WHERE id = 1;
SELECT * FROM bill WHERE id = 2;
SELECT * FROM bill WHERE id = 3;
PREPARE one(int) AS SELECT * FROM bill WHERE id = $1;
EXECUTE one(1);
EXECUTE one(2);
EXECUTE one(3);
EXECUTE one(4);
EXECUTE one(5);
EXECUTE one(6);
EXECUTE one(7);
BEGIN;
DECLARE few CURSOR FOR SELECT * FROM bill ORDER BY id;
FETCH 10 FROM few;
SAVEPOINT here;
FETCH 20 FROM few;
RELEASE here;
MOVE 5 IN few;
CLOSE few;
COMMIT;
DO $$
BEGIN
    FOR i IN 1 .. 40 LOOP
        PERFORM count(*) FROM line WHERE bill = i;
    END LOOP;
END $$;
DO $$
DECLARE
    total int := 0;
    b record;
BEGIN
    FOR b IN SELECT * FROM bill LIMIT 30 LOOP
        BEGIN
            INSERT INTO line VALUES (-1, b.id);
        EXCEPTION WHEN foreign_key_violation THEN
            total := total + 1;
        END;
    END LOOP;
END $$;
SELECT bills(1), bills(2) FROM generate_series(1, 3);
CALL pay();
COPY bill TO '/dev/null';
CREATE TABLE copied AS SELECT * FROM bill;
WITH w AS (UPDATE bill SET amount = 1 WHERE id = 5 RETURNING *) SELECT * FROM w;
EXPLAIN ANALYZE SELECT * FROM bill WHERE amount = 1;
SELECT count(*) FROM bill a, bill b WHERE a.id = b.id AND a.amount < 5;
SELECT note, count(*) FROM bill GROUP BY note ORDER BY 2 DESC, 1 OFFSET 10 LIMIT 5;
\o

CREATE TABLE theirs AS
    SELECT s.*
    FROM pg_stat_statements s
    WHERE s.dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
      AND s.query !~ 'dbadvisor|pg_stat|pgtap|plan\(';
CREATE TABLE ours AS
    SELECT d.*
    FROM dbadvisor.statements d
    WHERE d.dbid = (SELECT oid FROM pg_database WHERE datname = current_database());
CREATE TABLE pairs AS
    SELECT o.*, t.query AS their_query, t.calls AS their_calls, t.rows AS their_rows,
           t.total_exec_time AS their_ms, t.shared_blks_hit AS their_hit,
           t.shared_blks_read AS their_read, t.shared_blks_dirtied AS their_dirtied,
           t.temp_blks_written AS their_temp, t.wal_records AS their_records,
           t.wal_bytes AS their_bytes
    FROM theirs t
    LEFT JOIN ours o USING (queryid, userid, toplevel)
    WHERE t.query ~ 'bill|line|few';

SELECT cmp_ok((SELECT count(*) FROM pairs), '>', 25::bigint, 'there is a workload to compare');
SELECT is((SELECT string_agg(their_query, E'\n') FROM pairs WHERE calls IS NULL), NULL,
          'each statement that pg_stat_statements knows is known');
SELECT is((SELECT string_agg(format('%s: %s not %s', query, calls, their_calls), E'\n')
           FROM pairs WHERE calls <> their_calls), NULL, 'calls are equal');
-- Of a loop's cursor it counts the last fetch before version 16.
SELECT is((SELECT string_agg(format('%s: %s not %s', query, rows, their_rows), E'\n')
           FROM pairs WHERE rows <> their_rows AND query <> 'SELECT * FROM bill LIMIT $1'),
          NULL, 'rows are equal');
SELECT is((SELECT rows::int FROM pairs WHERE query = 'SELECT * FROM bill LIMIT $1'), 30,
          'and those of a loop''s cursor are all there');
SELECT is((SELECT string_agg(format('%s: %s not %s', query, shared_hit + shared_read, their_hit + their_read), E'\n')
           FROM pairs WHERE shared_hit + shared_read <> their_hit + their_read OR shared_dirtied <> their_dirtied),
          NULL, 'blocks are equal');
SELECT is((SELECT string_agg(format('%s: %s not %s', query, wal_records, their_records), E'\n')
           FROM pairs WHERE wal_records <> their_records OR wal_bytes <> their_bytes),
          NULL, 'WAL is equal');
-- Utility statements: the hook that is called first measures the other too. On a
-- busy machine one or two are interrupted between the two clocks.
SELECT is((SELECT CASE WHEN count(*) > 2 THEN string_agg(format('%s: %s not %s', query, total_ms, their_ms), E'\n') END
           FROM pairs
           WHERE abs(total_ms - their_ms) > 0.1 * their_ms + 0.2 * calls), NULL,
          'times are equal but for the time that measuring takes');
SELECT is((SELECT sum(calls)::int FROM ours WHERE toplevel AND query = 'SELECT * FROM bill WHERE id = $1'),
          3, 'constants in the text make one statement');
SELECT is((SELECT sum(calls)::int FROM ours
           WHERE NOT toplevel AND query ~* '^SELECT count\(\*\) FROM line WHERE bill = i'),
          40, 'statements inside of functions are counted apart');
SELECT is((SELECT count(*)::int FROM ours WHERE query ~ 'CREATE (VIEW|FUNCTION) dbadvisor'),
          0, 'what CREATE EXTENSION runs is nobody''s workload');

-- Errors
\set ON_ERROR_STOP 0
\o /dev/null
SELECT 1 / (amount - amount) FROM bill WHERE id = 1;
SELECT 1 / (amount - amount) FROM bill WHERE id = 2;
INSERT INTO bill VALUES (1, 1, 'twice');
SELECT 1 / 0 AS folded;
BEGIN;
SAVEPOINT s;
SELECT 2 / (amount - amount) FROM bill WHERE id = 2;
ROLLBACK TO s;
SELECT count(*) AS after_the_error FROM bill;
COMMIT;
SET ROLE pg_monitor;
SELECT amount + 1 FROM bill;
RESET ROLE;
\o
\set ON_ERROR_STOP 1
SELECT is((SELECT errors::int FROM dbadvisor.statements
           WHERE query ~ '^SELECT \$1 / \(amount - amount\) FROM bill'
             AND dbid = (SELECT oid FROM pg_database WHERE datname = current_database())),
          3, 'errors while a statement runs are counted');
SELECT is((SELECT errors::int FROM dbadvisor.statements
           WHERE query ~ '^INSERT INTO bill VALUES'
             AND dbid = (SELECT oid FROM pg_database WHERE datname = current_database())),
          1, 'errors of a write are counted');
SELECT is((SELECT errors::int FROM dbadvisor.statements
           WHERE query ~ 'AS folded'
             AND dbid = (SELECT oid FROM pg_database WHERE datname = current_database())),
          1, 'errors while a statement is planned are counted');
SELECT is((SELECT errors::int FROM dbadvisor.statements
           WHERE query ~ '^SELECT amount \+ \$1 FROM bill'
             AND dbid = (SELECT oid FROM pg_database WHERE datname = current_database())),
          1, 'a missing privilege is an error of the statement');
SELECT is((SELECT (calls, toplevel)::text FROM dbadvisor.statements
           WHERE query ~ 'AS after_the_error'
             AND dbid = (SELECT oid FROM pg_database WHERE datname = current_database())),
          '(1,t)', 'after an error statements are at the top level as before');

-- Percentiles: executions of known length, measured beside.  On a busy machine
-- the other clock may be read late, so there are three rounds, of different
-- statements, of which one must do.
CREATE TABLE truth (round int, ms float8);
DO $$
DECLARE
    begun timestamptz;
    pause float8;
BEGIN
    FOR round IN 1 .. 3 LOOP
        FOR i IN 1 .. 100 LOOP
            pause := (2 + (i * 37 % 100) ^ 2 / 400) / 1000;
            begun := clock_timestamp();
            CASE round
                WHEN 1 THEN PERFORM pg_sleep(pause) AS measured_1;
                WHEN 2 THEN PERFORM pg_sleep(pause) AS measured_2, round;
                WHEN 3 THEN PERFORM pg_sleep(pause) AS measured_3, round, round;
            END CASE;
            INSERT INTO truth VALUES (round, 1000 * extract(epoch FROM clock_timestamp() - begun));
        END LOOP;
    END LOOP;
END $$;
CREATE TABLE measured AS
    SELECT substring(s.query FROM 'AS measured_(\d)')::int AS round, s.*
    FROM dbadvisor.statements s
    WHERE s.query ~ 'AS measured_\d'
      AND NOT s.toplevel
      AND s.dbid = (SELECT oid FROM pg_database WHERE datname = current_database());
SELECT is((SELECT array_agg(calls::int) FROM measured), ARRAY[100, 100, 100], 'hundreds of executions were measured');
CREATE TABLE apart AS
    SELECT m.round,
           max(abs(x.ours - x.truth) / x.truth) FILTER (WHERE x.what ~ '^p') AS percentiles,
           max(abs(x.ours - x.truth) / x.truth) FILTER (WHERE x.what !~ '^p') AS others,
           string_agg(format('%s %s not %s', x.what, x.ours, x.truth), ', ') AS words
    FROM measured m
    JOIN (SELECT round, avg(ms) AS mean, stddev_pop(ms) AS stddev, min(ms) AS min, max(ms) AS max,
                 percentile_disc(ARRAY[0.5, 0.9, 0.95, 0.99]) WITHIN GROUP (ORDER BY ms) AS p
          FROM truth
          GROUP BY round) t USING (round)
    CROSS JOIN LATERAL (VALUES ('p50', m.p50_ms, t.p[1]), ('p90', m.p90_ms, t.p[2]),
                               ('p95', m.p95_ms, t.p[3]), ('p99', m.p99_ms, t.p[4]),
                               ('mean', m.mean_ms, t.mean), ('stddev', m.stddev_ms, t.stddev),
                               ('min', m.min_ms, t.min), ('max', m.max_ms, t.max)) AS x(what, ours, truth)
    GROUP BY m.round;
SELECT ok((SELECT min(percentiles) <= 0.07 FROM apart), 'p50, p90, p95 and p99 are within 7 % of the true ones');
SELECT ok((SELECT min(others) <= 0.05 FROM apart), 'mean, deviation, smallest and largest are true');
SELECT is((SELECT string_agg(format('%s %s', queryid, p50_ms), '; ')
           FROM dbadvisor.statements
           WHERE calls > 0
             AND NOT (min_ms * 0.93 <= p50_ms AND p50_ms <= p90_ms AND p90_ms <= p95_ms
                      AND p95_ms <= p99_ms AND p99_ms <= max_ms * 1.07 + 0.00004)), NULL,
          'percentiles are in order, between the smallest and the largest');
SELECT ok((SELECT calls >= 40 AND p50_ms <= p99_ms FROM dbadvisor.latency()),
          'the whole database has percentiles too');

-- Off is off.
SET dbadvisor.observe = off;
SELECT count(*) AS unseen FROM bill \g /dev/null
RESET dbadvisor.observe;
SELECT is((SELECT count(*)::int FROM dbadvisor.statements WHERE query ~ 'AS unseen FROM'), 0,
          'nothing is observed when observing is off');
SELECT is((SELECT failures::int FROM dbadvisor.store), 0, 'and nothing went wrong inside');
SELECT * FROM finish();
