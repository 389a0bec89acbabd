-- xmin_horizon: session, prepared transaction, slot or standby that keeps dead rows from being removed
-- category: vacuum
-- severity: notice
-- examines: dbadvisor.xmin_holders
--
-- VACUUM removes a dead row only when no transaction can still see it. One old
-- transaction keeps every row that dies after its beginning, in all tables of
-- the database, however often VACUUM runs: tables and indexes grow, queries slow
-- down, and at last nothing can be frozen any more (see freeze_age).
--
-- Holders are sessions (through an open transaction or an old snapshot),
-- prepared transactions, replication slots, and standbys that send feedback
-- about their queries. Each is reported by the transactions that began since:
-- notice from 1 million, warning from 10 million, critical from 100 million.
-- Also, whatever the number from 1000 on: a session that is idle in such a
-- transaction for 5 minutes (notice) or 15 (warning), or whose transaction has
-- run for an hour (notice); and whatever the number, a prepared transaction that
-- is 5 minutes old (notice), or an hour (warning): it keeps its locks, too, even
-- over a restart.
--
-- Fix: end the transaction, or drop a slot that nobody uses. Only the oldest
-- holder matters at any moment; the caution names it where it is another.
--
-- Not reported: ourselves, autovacuum and VACUUM, sessions of other databases
-- as long as they only read (those hold back their own database), and the
-- parallel workers of a session. While a transaction that writes stays open, every
-- snapshot reaches back to it; those that began later are not counted by
-- transactions, only by time. On a standby only with hot_standby_feedback, for
-- there the holder is one for the primary, and, because it is not known there
-- which transactions the primary runs, sessions only after five minutes.

