-- slow_statement: a statement that takes much of the time is reported once,
-- whoever ran it; what is rare, cheap, a utility or our own is not.  First as
-- pg_stat_statements knows it, then as dbadvisor observed it.  Here and not with
-- its category because it resets both for the server.
\ir ../rule.psql
SELECT plan(53);

-- As where dbadvisor is not preloaded.
CREATE OR REPLACE FUNCTION dbadvisor.observing_obstacle() RETURNS text
LANGUAGE sql STABLE STRICT PARALLEL SAFE AS $$SELECT 'dbadvisor is not preloaded'$$;

CREATE FUNCTION slow() RETURNS bool LANGUAGE plpgsql VOLATILE
AS 'BEGIN PERFORM pg_sleep(0.07); RETURN true; END';
CREATE FUNCTION quick() RETURNS bool LANGUAGE plpgsql VOLATILE
AS 'BEGIN PERFORM pg_sleep(0.005); RETURN true; END';
-- Work, so that it does not look like waiting.
CREATE TABLE pile (n text);
ALTER TABLE pile ALTER n SET STORAGE PLAIN;
INSERT INTO pile SELECT repeat('x', 5000) FROM generate_series(1, 200);
CREATE FUNCTION busy() RETURNS bool LANGUAGE plpgsql VOLATILE
AS 'BEGIN PERFORM count(*) FROM pile; PERFORM pg_sleep(0.07); RETURN true; END';
CREATE TABLE orders (id int PRIMARY KEY, placed date, state text);
INSERT INTO orders SELECT i, '2026-01-01', 'new' FROM generate_series(1, 3) i;
CREATE TABLE "Odd ""table;" (id int PRIMARY KEY, "ä" text);
INSERT INTO "Odd ""table;" VALUES (1);
DROP ROLE IF EXISTS dbadvisor_test_clerk;
CREATE ROLE dbadvisor_test_clerk;
GRANT SELECT ON orders TO dbadvisor_test_clerk;
GRANT USAGE ON SCHEMA dbadvisor TO dbadvisor_test_clerk;
GRANT SELECT ON ALL TABLES IN SCHEMA dbadvisor TO dbadvisor_test_clerk;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA dbadvisor TO dbadvisor_test_clerk;

-- The name under which a statement is reported, by what its text begins with
-- after comments (which PostgreSQL 18 leaves out).
CREATE FUNCTION test.named(beginning text) RETURNS text LANGUAGE sql VOLATILE AS $$
    SELECT 'statement ' || max(queryid)
    FROM pg_stat_statements
    WHERE starts_with(regexp_replace(query, '^/[*] page.*shop\n', ''), beginning)
      AND dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
$$;
CREATE FUNCTION test.reported(beginning text) RETURNS boolean LANGUAGE sql VOLATILE AS $$
    SELECT test.found('slow_statement', test.named(beginning))
$$;

SELECT pg_stat_statements_reset();
\o /dev/null
\set slow 'SELECT id FROM orders WHERE id = 1 AND slow()'
SELECT :'slow' FROM generate_series(1, 4) \gexec
SET ROLE dbadvisor_test_clerk;
SELECT :'slow' FROM generate_series(1, 12) \gexec
RESET ROLE;
SELECT E'/* page: a*b **/ -- of the shop\nSELECT "ä"\nFROM\t"Odd ""table;" WHERE id = 1 AND slow() -- end' FROM generate_series(1, 15) \gexec
SELECT 'SELECT placed FROM orders WHERE id = 2 AND placed > ''2026-02-01''::date - 90 AND slow()' FROM generate_series(1, 15) \gexec
SELECT 'UPDATE orders SET state = ''old'' WHERE id = 3 AND busy()' FROM generate_series(1, 15) \gexec
SELECT 'DELETE FROM orders WHERE id = 1 AND NOT slow()' FROM generate_series(1, 15) \gexec
SELECT 'SELECT state FROM orders WHERE id = 1 AND quick()' FROM generate_series(1, 700) \gexec
-- What is not to be reported, however long it takes.
SELECT count(*) FROM orders, generate_series(1, 6) AS nightly WHERE slow();
SELECT 'SELECT state FROM orders WHERE id = 2' FROM generate_series(1, 50) \gexec
SELECT 'CREATE TABLE made AS SELECT slow() AS utility', 'DROP TABLE made' FROM generate_series(1, 6) \gexec
SELECT 'COPY (SELECT slow() AS utility) TO STDOUT' FROM generate_series(1, 6) \gexec
SELECT 'EXPLAIN ANALYZE SELECT slow() AS utility' FROM generate_series(1, 6) \gexec
BEGIN;
DECLARE utility CURSOR FOR SELECT slow() FROM generate_series(1, 6);
SELECT 'FETCH utility' FROM generate_series(1, 6) \gexec
COMMIT;
SELECT 'SELECT count(*) FROM dbadvisor.dismissals RIGHT JOIN orders ON slow()' FROM generate_series(1, 6) \gexec
SELECT 'SELECT pg_sleep(0.07) AS utility' FROM generate_series(1, 6) \gexec
SELECT 'SELECT slow(), count(*) FROM pg_stat_statements_info' FROM generate_series(1, 6) \gexec
\o
\! psql -Xq -d postgres -c 'SELECT count(pg_sleep(2)) AS elsewhere' > /dev/null

