-- foreign_key_type_mismatch: columns of different types are reported as far as
-- it matters; the fix makes them one type, the undo two again.
\ir ../rule.psql
SELECT plan(35);
CREATE EXTENSION citext;

CREATE DOMAIN small_domain AS int;
CREATE DOMAIN domain_of_domain AS small_domain CHECK (VALUE > 0);
CREATE DOMAIN big_domain AS bigint;
CREATE DOMAIN code_domain AS varchar(10);
CREATE TABLE parent (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
                     i int UNIQUE, n numeric(20) UNIQUE, t text UNIQUE, v varchar(10) UNIQUE,
                     c char(5) UNIQUE, tz timestamptz UNIQUE, d domain_of_domain UNIQUE,
                     bd big_domain UNIQUE, ci citext UNIQUE, UNIQUE (id, i), UNIQUE (i, t));
INSERT INTO parent (i, n, t, v, c, tz, d, bd, ci) VALUES (1, 1, 'x', 'x', 'x', '2020-01-01', 1, 1, 'x');

CREATE TABLE good (a bigint REFERENCES parent, i int REFERENCES parent (i), n numeric(5) REFERENCES parent (n),
                   t varchar(30) REFERENCES parent (t), v text REFERENCES parent (v), d int REFERENCES parent (d),
                   dd small_domain REFERENCES parent (i), bd bigint REFERENCES parent (bd), cd code_domain REFERENCES parent (t));
CREATE TABLE narrow (id int CONSTRAINT narrow_fk REFERENCES parent);
INSERT INTO narrow VALUES (1), (NULL);
CREATE INDEX ON narrow (id);
CREATE TABLE "N ""arrow
" ("I ""d" smallint CONSTRAINT "fk ""n" REFERENCES parent, i int, FOREIGN KEY (i) REFERENCES parent (i));
CREATE TABLE wide (i bigint CONSTRAINT wide_fk REFERENCES parent (i));
CREATE TABLE cast_numeric (n int CONSTRAINT cast_numeric_fk REFERENCES parent (n));
INSERT INTO cast_numeric VALUES (1);
CREATE TABLE cast_char (c char(5) COLLATE "C" CONSTRAINT cast_char_fk REFERENCES parent (t));
INSERT INTO cast_char VALUES ('x');
CREATE TABLE case_blind (t citext CONSTRAINT case_blind_fk REFERENCES parent (t));
CREATE TABLE zoned (d date CONSTRAINT zoned_fk REFERENCES parent (tz));
CREATE TABLE two (a int, i bigint, b int, CONSTRAINT two_fk FOREIGN KEY (a, b) REFERENCES parent (id, i));
CREATE TABLE domained (d small_domain CONSTRAINT domained_fk REFERENCES parent (bd));

-- Changing the type is refused by the server, or would move the mismatch.
CREATE TABLE viewed (id int CONSTRAINT viewed_fk REFERENCES parent);
CREATE VIEW a_view AS SELECT id FROM viewed;
CREATE TABLE kept_whole (id int CONSTRAINT kept_whole_fk REFERENCES parent);
CREATE TABLE keeps_whole (id int, was kept_whole[]);
CREATE TABLE generated (id int CONSTRAINT generated_fk REFERENCES parent, twice int GENERATED ALWAYS AS (id * 2) STORED);
CREATE TABLE defaulted (id int DEFAULT 1 CONSTRAINT defaulted_fk REFERENCES parent);
CREATE TABLE shared (id int CONSTRAINT shared_fk REFERENCES parent CONSTRAINT shared_fk_i REFERENCES parent (i));
CREATE TABLE policed (id int CONSTRAINT policed_fk REFERENCES parent);
CREATE POLICY a_policy ON policed USING (id > 0);
CREATE TABLE triggered (id int CONSTRAINT triggered_fk REFERENCES parent);
CREATE FUNCTION nothing() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE TRIGGER a_trigger AFTER UPDATE OF id ON triggered FOR EACH ROW EXECUTE FUNCTION nothing();
CREATE TABLE functioned (id int CONSTRAINT functioned_fk REFERENCES parent);
CREATE FUNCTION a_function() RETURNS bigint LANGUAGE sql BEGIN ATOMIC SELECT max(id) FROM functioned; END;
CREATE TABLE published (id int PRIMARY KEY CONSTRAINT published_fk REFERENCES parent);
CREATE PUBLICATION a_publication FOR TABLE published WHERE (id > 0);
CREATE TABLE inherited (id int);
CREATE TABLE inheriting () INHERITS (inherited);
ALTER TABLE inheriting ADD CONSTRAINT inheriting_fk FOREIGN KEY (id) REFERENCES parent;
CREATE TABLE by_key (id int CONSTRAINT by_key_fk REFERENCES parent, v int) PARTITION BY RANGE (id);
CREATE TABLE by_subkey (id int CONSTRAINT by_subkey_fk REFERENCES parent, v int) PARTITION BY RANGE (v);
CREATE TABLE by_subkey_1 PARTITION OF by_subkey FOR VALUES FROM (0) TO (10) PARTITION BY RANGE (id);
CREATE TABLE part (id int CONSTRAINT part_fk REFERENCES parent, v int) PARTITION BY RANGE (v);
CREATE TABLE part_1 PARTITION OF part FOR VALUES FROM (0) TO (10) PARTITION BY RANGE (v);
CREATE TABLE part_11 PARTITION OF part_1 FOR VALUES FROM (0) TO (10);

