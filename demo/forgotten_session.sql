-- forgotten_session.sql: somebody looks at a number in a transaction and goes
-- home. psql stays, idle in its transaction, until it is ended.
-- planted: vacuum/xmin_horizon /^session [0-9]+/
\set ON_ERROR_STOP 1
SET application_name = 'forgotten psql';
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT plan, count(*) FROM shop.tenants GROUP BY plan;
SELECT now() \watch 86400
