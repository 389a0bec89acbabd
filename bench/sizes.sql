-- Data and indexes of bench/sizes.  Sets: rows.
SET client_min_messages = warning;
SELECT setseed(0.5);

CREATE TABLE events AS
SELECT i AS id,
       (random() * 1e9)::int AS rnd,
       (random() * :rows / 3)::int AS third,
       (i / 4)::int AS clustered4,
       (random() * 1000)::int AS thousand,
       (ARRAY['new', 'open', 'paid', 'sent', 'done'])[1 + floor(5 * power(random(), 3))::int] AS status,
       floor(:rows * power(random(), 4))::bigint AS zipf,
       floor(20000 * power(random(), 3))::int AS zipf2,
       round((random() * 10000)::numeric, 2) AS price,
       CASE WHEN random() < 0.1 THEN (random() * 50000)::int END AS mostly_null,
       md5(i::text) AS hex,
       left(md5((i % 30000)::text), 4 + i % 29) || repeat('x', i % 40) AS wide,
       timestamptz '2024-01-01' + i * interval '37 s' AS at,
       gen_random_uuid() AS uid,
       'user' || (random() * :rows / 10)::int || '@example.org' AS email
FROM generate_series(1, :rows) i;

CREATE TABLE docs AS
SELECT i AS id,
       (SELECT array_agg('tag' || floor(30000 * power(random(), 4))::int) FROM generate_series(1, 1 + i % 6)) AS tags,
       (SELECT array_agg((random() * :rows)::int) FROM generate_series(1, 1 + i % 8)) AS numbers,
       jsonb_build_object('id', i, 'kind', (ARRAY['a', 'b', 'c'])[1 + i % 3], 'name', 'n' || (random() * 20000)::int,
                          'attributes', jsonb_build_object('size', (random() * 50)::int, 'color', 'c' || i % 12)) AS body,
       (SELECT to_tsvector('simple', string_agg('w' || floor(50000 * power(random(), 4))::int, ' '))
        FROM generate_series(1, 12 + i % 9)) AS words,
       'street ' || md5((random() * 60000)::int::text) AS address,
       point(random() * 1000, random() * 1000) AS spot,
       box(point(random() * 1000, random() * 1000), point(random() * 1000, random() * 1000)) AS area,
       ('10.' || (random() * 20)::int || '.' || (random() * 255)::int || '.' || (random() * 255)::int)::inet AS ip,
       int4range(i, i + 1 + (random() * 100)::int) AS span,
       tstzrange(timestamptz '2024-01-01' + random() * interval '300 days', timestamptz '2025-01-01') AS period
FROM generate_series(1, :rows / 4) i, LATERAL (SELECT i AS again) a;

CREATE TABLE small AS SELECT i AS id, i % 7 AS few, md5(i::text) AS t FROM generate_series(1, 1500) i;
CREATE TABLE tiny AS SELECT 1 AS id;
CREATE TABLE empty (id int, t text);
VACUUM ANALYZE events;
VACUUM ANALYZE docs;
VACUUM ANALYZE small;
VACUUM ANALYZE tiny;
VACUUM ANALYZE empty;

CREATE TABLE cases (number int GENERATED ALWAYS AS IDENTITY, ddl text, estimated bigint, ms float8, height int,
                    hypopg bigint, built bigint, real_height int);
