-- statement_facts: what executions that were counted node by node teach.  Each
-- planted fault is found, with its table and columns; its good twin teaches
-- nothing.  Here every execution is counted.
\ir ../rule.psql
SELECT plan(49);

SET dbadvisor.overhead_target = 100;
SET max_parallel_workers_per_gather = 0;
SET jit = off;
SET work_mem = '4MB';
SET hash_mem_multiplier = 1;

CREATE TABLE orders (id int PRIMARY KEY, shop int, region int, state text, placed date, note text) WITH (autovacuum_enabled = off);
INSERT INTO orders
SELECT i, i % 100, i % 100 * 3, CASE WHEN i % 500 = 0 THEN 'open' ELSE 'done' END,
       '2026-01-01'::date + i / 100, md5(i::text)
FROM generate_series(1, 50000) i;
CREATE INDEX orders_shop ON orders (shop);
CREATE TABLE lines (order_id int, pos int) WITH (autovacuum_enabled = off);
INSERT INTO lines SELECT CASE WHEN i % 2 = 0 THEN 7 ELSE i END, i FROM generate_series(1, 20000) i;
CREATE INDEX lines_order ON lines (order_id);
CREATE TABLE tags (id int PRIMARY KEY, word text) WITH (autovacuum_enabled = off);
INSERT INTO tags SELECT i, 'word ' || i FROM generate_series(1, 40) i;
CREATE TABLE grown (id int, kind int) WITH (autovacuum_enabled = off);
INSERT INTO grown VALUES (1, 1);
CREATE TABLE parts (id int, year int, v int) PARTITION BY RANGE (year);
CREATE TABLE parts_old PARTITION OF parts FOR VALUES FROM (2000) TO (2020);
CREATE TABLE parts_new (v int, year int, id int);
ALTER TABLE parts ATTACH PARTITION parts_new FOR VALUES FROM (2020) TO (2040);
INSERT INTO parts SELECT i, 2000 + i % 40, i FROM generate_series(1, 20000) i;
ANALYZE orders, lines, tags, grown, parts;
INSERT INTO grown SELECT i, 1 FROM generate_series(1, 30000) i;

-- The facts of the statement whose normalised text begins so.
CREATE FUNCTION test.facts(beginning text) RETURNS SETOF dbadvisor.statement_facts
LANGUAGE sql VOLATILE AS $$
    SELECT f.*
    FROM dbadvisor.statement_facts f
    JOIN dbadvisor.statements s USING (queryid, userid, dbid, toplevel)
    WHERE starts_with(s.query, beginning)
      AND s.dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
$$;
CREATE FUNCTION test.kinds(beginning text) RETURNS text LANGUAGE sql VOLATILE AS $$
    SELECT coalesce(string_agg(DISTINCT kind, ' ' ORDER BY kind), '') FROM test.facts(beginning)
$$;
CREATE FUNCTION test.names(relation oid, columns int2[]) RETURNS text LANGUAGE sql VOLATILE AS $$
    SELECT nullif(relation, 0)::regclass || ' (' || coalesce(string_agg(attname, ' ' ORDER BY attnum), '') || ')'
    FROM pg_attribute
    WHERE attrelid = relation AND attnum = ANY (columns)
$$;
CREATE FUNCTION test.about(beginning text, kind_name text) RETURNS text LANGUAGE sql VOLATILE AS $$
    SELECT string_agg(concat_ws(' ', test.names(relation, columns), test.names(other_relation, other_columns)), ', '
                      ORDER BY relation)
    FROM test.facts(beginning)
    WHERE kind = kind_name
$$;

