-- duplicate_index: of equal indexes all but the one that matters most are
-- reported; the fix leaves that one, and the undo brings the others back.
\ir ../rule.psql
SELECT plan(33);

CREATE TABLE t (id int PRIMARY KEY, a int, b int, c text, d text, e int)
    WITH (autovacuum_enabled = false);
INSERT INTO t SELECT i, i, i, i, i, i FROM generate_series(1, 60000) i;

-- Twice the same, the second of them used; and one that merely begins so.
CREATE INDEX t_a ON t (a);
CREATE INDEX t_a_used ON t (a);
CREATE INDEX t_a_b ON t (a, b);
ANALYZE t;
BEGIN;
DROP INDEX t_a, t_a_b;
SELECT count(*) FROM t WHERE a = 5;
ROLLBACK;
-- Three times the same, whatever the names.
CREATE INDEX "B ""1;" ON t (b) INCLUDE (e);
CREATE INDEX "B
2" ON t (b) INCLUDE (e) WITH (fillfactor = 50);
CREATE INDEX t_b_3 ON t (b) INCLUDE (e);
-- A unique one beside a plain one that is older; one that orders the table.
CREATE INDEX t_c ON t (c);
CREATE UNIQUE INDEX t_c_unique ON t (c);
CREATE UNIQUE INDEX t_d_older ON t (d);
CREATE UNIQUE INDEX t_d ON t (d);
CLUSTER t USING t_d;
-- Alike, but not the same.
CREATE INDEX t_e ON t (e);
CREATE INDEX t_e_desc ON t (e DESC NULLS LAST);
CREATE INDEX t_e_partial ON t (e) WHERE e > 5;
CREATE INDEX t_e_hash ON t USING hash (e);
:flush

SELECT ok(test.found('duplicate_index', 'public.t_a'), 'the one that is not used is reported');
SELECT ok(NOT test.found('duplicate_index', 'public.t_a_used'), 'the one that is used is kept, though younger');
SELECT is((f.evidence ->> 'keeper', f.fix, f.severity)::text,
          ('public.t_a_used', 'DROP INDEX CONCURRENTLY public.t_a;', 'warning')::text,
          'the finding names what stays and drops what goes')
FROM test.finding('duplicate_index', 'public.t_a') f;
SELECT alike(f.detail, 'The same as public.t_a_used, which stays; it takes % and every write to public.t maintains both.', 'in words too')
FROM test.finding('duplicate_index', 'public.t_a') f;
SELECT ok(f.frees_bytes > 1024 * 1024, 'and says what is freed') FROM test.finding('duplicate_index', 'public.t_a') f;
SELECT ok(NOT test.found('duplicate_index', 'public.t_a_b'), 'an index that merely begins like it is not reported');
SELECT ok(NOT test.found('duplicate_index', 'public."B ""1;"')
          AND test.found('duplicate_index', E'public."B\n2"')
          AND test.found('duplicate_index', 'public.t_b_3'), 'of three the oldest is kept, whatever the names');
SELECT is(f.evidence ->> 'keeper', 'public."B ""1;"', 'which both name')
FROM test.finding('duplicate_index', 'public.t_b_3') f;
SELECT ok(test.found('duplicate_index', 'public.t_c')
          AND NOT test.found('duplicate_index', 'public.t_c_unique'), 'a unique one is kept before an older one');
SELECT ok(test.found('duplicate_index', 'public.t_d_older')
          AND NOT test.found('duplicate_index', 'public.t_d'), 'and the CLUSTER order before either');
SELECT is((SELECT count(*) FROM dbadvisor.recommendations('{index}', 'info')
           WHERE rule = 'duplicate_index' AND object LIKE 'public.t_e%'), 0::bigint,
          'another order, predicate or method is another index');

-- Constraints: the primary key stays, UNIQUE goes, unless it is referenced.
-- (Said all in one, the server itself leaves the second out.)
CREATE TABLE keys (id int PRIMARY KEY, "Code ""x" int NOT NULL,
                   CONSTRAINT keys_code UNIQUE ("Code ""x") DEFERRABLE INITIALLY DEFERRED);
