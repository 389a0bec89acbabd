-- stale_statistics: a table that has changed beyond the point at which autovacuum
-- analyzes is reported where autovacuum is off, or far beyond it; one within its
-- limits, a small one and one without statistics are not.
\ir ../rule.psql
SELECT plan(15);

-- 30 000 rows; autovacuum would analyze at 3050 changes.
SELECT $$SELECT i AS id, repeat('x', 180) AS pad FROM generate_series(1, 30000) i$$ AS rows \gset
CREATE TABLE bad WITH (autovacuum_enabled = off) AS :rows;
CREATE TABLE "B;\ad ""'€" WITH (autovacuum_enabled = off) AS :rows;
CREATE TABLE static WITH (autovacuum_enabled = off) AS :rows;
CREATE TABLE few WITH (autovacuum_enabled = off) AS :rows;
CREATE TABLE patient WITH (autovacuum_enabled = off, autovacuum_analyze_scale_factor = 0.9) AS :rows;
CREATE TABLE unknown WITH (autovacuum_enabled = off) AS :rows;
CREATE TABLE small WITH (autovacuum_enabled = off) AS SELECT i AS id FROM generate_series(1, 10) i;
CREATE TABLE tree (id int, pad text) PARTITION BY RANGE (id);
CREATE TABLE tree_1 PARTITION OF tree FOR VALUES FROM (0) TO (200000) PARTITION BY RANGE (id);
CREATE TABLE tree_11 PARTITION OF tree_1 FOR VALUES FROM (0) TO (100000) WITH (autovacuum_enabled = off);
CREATE TABLE tree_12 PARTITION OF tree_1 FOR VALUES FROM (100000) TO (200000) WITH (autovacuum_enabled = off);
INSERT INTO tree SELECT id, pad FROM (:rows) r;
INSERT INTO tree SELECT id + 100000, pad FROM (:rows) r;
:flush
ANALYZE bad, "B;\ad ""'€", static, few, patient, small, tree;

UPDATE bad SET id = -id WHERE id <= 15000;
DELETE FROM "B;\ad ""'€" WHERE id <= 15000;
UPDATE few SET id = -id WHERE id <= 9000;
UPDATE patient SET id = -id WHERE id <= 15000;
UPDATE small SET id = -id;
INSERT INTO small SELECT generate_series(1, 12000);
DELETE FROM small;
UPDATE tree SET pad = 'y' WHERE id < 15000 OR id > 100000;
:flush

SELECT ok(test.found('stale_statistics', 'public.bad'), 'a much changed table is reported');
SELECT ok(test.found('stale_statistics', 'public."B;\ad ""''€"'), 'whatever its name');
SELECT ok(NOT test.found('stale_statistics', 'public.static'), 'an unchanged one is not');
SELECT ok(NOT test.found('stale_statistics', 'public.few'), 'nor one with few changes');
SELECT ok(NOT test.found('stale_statistics', 'public.patient'), 'nor one whose own scale factor allows it');
SELECT ok(NOT test.found('stale_statistics', 'public.small'), 'nor a small one');
SELECT ok(NOT test.found('stale_statistics', 'public.unknown'), 'nor one that was never analyzed');
SELECT ok(detail LIKE '2 partitions have old statistics, the worst is public.tree_12: %'
          AND fix = E'ANALYZE public.tree_12;\nANALYZE public.tree_11;', 'partitions are reported together')
FROM test.finding('stale_statistics', 'public.tree');
SELECT is(severity || ' ' || (evidence ->> 'modified_since_analyze') || ' ' || (evidence ->> 'analyze_trigger'),
          'warning 15000 3050', 'the evidence has the numbers')
FROM test.finding('stale_statistics', 'public.bad');

-- In one transaction, so that autovacuum does not see it.
BEGIN;
ALTER TABLE bad RESET (autovacuum_enabled);
SELECT is(severity, 'notice', 'with autovacuum on, 4.9 times the trigger is a notice')
FROM test.finding('stale_statistics', 'public.bad');
ALTER TABLE bad SET (autovacuum_analyze_scale_factor = 0.3);
SELECT ok(NOT test.found('stale_statistics', 'public.bad'), 'and 1.7 times is none of our business');
ALTER TABLE bad SET (autovacuum_enabled = off);
SELECT ok(test.found('stale_statistics', 'public.bad'), 'as it is with autovacuum off');
ALTER TABLE bad RESET (autovacuum_analyze_scale_factor);
COMMIT;

SELECT is(array_agg(found ->> 'fix'), '{ANALYZE public.tree;}', 'many partitions are analyzed through their root')
FROM test.rows_with('stale_statistics', '20 AS max_statements', '1 AS max_statements') found
WHERE (found ->> 'objid')::oid = 'tree'::regclass;

SELECT md5(string_agg(concat(object, detail, severity, fix, caution, evidence), '' ORDER BY rank)) AS as_superuser
FROM dbadvisor.recommendations('{statistics}', 'info') WHERE rule = 'stale_statistics' \gset
SET ROLE pg_monitor;
SELECT md5(string_agg(concat(object, detail, severity, fix, caution, evidence), '' ORDER BY rank)) AS as_monitor
FROM dbadvisor.recommendations('{statistics}', 'info') WHERE rule = 'stale_statistics' \gset
RESET ROLE;
SELECT is(:'as_monitor'::text, :'as_superuser'::text, 'pg_monitor gets the same findings');

SELECT command
FROM dbadvisor.recommendations('{statistics}', 'info') r, unnest(string_to_array(r.fix, E';\n')) AS command
WHERE r.rule = 'stale_statistics' \gexec
:flush
SELECT is((SELECT array_agg(object) FROM dbadvisor.recommendations('{statistics}', 'info') WHERE rule = 'stale_statistics'),
          NULL::text[], 'the fixes end the findings');

SELECT * FROM finish();
