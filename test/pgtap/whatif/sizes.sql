-- estimate_index(): an index takes on paper what it takes once it is built, of
-- every access method; an entry that is too wide is told; and the planner gets
-- the statistics of expressions that ANALYZE would gather.
\ir ../rule.psql
SELECT no_plan();
CREATE EXTENSION pageinspect;
CREATE EXTENSION pg_trgm;
CREATE EXTENSION btree_gist;
CREATE EXTENSION bloom;
SELECT setseed(0.3) \g /dev/null

-- Larger than what is sampled of it.
CREATE TABLE large AS
SELECT i AS id, (random() * 60000)::int AS fifth, (random() * 500)::int AS few, i / 4 AS four,
       floor(300000 * power(random(), 4))::int AS skewed,
       (ARRAY['new', 'open', 'done'])[1 + floor(3 * power(random(), 3))::int] AS status,
       CASE WHEN random() < 0.2 THEN (random() * 9000)::int END AS sparse,
       round((random() * 9999)::numeric, 2) AS price, md5(i::text) AS hex, repeat('y', i % 60) || i % 2000 AS wide
FROM generate_series(1, 300000) i;

-- All of it is read.
CREATE TABLE small AS
SELECT i AS id, i % 300 AS few, 'street ' || md5((i % 9000)::text) AS address,
       (SELECT array_agg('tag' || floor(3000 * power(random(), 3))::int) FROM generate_series(1, 1 + i % 5)) AS tags,
       (SELECT array_agg((random() * 20000)::int) FROM generate_series(1, 1 + i % 7)) AS numbers,
       jsonb_build_object('id', i, 'kind', i % 3, 'name', 'n' || i % 700) AS body,
       to_tsvector('simple', 'w' || i % 700 || ' w' || i % 999 || ' w' || i % 13) AS words,
       point(random() * 1000, random() * 1000) AS spot, int4range(i * 7919 % 20000, i * 7919 % 20000 + i % 90) AS span,
       box(point(random() * 1000, random() * 1000), point(random() * 1000, random() * 1000)) AS area,
       ('10.1.' || i % 200 || '.' || i % 255)::inet AS ip
FROM generate_series(1, 20000) i;
CREATE TABLE empty (id int, t text);
CREATE TABLE tiny AS SELECT 1 AS id;
CREATE TABLE unknown AS SELECT i AS id, i % 10 AS n FROM generate_series(1, 50000) i;
VACUUM ANALYZE large;
VACUUM ANALYZE small;
VACUUM ANALYZE tiny;
VACUUM ANALYZE empty;

-- How far an estimate may be off.
CREATE TABLE cases (id int GENERATED ALWAYS AS IDENTITY, percent numeric, index text);
INSERT INTO cases (percent, index) VALUES
    (0.5, 'large (id)'), (5, 'large (fifth)'), (5, 'large (few)'), (6, 'large (four)'), (6, 'large (skewed)'),
    (2, 'large (status)'), (2, 'large (sparse)'), (6, 'large (sparse) WHERE sparse IS NOT NULL'), (1, 'large (price)'),
    (1, 'large (hex)'), (4, 'large (wide)'), (5, 'large (few, status)'), (6, 'large (status, skewed)'),
    (1, 'large (id DESC) INCLUDE (price)'), (5, 'large (upper(wide))'), (5, 'large (fifth) WITH (fillfactor = 60)'),
    (1, 'large (fifth) WITH (deduplicate_items = off)'), (2, 'small (few)'), (2, 'small (address)'),
    (2, 'small (ip, few)'), (0, 'empty (t)'), (0, 'tiny (id)'), (1, 'unknown (n)'),
    (0, 'large USING hash (id)'), (3, 'large USING hash (fifth)'), (0, 'small USING hash (address)'),
    (0, 'empty USING hash (t)'), (1, 'large USING hash (sparse) WHERE sparse IS NOT NULL'),
    (0, 'large USING brin (id)'), (0, 'large USING brin (id) WITH (pages_per_range = 1)'),
    (0, 'large USING brin (hex, four) WITH (pages_per_range = 4)'), (0, 'empty USING brin (id)'),
    (5, 'large USING brin (fifth int4_minmax_multi_ops) WITH (pages_per_range = 2)'),
    (5, 'large USING brin (hex text_bloom_ops) WITH (pages_per_range = 8)'),
    (0, 'small USING brin (ip inet_inclusion_ops) WITH (pages_per_range = 2)'),
    (20, 'small USING gin (tags)'), (20, 'small USING gin (numbers)'), (20, 'small USING gin (body)'),
    (20, 'small USING gin (body jsonb_path_ops)'), (20, 'small USING gin (words)'), (20, 'small USING gin (tags, words)'),
    (20, 'small USING gin (address gin_trgm_ops)'), (20, 'large USING gin (status gin_trgm_ops)'),
    (20, 'small USING gist (spot)'), (20, 'small USING gist (area)'), (20, 'small USING gist (span)'),
    (20, 'small USING gist (words)'), (20, 'small USING gist (ip inet_ops)'), (20, 'small USING gist (address gist_trgm_ops)'),
    (20, 'large USING gist (fifth)'), (20, 'small USING gist (ip inet_ops, span)'),
    (20, 'small USING spgist (spot)'), (20, 'small USING spgist (spot kd_point_ops)'), (20, 'small USING spgist (area)'),
    (20, 'small USING spgist (ip)'), (20, 'small USING spgist (span)'), (20, 'large USING spgist (hex)'),
    (0, 'large USING bloom (fifth, few)'), (0, 'large USING bloom (fifth) WITH (length = 160)');

