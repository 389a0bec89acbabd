-- foreign_key_without_index: a foreign key into a table whose rows are deleted is
-- reported if nothing leads to the rows that reference them; making the index
-- ends that, dropping it brings it back.
\ir ../rule.psql
SELECT plan(30);
CREATE EXTENSION btree_gist;

CREATE TABLE parent (id int PRIMARY KEY, b int, n numeric UNIQUE, UNIQUE (id, b), UNIQUE (b, id));
INSERT INTO parent SELECT i, i, i FROM generate_series(1, 6000) i;
CREATE TABLE quiet (id int PRIMARY KEY);
INSERT INTO quiet VALUES (1);
CREATE TABLE updated (id int PRIMARY KEY, v int);
INSERT INTO updated VALUES (1, 1);

-- A referencing table of a little more than 9 MB, in few and wide rows.
CREATE FUNCTION test.make(name text, key text, index text DEFAULT NULL, tuples int DEFAULT 6000) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('CREATE TABLE %I (a int, b int, filler text DEFAULT repeat(''x'', 1900)) WITH (autovacuum_enabled = false)', name);
    EXECUTE format('INSERT INTO %I SELECT 1, 1 FROM generate_series(1, %s)', name, tuples);
    EXECUTE format('ALTER TABLE %I ADD CONSTRAINT %I %s', name, name || ' fk', key);
    IF index IS NOT NULL THEN EXECUTE replace(index, '%t', quote_ident(name)); END IF;
END $$;

