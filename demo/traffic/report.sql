-- report.sql: the most active of some customers, counted one by one.
\set customers int(40000 * :shop_scale)
\set first random(1, :customers - 10)
\set last :first + 9
SELECT c.id, c.full_name, (SELECT count(*) FROM ops.events e WHERE e.customer_id = c.id) AS events FROM shop.customers c WHERE c.id BETWEEN :first AND :last ORDER BY events DESC;
