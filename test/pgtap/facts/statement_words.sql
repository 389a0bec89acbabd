-- What sentences say of statements: a text in one line in which the table is seen,
-- how to read the rest, whether it takes row locks, and that it waits.
\ir ../rule.psql
SELECT plan(13);

SELECT is(dbadvisor.in_one_line(E'SELECT a,\n  b FROM t'), 'SELECT a, b FROM t', 'a short text is one line');
SELECT is(dbadvisor.in_one_line(NULL), '(its text is lost)', 'and one that is not known says so');
SELECT is(dbadvisor.in_one_line('select ' || repeat('o.a_long_name, ', 300) || 'extract(year from o.at) as m from "Odd order" o WHERE o.id = $1'),
          'select o.a_long_name, o.a_long_name, o.a... FROM "Odd order" o WHERE o.id = $1', 'a long list of columns does not hide the table');
SELECT is(dbadvisor.in_one_line('SELECT ' || repeat('o.a_long_name, ', 10) || '1 FROM t WHERE ' || repeat('x = $1 AND ', 20) || 'true', 80),
          'SELECT o.a_long_name, o.a_long_name, o.a... FROM t WHERE x = $1 AND x = $1 AND x...', 'also where the rest is too long');
SELECT is(dbadvisor.in_one_line('SELECT count(*), max(x) FROM t WHERE ' || repeat('x = $1 AND ', 20) || 'true', 60),
          'SELECT count(*), max(x) FROM t WHERE x = $1 AND x = $1 AND x...', 'and a short list stays');
SELECT is(dbadvisor.in_one_line('SELECT a, (SELECT count(*) FROM u WHERE u.long_name = t.id) AS u FROM t WHERE ' || repeat('x = $1 AND ', 20) || 'true', 60),
          'SELECT a, (SELECT count(*) FROM u WHERE u.long_name = t.id) ...', 'and so does a subquery');
SELECT is(dbadvisor.in_one_line('INSERT INTO t SELECT ' || repeat('a_long_name, ', 20) || '1 FROM s', 30), 'INSERT INTO t SELECT a_long_na...',
          'other texts are cut');
SELECT is(dbadvisor.in_one_line('SELECT ' || repeat('(', 90) || ' FROM ' || repeat('x', 30), 30), 'SELECT (((((((((((((((((((((((...', 'and so is what cannot be made out');

SELECT is(dbadvisor.where_to_read('SELECT 1', 5), NULL, 'a whole text need not be read elsewhere');
SELECT is(dbadvisor.where_to_read(repeat('x ', 100), -5), 'The whole text: SELECT query FROM dbadvisor.known_statements WHERE queryid = -5.', 'one that was cut can be');
SELECT lives_ok(substring(dbadvisor.where_to_read(repeat('x ', 100), -5) FROM ': (.*)[.]$'), 'with a command that runs');

SELECT is_empty($$SELECT t, expected FROM (VALUES
        ('UPDATE t SET a = 1', true), ('update only "T" set a = 1', true), ('DELETE FROM t', true), ('INSERT INTO t VALUES (1)', true),
        ('MERGE INTO t USING s ON true WHEN MATCHED THEN DELETE', true), ('WITH d AS (DELETE FROM t RETURNING 1) SELECT 1', true),
        ('SELECT 1 FROM t FOR UPDATE', true), ('SELECT 1 FROM t FOR NO KEY UPDATE OF t', true), ('SELECT 1 FROM t FOR KEY SHARE', true),
        ('SELECT updated, deleted FROM t', false), ('SELECT share FROM t', false), ('SELECT 1', false),
        ('SELECT 1 FROM t FOR UPDATE SKIP LOCKED', false), ('SELECT 1 FROM t FOR SHARE NOWAIT', false), (NULL, false)) v(t, expected)
    WHERE dbadvisor.takes_row_locks(t) <> expected$$, 'what waits for row locks is told from what does not');
SELECT is(left(dbadvisor.waits_in_words('UPDATE t SET a = 1', 1), 60) || left(dbadvisor.waits_in_words('SELECT 1', 4.2), 62),
          'It touches 1 block a call, so it does not work but wait: forIt touches 4 blocks a call, so it does not read but wait or co', 'and the sentences differ');

SELECT * FROM finish();
