-- replace_index: an index that begins the one that statements want is to be
-- replaced; one that proves something, or that begins otherwise, stays.
\ir ../rule.psql
SELECT plan(8);

CREATE TABLE bill (id int PRIMARY KEY, shop int, clerk int, note text) WITH (autovacuum_enabled = off);
INSERT INTO bill SELECT i, i % 50, i * 7 % 997, repeat('x', 60) FROM generate_series(1, 60000) i;
CREATE INDEX bill_shop ON bill (shop);
CREATE TABLE kept (LIKE bill INCLUDING ALL EXCLUDING INDEXES) WITH (autovacuum_enabled = off);
INSERT INTO kept SELECT * FROM bill;
CREATE UNIQUE INDEX kept_shop ON kept (shop, id);
VACUUM ANALYZE;
SELECT dbadvisor.reset();

\o /dev/null
SELECT format('SELECT note FROM bill WHERE shop = %s AND clerk = %s', g, g * 7) FROM generate_series(1, 20) g \gexec
SELECT format('SELECT note FROM kept WHERE shop = %s AND clerk = %s', g, g * 7) FROM generate_series(1, 20) g \gexec
\o

SELECT ok(test.found('replace_index', 'public.bill USING btree (shop, clerk)'), 'the index that is to be replaced is reported');
SELECT matches(f.fix, '^CREATE INDEX CONCURRENTLY bill_shop_clerk_idx ON public\.bill USING btree \(shop, clerk\);\nDROP INDEX CONCURRENTLY IF EXISTS public\.bill_shop;$',
               'the new one is made first')
FROM test.finding('replace_index', 'public.bill USING btree (shop, clerk)') f;
SELECT matches(f.undo, '^CREATE INDEX CONCURRENTLY bill_shop ON public\.bill USING btree \(shop\);\nDROP INDEX CONCURRENTLY public\.bill_shop_clerk_idx;$',
               'and going back the old one')
FROM test.finding('replace_index', 'public.bill USING btree (shop, clerk)') f;
SELECT matches(f.caution, 'takes the place of bill_shop', 'the caution names it')
FROM test.finding('replace_index', 'public.bill USING btree (shop, clerk)') f;
SELECT ok(NOT test.found('missing_index', 'public.bill USING btree (shop, clerk)'), 'it is not reported as missing, too');
SELECT ok(NOT test.found('replace_index', 'public.kept USING btree (shop, clerk)'), 'a unique index is not to be replaced');

CREATE INDEX bill_shop_clerk_idx ON bill (shop, clerk);
DROP INDEX bill_shop;
ANALYZE bill;
SELECT ok(NOT test.found('replace_index', 'public.bill USING btree (shop, clerk)'), 'once done it is no longer reported');
SELECT is_empty($$SELECT FROM test.rows_with('replace_index') f WHERE f ->> 'object' LIKE 'public.bill %'$$, 'nor anything else of the table');
