-- statement_repeats: what a client sends once per row of a list (\gexec does
-- just that) and what a function or a trigger executes once per row; and what
-- looks like it.  The sequences that psql cannot send are in static/repeats.t.
\ir ../rule.psql
SELECT plan(21);

-- The texts behind the numbers, those of nested statements included.
SET pg_stat_statements.track = 'all';

CREATE TABLE customer (id int PRIMARY KEY, name text, state text DEFAULT 'new');
INSERT INTO customer SELECT i, 'customer ' || i FROM generate_series(1, 100) i;
CREATE TABLE purchase (id int PRIMARY KEY, customer int REFERENCES customer);
INSERT INTO purchase SELECT i, i FROM generate_series(1, 100) i;
CREATE TABLE imported (id int);
ANALYZE customer, purchase;

-- The statements of this database; others run the same tests.
CREATE VIEW test.known AS
    SELECT s.* FROM pg_stat_statements s, pg_database d
    WHERE d.oid = s.dbid AND d.datname = current_database();
-- What is known of a statement: how it begins, once per row of what else.
CREATE FUNCTION test.repeats(how text, statement text, parent text DEFAULT '')
RETURNS TABLE (occasions bigint, repeats bigint, max_repeats bigint, repeat_ms float8)
LANGUAGE sql VOLATILE AS $$
    SELECT r.occasions, r.repeats, r.max_repeats, r.repeat_ms
    FROM dbadvisor.statement_repeats r
    WHERE r.kind = how
      AND EXISTS (SELECT FROM test.known s
                  WHERE s.queryid = r.queryid AND s.toplevel = r.toplevel AND s.userid = r.userid
                    AND s.dbid = r.dbid AND s.query ~ ('^' || statement))
      AND EXISTS (SELECT FROM test.known s
                  WHERE s.queryid = r.parent_queryid AND s.query ~ ('^' || parent))
$$;

-- --- a client ---------------------------------------------------------------
\o /dev/null
BEGIN;
SELECT format('SELECT name FROM customer WHERE id = %s', customer) FROM purchase ORDER BY id LIMIT 20 \gexec
COMMIT;
BEGIN;
SELECT format('SELECT name FROM customer WHERE id = %s', customer) FROM purchase ORDER BY id LIMIT 30 \gexec
COMMIT;
BEGIN;
SELECT format('SELECT name FROM customer WHERE id = %s', customer) FROM purchase ORDER BY id LIMIT 10 \gexec
COMMIT;
\o
SELECT is(array[r.occasions, r.repeats, r.max_repeats], array[3, 60, 30]::bigint[], 'a statement per row of a list, three times')
FROM test.repeats('client', 'SELECT name FROM customer', 'SELECT format.* FROM purchase') r;
SELECT cmp_ok(r.repeat_ms, '>', 0::float8, 'with the time it took')
FROM test.repeats('client', 'SELECT name FROM customer') r;
SELECT ok(r.toplevel AND r.userid = (SELECT oid FROM pg_roles WHERE rolname = current_user),
          'of this user, sent by a client')
FROM dbadvisor.statement_repeats r
JOIN test.known s USING (queryid, userid, dbid, toplevel)
WHERE s.query ~ '^SELECT name FROM customer';

-- Outside of a transaction it is over when the next statement comes after a
-- pause.  A busy machine makes pauses elsewhere, too, so not every page counts.
\o /dev/null
SELECT format('SELECT state FROM customer WHERE id = %s', customer) FROM purchase ORDER BY id LIMIT 20 \gexec
\! sleep 0.1
SELECT 'next';
SELECT format('SELECT state FROM customer WHERE id = %s', customer) FROM purchase ORDER BY id LIMIT 20 \gexec
\! sleep 0.1
SELECT 'next';
SELECT format('SELECT state FROM customer WHERE id = %s', customer) FROM purchase ORDER BY id LIMIT 20 \gexec
\! sleep 0.1
SELECT 'next';
SELECT format('SELECT state FROM customer WHERE id = %s', customer) FROM purchase ORDER BY id LIMIT 20 \gexec
\! sleep 0.1
SELECT 'next';
SELECT format('SELECT state FROM customer WHERE id = %s', customer) FROM purchase ORDER BY id LIMIT 20 \gexec
\! sleep 0.1
SELECT 'next';
SELECT format('SELECT state FROM customer WHERE id = %s', customer) FROM purchase ORDER BY id LIMIT 20 \gexec
\! sleep 0.1
SELECT 'next';
SELECT format('SELECT state FROM customer WHERE id = %s', customer) FROM purchase ORDER BY id LIMIT 20 \gexec
\! sleep 0.1
SELECT 'next';
SELECT format('SELECT state FROM customer WHERE id = %s', customer) FROM purchase ORDER BY id LIMIT 20 \gexec
\! sleep 0.1
SELECT 'next';
\o
SELECT is(r.max_repeats, 20::bigint, 'without a transaction, too')
FROM test.repeats('client', 'SELECT state FROM customer', 'SELECT format.* FROM purchase') r WHERE r.occasions BETWEEN 1 AND 8;

\o /dev/null
BEGIN;
SELECT format('SELECT 1'), format('SELECT upper(name) FROM customer WHERE id = %s', customer),
       format('UPDATE customer SET state = ''old'' WHERE id = %s', customer)
