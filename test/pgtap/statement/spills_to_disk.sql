-- spills_to_disk: statements whose sorts and hashes go to disk are reported with
-- the work_mem that keeps them in memory, for the role that runs them; what
-- fits, what is small or rare, and what has the memory by now is not.
\ir ../rule.psql
SELECT plan(29);

SET dbadvisor.overhead_target = 100;
SET max_parallel_workers_per_gather = 0;
SET hash_mem_multiplier = 1;
SET enable_mergejoin = off;
DROP ROLE IF EXISTS "dbadvisor test's sorter", dbadvisor_test_group;
CREATE ROLE "dbadvisor test's sorter" LOGIN;
CREATE ROLE dbadvisor_test_group;
CREATE TABLE bill (id int PRIMARY KEY, shop int, note text);
INSERT INTO bill SELECT i, i % 7, md5(i::text) || repeat('x', 60) FROM generate_series(1, 60000) i;
VACUUM ANALYZE bill;
GRANT SELECT ON bill TO public;
CREATE FUNCTION bills() RETURNS bigint LANGUAGE sql
AS 'SELECT count(*) FROM (SELECT note FROM bill ORDER BY note, id OFFSET 0) AS in_function';

CREATE FUNCTION test.named(part text) RETURNS text LANGUAGE sql VOLATILE AS $$
    SELECT 'statement ' || max(queryid)
    FROM dbadvisor.statement_totals
    WHERE position(part IN query) > 0
$$;
CREATE FUNCTION test.spills(part text) RETURNS bigint LANGUAGE sql VOLATILE AS $$
    SELECT sum(spills)::bigint FROM dbadvisor.statement_totals WHERE position(part IN query) > 0
$$;

\set sort 'SELECT id, note FROM bill AS sorted ORDER BY note'
\set hash 'SELECT count(*) FROM bill AS hashed JOIN bill AS other USING (note)'
\set aggregate 'SELECT note, count(*) FROM bill AS grouped GROUP BY note'
\o /dev/null
SET ROLE "dbadvisor test's sorter";
SELECT :'sort' FROM generate_series(1, 6) \gexec
SELECT :'hash' FROM generate_series(1, 6) \gexec
SET enable_sort = off;
SELECT :'aggregate' FROM generate_series(1, 6) \gexec
RESET enable_sort;
SELECT 'SELECT id, note FROM bill AS ordered ORDER BY id' FROM generate_series(1, 6) \gexec
SELECT 'SELECT id, note FROM bill AS topmost ORDER BY note LIMIT 10' FROM generate_series(1, 6) \gexec
SELECT 'SELECT id, note, shop AS paged FROM bill ORDER BY note, shop OFFSET 50000 LIMIT 10' FROM generate_series(1, 6) \gexec
SELECT 'SELECT id, note FROM bill AS seldom ORDER BY note, id' FROM generate_series(1, 4) \gexec
SELECT 'SELECT id FROM bill AS small WHERE id <= 6000 ORDER BY note' FROM generate_series(1, 6) \gexec
RESET ROLE;
SELECT 'SELECT id, note FROM bill AS superuser ORDER BY note, shop' FROM generate_series(1, 6) \gexec
SELECT 'SELECT bills()' FROM generate_series(1, 6) \gexec
SELECT 'CREATE TEMP TABLE loaded AS SELECT * FROM bill ORDER BY note', 'DROP TABLE loaded' FROM generate_series(1, 6) \gexec
SET ROLE dbadvisor_test_group;
SELECT 'SELECT id, note, shop FROM bill AS nologin ORDER BY note' FROM generate_series(1, 6) \gexec
RESET ROLE;
\o

SELECT ok(test.found('spills_to_disk', test.named('AS sorted')), 'a sort on disk is reported');
SELECT ok(test.found('spills_to_disk', test.named('AS hashed')), 'so is a hash join');
SELECT ok(test.found('spills_to_disk', test.named('AS grouped')), 'so is a hashed aggregate');
SELECT ok(NOT test.found('spills_to_disk', test.named('AS ordered'))
          AND NOT test.found('spills_to_disk', test.named('AS topmost')), 'what is sorted by an index or in memory is not');
SELECT ok(test.spills('AS seldom') = 4 AND NOT test.found('spills_to_disk', test.named('AS seldom')),
          'nor what spilled four times');
