-- What an index costs on paper is what it costs once it is there, and the plan is
-- the same: of every access method of the server and some of its extensions, and
-- in all kinds of statements.  Where not, both plans are shown.
--
-- Each table has fewer rows than ANALYZE samples, so that to analyze it again,
-- which an index on an expression needs, changes nothing else.  Ranges lie in the
-- middle of a column's values: at their ends the planner looks into a real index
-- for what they are by now.
\ir ../rule.psql
SELECT no_plan();
SET client_min_messages = warning;
CREATE EXTENSION pg_trgm;
CREATE EXTENSION btree_gist;
CREATE EXTENSION btree_gin;
CREATE EXTENSION bloom;
RESET client_min_messages;

CREATE TABLE t (
    id   int PRIMARY KEY,
    k    int NOT NULL,          -- 2 000 values, strewn
    few  int NOT NULL,          -- 20 values
    rare boolean NOT NULL,      -- 1 % true
    word text NOT NULL,
    name text COLLATE "C" NOT NULL,
    num  numeric(12, 2),
    nul  int,                   -- half of them NULL
    f    float8 NOT NULL,
    ts   timestamptz NOT NULL,  -- as the table is ordered
    u    uuid NOT NULL,
    pad  text NOT NULL
);
INSERT INTO t
SELECT i, i * 7919 % 2000, i % 20, i % 100 = 0, md5((i % 7000)::text), md5((i * 31)::text), i % 9973,
       CASE WHEN i % 2 = 0 THEN i * 13 % 4000 END, i * 7 % 30011 / 3.0,
       timestamptz '2024-01-01 00:00 UTC' + i * interval '1 min', md5(i::text)::uuid, repeat('x', 100)
FROM generate_series(1, 30000) i;
CREATE TABLE s (id int PRIMARY KEY, t_id int NOT NULL, kind int NOT NULL, amount int NOT NULL, pad text NOT NULL);
INSERT INTO s SELECT i, i * 37 % 30000 + 1, i % 300, i % 1000, repeat('y', 60) FROM generate_series(1, 30000) i;
CREATE TABLE dim (id int PRIMARY KEY, label text NOT NULL);
INSERT INTO dim SELECT i, 'label ' || i FROM generate_series(1, 300) i;
CREATE TABLE docs (id int PRIMARY KEY, tags text[], nums int[], j jsonb, body tsvector, title text, pad text);
INSERT INTO docs
SELECT i, ARRAY['t' || i % 500, 'u' || i % 37, 'v' || i % 3], ARRAY[i % 900, i % 41],
       jsonb_build_object('a', i % 400, 'b', jsonb_build_object('c', 'x' || i % 90), 'tags', jsonb_build_array(i % 13)),
       to_tsvector('simple', 'word' || i % 600 || ' other' || i % 45 || ' common'),
       md5((i % 3000)::text) || ' ' || md5((i % 5000)::text), repeat('z', 300)
FROM generate_series(1, 12000) i;
CREATE TABLE geo (id int PRIMARY KEY, p point NOT NULL, r int4range NOT NULL, ip inet NOT NULL, bx box NOT NULL, n int NOT NULL, pad text);
INSERT INTO geo
SELECT i, point(i * 7919 % 10007, i * 104729 % 10009), int4range(i * 31 % 30000, i * 31 % 30000 + i % 50 + 1),
       ('10.' || i % 200 || '.' || i * 7 % 250 || '.' || i * 13 % 250)::inet,
       box(point(i % 1000, i * 3 % 1000), point(i % 1000 + 5, i * 3 % 1000 + 5)), i * 17 % 5000, repeat('g', 100)
