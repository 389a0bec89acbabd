-- index_advice() without queries: what the observed statements want, whoever asks.
-- Statements run, are planned again with their values as they were sampled, and
-- what cannot be planned any more is left out without an error.
\ir ../rule.psql
SELECT plan(49);

CREATE TABLE orders (id int PRIMARY KEY, customer int, status text, placed timestamptz, note text, touched int)
    WITH (autovacuum_enabled = off);
INSERT INTO orders
SELECT i, i % 5000, CASE WHEN i % 500 = 0 THEN 'open' ELSE 'done' END, '2026-01-01'::timestamptz + i * interval '1 min',
       repeat('x', 60), i
FROM generate_series(1, 60000) i;
CREATE TABLE "Tr""icky
name" ("B ""é" int, "from" text) WITH (autovacuum_enabled = off);
INSERT INTO "Tr""icky
name" SELECT i, repeat('y', 60) FROM generate_series(1, 30000) i;
CREATE TABLE gone (a int, b text) WITH (autovacuum_enabled = off);
INSERT INTO gone SELECT i, repeat('z', 60) FROM generate_series(1, 30000) i;
CREATE TABLE retyped (LIKE gone) WITH (autovacuum_enabled = off);
INSERT INTO retyped SELECT * FROM gone;
CREATE TABLE part (k int, a int, b text, touched int) PARTITION BY RANGE (k);
CREATE TABLE part_1 (touched int, b text, a int, k int) WITH (autovacuum_enabled = off);
ALTER TABLE part ATTACH PARTITION part_1 FOR VALUES FROM (0) TO (20000);
CREATE TABLE part_2 PARTITION OF part FOR VALUES FROM (20000) TO (40000) WITH (autovacuum_enabled = off);
CREATE INDEX ON part (k);
INSERT INTO part SELECT i, i, repeat('z', 60), i FROM generate_series(1, 39999) i;
CREATE TABLE quiet (a int, b text) WITH (autovacuum_enabled = off);
INSERT INTO quiet SELECT * FROM gone;
VACUUM ANALYZE;

-- What is advised for a table, as rows of jsonb.
CREATE FUNCTION test.advised(relation text) RETURNS SETOF jsonb
LANGUAGE sql VOLATILE AS $$
    SELECT to_jsonb(a) FROM dbadvisor.index_advice() a WHERE a."table" = relation::regclass
