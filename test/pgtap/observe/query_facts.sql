-- statement_columns: which columns of its table a statement sets, and which it
-- compares with values that are known when it runs.
\ir ../rule.psql
SELECT plan(42);

CREATE TABLE items (
    id int PRIMARY KEY, grp int, price numeric, name text, code char(4), made timestamptz, closed bool,
    doubled int GENERATED ALWAYS AS (id * 2) STORED
);
CREATE TABLE parents (id int PRIMARY KEY, name text);
CREATE TABLE children (id int PRIMARY KEY, parent int REFERENCES parents ON DELETE CASCADE ON UPDATE CASCADE);
CREATE TABLE years (id int, year int) PARTITION BY RANGE (year);
CREATE TABLE years_all PARTITION OF years DEFAULT;
CREATE VIEW open_items AS SELECT id AS number, grp AS class, name FROM items WHERE NOT closed;
CREATE VIEW first_items AS SELECT number, name FROM open_items WHERE class = 1;
CREATE VIEW counted AS SELECT grp, count(*) AS n FROM items GROUP BY grp;
CREATE TABLE secret (id int, tenant text, v int);
ALTER TABLE secret ENABLE ROW LEVEL SECURITY;
ALTER TABLE secret FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON secret USING (tenant = current_user);

-- What is known of the statement whose normalised text begins so: the table,
-- columns set | equal to a value | in a range, and its flags.
CREATE FUNCTION test.names(relation oid, columns int2[]) RETURNS text LANGUAGE sql VOLATILE AS $$
    SELECT coalesce(string_agg(attname, ' ' ORDER BY attnum), '')
    FROM pg_attribute
    WHERE attrelid = relation AND attnum = ANY (columns)
$$;
CREATE FUNCTION test.columns(beginning text) RETURNS text LANGUAGE sql VOLATILE AS $$
    SELECT string_agg(concat(command, ' ', relation::regclass, ': ', test.names(relation, updated), ' | ',
                             test.names(relation, equality), ' | ', test.names(relation, range),
                             CASE WHEN referential THEN ' referential' END,
                             CASE WHEN unbounded THEN ' unbounded' END), ', ')
    FROM dbadvisor.statement_columns
    JOIN dbadvisor.statements s USING (queryid, userid, dbid, toplevel)
    WHERE starts_with(s.query, beginning)
      AND s.dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
$$;

