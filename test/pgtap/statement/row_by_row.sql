-- row_by_row: statements that functions, triggers and DO blocks run for each row
-- are reported, with the function; one statement for all rows, few and slow
-- executions, foreign keys, extensions and what ran once are not.
\ir ../rule.psql
SELECT plan(27);

CREATE TABLE item (id int PRIMARY KEY, kind int, n int DEFAULT 0);
INSERT INTO item SELECT i, i % 10, 0 FROM generate_series(1, 50) i;
CREATE TABLE total (kind int PRIMARY KEY, n int DEFAULT 0);
INSERT INTO total SELECT generate_series(0, 9);
CREATE TABLE note (item int REFERENCES item ON DELETE CASCADE);
CREATE SCHEMA "Odd";
CREATE FUNCTION "Odd"."count all"() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    r record;
BEGIN
    FOR r IN SELECT id FROM item LOOP
        UPDATE item SET n = n + 1 WHERE id = r.id;
    END LOOP;
END $$;
CREATE FUNCTION add_up() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE total SET n = n + 1 WHERE kind = NEW.kind;
    RETURN NULL;
END $$;
CREATE TRIGGER add_up AFTER INSERT ON item FOR EACH ROW EXECUTE FUNCTION add_up();
CREATE FUNCTION total_of(int) RETURNS int LANGUAGE sql STABLE AS 'SELECT n FROM total WHERE kind = $1 LIMIT 1';
CREATE FUNCTION once() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    FOR i IN 1 .. 50 LOOP
        PERFORM n + 1 FROM item WHERE id = i;
    END LOOP;
END $$;
CREATE FUNCTION heavy() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    FOR i IN 1 .. 10 LOOP
        PERFORM count(*), pg_sleep(0.012) FROM item WHERE kind = i;
    END LOOP;
END $$;
CREATE FUNCTION partman_like() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    FOR i IN 1 .. 50 LOOP
        PERFORM n + 2 FROM item WHERE id = i;
    END LOOP;
END $$;
-- As if an extension had brought it.
ALTER EXTENSION pgtap ADD FUNCTION partman_like();
CREATE PROCEDURE at_once() LANGUAGE plpgsql AS $$
BEGIN
    UPDATE item SET n = item.n - 1 FROM total WHERE total.kind = item.kind;
END $$;

CREATE PROCEDURE migrate() LANGUAGE plpgsql AS $$
BEGIN
    FOR i IN 1 .. 100 LOOP
        UPDATE item SET n = n + 3 + 0 * id WHERE id = i % 50;
        IF i % 20 = 0 THEN COMMIT; END IF;
    END LOOP;
END $$;

-- Batches, with a commit between them; and one row at a time.
CREATE TABLE log (id int PRIMARY KEY, done boolean);
INSERT INTO log SELECT i FROM generate_series(1, 12000) i;
CREATE PROCEDURE purge() LANGUAGE plpgsql AS $$
BEGIN
    FOR i IN 1 .. 12 LOOP
        DELETE FROM log WHERE id IN (SELECT id FROM log ORDER BY id LIMIT 200);
        COMMIT;
    END LOOP;
END $$;
CREATE PROCEDURE purge_slowly() LANGUAGE plpgsql AS $$
BEGIN
    FOR i IN 1 .. 20 LOOP
        DELETE FROM log WHERE id = (SELECT max(id) FROM log) AND done IS NULL;
    END LOOP;
END $$;
CREATE FUNCTION as_often(times int) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    FOR i IN 1 .. times LOOP
        PERFORM n - 7 FROM item WHERE kind = 7 AND id = i;
    END LOOP;
END $$;
-- It changes NEW, as nothing but a row's trigger can.
CREATE TABLE sale (kind int, n int);
CREATE FUNCTION set_number() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.n := (SELECT n + 5 FROM total WHERE kind = NEW.kind);
    RETURN NEW;
END $$;
CREATE TRIGGER set_number BEFORE INSERT ON sale FOR EACH ROW EXECUTE FUNCTION set_number();

CREATE FUNCTION test.named(pattern text) RETURNS text LANGUAGE sql VOLATILE AS $$
    SELECT 'statement ' || s.queryid
    FROM dbadvisor.user_statements s
    WHERE s.query ~ pattern
      AND NOT s.toplevel
    ORDER BY s.calls DESC
    LIMIT 1
$$;
-- So little work is no 10 s an hour.
CREATE FUNCTION test.lenient(changed text DEFAULT '10 AS max_mean_ms') RETURNS SETOF jsonb LANGUAGE sql VOLATILE AS $$
    SELECT test.rows_with('row_by_row', '10 * 1000 AS min_ms_per_hour', '0 AS min_ms_per_hour',
                          '10 AS max_mean_ms', changed)
