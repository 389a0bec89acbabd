-- What index_advice() says where the statement is to be changed: the condition that it
-- proposes finds the same rows, and none is proposed where it would gain nothing.
\ir advice.psql
\ir shop.psql
SELECT no_plan();
-- Days begin elsewhere than in UTC, and one of them has 23 hours.
SET timezone = 'Europe/Berlin';

CREATE FUNCTION test.other(query text) RETURNS SETOF jsonb LANGUAGE sql AS $$
    SELECT a FROM jsonb_array_elements(test.advice(ARRAY[query], NULL, NULL, NULL)) a WHERE a ->> 'kind' NOT IN ('index', 'replacement')
$$;

-- The condition on orders is rewritten, finds the same rows so, and costs less.
CREATE FUNCTION test.rewrites(condition text, pattern text DEFAULT '') RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
    answers jsonb[] := (SELECT array_agg(a) FROM test.other('SELECT * FROM orders WHERE ' || condition) a);
    better text := replace(substring(answers[1] ->> 'reason' FROM 'Write (.*) instead'), ', and ', ' AND ');
    same boolean := false;
BEGIN
    IF better IS NOT NULL THEN
        EXECUTE format('SELECT NOT EXISTS (SELECT FROM orders WHERE ((%s) IS TRUE) <> ((%s) IS TRUE)) AND EXISTS (SELECT FROM orders WHERE %1$s)',
                       condition, better) INTO same;
    END IF;
    RETURN NEXT ok(cardinality(answers) = 1 AND answers[1] ->> 'kind' = 'rewrite' AND same AND better ~ pattern
                   AND (answers[1] ->> 'cost_after')::float8 < 0.9 * (answers[1] ->> 'cost_before')::float8,
                   format('%s becomes %s', condition, better));
    IF NOT same THEN
        RETURN NEXT diag(answers::text);
    END IF;
END $$;

-- The statement stays as it is.
CREATE FUNCTION test.stays(name text, query text) RETURNS text LANGUAGE sql AS $$
    SELECT is((SELECT string_agg(a ->> 'reason', '; ') FROM test.other(query) a), NULL, name)
$$;

-- Casts.
SELECT test.rewrites('customer_id = 17.0', '^customer_id = 17$');
SELECT test.rewrites('17.0 = customer_id', '^customer_id = 17$');
SELECT test.rewrites('customer_id > 4998.0', '^customer_id > 4998$');
SELECT test.rewrites('customer_id::bigint::text = ''17''', '^customer_id = ');
SELECT test.rewrites('customer_id IN (17.0, 18.0)', 'integer\[\]');
SELECT test.rewrites('customer_id::text = ANY (''{17,18}'')', 'integer\[\]');
SELECT total FROM orders WHERE id = 17 \gset
SELECT test.rewrites(format('total::text = %L', :'total'), '^total = [0-9.]+$');
SELECT test.rewrites(format('total = %s::float8', :'total'), '^total = ');
SELECT test.rewrites('shipped::text = ''2024-05-02''');
SELECT test.rewrites('placed::timestamp >= ''2024-12-30 12:00''');
-- Days and months.
SELECT test.rewrites('placed::date = ''2024-03-31''');
SELECT test.rewrites('date(placed) = ''2024-03-31''');
SELECT test.rewrites('placed::date BETWEEN ''2024-03-30'' AND ''2024-04-01''');
SELECT test.rewrites('placed::date > ''2024-12-29''');
SELECT test.rewrites('placed::date <= ''2024-01-02''');
SELECT test.rewrites('placed::date < ''2024-01-03''');
SELECT test.rewrites('date_trunc(''day'', placed) = ''2024-03-31''');
SELECT test.rewrites('date_trunc(''hour'', placed) <= ''2024-01-02 05:00''');
SELECT test.rewrites('date_trunc(''week'', placed) > ''2024-12-16''');
SELECT test.rewrites('to_char(placed, ''YYYY-MM-DD'') = ''2024-03-31''');
SELECT test.rewrites('to_char(placed, ''YYYYMM'') >= ''202412''');
SELECT test.rewrites('extract(epoch FROM placed) > 1735500000.5');
-- Arithmetic.
SELECT test.rewrites('customer_id + 1 = 6', '^customer_id = 5$');
SELECT test.rewrites('10 - customer_id > 4', '^customer_id < 6$');
SELECT test.rewrites('customer_id * 2 = 34', '^customer_id = 17$');
SELECT test.rewrites('customer_id - 4000 >= 980');
SELECT test.rewrites('total * 2 > 19980', '^total > .*9990');
SELECT test.rewrites('total / 2 > 4990');
SELECT test.rewrites('placed + interval ''36 hours'' > timestamptz ''2025-01-01''');
SELECT test.rewrites('timestamptz ''2025-01-01'' - placed < interval ''36 hours''');
SELECT test.rewrites('status || '''' = ''open''');
-- NULL.
SELECT test.rewrites('coalesce(shipped, ''2000-01-01'') = ''2024-05-02''', '^shipped = ');
SELECT test.rewrites('coalesce(shipped, ''2024-05-02'') = ''2024-05-02''', 'IS NULL');
SELECT test.rewrites('shipped IS NOT DISTINCT FROM ''2024-05-02''', '^shipped = ');