CREATE FUNCTION test.one(name text, OUT severity text, OUT detail text, OUT fix text, OUT undo text, OUT caution text, OUT indexable text)
LANGUAGE sql AS $$
    SELECT f.severity, f.detail, f.fix, f.undo, f.caution, f.evidence ->> 'indexable'
    FROM test.finding('foreign_key_type_mismatch', name) f
$$;

SELECT is((SELECT array_agg(object::text) FROM dbadvisor.recommendations('{schema}', 'info')
           WHERE rule = 'foreign_key_type_mismatch' AND object LIKE '%public.good'), NULL,
          'equal types, other lengths, varchar and text, domains over the same type are all right');
SELECT is((f.severity, f.fix, f.undo)::text,
          ('notice', E'ALTER TABLE public.narrow ALTER COLUMN id TYPE bigint;\nANALYZE public.narrow;', E'ALTER TABLE public.narrow ALTER COLUMN id TYPE integer;\nANALYZE public.narrow;')::text,
          'a column narrower than the key is reported') FROM test.one('narrow_fk on public.narrow') f;
SELECT is(f.detail, 'In the reference from public.narrow to public.parent, id is integer, id is bigint. The key has come to 1, under 0.1 % of what the referencing column can hold.', 'with how far the key has come')
FROM test.one('narrow_fk on public.narrow') f;
SELECT alike(f.caution, 'Takes ACCESS EXCLUSIVE and rewrites the table (%', 'and what the fix locks') FROM test.one('narrow_fk on public.narrow') f;
SELECT is(f.fix, E'ALTER TABLE public."N ""arrow\n" ALTER COLUMN "I ""d" TYPE bigint;\nANALYZE public."N ""arrow\n";', 'names are quoted')
FROM test.one(E'"fk ""n" on public."N ""arrow\n"') f;
SELECT is((f.severity, f.fix, f.caution)::text, '(info,,)', 'a wider one is for the record') FROM test.one('wide_fk on public.wide') f;
SELECT is((f.severity, f.fix, f.indexable)::text,
          ('warning', E'ALTER TABLE public.cast_numeric ALTER COLUMN n TYPE numeric(20,0);\nANALYZE public.cast_numeric;', 'false')::text,
          'one that is cast cannot be indexed') FROM test.one('cast_numeric_fk on public.cast_numeric') f;
SELECT is((f.severity, f.fix, f.undo)::text,
          ('warning', E'ALTER TABLE public.cast_char ALTER COLUMN c TYPE text COLLATE pg_catalog."C";\nANALYZE public.cast_char;',
           E'ALTER TABLE public.cast_char ALTER COLUMN c TYPE character(5) COLLATE pg_catalog."C";\nANALYZE public.cast_char;')::text,
          'a collation is kept') FROM test.one('cast_char_fk on public.cast_char') f;
SELECT is((f.severity, f.indexable)::text, '(warning,false)', 'citext and text are compared as text') FROM test.one('case_blind_fk on public.case_blind') f;
SELECT is(f.severity, 'notice', 'a date that references a timestamptz') FROM test.one('zoned_fk on public.zoned') f;
SELECT alike(f.detail, '%depends on the TimeZone%', 'depends on who asks') FROM test.one('zoned_fk on public.zoned') f;
SELECT is(f.fix, E'ALTER TABLE public.two ALTER COLUMN a TYPE bigint;\nANALYZE public.two;', 'of two columns only the one that differs') FROM test.one('two_fk on public.two') f;
SELECT is((f.fix, f.undo)::text, (E'ALTER TABLE public.domained ALTER COLUMN d TYPE bigint;\nANALYZE public.domained;', E'ALTER TABLE public.domained ALTER COLUMN d TYPE public.small_domain;\nANALYZE public.domained;')::text,
          'domains are compared by what they are made of') FROM test.one('domained_fk on public.domained') f;
