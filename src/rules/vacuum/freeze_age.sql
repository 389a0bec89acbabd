-- freeze_age: table or database with unfrozen rows so old that VACUUM must come, or should have come
-- category: vacuum
-- severity: warning
-- needs: primary
-- examines: dbadvisor.user_tables
--
-- Transaction numbers are used in a circle of about two billion. VACUUM freezes
-- old rows so that their numbers can be used again; where it does not come in
-- time, the server at last refuses every command that writes. The same goes for
-- the numbers of row locks shared by several transactions (multixacts).
--
-- Autovacuum comes for that when the oldest number of a table is older than
-- autovacuum_freeze_max_age (200 million, for multixacts
-- autovacuum_multixact_freeze_max_age, 400 million; both also exist as storage
-- parameters), even where it is switched off. So a table far beyond that age
-- means that autovacuum fails, is cancelled again and again, or cannot keep up:
-- warning from 1.25 times the setting, critical from 1.6 billion. From 0.75
-- times the setting a table of 1 GB or more is reported as notice: soon it will
-- be read as a whole, at a time that you can choose now.
--
-- The TOAST table counts as a part of its table, partitions are reported
-- together, and at most the 20 oldest tables are. This database is reported
-- itself when what is old is none of these: a system catalog, or a temporary
-- table, which autovacuum cannot treat. Other databases are reported from 1.25
-- times the setting on.
--
-- Fix: VACUUM (FREEZE) of the table; a critical one by VACUUM alone, which reads
-- and writes less, and skips the indexes by itself at that age
-- (vacuum_failsafe_age). Nothing to undo.
--
-- Not reported: what is being vacuumed just now, unless critical. Databases left
-- by an interrupted DROP DATABASE, because they hold nothing back.

