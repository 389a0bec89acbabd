-- filter_discards_most: statements that read much of a table to keep little are
-- reported with the columns by which they look; those that need what they read,
-- small tables, rare ones and what foreign keys run are not. An index ends it.
\ir ../rule.psql
SELECT plan(50);

SET dbadvisor.overhead_target = 100;
SET max_parallel_workers_per_gather = 0;
CREATE TABLE shop (id int PRIMARY KEY);
INSERT INTO shop SELECT generate_series(1, 100);
CREATE TABLE visit (id int PRIMARY KEY, "Shop" int REFERENCES shop ON DELETE CASCADE, at timestamp, kind text, page text);
INSERT INTO visit
SELECT i, 1 + i % 100, timestamp '2026-01-01' + i * interval '1 minute', 'kind ' || i % 3, md5(i::text) || repeat('x', 60)
FROM generate_series(1, 90000) i;
CREATE INDEX visit_kind ON visit (kind);
CREATE TABLE little (id int, kind int);
INSERT INTO little SELECT i, i FROM generate_series(1, 4000) i;
:flush
VACUUM ANALYZE visit, little, shop;

CREATE FUNCTION test.named(part text) RETURNS text LANGUAGE sql VOLATILE AS $$
    SELECT 'statement ' || max(queryid)
    FROM dbadvisor.statement_totals
    WHERE position(part IN query) > 0
$$;
CREATE FUNCTION test.has_fact(part text) RETURNS boolean LANGUAGE sql VOLATILE AS $$
    SELECT EXISTS (SELECT
                   FROM dbadvisor.statement_facts
                   WHERE kind = 'filter'
                     AND 'statement ' || queryid = test.named(part)
                     AND dbid = (SELECT oid FROM pg_database WHERE datname = current_database()))
$$;

\set one 'SELECT id AS one FROM visit WHERE "Shop" = 7 AND at >= ''2026-02-20'''
\o /dev/null
SELECT :'one' FROM generate_series(1, 6) \gexec
SELECT 'SELECT s.id, v.at AS joined FROM shop s JOIN visit v ON v."Shop" = s.id WHERE v.page = ''none'' AND s.id > 5' FROM generate_series(1, 6) \gexec
SELECT 'SELECT at AS pattern FROM visit WHERE page LIKE ''%aaaaa%''' FROM generate_series(1, 6) \gexec
SELECT 'SELECT page AS narrowed FROM visit WHERE kind = ''kind 1'' AND "Shop" = 8' FROM generate_series(1, 6) \gexec
SELECT 'SELECT id, at, page AS behind FROM visit WHERE kind = ''kind 1'' AND page LIKE ''%aaaaa%''' FROM generate_series(1, 6) \gexec
SET enable_indexscan = off;
SET enable_bitmapscan = off;
SELECT 'SELECT id, kind AS otherwise FROM visit WHERE id = 77' FROM generate_series(1, 6) \gexec
RESET enable_indexscan;
RESET enable_bitmapscan;
SELECT 'UPDATE visit SET page = page WHERE "Shop" = 1 AND at < ''2026-01-02''' FROM generate_series(1, 6) \gexec
SELECT 'SELECT count(*) AS counted FROM visit' FROM generate_series(1, 6) \gexec
SELECT 'SELECT kind AS many FROM visit WHERE "Shop" < 20' FROM generate_series(1, 6) \gexec
SELECT 'SELECT id, at AS found FROM visit WHERE id = 5' FROM generate_series(1, 6) \gexec
SELECT 'SELECT id AS little FROM little WHERE kind = 5' FROM generate_series(1, 100) \gexec
SELECT 'SELECT id, page AS seldom FROM visit WHERE "Shop" = 7' FROM generate_series(1, 2) \gexec
SELECT format('DELETE FROM shop WHERE id = %s', g) FROM generate_series(90, 96) g \gexec
SELECT 'SELECT relname AS catalog FROM pg_class a, pg_attribute b WHERE attname = ''x'' AND relname = ''y''' FROM generate_series(1, 6) \gexec
\o