\o /dev/null
SELECT 1 AS a FROM items WHERE id = 5 AND grp < 3 AND name LIKE 'ab%';
SELECT 2 AS a FROM items WHERE 5 = id AND 3 > grp AND name LIKE '%ab' AND price <> 4;
SELECT 3 AS a FROM items WHERE id IN (1, 2, 3) AND grp = ANY ('{1,2}') AND price BETWEEN 1 AND 5;
SELECT 4 AS a FROM items WHERE closed AND name IS NULL AND id IS NOT NULL;
SELECT 5 AS a FROM items WHERE NOT closed AND name LIKE 'abc' AND code = 'x';
SELECT 6 AS a FROM items WHERE closed IS TRUE AND made > now() - interval '1 day';
SELECT 7 AS a FROM items WHERE made < clock_timestamp() AND id = (random() * 10)::int;
SELECT 8 AS a FROM items WHERE id = grp AND price = grp + 1 AND name = name;
SELECT 9 AS a FROM items WHERE id = 5 OR grp = 3;
SELECT 10 AS a FROM items WHERE (made, id) > (now(), 5) AND (grp, price) = (1, 2);
SELECT 11 AS a FROM items WHERE id = (SELECT max(id) FROM parents) AND grp = (SELECT max(p.id) FROM parents p WHERE p.id < items.id);
SELECT 12 AS a FROM items WHERE lower(name) = 'x' AND id::bigint = 7 AND id = 4.0;
SELECT 13 AS a FROM items WHERE id <> ALL ('{1,2}') AND NOT (grp = 3);
SELECT 21 AS b FROM items JOIN parents ON parents.id = items.grp WHERE items.id = 5;
SELECT 22 AS b FROM items JOIN generate_series(1, 2) n ON n = items.id WHERE grp = 5;
SELECT 23 AS b FROM (VALUES (1), (2)) v (n) LEFT JOIN items ON items.id = v.n AND items.grp = 5;
SELECT 24 AS b FROM first_items WHERE number = 5;
SELECT 25 AS b FROM counted WHERE grp = 5;
SELECT 26 AS b FROM (SELECT * FROM items LIMIT 5) i WHERE id = 5;
SELECT 27 AS b FROM years WHERE year = 2026 AND id > 3;
SELECT 28 AS b;
SELECT id FROM items WHERE id = 29 UNION ALL SELECT id FROM items;
WITH w AS MATERIALIZED (SELECT 30 AS b, * FROM items WHERE id = 1) SELECT * FROM w;
INSERT INTO items (id, grp) VALUES (1, 1), (2, 1);
INSERT INTO items (id, name) VALUES (3, 'x') ON CONFLICT (id) DO UPDATE SET name = excluded.name, price = 1;
UPDATE items SET grp = 2, name = name WHERE id = 1 AND price > 3;
UPDATE items SET (name, made) = (SELECT 'a', now()) WHERE id = 2;
UPDATE items SET closed = DEFAULT, id = id + 100;
UPDATE open_items SET name = 'w' WHERE number = 1;
UPDATE open_items SET class = 3;
UPDATE items SET price = p.id FROM parents p WHERE p.id = items.grp;
UPDATE years SET id = 3 WHERE year = 2026;
DELETE FROM items WHERE name = 'nobody';
DELETE FROM items;
DELETE FROM items USING parents p WHERE p.id = items.id AND items.grp = 9;
MERGE INTO items USING (VALUES (5, 'a')) s (i, n) ON items.id = s.i AND items.grp = 4
WHEN MATCHED THEN UPDATE SET name = s.n, price = 0 WHEN NOT MATCHED THEN INSERT (id) VALUES (s.i);
INSERT INTO parents VALUES (1, 'p'), (2, 'q');
INSERT INTO children VALUES (1, 1), (2, 2);
UPDATE parents SET id = 3 WHERE id = 2;
DELETE FROM parents WHERE id = 1;
GRANT SELECT, UPDATE ON secret TO pg_monitor;
GRANT USAGE ON SCHEMA dbadvisor TO pg_monitor;
SET ROLE pg_monitor;
SELECT 41 AS c FROM secret WHERE v = 1;
UPDATE secret SET v = 2;
RESET ROLE;
PREPARE looked_up AS SELECT 42 AS c FROM items WHERE id = $1 AND made >= $2;
EXECUTE looked_up (1, now());
EXECUTE looked_up (2, now());
\o

-- The first words of the texts are normalised: SELECT $1 AS a, and so on up.
CREATE FUNCTION test.nth(name text, condition text) RETURNS text LANGUAGE sql VOLATILE AS $$
    SELECT coalesce(string_agg(test.columns(query), ', '), 'nothing')
    FROM (SELECT DISTINCT query
          FROM dbadvisor.statements
          WHERE query ~ ('^(PREPARE looked_up AS |WITH w AS MATERIALIZED \()?SELECT \$\d+ AS ' || name || '\M')
            AND query LIKE condition
            AND dbid = (SELECT oid FROM pg_database WHERE datname = current_database())) q
$$;
SELECT is(test.nth('a', '%grp < $% AND name LIKE%'), 'SELECT items:  | id | grp name', 'equality, range and the beginning of a text');
SELECT is(test.nth('a', '%price <> %'), 'SELECT items:  | id | grp', 'sides may be exchanged; <> and %x mean nothing');
SELECT is(test.nth('a', '%BETWEEN%'), 'SELECT items:  | id grp | price', 'lists are equality, BETWEEN is a range');
SELECT is(test.nth('a', '%IS NOT NULL%'), 'SELECT items:  | name closed | ', 'a boolean column, and IS NULL');
SELECT is(test.nth('a', '%code = %'), 'SELECT items:  | name code closed | ', 'NOT of one, and LIKE without a wildcard');
SELECT is(test.nth('a', '%IS TRUE%'), 'SELECT items:  | closed | made', 'now() is known when it runs');
SELECT is(test.nth('a', '%clock_timestamp%'), 'SELECT items:  |  | ', 'what changes from row to row is not');
SELECT is(test.nth('a', '%name = name%'), 'SELECT items:  |  | ', 'nor is another column');
SELECT is(test.nth('a', '% OR %'), 'SELECT items:  |  | ', 'behind OR no condition is certain');
SELECT is(test.nth('a', '%(made, id)%'), 'SELECT items:  | grp price | id made', 'rows are compared column by column');
SELECT is(test.nth('a', '%max(id)%'), 'SELECT items:  | id | ', 'a sub-select that does not depend on the row');
SELECT is(test.nth('a', '%lower(%'), 'SELECT items:  |  | ', 'expressions and casts hide the column');
SELECT is(test.nth('a', '%ALL%'), 'SELECT items:  |  | ', 'negations mean nothing');

