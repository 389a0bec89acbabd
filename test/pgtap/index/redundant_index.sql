-- redundant_index: a btree that is the beginning of another one is reported if
-- the other stays; the fix leaves every query an index, the undo brings it back.
\ir ../rule.psql
-- What is judged here is what indexes are, not who uses them.
SET dbadvisor.observe = off;
SELECT plan(31);

-- A table; "narrow" on (a) is made, used so often, then "wide".
CREATE FUNCTION test.make(name text, narrow text, narrow_uses int, wide text, wide_uses int,
                          tuples int DEFAULT 60000) RETURNS void
LANGUAGE plpgsql SET enable_seqscan = off SET enable_sort = off AS $$
BEGIN
    EXECUTE format('CREATE TABLE %I (a int, b int, c text) WITH (autovacuum_enabled = false)', name);
    EXECUTE format('INSERT INTO %I SELECT i, i, i FROM generate_series(1, %s) i', name, tuples);
    EXECUTE format('CREATE INDEX %I ON %I %s', name || '_n', name, narrow);
    EXECUTE format('ANALYZE %I', name);
    FOR i IN 1 .. narrow_uses LOOP
        EXECUTE format('SELECT count(*) FROM %I WHERE a = 5 AND b > 0', name);
    END LOOP;
    EXECUTE format('ALTER INDEX %I RENAME TO hidden', name || '_n');
    EXECUTE format('UPDATE pg_index SET indisvalid = false WHERE indexrelid = ''hidden''::regclass');
    EXECUTE format('CREATE INDEX %I ON %I %s', name || '_w', name, wide);
    FOR i IN 1 .. wide_uses LOOP
        EXECUTE format('SELECT count(*) FROM %I WHERE a = 5 AND b > 0', name);
    END LOOP;
    EXECUTE format('UPDATE pg_index SET indisvalid = true WHERE indexrelid = ''hidden''::regclass');
    EXECUTE format('ALTER INDEX hidden RENAME TO %I', name || '_n');
    EXECUTE format('ANALYZE %I', name);
END $$;

SELECT test.make('used', '(a)', 2, '(a, b)', 3);
SELECT test.make('wide_idle', '(a)', 2, '(a, b)', 0);
SELECT test.make('narrow_idle', '(a)', 0, '(a, b)', 3);
SELECT test.make('idle', '(a)', 0, '(a, b)', 0);
SELECT test.make('Ba"ck', '(a DESC)', 2, '(a, b DESC) INCLUDE (c)', 3);
SELECT test.make('mirror', '(a DESC)', 2, '(a)', 3);
SELECT test.make('nulls', '(a NULLS FIRST)', 2, '(a, b)', 3);
SELECT test.make('few', '(a) WHERE b < 60000', 2, '(a, b)', 3, 150000);
SELECT test.make('many', '(a) WHERE b > 0', 2, '(a, b)', 3);
SELECT test.make('copy', '(a)', 2, '(a)', 3);
CREATE UNIQUE INDEX copy_wider ON copy (a, b);
SELECT test.make('much', '(a)', 2, '(a, c, b) INCLUDE (c)', 3);
UPDATE much SET c = repeat(c, 12);
REINDEX TABLE much;

