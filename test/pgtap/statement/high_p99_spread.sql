-- high_p99_spread: a statement that is slow for one value in fifty is reported,
-- with that value; one that is always slow, one whose slow moments are too short,
-- and one that returns as many more rows are not, or only for the record.
\ir ../rule.psql
SELECT plan(27);

SET dbadvisor.overhead_target = 100;

CREATE TABLE tenant (id int PRIMARY KEY, name text);
INSERT INTO tenant SELECT i, 'tenant ' || i FROM generate_series(1, 50) i;
CREATE TABLE entry (tenant int, n int);
INSERT INTO entry SELECT CASE WHEN i > 40 THEN 7 ELSE i END, i FROM generate_series(1, 160) i;
CREATE INDEX ON entry (tenant);
ANALYZE tenant, entry;
-- A tenant with much work; the same for all; and one whose rows take the time.
CREATE TABLE pile (n text);
ALTER TABLE pile ALTER n SET STORAGE PLAIN;
INSERT INTO pile SELECT repeat('x', 5000) FROM generate_series(1, 500);
CREATE FUNCTION idle(tenant int, slow int, seconds float8) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    IF tenant = slow THEN PERFORM pg_sleep(seconds); END IF;
    RETURN true;
END $$;
CREATE FUNCTION work(tenant int, slow int, seconds float8) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    IF tenant = slow AND seconds > 0.01 THEN PERFORM count(*) FROM pile; END IF;
    RETURN idle(tenant, slow, seconds);
END $$;
-- Waits until a session has the advisory lock, or (0) waits for this one.
CREATE FUNCTION test.wait_until(key int) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    WHILE NOT EXISTS (SELECT FROM pg_locks l
                      WHERE CASE WHEN key = 0 THEN NOT l.granted AND pg_backend_pid() = ANY (pg_blocking_pids(l.pid))
                                 ELSE l.granted AND l.locktype = 'advisory' AND l.objid = key
                                      AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database()) END) LOOP
        PERFORM pg_sleep(0.002);
    END LOOP;
END $$;

CREATE FUNCTION test.named(pattern text) RETURNS text LANGUAGE sql VOLATILE AS $$
    SELECT 'statement ' || s.queryid
    FROM dbadvisor.user_statements s
    WHERE s.query ~ pattern
    ORDER BY s.calls DESC
    LIMIT 1
$$;

\o /dev/null
-- Of 400 calls eight are for tenant 7.
SELECT format('SELECT name FROM tenant WHERE id = %s AND work(id, 7, 0.06)', 1 + i % 50)
FROM generate_series(1, 400) i \gexec
SELECT format('SELECT id FROM tenant WHERE id = %s AND work(id, 7, 0.02)', 1 + i % 50)
FROM generate_series(1, 400) i \gexec
SELECT 'SELECT count(*) FROM tenant WHERE id = 7 AND work(id, 7, 0.06)' FROM generate_series(1, 10) \gexec
-- The same value, fast at other times.
CREATE SEQUENCE turn;
SELECT 'SELECT max(name) FROM tenant WHERE id = 3 AND work((nextval(''turn'') % 50)::int, 7, 0.06)'
FROM generate_series(1, 400) \gexec
-- Many rows for tenant 7, at 1 ms a row.
SELECT format('SELECT n FROM entry WHERE tenant = %s AND work(1, 1, 0.001)', 1 + i % 40)
FROM generate_series(1, 320) i \gexec
-- No reading at all: a function that takes its time for tenant 7.
SELECT format('SELECT lower(name) FROM tenant WHERE id = %s AND idle(id, 7, 0.06)', 1 + i % 50)
FROM generate_series(1, 400) i \gexec
-- Tenant 7 is locked by another session, eight times for more than 60 ms: it goes on
-- when we wait for it, and locks again when we have told it (by 100 + n) that we did.
\setenv PGDATABASE :DBNAME
\! for i in 1 2 3 4 5 6 7 8; do [ $i = 1 ] || echo "SELECT test.wait_until(99 + $i);"; echo "BEGIN; SELECT id FROM tenant WHERE id = 7 FOR UPDATE; SELECT pg_advisory_xact_lock($i); SELECT test.wait_until(0), pg_sleep(0.06); COMMIT;"; done | psql -Xq > /dev/null 2>&1 &
SELECT s FROM generate_series(1, 400) i,
     LATERAL (VALUES (1, CASE WHEN i % 50 = 7 THEN format('SELECT test.wait_until(%s)', 1 + i / 50) END),
                     (2, format('SELECT name FROM tenant AS locked WHERE id = %s FOR UPDATE', 1 + (i + 49) % 50)),
                     (3, CASE WHEN i % 50 = 7 THEN format('SELECT pg_advisory_lock(100 + %s)', 1 + i / 50) END)) v(n, s)
