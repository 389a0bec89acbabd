-- wholesale_queries.sql: what a wholesaler's analysts ask of
-- wholesale_schema.sql, for bench/advice.  As varied and as heavy as the
-- questions of TPC-H, all with a defined order, each once an hour.
-- "-- statement NAME weight N" opens a statement; N is calls an hour.

-- statement terms_summary weight 1
SELECT i_returned, i_state, i_terms, sum(i_quantity) AS quantity, sum(i_price) AS gross,
    sum(i_price * (1 - i_discount)) AS net, avg(i_discount) AS discount, count(*) AS lines
FROM item
WHERE i_shipped <= date '2024-08-15'
GROUP BY i_returned, i_state, i_terms
ORDER BY i_returned, i_state, i_terms;

-- statement cheapest_source weight 1
SELECT v_name, v_balance, co_name, a_id, a_maker, of_cost
FROM article
JOIN offer ON of_article = a_id
JOIN vendor ON v_id = of_vendor
JOIN country ON co_id = v_country
JOIN zone ON z_id = co_zone
WHERE a_size = 17 AND a_kind LIKE '%brass' AND z_name = 'east'
    AND of_cost = (
        SELECT min(x.of_cost)
        FROM offer x
        JOIN vendor w ON w.v_id = x.of_vendor
        JOIN country k ON k.co_id = w.v_country
        JOIN zone g ON g.z_id = k.co_zone
        WHERE x.of_article = a_id AND g.z_name = 'east')
ORDER BY v_balance DESC, co_name, v_name, a_id
LIMIT 100;

-- statement open_by_value weight 1
SELECT i_purchase, p_date, p_priority, sum(i_price * (1 - i_discount)) AS revenue
FROM client
JOIN purchase ON p_client = cl_id
JOIN item ON i_purchase = p_id
WHERE cl_segment = 'hotel' AND p_date < date '2024-06-15' AND i_shipped > date '2024-06-15'
GROUP BY i_purchase, p_date, p_priority
ORDER BY revenue DESC, p_date, i_purchase
LIMIT 10;

-- statement late_by_priority weight 1
SELECT p_priority, count(*) AS purchases
FROM purchase
WHERE p_date >= date '2023-07-01' AND p_date < date '2023-10-01'
    AND EXISTS (SELECT FROM item WHERE i_purchase = p_id AND i_received > i_promised)
GROUP BY p_priority
ORDER BY p_priority;

-- statement home_trade weight 1
SELECT co_name, sum(i_price * (1 - i_discount)) AS revenue
FROM zone
JOIN country ON co_zone = z_id
JOIN client ON cl_country = co_id
JOIN purchase ON p_client = cl_id
JOIN item ON i_purchase = p_id
JOIN vendor ON v_id = i_vendor AND v_country = cl_country
WHERE z_name = 'west' AND p_date >= date '2022-01-01' AND p_date < date '2023-01-01'
GROUP BY co_name
ORDER BY revenue DESC, co_name;

-- statement discount_lost weight 1
SELECT sum(i_price * i_discount) AS lost
FROM item
WHERE i_shipped >= date '2021-03-01' AND i_shipped < date '2021-06-01'
    AND i_discount BETWEEN 0.05 AND 0.07 AND i_quantity < 10;

-- statement two_countries weight 1
SELECT vc.co_name AS seller, cc.co_name AS buyer, extract(year FROM i_shipped) AS year, sum(i_price * (1 - i_discount)) AS volume
FROM vendor
JOIN item ON i_vendor = v_id
JOIN purchase ON p_id = i_purchase
JOIN client ON cl_id = p_client
JOIN country vc ON vc.co_id = v_country
JOIN country cc ON cc.co_id = cl_country
WHERE (vc.co_name = 'country 03' AND cc.co_name = 'country 14' OR vc.co_name = 'country 14' AND cc.co_name = 'country 03')
    AND i_shipped BETWEEN date '2022-01-01' AND date '2023-12-31'
GROUP BY vc.co_name, cc.co_name, extract(year FROM i_shipped)
ORDER BY seller, buyer, year;

-- statement market_share weight 1
SELECT extract(year FROM p_date) AS year,
    sum(CASE WHEN vc.co_name = 'country 09' THEN i_price * (1 - i_discount) ELSE 0 END) / sum(i_price * (1 - i_discount)) AS share
