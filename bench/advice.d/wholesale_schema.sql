-- wholesale_schema.sql: a wholesaler's books, for bench/advice: eight tables in
-- the proportions of TPC-H, six million lines at scale 1.
--
-- psql variable sf: the scale.  The same rows every time: what looks random is
-- a hash of the row's number.  As in real books, the date of a purchase grows
-- with its number, a line's dates follow the purchase's, states follow from
-- dates, a third of the clients never buy, and few clients and articles make
-- much of the trade.  Primary keys are all the indexes there are.

CREATE SCHEMA wholesale;
SET search_path = wholesale;

-- A number from 0 to below n, the same each time for a row and a salt.
CREATE FUNCTION pick(row_no bigint, salt int, n bigint) RETURNS bigint
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN (hashint8extended(row_no, salt) & 9223372036854775807) % n;

-- From 1 to n, small ones more often than great ones: the tenth part that is
-- picked most gets a good two fifths.
CREATE FUNCTION skewed(row_no bigint, salt int, n bigint) RETURNS bigint
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN 1 + floor(n * power(pick(row_no, salt, 1000003) / 1000003.0::float8, 2.6))::bigint;

CREATE TABLE zone (
    z_id int PRIMARY KEY,
    z_name text NOT NULL
);
INSERT INTO zone
SELECT i, (ARRAY['north', 'south', 'east', 'west', 'overseas'])[i] FROM generate_series(1, 5) i;

CREATE TABLE country (
    co_id int PRIMARY KEY,
    co_zone int NOT NULL REFERENCES zone,
    co_name text NOT NULL
);
INSERT INTO country
SELECT i, 1 + i % 5, 'country ' || lpad(i::text, 2, '0') FROM generate_series(1, 25) i;

CREATE TABLE vendor (
    v_id int PRIMARY KEY,
    v_country int NOT NULL,
    v_name text NOT NULL,
    v_balance numeric(12, 2) NOT NULL,
    v_rating int NOT NULL,
    v_note text NOT NULL
);
INSERT INTO vendor
SELECT i, 1 + pick(i, 1, 25), 'vendor ' || lpad(i::text, 8, '0'), pick(i, 2, 1100000) / 100.0 - 1000,
    1 + pick(i, 3, 10),
    CASE WHEN pick(i, 4, 200) = 0 THEN 'pending complaint of a client' ELSE repeat(md5(i::text), 2) END
FROM generate_series(1, greatest((10000 * :sf)::int, 100)) i;

CREATE TABLE client (
    cl_id int PRIMARY KEY,
    cl_country int NOT NULL,
    cl_segment text NOT NULL,
    cl_name text NOT NULL,
    cl_phone text NOT NULL,
    cl_balance numeric(12, 2) NOT NULL,
    cl_since date NOT NULL,
    cl_note text NOT NULL
);
INSERT INTO client
SELECT i, skewed(i, 11, 25), (ARRAY['retail', 'catering', 'hotel', 'public', 'reseller'])[1 + pick(i, 12, 5)],
    'client ' || lpad(i::text, 9, '0'),
    (10 + pick(i, 13, 25)) || '-' || lpad(pick(i, 14, 10000000)::text, 7, '0'),
    pick(i, 15, 1100000) / 100.0 - 1000, date '2010-01-01' + pick(i, 16, 5000)::int, repeat(md5(i::text), 2)
FROM generate_series(1, (150000 * :sf)::int) i;

CREATE TABLE article (
    a_id int PRIMARY KEY,
    a_name text NOT NULL,
    a_maker text NOT NULL,
    a_brand text NOT NULL,
    a_kind text NOT NULL,
    a_size int NOT NULL,
    a_packing text NOT NULL,
    a_price numeric(12, 2) NOT NULL
);
INSERT INTO article
SELECT i,
    (ARRAY['green', 'blue', 'ivory', 'amber', 'black', 'coral', 'khaki', 'lemon', 'olive', 'plum'])[1 + pick(i, 21, 10)]
        || ' ' || (ARRAY['chair', 'table', 'lamp', 'shelf', 'cup', 'plate', 'towel', 'tray', 'knife'])[1 + pick(i, 22, 9)]
        || ' ' || i,
    'maker ' || brand / 5, 'brand ' || brand,
    (ARRAY['plain', 'small', 'medium', 'large', 'luxury', 'promo'])[1 + pick(i, 24, 6)] || ' '
        || (ARRAY['steel', 'brass', 'glass', 'wood', 'cotton'])[1 + pick(i, 25, 5)],
    1 + pick(i, 26, 50),
    (ARRAY['small', 'big', 'wrapped', 'giant'])[1 + pick(i, 27, 4)] || ' '
        || (ARRAY['box', 'bag', 'crate', 'drum', 'case'])[1 + pick(i, 28, 5)],
    9 + pick(i, 29, 200000) / 100.0
FROM generate_series(1, (200000 * :sf)::int) i, LATERAL (SELECT 10 + pick(i, 23, 25) AS brand) b;

CREATE TABLE offer (
    of_article int NOT NULL,
    of_vendor int NOT NULL,
    of_stock int NOT NULL,
    of_cost numeric(12, 2) NOT NULL,
    of_note text NOT NULL,
    PRIMARY KEY (of_article, of_vendor)
);
INSERT INTO offer
SELECT i, 1 + (i + n * vendors / 4 + (i - 1) / vendors) % vendors, pick(i * 4 + n, 31, 10000),
    1 + pick(i * 4 + n, 32, 100000) / 100.0, repeat(md5((i * 4 + n)::text), 3)
