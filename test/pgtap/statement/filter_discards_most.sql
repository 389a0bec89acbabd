-- filter_discards_most: statements that read much of a table to keep little are
-- reported with the columns by which they look; those that need what they read,
-- small tables, rare ones and what foreign keys run are not. An index ends it.
\ir ../rule.psql
SELECT plan(24);

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

SELECT matches(detail, '^It reads 90,000 rows of public.visit a call to keep 180 by \("Shop", at\) \(in 6 of 6 executions that were counted\); 6 calls of [\d.]+ ms on average, \d+ s an hour: SELECT id AS one',
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
SELECT ok(caution ~ '\("Shop", kind\)' AND caution ~ 'visit_kind begins with one of these columns already', 'an index that does not suffice is named')
FROM test.finding('filter_discards_most', test.named('AS narrowed'));
SELECT ok(caution ~ '^visit_kind finds rows by \(kind\) already; what throws them away is', 'and one that does all it can')
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

\set seen 'SELECT jsonb_agg(jsonb_build_array(r.object, r.caution, r.severity, r.evidence -> ''rows_removed'') ORDER BY r.object) FROM dbadvisor.recommendations(''{statement}'', ''info'') r WHERE r.rule = ''filter_discards_most'''
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

SELECT * FROM finish();