WITH limits AS (
    SELECT 0.75 AS notice_share,
           1.25 AS warning_share,
           1600000000::bigint AS critical_age,
           1024::bigint * 1024 * 1024 AS min_notice_bytes,
           100000 AS min_held_xids,
           interval '5 minutes' AS min_held_time,
           20 AS max_tables,
           20 AS max_statements
), ages AS (
    SELECT u.*,
           CASE WHEN u.frozenxid::text::bigint >= 3 THEN age(u.frozenxid) ELSE 0 END::bigint AS xids,
           CASE WHEN u.minmxid::text::bigint >= 1 THEN mxid_age(u.minmxid) ELSE 0 END::bigint AS multixacts
    FROM dbadvisor.autovacuum_units u
), old AS MATERIALIZED (
    SELECT a.*,
           s.share,
           CASE WHEN greatest(a.xids, a.multixacts) >= l.critical_age THEN 3
                WHEN s.share >= l.warning_share THEN 2
                ELSE 1 END AS level,
           EXISTS (SELECT
                   FROM pg_stat_progress_vacuum v
                   WHERE v.datname = current_database()
                     AND v.relid IN (a.unit, a.relid)) AS in_vacuum
    FROM ages a
    CROSS JOIN limits l
    CROSS JOIN LATERAL (
        SELECT greatest(a.xids::float8 / a.freeze_max_age,
                        a.multixacts::float8 / a.multixact_freeze_max_age) AS share) s
    WHERE s.share >= l.notice_share
       OR greatest(a.xids, a.multixacts) >= l.critical_age
), sized AS MATERIALIZED (
    SELECT o.*,
           dbadvisor.relation_bytes(o.unit) AS bytes
    FROM old o
    WHERE o.level = 3 OR NOT o.in_vacuum
), reported AS MATERIALIZED (
    SELECT s.*
    FROM sized s
    CROSS JOIN limits l
    WHERE s.level > 1 OR s.bytes >= l.min_notice_bytes
), tables AS (
    SELECT r.root, r.relid, max(r.level) AS level, max(r.share) AS share,
           format('%I.%I;', r.schema, r.name) AS name
    FROM reported r
    GROUP BY r.root, r.relid, r.schema, r.name
), roots AS MATERIALIZED (
    SELECT t.root,
           count(*) AS tables,
           max(t.level) AS level,
           string_agg(CASE t.level WHEN 3 THEN 'VACUUM ' ELSE 'VACUUM (FREEZE) ' END || t.name,
                      E'\n' ORDER BY t.share DESC, t.relid) AS vacuum,
           row_number() OVER (ORDER BY max(t.level) DESC, max(t.share) DESC, t.root) AS place
    FROM tables t
    GROUP BY t.root
), worst AS (
    SELECT DISTINCT ON (r.root) r.*
    FROM reported r
    ORDER BY r.root, r.level DESC, r.share DESC, r.unit
), holder AS (
    SELECT h.object, h.held_xids
    FROM dbadvisor.xmin_holders h
    CROSS JOIN limits l
    WHERE NOT h.catalogs_only
      AND (h.held_xids >= l.min_held_xids OR h.since < now() - l.min_held_time)
    ORDER BY h.held_xids DESC, h.is_origin DESC, h.object
    LIMIT 1
), databases AS (
    SELECT d.oid, d.datname, d.datallowconn, d.here, d.xids, d.multixacts,
           d.freeze_max_age, d.multixact_freeze_max_age,
           CASE WHEN greatest(d.xids, d.multixacts) >= l.critical_age THEN 3 ELSE 2 END AS level
    FROM (SELECT b.oid, b.datname, b.datallowconn, b.datconnlimit,
                 b.datname = current_database() AS here,
                 age(b.datfrozenxid)::bigint AS xids,
                 mxid_age(b.datminmxid)::bigint AS multixacts,
                 current_setting('autovacuum_freeze_max_age')::bigint AS freeze_max_age,
                 current_setting('autovacuum_multixact_freeze_max_age')::bigint AS multixact_freeze_max_age
          FROM pg_database b) d
    CROSS JOIN limits l
    WHERE d.datconnlimit <> -2
      AND (d.xids >= l.warning_share * d.freeze_max_age
           OR d.multixacts >= l.warning_share * d.multixact_freeze_max_age
           OR greatest(d.xids, d.multixacts) >= l.critical_age)
      AND NOT (d.here
               AND EXISTS (SELECT FROM old o WHERE o.level > 1)
               AND (SELECT count(*) FROM roots WHERE level > 1) <= l.max_tables)
), oldest_here AS (
    SELECT n.nspname, coalesce(o.relname, c.relname) AS relname, c.relpersistence,
           greatest(age(c.relfrozenxid)::float8 / d.freeze_max_age,
                    mxid_age(c.relminmxid)::float8 / d.multixact_freeze_max_age) AS share
    FROM databases d
    JOIN pg_class c ON d.here AND c.relkind IN ('r', 'm', 't') AND c.relfrozenxid::text::bigint >= 3
    LEFT JOIN pg_class o ON c.relkind = 't' AND o.reltoastrelid = c.oid
    JOIN pg_namespace n ON n.oid = coalesce(o.relnamespace, c.relnamespace)
    ORDER BY share DESC, c.oid
    LIMIT 1
), findings AS (
    SELECT 'pg_class'::regclass::oid AS classid,
           w.root AS objid,
           r.level,
           concat(
               CASE WHEN r.tables > 1 THEN format('%s partitions are old, the oldest is %I.%I: ', r.tables, w.schema, w.name)
                    WHEN w.relid <> w.root THEN format('Partition %I.%I is old: ', w.schema, w.name) END,
               CASE WHEN w.is_toast AND r.tables = 1 AND w.relid = w.root THEN 'Its TOAST table is old: '
                    WHEN w.is_toast THEN 'its TOAST table, ' END,
               pg_size_pretty(w.bytes), ' with') AS what,
           w.xids, w.multixacts, w.freeze_max_age, w.multixact_freeze_max_age,
           CASE WHEN w.in_vacuum THEN '; it is being vacuumed now' END AS note,
           CASE WHEN r.tables <= l.max_statements THEN r.vacuum
                ELSE format('VACUUM %s%I.%I;', CASE r.level WHEN 3 THEN '' ELSE '(FREEZE) ' END,
                            n.nspname, c.relname) END AS fix,
           concat_ws(' ',
               'VACUUM takes SHARE UPDATE EXCLUSIVE: reads and writes go on, schema changes of the table wait. It reads what is not frozen yet and rewrites it, with WAL, unthrottled unless vacuum_cost_delay is set, and cannot run inside a transaction block.',
               'An autovacuum that prevents wraparound does not give way to schema changes: do not cancel it.') AS caution,
           jsonb_build_object('tables', r.tables, 'oldest', format('%I.%I', w.schema, w.name),
                              'toast', w.is_toast, 'bytes', w.bytes) AS evidence
    FROM roots r
    CROSS JOIN limits l
    JOIN worst w ON w.root = r.root
    JOIN pg_class c ON c.oid = r.root
    JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE r.place <= l.max_tables
    UNION ALL
    SELECT 'pg_database'::regclass, d.oid, d.level,
           CASE WHEN d.here AND m.tables > l.max_tables
                THEN format('%s tables are too old, of which the %s oldest are reported; this database has', m.tables, l.max_tables)
                WHEN d.here THEN format('The oldest is %I.%I%s; this database has', o.nspname, o.relname,
                                        CASE o.relpersistence WHEN 't' THEN ', a temporary table' ELSE '' END)
                ELSE 'It has' END,
           d.xids, d.multixacts, d.freeze_max_age, d.multixact_freeze_max_age, NULL,
           CASE WHEN d.here AND m.tables > l.max_tables
                THEN format('VACUUM%s;', CASE d.level WHEN 3 THEN '' ELSE ' (FREEZE)' END)
                WHEN d.here AND o.relpersistence <> 't'
                THEN format('VACUUM %s%I.%I;', CASE d.level WHEN 3 THEN '' ELSE '(FREEZE) ' END,
                            o.nspname, o.relname) END,
           CASE WHEN d.here AND o.relpersistence = 't' AND m.tables <= l.max_tables
                THEN 'Only the session that made a temporary table can vacuum it: let that session drop it, or end the session.'
                WHEN d.here
                THEN 'VACUUM takes SHARE UPDATE EXCLUSIVE: reads and writes go on. It cannot run inside a transaction block.'
                WHEN NOT d.datallowconn
                THEN 'Nobody can connect to it, so only autovacuum can help, and it has not: look for its errors in the server log. To do it by hand, ALTER DATABASE ... ALLOW_CONNECTIONS true for the time of a VACUUM (FREEZE).'
                ELSE 'Connect to that database and ask for recommendations there, or run VACUUM (FREEZE) in it; then look in the server log for why autovacuum did not.' END,
           jsonb_build_object('database', d.datname, 'allows_connections', d.datallowconn)
    FROM databases d
    CROSS JOIN limits l
    CROSS JOIN (SELECT count(*) AS tables FROM roots WHERE level > 1) m
    LEFT JOIN oldest_here o ON d.here
)
SELECT f.classid,
       f.objid,
       0 AS objsubid,
       concat(f.what,
              CASE WHEN x.by_xids
                   THEN format(' rows not frozen for %s transactions', to_char(f.xids, 'FM999,999,999,999,990'))
                   ELSE format(' row locks not cleared for %s multixacts', to_char(f.multixacts, 'FM999,999,999,999,990')) END,
              CASE WHEN f.level = 1 THEN '; autovacuum will come at ' ELSE '; autovacuum should have come at ' END,
              to_char(CASE WHEN x.by_xids THEN f.freeze_max_age ELSE f.multixact_freeze_max_age END,
                      'FM999,999,999,999,990'),
              CASE WHEN f.level = 3 THEN ', and at about 2,100,000,000 the server stops accepting writes' END,
              f.note, '.') AS detail,
       CASE f.level WHEN 3 THEN 'critical' WHEN 2 THEN 'warning' ELSE 'notice' END AS severity,
       CASE WHEN h.object IS NULL THEN 0.9 ELSE 0.6 END::float8 AS confidence,
       f.fix,
       NULL::text AS undo,
       concat_ws(' ', f.caution,
           CASE WHEN h.object IS NOT NULL
                THEN format('%s keeps the last %s transactions from being frozen: end that first, see xmin_horizon.',
                            upper(left(h.object, 1)) || substr(h.object, 2), to_char(h.held_xids, 'FM999,999,999,999,990')) END) AS caution,
       f.evidence || jsonb_build_object(
           'xids', f.xids,
           'freeze_max_age', f.freeze_max_age,
           'multixacts', f.multixacts,
           'multixact_freeze_max_age', f.multixact_freeze_max_age,
           'held_by', h.object,
           'held_xids', h.held_xids) AS evidence
FROM findings f
CROSS JOIN LATERAL (
    SELECT f.xids::float8 / f.freeze_max_age
           >= f.multixacts::float8 / f.multixact_freeze_max_age AS by_xids) x
LEFT JOIN holder h ON true
