-- no_primary_key: reports tables whose rows nothing identifies, gives the
-- cheapest way to a key, and leaves alone what has one in all but name or
-- needs none.
\ir ../rule.psql
SELECT plan(50);

CREATE TABLE bare (a int, b text) WITH (autovacuum_enabled = false);
CREATE TABLE keyed (a int PRIMARY KEY, b text);
CREATE TABLE with_index (a int NOT NULL, b int NOT NULL);
CREATE UNIQUE INDEX with_index_b_a ON with_index (b, a);
-- What the undo has to bring back besides the index.
ALTER TABLE with_index REPLICA IDENTITY USING INDEX with_index_b_a;
ALTER TABLE with_index CLUSTER ON with_index_b_a;
COMMENT ON INDEX with_index_b_a IS 'the importer''s key';
CREATE TABLE with_twins (a int NOT NULL);
CREATE UNIQUE INDEX with_twins_b ON with_twins (a);
CREATE UNIQUE INDEX with_twins_a ON with_twins (a);
CREATE TABLE with_nullable_index (a int, b int NOT NULL);
CREATE UNIQUE INDEX "Odd ""index;" ON with_nullable_index (b, a);
CREATE TABLE with_nullable_constraint (a int UNIQUE, b int);
CREATE TABLE with_constraint (a int NOT NULL UNIQUE, b int);
CREATE TABLE with_descending (a int NOT NULL, b int);
CREATE UNIQUE INDEX ON with_descending (a DESC);
-- Unique indexes that are no key.
CREATE TABLE with_other_indexes (a int NOT NULL, b text NOT NULL);
CREATE UNIQUE INDEX ON with_other_indexes (a) WHERE a > 0;
CREATE UNIQUE INDEX ON with_other_indexes (lower(b));
CREATE INDEX ON with_other_indexes (a);
CREATE SCHEMA "Odd ""schema;'";
CREATE TABLE "Odd ""schema;'"."Odd
table" (id int, row_id int, "drop" int);
ALTER TABLE "Odd ""schema;'"."Odd
table" DROP COLUMN "drop";
CREATE TABLE "ÄÄÄÄÄÄÄÄÄÄÄÄÄÄÄÄÄÄÄÄÄÄÄÄÄÄÄÄÄÄÄx" (a int NOT NULL, b int) PARTITION BY LIST (a);
CREATE UNIQUE INDEX ON "ÄÄÄÄÄÄÄÄÄÄÄÄÄÄÄÄÄÄÄÄÄÄÄÄÄÄÄÄÄÄÄx" (a, b);
CREATE TABLE long_1 PARTITION OF "ÄÄÄÄÄÄÄÄÄÄÄÄÄÄÄÄÄÄÄÄÄÄÄÄÄÄÄÄÄÄÄx" FOR VALUES IN (1);
CREATE TABLE no_columns ();
CREATE TABLE append_only (a int) WITH (autovacuum_enabled = false);
CREATE TABLE tiny (a int);
CREATE UNLOGGED TABLE staging (a int);
CREATE TEMP TABLE temporary (a int);
CREATE MATERIALIZED VIEW matview AS SELECT 1 AS a;
CREATE FOREIGN DATA WRAPPER nothing;
CREATE SERVER nothing FOREIGN DATA WRAPPER nothing;
CREATE FOREIGN TABLE remote (a int) SERVER nothing;
CREATE TABLE parent (a int);
CREATE TABLE child (b int) INHERITS (parent);
CREATE TYPE row_type AS (a int, b int);
CREATE TABLE typed OF row_type;
CREATE TABLE kept_whole (a int);
CREATE TABLE keeps_whole (id int PRIMARY KEY, was kept_whole[]);

