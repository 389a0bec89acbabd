-- star_queries.sql: an analyst's 22 questions to star_schema.sql, a pass of
-- bench/overhead.  Joins, aggregates, windows, sub-selects, sorts that fit and
-- sorts that do not, few rows out of many.

-- 1: what was sold, by state and discount
SELECT p.state, l.discount, count(*), sum(l.quantity), sum(l.quantity * l.price), avg(l.price)
FROM line l
JOIN purchase p USING (purchase_id)
WHERE p.placed < timestamp '2023-06-01'
GROUP BY p.state, l.discount
ORDER BY p.state, l.discount;

-- 2: the dearest product of each brand, where the brand sells in one region
SELECT r.brand, r.product_id, r.price
FROM product r
WHERE r.price = (SELECT max(o.price) FROM product o WHERE o.brand = r.brand)
    AND EXISTS (
        SELECT FROM line l
        JOIN purchase p USING (purchase_id)
        JOIN store s USING (store_id)
        WHERE l.product_id = r.product_id AND s.region_id = 3)
ORDER BY r.price DESC;

-- 3: the ten biggest open purchases of a segment
SELECT p.purchase_id, p.placed, sum(l.quantity * l.price * (1 - l.discount)) AS revenue
FROM customer c
JOIN purchase p USING (customer_id)
JOIN line l USING (purchase_id)
WHERE c.segment = 'home' AND p.state = 'sent' AND p.placed > timestamp '2022-09-01'
GROUP BY p.purchase_id, p.placed
ORDER BY revenue DESC, p.placed
LIMIT 10;

-- 4: purchases of a quarter with a large line, by state
SELECT p.state, count(*)
FROM purchase p
WHERE p.placed >= timestamp '2022-04-01' AND p.placed < timestamp '2022-07-01'
    AND EXISTS (SELECT FROM line l WHERE l.purchase_id = p.purchase_id AND l.quantity >= 6)
GROUP BY p.state
ORDER BY p.state;

-- 5: revenue of customers who buy in their own region
SELECT g.name, sum(l.quantity * l.price) AS revenue
FROM customer c
JOIN purchase p USING (customer_id)
JOIN store s ON s.store_id = p.store_id AND s.region_id = c.region_id
JOIN region g ON g.region_id = s.region_id
JOIN line l USING (purchase_id)
WHERE p.placed >= timestamp '2022-01-01' AND p.placed < timestamp '2023-01-01'
GROUP BY g.name
ORDER BY revenue DESC;

-- 6: what would have been earned without small discounts
SELECT sum(price * discount * quantity)
FROM line
WHERE discount BETWEEN 0.05 AND 0.07 AND quantity < 4;

-- 7: trade between regions, by year
SELECT cr.name AS customer_region, sr.name AS store_region,
    extract(year FROM p.placed) AS year, sum(l.quantity * l.price)
FROM region cr
JOIN customer c ON c.region_id = cr.region_id
JOIN purchase p USING (customer_id)
JOIN store s USING (store_id)
JOIN region sr ON sr.region_id = s.region_id
JOIN line l USING (purchase_id)
WHERE cr.region_id IN (1, 2) AND sr.region_id IN (1, 2)
GROUP BY cr.name, sr.name, extract(year FROM p.placed)
ORDER BY 1, 2, 3;

-- 8: a brand's share of its kind's market, by month
SELECT date_trunc('month', p.placed) AS month,
    sum(CASE WHEN r.brand = 'brand 7' THEN l.quantity * l.price ELSE 0 END) / sum(l.quantity * l.price) AS share
FROM product r
JOIN line l USING (product_id)
JOIN purchase p USING (purchase_id)
WHERE r.kind = 'kind 3'
GROUP BY date_trunc('month', p.placed)
ORDER BY month;

-- 9: profit by store and year on products of one colour
SELECT s.name, extract(year FROM p.placed) AS year, sum(l.quantity * (l.price - r.price / 2)) AS profit
FROM product r
JOIN line l USING (product_id)
JOIN purchase p USING (purchase_id)
JOIN store s USING (store_id)
WHERE r.attributes @> '{"colour": "red"}'
GROUP BY s.name, extract(year FROM p.placed)
ORDER BY s.name, year DESC;

-- 10: the customers who sent back most
SELECT c.customer_id, c.email, sum(l.quantity * l.price) AS lost
FROM customer c
JOIN purchase p USING (customer_id)
JOIN line l USING (purchase_id)
WHERE p.state = 'returned'
GROUP BY c.customer_id
ORDER BY lost DESC
LIMIT 20;

-- 11: products that make more than their share of a region's revenue
SELECT l.product_id, sum(l.quantity * l.price) AS revenue
FROM line l
JOIN purchase p USING (purchase_id)
JOIN store s USING (store_id)
WHERE s.region_id = 2
GROUP BY l.product_id
HAVING sum(l.quantity * l.price) > (
    SELECT sum(l2.quantity * l2.price) * 0.001
    FROM line l2
    JOIN purchase p2 USING (purchase_id)
    JOIN store s2 USING (store_id)
    WHERE s2.region_id = 2)
