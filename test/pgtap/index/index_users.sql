-- index_users(), and unused_index by it: an index is judged by what the observed
-- statements would cost without it, not by how often it was scanned.
\ir ../rule.psql
SELECT plan(35);

-- A hundred days of statistics.
CREATE OR REPLACE FUNCTION dbadvisor.statistics_since() RETURNS timestamptz
LANGUAGE sql STABLE PARALLEL SAFE AS $$SELECT now() - interval '100 days'$$;
CREATE OR REPLACE FUNCTION dbadvisor.relation_created(relation oid) RETURNS timestamptz
LANGUAGE sql STABLE STRICT PARALLEL SAFE AS $$SELECT now() - interval '100 days'$$;

CREATE TABLE t (id int PRIMARY KEY, seldom int, often int, a int, b int, c int, twice int, nobody int,
                x int, y int, d text)
    WITH (autovacuum_enabled = false);
INSERT INTO t SELECT i, i, i, i % 1000, i % 7, i % 11, i, i, i, i, repeat('x', 100)
FROM generate_series(1, 100000) i;
CREATE INDEX t_seldom ON t (seldom);
CREATE INDEX t_often ON t (often);
CREATE INDEX t_unused ON t (b, id);
CREATE INDEX t_ay ON t (a, y);
CREATE INDEX t_ax ON t (a, x);
CREATE INDEX t_twice_a ON t (twice, a);
CREATE INDEX t_nobody ON t (nobody);
CREATE TABLE other (id int PRIMARY KEY, v int) WITH (autovacuum_enabled = false);
INSERT INTO other SELECT i, i FROM generate_series(1, 100000) i;
CREATE INDEX other_v ON other (v);
CREATE TABLE part (id int, v int, w int) PARTITION BY RANGE (id);
CREATE TABLE part_1 PARTITION OF part FOR VALUES FROM (0) TO (50000);
CREATE TABLE part_2 PARTITION OF part FOR VALUES FROM (50000) TO (1000000);
INSERT INTO part SELECT i, i, i FROM generate_series(1, 100000) i;
CREATE INDEX part_v ON part (v);
CREATE INDEX part_w ON part (w);
CREATE VIEW seen AS SELECT v, id FROM other;
DROP ROLE IF EXISTS dbadvisor_test_teller;
CREATE ROLE dbadvisor_test_teller IN ROLE pg_monitor;
GRANT SELECT ON t, seen TO dbadvisor_test_teller;
VACUUM ANALYZE t, other, part;

CREATE VIEW test.users AS
SELECT u.*
FROM dbadvisor.index_users(ARRAY(SELECT x.oid::oid FROM pg_class x
                                 WHERE x.relkind IN ('i', 'I') AND NOT x.relispartition
                                   AND x.relnamespace = 'public'::regnamespace
                                 ORDER BY x.relname)) u;
-- The largest ratio without the index; null: nobody uses it.
CREATE FUNCTION test.ratio(name text) RETURNS float8 LANGUAGE sql VOLATILE AS $$
    SELECT max(worst_ratio) FROM test.users WHERE index = name::regclass
$$;

SELECT is_empty('SELECT * FROM test.users WHERE index <> ''t_pkey''::regclass', 'at first no index has a user');
\o /dev/null
SELECT 'SELECT d FROM t WHERE seldom = ' || i FROM generate_series(1, 3) i \gexec
SELECT 'SELECT d FROM t WHERE often = ' || i FROM generate_series(1, 30) i \gexec
SELECT 'SELECT d FROM t WHERE a = ' || i || ' AND id = ' || i FROM generate_series(1, 5) i \gexec
SELECT 'SELECT d FROM t WHERE twice = ' || i FROM generate_series(1, 30) i \gexec
SELECT 'SELECT id FROM seen WHERE v = ' || i FROM generate_series(1, 5) i \gexec
SELECT 'SELECT id FROM part WHERE v = ' || i FROM generate_series(1, 5) i \gexec
SELECT 'SELECT id FROM part_1 WHERE w = ' || i FROM generate_series(1, 5) i \gexec
\o
:flush

SELECT cmp_ok(test.ratio('t_seldom'), '>', 10::float8, 'a statement that runs seldom needs its index as much');
SELECT cmp_ok(test.ratio('t_often'), '>', 10::float8, 'as one that runs often');
SELECT is(test.ratio('t_nobody'), NULL, 'and nobody uses the one that no statement asks for');
SELECT cmp_ok(test.ratio('other_v'), '>', 10::float8, 'a statement is seen through a view');
SELECT cmp_ok(test.ratio('part_v'), '>', 10::float8, 'an index of a partitioned table is used by its partitions');
SELECT cmp_ok(test.ratio('part_w'), '>', 10::float8, 'and by who names one of them');
SELECT matches((SELECT query FROM test.users WHERE index = 't_seldom'::regclass),
               '^SELECT d FROM t WHERE seldom = \$1$', 'the statement is named');
SELECT is((SELECT calls FROM test.users WHERE index = 't_seldom'::regclass), 3::bigint, 'with its calls');

SELECT is_empty('SELECT * FROM dbadvisor.index_users(ARRAY[1, 0, NULL]::oid[])', 'what is no index has no users');
SELECT is_empty('SELECT * FROM dbadvisor.index_users(NULL)', 'nor has nothing');
SELECT set_eq('SELECT DISTINCT problem, cost FROM dbadvisor.index_users(ARRAY[''t_often''::regclass], ''0'')',
              $$VALUES ('no time was left', NULL::float8)$$, 'what there is no time for may be a user');
