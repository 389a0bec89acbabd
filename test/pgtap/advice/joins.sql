-- index_advice() for statements of several tables and several levels: inner sides
-- of joins, merge order, sub-selects of every kind, views, CTEs, UNION ALL; and
-- for statements that write.
\ir advice.psql
\ir shop.psql
CREATE TABLE archive (LIKE orders) WITH (autovacuum_enabled = false);
INSERT INTO archive SELECT * FROM orders WHERE id <= 80000;
CREATE VIEW recent AS SELECT * FROM orders WHERE placed > '2024-02-01';
CREATE VIEW recent_done AS SELECT r.* FROM recent r WHERE r.status = 'done';
CREATE MATERIALIZED VIEW kept AS SELECT * FROM orders WHERE status = 'done';
:loaded
VACUUM ANALYZE archive;
VACUUM ANALYZE kept;
SELECT no_plan();

SELECT test.advises('the inner side of a join',
    '{SELECT * FROM orders o JOIN items i ON i.order_id = o.id WHERE o.id BETWEEN 500 AND 520}', '{items (order_id)}');
SELECT test.advises('both ends of a join',
    '{SELECT * FROM customers c JOIN orders o ON o.customer_id = c.id WHERE c.email = ''User77@example.org''}',
    '{customers (email); orders (customer_id)}');
SELECT test.advises('three tables in a row',
    '{SELECT * FROM customers c JOIN orders o ON o.customer_id = c.id JOIN items i ON i.order_id = o.id WHERE c.id = 77}',
    '{orders (customer_id); items (order_id)}');
SELECT test.advises('an outer join', '{SELECT * FROM customers c LEFT JOIN orders o ON o.customer_id = c.id WHERE c.id = 77}',
    '{orders (customer_id)}');
SELECT test.advises('the order that a merge join wants',
    '{SELECT * FROM orders o JOIN items i ON i.order_id = o.id ORDER BY o.id LIMIT 50}', '{items (order_id)}');
SELECT test.advises('an equality that follows from the join',
    '{SELECT * FROM customers c JOIN orders o ON o.customer_id = c.id AND c.id = 77}', '{orders (customer_id)}');
SELECT test.advises('a join and a constant on the inner side',
    '{SELECT * FROM customers c JOIN orders o ON o.customer_id = c.id WHERE c.id < 300 AND o.quantity = 3}',
    '{"orders (customer_id, quantity)","orders (quantity, customer_id)"}');
SELECT test.advises('what a foreign key asks when its parent goes',
    '{SELECT 1 FROM ONLY public.items x WHERE $1 OPERATOR(pg_catalog.=) order_id FOR KEY SHARE OF x}', '{items (order_id)}');
SELECT test.advises_none('a join of all rows', '{SELECT * FROM orders o JOIN items i ON i.order_id = o.id}', tempting => 'items (product)');

-- Sub-selects.
SELECT test.advises('EXISTS', '{SELECT * FROM customers c WHERE c.id < 20 AND EXISTS (SELECT FROM orders o WHERE o.customer_id = c.id)}',
    '{orders (customer_id)}');
SELECT test.advises('NOT EXISTS', '{SELECT * FROM customers c WHERE c.id < 20 AND NOT EXISTS (SELECT FROM orders o WHERE o.customer_id = c.id)}',
    '{orders (customer_id)}');
SELECT test.advises('IN', '{SELECT * FROM orders WHERE customer_id IN (SELECT id FROM customers WHERE email = ''User77@example.org'')}',
    '{customers (email); orders (customer_id)}');
SELECT test.advises('LATERAL, the last of each',
    '{"SELECT * FROM customers c, LATERAL (SELECT * FROM orders o WHERE o.customer_id = c.id ORDER BY placed DESC LIMIT 1) o WHERE c.id < 100"}',
    '{"orders (customer_id, placed)","orders (customer_id, placed DESC)"}');
SELECT test.advises('a correlated sub-select',
    '{"SELECT c.id, (SELECT max(placed) FROM orders o WHERE o.customer_id = c.id) FROM customers c WHERE c.id < 100"}',
    '{"orders (customer_id, placed)"}');