SELECT ok(test.found('filter_discards_most', test.named('AS one')), 'a statement that reads all to keep little is reported');
SELECT ok(test.found('filter_discards_most', test.named('AS joined')), 'so is one that joins what is left');
SELECT ok(test.found('filter_discards_most', test.named('AS pattern')), 'so is a search for a pattern');
SELECT ok(test.found('filter_discards_most', test.named('UPDATE visit')), 'so is an UPDATE');
SELECT ok(NOT test.found('filter_discards_most', test.named('AS counted')), 'counting all is not');
SELECT ok(NOT test.found('filter_discards_most', test.named('AS many')), 'nor what needs a fifth');
SELECT ok(NOT test.found('filter_discards_most', test.named('AS found')), 'nor what an index finds');
SELECT ok(test.has_fact('AS little')
          AND NOT EXISTS (SELECT FROM test.rows_with('filter_discards_most', '10 * 1000 AS min_ms', '0 AS min_ms') found
                          WHERE found ->> 'object' = test.named('AS little')), 'nor a small table');
SELECT ok(test.has_fact('AS seldom') AND NOT test.found('filter_discards_most', test.named('AS seldom')), 'nor what was seen twice');
SELECT ok((SELECT count(*) > 0
           FROM dbadvisor.statement_facts f
           JOIN dbadvisor.statement_columns c USING (queryid, userid, dbid, toplevel)
           WHERE f.kind = 'filter' AND c.referential AND f.relation = 'visit'::regclass)
          AND NOT EXISTS (SELECT FROM dbadvisor.recommendations('{statement}', 'info')
                          WHERE rule = 'filter_discards_most' AND detail ~ 'ONLY'), 'nor what a foreign key runs');
SELECT is_empty($$SELECT detail FROM dbadvisor.recommendations('{statement}', 'info')
                  WHERE rule = 'filter_discards_most' AND detail ~ 'pg_catalog|AS catalog'$$, 'nor catalogs');

SELECT matches(detail, '^It reads 90,000 rows of public.visit a call to keep 180, chosen by "Shop", at \(in 6 of 6 executions that were counted\); 6 calls of [\d.]+ ms on average, [\d.]+ (ms|s|minutes|hours) an hour: SELECT id AS one',
               'the sentence says what is read for what')
FROM test.finding('filter_discards_most', test.named('AS one'));
SELECT ok(caution ~ '^An index on public.visit \("Shop", at\) would lead' AND fix IS NULL
          AND evidence @> '{"rows_kept": 180.0, "rows_removed": 89820.0, "scans": 1.0, "sequential": true, "executions": 6}',
          'the caution which columns an index would need: those compared for equality first')
FROM test.finding('filter_discards_most', test.named('AS one'));
SELECT ok(caution ~ '^An index on public.visit \(page\) ', 'also of a join')
FROM test.finding('filter_discards_most', test.named('AS joined'));
SELECT ok(caution ~ '^No column is compared as it is', 'a pattern is said to be none')
FROM test.finding('filter_discards_most', test.named('AS pattern'));
SELECT ok(caution ~ '\("Shop", kind\)' AND caution ~ 'visit_kind is on one of these columns already', 'an index that does not suffice is named')
FROM test.finding('filter_discards_most', test.named('AS narrowed'));
SELECT ok(caution ~ '^visit_kind finds rows already; what throws them away is', 'and one that does all it can')
FROM test.finding('filter_discards_most', test.named('AS behind'));
SELECT ok(test.has_fact('AS otherwise') AND NOT test.found('filter_discards_most', test.named('AS otherwise')),
          'where the index is there and the planner chose otherwise nothing is advised');
SELECT is(found ->> 'severity', 'warning', 'a large share of the time is a warning')
FROM test.rows_with('filter_discards_most', '360 * 1000', '0') found
WHERE found ->> 'object' = test.named('AS one');
SELECT ok(EXISTS (SELECT FROM test.rows_with('filter_discards_most', '10 * 1000 AS min_ms', '0 AS min_ms', '360 * 1000', '0') found
                  WHERE found ->> 'object' = test.named('AS little')), 'and then a small table matters too');
SET dbadvisor.min_window = '7d';
SELECT is(severity, 'info', 'in the first hour it is only for the record')
FROM test.finding('filter_discards_most', test.named('AS one'));
SET dbadvisor.min_window = 0;