$$;
CREATE FUNCTION test.ddl(relation text) RETURNS SETOF text
LANGUAGE sql VOLATILE AS $$SELECT a ->> 'ddl' FROM test.advised(relation) a$$;
CREATE FUNCTION test.plan_cached(query text, mode text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    plan json;
BEGIN
    PERFORM set_config('plan_cache_mode', mode, true);
    EXECUTE 'EXPLAIN (FORMAT JSON) ' || query INTO plan;
    RETURN plan;
END $$;
-- Why the rule's coverage has that something was left out.
CREATE FUNCTION test.left_out() RETURNS text
LANGUAGE sql VOLATILE AS $$SELECT reason FROM dbadvisor.coverage('{index}') WHERE rule = 'missing_index'$$;

-- ---------------------------------------------------------------------------
-- Statements with constants
-- ---------------------------------------------------------------------------

SELECT dbadvisor.reset();
SELECT is_empty($$SELECT test.ddl('orders')$$, 'where nothing ran nothing is advised');
\o /dev/null
SELECT format('SELECT note FROM orders WHERE customer = %s', 100 * g) FROM generate_series(1, 6) g \gexec
\o
SELECT results_eq($$SELECT test.ddl('orders')$$,
                  $$VALUES ('CREATE INDEX CONCURRENTLY orders_customer_idx ON public.orders USING btree (customer);')$$,
                  'what a statement reads all of a table for gets an index');
SELECT test.advised('orders') AS advised \gset
SELECT ok((:'advised'::jsonb ->> 'saves_ms_per_hour')::float8 > 0
          AND (:'advised'::jsonb ->> 'cost_after')::float8 < (:'advised'::jsonb ->> 'cost_before')::float8 / 10,
          'that saves time');
SELECT is((s.query, s.calls)::text, '("SELECT note FROM orders WHERE customer = $1",6)', 'of the statement whose number it gives')
FROM dbadvisor.statements s WHERE s.queryid = (:'advised'::jsonb #>> '{statements,0,queryid}')::bigint;
SELECT ok(abs((:'advised'::jsonb ->> 'cost_before')::float8 / (:'advised'::jsonb #>> '{statements,0,calls}')::float8
              / s.mean_ms - 1) < 0.01, 'before it takes what was measured')
FROM dbadvisor.statements s WHERE s.queryid = (:'advised'::jsonb #>> '{statements,0,queryid}')::bigint;
SELECT matches(:'advised'::jsonb ->> 'reason',
               '^Saves [\d.]+ (ms|s|minutes|hours) an hour of the [\d.]+ (ms|s|minutes|hours) that a statement takes\. [\d,]+ calls an hour, [\d.]+ ms each become [\d.]+ ms: SELECT note FROM orders WHERE customer = \$1$',
               'the reason says who gains how much');
SELECT matches(:'advised'::jsonb ->> 'caution', '^Takes a SHARE UPDATE EXCLUSIVE lock.*building takes about .*Hardly anything is written to it\.',
               'the caution what it locks and costs');
SELECT ok((:'advised'::jsonb ->> 'confidence')::float8 = 0.9 AND (:'advised'::jsonb #>> '{statements,0,samples}')::int > 1
          AND NOT :'advised'::jsonb -> 'statements' -> 0 ? 'generic_gain', 'several executions count, each planned for its values');
SELECT :'advised'::jsonb ->> 'ddl' AS ddl \gset
:ddl
VACUUM ANALYZE orders;
SELECT is_empty($$SELECT test.ddl('orders')$$, 'when it is made the advice is silent');
SELECT :'advised'::jsonb ->> 'undo' AS undo \gset
:undo
SELECT isnt_empty($$SELECT test.ddl('orders')$$, 'and speaks again when that is undone');

-- Sampling a table for its size is no statement of anybody's.
SELECT is_empty($$SELECT query FROM dbadvisor.statements WHERE query ~ 'TABLESAMPLE'$$, 'it does not observe itself');

-- In one command the advice is found out once; but a change is noticed.
CREATE FUNCTION test.twice(OUT first bigint, OUT again bigint, OUT changed bigint) LANGUAGE plpgsql AS $$
BEGIN
    first := (SELECT count(*) FROM dbadvisor.advice() a WHERE a."table" = 'orders'::regclass);
    again := (SELECT count(*) FROM dbadvisor.advice() a WHERE a."table" = 'orders'::regclass);
    CREATE INDEX ON orders (customer);
    changed := (SELECT count(*) FROM dbadvisor.advice() a WHERE a."table" = 'orders'::regclass);
END $$;
BEGIN;
SELECT is(t::text, '(1,1,0)', 'advice that is remembered is forgotten when something has changed') FROM test.twice() t;
ROLLBACK;
SELECT isnt_empty($$SELECT FROM dbadvisor.advice() a WHERE a."table" = 'orders'::regclass$$, 'and with the transaction');

-- ---------------------------------------------------------------------------
-- Parameters
-- ---------------------------------------------------------------------------

SELECT dbadvisor.reset();
\o /dev/null
PREPARE rare(text) AS SELECT note FROM orders WHERE status = $1;
SELECT 'EXECUTE rare(''open'')' FROM generate_series(1, 5) \gexec
\o
SELECT test.advised('orders') AS advised \gset
SELECT matches(:'advised'::jsonb ->> 'ddl', 'WHERE \(\(?status = ''open''::text\)\)', 'a constant that was always the same makes a partial index');
SELECT ok((:'advised'::jsonb #>> '{statements,0,generic_gain}')::float8 = 0
          AND :'advised'::jsonb ->> 'reason' ~ 'Only with a plan made for the values, a custom plan'
          AND (:'advised'::jsonb ->> 'confidence')::float8 < 0.7, 'that helps only custom plans, and says so');
SELECT :'advised'::jsonb ->> 'ddl' AS ddl \gset
:ddl
SELECT matches(test.plan_cached('EXECUTE rare(''open'')', 'force_custom_plan'), 'Index', 'as the server has it:');
SELECT matches(test.plan_cached('EXECUTE rare(''open'')', 'force_generic_plan'), 'Seq Scan', 'a generic plan cannot use it');
DROP INDEX orders_status_idx;

SELECT dbadvisor.reset();
\o /dev/null
PREPARE one(int) AS SELECT note FROM orders WHERE customer = $1;
SELECT format('EXECUTE one(%s)', g) FROM generate_series(1, 5) g \gexec
\o
SELECT test.advised('orders') AS advised \gset
SELECT ok((:'advised'::jsonb #>> '{statements,0,generic_gain}')::float8 > 0.5
          AND :'advised'::jsonb ->> 'reason' !~ 'custom plan', 'what helps generic plans, too, does not');

SELECT dbadvisor.reset();
SET dbadvisor.capture_parameters = off;
\o /dev/null
SELECT format('EXECUTE one(%s)', g) FROM generate_series(1, 5) g \gexec
SELECT 'EXECUTE rare(''open'')' FROM generate_series(1, 5) \gexec
\o
SELECT results_eq($$SELECT test.ddl('orders')$$,
                  $$VALUES ('CREATE INDEX CONCURRENTLY orders_customer_idx ON public.orders USING btree (customer);')$$,
                  'where no values are kept there are generic plans');
SELECT is((test.advised('orders') ->> 'confidence')::float8, 0.7::float8, 'which are less certain');
RESET dbadvisor.capture_parameters;

-- ---------------------------------------------------------------------------
-- Names, partitions, writes
-- ---------------------------------------------------------------------------

SELECT dbadvisor.reset();
\o /dev/null
SELECT format('SELECT "from" FROM "Tr""icky
name" WHERE "B ""é" = %s', g) FROM generate_series(1, 5) g \gexec
SELECT format('SELECT b FROM part WHERE a = %s', g) FROM generate_series(1, 5) g \gexec
SELECT format('SELECT b FROM part WHERE touched = %s', g) FROM generate_series(1, 5) g \gexec
-- A partition that numbers its columns in another way.
UPDATE part_1 SET touched = touched + 1 WHERE k < 100;
UPDATE part SET touched = touched + 1 WHERE k = 30000;
\o
SELECT is(test.ddl(E'"Tr""icky\nname"'), E'CREATE INDEX CONCURRENTLY "Tr""icky\nname_B ""é_idx" ON public."Tr""icky\nname" USING btree ("B ""é");',
          'names are quoted');
SELECT test.ddl(E'"Tr""icky\nname"') AS ddl \gset
:ddl
SELECT is_empty($$SELECT test.ddl(E'"Tr""icky\nname"')$$, 'and the command runs');
SELECT is((SELECT count(*) FROM test.ddl('part') ddl WHERE ddl ~ '\((a|touched)\)' AND ddl LIKE 'CREATE INDEX part_%_idx ON ONLY public.part %ATTACH PARTITION%'), 2::bigint,
          'a partitioned table gets its index partition by partition');
SELECT is_empty($$SELECT test.ddl('part_1') UNION ALL SELECT test.ddl('part_2')$$, 'its partitions are not spoken of');
SELECT is((SELECT array_agg((a #> '{facts,updated_columns}')::text ORDER BY a ->> 'ddl') FROM test.advised('part') a WHERE a ->> 'ddl' ~ '\((a|touched)\)'),
          '{[],"[\"touched\"]"}', 'updates of a partition are updates of the table');
SELECT matches(a ->> 'caution', 'Updates of touched \([\d,]+ an hour\) would no longer be HOT', 'and cost it HOT')
FROM test.advised('part') a WHERE a ->> 'ddl' LIKE '%(touched)%';
SELECT ok((SELECT (a ->> 'write_cost')::float8 FROM test.advised('part') a WHERE a ->> 'ddl' LIKE '%(touched)%')
          > (SELECT (a ->> 'write_cost')::float8 FROM test.advised('part') a WHERE a ->> 'ddl' LIKE '%(a)%'), 'what is updated costs more to index');

-- Writes that take hardly any time count as well: here 10 rows each time for one that is read.
SELECT dbadvisor.reset();
\o /dev/null
SELECT 'SELECT b FROM quiet WHERE a = 5' FROM generate_series(1, 3) \gexec
INSERT INTO quiet SELECT i FROM generate_series(1, 30) i;
\o
SELECT ok((a #>> '{facts,entries_per_hour}')::float8 > 9 * (a #>> '{statements,0,calls}')::float8,
          'an index has entries for the rows that are inserted')
FROM test.advised('quiet') a;

-- ---------------------------------------------------------------------------
-- What cannot be planned any more
-- ---------------------------------------------------------------------------

SELECT dbadvisor.reset();
\o /dev/null
SELECT 'SELECT b FROM gone WHERE a = 5' FROM generate_series(1, 3) \gexec
SELECT 'SELECT b FROM retyped WHERE a = 5' FROM generate_series(1, 3) \gexec
SELECT 'SELECT note FROM orders WHERE customer = 5' FROM generate_series(1, 3) \gexec
CREATE TEMP TABLE mine AS SELECT i AS a FROM generate_series(1, 30000) i;
SELECT 'SELECT * FROM mine WHERE a = 5' FROM generate_series(1, 30) \gexec
\o
DROP TABLE gone;
ALTER TABLE retyped ALTER a TYPE bigint;
SELECT isnt_empty($$SELECT test.ddl('orders')$$, 'a table that is gone does not keep others from being advised');
SELECT is_empty($$SELECT test.ddl('retyped')$$, 'nor one that has changed');
SELECT alike(test.left_out(), '%left out: 1 statement (cannot be planned now: a table of the statement is gone%', 'the first is in the coverage');
SELECT alike(test.left_out(), '%left out: 1 statement (cannot be planned now: a table of the statement has changed since%', 'the other, too');
SELECT alike(test.left_out(), '%left out: 1 statement (not kept%temporary%', 'and what no other session can plan');

-- ---------------------------------------------------------------------------
-- Whose statements
-- ---------------------------------------------------------------------------

CREATE ROLE advice_reader;
CREATE ROLE advice_monitor IN ROLE pg_monitor;
GRANT USAGE ON SCHEMA dbadvisor, test TO advice_reader, advice_monitor;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA dbadvisor, test TO advice_reader, advice_monitor;
GRANT SELECT ON ALL TABLES IN SCHEMA dbadvisor TO advice_reader, advice_monitor;
CREATE VIEW seen AS SELECT customer, note FROM orders WHERE id > 10;
GRANT SELECT ON seen TO advice_reader;

SET ROLE advice_reader;
SELECT is_empty($$SELECT ddl FROM dbadvisor.index_advice()$$, 'statements of others are nobody''s business');
SELECT alike(test.left_out(), '%statement% (of other users; members of pg_read_all_stats see them)%', 'they are counted');
\o /dev/null
SELECT 'SELECT note FROM seen WHERE customer = 5' FROM generate_series(1, 3) \gexec
\o
SELECT is((SELECT array_agg(ddl) FROM dbadvisor.index_advice()), '{"CREATE INDEX CONCURRENTLY orders_customer_idx ON public.orders USING btree (customer);"}',
          'one''s own are advised on, also through a view');
SELECT throws_ok($$SELECT dbadvisor.index_advice(ARRAY['SELECT note FROM orders WHERE customer = 5'])$$, '42501', 'permission denied for table orders',
                 'a text may be given by who may run it');
SELECT throws_ok($$SELECT dbadvisor.index_advice(ARRAY['SELECT 1 FROM seen WHERE EXISTS (SELECT FROM orders WHERE customer = 5)'])$$, '42501',
                 'permission denied for table orders', 'wherever in it the table is');
SET ROLE advice_monitor;
SELECT is_empty($$SELECT ddl FROM dbadvisor.index_advice()$$, 'pg_monitor sees statements that it may not run');
SELECT alike(test.left_out(), '%left out: % statements (of other users, and not permitted to you)%', 'and is told so');
RESET ROLE;
GRANT SELECT ON orders, quiet TO advice_monitor;
\o /dev/null
SELECT format('UPDATE quiet SET b = ''new'' WHERE a = %s', g) FROM generate_series(1, 5) g \gexec
\o
SET ROLE advice_monitor;
SELECT isnt_empty($$SELECT ddl FROM dbadvisor.index_advice() WHERE "table" = 'quiet'::regclass$$, 'of what an UPDATE of another user does only the reading is needed');
SELECT isnt_empty($$SELECT ddl FROM dbadvisor.index_advice()$$, 'with the privilege to run them it is advised');
RESET ROLE;
REVOKE SELECT ON seen FROM advice_reader;
SET ROLE advice_reader;
SELECT is_empty($$SELECT ddl FROM dbadvisor.index_advice()$$, 'a privilege that is taken away takes the advice along');
RESET ROLE;

-- ---------------------------------------------------------------------------
-- Cancelled
-- ---------------------------------------------------------------------------

-- Planning computes the function: quick when it was observed, slow when advised.
CREATE FUNCTION slow_five() RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    IF current_setting('test.slow', true) = 'on' THEN PERFORM pg_sleep(30); END IF;
    RETURN 5;
END $$;
\o /dev/null
SELECT 'SELECT note FROM orders WHERE customer = slow_five()' FROM generate_series(1, 20) \gexec
\o
CREATE FUNCTION test.is_cancelled() RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    PERFORM dbadvisor.index_advice();
    RETURN false;
EXCEPTION WHEN query_canceled THEN
    RETURN true;
END $$;
SET test.slow = on;
SET statement_timeout = '2s';
SELECT test.is_cancelled() AS cancelled \gset
RESET statement_timeout;
RESET test.slow;
SELECT is(:'cancelled', 't'::text, 'a timeout ends it in the middle of planning');
SELECT matches(test.plan_cached('SELECT note FROM orders WHERE customer = 5', 'auto'), 'Seq Scan', 'and leaves no hypothetical index behind');
SELECT isnt_empty($$SELECT test.ddl('orders')$$, 'afterwards it works');

-- What it makes of its arguments.
SELECT throws_ok($$SELECT dbadvisor.index_advice(weights => '{1}')$$, '22023', 'weights are for given statements', 'weights want statements');
SELECT is_empty($$SELECT ddl FROM dbadvisor.index_advice(storage_budget => 8192)$$, 'a budget is kept to');
SELECT throws_ok('SET dbadvisor.max_regression = -1', '22023', NULL, 'a regression is not negative');

DROP OWNED BY advice_reader, advice_monitor;
DROP ROLE advice_reader, advice_monitor;
SELECT * FROM finish();
