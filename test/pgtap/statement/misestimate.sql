-- misestimate: statements planned for far fewer or far more rows than there are
-- are reported with the command that mends the estimate; those that are planned
-- right, stop early, or do not depend on it are not. Each fix is executed and
-- the estimate measured before and after.
\ir ../rule.psql
SELECT plan(44);

SET dbadvisor.overhead_target = 100;
SET max_parallel_workers_per_gather = 0;
SET default_statistics_target = 100;

-- A model belongs to a make, an engine to nothing; one number in ten is common.
CREATE TABLE "Car park" (id int PRIMARY KEY, make text, "Model" text, engine int, note text, number int)
    WITH (autovacuum_enabled = off);
INSERT INTO "Car park"
SELECT i, 'make ' || i % 40, 'model ' || (i % 40) * 10 + i / 40 % 10, i / 400 % 20, 'Note ' || i % 5,
       CASE WHEN i % 5 < 4 THEN 1000000 + i % 400 ELSE i END
FROM generate_series(1, 120000) i;
CREATE TABLE offer (id int PRIMARY KEY, car int, price int) WITH (autovacuum_enabled = off);
INSERT INTO offer SELECT i, i, i % 1000 FROM generate_series(1, 60000) i;
CREATE INDEX ON offer (car);
CREATE TABLE loaded (car int, state text) WITH (autovacuum_enabled = off);
INSERT INTO loaded SELECT i, 'old' FROM generate_series(1, 1000) i;
-- What was not flushed counts as changed after ANALYZE.
:flush
ANALYZE "Car park", offer, loaded;
INSERT INTO loaded SELECT i, 'new' FROM generate_series(1, 20000) i;
-- A common number that is not among those that the statistics keep.
SELECT min(number) AS uncommon
FROM (SELECT number FROM "Car park" GROUP BY number HAVING count(*) > 100) common
WHERE number <> ALL (SELECT unnest(most_common_vals::text::int[]) FROM pg_stats
                     WHERE tablename = 'Car park' AND attname = 'number') \gset
-- One row in twenty is newer than ANALYZE.
CREATE TABLE visit (at timestamp, car int) WITH (autovacuum_enabled = off);
INSERT INTO visit SELECT timestamp '2026-01-01' + i * interval '1 s', i FROM generate_series(1, 100000) i;
:flush
ANALYZE visit;
INSERT INTO visit SELECT timestamp '2026-03-01' + i * interval '1 s', i FROM generate_series(1, 5000) i;
CREATE FUNCTION many() RETURNS SETOF int LANGUAGE sql ROWS 1 VOLATILE
AS 'SELECT generate_series(1, 5000)';
:flush

CREATE FUNCTION test.named(part text) RETURNS text LANGUAGE sql VOLATILE AS $$
    SELECT 'statement ' || max(queryid)
    FROM dbadvisor.statement_totals
    WHERE position(part IN query) > 0
$$;
-- Rows for each that the planner expected, of the node of that type.
CREATE FUNCTION test.factor(statement text, node_type text) RETURNS numeric LANGUAGE plpgsql AS $$
DECLARE
    plan jsonb;
BEGIN
    EXECUTE 'EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) ' || statement INTO plan;
    RETURN (SELECT greatest(1, (n ->> 'Actual Rows')::numeric) / (n ->> 'Plan Rows')::numeric
            FROM jsonb_path_query(plan, 'strict $.**') n
            WHERE n ->> 'Node Type' ~ node_type
            LIMIT 1);
END $$;
CREATE FUNCTION test.facts(part text) RETURNS bigint LANGUAGE sql VOLATILE AS $$
    SELECT sum(executions)::bigint
    FROM dbadvisor.statement_facts
    WHERE kind = 'misestimate'
      AND 'statement ' || queryid = test.named(part)
      AND dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
$$;

