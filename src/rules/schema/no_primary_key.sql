-- no_primary_key: table whose rows nothing identifies
-- category: schema
-- severity: notice
-- needs: primary
-- examines: dbadvisor.user_tables
--
-- Without a primary key the same row can be there twice, a single one cannot be
-- addressed, and logical replication has nothing to find it by: where such a
-- table is in a publication that publishes updates or deletes, UPDATE and DELETE
-- on it fail with an error. That is why severity is then warning.
--
-- Severity is info for small tables (under 1000 rows and 1 MB), and for those
-- that saw no UPDATE or DELETE while statistics were counted for at least
-- dbadvisor.min_window: logs and archives, which need a key least.
--
-- Fix, the first that applies:
--   * a unique index on columns that are NOT NULL becomes the key at once;
--   * the same where NOT NULL is missing: every row is read to prove it, and the
--     command fails, changing nothing, when there is a null;
--   * for replication, a unique index that cannot become the key (it belongs to
--     a constraint) becomes the replica identity;
--   * a new identity column, which rewrites the whole table.
-- A partitioned table gets a command only where a unique index shows which
-- columns are the key, because the key has to contain the partition key; where
-- none does, decide by hand.
--
-- Not reported: tables that have a unique constraint on columns that are all
-- NOT NULL, a key in all but name (unless replication fails for want of it);
-- partitioned tables whose partitions all have a key of their own; partitions,
-- which are judged as a whole; inheritance children; unlogged tables, which are
-- for staging; materialized views and foreign tables, which cannot have one.