CREATE TABLE keyed (a int, b int, PRIMARY KEY (a, b)) WITH (autovacuum_enabled = false);
INSERT INTO keyed SELECT i, i FROM generate_series(1, 60000) i;
CREATE INDEX keyed_a ON keyed (a);
CREATE UNIQUE INDEX keyed_a_unique ON keyed (a) INCLUDE (b);
CREATE TABLE chain (LIKE keyed) WITH (autovacuum_enabled = false);
INSERT INTO chain TABLE keyed;
ALTER TABLE chain ADD c int;
CREATE INDEX chain_a ON chain (a);
CREATE INDEX chain_ab ON chain (a, b);
CREATE UNIQUE INDEX chain_abc ON chain (a, b, c);
CREATE TABLE parent (id int PRIMARY KEY);
INSERT INTO parent VALUES (1);
CREATE TABLE child (parent_id int REFERENCES parent, b int) WITH (autovacuum_enabled = false);
INSERT INTO child SELECT 1, i FROM generate_series(1, 160000) i;
CREATE INDEX child_parent_id ON child (parent_id);
CREATE INDEX child_parent_id_b ON child (parent_id, b);
CREATE TABLE small (a int, b int);
CREATE INDEX small_a ON small (a);
CREATE UNIQUE INDEX small_ab ON small (a, b);
CREATE TABLE p (k int, v int) PARTITION BY RANGE (k);
CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (40000);
CREATE TABLE p2 PARTITION OF p FOR VALUES FROM (40000) TO (1000000) PARTITION BY RANGE (k);
CREATE TABLE p21 PARTITION OF p2 FOR VALUES FROM (40000) TO (1000000);
INSERT INTO p SELECT i, i FROM generate_series(1, 80000) i;
CREATE INDEX p_k ON p (k);
CREATE UNIQUE INDEX p_kv ON p (k, v);
ANALYZE keyed, chain, parent, child, p;
:flush

SELECT ok(test.found('redundant_index', 'public.used_n'), 'the beginning of an index that is used is reported, used or not');
SELECT ok(NOT test.found('redundant_index', 'public.used_w'), 'the wider index is not');
SELECT is((f.severity, f.fix, f.undo)::text,
          '(notice,"DROP INDEX CONCURRENTLY public.used_n;","CREATE INDEX CONCURRENTLY used_n ON public.used USING btree (a);")',
          'with the way there and back')
FROM test.finding('redundant_index', 'public.used_n') f;
SELECT alike(f.detail, 'public.used_w begins with the same columns and can stand in for it; this one takes % and was scanned 2 times, the other takes % and was scanned 3 times.',
             'and the numbers that matter')
FROM test.finding('redundant_index', 'public.used_n') f;
SELECT ok(NOT test.found('redundant_index', 'public.wide_idle_n'), 'a used one is not given up for an idle one');
SELECT is(f.evidence -> 'also' ? 'redundant_index', true, 'what is unused besides is one finding, not two')
FROM test.finding('unused_index', 'public.narrow_idle_n') f;
SELECT ok(test.found('redundant_index', 'public.idle_n'), 'of two that are idle the narrow one is redundant');
SELECT ok(test.found('redundant_index', 'public."Ba""ck_n"'), 'an order that is the other''s, reversed, whatever the name');
SELECT ok(NOT test.found('redundant_index', 'public.nulls_n'), 'another order is not');
SELECT ok(test.found('redundant_index', 'public.mirror_n') AND NOT test.found('redundant_index', 'public.mirror_w'),
          'of two that can stand in for each other the one used less goes');
SELECT ok(NOT test.found('redundant_index', 'public.few_n'), 'a partial index on a third of the rows is worth having');
SELECT ok(test.found('redundant_index', 'public.many_n'), 'one on nearly all of them is not');
SELECT ok(NOT test.found('redundant_index', 'public.copy_n') AND test.found('duplicate_index', 'public.copy_n'),
          'an exact copy is a duplicate, even if there is a wider one');
SELECT is(f.severity, 'info', 'one that is used and much smaller is for the record')
FROM test.finding('redundant_index', 'public.much_n') f;
SELECT cmp_ok(f.confidence, '<', used.confidence, 'with little confidence')
FROM test.finding('redundant_index', 'public.much_n') f, test.finding('redundant_index', 'public.used_n') used;
SELECT ok(test.found('redundant_index', 'public.keyed_a'), 'an index that a constraint keeps can always stand in');
SELECT ok(NOT test.found('redundant_index', 'public.keyed_a_unique') AND NOT test.found('redundant_index', 'public.keyed_pkey'),
          'uniqueness is not given up');