\set seen 'SELECT jsonb_agg(jsonb_build_array(r.object, r.caution, r.evidence -> ''rows_removed'') ORDER BY r.object) FROM dbadvisor.recommendations(''{statement}'', ''info'') r WHERE r.rule = ''filter_discards_most'''
SELECT (:seen) AS as_superuser \gset
SET ROLE pg_monitor;
SELECT (:seen) AS as_monitor \gset
RESET ROLE;
SELECT is(:'as_monitor'::jsonb, :'as_superuser'::jsonb, 'pg_monitor is told the same');

CREATE INDEX visit_shop_at ON visit ("Shop", at);
SELECT ok(NOT test.found('filter_discards_most', test.named('AS one'))
          AND test.found('filter_discards_most', test.named('AS pattern')), 'an index built since ends the finding, and only that');
\o /dev/null
SELECT :'one' FROM generate_series(1, 6) \gexec
\o
SELECT ok(NOT test.found('filter_discards_most', test.named('AS one')), 'and the statement, run again, does not bring it back');

-- What advice is right depends on the condition; all of it is tried below.
CREATE COLLATION test.words (provider = libc, locale = 'C.UTF-8');
CREATE TABLE task (id int PRIMARY KEY, created timestamp, name text COLLATE test.words, "Code" varchar(20), byte text COLLATE "C",
                   done boolean, processed_at timestamp, tags text[], doc jsonb, span int4range, pad text);
INSERT INTO task
SELECT i, timestamp '2026-01-01' + i * interval '1 minute', 'n' || i, 'c' || i, 'b' || i, i % 1000 <> 0,
       CASE WHEN i % 1000 <> 0 THEN now() END, ARRAY['t' || i % 5000], jsonb_build_object('a', i % 5000),
       int4range(i, i + 2), repeat('x', 150)
