-- missing_index: an index is proposed that observed statements want, until it is
-- there; none for what is indexed, small, or seldom asked; and none twice.
\ir ../rule.psql
SELECT plan(23);

CREATE TABLE shop (id int PRIMARY KEY, note text);
INSERT INTO shop SELECT i, repeat('x', 60) FROM generate_series(1, 5000) i;
CREATE TABLE bill (id int PRIMARY KEY, shop int, status text, note text) WITH (autovacuum_enabled = off);
INSERT INTO bill SELECT i, i % 5000, CASE WHEN i % 500 = 0 THEN 'open' ELSE 'paid' END, repeat('x', 60)
FROM generate_series(1, 60000) i;
CREATE TABLE indexed (LIKE bill INCLUDING ALL) WITH (autovacuum_enabled = off);
INSERT INTO indexed SELECT * FROM bill;
CREATE INDEX ON indexed (shop);
CREATE TABLE small (id int, shop int);
INSERT INTO small SELECT i, i FROM generate_series(1, 500) i;
CREATE TABLE line (shop int REFERENCES shop, note text DEFAULT repeat('x', 900)) WITH (autovacuum_enabled = off);
INSERT INTO line SELECT 1 + i % 5000 FROM generate_series(1, 12000) i;
DELETE FROM shop WHERE id = 5001;
VACUUM ANALYZE;
SELECT dbadvisor.reset();

\o /dev/null
SELECT format('SELECT note FROM bill WHERE shop = %s', g) FROM generate_series(1, 8) g \gexec
SELECT format('SELECT note FROM indexed WHERE shop = %s', g) FROM generate_series(1, 8) g \gexec
SELECT format('SELECT id FROM small WHERE shop = %s', g) FROM generate_series(1, 8) g \gexec
SELECT format('SELECT note FROM line WHERE shop = %s', g) FROM generate_series(1, 8) g \gexec
SELECT 'SELECT note FROM bill WHERE status = ''open''' FROM generate_series(1, 3) \gexec
\o

CREATE FUNCTION test.rows_about(part text, VARIADIC changes text[] DEFAULT '{}') RETURNS SETOF jsonb
LANGUAGE sql VOLATILE AS $$
    SELECT found FROM test.rows_with('missing_index', VARIADIC changes) found WHERE found ->> 'object' LIKE 'public.' || part || ' %'
$$;

SELECT ok(test.found('missing_index', 'public.bill USING btree (shop)'), 'an index that statements want is reported');
SELECT is((f.fix, f.undo)::text,
          '("CREATE INDEX CONCURRENTLY bill_shop_idx ON public.bill USING btree (shop);","DROP INDEX CONCURRENTLY public.bill_shop_idx;")',
          'with the way there and back')
FROM test.finding('missing_index', 'public.bill USING btree (shop)') f;
SELECT matches(f.detail, '^Saves [\d.]+ (ms|s|minutes|hours) an hour of the [\d.]+ (ms|s|minutes|hours) that a statement takes\. [\d,.]+ calls an hour, [\d.]+ ms each become [\d.]+ ms: SELECT note FROM bill WHERE shop = \$1$',
               'it says what is saved, and who gains')
