-- totals.sql: the office adds up what was sold.
\set order random(1, 2000)
SELECT max(total) FROM (SELECT sum(unit_price) OVER (ORDER BY unit_price, id) AS total FROM shop.order_items) sold;
SELECT max(total) FROM (SELECT sum(unit_price) OVER (ORDER BY unit_price, id) AS total FROM shop.order_items WHERE order_id < :order) sold;
