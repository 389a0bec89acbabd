-- backoffice.sql: a tenant's employee at work. Deleting a product searches
-- shop.order_items without an index.
\set tenant random(1, 50)
SELECT count(*), sum(total) FROM shop.orders WHERE tenant_id = :tenant AND placed_at >= timestamptz '2025-09-01';
SELECT id, total FROM shop.orders WHERE placed_at >= timestamptz '2025-10-05' AND status = 'new';
SELECT kind, count(*) FROM ops.events WHERE tenant_id = :tenant AND happened_at >= timestamptz '2025-10-20' GROUP BY kind;
SELECT count(*) FROM shop.customers WHERE tenant_id = :tenant;
INSERT INTO shop.products (tenant_id, sku, name, price) VALUES (:tenant, gen_random_uuid(), 'Draft', 1) RETURNING id AS product \gset
DELETE FROM shop.products WHERE id = :product;
