-- index_advice() by kind of table: partitioned ones get a script, names need quotes
-- or lie in other schemas, small and foreign and temporary tables get nothing, and
-- what was never analysed is analysed first.  Mistakes are the server's.
\ir advice.psql
CREATE TABLE events (at timestamptz NOT NULL, gone int, device int NOT NULL, line text) PARTITION BY RANGE (at);
ALTER TABLE events DROP gone;
CREATE TABLE events_1 PARTITION OF events FOR VALUES FROM ('2024-01-01') TO ('2024-05-01') WITH (autovacuum_enabled = false);
CREATE TABLE events_2 (line text, device int NOT NULL, at timestamptz NOT NULL) WITH (autovacuum_enabled = false);
ALTER TABLE events ATTACH PARTITION events_2 FOR VALUES FROM ('2024-05-01') TO ('2024-09-01');
CREATE TABLE events_3 PARTITION OF events FOR VALUES FROM ('2024-09-01') TO ('2025-01-01') PARTITION BY HASH (device);
CREATE TABLE events_31 PARTITION OF events_3 FOR VALUES WITH (MODULUS 2, REMAINDER 0) WITH (autovacuum_enabled = false);
CREATE TABLE events_32 PARTITION OF events_3 FOR VALUES WITH (MODULUS 2, REMAINDER 1) WITH (autovacuum_enabled = false);
INSERT INTO events (at, device, line)
SELECT timestamptz '2024-01-01 12:00 UTC' + i % 360 * interval '1 day', test.spread(i, 1, 4000), repeat(md5(i::text), 5)
FROM generate_series(1, 180000) i;

-- Old-style inheritance.
CREATE TABLE base (k int, line text);
CREATE TABLE base_1 () INHERITS (base) WITH (autovacuum_enabled = false);
CREATE TABLE base_2 () INHERITS (base) WITH (autovacuum_enabled = false);
INSERT INTO base_1 SELECT test.spread(i, 1, 3000), repeat(md5(i::text), 5) FROM generate_series(1, 60000) i;
INSERT INTO base_2 SELECT test.spread(i, 2, 3000), repeat(md5(i::text), 5) FROM generate_series(1, 60000) i;

-- Names.
CREATE SCHEMA elsewhere;
CREATE TABLE elsewhere.orders (id int PRIMARY KEY, buyer int, line text) WITH (autovacuum_enabled = false);
INSERT INTO elsewhere.orders SELECT i, test.spread(i, 1, 3000), repeat(md5(i::text), 5) FROM generate_series(1, 60000) i;
CREATE SCHEMA "Sch""e.ma";
CREATE TABLE "Sch""e.ma"."Bobby's "" \ $$;--TaBlE" (
    "select" int, "Ünïcode ☃" int, "with space" int, "new
line" int, "a,b)" int, lll_lll_lll_lll_lll_lll_lll_lll_lll_lll_lll_lll_lll_lll_lll_ll1 int,
    lll_lll_lll_lll_lll_lll_lll_lll_lll_lll_lll_lll_lll_lll_lll_ll2 int, "MiXed" text
) WITH (autovacuum_enabled = false);
INSERT INTO "Sch""e.ma"."Bobby's "" \ $$;--TaBlE"
SELECT test.spread(i, 1, 3000), test.spread(i, 2, 3000), test.spread(i, 3, 3000), test.spread(i, 4, 3000), test.spread(i, 5, 3000),
       test.spread(i, 6, 3000), test.spread(i, 7, 3000), 'M' || md5(i::text) || repeat('x', 100)
FROM generate_series(1, 60000) i;
CREATE SCHEMA extras;
CREATE EXTENSION pg_trgm SCHEMA extras;

-- Others.
CREATE UNLOGGED TABLE fleeting (k int, line text) WITH (autovacuum_enabled = false);
INSERT INTO fleeting SELECT test.spread(i, 1, 3000), repeat(md5(i::text), 5) FROM generate_series(1, 60000) i;
CREATE TEMP TABLE temporary (k int, line text);
INSERT INTO temporary SELECT * FROM fleeting;
CREATE TABLE tiny (k int, line text) WITH (autovacuum_enabled = false);
INSERT INTO tiny SELECT * FROM fleeting LIMIT 500;
CREATE TABLE empty (k int, line text) WITH (autovacuum_enabled = false);
CREATE TABLE unanalyzed (k int, line text) WITH (autovacuum_enabled = false);
INSERT INTO unanalyzed SELECT * FROM fleeting;
CREATE EXTENSION postgres_fdw;
CREATE SERVER nowhere FOREIGN DATA WRAPPER postgres_fdw;
CREATE USER MAPPING FOR CURRENT_USER SERVER nowhere;
CREATE FOREIGN TABLE away (k int, line text) SERVER nowhere;
:loaded
ANALYZE events, base, elsewhere.orders, "Sch""e.ma"."Bobby's "" \ $$;--TaBlE", fleeting, temporary, tiny, empty;
VACUUM ANALYZE events_1;
VACUUM ANALYZE events_2;
VACUUM ANALYZE events_31;
VACUUM ANALYZE events_32;
VACUUM ANALYZE base_1;
VACUUM ANALYZE base_2;
SELECT no_plan();

