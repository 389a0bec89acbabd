-- statement_parameters(): says how many parameters a text of pg_stat_statements
-- has, and null where PREPARE could fail.  Every text that it accepts is
-- prepared here and explained without values, as slow_statement's command does.
\ir ../rule.psql
SELECT plan(8);

CREATE DOMAIN positive AS int CHECK (value > 0);
CREATE TABLE t (
    id int PRIMARY KEY, n int, b bigint, v numeric, f float8, d date, ts timestamptz, i interval,
    s text, c varchar(10), j jsonb, a int[], ok bool, u uuid, p positive, x name, tsv tsvector
);

CREATE TABLE accepted (parameters int, statement text);
INSERT INTO accepted VALUES
    (0, 'SELECT * FROM t'),
    (0, 'SELECT * FROM t -- all of it'),
    (1, '/* app:shop */ SELECT $1 FROM t'),
    (1, 'SELECT * FROM t WHERE id = $1'),
    (3, 'SELECT * FROM t WHERE id IN ($1, $2, $3)'),
    (1, 'SELECT * FROM t WHERE id IN ($1 /*, ... */)'),
    (1, 'SELECT * FROM t WHERE id = ANY ($1)'),
    (2, 'SELECT * FROM t ORDER BY ts LIMIT $1 OFFSET $2'),
    (2, 'SELECT * FROM t WHERE ts BETWEEN $1 AND $2'),
    (3, 'SELECT * FROM t WHERE (ts, id) > ($1, $2) LIMIT $3'),
    (1, 'SELECT * FROM t WHERE ts > now() - $1::interval'),
    (2, 'SELECT * FROM t WHERE s LIKE $1 OR c ILIKE $2'),
    (2, 'SELECT * FROM t WHERE j @> $1 AND j ->> $2 IS NOT NULL'),
    (2, 'SELECT * FROM t WHERE (j -> $1) = $2'),
    (1, 'SELECT * FROM t WHERE a @> $1'),
    (1, 'SELECT * FROM t WHERE p = $1'),
    (1, 'SELECT * FROM t WHERE x = $1 AND ok'),
    (1, 'SELECT * FROM t WHERE tsv @@ plainto_tsquery($1)'),
    (2, 'SELECT * FROM t WHERE lower(s) = lower($1) AND date_trunc($2, ts) = ts'),
    (2, 'SELECT coalesce(n, $1) * $2 FROM t'),
    (2, 'SELECT s, count(*) FROM t WHERE n > $1 GROUP BY s HAVING count(*) > $2'),
    (2, 'SELECT * FROM t WHERE EXISTS (SELECT $1 FROM t o WHERE o.id = t.n AND o.d = $2)'),
    (1, 'SELECT * FROM t WHERE id = (SELECT max(id) FROM t WHERE n = $1)'),
    (2, 'WITH w AS (SELECT * FROM t WHERE n = $1) SELECT * FROM w WHERE b < $2'),
    (1, 'SELECT id FROM t WHERE n = $1 UNION ALL SELECT n FROM t'),
    (2, 'SELECT * FROM t WHERE u = $1 FOR UPDATE SKIP LOCKED LIMIT $2'),
    (2, 'SELECT * FROM t WHERE v > $1 AND f / $2 > v'),
    (3, 'INSERT INTO t (id, s, ts) VALUES ($1, $2, $3)'),
    (4, 'INSERT INTO t (id, s) VALUES ($1, $2), ($3, $4)'),
    (2, 'INSERT INTO t (id, s) SELECT n, $1 FROM t WHERE s = $2'),
    (3, 'INSERT INTO t (id, s) VALUES ($1, $2) ON CONFLICT (id) DO UPDATE SET s = $3'),
    (2, 'UPDATE t SET s = $1 WHERE id = $2'),
    (1, 'DELETE FROM t WHERE ts < $1'),
    (1, 'MERGE INTO t USING t o ON t.id = o.n AND o.n = $1 WHEN MATCHED THEN DELETE');