WITH limits AS (
    SELECT 1000000 AS notice_xids,
           10000000 AS warning_xids,
           100000000 AS critical_xids,
           1000 AS min_xids_by_time,
           interval '5 minutes' AS notice_idle,
           interval '15 minutes' AS warning_idle,
           interval '1 hour' AS notice_running,
           interval '5 minutes' AS min_open_on_standby,
           interval '5 minutes' AS notice_prepared,
           interval '1 hour' AS warning_prepared
), holders AS MATERIALIZED (
    SELECT h.*,
           coalesce(h.state LIKE 'idle in transaction%', false) AS is_idle,
           h.is_origin AND (NOT pg_is_in_recovery()
                            OR coalesce(h.since <= now() - l.min_open_on_standby, true)) AS counts
    FROM dbadvisor.xmin_holders h
    CROSS JOIN limits l
), levels AS (
    SELECT h.*,
           CASE WHEN h.counts AND h.held_xids >= l.critical_xids THEN 3
                WHEN h.counts AND h.held_xids >= l.warning_xids THEN 2
                WHEN h.kind = 'prepared transaction' AND h.since <= now() - l.warning_prepared THEN 2
                WHEN h.kind = 'session' AND h.is_idle AND h.held_xids >= l.min_xids_by_time
                     AND h.idle_since <= now() - l.warning_idle THEN 2
                WHEN h.counts AND h.held_xids >= l.notice_xids THEN 1
                WHEN h.kind = 'prepared transaction' AND h.since <= now() - l.notice_prepared THEN 1
                WHEN h.kind = 'session' AND h.held_xids >= l.min_xids_by_time
                     AND (h.since <= now() - l.notice_running
                          OR h.is_idle AND h.idle_since <= now() - l.notice_idle) THEN 1
                ELSE 0 END AS level,
           (SELECT o.object
            FROM holders o
            WHERE (h.catalogs_only OR NOT o.catalogs_only)
              AND (o.held_xids > h.held_xids
                   OR o.held_xids = h.held_xids AND o.is_origin AND NOT h.is_origin)
            ORDER BY o.held_xids DESC, o.is_origin DESC, o.object
            LIMIT 1) AS older,
           EXISTS (SELECT
                   FROM pg_stat_progress_create_index p
                   WHERE p.pid = h.pid
                     AND p.command LIKE '% CONCURRENTLY') AS builds_index
    FROM holders h
    CROSS JOIN limits l
), words AS (
    SELECT v.*,
           CASE WHEN t.lasted >= 172800 THEN format('%s days', trunc(t.lasted / 86400))
                WHEN t.lasted >= 7200 THEN format('%s hours', trunc(t.lasted / 3600))
                WHEN t.lasted >= 120 THEN format('%s minutes', trunc(t.lasted / 60))
                ELSE format('%s seconds', greatest(trunc(t.lasted), 0)) END AS lasted,
           CASE WHEN t.idle >= 172800 THEN format('%s days', trunc(t.idle / 86400))
                WHEN t.idle >= 7200 THEN format('%s hours', trunc(t.idle / 3600))
                WHEN t.idle >= 120 THEN format('%s minutes', trunc(t.idle / 60))
                ELSE format('%s seconds', greatest(trunc(t.idle), 0)) END AS idle
    FROM levels v
    CROSS JOIN LATERAL (
        SELECT extract(epoch FROM now() - v.since) AS lasted,
               extract(epoch FROM now() - v.idle_since) AS idle) t
    WHERE v.level > 0
)
SELECT NULL::oid AS classid,
       NULL::oid AS objid,
       0 AS objsubid,
       w.object,
       format('Keeps VACUUM from removing what died in %s during the last %s transactions: %s.',
              CASE WHEN w.catalogs_only THEN 'system catalogs' ELSE 'any table' END,
              to_char(w.held_xids, 'FM999,999,999,999,990'),
              CASE WHEN w.kind = 'session'
                   THEN concat(CASE WHEN w.is_idle THEN format('idle for %s in a transaction', w.idle)
                                    ELSE 'its transaction is' END,
                               ' open for ', w.lasted,
                               ', user ' || quote_ident(w.username),
                               ', application ' || quote_ident(nullif(w.application, '')),
                               CASE WHEN w.database <> current_database()
                                    THEN format(', database %I', w.database) END)
                   WHEN w.kind = 'prepared transaction'
                   THEN format('prepared %s ago by %I in database %I, and neither committed nor rolled back since',
                               w.lasted, w.username, w.database)
                   WHEN w.kind = 'standby'
                   THEN 'a query there is that old, and hot_standby_feedback protects it'
                   WHEN NOT w.active
                   THEN concat('nobody uses this ', w.state, ' slot', ', since ' || w.idle)
                   WHEN w.state = 'physical'
                   THEN format('a query on the standby that uses the slot (process %s here) is that old, and hot_standby_feedback protects it', w.pid)
                   ELSE format('its consumer (process %s here) has confirmed nothing later', w.pid) END) AS detail,
       CASE w.level WHEN 3 THEN 'critical' WHEN 2 THEN 'warning' ELSE 'notice' END AS severity,
       CASE WHEN w.older IS NULL THEN 0.9 ELSE 0.6 END::float8 AS confidence,
       CASE WHEN w.kind = 'session'
            THEN format('SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid = %s AND backend_start = %L AND xact_start IS NOT DISTINCT FROM %L;',
                        w.pid, w.backend_start, w.since)
            WHEN w.kind = 'prepared transaction' AND w.database = current_database()
            THEN format('ROLLBACK PREPARED %L;', w.name)
            WHEN w.kind = 'slot' AND NOT w.active
            THEN format('SELECT pg_drop_replication_slot(%L);', w.name) END AS fix,
       NULL::text AS undo,
       concat_ws(' ',
           CASE WHEN w.kind = 'session'
                THEN 'Ends the connection and rolls its open transaction back; that work is lost. Does nothing if the transaction has ended meanwhile. Needs the same role, pg_signal_backend or a superuser. idle_in_transaction_session_timeout prevents idle ones.'
                WHEN w.kind = 'prepared transaction'
                THEN concat('Its work is lost for good. Ask the transaction manager first: it may want COMMIT PREPARED instead. Needs the role that prepared it, or a superuser; cannot run inside a transaction block.',
                            CASE WHEN w.database <> current_database()
                                 THEN format(' Connect to database %I and run ROLLBACK PREPARED %L there.', w.database, w.name) END)
                WHEN w.kind = 'standby' OR w.active AND w.state = 'physical'
                THEN 'Look on the standby for the oldest transaction in pg_stat_activity, and end that. Switching hot_standby_feedback off there cancels such queries instead.'
                WHEN w.active
                THEN 'Look at the consumer: it lags behind, or decodes a long transaction. Dropping the slot would make it start over.'
                ELSE 'Cannot be undone: a consumer that comes back must be copied anew. If it is only away, bring it back instead.' END,
           CASE WHEN w.builds_index
                THEN 'It builds an index concurrently; ended, it leaves an invalid index behind.' END,
           CASE WHEN w.older IS NOT NULL
                THEN format('Alone this frees nothing: %s reaches as far back, or further.', w.older) END) AS caution,
       jsonb_build_object(
           'kind', w.kind,
           'held_xids', w.held_xids,
           'catalogs_only', w.catalogs_only,
           'pid', w.pid,
           'name', w.name,
           'database', w.database,
           'username', w.username,
           'application', w.application,
           'state', w.state,
           'since', w.since,
           'idle_since', w.idle_since,
           'older_holder', w.older) AS evidence
FROM words w
