-- account.sql: a customer logs in and looks at earlier orders.
\set customers int(40000 * :shop_scale)
\set customer random_zipfian(1, :customers, 1.1)
\set tenant random(1, 50)
SELECT id, full_name FROM shop.customers WHERE email = (SELECT email FROM shop.customers WHERE id = :customer);
SELECT id, status, total, placed_at FROM shop.orders WHERE customer_id = :customer ORDER BY placed_at DESC LIMIT 10;
SELECT stars, body FROM shop.reviews WHERE customer_id = :customer;
SELECT id, kind FROM shop.documents WHERE tenant_id = :tenant LIMIT 5;
SELECT id FROM shop.documents WHERE body @> jsonb_build_object('order', :customer) LIMIT 5;
UPDATE ops.sessions SET last_seen = now() WHERE id = md5('session' || :customer)::uuid;
INSERT INTO ops.login_attempts (email, failed, user_agent) VALUES ('visitor@example.com', false, 'demo');
