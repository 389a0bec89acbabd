-- redundant_index: index that another index of the table can stand in for
-- category: index
-- severity: notice
-- needs: primary
-- examines: dbadvisor.user_indexes
--
-- A btree on (a) is seldom needed beside one on (a, b): every search and every
-- order that the first gives, the second gives too. Every write maintains both.
--
-- Reported is an index whose columns are the first columns of another btree, in
-- the same directions or all reversed, with the same operator classes and
-- collations, whose included columns the other carries, and whose rows are all
-- in the other. If it is unique, then the other is unique on the same columns.
--
-- The narrow index is smaller and can be the faster one. Where the other is
-- more than three times its size, confidence is low; if the narrow one is in
-- use as well, severity is info. So it is until index use has been counted for
-- dbadvisor.min_window.
--
-- Fix: drop it. DROP INDEX CONCURRENTLY waits for running transactions but
-- blocks nobody. The undo statement makes the same index again.
--
-- Not reported: a narrow index that is in use while the other is not (it is the
-- other that may go: see unused_index), one that has an exact copy (that goes
-- first: see duplicate_index), a partial index with less than half the rows of
-- the other, anything that backs a constraint or is the replica identity, the
-- CLUSTER order or used by a foreign key, the parts of a partitioned index (it is
-- judged as a whole), and anything below 1 MB.