$$;

\o /dev/null
SELECT 'SELECT "Odd"."count all"()' FROM generate_series(1, 4) \gexec
SELECT format('INSERT INTO item SELECT i, i %% 10 FROM generate_series(%s, %s) i', 100 * i, 100 * i + 29) FROM generate_series(1, 4) i \gexec
SELECT 'SELECT kind, total_of(kind) FROM item WHERE id <= 50' FROM generate_series(1, 4) \gexec
SELECT 'DO $$ DECLARE x int; BEGIN FOR i IN 1 .. 40 LOOP SELECT kind INTO x FROM item WHERE id = i; END LOOP; END $$' FROM generate_series(1, 4) \gexec
SELECT 'SELECT once()' FROM generate_series(1, 2) \gexec
SELECT 'SELECT heavy()' FROM generate_series(1, 4) \gexec
SELECT 'SELECT partman_like()' FROM generate_series(1, 4) \gexec
SELECT 'CALL at_once()' FROM generate_series(1, 4) \gexec
CALL migrate();
SELECT 'CALL purge()' FROM generate_series(1, 4) \gexec
SELECT 'CALL purge_slowly()' FROM generate_series(1, 4) \gexec
SELECT 'INSERT INTO sale SELECT i % 10 FROM generate_series(1, 30) i' FROM generate_series(1, 4) \gexec
-- Not as many each time.
SELECT format('SELECT as_often(%s)', n) FROM unnest('{20,40,60}'::int[]) n \gexec
INSERT INTO note SELECT id FROM item WHERE id >= 100;
SELECT format('DELETE FROM item WHERE id BETWEEN %s AND %s', 100 * i, 100 * i + 29) FROM generate_series(1, 4) i \gexec
\o

SELECT test.named('^UPDATE item SET n = n') AS loop,
       test.named('^UPDATE total') AS trigger,
       test.named('^SELECT n FROM total') AS function,
       test.named('kind +FROM item WHERE id = i') AS block,
       test.named('^SELECT n \+ .* WHERE id = i') AS quiet,
       test.named('^SELECT count\(\*\), pg_sleep') AS heavy \gset