\set two 'SELECT sum(price) AS two FROM "Car park" c JOIN offer o ON o.car = c.id WHERE make = ''make 3'' AND "Model" = ''model 35'''
\set twin 'SELECT sum(price) AS twin FROM "Car park" c JOIN offer o ON o.car = c.id WHERE make = ''make 3'' AND engine = 5'
\set groups 'SELECT make, "Model", count(*) AS groups FROM "Car park" GROUP BY make, "Model"'
\set number 'SELECT sum(price) AS skewed FROM "Car park" c JOIN offer o ON o.car = c.id WHERE number = ' :uncommon
\set loaded 'SELECT sum(price) AS fresh FROM loaded l JOIN offer o USING (car) WHERE l.state = ''new'''
\set expression 'SELECT sum(price) AS hidden FROM "Car park" c JOIN offer o ON o.car = c.id WHERE lower(note) = ''note 3'''
\set join 'SELECT count(*) AS joined FROM "Car park" a JOIN "Car park" b USING (make, "Model") WHERE a.id < 100'
\set newest 'SELECT sum(price) AS newest FROM visit v JOIN offer o USING (car) WHERE v.at > ''2026-02-28'''
CREATE FUNCTION test.times() RETURNS int LANGUAGE sql RETURN 8;
\o /dev/null
SELECT :'two' FROM generate_series(1, test.times()) \gexec
SELECT 'SELECT o.id, o.price AS two_more FROM "Car park" c JOIN offer o ON o.car = c.id WHERE make = ''make 3'' AND "Model" = ''model 35''' FROM generate_series(1, 3) \gexec
SELECT :'twin' FROM generate_series(1, test.times()) \gexec
SELECT :'groups' FROM generate_series(1, test.times()) \gexec
SELECT 'SELECT make, engine, count(*) AS groups_twin FROM "Car park" GROUP BY make, engine' FROM generate_series(1, test.times()) \gexec
SELECT :'number' FROM generate_series(1, test.times()) \gexec
SELECT :'loaded' FROM generate_series(1, test.times()) \gexec
SELECT :'expression' FROM generate_series(1, test.times()) \gexec
SELECT :'join' FROM generate_series(1, test.times()) \gexec
SELECT :'newest' FROM generate_series(1, test.times()) \gexec
SET plan_cache_mode = force_generic_plan;
PREPARE generic AS SELECT sum(price) AS generic FROM "Car park" c JOIN offer o ON o.car = c.id WHERE number = $1;
SELECT format('EXECUTE generic(%s)', :uncommon) FROM generate_series(1, test.times()) \gexec
RESET plan_cache_mode;
-- What is not to be reported.
SELECT format('SELECT sum(price) AS looked_up FROM "Car park" c JOIN offer o ON o.car = c.id WHERE number = (SELECT %s + offer.id - offer.id FROM offer WHERE id = 1)', :uncommon)
FROM generate_series(1, test.times()) \gexec
SELECT 'SELECT id, make AS harmless FROM "Car park" WHERE make = ''make 3'' AND "Model" = ''model 35''' FROM generate_series(1, test.times()) \gexec
SELECT 'SELECT make AS early FROM "Car park" WHERE note >= ''Note 1'' ORDER BY id LIMIT 3' FROM generate_series(1, test.times()) \gexec
SELECT 'SELECT count(*) AS of_function FROM many() m JOIN offer o ON o.car = m' FROM generate_series(1, test.times()) \gexec
SELECT 'SELECT sum(price) AS twice FROM "Car park" c JOIN offer o ON o.car = c.id WHERE make = ''make 4'' AND "Model" = ''model 45'' AND c.id > 0' FROM generate_series(1, 2) \gexec
\o

SELECT ok(test.found('misestimate', test.named('AS two ')) AND NOT test.found('misestimate', test.named('AS two_more')),
          'columns that depend on each other are reported, once for two statements');
SELECT test.named('AS two ') AS two_name \gset
SELECT ok(test.facts('AS twin') IS NULL AND NOT test.found('misestimate', test.named('AS twin')),
          'columns that do not are not');
SELECT ok(test.found('misestimate', test.named('AS groups ')), 'groups of such columns are reported');
SELECT ok(NOT test.found('misestimate', test.named('AS groups_twin')), 'those of others are not');
SELECT ok(test.found('misestimate', test.named('AS skewed')), 'a column with too many common values is reported');
SELECT ok(test.found('misestimate', test.named('AS fresh')), 'so is a table that was filled since ANALYZE');
SELECT ok(test.found('misestimate', test.named('AS hidden')), 'so is a condition on an expression');
SELECT ok(test.found('misestimate', test.named('AS joined')), 'so is a join by two columns');
SELECT ok(test.facts('AS harmless') = test.times() AND NOT test.found('misestimate', test.named('AS harmless')),
          'an estimate on which nothing depends is not');
SELECT ok(NOT test.found('misestimate', test.named('AS early')), 'nor is what stopped early');
SELECT ok(NOT test.found('misestimate', test.named('AS of_function')), 'nor a function');
SELECT ok(test.facts('AS twice') = 2 AND NOT test.found('misestimate', test.named('AS twice')),
          'nor what was seen twice');

SELECT ok(test.facts('AS looked_up') = test.times() AND NOT test.found('misestimate', test.named('AS looked_up')),
          'nor a comparison with a value that comes from a sub-select');