FROM generate_series(1, 20000) i;
CREATE TABLE log (id bigint NOT NULL, at timestamptz NOT NULL, host int NOT NULL, addr inet NOT NULL, pad text NOT NULL);
INSERT INTO log
SELECT i, timestamptz '2024-01-01 00:00 UTC' + i * interval '1 min', i / 100, ('10.0.' || i / 128 || '.' || i % 128)::inet, repeat('l', 500)
FROM generate_series(1, 30000) i;
CREATE TABLE part (at date NOT NULL, n int NOT NULL, gone int, k int NOT NULL, pad text) PARTITION BY RANGE (at);
CREATE TABLE part_1 PARTITION OF part FOR VALUES FROM ('2024-01-01') TO ('2024-07-01');
CREATE TABLE part_2 (pad text, k int NOT NULL, at date NOT NULL, gone int, n int NOT NULL);
ALTER TABLE part ATTACH PARTITION part_2 FOR VALUES FROM ('2024-07-01') TO ('2025-01-01');
INSERT INTO part SELECT date '2024-01-01' + i % 360, i, 0, i % 3000, repeat('p', 100) FROM generate_series(1, 30000) i;
ALTER TABLE part DROP COLUMN gone;
CREATE TABLE parent (id int NOT NULL, k int NOT NULL, pad text);
CREATE TABLE child () INHERITS (parent);
INSERT INTO parent SELECT i, i % 2500, repeat('a', 80) FROM generate_series(1, 15000) i;
INSERT INTO child SELECT i, i % 2500, repeat('a', 80) FROM generate_series(1, 15000) i;
CREATE MATERIALIZED VIEW mat AS SELECT id, k, pad FROM t;
VACUUM ANALYZE t, s, dim, docs, geo, log, part, part_1, part_2, parent, child, mat;

