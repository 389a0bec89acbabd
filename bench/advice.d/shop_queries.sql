-- shop_queries.sql: what a web shop asks of shop_schema.sql all day, for
-- bench/advice.  Results are the same whatever the indexes: what sorts, sorts
-- to the last row.  "-- statement NAME weight N" opens a statement; N is calls
-- an hour.

-- statement account_by_id weight 30000
SELECT id, email, name, status, settings FROM account WHERE id = 31337;

-- statement account_by_email weight 4000
SELECT id, name, status FROM account WHERE lower(email) = lower('USER4711@mail37.example');

-- statement session_of_token weight 30000
SELECT s.account_id, a.name, a.status FROM login_session s JOIN account a ON a.id = s.account_id
WHERE s.token = 'c4ca4238-a0b9-2382-0dcc-509a6f75849b' AND s.expires_at > timestamptz '2024-11-01 00:00+00';

-- statement sessions_of_account weight 500
SELECT token, ip, expires_at FROM login_session WHERE account_id = 4242 ORDER BY expires_at DESC, token;

-- statement expire_sessions weight 4
DELETE FROM login_session WHERE expires_at < timestamptz '2024-11-01 02:00+00';

-- statement accounts_of_tenant weight 60
SELECT id, name, created_at FROM account WHERE tenant_id = 140 AND status = 'locked' ORDER BY created_at DESC, id DESC LIMIT 50;

-- statement account_name_prefix weight 300
SELECT id, name FROM account WHERE name LIKE 'Cab%' ORDER BY name, id LIMIT 20;

-- statement team_in_german weight 10
SELECT count(*) FROM account WHERE settings @> '{"plan": "team", "lang": "de"}';

-- statement newest_accounts weight 120
SELECT id, name, created_at FROM account WHERE status = 'unconfirmed' ORDER BY created_at DESC LIMIT 25;

-- statement orders_of_account weight 6000
SELECT id, status, total, created_at FROM orders WHERE account_id = 12345 ORDER BY created_at DESC, id DESC LIMIT 10;

-- statement orders_next_page weight 1500
SELECT id, status, total, created_at FROM orders
WHERE account_id = 17 AND (created_at, id) < (timestamptz '2024-02-01 00:00+00', 150000)
ORDER BY created_at DESC, id DESC LIMIT 10;

-- statement order_with_lines weight 5000
SELECT o.id, o.status, l.line_no, l.quantity, l.price, p.title
FROM orders o JOIN order_line l ON l.order_id = o.id JOIN product p ON p.id = l.product_id
WHERE o.id = 77777 ORDER BY l.line_no;

-- statement orders_to_pack weight 720
SELECT id, account_id, total FROM orders WHERE status = 'paid' ORDER BY created_at, id LIMIT 50;

-- statement disputed_count weight 240
SELECT count(*) FROM orders WHERE status = 'disputed' AND created_at > timestamptz '2024-08-01 00:00+00';

-- statement revenue_last_day weight 60
SELECT count(*), sum(total) FROM orders WHERE created_at >= timestamptz '2024-11-20 00:00+00' AND created_at < timestamptz '2024-11-21 00:00+00' AND status <> 'cancelled';

-- statement coupon_use weight 30
SELECT count(*), sum(total) FROM orders WHERE coupon = 'C77';

-- statement pay_order weight 800
UPDATE orders SET status = 'paid', updated_at = timestamptz '2024-12-01 00:00+00' WHERE id = 199990;

-- statement cancel_of_account weight 20
UPDATE orders SET status = 'cancelled', updated_at = timestamptz '2024-12-01 00:00+00' WHERE account_id = 4321 AND status = 'new';

-- statement delete_lines weight 60
DELETE FROM order_line WHERE order_id = 55555;

-- statement product_sales weight 120
SELECT sum(quantity), sum(quantity * price) FROM order_line WHERE product_id = 15000;

-- statement category_page weight 3000
SELECT id, title, price FROM product WHERE category_id = 42 AND deleted_at IS NULL ORDER BY price, id LIMIT 24;

-- statement best_rated weight 900
SELECT id, title, rating FROM product WHERE deleted_at IS NULL AND price < 50 ORDER BY rating DESC, id LIMIT 20;

-- statement product_by_tag weight 400
SELECT id, title FROM product WHERE tags @> ARRAY['tag77'] ORDER BY id LIMIT 50;

-- statement product_by_attributes weight 400
SELECT id, title, price FROM product WHERE attributes @> '{"colour": "c7", "material": "m3"}' ORDER BY id;

-- statement poll_jobs weight 7200
SELECT id, payload FROM job WHERE queue = 'mail' AND state = 'ready' AND run_at <= timestamptz '2024-11-25 00:00+00'
ORDER BY priority DESC, run_at, id LIMIT 5 FOR UPDATE SKIP LOCKED;

-- statement finish_job weight 3000
UPDATE job SET state = 'finished', attempts = attempts + 1 WHERE id = 50123;

-- statement retry_failed weight 12
UPDATE job SET state = 'ready', run_at = timestamptz '2024-12-01 00:00+00' WHERE state = 'failed' AND attempts < 1;

-- statement jobs_of_account weight 30
SELECT id, queue, state FROM job WHERE payload @> '{"account": 2024}' ORDER BY id DESC;

-- statement inbox weight 4000
SELECT id, thread_id, sender_id, sent_at FROM message WHERE recipient_id = 9999 AND read_at IS NULL ORDER BY sent_at DESC, id DESC LIMIT 20;

-- statement thread weight 3000
SELECT m.id, m.body, m.sent_at, a.name FROM message m JOIN account a ON a.id = m.sender_id
WHERE m.thread_id = 1234 ORDER BY m.sent_at, m.id;

-- statement mark_read weight 2000
UPDATE message SET read_at = timestamptz '2024-12-01 00:00+00' WHERE thread_id = 1234 AND recipient_id = 4444 AND read_at IS NULL;

-- statement recent_errors weight 120
SELECT id, account_id, happened_at, details FROM event WHERE kind = 'error' AND happened_at > timestamptz '2024-11-26 00:00+00'
ORDER BY happened_at DESC, id DESC LIMIT 100;

-- statement events_of_account weight 600
SELECT id, kind, happened_at FROM event WHERE account_id = 777 ORDER BY happened_at DESC, id DESC LIMIT 20;

-- statement views_by_hour weight 12
SELECT date_trunc('hour', happened_at, 'UTC') AS hour, count(*) FROM event
WHERE kind = 'view' AND happened_at >= timestamptz '2024-11-20 00:00+00' AND happened_at < timestamptz '2024-11-21 00:00+00'
GROUP BY 1 ORDER BY 1;

-- statement insert_event weight 6000
INSERT INTO event (id, account_id, kind, happened_at, details) VALUES (900000001, 777, 'view', timestamptz '2024-12-01 00:00+00', '{"page": "p1", "ms": 5}');

-- statement insert_order weight 700
INSERT INTO orders (id, account_id, status, total, created_at, updated_at)
VALUES (900000001, 777, 'new', 10, timestamptz '2024-12-01 00:00+00', timestamptz '2024-12-01 00:00+00');
