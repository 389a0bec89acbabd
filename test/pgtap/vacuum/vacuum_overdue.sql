-- vacuum_overdue: a table with more dead rows, or rows inserted since, than
-- autovacuum should have let come is reported, whether they are in the table
-- itself, its TOAST table or its partitions; small tables, static ones and ones
-- within their limits are not. The fix vacuums, and switches autovacuum on; the
-- undo switches it off again.
\ir ../rule.psql
SELECT plan(26);

-- 60 000 rows; autovacuum would come at 12 050 dead ones.
SELECT $$SELECT i AS id, repeat('x', 180) AS pad FROM generate_series(1, 60000) i$$ AS rows \gset
CREATE TABLE bad WITH (autovacuum_enabled = off) AS :rows;
CREATE TABLE static WITH (autovacuum_enabled = off) AS :rows;
CREATE TABLE few WITH (autovacuum_enabled = off) AS :rows;
CREATE TABLE patient WITH (autovacuum_enabled = off, autovacuum_vacuum_scale_factor = 0.9) AS :rows;
CREATE TABLE "Odd ""na'me""
;€, sixty-three bytes of it, which is the most..." WITH (autovacuum_enabled = off) AS :rows;
CREATE TABLE small WITH (autovacuum_enabled = off) AS SELECT i AS id FROM generate_series(1, 60000) i;
CREATE UNLOGGED TABLE inserted WITH (autovacuum_enabled = off) AS :rows;
CREATE TABLE inserted_as_told WITH (autovacuum_enabled = off, autovacuum_vacuum_insert_threshold = -1) AS :rows;

-- 2000 rows of 6 TOAST chunks each.
CREATE TABLE wide (id int, gone int, doc text)
    WITH (autovacuum_enabled = off, toast.autovacuum_enabled = off);
ALTER TABLE wide DROP COLUMN gone, ALTER doc SET STORAGE EXTERNAL;
INSERT INTO wide SELECT i, repeat('x', 12000) FROM generate_series(1, 2000) i;

-- Two levels; two of the three leaves have dead rows, one of them 45 000; the
-- third has new rows that matter less.
CREATE TABLE tree (id int, pad text) PARTITION BY RANGE (id);
CREATE TABLE tree_1 PARTITION OF tree FOR VALUES FROM (0) TO (200000) PARTITION BY RANGE (id);
CREATE TABLE tree_11 PARTITION OF tree_1 FOR VALUES FROM (0) TO (100000) WITH (autovacuum_enabled = off);
CREATE TABLE tree_12 PARTITION OF tree_1 FOR VALUES FROM (100000) TO (200000) WITH (autovacuum_enabled = off);
CREATE TABLE tree_2 PARTITION OF tree FOR VALUES FROM (200000) TO (300000) WITH (autovacuum_enabled = off);
INSERT INTO tree SELECT id, pad FROM (:rows) r;
INSERT INTO tree SELECT id + 100000, pad FROM (:rows) r;
INSERT INTO tree SELECT id + 200000, pad FROM (:rows) r;

-- REFRESH ... CONCURRENTLY leaves dead rows where the contents change.
CREATE TABLE shift AS SELECT 0 AS by;
CREATE MATERIALIZED VIEW mv WITH (autovacuum_enabled = 'false') AS
    SELECT r.id + shift.by AS id, r.pad FROM (:rows) r, shift;
CREATE UNIQUE INDEX ON mv (id);
:flush
VACUUM (ANALYZE) bad, static, few, patient, "Odd ""na'me""
;€, sixty-three bytes of it, which is the most...", small, wide, tree, mv;
ANALYZE inserted, inserted_as_told;

DELETE FROM bad WHERE id <= 20000;
DELETE FROM few WHERE id <= 9000;
DELETE FROM patient WHERE id <= 20000;
DELETE FROM "Odd ""na'me""
;€, sixty-three bytes of it, which is the most..." WHERE id <= 20000;
DELETE FROM small WHERE id <= 20000;
DELETE FROM wide;
INSERT INTO tree SELECT id + 200000, pad FROM (:rows) r;
DELETE FROM tree WHERE id <= 20000 OR id BETWEEN 100000 AND 145000;
UPDATE shift SET by = 30000;
REFRESH MATERIALIZED VIEW CONCURRENTLY mv;
:flush

SELECT ok(test.found('vacuum_overdue', 'public.bad'), 'a table beyond its trigger, with autovacuum off, is reported');
SELECT ok(test.found('vacuum_overdue', 'public.' || quote_ident(E'Odd "na\'me"\n;€, sixty-three bytes of it, which is the most...')),
          'whatever its name');
SELECT ok(NOT test.found('vacuum_overdue', 'public.static'), 'a static table is not');
SELECT ok(NOT test.found('vacuum_overdue', 'public.few'), 'nor one with few dead rows');
SELECT ok(NOT test.found('vacuum_overdue', 'public.small'), 'nor a small one');
SELECT ok(NOT test.found('vacuum_overdue', 'public.patient'), 'nor one whose own scale factor allows it');
SELECT is(severity, 'notice', 'rows inserted and never vacuumed are a notice')
FROM test.finding('vacuum_overdue', 'public.inserted');
SELECT ok(NOT test.found('vacuum_overdue', 'public.inserted_as_told'), 'but not where the table says that they do not matter');
SELECT ok(detail LIKE 'Its TOAST table has %', 'dead rows of a TOAST table belong to its table')
FROM test.finding('vacuum_overdue', 'public.wide');
SELECT ok(detail LIKE '3 partitions wait for VACUUM, the worst is public.tree_12: 4%', 'partitions are reported together')
FROM test.finding('vacuum_overdue', 'public.tree');
SELECT ok(NOT EXISTS (SELECT FROM dbadvisor.recommendations('{vacuum}', 'info') WHERE object LIKE 'public.tree\__%'),
          'and not one by one');