CREATE TABLE part (a int, b int) PARTITION BY RANGE (a);
CREATE TABLE part_1 PARTITION OF part FOR VALUES FROM (0) TO (5000) PARTITION BY RANGE (b);
CREATE TABLE part_1_1 PARTITION OF part_1 FOR VALUES FROM (0) TO (5000);
CREATE TABLE part_2 PARTITION OF part FOR VALUES FROM (5000) TO (10000);
CREATE TABLE part_by_leaf (a int, b int) PARTITION BY RANGE (a);
CREATE TABLE part_by_leaf_1 PARTITION OF part_by_leaf (PRIMARY KEY (b)) FOR VALUES FROM (0) TO (5000);
CREATE TABLE part_empty (a int) PARTITION BY RANGE (a);
CREATE TABLE part_keyed (a int PRIMARY KEY) PARTITION BY RANGE (a);
CREATE TABLE part_keyed_1 PARTITION OF part_keyed FOR VALUES FROM (0) TO (5000);

SELECT format('CREATE TABLE wide (%s)', string_agg(format('c%s bool', i), ', '))
FROM generate_series(1, 1600) i \gexec

-- Enough rows to matter, and changed.
SELECT format('INSERT INTO %I SELECT i, i FROM generate_series(1, 4000) i', t),
       format('DELETE FROM %I WHERE a = 1', t)
FROM unnest(ARRAY['bare', 'keyed', 'with_index', 'with_nullable_index', 'with_nullable_constraint',
                  'with_constraint', 'with_descending', 'with_other_indexes', 'typed', 'part', 'part_by_leaf']) AS t \gexec
INSERT INTO parent SELECT i FROM generate_series(1, 4000) i;
DELETE FROM parent WHERE a = 1;
INSERT INTO child SELECT i FROM generate_series(1, 4000) i;
DELETE FROM child WHERE a = 1;
INSERT INTO staging SELECT i FROM generate_series(1, 4000) i;
DELETE FROM staging WHERE a = 1;
INSERT INTO append_only SELECT i FROM generate_series(1, 4000) i;
INSERT INTO tiny VALUES (1), (2);
DELETE FROM tiny WHERE a = 1;
:flush
ANALYZE part;

CREATE FUNCTION test.is_notice(name text) RETURNS boolean LANGUAGE sql VOLATILE AS $$
    SELECT coalesce((SELECT severity = 'notice' FROM test.finding('no_primary_key', name)), false)
$$;

SELECT ok(test.is_notice('public.bare'), 'a table without any key is reported');
SELECT ok(NOT test.found('no_primary_key', 'public.keyed'), 'one with a primary key is not');
SELECT ok(test.is_notice('public.with_index'), 'one with a unique index is');
SELECT ok(test.is_notice('public.with_nullable_index'), 'also where NOT NULL is missing');
SELECT matches(fix, 'USING INDEX with_twins_b;', 'of equal indexes it takes the one that duplicate_index keeps')
FROM test.finding('no_primary_key', 'public.with_twins');
DROP TABLE with_twins;
SELECT matches(detail, 'Its unique index "Odd ""index;" on \(b, a\) could serve, were a NOT NULL', 'which it says')
FROM test.finding('no_primary_key', 'public.with_nullable_index');
SELECT ok(test.is_notice('public.with_nullable_constraint'), 'and one whose unique constraint admits nulls');
SELECT ok(NOT test.found('no_primary_key', 'public.with_constraint')
          AND NOT test.found('no_primary_key', 'public.with_descending'), 'but no key in all but name');
SELECT matches(fix, 'ADD COLUMN id ', 'partial and expression indexes are no key')
FROM test.finding('no_primary_key', 'public.with_other_indexes');
SELECT matches(fix, 'ADD COLUMN surrogate_id bigint', 'the new column has a name that is free')
FROM test.finding('no_primary_key', E'"Odd ""schema;''"."Odd\ntable"');
SELECT ok(test.found('no_primary_key', 'public.no_columns'), 'a table without columns is no obstacle');

SELECT is((SELECT severity FROM test.finding('no_primary_key', 'public.append_only')), 'info',
          'what is only appended to is for the record');
