-- freeze_age: a table (with its TOAST table and partitions) that autovacuum
-- should long have frozen is reported, one that is young or within its limit is
-- not, and VACUUM (FREEZE) ends it. Databases are reported by the same measure.
\ir ../rule.psql
SELECT plan(21);

CREATE TABLE bad (id int, doc text);
CREATE TABLE "Od;d ""'€" (id int);
CREATE TABLE in_time (id int);
CREATE TABLE wide (id int, doc text);
CREATE TABLE locked_rows (id int PRIMARY KEY);
CREATE TABLE tree (id int) PARTITION BY RANGE (id);
CREATE TABLE tree_1 PARTITION OF tree FOR VALUES FROM (0) TO (20) PARTITION BY RANGE (id);
CREATE TABLE tree_11 PARTITION OF tree_1 FOR VALUES FROM (0) TO (10);
CREATE TABLE tree_12 PARTITION OF tree_1 FOR VALUES FROM (10) TO (20);
CREATE MATERIALIZED VIEW mv AS SELECT 1 AS one;
INSERT INTO bad VALUES (1);
INSERT INTO locked_rows VALUES (1);
CREATE TEMP TABLE of_session (id int);

-- 130 000 transactions go by.
DO $$
BEGIN
    FOR i IN 1 .. 130000 LOOP
        PERFORM pg_current_xact_id();
        COMMIT;
    END LOOP;
END $$;
CREATE TABLE young (id int);

-- 13 000 times two transactions share the lock of a row.
DO $$
BEGIN
    FOR i IN 1 .. 13000 LOOP
        PERFORM FROM locked_rows FOR KEY SHARE;
        BEGIN
            PERFORM FROM locked_rows FOR SHARE;
            RAISE EXCEPTION 'give the lock back';
        EXCEPTION WHEN raise_exception THEN
            NULL;
        END;
        COMMIT;
    END LOOP;
END $$;

SELECT is((SELECT array_agg(object) FROM dbadvisor.recommendations('{vacuum}', 'info') WHERE rule = 'freeze_age'),
          NULL::text[], 'nothing is old by the default limits');

-- Limits low enough are set in transactions only: autovacuum would come at once.
CREATE PROCEDURE test.lower_limits() LANGUAGE sql AS $$
    ALTER TABLE bad SET (autovacuum_freeze_max_age = 100000, autovacuum_enabled = off);
    ALTER TABLE "Od;d ""'€" SET (autovacuum_freeze_max_age = 100000);
    ALTER TABLE young SET (autovacuum_freeze_max_age = 100000);
    ALTER TABLE in_time SET (autovacuum_freeze_max_age = 170000);
    ALTER TABLE wide SET (toast.autovacuum_freeze_max_age = 100000);
    ALTER TABLE tree_11 SET (autovacuum_freeze_max_age = 100000);
    ALTER TABLE tree_12 SET (autovacuum_freeze_max_age = 100000);
    ALTER MATERIALIZED VIEW mv SET (autovacuum_freeze_max_age = 100000);
    ALTER TABLE locked_rows SET (autovacuum_multixact_freeze_max_age = 10000);
$$;
CREATE PROCEDURE test.reset_limits() LANGUAGE sql AS $$
    ALTER TABLE bad RESET (autovacuum_freeze_max_age, autovacuum_enabled);
    ALTER TABLE "Od;d ""'€" RESET (autovacuum_freeze_max_age);
    ALTER TABLE young RESET (autovacuum_freeze_max_age);
    ALTER TABLE in_time RESET (autovacuum_freeze_max_age);
    ALTER TABLE wide RESET (toast.autovacuum_freeze_max_age);
    ALTER TABLE tree_11 RESET (autovacuum_freeze_max_age);
    ALTER TABLE tree_12 RESET (autovacuum_freeze_max_age);
    ALTER MATERIALIZED VIEW mv RESET (autovacuum_freeze_max_age);
    ALTER TABLE locked_rows RESET (autovacuum_multixact_freeze_max_age);
$$;
BEGIN;
CALL test.lower_limits();
SELECT ok(test.found('freeze_age', 'public.bad'), 'a table older than its limit is reported');
SELECT ok(test.found('freeze_age', 'public."Od;d ""''€"'), 'whatever its name');
SELECT ok(test.found('freeze_age', 'public.mv'), 'a materialized view, too');
SELECT ok(NOT test.found('freeze_age', 'public.young'), 'a young one is not');
SELECT ok(NOT test.found('freeze_age', 'public.in_time'), 'nor one for which autovacuum is not late');
SELECT ok(detail LIKE 'Its TOAST table is old%', 'an old TOAST table belongs to its table')
FROM test.finding('freeze_age', 'public.wide');
SELECT ok(detail LIKE '%row locks not cleared for 13,%', 'shared row locks count as well')
FROM test.finding('freeze_age', 'public.locked_rows');
SELECT ok(detail LIKE '2 partitions are old, the oldest is public.tree_11: %'
          AND fix = E'VACUUM (FREEZE) public.tree_11;\nVACUUM (FREEZE) public.tree_12;', 'partitions are reported together')
