-- samples: a statement that was observed can be planned again from its sample,
-- by somebody else, and gets the plan that its user would get.  Each statement
-- of a large corpus runs once; then what explain_sample() says is compared with
-- what EXPLAIN says.
\ir ../rule.psql
SELECT plan(241);

-- ---------------------------------------------------------------- the tables
SET dbadvisor.overhead_target = 100;
CREATE EXTENSION pg_trgm;
DROP ROLE IF EXISTS dbadvisor_test_app;
CREATE ROLE dbadvisor_test_app;
GRANT pg_monitor TO dbadvisor_test_app;
GRANT CREATE, USAGE ON SCHEMA public TO dbadvisor_test_app;

CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');
CREATE TYPE pair AS (x int, y text);
CREATE DOMAIN email AS text CHECK (VALUE LIKE '%@%');
CREATE DOMAIN short AS varchar(20);

CREATE TABLE customer (
    id int PRIMARY KEY, name text NOT NULL, mail email UNIQUE, country char(2), made timestamptz,
    active boolean NOT NULL DEFAULT true, data jsonb, tags text[], balance numeric(12, 2), feels mood,
    period daterange, ip inet, uid uuid, nick short, blob bytea, ratio float4, home point, corner pair);
INSERT INTO customer
SELECT i, 'name ' || i, 'u' || i || '@example.org', (ARRAY['DE', 'FR', 'IT', 'ES'])[1 + i % 4],
       timestamptz '2024-01-01 00:00 UTC' + i * interval '1 hour', i % 20 <> 0,
       jsonb_build_object('age', i % 90, 'city', 'c' || i % 50, 'tags', jsonb_build_array(i % 7, i % 11)),
       ARRAY['t' || i % 30, 't' || i % 17], i % 1000, (ARRAY['sad', 'ok', 'happy']::mood[])[1 + i % 3],
       daterange('2024-01-01'::date + i % 300, '2024-01-01'::date + i % 300 + 10),
       ('10.0.' || i % 256 || '.' || i % 100)::inet, md5(i::text)::uuid, 'n' || i, decode(md5(i::text), 'hex'),
       i % 100, point(i % 100, i % 77), ROW(i, 'p')::pair
FROM generate_series(1, 5000) i;
CREATE INDEX ON customer (country, made);
CREATE INDEX ON customer (lower(name));
CREATE INDEX ON customer (name text_pattern_ops);
CREATE INDEX ON customer (made) WHERE NOT active;
CREATE INDEX ON customer (balance) WHERE country = 'DE';
CREATE INDEX ON customer USING gin (data jsonb_path_ops);
CREATE INDEX ON customer USING gin (tags);
CREATE INDEX ON customer USING gin (name gin_trgm_ops);
CREATE INDEX ON customer USING gist (period);
CREATE INDEX ON customer USING gist (home);
CREATE INDEX ON customer ((data ->> 'city'));
CREATE UNIQUE INDEX ON customer ((lower(mail::text))) WHERE active;

CREATE TABLE orders (
    id bigint PRIMARY KEY, customer int NOT NULL REFERENCES customer, placed date NOT NULL, total numeric NOT NULL,
    state text NOT NULL DEFAULT 'new', note varchar(100), changed timestamp DEFAULT '2024-01-01');
INSERT INTO orders
SELECT i, 1 + i % 5000, date '2023-01-01' + i % 700, i % 500,
       CASE WHEN i % 50 = 0 THEN 'open' WHEN i % 3 = 0 THEN 'paid' ELSE 'sent' END, 'note ' || i % 9
FROM generate_series(1, 20000) i;
CREATE INDEX ON orders (customer, placed);
CREATE INDEX ON orders (placed);
CREATE INDEX ON orders (placed) WHERE state = 'open';

CREATE TABLE item (
    orders bigint REFERENCES orders, line int, product int, quantity int, price numeric, PRIMARY KEY (orders, line));
INSERT INTO item SELECT i / 2 + 1, i % 2, i % 400, i % 9, i % 77 FROM generate_series(0, 39999) i;
CREATE INDEX ON item (product);

CREATE TABLE tree (id int PRIMARY KEY, parent int, name text);
INSERT INTO tree SELECT i, i / 3, 'node ' || i FROM generate_series(1, 1000) i;
CREATE INDEX ON tree (parent);

CREATE TABLE event (day date NOT NULL, kind int NOT NULL, amount numeric, id bigint) PARTITION BY RANGE (day);
CREATE TABLE event_1 PARTITION OF event FOR VALUES FROM ('2024-01-01') TO ('2024-02-01');
CREATE TABLE event_2 PARTITION OF event FOR VALUES FROM ('2024-02-01') TO ('2024-03-01');
CREATE TABLE event_3 PARTITION OF event FOR VALUES FROM ('2024-03-01') TO ('2024-04-01') PARTITION BY LIST (kind);
CREATE TABLE event_3a PARTITION OF event_3 FOR VALUES IN (0, 1);
CREATE TABLE event_3b PARTITION OF event_3 FOR VALUES IN (2, 3);
CREATE TABLE event_rest PARTITION OF event DEFAULT;
INSERT INTO event SELECT date '2024-01-01' + i % 120, i % 4, i % 50, i FROM generate_series(1, 8000) i;
CREATE INDEX ON event (day, kind);
CREATE TABLE hashed (k int, v text) PARTITION BY HASH (k);
CREATE TABLE hashed_0 PARTITION OF hashed FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE hashed_1 PARTITION OF hashed FOR VALUES WITH (MODULUS 2, REMAINDER 1);
INSERT INTO hashed SELECT i, 'v' || i FROM generate_series(1, 2000) i;