SELECT ok(fix LIKE 'ALTER MATERIALIZED VIEW public.mv RESET%', 'a materialized view is treated as one')
FROM test.finding('vacuum_overdue', 'public.mv');
SELECT is(severity || ' ' || (evidence ->> 'dead_rows') || ' ' || (evidence ->> 'vacuum_trigger'), 'warning 20000 12050',
          'the evidence has the numbers')
FROM test.finding('vacuum_overdue', 'public.bad');
SELECT is((SELECT jsonb_agg(found ORDER BY found ->> 'objid') FROM test.rows_with('vacuum_overdue') found),
          (SELECT jsonb_agg(found ORDER BY found ->> 'objid') FROM test.rows_with('vacuum_overdue') found),
          'a second run says the same');

-- In one transaction, so that autovacuum does not see it.
BEGIN;
ALTER TABLE bad RESET (autovacuum_enabled);
SELECT ok(NOT test.found('vacuum_overdue', 'public.bad'), 'with autovacuum on, 1.6 times the trigger is none of our business');
CREATE FUNCTION test.impatient() RETURNS SETOF jsonb LANGUAGE sql VOLATILE AS $$
    SELECT found
    FROM test.rows_with('vacuum_overdue', '5 AS rounds_of_patience', '0 AS rounds_of_patience') found
    WHERE found ->> 'objid' = 'bad'::regclass::oid::text
$$;
SELECT is_empty('SELECT test.impatient()', 'however long one waits');
ALTER TABLE bad SET (autovacuum_vacuum_scale_factor = 0.1);
SELECT ok(NOT test.found('vacuum_overdue', 'public.bad'), 'what was just vacuumed, as a queue always is, is given time');
SELECT is(found ->> 'severity', 'notice', 'then 3.3 times the trigger is a notice')
FROM test.impatient() found;
ALTER TABLE bad SET (autovacuum_vacuum_scale_factor = 0.01);
SELECT is(found ->> 'severity', 'warning', '30 times is a warning')
FROM test.impatient() found;
SELECT is(found ->> 'fix', 'VACUUM (ANALYZE) public.bad;', 'and there is nothing to switch on')
FROM test.impatient() found;
ALTER TABLE bad RESET (autovacuum_vacuum_scale_factor);
SET LOCAL track_counts = off;
SELECT is(evidence ->> 'autovacuum_disabled_by', 'server', 'unless autovacuum is off altogether')
FROM test.finding('vacuum_overdue', 'public.bad');
ALTER TABLE bad SET (autovacuum_enabled = off);
COMMIT;

-- Many partitions are vacuumed through their root.
SELECT ok(found ->> 'fix' ~ E'RESET \\(autovacuum_enabled\\);\nVACUUM \\(ANALYZE\\) public.tree;$',
          'many partitions are vacuumed through their root')
FROM test.rows_with('vacuum_overdue', '20 AS max_statements', '1 AS max_statements') found
WHERE (found ->> 'objid')::oid = 'tree'::regclass;

-- pg_monitor sees what a superuser sees.
SELECT md5(string_agg(concat(object, detail, severity, fix, undo, caution, evidence), '' ORDER BY rank)) AS as_superuser
FROM dbadvisor.recommendations('{vacuum}', 'info') WHERE rule = 'vacuum_overdue' \gset
SET ROLE pg_monitor;
SELECT md5(string_agg(concat(object, detail, severity, fix, undo, caution, evidence), '' ORDER BY rank)) AS as_monitor
FROM dbadvisor.recommendations('{vacuum}', 'info') WHERE rule = 'vacuum_overdue' \gset
RESET ROLE;
SELECT is(:'as_monitor'::text, :'as_superuser'::text, 'pg_monitor gets the same findings');

CREATE TABLE options_before AS SELECT oid, reloptions FROM pg_class WHERE relkind IN ('r', 'm', 't');
CREATE TABLE before AS
    SELECT object, fix, undo FROM dbadvisor.recommendations('{vacuum}', 'info') WHERE rule = 'vacuum_overdue';
SELECT command FROM before, unnest(string_to_array(fix, E';\n')) AS command \gexec
:flush
SELECT is((SELECT array_agg(object) FROM dbadvisor.recommendations('{vacuum}', 'info') WHERE rule = 'vacuum_overdue'),
          NULL::text[], 'the fixes end the findings');
SELECT is((SELECT count(*) FROM options_before b JOIN pg_class c USING (oid)
           WHERE c.reloptions::text LIKE '%autovacuum_enabled=%'
             AND c.oid IN ('bad'::regclass, 'mv'::regclass, 'tree_12'::regclass,
                           (SELECT reltoastrelid FROM pg_class WHERE oid = 'wide'::regclass))),
          0::bigint, 'and switch autovacuum on');
SELECT command FROM before, unnest(string_to_array(undo, E';\n')) AS command \gexec
SELECT is((SELECT array_agg(b.oid::regclass) FROM options_before b JOIN pg_class c USING (oid)
           WHERE (SELECT array_agg(x ORDER BY x) FROM unnest(c.reloptions) x)
                 IS DISTINCT FROM (SELECT array_agg(x ORDER BY x) FROM unnest(b.reloptions) x)),
          NULL::regclass[], 'which the undos switch off, as it was');

SELECT * FROM finish();
