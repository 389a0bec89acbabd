-- analyze_first: a table that observed statements read and of which nothing is known is
-- reported, until it is analyzed; what nobody reads is not, nor what is analyzed or small.
\ir ../rule.psql
SELECT plan(9);

-- Below what never_analyzed speaks of.
CREATE TABLE bad (id int, k int) WITH (autovacuum_enabled = off);
INSERT INTO bad SELECT i, i FROM generate_series(1, 15000) i;
CREATE TABLE good (LIKE bad) WITH (autovacuum_enabled = off);
INSERT INTO good SELECT * FROM bad;
CREATE TABLE unread (LIKE bad) WITH (autovacuum_enabled = off);
INSERT INTO unread SELECT * FROM bad;
CREATE TABLE small (LIKE bad) WITH (autovacuum_enabled = off);
INSERT INTO small SELECT * FROM bad LIMIT 500;
:flush
VACUUM bad, good, unread, small;
ANALYZE good;
\o /dev/null
SELECT format('SELECT id FROM %s WHERE k = %s', t, g) FROM generate_series(1, 8) g, unnest('{bad,good,small}'::text[]) t \gexec
-- Something is advised for this one: to write it otherwise.
SELECT format('SELECT id FROM good WHERE k + 1 = %s', g) FROM generate_series(1, 8) g \gexec
\o
:flush

SELECT ok(test.found('analyze_first', 'public.bad'), 'a table that is read and was only vacuumed is reported');
SELECT ok(NOT test.found('analyze_first', 'public.good'), 'one that was analyzed is not');
SELECT ok(NOT test.found('analyze_first', 'public.unread'), 'nor one that is not read');
SELECT ok(NOT test.found('analyze_first', 'public.small'), 'nor a small one');
SELECT matches(detail, '^Nothing is known of the values in public\.bad, .* It is read by (a statement that takes|\d+ statements that take) [\d.]+ \w+ an hour\.$',
               'the sentence says who reads it')
FROM test.finding('analyze_first', 'public.bad');
SELECT is((f.fix, f.severity)::text, '("ANALYZE public.bad;",notice)', 'with the command') FROM test.finding('analyze_first', 'public.bad') f;
SET dbadvisor.min_window = '7d';
SELECT is(severity, 'info', 'in the first hour it is for the record') FROM test.finding('analyze_first', 'public.bad');
SET dbadvisor.min_window = 0;

SELECT fix FROM test.finding('analyze_first', 'public.bad') \gset
:fix
:flush
SELECT ok(NOT test.found('analyze_first', 'public.bad'), 'the fix ends the finding');
DELETE FROM good WHERE k > 10000;
:flush
SELECT ok(test.found('analyze_first', 'public.good'), 'where a third has changed since, it is due again');

SELECT * FROM finish();
