-- index_advice() beside the indexes that are there: what serves is not advised
-- again, what can be extended is replaced; and against what writing costs, and
-- within the storage that it may take.
\ir advice.psql
\ir shop.psql
SELECT no_plan();

-- What is there serves.
SELECT test.advises_none('the same', '{SELECT * FROM orders WHERE customer_id = 17}', given => '{CREATE INDEX ON orders (customer_id)}');
SELECT test.advises_none('a wider one', '{SELECT * FROM orders WHERE customer_id = 17,SELECT * FROM orders WHERE customer_id = 17 ORDER BY placed}',
    given => '{"CREATE INDEX ON orders (customer_id, placed)"}');
SELECT test.advises_none('one in the other direction', '{SELECT * FROM orders WHERE region = 17 ORDER BY placed LIMIT 10}',
    given => '{"CREATE INDEX ON orders (region DESC, placed DESC)"}');
SELECT test.advises_none('one that covers', '{SELECT customer_id\, total FROM orders WHERE customer_id BETWEEN 100 AND 200}',
    given => '{CREATE INDEX ON orders (customer_id) INCLUDE (total)}');
SELECT test.advises_none('a hash', '{SELECT * FROM customers WHERE email = ''User77@example.org''}', given => '{CREATE INDEX ON customers USING hash (email)}');
SELECT test.advises_none('a unique one', '{SELECT * FROM customers WHERE email = ''User77@example.org''}', given => '{CREATE UNIQUE INDEX ON customers (email)}');
SELECT test.advises_none('a partial one that is implied', '{SELECT * FROM orders WHERE status = ''open'' AND placed > ''2024-06-01'' ORDER BY placed}',
    given => '{CREATE INDEX ON orders (placed) WHERE status = ''open''}');
SELECT test.advises_none('and not word by word', '{SELECT * FROM orders WHERE total > 9990 AND total < 9995}',
    given => '{CREATE INDEX ON orders (total) WHERE total > 9000}');
SELECT test.advises_none('two that are read together', '{SELECT * FROM orders WHERE customer_id = 17 OR total = 99.50}',
    given => '{CREATE INDEX ON orders (customer_id),CREATE INDEX ON orders (total)}');

-- What is there does not serve.
SELECT test.advises('a partial one that is not implied', '{SELECT * FROM orders WHERE total > 9990}', '{orders (total)}',
    given => '{CREATE INDEX ON orders (total) WHERE total > 9995}');
SELECT test.advises('one whose first column is another', '{SELECT * FROM orders WHERE customer_id = 17}', '{orders (customer_id)}',
    given => '{"CREATE INDEX ON orders (placed, customer_id)"}');
SELECT test.advises('one that only includes the column', '{SELECT * FROM orders WHERE total = 99.50}', '{orders (total),orders USING hash (total)}',
    given => '{CREATE INDEX ON orders (customer_id) INCLUDE (total)}');
SELECT test.advises('a hash, for a range', '{SELECT * FROM orders WHERE total BETWEEN 100 AND 110}', '{orders (total)}',
    given => '{CREATE INDEX ON orders USING hash (total)}');
SELECT test.advises('NULLS FIRST', '{SELECT * FROM orders ORDER BY shipped LIMIT 10}', '{orders (shipped)}',
    given => '{CREATE INDEX ON orders (shipped NULLS FIRST)}');
SELECT test.advice_holds('one that is not valid: no second one beside it',
    $$NOT EXISTS (SELECT FROM jsonb_array_elements($1) a WHERE a ->> 'ddl' ~ 'CREATE') $$,
    '{SELECT * FROM orders WHERE customer_id = 17}',
    given => '{CREATE INDEX broken ON orders (customer_id),UPDATE pg_index SET indisvalid = false WHERE indexrelid = ''broken''::regclass}');

-- Extended.
SELECT test.advises('an index that is extended is replaced',
    '{SELECT * FROM orders WHERE seller = 5,SELECT * FROM orders WHERE seller = 5 AND quantity = 3}', '{"orders (seller, quantity)"}',
    given => '{CREATE INDEX orders_seller ON orders (seller)}', drops => '{orders_seller}');
SELECT test.advice_holds('the replacement says so, and drops last',
    $$jsonb_array_length($1) = 1 AND $1 -> 0 ->> 'kind' = 'replacement'
      AND $1 -> 0 ->> 'ddl' ~ 'CREATE INDEX.*DROP INDEX CONCURRENTLY IF EXISTS (public\.)?orders_seller' AND $1 -> 0 ->> 'undo' ~ 'orders_seller'$$,
    '{SELECT * FROM orders WHERE seller = 5,SELECT * FROM orders WHERE seller = 5 AND quantity = 3}',
    given => '{CREATE INDEX orders_seller ON orders (seller)}');
