-- plans.sql: the office asks about deliveries.
\set place random(0, 99)
\set country :place / 5
SELECT count(*), sum(o.total) FROM shop.deliveries d JOIN shop.orders o ON o.id = d.order_id WHERE d.country = 'Country ' || :country AND d.city = 'City ' || :place;
SELECT count(*), sum(o.total) FROM shop.deliveries d JOIN shop.orders o ON o.id = d.order_id WHERE d.carrier = 'post' AND d.city = 'City ' || :place;
