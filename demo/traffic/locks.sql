-- locks.sql: customers pay each other, and use vouchers, all at once.
\set giver random(1, 2)
\set taker 3 - :giver
\set own 10 + :client_id
BEGIN;
UPDATE shop.wallets SET balance = balance - 5 WHERE id = :giver;
SELECT pg_sleep(0.001);
UPDATE shop.wallets SET balance = balance + 5 WHERE id = :taker;
END;
BEGIN;
UPDATE shop.vouchers SET remaining = remaining - 1 WHERE id = 1;
UPDATE shop.vouchers SET remaining = remaining - 1 WHERE id = 2;
END;
BEGIN ISOLATION LEVEL REPEATABLE READ;
UPDATE shop.vouchers SET remaining = remaining - 1 WHERE id = :own;
END;
