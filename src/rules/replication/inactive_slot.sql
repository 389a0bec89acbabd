-- inactive_slot: replication slot that nobody reads and that keeps WAL, or that has lost it
-- category: replication
-- severity: warning
-- examines: pg_replication_slots
--
-- A slot keeps all WAL that its consumer has not read yet. When the consumer is
-- gone the WAL stays, for ever if max_slot_wal_keep_size is -1, until the disk is
-- full and the server stops. With a limit the slot is invalidated instead, and
-- its consumer has to be copied anew.
--
-- A slot without a consumer is reported from 100 MB of WAL on (or a tenth of
-- max_wal_size, if that is more): as notice; as warning from 1 GB (or
-- max_wal_size), or when less than a tenth of its limit is left; as critical from
-- 100 GB (or ten times max_wal_size) where nothing limits it. With or without a
-- consumer: as warning when its WAL goes at the next checkpoint (wal_status
-- unreserved), as critical when it is lost.
--
-- Fix: bring the consumer back; drop the slot only if that is gone for good.
--
-- Not reported: temporary slots, slots on a standby that are copies of the
-- primary's, slots that hold no WAL, and (from PostgreSQL 17, where it is known)
-- slots whose consumer left less than five minutes ago. For what slots do to
-- dead rows see xmin_horizon.