FROM purchase ORDER BY id LIMIT 15 \gexec
COMMIT;
\o
SELECT is(r.repeats, 15::bigint, 'two statements per row, and one that tests the connection: a SELECT')
FROM test.repeats('client', 'SELECT upper') r;
SELECT is(r.repeats, 15::bigint, 'and an UPDATE')
FROM test.repeats('client', 'UPDATE customer') r;
SELECT is_empty($$SELECT * FROM test.repeats('client', 'SELECT \$1$')$$, 'but not the test');

-- --- what only looks alike --------------------------------------------------
-- In transactions, where everything else speaks for it.
\o /dev/null
BEGIN;
SELECT 'SELECT left(name, 1) FROM customer WHERE id = 7' FROM purchase ORDER BY id LIMIT 20 \gexec
COMMIT;
BEGIN;
SELECT format('SELECT left(name, 2) FROM customer WHERE id > %s LIMIT 1', customer) FROM purchase ORDER BY id LIMIT 20 \gexec
COMMIT;
BEGIN;
SELECT format('INSERT INTO imported SELECT id FROM customer WHERE id = %s', customer) FROM purchase ORDER BY id LIMIT 20 \gexec
COMMIT;
BEGIN;
SELECT format('SELECT lower(name) FROM customer WHERE id = %s', customer) FROM purchase ORDER BY id LIMIT 9 \gexec
COMMIT;
BEGIN;
-- A parent with one row of twelve columns.
SELECT format(q, 1), format(q, 2), format(q, 3), format(q, 4), format(q, 5), format(q, 6),
       format(q, 7), format(q, 8), format(q, 9), format(q, 10), format(q, 11), format(q, 12)
FROM (VALUES ('SELECT reverse(name) FROM customer WHERE id = %s')) AS v (q) \gexec
COMMIT;
BEGIN;
SELECT format('SELECT id FROM customer WHERE state IN (''new'', ''old'') AND name = name OR id = %s', customer)
FROM purchase ORDER BY id LIMIT 20 \gexec
COMMIT;
\o
SELECT is_empty($$SELECT * FROM test.repeats('client', 'SELECT left\(name, (1|\$1)\) FROM customer WHERE id =')$$, 'the same value again and again');
SELECT is_empty($$SELECT * FROM test.repeats('client', 'SELECT left\(name, .*\) FROM customer WHERE id >')$$, 'no look-up by key');
SELECT is_empty($$SELECT * FROM test.repeats('client', 'INSERT')$$, 'an importer');
SELECT is_empty($$SELECT * FROM test.repeats('client', 'SELECT lower')$$, 'a list of nine');
SELECT is_empty($$SELECT * FROM test.repeats('client', 'SELECT reverse')$$, 'no list');
SELECT is_empty($$SELECT * FROM test.repeats('client', 'SELECT id FROM customer WHERE state')$$, 'a statement that returns many rows');

-- --- functions and triggers -------------------------------------------------
CREATE FUNCTION total(rows int) RETURNS bigint LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    r record;
    sum bigint = 0;
BEGIN
    FOR r IN SELECT p.customer FROM purchase p ORDER BY p.id LIMIT rows LOOP
        sum := sum + (SELECT length(c.name) FROM customer c WHERE c.id = r.customer);
    END LOOP;
    RETURN sum;
END $$;
\o /dev/null
SELECT total(25);
SELECT total(40);
SELECT total(9);
\o
SELECT is(array[r.occasions, r.repeats, r.max_repeats], array[2, 65, 40]::bigint[], 'a function that executes a statement per row')
FROM test.repeats('loop', '.*\(SELECT length', 'SELECT total') r;
SELECT ok(NOT r.toplevel, 'which is a nested statement')
FROM dbadvisor.statement_repeats r
JOIN test.known s USING (queryid, userid, dbid, toplevel)
WHERE s.query ~ '\(SELECT length';
SELECT is_empty($$SELECT * FROM test.repeats('loop', 'SELECT p.customer')$$, 'the list itself is executed once');
SELECT is_empty($$SELECT * FROM test.repeats('client', '.*\(SELECT length')$$, 'no client repeats it');

CREATE FUNCTION audit() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO imported VALUES (new.id);
    RETURN new;
END $$;
CREATE TRIGGER audit AFTER UPDATE ON purchase FOR EACH ROW EXECUTE FUNCTION audit();
UPDATE purchase SET id = id + 1000 WHERE id <= 30;
SELECT is(array[r.occasions, r.repeats], array[1, 30]::bigint[], 'a trigger, for each row')
FROM test.repeats('loop', 'INSERT INTO imported VALUES', 'UPDATE purchase') r;

-- Checks of foreign keys: one per row inserted, one per row deleted.
INSERT INTO purchase SELECT i, 1 FROM generate_series(2001, 2050) i;
DELETE FROM purchase WHERE customer > 50;
DELETE FROM customer WHERE id > 50;
SELECT is_empty($$SELECT * FROM test.repeats('loop', '.*', 'INSERT INTO purchase')$$, 'the check of a foreign key is none');
SELECT is_empty($$SELECT * FROM test.repeats('loop', '.*', 'DELETE FROM customer')$$, 'on neither side');

\o /dev/null
SELECT format('SELECT total(%s)', customer) FROM purchase WHERE customer BETWEEN 11 AND 40 ORDER BY id LIMIT 20 \gexec
\o
SELECT is(array[r.occasions, r.max_repeats], array[22, 40]::bigint[], 'a loop in each statement of a client')
FROM test.repeats('loop', '.*\(SELECT length', 'SELECT total') r;

SELECT * FROM finish();