FROM generate_series(1, (200000 * :sf)::int) i, generate_series(0, 3) n,
    LATERAL (SELECT greatest((10000 * :sf)::int, 100) AS vendors) v;

CREATE TABLE purchase (
    p_id bigint PRIMARY KEY,
    p_client int NOT NULL,
    p_state text NOT NULL,
    p_total numeric(12, 2) NOT NULL,
    p_date date NOT NULL,
    p_priority text NOT NULL,
    p_clerk text NOT NULL,
    p_note text NOT NULL
);

CREATE TABLE item (
    i_purchase bigint NOT NULL,
    i_no int NOT NULL,
    i_article int NOT NULL,
    i_vendor int NOT NULL,
    i_quantity numeric(12, 2) NOT NULL,
    i_price numeric(12, 2) NOT NULL,
    i_discount numeric(4, 2) NOT NULL,
    i_tax numeric(4, 2) NOT NULL,
    i_returned text NOT NULL,
    i_state text NOT NULL,
    i_shipped date NOT NULL,
    i_promised date NOT NULL,
    i_received date NOT NULL,
    i_terms text NOT NULL,
    i_carrier text NOT NULL,
    i_note text NOT NULL,
    PRIMARY KEY (i_purchase, i_no)
);
-- The vendor is one of the article's four; trade grows over seven years.
INSERT INTO item
SELECT p, n, article,
    1 + (article + pick(line, 47, 4) * vendors / 4 + (article - 1) / vendors) % vendors,
    1 + pick(line, 42, 50), (1 + pick(line, 42, 50)) * (9 + pick(article, 29, 200000) / 100.0),
    pick(line, 43, 11) / 100.0, pick(line, 44, 9) / 100.0,
    CASE WHEN received > date '2024-06-30' THEN 'none' WHEN pick(line, 48, 20) = 0 THEN 'returned' ELSE 'accepted' END,
    CASE WHEN shipped > date '2024-09-30' THEN 'open' ELSE 'shipped' END,
    shipped, ordered + 30 + pick(line, 49, 60)::int, received,
    (ARRAY['collect', 'deliver', 'in person', 'cash', 'none'])[1 + pick(line, 50, 5)],
    (ARRAY['air', 'air', 'rail', 'ship', 'truck', 'truck', 'truck', 'mail', 'courier'])[1 + pick(line, 51, 9)],
    left(md5(line::text), 20 + pick(line, 52, 12)::int)
FROM (SELECT greatest((10000 * :sf)::int, 100) AS vendors, (1500000 * :sf)::int AS purchases) s,
    generate_series(1, purchases) p,
    LATERAL (SELECT date '2018-01-01' + (2540 * power(p / purchases::float8, 0.75))::int + pick(p, 41, 12)::int AS ordered) o,
    generate_series(1, 1 + pick(p, 40, 7)) n,
    LATERAL (SELECT p * 8::bigint + n AS line) l,
    LATERAL (SELECT skewed(line, 45, (200000 * :sf)::int) AS article, ordered + 1 + pick(line, 46, 90)::int AS shipped) a,
    LATERAL (SELECT shipped + 1 + pick(line, 53, 30)::int AS received) r;

INSERT INTO purchase
SELECT p, 1 + (skewed(p, 61, clients / 3) * 3 + pick(p, 62, 2) * 2) % clients,
    CASE WHEN l.open = 0 THEN 'closed' WHEN l.shipped = 0 THEN 'open' ELSE 'part' END,
    l.total, date '2018-01-01' + (2540 * power(p / purchases::float8, 0.75))::int + pick(p, 41, 12)::int,
    (ARRAY['1 urgent', '2 high', '3 medium', '4 low', '5 none', '5 none', '5 none'])[1 + pick(p, 63, 7)],
    'clerk ' || lpad(pick(p, 64, greatest((1000 * :sf)::int, 10))::text, 5, '0'),
    CASE WHEN pick(p, 65, 90) = 0 THEN 'special ' || left(md5(p::text), 9) || ' requests' ELSE repeat(md5(p::text), 2) END
FROM (SELECT (150000 * :sf)::int AS clients, (1500000 * :sf)::int AS purchases) s,
    (SELECT i_purchase AS p, sum(i_price * (1 - i_discount) * (1 + i_tax))::numeric(12, 2) AS total,
        count(*) FILTER (WHERE i_state = 'open') AS open, count(*) FILTER (WHERE i_state = 'shipped') AS shipped
    FROM item GROUP BY i_purchase ORDER BY i_purchase) l
ORDER BY p;

-- Statistics from all rows (up to three million) rather than from a sample, so
-- that plans are the same in every run: the most detailed column decides how many
-- are read.  These are columns that no statement compares.
ALTER TABLE client ALTER COLUMN cl_since SET STATISTICS 10000;
ALTER TABLE article ALTER COLUMN a_price SET STATISTICS 10000;
ALTER TABLE offer ALTER COLUMN of_note SET STATISTICS 10000;
ALTER TABLE purchase ALTER COLUMN p_total SET STATISTICS 10000;
ALTER TABLE item ALTER COLUMN i_note SET STATISTICS 10000;
