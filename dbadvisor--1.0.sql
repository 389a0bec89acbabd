/* dbadvisor--1.0.sql: the table of contents of the interface. */

\echo Use "CREATE EXTENSION dbadvisor" to load this file. \quit

/* ---------------------------------------------------------------- tables */

CREATE TABLE dbadvisor.dismissals (
    id           text PRIMARY KEY,
    rule         text NOT NULL,
    object       text NOT NULL,
    reason       text,
    until        timestamptz,
    dismissed_by name NOT NULL DEFAULT current_user,
    dismissed_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE dbadvisor.dismissals IS
    'Findings that recommendations() leaves out: see dismiss() and reopen(). Kept by pg_dump.';
SELECT pg_catalog.pg_extension_config_dump('dbadvisor.dismissals', '');

CREATE TABLE dbadvisor.findings (
    id         text PRIMARY KEY,
    severity   text NOT NULL,
    category   text NOT NULL,
    rule       text NOT NULL,
    object     text NOT NULL,
    detail     text NOT NULL,
    fix        text,
    undo       text,
    first_seen timestamptz NOT NULL,
    last_seen  timestamptz NOT NULL,
    times_seen bigint NOT NULL
);
COMMENT ON TABLE dbadvisor.findings IS
    'Findings as snapshot() recorded them, with when each was first and last seen. Kept by pg_dump.';
SELECT pg_catalog.pg_extension_config_dump('dbadvisor.findings', '');

/* ---------------------------------------------------------------- advice */

CREATE FUNCTION dbadvisor.recommendations(
    categories        text[] DEFAULT NULL,
    min_severity      text DEFAULT 'notice',
    include_dismissed boolean DEFAULT false,
    OUT rank              integer,
    OUT id                text,
    OUT severity          text,
    OUT category          text,
    OUT rule              text,
    OUT object            text,
    OUT detail            text,
    OUT saves_ms_per_hour double precision,
    OUT frees_bytes       bigint,
    OUT confidence        double precision,
    OUT fix               text,
    OUT undo              text,
    OUT caution           text,
    OUT evidence          jsonb,
    OUT status            text,
    OUT first_seen        timestamptz)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'dba_sql_recommendations'
LANGUAGE C VOLATILE PARALLEL UNSAFE COST 1000000 ROWS 100;
COMMENT ON FUNCTION dbadvisor.recommendations(text[], text, boolean) IS
    'What to change in this database, most important first: the measured fact, the command, what it locks, how to undo it. Changes nothing itself.';

CREATE FUNCTION dbadvisor.coverage(
    categories   text[] DEFAULT NULL,
    OUT rule     text,
    OUT category text,
    OUT status   text,
    OUT examined bigint,
    OUT found    bigint,
    OUT skipped  bigint,
    OUT reason   text,
    OUT ms       double precision)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'dba_sql_coverage'
LANGUAGE C VOLATILE PARALLEL UNSAFE COST 1000000 ROWS 20;
COMMENT ON FUNCTION dbadvisor.coverage(text[]) IS
    'Per rule, what a run examines now, what it finds, what it has to leave out and why. Runs the rules afresh.';

CREATE FUNCTION dbadvisor.rules(
    OUT name          text,
    OUT category      text,
    OUT severity      text,
    OUT title         text,
    OUT needs         text,
    OUT examines      text,
    OUT documentation text,
    OUT query         text)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'dba_sql_rules'
LANGUAGE C IMMUTABLE PARALLEL SAFE ROWS 20;
COMMENT ON FUNCTION dbadvisor.rules() IS
    'The rules built into the library; the view of the same name reads it.';

CREATE VIEW dbadvisor.rules AS
    SELECT name, category, severity, title, needs, examines, documentation, query
    FROM dbadvisor.rules();
COMMENT ON VIEW dbadvisor.rules IS
    'The catalogue of rules: what each finds, what it needs, and the query that it is.';

CREATE FUNCTION dbadvisor.explain_rule(name text)
RETURNS text
AS 'MODULE_PATHNAME', 'dba_sql_explain_rule'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION dbadvisor.explain_rule(text) IS
    'The documentation of one rule: why it matters, how to fix it, what it does not report.';

/* ------------------------------------------------- dismissals and history */

CREATE FUNCTION dbadvisor.dismiss(
    id     text,
    reason text DEFAULT NULL,
    until  timestamptz DEFAULT NULL)
RETURNS text
AS 'MODULE_PATHNAME', 'dba_sql_dismiss'
LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION dbadvisor.dismiss(text, text, timestamptz) IS
    'Leaves a finding out of recommendations(), for ever or until a time. reopen() takes it back.';

CREATE FUNCTION dbadvisor.reopen(id text)
RETURNS text
AS 'MODULE_PATHNAME', 'dba_sql_reopen'
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION dbadvisor.reopen(text) IS
    'Takes back dismiss(): the finding is reported again for as long as it lasts.';

CREATE FUNCTION dbadvisor.snapshot()
RETURNS bigint
LANGUAGE sql VOLATILE PARALLEL UNSAFE
BEGIN ATOMIC
    WITH recorded AS (
        INSERT INTO dbadvisor.findings AS f
        SELECT r.id, r.severity, r.category, r.rule, r.object, r.detail,
               r.fix, r.undo, now(), now(), 1
        FROM dbadvisor.recommendations(min_severity => 'info',
                                       include_dismissed => true) r
        ON CONFLICT (id) DO UPDATE
        SET severity = excluded.severity,
            detail = excluded.detail,
            fix = excluded.fix,
            undo = excluded.undo,
            last_seen = excluded.last_seen,
            times_seen = f.times_seen + 1
        RETURNING 1
    )
    SELECT count(*) FROM recorded;
END;
COMMENT ON FUNCTION dbadvisor.snapshot() IS
    'Records the present findings in dbadvisor.findings, and returns how many there are.';

/* ------------------------------------------------------- facts for rules */

CREATE FUNCTION dbadvisor.is_preloaded()
RETURNS boolean
AS 'MODULE_PATHNAME', 'dba_sql_is_preloaded'
LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION dbadvisor.is_preloaded() IS
    'Whether shared_preload_libraries loaded dbadvisor when the server started.';

CREATE FUNCTION dbadvisor.statistics_since()
RETURNS timestamptz
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT greatest(
        (SELECT stats_reset FROM pg_stat_database WHERE datname = current_database()),
        least((SELECT stats_reset FROM pg_stat_archiver),
              (SELECT stats_reset FROM pg_stat_bgwriter),
              (SELECT stats_reset FROM pg_stat_wal)));
END;
COMMENT ON FUNCTION dbadvisor.statistics_since() IS
    'Since when the cumulative statistics of this database have been counted: the last reset, or the last crash (which resets all of the shared ones at once).';

CREATE FUNCTION dbadvisor.examinable(relation oid)
RETURNS boolean
AS 'MODULE_PATHNAME', 'dba_sql_examinable'
LANGUAGE C STABLE STRICT PARALLEL UNSAFE COST 100;
COMMENT ON FUNCTION dbadvisor.examinable(oid) IS
    'False while somebody changes the relation under an ACCESS EXCLUSIVE lock, or waits to; coverage() then names it. Never waits.';

CREATE FUNCTION dbadvisor.relation_bytes(relation oid)
RETURNS bigint
AS 'MODULE_PATHNAME', 'dba_sql_relation_bytes'
LANGUAGE C VOLATILE STRICT PARALLEL SAFE COST 200;
COMMENT ON FUNCTION dbadvisor.relation_bytes(oid) IS
    'Size of the relation''s main fork from the file system, without the lock that pg_relation_size() waits for. Null where there is no file.';

CREATE FUNCTION dbadvisor.relation_created(relation oid)
RETURNS timestamptz
AS 'MODULE_PATHNAME', 'dba_sql_relation_created'
LANGUAGE C VOLATILE STRICT PARALLEL SAFE COST 200;
COMMENT ON FUNCTION dbadvisor.relation_created(oid) IS
    'When the relation''s present file was made: at its creation, or its last rewrite. Null where the file system does not remember.';

CREATE FUNCTION dbadvisor.last_scan(relation oid)
RETURNS timestamptz
AS 'MODULE_PATHNAME', 'dba_sql_last_scan'
LANGUAGE C STABLE STRICT PARALLEL RESTRICTED COST 10;
COMMENT ON FUNCTION dbadvisor.last_scan(oid) IS
    'When the table or index was last scanned. Always null before PostgreSQL 16.';

CREATE FUNCTION dbadvisor.has_statistics(relation oid, inherited boolean DEFAULT false)
RETURNS boolean
AS 'MODULE_PATHNAME', 'dba_sql_has_statistics'
LANGUAGE C STABLE STRICT PARALLEL SAFE COST 100;
COMMENT ON FUNCTION dbadvisor.has_statistics(oid, boolean) IS
    'Whether ANALYZE ever left column statistics for the relation, also where pg_stats does not show them to the caller.';

CREATE FUNCTION dbadvisor.sequence_last_value(sequence oid)
RETURNS bigint
AS 'MODULE_PATHNAME', 'dba_sql_sequence_last_value'
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE COST 200;
COMMENT ON FUNCTION dbadvisor.sequence_last_value(oid) IS
    'The last value that the sequence gave out, also to a role that may not read it. Null when it gave out none, or is locked.';

CREATE FUNCTION dbadvisor.compare_indexes(index oid, other oid)
RETURNS text
AS 'MODULE_PATHNAME', 'dba_sql_compare_indexes'
LANGUAGE C STABLE STRICT PARALLEL SAFE COST 200;
COMMENT ON FUNCTION dbadvisor.compare_indexes(oid, oid) IS
    '''duplicate'' when the other index is the same again, ''redundant'' when it serves all that the first serves and enforces all that it enforces, else null.';

CREATE FUNCTION dbadvisor.index_serves_foreign_key(index oid, constraint_oid oid)
RETURNS boolean
AS 'MODULE_PATHNAME', 'dba_sql_index_serves_foreign_key'
LANGUAGE C STABLE STRICT PARALLEL SAFE COST 200;
COMMENT ON FUNCTION dbadvisor.index_serves_foreign_key(oid, oid) IS
    'Whether the index finds the rows that reference a given key: the columns of the foreign key lead it and no such row is left out.';

CREATE FUNCTION dbadvisor.index_definition(index oid)
RETURNS text
AS 'MODULE_PATHNAME', 'dba_sql_index_definition'
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE COST 1000;
COMMENT ON FUNCTION dbadvisor.index_definition(oid) IS
    'CREATE INDEX CONCURRENTLY that makes the index again. Null while its table is locked, where pg_get_indexdef() would wait.';

CREATE FUNCTION dbadvisor.new_index_name(relation oid, columns text)
RETURNS text
AS 'MODULE_PATHNAME', 'dba_sql_new_index_name'
LANGUAGE C STABLE STRICT PARALLEL SAFE COST 200;
COMMENT ON FUNCTION dbadvisor.new_index_name(oid, text) IS
    'A name for a new index that is still free, made of the table''s name and the given one as PostgreSQL would.';

CREATE FUNCTION dbadvisor.statement_parameters(statement text)
RETURNS integer
AS 'MODULE_PATHNAME', 'dba_sql_statement_parameters'
LANGUAGE C STABLE STRICT PARALLEL UNSAFE COST 1000;
COMMENT ON FUNCTION dbadvisor.statement_parameters(text) IS
    'How many parameters a statement of pg_stat_statements has. Null where PREPARE might not take it: no SELECT, INSERT, UPDATE, DELETE or MERGE, not to be parsed, or the type of a parameter is not certain.';

CREATE FUNCTION dbadvisor.partition_leaves(relation oid)
RETURNS SETOF oid
LANGUAGE sql STABLE STRICT PARALLEL SAFE ROWS 10
BEGIN ATOMIC
    WITH RECURSIVE tree(relid) AS (
        SELECT partition_leaves.relation
        UNION ALL
        SELECT i.inhrelid
        FROM tree
        JOIN pg_inherits i ON i.inhparent = tree.relid
    )
    SELECT tree.relid
    FROM tree
    JOIN pg_class c ON c.oid = tree.relid
    WHERE c.relkind NOT IN ('p', 'I');
END;
COMMENT ON FUNCTION dbadvisor.partition_leaves(oid) IS
    'The partitions that hold the rows of a partitioned table or index; for any other relation, itself. Unlike pg_partition_tree() it takes no lock.';

CREATE VIEW dbadvisor.user_tables AS
    SELECT c.oid AS relid,
           n.nspname AS schema,
           c.relname AS name,
           c.relkind AS kind,
           c.relpersistence AS persistence,
           c.relispartition AS is_partition,
           CASE WHEN c.relispartition THEN pg_partition_root(c.oid)::oid
                ELSE c.oid END AS root,
           c.relowner AS owner,
           c.relpages AS pages,
           c.reltuples AS tuples,
           c.reloptions AS options,
           c.relfrozenxid AS frozenxid,
           c.relminmxid AS minmxid,
           c.reltoastrelid AS toast,
           c.relreplident AS replica_identity,
           pg_stat_get_live_tuples(c.oid) AS live_tuples,
           pg_stat_get_dead_tuples(c.oid) AS dead_tuples,
           pg_stat_get_tuples_inserted(c.oid) AS inserts,
           pg_stat_get_tuples_updated(c.oid) AS updates,
           pg_stat_get_tuples_deleted(c.oid) AS deletes,
           pg_stat_get_mod_since_analyze(c.oid) AS modified_since_analyze,
           pg_stat_get_ins_since_vacuum(c.oid) AS inserted_since_vacuum,
           greatest(pg_stat_get_last_vacuum_time(c.oid),
                    pg_stat_get_last_autovacuum_time(c.oid)) AS last_vacuum,
           greatest(pg_stat_get_last_analyze_time(c.oid),
                    pg_stat_get_last_autoanalyze_time(c.oid)) AS last_analyze
    FROM pg_class c
    JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p', 'm')
      AND c.relpersistence <> 't'
      AND c.relnamespace NOT IN (SELECT s.oid
                                 FROM pg_namespace s
                                 WHERE left(s.nspname, 3) = 'pg_'
                                    OR s.nspname = 'information_schema')
      AND c.oid NOT IN (SELECT d.objid
                        FROM pg_depend d
                        WHERE d.refclassid = 'pg_extension'::regclass
                          AND d.classid = 'pg_class'::regclass
                          AND d.deptype = 'e')
      AND dbadvisor.examinable(c.oid);
COMMENT ON VIEW dbadvisor.user_tables IS
    'The tables, partitioned tables and materialized views that rules look at: no system, temporary or extension-owned ones, and none that is locked exclusively just now.';

CREATE VIEW dbadvisor.user_indexes AS
    SELECT i.indexrelid,
           i.indrelid AS relid,
           t.schema,
           c.relname AS name,
           t.name AS table_name,
           t.kind AS table_kind,
           t.tuples AS table_tuples,
           t.pages AS table_pages,
           a.amname AS method,
           c.relkind AS kind,
           c.relispartition AS is_partition,
           c.relpages AS pages,
           c.reltuples AS tuples,
           i.indnkeyatts AS key_columns,
           i.indkey AS attnums,
           i.indisunique AS is_unique,
           i.indisprimary AS is_primary,
           i.indisexclusion AS is_exclusion,
           i.indisclustered AS is_clustered,
           i.indisreplident AS is_replica_identity,
           i.indisvalid AS is_valid,
           i.indisready AS is_ready,
           i.indexprs IS NOT NULL AS has_expressions,
           i.indpred IS NOT NULL AS is_partial,
           CASE c.relkind WHEN 'I'
               THEN (SELECT sum(pg_stat_get_numscans(leaf))::bigint
                     FROM dbadvisor.partition_leaves(c.oid) AS leaf)
               ELSE pg_stat_get_numscans(c.oid) END AS scans,
           CASE c.relkind WHEN 'I'
               THEN (SELECT sum(dbadvisor.relation_bytes(leaf))::bigint
                     FROM dbadvisor.partition_leaves(c.oid) AS leaf)
               ELSE dbadvisor.relation_bytes(c.oid) END AS bytes
    FROM pg_index i
    JOIN pg_class c ON c.oid = i.indexrelid
    JOIN pg_am a ON a.oid = c.relam
    JOIN dbadvisor.user_tables t ON t.relid = i.indrelid;
COMMENT ON VIEW dbadvisor.user_indexes IS
    'The indexes of dbadvisor.user_tables, with how often each was used since dbadvisor.statistics_since().';

CREATE VIEW dbadvisor.user_foreign_keys AS
    SELECT con.oid AS conid,
           con.conname AS name,
           con.conrelid AS relid,
           con.conkey AS attnums,
           con.confrelid AS referenced,
           con.confkey AS referenced_attnums,
           con.conpfeqop AS operators,
           con.confdeltype AS on_delete,
           con.convalidated AS is_valid,
           con.conindid AS referenced_index,
           t.schema,
           t.name AS table_name
    FROM pg_constraint con
    JOIN dbadvisor.user_tables t ON t.relid = con.conrelid
    WHERE con.contype = 'f'
      AND con.conparentid = 0
      AND coalesce((to_jsonb(con) ->> 'conperiod')::boolean, false) = false;
COMMENT ON VIEW dbadvisor.user_foreign_keys IS
    'The foreign keys of dbadvisor.user_tables, each once: not the copies on partitions, and not temporal ones.';

CREATE VIEW dbadvisor.user_sequences AS
    SELECT s.seqrelid AS seqid,
           n.nspname AS schema,
           c.relname AS name,
           s.seqtypid AS type,
           s.seqmin AS min_value,
           s.seqmax AS max_value,
           s.seqincrement AS increment,
           s.seqcycle AS cycles,
           d.refobjid AS owner_relid,
           d.refobjsubid AS owner_attnum,
           d.deptype = 'i' AS is_identity
    FROM pg_sequence s
    JOIN pg_class c ON c.oid = s.seqrelid
    JOIN pg_namespace n ON n.oid = c.relnamespace
    LEFT JOIN pg_depend d
        ON d.classid = 'pg_class'::regclass
        AND d.objid = s.seqrelid
        AND d.objsubid = 0
        AND d.refclassid = 'pg_class'::regclass
        AND d.deptype IN ('a', 'i')
    WHERE c.relpersistence <> 't'
      AND c.oid NOT IN (SELECT e.objid
                        FROM pg_depend e
                        WHERE e.refclassid = 'pg_extension'::regclass
                          AND e.classid = 'pg_class'::regclass
                          AND e.deptype = 'e')
      AND dbadvisor.examinable(c.oid);
COMMENT ON VIEW dbadvisor.user_sequences IS
    'The sequences that rules look at, with the column that owns each.';

CREATE VIEW dbadvisor.preload_libraries AS
    WITH present AS (
        SELECT s.setting,
               s.pending_restart,
               s.source IN ('default', 'configuration file')
                   AND current_setting('allow_alter_system', true) IS DISTINCT FROM 'off' AS changeable,
               coalesce(s.sourcefile ~ 'postgresql[.]auto[.]conf$', false) AS by_alter_system,
               ARRAY(SELECT e.library
                     FROM regexp_matches(s.setting, '"((?:[^"]|"")*)"|([^,"[:space:]][^,]*)', 'g')
                              WITH ORDINALITY AS m(parts, n),
                          LATERAL (SELECT coalesce(replace(m.parts[1], '""', '"'),
                                                   rtrim(m.parts[2], E' \t\r\n')) AS library) e
                     WHERE e.library <> ''
                     ORDER BY m.n) AS libraries
        FROM pg_settings s
        WHERE s.name = 'shared_preload_libraries'
    ), compared AS (
        SELECT p.*,
               ARRAY(SELECT wanted.library
                     FROM (VALUES (1, 'pg_stat_statements'), (2, 'dbadvisor')) AS wanted(n, library)
                     WHERE EXISTS (SELECT FROM pg_available_extensions a WHERE a.name = wanted.library)
                       AND wanted.library NOT IN (SELECT regexp_replace(l, '^.*/|[.](so|dll|dylib)$', '', 'g')
                                                  FROM unnest(p.libraries) AS l)
                     ORDER BY wanted.n) AS missing
        FROM present p
    )
    SELECT c.setting,
           c.pending_restart,
           c.changeable,
           c.missing,
           (SELECT format('ALTER SYSTEM SET shared_preload_libraries = %s;',
                          string_agg(quote_literal(l.library), ', ' ORDER BY l.n))
            FROM unnest(c.libraries || c.missing) WITH ORDINALITY AS l(library, n)) AS add_missing,
           CASE WHEN c.by_alter_system AND c.libraries <> '{}'
                THEN (SELECT format('ALTER SYSTEM SET shared_preload_libraries = %s;',
                                    string_agg(quote_literal(l.library), ', ' ORDER BY l.n))
                      FROM unnest(c.libraries) WITH ORDINALITY AS l(library, n))
                ELSE 'ALTER SYSTEM RESET shared_preload_libraries;' END AS restore
    FROM compared c;
COMMENT ON VIEW dbadvisor.preload_libraries IS
    'What shared_preload_libraries was at the start of the server, which of dbadvisor and pg_stat_statements it lacks, and the commands that add them and take that back. Empty for a role that may not read the setting.';

/* ------------------------------------------------------------ privileges */

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA dbadvisor FROM PUBLIC;
REVOKE ALL ON ALL TABLES IN SCHEMA dbadvisor FROM PUBLIC;

GRANT USAGE ON SCHEMA dbadvisor TO pg_monitor;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA dbadvisor TO pg_monitor;
GRANT SELECT ON ALL TABLES IN SCHEMA dbadvisor TO pg_monitor;
GRANT INSERT, UPDATE, DELETE ON dbadvisor.dismissals, dbadvisor.findings TO pg_monitor;

COMMENT ON SCHEMA dbadvisor IS
    'A database architect inside PostgreSQL. Begin with SELECT * FROM dbadvisor.recommendations();';
