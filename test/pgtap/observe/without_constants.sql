-- without_constants: no constant and no comment is left of a text, and whatever
-- the text is, no error comes of it.
\ir ../rule.psql
SELECT plan(13);

SELECT is(dbadvisor.without_constants($t$UPDATE a SET n = 1, s = 'x', t=$$pw-hunter2-1$$||E'a\'secret\'b'||U&'d\0061t', b = B'1' || X'1F' WHERE c = 1.5e3$t$),
          'UPDATE a SET n = ?, s = ?, t=?||?||?, b = ? || ? WHERE c = ?', 'every kind of constant is replaced');
SELECT is(dbadvisor.without_constants($t$SELECT $1, $2 FROM "it's $3" WHERE a IN ($3 /*, ... */)$t$),
          'SELECT ?, ? FROM "it''s $3" WHERE a IN (? )', 'and every parameter, but no name');
SELECT is(dbadvisor.without_constants(E'  SELECT a\n\t, b -- it''s\n /* c ''/* d */ */ FROM t;'), 'SELECT a , b FROM t;',
          'comments and lines are a space');
SELECT is(dbadvisor.without_constants('SELECT -1, - -2, a -1, a - 1, (a)-1, 2 * -1, 1 - -1'), 'SELECT ?, ?, a -?, a - ?, (a)-?, ? * ?, ? - ?',
          'a sign goes with its number');
SELECT is(dbadvisor.without_constants('SELECT true, NULL, a IS NULL, a IS NOT NULL, b IS FALSE, nullable'),
          'SELECT ?, ?, a IS NULL, a IS NOT NULL, b IS FALSE, nullable', 'true and NULL are values, but not in conditions that have them in their name');

-- What a server's log may have of a statement.
SELECT is(dbadvisor.without_constants('SELECT a FROM t WHERE b = ''sec'), 'SELECT a FROM t WHERE b =...', 'a text that was cut in a string ends before it');
SELECT is(array(SELECT dbadvisor.without_constants(t)
                FROM unnest(ARRAY['SELECT a, "unfinis', 'SELECT a, /* unfinis', 'SELECT a, $x$ unfinis', 'SELECT a, B''1', 'SELECT a, E''\u12']) t),
          array_fill('SELECT a,...'::text, ARRAY[5]), 'and so one that was cut elsewhere');
SELECT is(dbadvisor.without_constants($t$SELECT a, E'\xff', 'secret'$t$), 'SELECT a,...', 'and one with characters that are none');
SELECT is(dbadvisor.without_constants($t$SELECT a, 'it\'s a secret', b$t$), 'SELECT a, ...', 'and one whose quotes may mean something else');
SELECT is(dbadvisor.without_constants($t$SELECT \ # ß € ` a$t$), 'SELECT \ # ß € ` a', 'what means nothing stays');
SELECT is(dbadvisor.without_constants(''), '', 'and nothing is nothing');
SELECT is((SELECT count(dbadvisor.without_constants(left(s.query, n) || chr(8364) || right(s.query, n)))
           FROM (SELECT string_agg(r.query, ';' ORDER BY r.name) AS query FROM dbadvisor.rules r) s,
                generate_series(0, 20000, 97) n),
          (20000 / 97 + 1)::bigint, 'wherever it is cut');
SELECT is(current_setting('client_min_messages') || current_setting('log_min_messages'), 'warningwarning', 'settings are as before');

SELECT * FROM finish();
