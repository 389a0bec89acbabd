-- index_advice() where the statement is what has to change: casts and functions on
-- a column that no index can hold or that an index would only hide; a policy of row
-- level security that keeps the condition from the index.
\ir advice.psql
\ir shop.psql
SELECT no_plan();

SELECT test.advises_other('an int compared with a number', 'SELECT * FROM orders WHERE customer_id = 5.0', 'rewrite', 'customer_id',
    better => 'SELECT * FROM orders WHERE customer_id = 5', index => 'orders (customer_id)');
SELECT test.advises_other('an int compared as float8', 'SELECT * FROM orders WHERE customer_id = 5::float8', 'rewrite', 'customer_id',
    better => 'SELECT * FROM orders WHERE customer_id = 5', index => 'orders (customer_id)');
SELECT test.advises_other('an int compared as text', 'SELECT * FROM orders WHERE customer_id::text = ''17''', 'rewrite', 'customer_id',
    better => 'SELECT * FROM orders WHERE customer_id = 17', index => 'orders (customer_id)');
SELECT test.advises_other('a number in a join on text', 'SELECT * FROM customers c JOIN orders o ON o.customer_id::text = c.id::text WHERE c.id = 77',
    'rewrite', 'customer_id',
    better => 'SELECT * FROM customers c JOIN orders o ON o.customer_id = c.id WHERE c.id = 77', index => 'orders (customer_id)');
SELECT test.advises_other('the day of a timestamptz', 'SELECT * FROM orders WHERE placed::date = ''2024-05-01''', 'rewrite', 'placed',
    better => 'SELECT * FROM orders WHERE placed >= ''2024-05-01'' AND placed < ''2024-05-02''', index => 'orders (placed)');
SELECT test.advises_other('date_trunc of a timestamptz', 'SELECT * FROM orders WHERE date_trunc(''day'', placed) = ''2024-05-01''', 'rewrite', 'placed',
    better => 'SELECT * FROM orders WHERE placed >= ''2024-05-01'' AND placed < ''2024-05-02''', index => 'orders (placed)');
SELECT test.advises_other('to_char of a timestamptz', 'SELECT * FROM orders WHERE to_char(placed, ''YYYY-MM-DD'') = ''2024-05-01''', 'rewrite', 'placed',
    better => 'SELECT * FROM orders WHERE placed >= ''2024-05-01'' AND placed < ''2024-05-02''', index => 'orders (placed)');
SELECT test.advises_other('extract from a timestamptz', 'SELECT * FROM orders WHERE extract(epoch FROM placed) > 1735600000', 'rewrite', 'placed',
    better => 'SELECT * FROM orders WHERE placed > to_timestamp(1735600000)', index => 'orders (placed)');
SELECT test.advises_other('arithmetic with now()', 'SELECT * FROM orders WHERE placed + interval ''1 day'' > timestamptz ''2024-12-31''', 'rewrite', 'placed',
    better => 'SELECT * FROM orders WHERE placed > timestamptz ''2024-12-31'' - interval ''1 day''', index => 'orders (placed)');
SELECT test.advises_other('an OR over two tables',
    'SELECT * FROM orders o JOIN customers c ON c.id = o.customer_id WHERE o.total = 99.50 OR c.email = ''User77@example.org''', 'rewrite', 'UNION',
    better => 'SELECT * FROM orders o JOIN customers c ON c.id = o.customer_id WHERE o.total = 99.50
               UNION SELECT * FROM orders o JOIN customers c ON c.id = o.customer_id WHERE c.email = ''User77@example.org''',
    index => 'orders (total)');

-- None of these is what the statement means when it is written well.
SELECT test.advises('a constant that is cast', '{SELECT * FROM orders WHERE customer_id = ''17''::int}', '{orders (customer_id)}');
SELECT test.advises('a cast that changes nothing', '{SELECT * FROM customers WHERE email::varchar = ''User77@example.org''}',
    '{customers (email),customers USING hash (email)}');
SELECT test.advises('bigint against int', '{SELECT * FROM orders WHERE customer_id = 17::bigint}', '{orders (customer_id)}');
SELECT test.advises('a date against a timestamptz', '{SELECT * FROM orders WHERE placed >= date ''2024-12-30''}', '{orders (placed)}');
SELECT test.advises('the beginning of a day', '{SELECT * FROM orders WHERE placed > date_trunc(''day''\, timestamptz ''2024-12-30'')}', '{orders (placed)}');

-- Row level security.
CREATE ROLE advice_tenant IN ROLE pg_monitor;
GRANT CREATE ON SCHEMA public TO advice_tenant;
CREATE TABLE notes (id int PRIMARY KEY, tenant int NOT NULL, code text NOT NULL, body text) WITH (autovacuum_enabled = false);
INSERT INTO notes SELECT i, i % 3, 'c' || i, md5(i::text) || repeat('x', 150) FROM generate_series(1, 60000) i;
VACUUM ANALYZE notes;
ALTER TABLE notes OWNER TO advice_tenant;
ALTER TABLE notes ENABLE ROW LEVEL SECURITY;
ALTER TABLE notes FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON notes USING (tenant = 1);
SELECT test.advises('LIKE by who is above the policy', '{SELECT * FROM notes WHERE body LIKE ''abcd%''}',
    '{notes (body text_pattern_ops)}');
SET ROLE advice_tenant;
SELECT test.advises_none('LIKE under a policy, of which an index learns nothing', '{SELECT * FROM notes WHERE body LIKE ''abcd%''}',
    tempting => 'notes (body text_pattern_ops)');
SELECT test.advises('equality under a policy', '{SELECT * FROM notes WHERE code = ''c77''}',
    '{notes (code),notes USING hash (code),"notes (code, tenant)","notes (tenant, code)",notes (code) WHERE tenant = 1}');
RESET ROLE;

\ir done.psql
DROP OWNED BY advice_tenant;
DROP ROLE advice_tenant;
