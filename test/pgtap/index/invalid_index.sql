-- invalid_index: what a failed concurrent build leaves is reported with the
-- command that suits it; what is only being built or dropped is not.
\ir ../rule.psql
SELECT plan(34);
CREATE EXTENSION dblink;

-- An expression that can be made to fail in the middle of a build.
CREATE FUNCTION public.checked(int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    IF current_setting('test.fail', true) = 'on' THEN RAISE EXCEPTION 'as the test wants it'; END IF;
    RETURN $1;
END $$;

-- A unique index over duplicates, with a name to quote.
CREATE TABLE "T ""x" (a int, b int, c text);
INSERT INTO "T ""x" VALUES (1, 1, 'x'), (1, 1, 'x'), (2, NULL, 'x'), (2, NULL, 'x');
-- A plain one that failed, one whose twin is there, what REINDEX left, and TOAST.
CREATE TABLE plain (a int, b int, c text);
INSERT INTO plain VALUES (1, 1, 'x');
CREATE INDEX plain_b ON plain (b);
CREATE INDEX plain_reindexed ON plain (checked(a));
CREATE TABLE dups (a int);
INSERT INTO dups VALUES (1), (1);
CREATE INDEX dups_a ON dups (a);
-- A good one.
CREATE TABLE good (a int PRIMARY KEY);
\set ON_ERROR_STOP 0
CREATE UNIQUE INDEX CONCURRENTLY "U
;" ON "T ""x" (a, b);
SET test.fail = on;
CREATE INDEX CONCURRENTLY plain_failed ON plain (checked(b));
REINDEX TABLE CONCURRENTLY plain;
CREATE INDEX CONCURRENTLY dups_failed ON dups (checked(a));
SET test.fail = off;
CREATE UNIQUE INDEX CONCURRENTLY dups_unique ON dups (a);
\set ON_ERROR_STOP 1
CREATE INDEX dups_checked ON dups (checked(a));

SELECT is((f.fix, f.severity, f.undo)::text, ('REINDEX INDEX CONCURRENTLY public."U
;";', 'warning', NULL)::text, 'a unique index is to be built again')
FROM test.finding('invalid_index', E'public."U\n;"') f;
SELECT alike(f.caution, '%fails as long as there are duplicate rows: find_duplicates in the evidence%', 'which fails while there are duplicates')
FROM test.finding('invalid_index', E'public."U\n;"') f;
SELECT alike(f.detail, '%no query on public."T ""x" can use it.%It keeps nothing unique.', 'and until then keeps nothing unique')
FROM test.finding('invalid_index', E'public."U\n;"') f;
SELECT f.evidence ->> 'find_duplicates' AS find_duplicates
FROM test.finding('invalid_index', E'public."U\n;"') f \gset
CREATE TABLE duplicates AS SELECT 0 AS a, 0 AS b, 0::bigint AS n WITH NO DATA;
SELECT format('INSERT INTO duplicates %s', :'find_duplicates') \gexec
SELECT results_eq('TABLE duplicates', 'VALUES (1, 1, 2::bigint)', 'the query in the evidence finds them, and not the rows with nulls');

SELECT is((f.fix, f.severity)::text, ('REINDEX INDEX CONCURRENTLY public.plain_failed;', 'warning')::text, 'so is a plain one')
FROM test.finding('invalid_index', 'public.plain_failed') f;
SELECT unalike(f.caution, '%duplicate%', 'to which duplicates are no matter')
FROM test.finding('invalid_index', 'public.plain_failed') f;
SELECT is((f.fix, f.severity)::text, ('DROP INDEX CONCURRENTLY public.plain_reindexed_ccnew;', 'notice')::text, 'what REINDEX left is to be dropped')
FROM test.finding('invalid_index', 'public.plain_reindexed_ccnew') f;
SELECT is((f.fix, f.evidence ->> 'twin')::text, ('DROP INDEX CONCURRENTLY public.dups_failed;', 'public.dups_checked')::text, 'and one that has an equal')
FROM test.finding('invalid_index', 'public.dups_failed') f;
SELECT is(f.fix, 'REINDEX INDEX CONCURRENTLY public.dups_unique;', 'but a plain index is no equal of a unique one')
FROM test.finding('invalid_index', 'public.dups_unique') f;
SELECT is((SELECT fix FROM dbadvisor.recommendations('{index}', 'info') WHERE rule = 'invalid_index' AND object LIKE 'pg_toast.%'),
          format('DROP INDEX CONCURRENTLY pg_toast.pg_toast_%s_index_ccnew;', 'plain'::regclass::oid), 'REINDEX leaves something in TOAST as well');
SELECT is((SELECT count(*) FROM dbadvisor.recommendations('{index}', 'info') WHERE rule = 'invalid_index'), 7::bigint,
          'that is all: valid indexes are not reported');

-- Built far enough that every write maintains it: stop a build that waits.
SELECT dblink_connect('other', format('dbname=%L host=%L port=%s user=postgres', current_database(),
                                      split_part(current_setting('unix_socket_directories'), ',', 1), current_setting('port')));
CREATE TABLE busy (a int, b int);
INSERT INTO busy SELECT i, i FROM generate_series(1, 1000) i;
CREATE INDEX busy_b ON busy (b);
CREATE FUNCTION test.wait_for(condition text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    done boolean;
BEGIN
    FOR i IN 1 .. 500 LOOP
        EXECUTE format('SELECT %s', condition) INTO done;
        IF done THEN RETURN true; END IF;
        PERFORM pg_sleep(0.02);
    END LOOP;
    RETURN false;
END $$;

-- The build waits for the transactions of this session, so each must be short.
CREATE PROCEDURE test.wait_until_idle() LANGUAGE plpgsql AS $$
BEGIN
    FOR i IN 1 .. 500 LOOP
        EXIT WHEN dblink_is_busy('other') = 0;
        PERFORM pg_sleep(0.02);
        COMMIT;
    END LOOP;
END $$;

BEGIN;
INSERT INTO busy VALUES (0, 0);
SELECT dblink_send_query('other', 'CREATE INDEX CONCURRENTLY busy_a ON busy (a)');
SELECT ok(test.wait_for($$EXISTS (SELECT FROM pg_index WHERE indexrelid = to_regclass('busy_a') AND NOT indisvalid)$$), 'a build is in progress');
SELECT ok(NOT test.found('invalid_index', 'public.busy_a'), 'an index that is being built is not reported');
COMMIT;
CALL test.wait_until_idle();
SELECT * FROM dblink_get_result('other') AS r(status text);
SELECT * FROM dblink_get_result('other') AS r(status text);
SELECT ok((SELECT indisvalid FROM pg_index WHERE indexrelid = 'busy_a'::regclass) AND NOT test.found('invalid_index', 'public.busy_a'),
          'nor is it when it has been built');

-- A build that ends after the query has taken its snapshot.
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT ok(test.found('invalid_index', 'public.plain_failed'), 'an index is invalid');
SELECT dblink_exec('other', $$UPDATE pg_index SET indisvalid = true WHERE indexrelid = 'plain_failed'::regclass$$);
SELECT ok(NOT test.found('invalid_index', 'public.plain_failed'), 'and is no longer, whatever an older snapshot sees');
COMMIT;
SELECT dblink_exec('other', $$UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'plain_failed'::regclass$$);

BEGIN;
INSERT INTO busy VALUES (0, 0);
SELECT dblink_send_query('other', 'DROP INDEX CONCURRENTLY busy_a');
SELECT ok(test.wait_for($$EXISTS (SELECT FROM pg_index WHERE indexrelid = to_regclass('busy_a') AND NOT indisvalid)$$), 'a drop is in progress');
SELECT ok(NOT test.found('invalid_index', 'public.busy_a'), 'an index that is being dropped is not reported');
SELECT dblink_cancel_query('other');
SELECT test.wait_for('dblink_is_busy(''other'') = 0');
COMMIT;
SELECT * FROM dblink_get_result('other', false) AS r(status text);
SELECT * FROM dblink_get_result('other') AS r(status text);
SELECT dblink_disconnect('other');
SELECT alike(f.detail, '%Every write maintains it all the same; it takes %', 'one whose drop was cancelled is, for every write maintains it')
FROM test.finding('invalid_index', 'public.busy_a') f;
UPDATE pg_index SET indislive = false, indisready = false WHERE indexrelid = 'busy_a'::regclass;
SELECT is((f.fix, f.severity)::text, ('DROP INDEX CONCURRENTLY public.busy_a;', 'notice')::text, 'and if it is half gone, then drop it')
FROM test.finding('invalid_index', 'public.busy_a') f;

-- Partitioned: parts missing, broken, unattached, on two levels, of one name.
CREATE TABLE part (k int, v int) PARTITION BY RANGE (k);
CREATE TABLE part_0 PARTITION OF part FOR VALUES FROM (0) TO (10);
CREATE TABLE part_1 PARTITION OF part FOR VALUES FROM (10) TO (20);
CREATE TABLE part_2 PARTITION OF part FOR VALUES FROM (20) TO (30) PARTITION BY RANGE (k);
CREATE TABLE "a partition with a very long name, longer than names may be, 1" PARTITION OF part_2 FOR VALUES FROM (20) TO (25);
CREATE TABLE "a partition with a very long name, longer than names may be, 2" PARTITION OF part_2 FOR VALUES FROM (25) TO (30);
INSERT INTO part SELECT i, i FROM generate_series(0, 29) i;
CREATE INDEX "Part v" ON ONLY part (checked(v) DESC) WHERE k > 0;
CREATE INDEX "own one" ON part_0 (checked(v) DESC) WHERE k > 0;
\set ON_ERROR_STOP 0
SET test.fail = on;
CREATE INDEX CONCURRENTLY part_1_v ON part_1 (checked(v) DESC) WHERE k > 0;
SET test.fail = off;
\set ON_ERROR_STOP 1
ALTER INDEX "Part v" ATTACH PARTITION part_1_v;
SELECT is((SELECT array_agg(object::text) FROM dbadvisor.recommendations('{index}', 'info') WHERE rule = 'invalid_index' AND object ~* 'part'),
          ARRAY['public."Part v"'], 'a partitioned index is reported as a whole, once');
SELECT is((f.evidence ->> 'partitions', f.undo)::text, '(4,)', 'for the partitions that it has')
FROM test.finding('invalid_index', 'public."Part v"') f;
SELECT alike(f.fix, '%REINDEX INDEX CONCURRENTLY public.part_1_v;%CREATE INDEX CONCURRENTLY %CREATE INDEX CONCURRENTLY %ATTACH PARTITION public."own one";%', 'parts are rebuilt, made and attached')
FROM test.finding('invalid_index', 'public."Part v"') f;

CREATE TABLE keyed (k int, v int) PARTITION BY RANGE (k);
CREATE TABLE keyed_1 PARTITION OF keyed FOR VALUES FROM (0) TO (10);
ALTER TABLE ONLY keyed ADD CONSTRAINT keyed_key UNIQUE (k);
SELECT is(f.fix, NULL, 'one of a constraint has no script')
FROM test.finding('invalid_index', 'public.keyed_key') f;
SELECT alike(f.caution, 'It belongs to the constraint keyed_key.%', 'but an explanation')
FROM test.finding('invalid_index', 'public.keyed_key') f;
DROP TABLE keyed;

CREATE EXTENSION postgres_fdw;
CREATE SERVER nowhere FOREIGN DATA WRAPPER postgres_fdw;
CREATE TABLE far (k int) PARTITION BY RANGE (k);
CREATE FOREIGN TABLE far_1 PARTITION OF far FOR VALUES FROM (0) TO (10) SERVER nowhere;
CREATE INDEX far_k ON ONLY far (k);
SELECT ok(f.fix IS NULL AND f.caution LIKE '%Foreign tables can have no part of it.', 'nor one with a foreign table')
FROM test.finding('invalid_index', 'public.far_k') f;
DROP TABLE far;

-- The same for everybody.
CREATE ROLE invalid_index_monitor IN ROLE pg_monitor;
CREATE TABLE before AS
    SELECT object, detail, fix FROM dbadvisor.recommendations('{index}', 'info') WHERE rule = 'invalid_index';
GRANT SELECT ON before TO invalid_index_monitor;
SET ROLE invalid_index_monitor;
SELECT set_eq($$SELECT object, detail, fix FROM dbadvisor.recommendations('{index}', 'info') WHERE rule = 'invalid_index'$$,
              'SELECT * FROM before', 'a role with pg_monitor alone sees the same');
RESET ROLE;
DROP OWNED BY invalid_index_monitor;
DROP ROLE invalid_index_monitor;

-- With the duplicates away the fixes work.
DELETE FROM "T ""x" WHERE ctid = '(0,1)';
DELETE FROM dups WHERE ctid = '(0,1)';
SELECT unnest(string_to_array(fix, E';\n')) FROM before \gexec
SELECT is((SELECT count(*) FROM dbadvisor.recommendations('{index}', 'info') WHERE rule = 'invalid_index'), 0::bigint, 'the fixes end the findings');
SELECT is((SELECT count(*) FROM pg_index WHERE NOT indisvalid), 0::bigint, 'no index is invalid any more');
SELECT ok((SELECT bool_and(indisvalid) FROM pg_index WHERE indexrelid IN ('"Part v"'::regclass, E'"U\n;"'::regclass, 'dups_unique'::regclass, 'plain_failed'::regclass)),
          'and those that were wanted are there');
SELECT is((SELECT count(*) FROM pg_partition_tree('"Part v"')), 6::bigint, 'the partitioned one with a part on each partition');
SELECT throws_ok('INSERT INTO dups VALUES (1)', '23505', NULL, 'the unique one keeps rows unique again');

-- Only the last step was forgotten: everything is there and valid, but not attached anew.
UPDATE pg_index SET indisvalid = false WHERE indexrelid IN ('"Part v"'::regclass, 'part_2_expr_idx'::regclass);
SELECT alike(f.fix, 'ALTER INDEX public.part_2_expr_idx ATTACH PARTITION %', 'where all parts are valid they are attached again') FROM test.finding('invalid_index', 'public."Part v"') f;
SELECT test.commands('invalid_index', 'public."Part v"', 'fix') \gexec
SELECT ok((SELECT indisvalid FROM pg_index WHERE indexrelid = '"Part v"'::regclass), 'which makes the whole valid');

SELECT * FROM finish();
