-- star_schema.sql: the shop's warehouse that star_queries.sql asks about, for
-- bench/overhead.  The same rows every time: "random" is a multiplication.

CREATE SCHEMA star;
SET search_path = star;

CREATE TABLE region (
    region_id int PRIMARY KEY,
    name text NOT NULL
);
INSERT INTO region
SELECT i, 'region ' || i FROM generate_series(1, 5) i;

CREATE TABLE store (
    store_id int PRIMARY KEY,
    region_id int NOT NULL REFERENCES region,
    name text NOT NULL,
    opened date NOT NULL
);
INSERT INTO store
SELECT i, 1 + i % 5, 'store ' || i, date '2010-01-01' + i * 17
FROM generate_series(1, 60) i;

CREATE TABLE product (
    product_id int PRIMARY KEY,
    brand text NOT NULL,
    kind text NOT NULL,
    price numeric(10, 2) NOT NULL,
    attributes jsonb NOT NULL
);
INSERT INTO product
SELECT i, 'brand ' || i % 25, 'kind ' || i % 12, 5 + i * 7919 % 20000 / 100.0,
    jsonb_build_object('colour', (ARRAY['red', 'green', 'blue', 'black'])[1 + i % 4], 'weight', i % 50)
FROM generate_series(1, 2000) i;

CREATE TABLE customer (
    customer_id int PRIMARY KEY,
    region_id int NOT NULL REFERENCES region,
    segment text NOT NULL,
    email text NOT NULL,
    referred_by int REFERENCES customer
);
INSERT INTO customer
SELECT i, 1 + i * 31 % 5, (ARRAY['home', 'office', 'school'])[1 + i % 3],
    'customer' || i || '@example.com', CASE WHEN i % 3 = 0 THEN i / 3 END
FROM generate_series(1, 12000) i;

CREATE TABLE purchase (
    purchase_id int PRIMARY KEY,
    customer_id int NOT NULL REFERENCES customer,
    store_id int NOT NULL REFERENCES store,
    placed timestamp NOT NULL,
    state text NOT NULL
);
INSERT INTO purchase
SELECT i, 1 + (i * 7919::int8 % 12000)::int, 1 + i * 13 % 60,
    timestamp '2022-01-01' + i * interval '17 minutes',
    (ARRAY['paid', 'paid', 'paid', 'sent', 'returned'])[1 + i % 5]
FROM generate_series(1, 60000) i;

CREATE TABLE line (
    purchase_id int NOT NULL REFERENCES purchase,
    line_no int NOT NULL,
    product_id int NOT NULL REFERENCES product,
    quantity int NOT NULL,
    price numeric(10, 2) NOT NULL,
    discount numeric(3, 2) NOT NULL,
    PRIMARY KEY (purchase_id, line_no)
);
INSERT INTO line
SELECT p, n, 1 + ((p * 31::int8 + n * 499) * 7907 % 2000)::int, 1 + (p + n) % 7,
    5 + ((p * 17 + n * 7919) % 20000) / 100.0, (p + n) % 10 / 100.0
FROM generate_series(1, 60000) p, generate_series(1, 1 + p % 5) n;

CREATE INDEX ON purchase (customer_id);
CREATE INDEX ON purchase (placed);
CREATE INDEX ON line (product_id);
ALTER DATABASE bench SET search_path = public, star;
VACUUM ANALYZE;