SELECT is(jsonb_build_array(f.evidence ->> 'remedy', f.fix IS NULL), '["generic", true]'::jsonb, 'a generic plan is not for statistics')
FROM test.finding('misestimate', test.named('AS generic')) f;
SELECT ok(caution ~ '^Its plan is generic' AND position(format('ALTER ROLE %I IN DATABASE %I SET plan_cache_mode = force_custom_plan;',
                                                               current_user, current_database()) IN caution) > 0, 'but for a setting')
FROM test.finding('misestimate', test.named('AS generic'));
SELECT is(jsonb_build_array(f.fix, f.undo),
          jsonb_build_array(E'ANALYZE public.visit;\nALTER TABLE public.visit SET (autovacuum_analyze_scale_factor = 0.01);',
                            'ALTER TABLE public.visit RESET (autovacuum_analyze_scale_factor);'),
          'rows that are newer than ANALYZE are for autovacuum')
FROM test.finding('misestimate', test.named('AS newest')) f;
SELECT matches(caution, 'too seldom for it, when 10 % of its rows have changed; then it will at 1 %', 'and why')
FROM test.finding('misestimate', test.named('AS newest'));
ALTER TABLE visit SET (autovacuum_analyze_scale_factor = 0.005);
SELECT is(jsonb_build_array(f.fix, f.undo), '["ANALYZE public.visit;", null]', 'unless it comes so often already')
FROM test.finding('misestimate', test.named('AS newest')) f;
ALTER TABLE visit SET (autovacuum_analyze_scale_factor = 0.2);
SELECT is(f.undo, 'ALTER TABLE public.visit SET (autovacuum_analyze_scale_factor = 0.2);', 'the undo brings back what was set')
FROM test.finding('misestimate', test.named('AS newest')) f;
SELECT matches(detail, '^The planner expected \d+ rows of public."Car park" by \(make, "Model"\), and found 300 \(in 8 of 8 executions that were counted\)(, here and in 1 other statement)?; 8 calls, [\d.]+ (ms|s|minutes|hours) an hour: SELECT',
               'the sentence says what was expected and what came')
FROM test.finding('misestimate', :'two_name');
SELECT is(jsonb_build_array(evidence -> 'actual_rows', evidence -> 'executions', evidence -> 'columns', evidence ->> 'remedy'),
          '[300, 8, [2, 3], "mcv"]'::jsonb, 'the evidence has the numbers')
FROM test.finding('misestimate', :'two_name');
SELECT matches(detail, 'groups of public."Car park" by \(make, "Model"\), and found 400 ', 'groups are called so')
FROM test.finding('misestimate', test.named('AS groups '));
SELECT is(jsonb_build_array(f.evidence ->> 'remedy', f.fix IS NULL), '["expression", true]'::jsonb, 'an expression is for a human')
FROM test.finding('misestimate', test.named('AS hidden')) f;
SELECT is(jsonb_build_array(f.evidence ->> 'remedy', f.fix IS NULL, f.detail ~ 'rows of a join of public."Car park" with itself by'),
          '["join", true, true]'::jsonb, 'and so is a join')
FROM test.finding('misestimate', test.named('AS joined')) f;
SELECT ok(f.severity = 'notice' AND found ->> 'severity' = 'warning', 'a nested loop over 100 times the rows is a warning')
FROM test.finding('misestimate', test.named('AS fresh')) f,
     test.rows_with('misestimate', '100.0 AS heavy_ratio', '10.0 AS heavy_ratio', '360 * 1000', '1') found
WHERE found ->> 'object' = :'two_name';
SET dbadvisor.min_window = '7d';
SELECT is(severity, 'info', 'in the first hour it is only for the record')
FROM test.finding('misestimate', :'two_name');
SET dbadvisor.min_window = 0;

-- pg_monitor sees what a superuser sees.
\set seen 'SELECT jsonb_agg(jsonb_build_array(r.object, r.fix, r.undo, r.caution) ORDER BY r.object) FROM dbadvisor.recommendations(''{statement}'', ''info'') r WHERE r.rule = ''misestimate'''
SELECT (:seen) AS as_superuser \gset
SET ROLE pg_monitor;
SELECT (:seen) AS as_monitor \gset
RESET ROLE;
SELECT is(:'as_monitor'::jsonb, :'as_superuser'::jsonb, 'pg_monitor is told the same');

