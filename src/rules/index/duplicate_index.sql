-- duplicate_index: index that is the same as another index of the table
-- category: index
-- severity: warning
-- examines: dbadvisor.user_indexes
--
-- Every write to the table maintains both, VACUUM reads both, both take disk,
-- cache and backup. No query gains anything by the second one.
--
-- Two indexes are the same when they have the same access method, columns or
-- expressions, operator classes, collations, directions, included columns and
-- predicate, whatever their names, tablespaces and fill factors. The one that
-- is reported enforces nothing that the other does not enforce as well. Kept is
-- the one that backs a primary key or another constraint, is the replica
-- identity or the CLUSTER order, or is used by a foreign key; then the unique
-- one, the one scanned more often, the older one. Of three equal indexes two
-- are reported. Below 1 MB the finding is of severity notice.
--
-- Fix: drop it. DROP INDEX CONCURRENTLY waits for running transactions but
-- blocks nobody. Where a UNIQUE constraint is the duplicate, the constraint is
-- dropped, which takes ACCESS EXCLUSIVE for a moment. The undo statement makes
-- the same again.
--
-- Without a fix, and of severity info, are UNIQUE constraints that a foreign key
-- of another table uses: make that foreign key again first, so that it uses the
-- index that is kept.
--
-- Not reported: an index that merely begins like another one (see
-- redundant_index), invalid indexes (see invalid_index), the parts of a
-- partitioned index (it is judged as a whole), a partition's own index that is
-- scanned more often than the equal part of a partitioned one, and pairs of
-- which neither can go, such as a primary key and an equal replica identity.

