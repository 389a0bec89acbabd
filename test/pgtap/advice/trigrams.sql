-- index_advice() for patterns that do not begin with what is known: trigrams, in
-- the operator class of the access method; without pg_trgm it is named, and for a
-- pattern of two characters there is no answer.
\ir advice.psql
SET default_statistics_target = 30;
CREATE TABLE pages (
    id      int PRIMARY KEY,
    title   text COLLATE "und-x-icu" NOT NULL,
    name    varchar(30) NOT NULL,
    email   text NOT NULL,
    body    text
) WITH (autovacuum_enabled = false);
INSERT INTO pages
SELECT i, initcap(left(md5(i || 't'), 20)), left(md5(i || 'n'), 15), left(md5(i || 'm'), 8) || '@example.org', repeat(md5(i::text), 4)
FROM generate_series(1, 50000) i;
:loaded
VACUUM ANALYZE pages;
SELECT no_plan();

SELECT test.advises_other('LIKE ''%x%'' without pg_trgm: it is named', 'SELECT * FROM pages WHERE title LIKE ''%abcde%''', 'extension', 'pg_trgm');
SELECT test.advises_other('ILIKE, too', 'SELECT * FROM pages WHERE title ILIKE ''abcde%''', 'extension', 'pg_trgm');
CREATE EXTENSION pg_trgm;
SELECT test.advises('LIKE ''%x%''', '{SELECT * FROM pages WHERE title LIKE ''%abcde%''}', '{pages USING gin (title gin_trgm_ops)}');
SELECT test.advises('ILIKE', '{SELECT * FROM pages WHERE title ILIKE ''%ABCDE%''}', '{pages USING gin (title gin_trgm_ops)}');
SELECT test.advises('a regular expression', '{SELECT * FROM pages WHERE title ~ ''abc[0-9]def''}', '{pages USING gin (title gin_trgm_ops)}');
SELECT test.advises('ILIKE on varchar', '{SELECT * FROM pages WHERE name ILIKE ''%abcde%''}', '{pages USING gin (name gin_trgm_ops)}');
SELECT test.advises('similarity', '{SELECT * FROM pages WHERE title % ''4e44f1ac85cd60e3caa5''}', '{pages USING gin (title gin_trgm_ops),pages USING gist (title gist_trgm_ops)}');
SELECT test.advises('the most similar', '{SELECT * FROM pages ORDER BY email <-> ''4e44f1ac@example.com'' LIMIT 5}', '{pages USING gist (email gist_trgm_ops)}');
SELECT test.advises('lower() somewhere inside', '{SELECT * FROM pages WHERE lower(title) LIKE ''%abcde%''}', '{pages USING gin (lower(title) gin_trgm_ops)}');
SELECT test.advises_none('two characters are too few', '{SELECT * FROM pages WHERE title LIKE ''%ab%'',SELECT * FROM pages WHERE title ILIKE ''%a%''}',
    tempting => 'pages USING gin (title gin_trgm_ops)');
SELECT test.advises('a beginning and somewhere inside: one for each, or one for both',
    '{SELECT * FROM pages WHERE title LIKE ''Abcd%'',SELECT * FROM pages WHERE title LIKE ''%fffff%''}',
    '{pages (title text_pattern_ops); pages USING gin (title gin_trgm_ops),pages USING gin (title gin_trgm_ops)}');

\ir done.psql
