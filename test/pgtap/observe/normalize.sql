-- normalize: the text of a statement is the one that pg_stat_statements shows,
-- and no constant of any statement is in it.
\ir ../rule.psql
SELECT plan(13);

CREATE TABLE t (a int, b text, c numeric, d timestamptz, e jsonb, f int[], h date);
CREATE TABLE k (id int PRIMARY KEY, n int, s text);
CREATE TABLE "Odd ""t;" ("ä" text, "$1" int);
DROP ROLE IF EXISTS dbadvisor_test_secretive;
CREATE ROLE dbadvisor_test_secretive;

-- The texts of this database's statements.
CREATE VIEW test.texts AS
    SELECT *
    FROM dbadvisor.statements
    WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database());

\o /dev/null
INSERT INTO t (a, b) VALUES (1, 'it''s'), (-3, E'a\'b\n'), (4, $$dollar$$), (5, $tag$a $$ b$tag$), (6, U&'d\0061t');
INSERT INTO t (a, b) VALUES (+7, U&'d!0061' UESCAPE '!');
SELECT 1, - 1, -1.5, .5, 1e10, 99999999999999999999999, B'1010', X'1F', N'national', true, NULL;
SELECT 1 - 1, a - 1, a -1, a-1, -a, 3-(-2), +1, @ -5, 2 ^ -1, 'x' || 'y' FROM t;
SELECT 'a'
  'b', 'c'  -- trailing 'z' 9
;
SELECT a, 5 /* nested /* 'x' */ 7 */, 'y' FROM t;
  SELECT    a    ,    4   FROM t  ;
SELECT a FROM t WHERE a IN (1,2,3) AND b IN ( 'x' , 'y' ) AND c IN (1) AND a NOT IN (1, 2+3, a);
SELECT a FROM t WHERE a = ANY (ARRAY[[1,2],[3,4]]) OR a = ANY ('{1,2}'::int[]) OR f = ARRAY[a, 1];
SELECT a FROM t WHERE a BETWEEN SYMMETRIC 10 AND 1 AND b = 'after' LIMIT 3 OFFSET 0;
SELECT DATE '2026-01-01', interval '1' year, interval '5 days', int '5', bool 't', '5'::int, -'7'::int, (-9)::int, CAST('6' AS int);
SELECT extract(year FROM h), position('a' IN b), substring(b FROM 1 FOR 2), trim(both 'x' FROM b), normalize('a', NFC), current_date - 30 FROM t;
SELECT CASE a WHEN 1 THEN 'one' WHEN -2 THEN 'two' ELSE 'many' END, coalesce(a, 0), nullif(a, -1) FROM t;
SELECT f[1], f[1:2], f[-1], e->'a', e->-1, e @> '{"x": 1}' FROM t;
SELECT (1,2) = (1,2), ROW(1,'x'), (a,b) > (1,'y'), ROW(a, 1) IN (ROW(1,2), ROW(3,4)) FROM t;
SELECT a+1 AS x, count(*) FILTER (WHERE a > 5) FROM t GROUP BY a+1 HAVING count(*) > 0 ORDER BY 1, 2 DESC;
SELECT lag(a, 1, 0) OVER (ORDER BY a ROWS BETWEEN 1 PRECEDING AND 2 FOLLOWING) FROM t;
SELECT a FROM t UNION SELECT 1 UNION ALL SELECT 2 INTERSECT SELECT -3;
VALUES (1,'a'),(2,'b'),(-3,NULL);
WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n+1 FROM r WHERE n < 5) SELECT n, 'z' FROM r WHERE n > 2;
SELECT * FROM generate_series(1, 10, 2) WITH ORDINALITY g(x, n), LATERAL (SELECT 1 AS q LIMIT 1) z WHERE n < 3;
SELECT a FROM t TABLESAMPLE BERNOULLI (10) REPEATABLE (42) FOR UPDATE SKIP LOCKED;
UPDATE t SET b = 'new', a = a + 1, f[1] = 7 WHERE a = 1 RETURNING 'r', a;
UPDATE t SET (a, b) = (1, 'q') WHERE c IS NULL AND a = -999;
DELETE FROM t WHERE a = 5 OR a = -6;
INSERT INTO k VALUES (1, 2, 'x') ON CONFLICT (id) DO UPDATE SET n = k.n + 1, s = 'y' WHERE k.n < 10;
MERGE INTO k USING (VALUES (1, 'm')) v(i, s) ON k.id = v.i WHEN MATCHED AND k.n > 100 THEN DELETE WHEN NOT MATCHED THEN INSERT VALUES (v.i, 7, 'ins');
SELECT "ä", "$1", 'b' AS "it's 5" FROM "Odd ""t;" WHERE "ä" = 'ö€𝄞' AND "$1" = 1;
SELECT 'a;b', ';', 5 AS "/* no */", '-- no' FROM t;
PREPARE two (int, text) AS SELECT $1 + 1, $2 || 'x', 'y' FROM t WHERE a = $1 AND b = 'k';
EXECUTE two (5, 'z');
PREPARE list (int, int) AS SELECT a FROM t WHERE a IN (1, 2, 3) AND a = $2 AND c = $1 AND b = 'k';
EXECUTE list (1, 2);
SELECT a AS first_of_three FROM t WHERE a = 1 \; SELECT 'two' AS second_of_three, 3 \;  /* mid */ SELECT -3 AS third_of_three;
SELECT -(1) AS signed, - (  (2)) AS twice, 3 AS plain;
ALTER ROLE dbadvisor_test_secretive PASSWORD 'topsecret';
ALTER ROLE dbadvisor_test_secretive PASSWORD E'top\'secret';
ALTER ROLE dbadvisor_test_secretive PASSWORD $pw$topsecret$pw$;
COMMENT ON TABLE k IS 'topsecret';
ALTER ROLE dbadvisor_test_secretive PASSWORD 'topsecret'\; EXPLAIN SELECT a, 'beside a secret' FROM t;
SELECT 'SELECT ' || string_agg(format('%s AS "€€€%1$s"', i), ', ') FROM generate_series(1, 1000) i \gexec
\o

