-- plans.sql: the office asks about sales and deliveries.
\set place random(0, 99)
\set country :place / 5
\set order random(1, 2000)
SELECT max(total) FROM (SELECT sum(unit_price) OVER (ORDER BY unit_price, id) AS total FROM shop.order_items) sold;
SELECT max(total) FROM (SELECT sum(unit_price) OVER (ORDER BY unit_price, id) AS total FROM shop.order_items WHERE order_id < :order) sold;
SELECT count(*), sum(o.total) FROM shop.deliveries d JOIN shop.orders o ON o.id = d.order_id WHERE d.country = 'Country ' || :country AND d.city = 'City ' || :place;
SELECT count(*), sum(o.total) FROM shop.deliveries d JOIN shop.orders o ON o.id = d.order_id WHERE d.carrier = 'post' AND d.city = 'City ' || :place;
