-- foreign_key_without_index: foreign key whose columns no index leads with
-- category: index
-- severity: warning
-- examines: dbadvisor.user_foreign_keys
--
-- When a row of the referenced table is deleted, or its key updated, the server
-- looks for rows that reference it. Without an index that is a scan of the whole
-- referencing table for each such row, under a lock on the row; ON DELETE
-- CASCADE makes it worse. Joins along the foreign key want the index as well.
--
-- An index serves when the columns of the foreign key are its first columns, in
-- any order, it can be searched with the operators of the foreign key, and it is
-- not partial, or only by IS NOT NULL.
--
-- Reported when the referencing table is above 9 MB and either table has seen
-- more than 1000 writes or the referenced one is above 10 MB. The severity is
-- warning when rows of the referenced table have been deleted, notice when they
-- have been updated only, and info when neither has happened yet, or when an
-- index begins with one of the columns of the foreign key and so narrows the
-- search.
--
-- Fix: create the index. CREATE INDEX CONCURRENTLY blocks no writes. On a
-- partitioned table the script makes it a partition at a time, concurrently;
-- above 100 partitions it is one CREATE INDEX, which blocks writes meanwhile.
-- One index serves several foreign keys that begin with the same columns, and is
-- proposed once.
--
-- Not reported: a foreign key that no ordinary index could serve because the
-- types differ (see foreign_key_type_mismatch), one whose index exists but is
-- not valid (see invalid_index), one that is NOT ENFORCED, the copies on
-- partitions, and partitioned tables whose partitions each have an index.