SELECT test.make('bare', 'FOREIGN KEY (a) REFERENCES parent ON DELETE CASCADE');
SELECT test.make('indexed', 'FOREIGN KEY (a) REFERENCES parent', 'CREATE INDEX ON %t (a, filler)');
SELECT test.make('hashed', 'FOREIGN KEY (a) REFERENCES parent', 'CREATE INDEX ON %t USING hash (a)');
SELECT test.make('partial', 'FOREIGN KEY (a) REFERENCES parent', 'CREATE INDEX ON %t (a) WHERE a IS NOT NULL');
SELECT test.make('wrong_partial', 'FOREIGN KEY (a) REFERENCES parent', 'CREATE INDEX ON %t (a) WHERE b > 5');
SELECT test.make('excluded', 'FOREIGN KEY (a) REFERENCES parent', 'ALTER TABLE %t ADD EXCLUDE USING gist (a WITH =, b WITH <>)');
SELECT test.make('Tr"icky
name', 'FOREIGN KEY (a, b) REFERENCES parent (id, b)');
ALTER TABLE "Tr""icky
name" RENAME b TO "B ""é";
SELECT test.make('half', 'FOREIGN KEY (a, b) REFERENCES parent (id, b)', 'CREATE INDEX ON %t (b)');
SELECT test.make('several', 'FOREIGN KEY (a) REFERENCES parent', 'ALTER TABLE %t ADD CONSTRAINT several_2 FOREIGN KEY (a, b) REFERENCES parent (id, b); ALTER TABLE %t ADD CONSTRAINT several_3 FOREIGN KEY (b, a) REFERENCES parent (b, id)');
SELECT test.make('small', 'FOREIGN KEY (a) REFERENCES parent', tuples => 1200);
SELECT test.make('to_quiet', 'FOREIGN KEY (a) REFERENCES quiet');
SELECT test.make('to_updated', 'FOREIGN KEY (a) REFERENCES updated');
SELECT test.make('cast', 'FOREIGN KEY (a) REFERENCES parent (n)');
SELECT test.make('broken', 'FOREIGN KEY (a) REFERENCES parent', 'CREATE INDEX broken_a ON %t (a); UPDATE pg_index SET indisvalid = false WHERE indexrelid = ''broken_a''::regclass');
CREATE TABLE self (id int PRIMARY KEY, up int REFERENCES self, filler text DEFAULT repeat('x', 1900)) WITH (autovacuum_enabled = false);
INSERT INTO self SELECT i, 1 FROM generate_series(1, 6000) i;
DELETE FROM self WHERE id > 5998;
CREATE TABLE base (a int, b int);
CREATE TABLE inheriting (filler text DEFAULT repeat('x', 1900)) INHERITS (base) WITH (autovacuum_enabled = false);
INSERT INTO inheriting SELECT 1, 1 FROM generate_series(1, 6000);
ALTER TABLE inheriting ADD CONSTRAINT inheriting_fk FOREIGN KEY (a) REFERENCES parent;

-- Partitioned, two levels deep: without any index, with one on some partitions,
-- on all of them, and on the whole.
CREATE FUNCTION test.make_partitioned(name text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('CREATE TABLE %I (k int, gone int, a int CONSTRAINT %I REFERENCES parent, filler text DEFAULT repeat(''x'', 1900)) PARTITION BY RANGE (k)', name, name || ' fk');
    EXECUTE format('ALTER TABLE %I DROP COLUMN gone', name);
    EXECUTE format('CREATE TABLE %I PARTITION OF %I FOR VALUES FROM (0) TO (3000)', name || ' 1', name);
    EXECUTE format('CREATE TABLE %I PARTITION OF %I FOR VALUES FROM (3000) TO (900000) PARTITION BY RANGE (k)', name || ' 2', name);
    EXECUTE format('CREATE TABLE %I PARTITION OF %I FOR VALUES FROM (3000) TO (4500)', name || ' 21', name || ' 2');
    EXECUTE format('CREATE TABLE %I PARTITION OF %I FOR VALUES FROM (4500) TO (900000)', name || ' 22', name || ' 2');
    EXECUTE format('INSERT INTO %I SELECT i, 1 FROM generate_series(1, 6000) i', name);
END $$;
SELECT test.make_partitioned('part none');
SELECT test.make_partitioned('part some');
CREATE INDEX ON "part some 1" (a);
CREATE INDEX "some 21" ON "part some 21" (a, k);
SELECT test.make_partitioned('part all');
CREATE INDEX ON "part all 1" (a);
CREATE INDEX ON "part all 21" (a);
CREATE INDEX ON "part all 22" (a, k);
SELECT test.make_partitioned('part whole');
CREATE INDEX ON "part whole" (a);

DELETE FROM parent WHERE id > 5998;
UPDATE updated SET v = 2;
:flush

-- The objects are named "constraint on table".
SELECT ok(test.found('foreign_key_without_index', '"bare fk" on public.bare'), 'a foreign key without an index is reported');
SELECT is((f.severity, f.fix, f.undo)::text,
          ('warning', 'CREATE INDEX CONCURRENTLY bare_a_idx ON public.bare USING btree (a);', 'DROP INDEX CONCURRENTLY public.bare_a_idx;')::text,
          'with the way there and back')
FROM test.finding('foreign_key_without_index', '"bare fk" on public.bare') f;
SELECT alike(f.detail, 'Each row deleted from public.parent reads all of public.bare (%), which has no index that begins with (a); so far 2 rows were deleted.', 'and what it costs')
FROM test.finding('foreign_key_without_index', '"bare fk" on public.bare') f;
SELECT ok(NOT test.found('foreign_key_without_index', '"indexed fk" on public.indexed'), 'one with an index that begins with it is not');
SELECT ok(NOT test.found('foreign_key_without_index', '"hashed fk" on public.hashed'), 'nor with a hash index');
SELECT ok(NOT test.found('foreign_key_without_index', '"partial fk" on public.partial'), 'nor with one that leaves out nulls');
SELECT ok(test.found('foreign_key_without_index', '"wrong_partial fk" on public.wrong_partial'), 'but with one that leaves out others');
SELECT ok(NOT test.found('foreign_key_without_index', '"excluded fk" on public.excluded'), 'an exclusion constraint has an index, too');
SELECT is(f.fix, E'CREATE INDEX CONCURRENTLY "Tr""icky\nname_a_B ""é_idx" ON public."Tr""icky\nname" USING btree (a, "B ""é");', 'names are quoted')
FROM test.finding('foreign_key_without_index', E'"Tr""icky\nname fk" on public."Tr""icky\nname"') f;
SELECT is((f.severity, f.evidence ->> 'near')::text, '(info,public.half_b_idx)', 'half an index is for the record')
FROM test.finding('foreign_key_without_index', '"half fk" on public.half') f;
SELECT is((SELECT array_agg(object::text) FROM dbadvisor.recommendations('{index}', 'info')
           WHERE rule = 'foreign_key_without_index' AND object LIKE '%on public.several'),
          ARRAY['several_2 on public.several'], 'one index for three foreign keys is proposed once');
SELECT ok(NOT test.found('foreign_key_without_index', '"small fk" on public.small'), 'a small table is scanned soon enough');
SELECT is(f.severity, 'info', 'where nothing was ever deleted it is for the record')
FROM test.finding('foreign_key_without_index', '"to_quiet fk" on public.to_quiet') f;
SELECT is(f.severity, 'notice', 'where something was updated it is a notice')
FROM test.finding('foreign_key_without_index', '"to_updated fk" on public.to_updated') f;
SELECT ok(NOT test.found('foreign_key_without_index', '"cast fk" on public."cast"'), 'where no index could serve none is proposed');
SELECT ok(NOT test.found('foreign_key_without_index', '"broken fk" on public.broken')
          AND test.found('invalid_index', 'public.broken_a'), 'where one is broken it is to be mended');
SELECT is(f.severity, 'warning', 'a table that references itself')
FROM test.finding('foreign_key_without_index', 'self_up_fkey on public.self') f;
SELECT ok(test.found('foreign_key_without_index', 'inheriting_fk on public.inheriting'), 'a table that inherits');
SELECT ok(test.found('foreign_key_without_index', '"part none fk" on public."part none"'), 'a partitioned table');
SELECT is((SELECT count(*) FROM dbadvisor.recommendations('{index}', 'info')
           WHERE rule = 'foreign_key_without_index' AND object LIKE '%part %'), 2::bigint, 'is reported once, not for each partition');
SELECT alike(f.fix, 'CREATE INDEX "part none_a_idx" ON ONLY public."part none" USING btree (a);%CREATE INDEX CONCURRENTLY %ALTER INDEX public."part none_a_idx" ATTACH PARTITION %', 'its index is made a partition at a time')
FROM test.finding('foreign_key_without_index', '"part none fk" on public."part none"') f;
SELECT is(f.undo, 'DROP INDEX public."part none_a_idx";', 'and dropped at once')
FROM test.finding('foreign_key_without_index', '"part none fk" on public."part none"') f;
SELECT alike(f.detail, '%no index that begins with (a) on 1 of its 3 partitions;%', 'with indexes on some partitions it is reported, too')
FROM test.finding('foreign_key_without_index', '"part some fk" on public."part some"') f;
SELECT ok(f.fix LIKE '%ATTACH PARTITION public."part some 1_a_idx";%' AND f.undo IS NULL, 'an index that is there is attached, and no undo would drop it')
FROM test.finding('foreign_key_without_index', '"part some fk" on public."part some"') f;
SELECT ok(NOT test.found('foreign_key_without_index', '"part all fk" on public."part all"')
          AND NOT test.found('foreign_key_without_index', '"part whole fk" on public."part whole"'), 'with one on each partition it is not');

-- The same for everybody.
CREATE ROLE foreign_key_monitor IN ROLE pg_monitor;
CREATE TABLE before AS
    SELECT object, detail, fix, undo FROM dbadvisor.recommendations('{index}', 'info') WHERE rule = 'foreign_key_without_index';
GRANT SELECT ON before TO foreign_key_monitor;
SET ROLE foreign_key_monitor;
SELECT set_eq($$SELECT object, detail, fix, undo FROM dbadvisor.recommendations('{index}', 'info') WHERE rule = 'foreign_key_without_index'$$,
              'SELECT * FROM before', 'a role with pg_monitor alone sees the same');
RESET ROLE;
DROP OWNED BY foreign_key_monitor;
DROP ROLE foreign_key_monitor;

-- There and back.
SELECT unnest(string_to_array(fix, E';\n')) FROM before WHERE fix IS NOT NULL \gexec
SELECT is((SELECT array_agg(object::text) FROM dbadvisor.recommendations('{index}', 'info') WHERE rule = 'foreign_key_without_index'),
          NULL, 'the fixes end the findings');
SELECT is((SELECT count(*) FROM pg_index WHERE NOT indisvalid), 1::bigint, 'and leave no invalid index but the one that was there');
SELECT is((SELECT array_agg(object::text) FROM dbadvisor.recommendations('{index}', 'info')
           WHERE object LIKE '%several%' AND (rule IN ('redundant_index', 'duplicate_index') OR evidence -> 'also' ?| '{redundant_index,duplicate_index}')),
          NULL, 'nor one that is too many');
SELECT unnest(string_to_array(undo, E';\n')) FROM before WHERE undo IS NOT NULL \gexec
SELECT set_eq($$SELECT object, fix, undo FROM dbadvisor.recommendations('{index}', 'info') WHERE rule = 'foreign_key_without_index'$$,
              'SELECT object, fix, undo FROM before WHERE undo IS NOT NULL', 'the undos bring them back');

SELECT * FROM finish();
