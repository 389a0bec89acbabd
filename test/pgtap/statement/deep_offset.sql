-- deep_offset: statements that page deep with OFFSET are reported with what they
-- skip and the columns to page by; first pages, keysets and rare ones are not.
\ir ../rule.psql
SELECT plan(33);

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

SELECT matches(detail, '^OFFSET skips 14,000 rows a call, up to 24,000, to return 10 \(in 6 of 6 executions that were counted\); 6 calls of [\d.]+ ms on average, [\d.]+ (ms|s|minutes|hours) an hour: SELECT id AS sorted',
               'the sentence says what is skipped')
FROM test.finding('deep_offset', test.named('AS sorted'));
SELECT ok(caution ~ 'ordered by "Title" DESC, id, and sorted anew' AND caution ~ 'with an index on \("Title" DESC, id\)\.$'
          AND (evidence ->> 'rows_skipped')::numeric = 14000, 'the caution which columns to page by')
FROM test.finding('deep_offset', test.named('AS sorted'));
SELECT matches(caution, 'ordered by author, id, as the index gives them.*: WHERE \(author, id\) > \(\$1, \$2\) ORDER BY author, id LIMIT n\.$',
               'also where an index gives the order')
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

\set seen 'SELECT jsonb_agg(jsonb_build_array(r.object, r.caution, r.evidence -> ''max_rows_skipped'') ORDER BY r.object) FROM dbadvisor.recommendations(''{statement}'', ''info'') r WHERE r.rule = ''deep_offset'''
SELECT (:seen) AS as_superuser \gset
SET ROLE pg_monitor;
SELECT (:seen) AS as_monitor \gset
RESET ROLE;
SELECT is(:'as_monitor'::jsonb, :'as_superuser'::jsonb, 'pg_monitor is told the same');

-- What the caution says to ask for is the next page, whichever way the columns are
-- sorted and whatever gives the order. Constants are not repeated.
CREATE TABLE news (id int PRIMARY KEY, day date NOT NULL, title text NOT NULL, code text COLLATE "C" NOT NULL, "Desc" int NOT NULL);
INSERT INTO news SELECT i, date '2026-01-01' + i % 50, 'title ' || i % 700, 'code ' || i % 700, i % 3 FROM generate_series(1, 60000) i;
CREATE INDEX ON news (day DESC, id);
CREATE TABLE copy AS SELECT * FROM news;
CREATE TABLE split (LIKE news) PARTITION BY RANGE (id);
CREATE TABLE split_1 PARTITION OF split FOR VALUES FROM (0) TO (30000);
CREATE TABLE split_2 PARTITION OF split FOR VALUES FROM (30000) TO (99999);
INSERT INTO split SELECT * FROM news;
CREATE INDEX ON split (day, id);
VACUUM ANALYZE news, copy, split;
CREATE TABLE cases (label text, source text, columns text[], sorting text, says text);
INSERT INTO cases VALUES
    ('of_index', 'news', '{day,id}', 'day DESC, id', 'by day DESC, id, as the index gives them\..* WHERE day <= \$1 AND \(day < \$1 OR \(day = \$1 AND id > \$2\)\) .*LIMIT n\.$'),
    ('backward', 'news', '{day,id}', 'day, id DESC', 'by day, id DESC, as the index gives them\..* WHERE day >= \$1 AND \(day > \$1 OR \(day = \$1 AND id < \$2\)\) .*LIMIT n\.$'),
    ('descending', 'news', '{id}', 'id DESC', 'WHERE id < \$1 ORDER BY id DESC LIMIT n\.$'),
    ('both_down', 'copy', '{day,id}', 'day DESC, id DESC', 'sorted anew.* WHERE \(day, id\) < \(\$1, \$2\) .*index on \(day DESC, id DESC\)\. If the columns are not unique'),
    ('three', 'news', '{"\"Desc\"",title,id}', '"Desc" DESC NULLS LAST, title, id DESC', 'sorted anew.*index on \("Desc" DESC NULLS LAST, title, id DESC\)\.$'),
    ('collated', 'copy', '{code,id}', 'code, id', 'WHERE \(code COLLATE "C", id\) > \(\$1, \$2\)'),
    ('merged', 'split', '{day,id}', 'day, id', 'as the index gives them.*WHERE \(split.day, split.id\) > '),
    ('expression', 'news', NULL, 'title || ''secret-value'', id', '^Page by key: order by columns that are unique together,');
\o /dev/null
SELECT format('SELECT id, day AS %s FROM %s ORDER BY %s OFFSET %s LIMIT 10', label, source, sorting, 13000 * g)
FROM cases, generate_series(1, 4) g \gexec
SELECT format('SELECT n.id, c.day AS joined FROM news n JOIN copy c USING (id) ORDER BY c.title, n.id OFFSET %s LIMIT 10', 13000 * g)
FROM generate_series(1, 4) g \gexec
\o
CREATE TABLE said AS
    SELECT found ->> 'object' AS object, found ->> 'caution' AS caution, found::text AS everything
    FROM test.rows_with('deep_offset', '10 * 1000 AS min_ms', '0 AS min_ms') found;
SELECT matches(s.caution, c.says, c.label || ': the caution says so')
FROM cases c LEFT JOIN said s ON s.object = test.named('day AS ' || c.label);
-- The ids of the page behind row 2000, with that row's columns for $1, $2, ...
CREATE FUNCTION test.next_page(c cases, caution text) RETURNS int[] LANGUAGE plpgsql AS $$
DECLARE
    query text := format('SELECT id FROM %s %s', c.source, substring(caution FROM 'WHERE .* LIMIT '));
    ids int[];
BEGIN
    FOR i IN 1 .. cardinality(c.columns) LOOP
        query := replace(query, '$' || i, format('(SELECT %s FROM %s ORDER BY %s OFFSET 1999 LIMIT 1)', c.columns[i], c.source, c.sorting));
    END LOOP;
    EXECUTE format('SELECT array_agg(id) FROM (%s 10) page', query) INTO ids;
    RETURN ids;
END $$;
CREATE FUNCTION test.page(c cases) RETURNS int[] LANGUAGE plpgsql AS $$
DECLARE
    ids int[];
BEGIN
    EXECUTE format('SELECT array_agg(id) FROM (SELECT id FROM %s ORDER BY %s OFFSET 2000 LIMIT 10) page', c.source, c.sorting) INTO ids;
    RETURN ids;
END $$;
SELECT is(test.next_page(c, s.caution), test.page(c), c.label || ': it is the next page')
FROM cases c LEFT JOIN said s ON s.object = test.named('day AS ' || c.label)
WHERE c.columns IS NOT NULL;
SELECT matches(caution, 'by c.title, n.id, and sorted anew.*WHERE \(c.title, n.id\) > \(\$1, \$2\) ORDER BY c.title, n.id LIMIT n\. If the columns',
               'of two tables there is no index')
FROM said WHERE object = test.named('AS joined');
SELECT is_empty($$SELECT everything FROM said WHERE everything ~ 'secret'$$, 'a constant of the statement is not repeated');

-- A statement that pages by key from now on is another one; the old one is forgotten
-- as its share of counted executions falls.
\o /dev/null
SELECT format('SELECT id AS sorted FROM post ORDER BY "Title" DESC, id OFFSET %s LIMIT 10', 0) FROM generate_series(1, 60) g \gexec
\o
SELECT ok(NOT test.found('deep_offset', test.named('AS sorted')), 'when nobody pages deep any more it is reported no more');

SELECT * FROM finish();
