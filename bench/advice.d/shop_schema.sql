-- shop_schema.sql: the tables behind a web shop, for bench/advice: users,
-- orders, a job queue, sessions, messages, events.
--
-- psql variable sf: the scale; half a million users and two million orders at
-- scale 1.  The same rows every time.  Primary keys and what uniqueness needs
-- are all the indexes there are.

CREATE SCHEMA shop;
SET search_path = shop;

-- A number from 0 to below n, the same each time for a row and a salt.
CREATE FUNCTION pick(row_no bigint, salt int, n bigint) RETURNS bigint
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN (hashint8extended(row_no, salt) & 9223372036854775807) % n;

CREATE TABLE account (
    id bigint PRIMARY KEY,
    email text NOT NULL,
    name text NOT NULL,
    status text NOT NULL,
    tenant_id int NOT NULL,
    created_at timestamptz NOT NULL,
    last_login timestamptz,
    settings jsonb NOT NULL
);
INSERT INTO account
SELECT i, CASE WHEN pick(i, 1, 4) = 0 THEN 'User' ELSE 'user' END || i || '@' || 'mail' || pick(i, 2, 40) || '.example',
    initcap(translate(left(md5(i::text), 7), '0123456789', 'ghijklmnop')) || ' ' || left(md5(i::text || 'x'), 9),
    CASE WHEN pick(i, 3, 100) < 2 THEN 'locked' WHEN pick(i, 3, 100) < 10 THEN 'unconfirmed' ELSE 'active' END,
    1 + floor(200 * power(pick(i, 4, 10007) / 10007.0, 2))::int,
    timestamptz '2020-01-01 00:00+00' + i * (interval '1800 days' / (500000 * :sf)::int),
    CASE WHEN pick(i, 5, 3) > 0 THEN timestamptz '2024-12-01 00:00+00' - pick(i, 6, 500) * interval '7 hours' END,
    jsonb_build_object('lang', (ARRAY['en', 'de', 'fr', 'es', 'pt'])[1 + pick(i, 7, 5)],
        'plan', (ARRAY['free', 'free', 'free', 'free', 'team', 'pro', 'trial'])[1 + pick(i, 8, 7)])
FROM generate_series(1, (500000 * :sf)::int) i;

CREATE TABLE product (
    id int PRIMARY KEY,
    sku text NOT NULL UNIQUE,
    title text NOT NULL,
    category_id int NOT NULL,
    price numeric(10, 2) NOT NULL,
    rating numeric(2, 1) NOT NULL,
    deleted_at timestamptz,
    tags text[] NOT NULL,
    attributes jsonb NOT NULL
);
INSERT INTO product
SELECT i, 'SKU-' || lpad(i::text, 7, '0'),
    (ARRAY['oak', 'steel', 'linen', 'paper', 'glass', 'clay'])[1 + pick(i, 11, 6)] || ' '
        || (ARRAY['vase', 'desk', 'bowl', 'rug', 'print', 'stool', 'clock'])[1 + pick(i, 12, 7)] || ' ' || left(md5(i::text), 6),
    1 + pick(i, 13, 150), 3 + pick(i, 14, 30000) / 100.0, 1 + pick(i, 15, 41) / 10.0,
    CASE WHEN pick(i, 16, 12) = 0 THEN timestamptz '2024-01-01 00:00+00' + i * interval '1 min' END,
    ARRAY['tag' || pick(i, 17, 300), 'tag' || pick(i, 18, 300), 'tag' || pick(i, 19, 300)],
    jsonb_build_object('colour', 'c' || pick(i, 20, 60), 'material', 'm' || pick(i, 21, 25), 'weight', pick(i, 22, 900))
FROM generate_series(1, (200000 * :sf)::int) i;

CREATE TABLE orders (
    id bigint PRIMARY KEY,
    account_id bigint NOT NULL,
    status text NOT NULL,
    total numeric(12, 2) NOT NULL,
    coupon text,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL
);
INSERT INTO orders
SELECT i, 1 + floor((500000 * :sf)::int * power(pick(i, 31, 1000003) / 1000003.0::float8, 1.8))::bigint,
    CASE WHEN i > n * 0.995 THEN (ARRAY['new', 'paid', 'packing'])[1 + pick(i, 32, 3)]
        WHEN pick(i, 33, 50) = 0 THEN 'cancelled' WHEN pick(i, 33, 400) = 1 THEN 'disputed' ELSE 'done' END,
    5 + pick(i, 34, 60000) / 100.0, CASE WHEN pick(i, 35, 25) = 0 THEN 'C' || pick(i, 36, 500) END,
    timestamptz '2022-01-01 00:00+00' + i * (interval '1065 days' / n),
    timestamptz '2022-01-01 00:00+00' + i * (interval '1065 days' / n) + pick(i, 37, 200) * interval '1 hour'
FROM (SELECT (2000000 * :sf)::int AS n) s, generate_series(1, n) i;

