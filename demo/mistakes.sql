-- mistakes.sql: what goes wrong over the years, in one minute.
\set ON_ERROR_STOP 1

-- Every table but the planted ones is well kept. (What a session has counted
-- must be flushed before ANALYZE, or it counts as changed since.)
SELECT pg_stat_force_next_flush();
VACUUM (ANALYZE) shop.tenants, shop.customers, shop.products, shop.stock_levels,
    shop.stock_reservations, shop.orders, shop.order_items, shop.payments, shop.reviews,
    shop.legacy_invoices, shop.documents, shop.deliveries, ops.events, ops.sessions, ops.audit_log,
    ops.search_terms, ops.messages;
VACUUM shop.legacy_orders;

-- Ten years of orders in an integer.
SELECT setval(pg_get_serial_sequence('shop.orders', 'id'), 2061584302);

-- Every session was touched, and one in five ended; and so it was with the
-- attempts to log in, only that vacuum has been there.
UPDATE ops.sessions SET last_seen = last_seen + interval '1 hour';
DELETE FROM ops.sessions WHERE id < '33333333-3333-3333-3333-333333333333';
UPDATE ops.login_attempts SET attempted_at = attempted_at + interval '1 hour';
DELETE FROM ops.login_attempts WHERE id % 5 = 0;
SELECT pg_stat_force_next_flush();
ANALYZE ops.sessions;
VACUUM (ANALYZE) ops.login_attempts;

-- A hundred times as many search terms as ANALYZE has seen.
INSERT INTO ops.search_terms (term, hits, found)
SELECT 'term ' || i % 5000, i % 90, true FROM generate_series(1, 100000) i;
SELECT pg_stat_force_next_flush();
VACUUM ops.search_terms;

-- The payment provider repeated itself: the unique index fails and its invalid
-- remains stay behind, unusable and yet maintained.
-- planted: index/invalid_index shop.payments_provider_ref_key
-- twin: index/invalid_index shop.payments_idempotency_key_key
UPDATE shop.payments SET provider_ref = 'ch_repeated' WHERE id IN (7, 77);
\set ON_ERROR_STOP 0
CREATE UNIQUE INDEX CONCURRENTLY payments_provider_ref_key ON shop.payments (provider_ref);
\set ON_ERROR_STOP 1

-- Prices change, which the foreign key without an index notices.
UPDATE shop.products SET price = price * 1.02 WHERE id % 10 = 0;
SELECT pg_stat_force_next_flush();
VACUUM (ANALYZE) shop.products;
