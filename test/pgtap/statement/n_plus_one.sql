-- n_plus_one: a statement that a client sends for each row of a list is reported,
-- with the list and the rewrite; one sent without a list, one sent so once or
-- twice, one statement for all rows, and loops of functions are not.
\ir ../rule.psql
SELECT plan(22);

CREATE TABLE list (id int PRIMARY KEY, title text);
INSERT INTO list SELECT i, 'list ' || i FROM generate_series(1, 40) i;
CREATE TABLE "Odd item" (id int PRIMARY KEY, list int, "The value" int, seen int DEFAULT 0);
INSERT INTO "Odd item" SELECT i, i % 40, i FROM generate_series(1, 400) i;
CREATE FUNCTION touch() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    FOR i IN 1 .. 40 LOOP
        PERFORM "The value" AS looped FROM "Odd item" WHERE id = i;
    END LOOP;
END $$;

CREATE FUNCTION test.named(pattern text) RETURNS text LANGUAGE sql VOLATILE AS $$
    SELECT 'statement ' || s.queryid
    FROM dbadvisor.user_statements s
    WHERE s.query ~ pattern
    ORDER BY s.calls DESC
    LIMIT 1
$$;
-- The statements of a page: a list, then one for each row of it.
CREATE FUNCTION test.page(list text, item text) RETURNS SETOF text LANGUAGE sql AS $$
    SELECT 'BEGIN'
    UNION ALL SELECT list
    UNION ALL SELECT format(item, i) FROM generate_series(1, 40) i
    UNION ALL SELECT 'COMMIT'
$$;

\o /dev/null
\set page 'SELECT p FROM generate_series(1, 5), test.page('
:page 'SELECT id, title FROM list', 'SELECT "The value" FROM "Odd item" WHERE id = %s') p \gexec
:page 'SELECT id FROM list', 'UPDATE "Odd item" SET seen = seen + 1 WHERE id = %s') p \gexec
-- On one occasion only; without a list; the same value each time.
SELECT p FROM test.page('SELECT title FROM list', 'SELECT list FROM "Odd item" WHERE id = %s') p \gexec
SELECT p FROM generate_series(1, 5), test.page('SELECT 1', 'SELECT id, list FROM "Odd item" WHERE id = %s') p \gexec
:page 'SELECT title, id FROM list', 'SELECT list, id FROM "Odd item" WHERE id = 7 OR id = 7 + 0 * %s') p \gexec
:page 'SELECT title || id FROM list', 'SELECT dbadvisor.is_preloaded(), id FROM "Odd item" WHERE id = %s') p \gexec
-- A worker that takes rows off a queue; one that asks what columns there are; and
-- pages of different length.
:page 'SELECT id FROM list ORDER BY id FOR UPDATE SKIP LOCKED', 'UPDATE "Odd item" SET seen = seen + 3, list = 1 WHERE id = %s') p \gexec
:page 'SELECT relname, oid FROM pg_class LIMIT 40', 'SELECT attname FROM pg_attribute WHERE attrelid = %s') p \gexec
SELECT p FROM generate_series(1, 4) n,
     LATERAL (SELECT t.p FROM test.page('SELECT title AS varied, id FROM list', 'SELECT seen, list FROM "Odd item" WHERE id = %s')
                                   WITH ORDINALITY t(p, i) WHERE i <= 2 + 10 * n OR p = 'COMMIT') t \gexec
:page 'SELECT 2 * id AS two FROM list', 'DELETE FROM "Odd item" USING list WHERE list.id = "Odd item".list AND "Odd item".id = -%s') p \gexec
SELECT 'SELECT touch()' FROM generate_series(1, 5) \gexec
SELECT 'SELECT list, "The value" FROM "Odd item" WHERE id = ANY (''{1,2,3,4,5,6,7,8,9,10,11}'')' FROM generate_series(1, 5) \gexec
\o

SELECT test.named('^SELECT "The value" FROM') AS bad,
       test.named('^UPDATE "Odd item" SET seen = seen \+ \$1 WHERE') AS writes,
       test.named('^DELETE FROM "Odd item"') AS joined,
       test.named('^SELECT seen, list') AS varied \gset

SELECT ok(test.found('n_plus_one', :'bad'), 'a statement for each row of a list is reported');
SELECT is(concat_ws(' ', severity, evidence ->> 'occasions', evidence ->> 'repeats', evidence ->> 'max_repeats', evidence ->> 'calls'),
          'notice 5 200 40 200', 'with how often')
