-- index_advice() for types that have operators of their own: ranges, points,
-- networks; for those that look special and need nothing but the operator class
-- of their operator; for expressions; and for what is stored in the order of time.
\ir advice.psql
CREATE TYPE state AS ENUM ('new', 'running', 'done', 'failed');
CREATE DOMAIN part_number AS text CHECK (value ~ '^P');
CREATE DOMAIN amount AS numeric(10, 2);
CREATE TABLE parts (
    id       int PRIMARY KEY,
    during   tstzrange NOT NULL,
    place    point NOT NULL,
    area     box NOT NULL,
    address  inet NOT NULL,
    uid      uuid NOT NULL,
    state    state NOT NULL,
    part     part_number NOT NULL,
    price    amount NOT NULL,
    started  timestamp NOT NULL
) WITH (autovacuum_enabled = false);
INSERT INTO parts
SELECT i, tstzrange(t, t + interval '2 h'), point(x, y), box(point(x, y), point(x + 1, y + 1)),
       '10.0.0.0'::inet + test.spread(i, 10, 16000000), md5(i::text)::uuid,
       CASE test.spread(i, 11, 300) WHEN 0 THEN 'failed' ELSE 'done' END::state,
       'P' || i, test.spread(i, 12, 1000000) / 100.0, t::timestamp
FROM generate_series(1, 60000) i,
     LATERAL (SELECT timestamptz '2024-01-01 UTC' + test.spread(i, 13, 31536000) * interval '1 s' AS t,
                     test.spread(i, 14, 100000) / 10.0 AS x, test.spread(i, 15, 100000) / 10.0 AS y) s;
-- Only ever added to, in the order of time.
CREATE TABLE log (at timestamptz NOT NULL, host int NOT NULL, line text) WITH (autovacuum_enabled = false);
INSERT INTO log SELECT timestamptz '2024-01-01 UTC' + i * interval '1 min', test.spread(i, 1, 5000), repeat(md5(i::text), 3)
FROM generate_series(1, 200000) i;
:loaded
VACUUM ANALYZE parts;
VACUUM ANALYZE log;
SELECT no_plan();

-- Ranges, geometry, networks.
SELECT test.advises('a range that contains', '{SELECT * FROM parts WHERE during @> timestamptz ''2024-05-01 12:00 UTC''}',
    '{parts USING gist (during),parts USING spgist (during)}');
SELECT test.advises('a range that overlaps', '{"SELECT * FROM parts WHERE during && tstzrange(''2024-05-01'', ''2024-05-02'')"}',
    '{parts USING gist (during),parts USING spgist (during)}');
SELECT test.advises('points in a box', '{"SELECT * FROM parts WHERE place <@ box(point(100, 100), point(400, 400))"}',
    '{parts USING gist (place),parts USING spgist (place),parts USING spgist (place kd_point_ops)}');
SELECT test.advises('boxes that overlap', '{"SELECT * FROM parts WHERE area && box(point(100, 100), point(120, 120))"}',
    '{parts USING gist (area),parts USING spgist (area)}');
SELECT test.advises('the nearest', '{"SELECT * FROM parts ORDER BY place <-> point(500, 500) LIMIT 10"}',
    '{parts USING gist (place),parts USING spgist (place),parts USING spgist (place kd_point_ops)}');
SELECT test.advises('addresses of a network', '{SELECT * FROM parts WHERE address <<= ''10.3.4.0/24''}',
    '{parts (address),parts USING spgist (address),parts USING gist (address inet_ops)}');
SELECT test.advises('networks around an address', '{SELECT * FROM parts WHERE address >>= ''10.3.4.5''}',
    '{parts USING spgist (address),parts USING gist (address inet_ops)}');

-- Nothing special.
SELECT test.advises('uuid', '{SELECT * FROM parts WHERE uid = md5(''77'')::uuid}', '{parts (uid),parts USING hash (uid)}');
SELECT test.advises('inet', '{SELECT * FROM parts WHERE address = ''10.3.4.5''}', '{parts (address),parts USING hash (address)}');
SELECT test.advises('a domain over text', '{SELECT * FROM parts WHERE part = ''P77''}', '{parts (part),parts USING hash (part)}');
SELECT test.advises('a range of a domain', '{SELECT * FROM parts WHERE price < 10}', '{parts (price)}');
SELECT test.advises('an enum, of which a value is rare', '{SELECT * FROM parts WHERE state = ''failed'' ORDER BY started LIMIT 20}',
    '{parts (started) WHERE state = ''failed''}');
SELECT test.advises('a list of enum values', '{"SELECT * FROM parts WHERE state IN (''failed'', ''new'') AND price < 1000"}',
    '{"parts (state, price)",parts (state),"parts (price) WHERE state IN (''failed'', ''new'')","parts (state) WHERE state IN (''failed'', ''new'')",
      "parts (id) WHERE state IN (''failed'', ''new'')"}');
SELECT test.advises('date_trunc of a timestamp without time zone', '{"SELECT * FROM parts WHERE date_trunc(''hour'', started) = ''2024-05-01 12:00''"}',
    '{"parts (date_trunc(''hour'', started))","parts USING hash (date_trunc(''hour'', started))"}');
SELECT test.advises('arithmetic', '{SELECT * FROM parts WHERE price * 2.5 + id = 77.5}', '{parts ((price * 2.5 + id)),parts USING hash ((price * 2.5 + id))}');

-- Added to in the order of time.
SELECT test.advises('an hour of the log', '{SELECT * FROM log WHERE at BETWEEN ''2024-03-01'' AND ''2024-03-10''}',
    '{log USING brin (at),log (at),log USING brin (at timestamptz_minmax_multi_ops)}');
SELECT test.advises('with no room for more than that', '{SELECT * FROM log WHERE at BETWEEN ''2024-03-01'' AND ''2024-03-10''}',
    '{log USING brin (at),log USING brin (at timestamptz_minmax_multi_ops)}', storage_budget => 500000);
SELECT test.advises('with many lines added',
    '{SELECT * FROM log WHERE at BETWEEN ''2024-03-01'' AND ''2024-03-10'',INSERT INTO log VALUES (now()\, 1\, NULL)}',
    '{log USING brin (at),log USING brin (at timestamptz_minmax_multi_ops)}', weights => '{1,20000}');
SELECT test.advises('the last lines', '{SELECT * FROM log ORDER BY at DESC LIMIT 10}', '{log (at)}');
SELECT test.advises('what is in no order is not for BRIN', '{SELECT * FROM log WHERE host = 77}', '{log (host)}',
    given => '{CREATE INDEX ON log USING brin (host)}');

\ir done.psql