SELECT is((SELECT severity FROM test.finding('no_primary_key', 'public.tiny')), 'info', 'so is what is small');
SELECT ok(NOT test.found('no_primary_key', 'public.staging'), 'an unlogged table is not reported');
SELECT is_empty($$SELECT object FROM dbadvisor.recommendations('{schema}', 'info')
                  WHERE rule = 'no_primary_key' AND object ~ 'temporary|matview|remote|child|row_type'$$,
                'nor what cannot have a key, nor an inheritance child');
SELECT is((SELECT fix FROM test.finding('no_primary_key', 'public.parent')), NULL, 'its parent is, without a command');
SELECT is((SELECT fix FROM test.finding('no_primary_key', 'public.typed')), NULL, 'nor is there one for a typed table');
SELECT is((SELECT fix FROM test.finding('no_primary_key', 'public.kept_whole')), NULL, 'nor for one that is the type of a column');
SELECT is((SELECT fix FROM test.finding('no_primary_key', 'public.wide')), NULL, 'nor where there is no room for a column');

SELECT ok(test.is_notice('public.part'), 'a partitioned table is reported');
SELECT is((f.evidence ->> 'rows')::int, 3999, 'with the rows of all its partitions')
FROM test.finding('no_primary_key', 'public.part') f;
SELECT matches(caution, 'has to contain its partition key \(a\)', 'and what its key must contain')
FROM test.finding('no_primary_key', 'public.part');
SELECT doesnt_match(detail, '\m1 minutes', 'no time in broken English') FROM test.finding('no_primary_key', 'public.part');
SELECT is_empty($$SELECT object FROM dbadvisor.recommendations('{schema}', 'info')
                  WHERE rule = 'no_primary_key' AND object ~ 'part_[12k]|long_1'$$, 'once: not each partition');
SELECT ok(NOT test.found('no_primary_key', 'public.part_by_leaf'), 'and not when each partition has its key');
SELECT ok(test.found('no_primary_key', 'public.part_empty'), 'one without partitions is for the record');

-- Counted too short a time, "no change" means nothing.
SET dbadvisor.min_window = '7d';
SELECT is((SELECT count(*) FROM dbadvisor.recommendations('{schema}')
           WHERE object = 'public.append_only'), 1::bigint, 'short statistics do not prove that nothing changes');
SET dbadvisor.min_window = 0;

