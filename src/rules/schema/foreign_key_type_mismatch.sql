-- foreign_key_type_mismatch: foreign key between columns of different types
-- category: schema
-- severity: notice
-- examines: dbadvisor.user_foreign_keys
--
-- A foreign key may compare columns of different types, and three things can
-- then go wrong.
--
-- No index can serve: where the server has to cast the referencing column (an
-- integer that references a numeric, char(n) that references text), neither the
-- foreign key's own lookups nor joins can use an index on that column. Severity
-- warning.
--
-- Too narrow: an integer column that references a bigint key cannot hold the
-- later keys. Inserts fail on the day the key passes 2147483647 (smallint: 32767).
-- How far the sequence of the key has come is in the sentence where it is known;
-- from half of the range on severity is warning, from nine tenths critical.
--
-- Different meaning: a date or timestamp that references a timestamptz is
-- compared by the TimeZone of whoever asks.
--
-- A column that is merely wider than the key (bigint that references integer) is
-- of severity info: nothing breaks.
--
-- Fix: give the referencing column the type of the key. That rewrites the table
-- under ACCESS EXCLUSIVE; on a big table rather add a column of the right type,
-- fill it in batches, and swap the names. The undo statement changes the type
-- back. There is no fix to run where the server would refuse it or where it would
-- move the mismatch elsewhere: views, generated columns, policies, triggers or
-- functions that use the column, columns of the table's row type, partition keys, inherited columns, another
-- foreign key on the same column, a column that is wider than the key.
--
-- Not reported: text and varchar, which are one type to the server, different
-- lengths of one type, and domains over the same type.