ALTER TABLE keys ADD CONSTRAINT "keys id" UNIQUE (id) WITH (fillfactor = 60);
ALTER TABLE keys ADD CONSTRAINT keys_code_2 UNIQUE ("Code ""x") DEFERRABLE INITIALLY DEFERRED;
COMMENT ON CONSTRAINT keys_code_2 ON keys IS 'the second';
CREATE TABLE referenced (id int CONSTRAINT referenced_u UNIQUE);
ALTER TABLE referenced ADD PRIMARY KEY (id);
CREATE TABLE referencing (id int CONSTRAINT "fk !" REFERENCES referenced (id));
CREATE TABLE identity (id int NOT NULL);
CREATE UNIQUE INDEX identity_plain ON identity (id);
CREATE UNIQUE INDEX identity_replica ON identity (id);
ALTER TABLE identity REPLICA IDENTITY USING INDEX identity_replica;
CREATE TABLE locked_in (id int PRIMARY KEY);
CREATE UNIQUE INDEX locked_in_replica ON locked_in (id);
ALTER TABLE locked_in REPLICA IDENTITY USING INDEX locked_in_replica;

SELECT is(f.fix, 'ALTER TABLE public.keys DROP CONSTRAINT "keys id";', 'a UNIQUE beside the primary key is dropped as a constraint')
FROM test.finding('duplicate_index', 'public."keys id"') f;
SELECT is(f.severity, 'notice', 'a small one is worth only a notice')
FROM test.finding('duplicate_index', 'public."keys id"') f;
SELECT ok(NOT test.found('duplicate_index', 'public.keys_pkey'), 'the primary key stays');
SELECT ok(test.found('duplicate_index', 'public.keys_code_2') AND NOT test.found('duplicate_index', 'public.keys_code'),
          'of two constraints the younger goes');
SELECT is((f.severity, f.fix, f.undo)::text, '(info,,)', 'one that a foreign key uses has no fix')
FROM test.finding('duplicate_index', 'public.referenced_u') f;
SELECT alike(f.caution, 'Used by the foreign key "fk !" on public.referencing,%', 'but a reason')
FROM test.finding('duplicate_index', 'public.referenced_u') f;
SELECT ok(test.found('duplicate_index', 'public.identity_plain') AND NOT test.found('duplicate_index', 'public.identity_replica'),
          'the replica identity stays');
SELECT is((SELECT count(*) FROM dbadvisor.recommendations('{index}', 'info')
           WHERE rule = 'duplicate_index' AND object LIKE 'public.locked_in%'), 0::bigint,
          'where neither can go nothing is said');

-- Invalid indexes are another rule's; so are expressions that merely look alike.
CREATE TABLE v (a int, b text, m int);
INSERT INTO v VALUES (1, 'x', 1), (1, 'y', 1);
CREATE INDEX v_a ON v (a);
\set ON_ERROR_STOP 0
CREATE UNIQUE INDEX CONCURRENTLY v_a_invalid ON v (a);
\set ON_ERROR_STOP 1
CREATE INDEX v_lower ON v (lower(b));
CREATE INDEX v_lower_2 ON v (lower(b));
CREATE INDEX v_upper ON v (upper(b));
CREATE MATERIALIZED VIEW mv AS SELECT a FROM v;
CREATE INDEX mv_a ON mv (a);
CREATE INDEX mv_a_2 ON mv (a);
SELECT ok(NOT test.found('duplicate_index', 'public.v_a') AND NOT test.found('duplicate_index', 'public.v_a_invalid'),
          'an invalid index neither stands in nor counts');
SELECT ok(test.found('duplicate_index', 'public.v_lower_2') AND NOT test.found('duplicate_index', 'public.v_upper'),
          'expressions are compared as expressions');
SELECT ok(test.found('duplicate_index', 'public.mv_a_2'), 'a materialized view has indexes too');

