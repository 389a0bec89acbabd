-- whatif(): a statement costs on paper what it costs once the index is really
-- there, for plain, expression, partial and covering indexes and in any order;
-- mistakes are the server's; nothing is left behind.
\ir ../rule.psql
SELECT no_plan();

CREATE TABLE orders (
    id       int PRIMARY KEY,
    customer int NOT NULL,
    status   text NOT NULL,
    total    numeric(10, 2),
    note     text,
    placed   timestamptz NOT NULL
);
INSERT INTO orders
SELECT i, i * 7919 % 2000, CASE WHEN i % 50 = 0 THEN 'open' ELSE 'done' END, i % 9973, md5((i % 9000)::text),
       timestamptz '2024-01-01' + i * interval '1 min'
FROM generate_series(1, 60000) i;
CREATE TABLE "Odd ""name" ("the key" int, v text);
INSERT INTO "Odd ""name" SELECT i, 'v' || i % 70 FROM generate_series(1, 20000) i;
CREATE TABLE part (at date NOT NULL, n int, dropped int, k int) PARTITION BY RANGE (at);
CREATE TABLE part_1 PARTITION OF part FOR VALUES FROM ('2024-01-01') TO ('2024-07-01');
CREATE TABLE part_2 (k int, at date NOT NULL, n int, dropped int);
ALTER TABLE part ATTACH PARTITION part_2 FOR VALUES FROM ('2024-07-01') TO ('2025-01-01');
INSERT INTO part SELECT date '2024-01-01' + i % 360, i, 0, i % 3000 FROM generate_series(1, 60000) i;
VACUUM ANALYZE orders;
VACUUM ANALYZE "Odd ""name";
VACUUM ANALYZE part_1;
VACUUM ANALYZE part_2;
ANALYZE part;

CREATE TABLE cases (id int GENERATED ALWAYS AS IDENTITY, query text, index text, used boolean DEFAULT true);
INSERT INTO cases (query, index) VALUES
    ('SELECT * FROM orders WHERE customer = 5', 'CREATE INDEX i ON orders (customer)'),
    ('SELECT * FROM orders WHERE customer = 5 AND status = ''open''', 'CREATE INDEX i ON orders (status, customer)'),
    ('SELECT * FROM orders WHERE customer = 5 ORDER BY placed DESC LIMIT 10', 'CREATE INDEX i ON orders (customer, placed)'),
    ('SELECT * FROM orders ORDER BY customer, placed DESC LIMIT 10', 'CREATE INDEX i ON orders (customer, placed DESC)'),
    ('SELECT * FROM orders ORDER BY total NULLS FIRST LIMIT 10', 'CREATE INDEX i ON orders (total NULLS FIRST)'),
    ('SELECT customer, count(*) FROM orders WHERE customer < 20 GROUP BY customer', 'CREATE INDEX i ON orders (customer)'),
    ('SELECT total FROM orders WHERE customer = 7', 'CREATE INDEX i ON orders (customer) INCLUDE (total)'),
    ('SELECT * FROM orders WHERE status = ''open'' AND placed > ''2024-02-10''', 'CREATE INDEX i ON orders (placed) WHERE status = ''open'''),
    ('SELECT * FROM orders WHERE note LIKE ''abc%''', 'CREATE INDEX i ON orders (note text_pattern_ops)'),
    ('SELECT * FROM orders WHERE placed < ''2024-01-02''', 'CREATE UNIQUE INDEX i ON orders (placed)'),
    ('SELECT * FROM orders a JOIN orders b ON b.customer = a.id WHERE a.customer = 4 AND a.id < 500', 'CREATE INDEX i ON orders (customer)'),
    ('SELECT max(total) FROM orders', 'CREATE INDEX i ON orders (total)'),
    ('SELECT DISTINCT customer FROM orders WHERE customer > 1990', 'CREATE INDEX i ON orders (customer)'),
    ('SELECT * FROM "Odd ""name" WHERE "the key" = 3', 'CREATE INDEX "a ""b" ON "Odd ""name" ("the key")'),
    ('SELECT * FROM part WHERE k = 17', 'CREATE INDEX i ON part (k)'),
    ('SELECT * FROM part WHERE k = 17 AND at = ''2024-08-03''', 'CREATE INDEX i ON part (at, k)'),
    ('UPDATE orders SET total = 0 WHERE customer = 9', 'CREATE INDEX i ON orders (customer)'),
    ('DELETE FROM orders WHERE customer = 9', 'CREATE INDEX i ON orders (customer)'),
    ('SELECT * FROM orders WHERE customer = $1', 'CREATE INDEX i ON orders (customer)'),
    ('SELECT * FROM orders WHERE customer = 5 WITH', NULL);
DELETE FROM cases WHERE index IS NULL;

-- What a statement costs as EXPLAIN says, with generic plans for parameters.
CREATE FUNCTION test.cost(query text) RETURNS float8 LANGUAGE plpgsql AS $$
DECLARE
    line text;
BEGIN
    IF query ~ '\$1' THEN
        SET LOCAL plan_cache_mode = force_generic_plan;
        EXECUTE 'PREPARE generic AS ' || query;
        EXECUTE 'EXPLAIN EXECUTE generic(NULL)' INTO line;
        DEALLOCATE generic;
    ELSE
        EXECUTE 'EXPLAIN ' || query INTO line;
    END IF;
    RETURN substring(line FROM 'cost=[0-9.]+[.][.]([0-9.]+)')::float8;
END $$;
CREATE FUNCTION test.really(query text, index text) RETURNS float8 LANGUAGE plpgsql AS $$
DECLARE
    result float8;
BEGIN
    BEGIN
        EXECUTE index;
        result := test.cost(query);
        RAISE EXCEPTION SQLSTATE 'UNDO1';
    EXCEPTION WHEN SQLSTATE 'UNDO1' THEN
        RETURN result;
    END;
END $$;

SELECT cmp_ok(abs(w.cost_before - test.cost(c.query)), '<=', 0.0051::float8, 'before: ' || c.query)
FROM cases c, dbadvisor.whatif(c.query, ARRAY[c.index]) w ORDER BY c.id;
SELECT ok(cardinality(w.used_indexes) > 0 AND w.cost_after < w.cost_before, c.index || ' is used: ' || c.query)
FROM cases c, dbadvisor.whatif(c.query, ARRAY[c.index]) w ORDER BY c.id;
SELECT cmp_ok(abs(w.cost_after / test.really(c.query, c.index) - 1), '<=', 0.01::float8, 'after, as with ' || c.index || ': ' || c.query)
FROM cases c, dbadvisor.whatif(c.query, ARRAY[c.index]) w ORDER BY c.id;

SELECT is(w.used_indexes, '{orders_customer_placed_idx}', 'an index without a name has the one that it would get')
FROM dbadvisor.whatif('SELECT * FROM orders WHERE customer = 5 ORDER BY placed', '{CREATE INDEX ON orders (customer\, placed)}') w;
SELECT matches(w.plan_after, 'using i on orders', 'and plans name it')
FROM dbadvisor.whatif('SELECT * FROM orders WHERE customer = 5 ORDER BY placed LIMIT 3', '{"CREATE INDEX i ON orders (customer, placed)"}') w;

SELECT * FROM finish();
