-- plans.sql: the office asks about deliveries, and what was sold on a day.
\set place random(0, 99)
\set country :place / 5
SELECT count(*), sum(o.total) FROM shop.deliveries d JOIN shop.orders o ON o.id = d.order_id WHERE d.country = 'Country ' || :country AND d.city = 'City ' || :place;
SELECT count(*), sum(o.total) FROM shop.deliveries d JOIN shop.orders o ON o.id = d.order_id WHERE d.carrier = 'post' AND d.city = 'City ' || :place;
\set day random(1, 20)
SELECT count(*), sum(total) FROM shop.orders WHERE placed_at::date = date '2025-10-01' + :day;
SELECT count(*), sum(total) FROM shop.orders WHERE placed_at >= date '2025-09-01' + :day AND placed_at < date '2025-09-02' + :day;
SELECT count(*) FROM shop.legacy_orders WHERE country = 'Country ' || :country;
SELECT count(*) FROM shop.legacy_invoices WHERE issued_on = date '2019-01-01' + :day;
