-- slots.sql: a replication slot from before the data.
\set ON_ERROR_STOP 1

-- Its standby was switched off in spring. By now more WAL has been written than
-- max_slot_wal_keep_size allows, and the standby can never catch up.
-- planted: replication/inactive_slot /standby_old/
-- twin: replication/inactive_slot /standby_new/
SELECT pg_create_physical_replication_slot('standby_old', true);
