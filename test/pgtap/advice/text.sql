-- index_advice() for text: the operator class that the operator wants, with the
-- collation of the column or of the statement; expressions; hash for equality on
-- long values, and never an index that cannot be built.
\ir advice.psql
-- To compare by rules of a language takes time; the columns are all alike anyway.
SET default_statistics_target = 30;
CREATE EXTENSION citext;
CREATE COLLATION folded (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
CREATE TABLE pages (
    id      int PRIMARY KEY,
    code    text COLLATE "C" NOT NULL,
    title   text COLLATE "und-x-icu" NOT NULL,
    name    varchar(60) COLLATE "und-x-icu" NOT NULL,
    email   text NOT NULL,
    nick    citext NOT NULL,
    label   text COLLATE folded NOT NULL,
    pad     char(12) NOT NULL,
    url     text NOT NULL,                  -- about 300 bytes
    body    text                            -- once 6000 bytes that do not compress
) WITH (autovacuum_enabled = false);
INSERT INTO pages
SELECT i, md5(i::text), initcap(md5(i || 't')) || ' ' || md5(i || 'u'), md5(i || 'n'), 'User' || i || '@Example.org',
       'Nick' || i, 'Label ' || i / 3, i, 'https://example.org/' || test.noise(i, 240 + i % 90), 'body ' || md5(i::text)
FROM generate_series(1, 30000) i;
UPDATE pages SET body = test.noise(1, 6000) WHERE id = 21234;
:loaded
VACUUM ANALYZE pages;
SELECT no_plan();

-- LIKE with a beginning.
SELECT test.advises('LIKE ''x%'' in the C collation', '{SELECT * FROM pages WHERE code LIKE ''abcd%''}',
    '{pages (code),pages (code text_pattern_ops)}');
SELECT test.advises('LIKE ''x%'' in another collation', '{SELECT * FROM pages WHERE title LIKE ''Abcd%''}', '{pages (title text_pattern_ops)}');
SELECT test.advises('LIKE ''x%'' on varchar', '{SELECT * FROM pages WHERE name LIKE ''abcd%''}',
    '{pages (name varchar_pattern_ops),pages (name text_pattern_ops)}');
SELECT test.advises('a regular expression with a beginning', '{SELECT * FROM pages WHERE title ~ ''^Abcd''}', '{pages (title text_pattern_ops)}');
SELECT test.advises_none('LIKE with a parameter, whose beginning nobody knows', '{SELECT * FROM pages WHERE title LIKE $1}',
    tempting => 'pages (title text_pattern_ops)');
SELECT test.advises('equality and LIKE ''x%'' need one index',
    '{SELECT * FROM pages WHERE title LIKE ''Abcd%'',SELECT * FROM pages WHERE title = ''Abcd''}', '{pages (title text_pattern_ops)}');
SELECT test.advises('LIKE without a wildcard is equality', '{SELECT * FROM pages WHERE email LIKE ''User5@Example.org''}',
    '{pages (email),pages (email text_pattern_ops),pages USING hash (email)}');

-- Orders and comparisons by collation.
SELECT test.advises('an order by the collation of the column', '{SELECT * FROM pages ORDER BY title LIMIT 10}', '{pages (title)}');
SELECT test.advises('an order by the collation of the statement', ARRAY['SELECT * FROM pages ORDER BY title COLLATE "C" LIMIT 10'],
    ARRAY['pages (title COLLATE "C")']);
SELECT test.advises('for which an index in that of the column is none',
    ARRAY['SELECT * FROM pages WHERE title COLLATE "C" > ''F'' ORDER BY title COLLATE "C" LIMIT 10'], ARRAY['pages (title COLLATE "C")'],
    given => '{CREATE INDEX ON pages (title)}');
SELECT test.advises('a collation that is not deterministic', '{SELECT * FROM pages WHERE label = ''label 77''}', '{pages (label),pages USING hash (label)}');
SELECT test.advises('citext', '{SELECT * FROM pages WHERE nick = ''NICK77''}', '{pages (nick),pages USING hash (nick)}');
SELECT test.advises('citext compared with text is text', '{SELECT * FROM pages WHERE nick = ''Nick77''::text}',
    '{pages ((nick::text)),pages USING hash ((nick::text)),pages (nick text_pattern_ops),pages (nick text_ops),pages USING hash (nick text_ops)}');
SELECT test.advises('char(n)', '{SELECT * FROM pages WHERE pad = ''77''}', '{pages (pad),pages USING hash (pad)}');
SELECT test.advises('lower()', '{SELECT * FROM pages WHERE lower(email) = ''user77@example.org''}',
    '{pages (lower(email)),pages USING hash (lower(email))}');
SELECT test.advises_none('lower() that is there', '{SELECT * FROM pages WHERE lower(email) = ''user77@example.org''}',
    given => '{CREATE INDEX ON pages (lower(email)),ANALYZE pages}');
SELECT test.advises('lower() for which an index on the column is none', '{SELECT * FROM pages WHERE lower(email) = ''user77@example.org''}',
    '{pages (lower(email)),pages USING hash (lower(email))}', given => '{CREATE INDEX ON pages (email)}');
SELECT test.advises('lower() and a beginning', '{SELECT * FROM pages WHERE lower(title) LIKE ''abcd%''}', '{pages (lower(title) text_pattern_ops)}');

-- Long values.
SELECT test.advises('equality on long text', '{SELECT * FROM pages WHERE url = ''https://example.org/x''}', '{pages USING hash (url)}');
SELECT test.advises('but not if it is ordered, too',
    '{SELECT * FROM pages WHERE url = ''https://example.org/x'',SELECT * FROM pages WHERE url > ''https://example.org/x'' ORDER BY url LIMIT 10}',
    '{pages (url)}');
SELECT throws_ok('CREATE INDEX ON pages (body)', '54000', NULL, 'a value too wide for a btree');
SELECT test.advises('is no obstacle for a hash', '{SELECT * FROM pages WHERE body = ''body 7''}', '{pages USING hash (body)}');
SELECT test.advises_none('but for an order it is', '{SELECT * FROM pages ORDER BY body LIMIT 10,SELECT * FROM pages WHERE body > ''body f'' AND body < ''body f1''}');

\ir done.psql
