-- index_compare: which index can stand in for which, and which serves a foreign
-- key.  Each case is a pair of indexes that look alike, with the answer both
-- ways round: what dropping the first for the second would lose, and the reverse.
\ir ../rule.psql
SELECT plan(98);

CREATE EXTENSION btree_gist;
CREATE EXTENSION btree_gin;
CREATE EXTENSION bloom;
CREATE COLLATION nd (provider = icu, locale = 'und-u-ks-level2', deterministic = false);

CREATE TABLE t (a int, b int, c text, d text COLLATE "C", e int, n text COLLATE nd,
                r int4range, v int[], ts tsvector, nn int NOT NULL);

-- Makes both indexes ("%s" stands for the name), compares them, drops them.
CREATE FUNCTION test.compare(first text, second text) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
    result text;
BEGIN
    EXECUTE format(first, 'first');
    EXECUTE format(second, 'second');
    result := format('%s, %s',
        coalesce(dbadvisor.compare_indexes('first'::regclass, 'second'::regclass), '-'),
        coalesce(dbadvisor.compare_indexes('second'::regclass, 'first'::regclass), '-'));
    DROP INDEX first, second;
    RETURN result;
END $$;

CREATE FUNCTION test.pair(first text, second text, expected text, why text) RETURNS text
LANGUAGE sql AS $$
    SELECT is(test.compare(replace(first, 'INDEX ON', 'INDEX %s ON'),
                           replace(second, 'INDEX ON', 'INDEX %s ON')), expected, why)
$$;

-- Names, tablespaces and fill factors apart, these are the same.
SELECT test.pair('CREATE INDEX ON t (a)', 'CREATE INDEX ON t (a)', 'duplicate, duplicate', 'the same twice');
SELECT test.pair('CREATE INDEX ON t (a) WITH (fillfactor = 70)', 'CREATE INDEX ON t (a)', 'duplicate, duplicate', 'a fill factor makes no difference');
SELECT test.pair('CREATE INDEX ON t (a) INCLUDE (b, e)', 'CREATE INDEX ON t (a) INCLUDE (e, b)', 'duplicate, duplicate', 'nor the order of the included columns');
SELECT test.pair('CREATE INDEX ON t (a) INCLUDE (b, b)', 'CREATE INDEX ON t (a) INCLUDE (b, e)', 'redundant, -', 'a column included twice carries less than two');
SELECT test.pair('CREATE INDEX ON t (c varchar_ops)', 'CREATE INDEX ON t (c)', 'duplicate, duplicate', 'varchar_ops is text_ops by another name');
SELECT test.pair('CREATE INDEX ON t (lower(c))', 'CREATE INDEX ON t (lower(c))', 'duplicate, duplicate', 'an expression');
SELECT test.pair('CREATE INDEX ON t ((a + b))', 'CREATE INDEX ON t ((b + a))', '-, -', 'another expression');
SELECT test.pair('CREATE INDEX ON t (lower(c), a)', 'CREATE INDEX ON t (upper(c), a)', '-, -', 'another function');
SELECT test.pair('CREATE INDEX ON t USING hash (a)', 'CREATE INDEX ON t USING hash (a)', 'duplicate, duplicate', 'hash');
SELECT test.pair('CREATE INDEX ON t USING gin (v)', 'CREATE INDEX ON t USING gin (v) WITH (fastupdate = off)', 'duplicate, duplicate', 'gin, whose options do not matter');
SELECT test.pair('CREATE INDEX ON t USING spgist (r)', 'CREATE INDEX ON t USING spgist (r)', 'duplicate, duplicate', 'spgist');

-- The method, and options that change what an index can do.
SELECT test.pair('CREATE INDEX ON t (a)', 'CREATE INDEX ON t USING hash (a)', '-, -', 'another method');
SELECT test.pair('CREATE INDEX ON t USING brin (a)', 'CREATE INDEX ON t USING brin (a) WITH (pages_per_range = 8)', '-, -', 'brin with finer ranges');
SELECT test.pair('CREATE INDEX ON t USING brin (a)', 'CREATE INDEX ON t USING brin (a int4_bloom_ops)', '-, -', 'brin with another operator class');
SELECT test.pair('CREATE INDEX ON t USING brin (a)', 'CREATE INDEX ON t USING brin (a)', 'duplicate, duplicate', 'brin');
SELECT test.pair('CREATE INDEX ON t USING bloom (a, b)', 'CREATE INDEX ON t USING bloom (a, b) WITH (length = 200)', '-, -', 'bloom with another signature');
SELECT test.pair('CREATE INDEX ON t USING gist (ts tsvector_ops (siglen = 64))', 'CREATE INDEX ON t USING gist (ts)', '-, -', 'an operator class with another option');
SELECT test.pair('CREATE INDEX ON t USING gist (ts tsvector_ops (siglen = 64))', 'CREATE INDEX ON t USING gist (ts tsvector_ops (siglen = 64))', 'duplicate, duplicate', 'and with the same');
SELECT test.pair('CREATE INDEX ON t USING gin (a)', 'CREATE INDEX ON t USING gin (a, b)', '-, -', 'only a btree stands in for the beginning of it');
SELECT test.pair('CREATE INDEX ON t USING gist (a)', 'CREATE INDEX ON t USING gist (a) INCLUDE (b)', '-, -', 'gist with a payload');