FROM test.finding('freeze_age', 'public.tree');
SELECT is(severity || ' ' || (evidence ->> 'freeze_max_age') || ' ' || ((evidence ->> 'xids')::int > 130000), 'warning 100000 true',
          'the evidence has the numbers')
FROM test.finding('freeze_age', 'public.bad');
SELECT is(array_agg(found ->> 'severity'), '{notice}', 'a big table is announced before it is late')
FROM test.rows_with('freeze_age', '1024::bigint * 1024 * 1024 AS min_notice_bytes', '0 AS min_notice_bytes') found
WHERE (found ->> 'objid')::oid = 'in_time'::regclass;
SELECT is(array_agg(concat(found ->> 'severity', ' ', found ->> 'fix')), '{critical VACUUM public.bad;}',
          'an age that endangers the server is critical, and VACUUM does only what it must')
FROM test.rows_with('freeze_age', '1600000000::bigint AS critical_age', '130000 AS critical_age') found
WHERE (found ->> 'objid')::oid = 'bad'::regclass;
SELECT is(count(*) FILTER (WHERE found ->> 'objid' <> (SELECT oid::text FROM pg_database WHERE datname = current_database())),
          3::bigint, 'of many tables only the oldest are reported')
FROM test.rows_with('freeze_age', '20 AS max_tables', '3 AS max_tables') found;
SELECT is((SELECT jsonb_agg(found - 'confidence' ORDER BY found ->> 'objid') FROM test.rows_with('freeze_age') found),
          (SELECT jsonb_agg(found - 'confidence' ORDER BY found ->> 'objid') FROM test.rows_with('freeze_age') found),
          'a second run says the same');

SELECT md5(string_agg(concat(object, detail, severity, fix, caution, evidence), '' ORDER BY rank)) AS as_superuser
FROM dbadvisor.recommendations('{vacuum}', 'info') WHERE rule = 'freeze_age' \gset
SET ROLE pg_monitor;
SELECT md5(string_agg(concat(object, detail, severity, fix, caution, evidence), '' ORDER BY rank)) AS as_monitor
FROM dbadvisor.recommendations('{vacuum}', 'info') WHERE rule = 'freeze_age' \gset
RESET ROLE;
SELECT is(:'as_monitor'::text, :'as_superuser'::text, 'pg_monitor gets the same findings');
SELECT ok(bool_and(found ->> 'detail' ~ '^[0-9]+ tables are too old, of which the 3 oldest are reported'
                   AND found ->> 'fix' = 'VACUUM (FREEZE);') AND count(*) = 1, 'and the database says that there are more')
FROM test.rows_with('freeze_age', '20 AS max_tables', '3 AS max_tables', '1.25 AS warning_share', '0.0000001 AS warning_share') found
WHERE (found ->> 'objid')::oid = (SELECT oid FROM pg_database WHERE datname = current_database());
CREATE TABLE fixes AS
    SELECT object, fix FROM dbadvisor.recommendations('{vacuum}', 'info') WHERE rule = 'freeze_age';
CALL test.reset_limits();
COMMIT;

SELECT command FROM fixes, unnest(string_to_array(fix, E';\n')) AS command \gexec
BEGIN;
CALL test.lower_limits();
SELECT is((SELECT array_agg(object) FROM dbadvisor.recommendations('{vacuum}', 'info') WHERE rule = 'freeze_age'),
          NULL::text[], 'the fixes end the findings');
CALL test.reset_limits();
COMMIT;

-- Databases, with a limit that each of them exceeds.
\set databases 'test.rows_with(''freeze_age'', ''1.25 AS warning_share'', ''0.0000001 AS warning_share'') found JOIN pg_database d ON d.oid = (found ->> ''objid'')::oid'
SELECT ok(bool_and(found ->> 'fix' IS NULL AND found ->> 'caution' LIKE 'Nobody can connect%')
          AND count(*) = 1, 'template0 is reported, though nobody can connect')
FROM :databases WHERE datname = 'template0';
SELECT ok(bool_and(found ->> 'fix' IS NULL AND found ->> 'caution' LIKE 'Connect to that database%')
          AND count(*) = 1, 'other databases are fixed from within')
FROM :databases WHERE datname = 'postgres';
SELECT ok(bool_and(found ->> 'fix' ~ '^VACUUM \(FREEZE\) pg_catalog[.]') AND count(*) = 1,
          'this one by its oldest table, whatever that is')
FROM :databases WHERE datname = current_database();
SELECT format('VACUUM (FREEZE) %s', oid::regclass) FROM pg_class
WHERE relkind IN ('r', 'm') AND relpersistence <> 't' \gexec
SELECT ok(bool_and(found ->> 'fix' IS NULL AND found ->> 'detail' LIKE 'The oldest is pg_temp_%, a temporary table;%') AND count(*) = 1,
          'unless that is a temporary table')
FROM :databases WHERE datname = current_database();

SELECT * FROM finish();