SELECT test.advises('a sub-select in FROM', '{SELECT * FROM (SELECT *\, total * 2 AS twice FROM orders) o WHERE customer_id = 17}',
    '{orders (customer_id)}');
SELECT test.advises('an aggregate below a join',
    '{"SELECT c.email, s.n FROM customers c JOIN (SELECT customer_id, count(*) AS n FROM orders GROUP BY customer_id) s ON s.customer_id = c.id WHERE c.id = 77"}',
    '{orders (customer_id)}');
SELECT test.advises('an uncorrelated sub-select', '{SELECT * FROM orders WHERE total = (SELECT max(total) FROM orders)}', '{orders (total)}');

-- Views, CTEs, UNION ALL.
SELECT test.advises('a CTE', '{WITH r AS (SELECT * FROM orders) SELECT * FROM r WHERE customer_id = 17}', '{orders (customer_id)}');
SELECT test.advises('a CTE that is computed apart',
    '{"WITH r AS MATERIALIZED (SELECT * FROM orders WHERE customer_id = 17) SELECT * FROM r a JOIN r b USING (region)"}', '{orders (customer_id)}');
SELECT test.advises('a recursive CTE',
    '{"WITH RECURSIVE r AS (SELECT id, 1 AS depth FROM items WHERE id = 5
        UNION ALL SELECT i.id, depth + 1 FROM r JOIN items i ON i.order_id = r.id WHERE depth < 5) SELECT * FROM r"}',
    '{items (order_id),"items (order_id) INCLUDE (id)","items (order_id, id)"}');
SELECT test.advises('a view of a view', '{SELECT * FROM recent_done WHERE customer_id = 17}', '{orders (customer_id)}');
SELECT test.advises('a materialized view', '{SELECT * FROM kept WHERE customer_id = 17}', '{kept (customer_id)}');
SELECT test.advises('the arms of a UNION ALL',
    '{SELECT * FROM (SELECT * FROM orders UNION ALL SELECT * FROM archive) u WHERE customer_id = 17}',
    '{orders (customer_id); archive (customer_id)}');
SELECT test.advises('an order over the arms of a UNION ALL',
    '{SELECT * FROM (SELECT * FROM orders UNION ALL SELECT * FROM archive) u ORDER BY total LIMIT 10}',
    '{orders (total); archive (total)}');

-- Statements that write.
SELECT test.advises('UPDATE', '{UPDATE orders SET note = ''x'' WHERE customer_id = 17}', '{orders (customer_id)}');
SELECT test.advises('UPDATE FROM',
    '{UPDATE orders o SET note = c.email FROM customers c WHERE o.customer_id = c.id AND c.id < 10}', '{orders (customer_id)}');
SELECT test.advises('DELETE', '{DELETE FROM items WHERE order_id = 17}', '{items (order_id)}');
SELECT test.advises('DELETE USING',
    '{DELETE FROM items i USING orders o WHERE i.order_id = o.id AND o.id < 20}', '{items (order_id)}');
SELECT test.advises('MERGE', '{"MERGE INTO items i USING (VALUES (17, 3), (18, 4)) v (order_id, n) ON i.order_id = v.order_id
                                WHEN MATCHED THEN UPDATE SET quantity = v.n WHEN NOT MATCHED THEN DO NOTHING"}', '{items (order_id)}');
SELECT test.advises('INSERT SELECT', '{INSERT INTO archive SELECT * FROM orders WHERE customer_id = 17}', '{orders (customer_id)}');
SELECT test.advises('a CTE that deletes',
    '{WITH gone AS (DELETE FROM orders WHERE customer_id = 17 RETURNING *) INSERT INTO archive SELECT * FROM gone}', '{orders (customer_id)}');
SELECT test.advises('a queue', '{SELECT * FROM orders WHERE status = ''open'' ORDER BY placed LIMIT 1 FOR UPDATE SKIP LOCKED}',
    '{orders (placed) WHERE status = ''open''}');
SELECT test.advises_none('INSERT', '{"INSERT INTO items VALUES (-1, 5, 5, 5, NULL)",INSERT INTO items VALUES (-1\, $1\, $2\, 0\, NULL)}');

\ir done.psql