SELECT is(test.nth('b', '%JOIN parents%'), 'nothing', 'two tables: about neither');
SELECT is(test.nth('b', '%generate_series%'), 'SELECT items:  | grp | ', 'a function is no table');
SELECT is(test.nth('b', '%VALUES%'), 'SELECT items:  |  | ', 'nor is a list; what ON of an outer join says keeps no row out');
SELECT is(test.nth('b', '%first_items%'), 'SELECT items:  | id grp closed | ', 'views are looked through');
SELECT is(test.nth('b', '%counted%'), 'nothing', 'but not those that count');
SELECT is(test.nth('b', '%LIMIT%'), 'nothing', 'nor LIMIT');
SELECT is(test.nth('b', '%years%'), 'SELECT years:  | year | id', 'a partitioned table');
SELECT is((SELECT count(*) FROM dbadvisor.statement_columns JOIN dbadvisor.statements s USING (queryid, userid, dbid, toplevel)
           WHERE s.query = 'SELECT $1 AS b' AND relation <> 0), 0::bigint, 'no table, no columns');
SELECT is(test.columns('SELECT id FROM items WHERE id = $1 UNION'), NULL, 'a union is about no one table');
SELECT is(test.nth('b', '%MATERIALIZED%'), 'nothing', 'nor is WITH');

SELECT is(test.columns('INSERT INTO items (id, grp)'), 'INSERT items:  |  | ', 'INSERT');
SELECT is(test.columns('INSERT INTO items (id, name)'), 'INSERT items: price name |  | ', 'ON CONFLICT sets columns');
SELECT is(test.columns('UPDATE items SET grp'), 'UPDATE items: grp name | id | price', 'UPDATE: also those set to what they are');
SELECT is(test.columns('UPDATE items SET (name'), 'UPDATE items: name made | id | ', 'several columns at once');
SELECT is(test.columns('UPDATE items SET closed'), 'UPDATE items: id closed |  |  unbounded', 'all rows; generated columns are not set');
SELECT is(test.columns('UPDATE open_items SET name'), 'UPDATE items: name | id closed | ', 'through a view');
SELECT is(test.columns('UPDATE open_items SET class'), 'UPDATE items: grp | closed | ', 'which is a condition');
SELECT is(test.columns('UPDATE items SET price'), 'UPDATE items: price |  | ', 'a join is one, too');
SELECT is(test.columns('UPDATE years'), 'UPDATE years: id | year | ', 'a partitioned table');
SELECT is(test.columns('DELETE FROM items WHERE'), 'DELETE items:  | name | ', 'DELETE');
SELECT is((SELECT count(*) FROM dbadvisor.statement_columns WHERE command = 'DELETE' AND relation = 'items'::regclass AND unbounded),
          1::bigint, 'one DELETE of all rows');
SELECT is(test.columns('DELETE FROM items USING'), 'DELETE items:  | grp | ', 'DELETE with a join');
SELECT is(test.columns('MERGE INTO items'), 'MERGE items: price name |  | ', 'MERGE, whose ON keeps no row out');
SELECT is(test.columns('DELETE FROM parents'), 'DELETE parents:  | id | ', 'a DELETE that cascades');
SELECT is(test.columns('DELETE FROM ONLY'), 'DELETE children:  | parent |  referential', 'is followed by the foreign key''s');
SELECT is(test.columns('UPDATE ONLY'), 'UPDATE children: parent | parent |  referential', 'so is an UPDATE');
SELECT is(test.nth('c', '%secret%'), 'SELECT secret:  | tenant v | ', 'row security is a condition');
SELECT is(test.columns('UPDATE secret'), 'UPDATE secret: v | tenant | ', 'of an UPDATE as well');
SELECT is(test.nth('c', '%made >= $%'), 'SELECT items:  | id | made', 'parameters are values');

SELECT * FROM finish();