CREATE TABLE secret (id int PRIMARY KEY, owner text NOT NULL, body text);
INSERT INTO secret SELECT i, CASE WHEN i % 10 = 0 THEN 'dbadvisor_test_app' ELSE 'other' END, 'body ' || i
FROM generate_series(1, 3000) i;
CREATE INDEX ON secret (owner);
CREATE INDEX ON secret (body);
ALTER TABLE secret ENABLE ROW LEVEL SECURITY;
CREATE POLICY mine ON secret USING (owner = current_user AND id > 7) WITH CHECK (owner = current_user);
CREATE POLICY small ON secret AS RESTRICTIVE USING (id < 2900);

CREATE TABLE "Odd ""name" ("a b" int, "ä" text);
INSERT INTO "Odd ""name" SELECT i, 'ü' || i FROM generate_series(1, 500) i;
CREATE TABLE target (id int PRIMARY KEY, v text, n int DEFAULT 5, made date DEFAULT '2024-05-05');
INSERT INTO target SELECT i, 'v', i FROM generate_series(1, 1000) i;
CREATE UNIQUE INDEX ON target (lower(v), id) WHERE n > 3;
CREATE TABLE log (at timestamptz, what text);

CREATE VIEW big_order AS SELECT id, customer, total FROM orders WHERE total > 400 AND state <> 'open';
CREATE VIEW guarded WITH (security_barrier) AS SELECT id, name, country FROM customer WHERE active AND id < 4000;
CREATE VIEW small_target AS SELECT id, v FROM target WHERE n < 900 WITH CHECK OPTION;
CREATE VIEW grouped AS SELECT country, count(*) AS n, sum(balance) AS s FROM customer GROUP BY country;
CREATE MATERIALIZED VIEW totals AS SELECT customer, sum(total) AS s FROM orders GROUP BY customer;
CREATE FUNCTION spent(who int) RETURNS numeric LANGUAGE sql STABLE
    AS 'SELECT sum(total) FROM orders WHERE customer = who AND state <> ''void''';
CREATE FUNCTION of_state(wanted text) RETURNS SETOF orders LANGUAGE sql STABLE
    AS 'SELECT * FROM orders WHERE state = wanted AND total > 10';
CREATE FUNCTION modern(n int) RETURNS TABLE (id bigint, t numeric) LANGUAGE sql STABLE
    BEGIN ATOMIC SELECT id, total FROM orders WHERE customer = n AND total >= 3; END;
