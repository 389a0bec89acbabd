-- What several rules find of one statement is said once: the general finding is
-- folded into the specific one, unless that is dismissed or less severe; those
-- that only show the same plan stay apart; and what costs more ranks first.
\ir ../rule.psql
SELECT plan(12);

SET max_parallel_workers_per_gather = 0;
CREATE TABLE bill (id int PRIMARY KEY, note text);
INSERT INTO bill SELECT i, md5(i::text) || repeat('x', 60) FROM generate_series(1, 40000) i;
VACUUM ANALYZE bill;
CREATE FUNCTION waits(seconds float8) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_sleep(seconds);
    RETURN true;
END $$;
CREATE FUNCTION test.named(pattern text) RETURNS text LANGUAGE sql VOLATILE AS $$
    SELECT 'statement ' || max(s.queryid) FROM dbadvisor.user_statements s WHERE s.query ~ pattern
$$;
-- The findings about an object in the order of their ranks.
CREATE FUNCTION test.about(object_name text, severity text DEFAULT 'info', dismissed boolean DEFAULT false)
RETURNS text[] LANGUAGE sql VOLATILE AS $$
    SELECT array_agg(r.rule ORDER BY r.rank)
    FROM dbadvisor.recommendations('{statement}', about.severity, about.dismissed) r
    WHERE r.object = object_name
$$;

\o /dev/null
SET work_mem = '64kB';
SELECT 'SELECT count(*) FROM (SELECT note FROM bill AS sorted ORDER BY note OFFSET 0) ordered' FROM generate_series(1, 40) \gexec
RESET work_mem;
SELECT format('SELECT id FROM bill AS spread WHERE id = 7 AND waits(%s)', CASE WHEN i % 40 = 0 THEN 0.25 ELSE 0.0 END)
FROM generate_series(1, 320) i \gexec
SELECT 'SELECT min(id) FROM bill WHERE id = 7 AND waits(0.06)' FROM generate_series(1, 8) \gexec
SELECT 'SELECT max(id) FROM bill WHERE id = 7 AND waits(0.06)' FROM generate_series(1, 12) \gexec
\o
-- What is asked from here on shall not have a share of the time.
SET dbadvisor.observe = off;
SELECT test.named('bill AS sorted') AS sorted, test.named('bill AS spread') AS spread \gset

SELECT is(test.about(:'sorted'), '{spills_to_disk}', 'a statement that is slow because it spills is one finding');
SELECT matches(evidence #>> '{also,slow_statement}', ' of all statement time in this database ', 'which says also that it is slow')
FROM test.finding('spills_to_disk', :'sorted');

-- A dismissal is of what was read.
SELECT id AS spill FROM dbadvisor.recommendations('{statement}', 'info') WHERE object = :'sorted' \gset
SELECT is(dbadvisor.dismiss(:'spill'), 'dismissed: spills_to_disk of ' || :'sorted', 'the specific finding can be dismissed');
SELECT is(test.about(:'sorted'), '{slow_statement}', 'then the general one is back');
SELECT is(test.about(:'sorted', 'info', true), '{spills_to_disk}', 'but not beside it');
SELECT is(test.about(:'sorted', 'critical'), NULL, 'nor below the severity that is asked for');
SELECT id AS slow FROM dbadvisor.recommendations('{statement}', 'info') WHERE object = :'sorted' \gset
SELECT is(dbadvisor.dismiss(:'slow'), 'dismissed: slow_statement of ' || :'sorted', 'it can be dismissed, too');
SELECT is(test.about(:'sorted'), NULL, 'and then nothing is said');
SELECT dbadvisor.reopen(:'spill') AS reopened \gset
SELECT is(test.about(:'sorted'), '{spills_to_disk}', 'which does not hide the specific one');

SELECT is((SELECT array_agg(rule ORDER BY rule) FROM unnest(test.about(:'spread')) AS rule), '{high_p99_spread,slow_statement}',
          'two that only show the same plan are two findings');

-- In each severity what saves nothing that is known ranks by what it costs.
CREATE TEMP TABLE costs AS
    SELECT r.rank, r.severity, (r.evidence ->> 'ms_per_hour')::float8 AS ms
    FROM dbadvisor.recommendations('{statement}', 'info') r
    WHERE r.rule = 'slow_statement' AND r.saves_ms_per_hour IS NULL;
SELECT cmp_ok((SELECT count(*) FROM costs), '>=', 3::bigint, 'there are several statements');
SELECT ok(NOT EXISTS (SELECT FROM costs a JOIN costs b ON a.severity = b.severity AND a.rank < b.rank AND a.ms < b.ms),
          'those that take most come first');

SELECT * FROM finish();