WITH limits AS (
    SELECT 1000 AS min_rows,
           1024 * 1024 AS min_bytes,
           1600 AS max_columns,
           current_setting('dbadvisor.min_window')::interval AS min_window
), since AS MATERIALIZED (
    SELECT dbadvisor.statistics_since() AS statistics
), tables AS MATERIALIZED (
    SELECT t.*
    FROM dbadvisor.user_tables t
    WHERE t.kind IN ('r', 'p')
      AND t.persistence = 'p'
), keyed AS (
    SELECT i.indrelid AS relid
    FROM pg_index i
    WHERE i.indisprimary
), publications AS (
    SELECT p.oid, p.puballtables
    FROM pg_publication p
    WHERE p.pubupdate OR p.pubdelete
), members AS (
    -- Every table, with what of it matters to the tree of partitions it is in.
    SELECT t.root,
           t.kind = 'r' AS has_rows,
           greatest(t.tuples, t.live_tuples, 0)::float8 AS rows,
           t.updates + t.deletes AS changes,
           t.kind = 'r' AND k.relid IS NULL AS is_keyless,
           t.kind = 'r' AND k.relid IS NULL AND t.replica_identity IN ('d', 'n') AS cannot_change,
           EXISTS (SELECT FROM publications p WHERE p.puballtables)
               OR t.relid IN (SELECT r.prrelid
                              FROM pg_publication_rel r
                              JOIN publications p ON p.oid = r.prpubid
                              WHERE NOT coalesce((to_jsonb(r) ->> 'prexcept')::boolean, false))
               OR t.schema IN (SELECT n.nspname
                               FROM pg_publication_namespace s
                               JOIN publications p ON p.oid = s.pnpubid
                               JOIN pg_namespace n ON n.oid = s.pnnspid) AS is_published
    FROM tables t
    LEFT JOIN keyed k USING (relid)
), trees AS (
    SELECT m.root,
           count(*) FILTER (WHERE m.has_rows) AS leaves,
           count(*) FILTER (WHERE m.is_keyless) AS keyless,
           -- ANALYZE leaves the rows of all partitions at their root once more.
           coalesce(sum(m.rows) FILTER (WHERE m.has_rows), 0) AS rows,
           sum(m.changes)::int8 AS changes,
           bool_or(m.cannot_change) AS cannot_change,
           bool_or(m.is_published) AS is_published
    FROM members m
    GROUP BY m.root
), candidates AS (
    SELECT t.relid,
           t.schema,
           t.name,
           t.kind,
           t.replica_identity,
           c.relnatts AS attributes,
           c.reloftype <> 0 AS is_typed,
           EXISTS (SELECT
                   FROM pg_type y
                   JOIN pg_depend d
                       ON d.refclassid = 'pg_type'::regclass
                       AND d.refobjid IN (y.oid, y.typarray)
                       AND d.classid = 'pg_class'::regclass
                       AND d.objsubid > 0
                   WHERE y.oid = c.reltype) AS is_column_type,
           t.relid IN (SELECT i.inhparent FROM pg_inherits i) AS is_parent,
           s.leaves,
           s.keyless,
           s.rows,
           s.changes,
           s.is_published AND s.cannot_change AS fails,
           s.is_published,
           (SELECT sum(dbadvisor.relation_bytes(leaf))::int8
            FROM dbadvisor.partition_leaves(t.relid) AS leaf) AS bytes
    FROM tables t
    JOIN pg_class c ON c.oid = t.relid
    JOIN trees s ON s.root = t.relid
    WHERE NOT t.is_partition
      AND (s.keyless > 0 OR s.leaves = 0)
      AND t.relid NOT IN (SELECT k.relid FROM keyed k)
      AND t.relid NOT IN (SELECT i.inhrelid FROM pg_inherits i)
), judged AS (
    SELECT c.*,
           format('%I.%I', c.schema, c.name) AS target,
           u.indexrelid,
           u.is_identity,
           quote_ident(u.name) AS index_name,
           u.columns,
           u.nullable,
           now() - since.statistics AS counted,
           CASE WHEN c.kind = 'p' AND u.indexrelid IS NOT NULL AND c.keyless = c.leaves THEN 'constraint'
                WHEN c.kind = 'p' THEN 'undecided'
                WHEN u.is_usable THEN 'using index'
                WHEN u.nullable <> '{}' THEN 'not null'
                WHEN u.indimmediate THEN 'replica identity'
                WHEN u.indexrelid IS NOT NULL OR c.is_parent OR c.is_typed
                     OR c.is_column_type OR c.attributes >= l.max_columns THEN 'undecided'
                ELSE 'new column' END AS cure
    FROM candidates c
    CROSS JOIN limits l
    CROSS JOIN since
    LEFT JOIN LATERAL (
        SELECT i.indexrelid,
               x.relname AS name,
               i.indimmediate,
               i.indisreplident AS is_identity,
               k.columns,
               k.nullable,
               -- What ALTER TABLE .. ADD PRIMARY KEY USING INDEX accepts.
               c.kind = 'r' AND i.indimmediate AND k.is_plain AND NOT i.indnullsnotdistinct
                   AND i.indexrelid NOT IN (SELECT con.conindid
                                            FROM pg_constraint con
                                            WHERE con.contype IN ('p', 'u', 'x')) AS is_usable
        FROM pg_index i
        JOIN pg_class x ON x.oid = i.indexrelid
        CROSS JOIN LATERAL (
            SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY key.n) AS columns,
                   coalesce(array_agg(a.attname::text ORDER BY key.n) FILTER (WHERE NOT a.attnotnull), '{}') AS nullable,
                   bool_and(o.opcdefault AND key.coll = a.attcollation AND key.option = 0) AS is_plain
            FROM unnest(i.indkey::int2[], i.indclass::oid[], i.indcollation::oid[], i.indoption::int2[])
                     WITH ORDINALITY AS key(attnum, opclass, coll, option, n)
            JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = key.attnum
            JOIN pg_opclass o ON o.oid = key.opclass
            WHERE key.n <= i.indnkeyatts) k
        WHERE i.indrelid = c.relid
          AND i.indisunique
          AND i.indisvalid
          AND i.indisready
          AND i.indpred IS NULL
          AND i.indexprs IS NULL
        ORDER BY k.nullable <> '{}', NOT i.indimmediate, is_usable DESC, length(k.columns),
                 -- Of equal ones the one that duplicate_index keeps.
                 i.indisreplident OR i.indisclustered DESC,
                 i.indexrelid IN (SELECT f.conindid FROM pg_constraint f WHERE f.contype = 'f') DESC,
                 pg_stat_get_numscans(i.indexrelid) DESC, i.indexrelid
        LIMIT 1) u ON true
    -- A unique constraint on columns that are NOT NULL is a key in all but name.
    WHERE u.indexrelid IS NULL OR u.nullable <> '{}' OR u.is_usable OR c.fails
), named AS (
    SELECT j.*,
           CASE j.cure WHEN 'new column'
               THEN (SELECT quote_ident(n.name)
                     FROM unnest(ARRAY['id', 'row_id', 'surrogate_id', 'id_' || j.relid])
                              WITH ORDINALITY AS n(name, place)
                     WHERE NOT EXISTS (SELECT FROM pg_attribute a
                                       WHERE a.attrelid = j.relid AND a.attname = n.name)
                     ORDER BY n.place
                     LIMIT 1) END AS new_column,
           CASE j.cure WHEN 'constraint'
               THEN quote_ident(dbadvisor.new_index_name(j.relid, 'pkey')) END AS new_constraint,
           (SELECT string_agg(format('ALTER COLUMN %I SET NOT NULL', a), ', ') FROM unnest(j.nullable) AS a) AS set_not_null,
           (SELECT string_agg(format('ALTER COLUMN %I DROP NOT NULL', a), ', ') FROM unnest(j.nullable) AS a) AS drop_not_null,
           (SELECT string_agg(quote_ident(a), ', ') FROM unnest(j.nullable) AS a) AS nullable_columns,
           (SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY k.n)
            FROM pg_partitioned_table p
            CROSS JOIN unnest(p.partattrs::int2[]) WITH ORDINALITY AS k(attnum, n)
            JOIN pg_attribute a ON a.attrelid = p.partrelid AND a.attnum = k.attnum
            WHERE p.partrelid = j.relid) AS partition_columns,
           pg_size_pretty(coalesce(j.bytes, 0)) AS size
    FROM judged j
)
SELECT 'pg_class'::regclass::oid AS classid,
       n.relid AS objid,
       0 AS objsubid,
       concat_ws(' ',
           format('No primary key; %s (%s), %s changed or deleted in %s.',
                  CASE WHEN n.rows > 0 THEN format('about %s rows', to_char(n.rows, 'FM999,999,999,999,990'))
                       WHEN n.bytes > 0 THEN 'its number of rows is not known'
                       ELSE 'no rows' END,
                  n.size,
                  to_char(n.changes, 'FM999,999,999,999,990'),
                  CASE WHEN n.counted >= '2 days' THEN format('%s days', extract(day FROM n.counted))
                       WHEN n.counted >= '2 hours' THEN format('%s hours', trunc(extract(epoch FROM n.counted) / 3600))
                       WHEN n.counted >= '2 minutes' THEN format('%s minutes', trunc(extract(epoch FROM n.counted) / 60))
                       ELSE 'the last two minutes' END),
           CASE WHEN n.fails
                THEN 'A publication publishes its updates or deletes: UPDATE and DELETE on it fail.'
                WHEN n.is_published AND n.replica_identity = 'f'
                THEN 'Its replica identity is the whole row: subscribers search each changed row by all columns.' END,
           CASE WHEN n.nullable = '{}'
                THEN format('Its unique index %s on (%s) could serve.', n.index_name, n.columns)
                WHEN n.nullable <> '{}'
                THEN format('Its unique index %s on (%s) could serve, were %s NOT NULL.',
                            n.index_name, n.columns, n.nullable_columns) END) AS detail,
       CASE WHEN n.fails AND (n.rows > 0 OR n.bytes > 0) THEN 'warning'
            WHEN n.rows < l.min_rows AND coalesce(n.bytes, 0) < l.min_bytes THEN 'info'
            WHEN n.changes = 0 AND n.counted >= l.min_window THEN 'info'
            ELSE 'notice' END AS severity,
       CASE WHEN n.nullable <> '{}' THEN 0.5
            WHEN n.indexrelid IS NOT NULL THEN 0.9
            ELSE 0.7 END::float8 AS confidence,
       c.fix,
       c.undo,
       c.caution,
       jsonb_build_object(
           'rows', n.rows,
           'bytes', n.bytes,
           'updates_and_deletes', n.changes,
           'counted_days', round(extract(epoch FROM n.counted) / 86400, 2),
           'changes_are_published', n.is_published,
           'changes_fail', n.fails,
           'replica_identity', n.replica_identity,
           'partitions', CASE n.kind WHEN 'p' THEN n.leaves END,
           'partitions_without_key', CASE n.kind WHEN 'p' THEN n.keyless END,
           'unique_index', n.index_name,
           'nullable_columns', n.nullable) AS evidence