-- Operator classes and collations.
SELECT test.pair('CREATE INDEX ON t (c)', 'CREATE INDEX ON t (c text_pattern_ops)', '-, -', 'another operator class');
SELECT test.pair('CREATE INDEX ON t (c)', 'CREATE INDEX ON t (c COLLATE "C")', '-, -', 'another collation');
SELECT test.pair('CREATE INDEX ON t (d)', 'CREATE INDEX ON t (d COLLATE "C")', 'duplicate, duplicate', 'the collation of the column, written out');
SELECT test.pair('CREATE INDEX ON t (n)', 'CREATE INDEX ON t (n COLLATE "C")', '-, -', 'a non-deterministic collation');
SELECT test.pair('CREATE UNIQUE INDEX ON t (n)', 'CREATE UNIQUE INDEX ON t (n COLLATE "C")', '-, -', 'which makes another uniqueness');
SELECT test.pair('CREATE INDEX ON t (n)', 'CREATE INDEX ON t (n, a)', 'redundant, -', 'the beginning under a non-deterministic collation');

-- The beginning of a wider btree, forwards and backwards.
SELECT test.pair('CREATE INDEX ON t (a)', 'CREATE INDEX ON t (a, b)', 'redundant, -', 'the beginning');
SELECT test.pair('CREATE INDEX ON t (b)', 'CREATE INDEX ON t (a, b)', '-, -', 'not the end');
SELECT test.pair('CREATE INDEX ON t (a, b)', 'CREATE INDEX ON t (b, a)', '-, -', 'not another order');
SELECT test.pair('CREATE INDEX ON t (a, b)', 'CREATE INDEX ON t (a, e, b)', '-, -', 'not with a column between');
SELECT test.pair('CREATE INDEX ON t (a DESC)', 'CREATE INDEX ON t (a)', 'redundant, redundant', 'read backwards');
SELECT test.pair('CREATE INDEX ON t (a DESC NULLS LAST)', 'CREATE INDEX ON t (a)', '-, -', 'nulls at the other end');
SELECT test.pair('CREATE INDEX ON t (a, b DESC)', 'CREATE INDEX ON t (a, b)', '-, -', 'one direction of two');
SELECT test.pair('CREATE INDEX ON t (a, b DESC)', 'CREATE INDEX ON t (a DESC, b, e)', 'redundant, -', 'all of them reversed');
SELECT test.pair('CREATE INDEX ON t (a, b)', 'CREATE INDEX ON t (a DESC, b, e)', '-, -', 'some of them');
SELECT test.pair('CREATE INDEX ON t (lower(c))', 'CREATE INDEX ON t (lower(c), a)', 'redundant, -', 'an expression at the beginning');

-- Included columns.
SELECT test.pair('CREATE INDEX ON t (a)', 'CREATE INDEX ON t (a) INCLUDE (b)', 'redundant, -', 'less payload');
SELECT test.pair('CREATE INDEX ON t (a) INCLUDE (b)', 'CREATE INDEX ON t (a, b)', 'redundant, -', 'payload that is a key there');
SELECT test.pair('CREATE INDEX ON t (a) INCLUDE (b)', 'CREATE INDEX ON t (a, e)', '-, -', 'payload that is not there');
SELECT test.pair('CREATE INDEX ON t (a, b)', 'CREATE INDEX ON t (a) INCLUDE (b)', '-, redundant', 'payload does not order');

