-- index_advice() for what a WHERE says: equality before ranges, IN as equality,
-- partial indexes on the rare value, INCLUDE where it pays, every arm of an OR,
-- one index for many statements; and none for columns that are only shown.
\ir advice.psql
\ir shop.psql
-- As orders, but never vacuumed: an index alone answers nothing here.
CREATE TABLE unvacuumed (LIKE orders) WITH (autovacuum_enabled = false);
INSERT INTO unvacuumed SELECT * FROM orders;
ANALYZE unvacuumed;
SELECT no_plan();

SELECT test.advises('equality before range',
    '{SELECT * FROM orders WHERE placed > ''2024-11-20'' AND region = 7}', '{"orders (region, placed)"}');
SELECT test.advises('a list is equality, too',
    '{"SELECT * FROM orders WHERE placed > ''2024-12-01'' AND region IN (3, 17, 40)"}', '{"orders (region, placed)"}');
SELECT test.advises('and an array',
    '{"SELECT * FROM orders WHERE placed > ''2024-12-01'' AND region = ANY (ARRAY[3, 17, 40])"}', '{"orders (region, placed)"}');
SELECT test.advises('two equalities and a range',
    '{SELECT * FROM orders WHERE total BETWEEN 100 AND 1500 AND quantity = 5 AND region = 7}',
    '{"orders (region, quantity, total)","orders (quantity, region, total)"}');
SELECT test.advises('a range', '{SELECT * FROM orders WHERE total BETWEEN 100 AND 110}', '{orders (total)}');
SELECT test.advises('a range of two words', '{SELECT * FROM orders WHERE total >= 100 AND total < 110}', '{orders (total)}');
SELECT test.advises('of two ranges the narrow one',
    '{SELECT * FROM orders WHERE total < 20 AND placed > ''2024-02-01''}', '{orders (total),"orders (total, placed)"}');
SELECT test.advises('constants on the left', '{SELECT * FROM orders WHERE 17 = customer_id}', '{orders (customer_id)}');
SELECT test.advises('IS NULL where it is rare', '{SELECT * FROM orders WHERE shipped IS NULL AND seller < 100}',
    '{"orders (shipped, seller)",orders (shipped),orders (seller) WHERE shipped IS NULL,orders (shipped) WHERE shipped IS NULL,
      orders (id) WHERE shipped IS NULL,orders (placed) WHERE shipped IS NULL}');
SELECT test.advises('a parameter', '{SELECT * FROM orders WHERE customer_id = $1}', '{orders (customer_id)}');
SELECT test.advises('a range of parameters', '{SELECT * FROM orders WHERE region = $1 AND total BETWEEN $2 AND $3}',
    '{"orders (region, total)"}');

-- Of columns with few values a partial index on the rare one.
SELECT test.advises('false, which is rare', '{SELECT * FROM orders WHERE NOT paid ORDER BY placed LIMIT 50}',
    '{orders (placed) WHERE NOT paid,orders (placed) WHERE paid = false}');
SELECT test.advises('the rare status', '{SELECT * FROM orders WHERE status = ''open'' ORDER BY placed LIMIT 50}',
    '{orders (placed) WHERE status = ''open''}');
SELECT test.advises('the rare status, nothing else',
    '{SELECT * FROM orders WHERE status = ''open''}',
    '{orders (status) WHERE status = ''open'',orders (id) WHERE status = ''open'',orders (placed) WHERE status = ''open'',
      orders (customer_id) WHERE status = ''open'',orders (seller) WHERE status = ''open'',orders (region) WHERE status = ''open'',
      orders (quantity) WHERE status = ''open''}');
SELECT test.advises_none('the value that nearly all have', '{SELECT * FROM orders WHERE status = ''done'',SELECT * FROM orders WHERE paid}',
    tempting => 'orders (status); orders (paid)');
SELECT test.advises('a parameter, whose plan cannot use a partial index', '{SELECT * FROM orders WHERE status = $1 AND seller = $2}',
    '{"orders (seller, status)","orders (status, seller)",orders (seller)}');
SELECT test.advises_none('a parameter alone, of which a third is too much', '{SELECT * FROM orders WHERE status = $1}',
    tempting => 'orders (placed) WHERE status = ''open''');

-- Covering.
SELECT test.advises('INCLUDE for many rows of two columns',
    '{"SELECT customer_id, total FROM orders WHERE customer_id BETWEEN 100 AND 200"}',
    '{"orders (customer_id) INCLUDE (total)","orders (customer_id, total)"}');
SELECT test.advises('not where the table has to be read all the same',
    '{"SELECT customer_id, total FROM unvacuumed WHERE customer_id BETWEEN 100 AND 150"}', '{unvacuumed (customer_id)}');
