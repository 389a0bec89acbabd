-- more_queries.sql: three statements more on the wholesaler's books, so that
-- bench/whatif plans 25.

-- statement running_total weight 1
SELECT p_date, p_id, p_total, sum(p_total) OVER (PARTITION BY p_clerk ORDER BY p_date, p_id) AS so_far
FROM purchase
WHERE p_clerk = 'clerk 00042' AND p_date >= date '2023-01-01'
ORDER BY p_date, p_id;

-- statement last_purchase weight 1
SELECT DISTINCT ON (p_client) p_client, cl_name, p_date, p_total
FROM client
JOIN purchase ON p_client = cl_id
WHERE cl_country = 3 AND cl_segment = 'public'
ORDER BY p_client, p_date DESC, p_id DESC;

-- statement vendor_ladder weight 1
SELECT v_name, month, quantity, rank() OVER (PARTITION BY month ORDER BY quantity DESC) AS place
FROM vendor
JOIN (
    SELECT i_vendor, date_trunc('month', i_shipped::timestamp) AS month, sum(i_quantity) AS quantity
    FROM item
    WHERE i_shipped >= date '2024-01-01' AND i_returned = 'returned'
    GROUP BY i_vendor, date_trunc('month', i_shipped::timestamp)) AS monthly ON i_vendor = v_id
WHERE v_rating >= 8 AND v_balance < 5000
ORDER BY month, place, v_name;