SELECT ok(test.reported('SELECT id FROM orders'), 'a slow statement is reported');
SELECT is((f.evidence ->> 'calls')::int, 16, 'once, with the calls of all users')
FROM test.finding('slow_statement', test.named('SELECT id FROM orders')) f;
SELECT cmp_ok((f.evidence ->> 'mean_ms')::numeric, '>=', 70::numeric, 'their mean')
FROM test.finding('slow_statement', test.named('SELECT id FROM orders')) f;
SELECT cmp_ok((f.evidence ->> 'stddev_to_mean')::numeric, '<', 0.5, 'and how far they are from it')
FROM test.finding('slow_statement', test.named('SELECT id FROM orders')) f;
SELECT matches(f.detail, ': SELECT id FROM orders WHERE id = \$1 AND slow\(\)$', 'the sentence shows the text')
FROM test.finding('slow_statement', test.named('SELECT id FROM orders')) f;
SELECT ok((f.evidence ->> 'share')::numeric BETWEEN 0.02 AND 0.9
          AND (f.evidence ->> 'ms_per_hour')::numeric > 10000, 'with its share and its rate')
FROM test.finding('slow_statement', test.named('SELECT id FROM orders')) f;

SELECT ok(test.reported('SELECT "ä"'), 'comments in front do not hide one');
SELECT matches(f.detail, ': (/\* page: a\*b \*\*/ -- of the shop )?SELECT "ä" FROM "Odd ""table;" WHERE',
               'and the sentence is one line')
FROM test.finding('slow_statement', test.named('SELECT "ä"')) f;
SELECT ok(test.reported('UPDATE orders'), 'a slow UPDATE is reported');
SELECT ok(f.evidence ->> 'waits' = 'false' AND f.fix IS NOT NULL AND f.caution !~ 'wait' AND f.detail ~ ' of its blocks in cache, by \w+:', 'one that reads is to be planned')
FROM test.finding('slow_statement', test.named('UPDATE orders')) f;
SELECT ok(f.fix IS NULL AND f.undo IS NULL AND f.caution ~ '^It touches [0-9]+ blocks? a call, so it does not work but wait: for rows that others have locked',
          'one that does not read waits for locks, and has no plan to look at')
FROM test.finding('slow_statement', test.named('DELETE FROM orders')) f;
SELECT matches(f.detail, ', [0-9]+ blocks? a call, by \w+: DELETE', 'says the sentence')
FROM test.finding('slow_statement', test.named('DELETE FROM orders')) f;
SELECT ok(f.fix IS NOT NULL AND f.caution ~ '^It touches [0-9]+ blocks? a call, so it does not read but wait or compute', 'a SELECT may also compute')
FROM test.finding('slow_statement', test.named('SELECT id FROM orders')) f;
SELECT matches(f.detail, 'a call, by dbadvisor_test_clerk, \w+: SELECT', 'users are named, who takes most first')
FROM test.finding('slow_statement', test.named('SELECT id FROM orders')) f;

SELECT ok(test.reported('SELECT state FROM orders WHERE id = $1 AND quick()'),
          'so is a fast one whose calls dominate');
SELECT matches(f.detail, 'fast, .* but called 700 times', 'in other words')
FROM test.finding('slow_statement', test.named('SELECT state FROM orders WHERE id = $1 AND quick()')) f;
SELECT is(f.severity, 'notice', 'and never as a warning')
FROM test.finding('slow_statement', test.named('SELECT state FROM orders WHERE id = $1 AND quick()')) f;

SELECT is(f.severity, 'info', 'what ran once is only for the record')
FROM test.finding('slow_statement', test.named('SELECT count(*) FROM orders, generate')) f;
SELECT ok(test.named('SELECT state FROM orders WHERE id = $1') IS NOT NULL
          AND NOT test.found('slow_statement', 'statement ' || queryid), 'a fast and cheap one is not reported')