SELECT test.advises('unless it keeps values unique', '{SELECT * FROM customers WHERE email = ''User77@example.org'' ORDER BY score,
      SELECT * FROM orders WHERE seller = 5 AND quantity = 3}', '{"orders (seller, quantity)","orders (quantity, seller)"}',
    given => '{CREATE UNIQUE INDEX customers_email ON customers (email),"CREATE UNIQUE INDEX orders_seller ON orders (seller, id)"}');

-- What writing costs.
SELECT test.advises('a few rows written', '{"SELECT * FROM orders WHERE customer_id = 17","INSERT INTO orders SELECT -1, 1, 1, 1, ''open'', 1, 1, true, now(), NULL, NULL"}',
    '{orders (customer_id)}', weights => '{10,1}');
SELECT test.advises_none('many rows written', '{"SELECT * FROM orders WHERE customer_id = 17","INSERT INTO orders SELECT -1, 1, 1, 1, ''open'', 1, 1, true, now(), NULL, NULL"}',
    tempting => 'orders (customer_id)', helps => true, weights => '{1,1000000}');
SELECT test.advises_none('many updates of the column', '{"SELECT * FROM orders WHERE quantity = 3 AND region = 5","UPDATE orders SET quantity = 4, region = 7 WHERE id = 17"}',
    tempting => 'orders (region, quantity)', helps => true, weights => '{1,1000000}');
SELECT test.advises('a column that is often updated is left out',
    '{SELECT * FROM orders WHERE seller = 5 AND quantity = 3,UPDATE orders SET quantity = quantity + 1 WHERE id = 17}',
    '{orders (seller)}', weights => '{1,5000}');
SELECT test.advice_holds('or named',
    $$EXISTS (SELECT FROM jsonb_array_elements($1) a WHERE a ->> 'ddl' ~ 'seller.*quantity' AND a ->> 'caution' ~ 'quantity' AND a ->> 'caution' ~ 'HOT')$$,
    '{SELECT * FROM orders WHERE seller = 5 AND quantity = 3,UPDATE orders SET quantity = quantity + 1 WHERE id = 17}',
    weights => '{100,1}');
SELECT test.advice_holds('every index says what writing it costs',
    $$(SELECT count(*) > 0 AND bool_and((a ->> 'write_cost')::float8 > 0) FROM jsonb_array_elements($1) a)$$,
    '{"SELECT * FROM orders WHERE customer_id = 17","INSERT INTO orders SELECT -1, 1, 1, 1, ''open'', 1, 1, true, now(), NULL, NULL"}',
    weights => '{10,1}');

-- The storage that it may take.
\set both '{SELECT * FROM customers WHERE email = ''User77@example.org'',SELECT * FROM orders WHERE total = 99.50}'
SELECT test.advice_holds('room for both', $$jsonb_array_length($1) = 2$$, :'both');
SELECT test.advice_holds('room for one: what is asked more often',
    $$jsonb_array_length($1) = 1 AND $1 -> 0 ->> 'ddl' ~ 'customers' AND ($1 -> 0 ->> 'estimated_bytes')::bigint <= 1200000$$,
    :'both', weights => '{100,1}', storage_budget => 1200000);
SELECT test.advice_holds('and the other way round',
    $$jsonb_array_length($1) = 1 AND $1 -> 0 ->> 'ddl' ~ 'orders' AND ($1 -> 0 ->> 'estimated_bytes')::bigint <= 3000000$$,
    :'both', weights => '{1,10000}', storage_budget => 3000000);
SELECT test.advises_none('room for none', :'both', tempting => 'customers (email); orders (total)', helps => true, storage_budget => 10000);

-- What every row says.
SELECT test.advice_holds('the columns of the answer',
    $$$1 -> 0 ->> 'table' = 'orders' AND $1 -> 0 ->> 'method' = 'btree' AND $1 -> 0 ->> 'kind' = 'index'
      AND ($1 -> 0 ->> 'cost_after')::float8 < ($1 -> 0 ->> 'cost_before')::float8 / 10
      AND $1 -> 0 ->> 'reason' ~ 'customer_id' AND $1 -> 0 ->> 'ddl' ~ '^CREATE INDEX CONCURRENTLY \S+ ON public.orders USING btree \(customer_id\);$'
      AND $1 -> 0 ->> 'undo' ~ '^DROP INDEX CONCURRENTLY public.\S+;$' AND jsonb_array_length($1 -> 0 -> 'statements') = 1$$,
    '{SELECT * FROM orders WHERE customer_id = 17}');

\ir done.psql
