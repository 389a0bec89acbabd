-- holders.sql: who holds back vacuum. After CREATE INDEX CONCURRENTLY, which
-- would wait for them, and after the session of forgotten_session.sql.
\set ON_ERROR_STOP 1
DO $$
BEGIN
    FOR i IN 1..200 LOOP
        IF EXISTS (SELECT FROM pg_stat_activity
                   WHERE application_name = 'forgotten psql' AND state = 'idle in transaction'
                     AND backend_xmin IS NOT NULL) THEN
            RETURN;
        END IF;
        PERFORM pg_sleep(0.05), pg_stat_clear_snapshot();
    END LOOP;
    RAISE 'forgotten_session.sql is not running';
END $$;

-- Each of them reaches back to a transaction of its own.
SELECT pg_current_xact_id();

-- A logical slot without its consumer holds back vacuum of the catalogs.
-- planted: vacuum/xmin_horizon /search_indexer/
-- twin: vacuum/xmin_horizon /standby_new/
SELECT pg_create_logical_replication_slot('search_indexer', 'pgoutput');

SELECT pg_current_xact_id();

-- The transaction manager prepared it and never came back.
-- planted: vacuum/xmin_horizon /upgrade-tenant-17/
BEGIN;
UPDATE shop.tenants SET plan = 'enterprise' WHERE id = 17;
PREPARE TRANSACTION 'upgrade-tenant-17';
