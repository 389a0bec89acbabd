-- hot_blocked: table whose updates must write to every index
-- category: vacuum
-- severity: notice
-- needs: primary, observing
-- examines: dbadvisor.user_tables
--
-- An update that changes no indexed column, and finds room in the page of its
-- row, is "heap-only" (HOT): it writes to no index, and the old row goes away
-- without VACUUM. Any other update adds an entry to each index of the table. That
-- made updates half as fast, and their WAL larger by two thirds, where we measured
-- it; tables and indexes grow, and VACUUM has more to do.
--
-- Reported are tables of at least 1 MB with 10 000 updates of which less than 80 %
-- were HOT, where statements that ran at least 100 times say why:
--   * they set a column that an index contains (as a key, in INCLUDE, in an
--     expression or in its WHERE): column and index are named;
--   * or they set none: then the pages are full, and a smaller fillfactor keeps
--     room in them.
-- Severity is warning below 50 % HOT and from 10 000 updates an hour on; notice
-- below 65 % and from 1 000 an hour; else info, as it is where statements were
-- observed for less than an hour, and where each of the indexes is scanned once for
-- ten updates or more: a queue pays for its index, and needs it. Partitions are
-- reported together.
--
-- An open transaction, prepared transaction or slot keeps old rows in the pages, and
-- then all pages are full. Where one is 60 s old, or holds back 10 000 transactions,
-- and was there when the updates ran, it is named in place of a fix, as info: end it
-- first (see xmin_horizon).
--
-- Fix: for an index none: whether the index is worth more than what it costs only
-- you can say, and the caution has the choices. For full pages, fillfactor: 90, or
-- 80 and 70 for rows of more than 200 and 800 bytes. It is for pages that are
-- filled from now on. The undo resets it.
--
-- Not reported: tables that were updated as a whole now and then (ETL, migrations):
-- repeated statements must have written half of the updated rows that were observed,
-- and as many an hour as half of what the server counted.
-- Columns that a trigger sets, or that are generated, are not seen in a statement:
-- where a table has such ones, full pages are blamed only where PostgreSQL counts
-- updates that moved to another page (16 and later), and there it must be half
-- of them. BRIN indexes, from PostgreSQL 16 on, which HOT does not mind. Tables with a
-- fillfactor of their own other than 100, for the server counts since the last reset and cannot
-- say whether it has helped. For the same reason an index that was dropped not
-- long ago can pass for full pages on PostgreSQL 15, where the finding is a notice
-- at most.