CREATE FUNCTION double(n int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT n * 2';
CREATE FUNCTION answer() RETURNS int LANGUAGE plpgsql STABLE AS 'BEGIN RETURN 42; END';
GRANT ALL ON ALL TABLES IN SCHEMA public TO dbadvisor_test_app;

-- ---------------------------------------------------------------- the corpus
CREATE TABLE corpus (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, statement text NOT NULL);
COPY corpus (statement) FROM stdin;
SELECT * FROM customer WHERE id = 17
SELECT name FROM customer WHERE mail = 'u77@example.org'
SELECT name FROM customer WHERE id IN (1, 2, 3, 500, 4999)
SELECT name FROM customer WHERE id NOT IN (1, 2, 3)
SELECT id FROM customer WHERE id = ANY (ARRAY[5, 6, 7])
SELECT name FROM customer WHERE id = ANY ('{5,6,7}')
SELECT name FROM customer WHERE id BETWEEN 100 AND 200
SELECT name FROM customer WHERE id NOT BETWEEN 100 AND 4900
SELECT name FROM customer WHERE id BETWEEN SYMMETRIC 200 AND 100
SELECT name FROM customer WHERE id > 4990 OR id < 10
SELECT name FROM customer WHERE -id < -4990
SELECT name FROM customer WHERE country = 'DE' AND made > '2024-06-01'
SELECT name FROM customer WHERE country = 'DE' AND balance > 990
SELECT id FROM customer WHERE country = 'FR' AND balance > 990
SELECT name FROM customer WHERE NOT active AND made > timestamptz '2024-07-01'
SELECT name FROM customer WHERE active = false
SELECT name FROM customer WHERE active IS TRUE AND id < 50
SELECT name FROM customer WHERE true
SELECT id FROM customer WHERE false
SELECT name FROM customer WHERE 1 = 1 AND id < 100
SELECT mail FROM customer WHERE NULL
SELECT name FROM customer WHERE id = NULL
SELECT name FROM customer WHERE nick IS NULL OR nick = 'n7'
SELECT name FROM customer WHERE name LIKE 'name 12%'
SELECT id FROM customer WHERE name LIKE '%me 4711%'
SELECT name FROM customer WHERE name ILIKE '%AME 47%'
SELECT name FROM customer WHERE name ~ '^name 33'
SELECT name FROM customer WHERE name ~* 'NAME 3.3'
SELECT name FROM customer WHERE name NOT LIKE 'name 1%'
SELECT name FROM customer WHERE name LIKE 'na!_me%' ESCAPE '!'
SELECT name FROM customer WHERE name SIMILAR TO '(name|nome) 9%'
SELECT name FROM customer WHERE lower(name) = 'name 99'
SELECT name FROM customer WHERE lower(name) = lower('NAME 99')
SELECT name FROM customer WHERE name || 'x' = 'name 1x'
SELECT name FROM customer WHERE name = 'name 5' COLLATE "C"
SELECT name FROM customer WHERE data @> '{"city": "c7"}'
SELECT name FROM customer WHERE data ->> 'city' = 'c7'
SELECT name FROM customer WHERE (data ->> 'age')::int BETWEEN 20 AND 30
SELECT name FROM customer WHERE data ? 'age' AND data @? '$.age ? (@ > 80)'
SELECT name FROM customer WHERE data @@ '$.age > 88'
SELECT data['city'], data #> '{tags,0}', data #>> '{tags,1}' FROM customer WHERE id < 9
SELECT jsonb_path_query(data, '$.tags[*]') FROM customer WHERE id < 30
SELECT name FROM customer WHERE tags @> ARRAY['t3']
SELECT name FROM customer WHERE tags && '{t1,t2}'
SELECT name FROM customer WHERE 't3' = ANY (tags)
SELECT tags[1], tags[1:2], array_length(tags, 1) FROM customer WHERE id < 9
SELECT name FROM customer WHERE feels = 'happy'
SELECT name FROM customer WHERE feels IN ('sad', 'ok') AND id < 200
SELECT name FROM customer WHERE period @> date '2024-03-03'
SELECT name FROM customer WHERE period && daterange('2024-05-01', '2024-05-02')
SELECT name FROM customer WHERE ip << '10.0.7.0/24'
SELECT name FROM customer WHERE uid = 'c4ca4238-a0b9-2382-0dcc-509a6f75849b'
SELECT name FROM customer WHERE nick = 'n55'
SELECT name FROM customer WHERE blob = '\\x00ff'::bytea
SELECT name FROM customer WHERE ratio > 98.5
SELECT name FROM customer WHERE ratio > 98.5::float4 AND balance > 1e2
SELECT name FROM customer ORDER BY home <-> point(3, 4) LIMIT 5
SELECT name FROM customer WHERE home <@ box '((1,1),(9,9))'
SELECT name FROM customer WHERE made > '2024-03-01'::timestamptz AND made < '2024-03-01'::timestamptz + interval '3 days'
SELECT name FROM customer WHERE made >= date_trunc('month', timestamptz '2024-04-15') AND extract(year FROM made) = 2024
SELECT name FROM customer WHERE made > now() - interval '1 year 2 days'
SELECT name FROM customer WHERE (country, id) > ('FR', 4900)
SELECT name FROM customer WHERE (country, id) = ('FR', 1)
SELECT name FROM customer WHERE (country, id) IN (('FR', 1), ('DE', 4))
SELECT name FROM customer WHERE balance = 5.50 OR balance = 7
SELECT name FROM customer WHERE balance::int = 5
SELECT name FROM customer WHERE coalesce(nick, 'none') = 'n9'
SELECT name FROM customer WHERE CASE WHEN active THEN id ELSE 0 END > 4990
SELECT CASE country WHEN 'DE' THEN 'Germany' WHEN 'FR' THEN 'France' ELSE 'else' END, 'x', 5, NULL, true FROM customer WHERE id < 99
SELECT name FROM customer WHERE greatest(id, 10) < 20 AND nullif(id, 3) IS NOT NULL
SELECT name FROM customer WHERE id % 7 = 3 AND id IS DISTINCT FROM 10
SELECT name FROM customer WHERE id = double(21)
SELECT name FROM customer WHERE id = answer()
SELECT name FROM customer WHERE substring(name FROM 1 FOR 6) = 'name 1' AND position('1' IN name) > 2 AND trim(both 'x' FROM name) <> ''
SELECT name FROM customer WHERE name OPERATOR(pg_catalog.=) 'name 8'
SELECT overlay(name PLACING 'zz' FROM 2 FOR 3), made AT TIME ZONE 'UTC', name::varchar(3), balance::numeric(5,1) FROM customer WHERE id < 12
SELECT (made, made + interval '1 day') OVERLAPS (timestamptz '2024-01-05', timestamptz '2024-01-06') FROM customer WHERE id < 400
SELECT (corner).x, ROW(1, 'a'), ROW(id, 2)::pair FROM customer WHERE (corner).x < 5
SELECT 'a' IS NULL, 'abc', 1 + 2, 'x' || 'y'
SELECT 1
SELECT current_date, current_user, localtimestamp(2)
SELECT * FROM customer ORDER BY country, made DESC LIMIT 10
SELECT * FROM customer ORDER BY country, made LIMIT 10 OFFSET 300
SELECT * FROM customer ORDER BY 3, 2 LIMIT ALL
SELECT id, made FROM customer WHERE (made, id) < ('2024-03-01', 800) ORDER BY made DESC, id DESC LIMIT 20
SELECT id FROM customer ORDER BY country FETCH FIRST 7 ROWS WITH TIES
SELECT id FROM customer ORDER BY id FETCH FIRST ROW ONLY
SELECT id FROM customer ORDER BY id LIMIT 2 + 3 OFFSET (SELECT 4)
SELECT DISTINCT country FROM customer
SELECT DISTINCT country, 'x' AS fixed, id % 3 FROM customer ORDER BY id % 3, country
SELECT DISTINCT ON (country) country, made FROM customer ORDER BY country, made DESC
SELECT DISTINCT ON (id % 10) id % 10 AS m, name FROM customer WHERE id > 5 ORDER BY id % 10, name
SELECT count(*), max(id), min(made), sum(balance) FROM customer WHERE country = 'IT'
SELECT max(placed) FROM orders WHERE customer = 77
SELECT country, count(*) FROM customer GROUP BY country HAVING count(*) > 100 ORDER BY 2 DESC
SELECT date_trunc('month', made), count(*) FROM customer GROUP BY 1 ORDER BY 1
SELECT date_trunc('month', made), count(*) FROM customer GROUP BY date_trunc('month', made) HAVING date_trunc('month', made) > '2024-02-01'
SELECT (id % 10) * 2 + 1, count(*) FROM customer GROUP BY id % 10 ORDER BY (id % 10) * 2 + 1
SELECT id % 10 + 1, id % 10 + 2, sum(balance + 1) FROM customer GROUP BY id % 10
SELECT country, feels, sum(balance), grouping(country, feels) FROM customer GROUP BY GROUPING SETS ((country, feels), (country), ())
SELECT country, id % 5 AS f, count(*) FROM customer GROUP BY ROLLUP (country, id % 5) HAVING grouping(country) = 0
SELECT country, feels, count(*) FROM customer WHERE id < 700 GROUP BY CUBE (country, feels)
SELECT 'const' AS c, count(*) FROM customer GROUP BY 'const'::text
SELECT count(*) FILTER (WHERE balance > 500), count(DISTINCT country), string_agg(name, ', ' ORDER BY id) FROM customer WHERE id < 50
SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY balance), mode() WITHIN GROUP (ORDER BY country) FROM customer
SELECT name, row_number() OVER (PARTITION BY country ORDER BY made), lag(name, 2, 'none') OVER w FROM customer WINDOW w AS (ORDER BY id) LIMIT 30
SELECT id, sum(balance) OVER (ORDER BY id ROWS BETWEEN 3 PRECEDING AND 2 FOLLOWING), avg(id) OVER (ORDER BY made RANGE BETWEEN '1 day' PRECEDING AND CURRENT ROW) FROM customer WHERE id < 900
SELECT * FROM (SELECT id, rank() OVER (PARTITION BY country ORDER BY made) AS r FROM customer) s WHERE r <= 3
SELECT id, ntile(4) OVER (ORDER BY id), first_value(id) OVER (PARTITION BY id % 3 ORDER BY id GROUPS 1 PRECEDING EXCLUDE TIES) FROM customer WHERE id < 300
SELECT o.id FROM orders o JOIN customer c ON c.id = o.customer WHERE c.country = 'DE' AND o.placed > '2024-06-01'
SELECT o.id FROM orders o, customer c WHERE c.id = o.customer AND c.id = 12
SELECT c.id, o.id FROM customer c LEFT JOIN orders o ON o.customer = c.id AND o.state = 'open' WHERE c.id < 40
SELECT c.id FROM customer c LEFT JOIN orders o ON o.customer = c.id WHERE o.id IS NULL AND c.id < 300
SELECT c.id, o.id FROM customer c RIGHT JOIN orders o ON o.customer = c.id AND c.country = 'FR' WHERE o.id < 50
SELECT c.id, t.id FROM customer c FULL JOIN tree t ON t.id = c.id WHERE c.id < 5 OR t.id < 5
SELECT * FROM tree a CROSS JOIN tree b WHERE a.id = 3 AND b.parent = 4
SELECT * FROM tree a NATURAL JOIN (SELECT id, 'node 3' AS name FROM tree) b
SELECT * FROM tree JOIN orders USING (id) WHERE id < 20
SELECT * FROM orders o JOIN item i ON i.orders = o.id JOIN customer c ON c.id = o.customer WHERE i.product = 7 AND c.feels = 'ok'
SELECT c.id, l.id FROM customer c CROSS JOIN LATERAL (SELECT o.id FROM orders o WHERE o.customer = c.id ORDER BY o.placed DESC LIMIT 2) l WHERE c.id < 30
SELECT c.id, l.n FROM customer c LEFT JOIN LATERAL (SELECT count(*) AS n FROM orders o WHERE o.customer = c.id AND o.total > 100) l ON true WHERE c.id < 30
SELECT a.id, x.k FROM tree a LEFT JOIN (SELECT parent, 'k' AS k FROM tree WHERE id > 10) x ON x.parent = a.id WHERE a.id < 100
SELECT id FROM customer WHERE EXISTS (SELECT 1 FROM orders o WHERE o.customer = customer.id AND o.state = 'open')
SELECT id FROM customer WHERE EXISTS (SELECT 1 FROM orders o WHERE o.customer = customer.id LIMIT 1)
SELECT id FROM customer WHERE NOT EXISTS (SELECT FROM orders o WHERE o.customer = customer.id AND o.total > 499)
SELECT id FROM customer WHERE id IN (SELECT customer FROM orders WHERE total > 490)
SELECT id FROM customer WHERE id NOT IN (SELECT customer FROM orders WHERE total > 490)
SELECT id FROM customer WHERE (id, 'DE') IN (SELECT customer, 'DE' FROM orders WHERE total > 490)
SELECT id FROM customer WHERE id > ALL (SELECT id FROM tree WHERE parent > 5)
SELECT id FROM customer WHERE id IN (VALUES (1), (2), (3))
SELECT id, (SELECT count(*) FROM orders o WHERE o.customer = c.id AND o.total > 5) FROM customer c WHERE id < 20
SELECT id FROM customer WHERE balance > (SELECT avg(balance) + 10 FROM customer WHERE country = 'ES')
SELECT id, ARRAY(SELECT o.id FROM orders o WHERE o.customer = c.id ORDER BY 1 LIMIT 3) FROM customer c WHERE id < 5
SELECT * FROM (SELECT country, count(*) AS n FROM customer WHERE id > 9 GROUP BY country) s WHERE n > 3 AND country <> 'DE'
SELECT * FROM (SELECT id, 5 AS five FROM tree OFFSET 0) s WHERE five = 5 AND id < 7
WITH d AS (SELECT * FROM customer WHERE country = 'DE') SELECT * FROM d WHERE id < 100
WITH d AS MATERIALIZED (SELECT * FROM customer WHERE country = 'DE') SELECT * FROM d WHERE id < 100
WITH a AS (SELECT id FROM tree WHERE parent = 3), b AS (SELECT * FROM a WHERE id > 1) SELECT * FROM b x, b y, a
WITH RECURSIVE r AS (SELECT id, 0 AS depth FROM tree WHERE id = 1 UNION ALL SELECT t.id, depth + 1 FROM tree t JOIN r ON t.parent = r.id WHERE depth < 5) SELECT * FROM r
WITH RECURSIVE n (i) AS (VALUES (1) UNION SELECT i + 1 FROM n WHERE i < 20) SELECT sum(i) FROM n
WITH RECURSIVE r AS (SELECT id, parent FROM tree WHERE id = 5 UNION ALL SELECT t.id, t.parent FROM tree t, r WHERE t.parent = r.id) SEARCH BREADTH FIRST BY id SET o CYCLE id SET looped TO 'yes' DEFAULT 'no' USING path SELECT * FROM r ORDER BY o LIMIT 50
WITH w AS (INSERT INTO log VALUES ('2024-01-01', 'x') RETURNING what) SELECT * FROM w WHERE what = 'x'
WITH w AS (DELETE FROM log WHERE what = 'none' RETURNING at), u AS (UPDATE log SET what = 'y' WHERE what = 'zz' RETURNING 1 AS one) SELECT (SELECT count(*) FROM w), (SELECT count(*) FROM u)
SELECT id FROM tree WHERE id < 10 UNION SELECT id FROM customer WHERE id > 4995
SELECT id, 'tree' AS what FROM tree WHERE id < 10 UNION ALL SELECT id, 'customer' FROM customer WHERE id > 4995
SELECT id FROM tree EXCEPT SELECT id FROM customer WHERE id > 50
SELECT id FROM tree INTERSECT ALL SELECT id FROM customer WHERE id > 50 ORDER BY 1 LIMIT 3
(SELECT id, 1 AS k FROM tree ORDER BY id LIMIT 5) UNION ALL (SELECT id, 2 FROM tree ORDER BY id DESC LIMIT 5) ORDER BY k, id
SELECT * FROM (SELECT id, 'a' AS k FROM tree UNION ALL SELECT id, 'b' FROM customer) u WHERE k = 'b' AND id = 3
SELECT NULL AS a UNION SELECT 'x' UNION ALL SELECT name FROM tree WHERE id = 1
VALUES (1, 'a'), (2, 'b'), (3, NULL)
SELECT v.k, t.name FROM (VALUES (1, 'one'), (2, 'two')) AS v (k, word) JOIN tree t ON t.id = v.k
SELECT * FROM generate_series(1, 100, 3) AS g (i) WHERE i > 50
SELECT * FROM generate_series('2024-01-01'::timestamptz, '2024-01-31', '1 day') d
SELECT t.*, u.* FROM tree t, unnest(ARRAY[1, 2, 3]) WITH ORDINALITY AS u (v, o) WHERE t.id = u.v
SELECT * FROM ROWS FROM (generate_series(1, 5), unnest('{a,b,c}'::text[])) AS r (a, b)
SELECT * FROM json_to_recordset('[{"a": 1, "b": "x"}]') AS r (a int, b text) WHERE a = 1
SELECT * FROM jsonb_each_text('{"a": 1, "b": 2}') WHERE key = 'a'
SELECT regexp_split_to_table('a,b,c', ','), generate_series(1, 3)
SELECT unnest(tags), id FROM customer WHERE id < 4
SELECT id FROM customer TABLESAMPLE system (10) REPEATABLE (3) WHERE id < 4000
SELECT id FROM customer TABLESAMPLE bernoulli (1 + 1)
SELECT * FROM event WHERE day = '2024-01-17'
SELECT * FROM event WHERE day BETWEEN '2024-02-10' AND '2024-03-05' AND kind = 2
SELECT * FROM event WHERE day >= '2024-03-01' AND kind IN (0, 1)
SELECT count(*) FROM event WHERE day < '2023-01-01'
SELECT sum(amount) FROM event WHERE day = date '2024-02-01' + 3
SELECT * FROM event WHERE day = (SELECT max(placed) FROM orders WHERE id < 100)
SELECT * FROM event WHERE day > current_date - 10
SELECT day, sum(amount) FROM event WHERE day < '2024-02-15' GROUP BY day ORDER BY day LIMIT 4
SELECT e.id FROM event e JOIN customer c ON c.id = e.id WHERE e.day = '2024-03-03' AND e.kind = 1
SELECT * FROM hashed WHERE k = 17
SELECT * FROM hashed WHERE k IN (17, 18)
SELECT * FROM secret WHERE id = 100
SELECT * FROM secret WHERE body LIKE 'body 1%'
SELECT count(*) FROM secret s JOIN tree t ON t.id = s.id WHERE s.body = 'body 20'
UPDATE secret SET body = 'new' WHERE id = 10
DELETE FROM secret WHERE id = 2990
INSERT INTO secret VALUES (0, 'dbadvisor_test_app', 'mine')
SELECT * FROM big_order WHERE customer = 5
SELECT * FROM guarded WHERE name LIKE 'name 3%' AND country = 'DE'
SELECT * FROM grouped WHERE country = 'DE' AND n > 3
SELECT * FROM totals WHERE s > 1900
UPDATE small_target SET v = 'w' WHERE id = 8
INSERT INTO small_target (id, v) VALUES (5000, 'q')
DELETE FROM small_target WHERE v = 'zzz'
SELECT spent(5), spent(id) FROM tree WHERE id < 4
SELECT * FROM of_state('open') WHERE customer < 100
SELECT * FROM modern(12) WHERE t > 5
SELECT c.name, m.t FROM customer c, modern(c.id) m WHERE c.id = 8
SELECT "a b" FROM "Odd ""name" WHERE "ä" = 'ü7'
SELECT o FROM orders o WHERE o.id = 5
SELECT ctid, tableoid::regclass FROM tree WHERE ctid = '(0,3)'
SELECT * FROM tree WHERE tableoid = 'tree'::regclass AND id = 5
SELECT * FROM pg_class WHERE relname = 'tree' AND relkind IN ('r', 'v')
SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'
SELECT * FROM tree WHERE id = 5 FOR UPDATE
SELECT * FROM orders o JOIN customer c ON c.id = o.customer WHERE o.id = 7 FOR NO KEY UPDATE OF o SKIP LOCKED
SELECT id FROM tree WHERE name = 'node 1' FOR SHARE NOWAIT
SELECT xmlelement(name foo, xmlattributes('x' AS bar), id) FROM tree WHERE id < 3
SELECT json_build_object('a', 1, 'b', name), to_char(made, 'YYYY-MM'), format('%s-%s', id, 'x') FROM customer WHERE id < 9
SELECT to_tsvector('english', name) @@ to_tsquery('english', 'node & 5') FROM tree WHERE id < 100
SELECT * FROM xmltable('/r/v' PASSING '<r><v>1</v></r>' COLUMNS v int PATH '.' DEFAULT 5)
INSERT INTO target VALUES (2001, 'one', 1, '2024-01-01')
INSERT INTO target (id, v) VALUES (2002, 'a'), (2003, 'b'), (2004, DEFAULT)
INSERT INTO target (id) SELECT id + 10000 FROM tree WHERE id < 20 AND name <> 'x'
INSERT INTO target AS t (id, v) VALUES (1, 'x') ON CONFLICT (id) DO UPDATE SET v = EXCLUDED.v || 'y', n = 7 WHERE t.n < 100 RETURNING id, 'done'
INSERT INTO target (id, v) VALUES (1, 'x') ON CONFLICT DO NOTHING
INSERT INTO target (id, v, n) VALUES (3000, 'x', 9) ON CONFLICT (lower(v), id) WHERE n > 3 DO UPDATE SET n = 11
INSERT INTO event VALUES ('2024-02-03', 1, 5.5, 99999) RETURNING day
INSERT INTO log SELECT now(), 'bulk' FROM generate_series(1, 10)
UPDATE target SET v = 'z', n = n + 1 WHERE id = 7
UPDATE target SET (v, n) = ('m', 3) WHERE id BETWEEN 20 AND 30
UPDATE target SET (v, n) = (SELECT name, 4 FROM tree WHERE tree.id = target.id) WHERE id < 5
UPDATE target t SET n = o.total FROM orders o WHERE o.id = t.id AND o.state = 'paid' AND t.id < 50
UPDATE customer SET data['city'] = '"x"', tags[2] = 'q' WHERE id = 4
UPDATE event SET amount = 3 WHERE day = '2024-01-05' AND kind = 3
UPDATE event SET day = '2024-02-02' WHERE day = '2024-01-06' AND kind = 3
DELETE FROM target WHERE id > 2000 AND v = 'b'
DELETE FROM item i USING orders o WHERE o.id = i.orders AND o.placed < '2023-01-02' AND i.line = 9
DELETE FROM event WHERE day = '2024-03-30' AND id % 2 = 0
DELETE FROM target WHERE id IN (SELECT id FROM tree WHERE name = 'none') RETURNING *
MERGE INTO target t USING (SELECT id, name FROM tree WHERE id < 30) s ON t.id = s.id + 980 WHEN MATCHED AND t.n > 5 THEN UPDATE SET v = s.name || '!' WHEN MATCHED THEN DELETE WHEN NOT MATCHED AND s.id > 25 THEN INSERT VALUES (s.id + 980, 'merged', 8) WHEN NOT MATCHED THEN DO NOTHING
MERGE INTO target t USING (VALUES (1, 'a'), (7777, 'b')) s (id, v) ON t.id = s.id WHEN MATCHED THEN UPDATE SET v = 'c' WHEN NOT MATCHED THEN INSERT (id, v) VALUES (s.id, s.v)
SELECT count(*) FROM item WHERE quantity = 3 AND price > 70 AND product BETWEEN 10 AND 20
SELECT i.product, sum(i.quantity * i.price) FROM item i JOIN orders o ON o.id = i.orders WHERE o.placed >= '2024-01-01' AND o.placed < date '2024-01-01' + interval '3 months' GROUP BY i.product HAVING sum(i.quantity * i.price) > 100 ORDER BY 2 DESC LIMIT 10
SELECT o.state, count(*), sum(CASE WHEN o.total > 100 THEN 1 ELSE 0 END) FROM orders o WHERE o.customer IN (SELECT id FROM customer WHERE country = 'IT') GROUP BY o.state ORDER BY o.state
\.

