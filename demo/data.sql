-- data.sql: the rows. The variable "scale" multiplies their number (default 1,
-- about 250 MB); the same scale gives the same rows.
\set ON_ERROR_STOP 1
\if :{?scale}
\else
    \set scale 1
\endif
\set customers 40000 * :scale
\set products 40000 * :scale
\set orders 120000 * :scale

-- Foreign keys are not checked row by row: the rows are right by construction.
SET session_replication_role = replica;
SELECT setseed(0.42);

INSERT INTO shop.tenants (name, plan, created_at)
SELECT format('%s %s',
              (ARRAY['Alder', 'Birch', 'Cedar', 'Elm', 'Hazel', 'Larch', 'Maple', 'Oak', 'Rowan', 'Willow'])[1 + i % 10],
              (ARRAY['Books', 'Bikes', 'Coffee', 'Garden', 'Toys'])[1 + i / 10 % 5]),
       (ARRAY['basic', 'basic', 'business', 'enterprise'])[1 + i % 4],
       timestamptz '2024-01-01' + i * interval '9 days'
FROM generate_series(0, 49) i;

INSERT INTO shop.customers (tenant_id, email, full_name, city, settings, created_at)
SELECT 1 + i % 50,
       format('%s.%s.%s@example.com', lower(first), lower(last), i),
       first || ' ' || last,
       (ARRAY['Aarhus', 'Berlin', 'Cork', 'Delft', 'Espoo', 'Faro', 'Graz'])[1 + floor(random() * 7)::int],
       jsonb_build_object('newsletter', random() < 0.3, 'language', (ARRAY['en', 'de', 'fi', 'pt'])[1 + i % 4]),
       timestamptz '2024-02-01' + random() * interval '700 days'
FROM (SELECT i,
             (ARRAY['Ada', 'Bo', 'Cleo', 'Dan', 'Eva', 'Finn', 'Gil', 'Hana', 'Ida', 'Jon'])[1 + floor(random() * 10)::int] AS first,
             (ARRAY['Berg', 'Costa', 'Dahl', 'Evans', 'Frey', 'Gruber', 'Holm', 'Ito', 'Jensen', 'Koch'])[1 + floor(random() * 10)::int] AS last
      FROM generate_series(1, (:customers)::int) i) names;

INSERT INTO shop.products (tenant_id, sku, name, price, description)
SELECT 1 + i % 50,
       format('SKU-%s', lpad(i::text, 7, '0')),
       format('%s %s %s',
              (ARRAY['Small', 'Large', 'Light', 'Sturdy', 'Folding', 'Classic'])[1 + floor(random() * 6)::int],
              (ARRAY['lamp', 'kettle', 'saddle', 'puzzle', 'trowel', 'notebook', 'grinder'])[1 + floor(random() * 7)::int],
              to_char(i, 'FM0000000')),
       (1 + random() * 200)::numeric(12, 2),
       repeat('A thing that people buy. ', 1 + i % 6)
FROM generate_series(1, (:products)::int) i;

INSERT INTO shop.stock_levels (product_id, warehouse, quantity)
SELECT 1 + i / 2, (ARRAY['north', 'south'])[1 + i % 2], floor(random() * 500)
FROM generate_series(0, (:products)::int * 2 - 1) i;

INSERT INTO shop.stock_reservations (product_id, warehouse, quantity, until)
SELECT 1 + i / 2, (ARRAY['north', 'south'])[1 + i % 2], 1, timestamptz '2026-01-01' + i * interval '1 s'
FROM generate_series(0, (:products)::int * 2 - 1) i;

INSERT INTO shop.orders (tenant_id, customer_id, status, coupon_code, total, placed_at)
SELECT 1 + floor(random() * 50)::int,
       1 + floor(random() ^ 2 * (:customers))::int,
       CASE WHEN random() < 0.02 THEN 'new' WHEN random() < 0.05 THEN 'returned' ELSE 'shipped' END,
       'SPRING-' || upper(substr(md5(i::text), 1, 12)),
       (5 + random() * 300)::numeric(12, 2),
       timestamptz '2024-06-01' + i * (interval '500 days' / (:orders))
FROM generate_series(1, (:orders)::int) i;

INSERT INTO shop.order_items (order_id, product_id, quantity, unit_price, tax, remark)
SELECT 1 + i * 2 / 5,
       1 + floor(random() * (:products))::int,
       1 + floor(random() * 4)::int,
       (1 + random() * 200)::numeric(12, 2),
       (random() * 20)::numeric(12, 2),
       CASE WHEN i % 3 = 0 THEN 'please wrap as a gift' END
