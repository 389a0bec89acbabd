-- browse.sql: a visitor looks for products.
\set customers int(40000 * :shop_scale)
\set products int(40000 * :shop_scale)
\set product random(1, :products)
\set prefix random(0, 99)
\set customer random_zipfian(1, :customers, 1.1)
\set tenant random(1, 50)
SELECT id, name, price FROM shop.products WHERE name LIKE 'Folding lamp ' || lpad(:prefix::text, 4, '0') || '%' LIMIT 20;
SELECT id, name FROM shop.products WHERE name > 'Small kettle ' || lpad(:product::text, 7, '0') ORDER BY name LIMIT 20;
SELECT name, price, description FROM shop.products WHERE id = :product;
SELECT warehouse, quantity FROM shop.stock_levels WHERE product_id = :product;
SELECT stars, body FROM shop.reviews WHERE product_id = :product LIMIT 10;
INSERT INTO ops.events (tenant_id, customer_id, kind) VALUES (:tenant, :customer, 'view');
