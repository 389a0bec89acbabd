-- defeats_index: statements that compare what is computed from a column are reported with
-- the condition to write instead, until they are written so; those that gain nothing are not.
\ir ../rule.psql
SELECT plan(17);

CREATE TABLE bill (id int PRIMARY KEY, shop int, placed timestamptz, title text, note text) WITH (autovacuum_enabled = off);
INSERT INTO bill SELECT i, i % 5000, timestamptz '2024-01-01' + i * interval '9 minutes', md5(i::text), repeat('x', 60)
FROM generate_series(1, 60000) i;
CREATE INDEX bill_shop ON bill (shop);
CREATE TABLE small (id int, shop int);
INSERT INTO small SELECT i, i FROM generate_series(1, 500) i;
CREATE TABLE served (LIKE bill) WITH (autovacuum_enabled = off);
INSERT INTO served SELECT * FROM bill;
CREATE INDEX served_text ON served ((shop::text));
VACUUM ANALYZE;

CREATE FUNCTION test.named(part text) RETURNS text LANGUAGE sql VOLATILE AS $$
    SELECT 'statement ' || max(queryid) FROM dbadvisor.statement_totals WHERE position(part IN query) > 0
$$;
CREATE FUNCTION test.rows_about(part text, VARIADIC changes text[]) RETURNS SETOF jsonb
LANGUAGE sql VOLATILE AS $$
    SELECT found FROM test.rows_with('defeats_index', VARIADIC changes) found WHERE found ->> 'object' = test.named(part)
$$;

\o /dev/null
SELECT format('SELECT id AS as_number FROM bill WHERE shop = %s.0', g) FROM generate_series(1, 8) g \gexec
SELECT format('SELECT id AS as_day FROM bill WHERE placed::date = ''2024-05-%s''', g) FROM generate_series(11, 18) g \gexec
SELECT format('SELECT id AS as_pattern FROM bill WHERE title LIKE ''%%abc%s%%''', g) FROM generate_series(11, 18) g \gexec
SELECT format('SELECT note AS as_it_is FROM bill WHERE shop = %s', g) FROM generate_series(1, 8) g \gexec
SELECT format('SELECT note AS by_key FROM bill WHERE id = %s AND shop = 7.0', g) FROM generate_series(1, 8) g \gexec
SELECT format('SELECT id AS of_small FROM small WHERE shop = %s.0', g) FROM generate_series(1, 8) g \gexec
SELECT format('SELECT id AS indexed FROM served WHERE shop::text = ''%s''', g) FROM generate_series(1, 8) g \gexec
\o

SELECT ok(test.found('defeats_index', test.named('AS as_number')), 'an int compared with a number is reported');
SELECT ok(test.found('defeats_index', test.named('AS as_day')), 'so is the day of a time');
SELECT ok(NOT test.found('defeats_index', test.named('AS as_it_is')), 'what is written well is not');
SELECT ok(NOT test.found('defeats_index', test.named('AS by_key')), 'nor where a key finds the row');
SELECT ok(NOT test.found('defeats_index', test.named('AS of_small')), 'nor on a small table');
SELECT ok(NOT test.found('defeats_index', test.named('AS indexed')), 'nor where the expression is indexed');

SELECT matches(detail, '^No index on public\.bill \(shop\) serves \(shop\)::numeric = \$1: the column is cast to numeric\. Write shop = \(\$1\)::integer instead\. [\d.]+ \w+ an hour go into: SELECT id AS as_number FROM bill WHERE shop = \$1$',
               'the sentence says what is in the way, and what to write')
FROM test.finding('defeats_index', test.named('AS as_number'));
SELECT matches(detail, 'Write \(placed >= \$1\) AND \(placed < \(\$1 \+ 1\)\) instead; for that, CREATE INDEX ON public\.bill USING btree \(placed\)',
               'and which index that wants')
FROM test.finding('defeats_index', test.named('AS as_day'));
SELECT ok(fix IS NULL AND undo IS NULL AND caution ~ 'changed where it comes from' AND evidence ->> 'tables' = '["public.bill"]',
          'there is no command for it')
FROM test.finding('defeats_index', test.named('AS as_number'));
SELECT ok(saves_ms_per_hour > 0, 'and it ranks by the time that it saves')
FROM dbadvisor.recommendations('{statement}', 'info', true) WHERE rule = 'defeats_index' AND object = test.named('AS as_number');

-- Severity.
SELECT is((SELECT r ->> 'severity' FROM test.rows_about('AS as_number', '36 * 1000 AS heavy', '1 AS heavy') r), 'warning', 'what saves much is a warning');
SELECT is((SELECT r ->> 'severity' FROM test.rows_about('AS as_number', '36 * 1000 AS heavy', '1e12 AS heavy') r), 'notice', 'what saves less a notice');
SELECT is_empty($$SELECT test.rows_about('AS as_number', '1000 AS min_ms', '1e12 AS min_ms')$$, 'and what saves little is not reported');

-- Patterns.
SELECT is((f.fix, f.caution)::text, '("CREATE EXTENSION pg_trgm;","The extension alone changes nothing; the index on it is what helps.")',
          'for a pattern pg_trgm is named')
FROM test.finding('defeats_index', test.named('AS as_pattern')) f;
CREATE EXTENSION pg_trgm;
SELECT ok(NOT test.found('defeats_index', test.named('AS as_pattern')), 'when it is there, an index is the answer');

-- Written as it says.
\o /dev/null
SELECT format('SELECT id AS good_number FROM bill WHERE shop = %s', g) FROM generate_series(1, 8) g \gexec
SELECT format('SELECT id AS good_day FROM bill WHERE placed >= ''2024-05-%s'' AND placed < ''2024-05-%s''', g, g + 1) FROM generate_series(11, 18) g \gexec
\o
SELECT ok(NOT test.found('defeats_index', test.named('AS good_number')), 'written as it says, the number is not reported');
SELECT ok(NOT test.found('defeats_index', test.named('AS good_day')), 'nor the day');

SELECT * FROM finish();
