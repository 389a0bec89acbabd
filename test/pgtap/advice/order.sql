-- index_advice() for statements that want an order: the columns compared for
-- equality first, then those of the order, with their directions; and none where
-- an index that is there gives the order, backwards or nearly.
\ir advice.psql
\ir shop.psql
SELECT no_plan();

SELECT test.advises('ORDER BY LIMIT alone', '{SELECT * FROM orders ORDER BY total LIMIT 10}', '{orders (total)}');
SELECT test.advises('equality, then the order',
    '{SELECT * FROM orders WHERE region = 7 ORDER BY placed LIMIT 10}', '{"orders (region, placed)"}');
SELECT test.advises('a direction that a backward scan gives',
    '{SELECT * FROM orders WHERE region = 7 ORDER BY placed DESC LIMIT 10}',
    '{"orders (region, placed)","orders (region, placed DESC)"}');
SELECT test.advises('two equalities, then the order',
    '{SELECT * FROM orders WHERE region = 7 AND quantity = 3 ORDER BY placed DESC LIMIT 10}',
    '{"orders (region, quantity, placed)","orders (quantity, region, placed)",
      "orders (region, quantity, placed DESC)","orders (quantity, region, placed DESC)"}');
SELECT test.advises('mixed directions', '{"SELECT * FROM orders ORDER BY region, placed DESC LIMIT 20"}',
    '{"orders (region, placed DESC)"}');
SELECT test.advises('mixed directions behind an equality',
    '{"SELECT * FROM orders WHERE seller = 5 ORDER BY quantity DESC, placed LIMIT 5"}',
    '{"orders (seller, quantity DESC, placed)","orders (seller, quantity, placed DESC)"}');
SELECT test.advises('NULLS FIRST', '{SELECT * FROM orders ORDER BY shipped NULLS FIRST LIMIT 10}',
    '{orders (shipped NULLS FIRST)}');
SELECT test.advises('DESC NULLS LAST', '{SELECT * FROM orders ORDER BY shipped DESC NULLS LAST LIMIT 10}',
    '{orders (shipped DESC NULLS LAST)}');
SELECT test.advises('an expression', '{SELECT * FROM customers ORDER BY lower(email) LIMIT 10}',
    '{customers (lower(email))}');
SELECT test.advises('both directions of the same column need one index',
    '{SELECT * FROM orders ORDER BY total LIMIT 10,SELECT * FROM orders ORDER BY total DESC LIMIT 10}',
    '{orders (total)}');

-- What is there serves.
SELECT test.advises_none('both columns backwards: the index is there',
    '{"SELECT * FROM orders ORDER BY region DESC, placed DESC LIMIT 10"}',
    given => '{"CREATE INDEX ON orders (region, placed)"}');
SELECT test.advises_none('DESC is served by an index that is DESC, and so is ASC',
    '{SELECT * FROM orders ORDER BY placed DESC LIMIT 10,SELECT * FROM orders ORDER BY placed LIMIT 10}',
    given => '{CREATE INDEX ON orders (placed DESC)}');
SELECT test.advises('an incremental sort of a few rows serves nearly as well',
    '{"SELECT * FROM orders ORDER BY customer_id, placed DESC LIMIT 400"}',
    '{"","orders (customer_id, placed DESC)"}',
    given => '{"CREATE INDEX ON orders (customer_id, placed)"}');
SELECT test.advises('an incremental sort of many rows does not',
    '{"SELECT * FROM orders ORDER BY region, placed DESC LIMIT 20"}', '{"orders (region, placed DESC)"}',
    given => '{"CREATE INDEX ON orders (region, quantity)"}');
SELECT test.advises_none('the primary key gives its own order',
    '{SELECT * FROM orders ORDER BY id DESC LIMIT 10,SELECT * FROM orders WHERE id > 500 ORDER BY id LIMIT 10}',
    tempting => 'orders (id)');

-- What wants an order without saying ORDER BY.
SELECT test.advises('DISTINCT', '{SELECT DISTINCT customer_id FROM orders LIMIT 10}', '{orders (customer_id)}');
SELECT test.advises('DISTINCT ON', '{"SELECT DISTINCT ON (customer_id) * FROM orders ORDER BY customer_id, placed DESC LIMIT 20"}',
    '{"orders (customer_id, placed DESC)"}');
SELECT test.advises('GROUP BY', '{SELECT customer_id\, count(*) FROM orders GROUP BY customer_id ORDER BY customer_id LIMIT 10}',
    '{orders (customer_id)}');
SELECT test.advises('GROUP BY of a range', '{SELECT seller\, count(*) FROM orders WHERE seller BETWEEN 20 AND 40 GROUP BY seller}',
    '{orders (seller)}');
SELECT test.advises('max', '{SELECT max(total) FROM orders}', '{orders (total)}');
SELECT test.advises('min and max', '{"SELECT min(total), max(total) FROM orders"}', '{orders (total)}');
SELECT test.advises('min behind an equality', '{SELECT min(placed) FROM orders WHERE region = 7}', '{"orders (region, placed)"}');
SELECT test.advises('a window', '{"SELECT * FROM (SELECT *, row_number() OVER (PARTITION BY customer_id ORDER BY placed) AS n FROM orders) o
                                   WHERE n = 1 LIMIT 20"}',
    '{"orders (customer_id, placed)"}');
SELECT test.advises('keyset pagination', '{"SELECT * FROM orders WHERE (region, id) > (7, 50000) ORDER BY region, id LIMIT 20"}',
    '{"orders (region, id)"}');
SELECT test.advises('keyset pagination behind an equality',
    '{"SELECT * FROM orders WHERE region = 7 AND (placed, id) < (''2024-05-01'', 50000) ORDER BY placed DESC, id DESC LIMIT 20"}',
    '{"orders (region, placed)","orders (region, placed, id)","orders (region, placed DESC)","orders (region, placed DESC, id DESC)"}');

\ir done.psql
