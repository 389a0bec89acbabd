-- invalid_index: index that no query can use because its building failed
-- category: index
-- severity: warning
-- needs: primary
-- examines: dbadvisor.user_indexes
--
-- CREATE INDEX CONCURRENTLY and REINDEX CONCURRENTLY leave an invalid index
-- behind when they fail or are cancelled. Queries never use it. If its building
-- had come far enough then every write maintains it all the same. If it was to
-- be unique then it is not, or only for new rows.
--
-- Fix: it depends on what is left.
-- What REINDEX CONCURRENTLY left (a name that ends in _ccnew or _ccold, beside
-- the real index), what has an equal valid index, and what DROP INDEX
-- CONCURRENTLY left half dropped: drop it.
-- Any other: REINDEX INDEX CONCURRENTLY builds it again. A unique one fails
-- again as long as there are duplicate rows; the evidence holds a query that
-- finds them.
-- An index of a partitioned table is invalid as long as it has no valid part on
-- each of the partitions: the missing ones are made, or attached where they
-- exist, and the index becomes valid by itself.
--
-- Not reported: an index that is being built, rebuilt or dropped now, and the
-- parts of a partitioned index that is itself reported.

WITH RECURSIVE limits AS MATERIALIZED (
    SELECT 100 AS max_scripted_partitions
), broken AS MATERIALIZED (
    SELECT i.indexrelid, i.indrelid, i.indkey, i.indisunique, i.indisready, i.indislive,
           i.indnkeyatts, i.indnullsnotdistinct, i.indexprs IS NOT NULL AS has_expressions,
           i.indpred IS NOT NULL AS is_partial,
           c.relname AS name, c.relkind AS kind, c.relispartition AS is_partition,
           n.nspname AS schema
    FROM pg_index i
    JOIN pg_class c ON c.oid = i.indexrelid
    JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE NOT i.indisvalid
      AND NOT dbadvisor.index_is_valid(i.indexrelid)
), above(indexrelid, ancestor) AS (
    SELECT b.indexrelid, h.inhparent
    FROM broken b
    JOIN pg_inherits h ON h.inhrelid = b.indexrelid
    UNION ALL
    SELECT a.indexrelid, h.inhparent
    FROM above a
    JOIN pg_inherits h ON h.inhrelid = a.ancestor
), at_rest AS MATERIALIZED (
    SELECT b.*, t.schema AS table_schema, t.name AS table_name,
           t.toast = b.indrelid AS is_toast
    FROM broken b
    JOIN dbadvisor.user_tables t ON b.indrelid IN (t.relid, t.toast)
    WHERE NOT EXISTS (SELECT
                      FROM above a
                      JOIN broken p ON p.indexrelid = a.ancestor
                      WHERE a.indexrelid = b.indexrelid)
      AND NOT EXISTS (SELECT
                      FROM pg_stat_progress_create_index p
                      WHERE p.datname = current_database()
                        AND (p.relid IN (b.indrelid, t.relid)
                             OR p.relid IN (SELECT leaf
                                            FROM dbadvisor.partition_leaves(b.indrelid) AS leaf)))
      -- REINDEX and DROP INDEX CONCURRENTLY, also while they wait
      AND NOT EXISTS (SELECT
                      FROM pg_locks k
                      WHERE k.locktype = 'relation'
                        AND k.database = (SELECT d.oid
                                          FROM pg_database d
                                          WHERE d.datname = current_database())
                        AND k.relation = b.indexrelid
                        AND k.mode IN ('ShareUpdateExclusiveLock', 'AccessExclusiveLock'))
), judged AS (
    SELECT b.*,
           con.conname,
           con.contype,
           twin.name AS twin,
           b.is_toast
           OR (b.name ~ '_cc(new|old)[0-9]*$' AND twin.name IS NOT NULL) AS is_leftover,
           CASE WHEN b.kind = 'i'
                THEN dbadvisor.relation_bytes(b.indexrelid) END AS bytes
    FROM at_rest b
    LEFT JOIN pg_constraint con
        ON con.conindid = b.indexrelid
        AND con.conrelid = b.indrelid
        AND con.contype IN ('p', 'u', 'x')
    LEFT JOIN LATERAL (
        SELECT format('%I.%I', b.schema, c.relname) AS name
        FROM pg_index i
        JOIN pg_class c ON c.oid = i.indexrelid
        WHERE i.indrelid = b.indrelid
          AND i.indexrelid <> b.indexrelid
          AND i.indisvalid
          AND i.indkey = b.indkey
          AND b.kind = 'i'
          AND (b.name ~ '_cc(new|old)[0-9]*$'
               OR dbadvisor.compare_indexes(b.indexrelid, i.indexrelid) = 'duplicate')
        ORDER BY i.indexrelid
        LIMIT 1) twin ON true
), decided AS (
    SELECT j.*,
           CASE WHEN j.kind = 'I' THEN 'complete'
                WHEN j.is_partition OR j.conname IS NOT NULL THEN 'rebuild'
                WHEN j.is_leftover OR j.twin IS NOT NULL OR NOT j.indislive THEN 'drop'
                ELSE 'rebuild' END AS action
    FROM judged j
), explained AS (
    SELECT d.*,
           CASE WHEN d.action = 'complete' THEN parts.n END AS partitions,
           CASE WHEN d.action = 'complete' AND d.conname IS NULL
                     AND parts.n <= l.max_scripted_partitions
                THEN dbadvisor.partitioned_index_script(
                         d.indrelid, d.indexrelid, d.indisunique,
                         dbadvisor.index_body(d.indexrelid),
                         label.columns) END AS script,
           CASE WHEN d.action = 'rebuild' AND d.indisunique
                     AND NOT d.has_expressions AND NOT d.is_partial
                THEN format('SELECT %1$s, count(*) FROM %2$I.%3$I%4$s GROUP BY %1$s HAVING count(*) > 1;',
                            label.quoted, d.table_schema, d.table_name,
                            CASE WHEN NOT d.indnullsnotdistinct
                                 THEN format(' WHERE (%s) IS NOT NULL', label.quoted) END)
                END AS find_duplicates
    FROM decided d
    CROSS JOIN limits l
    CROSS JOIN LATERAL (
        SELECT count(*) AS n
        FROM dbadvisor.partition_leaves(d.indrelid)) parts
    CROSS JOIN LATERAL (
        SELECT string_agg(coalesce(a.attname, 'expr'), '_' ORDER BY k.position) AS columns,
               string_agg(quote_ident(a.attname), ', ' ORDER BY k.position) AS quoted
        FROM unnest(d.indkey::int2[]) WITH ORDINALITY k(attnum, position)
        LEFT JOIN pg_attribute a ON a.attrelid = d.indrelid AND a.attnum = k.attnum
        WHERE k.position <= d.indnkeyatts) label
)
SELECT 'pg_class'::regclass::oid AS classid,
       e.indexrelid AS objid,
       0 AS objsubid,
       concat_ws(' ',
           CASE WHEN e.action = 'complete'
                THEN format('No query can use it before each of the %s partitions has a valid part of it.', e.partitions)
                WHEN e.is_leftover
                THEN format('Left over from REINDEX CONCURRENTLY of %I.%I that failed.', e.table_schema, e.table_name)
                WHEN NOT e.indislive
                THEN 'Left over from DROP INDEX CONCURRENTLY that was interrupted.'
                WHEN e.twin IS NOT NULL
                THEN format('Its building failed, and %s is a valid index that does the same.', e.twin)
                ELSE format('Its building failed: no query on %I.%I can use it.', e.table_schema, e.table_name) END,
           CASE WHEN e.action <> 'complete' AND e.indisready AND e.indislive
                THEN format('Every write maintains it all the same; it takes %s.', pg_size_pretty(coalesce(e.bytes, 0)))
                WHEN e.bytes > 0
                THEN format('It takes %s.', pg_size_pretty(e.bytes)) END,
           CASE WHEN e.action = 'rebuild' AND e.indisunique
                THEN CASE WHEN e.indisready AND e.indislive
                          THEN 'It keeps only new rows unique.'
                          ELSE 'It keeps nothing unique.' END END) AS detail,
       CASE WHEN (e.indisready AND e.indislive) OR e.action <> 'drop' THEN 'warning'
            ELSE 'notice' END AS severity,
       CASE WHEN e.action = 'drop' THEN e.bytes END AS frees_bytes,
       CASE e.action WHEN 'drop' THEN 0.95 ELSE 0.9 END::float8 AS confidence,
       CASE e.action
           WHEN 'drop' THEN format('DROP INDEX CONCURRENTLY %I.%I;', e.schema, e.name)
           WHEN 'rebuild' THEN format('REINDEX INDEX CONCURRENTLY %I.%I;', e.schema, e.name)
           ELSE e.script END AS fix,
       NULL::text AS undo,
       concat_ws(' ',
           CASE e.action
               WHEN 'drop'
               THEN 'Blocks no reads or writes; waits for transactions that use the table, and cannot run inside a transaction block. Nothing is lost: no query could use it.'
               WHEN 'rebuild'
               THEN 'Blocks no reads or writes; reads the whole table, waits for older transactions, and cannot run inside a transaction block. If it fails it leaves another invalid index, with a name that ends in _ccnew.'
               WHEN 'complete'
               THEN CASE WHEN e.conname IS NOT NULL
                         THEN format('It belongs to the constraint %I. On each partition without it, make the same constraint with ALTER TABLE .. ADD CONSTRAINT and attach its index with ALTER INDEX %I.%I ATTACH PARTITION.',
                                     e.conname, e.schema, e.name)
                         WHEN e.script IS NULL
                         THEN format('For each partition without it: CREATE INDEX CONCURRENTLY, then ALTER INDEX %I.%I ATTACH PARTITION. Foreign tables can have no part of it.',
                                     e.schema, e.name)
                         ELSE 'Building a part blocks no reads or writes, reads the whole partition, and cannot run inside a transaction block. ATTACH PARTITION takes ACCESS EXCLUSIVE on the part for a moment and holds up statements on that partition while it waits: set lock_timeout.' END END,
           CASE WHEN e.action = 'rebuild' AND e.indisunique
                THEN 'It fails as long as there are duplicate rows'
                     || CASE WHEN e.find_duplicates IS NULL THEN '.'
                             ELSE ': find_duplicates in the evidence is the query that finds them.' END END) AS caution,
       jsonb_strip_nulls(jsonb_build_object(
           'table', format('%I.%I', e.table_schema, e.table_name),
           'action', e.action,
           'written_to', e.indisready AND e.indislive,
           'unique', e.indisunique,
           'bytes', e.bytes,
           'twin', e.twin,
           'constraint', e.conname,
           'partitions', e.partitions,
           'find_duplicates', e.find_duplicates)) AS evidence
FROM explained e