-- Filters and tables read from end to end.
\o /dev/null
SELECT 1 AS filter_seq, count(*) FROM orders WHERE state = 'lost' AND placed > '2020-01-01';
SELECT 1 AS filter_seq, count(*) FROM orders WHERE state = 'found' AND placed > '2020-01-01';
SELECT 2 AS filter_index, count(*) FROM orders WHERE shop IN (3, 4) AND note = 'x';
SELECT 3 AS filter_weak, count(*) FROM orders WHERE state = 'done';
SELECT 4 AS lookup, note FROM orders WHERE id = 4711;
SELECT 5 AS small, word FROM tags WHERE word = 'none';
SELECT 6 AS filter_join, count(*) FROM orders o, tags t WHERE o.id + t.id = -1;
SELECT 7 AS filter_parts, count(*) FROM parts WHERE v = -1;
UPDATE orders SET note = '' WHERE note = 'no such note';
\o
SELECT is(test.kinds('SELECT $1 AS filter_seq'), 'filter seq_scan', 'a filter that throws all away');
SELECT is(test.about('SELECT $1 AS filter_seq', 'filter'), 'orders (state placed)', 'its table and columns');
SELECT is((executions, loops, rows, removed, max_removed), (2::bigint, 2::float8, 0::float8, 100000::float8, 50000::float8),
          'executions are added up, the worst is kept')
FROM test.facts('SELECT $1 AS filter_seq') WHERE kind = 'filter';
SELECT is((node_type, total_rows), ('Seq Scan'::text, 50000::float8), 'the table has so many rows')
FROM test.facts('SELECT $1 AS filter_seq') WHERE kind = 'seq_scan';
SELECT is(test.kinds('SELECT $1 AS filter_index'), 'filter', 'a filter behind an index');
SELECT is(test.about('SELECT $1 AS filter_index', 'filter'), 'orders (note)', 'without the columns of the index');
SELECT is(test.kinds('SELECT $1 AS filter_weak'), 'seq_scan', 'a filter that most rows pass is none');
SELECT is(test.kinds('SELECT $1 AS lookup'), '', 'a lookup by key teaches nothing');
SELECT is(test.kinds('SELECT $1 AS small'), '', 'nor does a small table');
SELECT is((kind, removed), ('filter'::text, 2000000::float8), 'pairs of rows that a join threw away')
FROM test.facts('SELECT $1 AS filter_join') WHERE kind = 'filter';
SELECT is(test.about('SELECT $1 AS filter_join', 'filter'), 'orders (id) tags (id)', 'with both tables');
SELECT is(test.about('SELECT $1 AS filter_parts', 'filter'), 'parts (v)',
          'partitions are summed, as of the table that is named, whatever the numbers of their columns');
SELECT is(removed, 20000::float8, 'with what all of them throw away')
FROM test.facts('SELECT $1 AS filter_parts') WHERE kind = 'filter';
SELECT is(test.about('UPDATE orders SET note', 'filter'), 'orders (note)', 'an UPDATE looks for its rows too');

-- Misestimates.
CREATE FUNCTION test.many() RETURNS SETOF int LANGUAGE plpgsql ROWS 10
AS 'BEGIN RETURN QUERY SELECT generate_series(1, 5000); END';
\o /dev/null
SELECT 11 AS correlated, count(*) FROM orders WHERE shop = 42 AND region = 126;
SELECT 12 AS independent, count(*) FROM orders WHERE shop = 42;
SELECT 13 AS many_groups, count(*) FROM (SELECT FROM orders GROUP BY shop, region) g;
SELECT 14 AS skewed_join, count(*) FROM orders o JOIN lines l ON l.order_id = o.id WHERE o.note = md5('7');
SELECT 15 AS even_join, count(*) FROM orders o JOIN tags t ON t.id = o.id;
SELECT 16 AS stale, count(*) FROM grown WHERE kind = 1;
SELECT 17 AS above, count(*) FROM orders o JOIN tags t ON t.id = o.shop WHERE o.shop = 7 AND o.region = 21;
SELECT 18 AS under_function, count(*) FROM test.many() m (id) JOIN orders o USING (id);
SELECT 18 AS stopped, id FROM orders WHERE state = 'done' LIMIT 1;
SELECT 19 AS exists_early, EXISTS (SELECT FROM orders WHERE state = 'done');
BEGIN;
DECLARE looked_into CURSOR FOR SELECT 20 AS left_early, * FROM orders;
FETCH 3 FROM looked_into;
CLOSE looked_into;
DECLARE never_run CURSOR FOR SELECT 21 AS never_run, * FROM orders WHERE note = 'x';
CLOSE never_run;
COMMIT;
WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r WHERE n < 5000) SELECT count(*) FROM r;
\o
SELECT is(test.kinds('SELECT $1 AS correlated'), 'misestimate', 'columns that depend on each other');
SELECT is(test.about('SELECT $1 AS correlated', 'misestimate'), 'orders (shop region)', 'with all of them');
SELECT cmp_ok(actual, '>=', 10 * estimated, 'and how far off the planner was')
FROM test.facts('SELECT $1 AS correlated') WHERE kind = 'misestimate';
SELECT is(test.kinds('SELECT $1 AS independent'), '', 'an estimate that is right');
SELECT is(test.about('SELECT $1 AS many_groups', 'misestimate'), 'orders (shop region)', 'groups that are fewer');
SELECT cmp_ok(estimated, '>=', 5 * actual, 'an overestimate')
FROM test.facts('SELECT $1 AS many_groups') WHERE kind = 'misestimate';
SELECT alike(test.about('SELECT $1 AS skewed_join', 'misestimate'), '%lines (order\_id)%',
            'a join in which one value has most rows');
