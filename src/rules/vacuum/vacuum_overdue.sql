-- vacuum_overdue: table whose dead rows VACUUM should long have removed
-- category: vacuum
-- severity: warning
-- needs: primary
-- examines: dbadvisor.user_tables
--
-- Dead rows take space that new rows could use, every scan reads past them and
-- every index keeps entries for them. And until VACUUM has been there, index-only
-- scans must visit the table, and rows stay unfrozen for a big vacuum later on.
--
-- Autovacuum comes when a table has more dead rows than autovacuum_vacuum_threshold
-- + autovacuum_vacuum_scale_factor x rows (at most autovacuum_vacuum_max_threshold,
-- from PostgreSQL 18), or more inserted ones than the same with _insert_; the
-- table's storage parameters override the settings. A table is reported when it
-- is twice beyond that point, or beyond it at all while autovacuum is off for the
-- table or the server. The TOAST table counts as a part of its table, and the
-- partitions of a table are reported together.
--
-- Severity is notice up to five times the trigger, and where only inserted rows
-- wait. Where autovacuum is on it is given five rounds (autovacuum_naptime) after
-- the last VACUUM, and after the table was made, unless an old transaction keeps
-- VACUUM from removing anything.
--
-- Fix: VACUUM (ANALYZE), and where the table has autovacuum switched off, switch
-- it on again; the undo switches it off. When tables are reported here though
-- autovacuum is on, it does not keep up: give it more autovacuum_vacuum_cost_limit,
-- or these tables a smaller autovacuum_vacuum_scale_factor.
--
-- Not reported: tables below 10 MB or 10 000 such rows, and those that are
-- being vacuumed just now. Where an old transaction holds dead rows back (see
-- xmin_horizon) the caution says that VACUUM alone will not help.