FROM test.finding('missing_index', 'public.bill USING btree (shop)') f;
SELECT matches(f.caution, 'SHARE UPDATE EXCLUSIVE.*building takes about', 'the caution what it locks')
FROM test.finding('missing_index', 'public.bill USING btree (shop)') f;
SELECT is((f.evidence ->> 'table', jsonb_typeof(f.evidence #> '{statements,0,queryid}'), f.confidence > 0.8)::text,
          '(public.bill,number,t)', 'the evidence has the numbers')
FROM test.finding('missing_index', 'public.bill USING btree (shop)') f;
SELECT ok(saves_ms_per_hour > 0, 'and ranks by the time that it saves')
FROM dbadvisor.recommendations('{index}', 'info') WHERE rule = 'missing_index' AND object = 'public.bill USING btree (shop)';
SELECT is_empty($$SELECT test.rows_about('indexed')$$, 'what has its index is not reported');
SELECT is_empty($$SELECT test.rows_about('small')$$, 'nor a small table');

-- Severity.
SELECT is(severity, 'info', 'what ran thrice is for the record')
FROM dbadvisor.recommendations('{index}', 'info', true) WHERE rule = 'missing_index' AND object LIKE 'public.bill%status%';
SELECT is((SELECT r ->> 'severity' FROM test.rows_about('bill', '36 * 1000 AS notable', '1 AS notable', '360 * 1000 AS heavy', '1e12 AS heavy') r WHERE r ->> 'object' LIKE '%(shop)%'),
          'notice', 'what saves some time is a notice');
SELECT is((SELECT r ->> 'severity' FROM test.rows_about('bill', '36 * 1000 AS notable', '1 AS notable', '360 * 1000 AS heavy', '1 AS heavy') r WHERE r ->> 'object' LIKE '%(shop)%'),
          'warning', 'what saves much a warning');
SELECT is((SELECT r ->> 'severity' FROM test.rows_about('bill', '36 * 1000 AS notable', '1e12 AS notable') r WHERE r ->> 'object' LIKE '%(shop)%'),
          'info', 'what saves little is for the record');
SELECT is_empty($$SELECT test.rows_about('bill', '1000 AS min_ms', '1e12 AS min_ms')$$, 'and what saves hardly anything is none');
SELECT is_empty($$SELECT test.rows_about('bill', '0.1 AS min_share', '1.1 AS min_share')$$, 'nor what makes no statement much cheaper');
SET dbadvisor.min_window = '7d';
SELECT is((SELECT array_agg(DISTINCT severity) FROM dbadvisor.recommendations('{index}', 'info', true) WHERE rule = 'missing_index'),
          '{info}', 'what was observed for a moment only is for the record');
SET dbadvisor.min_window = 0;

-- The same index for a foreign key: said once.
SELECT is((SELECT count(*) FROM dbadvisor.recommendations('{index}', 'info', true) WHERE fix LIKE 'CREATE INDEX CONCURRENTLY line_shop_idx %'),
          1::bigint, 'what a foreign key wants as well is said once');
SELECT ok(test.found('missing_index', 'public.line USING btree (shop)') OR test.found('foreign_key_without_index', 'line_shop_fkey on public.line'),
          'by one of the two');
SELECT ok(evidence -> 'also' ?| '{missing_index,foreign_key_without_index}', 'which names the other')
FROM dbadvisor.recommendations('{index}', 'info', true) WHERE fix LIKE 'CREATE INDEX CONCURRENTLY line_shop_idx %';

-- The coverage.
SELECT is((SELECT (status IN ('examined', 'partly'), found > 0, ms > 0) FROM dbadvisor.coverage('{index}') WHERE rule = 'missing_index')::text,
          '(t,t,t)', 'the coverage says that it was examined');

-- There and back.
SELECT fix FROM test.finding('missing_index', 'public.bill USING btree (shop)') \gset
:fix
VACUUM ANALYZE bill;
SELECT is_empty($$SELECT FROM test.rows_about('bill') r WHERE r ->> 'object' LIKE '%(shop)%'$$, 'the fix ends the finding');
DROP INDEX bill_shop_idx;
SELECT isnt_empty($$SELECT FROM test.rows_about('bill') r WHERE r ->> 'object' LIKE '%(shop)%'$$, 'the undo brings it back');

-- No time at all, and no rule is lost.
SET dbadvisor.time_limit = '200ms';
SELECT is((SELECT status FROM dbadvisor.coverage('{index}') WHERE rule = 'missing_index') IN ('examined', 'partly', 'cut off'), true,
          'with little time it ends in time');
SET dbadvisor.time_limit = 0;
SELECT is((SELECT count(*) FROM dbadvisor.coverage() WHERE status = 'failed'), 0::bigint, 'no rule fails');

SELECT * FROM finish();