-- The same for pg_monitor.
SELECT jsonb_agg(to_jsonb(r) #- '{evidence,counted_days}' ORDER BY r.object) AS as_superuser
FROM dbadvisor.recommendations('{schema}', 'info') r WHERE r.rule = 'no_primary_key' \gset
SET ROLE pg_monitor;
SELECT jsonb_agg(to_jsonb(r) #- '{evidence,counted_days}' ORDER BY r.object) AS as_monitor
FROM dbadvisor.recommendations('{schema}', 'info') r WHERE r.rule = 'no_primary_key' \gset
RESET ROLE;
SELECT is(:'as_monitor'::jsonb, :'as_superuser'::jsonb, 'pg_monitor is told the same');
SELECT cmp_ok(jsonb_array_length(:'as_monitor'::jsonb), '>', 10, 'which is not nothing');

-- All commands, and all undos.
CREATE TEMP TABLE before AS
    SELECT object, fix, undo FROM dbadvisor.recommendations('{schema}', 'info') WHERE rule = 'no_primary_key';
SELECT cmp_ok(count(*), '>=', 9::bigint, 'most findings have a command') FROM before WHERE fix IS NOT NULL;
SELECT is(count(*), 0::bigint, 'and each of those can be undone') FROM before WHERE fix IS NOT NULL AND undo IS NULL;
SELECT command FROM before, unnest(string_to_array(fix, E';\n')) AS command \gexec
SELECT set_eq($$SELECT object FROM dbadvisor.recommendations('{schema}', 'info') WHERE rule = 'no_primary_key'$$,
              'SELECT object FROM before WHERE fix IS NULL', 'the fixes end their findings');
SELECT col_is_pk('with_index', ARRAY['b', 'a'], 'the unique index became the key');
SELECT col_is_pk('with_nullable_index', ARRAY['b', 'a'], 'the other, too');
SELECT is(count(*), 1::bigint, 'and no second index was built')
FROM pg_index WHERE indrelid = 'with_index'::regclass;
SELECT command FROM before, unnest(string_to_array(undo, E';\n')) AS command \gexec
SELECT set_eq($$SELECT object, fix, undo FROM dbadvisor.recommendations('{schema}', 'info') WHERE rule = 'no_primary_key'$$,
              'SELECT * FROM before', 'and the undos bring all of it back');
DROP TABLE before;
SELECT is((i.indisreplident, i.indisclustered, obj_description(i.indexrelid))::text, '(t,t,"the importer''s key")',
          'with all that went with an index')
FROM pg_index i WHERE i.indexrelid = 'with_index_b_a'::regclass;

-- In a publication UPDATE and DELETE fail without a key; unless only inserts
-- are published, or rows are found by something else.
CREATE PUBLICATION p FOR TABLE bare, with_constraint, with_nullable_constraint, tiny, part, parent, append_only;
CREATE TABLE postponed (a int NOT NULL UNIQUE DEFERRABLE, b int);
INSERT INTO postponed SELECT i, i FROM generate_series(1, 4000) i;
:flush
SELECT throws_ok('UPDATE bare SET b = ''x''', '55000', NULL, 'the server refuses an UPDATE');
SELECT is((SELECT string_agg(object, ' ' ORDER BY object COLLATE "C")
           FROM dbadvisor.recommendations('{schema}', 'warning') WHERE rule = 'no_primary_key'),
          'public.append_only public.bare public.parent public.part public.tiny public.with_constraint public.with_nullable_constraint',
          'each such table is a warning, however small');
SELECT test.commands('no_primary_key', 'public.with_constraint', 'fix') \gexec
SELECT lives_ok('UPDATE with_constraint SET b = 0 WHERE a = 5', 'a unique constraint serves as replica identity');
SELECT ok(NOT test.found('no_primary_key', 'public.with_constraint'), 'which ends it');
ALTER TABLE bare REPLICA IDENTITY FULL;
SELECT ok(test.is_notice('public.bare'), 'with all columns as identity it is a notice again');
SELECT matches(detail, 'subscribers search each changed row by all columns', 'that names the cost')
FROM test.finding('no_primary_key', 'public.bare');
ALTER TABLE bare REPLICA IDENTITY DEFAULT;
SELECT ok(NOT test.found('no_primary_key', 'public.postponed'), 'what is not published does not fail');
ALTER PUBLICATION p ADD TABLE postponed;
SELECT is(fix, NULL, 'a deferrable constraint cannot help')
FROM test.finding('no_primary_key', 'public.postponed');
ALTER PUBLICATION p SET (publish = 'insert');
SELECT is_empty($$SELECT object FROM dbadvisor.recommendations('{schema}', 'warning')
                  WHERE rule = 'no_primary_key'$$, 'inserts alone need no key');
DROP PUBLICATION p;
CREATE PUBLICATION p FOR ALL TABLES;
SELECT is((SELECT severity FROM test.finding('no_primary_key', 'public.bare')), 'warning', 'all tables are all tables');
SELECT is((SELECT severity FROM test.finding('no_primary_key', 'public.no_columns')), 'info', 'an empty one fails at nothing');
DROP PUBLICATION p;
CREATE PUBLICATION p FOR TABLES IN SCHEMA "Odd ""schema;'";
INSERT INTO "Odd ""schema;'"."Odd
table" VALUES (1);
:flush
SELECT is((SELECT string_agg(object, ' ') FROM dbadvisor.recommendations('{schema}', 'warning')
           WHERE rule = 'no_primary_key'), E'"Odd ""schema;''"."Odd\ntable"', 'a schema''s tables are published, too');
DROP PUBLICATION p;
CREATE PUBLICATION p FOR TABLE part_2;
SELECT is((SELECT severity FROM test.finding('no_primary_key', 'public.part')), 'warning',
          'a partition that is published alone is its table''s matter');

SELECT * FROM finish();