-- ------------------------------------------------------------ run and compare
-- What the server calls the statement, and the cost that EXPLAIN gives its user.
CREATE FUNCTION test.explained(statement text, OUT queryid bigint, OUT cost numeric) LANGUAGE plpgsql
SET role = dbadvisor_test_app AS $$
DECLARE
    plan json;
BEGIN
    EXECUTE 'EXPLAIN (VERBOSE, FORMAT JSON) ' || statement INTO plan;
    queryid := plan -> 0 ->> 'Query Identifier';
    cost := plan -> 0 -> 'Plan' ->> 'Total Cost';
END $$;

-- The cost in the first line of what explain_sample() says.
CREATE FUNCTION test.sample_cost(queryid bigint) RETURNS numeric LANGUAGE sql VOLATILE AS $$
    SELECT substring(split_part(dbadvisor.explain_sample(queryid), E'\n', 1) FROM 'cost=[0-9.]+[.][.]([0-9.]+)')::numeric
$$;

-- The values of the newest sample of a statement.
CREATE FUNCTION test.parameters(queryid bigint) RETURNS text[] LANGUAGE sql VOLATILE AS $$
    SELECT s.parameters FROM dbadvisor.samples s WHERE s.queryid = $1 ORDER BY s.taken_at DESC LIMIT 1