WITH RECURSIVE limits AS MATERIALIZED (
    SELECT 0.5 AS warning_share_of_range,
           0.9 AS critical_share_of_range
), domains(domain, base, typmod) AS (
    SELECT t.oid, t.typbasetype, t.typtypmod
    FROM pg_type t
    WHERE t.typtype = 'd'
    UNION ALL
    SELECT d.domain, t.typbasetype, t.typtypmod
    FROM domains d
    JOIN pg_type t ON t.oid = d.base
    WHERE t.typtype = 'd'
), bases AS MATERIALIZED (
    SELECT d.domain, d.base, d.typmod
    FROM domains d
    JOIN pg_type t ON t.oid = d.base
    WHERE t.typtype <> 'd'
), columns AS MATERIALIZED (
    SELECT fk.conid, fk.relid, fk.referenced, fk.schema, fk.table_name,
           k.position,
           child.attnum, child.attname, child.atttypid, child.atttypmod,
           child.attcollation, child.attinhcount, child.attgenerated,
           parent.attnum AS parent_attnum,
           parent.attname AS parent_attname,
           coalesce(child_base.base, child.atttypid) AS type,
           coalesce(parent_base.base, parent.atttypid) AS parent_type,
           coalesce(parent_base.typmod, parent.atttypmod) AS parent_typmod
    FROM dbadvisor.user_foreign_keys fk
    CROSS JOIN LATERAL unnest(fk.attnums, fk.referenced_attnums)
        WITH ORDINALITY k(attnum, referenced_attnum, position)
    JOIN pg_attribute child
        ON child.attrelid = fk.relid
        AND child.attnum = k.attnum
    JOIN pg_attribute parent
        ON parent.attrelid = fk.referenced
        AND parent.attnum = k.referenced_attnum
    LEFT JOIN bases child_base ON child_base.domain = child.atttypid
    LEFT JOIN bases parent_base ON parent_base.domain = parent.atttypid
), mismatches AS MATERIALIZED (
    SELECT c.*,
           format_type(c.atttypid, c.atttypmod) AS shown,
           format_type(c.parent_type, c.parent_typmod) AS parent_shown,
           width.child < width.parent AS is_narrower,
           width.child > width.parent AS is_wider,
           'timestamptz'::regtype IN (c.type, c.parent_type) AS is_zoned,
           CASE WHEN width.child < width.parent
                THEN CASE c.type WHEN 'int2'::regtype THEN 32767 ELSE 2147483647 END END AS range
    FROM columns c
    CROSS JOIN LATERAL (
        SELECT array_position('{int2,int4,int8}'::regtype[], c.type::regtype) AS child,
               array_position('{int2,int4,int8}'::regtype[], c.parent_type::regtype) AS parent) width
    WHERE c.type <> c.parent_type
      AND NOT (c.type IN ('text'::regtype, 'varchar'::regtype)
               AND c.parent_type IN ('text'::regtype, 'varchar'::regtype))
), judged AS MATERIALIZED (
    SELECT m.*,
           s.last_value,
           s.last_value / m.range::float8 AS share,
           (coalesce(m.is_wider, false)
            OR m.attinhcount > 0
            OR m.attgenerated <> ''
            OR EXISTS (SELECT
                       FROM pg_type y
                       JOIN pg_depend d
                           ON d.refclassid = 'pg_type'::regclass
                           AND d.refobjid IN (y.oid, y.typarray)
                           AND d.classid = 'pg_class'::regclass
                           AND d.objsubid > 0
                       WHERE y.typrelid = m.relid)
            OR NOT EXISTS (SELECT
                           FROM pg_cast k
                           WHERE k.castsource = m.type
                             AND k.casttarget = m.parent_type
                             AND k.castcontext IN ('i', 'a'))
            OR EXISTS (SELECT
                       FROM columns o
                       WHERE o.relid = m.relid
                         AND o.attnum = m.attnum
                         AND o.conid <> m.conid
                         AND o.parent_type <> m.parent_type)
            OR EXISTS (SELECT
                       FROM dbadvisor.user_tables t
                       JOIN pg_partitioned_table p ON p.partrelid = t.relid
                       JOIN pg_attribute a ON a.attrelid = t.relid AND a.attname = m.attname
                       WHERE t.root = m.relid
                         AND (a.attnum = ANY (p.partattrs) OR p.partexprs IS NOT NULL))
            OR EXISTS (SELECT
                       FROM pg_depend d
                       LEFT JOIN pg_attrdef def
                           ON d.classid = 'pg_attrdef'::regclass
                           AND def.oid = d.objid
                       WHERE d.refclassid = 'pg_class'::regclass
                         AND d.refobjid = m.relid
                         AND d.refobjsubid = m.attnum
                         AND (d.classid IN ('pg_rewrite'::regclass, 'pg_policy'::regclass,
                                            'pg_trigger'::regclass, 'pg_proc'::regclass,
                                            'pg_publication_rel'::regclass)
                              OR def.adnum <> m.attnum))) AS is_stuck
    FROM mismatches m
    LEFT JOIN LATERAL (
        SELECT max(dbadvisor.sequence_last_value(q.seqid)) AS last_value
        FROM dbadvisor.user_sequences q
        WHERE m.is_narrower
          AND q.owner_relid = m.referenced
          AND q.owner_attnum = m.parent_attnum) s ON true
), by_key AS (
    SELECT j.conid, j.relid, j.referenced, j.schema, j.table_name,
           dbadvisor.foreign_key_indexable(j.conid) AS is_indexable,
           bool_or(j.is_stuck) AS is_stuck,
           bool_or(j.is_narrower) AS is_narrower,
           bool_and(coalesce(j.is_wider, false)) AS is_wider,
           bool_or(j.is_zoned) AS is_zoned,
           max(j.share) AS share,
           max(j.last_value) AS last_value,
           string_agg(format('%I is %s, %I is %s', j.attname, j.shown,
                             j.parent_attname, j.parent_shown),
                      '; ' ORDER BY j.position) AS differences,
           string_agg(format('ALTER COLUMN %I TYPE %s%s', j.attname, j.parent_shown,
                             CASE WHEN to_type.typcollation <> 0
                                       AND from_type.typcollation <> 0
                                       AND j.attcollation NOT IN (0, from_type.typcollation)
                                  THEN format(' COLLATE %I.%I', cn.nspname, co.collname) END),
                      ', ' ORDER BY j.position) AS forwards,
           string_agg(format('ALTER COLUMN %I TYPE %s%s', j.attname, j.shown,
                             CASE WHEN j.attcollation NOT IN (0, from_type.typcollation)
                                  THEN format(' COLLATE %I.%I', cn.nspname, co.collname) END),
                      ', ' ORDER BY j.position) AS backwards,
           jsonb_agg(jsonb_build_object('column', j.attname, 'type', j.shown,
                                        'referenced_column', j.parent_attname,
                                        'referenced_type', j.parent_shown)
                     ORDER BY j.position) AS pairs
    FROM judged j
    JOIN pg_type from_type ON from_type.oid = j.atttypid
    JOIN pg_type to_type ON to_type.oid = j.parent_type
    LEFT JOIN pg_collation co ON co.oid = j.attcollation
    LEFT JOIN pg_namespace cn ON cn.oid = co.collnamespace
    GROUP BY j.conid, j.relid, j.referenced, j.schema, j.table_name
)
SELECT 'pg_constraint'::regclass::oid AS classid,
       b.conid AS objid,
       0 AS objsubid,
       concat_ws(' ',
           format('In the reference from %I.%I to %I.%I, %s.',
                  b.schema, b.table_name, parent.schema, parent.name, b.differences),
           CASE WHEN NOT b.is_indexable
                THEN 'The server casts each referencing row, so no index on that column helps.'
                WHEN b.is_narrower AND b.share IS NOT NULL
                THEN format('The key has come to %s, %s of what the referencing column can hold.',
                            b.last_value,
                            CASE WHEN b.share < 0.001 THEN 'under 0.1 %'
                                 ELSE round(b.share::numeric * 100, 1) || ' %' END)
                WHEN b.is_narrower
                THEN 'Later keys will not fit into the referencing column.'
                WHEN b.is_zoned
                THEN 'Whether they are equal depends on the TimeZone of the session.'
                WHEN b.is_wider
                THEN 'Nothing breaks: the referencing column is the wider one.'
                ELSE 'They are compared across types.' END) AS detail,
       CASE WHEN b.share >= l.critical_share_of_range THEN 'critical'
            WHEN NOT b.is_indexable OR b.share >= l.warning_share_of_range THEN 'warning'
            WHEN b.is_wider THEN 'info'
            ELSE 'notice' END AS severity,
       0.9::float8 AS confidence,
       CASE WHEN NOT b.is_stuck
            THEN format(E'ALTER TABLE %1$I.%2$I %3$s;\nANALYZE %1$I.%2$I;', b.schema, b.table_name, b.forwards) END AS fix,
       CASE WHEN NOT b.is_stuck
            THEN format(E'ALTER TABLE %1$I.%2$I %3$s;\nANALYZE %1$I.%2$I;', b.schema, b.table_name, b.backwards) END AS undo,
       CASE WHEN NOT b.is_stuck
            THEN format('Takes ACCESS EXCLUSIVE and rewrites the table (%s) with all its indexes, then checks its foreign keys; nobody can read or write it meanwhile. The statistics of the column are lost, hence ANALYZE. The undo does the same again.',
                        pg_size_pretty(size.bytes))
            WHEN NOT b.is_wider
            THEN 'There is no single command: something else depends on the type of the column, or another foreign key uses it as well.' END AS caution,
       jsonb_strip_nulls(jsonb_build_object(
           'columns', b.pairs,
           'indexable', b.is_indexable,
           'bytes', size.bytes,
           'last_value', b.last_value,
           'share_of_range', b.share)) AS evidence
FROM by_key b
CROSS JOIN limits l
CROSS JOIN LATERAL (
    SELECT n.nspname AS schema, c.relname AS name
    FROM pg_class c
    JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.oid = b.referenced) parent
CROSS JOIN LATERAL (
    SELECT coalesce(sum(dbadvisor.relation_bytes(leaf)), 0)::bigint AS bytes
    FROM dbadvisor.partition_leaves(b.relid) AS leaf) size