-- Partitions.
SELECT test.advises('a partitioned table', '{SELECT * FROM events WHERE device = 17}', '{events (device)}');
SELECT ok((SELECT count(*) FROM regexp_matches((SELECT ddl FROM test.advised WHERE name = 'a partitioned table'),
                                               'CREATE INDEX CONCURRENTLY', 'g')) = 4, 'each of its partitions by itself, and CONCURRENTLY');
SELECT test.advises('of which an index is there on one partition', '{SELECT * FROM events WHERE device = 17}', '{events (device)}',
    given => '{CREATE INDEX there ON events_1 (device)}');
SELECT ok((SELECT ddl !~ 'ON (ONLY )?(public\.)?events_1\M' FROM test.advised WHERE name = 'of which an index is there on one partition'),
          'that one is attached, not built again');
SELECT test.advises('of which one partition is asked', '{SELECT * FROM events WHERE device = 17 AND at BETWEEN ''2024-02-01'' AND ''2024-02-20''}',
    '{events (device),"events (device, at)",events_1 (device),"events_1 (device, at)"}');
SELECT test.advises('a partition by its own name', '{SELECT * FROM events_2 WHERE device = 17}', '{events (device),events_2 (device)}');
SELECT test.advises('an order over partitions', '{SELECT * FROM events WHERE device < 50 ORDER BY device LIMIT 20}', '{events (device)}');
SELECT test.advises_none('what pruning answers', '{SELECT * FROM events WHERE at BETWEEN ''2024-01-01'' AND ''2024-04-30''}', tempting => 'events (at)');
SELECT test.advises_none('an index that is there', '{SELECT * FROM events WHERE device = 17}', given => '{CREATE INDEX ON events (device)}');
SELECT test.advises('old-style inheritance', '{SELECT * FROM base WHERE k = 17}', '{base_1 (k); base_2 (k)}');

-- Names.
SELECT test.advises('a schema that is not on the path', '{SELECT * FROM elsewhere.orders WHERE buyer = 17}', '{elsewhere.orders (buyer)}');
SELECT test.advises('a name that is taken', '{SELECT * FROM elsewhere.orders WHERE buyer = 17}', '{elsewhere.orders (buyer)}',
    given => '{CREATE INDEX orders_buyer_idx ON elsewhere.orders (line)}');
SELECT test.advises('an operator class that is not on the path', '{SELECT * FROM fleeting WHERE line ILIKE ''%abcde%''}',
    '{fleeting USING gin (line extras.gin_trgm_ops)}');
SELECT test.advises('names of all kinds: ' || translate(quote_ident(col), E'\n', ' '),
    ARRAY[format('SELECT * FROM "Sch""e.ma"."Bobby''s "" \ $$;--TaBlE" WHERE %I = 17', col)],
    ARRAY[format('"Sch""e.ma"."Bobby''s "" \ $$;--TaBlE" (%I)', col)])
FROM (VALUES ('select'), ('Ünïcode ☃'), ('with space'), (E'new\nline'), ('a,b)')) c(col);
SELECT test.advises('names of 63 characters that differ in the last',
    '{"SELECT * FROM \"Sch\"\"e.ma\".\"Bobby''s \"\" \\ $$;--TaBlE\" WHERE lll_lll_lll_lll_lll_lll_lll_lll_lll_lll_lll_lll_lll_lll_lll_ll1 = 17",
      "SELECT * FROM \"Sch\"\"e.ma\".\"Bobby''s \"\" \\ $$;--TaBlE\" WHERE lll_lll_lll_lll_lll_lll_lll_lll_lll_lll_lll_lll_lll_lll_lll_ll2 = 17"}',
    '{"\"Sch\"\"e.ma\".\"Bobby''s \"\" \\ $$;--TaBlE\" (lll_lll_lll_lll_lll_lll_lll_lll_lll_lll_lll_lll_lll_lll_lll_ll1); \"Sch\"\"e.ma\".\"Bobby''s \"\" \\ $$;--TaBlE\" (lll_lll_lll_lll_lll_lll_lll_lll_lll_lll_lll_lll_lll_lll_lll_ll2)"}');
SELECT test.advises('an expression of such a name, for a rare value of such a name',
    '{"SELECT * FROM \"Sch\"\"e.ma\".\"Bobby''s \"\" \\ $$;--TaBlE\" WHERE lower(\"MiXed\") = ''m17''"}',
    '{"\"Sch\"\"e.ma\".\"Bobby''s \"\" \\ $$;--TaBlE\" (lower(\"MiXed\"))","\"Sch\"\"e.ma\".\"Bobby''s \"\" \\ $$;--TaBlE\" USING hash (lower(\"MiXed\"))"}');