$$;

-- Samples of this session reach the view when it flushes, once a second.
\set settle 'SELECT pg_sleep(1.1); SELECT 1;'

GRANT SELECT ON corpus TO dbadvisor_test_app;
GRANT USAGE ON SCHEMA test TO dbadvisor_test_app;
VACUUM (ANALYZE);

SET ROLE dbadvisor_test_app;
\o /dev/null
SELECT statement FROM corpus ORDER BY id \gexec
:settle
\o
RESET ROLE;
-- All that autovacuum might do between one look and the next.
VACUUM (ANALYZE);

-- EXPLAIN plans a statement too, but is no execution to learn from.
SET dbadvisor.observe = off;
-- Alike statements would share their samples.
CREATE TEMP TABLE known AS SELECT c.id, c.statement, e.queryid FROM corpus c, test.explained(c.statement) e;
SELECT is_empty('SELECT queryid, array_agg(statement) FROM known GROUP BY queryid HAVING count(*) > 1',
                'every statement of the corpus is another');
SELECT is_empty('SELECT statement FROM known WHERE queryid NOT IN (SELECT queryid FROM dbadvisor.samples)',
                'each of them has a sample');
-- Asked by the superuser, who would get other plans: policies do not bind him.
SELECT is(test.sample_cost(k.queryid), (test.explained(k.statement)).cost, left(k.statement, 70))
FROM known k ORDER BY k.id;