-- Predicates.
SELECT test.pair('CREATE INDEX ON t (a) WHERE b > 5', 'CREATE INDEX ON t (a) WHERE b > 5', 'duplicate, duplicate', 'the same predicate');
SELECT test.pair('CREATE INDEX ON t (a) WHERE b > 5', 'CREATE INDEX ON t (a)', 'redundant, -', 'a part of the rows');
SELECT test.pair('CREATE INDEX ON t (a) WHERE b > 5', 'CREATE INDEX ON t (a) WHERE b > 3', 'redundant, -', 'a part of the part');
SELECT test.pair('CREATE INDEX ON t (a) WHERE b > 5', 'CREATE INDEX ON t (a) WHERE b IS NOT NULL', 'redundant, -', 'by strictness');
SELECT test.pair('CREATE INDEX ON t (a) WHERE b > 5', 'CREATE INDEX ON t (a) WHERE 5 < b', 'redundant, redundant', 'the predicate turned round');
SELECT test.pair('CREATE INDEX ON t (a) WHERE b > 5', 'CREATE INDEX ON t (a) WHERE b < 5', '-, -', 'other rows');
SELECT test.pair('CREATE INDEX ON t (a) WHERE b > 5', 'CREATE INDEX ON t (a) WHERE e > 3', '-, -', 'another column');
SELECT test.pair('CREATE INDEX ON t (a) WHERE b > 5 AND e = 1', 'CREATE INDEX ON t (a, b) WHERE e = 1', 'redundant, -', 'one of two conditions');
SELECT test.pair('CREATE INDEX ON t (a) WHERE c IN (''x'', ''y'')', 'CREATE INDEX ON t (a) WHERE c IN (''x'', ''y'', ''z'')', 'redundant, -', 'a shorter list');

-- Uniqueness.
SELECT test.pair('CREATE INDEX ON t (a)', 'CREATE UNIQUE INDEX ON t (a)', 'duplicate, -', 'one that is unique as well');
SELECT test.pair('CREATE UNIQUE INDEX ON t (a)', 'CREATE INDEX ON t (a, b)', '-, -', 'uniqueness is not given up');
SELECT test.pair('CREATE UNIQUE INDEX ON t (a)', 'CREATE UNIQUE INDEX ON t (a, b)', '-, -', 'nor for a weaker one');
SELECT test.pair('CREATE UNIQUE INDEX ON t (a)', 'CREATE UNIQUE INDEX ON t (a) INCLUDE (b)', 'redundant, -', 'the same uniqueness with a payload');
SELECT test.pair('CREATE UNIQUE INDEX ON t (a) WHERE b > 5', 'CREATE UNIQUE INDEX ON t (a)', 'redundant, -', 'unique among some, unique among all');
SELECT test.pair('CREATE UNIQUE INDEX ON t (a) WHERE b > 5', 'CREATE UNIQUE INDEX ON t (a) WHERE b > 7', '-, redundant', 'among fewer');
SELECT test.pair('CREATE UNIQUE INDEX ON t (a)', 'CREATE UNIQUE INDEX ON t (a) NULLS NOT DISTINCT', '-, -', 'nulls not distinct');
SELECT test.pair('CREATE UNIQUE INDEX ON t (a, b)', 'CREATE UNIQUE INDEX ON t (b, a)', '-, -', 'another order');

-- Constraints cannot be dropped as an index, so these are compared as they stand.
CREATE TABLE u (a int CONSTRAINT u_deferrable UNIQUE DEFERRABLE, b int, c int,
                CONSTRAINT u_constraint UNIQUE (b),
                CONSTRAINT u_exclusion EXCLUDE USING gist (c WITH =));
CREATE UNIQUE INDEX u_a ON u (a);
CREATE INDEX u_a_plain ON u (a);
CREATE UNIQUE INDEX u_b ON u (b);
CREATE INDEX u_c ON u USING gist (c);
CREATE TABLE other (a int);
CREATE INDEX other_a ON other (a);

CREATE FUNCTION test.standing(first text, second text, expected text, why text) RETURNS text
LANGUAGE sql AS $$
    SELECT is(format('%s, %s',
        coalesce(dbadvisor.compare_indexes(first::regclass, second::regclass), '-'),
        coalesce(dbadvisor.compare_indexes(second::regclass, first::regclass), '-')), expected, why)
$$;
SELECT test.standing('u_b', 'u_constraint', 'duplicate, duplicate', 'a constraint is a unique index');
SELECT test.standing('u_a', 'u_deferrable', '-, -', 'uniqueness at once and at commit differ');
SELECT test.standing('u_a_plain', 'u_deferrable', 'duplicate, -', 'but to queries they are an index');
SELECT test.standing('u_c', 'u_exclusion', 'duplicate, -', 'an exclusion constraint serves, and stays');
SELECT test.standing('other_a', 'u_a', '-, -', 'indexes of different tables');
SELECT test.standing('u_a', 'u_a', '-, -', 'an index and itself');
SELECT is(dbadvisor.compare_indexes('u'::regclass, 'u_a'::regclass), NULL, 'what is no index compares as different');
SELECT is(dbadvisor.compare_indexes('u_a'::regclass, 1), NULL, 'and what is not there');

