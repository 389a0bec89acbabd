-- sequence_exhaustion: sequence, or integer column that it fills, near its end
-- category: schema
-- severity: notice
-- examines: dbadvisor.user_sequences
--
-- The last value of an integer column is 2,147,483,647. The insert after it
-- fails, and so does every other one until the column is rewritten as bigint,
-- which takes hours on a table that got that far.
--
-- What counts is the narrowest of the sequence itself, the columns that take
-- their values from it (identity, serial, or any default of nextval), and the
-- columns that reference those by foreign key: a bigint sequence on an integer
-- column ends where the column does. Reported with 20 % left; severity is
-- warning at 10 % and critical at 5 %.
--
-- At which date it is full is told from the rows inserted since statistics are
-- counted, when that is at least dbadvisor.min_window (and an hour whatever the
-- setting: a load is no rate), and not on a standby. It
-- moves the severity: critical within 30 days, warning within 180, and two steps
-- down when there are more than ten years left or no row was inserted at all.
--
-- A sequence that cycles when it reaches its own end is of severity info.
--
-- Fix: make the sequence and all of those columns bigint, or where only its
-- MAXVALUE (MINVALUE) stands in the way, lift that. Changing the type of a
-- column rewrites its table and all indexes under ACCESS EXCLUSIVE. For a big
-- one do it in steps: add a bigint column, keep it equal with a trigger, fill it
-- in batches, build its unique index concurrently, then swap the two. Columns
-- that ALTER TABLE refuses to change (views or policies depend on them, they
-- are part of a partition key, of a domain) are named and left out.
--
-- Not reported: sequences that can give 64-bit values and fill only columns
-- that hold them; keys that do not come from a sequence.