RESET dbadvisor.observe;

-- ------------------------------------------------------------------ the values
CREATE TABLE kept (i int, t text, p pair, a int[]);
\o /dev/null
SELECT i FROM kept WHERE t = 'it''s' AND i IN (7, -8) AND a = '{1,NULL}' LIMIT 9;
SELECT t FROM kept WHERE t = 'ä' || repeat('ö', 3) OR t = U&'\00e4' LIMIT NULL;
SELECT a FROM kept WHERE t > 'ääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääää';
SELECT p FROM kept WHERE p = '(1,a)'::pair;
SET dbadvisor.capture_parameters = off;
SELECT i, t FROM kept WHERE i = 4711 AND t = 'hidden';
RESET dbadvisor.capture_parameters;
PREPARE by_number (int, text) AS SELECT i, a FROM kept WHERE i = $1 AND t = $2 AND a = '{5}';
EXECUTE by_number (17, 'x');
:settle
\o
CREATE FUNCTION test.parameters_of(beginning text) RETURNS text[] LANGUAGE sql VOLATILE AS $$
    SELECT test.parameters(max(s.queryid)) FROM dbadvisor.samples s WHERE s.query ~ ('^(PREPARE.*AS )?' || beginning)
$$;
SELECT is(test.parameters_of('SELECT i FROM kept'), ARRAY['it''s', '7', '-8', '{1,NULL}', '9'],
          'values are numbered in the order of the text');