WITH limits AS MATERIALIZED (
    SELECT 1024 * 1024 AS min_warning_bytes
), indexes AS MATERIALIZED (
    SELECT i.indexrelid, i.relid, i.schema, i.name, i.table_name, i.method, i.kind,
           i.is_partition, i.is_unique, i.is_primary, i.has_expressions, i.is_partial,
           (i.attnums::int2[])[0:i.key_columns - 1] AS keys,
           i.is_primary OR i.is_exclusion OR i.is_clustered OR i.is_replica_identity
           OR i.is_partition AS is_fixed,
           con.oid AS conid,
           con.contype,
           con.conname,
           fk.conindid IS NOT NULL AS is_referenced
    FROM dbadvisor.user_indexes i
    LEFT JOIN pg_constraint con
        ON con.conindid = i.indexrelid
        AND con.conrelid = i.relid
        AND con.contype IN ('p', 'u', 'x')
    LEFT JOIN (SELECT DISTINCT f.conindid
               FROM pg_constraint f
               WHERE f.contype = 'f'
                 AND f.conparentid = 0) fk
        ON fk.conindid = i.indexrelid
    WHERE i.is_valid
), pairs AS MATERIALIZED (
    SELECT l.*,
           k.indexrelid AS keeper_id,
           k.schema AS keeper_schema,
           k.name AS keeper_name,
           k.contype AS keeper_contype,
           k.is_unique AS keeper_is_unique,
           k.is_partition AS keeper_is_partition,
           (k.is_primary, k.is_fixed, k.is_referenced, k.conid IS NOT NULL, k.is_unique) AS keeper_standing,
           (l.is_primary, l.is_fixed, l.is_referenced, l.conid IS NOT NULL, l.is_unique) AS standing
    FROM indexes l
    JOIN indexes k USING (relid, method, keys, has_expressions, is_partial)
    WHERE l.indexrelid <> k.indexrelid
      AND NOT l.is_fixed
      AND l.is_unique <= k.is_unique
      AND dbadvisor.compare_indexes(l.indexrelid, k.indexrelid) = 'duplicate'
), losers AS (
    SELECT DISTINCT ON (p.indexrelid)
           p.*,
           own.scans,
           keeper.scans AS keeper_scans
    FROM pairs p
    CROSS JOIN LATERAL (
        SELECT coalesce(sum(pg_stat_get_numscans(leaf)), 0)::bigint AS scans
        FROM dbadvisor.partition_leaves(p.indexrelid) AS leaf) own
    CROSS JOIN LATERAL (
        SELECT coalesce(sum(pg_stat_get_numscans(leaf)), 0)::bigint AS scans
        FROM dbadvisor.partition_leaves(p.keeper_id) AS leaf) keeper
    WHERE p.keeper_standing >= p.standing
      AND (p.keeper_standing > p.standing
           OR (keeper.scans, p.indexrelid) > (own.scans, p.keeper_id))
      -- Attached parts go with the whole, which unused_index may take away.
      AND (NOT p.keeper_is_partition OR p.keeper_is_unique OR keeper.scans >= own.scans)
    ORDER BY p.indexrelid, p.keeper_standing DESC, keeper.scans DESC, p.keeper_id
), measured AS MATERIALIZED (
    SELECT l.*,
           NOT l.is_referenced AS can_go,
           ARRAY(SELECT format('%I on %s', f.conname, f.conrelid::regclass)
                 FROM pg_constraint f
                 WHERE l.is_referenced
                   AND f.contype = 'f'
                   AND f.conparentid = 0
                   AND f.conindid = l.indexrelid
                 ORDER BY f.oid) AS referenced_by,
           (SELECT sum(dbadvisor.relation_bytes(leaf))::bigint
            FROM dbadvisor.partition_leaves(l.indexrelid) AS leaf) AS bytes
    FROM losers l
)
SELECT 'pg_class'::regclass::oid AS classid,
       l.indexrelid AS objid,
       0 AS objsubid,
       format('The same as %I.%I%s, which stays; it takes %s, and every write to %I.%I maintains both.',
              l.keeper_schema, l.keeper_name,
              CASE WHEN l.keeper_contype = 'p' THEN ' (the primary key)'
                   WHEN l.keeper_contype = 'u' THEN ' (a UNIQUE constraint)'
                   WHEN l.keeper_contype = 'x' THEN ' (an exclusion constraint)'
                   WHEN l.keeper_is_unique AND NOT l.is_unique THEN ' (which is unique)' END,
              pg_size_pretty(coalesce(l.bytes, 0)), l.schema, l.table_name) AS detail,
       CASE WHEN NOT l.can_go THEN 'info'
            WHEN l.bytes >= limits.min_warning_bytes THEN 'warning'
            ELSE 'notice' END AS severity,
       CASE WHEN l.can_go THEN l.bytes END AS frees_bytes,
       0.95::float8 AS confidence,
       CASE WHEN NOT l.can_go THEN NULL
            WHEN l.conid IS NOT NULL
            THEN format('ALTER TABLE %I.%I DROP CONSTRAINT %I;', l.schema, l.table_name, l.conname)
            ELSE format('DROP INDEX %s%I.%I;',
                        CASE l.kind WHEN 'I' THEN '' ELSE 'CONCURRENTLY ' END,
                        l.schema, l.name) END AS fix,
       CASE WHEN NOT l.can_go THEN NULL
            WHEN l.conid IS NULL THEN f.definition || ';' || dbadvisor.index_extras(l.indexrelid)
            WHEN l.kind = 'I'
            THEN format('ALTER TABLE %I.%I ADD CONSTRAINT %I %s;',
                        l.schema, l.table_name, l.conname, pg_get_constraintdef(l.conid))
            ELSE f.definition || E';\n'
                 || format('ALTER TABLE %I.%I ADD CONSTRAINT %I UNIQUE USING INDEX %I%s;',
                           l.schema, l.table_name, l.conname, l.name,
                           (SELECT CASE WHEN con.condeferrable THEN ' DEFERRABLE' END
                                   || CASE WHEN con.condeferred THEN ' INITIALLY DEFERRED' ELSE '' END
                            FROM pg_constraint con
                            WHERE con.oid = l.conid))
                 || dbadvisor.index_extras(l.indexrelid) END
           || coalesce(E'\nCOMMENT ON CONSTRAINT ' || quote_ident(l.conname)
                       || format(' ON %I.%I IS ', l.schema, l.table_name)
                       || quote_literal(obj_description(l.conid, 'pg_constraint')) || ';', '') AS undo,
       CASE WHEN NOT l.can_go
            THEN format('Used by the foreign key %s, which must be dropped and added again before this index can go. %s',
                        array_to_string(l.referenced_by, ', '),
                        CASE l.keeper_contype
                            WHEN 'p' THEN 'REFERENCES without a list of columns uses the primary key.'
                            ELSE 'The new one uses the older of equal indexes.' END)
            WHEN l.conid IS NOT NULL
            THEN 'Takes ACCESS EXCLUSIVE on the table for a moment: set lock_timeout. Statements that say ON CONFLICT ON CONSTRAINT with its name stop working.'
            WHEN l.kind = 'I'
            THEN 'Takes ACCESS EXCLUSIVE on the table and its partitions for a moment: set lock_timeout. The undo blocks writes to them until all parts are built; their own names and comments do not come back.'
            ELSE 'Blocks no reads or writes; waits for transactions that use the table, and cannot run inside a transaction block.'
            END AS caution,
       jsonb_build_object(
           'keeper', format('%I.%I', l.keeper_schema, l.keeper_name),
           'keeper_scans', l.keeper_scans,
           'scans', l.scans,
           'bytes', l.bytes,
           'constraint', l.conname,
           'referenced_by', l.referenced_by) AS evidence
FROM measured l
CROSS JOIN limits
CROSS JOIN LATERAL (
    SELECT dbadvisor.index_definition(l.indexrelid) AS definition) f
WHERE f.definition IS NOT NULL
