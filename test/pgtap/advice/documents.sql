-- index_advice() for documents: GIN for what is inside of jsonb, arrays and text
-- search vectors, with the operator class of the operator; btree for an expression
-- on them; a rewrite where the statement asks in a way that no index can answer.
\ir advice.psql
CREATE TABLE docs (
    id       int PRIMARY KEY,
    doc      jsonb NOT NULL,
    tags     text[] NOT NULL,
    numbers  int[] NOT NULL,
    story    text NOT NULL,
    words    tsvector NOT NULL
) WITH (autovacuum_enabled = false);
INSERT INTO docs
SELECT i, jsonb_build_object('customer', test.spread(i, 1, 5000), 'mail', 'u' || i || '@example.org', 'kind', 'k' || i % 7, 'size', i % 900)
              || CASE WHEN i % 997 = 0 THEN '{"flagged": true}' ELSE '{}'::jsonb END,
       ARRAY['t' || test.spread(i, 2, 2000), 't' || test.spread(i, 3, 2000), 't' || test.spread(i, 4, 2000)],
       ARRAY[test.spread(i, 5, 3000), test.spread(i, 6, 3000)],
       'w' || test.spread(i, 7, 2000) || ' and w' || test.spread(i, 8, 2000) || ' or w' || test.spread(i, 9, 2000),
       to_tsvector('simple', 'w' || test.spread(i, 7, 2000) || ' w' || test.spread(i, 8, 2000))
FROM generate_series(1, 50000) i;
:loaded
-- All rows are looked at, so that the share of those that contain something is the same each time.
ALTER TABLE docs ALTER COLUMN doc SET STATISTICS 300;
VACUUM ANALYZE docs;
SELECT no_plan();

-- jsonb.
SELECT test.advises('jsonb @>', '{"SELECT * FROM docs WHERE doc @> ''{\"customer\": 17}''"}', '{docs USING gin (doc jsonb_path_ops)}');
SELECT test.advises('jsonb ?', '{SELECT * FROM docs WHERE doc ? ''flagged''}', '{docs USING gin (doc)}');
SELECT test.advises('jsonb ?|', '{"SELECT * FROM docs WHERE doc ?| ''{flagged,other}''"}', '{docs USING gin (doc)}');
SELECT test.advises('jsonb @> and ? share one index, if need be',
    '{"SELECT * FROM docs WHERE doc @> ''{\"customer\": 17}''",SELECT * FROM docs WHERE doc ? ''flagged''}',
    '{docs USING gin (doc),docs USING gin (doc); docs USING gin (doc jsonb_path_ops)}');
SELECT test.advises('a path', '{SELECT * FROM docs WHERE doc @@ ''$.customer == 17''}', '{docs USING gin (doc jsonb_path_ops)}');
SELECT test.advises('jsonb ->>', '{SELECT * FROM docs WHERE doc ->> ''mail'' = ''u77@example.org''}',
    '{docs ((doc ->> ''mail'')),docs USING hash ((doc ->> ''mail''))}');
SELECT test.advises('jsonb -> cast', '{SELECT * FROM docs WHERE (doc -> ''size'')::int = 77 AND (doc ->> ''customer'')::int = 12}',
    '{docs (((doc ->> ''customer'')::int)),docs USING hash (((doc ->> ''customer'')::int)),
      "docs (((doc ->> ''customer'')::int), ((doc -> ''size'')::int))","docs (((doc -> ''size'')::int), ((doc ->> ''customer'')::int))"}');
SELECT test.advises('a part of a document', '{"SELECT * FROM docs WHERE doc -> ''kind'' @> ''\"k3\"'' AND doc @> ''{\"customer\": 17}''"}',
    '{docs USING gin (doc jsonb_path_ops)}');

-- Arrays.
SELECT test.advises('array @>', '{SELECT * FROM docs WHERE tags @> ARRAY[''t17'']}', '{docs USING gin (tags)}');
SELECT test.advises('array &&', '{"SELECT * FROM docs WHERE tags && ARRAY[''t17'', ''t40'']"}', '{docs USING gin (tags)}');
SELECT test.advises('array <@', '{"SELECT * FROM docs WHERE tags <@ ARRAY[''t17'', ''t40'', ''t5'']"}', '{docs USING gin (tags)}');
SELECT test.advises('array of int', '{"SELECT * FROM docs WHERE numbers @> ''{17}''"}', '{docs USING gin (numbers)}');
SELECT test.advises_other('a value in ANY of an array', 'SELECT * FROM docs WHERE ''t17'' = ANY (tags)', 'rewrite', 'tags.*@>',
    better => 'SELECT * FROM docs WHERE tags @> ARRAY[''t17'']', index => 'docs USING gin (tags)');

-- Text search.
SELECT test.advises('tsvector @@', '{SELECT * FROM docs WHERE words @@ ''w17''::tsquery}', '{docs USING gin (words)}');
SELECT test.advises('to_tsvector of a configuration @@',
    '{"SELECT * FROM docs WHERE to_tsvector(''simple'', story) @@ to_tsquery(''simple'', ''w17 & w40'')"}',
    '{"docs USING gin (to_tsvector(''simple'', story))"}');
SELECT test.advises_other('to_tsvector of whatever configuration is set',
    'SELECT * FROM docs WHERE to_tsvector(story) @@ to_tsquery(''simple'', ''w17'')', 'rewrite', 'to_tsvector',
    better => 'SELECT * FROM docs WHERE to_tsvector(''simple'', story) @@ to_tsquery(''simple'', ''w17'')',
    index => 'docs USING gin (to_tsvector(''simple'', story))');

\ir done.psql
