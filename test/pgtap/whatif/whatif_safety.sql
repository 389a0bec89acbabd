-- whatif() plans and does nothing else: it runs no statement, calls no volatile
-- function, and nothing of it is left behind, whatever happens while planning.  It
-- says nothing to those who may not read the table.
\ir ../rule.psql
SELECT no_plan();

CREATE TABLE t (id int PRIMARY KEY, k int NOT NULL, g int NOT NULL, v text NOT NULL, pad text NOT NULL DEFAULT repeat('x', 150));
INSERT INTO t SELECT i, i * 7919 % 2000, i % 10, md5(i::text) FROM generate_series(1, 30000) i;
CREATE INDEX t_v ON t (v);
CREATE TABLE dim (id int NOT NULL, label text);
INSERT INTO dim SELECT i, 'l' || i FROM generate_series(1, 500) i;
VACUUM ANALYZE t, dim;

CREATE FUNCTION test.plan(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    line text;
    plan text := '';
BEGIN
    FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || query LOOP
        plan := plan || line || E'\n';
    END LOOP;
    RETURN plan;
END $$;
SELECT test.plan('SELECT * FROM t WHERE k = 5') AS untouched, test.plan('SELECT * FROM t WHERE v = ''x''') AS indexed \gset
-- Nothing of an earlier call shows.
CREATE FUNCTION test.nothing_left(after text) RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN
    RETURN NEXT unalike(test.plan('SELECT * FROM t WHERE k = 5'), '%Index%', 'no index is left after ' || after);
    RETURN NEXT alike(test.plan('SELECT * FROM t WHERE v = ''x'''), '%t_v%', 'nor is one hidden');
    RETURN NEXT is((SELECT count(*)::int FROM pg_index WHERE indrelid = 't'::regclass), 2, 'and the catalogs are as they were');
END $$;
\set changes '''{CREATE INDEX i ON t (k)}'', ''{t_v}'''

-- --------------------------------------------------------- what it is good for
SELECT ok(w.cost_after < w.cost_before / 10, 'an index helps') FROM dbadvisor.whatif('SELECT * FROM t WHERE k = 5', :changes) w;
SELECT test.nothing_left('a call');
SELECT ok(w.cost_after > w.cost_before * 10, 'an index that is hidden does not') FROM dbadvisor.whatif('SELECT * FROM t WHERE v = ''x''', :changes) w;
SELECT is(w.cost_after, w.cost_before, 'without a change nothing changes') FROM dbadvisor.whatif('SELECT * FROM t WHERE k = 5') w;
SELECT is(w.cost_before, NULL, 'no statement, no costs') FROM dbadvisor.whatif(NULL::text) w;

-- A statement in another is what is planned.
SELECT is(w.cost_after, (SELECT cost_after FROM dbadvisor.whatif('SELECT * FROM t WHERE k = 5', :changes)), 'the same within: ' || q)
FROM unnest(ARRAY['EXPLAIN SELECT * FROM t WHERE k = 5', 'EXPLAIN (ANALYZE) SELECT * FROM t WHERE k = 5',
                  'CREATE TABLE n AS SELECT * FROM t WHERE k = 5', 'SELECT * INTO n FROM t WHERE k = 5',
                  'PREPARE p AS SELECT * FROM t WHERE k = 5', 'COPY (SELECT * FROM t WHERE k = 5) TO STDOUT',
                  'CREATE MATERIALIZED VIEW n AS SELECT * FROM t WHERE k = 5',
                  'EXPLAIN CREATE TABLE n AS SELECT * FROM t WHERE k = 5']) q, dbadvisor.whatif(q, :changes) w;
SELECT alike(w.plan_after, '%Sort%', 'all rows are sorted') FROM dbadvisor.whatif('SELECT * FROM t WHERE g = 3 ORDER BY v') w;
SELECT alike(w.plan_after, 'Index Scan using t_v on t%', 'but a cursor is planned for its first rows')
FROM dbadvisor.whatif('DECLARE c CURSOR FOR SELECT * FROM t WHERE g = 3 ORDER BY v') w;

-- Names that the server would find.
SELECT is(w.used_indexes, '{t_k_idx}', 'an index without a name has the one that it would get') FROM dbadvisor.whatif('SELECT * FROM t WHERE k = 5', '{CREATE INDEX ON t (k)}') w;
SELECT is(w.used_indexes, '{t_k_idx1}', 'another with the same columns the next one')
FROM dbadvisor.whatif('SELECT * FROM t WHERE k = 5 AND g < 2', '{CREATE INDEX ON t (k) WHERE g > 5,CREATE INDEX ON t (k) WHERE g < 3}') w;

-- A join that a unique index does away with, and one that it would if it were not
-- to be dropped.
SELECT unalike(w.plan_after, '%Join%', 'a unique index proves that a join is not needed')
FROM dbadvisor.whatif('SELECT t.* FROM t LEFT JOIN dim ON dim.id = t.k', '{CREATE UNIQUE INDEX ON dim (id)}') w;
SELECT alike(w.plan_after, '%Join%', 'a plain one does not')
FROM dbadvisor.whatif('SELECT t.* FROM t LEFT JOIN dim ON dim.id = t.k', '{CREATE INDEX ON dim (id)}') w;
CREATE UNIQUE INDEX dim_id ON dim (id);
SELECT is(w.plan_before ~ 'Join', false, 'a real one proves it, too') FROM dbadvisor.whatif('SELECT t.* FROM t LEFT JOIN dim ON dim.id = t.k') w;
SELECT is(w.plan_after ~ 'Join', true, 'without it the join is back') FROM dbadvisor.whatif('SELECT t.* FROM t LEFT JOIN dim ON dim.id = t.k', '{}', '{dim_id}') w;
SELECT throws_ok($$SELECT dbadvisor.whatif('INSERT INTO dim VALUES (1) ON CONFLICT (id) DO NOTHING', '{}', '{dim_id}')$$,
    '42P10', 'there is no unique or exclusion constraint matching the ON CONFLICT specification', 'ON CONFLICT needs its index');
SELECT throws_ok($$SELECT dbadvisor.whatif('WITH x AS (INSERT INTO dim VALUES (1) ON CONFLICT (id) DO NOTHING RETURNING id) SELECT * FROM x', '{}', '{dim_id}')$$,
    '42P10', NULL, 'wherever it is in the statement');
SELECT lives_ok($$SELECT dbadvisor.whatif('INSERT INTO dim VALUES (1) ON CONFLICT DO NOTHING', '{}', '{dim_id}')$$, 'unless it names none');

-- ------------------------------------------------------------ n_distinct
CREATE TABLE skew (id int, k int);
INSERT INTO skew SELECT i, i % 50 FROM generate_series(1, 20000) i;
ANALYZE skew;
SELECT plan_after AS paper FROM dbadvisor.whatif('SELECT k, count(*) FROM skew GROUP BY k', n_distinct => '{"public.skew.k": 7000}') \gset
ALTER TABLE skew ALTER k SET (n_distinct = 7000);
ANALYZE skew;
SELECT is(:'paper', plan_before, 'a number of distinct values is as if it had been set') FROM dbadvisor.whatif('SELECT k, count(*) FROM skew GROUP BY k') w;
SELECT is(w.cost_before = w.cost_after, false, 'and it was not left set') FROM dbadvisor.whatif('SELECT k, count(*) FROM skew GROUP BY k', n_distinct => '{"skew.k": -0.9}') w;
CREATE TABLE unknown (id int, k int);
INSERT INTO unknown SELECT i, i % 50 FROM generate_series(1, 20000) i;
SELECT matches(w.plan_after, 'rows=5000', 'nor need the table have statistics') FROM dbadvisor.whatif('SELECT DISTINCT k FROM unknown', n_distinct => '{"unknown.k": 5000}') w;

-- ----------------------------------------------------- what happens while planning
CREATE TABLE called (what text);
CREATE FUNCTION leaves_trace(i int) RETURNS int LANGUAGE plpgsql VOLATILE AS $$BEGIN INSERT INTO called VALUES ('volatile'); RETURN i; END$$;
SELECT lives_ok($$SELECT dbadvisor.whatif('SELECT leaves_trace(id) FROM t WHERE k = leaves_trace(5)', '{CREATE INDEX i ON t (k)}')$$, 'a volatile function may be in it');
SELECT lives_ok($$SELECT dbadvisor.whatif('INSERT INTO called SELECT v FROM t WHERE k = 5', '{CREATE INDEX i ON t (k)}')$$, 'and so may a change');
SELECT lives_ok($$SELECT dbadvisor.whatif('DELETE FROM t WHERE k = 5', '{CREATE INDEX i ON t (k)}')$$, 'of any kind');
SELECT is_empty('SELECT * FROM called', 'but none was called, and nothing was written');
SELECT is(count(*)::int, 30000, 'or deleted') FROM t;

CREATE FUNCTION fails(i int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$BEGIN RAISE EXCEPTION 'not today'; END$$;
SELECT throws_ok($$SELECT dbadvisor.whatif('SELECT * FROM t WHERE k = fails(5)', '{CREATE INDEX i ON t (k)}', '{t_v}')$$, 'P0001', 'not today', 'an error of a function');
SELECT test.nothing_left('an error');
-- Fails only when it is planned with the change.
CREATE FUNCTION second_time(i int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    IF current_setting('test.calls', true) = '1' THEN
        RAISE EXCEPTION 'not again';
    END IF;
    PERFORM set_config('test.calls', '1', false);
    RETURN i;
END$$;
SELECT set_config('test.calls', '0', false);
SELECT lives_ok($$SELECT dbadvisor.whatif('SELECT * FROM t WHERE k = second_time(5)', '{CREATE INDEX i ON t (k)}')$$, 'settings of a function do not outlive its planning');

CREATE FUNCTION sleeps(i int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$BEGIN PERFORM pg_sleep(30); RETURN i; END$$;
CREATE FUNCTION test.is_cancelled() RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    PERFORM dbadvisor.whatif('SELECT * FROM t WHERE k = sleeps(5)', '{CREATE INDEX i ON t (k)}', '{t_v}');
    RETURN false;
EXCEPTION WHEN query_canceled THEN
    RETURN true;
END $$;
SET statement_timeout = '200ms';
SELECT test.is_cancelled() AS cancelled \gset
RESET statement_timeout;
SELECT is(:'cancelled', 't'::text, 'a timeout while planning ends it');
SELECT test.nothing_left('a timeout');

-- A function that is called while planning asks statements of its own, whose plans
-- are kept: they do not believe in the index, and cannot use it.
CREATE FUNCTION looks(i int) RETURNS bigint LANGUAGE plpgsql IMMUTABLE AS $$BEGIN RETURN (SELECT count(*) FROM t WHERE k = i); END$$;
SELECT is(w.used_indexes, '{i}', 'a function that looks into the table') FROM dbadvisor.whatif('SELECT * FROM t WHERE k = looks(5)', :changes) w;
SELECT is(looks(5), 15::bigint, 'still finds what it found');
DO $$BEGIN FOR i IN 1..10 LOOP PERFORM looks(i), dbadvisor.whatif('SELECT * FROM t WHERE k = looks(5)', '{CREATE INDEX i ON t (k)}', '{t_v}'); END LOOP; END$$;
SELECT is(looks(6), 15::bigint, 'with a generic plan, too');
CREATE FUNCTION asks() RETURNS float8 LANGUAGE plpgsql IMMUTABLE AS
$$BEGIN RETURN (SELECT cost_after FROM dbadvisor.whatif('SELECT * FROM t WHERE k = 5', '{CREATE INDEX j ON t (k)}')); END$$;
SELECT is(w.used_indexes, '{i}', 'a function that asks what if while another is planned') FROM dbadvisor.whatif('SELECT * FROM t WHERE k = 7 AND asks() < 100', :changes) w;
CREATE FUNCTION deeper(i int) RETURNS float8 LANGUAGE plpgsql IMMUTABLE AS
$$BEGIN RETURN (SELECT cost_after FROM dbadvisor.whatif(format('SELECT * FROM t WHERE k = 5 AND deeper(%s) < 100', i - 1))); END$$;
SELECT throws_ok($$SELECT dbadvisor.whatif('SELECT * FROM t WHERE deeper(20) < 100')$$, '54001', NULL, 'one that never ends to ask is ended');
SELECT test.nothing_left('functions that plan');

PREPARE kept AS SELECT count(*) FROM t WHERE k = $1;
DO $$BEGIN FOR i IN 1..8 LOOP PERFORM dbadvisor.whatif('SELECT count(*) FROM t WHERE k = $1', '{CREATE INDEX i ON t (k)}', '{t_v}'); END LOOP; END$$;
EXECUTE kept (5) \gset
SELECT is(:count, 15, 'prepared statements are as they were');

-- Where nothing may be written.
BEGIN READ ONLY;
SELECT is(w.used_indexes, '{i}', 'in a transaction that only reads') FROM dbadvisor.whatif('DELETE FROM t WHERE k = 5', :changes) w;
COMMIT;
BEGIN;
SAVEPOINT here;
SELECT throws_ok($$SELECT dbadvisor.whatif('SELECT * FROM t WHERE k = fails(5)', '{CREATE INDEX i ON t (k)}')$$, 'P0001', NULL, 'an error in a subtransaction');
ROLLBACK TO here;
SELECT test.nothing_left('a rollback');
COMMIT;

-- Tables of a session, and views that are kept.
CREATE TEMP TABLE passing AS SELECT * FROM t;
CREATE MATERIALIZED VIEW kept_view AS SELECT * FROM t;
ANALYZE passing, kept_view;
SELECT is(w.used_indexes, '{i}', 'an index of a temporary table') FROM dbadvisor.whatif('SELECT * FROM passing WHERE k = 5', '{CREATE INDEX i ON passing (k)}') w;
SELECT is(w.used_indexes, '{i}', 'and of a materialized view') FROM dbadvisor.whatif('SELECT * FROM kept_view WHERE k = 5', '{CREATE INDEX i ON kept_view (k)}') w;

-- --------------------------------------------------------------- who may
DROP ROLE IF EXISTS dbadvisor_test_reader;
CREATE ROLE dbadvisor_test_reader;
GRANT pg_monitor TO dbadvisor_test_reader;
CREATE TABLE secret (id int, owner text, k int, hidden int);
INSERT INTO secret SELECT i, 'o' || i % 5, i % 100, i FROM generate_series(1, 10000) i;
ANALYZE secret;
SET ROLE dbadvisor_test_reader;
SELECT throws_ok($$SELECT dbadvisor.whatif('SELECT 1', '{CREATE INDEX ON secret (k)}')$$, '42501', 'permission denied for table secret', 'an index of a table that may not be read');
RESET ROLE;
GRANT SELECT (id, owner, k) ON secret TO dbadvisor_test_reader;
SET ROLE dbadvisor_test_reader;
SELECT lives_ok($$SELECT dbadvisor.whatif('SELECT id FROM secret WHERE k = 5', '{CREATE INDEX ON secret (k)}')$$, 'of columns that may be');
SELECT throws_ok(format($$SELECT dbadvisor.whatif('SELECT 1', ARRAY['CREATE INDEX ON secret %s'])$$, i), '42501', NULL, 'not of others: ' || i)
FROM unnest('{(hidden),((hidden + 1)),(k) INCLUDE (hidden),(k) WHERE hidden > 5,((secret IS NULL))}'::text[]) i;
SELECT throws_ok($$SELECT dbadvisor.whatif('SELECT hidden FROM secret')$$, '42501', NULL, 'nor are they read');
RESET ROLE;
GRANT SELECT ON secret TO dbadvisor_test_reader;
ALTER TABLE secret ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON secret TO dbadvisor_test_reader USING (owner = 'o3');
SET ROLE dbadvisor_test_reader;
SELECT matches(w.plan_after, 'owner = ''o3''', 'row security is in the plan') FROM dbadvisor.whatif('SELECT * FROM secret WHERE k = 5', '{"CREATE INDEX i ON secret (k, owner)"}') w;
SELECT is(w.used_indexes, '{i}', 'and what it asks for can be in the index') FROM dbadvisor.whatif('SELECT * FROM secret WHERE k = 5', '{"CREATE INDEX i ON secret (k, owner)"}') w;
RESET ROLE;
REVOKE ALL ON secret FROM dbadvisor_test_reader;
DROP POLICY own ON secret;
DROP OWNED BY dbadvisor_test_reader;
DROP ROLE dbadvisor_test_reader;

-- --------------------------------------------------- statements that were observed
SET dbadvisor.overhead_target = 100;
SELECT dbadvisor.reset();
SELECT count(*) AS observed FROM t WHERE k = 5 AND g > 2;
SELECT pg_stat_force_next_flush();
SELECT queryid FROM dbadvisor.statements WHERE query ~ 'AS observed' \gset
SELECT is(w.used_indexes, '{i}', 'an observed statement') FROM dbadvisor.whatif(:queryid, '{CREATE INDEX i ON t (k)}') w;
SELECT throws_ok('SELECT dbadvisor.whatif(12345::bigint)', '42704', NULL, 'one that nobody knows');
SELECT throws_ok(format('SELECT dbadvisor.whatif(%s::bigint, sample => 99)', :queryid), '42704', NULL, 'a sample that is not there');
SELECT is(w.cost_before, NULL, 'no number') FROM dbadvisor.whatif(NULL::bigint) w;

SELECT * FROM finish();