FROM pg_stat_statements WHERE query = 'SELECT state FROM orders WHERE id = $1';
SELECT cmp_ok((SELECT count(*) FROM pg_stat_statements
               WHERE query ~ 'utility' AND query !~ 'pg_stat_statements' AND mean_exec_time > 60), '>=', 3::bigint,
              'utility statements took as long');
SELECT is_empty($$SELECT r.detail FROM dbadvisor.recommendations('{statement}', 'info') r
                  WHERE r.rule = 'slow_statement' AND r.detail ~ 'utility|dbadvisor[.]|pg_stat_statements'$$,
                'but they, and our own, are not reported');

SELECT is_empty($$SELECT r.detail FROM dbadvisor.recommendations('{statement}', 'info') r
                  WHERE r.detail ~ 'elsewhere' AND EXISTS (SELECT FROM pg_stat_statements WHERE query ~ 'AS elsewhere')$$,
                'nor is what another database runs');

-- The commands plan and do not run.
SELECT is(f.fix, NULL, 'a text whose types are gone gets no command')
FROM test.finding('slow_statement', test.named('SELECT placed')) f;
CREATE TABLE ran AS SELECT calls, query FROM pg_stat_statements WHERE query ~ '^(UPDATE orders|/. page|SELECT "ä")';
SELECT string_agg(undo, '') AS undo
FROM dbadvisor.recommendations('{statement}', 'info')
WHERE object IN (test.named('UPDATE orders'), test.named('SELECT "ä"')) \gset
\o /dev/null
SELECT test.commands('slow_statement', test.named('UPDATE orders'), 'fix') \gexec
SELECT test.commands('slow_statement', test.named('SELECT "ä"'), 'fix') \gexec
\o
SELECT is((SELECT count(*) FROM pg_prepared_statements WHERE starts_with(name, 'dbadvisor_')), 2::bigint,
          'the commands run, each with a name of its own');
SELECT set_eq($$SELECT calls, query FROM pg_stat_statements WHERE query ~ '^(UPDATE orders|/. page|SELECT "ä")'$$,
              'SELECT * FROM ran', 'without running the statement');
:undo
SELECT is((SELECT count(*) FROM pg_prepared_statements) || current_setting('plan_cache_mode'), '0auto',
          'and the undos leave nothing behind');

CREATE DOMAIN state AS text NOT NULL;
SELECT is(f.fix, NULL, 'NULL cannot stand for a value of a domain that refuses it')
FROM test.finding('slow_statement', test.named('UPDATE orders')) f;
SELECT isnt(f.fix, NULL, 'which is no matter where nothing is assigned')
FROM test.finding('slow_statement', test.named('SELECT "ä"')) f;
DROP DOMAIN state;

-- The same for pg_monitor; and for a clerk, his own.
\set seen 'SELECT jsonb_agg(jsonb_build_array(r.object, replace(r.severity, ''warning'', ''notice''), r.fix, r.evidence -> ''calls'', r.evidence -> ''total_ms'') ORDER BY r.object) FROM dbadvisor.recommendations(''{statement}'', ''info'') r WHERE r.rule = ''slow_statement'' AND replace(r.severity, ''warning'', ''notice'') <> ''info'''
SELECT (:seen) AS as_superuser \gset
SET ROLE pg_monitor;
SELECT (:seen) AS as_monitor \gset
SET ROLE dbadvisor_test_clerk;
SELECT count(*) FILTER (WHERE object = 'statements of other users' AND severity = 'info') AS others,
       count(*) FILTER (WHERE detail ~ 'UPDATE orders') AS foreign_texts,
       count(*) FILTER (WHERE detail ~ 'SELECT id FROM orders') AS own_texts
FROM dbadvisor.recommendations('{statement}', 'info') \gset
RESET ROLE;
SELECT is(:'as_monitor'::jsonb, :'as_superuser'::jsonb, 'pg_monitor is told the same');
SELECT is(:'others' || ' ' || :'foreign_texts' || ' ' || :'own_texts', '1 0 1',
          'who may not see the statements of others learns that there are some');

-- Severity: what takes a fifth of the time is a warning, unless counted too briefly.
SELECT pg_stat_statements_reset();
\o /dev/null
SELECT :'slow' FROM generate_series(1, 10) \gexec
\o
SELECT is(f.severity, 'warning', 'much of the time is a warning')
FROM test.finding('slow_statement', test.named('SELECT id FROM orders')) f;
SET dbadvisor.min_window = '7d';
SELECT is(f.severity, 'info', 'but in the first hour it is only for the record')
FROM test.finding('slow_statement', test.named('SELECT id FROM orders')) f;
SET dbadvisor.min_window = 0;