SELECT is(test.parameters_of('SELECT t FROM kept'), ARRAY['ä', 'ö', '3', 'ä', NULL], 'NULL is NULL');
SELECT is(test.parameters_of('SELECT a FROM kept'), ARRAY[repeat('ä', 256) || '...'], 'long text is cut between characters');
SELECT is(test.parameters_of('SELECT p FROM kept'), ARRAY['(not kept)'], 'rows are not kept, their type may change');
SELECT is(test.parameters_of('SELECT i, t FROM kept'), ARRAY['(not kept)', '(not kept)'],
          'with capture_parameters off no value is kept');
SELECT is(test.parameters_of('SELECT i, a FROM kept'), ARRAY['17', 'x', '{5}'],
          'what the client sends comes before the constants');

-- A statement whose values are not known is planned nevertheless.
CREATE FUNCTION test.plan_of(beginning text) RETURNS text LANGUAGE sql VOLATILE AS $$
    SELECT dbadvisor.explain_sample(max(s.queryid)) FROM dbadvisor.samples s WHERE s.query ~ ('^' || beginning)
$$;
SELECT alike(test.plan_of('SELECT i, t FROM kept'), 'Seq Scan on kept %$1%', 'without values it is the generic plan');

-- From 18 on, lists of different lengths are one statement.  The values of one
-- must not end up in the places of the other's.
\o /dev/null
SELECT parent FROM tree WHERE id IN (11, 12, 13, 14) AND parent = 5;
SELECT parent FROM tree WHERE id IN (11, 12) AND parent = 6;
:settle
\o
SELECT unalike(test.plan_of('SELECT parent FROM tree'), '%12,%6%', 'values of a shorter list stay in their places');