SELECT ok(test.found('redundant_index', 'public.chain_a') AND test.found('redundant_index', 'public.chain_ab')
          AND NOT test.found('redundant_index', 'public.chain_abc'), 'of three the widest stays');
SELECT is(f.evidence ->> 'other', 'public.child_parent_id_b', 'an index for a foreign key goes where another serves it')
FROM test.finding('redundant_index', 'public.child_parent_id') f;
SELECT ok(NOT test.found('redundant_index', 'public.small_a'), 'a small index is not worth a finding');
SELECT is((SELECT array_agg(object::text) FROM dbadvisor.recommendations('{index}', 'info')
           WHERE object LIKE 'public.p%' AND (rule = 'redundant_index' OR evidence -> 'also' ? 'redundant_index')),
          ARRAY['public.p_k'], 'a partitioned index is reported once');

-- A narrow index that is new cannot be called idle, and the old one is: saying
-- both would lose both.
SET dbadvisor.min_window = '1d';
SELECT ok(NOT test.found('redundant_index', 'public.idle_n'), 'an idle one that is new is left to those who made it');
SELECT ok(test.found('redundant_index', 'public.used_n'), 'one whose other is in use need not be old');
SET dbadvisor.min_window = 0;

CREATE ROLE redundant_index_monitor IN ROLE pg_monitor;
CREATE TABLE before AS
    SELECT object, detail, fix, undo FROM dbadvisor.recommendations('{index}', 'info')
    WHERE rule = 'redundant_index' OR evidence -> 'also' ? 'redundant_index';
SELECT cmp_ok(count(*), '>', 8::bigint, 'there is enough to compare') FROM before;
GRANT SELECT ON before TO redundant_index_monitor;
SET ROLE redundant_index_monitor;
SELECT set_eq($$SELECT object, detail, fix, undo FROM dbadvisor.recommendations('{index}', 'info')
                WHERE rule = 'redundant_index' OR evidence -> 'also' ? 'redundant_index'$$,
              'SELECT * FROM before', 'a role with pg_monitor alone sees the same');
RESET ROLE;
DROP OWNED BY redundant_index_monitor;
DROP ROLE redundant_index_monitor;

-- There and back.
SELECT fix FROM before \gexec
SELECT is((SELECT count(*) FROM dbadvisor.recommendations('{index}', 'info')
           WHERE rule = 'redundant_index' OR evidence -> 'also' ? 'redundant_index'), 0::bigint, 'the fixes end the findings');
SELECT unnest(string_to_array(undo, E';\n')) FROM before \gexec
SELECT is((SELECT count(*) FROM pg_class WHERE relname IN ('used_n', 'Ba"ck_n', 'many_n', 'p_k') AND relkind IN ('i', 'I')),
          4::bigint, 'the undos bring the indexes back');
SELECT ok(test.found('redundant_index', 'public.used_n'), 'and the findings');

-- Everything that all the rules about indexes say, done at once, loses no index
-- of which anything was read.
SELECT fix FROM dbadvisor.recommendations('{index}', 'info')
WHERE rule IN ('unused_index', 'duplicate_index', 'redundant_index') AND fix IS NOT NULL \gexec
SELECT is((SELECT array_agg(t.name ORDER BY t.name)
           FROM unnest(ARRAY['used', 'wide_idle', 'Ba"ck', 'mirror', 'many', 'copy', 'chain', 'child', 'keyed']) AS t(name)
           WHERE NOT EXISTS (SELECT FROM pg_index i
                             WHERE i.indrelid = quote_ident(t.name)::regclass AND i.indkey[0] = 1)),
          NULL, 'what was used can still be found by an index');
SELECT ok(to_regclass('wide_idle_n') IS NOT NULL AND to_regclass('wide_idle_w') IS NULL, 'of a used and an idle one the used one is left');
SELECT is((SELECT count(*) FROM dbadvisor.recommendations('{index}', 'info') WHERE rule = 'foreign_key_without_index'),
          0::bigint, 'and no foreign key has lost its index');

SELECT * FROM finish();