CREATE TABLE order_line (
    order_id bigint NOT NULL,
    line_no int NOT NULL,
    product_id int NOT NULL,
    quantity int NOT NULL,
    price numeric(10, 2) NOT NULL
);
INSERT INTO order_line
SELECT i, n, 1 + floor((200000 * :sf)::int * power(pick(i * 8::bigint + n, 41, 1000003) / 1000003.0::float8, 1.5))::int,
    1 + pick(i * 8::bigint + n, 42, 4), 3 + pick(i * 8::bigint + n, 43, 30000) / 100.0
FROM generate_series(1, (2000000 * :sf)::int) i, generate_series(1, 1 + pick(i, 44, 4)) n;

CREATE TABLE job (
    id bigint PRIMARY KEY,
    queue text NOT NULL,
    state text NOT NULL,
    priority int NOT NULL,
    run_at timestamptz NOT NULL,
    attempts int NOT NULL,
    payload jsonb NOT NULL
);
INSERT INTO job
SELECT i, (ARRAY['mail', 'mail', 'mail', 'invoice', 'image', 'sync'])[1 + pick(i, 51, 6)],
    CASE WHEN pick(i, 52, 300) = 0 THEN 'ready' WHEN pick(i, 52, 300) = 1 THEN 'failed' ELSE 'finished' END,
    pick(i, 53, 5), timestamptz '2024-10-01 00:00+00' + i * (interval '60 days' / (1000000 * :sf)::int), pick(i, 54, 3),
    jsonb_build_object('account', 1 + pick(i, 55, (500000 * :sf)::int), 'kind', 'k' || pick(i, 56, 20))
FROM generate_series(1, (1000000 * :sf)::int) i;

CREATE TABLE login_session (
    token uuid PRIMARY KEY,
    account_id bigint NOT NULL,
    expires_at timestamptz NOT NULL,
    ip inet NOT NULL
);
INSERT INTO login_session
SELECT md5(i::text)::uuid, 1 + pick(i, 61, (500000 * :sf)::int),
    timestamptz '2024-11-01 00:00+00' + pick(i, 62, 60 * 1440) * interval '1 min',
    '10.0.0.0'::inet + pick(i, 63, 16000000)
FROM generate_series(1, (600000 * :sf)::int) i;

CREATE TABLE message (
    id bigint PRIMARY KEY,
    thread_id bigint NOT NULL,
    sender_id bigint NOT NULL,
    recipient_id bigint NOT NULL,
    sent_at timestamptz NOT NULL,
    read_at timestamptz,
    body text NOT NULL
);
INSERT INTO message
SELECT i, 1 + pick(i, 71, (150000 * :sf)::int), 1 + pick(i, 72, (500000 * :sf)::int), 1 + pick(i, 73, (500000 * :sf)::int),
    sent, CASE WHEN pick(i, 74, 20) > 0 THEN sent + pick(i, 75, 5000) * interval '1 min' END,
    repeat(md5(i::text), 1 + pick(i, 76, 5)::int)
FROM generate_series(1, (1500000 * :sf)::int) i,
    LATERAL (SELECT timestamptz '2023-01-01 00:00+00' + i * (interval '700 days' / (1500000 * :sf)::int) AS sent) s;

CREATE TABLE event (
    id bigint PRIMARY KEY,
    account_id bigint,
    kind text NOT NULL,
    happened_at timestamptz NOT NULL,
    details jsonb NOT NULL
);
INSERT INTO event
SELECT i, CASE WHEN pick(i, 81, 5) > 0 THEN 1 + pick(i, 82, (500000 * :sf)::int) END,
    (ARRAY['view', 'view', 'view', 'view', 'search', 'search', 'cart', 'error'])[1 + pick(i, 83, 8)],
    timestamptz '2024-06-01 00:00+00' + i * (interval '180 days' / (3000000 * :sf)::int),
    jsonb_build_object('page', 'p' || pick(i, 84, 4000), 'ms', pick(i, 85, 3000))
FROM generate_series(1, (3000000 * :sf)::int) i;

-- Statistics from all rows (up to three million) rather than from a sample, so
-- that plans are the same in every run: the most detailed column decides how many
-- are read.  These are columns that no statement compares.
ALTER TABLE account ALTER COLUMN last_login SET STATISTICS 10000;
ALTER TABLE product ALTER COLUMN sku SET STATISTICS 10000;
ALTER TABLE orders ALTER COLUMN updated_at SET STATISTICS 10000;
ALTER TABLE order_line ALTER COLUMN price SET STATISTICS 10000;
ALTER TABLE job ALTER COLUMN attempts SET STATISTICS 10000;
ALTER TABLE login_session ALTER COLUMN ip SET STATISTICS 10000;
ALTER TABLE message ALTER COLUMN body SET STATISTICS 10000;
ALTER TABLE event ALTER COLUMN details SET STATISTICS 10000;