-- What another condition finds, what is indexed, what is small, and what is not the same.
SELECT test.stays('a key finds the row', 'SELECT * FROM orders WHERE id = 7 AND customer_id::text = ''17''');
CREATE INDEX orders_text ON orders ((customer_id::text));
ANALYZE orders;
SELECT test.stays('an index on the expression is there', 'SELECT * FROM orders WHERE customer_id::text = ''17''');
DROP INDEX orders_text;
ANALYZE orders;
CREATE TABLE few AS SELECT i AS k FROM generate_series(1, 500) i;
ANALYZE few;
SELECT test.stays('a small table', 'SELECT * FROM few WHERE k::text = ''17''');
SELECT test.stays('nearly all rows', 'SELECT * FROM orders WHERE customer_id::numeric > 5.0');
SELECT test.stays('a number that is not whole', 'SELECT * FROM orders WHERE customer_id = 5.5');
SELECT test.stays('digits that no number is written with', 'SELECT * FROM orders WHERE customer_id::text = ''017''');
SELECT test.stays('text that is no number', 'SELECT * FROM orders WHERE customer_id::text = ''abc''');
SELECT test.stays('texts have another order than numbers', 'SELECT * FROM orders WHERE customer_id::text > ''4998''');
SELECT test.stays('what is rounded', 'SELECT * FROM orders WHERE total::int = 5');
SELECT test.stays('a product that no number has', 'SELECT * FROM orders WHERE customer_id * 2 = 35');
SELECT test.stays('a division that rounds', 'SELECT * FROM orders WHERE customer_id / 2 = 35');
SELECT test.stays('a factor that may be negative', 'SELECT * FROM orders WHERE customer_id * -2 > 35');
SELECT test.stays('two columns', 'SELECT * FROM orders WHERE customer_id + seller = 35');
SELECT test.stays('no beginning of a day', 'SELECT * FROM orders WHERE date_trunc(''day'', placed) = ''2024-05-01 12:00''');
SELECT test.stays('no text that to_char() gives', 'SELECT * FROM orders WHERE to_char(placed, ''YYYY-MM-DD'') = ''2024-5-1''');
SELECT test.stays('NOT over coalesce(), where NULL is something else', 'SELECT * FROM orders WHERE NOT (coalesce(customer_id, 0) <> 5 OR coalesce(customer_id, 0) = 6)');
SELECT test.stays('a value of the same row', 'SELECT * FROM orders WHERE customer_id::text = status');
SELECT test.stays('a volatile value', 'SELECT * FROM orders WHERE customer_id::numeric = random()::numeric');
SELECT test.stays('an OR that counts', 'SELECT count(*) FROM orders o JOIN customers c ON c.id = o.customer_id WHERE o.total = 99.50 OR c.email = ''User77@example.org''');

-- Seen through views, sub-selects, and in what writes.
CREATE VIEW sold AS SELECT id, customer_id AS buyer, total FROM orders WHERE status = 'done';
SELECT is((SELECT count(*) FROM test.other(q)), 1::bigint, q) FROM unnest(ARRAY[
    'SELECT * FROM sold WHERE buyer = 17.0',
    'DELETE FROM orders WHERE customer_id::text = ''17''',
    'UPDATE orders SET total = 0 WHERE customer_id = 17.0',
    'SELECT * FROM customers c WHERE EXISTS (SELECT FROM orders o WHERE o.customer_id::text = c.id::text AND c.id = 7)',
    'WITH o AS (SELECT * FROM orders WHERE customer_id = 17.0) SELECT * FROM o',
    'SELECT (SELECT count(*) FROM orders WHERE customer_id = 17.0)',
    'SELECT * FROM orders WHERE customer_id = $1::numeric',
    'SELECT * FROM orders WHERE customer_id::text = ''17'' AND total > 100',
    'SELECT * FROM orders WHERE customer_id::text = ''17'' OR customer_id + 1 = 6']) q;
SELECT is((SELECT array_agg(DISTINCT a ->> 'kind') FROM jsonb_array_elements(test.advice('{SELECT * FROM sold WHERE buyer = 17.0}', NULL, NULL, NULL)) a),
          '{rewrite}', 'and no index is made of what is rewritten');

-- Statistics.
CREATE TABLE counted (k int, pad text) WITH (autovacuum_enabled = false);
INSERT INTO counted SELECT i, repeat('x', 100) FROM generate_series(1, 20000) i;
SELECT pg_stat_force_next_flush();
VACUUM counted;
SELECT ok((SELECT a ->> 'ddl' = 'ANALYZE public.counted;' FROM test.other('SELECT * FROM counted WHERE k = 5') a),
          'VACUUM has counted the rows, but nothing is known of them');
ANALYZE counted;
SELECT pg_stat_force_next_flush();
SELECT test.stays('ANALYZE ends it', 'SELECT * FROM counted WHERE k = 5');
UPDATE counted SET k = k + 1 WHERE k > 15000;
SELECT pg_stat_force_next_flush();
SELECT ok((SELECT a ->> 'reason' LIKE '5000 rows of public.counted were changed%' FROM test.other('SELECT * FROM counted WHERE k = 5') a),
          'a quarter that has changed wants it again');
ALTER TABLE counted ALTER k SET STATISTICS 0, ALTER pad SET STATISTICS 0;
DELETE FROM pg_statistic WHERE starelid = 'counted'::regclass;
ANALYZE counted;
SELECT pg_stat_force_next_flush();
SELECT test.stays('where there are to be no statistics, none are asked for', 'SELECT * FROM counted WHERE k = 5');

SELECT * FROM finish();
