-- deep_offset: statements that page deep with OFFSET are reported with what they
-- skip and the columns to page by; first pages, keysets and rare ones are not.
\ir ../rule.psql
SELECT plan(16);

SET dbadvisor.overhead_target = 100;
SET max_parallel_workers_per_gather = 0;
CREATE TABLE post (id int PRIMARY KEY, author int, "Title" text);
INSERT INTO post SELECT i, i % 500, md5(i::text) FROM generate_series(1, 50000) i;
CREATE INDEX post_author_id ON post (author, id);
VACUUM ANALYZE post;

CREATE FUNCTION test.named(part text) RETURNS text LANGUAGE sql VOLATILE AS $$
    SELECT 'statement ' || max(queryid)
    FROM dbadvisor.statement_totals
    WHERE position(part IN query) > 0
$$;

\o /dev/null
SELECT format('SELECT id AS sorted FROM post ORDER BY "Title" DESC, id OFFSET %s LIMIT 10', 4000 * g) FROM generate_series(1, 6) g \gexec
SELECT format('SELECT id, author AS ordered FROM post ORDER BY author, id OFFSET %s LIMIT 10', 200 * g) FROM generate_series(1, 240) g \gexec
SELECT format('SELECT author, id AS shallow FROM post ORDER BY "Title" DESC, id OFFSET %s LIMIT 10', 10 * g) FROM generate_series(0, 6) g \gexec
SELECT format('SELECT *, id AS keyset FROM post WHERE (author, id) > (%s, 7) ORDER BY author, id LIMIT 10', g) FROM generate_series(1, 6) g \gexec
SELECT format('SELECT *, author AS most FROM post ORDER BY "Title" OFFSET %s', 1500) FROM generate_series(1, 6) g \gexec
SELECT format('SELECT author AS seldom FROM post ORDER BY "Title" DESC, id OFFSET %s LIMIT 10', 4000 * g) FROM generate_series(1, 2) g \gexec
SELECT format('SELECT id, id AS once_deep FROM post ORDER BY "Title" DESC, id OFFSET %s LIMIT 10', 20000 * (g / 40)) FROM generate_series(1, 42) g \gexec
SELECT format('SELECT author, author AS empty FROM post WHERE author = -%s ORDER BY "Title" OFFSET 5000 LIMIT 10', g) FROM generate_series(1, 6) g \gexec
\o

SELECT ok(test.found('deep_offset', test.named('AS sorted')), 'deep pages of sorted rows are reported');
SELECT ok(test.found('deep_offset', test.named('AS ordered')), 'so are those in the order of an index');
SELECT ok(NOT test.found('deep_offset', test.named('AS shallow')), 'the first pages are not');
SELECT ok(NOT test.found('deep_offset', test.named('AS keyset')), 'nor is paging by key');
SELECT ok(NOT test.found('deep_offset', test.named('AS most')), 'nor what returns more than it skips');
SELECT ok(NOT test.found('deep_offset', test.named('AS seldom')), 'nor what was seen twice');
SELECT ok(NOT test.found('deep_offset', test.named('AS once_deep')), 'nor where one page in twenty is deep');
SELECT ok(NOT test.found('deep_offset', test.named('AS empty')), 'nor an OFFSET that finds nothing to skip');

SELECT matches(detail, '^OFFSET skips 14,000 rows a call, up to 24,000, to return 10 \(in 6 of 6 executions that were counted\); 6 calls of [\d.]+ ms on average, \d+ s an hour: SELECT id AS sorted',
               'the sentence says what is skipped')
FROM test.finding('deep_offset', test.named('AS sorted'));
SELECT ok(caution ~ 'ordered by \("Title" DESC, id\), which are sorted anew' AND caution ~ 'WHERE \("Title", id\) > \(its values\) ORDER BY "Title" DESC, id'
          AND (evidence ->> 'rows_skipped')::numeric = 14000, 'the caution which columns to page by')
FROM test.finding('deep_offset', test.named('AS sorted'));
SELECT ok(caution ~ 'ordered by \(author, id\), which the index gives', 'also where an index gives the order')
FROM test.finding('deep_offset', test.named('AS ordered'));
SELECT ok(s.saves_ms_per_hour IS NULL AND o.saves_ms_per_hour > 0.99 * (o.evidence ->> 'ms_per_hour')::float8,
          'only then is it known what would be saved')
FROM dbadvisor.recommendations('{statement}', 'info') s, dbadvisor.recommendations('{statement}', 'info') o
WHERE s.object = test.named('AS sorted') AND s.rule = 'deep_offset'
  AND o.object = test.named('AS ordered') AND o.rule = 'deep_offset';
SELECT is(found ->> 'severity', 'warning', 'a large share of the time is a warning')
FROM test.rows_with('deep_offset', '360 * 1000', '0') found
WHERE found ->> 'object' = test.named('AS sorted');
SET dbadvisor.min_window = '7d';
SELECT is(severity, 'info', 'in the first hour it is only for the record')
FROM test.finding('deep_offset', test.named('AS sorted'));
SET dbadvisor.min_window = 0;

\set seen 'SELECT jsonb_agg(jsonb_build_array(r.object, r.caution, r.severity, r.evidence -> ''max_rows_skipped'') ORDER BY r.object) FROM dbadvisor.recommendations(''{statement}'', ''info'') r WHERE r.rule = ''deep_offset'''
SELECT (:seen) AS as_superuser \gset
SET ROLE pg_monitor;
SELECT (:seen) AS as_monitor \gset
RESET ROLE;
SELECT is(:'as_monitor'::jsonb, :'as_superuser'::jsonb, 'pg_monitor is told the same');

-- A statement that pages by key from now on is another one; the old one is forgotten
-- as its share of counted executions falls.
\o /dev/null
SELECT format('SELECT id AS sorted FROM post ORDER BY "Title" DESC, id OFFSET %s LIMIT 10', 0) FROM generate_series(1, 60) g \gexec
\o
SELECT ok(NOT test.found('deep_offset', test.named('AS sorted')), 'when nobody pages deep any more it is reported no more');

SELECT * FROM finish();
