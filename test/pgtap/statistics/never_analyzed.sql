-- never_analyzed: a table that holds rows and has no statistics is reported,
-- and so are a partitioned table and an inheritance parent without statistics as
-- a whole; one that has statistics is not, whatever last_analyze says.
\ir ../rule.psql
SELECT plan(20);

CREATE DOMAIN label AS text;
CREATE TABLE bad (id int, gone int, pad label) WITH (autovacuum_enabled = off);
ALTER TABLE bad DROP COLUMN gone;
CREATE TABLE analyzed (id int, pad text) WITH (autovacuum_enabled = off);
CREATE TABLE small (id int) WITH (autovacuum_enabled = off);
CREATE TABLE emptied (id int, pad text) WITH (autovacuum_enabled = off);
CREATE TABLE untold (id int, pad text) WITH (autovacuum_enabled = off);
ALTER TABLE untold ALTER id SET STATISTICS 0, ALTER pad SET STATISTICS 0;
CREATE TABLE bare (gone int) WITH (autovacuum_enabled = off);
CREATE TABLE too_early (id int, pad text) WITH (autovacuum_enabled = off);
ANALYZE too_early;
SELECT $$SELECT i, repeat('x', 180) FROM generate_series(1, 10000) i$$ AS rows \gset
INSERT INTO bad :rows;
INSERT INTO analyzed :rows;
INSERT INTO emptied :rows;
INSERT INTO untold :rows;
INSERT INTO too_early :rows;
INSERT INTO small SELECT generate_series(1, 100);
INSERT INTO bare SELECT generate_series(1, 100000);
ALTER TABLE bare DROP gone;
DELETE FROM emptied;
ANALYZE analyzed;

SELECT format('CREATE TABLE widest (%s) WITH (autovacuum_enabled = off)',
              string_agg(format('c%s bool', i), ', ')) FROM generate_series(1, 1600) i \gexec
INSERT INTO widest (c1) SELECT true FROM generate_series(1, 6000);

-- Two levels: one leaf lacks statistics, and there are none as a whole.
CREATE TABLE "Tree '1'" (id int, pad text) PARTITION BY RANGE (id);
CREATE TABLE tree_1 PARTITION OF "Tree '1'" FOR VALUES FROM (0) TO (20000) PARTITION BY RANGE (id);
CREATE TABLE tree_11 PARTITION OF tree_1 FOR VALUES FROM (0) TO (10000) WITH (autovacuum_enabled = off);
CREATE TABLE tree_12 PARTITION OF tree_1 FOR VALUES FROM (10000) TO (20000) WITH (autovacuum_enabled = off);
INSERT INTO "Tree '1'" SELECT i, repeat('x', 180) FROM generate_series(0, 19999) i;
ANALYZE tree_12;
CREATE TABLE whole (id int, pad text) PARTITION BY RANGE (id);
CREATE TABLE whole_1 PARTITION OF whole FOR VALUES FROM (0) TO (20000) WITH (autovacuum_enabled = off);
INSERT INTO whole SELECT i, repeat('x', 180) FROM generate_series(0, 9999) i;
ANALYZE whole;
CREATE TABLE parent (id int, pad text) WITH (autovacuum_enabled = off);
CREATE TABLE child () INHERITS (parent) WITH (autovacuum_enabled = off);
INSERT INTO child :rows;
ANALYZE child;
CREATE MATERIALIZED VIEW mv WITH (autovacuum_enabled = off) AS :rows;
CREATE EXTENSION file_fdw;
CREATE SERVER files FOREIGN DATA WRAPPER file_fdw;
CREATE FOREIGN TABLE abroad (id int, pad text) SERVER files OPTIONS (filename '/dev/null');
:flush