INSERT INTO cases (ddl)
SELECT 'CREATE INDEX size_case ON ' || d FROM unnest(ARRAY[
    'events (id)', 'events (rnd)', 'events (third)', 'events (clustered4)', 'events (thousand)', 'events (status)',
    'events (zipf)', 'events (zipf2)', 'events (zipf2, status)', 'events (zipf, zipf2)', 'events (price)',
    'events (mostly_null)', 'events (mostly_null) WHERE mostly_null IS NOT NULL', 'events (hex)', 'events (wide)',
    'events (at DESC)', 'events (uid)', 'events (email)', 'events (lower(email))', 'events (status, at)',
    'events (thousand) INCLUDE (price)', 'events (third) WITH (fillfactor = 70)',
    'events (third) WITH (deduplicate_items = off)', 'events (thousand, status, zipf2)',
    'small (id)', 'small (few)', 'tiny (id)', 'empty (t)',
    'events USING hash (id)', 'events USING hash (third)', 'events USING hash (thousand)', 'events USING hash (zipf)',
    'events USING hash (email)', 'small USING hash (t)', 'empty USING hash (t)',
    'events USING hash (mostly_null) WHERE mostly_null IS NOT NULL',
    'events USING brin (id)', 'events USING brin (at) WITH (pages_per_range = 4)', 'events USING brin (hex) WITH (pages_per_range = 8)',
    'events USING brin (email, id) WITH (pages_per_range = 16)',
    'events USING brin (rnd int4_minmax_multi_ops) WITH (pages_per_range = 16)',
    'events USING brin (id int4_minmax_multi_ops) WITH (pages_per_range = 32)',
    'events USING brin (uid uuid_bloom_ops) WITH (pages_per_range = 16)', 'events USING brin (id) WITH (pages_per_range = 1)',
    'docs USING brin (ip inet_inclusion_ops) WITH (pages_per_range = 8)', 'docs USING brin (span) WITH (pages_per_range = 2)',
    'docs USING gin (tags)', 'docs USING gin (numbers)', 'docs USING gin (body)', 'docs USING gin (body jsonb_path_ops)',
    'docs USING gin (words)', 'docs USING gin (address gin_trgm_ops)', 'docs USING gin (tags, words)',
    'events USING gin (status gin_trgm_ops)',
    'docs USING gist (spot)', 'docs USING gist (area)', 'docs USING gist (ip inet_ops)', 'docs USING gist (span)',
    'docs USING gist (period)', 'docs USING gist (words)', 'docs USING gist (address gist_trgm_ops)',
    'docs USING gist (id)', 'docs USING gist (ip inet_ops, span)', 'events USING gist (thousand)',
    'docs USING spgist (spot)', 'docs USING spgist (spot kd_point_ops)', 'docs USING spgist (area)',
    'docs USING spgist (ip)', 'docs USING spgist (span)', 'docs USING spgist (address)', 'events USING spgist (email)',
    'docs USING spgist (period)', 'events USING spgist (hex)',
    'docs USING bloom (id, address)']) WITH ORDINALITY AS u (d, o)
ORDER BY o;
CREATE FUNCTION run_case(which int) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    c        cases;
    began    timestamptz := clock_timestamp();
    estimate record;
BEGIN
    SELECT * INTO c FROM cases WHERE number = which;
    SELECT bytes, height INTO estimate FROM dbadvisor.estimate_index(c.ddl);
    UPDATE cases SET estimated = estimate.bytes, height = estimate.height,
        ms = 1000 * extract(epoch FROM clock_timestamp() - began)
    WHERE number = which;
    IF EXISTS (SELECT FROM pg_extension WHERE extname = 'hypopg') THEN
        BEGIN
            UPDATE cases SET hypopg = (SELECT hypopg_relation_size(indexrelid) FROM hypopg_create_index(c.ddl))
            WHERE number = which;
        EXCEPTION WHEN OTHERS THEN
            NULL;               -- it does not know this access method
        END;
        PERFORM hypopg_reset();
    END IF;
    EXECUTE c.ddl;
    UPDATE cases SET built = pg_relation_size('size_case') WHERE number = which;
    IF c.ddl !~ ' USING ' AND c.ddl !~ ' empty ' THEN
        UPDATE cases SET real_height = (bt_metap('size_case')).level WHERE number = which;
    END IF;
    DROP INDEX size_case;
END $$;
SELECT format('SELECT run_case(%s)', number) FROM cases ORDER BY number \gexec