FROM generate_series(1, 60000) i;
CREATE TABLE measure (id int, k int, pad text) PARTITION BY RANGE (id);
SELECT format('CREATE TABLE measure_%1$s (gone int, pad text, k int, id int);
ALTER TABLE measure_%1$s DROP COLUMN gone;
ALTER TABLE measure ATTACH PARTITION measure_%1$s FOR VALUES FROM (%2$s) TO (%3$s)', g, g * 500, g * 500 + 500)
FROM generate_series(0, 119) g \gexec
INSERT INTO measure SELECT i, i % 3000, repeat('x', 200) FROM generate_series(0, 59999) i;
:flush
VACUUM ANALYZE task, measure;

CREATE TABLE cases (label text, condition text, advice text, index text);
INSERT INTO cases VALUES
    ('like_words', 'name LIKE ''n123%''', '^An index on public.task \(name text_pattern_ops\) would', '(name text_pattern_ops)'),
    ('like_code', '"Code" LIKE ''c123%''', '^An index on public.task \("Code" text_pattern_ops\) would', '("Code" text_pattern_ops)'),
    ('like_bytes', 'byte LIKE ''b123%''', '^An index on public.task \(byte\) would', '(byte)'),
    ('code_is', '"Code" = ''c123''', '^An index on public.task \("Code"\) would', '("Code")'),
    ('as_date', 'created::date = ''2026-01-09''', '^An index on created does not serve created::date = \$1; it serves created >= ', NULL),
    ('contains', 'doc @> ''{"a": 77}''', '^A GIN index on public.task \(doc\) would', 'USING gin (doc)'),
    ('has_key', 'doc ? ''zz''', '^A GIN index on public.task \(doc\) would', 'USING gin (doc)'),
    ('contained', 'doc <@ ''{"a": 77}''', '^No column is compared', NULL),
    ('overlaps', 'tags && ''{t77}''', '^A GIN index on public.task \(tags\) would', 'USING gin (tags)'),
    ('spans', 'span @> 77', '^A GiST index on public.task \(span\) would', 'USING gist (span)'),
    ('both_kinds', 'name = ''n5'' AND doc @> ''{"a": 5}''', '^An index on public.task \(name\) would.* For doc it takes a GIN index of its own', '(name)'),
    ('arms', 'created = ''2026-01-09'' OR byte = ''b78''', '^In an OR, each side takes an index of its own; or write it as a UNION.$', NULL),
    ('partly', 'name = ''n78'' AND (created = ''2026-01-09'' OR byte = ''b78'')', '^An index on public.task \(name\) would', '(name)'),
    ('not_done', 'NOT done', '^A partial index on public.task, WHERE NOT done, would', '(id) WHERE NOT done'),
    ('unprocessed', 'processed_at IS NULL', '^A partial index on public.task, WHERE processed_at IS NULL, would', '(id) WHERE processed_at IS NULL'),
    ('open_one', 'NOT done AND name = ''n1000''', '^An index on public.task \(name\) WHERE NOT done would', '(name) WHERE NOT done');
\o /dev/null
SELECT format('SELECT id AS %s FROM task WHERE %s', label, condition) FROM cases, generate_series(1, 5) \gexec
SELECT 'SELECT id AS parts FROM measure WHERE k = 77' FROM generate_series(1, 5) \gexec
\o
-- However little time it took; with an index that was there before, if "aged".
CREATE FUNCTION test.said(part text, aged boolean DEFAULT false) RETURNS jsonb LANGUAGE sql VOLATILE AS $$
    SELECT found
    FROM test.rows_with('filter_discards_most', '10 * 1000 AS min_ms', '0 AS min_ms', '20 AS max_findings', '99 AS max_findings',
                        '> w.last_seen) AS is_newer', CASE WHEN aged THEN '> ''infinity'') AS is_newer'
                                                           ELSE '> w.last_seen) AS is_newer' END) found
    WHERE found ->> 'object' = test.named('AS ' || part || ' ')
$$;
SELECT matches(coalesce(test.said(label) ->> 'caution', 'nothing'), advice, label || ': the advice is right') FROM cases;
SELECT matches(test.said('parts') ->> 'detail', '^It reads 60,000 rows of public.measure a call to keep 20, chosen by k \(in 5 of 5',
               'partitions are one table');
SELECT matches(test.said('parts') ->> 'caution', '^An index on public.measure \(k\) would .* It is partitioned: CREATE INDEX .. ON ONLY public.measure, then CONCURRENTLY on each partition',
               'and the index is one of all of them');
SELECT is_empty($$SELECT found FROM test.rows_with('filter_discards_most', '10 * 1000 AS min_ms', '0 AS min_ms') found
                  WHERE found::text ~ 'measure_'$$, 'never of one');

CREATE FUNCTION test.reads_all(statement text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    plan json;
BEGIN
    EXECUTE 'EXPLAIN (FORMAT JSON) ' || statement INTO plan;
    RETURN plan::text ~ 'Seq Scan';
END $$;
SELECT is_empty($$SELECT label FROM cases WHERE NOT test.reads_all('SELECT id FROM task WHERE ' || condition)$$,
                'without an index all of them read all');
SELECT DISTINCT format('CREATE INDEX ON task %s', index) FROM cases WHERE index IS NOT NULL \gexec
CREATE INDEX ON measure (k);
ANALYZE task;
SELECT bag_eq($$SELECT label FROM cases WHERE test.reads_all('SELECT id FROM task WHERE ' || condition)$$,
              $$SELECT label FROM cases WHERE index IS NULL$$, 'with those that are advised they do not');
SELECT bag_eq('SELECT label FROM cases WHERE test.said(label) IS NOT NULL',
              'SELECT label FROM cases WHERE index IS NULL', 'nor are they reported');
SELECT is(test.said('parts'), NULL, 'nor the partitions');
-- An index that was there before, and was passed over, is no reason to speak; but one
-- that cannot serve is not what is meant.
SELECT bag_eq('SELECT label FROM cases WHERE test.said(label, true) IS NOT NULL',
              $$SELECT label FROM cases WHERE index IS NULL OR label = 'partly'$$, 'whatever their age');
SELECT matches(test.said('partly', true) ->> 'caution', '^task_name_idx.* finds? rows already.*In an OR, each side',
               'an index that serves a part of it is named');
DROP INDEX task_name_idx, task_name_idx1, task_name_idx2;
CREATE INDEX task_name_plain ON task (name);
SELECT matches(test.said('like_words', true) ->> 'caution', '^An index on public.task \(name text_pattern_ops\) would .* task_name_plain is on one',
               'a plain index is none for a pattern');

SELECT * FROM finish();