-- The fixes mend the estimates.
CREATE TABLE before AS
    SELECT r.object, r.fix, r.undo FROM dbadvisor.recommendations('{statement}', 'info') r
    WHERE r.rule = 'misestimate' AND r.fix IS NOT NULL;
SELECT is((SELECT count(*) FROM before), 5::bigint, 'there are five fixes');
SELECT cmp_ok(test.factor(:'two', 'Seq Scan'), '>=', 10.0, 'two columns: before, more than tenfold');
SELECT cmp_ok(test.factor(:'groups', 'Aggregate'), '<=', 0.1, 'groups: before, less than a tenth');
SELECT cmp_ok(test.factor(:'number', 'Seq Scan'), '>=', 10.0, 'values: before, more than tenfold');
SELECT fix AS no_analyze FROM before WHERE fix ~ '^ANALYZE.*loaded' \gset
SELECT is(:'no_analyze'::text, 'ANALYZE public.loaded;', 'the new rows need ANALYZE alone');
SELECT command FROM before, unnest(string_to_array(fix, E';\n')) AS command \gexec
SELECT ok(test.factor(:'two', 'Seq Scan') BETWEEN 0.5 AND 2, 'two columns: after, it is right');
SELECT ok(test.factor(:'groups', 'Aggregate') BETWEEN 0.5 AND 2, 'groups: after, it is right');
SELECT ok(test.factor(:'number', 'Seq Scan') BETWEEN 0.5 AND 2, 'values: after, it is right');
SELECT ok(test.factor(:'loaded', 'Seq Scan') BETWEEN 0.9 AND 1.1, 'new rows: after, it is right');
SELECT ok(test.factor(:'newest', 'Seq Scan') BETWEEN 0.9 AND 1.1, 'newest rows: after, it is right');
SELECT is_empty($$SELECT detail FROM dbadvisor.recommendations('{statement}', 'info') WHERE rule = 'misestimate' AND fix IS NOT NULL$$,
                'the fixes end the findings');

-- They stay away when the statements run again.
SELECT test.facts('AS two ') AS before_two, test.facts('AS groups ') AS before_groups,
       test.facts('AS skewed') AS before_skewed, test.facts('AS fresh') AS before_fresh \gset
\o /dev/null
SELECT unnest(ARRAY[:'two', :'groups', :'number', :'loaded']) FROM generate_series(1, 4) \gexec
\o
SELECT ok(NOT test.found('misestimate', :'two_name')
          AND NOT test.found('misestimate', test.named('AS groups '))
          AND NOT test.found('misestimate', test.named('AS skewed'))
          AND NOT test.found('misestimate', test.named('AS fresh')), 'also when the statements run again');
SELECT ok(test.facts('AS two ') = :before_two AND test.facts('AS groups ') = :before_groups
          AND test.facts('AS skewed') = :before_skewed AND test.facts('AS fresh') = :before_fresh,
          'for what was wrong is seen no more');

-- The undos leave nothing behind; and what is there already is not advised.
SELECT command FROM before, unnest(string_to_array(undo, E';\n')) AS command WHERE undo IS NOT NULL \gexec
SELECT is((SELECT count(*) FROM pg_statistic_ext) || ' ' ||
          (SELECT count(*) FROM pg_attribute a
           WHERE a.attrelid = '"Car park"'::regclass AND coalesce((to_jsonb(a) ->> 'attstattarget')::int, -1) > 0), '0 0',
          'the undos take it all back');
SELECT found ->> 'fix' AS fix
FROM test.rows_with('misestimate', '1000 AS high_target', '500 AS high_target', 'coalesce(t.last_analyze, ''-infinity'')', '''-infinity''') found
WHERE found ->> 'object' = :'two_name' \gset
SELECT is(:'fix'::text, E'CREATE STATISTICS public."Car park_make_Model_dependencies" (dependencies) ON make, "Model" FROM public."Car park";\nANALYZE public."Car park";',
          'where the list would be too long it is dependencies alone');
:fix
SELECT ok(test.factor(:'two', 'Seq Scan') BETWEEN 0.5 AND 2, 'which helps as well');
DROP STATISTICS "Car park_make_Model_dependencies";
CREATE STATISTICS own (mcv, ndistinct) ON make, "Model", engine FROM "Car park";
\o /dev/null
SELECT unnest(ARRAY[:'two', :'groups']) FROM generate_series(1, 4) \gexec
\o
SELECT ok(test.facts('AS groups ') > 0
          AND NOT test.found('misestimate', test.named('AS two '))
          AND NOT test.found('misestimate', test.named('AS groups ')), 'where such statistics are there, no more are advised');

SELECT * FROM finish();