CREATE TABLE refused (why text, statement text);
INSERT INTO refused VALUES
    ('does not parse', 'SELECT * FROM t WHERE ts > now() - interval $1'),
    ('does not parse', 'SELECT extract($1 FROM ts) FROM t'),
    ('does not parse', 'SELECT date $1'),
    ('does not parse', '<insufficient privilege>'),
    ('no statement', ''),
    ('no statement', '-- nothing'),
    ('two statements', 'SELECT 1; DROP TABLE t'),
    ('utility', 'CREATE TABLE x AS SELECT $1'),
    ('utility', 'EXPLAIN SELECT * FROM t'),
    ('makes a table', 'SELECT * INTO x FROM t'),
    ('date - date', 'SELECT * FROM t WHERE d > current_date - $1'),
    ('ambiguous', 'SELECT * FROM t WHERE d > current_date + $1'),
    ('ambiguous', 'SELECT $1 + $2'),
    ('ambiguous', 'SELECT * FROM generate_series($1, $2)'),
    ('sum(text)', 'SELECT sum(CASE WHEN n > $1 THEN $2 ELSE $3 END) FROM t'),
    ('text = int', 'SELECT * FROM t JOIN (VALUES ($1), ($2)) AS v (id) ON v.id = t.id'),
    ('text = int', 'SELECT * FROM t WHERE id IN (SELECT o.one FROM (SELECT $1 AS one) o)'),
    ('text[]', 'SELECT * FROM t WHERE id = ANY (ARRAY[$1, $2])'),
    ('no longer grouped', 'SELECT date_trunc($1, ts), count(*) FROM t GROUP BY date_trunc($2, ts)'),
    ('no longer grouped', 'SELECT coalesce(s, $1) FROM t GROUP BY coalesce(s, $2) ORDER BY coalesce(s, $3)'),
    ('not in the list', 'SELECT DISTINCT coalesce(n, $1) FROM t ORDER BY coalesce(n, $2)'),
    ('a number is left out', 'SELECT * FROM t WHERE id = $2');

SELECT is((SELECT count(*) FROM accepted), 34::bigint, 'there are texts to accept');
SELECT is_empty('SELECT statement, parameters, dbadvisor.statement_parameters(statement) FROM accepted
                 WHERE dbadvisor.statement_parameters(statement) IS DISTINCT FROM parameters',
                'they are accepted, with the right number of parameters');
SELECT is_empty('SELECT why, statement, dbadvisor.statement_parameters(statement) FROM refused
                 WHERE dbadvisor.statement_parameters(statement) IS NOT NULL',
                'what PREPARE would refuse or take for something else is refused');

SET plan_cache_mode = force_generic_plan;
-- Why PREPARE fails, or (given a number of parameters) EXPLAIN EXECUTE; else null.
CREATE FUNCTION test.explain_fails(statement text, parameters int) RETURNS text
LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE 'PREPARE p AS ' || statement || E'\n';
    IF parameters IS NULL THEN
        DEALLOCATE p;
        RETURN NULL;
    END IF;
    EXECUTE 'EXPLAIN EXECUTE p' || coalesce('(' || nullif(concat_ws(', ', VARIADIC array_fill('NULL'::text, ARRAY[parameters])), '') || ')', '');
    DEALLOCATE p;
    RETURN NULL;
EXCEPTION WHEN OTHERS THEN
    RETURN sqlerrm;
END $$;
SELECT is_empty('SELECT statement, test.explain_fails(statement, parameters) FROM accepted
                 WHERE test.explain_fails(statement, parameters) IS NOT NULL',
                'PREPARE and EXPLAIN EXECUTE take each that is accepted');

-- The refusals are no whim: nearly all of them do fail.
SELECT is_empty($$SELECT why, statement FROM refused
                  WHERE why IN ('date - date', 'ambiguous', 'sum(text)', 'text = int', 'text[]',
                                'no longer grouped', 'not in the list', 'a number is left out')
                    AND test.explain_fails(statement, NULL) IS NULL$$,
                'PREPARE does refuse them');

-- Broken texts neither break the transaction nor the function.
BEGIN READ ONLY;
SELECT is(dbadvisor.statement_parameters('SELEC'), NULL, 'a text that does not parse is null');
SELECT is(dbadvisor.statement_parameters('SELECT $1::int'), 1, 'and the transaction goes on');
COMMIT;
SELECT is(dbadvisor.statement_parameters(repeat('(', 100000)), NULL, 'so is one that exhausts the parser');

SELECT * FROM finish();