SELECT test.advises('nor for all columns', '{SELECT * FROM orders WHERE customer_id = 17}', '{orders (customer_id)}');
SELECT test.advises('an index alone counts', '{SELECT count(*) FROM orders WHERE seller BETWEEN 20 AND 60}', '{orders (seller)}');

-- What is no key.
SELECT test.advises('columns that are only shown are none, whole rows and system columns neither',
    '{"SELECT o.ctid, o.xmin, o.tableoid, o, o.note, o.total FROM orders o WHERE o.customer_id = 17"}', '{orders (customer_id)}');
SELECT test.advises_none('columns that are only shown', '{"SELECT note, total FROM orders","SELECT sum(quantity), max(note) FROM orders"}');
SELECT test.advises_none('a row by its place', '{"SELECT * FROM orders WHERE ctid = ''(0,1)''"}');
SELECT test.advises_none('system columns', '{SELECT * FROM orders WHERE xmin = ''700'',SELECT * FROM orders WHERE tableoid = ''customers''::regclass}');
SELECT test.advises_none('a whole row', '{SELECT * FROM orders o WHERE o = (SELECT o FROM orders o WHERE id = 7),SELECT count(o) FROM orders o WHERE o IS NOT NULL}');

-- Statements that no index helps.
SELECT test.advises_none('all rows', '{SELECT * FROM orders WHERE quantity > 0}', tempting => 'orders (quantity)');
SELECT test.advises_none('all rows but a few', '{SELECT * FROM orders WHERE region <> 7}', tempting => 'orders (region)');
SELECT test.advises_none('no rows', '{SELECT * FROM orders WHERE false,SELECT * FROM orders WHERE id = 1 AND id = 2}');
SELECT test.advises_none('no table', '{SELECT 1,VALUES (1\, 2),SELECT * FROM generate_series(1\, 1000) i WHERE i = 5}');
SELECT test.advises_none('a volatile condition', '{SELECT * FROM orders WHERE random() < 0.001,SELECT * FROM orders WHERE customer_id = (random() * 5000)::int}',
    tempting => 'orders (customer_id)');
SELECT test.advises_none('the primary key', '{SELECT * FROM orders WHERE id = 17,"SELECT * FROM orders WHERE id IN (1, 2, 3) AND region = 7"}',
    tempting => 'orders (id)');

-- OR.
SELECT test.advises('every arm of an OR', '{SELECT * FROM orders WHERE customer_id = 17 OR total = 99.50}',
    '{orders (customer_id); orders (total)}');
SELECT test.advises('arms of the same column', '{SELECT * FROM orders WHERE customer_id = 17 OR customer_id = 40}', '{orders (customer_id)}');
SELECT test.advises_none('an arm that no index helps spoils the others', '{SELECT * FROM orders WHERE customer_id = 17 OR quantity <> 3}',
    tempting => 'orders (customer_id)');
SELECT test.advises('what all arms demand', '{SELECT * FROM orders WHERE (customer_id = 17 AND region = 3) OR (customer_id = 17 AND quantity <> 4)}',
    '{orders (customer_id)}');
SELECT test.advises('an equality beside an OR', '{SELECT * FROM orders WHERE customer_id = 17 AND (region = 3 OR quantity <> 4)}',
    '{orders (customer_id)}');

-- One index for many statements, and its width.
SELECT test.advises('statements whose columns begin the same need one index',
    '{SELECT * FROM orders WHERE seller = 5,SELECT * FROM orders WHERE seller = 5 AND quantity = 3,
      SELECT * FROM orders WHERE seller = 5 AND quantity = 3 AND placed > ''2024-06-01''}',
    '{"orders (seller, quantity)","orders (seller, quantity, placed)"}');
SELECT test.advises('as do an equality and an order behind it',
    '{SELECT * FROM orders WHERE region = 5 AND total > 9000,SELECT * FROM orders WHERE region = 5 ORDER BY total DESC LIMIT 10}',
    '{"orders (region, total)","orders (region, total DESC)"}');
SELECT test.advises('the same statement with other constants', '{SELECT * FROM orders WHERE customer_id = 5,SELECT * FROM orders WHERE customer_id = 99}',
    '{orders (customer_id)}');
SELECT test.advises('tables apart need one each', '{SELECT * FROM orders WHERE customer_id = 5,SELECT * FROM items WHERE product = 7}',
    '{orders (customer_id); items (product)}');
SELECT test.advises('max_columns 1', '{SELECT * FROM orders WHERE seller = 5 AND placed > ''2024-06-01'' AND quantity = 3}',
    '{orders (seller)}', max_columns => 1);
SELECT test.advises('max_columns 2', '{SELECT * FROM orders WHERE region = 5 AND seller < 20 AND quantity = 3 AND total < 5000}',
    '{"orders (region, seller)","orders (quantity, seller)","orders (region, quantity)","orders (quantity, region)"}', max_columns => 2);

\ir done.psql