WITH limits AS MATERIALIZED (
    SELECT 1024 * 1024 AS min_bytes,
           0.1 AS max_scans_per_day,    -- as in unused_index
           0.5 AS min_share_of_rows,
           3 AS max_times_wider,
           current_setting('dbadvisor.min_window')::interval AS min_window
), since AS MATERIALIZED (
    SELECT dbadvisor.statistics_since() AS statistics
), indexes AS MATERIALIZED (
    SELECT i.indexrelid, i.relid, i.schema, i.name, i.table_name, i.method, i.kind,
           i.is_partition, i.key_columns, i.is_unique, i.is_partial, i.has_expressions,
           i.attnums[0] AS first_key,
           (i.attnums::int2[])[0:i.key_columns - 1] AS keys,
           i.is_exclusion OR i.is_clustered OR i.is_replica_identity
           OR EXISTS (SELECT FROM pg_constraint con WHERE con.conindid = i.indexrelid) AS is_kept,
           count(*) OVER (PARTITION BY i.relid, i.attnums[0]) AS siblings
    FROM dbadvisor.user_indexes i
    WHERE i.is_valid
      AND i.method = 'btree'
), candidates AS MATERIALIZED (
    SELECT i.*, size.bytes
    FROM indexes i
    CROSS JOIN limits l
    CROSS JOIN LATERAL (
        SELECT CASE i.kind WHEN 'I'
                   THEN (SELECT sum(dbadvisor.relation_bytes(leaf))::bigint
                         FROM dbadvisor.partition_leaves(i.indexrelid) AS leaf)
                   ELSE dbadvisor.relation_bytes(i.indexrelid) END AS bytes) size
    WHERE i.siblings > 1
      AND NOT (i.is_kept OR i.is_partition)
      AND size.bytes >= l.min_bytes
), pairs AS MATERIALIZED (
    SELECT narrow.*,
           wide.indexrelid AS wide_id,
           wide.name AS wide_name,
           wide.key_columns AS wide_key_columns,
           wide.is_kept AS wide_is_kept,
           wide.is_partition AS wide_is_partition,
           wide.is_unique AS wide_is_unique,
           c.relation,
           bool_or(c.relation = 'duplicate') OVER (PARTITION BY narrow.indexrelid) AS is_copy
    FROM candidates narrow
    JOIN indexes wide USING (relid, first_key)
    CROSS JOIN LATERAL (
        SELECT dbadvisor.compare_indexes(narrow.indexrelid, wide.indexrelid) AS relation) c
    WHERE narrow.indexrelid <> wide.indexrelid
      AND narrow.keys = wide.keys[1:narrow.key_columns]
      AND narrow.is_unique <= wide.is_unique
      AND c.relation IS NOT NULL
), measured AS MATERIALIZED (
    SELECT p.*,
           n.scans, n.tuples,
           nn.counted,
           coalesce(n.scans > l.max_scans_per_day * extract(epoch FROM nn.counted) / 86400, false) AS is_used,
           w.scans AS wide_scans,
           w.bytes AS wide_bytes,
           w.tuples AS wide_tuples,
           coalesce(w.scans > l.max_scans_per_day
                    * extract(epoch FROM now() - greatest(since.statistics, w.created)) / 86400,
                    false) AS wide_is_used
    FROM pairs p
    CROSS JOIN limits l
    CROSS JOIN since
    CROSS JOIN LATERAL (
        SELECT sum(pg_stat_get_numscans(leaf))::bigint AS scans,
               sum(greatest(c.reltuples, 0))::bigint AS tuples,
               max(dbadvisor.relation_created(leaf)) AS created
        FROM dbadvisor.partition_leaves(p.indexrelid) AS leaf
        JOIN pg_class c ON c.oid = leaf) n
    CROSS JOIN LATERAL (
        SELECT now() - greatest(since.statistics, n.created) AS counted) nn
    CROSS JOIN LATERAL (
        SELECT sum(pg_stat_get_numscans(leaf))::bigint AS scans,
               sum(dbadvisor.relation_bytes(leaf))::bigint AS bytes,
               sum(greatest(c.reltuples, 0))::bigint AS tuples,
               max(dbadvisor.relation_created(leaf)) AS created
        FROM dbadvisor.partition_leaves(p.wide_id) AS leaf
        JOIN pg_class c ON c.oid = leaf) w
    WHERE p.relation = 'redundant'
      AND NOT p.is_copy
), redundant AS (
    SELECT DISTINCT ON (m.indexrelid) m.*
    FROM measured m
    CROSS JOIN limits l
    WHERE (NOT m.is_partial OR m.tuples >= l.min_share_of_rows * greatest(m.wide_tuples, 1))
      -- unused_index must not take away what this rule leaves
      AND (m.wide_is_kept OR m.wide_is_unique OR m.wide_is_used
           OR (NOT m.is_used AND m.counted >= l.min_window))
      -- each can stand in for the other: one of them stays
      AND NOT (NOT (m.wide_is_kept OR m.wide_is_partition)
               AND m.key_columns = m.wide_key_columns
               AND (m.is_unique, m.scans, m.wide_id) > (m.wide_is_unique, m.wide_scans, m.indexrelid)
               AND dbadvisor.compare_indexes(m.wide_id, m.indexrelid) = 'redundant')
    ORDER BY m.indexrelid, m.wide_is_used DESC, m.wide_is_kept DESC, m.wide_bytes, m.wide_id
)
SELECT 'pg_class'::regclass::oid AS classid,
       r.indexrelid AS objid,
       0 AS objsubid,
       format('%I.%I begins with the same columns and can stand in for it; this one takes %s and was scanned %s, the other takes %s and was scanned %s.',
              r.schema, r.wide_name,
              pg_size_pretty(r.bytes),
              CASE r.scans WHEN 1 THEN 'once' ELSE format('%s times', r.scans) END,
              pg_size_pretty(r.wide_bytes),
              CASE r.wide_scans WHEN 1 THEN 'once' ELSE format('%s times', r.wide_scans) END) AS detail,
       CASE WHEN (c.much_wider AND r.is_used) OR r.counted < l.min_window THEN 'info'
            ELSE 'notice' END AS severity,
       r.bytes AS frees_bytes,
       CASE WHEN c.much_wider THEN 0.3
            WHEN r.is_partial THEN 0.5
            ELSE 0.7 END::float8 AS confidence,
       format('DROP INDEX %s%I.%I;',
              CASE r.kind WHEN 'I' THEN '' ELSE 'CONCURRENTLY ' END, r.schema, r.name) AS fix,
       d.definition || ';' || dbadvisor.index_extras(r.indexrelid) AS undo,
       concat_ws(' ',
           CASE r.kind WHEN 'I'
                THEN 'Takes ACCESS EXCLUSIVE on the table and its partitions for a moment: set lock_timeout. The undo blocks writes to them until all parts are built; their own names and comments do not come back.'
                ELSE 'Blocks no reads or writes; waits for transactions that use the table, and cannot run inside a transaction block.' END,
           CASE WHEN r.is_used
                THEN 'Queries that use it now will read the wider index instead, a little slower.' END) AS caution,
       jsonb_build_object(
           'other', format('%I.%I', r.schema, r.wide_name),
           'scans', r.scans,
           'other_scans', r.wide_scans,
           'bytes', r.bytes,
           'other_bytes', r.wide_bytes,
           'rows', r.tuples,
           'other_rows', r.wide_tuples) AS evidence
FROM redundant r
CROSS JOIN limits l
CROSS JOIN LATERAL (
    SELECT r.wide_bytes > l.max_times_wider * r.bytes AS much_wider) c
CROSS JOIN LATERAL (
    SELECT dbadvisor.index_definition(r.indexrelid) AS definition) d
WHERE d.definition IS NOT NULL