SELECT ok(test.found('never_analyzed', 'public.bad'), 'a table with rows and without statistics is reported');
SELECT ok(detail LIKE '%about 10,000 rows%no ANALYZE is on record.', 'and the detail says how many')
FROM test.finding('never_analyzed', 'public.bad');
SELECT ok(NOT test.found('never_analyzed', 'public.analyzed'), 'an analyzed one is not');
SELECT ok(NOT test.found('never_analyzed', 'public.small'), 'nor a small one');
SELECT ok(NOT test.found('never_analyzed', 'public.emptied'), 'nor one known to be empty');
SELECT ok(NOT test.found('never_analyzed', 'public.untold') AND NOT test.found('never_analyzed', 'public.bare'),
          'nor one none of whose columns can have statistics');
SELECT ok(test.found('never_analyzed', 'public.widest'), 'one of 1600 columns is');
SELECT ok(detail LIKE '%though it was analyzed on%', 'one that was empty when it was analyzed is')
FROM test.finding('never_analyzed', 'public.too_early');
SELECT ok(test.found('never_analyzed', 'public.mv'), 'and a materialized view');
SELECT ok(detail LIKE '1 of its partitions, % nor has it any as a whole%', 'partitions are reported at their root')
FROM test.finding('never_analyzed', 'public."Tree ''1''"');
SELECT ok(NOT EXISTS (SELECT FROM dbadvisor.recommendations('{statistics}', 'info') WHERE object LIKE 'public.tree\_%'),
          'and only there');
SELECT is(severity, 'notice', 'a parent is reported as notice')
FROM test.finding('never_analyzed', 'public.parent');
SELECT ok(NOT test.found('never_analyzed', 'public.whole'), 'a partitioned table with statistics is not');

-- What counts is pg_statistic, not the counters.
SELECT pg_stat_reset_single_table_counters('analyzed'::regclass), pg_stat_reset_single_table_counters('bad'::regclass);
:flush
SELECT ok(NOT test.found('never_analyzed', 'public.analyzed'), 'a reset of the counters makes no finding');
SELECT ok(test.found('never_analyzed', 'public.bad'), 'nor hides one');

-- In one transaction, so that autovacuum does not see it.
BEGIN;
ALTER TABLE too_early RESET (autovacuum_enabled);
SELECT is(severity, 'info', 'where autovacuum is about to come the finding is for the record')
FROM test.finding('never_analyzed', 'public.too_early');
ALTER TABLE too_early SET (autovacuum_enabled = off);
COMMIT;

SELECT is(array_agg(found ->> 'severity'), '{warning}', 'a big one is a warning')
FROM test.rows_with('never_analyzed', '100 * 1024 * 1024 AS warning_bytes', '1024 AS warning_bytes') found
WHERE (found ->> 'objid')::oid = 'bad'::regclass;

SELECT md5(string_agg(concat(object, detail, severity, fix, caution, evidence), '' ORDER BY rank)) AS as_superuser
FROM dbadvisor.recommendations('{statistics}', 'info') WHERE rule = 'never_analyzed' \gset
SET ROLE pg_monitor;
SELECT md5(string_agg(concat(object, detail, severity, fix, caution, evidence), '' ORDER BY rank)) AS as_monitor
FROM dbadvisor.recommendations('{statistics}', 'info') WHERE rule = 'never_analyzed' \gset
RESET ROLE;
SELECT is(:'as_monitor'::text, :'as_superuser'::text, 'pg_monitor gets the same findings');

-- The partitions that lack statistics are analyzed alone when the whole has some.
ANALYZE "Tree '1'";
TRUNCATE tree_11;
INSERT INTO tree_11 SELECT i, repeat('x', 180) FROM generate_series(0, 9999) i;
DELETE FROM pg_statistic WHERE starelid = 'tree_11'::regclass;
:flush
SELECT is(fix, 'ANALYZE public.tree_11;', 'a partition alone is analyzed alone')
FROM test.finding('never_analyzed', 'public."Tree ''1''"');

SELECT command
FROM dbadvisor.recommendations('{statistics}', 'info') r, unnest(string_to_array(r.fix, E';\n')) AS command
WHERE r.rule = 'never_analyzed' \gexec
:flush
SELECT is((SELECT array_agg(object) FROM dbadvisor.recommendations('{statistics}', 'info') WHERE rule = 'never_analyzed'),
          NULL::text[], 'the fixes end the findings');

SELECT * FROM finish();
