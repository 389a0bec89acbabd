-- time.sql: statements that waste time, each beside one that does not.
\set orders int(120000 * :shop_scale)
\set products int(40000 * :shop_scale)
\set order random(1, :orders)
\set t1 case when random(1, 100) <= 3 then 1 else random(2, 50) end
\set t2 case when random(1, 100) <= 3 then 1 else random(2, 50) end
\set t3 case when random(1, 100) <= 3 then 1 else random(2, 50) end
\set p1 random(1, :products - 12)
\set p2 :p1 + 1
\set p3 :p1 + 2
\set p4 :p1 + 3
\set p5 :p1 + 4
\set p6 :p1 + 5
\set p7 :p1 + 6
\set p8 :p1 + 7
\set p9 :p1 + 8
\set p10 :p1 + 9
\set p11 :p1 + 10
\set p12 :p1 + 11
SELECT count(*) FROM ops.messages WHERE tenant_id = :t1 AND lower(body) ~ 'refund|return';
SELECT count(*) FROM ops.messages WHERE tenant_id = :t2 AND lower(body) ~ 'refund|return';
SELECT count(*) FROM ops.messages WHERE tenant_id = :t3 AND lower(body) ~ 'refund|return';
SELECT p.name AS product, i.quantity, seller.name AS seller, s.quantity AS stock, r.stars, y.amount AS paid, c.full_name, t.name AS tenant FROM shop.orders o JOIN shop.tenants t ON t.id = o.tenant_id JOIN shop.customers c ON c.id = o.customer_id JOIN shop.order_items i ON i.order_id = o.id JOIN shop.products p ON p.id = i.product_id JOIN shop.tenants seller ON seller.id = p.tenant_id LEFT JOIN shop.stock_levels s ON s.product_id = p.id AND s.warehouse = 'north' LEFT JOIN shop.reviews r ON r.product_id = p.id AND r.customer_id = c.id LEFT JOIN shop.payments y ON y.order_id = o.id WHERE o.id = :order;
BEGIN;
SELECT id, name FROM shop.products WHERE id BETWEEN :p1 AND :p12;
SELECT avg(stars) FROM shop.reviews WHERE product_id = :p1;
SELECT avg(stars) FROM shop.reviews WHERE product_id = :p2;
SELECT avg(stars) FROM shop.reviews WHERE product_id = :p3;
SELECT avg(stars) FROM shop.reviews WHERE product_id = :p4;
SELECT avg(stars) FROM shop.reviews WHERE product_id = :p5;
SELECT avg(stars) FROM shop.reviews WHERE product_id = :p6;
SELECT avg(stars) FROM shop.reviews WHERE product_id = :p7;
SELECT avg(stars) FROM shop.reviews WHERE product_id = :p8;
SELECT avg(stars) FROM shop.reviews WHERE product_id = :p9;
SELECT avg(stars) FROM shop.reviews WHERE product_id = :p10;
SELECT avg(stars) FROM shop.reviews WHERE product_id = :p11;
SELECT avg(stars) FROM shop.reviews WHERE product_id = :p12;
SELECT product_id, quantity FROM shop.stock_levels WHERE product_id = ANY (ARRAY[:p1, :p2, :p3, :p4, :p5, :p6, :p7, :p8, :p9, :p10, :p11, :p12]);
END;
SELECT tenant, sold FROM shop.sales_one_by_one('2025-10-01');
SELECT tenant, sold FROM shop.sales_at_once('2025-10-01');