WITH limits AS MATERIALIZED (
    SELECT 9 * 1024 * 1024 AS min_bytes,
           10 * 1024 * 1024 AS min_referenced_bytes,
           1000 AS min_writes,
           100 AS max_scripted_partitions
), big AS MATERIALIZED (
    SELECT fk.conid, fk.name, fk.relid, fk.attnums, fk.referenced, fk.on_delete,
           fk.schema, fk.table_name, c.relkind AS kind, size.bytes
    FROM dbadvisor.user_foreign_keys fk
    JOIN pg_class c ON c.oid = fk.relid
    CROSS JOIN limits l
    CROSS JOIN LATERAL (
        SELECT CASE c.relkind WHEN 'p'
                   THEN (SELECT sum(dbadvisor.relation_bytes(leaf))::bigint
                         FROM dbadvisor.partition_leaves(fk.relid) AS leaf)
                   ELSE dbadvisor.relation_bytes(fk.relid) END AS bytes) size
    WHERE size.bytes > l.min_bytes
), unserved AS MATERIALIZED (
    -- The whole table has no index for it; its partitions may have their own.
    SELECT b.*
    FROM big b
    JOIN pg_constraint con ON con.oid = b.conid
    WHERE NOT EXISTS (SELECT
                      FROM pg_index i
                      WHERE i.indrelid = b.relid
                        AND i.indkey[0] = ANY (b.attnums)
                        AND dbadvisor.index_serves_foreign_key(i.indexrelid, b.conid))
      AND coalesce((to_jsonb(con) ->> 'conenforced')::boolean, true)
      AND dbadvisor.foreign_key_indexable(b.conid)
), measured AS MATERIALIZED (
    SELECT u.*, child.*, parent.*
    FROM unserved u
    CROSS JOIN limits l
    CROSS JOIN LATERAL (
        SELECT sum(pg_stat_get_tuples_inserted(leaf) + pg_stat_get_tuples_updated(leaf)
                   + pg_stat_get_tuples_deleted(leaf))::bigint AS writes
        FROM dbadvisor.partition_leaves(u.relid) AS leaf) child
    CROSS JOIN LATERAL (
        SELECT sum(dbadvisor.relation_bytes(leaf))::bigint AS referenced_bytes,
               coalesce(sum(pg_stat_get_tuples_updated(leaf)), 0)::bigint AS referenced_updates,
               coalesce(sum(pg_stat_get_tuples_deleted(leaf)), 0)::bigint AS referenced_deletes
        FROM dbadvisor.partition_leaves(u.referenced) AS leaf) parent
    WHERE child.writes > l.min_writes
       OR parent.referenced_updates + parent.referenced_deletes > l.min_writes
       OR parent.referenced_bytes > l.min_referenced_bytes
), partitioned AS MATERIALIZED (
    SELECT m.conid,
           count(*) AS partitions,
           count(*) FILTER (WHERE EXISTS (
               SELECT
               FROM pg_constraint part
               JOIN pg_index i ON i.indrelid = part.conrelid
               WHERE part.conrelid = leaf
                 AND part.contype = 'f'
                 AND part.confrelid = m.referenced
                 AND i.indkey[0] = ANY (part.conkey)
                 AND i.indisvalid
                 AND (SELECT array_agg(a.attname ORDER BY k.position)
                      FROM unnest(part.conkey) WITH ORDINALITY k(attnum, position)
                      JOIN pg_attribute a ON a.attrelid = leaf AND a.attnum = k.attnum)
                     = (SELECT array_agg(a.attname ORDER BY k.position)
                        FROM unnest(m.attnums) WITH ORDINALITY k(attnum, position)
                        JOIN pg_attribute a ON a.attrelid = m.relid AND a.attnum = k.attnum)
                 AND dbadvisor.index_serves_foreign_key(i.indexrelid, part.oid))) AS served
    FROM measured m
    CROSS JOIN dbadvisor.partition_leaves(m.relid) AS leaf
    WHERE m.kind = 'p'
    GROUP BY m.conid
), chosen AS MATERIALIZED (
    SELECT m.*, p.partitions, p.served,
           near.name AS near
    FROM measured m
    LEFT JOIN partitioned p USING (conid)
    LEFT JOIN LATERAL (
        SELECT min(format('%I.%I', m.schema, c.relname)) AS name
        FROM pg_index i
        JOIN pg_class c ON c.oid = i.indexrelid
        JOIN pg_am a ON a.oid = c.relam
        WHERE i.indrelid = m.relid
          AND a.amname = 'btree'
          AND i.indisvalid
          AND i.indpred IS NULL
          AND i.indkey[0] = ANY (m.attnums)) near ON true
    WHERE coalesce(p.served < p.partitions, true)
      -- One index for all that begin with the same columns.
      AND NOT EXISTS (SELECT
                      FROM measured o
                      WHERE o.relid = m.relid
                        AND o.conid <> m.conid
                        AND o.attnums[1:cardinality(m.attnums)] @> m.attnums
                        AND (cardinality(o.attnums) > cardinality(m.attnums)
                             OR (cardinality(o.attnums) = cardinality(m.attnums)
                                 AND (o.referenced_deletes, o.referenced_updates, - o.conid::bigint)
                                     > (m.referenced_deletes, m.referenced_updates, - m.conid::bigint))))
), planned AS (
    SELECT c.*,
           label.quoted AS columns,
           dbadvisor.new_index_name(c.relid, label.columns) AS index_name,
           CASE WHEN c.kind = 'p' AND c.partitions <= l.max_scripted_partitions
                THEN dbadvisor.partitioned_index_script(
                         c.relid, NULL, false,
                         format('USING btree (%s)', label.quoted), label.columns) END AS script
    FROM chosen c
    CROSS JOIN limits l
    CROSS JOIN LATERAL (
        SELECT string_agg(a.attname, '_' ORDER BY k.position) AS columns,
               string_agg(quote_ident(a.attname), ', ' ORDER BY k.position) AS quoted
        FROM unnest(c.attnums) WITH ORDINALITY k(attnum, position)
        JOIN pg_attribute a ON a.attrelid = c.relid AND a.attnum = k.attnum) label
)
SELECT 'pg_constraint'::regclass::oid AS classid,
       p.conid AS objid,
       0 AS objsubid,
       format('Each row deleted from %I.%I reads %s of %I.%I (%s), which has no index that begins with (%s)%s; so far %s.',
              parent.schema, parent.name,
              CASE WHEN p.near IS NULL THEN 'all' ELSE 'more than it need' END,
              p.schema, p.table_name,
              pg_size_pretty(p.bytes), p.columns,
              CASE WHEN p.served > 0
                   THEN format(' on %s of its %s partitions', p.partitions - p.served, p.partitions)
                   WHEN p.near IS NOT NULL THEN format(', only %s with a part of them', p.near) END,
              CASE WHEN p.referenced_deletes > 0
                   THEN format('%s deleted', CASE p.referenced_deletes WHEN 1 THEN '1 row was'
                               ELSE format('%s rows were', p.referenced_deletes) END)
                   WHEN p.referenced_updates > 0
                   THEN 'none was deleted, but rows were updated'
                   ELSE 'none was deleted or updated' END) AS detail,
       CASE WHEN p.near IS NOT NULL OR p.referenced_deletes + p.referenced_updates = 0 THEN 'info'
            WHEN p.referenced_deletes = 0 THEN 'notice'
            ELSE 'warning' END AS severity,
       CASE WHEN p.near IS NOT NULL THEN 0.4
            WHEN p.referenced_deletes > 0 THEN 0.9
            ELSE 0.6 END::float8 AS confidence,
       coalesce(p.script,
                format('CREATE INDEX %s%I ON %I.%I USING btree (%s);',
                       CASE p.kind WHEN 'p' THEN '' ELSE 'CONCURRENTLY ' END,
                       p.index_name, p.schema, p.table_name, p.columns)) AS fix,
       CASE WHEN coalesce(p.served, 0) = 0
            THEN format('DROP INDEX %s%I.%I;',
                        CASE p.kind WHEN 'p' THEN '' ELSE 'CONCURRENTLY ' END,
                        p.schema, p.index_name) END AS undo,
       concat_ws(' ',
           CASE WHEN p.kind <> 'p'
                THEN 'Blocks no reads or writes; reads the whole table, waits for older transactions, and cannot run inside a transaction block. Every insert, and every update that is not HOT, will write to it.'
                WHEN p.script IS NULL
                THEN 'Takes SHARE on the table and each partition: nobody can write to them until all have been read.'
                ELSE 'Each part blocks no reads or writes, reads the whole partition, and cannot run inside a transaction block. ON ONLY blocks writes through the partitioned table for a moment; ATTACH PARTITION takes ACCESS EXCLUSIVE on the part for a moment and holds up statements on that partition while it waits: set lock_timeout.' END,
           CASE WHEN p.served > 0
                THEN 'Some partitions have an index of their own already: to take this back, drop only the new ones.' END,
           CASE WHEN p.kind = 'p' AND coalesce(p.served, 0) = 0
                THEN 'The undo takes ACCESS EXCLUSIVE on the table and its partitions for a moment.' END) AS caution,
       jsonb_strip_nulls(jsonb_build_object(
           'referenced', format('%I.%I', parent.schema, parent.name),
           'on_delete', p.on_delete,
           'columns', p.columns,
           'bytes', p.bytes,
           'writes', p.writes,
           'referenced_bytes', p.referenced_bytes,
           'referenced_updates', p.referenced_updates,
           'referenced_deletes', p.referenced_deletes,
           'partitions', p.partitions,
           'partitions_served', p.served,
           'near', p.near)) AS evidence
FROM planned p
CROSS JOIN LATERAL (
    SELECT n.nspname AS schema, c.relname AS name
    FROM pg_class c
    JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.oid = p.referenced) parent
