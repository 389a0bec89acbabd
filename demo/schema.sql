-- schema.sql: a shop and its tenants, with one mistake for every rule.
--
-- Read by script/demo and by test/t/020_demo.pl, in this order: schema.sql,
-- slots.sql, data.sql, mistakes.sql, traffic/devices.sql, forgotten_session.sql in the
-- background, holders.sql, age.sql, the rest of traffic/.
--
-- Each mistake is marked where it is made, with something that looks alike and
-- is all right beside it:
--
--   -- planted: CATEGORY/RULE OBJECT    the rule reports the object
--   -- twin: CATEGORY/RULE OBJECT       the rule does not report this one
--
-- An object is named as recommendations() names it; between slashes it is a
-- regular expression over the object, a colon and the detail. The test reads
-- these marks, so what is written here is what is tested.
--
-- In the database "reporting", which has no pg_stat_statements:
-- planted: config/missing_pg_stat_statements /pg_stat_statements/

\set ON_ERROR_STOP 1
SET client_min_messages = warning;

CREATE EXTENSION pg_stat_statements;
CREATE EXTENSION dbadvisor;
CREATE SCHEMA shop;
CREATE SCHEMA ops;

-- ------------------------------------------------------------------ people

CREATE TABLE shop.tenants (
    id         int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name       text NOT NULL UNIQUE,
    plan       text NOT NULL DEFAULT 'basic',
    created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE shop.customers (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tenant_id  int NOT NULL REFERENCES shop.tenants,
    email      text NOT NULL,
    full_name  text NOT NULL,
    city       text,
    settings   jsonb NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (tenant_id, email)
);
CREATE INDEX customers_email_idx ON shop.customers (email);

-- ----------------------------------------------------------------- products

CREATE TABLE shop.products (
    id          int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tenant_id   int NOT NULL REFERENCES shop.tenants,
    sku         text NOT NULL,
    name        text NOT NULL,
    price       numeric(12, 2) NOT NULL,
    description text,
    UNIQUE (tenant_id, sku)
);
-- The same index twice: by hand, and by a migration under another name.
-- planted: index/duplicate_index shop.idx_products_name
CREATE INDEX idx_products_name ON shop.products (name);
-- twin: index/duplicate_index shop.products_name_idx
CREATE INDEX products_name_idx ON shop.products (name);
-- The same column for another kind of search: LIKE 'x%' needs this operator class.
-- twin: index/duplicate_index shop.products_name_prefix_idx
CREATE INDEX products_name_prefix_idx ON shop.products (name text_pattern_ops);

-- Rows of it cannot be told apart, and are updated all the time.
-- planted: schema/no_primary_key shop.stock_levels
CREATE TABLE shop.stock_levels (
    product_id int NOT NULL REFERENCES shop.products ON DELETE CASCADE,
    warehouse  text NOT NULL,
    quantity   int NOT NULL,
    counted_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX stock_levels_product_id_idx ON shop.stock_levels (product_id);

-- twin: schema/no_primary_key shop.stock_reservations
CREATE TABLE shop.stock_reservations (
    product_id int NOT NULL REFERENCES shop.products ON DELETE CASCADE,
    warehouse  text NOT NULL,
    quantity   int NOT NULL,
    until      timestamptz NOT NULL,
    PRIMARY KEY (product_id, warehouse)
);

-- ------------------------------------------------------------------- orders

-- Numbers of type integer, and the shop has grown.
-- planted: schema/sequence_exhaustion /^shop\.orders(\.id|_id_seq)/
CREATE TABLE shop.orders (
    id          int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tenant_id   int NOT NULL REFERENCES shop.tenants,
    customer_id bigint NOT NULL REFERENCES shop.customers,
    status      text NOT NULL DEFAULT 'new',
    coupon_code text,
    total       numeric(12, 2) NOT NULL DEFAULT 0,
    placed_at   timestamptz NOT NULL DEFAULT now()
);
-- The second of these does all that the first does.
-- planted: index/redundant_index shop.orders_placed_at_idx
CREATE INDEX orders_placed_at_idx ON shop.orders (placed_at);
-- twin: index/redundant_index shop.orders_placed_at_status_idx
CREATE INDEX orders_placed_at_status_idx ON shop.orders (placed_at, status);
-- The same column, but in second place: the first one could not stand in for it.
-- twin: index/redundant_index shop.orders_tenant_id_placed_at_idx
CREATE INDEX orders_tenant_id_placed_at_idx ON shop.orders (tenant_id, placed_at);
-- Made for a campaign long over: nobody looks an order up by its coupon.
-- planted: index/unused_index shop.orders_coupon_code_idx
CREATE INDEX orders_coupon_code_idx ON shop.orders (coupon_code);
-- twin: index/unused_index shop.orders_customer_id_placed_at_idx
CREATE INDEX orders_customer_id_placed_at_idx ON shop.orders (customer_id, placed_at);

CREATE TABLE shop.order_items (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    order_id   int NOT NULL REFERENCES shop.orders ON DELETE CASCADE,
    -- Whoever deletes a product reads all items ever sold.
    -- planted: index/foreign_key_without_index /order_items.*product_id/
    product_id int NOT NULL REFERENCES shop.products,
    quantity   int NOT NULL,
    unit_price numeric(12, 2) NOT NULL,
    tax        numeric(12, 2) NOT NULL,
    discount   numeric(12, 2) NOT NULL DEFAULT 0,
    remark     text
);
-- twin: index/foreign_key_without_index /order_items_order_id_fkey/
CREATE INDEX order_items_order_id_idx ON shop.order_items (order_id);

CREATE TABLE shop.payments (
    -- As small a type as that of shop.orders, and far from its end.
    -- twin: schema/sequence_exhaustion /^shop\.payments(\.id|_id_seq)/
    id              int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    order_id        int NOT NULL REFERENCES shop.orders ON DELETE CASCADE,
    provider_ref    text NOT NULL,
    idempotency_key uuid NOT NULL UNIQUE,
    amount          numeric(12, 2) NOT NULL,
    paid_at         timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX payments_order_id_idx ON shop.payments (order_id);

CREATE TABLE shop.reviews (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    product_id  int NOT NULL REFERENCES shop.products ON DELETE CASCADE,
    -- Customers are numbered in bigint; their 2 147 483 648th cannot write one.
    -- planted: schema/foreign_key_type_mismatch /reviews_customer_id_fkey/
    -- twin: schema/foreign_key_type_mismatch /orders_customer_id_fkey/
    customer_id int NOT NULL REFERENCES shop.customers,
    stars       int NOT NULL CHECK (stars BETWEEN 1 AND 5),
    body        text
);
CREATE INDEX reviews_product_id_idx ON shop.reviews (product_id);
CREATE INDEX reviews_customer_id_idx ON shop.reviews (customer_id);

-- Copied from the old system and forgotten: the planner knows nothing of it.
-- planted: statistics/never_analyzed shop.legacy_orders
CREATE TABLE shop.legacy_orders (
    id        int PRIMARY KEY,
    customer  text NOT NULL,
    country   text NOT NULL,
    total     numeric(12, 2) NOT NULL,
    placed_on date NOT NULL
) WITH (autovacuum_enabled = false);

-- twin: statistics/never_analyzed shop.legacy_invoices
CREATE TABLE shop.legacy_invoices (
    id        int PRIMARY KEY,
    customer  text NOT NULL,
    total     numeric(12, 2) NOT NULL,
    issued_on date NOT NULL
);

CREATE TABLE shop.documents (
    id         uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    tenant_id  int NOT NULL REFERENCES shop.tenants,
    kind       text NOT NULL,
    body       jsonb NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX documents_tenant_id_idx ON shop.documents (tenant_id);
CREATE INDEX documents_body_idx ON shop.documents USING gin (body jsonb_path_ops);

-- --------------------------------------------------------------- operations

-- Reports count the events of single customers, and there is no index for it.
-- planted: statement/slow_statement /FROM ops\.events e WHERE e\.customer_id/
-- twin: statement/slow_statement /FROM shop\.products WHERE name LIKE/
CREATE TABLE ops.events (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tenant_id   int NOT NULL,
    customer_id bigint,
    kind        text NOT NULL,
    happened_at timestamptz NOT NULL DEFAULT now(),
    payload     jsonb NOT NULL DEFAULT '{}'
);
CREATE INDEX events_tenant_id_happened_at_idx ON ops.events (tenant_id, happened_at);

-- Somebody switched autovacuum off on a bad day; rows change all the time.
-- planted: vacuum/vacuum_overdue ops.sessions
CREATE TABLE ops.sessions (
    id          uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    customer_id bigint NOT NULL,
    user_agent  text NOT NULL,
    last_seen   timestamptz NOT NULL DEFAULT now()
) WITH (autovacuum_enabled = false);

-- Changed as much, and vacuumed since.
-- twin: vacuum/vacuum_overdue ops.login_attempts
CREATE TABLE ops.login_attempts (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    email        text NOT NULL,
    failed       boolean NOT NULL,
    user_agent   text NOT NULL,
    attempted_at timestamptz NOT NULL DEFAULT now()
);

-- Autovacuum is off here too: "it is only ever appended to".
-- planted: vacuum/freeze_age ops.audit_log
-- twin: vacuum/freeze_age ops.events
CREATE TABLE ops.audit_log (
    id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    actor   text NOT NULL,
    action  text NOT NULL,
    changes jsonb NOT NULL,
    at      timestamptz NOT NULL DEFAULT now()
) WITH (autovacuum_enabled = false, autovacuum_freeze_max_age = 500000);

-- Analyzed when it had a thousand rows; it has grown by the hundredfold.
-- planted: statistics/stale_statistics ops.search_terms
-- twin: statistics/stale_statistics shop.legacy_invoices
CREATE TABLE ops.search_terms (
    id    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    term  text NOT NULL,
    hits  int NOT NULL,
    found boolean NOT NULL
) WITH (autovacuum_enabled = false);

-- --------------------------------------------------- time, see traffic/time.sql

-- One tenant has most of the messages, and waits when it searches them.
-- planted: statement/high_p99_spread /with another \$1 than usual.* FROM ops\.messages/
-- twin: statement/high_p99_spread /FROM shop\.orders WHERE tenant_id = \$1 AND placed_at/
CREATE TABLE ops.messages (
    id        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tenant_id int NOT NULL,
    body      text NOT NULL
);
CREATE INDEX messages_tenant_id_idx ON ops.messages (tenant_id);

-- Nine tables for each page of an order, joined anew each time.
-- planted: statement/planning_dominates /9 tables joined: SELECT p\.name AS product/
-- twin: statement/planning_dominates /FROM ops\.events e WHERE e\.customer_id/

-- The stars of each product of a page, asked for one by one; the stock at once.
-- planted: statement/n_plus_one /FROM shop\.reviews WHERE product_id = \$1 -- after: SELECT id, name/
-- twin: statement/n_plus_one /FROM shop\.stock_levels WHERE product_id = ANY/

-- Sales of each tenant in a loop, and of all of them by GROUP BY.
-- planted: statement/row_by_row /function shop\.sales_one_by_one .* FROM shop\.orders/
-- twin: statement/row_by_row /FROM shop\.sales_at_once/
CREATE FUNCTION shop.sales_one_by_one(since timestamptz) RETURNS TABLE (tenant int, sold numeric)
LANGUAGE plpgsql STABLE AS $$
BEGIN
    FOR tenant IN SELECT t.id FROM shop.tenants t LOOP
        SELECT sum(o.total) INTO sold FROM shop.orders o WHERE o.tenant_id = tenant AND o.placed_at >= since;
        RETURN NEXT;
    END LOOP;
END $$;
CREATE FUNCTION shop.sales_at_once(since timestamptz) RETURNS TABLE (tenant int, sold numeric)
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN QUERY
        SELECT o.tenant_id, sum(o.total) FROM shop.orders o WHERE o.placed_at >= since GROUP BY o.tenant_id;
END $$;

-- --------------------------------------- statements, as traffic/*.sql has them

-- The running total of all that was ever sold is sorted on disk; that of some
-- orders is not. (traffic/totals.sql)
-- An index has them in this order.
-- planted: index/missing_index /^shop\.order_items USING btree \(unit_price, id/
-- planted: statement/spills_to_disk /OVER \(ORDER BY unit_price, id\).* FROM shop\.order_items\)/
-- twin: statement/spills_to_disk /OVER \(ORDER BY unit_price, id\).* FROM shop\.order_items WHERE/

-- A city lies in one country, and the planner does not know; the carrier has
-- nothing to do with either. (traffic/plans.sql)
-- planted: statement/misestimate /FROM shop\.deliveries .* d\.country/
-- twin: statement/misestimate /FROM shop\.deliveries .* d\.carrier/
CREATE TABLE shop.deliveries (
    id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    order_id int NOT NULL REFERENCES shop.orders ON DELETE CASCADE,
    country  text NOT NULL,
    city     text NOT NULL,
    carrier  text NOT NULL
);
CREATE INDEX deliveries_order_id_idx ON shop.deliveries (order_id);
CREATE INDEX deliveries_city_idx ON shop.deliveries (city);

-- The same from the other side: an index ends it. What the reviews are found by is there.
-- planted: index/missing_index /^ops\.events USING btree \(customer_id\)/
-- twin: index/missing_index /^shop\.reviews[: ]/

-- Somebody leafs through all products, page after page; a visitor goes on from
-- the last name seen. (traffic/paging.sql, traffic/browse.sql)
-- planted: statement/deep_offset /FROM shop\.products ORDER BY name OFFSET/
-- twin: statement/deep_offset /FROM shop\.products WHERE name > /

-- To count the events of ten customers all events are read ten times; reviews
-- of a product are found by an index. (traffic/report.sql, traffic/browse.sql)
-- planted: statement/filter_discards_most /SELECT count\(\*\) FROM ops\.events e WHERE e\.customer_id/
-- twin: statement/filter_discards_most /FROM shop\.reviews WHERE product_id/

-- Of what was sold on a day, asked for by the day of a time no index finds it; by
-- the times from which on and until when, the index on placed_at does. The old orders
-- that are asked for as well were never analyzed. (traffic/plans.sql)
-- planted: statement/defeats_index /FROM shop\.orders WHERE placed_at::date = /
-- twin: statement/defeats_index /FROM shop\.orders WHERE placed_at >= date/
-- planted: statistics/analyze_first shop.legacy_orders
-- twin: statistics/analyze_first shop.legacy_invoices

-- -------------------------------------------------------------------- roles

-- The application, and whoever is on call: advice on indexes for statements
-- of others takes the right to read what they read.
DO $$
BEGIN
    IF to_regrole('shop_app') IS NULL THEN
        CREATE ROLE shop_app LOGIN;
        CREATE ROLE oncall LOGIN IN ROLE pg_monitor, pg_read_all_data;
    END IF;
END $$;
GRANT USAGE ON SCHEMA shop, ops TO shop_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA shop, ops TO shop_app;

-- ----------------------- locks and updates, as traffic/{locks,invoices,devices}.sql have them

-- Money goes from one wallet to another, and who gives is locked first: two
-- customers who pay each other meet.
-- planted: locks/deadlocks /UPDATE shop\.wallets SET/
CREATE TABLE shop.wallets (
    id      int PRIMARY KEY,
    balance numeric(12, 2) NOT NULL DEFAULT 0
);
-- Written as often, and always in the order of their keys.
-- twin: locks/deadlocks /UPDATE shop\.vouchers SET/
CREATE TABLE shop.vouchers (
    id        int PRIMARY KEY,
    remaining int NOT NULL
);
-- Invoices are numbered without a gap, so all want one row; and REPEATABLE READ
-- lets only the first have it.
-- planted: locks/serialization_failures /UPDATE shop\.invoice_numbers/
-- twin: locks/serialization_failures /UPDATE shop\.vouchers SET/
CREATE TABLE shop.invoice_numbers (
    tenant_id   int PRIMARY KEY,
    last_number int NOT NULL DEFAULT 0
);

-- A device reports when it was seen, and an index wants to know. (traffic/devices.sql,
-- which comes before anybody leaves a transaction open: that would fill any page.)
-- planted: vacuum/hot_blocked /^ops\.devices: .* set last_seen \(in ops\.devices_last_seen_idx/
CREATE TABLE ops.devices (
    id        int PRIMARY KEY,
    tenant_id int NOT NULL,
    last_seen timestamptz NOT NULL DEFAULT now(),
    name      text NOT NULL
);
CREATE INDEX devices_tenant_id_idx ON ops.devices (tenant_id);
CREATE INDEX devices_last_seen_idx ON ops.devices (last_seen);
-- The same without that index; but the pages are full.
-- planted: vacuum/hot_blocked /^ops\.sensors: .*the pages are full/
CREATE TABLE ops.sensors (LIKE ops.devices);
CREATE INDEX sensors_tenant_id_idx ON ops.sensors (tenant_id);
ALTER TABLE ops.sensors ADD PRIMARY KEY (id);
-- And with room in the pages.
-- twin: vacuum/hot_blocked ops.beacons
CREATE TABLE ops.beacons (LIKE ops.devices) WITH (fillfactor = 50);
CREATE INDEX beacons_tenant_id_idx ON ops.beacons (tenant_id);
ALTER TABLE ops.beacons ADD PRIMARY KEY (id);

INSERT INTO shop.wallets SELECT i FROM generate_series(1, 10) i;
INSERT INTO shop.vouchers SELECT i, 1000000 FROM generate_series(1, 20) i;
INSERT INTO shop.invoice_numbers SELECT i FROM generate_series(1, 50) i;
INSERT INTO ops.devices (id, tenant_id, name)
SELECT i, i / 100, 'device ' || repeat('x', 80) FROM generate_series(1, 8000) i;
INSERT INTO ops.sensors (id, tenant_id, last_seen, name) SELECT id, tenant_id, now(), name FROM ops.devices;
INSERT INTO ops.beacons (id, tenant_id, last_seen, name) SELECT id, tenant_id, now(), name FROM ops.devices;
SELECT pg_stat_force_next_flush();
ANALYZE ops.devices, ops.sensors, ops.beacons;
GRANT SELECT, UPDATE ON shop.wallets, shop.vouchers, shop.invoice_numbers,
    ops.devices, ops.sensors, ops.beacons TO shop_app;