SELECT ok(bool_and(replace(ddl, 'ON ONLY', 'ON') ~ 'CREATE INDEX.* ON ("Sch|elsewhere\.|public\.)'), 'every table is named with its schema') FROM test.advised;

-- Other tables.
SELECT test.advises('an unlogged table', '{SELECT * FROM fleeting WHERE k = 17}', '{fleeting (k)}');
SELECT test.advises_none('a temporary table', '{SELECT * FROM temporary WHERE k = 17}', tempting => 'temporary (k)', helps => true);
SELECT test.advises_none('a foreign table', '{SELECT * FROM away WHERE k = 17}');
SELECT test.advises('beside a foreign table', '{SELECT * FROM away JOIN fleeting USING (k) WHERE fleeting.k = 17}', '{fleeting (k)}');
SELECT test.advises_none('tables that are small or empty', '{SELECT * FROM tiny WHERE k = 17,SELECT * FROM empty WHERE k = 17}');
SELECT test.advises_none('catalogs', '{SELECT * FROM pg_depend WHERE deptype = ''x'',SELECT * FROM pg_proc WHERE prosrc = ''x'',
                                       SELECT * FROM information_schema.columns WHERE data_type = ''x''}');

-- What was never analysed.
SELECT test.advises_other('a table that was never analysed', 'SELECT * FROM unanalyzed WHERE k = 17', 'statistics', 'ANALYZE .*unanalyzed');
SELECT ddl FROM dbadvisor.index_advice('{SELECT * FROM unanalyzed WHERE k = 17}') WHERE kind = 'statistics' \gexec
SELECT isnt(last_analyze, NULL, 'the command analyses it') FROM pg_stat_user_tables WHERE relname = 'unanalyzed';
SELECT test.advises('and then there is advice', '{SELECT * FROM unanalyzed WHERE k = 17}', '{unanalyzed (k)}');

-- Mistakes.
SELECT test.advises_none('no statements', '{}');
SELECT throws_ok('SELECT * FROM dbadvisor.index_advice(''{SELEC 1}'')', '42601', NULL, 'a statement that does not parse');
SELECT throws_ok('SELECT * FROM dbadvisor.index_advice(''{SELECT * FROM fleeting WHERE k = 1,SELECT * FROM nothing}'')', '42P01', NULL, 'a table that is not there');
SELECT throws_ok('SELECT * FROM dbadvisor.index_advice(''{SELECT * FROM fleeting WHERE j = 1}'')', '42703', NULL, 'a column that is not there');
SELECT throws_ok('SELECT * FROM dbadvisor.index_advice(''{SELECT 1}'', weights => ''{1,2}'')', '22023', NULL, 'weights of another number');
SELECT throws_ok('SELECT * FROM dbadvisor.index_advice(''{SELECT 1}'', weights => ''{-1}'')', '22023', NULL, 'a weight below zero');

-- Whatever is said of a function that fails or takes too long while it is planned,
-- the planner believes in nothing afterwards.
CREATE FUNCTION fails() RETURNS int IMMUTABLE LANGUAGE plpgsql AS $$ BEGIN RAISE 'it fails'; END $$;
CREATE FUNCTION sleeps() RETURNS int IMMUTABLE LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(600); RETURN 17; END $$;
CREATE FUNCTION test.ask(queries text[]) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM dbadvisor.index_advice(queries);
EXCEPTION WHEN query_canceled OR raise_exception THEN
    NULL;
END $$;
CREATE TABLE test.plain AS SELECT test.plan('SELECT * FROM fleeting WHERE k = 17') AS plan;
SELECT test.ask('{SELECT * FROM fleeting WHERE k = 17,SELECT * FROM fleeting WHERE k = fails()}');
SELECT is(test.plan('SELECT * FROM fleeting WHERE k = 17'), plan, 'a function that fails leaves nothing behind') FROM test.plain;
SET statement_timeout = '2s';
SELECT test.ask('{SELECT * FROM fleeting WHERE k = 17,SELECT * FROM fleeting WHERE k = sleeps()}');
RESET statement_timeout;
SELECT is(test.plan('SELECT * FROM fleeting WHERE k = 17'), plan, 'nor does one that takes too long') FROM test.plain;
CREATE ROLE advice_stranger IN ROLE pg_monitor;
SET ROLE advice_stranger;
SELECT throws_ok('SELECT * FROM dbadvisor.index_advice(''{SELECT * FROM fleeting WHERE k = 17}'')', '42501', NULL, 'a table that the role may not read');
RESET ROLE;
DROP ROLE advice_stranger;

\ir done.psql