GRANT SELECT ON test.users TO dbadvisor_test_teller;
GRANT USAGE ON SCHEMA test TO dbadvisor_test_teller;
SET ROLE dbadvisor_test_teller;
SELECT set_eq('SELECT DISTINCT problem FROM dbadvisor.index_users(ARRAY[''public.t_often''::regclass])',
              $$VALUES ('it is another user''s')$$, 'so may statements that the caller may not plan');
SELECT d FROM t WHERE nobody = 5 \g /dev/null
SELECT is((SELECT count(*) FROM dbadvisor.index_users(ARRAY['public.t_nobody'::regclass]) WHERE worst_ratio > 10), 1::bigint,
          'his own are planned');
RESET ROLE;
SELECT cmp_ok(test.ratio('t_nobody'), '>', 10::float8, 'a superuser plans those of others');

-- The rule.
SELECT is(severity, 'info', 'an index that is scanned seldom and needed is for the record')
FROM test.finding('unused_index', 'public.t_seldom');
SELECT matches(detail, '^Scanned only 3 times in 100 days, but an observed statement needs it and would cost \d+ times as much without it \(SELECT d FROM t WHERE seldom = \$1\); it takes ',
               'the statement is named')
FROM test.finding('unused_index', 'public.t_seldom');
SELECT is(fix, NULL, 'and no command is given') FROM test.finding('unused_index', 'public.t_seldom');
SELECT ok(NOT test.found('unused_index', 'public.t_often'), 'one that is scanned often and needed is not reported');
SELECT ok(test.found('unused_index', 'public.t_unused'), 'one that was never scanned is');
SELECT is(severity, 'info', 'one that has seldom been scanned, and is needed by another user''s statement, is for the record')
FROM test.finding('unused_index', 'public.t_nobody');


-- One that was scanned, and that another has superseded since.
CREATE INDEX t_twice_b ON t (twice, b);
\o /dev/null
SELECT 'SELECT d FROM t WHERE twice = ' || i FROM generate_series(1, 30) i \gexec
\o
:flush
SELECT is((SELECT count(*) FROM test.users WHERE index IN ('t_twice_a'::regclass, 't_twice_b'::regclass)
                                             AND worst_ratio > 10), 1::bigint,
          'of two that can stand in for each other one is needed');
SELECT is((SELECT array_agg(object) FROM dbadvisor.recommendations('{index}', 'info')
           WHERE rule = 'unused_index' AND object LIKE 'public.t\_twice%'), ARRAY['public.t_twice_a'],
          'and the one that was used is reported');
SELECT is(severity, CASE WHEN dbadvisor.last_scan('t_twice_a'::regclass) IS NULL THEN 'info' ELSE 'notice' END,
          'for the record where nobody knows when it was last scanned')
FROM test.finding('unused_index', 'public.t_twice_a');
SELECT matches(detail, '^Scanned 30 times in 100 days, but no observed statement uses it now; it takes .* took 100000 writes', 'in words')
FROM test.finding('unused_index', 'public.t_twice_a');
SELECT * FROM test.commands('unused_index', 'public.t_twice_a', 'fix') \gexec
SELECT ok(NOT test.found('unused_index', 'public.t_twice_b'), 'once it is dropped the other is needed');


-- One that a statement does use, and would not miss: what the other has beside a
-- is all that another statement needs.
\o /dev/null
SELECT 'SELECT d FROM t WHERE a = ' || i FROM generate_series(1, 30) i \gexec
SELECT 'SELECT count(*) FROM t WHERE a = 5 AND y < 1000 + ' || i FROM generate_series(1, 30) i \gexec
\o
:flush
SELECT is((SELECT string_agg(query, ', ') FROM test.users WHERE index = 't_ax'::regclass AND worst_ratio <= 1.01),
          'SELECT d FROM t WHERE a = $1', 'a statement would not miss the index that it uses');
SELECT is(severity || ' ' || (confidence > 0.6), 'notice true', 'that is worth doing')
FROM test.finding('unused_index', 'public.t_ax');
SELECT matches(detail, '^Scanned 30 times in 100 days, and not needed: the one observed statement that uses it would cost the same without it; ',
               'in words')
FROM test.finding('unused_index', 'public.t_ax');
SELECT ok(NOT test.found('unused_index', 'public.t_ay'), 'the other is not reported');
SET ROLE dbadvisor_test_teller;
SELECT is_empty($$SELECT object FROM dbadvisor.recommendations('{index}', 'info')
                  WHERE rule = 'unused_index' AND object IN ('public.t_ax', 'public.t_ay')$$,
                'nor is either to who may not plan the statements on its table');
RESET ROLE;
CREATE INDEX t_a ON t (a);
SELECT ok(NOT test.found('unused_index', 'public.t_ax'), 'nor one that redundant_index counts on');
DROP INDEX t_a;
SELECT is((SELECT count(*) FROM test.rows_with('unused_index', 'interval AS min_window', 'interval + interval ''1 day'' AS min_window')
           WHERE rows_with ->> 'objid' = 't_ax'::regclass::oid::text), 0::bigint,
          'nor while statements have not been observed for long enough');
SELECT is((SELECT rows_with ->> 'severity' FROM test.rows_with('unused_index', '5 * l.min_window', '5 * interval ''1 day''')
           WHERE rows_with ->> 'objid' = 't_ax'::regclass::oid::text), 'info', 'or are for the record while not for much longer');
SELECT * FROM test.commands('unused_index', 'public.t_ax', 'fix') \gexec
SELECT ok(NOT test.found('unused_index', 'public.t_ax') AND NOT test.found('unused_index', 'public.t_ay'),
          'the fix ends the finding, and brings no other');
SELECT * FROM finish();