CREATE TABLE cases (
    id      int GENERATED ALWAYS AS IDENTITY,
    query   text NOT NULL,
    indexes text[] NOT NULL,
    off     text,               -- a way of the planner's that is switched off
    within  float8 DEFAULT 0.01,    -- more where the size, which is estimated, is all of it
    analyzed text               -- the table of an index on an expression
);
INSERT INTO cases (query, indexes, off) VALUES
    -- btrees
    ('SELECT * FROM t WHERE k = 5', '{CREATE INDEX i ON t (k)}', NULL),
    ('SELECT * FROM t WHERE k < 1005 ORDER BY k DESC LIMIT 7', '{CREATE INDEX i ON t (k DESC)}', NULL),
    ('SELECT * FROM t ORDER BY nul DESC NULLS LAST LIMIT 10', '{CREATE INDEX i ON t (nul DESC NULLS LAST)}', NULL),
    ('SELECT * FROM t ORDER BY nul NULLS FIRST LIMIT 10', '{CREATE INDEX i ON t (nul NULLS FIRST)}', NULL),
    ('SELECT * FROM t ORDER BY few, num DESC LIMIT 20', '{"CREATE INDEX i ON t (few, num DESC)"}', NULL),
    ('SELECT * FROM t WHERE nul IS NULL AND k = 9', '{"CREATE INDEX i ON t (k, nul)"}', NULL),
    ('SELECT count(*) FROM t WHERE nul IS NOT NULL', '{CREATE INDEX i ON t (nul)}', NULL),
    ('SELECT num FROM t WHERE k = 7', '{CREATE INDEX i ON t (k) INCLUDE (num)}', NULL),
    ('SELECT k, num FROM t WHERE k BETWEEN 1000 AND 1060', '{"CREATE INDEX i ON t (k, num)"}', NULL),
    ('SELECT * FROM t WHERE rare AND ts > ''2024-01-20''', '{CREATE INDEX i ON t (ts) WHERE rare}', NULL),
    ('SELECT * FROM t WHERE few = 3 AND k = 11', '{CREATE INDEX i ON t (k) WHERE few = 3}', NULL),
    ('SELECT * FROM t WHERE word LIKE ''ab%''', '{CREATE INDEX i ON t (word text_pattern_ops)}', NULL),
    ('SELECT * FROM t WHERE name LIKE ''abc%''', '{CREATE INDEX i ON t (name)}', NULL),
    ('SELECT * FROM t ORDER BY word COLLATE "C" LIMIT 5', '{"CREATE INDEX i ON t (word COLLATE \"C\")"}', NULL),
    ('SELECT * FROM t WHERE u = ''c4ca4238-a0b9-2382-0dcc-509a6f75849b''', '{CREATE UNIQUE INDEX i ON t (u)}', NULL),
    ('SELECT * FROM t WHERE f BETWEEN 50 AND 60', '{CREATE INDEX i ON t (f)}', NULL),
    ('SELECT * FROM t WHERE k IN (3, 99, 1500, 42)', '{CREATE INDEX i ON t (k)}', NULL),
    ('SELECT * FROM t WHERE few IN (3, 4) AND k IN (3, 44) AND num > 100', '{"CREATE INDEX i ON t (few, k, num)"}', NULL),
    ('SELECT * FROM t WHERE k = 5 AND ts > ''2024-01-10'' ORDER BY ts LIMIT 5', '{"CREATE INDEX i ON t (k, ts)"}', NULL),
    ('SELECT * FROM t WHERE (k, id) > (1990, 5) ORDER BY k, id LIMIT 10', '{"CREATE INDEX i ON t (k, id)"}', NULL),
    ('SELECT * FROM t WHERE num = 12.5', '{CREATE INDEX i ON t (num) WITH (fillfactor = 50)}', NULL),
    ('SELECT * FROM t WHERE ts >= ''2024-01-03'' AND ts < ''2024-01-04''', '{CREATE INDEX i ON t (ts)}', NULL),
    ('SELECT * FROM t WHERE k = 5 OR nul = 77', '{CREATE INDEX i ON t (k),CREATE INDEX j ON t (nul)}', NULL),
    ('SELECT * FROM t WHERE k BETWEEN 1005 AND 1020 AND nul BETWEEN 700 AND 720', '{CREATE INDEX i ON t (k),CREATE INDEX j ON t (nul)}', NULL),
    ('SELECT * FROM t WHERE k = $1', '{CREATE INDEX i ON t (k)}', NULL),
    ('SELECT * FROM t WHERE k = $1 AND ts > $2', '{"CREATE INDEX i ON t (k, ts)"}', NULL),
    -- hash
    ('SELECT * FROM t WHERE word = ''c4ca4238a0b923820dcc509a6f75849b''', '{CREATE INDEX i ON t USING hash (word)}', NULL),
    ('SELECT * FROM s JOIN t ON t.k = s.amount WHERE s.id < 10', '{CREATE INDEX i ON t USING hash (k)}', NULL),
    -- GIN
    ('SELECT * FROM docs WHERE tags @> ''{t7,u7}''', '{CREATE INDEX i ON docs USING gin (tags)}', NULL),
    ('SELECT * FROM docs WHERE nums && ''{5,800}''', '{CREATE INDEX i ON docs USING gin (nums)}', NULL),
    ('SELECT * FROM docs WHERE j @> ''{"a": 17}''', '{CREATE INDEX i ON docs USING gin (j)}', NULL),
    ('SELECT * FROM docs WHERE j @> ''{"b": {"c": "x7"}}''', '{CREATE INDEX i ON docs USING gin (j jsonb_path_ops)}', NULL),
    ('SELECT * FROM docs WHERE j @? ''$.b.c ? (@ == "x7")''', '{CREATE INDEX i ON docs USING gin (j jsonb_path_ops)}', NULL),
    ('SELECT * FROM docs WHERE body @@ to_tsquery(''simple'', ''word5 & other5'')', '{CREATE INDEX i ON docs USING gin (body)}', NULL),
    ('SELECT * FROM docs WHERE body @@ to_tsquery(''simple'', ''word5:*'')', '{CREATE INDEX i ON docs USING gin (body)}', NULL),
    ('SELECT * FROM docs WHERE title LIKE ''%c4ca4%''', '{CREATE INDEX i ON docs USING gin (title gin_trgm_ops)}', NULL),
    ('SELECT * FROM docs WHERE title ILIKE ANY (ARRAY[''%c4ca4%'', ''%eccbc%''])', '{CREATE INDEX i ON docs USING gin (title gin_trgm_ops)}', NULL),
    ('SELECT * FROM s WHERE kind = 5 AND amount = 305', '{"CREATE INDEX i ON s USING gin (kind, amount)"}', NULL),
    ('SELECT * FROM dim d JOIN docs ON docs.nums @> ARRAY[d.id] WHERE d.id < 4', '{CREATE INDEX i ON docs USING gin (nums)}', NULL),
    -- GiST
    ('SELECT * FROM geo WHERE r && int4range(100, 110)', '{CREATE INDEX i ON geo USING gist (r)}', NULL),
    ('SELECT * FROM geo WHERE p <@ box(point(10, 10), point(200, 200))', '{CREATE INDEX i ON geo USING gist (p)}', NULL),
    ('SELECT * FROM geo ORDER BY p <-> point(500, 500) LIMIT 10', '{CREATE INDEX i ON geo USING gist (p)}', NULL),
    ('SELECT * FROM geo WHERE ip << ''10.7.0.0/16''', '{CREATE INDEX i ON geo USING gist (ip inet_ops)}', NULL),
    ('SELECT * FROM geo WHERE bx && box(point(5, 5), point(9, 9))', '{CREATE INDEX i ON geo USING gist (bx)}', NULL),
    ('SELECT * FROM geo WHERE n = 17 AND r @> 527', '{"CREATE INDEX i ON geo USING gist (n, r)"}', NULL),
    ('SELECT * FROM docs ORDER BY title <-> ''c4ca4238'' LIMIT 5', '{CREATE INDEX i ON docs USING gist (title gist_trgm_ops (siglen = 32))}', NULL),
    ('SELECT * FROM docs WHERE body @@ to_tsquery(''simple'', ''word5'')', '{CREATE INDEX i ON docs USING gist (body)}', NULL),
    -- SP-GiST
    ('SELECT * FROM t WHERE word = ''c4ca4238a0b923820dcc509a6f75849b''', '{CREATE INDEX i ON t USING spgist (word)}', NULL),
    ('SELECT * FROM geo WHERE p <@ box(point(10, 10), point(100, 100))', '{CREATE INDEX i ON geo USING spgist (p)}', NULL),
    ('SELECT * FROM geo ORDER BY p <-> point(1, 1) LIMIT 3', '{CREATE INDEX i ON geo USING spgist (p kd_point_ops)}', NULL),
    ('SELECT * FROM geo WHERE ip <<= ''10.7.7.0/24''', '{CREATE INDEX i ON geo USING spgist (ip)}', NULL),
    ('SELECT * FROM geo WHERE r @> 1234', '{CREATE INDEX i ON geo USING spgist (r)}', NULL),
    -- BRIN
    ('SELECT * FROM log WHERE at BETWEEN ''2024-01-03'' AND ''2024-01-04''', '{CREATE INDEX i ON log USING brin (at)}', NULL),
    ('SELECT * FROM log WHERE at BETWEEN ''2024-01-03'' AND ''2024-01-04''', '{CREATE INDEX i ON log USING brin (at) WITH (pages_per_range = 8)}', NULL),
    ('SELECT * FROM log WHERE host = 77', '{CREATE INDEX i ON log USING brin (host int4_minmax_multi_ops) WITH (pages_per_range = 1)}', NULL),
    ('SELECT * FROM log WHERE id = 4711::bigint', '{CREATE INDEX i ON log USING brin (id int8_bloom_ops) WITH (pages_per_range = 16)}', NULL),
    ('SELECT * FROM log WHERE addr <<= ''10.0.7.0/24''', '{CREATE INDEX i ON log USING brin (addr inet_inclusion_ops) WITH (pages_per_range = 4)}', NULL),
    ('SELECT * FROM log WHERE at > ''2024-01-20'' AND host BETWEEN 280 AND 281', '{"CREATE INDEX i ON log USING brin (at, host) WITH (pages_per_range = 300)"}', NULL),
    -- of an extension
    ('SELECT * FROM t WHERE k = 5 AND few = 5', '{"CREATE INDEX i ON t USING bloom (k, few) WITH (length = 64)"}', NULL),
    -- joins
    ('SELECT * FROM dim d JOIN s ON s.kind = d.id WHERE d.label = ''label 7''', '{CREATE INDEX i ON s (kind)}', NULL),
    ('SELECT t.id, s.amount FROM t JOIN s ON s.t_id = t.id', '{CREATE INDEX i ON s (t_id) INCLUDE (amount)}', 'hashjoin'),
    ('SELECT a.k FROM t a JOIN t b ON a.k = b.nul', '{CREATE INDEX i ON t (k),CREATE INDEX j ON t (nul)}', 'hashjoin'),
    ('SELECT * FROM t WHERE EXISTS (SELECT FROM s WHERE s.t_id = t.id AND s.amount = 5) AND k < 300', '{"CREATE INDEX i ON s (amount, t_id)"}', NULL),
    ('SELECT * FROM dim WHERE NOT EXISTS (SELECT FROM s WHERE s.kind = dim.id)', '{CREATE INDEX i ON s (kind)}', NULL),
    ('SELECT d.id, x.* FROM dim d, LATERAL (SELECT * FROM s WHERE s.kind = d.id ORDER BY amount DESC LIMIT 2) x', '{"CREATE INDEX i ON s (kind, amount)"}', NULL),
    ('SELECT d.id, (SELECT max(amount) FROM s WHERE s.kind = d.id) FROM dim d', '{"CREATE INDEX i ON s (kind, amount)"}', NULL),
    ('SELECT d.* FROM dim d LEFT JOIN t ON t.u = md5(d.label)::uuid', '{CREATE UNIQUE INDEX i ON t (u)}', NULL),
    ('SELECT d.* FROM dim d JOIN t ON t.u = md5(d.label)::uuid', '{CREATE UNIQUE INDEX i ON t (u)}', NULL),
    -- order, groups, windows
    ('SELECT k, count(*) FROM t WHERE k BETWEEN 1000 AND 1030 GROUP BY k', '{CREATE INDEX i ON t (k)}', NULL),
    ('SELECT k, sum(num) FROM t GROUP BY k ORDER BY k LIMIT 5', '{CREATE INDEX i ON t (k) INCLUDE (num)}', NULL),
    ('SELECT DISTINCT k FROM t WHERE k > 1900', '{CREATE INDEX i ON t (k)}', NULL),
    ('SELECT DISTINCT ON (kind) kind, amount FROM s ORDER BY kind, amount DESC', '{"CREATE INDEX i ON s (kind, amount DESC)"}', NULL),
    ('SELECT k, row_number() OVER (PARTITION BY k ORDER BY ts) FROM t WHERE k BETWEEN 900 AND 1000', '{"CREATE INDEX i ON t (k, ts)"}', NULL),
    ('SELECT min(num), max(num) FROM t', '{CREATE INDEX i ON t (num)}', NULL),
    ('SELECT * FROM t ORDER BY few, k, id LIMIT 10', '{"CREATE INDEX i ON t (few, k)"}', NULL),
    -- other forms
    ('WITH x AS MATERIALIZED (SELECT * FROM t WHERE k = 8) SELECT * FROM x JOIN s ON s.t_id = x.id', '{CREATE INDEX i ON t (k),CREATE INDEX j ON s (t_id)}', NULL),
    ('SELECT * FROM t WHERE k = 1 UNION ALL SELECT * FROM t WHERE nul = 1', '{CREATE INDEX i ON t (k),CREATE INDEX j ON t (nul)}', NULL),
    ('SELECT * FROM part WHERE k = 17', '{CREATE INDEX i ON part (k)}', NULL),
    ('SELECT * FROM part WHERE k = 17 AND at = ''2024-08-03''', '{"CREATE INDEX i ON part (at, k)"}', NULL),
    ('SELECT * FROM part ORDER BY at DESC LIMIT 5', '{CREATE INDEX i ON part (at)}', NULL),
    ('SELECT dim.* FROM dim LEFT JOIN part ON part.at = date ''2024-03-01'' AND part.n = dim.id', '{"CREATE UNIQUE INDEX i ON part (at, n)"}', NULL),
    ('SELECT * FROM parent WHERE k = 12', '{CREATE INDEX i ON parent (k)}', NULL),
    ('SELECT * FROM parent WHERE k = 12', '{CREATE INDEX i ON parent (k),CREATE INDEX j ON child (k)}', NULL),
    ('SELECT dim.* FROM dim LEFT JOIN parent ON parent.id = dim.id', '{CREATE UNIQUE INDEX i ON parent (id),CREATE UNIQUE INDEX j ON child (id)}', NULL),
    ('SELECT * FROM mat WHERE k = 5', '{CREATE INDEX i ON mat (k)}', NULL),
    ('UPDATE t SET num = 0 WHERE k = 9', '{CREATE INDEX i ON t (k)}', NULL),
    ('UPDATE s SET amount = 0 FROM t WHERE t.id = s.t_id AND t.k = 9', '{CREATE INDEX i ON t (k),CREATE INDEX j ON s (t_id)}', NULL),
    ('DELETE FROM t WHERE k = 9', '{CREATE INDEX i ON t (k)}', NULL),
    ('DELETE FROM part WHERE k = 9', '{CREATE INDEX i ON part (k)}', NULL),
    ('INSERT INTO dim SELECT id, word FROM t WHERE k = 9 ON CONFLICT DO NOTHING', '{CREATE INDEX i ON t (k)}', NULL),
    ('MERGE INTO s USING (SELECT * FROM t WHERE k = 3) x ON s.t_id = x.id WHEN MATCHED THEN DELETE', '{CREATE INDEX i ON t (k),CREATE INDEX j ON s (t_id)}', NULL),
    ('WITH gone AS (DELETE FROM s WHERE kind = 3 RETURNING t_id) SELECT * FROM t WHERE id IN (SELECT t_id FROM gone)', '{CREATE INDEX i ON s (kind)}', NULL);