-- What was improved is to be forgotten.
SELECT substr(test.named('SELECT id FROM orders'), 11) AS queryid \gset
SELECT pg_stat_statements_reset(0, 0, :queryid);
SELECT ok(NOT test.found('slow_statement', 'statement ' || :'queryid'), 'a statement that was reset is reported no more');

-- Neither is there.
DROP EXTENSION pg_stat_statements;
SELECT is(status || ': ' || reason,
          'skipped: dbadvisor is not preloaded; pg_stat_statements would do for a part, but it is not an extension of this database',
          'without any source the coverage says so')
FROM dbadvisor.coverage('{statement}') WHERE rule = 'slow_statement';
SELECT throws_ok('SELECT * FROM dbadvisor.known_statements', '55000',
                 'statements are not observed, nor counted by pg_stat_statements', 'and the view an error');

-- The same as dbadvisor observes it, without pg_stat_statements.
CREATE OR REPLACE FUNCTION dbadvisor.observing_obstacle() RETURNS text
AS '$libdir/dbadvisor', 'dba_sql_observing_obstacle' LANGUAGE C STABLE STRICT PARALLEL SAFE;
CREATE OR REPLACE FUNCTION test.named(beginning text) RETURNS text LANGUAGE sql VOLATILE AS $$
    SELECT 'statement ' || max(queryid)
    FROM dbadvisor.known_statements
    WHERE starts_with(query, beginning)
$$;
CREATE FUNCTION often() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    found bigint;
BEGIN
    FOR i IN 1 .. 15 LOOP
        found := (SELECT count(*) FROM orders WHERE slow());
    END LOOP;
END $$;
SELECT dbadvisor.reset();
\o /dev/null
SELECT :'slow' FROM generate_series(1, 4) \gexec
SET ROLE dbadvisor_test_clerk;
SELECT :'slow' FROM generate_series(1, 26) \gexec
RESET ROLE;
SELECT 'SELECT placed FROM orders WHERE id = 2 AND placed > ''2026-02-01''::date - 90 AND slow()' FROM generate_series(1, 15) \gexec
SELECT 'UPDATE orders SET state = ''old'' WHERE id = 3 AND busy()' FROM generate_series(1, 15) \gexec
SELECT 'DELETE FROM orders WHERE id = 1 AND NOT slow()' FROM generate_series(1, 15) \gexec
PREPARE named(int) AS SELECT state, id FROM orders WHERE id = $1 AND slow();
SELECT 'EXECUTE named(1)' FROM generate_series(1, 15) \gexec
SELECT often();
SELECT 'COPY (SELECT slow() AS utility) TO STDOUT' FROM generate_series(1, 6) \gexec
SELECT 'SELECT count(*) FROM dbadvisor.dismissals RIGHT JOIN orders ON slow()' FROM generate_series(1, 6) \gexec
SELECT 'SELECT pg_sleep(0.07) AS utility' FROM generate_series(1, 6) \gexec
SET statement_timeout = 100;
\set ON_ERROR_STOP 0
SELECT 'SELECT sum(id) FROM orders, generate_series(1, 1000) WHERE slow()' FROM generate_series(1, 15) \gexec
SELECT 'SELECT count(id) FROM orders WHERE id <= ' || 1 + i / 14 || ' AND slow()' FROM generate_series(1, 15) i \gexec
\set ON_ERROR_STOP 1
RESET statement_timeout;
\o

SELECT is(count(*)::int, 2, 'after a reset the texts are taken anew')
FROM dbadvisor.known_statements WHERE query ~ '^SELECT id FROM orders';
SELECT is(concat_ws(' ', f.evidence ->> 'source', f.evidence ->> 'calls', f.evidence ->> 'errors'), 'dbadvisor 30 0',
          'an observed statement is reported, with the calls of all users')
FROM test.finding('slow_statement', test.named('SELECT id FROM orders')) f;
SELECT matches(f.detail, ': 30 calls of [0-9]+ ms on average \(1 in 20 takes [0-9]+ ms or more\), 1.0 rows a call', 'the sentence has a percentile')
FROM test.finding('slow_statement', test.named('SELECT id FROM orders')) f;
SELECT ok((f.evidence ->> 'p50_ms')::numeric BETWEEN 65 AND (f.evidence ->> 'p95_ms')::numeric
          AND (f.evidence ->> 'p95_ms')::numeric <= (f.evidence ->> 'p99_ms')::numeric, 'and the evidence all of them')
FROM test.finding('slow_statement', test.named('SELECT id FROM orders')) f;
SELECT is(f.fix || coalesce(f.undo, ''), format('SELECT dbadvisor.explain_sample(''%s'');', substr(test.named('SELECT id FROM orders'), 11)),
          'the fix plans a sample, and leaves nothing behind')
