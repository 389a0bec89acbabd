-- unused_index: an index that nobody reads is reported, one that is read or
-- that enforces or serves something is not; dropping it ends the finding, and
-- the undo brings the same index back.
\ir ../rule.psql
SELECT plan(14);

CREATE TABLE parent (id int PRIMARY KEY);
INSERT INTO parent SELECT generate_series(1, 10);
CREATE TABLE t (
    id int PRIMARY KEY,
    unused int, used int, code text UNIQUE, parent_id int REFERENCES parent
) WITH (autovacuum_enabled = false);
INSERT INTO t SELECT i, i, i, i::text, 1 FROM generate_series(1, 60000) i;
CREATE INDEX t_unused ON t (unused);
CREATE INDEX "t ""un;used" ON t (unused, used) WHERE used > 0;
CREATE INDEX t_lower ON t (lower(code));
ALTER INDEX t_lower ALTER COLUMN 1 SET STATISTICS 500;
COMMENT ON INDEX t_lower IS 'for the importer''s lookups';
CREATE INDEX t_used ON t (used);
CREATE INDEX t_parent_id ON t (parent_id);
CREATE INDEX t_small ON t (unused) WHERE unused < 100;
SELECT count(*) FROM t WHERE used = 5;

CREATE TABLE part (id int, v int) PARTITION BY RANGE (id);
CREATE TABLE part_1 PARTITION OF part FOR VALUES FROM (0) TO (40000);
CREATE TABLE part_2 PARTITION OF part FOR VALUES FROM (40000) TO (1000000);
INSERT INTO part SELECT i, i FROM generate_series(1, 80000) i;
CREATE INDEX part_id ON part (id);
CREATE INDEX part_v ON part (v);
ANALYZE t, part;
SELECT count(*) FROM part WHERE id = 5;
:flush

SELECT ok(test.found('unused_index', 'public.t_unused'), 'an index never scanned is reported');
SELECT ok(test.found('unused_index', 'public."t ""un;used"'), 'whatever its name');
SELECT ok(NOT test.found('unused_index', 'public.t_used'), 'one that was scanned is not');
SELECT ok(NOT test.found('unused_index', 'public.t_pkey')
          AND NOT test.found('unused_index', 'public.t_code_key'), 'nor one that enforces a constraint');
SELECT ok(NOT test.found('unused_index', 'public.t_parent_id'), 'nor one that serves a foreign key');
SELECT ok(NOT test.found('unused_index', 'public.t_small'), 'nor a small one');
SELECT ok(test.found('unused_index', 'public.part_v')
          AND NOT test.found('unused_index', 'public.part_1_v_idx'), 'a partitioned index is reported once, as a whole');
SELECT ok(NOT test.found('unused_index', 'public.part_id'), 'and not when one of its partitions was scanned');

SELECT is((f.evidence ->> 'table_writes')::int, 60000, 'the evidence counts the writes')
FROM test.finding('unused_index', 'public.t_unused') f;

SELECT alike(f.detail, 'Not scanned once in the last two minutes; it takes %', 'and the time is said in words')
FROM test.finding('unused_index', 'public.t_unused') f;

CREATE TABLE before AS
    SELECT object, undo FROM dbadvisor.recommendations('{index}', 'info') WHERE rule = 'unused_index';
SELECT fix FROM dbadvisor.recommendations('{index}', 'info') WHERE rule = 'unused_index' \gexec
SELECT is((SELECT count(*) FROM dbadvisor.recommendations('{index}', 'info') WHERE rule = 'unused_index'),
          0::bigint, 'the fixes end the findings');
SELECT unnest(string_to_array(undo, E';\n')) FROM before \gexec
:flush
SELECT set_eq('SELECT object, undo FROM dbadvisor.recommendations(''{index}'', ''info'') WHERE rule = ''unused_index''',
              'SELECT * FROM before', 'and the undos bring them all back');
SELECT is((SELECT to_jsonb(a) ->> 'attstattarget' FROM pg_attribute a WHERE a.attrelid = 't_lower'::regclass)
          || ' ' || obj_description('t_lower'::regclass), '500 for the importer''s lookups',
          'with statistics target and comment');

SET dbadvisor.min_window = '7d';
SELECT is(status, 'skipped', 'without a window of statistics the rule says that it cannot judge')
FROM dbadvisor.coverage('{index}') WHERE rule = 'unused_index';

SELECT * FROM finish();