FROM article
JOIN item ON i_article = a_id
JOIN purchase ON p_id = i_purchase
JOIN client ON cl_id = p_client
JOIN country cc ON cc.co_id = cl_country
JOIN zone ON z_id = cc.co_zone
JOIN vendor ON v_id = i_vendor
JOIN country vc ON vc.co_id = v_country
WHERE z_name = 'overseas' AND p_date BETWEEN date '2022-01-01' AND date '2023-12-31' AND a_kind = 'luxury glass'
GROUP BY extract(year FROM p_date)
ORDER BY year;

-- statement profit_on_lamps weight 1
SELECT co_name, extract(year FROM p_date) AS year, sum(i_price * (1 - i_discount) - of_cost * i_quantity) AS profit
FROM article
JOIN item ON i_article = a_id
JOIN offer ON of_article = i_article AND of_vendor = i_vendor
JOIN purchase ON p_id = i_purchase
JOIN vendor ON v_id = i_vendor
JOIN country ON co_id = v_country
WHERE a_name LIKE '%olive lamp%'
GROUP BY co_name, extract(year FROM p_date)
ORDER BY co_name, year DESC;

-- statement returns_of_a_quarter weight 1
SELECT cl_id, cl_name, sum(i_price * (1 - i_discount)) AS lost, cl_balance, co_name, cl_phone
FROM client
JOIN purchase ON p_client = cl_id
JOIN item ON i_purchase = p_id
JOIN country ON co_id = cl_country
WHERE p_date >= date '2022-04-01' AND p_date < date '2022-07-01' AND i_returned = 'returned'
GROUP BY cl_id, cl_name, cl_balance, co_name, cl_phone
ORDER BY lost DESC, cl_id
LIMIT 20;

-- statement important_stock weight 1
SELECT of_article, sum(of_cost * of_stock) AS worth
FROM offer
JOIN vendor ON v_id = of_vendor
JOIN country ON co_id = v_country
WHERE co_name = 'country 07'
GROUP BY of_article
HAVING sum(of_cost * of_stock) > (
    SELECT sum(of_cost * of_stock) * 0.001
    FROM offer
    JOIN vendor ON v_id = of_vendor
    JOIN country ON co_id = v_country
    WHERE co_name = 'country 07')
ORDER BY worth DESC, of_article;

-- statement carriers_late weight 1
SELECT i_carrier, count(*) FILTER (WHERE p_priority IN ('1 urgent', '2 high')) AS pressing,
    count(*) FILTER (WHERE p_priority NOT IN ('1 urgent', '2 high')) AS others
FROM purchase
JOIN item ON i_purchase = p_id
WHERE i_carrier IN ('mail', 'ship') AND i_promised < i_received AND i_shipped < i_promised
    AND i_received >= date '2023-01-01' AND i_received < date '2024-01-01'
GROUP BY i_carrier
ORDER BY i_carrier;

-- statement how_many_buy_often weight 1
SELECT purchases, count(*) AS clients
FROM (
    SELECT cl_id, count(p_id) AS purchases
    FROM client
    LEFT JOIN purchase ON p_client = cl_id AND p_note NOT LIKE '%special%requests%'
    GROUP BY cl_id) AS each_client
GROUP BY purchases
ORDER BY clients DESC, purchases DESC;

-- statement promo_share weight 1
SELECT 100 * sum(CASE WHEN a_kind LIKE 'promo%' THEN i_price * (1 - i_discount) ELSE 0 END) / sum(i_price * (1 - i_discount)) AS share
FROM item
JOIN article ON a_id = i_article
WHERE i_shipped >= date '2023-09-01' AND i_shipped < date '2023-10-01';

-- statement best_vendor weight 1
WITH revenue AS (
    SELECT i_vendor AS vendor, sum(i_price * (1 - i_discount)) AS total
    FROM item
    WHERE i_shipped >= date '2020-01-01' AND i_shipped < date '2020-04-01'
    GROUP BY i_vendor)
SELECT v_id, v_name, total
FROM vendor
JOIN revenue ON vendor = v_id
WHERE total = (SELECT max(total) FROM revenue)
ORDER BY v_id;