SELECT unalike(test.kinds('SELECT $1 AS even_join'), '%misestimate%', 'an even one');
SELECT is(test.about('SELECT $1 AS stale', 'misestimate'), 'grown (kind)', 'a table that grew since it was analyzed');
SELECT is(test.about('SELECT $1 AS above', 'misestimate'), 'orders (shop region)', 'the scan is at fault, not the join above it');
SELECT is((SELECT count(*) FROM test.facts('SELECT $1 AS above') WHERE kind = 'misestimate'), 1::bigint, 'and is the only one');
SELECT is(relation, NULL::oid, 'nor the join above a function that returns more than it says')
FROM test.facts('SELECT $1 AS under_function') WHERE kind = 'misestimate';
SELECT is(test.kinds('SELECT $1 AS stopped'), '', 'LIMIT stopped the scan: no overestimate');
SELECT is(test.kinds('SELECT $1 AS exists_early'), '', 'EXISTS likewise');
SELECT is(test.kinds('DECLARE looked_into') || test.kinds('SELECT $1 AS left_early'), '', 'and a cursor that is left');
SELECT is(test.kinds('DECLARE never_run') || test.kinds('SELECT $1 AS never_run'), '', 'a cursor that never ran teaches nothing');
SELECT unalike(test.kinds('WITH RECURSIVE r'), '%misestimate%', 'nobody can estimate a recursion');
ANALYZE grown;
SELECT executions AS before FROM test.facts('SELECT $1 AS stale') WHERE kind = 'misestimate' \gset
\o /dev/null
SELECT 16 AS stale, count(*) FROM grown WHERE kind = 1;
\o
SELECT is(executions, :before::bigint, 'after ANALYZE it is not seen again')
FROM test.facts('SELECT $1 AS stale') WHERE kind = 'misestimate';

-- Sub-selects, OFFSET.
\o /dev/null
SELECT 21 AS correlated_sub, (SELECT max(pos) FROM lines l WHERE l.order_id = o.id) FROM orders o WHERE id BETWEEN 100 AND 299;
SELECT 22 AS few_sub, (SELECT max(pos) FROM lines l WHERE l.order_id = o.id) FROM orders o WHERE id BETWEEN 100 AND 119;
SELECT 23 AS once, (SELECT max(pos) FROM lines) FROM orders o WHERE id <= 200;
SELECT 24 AS hashed, id IN (SELECT order_id FROM lines) FROM orders o WHERE id <= 200;
SELECT 25 AS paged, id FROM orders ORDER BY id LIMIT 10 OFFSET 3000;
SELECT 25 AS paged, id FROM orders ORDER BY id LIMIT 10 OFFSET 5000;
SELECT 26 AS beyond, id FROM tags ORDER BY id LIMIT 10 OFFSET 5000;
SELECT 27 AS first_page, id FROM orders ORDER BY id LIMIT 10 OFFSET 0;
\o
SELECT is(test.kinds('SELECT $1 AS correlated_sub'), 'subplan', 'a sub-select for each row');
SELECT is((loops, test.names(relation, columns)), (200::float8, 'lines (order_id)'::text), 'how often, and on what')
FROM test.facts('SELECT $1 AS correlated_sub') WHERE kind = 'subplan';
SELECT is(test.kinds('SELECT $1 AS few_sub'), '', 'a few times do not matter');
SELECT unalike(test.kinds('SELECT $1 AS once'), '%subplan%', 'one that does not depend on the row runs once');
SELECT unalike(test.kinds('SELECT $1 AS hashed'), '%subplan%', 'so does one that is hashed');
SELECT is((executions, rows, removed, max_removed), (2::bigint, 20::float8, 8000::float8, 5000::float8), 'OFFSET: rows skipped')
FROM test.facts('SELECT $1 AS paged') WHERE kind = 'offset';
SELECT is(removed, 40::float8, 'not more than there were')
FROM test.facts('SELECT $1 AS beyond') WHERE kind = 'offset';
SELECT is(test.kinds('SELECT $1 AS first_page'), '', 'OFFSET 0 skips none');