WHERE s IS NOT NULL
ORDER BY i, n \gexec
SELECT pg_advisory_unlock_all();
-- Too few calls to be sure.
SELECT format('SELECT name, id FROM tenant WHERE id = %s AND work(id, 7, 0.06)', 1 + i % 50)
FROM generate_series(1, 110) i \gexec
\o

SELECT test.named('^SELECT name FROM tenant WHERE') AS bad,
       test.named('^SELECT lower') AS computes,
       test.named('AS locked') AS locked,
       test.named('^SELECT id FROM tenant') AS short,
       test.named('^SELECT count\(\*\) FROM tenant') AS always,
       test.named('^SELECT max') AS waits,
       test.named('^SELECT n FROM entry') AS rows,
       test.named('^SELECT name, id FROM tenant') AS few \gset

SELECT ok(test.found('high_p99_spread', :'bad'), 'a statement that is slow for one tenant is reported');
SELECT is(severity || ' ' || (evidence ->> 'calls'), 'notice 400', 'as a notice, with its calls')
FROM test.finding('high_p99_spread', :'bad');
SELECT ok((evidence ->> 'p99_ms')::numeric BETWEEN 55 AND 200
          AND (evidence ->> 'p50_ms')::numeric < 5
          AND (evidence ->> 'spread')::numeric >= 10, 'and its percentiles')
FROM test.finding('high_p99_spread', :'bad');
SELECT matches(detail, 'but 1 in 100 takes [0-9]+ ms or more: .* of waiting an hour, over all sessions; the slowest took [0-9]+ ms for 1 row \(usual: [0-9.]+ ms, 1 row\) with another \$1 than usual: SELECT', 'the sentence names the parameter')
FROM test.finding('high_p99_spread', :'bad');
SELECT ok(detail !~ '\m7\M' AND coalesce(caution, '') !~ '\m7\M', 'and not its value') FROM test.finding('high_p99_spread', :'bad');
SELECT is(evidence #>> '{parameters,0,slow}' || ' of $' || (evidence #>> '{parameters,0,parameter}') || ' alone: '
          || jsonb_array_length(evidence -> 'parameters'), '7 of $1 alone: 1', 'and so does the evidence')
FROM test.finding('high_p99_spread', :'bad');
SELECT is(array_length(string_to_array(fix, E'\n'), 1)::text || coalesce(undo, ''), '2', 'the fix shows two plans, and there is nothing to undo')
FROM test.finding('high_p99_spread', :'bad');
SELECT calls AS calls_before FROM dbadvisor.user_statements WHERE 'statement ' || queryid = :'bad' \gset
\o /dev/null
SELECT test.commands('high_p99_spread', :'bad', 'fix') \gexec
\o
SELECT matches(dbadvisor.explain_sample(substr(:'bad', 11)::bigint, (evidence ->> 'slow_sample')::int),
               'Seq Scan on tenant|Index .*Scan using tenant_pkey', 'which are plans')
FROM test.finding('high_p99_spread', :'bad');
SELECT is(calls, :calls_before::bigint, 'and runs nothing')
FROM dbadvisor.user_statements WHERE 'statement ' || queryid = :'bad';

SELECT ok(caution ~ 'table of sums' AND evidence ->> 'waits' = 'false', 'what reads is advised to read less')
FROM test.finding('high_p99_spread', :'bad');
SELECT matches(caution, '^It touches [0-9]+ blocks? a call, so it does not read but wait or compute', 'what touches few blocks is not')
FROM test.finding('high_p99_spread', :'computes');
SELECT ok(detail !~ 'another' AND caution !~ 'table of sums|ANALYZE' AND fix IS NOT NULL AND evidence ? 'parameters',
          'nor is it said to depend on its values; the evidence has them')