WITH limits AS (
    SELECT 100::bigint * 1024 * 1024 AS notice_bytes,
           1024::bigint * 1024 * 1024 AS warning_bytes,
           100 * 1024::bigint * 1024 * 1024 AS critical_bytes,
           0.1 AS little_left_share,
           interval '5 minutes' AS min_absence,
           1024 * 1024 * (SELECT setting::bigint FROM pg_settings
                          WHERE name = 'max_wal_size') AS max_wal_bytes,
           1024 * 1024 * (SELECT nullif(setting::bigint, -1) FROM pg_settings
                          WHERE name = 'max_slot_wal_keep_size') AS keep_bytes
), thresholds AS (
    SELECT greatest(notice_bytes, max_wal_bytes / 10) AS notice_bytes,
           greatest(warning_bytes, max_wal_bytes) AS warning_bytes,
           greatest(critical_bytes, max_wal_bytes * 10) AS critical_bytes,
           little_left_share * keep_bytes AS little_left_bytes,
           min_absence,
           keep_bytes
    FROM limits
), wal AS (
    SELECT CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn()
                ELSE pg_current_wal_lsn() END AS position
), slots AS MATERIALIZED (
    SELECT s.slot_name, s.slot_type, s.plugin, s.database, s.active, s.active_pid,
           s.restart_lsn, s.wal_status, s.safe_wal_size, wal.position,
           (to_jsonb(s) ->> 'inactive_since')::timestamptz AS inactive_since,
           to_jsonb(s) ->> 'invalidation_reason' AS invalidation_reason,
           coalesce((to_jsonb(s) ->> 'failover')::boolean, false) AS failover,
           greatest(pg_wal_lsn_diff(wal.position, s.restart_lsn), 0)::bigint AS kept
    FROM pg_replication_slots s
    CROSS JOIN wal
    WHERE NOT s.temporary
      AND NOT coalesce((to_jsonb(s) ->> 'synced')::boolean, false)
), levels AS (
    SELECT s.*,
           coalesce(s.wal_status = 'lost', false) AS is_lost,
           coalesce(s.wal_status = 'unreserved', false) AS is_unreserved,
           CASE WHEN s.wal_status = 'lost' THEN 3
                WHEN s.wal_status = 'unreserved' THEN 2
                WHEN s.active OR s.inactive_since > now() - t.min_absence THEN 0
                WHEN s.kept >= t.critical_bytes AND t.keep_bytes IS NULL THEN 3
                WHEN s.kept >= t.warning_bytes THEN 2
                WHEN s.restart_lsn IS NOT NULL AND s.safe_wal_size < t.little_left_bytes THEN 2
                WHEN s.kept >= t.notice_bytes THEN 1
                ELSE 0 END AS level,
           greatest(pg_wal_lsn_diff(
                        coalesce((SELECT min(o.restart_lsn)
                                  FROM slots o
                                  WHERE o.slot_name <> s.slot_name
                                    AND o.wal_status <> 'lost'), s.position),
                        s.restart_lsn), 0)::bigint AS frees
    FROM slots s
    CROSS JOIN thresholds t
)
SELECT NULL::oid AS classid,
       NULL::oid AS objid,
       0 AS objsubid,
       format('replication slot %I', v.slot_name) AS object,
       concat(
           CASE WHEN v.active THEN format('Process %s uses this %s slot, ', v.active_pid, v.slot_type)
                WHEN v.inactive_since IS NOT NULL
                THEN format('Nobody has used this %s slot since %s, ', v.slot_type,
                            to_char(v.inactive_since, 'YYYY-MM-DD HH24:MI'))
                ELSE format('Nobody uses this %s slot, ', v.slot_type) END,
           CASE WHEN v.is_lost AND coalesce(v.invalidation_reason, 'wal_removed') = 'wal_removed'
                THEN 'and WAL that its consumer needs is gone: it cannot go on.'
                WHEN v.is_lost
                THEN format('and it is no longer valid (%s): its consumer cannot go on.', v.invalidation_reason)
                WHEN v.is_unreserved
                THEN format('and the %s of WAL that its consumer still needs are beyond max_slot_wal_keep_size (%s): the next checkpoint removes them.',
                            pg_size_pretty(v.kept), coalesce(pg_size_pretty(t.keep_bytes), '-1'))
                WHEN t.keep_bytes IS NULL
                THEN format('and it keeps %s of WAL; nothing limits how much that becomes (max_slot_wal_keep_size is -1).',
                            pg_size_pretty(v.kept))
                ELSE format('and it keeps %s of WAL; after another %s its consumer cannot go on (max_slot_wal_keep_size is %s).',
                            pg_size_pretty(v.kept), pg_size_pretty(greatest(v.safe_wal_size, 0)),
                            pg_size_pretty(t.keep_bytes)) END) AS detail,
       CASE v.level WHEN 3 THEN 'critical' WHEN 2 THEN 'warning' ELSE 'notice' END AS severity,
       CASE WHEN v.is_lost OR v.active THEN NULL ELSE v.frees END AS frees_bytes,
       CASE WHEN v.is_lost OR v.is_unreserved OR v.inactive_since IS NOT NULL THEN 0.9
            ELSE 0.6 END::float8 AS confidence,
       CASE WHEN NOT v.active THEN format('SELECT pg_drop_replication_slot(%L);', v.slot_name) END AS fix,
       NULL::text AS undo,
       concat_ws(' ',
           CASE WHEN v.is_lost
                THEN 'The slot is of no more use; its consumer must be copied anew, and gets a new slot.'
                WHEN v.active
                THEN 'Nothing to run here: raise max_slot_wal_keep_size (a reload suffices) if the disk allows it, and find out why the consumer is slow.'
                ELSE 'First try to bring the consumer back. Cannot be undone: after this it must be copied anew.' END,
           CASE WHEN NOT v.active
                THEN 'Takes no lock on tables, and fails, harmlessly, if a consumer has connected meanwhile. Needs the REPLICATION attribute or a superuser.' END,
           CASE WHEN v.slot_type = 'logical' AND NOT v.active
                THEN 'A subscription that uses the slot must be dropped, or taken off it, as well.' END,
           CASE WHEN v.failover THEN 'The copies of the slot on standbys go with it.' END) AS caution,
       jsonb_build_object(
           'slot_type', v.slot_type,
           'plugin', v.plugin,
           'database', v.database,
           'active', v.active,
           'inactive_since', v.inactive_since,
           'wal_status', v.wal_status,
           'invalidation_reason', v.invalidation_reason,
           'kept_bytes', v.kept,
           'safe_wal_bytes', v.safe_wal_size,
           'max_slot_wal_keep_bytes', t.keep_bytes) AS evidence
FROM levels v
CROSS JOIN thresholds t
WHERE v.level > 0