-- What differs from pg_stat_statements.  It leaves a semicolon at the end of what
-- EXPLAIN and the like contain, replaces nothing in utility statements, and
-- pieces of "-(1)" stay.
CREATE VIEW test.pairs AS
    SELECT s.query AS ours, p.query AS theirs
    FROM test.texts s
    JOIN pg_stat_statements p USING (queryid, userid, dbid, toplevel)
    WHERE p.query ~ '^(SELECT|VALUES|WITH|INSERT|UPDATE|DELETE|MERGE|PREPARE)'
      AND s.query NOT LIKE '% AS signed, %'
      AND octet_length(p.query) < 8000;
SELECT cmp_ok((SELECT count(*) FROM test.pairs), '>=', 30::bigint, 'statements are in both');
SELECT is_empty('SELECT ours, theirs FROM test.pairs WHERE ours <> rtrim(theirs, '';'')',
                'and have the same text');

CREATE FUNCTION test.has(text) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT EXISTS (SELECT FROM test.texts WHERE query = $1)
$$;
SELECT ok(test.has('SELECT a AS first_of_three FROM t WHERE a = $1'), 'the first of three sent together stands alone');
SELECT ok(test.has('SELECT $1 AS second_of_three, $2'), 'the second, too');
SELECT ok(test.has(CASE WHEN current_setting('server_version_num')::int >= 180000 THEN ''
                   ELSE '/* mid */ ' END || 'SELECT $1 AS third_of_three'), 'and the third');
SELECT ok(test.has('PREPARE two (int, text) AS SELECT $1 + $3, $2 || $4, $5 FROM t WHERE a = $1 AND b = $6'),
          'a constant''s number is above those of the parameters');
SELECT ok(test.has('SELECT $1 AS signed, $2 AS twice, $3 AS plain'), 'a sign goes with its number');

-- Utility statements, whose options the server does not mark.
SELECT ok(test.has('ALTER ROLE dbadvisor_test_secretive PASSWORD $1'), 'a password is replaced');
SELECT ok(test.has('COMMENT ON TABLE k IS $1'), 'and so is any string');
SELECT is((SELECT count(*) FROM test.texts WHERE query LIKE '%secret''%' OR query LIKE '%topsecret%'), 0::bigint,
          'no text tells a secret, not even that of a statement sent with another');

-- A long one is cut between characters.
SELECT is((SELECT count(*) FROM test.texts WHERE query LIKE 'SELECT $1 AS "€€€1", $2 AS %'), 1::bigint,
          'a long statement is kept');
SELECT ok(bool_and(octet_length(query) BETWEEN 8180 AND 8191), 'up to a limit')
FROM test.texts WHERE query LIKE 'SELECT $1 AS "€€€1", $2 AS %';
SELECT ok(bool_and(query LIKE '%...'), 'and says so')
FROM test.texts WHERE query LIKE 'SELECT $1 AS "€€€1", $2 AS %';

DROP ROLE dbadvisor_test_secretive;
SELECT * FROM finish();