-- ------------------------------------------------------- what cannot be planned
CREATE TEMP TABLE mine_alone (i int);
\o /dev/null
SELECT i + 1 FROM mine_alone WHERE i = 3;
SELECT i + 1 FROM kept WHERE i = 3;
SELECT i + 2.5 FROM kept WHERE t = 'x';
:settle
\o
SELECT throws_like($$SELECT test.plan_of('SELECT i [+] .* FROM mine_alone')$$, 'no statement % that could be planned again is known%',
                   'a temporary table is nobody else''s to plan for');

ALTER TABLE kept ALTER t TYPE varchar(10);
SELECT throws_like($$SELECT test.plan_of('SELECT i [+] .* FROM kept WHERE t')$$, '%cannot be planned now: a table of the statement has changed since',
                   'a column that changed is noticed');
SELECT lives_ok($$SELECT test.plan_of('SELECT i [+] .* FROM kept WHERE i')$$, 'where it matters');
DROP TABLE kept;
SELECT throws_like($$SELECT test.plan_of('SELECT i [+] .* FROM kept WHERE i')$$, '%cannot be planned now: a table of the statement is gone',
                   'and a table that is gone');

SELECT * FROM finish();
DROP OWNED BY dbadvisor_test_app;
DROP ROLE dbadvisor_test_app;