-- Spills: the memory named keeps the same statement off the disk, 60 % of it does not.
CREATE FUNCTION test.spill(beginning text) RETURNS bigint LANGUAGE sql VOLATILE AS $$
    SELECT max(bytes) FROM test.facts(beginning) WHERE kind ~ '_spill$'
$$;
CREATE FUNCTION test.times(beginning text) RETURNS bigint LANGUAGE sql VOLATILE AS $$
    SELECT coalesce(sum(executions), 0)::bigint FROM test.facts(beginning) WHERE kind ~ '_spill$'
$$;
SET enable_mergejoin = off;
SET enable_nestloop = off;
SET enable_indexscan = off;
\set sort 'SELECT 31 AS sorted, count(*) FROM (SELECT note, id FROM orders ORDER BY note, id OFFSET 0) s;'
\set hash 'SELECT 32 AS joined, count(o.note) FROM generate_series(1, 300000) g LEFT JOIN orders o ON o.id = g;'
\set groups 'SELECT 33 AS grouped, count(*) FROM (SELECT note, max(id) FROM orders GROUP BY note OFFSET 0) g;'
SET work_mem = '1MB';
\o /dev/null
:sort
:hash
SET enable_sort = off;
:groups
RESET enable_sort;
\o
SELECT is(test.kinds('SELECT $1 AS sorted'), 'seq_scan sort_spill', 'a sort goes to disk');
SELECT alike(test.kinds('SELECT $1 AS joined'), '%hash\_spill%', 'a hash join splits into batches');
SELECT alike(test.kinds('SELECT $1 AS grouped'), '%aggregate\_spill%', 'a hashed aggregate goes to disk');
SELECT test.spill('SELECT $1 AS sorted') / 1024 AS sort_kb, test.spill('SELECT $1 AS joined') / 1024 AS hash_kb,
       test.spill('SELECT $1 AS grouped') / 1024 AS groups_kb \gset
\o /dev/null
SELECT set_config('work_mem', (:sort_kb * 1.1)::int || 'kB', false);
:sort
SELECT set_config('work_mem', (:hash_kb * 1.1)::int || 'kB', false);
:hash
SET enable_sort = off;
SELECT set_config('work_mem', (:groups_kb * 1.1)::int || 'kB', false);
:groups
\o
SELECT is(test.times('SELECT $1 AS sorted'), 1::bigint, 'the memory named keeps the sort in memory');
SELECT is(test.times('SELECT $1 AS joined'), 1::bigint, 'and the hash table');
SELECT is(test.times('SELECT $1 AS grouped'), 1::bigint, 'and the groups');
\o /dev/null
SELECT set_config('work_mem', (:groups_kb * 0.6)::int || 'kB', false);
:groups
RESET enable_sort;
SELECT set_config('work_mem', (:sort_kb * 0.6)::int || 'kB', false);
:sort
SELECT set_config('work_mem', (:hash_kb * 0.6)::int || 'kB', false);
:hash
\o
SELECT is(test.times('SELECT $1 AS sorted'), 2::bigint, 'much less does not: the sort');
SELECT is(test.times('SELECT $1 AS joined'), 2::bigint, 'the hash table');
SELECT is(test.times('SELECT $1 AS grouped'), 2::bigint, 'the groups');

SELECT * FROM finish();