FROM test.finding('slow_statement', test.named('SELECT id FROM orders')) f;
SELECT isnt(f.fix, NULL, 'also where the text alone is not enough')
FROM test.finding('slow_statement', test.named('SELECT placed')) f;
SELECT sum(calls) AS ran FROM dbadvisor.known_statements WHERE query ~ '^(SELECT (id|placed) FROM orders|UPDATE orders)' \gset
\o /dev/null
SELECT test.commands('slow_statement', test.named('SELECT id FROM orders'), 'fix') \gexec
SELECT test.commands('slow_statement', test.named('SELECT placed'), 'fix') \gexec
SELECT test.commands('slow_statement', test.named('UPDATE orders'), 'fix') \gexec
\o
SELECT is(sum(calls)::int, :ran, 'it runs, without running the statements')
FROM dbadvisor.known_statements WHERE query ~ '^(SELECT (id|placed) FROM orders|UPDATE orders)';

SELECT ok(test.reported('PREPARE named'), 'a prepared statement is reported');
SELECT ok(f.detail LIKE '%, by %, inside of functions: found := (SELECT%' AND f.fix IS NOT NULL, 'and what a function assigns')
FROM test.finding('slow_statement', test.named('found :=')) f;

SELECT matches(f.detail, ': 15 calls, which all failed after [0-9]+ ms on average(, [0-9]+ (blocks? a call|% of its blocks in cache))?, by \w+: SELECT sum', 'what always times out is reported')
FROM test.finding('slow_statement', test.named('SELECT sum(id)')) f;
SELECT ok((f.evidence ->> 'error_ms')::numeric >= 1480 AND f.evidence ->> 'error_ms' = f.evidence ->> 'total_ms'
          AND f.evidence ->> 'errors' = '15' AND f.evidence ->> 'calls' = '0'
          AND f.evidence ->> 'rows_per_call' IS NULL, 'with the time that it took')
FROM test.finding('slow_statement', test.named('SELECT sum(id)')) f;
SELECT matches(f.detail, ': 15 calls of [0-9]+ ms on average, 1.0 rows a call, 2 failed after [0-9]+ ms in all', 'and what does so now and then')
FROM test.finding('slow_statement', test.named('SELECT count(id)')) f;

SELECT cmp_ok((SELECT count(*) FROM dbadvisor.known_statements
               WHERE query ~ 'utility' AND total_ms > 6 * 60), '>=', 2::bigint, 'utility statements took as long');
SELECT is_empty($$SELECT r.detail FROM dbadvisor.recommendations('{statement}', 'info') r
                  WHERE r.rule = 'slow_statement' AND r.detail ~ 'utility|dbadvisor[.]|pg_sleep'$$,
                'but they, and our own, are not reported');

SELECT (:seen) AS as_superuser \gset
SET ROLE pg_monitor;
SELECT (:seen) AS as_monitor \gset
SET ROLE dbadvisor_test_clerk;
SELECT count(*) FILTER (WHERE object = 'statements of other users' AND severity = 'info') AS others,
       count(*) FILTER (WHERE detail ~ 'UPDATE orders') AS foreign_texts,
       count(*) FILTER (WHERE rule = 'slow_statement' AND detail ~ 'SELECT id FROM orders' AND evidence ->> 'calls' = '26') AS own_texts
FROM dbadvisor.recommendations('{statement}', 'info') \gset
RESET ROLE;
SELECT is(:'as_monitor'::jsonb, :'as_superuser'::jsonb, 'pg_monitor is told the same');
SELECT is(:'others' || ' ' || :'foreign_texts' || ' ' || :'own_texts', '1 0 1',
          'who may not see the statements of others learns that there are some');

SELECT test.named('SELECT id FROM orders') AS improved \gset
SELECT dbadvisor.reset();
SELECT ok(NOT test.found('slow_statement', :'improved'), 'after a reset nothing is reported');

DROP OWNED BY dbadvisor_test_clerk;
DROP ROLE dbadvisor_test_clerk;
-- The rule is written in the strings of the standard, also where the caller's
-- are others.  (From 19 on there are no others.)
DO $$BEGIN
    SET escape_string_warning = off;
    SET standard_conforming_strings = off;
EXCEPTION WHEN OTHERS THEN NULL;
END$$;
SELECT is(status, 'examined', 'standard_conforming_strings of the caller makes no difference')
FROM dbadvisor.coverage('{statement}') WHERE rule = 'slow_statement';
RESET standard_conforming_strings;

SELECT * FROM finish();