-- statement vendors_per_article weight 1
SELECT a_brand, a_kind, a_size, count(DISTINCT of_vendor) AS vendors
FROM offer
JOIN article ON a_id = of_article
WHERE a_brand <> 'brand 12' AND a_kind NOT LIKE 'medium%' AND a_size IN (3, 9, 14, 19, 23, 36, 45, 49)
    AND of_vendor NOT IN (SELECT v_id FROM vendor WHERE v_note LIKE '%complaint%')
GROUP BY a_brand, a_kind, a_size
ORDER BY vendors DESC, a_brand, a_kind, a_size
LIMIT 200;

-- statement small_lines weight 1
SELECT sum(i_price) / 7.0 AS yearly
FROM item
JOIN article ON a_id = i_article
WHERE a_brand = 'brand 23' AND a_packing = 'wrapped box' AND a_size <= 2
    AND i_quantity < (SELECT 0.2 * avg(x.i_quantity) FROM item x WHERE x.i_article = a_id);

-- statement large_purchases weight 1
SELECT cl_name, cl_id, p_id, p_date, p_total, sum(i_quantity) AS quantity
FROM client
JOIN purchase ON p_client = cl_id
JOIN item ON i_purchase = p_id
WHERE p_id IN (SELECT i_purchase FROM item GROUP BY i_purchase HAVING sum(i_quantity) > 270)
GROUP BY cl_name, cl_id, p_id, p_date, p_total
ORDER BY p_total DESC, p_date, p_id
LIMIT 100;

-- statement three_ways weight 1
SELECT sum(i_price * (1 - i_discount)) AS revenue
FROM item
JOIN article ON a_id = i_article
WHERE i_carrier IN ('air', 'courier') AND i_terms = 'in person'
    AND (a_brand = 'brand 12' AND a_packing IN ('small box', 'small case') AND i_quantity BETWEEN 1 AND 11 AND a_size <= 5
        OR a_brand = 'brand 23' AND a_packing IN ('big bag', 'big drum') AND i_quantity BETWEEN 10 AND 20 AND a_size <= 10
        OR a_brand = 'brand 31' AND a_packing IN ('giant crate', 'giant case') AND i_quantity BETWEEN 20 AND 30 AND a_size <= 15);

-- statement overstocked weight 1
SELECT v_name, v_rating
FROM vendor
JOIN country ON co_id = v_country
WHERE co_name = 'country 11'
    AND v_id IN (
        SELECT of_vendor
        FROM offer
        JOIN (
            SELECT i_article, i_vendor, sum(i_quantity) AS sold
            FROM item
            WHERE i_shipped >= date '2022-01-01' AND i_shipped < date '2023-01-01'
            GROUP BY i_article, i_vendor) AS year ON i_article = of_article AND i_vendor = of_vendor
        WHERE of_article IN (SELECT a_id FROM article WHERE a_name LIKE 'ivory%') AND of_stock > 0.5 * sold)
ORDER BY v_name;

-- statement alone_to_blame weight 1
SELECT v_name, count(*) AS waited
FROM vendor
JOIN item a ON a.i_vendor = v_id
JOIN purchase ON p_id = a.i_purchase
JOIN country ON co_id = v_country
WHERE p_state = 'closed' AND a.i_received > a.i_promised AND co_name = 'country 20'
    AND EXISTS (SELECT FROM item b WHERE b.i_purchase = a.i_purchase AND b.i_vendor <> a.i_vendor)
    AND NOT EXISTS (
        SELECT FROM item c
        WHERE c.i_purchase = a.i_purchase AND c.i_vendor <> a.i_vendor AND c.i_received > c.i_promised)
GROUP BY v_name
ORDER BY waited DESC, v_name
LIMIT 100;

-- statement sleeping_clients weight 1
SELECT left(cl_phone, 2) AS prefix, count(*) AS clients, sum(cl_balance) AS balance
FROM client
WHERE left(cl_phone, 2) IN ('11', '17', '23', '28', '29', '30', '31')
    AND cl_balance > (SELECT avg(cl_balance) FROM client WHERE cl_balance > 0 AND left(cl_phone, 2) IN ('11', '17', '23', '28', '29', '30', '31'))
    AND NOT EXISTS (SELECT FROM purchase WHERE p_client = cl_id)
GROUP BY left(cl_phone, 2)
ORDER BY prefix;