FROM named n
CROSS JOIN limits l
JOIN LATERAL (VALUES
    ('using index',
     format('ALTER TABLE %s ADD PRIMARY KEY USING INDEX %s;', n.target, n.index_name),
     format('ALTER TABLE %s DROP CONSTRAINT %s;', n.target, n.index_name)
         || coalesce(E'\nALTER TABLE ' || n.target || ' ' || n.drop_not_null || ';', '')
         || E'\n' || dbadvisor.index_definition(n.indexrelid) || ';'
         -- Without its replica identity a published table refuses UPDATE.
         || dbadvisor.index_extras(n.indexrelid),
     CASE WHEN n.nullable = '{}'
          THEN 'Takes ACCESS EXCLUSIVE on the table, but only for a moment: set lock_timeout.'
          ELSE format('Reads every row (%s) under ACCESS EXCLUSIVE, so nobody reads or writes the table meanwhile; fails, and changes nothing, when it meets a null. From then on inserts of a null fail: make sure that none is meant to come.', n.size) END
         || ' The undo drops the index and builds it again, and nothing keeps its columns unique meanwhile.'
         || CASE WHEN n.is_identity
                 THEN ' Until it has, UPDATE and DELETE fail if a publication publishes them.' ELSE '' END),
    ('not null',
     format('ALTER TABLE %s %s;', n.target, n.set_not_null),
     format('ALTER TABLE %s %s;', n.target, n.drop_not_null),
     format('Reads every row (%s) under ACCESS EXCLUSIVE, so nobody reads or writes the table meanwhile; fails, and changes nothing, when it meets a null. On a big table add CHECK (... IS NOT NULL) NOT VALID first and validate it, then no row is read. From then on inserts of a null fail: make sure that none is meant to come.', n.size)),
    ('replica identity',
     format('ALTER TABLE %s REPLICA IDENTITY USING INDEX %s;', n.target, n.index_name),
     format('ALTER TABLE %s REPLICA IDENTITY %s;', n.target,
            CASE n.replica_identity WHEN 'n' THEN 'NOTHING' ELSE 'DEFAULT' END),
     'Takes ACCESS EXCLUSIVE on the table, but only for a moment: set lock_timeout.'),
    ('constraint',
     format('ALTER TABLE %s ADD CONSTRAINT %s PRIMARY KEY (%s);', n.target, n.new_constraint, n.columns),
     format('ALTER TABLE %s DROP CONSTRAINT %s;', n.target, n.new_constraint)
         || coalesce(E'\nALTER TABLE ' || n.target || ' ' || n.drop_not_null || ';', ''),
     format('Builds one more unique index on each partition (%s in all) under ACCESS EXCLUSIVE, so nobody reads or writes the table meanwhile. The unique index that is there can be dropped afterwards.', n.size)),
    ('new column',
     format('ALTER TABLE %s ADD COLUMN %s bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY;', n.target, n.new_column),
     format('ALTER TABLE %s DROP COLUMN %s;', n.target, n.new_column),
     concat_ws(' ',
         format('Rewrites the whole table (%s) and its indexes under ACCESS EXCLUSIVE, so nobody reads or writes it meanwhile, and needs that much disk once more. Where columns that are there should be unique together, as in a table that joins two others, make those the key instead: a new column leaves duplicates in. SELECT * gives one column more, and COPY without a list of columns wants it. The undo drops the column with the numbers in it.', n.size),
         CASE WHEN n.is_published THEN 'Add the column on the subscribers first.' END,
         CASE WHEN n.new_column <> 'id'
              THEN 'It has a column "id": if that is unique, CREATE UNIQUE INDEX CONCURRENTLY on it and look again, for that rewrites nothing.' END)),
    ('undecided',
     NULL,
     NULL,
     CASE WHEN n.kind = 'p' AND n.keyless < n.leaves
          THEN 'No command is given because some of its partitions have a key of their own: give each of the others one.'
          WHEN n.kind = 'p'
          THEN format('No command is given because the key of a partitioned table has to contain its partition key (%s): decide which columns it is.',
                      coalesce(n.partition_columns, 'an expression, for which it cannot have one'))
          WHEN n.indexrelid IS NOT NULL
          THEN 'No command is given because its unique constraint is deferrable, which replication cannot use: make it not deferrable.'
          WHEN n.is_parent
          THEN 'No command is given because it has inheritance children, to which no key passes on.'
          WHEN n.is_typed
          THEN 'No command is given because it is a table of a composite type: add the column there.'
          WHEN n.is_column_type
          THEN 'No command is given because columns of other tables are of its row type, which the server refuses to rewrite: change those first.'
          ELSE 'No command is given because it has no room for one more column.' END)
) AS c(cure, fix, undo, caution) ON c.cure = n.cure