SELECT ok(test.spills('AS paged') = 6 AND NOT test.found('spills_to_disk', test.named('AS paged'))
          AND test.found('deep_offset', test.named('AS paged')), 'nor a deep page, for which memory is no help');
SELECT ok(test.spills('AS small') = 0 AND NOT test.found('spills_to_disk', test.named('AS small')),
          'nor what fits');

SELECT matches(detail, '^6 of its 6 calls went to disk \(a sort\) and wrote .* an hour to temporary files; \d+ MB of work_mem would have kept 95 % of them in memory \(the role has 4096 kB\): SELECT id, note FROM bill AS sorted',
               'the sentence says what it costs and what would help')
FROM test.finding('spills_to_disk', test.named('AS sorted'));
SELECT is(evidence ->> 'spilled_by', 'a hashed aggregate', 'and what it is that spills')
FROM test.finding('spills_to_disk', test.named('AS grouped'));
SELECT is(jsonb_build_array(f.evidence -> 'spills', f.evidence -> 'calls', f.evidence ->> 'spilled_by',
                            f.evidence -> 'spills_by_role', (f.evidence ->> 'temp_bytes_written')::bigint),
          jsonb_build_array(6, 6, 'a hash join', jsonb_build_object('dbadvisor test''s sorter', 6), s.temp_written * 8192),
          'the evidence has the numbers')
FROM test.finding('spills_to_disk', test.named('AS hashed')) f,
     dbadvisor.statement_totals s
WHERE 'statement ' || s.queryid = test.named('AS hashed');

-- The memory that is named is enough, and much less is not.
SELECT evidence ->> 'work_mem_mb' || 'MB' AS sort_mb, (evidence ->> 'work_mem_mb')::int / 2 || 'MB' AS less
FROM test.finding('spills_to_disk', test.named('AS sorted')) \gset
SELECT evidence ->> 'work_mem_mb' || 'MB' AS hash_mb FROM test.finding('spills_to_disk', test.named('AS hashed')) \gset
SELECT evidence ->> 'work_mem_mb' || 'MB' AS aggregate_mb FROM test.finding('spills_to_disk', test.named('AS grouped')) \gset
\o /dev/null
SET work_mem = :'sort_mb';
:sort;
SET work_mem = :'hash_mb';
:hash;
SET work_mem = :'aggregate_mb';
SET enable_sort = off;
:aggregate;
RESET enable_sort;
\o
SELECT is(ARRAY[test.spills('AS sorted'), test.spills('AS hashed'), test.spills('AS grouped')], '{6,6,6}'::bigint[],
          'with the work_mem named nothing spills');
\o /dev/null
SET work_mem = :'less';
:sort;
RESET work_mem;
\o
SELECT is(test.spills('AS sorted'), 7::bigint, 'with half of it the sort does');

-- Where no command is given the caution says what to do.
SELECT ok(fix IS NULL AND caution ~ 'superuser.*SET LOCAL work_mem = ''\d+MB''', 'a superuser''s setting is left alone')
FROM test.finding('spills_to_disk', test.named('AS superuser'));
SELECT ok(fix IS NULL AND caution ~ 'ALTER FUNCTION .. SET work_mem = ''\d+MB''', 'what functions run is for the function')
FROM test.finding('spills_to_disk', test.named('AS in_function'));
SELECT ok(fix IS NULL AND caution ~ 'cannot log in', 'settings of a group help nobody')
FROM test.finding('spills_to_disk', test.named('AS nologin'));
SELECT ok(found ->> 'fix' IS NULL AND found ->> 'caution' ~ 'too much to give to a session', 'from a limit on it is the rows that are too many')
FROM test.rows_with('spills_to_disk', '1024 AS max_mb', '1 AS max_mb') found
WHERE found ->> 'object' = test.named('AS sorted');
SELECT ok(found ->> 'fix' IS NULL AND found ->> 'caution' ~ '1 sessions of its role are connected', 'and so where the sessions are too many')
FROM test.rows_with('spills_to_disk', '* current_setting(''block_size'')::bigint / (1024 * 1024))', '* 0)', 'greatest(1024,', 'greatest(1,') found
WHERE found ->> 'object' = test.named('AS sorted');
SELECT is_empty($$SELECT detail FROM dbadvisor.recommendations('{statement}', 'info')
                  WHERE rule = 'spills_to_disk' AND detail ~ 'CREATE TEMP TABLE'$$, 'a load is not reported');

