-- age.sql: lets time pass, as PostgreSQL counts it: 1 100 000 transactions.
\set ON_ERROR_STOP 1
DO $$
BEGIN
    FOR i IN 1..1100000 LOOP
        PERFORM pg_current_xact_id();
        COMMIT;
    END LOOP;
END $$;

-- The checkpoint removes WAL beyond max_slot_wal_keep_size, whatever slots say.
CHECKPOINT;

-- A slot and a prepared transaction of just now hold back nothing.
SELECT pg_create_physical_replication_slot('standby_new', true);
-- twin: vacuum/xmin_horizon /rename-tenant-18/
BEGIN;
UPDATE shop.tenants SET plan = 'business' WHERE id = 18;
PREPARE TRANSACTION 'rename-tenant-18';

-- How the rows got here is no part of the shop's workload.
SELECT pg_stat_statements_reset();