FROM generate_series(0, ((:orders) * 2.5)::int - 1) i;

INSERT INTO shop.deliveries (order_id, country, city, carrier)
SELECT i, 'Country ' || i % 100 / 5, 'City ' || i % 100,
       (ARRAY['bike', 'post', 'train', 'van'])[1 + floor(random() * 4)::int]
FROM generate_series(1, (:orders)::int) i;

INSERT INTO shop.payments (order_id, provider_ref, idempotency_key, amount, paid_at)
SELECT i, format('ch_%s', substr(md5('p' || i), 1, 20)), md5('key' || i)::uuid,
       (5 + random() * 300)::numeric(12, 2), timestamptz '2025-01-01' + i * interval '2 min'
FROM generate_series(1, ((:orders) * 0.3)::int) i;

INSERT INTO shop.reviews (product_id, customer_id, stars, body)
SELECT 1 + floor(random() * (:products))::int, 1 + floor(random() * (:customers))::int,
       1 + floor(random() * 5)::int, repeat('Does what it should. ', i % 4)
FROM generate_series(1, (:products)::int * 2) i;

INSERT INTO shop.legacy_orders
SELECT i, format('%s %s', (ARRAY['Hr.', 'Fr.'])[1 + i % 2], md5(i::text)),
       (ARRAY['DE', 'DE', 'DE', 'AT', 'CH'])[1 + floor(random() * 5)::int],
       (random() * 400)::numeric(12, 2), date '2012-01-01' + i % 3000
FROM generate_series(1, (:orders)::int) i;

INSERT INTO shop.legacy_invoices
SELECT i, md5(i::text), (random() * 400)::numeric(12, 2), date '2012-01-01' + i % 3000
FROM generate_series(1, (:orders)::int) i;

INSERT INTO shop.documents (id, tenant_id, kind, body, created_at)
SELECT md5('doc' || i)::uuid, 1 + i % 50, (ARRAY['invoice', 'contract', 'label'])[1 + i % 3],
       jsonb_build_object('number', i, 'order', i,
                          'tags', jsonb_build_array('t' || i % 97, 'u' || i % 31),
                          'address', jsonb_build_object('city', 'City ' || i % 500, 'zip', 10000 + i % 90000)),
       timestamptz '2025-01-01' + i * interval '5 min'
FROM generate_series(1, ((:orders) * 0.2)::int) i;

INSERT INTO ops.events (tenant_id, customer_id, kind, happened_at, payload)
SELECT 1 + floor(random() * 50)::int,
       1 + floor(random() * (:customers))::int,
       (ARRAY['view', 'view', 'view', 'search', 'cart', 'purchase'])[1 + floor(random() * 6)::int],
       timestamptz '2025-01-01' + i * (interval '300 days' / ((:orders) * 2.5)),
       jsonb_build_object('path', '/p/' || i % 30000, 'ms', i % 900)
FROM generate_series(1, ((:orders) * 2.5)::int) i;

INSERT INTO ops.sessions (id, customer_id, user_agent, last_seen)
SELECT md5('session' || i)::uuid, 1 + floor(random() * (:customers))::int,
       'Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101 Firefox/' || 100 + i % 30, timestamptz '2026-01-01'
FROM generate_series(1, (:orders)::int) i;

INSERT INTO ops.login_attempts (email, failed, user_agent, attempted_at)
SELECT format('user.%s@example.com', i % 9999), random() < 0.1,
       'Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101 Firefox/' || 100 + i % 30,
       timestamptz '2026-01-01' + i * interval '1 s'
FROM generate_series(1, (:orders)::int) i;

INSERT INTO ops.audit_log (actor, action, changes, at)
SELECT 'user' || i % 40, (ARRAY['update', 'login', 'export'])[1 + i % 3],
       jsonb_build_object('row', i, 'from', md5(i::text)), timestamptz '2025-01-01' + i * interval '1 min'
FROM generate_series(1, (:orders)::int) i;

INSERT INTO ops.search_terms (term, hits, found)
SELECT 'rare ' || i, 1, false FROM generate_series(1, 1000) i;

-- Of the messages four in five are of the first tenant.
INSERT INTO ops.messages (tenant_id, body)
SELECT CASE WHEN i % 5 > 0 THEN 1 ELSE 2 + i / 5 % 49 END,
       'Hello, about order ' || i || ': when will it be delivered? ' || md5(i::text)
FROM generate_series(1, ((:orders) * 1.5)::int) i;