CREATE FUNCTION test.built(create_index text, OUT pages bigint, OUT height int) LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE create_index;
    pages := pg_relation_size('i') / current_setting('block_size')::int;
    IF create_index !~ 'USING' THEN
        height := (bt_metap('i')).level;
    END IF;
    DROP INDEX i;
END $$;
CREATE TABLE results AS
SELECT c.*, e.bytes / current_setting('block_size')::int AS pages, e.height, b.pages AS real_pages, b.height AS real_height
FROM cases c, LATERAL (SELECT 'CREATE INDEX i ON ' || c.index AS ddl) d, dbadvisor.estimate_index(d.ddl) e, test.built(d.ddl) b;

SELECT cmp_ok(abs(100.0 * (pages - real_pages) / real_pages), '<=', percent,
              format('%s: %s pages on paper, %s really', index, pages, real_pages))
FROM results ORDER BY id;
SELECT is(height, real_height, index || ' is as high')
FROM results WHERE index !~ 'USING' ORDER BY id;

-- One value in one row is enough for CREATE INDEX to fail.
CREATE TABLE too_wide AS SELECT i AS id, repeat('z', 5000) AS compressible, 'short' AS incompressible FROM generate_series(1, 500) i;
UPDATE too_wide SET incompressible = (SELECT string_agg(md5(n::text), '') FROM generate_series(1, 200) n) WHERE id = 77;
SELECT throws_ok('CREATE INDEX ON too_wide (incompressible)', '54000', NULL, 'an entry can be too wide');
SELECT cmp_ok(too_wide, '>', 2704::bigint, 'which is told')
FROM dbadvisor.estimate_index('CREATE INDEX ON too_wide (incompressible)');
SELECT lives_ok('CREATE INDEX ON too_wide (compressible)', 'one that compression makes small is not');
SELECT is(too_wide, NULL, 'nor is it told to be')
FROM dbadvisor.estimate_index('CREATE INDEX ON too_wide (compressible)');
SELECT is(too_wide, NULL, 'a hash index takes any')
FROM dbadvisor.estimate_index('CREATE INDEX ON too_wide USING hash (incompressible)');
SELECT is(too_wide, NULL, 'a predicate can keep it out')
FROM dbadvisor.estimate_index('CREATE INDEX ON too_wide (incompressible) WHERE id > 100');
SELECT cmp_ok(too_wide, '>', 2704::bigint, 'GIN has a limit, too')
FROM dbadvisor.estimate_index('CREATE INDEX ON too_wide USING gin ((ARRAY[incompressible]))');

-- Expressions are judged as after CREATE INDEX and ANALYZE, for many indexes at once.
-- That of a partial index must not be computed for all rows, nor judged by.
CREATE FUNCTION test.rows_of(plan text) RETURNS float8 LANGUAGE sql AS $$
    SELECT substring(plan FROM ' rows=([0-9]+)')::float8
$$;
CREATE FUNCTION test.explained(query text) RETURNS float8 LANGUAGE plpgsql AS $$
DECLARE
    line text;
BEGIN
    EXECUTE 'EXPLAIN ' || query INTO line;
    RETURN test.rows_of(line);
END $$;
CREATE TABLE questions (query text);
INSERT INTO questions VALUES
    ('SELECT * FROM large WHERE upper(status) = ''OPEN'''), ('SELECT * FROM large WHERE upper(status) = ''NEW'''),
    ('SELECT * FROM large WHERE fifth + few < 500'), ('SELECT * FROM large WHERE 1000 / few > 300 AND few > 0'),
    ('SELECT * FROM large WHERE upper(wide) IS NULL'), ('SELECT * FROM large WHERE sparse % 7 = 3');
\set indexes '''{CREATE INDEX a ON large (upper(status)),CREATE INDEX b ON large ((fifth + few)),"CREATE INDEX c ON large ((1000 / few)) WHERE few > 0",CREATE INDEX d ON large (upper(wide)),CREATE INDEX e ON large ((sparse % 7))}'''
CREATE TABLE answers AS
SELECT q.query, test.rows_of(w.plan_before) AS before, test.rows_of(w.plan_after) AS after
FROM questions q, dbadvisor.whatif(q.query, :indexes) w;
CREATE INDEX a ON large (upper(status));
CREATE INDEX b ON large ((fifth + few));
CREATE INDEX c ON large ((1000 / few)) WHERE few > 0;
CREATE INDEX d ON large (upper(wide));
CREATE INDEX e ON large ((sparse % 7));
ANALYZE large;
SELECT cmp_ok(abs(after - test.explained(query)), '<=', 20 + 0.25 * test.explained(query),
              format('%s: %s rows on paper, %s really', query, after, test.explained(query)))
FROM answers;
SELECT cmp_ok(count(*), '>=', 4::bigint, 'which without the index is far off')
FROM answers WHERE abs(before - test.explained(query)) > 0.5 * test.explained(query);

SELECT * FROM finish();