INSERT INTO cases (query, indexes, analyzed) VALUES
    ('SELECT * FROM t WHERE upper(word) = ''C4CA4238A0B923820DCC509A6F75849B''', '{CREATE INDEX i ON t (upper(word))}', 't'),
    ('SELECT * FROM t WHERE k + few < 10', '{CREATE INDEX i ON t ((k + few))}', 't'),
    ('SELECT * FROM docs WHERE (j ->> ''a'')::int = 17', '{CREATE INDEX i ON docs (((j ->> ''a'')::int))}', 'docs'),
    ('SELECT * FROM t ORDER BY abs(f - 100) LIMIT 5', '{CREATE INDEX i ON t (abs(f - 100))}', 't');

UPDATE cases SET within = 0.05
WHERE indexes::text ~ 'USING (gist|spgist)' AND query ~ '<->' OR indexes::text ~ 'USING (spgist|bloom|gist \(n,)';

-- A plan without what may differ: costs, and the names of the partitions' indexes.
CREATE FUNCTION test.shape(plan text) RETURNS text LANGUAGE sql AS $$
    SELECT regexp_replace(regexp_replace(regexp_replace(plan, '  \(cost=[^)]*\)', '', 'g'),
        '(Index [^\n]*)using [^\n]* on ', '\1using INDEX on ', 'g'), 'Bitmap Index Scan on [^\n]*', 'Bitmap Index Scan on INDEX', 'g')