-- Partitioned indexes, and a partition's own index beside the attached one.
-- The partition has its columns at other positions.
CREATE TABLE p (k int, a int, b int) PARTITION BY RANGE (k);
CREATE TABLE p1 (gone int, b int, a int, k int);
ALTER TABLE p1 DROP COLUMN gone;
ALTER TABLE p ATTACH PARTITION p1 FOR VALUES FROM (0) TO (10);
CREATE INDEX p_a ON p (a) WHERE b > 0;
CREATE INDEX p_ab ON p (a, b);
CREATE INDEX p1_a ON p1 (a) WHERE b > 0;
SELECT test.standing('p_a', 'p_ab', 'redundant, -', 'partitioned indexes are compared as a whole');
SELECT test.standing('p1_a', 'p1_a_idx', 'duplicate, duplicate', 'and within a partition');
SELECT test.standing('p1_a', 'p_a', '-, -', 'not across');

-- Foreign keys.  Each is put on the table, asked, and taken off.
CREATE TABLE parent (a int, b int, c text, n text COLLATE nd, num numeric UNIQUE, big bigint UNIQUE,
                     UNIQUE (a), UNIQUE (c), UNIQUE (n), UNIQUE (a, b));
CREATE TABLE child (a int, b int, c text, n text COLLATE nd, l varchar(20), x text COLLATE "C");

CREATE FUNCTION test.serves(index_sql text, key text) RETURNS boolean
LANGUAGE plpgsql AS $$
DECLARE
    result boolean;
BEGIN
    EXECUTE 'ALTER TABLE child ADD CONSTRAINT fk FOREIGN KEY ' || key;
    EXECUTE replace(index_sql, 'INDEX ON', 'INDEX probe ON');
    SELECT dbadvisor.index_serves_foreign_key('probe'::regclass, oid) INTO result
    FROM pg_constraint WHERE conname = 'fk';
    DROP INDEX probe;
    ALTER TABLE child DROP CONSTRAINT fk;
    RETURN result;
END $$;

SELECT ok(test.serves('CREATE INDEX ON child (a)', '(a) REFERENCES parent (a)'), 'an index on the column serves');
SELECT ok(test.serves('CREATE INDEX ON child (a DESC, c)', '(a) REFERENCES parent (a)'), 'one that begins with it');
SELECT ok(NOT test.serves('CREATE INDEX ON child (b, a)', '(a) REFERENCES parent (a)'), 'not one that ends with it');
SELECT ok(test.serves('CREATE INDEX ON child (b, a)', '(a, b) REFERENCES parent (a, b)'), 'two columns in any order');
SELECT ok(NOT test.serves('CREATE INDEX ON child (a, c, b)', '(a, b) REFERENCES parent (a, b)'), 'with nothing between');
SELECT ok(NOT test.serves('CREATE INDEX ON child (a)', '(a, b) REFERENCES parent (a, b)'), 'and not one of two');
SELECT ok(test.serves('CREATE INDEX ON child (a) WHERE a IS NOT NULL', '(a) REFERENCES parent (a)'), 'rows without a key may be left out');
SELECT ok(NOT test.serves('CREATE INDEX ON child (a) WHERE b IS NOT NULL', '(a) REFERENCES parent (a)'), 'others may not');
SELECT ok(NOT test.serves('CREATE INDEX ON child (a) WHERE a > 0', '(a) REFERENCES parent (a)'), 'nor some of the keys');
SELECT ok(test.serves('CREATE INDEX ON child USING hash (a)', '(a) REFERENCES parent (a)'), 'hash serves');
SELECT ok(test.serves('CREATE INDEX ON child USING gist (a, b)', '(a) REFERENCES parent (a)'), 'and gist, of an exclusion constraint say');
SELECT ok(NOT test.serves('CREATE INDEX ON child USING brin (a)', '(a) REFERENCES parent (a)'), 'but not brin');
SELECT ok(NOT test.serves('CREATE INDEX ON child USING bloom (a)', '(a) REFERENCES parent (a)'), 'nor bloom');
SELECT ok(NOT test.serves('CREATE INDEX ON child ((a + 0))', '(a) REFERENCES parent (a)'), 'nor an expression');
SELECT ok(test.serves('CREATE INDEX ON child (c text_pattern_ops)', '(c) REFERENCES parent (c)'), 'equality of text is the same in text_pattern_ops');
SELECT ok(NOT test.serves('CREATE INDEX ON child (c COLLATE "C")', '(c) REFERENCES parent (c)'), 'another collation does not serve');
SELECT ok(test.serves('CREATE INDEX ON child (l)', '(l) REFERENCES parent (c)'), 'varchar references text');
SELECT ok(test.serves('CREATE INDEX ON child (a)', '(a) REFERENCES parent (big)'), 'int4 references int8');
SELECT ok(NOT test.serves('CREATE INDEX ON child (a)', '(a) REFERENCES parent (num)'), 'but int4 that references numeric is cast');
SELECT ok(test.serves('CREATE INDEX ON child (n)', '(n) REFERENCES parent (n)'), 'a non-deterministic collation on both sides');