FROM test.finding('n_plus_one', :'bad');
SELECT is(evidence #>> '{parents,0,query}', 'SELECT id, title FROM list', 'after what')
FROM test.finding('n_plus_one', :'bad');
SELECT is((evidence ->> 'repeat_ms')::numeric, round(s.total_ms::numeric, 1), 'and the time of the server')
FROM test.finding('n_plus_one', :'bad'), dbadvisor.user_statements s
WHERE 'statement ' || s.queryid = :'bad';
SELECT matches(detail, '^A client sends this once per row of a list: 200 times on 5 occasions, 40 each; at this rate [0-9]{1,3}(,[0-9]{3})* round trips an hour and [^:]* of the server''s time: SELECT "The value" FROM "Odd item" WHERE id = \$1 -- after: SELECT id, title FROM list$',
               'in a sentence')
FROM test.finding('n_plus_one', :'bad');
SELECT ok(caution LIKE 'Read all rows at once: with id = ANY ($1) and%eager loading%' AND fix IS NULL, 'and the rewrite')
FROM test.finding('n_plus_one', :'bad');
SELECT is(evidence ->> 'table', 'public."Odd item"', 'the table is named as SQL does')
FROM test.finding('n_plus_one', :'bad');
SELECT ok(caution LIKE 'Change all rows at once: UPDATE .. WHERE id = ANY ($1)%' AND caution !~ 'eager loading', 'writes are changed otherwise')
FROM test.finding('n_plus_one', :'writes');
SELECT ok(caution ~ '^Change all rows at once: DELETE .. WHERE (id|key) = ANY ' AND caution !~ 'eager loading', 'also where two tables are named')
FROM test.finding('n_plus_one', :'joined');
SELECT matches(detail, ': 100 times on 4 occasions, 25 each on average and 40 at most; at this rate', 'the most is said where it is more')
FROM test.finding('n_plus_one', :'varied');
SELECT is((SELECT count(*)::int FROM dbadvisor.statement_repeats r JOIN dbadvisor.user_statements s USING (queryid)
           WHERE s.query ~ 'pg_attribute|seen = seen \+ \$1, list' AND r.occasions = 5), 2, 'a queue worker and a look at the catalogs were seen');
SELECT ok(dbadvisor.reads_only_catalogs(queryid), 'of which one reads catalogs alone')
FROM dbadvisor.user_statements WHERE query ~ '^SELECT attname FROM pg_attribute';
SELECT ok(NOT dbadvisor.reads_only_catalogs(substr(:'bad', 11)::bigint), 'and others do not');

SELECT ok(EXISTS (SELECT FROM dbadvisor.statement_repeats r
                  WHERE 'statement ' || r.queryid = test.named('^SELECT list FROM') AND r.occasions = 1),
          'one statement was repeated on one occasion');
SELECT set_eq($$SELECT object FROM dbadvisor.recommendations('{statement}', 'info') WHERE rule = 'n_plus_one'$$,
              ARRAY[:'bad', :'writes', :'joined', :'varied'], 'which is not reported; nor are others');

-- What it costs decides.
SELECT is(found ->> 'severity', 'warning', 'much of it is a warning')
FROM test.rows_with('n_plus_one', '360 * 1000 AS heavy_ms_per_hour', '1 AS heavy_ms_per_hour') found
WHERE found ->> 'object' = :'bad';
SELECT is(found ->> 'severity', 'info', 'little of it is for the record')
FROM test.rows_with('n_plus_one', '10 * 1000 AS min_ms_per_hour', '1e9 AS min_ms_per_hour') found
WHERE found ->> 'object' = :'bad';
SET dbadvisor.min_window = '7d';
SELECT is(severity, 'info', 'and so is all of it in the first hour')
FROM test.finding('n_plus_one', :'bad');
SET dbadvisor.min_window = 0;

\set seen 'SELECT jsonb_agg(jsonb_build_array(r.object, r.caution, r.evidence -> ''parents'', r.evidence -> ''table'') ORDER BY r.object) FROM dbadvisor.recommendations(''{statement}'', ''info'') r WHERE r.rule = ''n_plus_one'''
SELECT (:seen) AS as_superuser \gset
SET ROLE pg_monitor;
SELECT (:seen) AS as_monitor \gset
RESET ROLE;
SELECT is(:'as_monitor'::jsonb, :'as_superuser'::jsonb, 'pg_monitor is told the same');

-- Fixed: the page reads all rows at once.
\o /dev/null
BEGIN;
SELECT id, title FROM list;
SELECT "The value" FROM "Odd item" WHERE id = ANY (ARRAY(SELECT id FROM list));
COMMIT;
\o
SELECT is((evidence ->> 'repeats')::int, 200, 'what is done at once adds nothing')
FROM test.finding('n_plus_one', :'bad');
SELECT ok(NOT test.found('n_plus_one', test.named('ANY \(ARRAY')), 'and is not reported');
SELECT is(status, 'examined', 'the rule ran') FROM dbadvisor.coverage('{statement}') WHERE rule = 'n_plus_one';

SELECT * FROM finish();