$$;
-- The cost and the plan of EXPLAIN; of parameters the generic plan.
CREATE FUNCTION test.explain(query text, OUT cost float8, OUT plan text) LANGUAGE plpgsql AS $$
DECLARE
    line text;
    parameters text := (SELECT string_agg('NULL', ', ') FROM (SELECT DISTINCT m FROM regexp_matches(query, '\$\d', 'g') m) m);
BEGIN
    IF parameters IS NOT NULL THEN
        PERFORM set_config('plan_cache_mode', 'force_generic_plan', true);
        EXECUTE 'PREPARE generic AS ' || query;
        query := format('EXECUTE generic(%s)', parameters);
    END IF;
    FOR line IN EXECUTE 'EXPLAIN ' || query LOOP
        cost := coalesce(cost, substring(line FROM 'cost=[0-9.]+[.][.]([0-9.]+)')::float8);
        plan := coalesce(plan || E'\n', '') || line;
    END LOOP;
    IF parameters IS NOT NULL THEN
        DEALLOCATE generic;
    END IF;
END $$;
-- The same with the indexes there, which are gone again afterwards.
CREATE FUNCTION test.really(query text, indexes text[], analyzed text, OUT cost float8, OUT plan text) LANGUAGE plpgsql AS $$
DECLARE
    index text;
