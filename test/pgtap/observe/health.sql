-- health(): each metric has a value and a status, or says why it cannot have one;
-- the numbers are those of the views, and bad ones are called so.
\ir ../rule.psql
SELECT plan(24);

CREATE FUNCTION test.status(metric text) RETURNS text LANGUAGE sql VOLATILE
AS 'SELECT h.status FROM dbadvisor.health() h WHERE h.metric = status.metric';
CREATE FUNCTION test.value(metric text) RETURNS float8 LANGUAGE sql VOLATILE
AS 'SELECT h.value FROM dbadvisor.health() h WHERE h.metric = value.metric';
CREATE FUNCTION test.reason(metric text) RETURNS text LANGUAGE sql VOLATILE
AS 'SELECT h.reason FROM dbadvisor.health() h WHERE h.metric = reason.metric';
CREATE FUNCTION test.target(metric text) RETURNS text LANGUAGE sql VOLATILE
AS 'SELECT h.target FROM dbadvisor.health() h WHERE h.metric = target.metric';

-- A new database: little is known.
SELECT is(test.status('cache_hit'), 'unknown', 'the cache cannot be judged by a few blocks');
SELECT matches(test.reason('cache_hit'), '^only [0-9]+ blocks were read so far, fewer than 50000$', 'and it is said why');
SELECT is(test.status('dead_rows'), 'unknown', 'nor dead rows where there are hardly any');
SELECT is(test.status('index_use'), 'unknown', 'nor the use of indexes without scans');
SELECT is_empty($$SELECT metric FROM dbadvisor.health()
                  WHERE status NOT IN ('ok', 'notice', 'warning', 'critical', 'unknown')
                     OR (status = 'unknown') <> (value IS NULL AND reason <> 'nothing is attached')
                     OR (value IS NULL) <> (reason IS NOT NULL)
                     OR unit IS NULL$$, 'what has no value has a reason');
SELECT is(test.status('replication_lag') || coalesce(test.value('replication_lag')::text, ' ') || test.reason('replication_lag'),
          'ok nothing is attached', 'without a standby there is no lag');

-- Statements, of which many fail.
\o /dev/null
CREATE TABLE t (id int PRIMARY KEY, pad text) WITH (autovacuum_enabled = off);
INSERT INTO t SELECT i, repeat('x', 50) FROM generate_series(1, 20000) i;
SELECT pg_stat_force_next_flush();
ANALYZE t;
\o
SELECT is(test.status('latency_p99'), 'ok', 'latency is known');
SELECT is((SELECT array_agg(round(h.value::numeric, 9) ORDER BY h.metric) FROM dbadvisor.health() h WHERE h.metric ~ 'latency'),
          (SELECT ARRAY[round(p50_ms::numeric, 9), round(p90_ms::numeric, 9), round(p95_ms::numeric, 9), round(p99_ms::numeric, 9)]
           FROM dbadvisor.latency()), 'as latency() says');
SELECT is(test.target('latency_p99'), NULL, 'and has no target of its own');
SELECT cmp_ok(test.value('statements'), '>', 0::float8, 'statements are counted');
SELECT cmp_ok(test.value('observed'), '>', 0::float8, 'since some time');

\setenv PGDATABASE :DBNAME
\! for i in $(seq 100); do echo "SELECT 1 / (id - 7) FROM t WHERE id = 7;"; done | psql -Xq > /dev/null 2>&1
SELECT cmp_ok(test.value('errors'), '>', 20::float8, 'so are those that failed');
SELECT is(test.status('errors') || ' ' || test.target('errors'), 'critical below 1', 'and many are called so');

-- Blocks, scans and rows.
\o /dev/null
DO $$ BEGIN FOR i IN 1 .. 600 LOOP PERFORM count(*) FROM t WHERE pad <> ''; END LOOP; END $$;
DO $$ BEGIN FOR i IN 1 .. 800 LOOP PERFORM pad FROM t WHERE id = i; END LOOP; END $$;
DELETE FROM t WHERE id % 2 = 0;
\o
:flush
SELECT is(test.status('cache_hit'), 'ok', 'blocks that are in memory are well');
SELECT ok(test.value('cache_hit') BETWEEN 95 AND 100, 'in percent');
SELECT is(test.status('index_use') || ' ' || test.target('index_use'), 'notice at least 80', 'tables read from end to end are noticed');
SELECT is(abs(test.value('dead_rows') - 50) < 2, true, format('dead rows are a share of all: %s %%', round(test.value('dead_rows'))));
SELECT is(test.status('dead_rows'), 'warning', 'and half of them are too many');
VACUUM t;
:flush
SELECT cmp_ok(test.value('dead_rows'), '<', 2::float8, 'until they are gone');

-- Open transactions of others.
SELECT is(test.status('idle_in_transaction'), 'ok', 'a short transaction is nothing to speak of');
SELECT cmp_ok(test.value('connections'), '>', 0::float8, 'connections are counted');

-- Who may read what.
SELECT array_agg(metric || status ORDER BY metric) AS as_superuser FROM dbadvisor.health() \gset
SET ROLE pg_monitor;
SELECT array_agg(metric || status ORDER BY metric) AS as_monitor FROM dbadvisor.health() \gset
RESET ROLE;
SELECT is(:'as_monitor'::text, :'as_superuser', 'pg_monitor is told the same');
DROP ROLE IF EXISTS dbadvisor_test_guest;
CREATE ROLE dbadvisor_test_guest;
GRANT USAGE ON SCHEMA dbadvisor TO dbadvisor_test_guest;
GRANT SELECT ON ALL TABLES IN SCHEMA dbadvisor TO dbadvisor_test_guest;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA dbadvisor TO dbadvisor_test_guest;
SET ROLE dbadvisor_test_guest;
SELECT string_agg(metric, ' ' ORDER BY metric) AS hidden FROM dbadvisor.health() WHERE reason ~ 'no member of pg_read_all_stats' \gset
RESET ROLE;
DROP OWNED BY dbadvisor_test_guest;
DROP ROLE dbadvisor_test_guest;
SELECT is(:'hidden'::text, 'idle_in_transaction oldest_transaction', 'who may not see sessions is told so, and no number');

BEGIN READ ONLY;
SELECT count(*) AS metrics FROM dbadvisor.health() \gset
COMMIT;
SELECT is(:metrics, 18, 'it works in a read-only transaction');

SELECT * FROM finish();