ORDER BY revenue DESC;

-- 12: returned against all, by weekday
SELECT extract(dow FROM placed) AS weekday, count(*), count(*) FILTER (WHERE state = 'returned') AS returned
FROM purchase
GROUP BY extract(dow FROM placed)
ORDER BY weekday;

-- 13: how many customers made how many purchases
SELECT purchases, count(*) AS customers
FROM (
    SELECT c.customer_id, count(p.purchase_id) AS purchases
    FROM customer c
    LEFT JOIN purchase p ON p.customer_id = c.customer_id AND p.state <> 'returned'
    GROUP BY c.customer_id) AS each_customer
GROUP BY purchases
ORDER BY customers DESC, purchases DESC;

-- 14: the share of heavy products in a month's revenue
SELECT 100 * sum(l.quantity * l.price) FILTER (WHERE CAST(r.attributes ->> 'weight' AS int) > 40) /
    sum(l.quantity * l.price)
FROM line l
JOIN product r USING (product_id)
JOIN purchase p USING (purchase_id)
WHERE p.placed >= timestamp '2022-09-01' AND p.placed < timestamp '2022-10-01';

-- 15: the best store of a quarter
WITH revenue AS (
    SELECT p.store_id, sum(l.quantity * l.price) AS total
    FROM line l
    JOIN purchase p USING (purchase_id)
    WHERE p.placed >= timestamp '2023-01-01' AND p.placed < timestamp '2023-04-01'
    GROUP BY p.store_id)
SELECT s.store_id, s.name, v.total
FROM store s
JOIN revenue v USING (store_id)
WHERE v.total = (SELECT max(total) FROM revenue);

-- 16: how many customers bought a kind, without one brand
SELECT r.kind, count(DISTINCT p.customer_id) AS customers
FROM product r
JOIN line l USING (product_id)
JOIN purchase p USING (purchase_id)
WHERE r.brand <> 'brand 3' AND r.product_id % 4 = 1
GROUP BY r.kind
ORDER BY customers DESC, r.kind;

-- 17: lines far below the usual quantity of their product
SELECT sum(l.price) / 12
FROM line l
JOIN product r USING (product_id)
WHERE r.brand = 'brand 11'
    AND l.quantity < (SELECT 0.5 * avg(o.quantity) FROM line o WHERE o.product_id = l.product_id AND o.purchase_id < 500);

-- 18: customers with very large purchases
SELECT c.email, p.purchase_id, sum(l.quantity)
FROM customer c
JOIN purchase p USING (customer_id)
JOIN line l USING (purchase_id)
WHERE p.purchase_id IN (SELECT purchase_id FROM line GROUP BY purchase_id HAVING sum(quantity) > 24)
GROUP BY c.email, p.purchase_id
ORDER BY 3 DESC, 2
LIMIT 100;

-- 19: three ways to qualify
SELECT sum(l.price * (1 - l.discount))
FROM line l
JOIN product r USING (product_id)
WHERE r.brand = 'brand 1' AND l.quantity BETWEEN 1 AND 3
    OR r.brand = 'brand 2' AND l.quantity BETWEEN 3 AND 5
    OR r.brand = 'brand 4' AND l.quantity BETWEEN 5 AND 7;

-- 20: a customer's running total and rank in the region
SELECT *
FROM (
    SELECT c.region_id, c.customer_id, sum(v.revenue) AS revenue,
        rank() OVER (PARTITION BY c.region_id ORDER BY sum(v.revenue) DESC) AS place
    FROM customer c
    JOIN (
        SELECT p.customer_id, l.quantity * l.price AS revenue
        FROM purchase p
        JOIN line l USING (purchase_id)) AS v USING (customer_id)
    GROUP BY c.region_id, c.customer_id) AS ranked
WHERE place <= 5
ORDER BY region_id, place;

-- 21: whom the first customers brought, and whom those brought
WITH RECURSIVE brought AS (
    SELECT customer_id, 0 AS generation FROM customer WHERE customer_id < 10
    UNION ALL
    SELECT c.customer_id, b.generation + 1
    FROM brought b
    JOIN customer c ON c.referred_by = b.customer_id)
SELECT generation, count(*), count(p.purchase_id)
FROM brought b
LEFT JOIN purchase p ON p.customer_id = b.customer_id
GROUP BY generation
ORDER BY generation;

-- 22: customers of some addresses who never sent anything back, by segment
SELECT c.segment, count(*), sum(length(c.email))
FROM customer c
WHERE right(split_part(c.email, '@', 1), 1) IN ('1', '3', '7')
    AND NOT EXISTS (SELECT FROM purchase p WHERE p.customer_id = c.customer_id AND p.state = 'returned')
GROUP BY c.segment
ORDER BY c.segment;