WITH limits AS MATERIALIZED (
    SELECT 1024 * 1024 AS min_bytes,
           10000 AS min_updates,
           0.80 AS max_share,
           0.65 AS notice_share,
           0.50 AS warning_share,
           1000 AS notice_per_hour,
           10000 AS warning_per_hour,
           100 AS min_calls,
           1000 AS min_rows,
           0.5 AS min_repeated_share,
           0.5 AS min_explained_rate,
           0.1 AS max_table_share_per_call,
           2000 AS max_row_bytes,
           0.1 AS min_scans_per_update,
           interval '60 seconds' AS held_long,
           10000 AS held_xids,
           least('1 hour', current_setting('dbadvisor.min_window')::interval) AS min_counted,
           current_setting('server_version_num')::int >= 160000 AS brin_is_harmless,
           3 AS max_columns,
           20 AS max_findings,
           20 AS max_statements
), since AS MATERIALIZED (
    SELECT greatest(0.001, extract(epoch FROM now() - dbadvisor.statistics_since()) / 3600)::float8 AS hours,
           greatest(0.001, extract(epoch FROM now() - i.since) / 3600)::float8 AS observed_hours
    FROM dbadvisor.store i
), leaves AS MATERIALIZED (
    SELECT t.relid, t.root, t.schema, t.name, t.live_tuples, t.dead_tuples, t.updates,
           pg_stat_get_tuples_hot_updated(t.relid) AS hot,
           'fillfactor=100' = ANY (t.options) AS is_full_on_purpose,
           EXISTS (SELECT FROM unnest(t.options) AS o
                   WHERE o LIKE 'fillfactor=%' AND o <> 'fillfactor=100') AS has_fillfactor
    FROM dbadvisor.user_tables t
    WHERE t.kind = 'r'
      AND t.updates > 0
), tables AS MATERIALIZED (
    SELECT v.root,
           sum(v.updates)::bigint AS updates,
           sum(v.hot)::bigint AS hot,
           sum(v.hot)::float8 / sum(v.updates)::float8 AS share,
           sum(v.live_tuples + v.dead_tuples)::float8 AS tuples,
           sum(dbadvisor.relation_bytes(v.relid))::bigint AS bytes
    FROM leaves v
    WHERE v.root IN (SELECT r.root
                     FROM leaves r
                     CROSS JOIN limits l
                     GROUP BY r.root, l.min_updates, l.max_share
                     HAVING sum(r.updates) >= l.min_updates
                        AND sum(r.hot) < l.max_share * sum(r.updates))
    GROUP BY v.root
), candidates AS MATERIALIZED (
    -- Updates that moved to another page: counted from PostgreSQL 16 on.
    SELECT t.*,
           (SELECT sum((to_jsonb(s) ->> 'n_tup_newpage_upd')::bigint)
            FROM leaves v
            JOIN pg_stat_all_tables s ON s.relid = v.relid
            WHERE v.root = t.root) AS moved
    FROM tables t
    CROSS JOIN limits l
    WHERE t.bytes >= l.min_bytes
), writers AS MATERIALIZED (
    SELECT c.root,
           sc.queryid,
           sc.relation,
           sc.updated,
           sum(s.rows)::float8 AS rows,
           sum(s.calls)::float8 AS calls,
           max(s.last_seen) AS last_seen
    FROM candidates c
    JOIN leaves v ON v.root = c.root
    JOIN dbadvisor.statement_columns sc ON sc.relation IN (v.relid, c.root) AND sc.updated <> '{}'
    JOIN dbadvisor.statements s
        ON s.queryid = sc.queryid
        AND s.userid = sc.userid
        AND s.dbid = sc.dbid
        AND s.toplevel = sc.toplevel
    WHERE sc.dbid = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database())
      AND (sc.relation = v.relid
           OR v.relid = (SELECT min(x.relid) FROM leaves x WHERE x.root = c.root))
    GROUP BY c.root, sc.queryid, sc.relation, sc.updated
), repeated AS MATERIALIZED (
    SELECT w.*, row_number() OVER () AS writer
    FROM writers w
    CROSS JOIN limits l
    WHERE w.calls >= l.min_calls
), indexed AS MATERIALIZED (
    -- The columns of keys and INCLUDE; those of expressions and of WHERE the index
    -- depends on.
    SELECT DISTINCT v.root, i.indexrelid, i.name, i.schema, i.scans, i.is_partial, a.attname
    FROM (SELECT v.root, v.relid FROM leaves v UNION SELECT c.root, c.root FROM candidates c) v
    JOIN candidates c ON c.root = v.root
    CROSS JOIN limits l
    JOIN dbadvisor.user_indexes i ON i.relid = v.relid
    JOIN pg_attribute a
        ON a.attrelid = i.relid
        AND a.attnum > 0
        AND (a.attnum = ANY (i.attnums)
             OR EXISTS (SELECT
                        FROM pg_depend d
                        WHERE d.classid = 'pg_class'::regclass
                          AND d.objid = i.indexrelid
                          AND d.refclassid = 'pg_class'::regclass
                          AND d.refobjid = i.relid
                          AND d.refobjsubid = a.attnum))
    WHERE NOT i.is_partition
      AND i.is_ready
      AND NOT (l.brin_is_harmless AND i.method = 'brin')
), setting AS MATERIALIZED (
    -- Which writer sets which column.
    SELECT r.root, r.writer, r.rows, a.attname
    FROM repeated r
    CROSS JOIN LATERAL unnest(r.updated) AS u(attnum)
    JOIN pg_attribute a ON a.attrelid = r.relation AND a.attnum = u.attnum
), causes AS MATERIALIZED (
    SELECT s.root,
           s.attname,
           i.indexrelid,
           format('%I.%I', i.schema, i.name) AS index,
           i.scans,
           i.is_partial,
           sum(s.rows) AS rows
    FROM setting s
    JOIN indexed i ON i.root = s.root AND i.attname = s.attname
    GROUP BY s.root, s.attname, i.indexrelid, i.schema, i.name, i.scans, i.is_partial
), judged AS MATERIALIZED (
    SELECT c.*,
           o.rows AS observed_rows,
           o.bulk_rows,
           o.last_seen,
           b.rows AS blocked_rows,
           coalesce(b.rows, 0) >= (1 - c.share) / 2 * o.rows AS is_blocked,
           coalesce(c.moved >= (c.updates - c.hot) / 2.0,
                    NOT EXISTS (SELECT
                                FROM leaves v
                                JOIN pg_trigger g ON g.tgrelid = v.relid
                                WHERE v.root = c.root
                                  AND NOT g.tgisinternal
                                  AND g.tgtype & 19 = 19)   -- BEFORE UPDATE, each row
                    AND NOT EXISTS (SELECT
                                    FROM indexed i
                                    JOIN leaves v ON v.root = i.root
                                    JOIN pg_attribute a ON a.attrelid = v.relid AND a.attname = i.attname
                                    WHERE i.root = c.root
                                      AND a.attgenerated <> '')) AS may_be_full
    FROM candidates c
    CROSS JOIN limits l
    CROSS JOIN LATERAL (
        SELECT sum(w.rows) AS all_rows,
               max(w.last_seen) AS last_seen,
               sum(w.rows) FILTER (WHERE w.calls >= l.min_calls) AS rows,
               sum(w.rows) FILTER (WHERE w.calls >= l.min_calls
                                     AND w.rows / w.calls > l.max_table_share_per_call * c.tuples) AS bulk_rows
        FROM writers w
        WHERE w.root = c.root) o
    CROSS JOIN LATERAL (
        SELECT sum(r.rows) AS rows
        FROM repeated r
        WHERE r.root = c.root
          AND EXISTS (SELECT
                      FROM setting s
                      JOIN indexed i ON i.root = s.root AND i.attname = s.attname
                      WHERE s.writer = r.writer)) b
    CROSS JOIN since t
    WHERE o.rows >= l.min_rows
      AND o.rows >= l.min_repeated_share * o.all_rows
      AND o.rows / t.observed_hours >= l.min_explained_rate * c.updates / t.hours
), holders AS MATERIALIZED (
    -- While it stays open, what it may still see stays in the pages. Not one that began
    -- after the last of these updates.
    SELECT h.object, h.held_xids, coalesce(h.since, '-infinity') AS since,
           coalesce(h.database = current_database(), true) AS is_here
    FROM dbadvisor.xmin_holders h
    CROSS JOIN limits l
    WHERE NOT h.catalogs_only
      AND (h.since <= now() - l.held_long OR h.held_xids >= l.held_xids)
), reported AS (
    SELECT j.*,
           w.hours,
           w.observed_hours,
           j.updates / w.hours AS per_hour,
           greatest(1, j.bytes / greatest(j.tuples, 1)) AS row_bytes,
           (SELECT count(DISTINCT i.indexrelid) FROM indexed i WHERE i.root = j.root) AS indexes,
           j.is_blocked AND p.is_read AS is_paid,
           p.is_partial,
           CASE WHEN NOT j.is_blocked
                THEN (SELECT h.object
                      FROM holders h
                      WHERE h.since <= j.last_seen
                      ORDER BY h.is_here DESC, h.held_xids DESC, h.object
                      LIMIT 1) END AS holder
    FROM judged j
    CROSS JOIN since w
    CROSS JOIN limits l
    CROSS JOIN LATERAL (
        SELECT bool_and(k.scans >= l.min_scans_per_update * j.updates) AS is_read,
               bool_and(k.is_partial) AS is_partial
        FROM causes k
        WHERE k.root = j.root) p
    WHERE j.is_blocked
       OR (j.may_be_full
           AND j.bytes / greatest(j.tuples, 1) <= l.max_row_bytes
           AND coalesce(j.bulk_rows, 0) <= j.observed_rows / 2
           AND EXISTS (SELECT FROM leaves v WHERE v.root = j.root AND NOT v.has_fillfactor))
    ORDER BY j.updates - j.hot DESC, j.root
    LIMIT (SELECT max_findings FROM limits)
), named AS (
    SELECT r.*,
           CASE WHEN r.row_bytes <= 200 THEN 90 WHEN r.row_bytes <= 800 THEN 80 ELSE 70 END AS fillfactor,
           (SELECT string_agg(format('%I (in %s)', x.attname, x.indexes), ', ' ORDER BY x.rows DESC, x.attname)
            FROM (SELECT k.attname, max(k.rows) AS rows,
                         string_agg(format('%s, %s', k.index,
                                           CASE k.scans WHEN 0 THEN 'never scanned' WHEN 1 THEN 'scanned once'
                                                ELSE format('scanned %s times', to_char(k.scans, 'FM999,999,999,999,990')) END),
                                    '; ' ORDER BY k.scans, k.index) AS indexes
                  FROM causes k
                  WHERE k.root = r.root
                  GROUP BY k.attname
                  ORDER BY max(k.rows) DESC, k.attname
                  LIMIT (SELECT max_columns FROM limits)) x) AS columns,
           (SELECT jsonb_agg(jsonb_build_object('column', k.attname, 'index', k.index, 'scans', k.scans,
                                                'rows_set', round(k.rows::numeric))
                             ORDER BY k.rows DESC, k.attname, k.index)
            FROM causes k
            WHERE k.root = r.root) AS causes,
           (SELECT string_agg(format('ALTER TABLE %I.%I SET (fillfactor = %s);', v.schema, v.name,
                                     CASE WHEN r.row_bytes <= 200 THEN 90 WHEN r.row_bytes <= 800 THEN 80 ELSE 70 END),
                              E'\n' ORDER BY v.updates - v.hot DESC, v.relid)
            FROM (SELECT * FROM leaves x
                  WHERE x.root = r.root AND NOT x.has_fillfactor
                  ORDER BY x.updates - x.hot DESC, x.relid
                  LIMIT (SELECT max_statements FROM limits)) v) AS set_fillfactor,
           (SELECT string_agg(format(CASE WHEN v.is_full_on_purpose THEN 'ALTER TABLE %I.%I SET (fillfactor = 100);'
                                          ELSE 'ALTER TABLE %I.%I RESET (fillfactor);' END, v.schema, v.name),
                              E'\n' ORDER BY v.updates - v.hot DESC, v.relid)
            FROM (SELECT * FROM leaves x
                  WHERE x.root = r.root AND NOT x.has_fillfactor
                  ORDER BY x.updates - x.hot DESC, x.relid
                  LIMIT (SELECT max_statements FROM limits)) v) AS reset_fillfactor
    FROM reported r
)
SELECT 'pg_class'::regclass::oid AS classid,
       n.root AS objid,
       0 AS objsubid,
       format('%s, %s',
              format(CASE WHEN n.hot = 0 THEN 'None of %1$s updates was HOT'
                          WHEN n.share < 0.01 THEN 'Fewer than 1 %% of %1$s updates were HOT'
                          ELSE 'Only %2$s %% of %1$s updates were HOT' END,
                     to_char(n.updates, 'FM999,999,999,999,990'), trunc((100 * n.share)::numeric)),
              CASE WHEN n.is_blocked
                   THEN format('because statements set %s: such an update writes to %s.',
                               n.columns,
                               CASE n.indexes WHEN 1 THEN 'the index' WHEN 2 THEN 'both indexes' ELSE format('all %s indexes', n.indexes) END)
                   WHEN n.holder IS NOT NULL
                   THEN format('though no indexed column is set: %s is open, and while it is, old rows keep the pages full.', n.holder)
                   ELSE format('though no indexed column is set: the pages are full, and each update that moves to another page writes to %s.',
                               CASE n.indexes WHEN 0 THEN 'it' WHEN 1 THEN 'the index' WHEN 2 THEN 'both indexes' ELSE format('all %s indexes', n.indexes) END)
              END) AS detail,
       CASE WHEN n.is_paid
                 OR n.holder IS NOT NULL
                 OR n.observed_hours < extract(epoch FROM l.min_counted) / 3600
                 OR n.per_hour < l.notice_per_hour
                 OR n.share >= l.notice_share THEN 'info'
            WHEN n.share < l.warning_share
                 AND n.per_hour >= l.warning_per_hour
                 AND (n.is_blocked OR n.moved IS NOT NULL) THEN 'warning'
            ELSE 'notice' END AS severity,
       CASE WHEN n.is_blocked THEN 0.8 WHEN n.holder IS NOT NULL THEN 0.4 WHEN n.moved IS NOT NULL THEN 0.7 ELSE 0.5 END::float8 AS confidence,
       CASE WHEN NOT n.is_blocked AND n.holder IS NULL THEN n.set_fillfactor END AS fix,
       CASE WHEN NOT n.is_blocked AND n.holder IS NULL THEN n.reset_fillfactor END AS undo,
       CASE WHEN n.holder IS NOT NULL
            THEN 'Open transactions keep VACUUM and pruning from freeing room (see xmin_horizon): end those first, then judge again. No fillfactor helps as long as they are open.'
            WHEN n.is_paid AND n.is_partial
            THEN 'That is the price of this index; it pays if it is read, and it is.'
            WHEN n.is_blocked
            THEN concat_ws(' ',
                CASE WHEN n.is_paid THEN 'The index is read, so it is probably worth its price.'
                     ELSE 'Weigh the index against the updates. An index that nothing reads can be dropped (see unused_index). One that is read may be worth its price.' END,
                'You can write the column more seldom (only when the value changes, a time rounded to minutes), or move it to a narrow table of its own.',
                CASE WHEN l.brin_is_harmless THEN 'A BRIN index would not be in the way, where the order of rows allows one.' END)
            ELSE concat_ws(' ',
                'Takes SHARE UPDATE EXCLUSIVE for a moment: reads and writes go on. Only pages that are filled from now on keep room; the others when VACUUM has made some, or at once after pg_repack or VACUUM FULL (which locks out everybody).',
                'The table grows by as much as is kept free.',
                'A transaction that stays open keeps old rows in the pages, too: see xmin_horizon.') END AS caution,
       jsonb_build_object(
           'updates', n.updates,
           'hot', n.hot,
           'hot_share', round(n.share::numeric, 4),
           'moved_to_another_page', n.moved,
           'updates_per_hour', round(n.per_hour::numeric, 1),
           'observed_rows', round(n.observed_rows::numeric),
           'observed_rows_setting_indexed_columns', round(coalesce(n.blocked_rows, 0)::numeric),
           'causes', n.causes,
           'holder', n.holder,
           'indexes', n.indexes,
           'bytes', n.bytes,
           'row_bytes', round(n.row_bytes::numeric)) AS evidence
FROM named n
CROSS JOIN limits l
WHERE n.is_blocked OR n.holder IS NOT NULL OR n.set_fillfactor IS NOT NULL