-- Severity
SELECT is((SELECT count(*) FROM test.rows_with('spills_to_disk', '10 * 1024 * 1024 * 1024::bigint', '1') found
           WHERE found ->> 'severity' = 'warning'), 6::bigint, 'many bytes an hour are a warning');
SET dbadvisor.min_window = '7d';
SELECT is(severity, 'info', 'in the first hour it is only for the record')
FROM test.finding('spills_to_disk', test.named('AS sorted'));
SET dbadvisor.min_window = 0;

-- pg_monitor sees what a superuser sees.
\set seen 'SELECT jsonb_agg(jsonb_build_array(r.object, r.fix, r.undo, r.caution, r.evidence -> ''work_mem_mb'') ORDER BY r.object) FROM dbadvisor.recommendations(''{statement}'', ''info'') r WHERE r.rule = ''spills_to_disk'''
SELECT (:seen) AS as_superuser \gset
SET ROLE pg_monitor;
SELECT (:seen) AS as_monitor \gset
RESET ROLE;
SELECT is(:'as_monitor'::jsonb, :'as_superuser'::jsonb, 'pg_monitor is told the same');

-- One setting for the role: what its largest statement needs.
CREATE TEMP TABLE of_role AS
    SELECT r.object, r.fix, r.caution, r.confidence, (r.evidence ->> 'work_mem_mb')::int AS mb
    FROM dbadvisor.recommendations('{statement}', 'info') r
    WHERE r.rule = 'spills_to_disk' AND r.evidence -> 'spills_by_role' ? 'dbadvisor test''s sorter';
SELECT is((SELECT count(fix) || ' of ' || count(*) FROM of_role), '1 of 3', 'of the statements of a role one has the fix');
SELECT ok(o.mb = (SELECT max(mb) FROM of_role) AND o.fix LIKE format('%%SET work_mem = ''%sMB'';', o.mb) AND o.caution NOT LIKE 'The fix of %',
          'the one that needs most, and the value is its own')
FROM of_role o WHERE o.fix IS NOT NULL;
SELECT is(array_agg(DISTINCT substring(o.caution FROM '^The fix of statement .* covers this one[.]')),
          ARRAY[(SELECT format('The fix of %s gives role "dbadvisor test''s sorter" %s MB, which that one needs, and covers this one.', b.object, b.mb)
                 FROM of_role b WHERE b.fix IS NOT NULL)], 'to which the others refer')
FROM of_role o WHERE o.fix IS NULL;
SELECT object AS biggest FROM of_role WHERE fix IS NOT NULL \gset
SELECT test.commands('spills_to_disk', :'biggest', 'fix') AS fix,
       test.commands('spills_to_disk', :'biggest', 'undo') AS undo \gset
:fix
SELECT is_empty($$SELECT detail FROM dbadvisor.recommendations('{statement}', 'info')
                  WHERE rule = 'spills_to_disk' AND evidence -> 'spills_by_role' ? 'dbadvisor test''s sorter'$$,
                'which ends the findings');
:undo
SELECT ok(test.found('spills_to_disk', test.named('AS sorted'))
          AND NOT EXISTS (SELECT FROM pg_db_role_setting WHERE setrole = '"dbadvisor test''s sorter"'::regrole),
          'and is taken back');
ALTER ROLE "dbadvisor test's sorter" SET work_mem = '1GB';
SELECT ok(NOT test.found('spills_to_disk', test.named('AS sorted')), 'who has the memory everywhere needs no more');
SELECT format('ALTER ROLE "dbadvisor test''s sorter" IN DATABASE %I SET work_mem = 100', current_database()) \gexec
SELECT is(substring(undo FROM ' SET .*'), ' SET work_mem = ''100'';', 'the undo brings back what was set in this database, which comes first')
FROM test.finding('spills_to_disk', :'biggest');
SELECT format('ALTER ROLE "dbadvisor test''s sorter" IN DATABASE %I RESET work_mem', current_database()) \gexec
ALTER ROLE "dbadvisor test's sorter" RESET work_mem;
SELECT format('ALTER DATABASE %I SET work_mem = ''1GB''', current_database()) \gexec
SELECT ok(NOT test.found('spills_to_disk', test.named('AS nologin')), 'the database''s own setting counts too');

DROP OWNED BY "dbadvisor test's sorter", dbadvisor_test_group;
DROP ROLE "dbadvisor test's sorter", dbadvisor_test_group;
SELECT * FROM finish();