SELECT is((f.fix, f.undo)::text, (E'ALTER TABLE public.defaulted ALTER COLUMN id TYPE bigint;\nANALYZE public.defaulted;', E'ALTER TABLE public.defaulted ALTER COLUMN id TYPE integer;\nANALYZE public.defaulted;')::text,
          'a default is no obstacle') FROM test.one('defaulted_fk on public.defaulted') f;
SELECT isnt(f.fix, NULL, 'nor are partitions') FROM test.one('part_fk on public.part') f;
SELECT is((SELECT count(*) FROM dbadvisor.recommendations('{schema}', 'info') WHERE rule = 'foreign_key_type_mismatch' AND object LIKE '%part%'),
          1::bigint, 'which are not reported themselves');
SELECT is((SELECT array_agg(name) FROM unnest('{viewed,kept_whole,generated,shared,policed,triggered,functioned,published,inheriting,by_key,by_subkey}'::text[]) name,
                  test.one(format('%s_fk on public.%1$s', name)) f WHERE f.detail IS NULL OR f.fix IS NOT NULL), NULL,
          'where the server would refuse the change, or a mismatch would move, there is no command');
SELECT alike(f.caution, 'There is no single command%', 'but a reason') FROM test.one('viewed_fk on public.viewed') f;
SELECT is(f.severity, NULL, 'the other foreign key on that column is all right') FROM test.one('shared_fk_i on public.shared') f;
-- That the server does refuse is what makes the rule right to stay silent.
CREATE TABLE refused AS SELECT name FROM unnest('{viewed,kept_whole,generated,policed,triggered,functioned,published,inheriting,by_key,by_subkey}'::text[]) name;
SELECT throws_ok(format('ALTER TABLE %I ALTER COLUMN id TYPE bigint', name), NULL, NULL, 'the server refuses it for ' || name) FROM refused;

-- How far the key has come decides how bad it is.
SELECT setval(pg_get_serial_sequence('parent', 'id'), 1200000000);
SELECT is(f.severity, 'warning', 'beyond half of the range it is a warning') FROM test.one('narrow_fk on public.narrow') f;
SELECT alike(f.detail, '%The key has come to 1200000000, 55.9 % of what the referencing column can hold.', 'that says so') FROM test.one('narrow_fk on public.narrow') f;
SELECT setval(pg_get_serial_sequence('parent', 'id'), 2100000000);
SELECT is(f.severity, 'critical', 'near its end it is critical') FROM test.one('narrow_fk on public.narrow') f;

-- The same for everybody.
CREATE ROLE mismatch_monitor IN ROLE pg_monitor;
CREATE TABLE before AS
    SELECT object, severity, detail, fix, undo FROM dbadvisor.recommendations('{schema}', 'info') WHERE rule = 'foreign_key_type_mismatch';
GRANT SELECT ON before TO mismatch_monitor;
SET ROLE mismatch_monitor;
SELECT set_eq($$SELECT object, severity, detail, fix, undo FROM dbadvisor.recommendations('{schema}', 'info') WHERE rule = 'foreign_key_type_mismatch'$$,
              'SELECT * FROM before', 'a role with pg_monitor alone sees the same');
RESET ROLE;
DROP OWNED BY mismatch_monitor;
DROP ROLE mismatch_monitor;

-- There and back.
SELECT unnest(string_to_array(fix, E';\n')) FROM before WHERE fix IS NOT NULL \gexec
SELECT is((SELECT array_agg(object::text) FROM dbadvisor.recommendations('{schema}', 'info') WHERE rule = 'foreign_key_type_mismatch' AND fix IS NOT NULL),
          NULL, 'the fixes end the findings');
SELECT unnest(string_to_array(undo, E';\n')) FROM before WHERE undo IS NOT NULL \gexec
SELECT set_eq($$SELECT object, severity, detail, fix, undo FROM dbadvisor.recommendations('{schema}', 'info') WHERE rule = 'foreign_key_type_mismatch'$$,
              'SELECT * FROM before', 'the undos bring them back');

SELECT * FROM finish();