WITH limits AS (
    SELECT 10 * 1024 * 1024 AS min_bytes,
           10000 AS min_rows,
           2.0 AS overdue_factor,
           5.0 AS warning_factor,
           5 AS rounds_of_patience,
           100000 AS min_held_xids,
           interval '5 minutes' AS min_held_time,
           20 AS max_statements
), holder AS MATERIALIZED (
    SELECT h.object, h.held_xids
    FROM dbadvisor.xmin_holders h
    CROSS JOIN limits l
    WHERE NOT h.catalogs_only
      AND (h.held_xids >= l.min_held_xids OR h.since < now() - l.min_held_time)
    ORDER BY h.held_xids DESC, h.is_origin DESC, h.object
    LIMIT 1
), due AS MATERIALIZED (
    SELECT u.*,
           CASE WHEN u.dead_tuples >= l.min_rows
                THEN u.dead_tuples / greatest(u.vacuum_trigger, 1) ELSE 0 END AS dead_factor,
           CASE WHEN u.inserted_since_vacuum >= l.min_rows AND u.insert_trigger IS NOT NULL
                THEN u.inserted_since_vacuum / greatest(u.insert_trigger, 1) ELSE 0 END AS insert_factor,
           CASE WHEN u.disabled_by IS NULL THEN l.overdue_factor ELSE 1 END AS allowed_factor
    FROM dbadvisor.autovacuum_units u
    CROSS JOIN limits l
    WHERE greatest(u.dead_tuples, u.inserted_since_vacuum) >= l.min_rows
), sized AS MATERIALIZED (
    SELECT d.*,
           dbadvisor.relation_bytes(d.unit) AS bytes,
           d.dead_factor > d.allowed_factor AS dead_overdue
    FROM due d
    CROSS JOIN limits l
    WHERE (d.dead_factor > d.allowed_factor OR d.insert_factor > d.allowed_factor)
      -- A queue has dead rows between any two rounds, a new table before the first.
      AND (d.disabled_by IS NOT NULL
           OR EXISTS (SELECT FROM holder)     -- VACUUM comes and goes in vain
           OR coalesce(greatest(d.last_vacuum, dbadvisor.relation_created(d.unit)), '-infinity')
              < now() - l.rounds_of_patience * current_setting('autovacuum_naptime')::interval)
      AND NOT EXISTS (SELECT
                      FROM pg_stat_progress_vacuum v
                      WHERE v.datname = current_database()
                        AND v.relid IN (d.unit, d.relid))
), overdue AS (
    SELECT s.*
    FROM sized s
    CROSS JOIN limits l
    WHERE s.bytes >= l.min_bytes
), tables AS (
    SELECT o.root,
           o.relid,
           sum(o.dead_tuples) AS dead_rows,
           format('VACUUM (ANALYZE) %I.%I;', o.schema, o.name) AS vacuum,
           string_agg(DISTINCT format('ALTER %s %I.%I RESET (%sautovacuum_enabled);',
                                      k.word, o.schema, o.name, o.option_prefix), E'\n')
               FILTER (WHERE k.switched_off) AS switch_on,
           string_agg(DISTINCT format('ALTER %s %I.%I SET (%sautovacuum_enabled = %L);',
                                      k.word, o.schema, o.name, o.option_prefix, o.enabled_option), E'\n')
               FILTER (WHERE k.switched_off) AS switch_off
    FROM overdue o
    CROSS JOIN LATERAL (
        SELECT CASE o.kind WHEN 'm' THEN 'MATERIALIZED VIEW' ELSE 'TABLE' END AS word,
               NOT coalesce(o.enabled_option::boolean, true) AS switched_off) k
    GROUP BY o.root, o.relid, o.schema, o.name
), roots AS (
    SELECT t.root,
           count(*) AS tables,
           sum(t.dead_rows) AS dead_rows,
           string_agg(t.switch_on, E'\n' ORDER BY t.dead_rows DESC, t.relid) AS switch_on,
           string_agg(t.switch_off, E'\n' ORDER BY t.dead_rows DESC, t.relid) AS switch_off,
           string_agg(t.vacuum, E'\n' ORDER BY t.dead_rows DESC, t.relid) AS vacuum
    FROM tables t
    GROUP BY t.root
), worst AS (
    SELECT DISTINCT ON (o.root) o.*
    FROM overdue o
    ORDER BY o.root, o.dead_overdue DESC,
             CASE WHEN o.dead_overdue THEN o.dead_factor ELSE o.insert_factor END DESC, o.unit
)
SELECT 'pg_class'::regclass::oid AS classid,
       w.root AS objid,
       0 AS objsubid,
       concat(
           CASE WHEN r.tables > 1 THEN format('%s partitions wait for VACUUM, the worst is %I.%I: ', r.tables, w.schema, w.name)
                WHEN w.relid <> w.root THEN format('Partition %I.%I waits for VACUUM: ', w.schema, w.name) END,
           CASE WHEN w.is_toast AND r.tables = 1 AND w.relid = w.root THEN 'Its TOAST table has '
                WHEN w.is_toast THEN 'its TOAST table has ' END,
           CASE WHEN w.dead_overdue
                THEN format('%s dead rows beside %s live ones in %s, %s times the %s at which autovacuum comes',
                            to_char(w.dead_tuples, 'FM999,999,999,999,990'),
                            to_char(w.live_tuples, 'FM999,999,999,999,990'),
                            pg_size_pretty(w.bytes),
                            trunc(w.dead_factor::numeric, 1),
                            to_char(w.vacuum_trigger, 'FM999,999,999,999,990'))
                ELSE format('%s rows in %s inserted and never vacuumed since, %s times the %s at which autovacuum comes',
                            to_char(w.inserted_since_vacuum, 'FM999,999,999,999,990'),
                            pg_size_pretty(w.bytes),
                            trunc(w.insert_factor::numeric, 1),
                            to_char(w.insert_trigger, 'FM999,999,999,999,990')) END,
           CASE w.disabled_by
               WHEN 'table' THEN ', but autovacuum is switched off for this table'
               WHEN 'server' THEN ', but autovacuum is switched off on this server' END,
           CASE WHEN w.last_vacuum IS NULL THEN '; no VACUUM is on record.'
                ELSE format('; last vacuumed on %s.', to_char(w.last_vacuum, 'YYYY-MM-DD HH24:MI')) END) AS detail,
       CASE WHEN NOT w.dead_overdue THEN 'notice'
            WHEN w.disabled_by IS NULL AND w.dead_factor < l.warning_factor THEN 'notice'
            ELSE 'warning' END AS severity,
       CASE WHEN h.object IS NULL THEN 0.9 ELSE 0.5 END::float8 AS confidence,
       concat_ws(E'\n', r.switch_on,
                 CASE WHEN r.tables <= l.max_statements THEN r.vacuum
                      ELSE format('VACUUM (ANALYZE) %I.%I;', n.nspname, c.relname) END) AS fix,
       r.switch_off AS undo,
       concat_ws(' ',
           'VACUUM takes SHARE UPDATE EXCLUSIVE: reads and writes go on, schema changes and other maintenance of the table wait. It reads all of its indexes, runs unthrottled unless vacuum_cost_delay is set, and cannot run inside a transaction block.',
           'At its end it may cut off empty pages under ACCESS EXCLUSIVE; it yields to whoever waits, but on a standby that can cancel queries: VACUUM (TRUNCATE off) leaves it out.',
           CASE WHEN r.switch_on IS NOT NULL
                THEN 'Switching autovacuum on takes SHARE UPDATE EXCLUSIVE for a moment. Find out first why it was switched off.' END,
           CASE WHEN w.disabled_by = 'server'
                THEN 'This helps once; switch on autovacuum and track_counts for the server.' END,
           CASE WHEN h.object IS NOT NULL
                THEN format('%s keeps what died in the last %s transactions from being removed: end that first, see xmin_horizon.',
                            upper(left(h.object, 1)) || substr(h.object, 2), to_char(h.held_xids, 'FM999,999,999,999,990')) END) AS caution,
       jsonb_build_object(
           'tables', r.tables,
           'worst', format('%I.%I', w.schema, w.name),
           'toast', w.is_toast,
           'dead_rows', w.dead_tuples,
           'live_rows', w.live_tuples,
           'vacuum_trigger', round(w.vacuum_trigger::numeric),
           'inserted_since_vacuum', w.inserted_since_vacuum,
           'insert_trigger', round(w.insert_trigger::numeric),
           'bytes', w.bytes,
           'last_vacuum', w.last_vacuum,
           'autovacuum_disabled_by', w.disabled_by,
           'held_by', h.object,
           'held_xids', h.held_xids) AS evidence
FROM worst w
CROSS JOIN limits l
JOIN roots r ON r.root = w.root
JOIN pg_class c ON c.oid = w.root
JOIN pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN holder h ON true