FROM test.finding('high_p99_spread', :'computes');
SELECT matches(caution, '^It touches [0-9]+ blocks? a call, so it does not work but wait: for rows that others have locked', 'what locks rows waits for locks')
FROM test.finding('high_p99_spread', :'locked');
SELECT matches(detail, 'row\); [0-9]+ blocks? a call: SELECT name', 'says the sentence') FROM test.finding('high_p99_spread', :'locked');
SELECT ok(fix IS NULL AND caution !~ 'table of sums|ANALYZE' AND NOT evidence ? 'parameters', 'and neither plan nor values are to blame')
FROM test.finding('high_p99_spread', :'locked');
SELECT ok(NOT test.found('high_p99_spread', :'short'), 'slow moments of less than 50 ms are not reported');
SELECT ok(NOT test.found('high_p99_spread', :'always'), 'nor is what is always slow');
SELECT ok(detail LIKE '%) with values that were fast at other times%'
          AND caution LIKE '%it waits for something%', 'where the same values were fast it says that it waits')
FROM test.finding('high_p99_spread', :'waits');
SELECT is(severity, 'info', 'time that goes with the number of rows is only for the record')
FROM test.finding('high_p99_spread', :'rows');
SELECT is(severity, 'info', 'and so are few calls')
FROM test.finding('high_p99_spread', :'few');
SELECT ok(NOT EXISTS (SELECT FROM dbadvisor.recommendations('{statement}', 'info')
                      WHERE rule = 'high_p99_spread' AND detail ~ 'pg_sleep'), 'nor is waiting reported');

SET dbadvisor.min_window = '7d';
SELECT is(severity, 'info', 'in the first hour it is only for the record')
FROM test.finding('high_p99_spread', :'bad');
SET dbadvisor.min_window = 0;

-- As it is by default: of most slow executions only the text is kept.
\o /dev/null
RESET dbadvisor.overhead_target;
SELECT format('SELECT upper(name) FROM tenant WHERE id = %s AND name <> ''it''''s'' AND now() > ''2001-01-01'' AND work(id, 7, 0.06)',
              CASE WHEN i > 300 AND i % 40 = 0 THEN 7 ELSE 8 + i % 40 END)
FROM generate_series(1, 800) i \gexec
SET dbadvisor.overhead_target = 100;
\o
SELECT is(evidence -> 'parameters' -> 0 ->> 'slow' || ' ' || jsonb_array_length(evidence -> 'parameters'), '7 1',
          'literals are compared as values')
FROM test.finding('high_p99_spread', test.named('^SELECT upper'));
\o /dev/null
SELECT test.commands('high_p99_spread', test.named('^SELECT upper'), 'fix') \gexec
\o

-- Without values.
\o /dev/null
SET dbadvisor.capture_parameters = off;
SELECT format('SELECT length(name) FROM tenant WHERE id = %s AND work(id, 7, 0.06)', 1 + i % 50)
FROM generate_series(1, 400) i \gexec
RESET dbadvisor.capture_parameters;
\o
SELECT ok(detail NOT LIKE '%another $1%' AND caution LIKE '%Not all of its values are kept%' AND NOT evidence ? 'parameters',
          'without values none are named')
FROM test.finding('high_p99_spread', test.named('^SELECT length'));

-- The same for pg_monitor.
\set seen 'SELECT jsonb_agg(jsonb_build_array(r.object, r.fix, r.evidence -> ''parameters'') ORDER BY r.object) FROM dbadvisor.recommendations(''{statement}'', ''info'') r WHERE r.rule = ''high_p99_spread'''
SELECT (:seen) AS as_superuser \gset
SET ROLE pg_monitor;
SELECT (:seen) AS as_monitor \gset
RESET ROLE;
SELECT is(:'as_monitor'::jsonb, :'as_superuser'::jsonb, 'pg_monitor is told the same');

-- Fixed: the work of tenant 7 is done elsewhere.
CREATE OR REPLACE FUNCTION work(tenant int, slow int, seconds float8) RETURNS boolean LANGUAGE sql AS 'SELECT true';
\o /dev/null
SELECT format('SELECT name FROM tenant WHERE id = %s AND work(id, 7, 0.06)', 1 + i % 50)
FROM generate_series(1, 800) i \gexec
\o
SELECT ok(NOT test.found('high_p99_spread', :'bad'), 'when it is slow no more it is not reported');
SELECT is(status, 'examined', 'and the rule runs') FROM dbadvisor.coverage('{statement}') WHERE rule = 'high_p99_spread';

SELECT * FROM finish();