SELECT is(concat_ws(' ', found ->> 'severity', found #>> '{evidence,occasions}', found #>> '{evidence,repeats}', found #>> '{evidence,max_repeats}'),
          'notice 4 200 50', 'an UPDATE in a loop is reported with how often')
FROM test.lenient() found WHERE found ->> 'object' = :'loop';
SELECT matches(found ->> 'detail', '^The function "Odd"."count all" executes this once per row: 200 times on 4 occasions, 50 each, for .* an hour: UPDATE item SET n = n \+ \$[0-9]+ WHERE id = r.id -- within: SELECT "Odd"."count all"\(\)$',
               'and its function')
FROM test.lenient() found WHERE found ->> 'object' = :'loop';
SELECT ok(found ->> 'fix' IS NULL AND found ->> 'caution' LIKE 'Do it for all rows in one statement: UPDATE .. FROM%', 'and what to do')
FROM test.lenient() found WHERE found ->> 'object' = :'loop';
SELECT ok(abs((found #>> '{evidence,repeat_ms}')::float8 - s.total_ms) < 1, 'and the time that it took')
FROM test.lenient() found, dbadvisor.user_statements s
WHERE found ->> 'object' = :'loop' AND 'statement ' || s.queryid = :'loop';

SELECT ok(found ->> 'detail' LIKE 'The trigger function public.add_up executes this once per row: 120 times on 4 occasions, 30 each%'
          AND found ->> 'caution' LIKE '%FOR EACH STATEMENT%', 'a row trigger is named as one')
FROM test.lenient() found WHERE found ->> 'object' = :'trigger';
SELECT ok(found ->> 'detail' LIKE 'The function public.total_of executes%', 'and a function in a list of columns')
FROM test.lenient() found WHERE found ->> 'object' = :'function';
SELECT ok(found ->> 'detail' LIKE 'A DO block executes%', 'and a DO block')
FROM test.lenient() found WHERE found ->> 'object' = :'block';

SELECT ok(found ->> 'detail' ~ ': 120 times on 3 occasions, 40 each on average and 60 at most, for', 'the most is said where it is more')
FROM test.lenient() found WHERE found ->> 'object' = test.named('^SELECT n - .*FROM item');
SELECT ok(found ->> 'detail' LIKE 'The trigger function public.set_number executes%'
          AND found ->> 'caution' LIKE 'A trigger that changes NEW must stay FOR EACH ROW: read what it looks up once%', 'a BEFORE trigger gets other advice')
FROM test.lenient() found WHERE found ->> 'detail' ~ 'set_number';
SELECT cmp_ok((SELECT sum(r.repeats) FROM dbadvisor.statement_repeats r WHERE 'statement ' || r.queryid = test.named('DELETE FROM log .* LIMIT')), '>=', 30::numeric,
          'a loop over batches was seen');
SELECT is_empty($$SELECT found ->> 'detail' FROM test.lenient() found WHERE found ->> 'detail' ~ 'DELETE .* LIMIT'$$, 'and is not reported');
SELECT ok(found ->> 'detail' LIKE 'The procedure public.purge_slowly executes this once per row: 80 times on 4 occasions, 20 each,%', 'a loop over rows in a procedure is')
FROM test.lenient() found WHERE found ->> 'detail' ~ 'purge';
SELECT is((SELECT count(*)::int FROM test.lenient() found WHERE found ->> 'detail' ~ 'DELETE FROM log'), 1, 'and it alone');

SELECT is((SELECT count(*)::int FROM dbadvisor.statement_repeats r JOIN dbadvisor.user_statements s USING (queryid)
           WHERE r.kind = 'loop' AND s.query ~ 'pg_sleep'), 1, 'a loop with few slow executions was seen');
SELECT is_empty($$SELECT found ->> 'object' FROM test.lenient() found WHERE found ->> 'detail' ~ 'pg_sleep'$$, 'and is not reported');
SELECT isnt_empty($$SELECT found FROM test.lenient('100 AS max_mean_ms') found WHERE found ->> 'detail' ~ 'pg_sleep'$$,
                  'for it is they that take the time');
SELECT is_empty($$SELECT found ->> 'detail' FROM test.lenient() found WHERE found ->> 'detail' ~ 'once\('$$, 'nor is what ran twice');
SELECT is((SELECT sum(r.occasions)::int FROM dbadvisor.statement_repeats r WHERE 'statement ' || r.queryid = :'quiet'), 6,
          'which is the same statement as that of the extension');
SELECT is_empty($$SELECT found ->> 'detail' FROM test.lenient() found WHERE found ->> 'detail' ~ 'partman_like|note'$$,
                'nor are extensions and foreign keys');
SELECT is_empty($$SELECT found ->> 'detail' FROM test.lenient() found WHERE found ->> 'detail' ~ 'at_once|UPDATE item SET n = item'$$,
                'nor is one statement for all rows');

SELECT is((SELECT sum(r.occasions)::int FROM dbadvisor.statement_repeats r JOIN dbadvisor.user_statements s USING (queryid) WHERE s.query ~ '3 \+ 0 \* id|n \+ .* \* id'), 5,
          'a loop that commits was seen as several occasions');
SELECT is_empty($$SELECT found ->> 'detail' FROM test.lenient() found WHERE found ->> 'detail' ~ 'migrate'$$,
                'but ran once, as migrations do');
SELECT is_empty($$SELECT found ->> 'detail' FROM test.lenient() found WHERE found ->> 'detail' ~ 'xact'$$,
                'what reads no table is not row by row');
SELECT ok(NOT test.found('row_by_row', :'loop') OR (evidence ->> 'ms_per_hour')::numeric >= 10000, 'what costs little is not reported')
FROM (SELECT (test.finding('row_by_row', :'loop')).*) f;
SET dbadvisor.min_window = '7d';
SELECT is(found ->> 'severity', 'info', 'in the first hour it is only for the record')
FROM test.lenient() found WHERE found ->> 'object' = :'loop';
SET dbadvisor.min_window = 0;

\set seen 'SELECT jsonb_agg(found #- ''{evidence,hours}'' #- ''{evidence,ms_per_hour}'' #- ''{detail}'' #- ''{costs_ms_per_hour}'' ORDER BY found ->> ''object'') FROM test.lenient() found'
SELECT (:seen) AS as_superuser \gset
GRANT USAGE ON SCHEMA test TO pg_monitor;
SET ROLE pg_monitor;
SELECT (:seen) AS as_monitor \gset
RESET ROLE;
SELECT is(:'as_monitor'::jsonb, :'as_superuser'::jsonb, 'pg_monitor is told the same');
SELECT is(status, 'examined', 'the rule ran') FROM dbadvisor.coverage('{statement}') WHERE rule = 'row_by_row';

SELECT * FROM finish();
