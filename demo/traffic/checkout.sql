-- checkout.sql: an order with two items and its payment.
\set customers int(40000 * :shop_scale)
\set products int(40000 * :shop_scale)
\set customer random_zipfian(1, :customers, 1.1)
\set first random(1, :products)
\set second random(1, :products)
\set tenant random(1, 50)
BEGIN;
INSERT INTO shop.orders (tenant_id, customer_id, coupon_code, total) VALUES (:tenant, :customer, 'NONE', 42) RETURNING id AS order \gset
INSERT INTO shop.order_items (order_id, product_id, quantity, unit_price, tax) VALUES (:order, :first, 1, 20, 4), (:order, :second, 1, 22, 4);
UPDATE shop.stock_levels SET quantity = quantity - 1 WHERE product_id = :first AND warehouse = 'north';
INSERT INTO shop.payments (order_id, provider_ref, idempotency_key, amount) VALUES (:order, 'ch_' || gen_random_uuid(), gen_random_uuid(), 42);
INSERT INTO ops.audit_log (actor, action, changes) VALUES ('shop', 'order', '{}');
END;
SELECT i.quantity, p.name FROM shop.order_items i JOIN shop.products p ON p.id = i.product_id WHERE i.order_id = :order;
SELECT amount FROM shop.payments WHERE order_id = :order;