-- Whether any ordinary index could serve, asked of each pair of types.
CREATE FUNCTION test.indexable(key text) RETURNS boolean
LANGUAGE plpgsql AS $$
DECLARE
    result boolean;
BEGIN
    EXECUTE 'ALTER TABLE child ADD CONSTRAINT fk FOREIGN KEY ' || key;
    SELECT dbadvisor.foreign_key_indexable(oid) INTO result FROM pg_constraint WHERE conname = 'fk';
    ALTER TABLE child DROP CONSTRAINT fk;
    RETURN result;
END $$;
SELECT ok(test.indexable('(a) REFERENCES parent (big)') AND test.indexable('(l) REFERENCES parent (c)'), 'widened and relabelled types can be indexed');
SELECT ok(NOT test.indexable('(a) REFERENCES parent (num)'), 'cast ones cannot');
SELECT ok(NOT dbadvisor.foreign_key_indexable(1), 'a foreign key that is gone cannot');
SELECT ok(NOT dbadvisor.index_serves_foreign_key('u_a'::regclass, (SELECT oid FROM pg_constraint WHERE conname = 'u_constraint')), 'what is no foreign key is not served');

-- The body of a definition is the same for a part and the whole, whatever the names.
CREATE SCHEMA "s ON ""x";
CREATE TABLE "s ON ""x"."t USING (" (k int, "a b" int) PARTITION BY LIST (k);
CREATE TABLE "s ON ""x".part PARTITION OF "s ON ""x"."t USING (" FOR VALUES IN (1);
CREATE UNIQUE INDEX "i USING btree" ON "s ON ""x"."t USING (" (k, "a b" DESC) WITH (fillfactor = 80);
SELECT is(dbadvisor.index_body('"s ON ""x"."i USING btree"'::regclass),
          'USING btree (k, "a b" DESC) WITH (fillfactor=''80'')', 'the body of a definition');
SELECT is(dbadvisor.index_body(inhrelid), dbadvisor.index_body(inhparent), 'is that of its parts')
FROM pg_inherits WHERE inhparent = '"s ON ""x"."i USING btree"'::regclass;
SELECT ok(dbadvisor.index_is_valid('u_a'::regclass) AND NOT dbadvisor.index_is_valid(1), 'a valid index, and none');

-- Catalog rows go away between two looks at them: as if the relation was dropped
-- after its first row was read.
CREATE TABLE gone_parent (id int PRIMARY KEY);
CREATE TABLE gone (id int REFERENCES gone_parent);
CREATE INDEX gone_1 ON gone (id) WHERE id IS NOT NULL;
CREATE INDEX gone_2 ON gone (id) WHERE id IS NOT NULL;
CREATE FUNCTION test.without_columns_of(relation regclass, question text) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
    result text;
BEGIN
    DELETE FROM pg_attribute WHERE attrelid = relation AND attnum > 0;
    EXECUTE 'SELECT ' || question INTO result;
    RAISE EXCEPTION USING ERRCODE = 'TEST0';
EXCEPTION WHEN SQLSTATE 'TEST0' THEN
    RETURN result;
END $$;
SELECT is(test.without_columns_of('gone_1', 'dbadvisor.compare_indexes(''gone_1''::regclass, ''gone_2''::regclass)'),
          NULL, 'an index that is going compares as different');
SELECT oid AS fk FROM pg_constraint WHERE conrelid = 'gone'::regclass \gset
SELECT is(test.without_columns_of('gone', 'dbadvisor.foreign_key_indexable(' || :fk || ')'),
          'false', 'a table that is going has no foreign key');
SELECT is(test.without_columns_of('gone', 'dbadvisor.index_serves_foreign_key(''gone_1''::regclass, ' || :fk || ')'),
          'false', 'nor one to be served');

SELECT * FROM finish();
