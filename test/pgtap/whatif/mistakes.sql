-- What whatif() is given wrong is refused as the server would refuse it: each
-- message is compared with that of the statement itself.
\ir ../rule.psql
SELECT no_plan();

CREATE TABLE t (id int PRIMARY KEY, k int, v text, j jsonb, p point, ts timestamptz, x xml);
CREATE INDEX t_k ON t (k);
CREATE UNIQUE INDEX t_v ON t (v);
CREATE TABLE refers (v text REFERENCES t (v));
CREATE TABLE part (at date, k int) PARTITION BY RANGE (at);
CREATE TABLE part_1 PARTITION OF part FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
CREATE INDEX part_k ON part (k);
CREATE VIEW v AS SELECT * FROM t;
CREATE SEQUENCE q;
CREATE TYPE c AS (a int);
CREATE FOREIGN DATA WRAPPER w;
CREATE SERVER s FOREIGN DATA WRAPPER w;
CREATE FOREIGN TABLE f (a int) SERVER s;
CREATE TABLE mixed (at date, k int) PARTITION BY RANGE (at);
CREATE FOREIGN TABLE mixed_f PARTITION OF mixed FOR VALUES FROM ('2024-01-01') TO ('2025-01-01') SERVER s;
CREATE FUNCTION wobbly(i int) RETURNS int LANGUAGE sql VOLATILE AS 'SELECT i + (random() * 10)::int';