-- Partitioned tables, two levels deep, and a partition with one of its own.
CREATE TABLE p (k int, v int) PARTITION BY RANGE (k);
CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (10);
CREATE TABLE p2 PARTITION OF p FOR VALUES FROM (10) TO (20) PARTITION BY RANGE (k);
CREATE TABLE p21 PARTITION OF p2 FOR VALUES FROM (10) TO (20);
CREATE INDEX p_v ON p (v);
CREATE INDEX p_v_2 ON p (v);
CREATE INDEX p21_own ON p21 (v);
SELECT set_eq($$SELECT object FROM dbadvisor.recommendations('{index}', 'info')
                WHERE rule = 'duplicate_index' AND object LIKE 'public.p_%'$$,
              ARRAY['public.p_v_2', 'public.p21_own'],
              'a partitioned index is reported once, and a partition''s own beside an attached one');
SELECT is(f.fix, 'DROP INDEX public.p_v_2;', 'a partitioned index cannot be dropped concurrently')
FROM test.finding('duplicate_index', 'public.p_v_2') f;

-- A partition's own index is the one in use: the attached one may soon go with
-- the whole, so it is no reason to drop this one.
CREATE TABLE q (k int, v int) PARTITION BY RANGE (k);
CREATE TABLE q1 PARTITION OF q FOR VALUES FROM (0) TO (60000) WITH (autovacuum_enabled = false);
INSERT INTO q SELECT i, i FROM generate_series(1, 50000) i;
CREATE INDEX q1_own ON q1 (v);
ANALYZE q1;
SELECT count(*) FROM q1 WHERE v = 5;
CREATE INDEX q_v ON q (v);
:flush
SELECT ok(NOT test.found('duplicate_index', 'public.q1_own'), 'nothing is said of one that is used more than its copy');
DROP INDEX q_v;
CREATE INDEX q_vk ON q (v, k);
SELECT ok(NOT test.found('redundant_index', 'public.q1_own') AND test.found('unused_index', 'public.q_vk'),
          'nor that an unused whole could stand in for it');
DROP TABLE q;

-- The same for everybody, and every time.
CREATE ROLE duplicate_index_monitor IN ROLE pg_monitor;
CREATE TABLE before AS
    SELECT object, detail, fix, undo FROM dbadvisor.recommendations('{index}', 'info') WHERE rule = 'duplicate_index';
GRANT SELECT ON before TO duplicate_index_monitor;
GRANT USAGE ON SCHEMA test TO duplicate_index_monitor;
SET ROLE duplicate_index_monitor;
SELECT set_eq($$SELECT object, detail, fix, undo FROM dbadvisor.recommendations('{index}', 'info') WHERE rule = 'duplicate_index'$$,
              'SELECT * FROM before', 'a role with pg_monitor alone sees the same');
RESET ROLE;
DROP OWNED BY duplicate_index_monitor;
DROP ROLE duplicate_index_monitor;

-- The fixes, and back.
SELECT unnest(string_to_array(fix, E';\n')) FROM before WHERE fix IS NOT NULL \gexec
SELECT is((SELECT array_agg(object) FROM dbadvisor.recommendations('{index}', 'info') WHERE rule = 'duplicate_index'),
          ARRAY['public.referenced_u'], 'the fixes end the findings');
SELECT ok(to_regclass('t_a_used') IS NOT NULL AND to_regclass('"B ""1;"') IS NOT NULL AND to_regclass('t_c_unique') IS NOT NULL
          AND to_regclass('keys_pkey') IS NOT NULL AND to_regclass('p_v') IS NOT NULL, 'and one of each is left');
SELECT unnest(string_to_array(undo, E';\n')) FROM before WHERE undo IS NOT NULL \gexec
SELECT set_eq($$SELECT object, fix, undo FROM dbadvisor.recommendations('{index}', 'info') WHERE rule = 'duplicate_index'$$,
              'SELECT object, fix, undo FROM before', 'the undos bring them all back as they were');
SELECT is(pg_get_constraintdef(oid), 'UNIQUE ("Code ""x") DEFERRABLE INITIALLY DEFERRED', 'constraints with what they say')
FROM pg_constraint WHERE conname = 'keys_code_2';
SELECT is(obj_description(oid), 'the second', 'and with what is said about them')
FROM pg_constraint WHERE conname = 'keys_code_2';
SELECT alike(pg_get_indexdef('"keys id"'::regclass), '%fillfactor=''60''%', 'and how they are stored');

SELECT * FROM finish();