BEGIN
    FOREACH index IN ARRAY indexes LOOP
        EXECUTE index;
    END LOOP;
    IF analyzed IS NOT NULL THEN
        EXECUTE 'ANALYZE ' || analyzed;
    END IF;
    SELECT * FROM test.explain(query) INTO cost, plan;
    RAISE EXCEPTION SQLSTATE 'UNDO1';
EXCEPTION WHEN SQLSTATE 'UNDO1' THEN
    RETURN;
END $$;
CREATE FUNCTION test.compare(c cases) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
    paper record;
    really record;
    name text := array_to_string(c.indexes, '; ') || ': ' || c.query;
BEGIN
    IF c.off IS NOT NULL THEN
        PERFORM set_config('enable_' || c.off, 'off', true);
    END IF;
    SELECT * FROM dbadvisor.whatif(c.query, c.indexes) INTO paper;
    SELECT * FROM test.really(c.query, c.indexes, c.analyzed) INTO really;
    IF c.off IS NOT NULL THEN
        PERFORM set_config('enable_' || c.off, 'on', true);
    END IF;
    IF test.shape(paper.plan_after) <> test.shape(really.plan) OR
        abs(paper.cost_after - really.cost) > greatest(c.within * really.cost, 0.0051) THEN
        RETURN NEXT diag(format(E'on paper %s:\n%s\nreally %s:\n%s', paper.cost_after, paper.plan_after, really.cost, really.plan));
    END IF;
    -- The printed cost is rounded.
    RETURN NEXT cmp_ok(abs(paper.cost_after - really.cost), '<=', greatest(c.within * really.cost, 0.0051), 'cost of ' || name);
    -- A unique index may do away with a join, and then is not used itself.
    RETURN NEXT cmp_ok(paper.plan_before, '<>', paper.plan_after, 'a change by ' || name);
    RETURN NEXT is(test.shape(paper.plan_after), test.shape(really.plan), 'plan of ' || name);
END $$;

SELECT test.compare(c) FROM cases c ORDER BY id;
SELECT cmp_ok(count(*)::int, '>=', 60, 'within 1 % in so many cases') FROM cases WHERE within = 0.01;

SELECT * FROM finish();