-- The error of the statement.  19 writes more keywords large.
CREATE FUNCTION test.message(statement text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE statement;
    RAISE EXCEPTION SQLSTATE 'UNDO1';
EXCEPTION
    WHEN SQLSTATE 'UNDO1' THEN
        RETURN 'none';
    WHEN OTHERS THEN
        RETURN SQLSTATE || ' ' || lower(SQLERRM);
END $$;
CREATE FUNCTION test.same_message(statement text, call text) RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN
    RETURN NEXT isnt(test.message(statement), 'none', 'an error: ' || statement);
    RETURN NEXT is(test.message(call), test.message(statement), 'and the same on paper');
END $$;

SELECT test.same_message(i, format('SELECT dbadvisor.whatif(%L, ARRAY[%L])', 'SELECT 1', i))
FROM unnest(ARRAY[
    'CREATE INDEX ON missing (a)',
    'CREATE INDEX ON missing.t (a)',
    'CREATE INDEX ON t (missing)',
    'CREATE INDEX ON t (k) INCLUDE (missing)',
    'CREATE INDEX ON t',
    'CREATE INDEX ON t ()',
    'CREATE INDEX ON t USING missing (k)',
    'CREATE INDEX ON t (k missing_ops)',
    'CREATE INDEX ON t (k text_pattern_ops)',
    'CREATE INDEX ON t (p)',
    'CREATE INDEX ON t (x)',
    'CREATE INDEX ON t USING gin (k)',
    'CREATE INDEX ON t USING gist (v)',
    'CREATE UNIQUE INDEX ON t USING hash (k)',
    'CREATE INDEX ON t USING hash (k, id)',
    'CREATE INDEX ON t USING hash (k) INCLUDE (id)',
    'CREATE INDEX ON t USING gin (j) INCLUDE (id)',
    'CREATE INDEX ON t USING gin (j DESC)',
    'CREATE INDEX ON t USING gist (p NULLS FIRST)',
    'CREATE INDEX ON t (k) INCLUDE (id DESC)',
    'CREATE INDEX ON t (k) INCLUDE ((id + 1))',
    'CREATE INDEX ON t (k COLLATE "C")',
    'CREATE INDEX ON t (v COLLATE missing)',
    'CREATE INDEX ON t (wobbly(k))',
    'CREATE INDEX ON t ((ts::date))',
    'CREATE INDEX ON t (k) WHERE ts > now()',
    'CREATE INDEX ON t (k) WHERE wobbly(id) > 3',
    'CREATE INDEX ON t (k) WHERE k',
    'CREATE INDEX ON t (k) WHERE k IN (SELECT 1)',
    'CREATE INDEX ON t (sum(k))',
    'CREATE INDEX ON t ((row_number() OVER ()))',
    'CREATE INDEX ON t (generate_series(1, k))',
    'CREATE INDEX ON t (ctid)',
    'CREATE INDEX ON t ((tableoid::int))',
    'CREATE INDEX ON t (k) WHERE xmin::text = ''1''',
    'CREATE INDEX ON t (k) WITH (fillfactor = 5)',
    'CREATE INDEX ON t (k) WITH (missing = 5)',
    'CREATE INDEX ON t USING brin (k) WITH (pages_per_range = 0)',
    'CREATE INDEX ON t (k int4_ops (siglen = 3))',
    'CREATE INDEX ON t USING gist (p point_ops (siglen = 3))',
    'CREATE INDEX ON t USING brin (k int4_bloom_ops (false_positive_rate = 7))',
    'CREATE INDEX ON t USING brin (k int4_bloom_ops (missing = 7))',
    'CREATE INDEX t_k ON t (id)',
    'CREATE INDEX part ON t (id)',
    'CREATE INDEX ON v (k)',
    'CREATE INDEX ON q (last_value)',
    'CREATE INDEX ON c (a)',
    'CREATE INDEX ON f (a)',
    'CREATE INDEX ON pg_class (relpages)',
    'CREATE INDEX ON t_k (k)',
    'CREATE INDEX ON t (k) TABLESPACE missing',
    'CREATE INDEX ON t (k) TABLESPACE pg_global',
    'CREATE UNIQUE INDEX ON part (k)',
    'CREATE UNIQUE INDEX ON mixed (at)',
    'CREATE INDEX ON t (k, k, k, k, k, k, k, k, k, k, k, k, k, k, k, k, k, k, k, k, k, k, k, k, k, k, k, k, k, k, k, k, k)',
    'CREATE INDEX oops ON t (k']) i;

SELECT test.same_message('DROP INDEX ' || i, format('SELECT dbadvisor.whatif(%L, drop_indexes => ARRAY[%L])', 'SELECT 1', i))
FROM unnest('{missing,t,v,t_pkey,t_v,part_1_k_idx,pg_class_oid_index,missing.t_k}'::text[]) i;

SELECT test.same_message(q, format('SELECT dbadvisor.whatif(%L)', q))
FROM unnest(ARRAY['SELECT * FROM missing', 'SELECT missing FROM t', 'SELEC 1', 'SELECT k = p FROM t',
                  'INSERT INTO t (v) VALUES (1, 2)', 'SELECT 1 / 0']) q;

SELECT throws_ok(format('SELECT dbadvisor.whatif(%L, %L)', 'SELECT 1', i), '22023', NULL, 'an argument that is another thing: ' || i)
FROM unnest(ARRAY['{SELECT 1}', '{""}', '{CREATE INDEX ON t (k); CREATE INDEX ON t (v)}', '{CREATE TABLE y ()}']) i;
SELECT throws_ok(format('SELECT dbadvisor.whatif(%L)', q), '22023', NULL, 'no statement that is planned: ' || q)
FROM unnest(ARRAY['', 'SELECT 1; SELECT 2', 'VACUUM t', 'CREATE TABLE y ()', 'EXPLAIN EXECUTE something']) q;
SELECT throws_ok($$SELECT dbadvisor.whatif('SELECT 1', '{CREATE INDEX ON ONLY part (k)}')$$, '22023', NULL, 'an index of no partition is of no use');

SELECT throws_ok($$SELECT dbadvisor.whatif('SELECT 1', '{CREATE INDEX CONCURRENTLY ON part (k)}')$$, '0A000',
    'cannot create index on partitioned table "part" concurrently', 'nor can one of partitions be built CONCURRENTLY');
SELECT throws_ok($$SELECT dbadvisor.whatif('SELECT 1', '{CREATE INDEX ON part ((part IS NULL))}')$$, '0A000',
    'cannot convert whole-row table reference', 'or be of whole rows');
CREATE TABLE ruled (a int);
CREATE RULE twice AS ON INSERT TO ruled DO ALSO UPDATE t SET k = 1;
SELECT throws_ok($$SELECT dbadvisor.whatif('INSERT INTO ruled VALUES (1)')$$, '22023', NULL, 'a rule makes two statements of it');

-- Only 18 has columns that are computed when they are read.
SELECT current_setting('server_version_num')::int >= 180000 AS has_virtual \gset
\if :has_virtual
CREATE TABLE computed (a int, b int GENERATED ALWAYS AS (a + 1) VIRTUAL);
SELECT test.same_message(i, format('SELECT dbadvisor.whatif(%L, ARRAY[%L])', 'SELECT 1', i))
FROM unnest(ARRAY['CREATE INDEX ON computed (b)', 'CREATE INDEX ON computed ((b + 1))']) i;
\endif

-- Numbers of distinct values.
SELECT throws_ok(format('SELECT dbadvisor.whatif(%L, n_distinct => %L)', 'SELECT 1', n), e, NULL, 'no n_distinct: ' || n)
FROM (VALUES ('[1]', '22023'), ('{"t.k": "a"}', '22023'), ('{"t.k": 0}', '22023'), ('{"t.k": -2}', '22023'), ('{"k": 3}', '42602'),
             ('{"t.missing": 3}', '42703'), ('{"missing.k": 3}', '42P01')) x (n, e);

-- Names.
SELECT throws_ok($$SELECT dbadvisor.whatif('SELECT 1', '{CREATE INDEX i ON t (k),CREATE INDEX i ON t (v)}')$$, '42P07', 'relation "i" already exists',
    'two indexes of one name');
SELECT lives_ok($$SELECT dbadvisor.whatif('SELECT 1', '{CREATE INDEX IF NOT EXISTS t_k ON t (v),CREATE INDEX IF NOT EXISTS new ON t (v),CREATE INDEX CONCURRENTLY other ON t (v)}')$$,
    'IF NOT EXISTS and CONCURRENTLY are understood');

SELECT * FROM finish();