WITH RECURSIVE limits AS (
    SELECT 0.20 AS notice_left,
           0.10 AS warning_left,
           0.05 AS critical_left,
           30 AS critical_days,
           180 AS warning_days,
           10 * 365 AS calm_days,
           1024 * 1024 * 1024 AS big_bytes,
           -9223372036854775808 AS lowest,
           9223372036854775807 AS highest,
           interval '1 hour' AS min_rate_window,
           current_setting('dbadvisor.min_window')::interval AS min_window
), integers(type, base, lowest, highest) AS (
    -- The integer types, and the domains over them.
    VALUES ('smallint'::regtype::oid, 'smallint'::regtype, -32768::int8, 32767::int8),
           ('integer'::regtype::oid, 'integer'::regtype, -2147483648, 2147483647),
           ('bigint'::regtype::oid, 'bigint'::regtype, -9223372036854775808, 9223372036854775807)
    UNION ALL
    SELECT t.oid, i.base, i.lowest, i.highest
    FROM integers i
    JOIN pg_type t ON t.typbasetype = i.type AND t.typtype = 'd'
), tables AS MATERIALIZED (
    SELECT t.relid, t.root, t.inserts
    FROM dbadvisor.user_tables t
), sequences AS MATERIALIZED (
    SELECT s.*, s.increment > 0 AS ascends
    FROM dbadvisor.user_sequences s
), uses AS (
    -- Columns that take their values from the sequence.
    SELECT s.seqid, s.owner_relid AS relid, s.owner_attnum AS attnum
    FROM sequences s
    WHERE s.owner_relid IS NOT NULL
    UNION
    SELECT s.seqid, f.adrelid, f.adnum
    FROM sequences s
    JOIN pg_depend d
        ON d.refclassid = 'pg_class'::regclass
        AND d.refobjid = s.seqid
        AND d.classid = 'pg_attrdef'::regclass
    JOIN pg_attrdef f ON f.oid = d.objid
), keys AS (
    -- The same of the partitioned table for its partitions, which only it can change.
    SELECT DISTINCT u.seqid, t.root AS relid, k.attnum
    FROM uses u
    JOIN tables t ON t.relid = u.relid
    JOIN pg_attribute a ON a.attrelid = u.relid AND a.attnum = u.attnum
    JOIN pg_attribute k ON k.attrelid = t.root AND k.attname = a.attname
), filled AS (
    SELECT k.seqid, k.relid, k.attnum, true AS is_key
    FROM keys k
    UNION
    SELECT k.seqid, t.root, r.attnum, false
    FROM keys k
    JOIN pg_constraint con ON con.confrelid = k.relid AND con.contype = 'f' AND con.conparentid = 0
    CROSS JOIN unnest(con.conkey, con.confkey) AS pair(attnum, referenced)
    JOIN tables t ON t.relid = con.conrelid
    JOIN pg_attribute a ON a.attrelid = con.conrelid AND a.attnum = pair.attnum
    JOIN pg_attribute r ON r.attrelid = t.root AND r.attname = a.attname
    WHERE pair.referenced = k.attnum
), columns AS (
    SELECT f.seqid,
           f.relid,
           f.attnum,
           bool_or(f.is_key) AS is_key,
           a.attname AS name,
           a.attinhcount > 0 AS is_inherited,
           i.base,
           i.lowest,
           i.highest,
           i.type <> i.base AS is_domain,
           format('%I.%I', n.nspname, c.relname) AS target,
           format('%I.%I.%I', n.nspname, c.relname, a.attname) AS shown
    FROM filled f
    JOIN pg_attribute a ON a.attrelid = f.relid AND a.attnum = f.attnum
    JOIN integers i ON i.type = a.atttypid
    JOIN pg_class c ON c.oid = f.relid
    JOIN pg_namespace n ON n.oid = c.relnamespace
    GROUP BY f.seqid, f.relid, f.attnum, a.attname, a.attinhcount, i.type, i.base, i.lowest, i.highest,
             n.nspname, c.relname
), ranges AS (
    -- Numeric, because the distance between two bigints may not be one.
    SELECT s.*,
           greatest(s.min_value, max(c.lowest))::numeric AS range_min,
           least(s.max_value, min(c.highest))::numeric AS range_max,
           CASE WHEN s.ascends THEN coalesce(min(c.highest) <= s.max_value, false)
                ELSE coalesce(max(c.lowest) >= s.min_value, false) END AS ends_with_column
    FROM sequences s
    LEFT JOIN columns c USING (seqid)
    GROUP BY s.seqid, s.schema, s.name, s.type, s.min_value, s.max_value, s.increment, s.cycles,
             s.owner_relid, s.owner_attnum, s.is_identity, s.ascends
), positions AS (
    SELECT r.*,
           CASE WHEN r.ascends THEN r.range_max ELSE r.range_min END AS ending,
           greatest(1, r.range_max - r.range_min + 1) AS size,
           v.last_value,
           greatest(0, CASE WHEN r.ascends THEN r.range_max - v.last_value
                            ELSE v.last_value - r.range_min END) AS distance
    FROM ranges r
    CROSS JOIN limits l
    CROSS JOIN LATERAL (SELECT dbadvisor.sequence_last_value(r.seqid) AS last_value) v
    WHERE CASE WHEN r.ascends THEN r.range_max < l.highest ELSE r.range_min > l.lowest END
      AND v.last_value IS NOT NULL
), pace AS (
    SELECT k.seqid, sum(t.inserts) AS inserts
    FROM (SELECT DISTINCT keys.seqid, keys.relid FROM keys) k
    JOIN tables t ON t.root = k.relid
    GROUP BY k.seqid
), near AS (
    SELECT p.*,
           p.distance / p.size AS left_share,
           trunc(p.distance / abs(p.increment)) AS left_values,
           r.days AS counted_days,
           r.per_day,
           trunc(p.distance / abs(p.increment)) / nullif(r.per_day, 0) AS days_left
    FROM positions p
    CROSS JOIN limits l
    LEFT JOIN pace USING (seqid)
    LEFT JOIN LATERAL (
        SELECT c.days, pace.inserts / greatest(c.days, 0.0001) AS per_day
        FROM (SELECT extract(epoch FROM now() - dbadvisor.statistics_since()) / 86400 AS days) c
        WHERE c.days >= extract(epoch FROM greatest(l.min_window, l.min_rate_window)) / 86400
          AND NOT pg_is_in_recovery()) r ON true
    WHERE p.distance <= l.notice_left * p.size
), narrow AS (
    -- What has to become bigint.
    SELECT c.*
    FROM columns c
    WHERE c.seqid IN (SELECT n.seqid FROM near n)
      AND c.base <> 'bigint'::regtype
      -- ALTER TABLE passes on to inheritance children.
      AND NOT (c.is_inherited
               AND EXISTS (SELECT FROM columns o
                           WHERE o.seqid = c.seqid AND o.name = c.name AND NOT o.is_inherited))
), members(top, relid) AS (
    SELECT DISTINCT n.relid, n.relid
    FROM narrow n
    UNION ALL
    SELECT m.top, i.inhrelid
    FROM members m
    JOIN pg_inherits i ON i.inhparent = m.relid
), obstacles AS (
    -- What makes ALTER TABLE .. ALTER COLUMN .. TYPE refuse.
    SELECT n.relid, n.attnum, string_agg(DISTINCT o.obstacle, ', ') AS obstacle
    FROM narrow n
    JOIN members m ON m.top = n.relid
    JOIN pg_class c ON c.oid = m.relid
    JOIN pg_attribute a ON a.attrelid = m.relid AND a.attname = n.name
    CROSS JOIN LATERAL (
        SELECT 'it is of a domain' AS obstacle WHERE n.is_domain
        UNION ALL
        SELECT 'it is inherited' WHERE n.is_inherited
        UNION ALL
        SELECT 'its table is of a composite type' WHERE c.reloftype <> 0
        UNION ALL
        SELECT 'it is part of a partition key'
        FROM pg_depend d
        WHERE d.classid = 'pg_class'::regclass
          AND d.objid = m.relid
          AND d.objsubid = a.attnum
          AND d.refclassid = 'pg_class'::regclass
          AND d.refobjid = m.relid
          AND d.refobjsubid = 0
          AND d.deptype = 'i'
        UNION ALL
        SELECT 'other columns are of its table''s row type'
        FROM pg_depend d
        WHERE d.refclassid = 'pg_type'::regclass
          AND d.refobjid = c.reltype
          AND d.classid = 'pg_class'::regclass
          AND d.objsubid > 0
        UNION ALL
        SELECT CASE d.classid WHEN 'pg_rewrite'::regclass THEN 'a view or rule depends on it'
                              WHEN 'pg_policy'::regclass THEN 'a policy depends on it'
                              WHEN 'pg_trigger'::regclass THEN 'a trigger depends on it'
                              WHEN 'pg_proc'::regclass THEN 'a function depends on it'
                              WHEN 'pg_publication_rel'::regclass THEN 'a publication depends on it'
                              ELSE 'a generated column depends on it' END
        FROM pg_depend d
        LEFT JOIN pg_attrdef f ON d.classid = 'pg_attrdef'::regclass AND f.oid = d.objid
        WHERE d.refclassid = 'pg_class'::regclass
          AND d.refobjid = m.relid
          AND d.refobjsubid = a.attnum
          AND (d.classid IN ('pg_rewrite'::regclass, 'pg_policy'::regclass, 'pg_trigger'::regclass,
                             'pg_proc'::regclass, 'pg_publication_rel'::regclass)
               OR (d.classid = 'pg_attrdef'::regclass AND (f.adrelid, f.adnum) <> (m.relid, a.attnum)))) o
    GROUP BY n.relid, n.attnum
), rewrites AS (
    -- One ALTER TABLE for each table, so that it is rewritten once.
    SELECT n.seqid,
           n.relid,
           bool_or(n.is_key) AS has_key,
           n.target,
           -- The column loses its statistics, and autovacuum sees no change.
           format(E'ALTER TABLE %1$s %2$s;\nANALYZE %1$s;', n.target,
                  string_agg(format('ALTER COLUMN %I TYPE bigint', n.name), ', ' ORDER BY n.attnum)) AS fix,
           format(E'ALTER TABLE %1$s %2$s;\nANALYZE %1$s;', n.target,
                  string_agg(format('ALTER COLUMN %I TYPE %s', n.name, n.base), ', ' ORDER BY n.attnum)) AS undo,
           (SELECT sum(dbadvisor.relation_bytes(leaf))
            FROM dbadvisor.partition_leaves(n.relid) AS leaf)::int8 AS bytes
    FROM narrow n
    LEFT JOIN obstacles o USING (relid, attnum)
    WHERE o.obstacle IS NULL
    GROUP BY n.seqid, n.relid, n.target
), commands AS (
    SELECT r.seqid,
           string_agg(r.fix, E'\n' ORDER BY r.has_key DESC, r.target) AS fix,
           string_agg(r.undo, E'\n' ORDER BY r.has_key, r.target) AS undo,
           string_agg(format('%s (%s)', r.target, pg_size_pretty(coalesce(r.bytes, 0))), ', '
                      ORDER BY r.has_key DESC, r.target) AS tables,
           max(r.bytes) AS bytes
    FROM rewrites r
    GROUP BY r.seqid
), described AS (
    SELECT c.seqid,
           jsonb_agg(jsonb_build_object('column', c.shown, 'type', c.base::text,
                                        'is', CASE WHEN c.is_key THEN 'filled' ELSE 'foreign key' END,
                                        'not_changed_because', o.obstacle)
                     ORDER BY c.is_key DESC, c.shown) AS columns,
           (array_agg(format('%s (%s)', c.shown, c.base) ORDER BY c.highest, c.is_key DESC, c.shown))[1] AS narrowest,
           string_agg(c.shown, ', ' ORDER BY c.shown) FILTER (WHERE NOT c.is_key AND c.base <> 'bigint'::regtype) AS referencing,
           string_agg(format('%s, because %s', c.shown, o.obstacle), '; ' ORDER BY c.shown)
               FILTER (WHERE o.obstacle IS NOT NULL) AS left_out
    FROM columns c
    LEFT JOIN obstacles o USING (relid, attnum)
    WHERE c.seqid IN (SELECT n.seqid FROM near n)
    GROUP BY c.seqid
), findings AS (
    SELECT n.*,
           d.columns,
           d.narrowest,
           d.referencing,
           d.left_out,
           format('%I.%I', n.schema, n.name) AS target,
           CASE WHEN n.ascends THEN 'MAXVALUE' ELSE 'MINVALUE' END AS bound,
           -- Only the sequence's own bound, narrower than its type, is in the way.
           NOT n.ends_with_column
               AND CASE WHEN n.ascends THEN n.max_value < t.highest ELSE n.min_value > t.lowest END AS is_bounded,
           CASE WHEN n.ascends THEN n.max_value < l.highest ELSE n.min_value > l.lowest END AS is_narrow,
           CASE WHEN n.days_left < 36500 THEN (now() + n.days_left::int * interval '1 day')::date END AS full_on,
           coalesce(n.per_day = 0 OR n.days_left > l.calm_days, false) AS is_calm,
           c.fix AS rewrite,
           c.undo AS rewrite_back,
           c.tables,
           coalesce(c.bytes, 0) >= l.big_bytes AS is_big
    FROM near n
    CROSS JOIN limits l
    JOIN integers t ON t.type = n.type
    LEFT JOIN described d USING (seqid)
    LEFT JOIN commands c USING (seqid)
)
SELECT 'pg_class'::regclass::oid AS classid,
       f.seqid AS objid,
       0 AS objsubid,
       concat_ws(' ',
           format('%s %s: the last value was %s of %s.',
                  CASE WHEN f.ends_with_column THEN 'Column ' || f.narrowest
                       ELSE format('Sequence %s (%s)', f.target, f.type::regtype) END,
                  CASE WHEN f.left_values = 0 THEN 'is full'
                       ELSE format('has %s %% of its values left', round(100 * f.left_share, 1)) END,
                  to_char(f.last_value, 'FM9,999,999,999,999,999,999'),
                  to_char(f.ending, 'FM9,999,999,999,999,999,999')),
           CASE WHEN f.cycles AND NOT f.ends_with_column THEN 'Then it begins again.'
                WHEN f.left_values = 0 THEN 'No further one can be inserted.'
                WHEN f.per_day = 0 THEN format('No row was inserted in %s days.', trunc(f.counted_days))
                WHEN f.full_on IS NOT NULL
                THEN format('At %s rows a day it is full on %s.',
                            to_char(greatest(1, f.per_day), 'FM999,999,999,999,990'), f.full_on)
                WHEN f.days_left IS NOT NULL THEN 'At the present rate it lasts for more than 100 years.'
                ELSE 'How fast it fills is not known.' END) AS detail,
       CASE WHEN f.cycles AND NOT f.ends_with_column THEN 'info'
            WHEN f.left_values = 0 THEN 'critical'
            WHEN f.is_calm THEN CASE WHEN f.left_share <= l.critical_left THEN 'notice' ELSE 'info' END
            WHEN f.left_share <= l.critical_left OR f.days_left <= l.critical_days THEN 'critical'
            WHEN f.left_share <= l.warning_left OR f.days_left <= l.warning_days THEN 'warning'
            ELSE 'notice' END AS severity,
       CASE WHEN f.per_day IS NULL THEN 0.8 ELSE 0.95 END::float8 AS confidence,
       CASE WHEN f.is_bounded THEN format('ALTER SEQUENCE %s NO %s;', f.target, f.bound)
            ELSE nullif(concat_ws(E'\n',
                     CASE WHEN f.is_narrow THEN format('ALTER SEQUENCE %s AS bigint NO %s;', f.target, f.bound) END,
                     f.rewrite), '') END AS fix,
       CASE WHEN f.is_bounded
            THEN format('ALTER SEQUENCE %s %s %s;', f.target, f.bound,
                        CASE WHEN f.ascends THEN f.max_value ELSE f.min_value END)
            ELSE nullif(concat_ws(E'\n',
                     f.rewrite_back,
                     CASE WHEN f.is_narrow
                          THEN format('ALTER SEQUENCE %s AS %s MINVALUE %s MAXVALUE %s;',
                                      f.target, f.type::regtype, f.min_value, f.max_value) END), '') END AS undo,
       concat_ws(' ',
           CASE WHEN f.is_bounded OR f.is_narrow
                THEN 'ALTER SEQUENCE takes SHARE ROW EXCLUSIVE on the sequence: nextval() waits for a moment.' END,
           CASE WHEN f.tables IS NOT NULL AND NOT f.is_bounded
                THEN format('ALTER TABLE rewrites %s with all indexes under ACCESS EXCLUSIVE, so nobody reads or writes it meanwhile, and needs that much disk once more. The statistics of the columns are lost, hence ANALYZE.%s',
                            f.tables,
                            CASE WHEN f.is_big THEN ' For so big a table add a bigint column instead, keep it equal with a trigger, fill it in batches, build its unique index concurrently, and swap the two.' END) END,
           CASE WHEN f.referencing IS NOT NULL AND NOT f.is_bounded
                THEN format('Its values are also stored by foreign keys: %s.', f.referencing) END,
           CASE WHEN f.left_out IS NOT NULL AND NOT f.is_bounded
                THEN format('Not changed, and to be changed by hand: %s.', f.left_out) END,
           'The undo works until a value is given out that no longer fits.',
           CASE WHEN pg_is_in_recovery() THEN 'This server is a standby: run it on the primary.' END) AS caution,
       jsonb_build_object(
           'last_value', f.last_value,
           'ends_at', f.ending,
           'ends_with', CASE WHEN f.ends_with_column THEN 'column' ELSE 'sequence' END,
           'left_values', f.left_values,
           'left_share', round(f.left_share, 6),
           'increment', f.increment,
           'cycles', f.cycles,
           'rows_per_day', round(f.per_day, 2),
           'counted_days', round(f.counted_days, 2),
           'full_on', f.full_on,
           'columns', f.columns) AS evidence
FROM findings f
CROSS JOIN limits l
