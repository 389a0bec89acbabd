/* dbadvisor--1.0.sql: the table of contents of the interface. */

\echo Use "CREATE EXTENSION dbadvisor" to load this file. \quit

/*
 * Whoever owns the schema, or may create in it, can put operators there that
 * this script and the rules would take for the server's: his functions would
 * then run as whoever asks for advice.  CREATE EXTENSION takes a schema that
 * it finds as it is, so it is looked at here.
 */
DO $$
DECLARE
    untrusted pg_catalog.text;
BEGIN
    SELECT pg_catalog.quote_ident(r.rolname) INTO untrusted
    FROM pg_catalog.pg_namespace n
    CROSS JOIN LATERAL (
        SELECT n.nspowner AS grantee
        UNION ALL
        SELECT a.grantee
        FROM pg_catalog.aclexplode(n.nspacl) a
        WHERE a.privilege_type OPERATOR(pg_catalog.=) 'CREATE'::pg_catalog.text) g
    CROSS JOIN LATERAL (
        SELECT 'public'::pg_catalog.name AS rolname
        WHERE g.grantee OPERATOR(pg_catalog.=) 0::pg_catalog.oid
        UNION ALL
        SELECT u.rolname
        FROM pg_catalog.pg_roles u
        WHERE u.oid OPERATOR(pg_catalog.=) g.grantee
          AND NOT u.rolsuper
          AND u.rolname OPERATOR(pg_catalog.<>) session_user) r
    WHERE n.nspname OPERATOR(pg_catalog.=) 'dbadvisor'::pg_catalog.name
    LIMIT 1;
    IF untrusted IS NOT NULL THEN
        RAISE invalid_schema_definition USING
            MESSAGE = pg_catalog.format('schema "dbadvisor" exists, and %s may create objects in it', untrusted),
            HINT = 'Drop the schema, and let CREATE EXTENSION make it.';
    END IF;
END $$;

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
    times_seen bigint NOT NULL,
    status     text NOT NULL DEFAULT 'open',
    applied_at timestamptz,
    baseline   jsonb,
    measured   jsonb
);
COMMENT ON TABLE dbadvisor.findings IS
    'Findings as snapshot() recorded them, with when each was first and last seen. Of an index that was recommended, also what became of it: status open, applied (it exists), verified, no_gain or regressed (as measured), resolved (it is gone again); applied_at, when a snapshot saw it first; baseline and measured, what its statements took before and since. Kept by pg_dump.';
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

/* ------------------------------------------------ the observed workload */

CREATE FUNCTION dbadvisor.observing_obstacle()
RETURNS text
AS 'MODULE_PATHNAME', 'dba_sql_observing_obstacle'
LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION dbadvisor.observing_obstacle() IS
    'Why statements are not observed on this server, or null when they are.';

CREATE FUNCTION dbadvisor.statements(
    OUT queryid                bigint,
    OUT userid                 oid,
    OUT dbid                   oid,
    OUT toplevel               boolean,
    OUT query                  text,
    OUT calls                  bigint,
    OUT errors                 bigint,
    OUT rows                   bigint,
    OUT total_ms               double precision,
    OUT mean_ms                double precision,
    OUT stddev_ms              double precision,
    OUT min_ms                 double precision,
    OUT max_ms                 double precision,
    OUT p50_ms                 double precision,
    OUT p90_ms                 double precision,
    OUT p95_ms                 double precision,
    OUT p99_ms                 double precision,
    OUT plans                  bigint,
    OUT plan_ms                double precision,
    OUT error_ms               double precision,
    OUT shared_hit             bigint,
    OUT shared_read            bigint,
    OUT shared_dirtied         bigint,
    OUT shared_written         bigint,
    OUT local_hit              bigint,
    OUT local_read             bigint,
    OUT local_dirtied          bigint,
    OUT local_written          bigint,
    OUT temp_read              bigint,
    OUT temp_written           bigint,
    OUT read_ms                double precision,
    OUT write_ms               double precision,
    OUT wal_records            bigint,
    OUT wal_fpi                bigint,
    OUT wal_bytes              bigint,
    OUT jit_functions          bigint,
    OUT jit_ms                 double precision,
    OUT spills                 bigint,
    OUT spill_bytes_p95        bigint,
    OUT spill_bytes_max        bigint,
    OUT deadlocks              bigint,
    OUT serialization_failures bigint,
    OUT lock_timeouts          bigint,
    OUT cancels                bigint,
    OUT temp_files             bigint,
    OUT counted                bigint,
    OUT first_seen             timestamptz,
    OUT last_seen              timestamptz,
    OUT explainable            boolean)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'dba_sql_statements'
LANGUAGE C VOLATILE PARALLEL RESTRICTED COST 10000 ROWS 1000;
COMMENT ON FUNCTION dbadvisor.statements() IS
    'What each statement did and took; the view of the same name reads it.';

CREATE VIEW dbadvisor.statements AS
    SELECT queryid, userid, dbid, toplevel, query, calls, errors, rows, total_ms, mean_ms, stddev_ms, min_ms,
           max_ms, p50_ms, p90_ms, p95_ms, p99_ms, plans, plan_ms, error_ms, shared_hit,
           shared_read, shared_dirtied, shared_written, local_hit, local_read, local_dirtied,
           local_written, temp_read, temp_written, read_ms, write_ms, wal_records, wal_fpi,
           wal_bytes, jit_functions, jit_ms, spills, spill_bytes_p95, spill_bytes_max, deadlocks,
           serialization_failures, lock_timeouts, cancels, temp_files, counted, first_seen,
           last_seen, explainable
    FROM dbadvisor.statements();
COMMENT ON VIEW dbadvisor.statements IS
    'Every statement that ran, per user, database and level: calls, errors, times with percentiles, blocks, WAL, spills, and what went wrong. Blocks are counted in pages. Those that are explainable can be given to explain_sample().';

CREATE VIEW dbadvisor.slow_queries AS
    SELECT s.queryid, s.userid::regrole AS "user",
           round((100 * s.total_ms / nullif(sum(s.total_ms) OVER (), 0))::numeric, 1) AS percent_of_time,
           s.calls, s.mean_ms, s.p50_ms, s.p95_ms, s.p99_ms, s.max_ms, s.total_ms,
           s.rows::float8 / nullif(s.calls, 0) AS rows_per_call, s.errors, s.spills, s.last_seen, s.query
    FROM dbadvisor.statements s
    WHERE s.toplevel
      AND s.dbid = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database())
    ORDER BY s.total_ms DESC;
COMMENT ON VIEW dbadvisor.slow_queries IS
    'Where the time of this database goes: the statements that clients sent, those that took most first.';

CREATE FUNCTION dbadvisor.samples(
    OUT queryid         bigint,
    OUT userid          oid,
    OUT dbid            oid,
    OUT toplevel        boolean,
    OUT sample          integer,
    OUT slowest         boolean,
    OUT taken_at        timestamptz,
    OUT ms              double precision,
    OUT rows            bigint,
    OUT parameters      text[],
    OUT parameter_types regtype[],
    OUT search_path     text,
    OUT query           text)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'dba_sql_samples'
LANGUAGE C VOLATILE PARALLEL RESTRICTED COST 10000 ROWS 100;
COMMENT ON FUNCTION dbadvisor.samples() IS
    'Executions with the values that they ran with; the view of the same name reads it.';

CREATE VIEW dbadvisor.samples AS
    SELECT queryid, userid, dbid, toplevel, sample, slowest, taken_at, ms, rows, parameters, parameter_types,
           search_path, query
    FROM dbadvisor.samples();
COMMENT ON VIEW dbadvisor.samples IS
    'Some executions of each statement with the values that they ran with: a random few, and the slowest. Constants of the text are parameters, numbered as in the text.';

CREATE FUNCTION dbadvisor.explain_sample(queryid bigint, sample integer DEFAULT NULL)
RETURNS text
AS 'MODULE_PATHNAME', 'dba_sql_explain_sample'
LANGUAGE C VOLATILE PARALLEL UNSAFE COST 10000;
COMMENT ON FUNCTION dbadvisor.explain_sample(bigint, integer) IS
    'The plan that an observed statement has now, with the values of a sample (the newest, if none is named), as its own user gets it. Does not run it. For superusers and members of that user''s role.';

CREATE FUNCTION dbadvisor.whatif(
    query text,
    create_indexes text[] DEFAULT '{}',
    drop_indexes text[] DEFAULT '{}',
    n_distinct jsonb DEFAULT NULL,
    OUT cost_before  double precision,
    OUT cost_after   double precision,
    OUT plan_before  text,
    OUT plan_after   text,
    OUT used_indexes text[])
RETURNS record
AS 'MODULE_PATHNAME', 'dba_sql_whatif'
LANGUAGE C VOLATILE PARALLEL UNSAFE COST 10000;
COMMENT ON FUNCTION dbadvisor.whatif(text, text[], text[], jsonb) IS
    'What a statement would cost, and its plan, with indexes that do not exist (CREATE INDEX statements), without some that do (their names), and with other numbers of distinct values ({"schema.table.column": number}). Creates and drops nothing, and does not run the statement.';

CREATE FUNCTION dbadvisor.whatif(
    queryid bigint,
    create_indexes text[] DEFAULT '{}',
    drop_indexes text[] DEFAULT '{}',
    sample integer DEFAULT NULL,
    OUT cost_before  double precision,
    OUT cost_after   double precision,
    OUT plan_before  text,
    OUT plan_after   text,
    OUT used_indexes text[])
RETURNS record
AS 'MODULE_PATHNAME', 'dba_sql_whatif_observed'
LANGUAGE C VOLATILE PARALLEL UNSAFE COST 10000;
COMMENT ON FUNCTION dbadvisor.whatif(bigint, text[], text[], integer) IS
    'The same of an observed statement, with the values of a sample (the newest, if none is named), as its own user. For superusers and members of that user''s role.';

CREATE FUNCTION dbadvisor.estimate_index(
    create_index text,
    OUT relation regclass,
    OUT name     text,
    OUT method   text,
    OUT bytes    bigint,
    OUT tuples   double precision,
    OUT height   integer,
    OUT too_wide bigint)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'dba_sql_estimate_index'
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE COST 10000 ROWS 1;
COMMENT ON FUNCTION dbadvisor.estimate_index(text) IS
    'How large an index would be, by a sample of the table; a row for each partition. too_wide: bytes of the widest entry, if CREATE INDEX would fail for it. Creates nothing.';

CREATE FUNCTION dbadvisor.statement_plans(
    OUT queryid  bigint,
    OUT userid   oid,
    OUT dbid     oid,
    OUT toplevel boolean,
    OUT ms       double precision,
    OUT plan     text)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'dba_sql_statement_plans'
LANGUAGE C VOLATILE PARALLEL RESTRICTED COST 10000 ROWS 100;
COMMENT ON FUNCTION dbadvisor.statement_plans() IS
    'The plan of the slowest counted execution of each statement; the view of the same name reads it.';

CREATE VIEW dbadvisor.statement_plans AS
    SELECT queryid, userid, dbid, toplevel, ms, plan
    FROM dbadvisor.statement_plans();
COMMENT ON VIEW dbadvisor.statement_plans IS
    'Of each statement the plan of the slowest execution that was counted node by node, with real row counts.';

CREATE FUNCTION dbadvisor.statement_facts(
    OUT queryid        bigint,
    OUT userid         oid,
    OUT dbid           oid,
    OUT toplevel       boolean,
    OUT plan_hash      bigint,
    OUT kind           text,
    OUT node           integer,
    OUT node_type      text,
    OUT relation       oid,
    OUT columns        int2[],
    OUT other_relation oid,
    OUT other_columns  int2[],
    OUT limited        boolean,
    OUT executions     bigint,
    OUT loops          double precision,
    OUT rows           double precision,
    OUT removed        double precision,
    OUT max_removed    double precision,
    OUT estimated      double precision,
    OUT actual         double precision,
    OUT bytes          bigint,
    OUT total_rows     double precision,
    OUT last_seen      timestamptz)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'dba_sql_statement_facts'
LANGUAGE C VOLATILE PARALLEL RESTRICTED COST 10000 ROWS 1000;
COMMENT ON FUNCTION dbadvisor.statement_facts() IS
    'What counted executions taught about plans; the view of the same name reads it.';

CREATE VIEW dbadvisor.statement_facts AS
    SELECT queryid, userid, dbid, toplevel, plan_hash, kind, node, node_type, relation, columns,
           other_relation, other_columns, limited, executions, loops, rows, removed, max_removed,
           estimated, actual, bytes, total_rows, last_seen
    FROM dbadvisor.statement_facts();
COMMENT ON VIEW dbadvisor.statement_facts IS
    'What executions that were counted node by node taught: rows thrown away, misestimates, repeated sub-plans, sequential scans, rows skipped by OFFSET, spills and the memory that would have kept them; and when each was last seen, which tells what an ANALYZE or an index has settled since. Rows that partitions throw away are summed, as of the table that the statement names. Column 0 stands for columns beyond the 63rd.';

CREATE FUNCTION dbadvisor.statement_columns(
    OUT queryid     bigint,
    OUT userid      oid,
    OUT dbid        oid,
    OUT toplevel    boolean,
    OUT command     text,
    OUT relation    oid,
    OUT updated     int2[],
    OUT equality    int2[],
    OUT range       int2[],
    OUT referential boolean,
    OUT unbounded   boolean)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'dba_sql_statement_columns'
LANGUAGE C VOLATILE PARALLEL RESTRICTED COST 10000 ROWS 1000;
COMMENT ON FUNCTION dbadvisor.statement_columns() IS
    'The columns that each statement sets and looks up by; the view of the same name reads it.';

CREATE VIEW dbadvisor.statement_columns AS
    SELECT queryid, userid, dbid, toplevel, command, relation, updated, equality, range, referential, unbounded
    FROM dbadvisor.statement_columns();
COMMENT ON VIEW dbadvisor.statement_columns IS
    'For each statement about one table: the columns that it sets, those that it compares for equality and by range, and whether a foreign key runs it.';

CREATE FUNCTION dbadvisor.statement_relations(
    IN queryid   bigint,
    OUT number   integer,
    OUT relation oid)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'dba_sql_statement_relations'
LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED COST 10000 ROWS 5;
COMMENT ON FUNCTION dbadvisor.statement_relations(bigint) IS
    'The tables and views that an observed statement of this database names, through views too, as often as it does. Empty where it cannot be explained.';

CREATE FUNCTION dbadvisor.statement_repeats(
    OUT queryid        bigint,
    OUT userid         oid,
    OUT dbid           oid,
    OUT toplevel       boolean,
    OUT kind           text,
    OUT parent_queryid bigint,
    OUT occasions      bigint,
    OUT repeats        bigint,
    OUT max_repeats    bigint,
    OUT parent_rows    bigint,
    OUT repeat_ms      double precision)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'dba_sql_statement_repeats'
LANGUAGE C VOLATILE PARALLEL RESTRICTED COST 10000 ROWS 100;
COMMENT ON FUNCTION dbadvisor.statement_repeats() IS
    'Statements that run once per row of another; the view of the same name reads it.';

CREATE VIEW dbadvisor.statement_repeats AS
    SELECT queryid, userid, dbid, toplevel, kind, parent_queryid, occasions, repeats, max_repeats, parent_rows,
           repeat_ms
    FROM dbadvisor.statement_repeats();
COMMENT ON VIEW dbadvisor.statement_repeats IS
    'Statements that run once per row of another: sent so by a client (N+1), or by a loop or trigger inside the server.';

CREATE FUNCTION dbadvisor.events(
    OUT at       timestamptz,
    OUT kind     text,
    OUT sqlstate text,
    OUT dbid     oid,
    OUT userid   oid,
    OUT queryid  bigint,
    OUT bytes    bigint,
    OUT detail   text)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'dba_sql_events'
LANGUAGE C VOLATILE PARALLEL RESTRICTED COST 1000 ROWS 64;
COMMENT ON FUNCTION dbadvisor.events() IS
    'The last deadlocks, serialization failures, lock timeouts, cancelled statements and temporary files; the view of the same name reads it.';

CREATE VIEW dbadvisor.events AS
    SELECT at, kind, sqlstate, dbid, userid, queryid, bytes, detail
    FROM dbadvisor.events();
COMMENT ON VIEW dbadvisor.events IS
    'The last deadlocks (with the statements of all sides), serialization failures, lock timeouts, cancelled statements and temporary files, the newest first.';

CREATE FUNCTION dbadvisor.event_counts(
    OUT kind         text,
    OUT count        bigint,
    OUT last_at      timestamptz,
    OUT transactions bigint)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'dba_sql_event_counts'
LANGUAGE C VOLATILE PARALLEL RESTRICTED COST 1000 ROWS 5;
COMMENT ON FUNCTION dbadvisor.event_counts() IS
    'How often each kind of event happened in this database; the view of the same name reads it.';

CREATE VIEW dbadvisor.event_counts AS
    SELECT kind, count, last_at, transactions
    FROM dbadvisor.event_counts();
COMMENT ON VIEW dbadvisor.event_counts IS
    'How often each kind of event happened in this database since observing began, and how many transactions ended in that time.';

CREATE FUNCTION dbadvisor.latency(
    OUT calls  bigint,
    OUT p50_ms double precision,
    OUT p90_ms double precision,
    OUT p95_ms double precision,
    OUT p99_ms double precision)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'dba_sql_latency'
LANGUAGE C VOLATILE PARALLEL RESTRICTED COST 10000 ROWS 1;
COMMENT ON FUNCTION dbadvisor.latency() IS
    'Percentiles over all executions that clients of this database sent.';

CREATE FUNCTION dbadvisor.store(
    OUT since             timestamptz,
    OUT statements        bigint,
    OUT max_statements    bigint,
    OUT sample_bytes_used bigint,
    OUT sample_bytes      bigint,
    OUT shared_bytes      bigint,
    OUT evicted           bigint,
    OUT samples_dropped   bigint,
    OUT events_lost       bigint,
    OUT unobserved        bigint,
    OUT failures          bigint)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'dba_sql_store'
LANGUAGE C VOLATILE PARALLEL RESTRICTED COST 1000 ROWS 1;
COMMENT ON FUNCTION dbadvisor.store() IS
    'What the memory of the observed workload holds and had to drop; the view of the same name reads it.';

CREATE VIEW dbadvisor.store AS
    SELECT since, statements, max_statements, sample_bytes_used, sample_bytes, shared_bytes, evicted,
           samples_dropped, events_lost, unobserved, failures
    FROM dbadvisor.store();
COMMENT ON VIEW dbadvisor.store IS
    'What the memory of the observed workload holds, since when, and all that had to be dropped: evicted statements, samples without room, lost events, executions that could not be told apart, errors in dbadvisor itself.';

CREATE FUNCTION dbadvisor.reset()
RETURNS void
AS 'MODULE_PATHNAME', 'dba_sql_reset'
LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION dbadvisor.reset() IS
    'Forgets the observed workload of all databases.';

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

CREATE FUNCTION dbadvisor.examinable_support(internal)
RETURNS internal
AS 'MODULE_PATHNAME', 'dba_sql_examinable_support'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION dbadvisor.examinable_support(internal) IS
    'Tells the planner that examinable() is nearly always true.';

CREATE FUNCTION dbadvisor.examinable(relation oid)
RETURNS boolean
AS 'MODULE_PATHNAME', 'dba_sql_examinable'
LANGUAGE C STABLE STRICT PARALLEL UNSAFE COST 20
SUPPORT dbadvisor.examinable_support;
COMMENT ON FUNCTION dbadvisor.examinable(oid) IS
    'False while somebody changes the relation under an ACCESS EXCLUSIVE lock, or waits to; coverage() then names it. Never waits.';

CREATE FUNCTION dbadvisor.relation_bytes(relation oid)
RETURNS bigint
AS 'MODULE_PATHNAME', 'dba_sql_relation_bytes'
LANGUAGE C STABLE STRICT PARALLEL SAFE COST 200;
COMMENT ON FUNCTION dbadvisor.relation_bytes(oid) IS
    'Size of the relation''s main fork from the file system, without the lock that pg_relation_size() waits for. Null where there is no file.';

CREATE FUNCTION dbadvisor.relation_created(relation oid)
RETURNS timestamptz
AS 'MODULE_PATHNAME', 'dba_sql_relation_created'
LANGUAGE C STABLE STRICT PARALLEL SAFE COST 200;
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

CREATE FUNCTION dbadvisor.column_distinct(relation oid, attnum smallint)
RETURNS double precision
AS 'MODULE_PATHNAME', 'dba_sql_column_distinct'
LANGUAGE C STABLE STRICT PARALLEL SAFE COST 10;
COMMENT ON FUNCTION dbadvisor.column_distinct(oid, smallint) IS
    'How many different values the column has, as ANALYZE estimated, also where pg_stats does not show it to the caller. Null without statistics.';

CREATE FUNCTION dbadvisor.sequence_last_value(sequence oid)
RETURNS bigint
AS 'MODULE_PATHNAME', 'dba_sql_sequence_last_value'
LANGUAGE C STABLE STRICT PARALLEL UNSAFE COST 200;
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

CREATE FUNCTION dbadvisor.foreign_key_indexable(constraint_oid oid)
RETURNS boolean
AS 'MODULE_PATHNAME', 'dba_sql_foreign_key_indexable'
LANGUAGE C STABLE STRICT PARALLEL SAFE COST 100;
COMMENT ON FUNCTION dbadvisor.foreign_key_indexable(oid) IS
    'Whether an ordinary index on the columns of the foreign key could serve it. False where the types differ so much that each row is cast.';

CREATE FUNCTION dbadvisor.index_is_valid(index oid)
RETURNS boolean
AS 'MODULE_PATHNAME', 'dba_sql_index_is_valid'
LANGUAGE C VOLATILE STRICT PARALLEL SAFE COST 10;
COMMENT ON FUNCTION dbadvisor.index_is_valid(oid) IS
    'Whether the index is valid now, also when the query''s snapshot is older than the end of its building. False when it is gone.';

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

CREATE FUNCTION dbadvisor.without_constants(statement text)
RETURNS text
AS 'MODULE_PATHNAME', 'dba_sql_without_constants'
LANGUAGE C STABLE STRICT PARALLEL SAFE COST 1000;
COMMENT ON FUNCTION dbadvisor.without_constants(text) IS
    'A statement''s text with ? for its constants and parameters, and a space for comments and white space. Ends in "..." where the text cannot be read any further, as where it was cut.';

CREATE FUNCTION dbadvisor.in_words(ms double precision)
RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN CASE WHEN ms < 10 THEN format('%s ms', round(ms::numeric, 2))
            WHEN ms < 1000 THEN format('%s ms', round(ms))
            WHEN ms < 120 * 1000 THEN format('%s s', round(ms::numeric / 1000, 1))
            WHEN ms < 120 * 60 * 1000 THEN format('%s minutes', round(ms / 60000))
            WHEN ms < 72 * 3600 * 1000 THEN format('%s hours', round(ms / 3600000))
            ELSE format('%s days', round(ms / 86400000)) END;
COMMENT ON FUNCTION dbadvisor.in_words(double precision) IS
    'A duration in milliseconds, in the unit in which a human thinks of it.';

CREATE FUNCTION dbadvisor.in_one_line(query text, characters integer DEFAULT 120)
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
    -- A mapper's list of columns would hide which table it reads.
    WITH line AS MATERIALIZED (
        SELECT btrim(regexp_replace(in_one_line.query, '\s+', ' ', 'g')) AS text
    ), words AS MATERIALIZED (
        SELECT coalesce((SELECT left(l.text, 40) || '... FROM ' || substr(l.text, p.length + length(' FROM ') + 1)
                         FROM (SELECT length(string_agg(f.text, ' FROM ') OVER (ORDER BY f.n)) AS length
                               FROM regexp_split_to_table(l.text, ' from ', 'i') WITH ORDINALITY AS f(text, n)) p
                         -- Not the FROM of extract(..); and a subquery may be what matters.
                         WHERE left(l.text, p.length) !~* '\( ?select '
                           AND p.length BETWEEN 60 AND length(l.text) - length(' FROM ')
                           AND length(replace(left(l.text, p.length), '(', ''))
                               = length(replace(left(l.text, p.length), ')', ''))
                           AND length(l.text) > in_one_line.characters
                           AND l.text ~* '^select '
                         ORDER BY p.length
                         LIMIT 1), l.text) AS text
        FROM line l
    )
    SELECT CASE WHEN w.text IS NULL THEN '(its text is lost)'
                WHEN length(w.text) > in_one_line.characters
                THEN left(w.text, in_one_line.characters) || '...'
                ELSE w.text END
    FROM words w;
END;
COMMENT ON FUNCTION dbadvisor.in_one_line(text, integer) IS
    'A statement''s text as sentences quote it: its beginning, of a long list of columns only some.';

CREATE FUNCTION dbadvisor.where_to_read(query text, queryid bigint)
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN dbadvisor.in_one_line(query) LIKE '%...%'
            THEN format('The whole text: SELECT query FROM dbadvisor.known_statements WHERE queryid = %s.', queryid) END;
COMMENT ON FUNCTION dbadvisor.where_to_read(text, bigint) IS
    'How to read the text that in_one_line() has shortened, as a sentence; null where it has not.';

CREATE FUNCTION dbadvisor.takes_row_locks(query text)
RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN coalesce(query ~* '\m(insert\s+into|delete\s+from|merge\s+into|update\s+(only\s+)?["\w])|\mfor\s+((no\s+)?key\s+)?(update|share)\M'
                AND query !~* '\m(skip\s+locked|nowait)\M', false);
COMMENT ON FUNCTION dbadvisor.takes_row_locks(text) IS
    'Whether a statement with such a text writes rows or locks them, and waits for who has them locked.';

CREATE FUNCTION dbadvisor.waits_in_words(query text, blocks_per_call double precision)
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN format(CASE WHEN dbadvisor.takes_row_locks(query)
                   THEN 'It touches %s a call, so it does not work but wait: for rows that others have locked. log_lock_waits = on logs who waits for whom; while it waits, pg_blocking_pids() has who is in its way. Shorten the transactions that lock these rows, and lock in each of them last what all want.'
                   ELSE 'It touches %s a call, so it does not read but wait or compute: wait for a lock (log_lock_waits, pg_blocking_pids()), or compute in a function or over many rows in memory.' END,
              CASE WHEN round(blocks_per_call) = 1 THEN '1 block' ELSE round(blocks_per_call) || ' blocks' END);
COMMENT ON FUNCTION dbadvisor.waits_in_words(text, double precision) IS
    'What to say of a statement that takes its time and touches hardly any blocks.';

CREATE FUNCTION dbadvisor.is_judged(query text, toplevel boolean)
RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN query IS NULL
    OR ((query ~* '^(\s|\(|/\*([^*]|\*+[^*/])*\*+/|--[^\n]*\n)*(prepare\s+("[^"]+"|\w+)\s*(\([^)]*\)\s*)?as\s[\s(]*)?(select|insert|update|delete|merge|with|values|table)\M'
         OR (NOT toplevel AND query ~* '^\s*([\w.\["\]]+\s*:?=|(not\s+)?exists\M)'))
        AND query !~* '^select\s+(pg_catalog[.])?(pg_sleep(_for|_until)?|pg_advisory_(xact_)?lock(_shared)?)\s*\('
        AND query !~* 'dbadvisor[.]|pg_stat_statements');
COMMENT ON FUNCTION dbadvisor.is_judged(text, boolean) IS
    'Whether rules speak of statements with such a text: no utility commands, none with which jobs wait, none that read dbadvisor or pg_stat_statements.';

CREATE FUNCTION dbadvisor.reads_only_catalogs(queryid bigint)
RETURNS boolean
LANGUAGE sql VOLATILE PARALLEL RESTRICTED COST 10000
BEGIN ATOMIC
    SELECT coalesce(bool_and(n.nspname IN ('pg_catalog', 'information_schema')), false)
    FROM dbadvisor.statement_relations(reads_only_catalogs.queryid) r
    JOIN pg_class c ON c.oid = r.relation
    JOIN pg_namespace n ON n.oid = c.relnamespace;
END;
COMMENT ON FUNCTION dbadvisor.reads_only_catalogs(bigint) IS
    'Whether an observed statement of this database reads system catalogs and nothing else, as drivers and tools do to learn of tables.';

CREATE VIEW dbadvisor.user_statements AS
    SELECT s.queryid, s.userid, s.toplevel, s.query, s.calls, s.errors, s.rows, s.total_ms,
           s.mean_ms, s.stddev_ms, s.min_ms, s.max_ms, s.p50_ms, s.p90_ms, s.p95_ms, s.p99_ms,
           s.plans, s.plan_ms, s.error_ms, s.shared_hit, s.shared_read,
           s.local_hit + s.local_read AS local_blocks, s.temp_read,
           s.temp_written, s.read_ms, s.lock_timeouts, s.spills, s.counted, s.explainable,
           o.since,
           greatest(5, extract(epoch FROM now() - o.since))::float8 / 3600 AS hours,
           now() - o.since < least(interval '1 hour',
                                   current_setting('dbadvisor.min_window')::interval) AS is_new
    FROM dbadvisor.statements s
    CROSS JOIN dbadvisor.store
    CROSS JOIN LATERAL (SELECT greatest(s.first_seen, store.since) AS since) o
    WHERE s.queryid IS NOT NULL
      AND s.dbid = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database())
      AND dbadvisor.is_judged(s.query, s.toplevel);
COMMENT ON VIEW dbadvisor.user_statements IS
    'The observed statements of this database of which rules speak, see is_judged(), with the hours over which each was counted; is_new where these are too few to judge by.';

CREATE FUNCTION dbadvisor.known_statements(
    OUT queryid      bigint,
    OUT userid       oid,
    OUT toplevel     boolean,
    OUT query        text,
    OUT calls        bigint,
    OUT errors       bigint,
    OUT rows         bigint,
    OUT total_ms     double precision,
    OUT error_ms     double precision,
    OUT stddev_ms    double precision,
    OUT p50_ms       double precision,
    OUT p95_ms       double precision,
    OUT p99_ms       double precision,
    OUT shared_hit   bigint,
    OUT shared_read  bigint,
    OUT local_blocks bigint,
    OUT temp_written bigint,
    OUT read_ms      double precision,
    OUT since        timestamptz,
    OUT observed     boolean,
    OUT explainable  boolean,
    OUT is_hidden    boolean)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'dba_sql_known_statements'
LANGUAGE C VOLATILE PARALLEL RESTRICTED COST 10000 ROWS 1000
SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION dbadvisor.known_statements() IS
    'The statements of this database as dbadvisor observed them or, where it does not, as pg_stat_statements counted them; the view of the same name reads it.';

CREATE VIEW dbadvisor.known_statements AS
    SELECT queryid, userid, toplevel, query, calls, errors, rows, total_ms, error_ms, stddev_ms, p50_ms, p95_ms,
           p99_ms, shared_hit, shared_read, local_blocks, temp_written, read_ms, since, observed, explainable,
           is_hidden
    FROM dbadvisor.known_statements();
COMMENT ON VIEW dbadvisor.known_statements IS
    'The statements of this database: observed by dbadvisor or, where that does not observe, counted by pg_stat_statements, which knows neither errors nor percentiles. Those of others are hidden from who may not see them.';

CREATE FUNCTION dbadvisor.plan_scans(plan text, OUT table_name text, OUT conditions text)
RETURNS SETOF record
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE COST 1000 ROWS 5
BEGIN ATOMIC
    SELECT s.found[1], s.found[2]
    FROM (SELECT regexp_replace(regexp_replace(plan_scans.plan,
                                               '''([^'']|'''')*''', '''''', 'g'),
                                '([[:alnum:]_$]+|"[^"]+")\.(?=[[:alpha:]_"])', '', 'g') AS text) bare
    CROSS JOIN LATERAL regexp_matches(
        bare.text,
        'Scan (?:Backward )?(?:using (?:[^\s"]+|"(?:[^"]|"")+") )?on ([^\s"]+|"(?:[^"]|"")+")[^\n]*((?:\n +[^-\s][^\n]*)*)',
        'g') AS s(found);
END;
COMMENT ON FUNCTION dbadvisor.plan_scans(text) IS
    'The scans of a plan: the table (or index), quoted, without its schema, and the lines below with the conditions, in which columns are not qualified and literals are empty.';

CREATE FUNCTION dbadvisor.plan_compares(
    conditions     text,
    column_name    name,
    column_type    oid,
    operators      text DEFAULT '=|<|>|<=|>=',
    with_parameter boolean DEFAULT false)
RETURNS boolean
LANGUAGE sql STABLE STRICT PARALLEL SAFE COST 100
BEGIN ATOMIC
    SELECT plan_compares.conditions ~ format('(^|[^[:alnum:]_$"])(%s|\(%s\)::(%s)) (%s) %s',
                                             q.name, q.name, c.same, plan_compares.operators,
                                             CASE WHEN plan_compares.with_parameter
                                                  THEN '(ANY \()?(\$[0-9]|\(InitPlan)' END)
    FROM (SELECT regexp_replace(quote_ident(plan_compares.column_name::text),
                                '([^[:alnum:]_])', '\\\1', 'g') AS name) q
    CROSS JOIN LATERAL (
        -- The casts that change nothing, which an index on the column can pass over.
        SELECT string_agg(regexp_replace(format_type(same.oid, NULL), '([^[:alnum:]_ ])', '\\\1', 'g'), '|') AS same
        FROM (SELECT CASE t.typtype WHEN 'd' THEN t.typbasetype ELSE t.oid END AS oid
              FROM pg_type t
              WHERE t.oid = plan_compares.column_type
              UNION
              SELECT k.casttarget
              FROM pg_type t
              JOIN pg_cast k ON k.castsource IN (t.oid, t.typbasetype) AND k.castmethod = 'b'
              WHERE t.oid = plan_compares.column_type) same) c;
END;
COMMENT ON FUNCTION dbadvisor.plan_compares(text, name, oid, text, boolean) IS
    'Whether conditions of plan_scans() compare the column as it is, perhaps with a cast that an index can pass over, by one of the operators; if with_parameter, with a value that was not known when it was planned.';

CREATE FUNCTION dbadvisor.plan_tests(conditions text, column_name name)
RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE COST 100
BEGIN ATOMIC
    SELECT CASE WHEN position(format('(%s IS NULL)', q.name) IN plan_tests.conditions) > 0 THEN q.name || ' IS NULL'
                WHEN position(format('(NOT %s)', q.name) IN plan_tests.conditions) > 0 THEN 'NOT ' || q.name
                WHEN plan_tests.conditions ~ format('(Filter: |\(|AND )%s( AND|\)(?!::)|\n|$)',
                                                    regexp_replace(q.name, '([^[:alnum:]_])', '\\\1', 'g'))
                THEN q.name END
    FROM (SELECT quote_ident(plan_tests.column_name::text) AS name) q;
END;
COMMENT ON FUNCTION dbadvisor.plan_tests(text, name) IS
    'What conditions of plan_scans() ask of the column alone, as the WHERE of a partial index can have it: IS NULL, or a boolean or its negation. Null where they do not.';

CREATE FUNCTION dbadvisor.sorts_by_bytes(collation_oid oid)
RETURNS boolean
LANGUAGE sql STABLE STRICT PARALLEL SAFE COST 100
BEGIN ATOMIC
    SELECT CASE c.collprovider
               WHEN 'd' THEN d.datlocprovider = 'b' OR (d.datlocprovider = 'c' AND d.datcollate IN ('C', 'POSIX'))
               WHEN 'c' THEN c.collcollate IN ('C', 'POSIX')
               ELSE c.collprovider = 'b' END
    FROM pg_collation c
    CROSS JOIN pg_database d
    WHERE c.oid = sorts_by_bytes.collation_oid
      AND d.datname = current_database();
END;
COMMENT ON FUNCTION dbadvisor.sorts_by_bytes(oid) IS
    'Whether the collation is C, under another name perhaps: only then does an ordinary index serve LIKE ''x%''.';

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

CREATE FUNCTION dbadvisor.index_users(
    indexes    oid[],
    time_limit interval DEFAULT NULL,
    OUT index        oid,
    OUT queryid      bigint,
    OUT userid       oid,
    OUT dbid         oid,
    OUT toplevel     boolean,
    OUT query        text,
    OUT calls        bigint,
    OUT total_ms     double precision,
    OUT first_seen   timestamptz,
    OUT cost         double precision,
    OUT cost_without double precision,
    OUT worst_ratio  double precision,
    OUT problem      text)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'dba_sql_index_users'
LANGUAGE C VOLATILE PARALLEL UNSAFE COST 100000 ROWS 100;
COMMENT ON FUNCTION dbadvisor.index_users(oid[], interval) IS
    'The observed statements whose plans use each of the indexes now, and what they would cost without it (worst_ratio: the sample that suffers most). Judged in this order, each without those before it that no statement needs. A statement that cannot be planned, for one because it is another user''s, has a problem instead of costs, and may use any index of its tables.';

CREATE FUNCTION dbadvisor.built_index(commands text)
RETURNS oid
AS 'MODULE_PATHNAME', 'dba_sql_built_index'
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE COST 10000
SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION dbadvisor.built_index(text) IS
    'The valid index that the first CREATE INDEX of the commands describes, if there is one, whatever its name.';

CREATE FUNCTION dbadvisor.index_extras(index oid)
RETURNS text
LANGUAGE sql STABLE STRICT PARALLEL SAFE COST 100
BEGIN ATOMIC
    SELECT concat(
        (SELECT string_agg(format(E'\nALTER INDEX %I.%I ALTER COLUMN %s SET STATISTICS %s;',
                                  n.nspname, c.relname, a.attnum,
                                  to_jsonb(a) ->> 'attstattarget'), '' ORDER BY a.attnum)
         FROM pg_attribute a
         WHERE a.attrelid = c.oid
           AND coalesce((to_jsonb(a) ->> 'attstattarget')::int, -1) <> -1),
        CASE WHEN i.indisreplident
             THEN format(E'\nALTER TABLE %I.%I REPLICA IDENTITY USING INDEX %I;',
                         n.nspname, t.relname, c.relname) END,
        CASE WHEN i.indisclustered
             THEN format(E'\nALTER TABLE %I.%I CLUSTER ON %I;', n.nspname, t.relname, c.relname) END,
        E'\nCOMMENT ON INDEX ' || quote_ident(n.nspname) || '.' || quote_ident(c.relname)
            || ' IS ' || quote_literal(obj_description(c.oid, 'pg_class')) || ';')
    FROM pg_index i
    JOIN pg_class c ON c.oid = i.indexrelid
    JOIN pg_class t ON t.oid = i.indrelid
    JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE i.indexrelid = index_extras.index;
END;
COMMENT ON FUNCTION dbadvisor.index_extras(oid) IS
    'What CREATE INDEX does not bring back, as commands, each after a line break: statistics targets, replica identity, CLUSTER, comment. Empty where there is none of it.';

CREATE FUNCTION dbadvisor.index_body(index oid)
RETURNS text
LANGUAGE sql VOLATILE STRICT PARALLEL UNSAFE COST 1000
BEGIN ATOMIC
    SELECT substr(dbadvisor.index_definition(index_body.index),
                  length(format('CREATE %sINDEX %s%I ON %I.%I ',
                                CASE WHEN i.indisunique THEN 'UNIQUE ' END,
                                CASE WHEN c.relkind = 'i' THEN 'CONCURRENTLY ' END,
                                c.relname, n.nspname, t.relname)) + 1)
    FROM pg_index i
    JOIN pg_class c ON c.oid = i.indexrelid
    JOIN pg_class t ON t.oid = i.indrelid
    JOIN pg_namespace n ON n.oid = t.relnamespace
    WHERE i.indexrelid = index_body.index;
END;
COMMENT ON FUNCTION dbadvisor.index_body(oid) IS
    'What dbadvisor.index_definition() says after the names of index and table: USING, columns, options, WHERE. The same for the parts of a partitioned index.';

CREATE FUNCTION dbadvisor.partitioned_index_script(
    relation  oid,
    index     oid,
    is_unique boolean,
    body      text,
    label     text)
RETURNS text
LANGUAGE sql VOLATILE PARALLEL UNSAFE COST 10000
BEGIN ATOMIC
    WITH RECURSIVE tree(relid, attached, parent, depth, path) AS (
        SELECT partitioned_index_script.relation, partitioned_index_script.index,
               NULL::oid, 0, ARRAY[]::name[]
        UNION ALL
        SELECT i.inhrelid,
               (SELECT ii.inhrelid
                FROM pg_inherits ii
                JOIN pg_index x ON x.indexrelid = ii.inhrelid
                WHERE ii.inhparent = tree.attached
                  AND x.indrelid = i.inhrelid),
               tree.relid, tree.depth + 1, tree.path || c.relname
        FROM tree
        JOIN pg_inherits i ON i.inhparent = tree.relid
        JOIN pg_class c ON c.oid = i.inhrelid
    ), parts AS (
        SELECT t.*, n.nspname AS schema, c.relname AS name, c.relkind AS kind,
               dbadvisor.index_is_valid(t.attached) AS is_valid,
               coalesce(t.attached, own.indexrelid) AS indexrelid,
               CASE WHEN t.attached IS NULL AND own.indexrelid IS NULL
                    THEN dbadvisor.new_index_name(t.relid, partitioned_index_script.label)
                    END AS new_name
        FROM tree t
        JOIN pg_class c ON c.oid = t.relid
        JOIN pg_namespace n ON n.oid = c.relnamespace
        LEFT JOIN LATERAL (
            SELECT x.indexrelid
            FROM pg_index x
            JOIN pg_class xc ON xc.oid = x.indexrelid
            WHERE t.attached IS NULL
              AND x.indrelid = t.relid
              AND x.indisvalid
              AND x.indisunique = partitioned_index_script.is_unique
              AND xc.relkind = 'i'
              AND NOT xc.relispartition
              AND dbadvisor.index_body(x.indexrelid) = partitioned_index_script.body
            ORDER BY x.indexrelid
            LIMIT 1) own ON true
    ), numbered AS (
        SELECT p.*,
               row_number() OVER (PARTITION BY p.schema, p.new_name
                                  ORDER BY p.path) AS same_name
        FROM parts p
    ), named AS (
        SELECT p.relid, p.parent, p.depth, p.path, p.kind, p.schema, p.name,
               p.attached, p.is_valid, p.indexrelid,
               CASE WHEN p.new_name IS NULL THEN c.relname::text
                    WHEN p.same_name = 1 THEN p.new_name
                    ELSE dbadvisor.new_index_name(p.relid,
                             p.same_name || '_' || partitioned_index_script.label)
                    END AS index_name
        FROM numbered p
        LEFT JOIN pg_class c ON c.oid = p.indexrelid
    ), steps AS (
        SELECT 1 AS phase, 0 AS height, p.path,
               CASE WHEN p.indexrelid IS NULL
                    THEN format('CREATE %sINDEX %s%I ON %s%I.%I %s;',
                                CASE WHEN partitioned_index_script.is_unique THEN 'UNIQUE ' END,
                                CASE WHEN p.kind <> 'p' THEN 'CONCURRENTLY ' END,
                                p.index_name,
                                CASE WHEN p.kind = 'p' THEN 'ONLY ' END,
                                p.schema, p.name, partitioned_index_script.body)
                    ELSE format('REINDEX INDEX CONCURRENTLY %I.%I;', p.schema, p.index_name)
                    END AS command
        FROM named p
        WHERE p.indexrelid IS NULL
           OR (p.kind <> 'p' AND NOT p.is_valid)
        UNION ALL
        SELECT 2, - p.depth, p.path,
               format('ALTER INDEX %I.%I ATTACH PARTITION %I.%I;',
                      above.schema, above.index_name, p.schema, p.index_name)
        FROM named p
        JOIN named above ON above.relid = p.parent
        WHERE p.attached IS NULL
           OR NOT p.is_valid
           OR NOT EXISTS (SELECT
                          FROM named n
                          WHERE n.parent IS NOT NULL
                            AND (n.attached IS NULL OR (n.kind <> 'p' AND NOT n.is_valid)))
    )
    SELECT string_agg(s.command, E'\n' ORDER BY s.phase, s.height, s.path)
    FROM steps s
    WHERE NOT EXISTS (SELECT FROM named n WHERE n.kind = 'f' OR n.index_name IS NULL);
END;
COMMENT ON FUNCTION dbadvisor.partitioned_index_script(oid, oid, boolean, text, text) IS
    'Statements that make an index of a partitioned table, or complete the given one, a partition at a time and concurrently: what is there is attached, what is broken rebuilt, the rest made. Null where a partition is a foreign table, or has just been dropped.';

CREATE FUNCTION dbadvisor.advise_indexes(
    queries        text[],
    weights        double precision[],
    storage_budget bigint,
    max_columns    integer,
    max_indexes    integer,
    time_limit     interval,
    OUT relation        oid,
    OUT body            text,
    OUT label           text,
    OUT method          text,
    OUT estimated_bytes bigint,
    OUT cost_before     double precision,
    OUT cost_after      double precision,
    OUT saves_ms_per_hour double precision,
    OUT write_cost      double precision,
    OUT statements      jsonb,
    OUT facts           jsonb,
    OUT kind            text,
    OUT reason          text,
    OUT command         text,
    OUT replaced        oid[])
RETURNS SETOF record
LANGUAGE C VOLATILE PARALLEL UNSAFE COST 1000000 ROWS 10
AS 'MODULE_PATHNAME', 'dba_sql_advise_indexes';
COMMENT ON FUNCTION dbadvisor.advise_indexes(text[], double precision[], bigint, integer, integer, interval) IS
    'The work behind dbadvisor.index_advice(): tables, and what CREATE INDEX says after their names.';

CREATE FUNCTION dbadvisor.in_words_of_advice(statements jsonb)
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE COST 1000
BEGIN ATOMIC
    WITH served AS MATERIALIZED (
        SELECT s.n,
               s.one ->> 'query' AS query,
               s.one ? 'times' AS observed,
               (s.one ->> 'calls')::float8 AS calls,
               (s.one ->> 'before')::float8 AS before,
               (s.one ->> 'after')::float8 AS after,
               greatest((s.one ->> 'calls')::float8, 1e-9) AS divisor,
               coalesce((s.one ->> 'generic_gain')::float8 < 0.1, false)
               AND (s.one ->> 'after')::float8 < 0.9 * (s.one ->> 'before')::float8 AS only_custom,
               row_number() OVER (ORDER BY (s.one ->> 'before')::float8 - (s.one ->> 'after')::float8 DESC, s.n) AS place
        FROM jsonb_array_elements(in_words_of_advice.statements) WITH ORDINALITY AS s(one, n)
    )
    SELECT concat(
        CASE WHEN bool_or(s.observed)
             THEN format('Saves %s an hour of the %s that %s.',
                         dbadvisor.in_words(sum(s.before) - sum(s.after)), dbadvisor.in_words(sum(s.before)),
                         CASE count(*) WHEN 1 THEN 'a statement takes' ELSE count(*) || ' statements take' END) || ' '
             ELSE format('Lowers the cost of %s from %s to %s.',
                         CASE count(*) WHEN 1 THEN 'a statement' ELSE count(*) || ' statements' END,
                         to_char(sum(s.before), 'FM999,999,999,999,990'), to_char(sum(s.after), 'FM999,999,999,999,990')) || ' '
             END,
        string_agg(concat(
            CASE WHEN s.observed
                 THEN format('%s %s an hour, %s each become %s: ',
                             to_char(s.calls, CASE WHEN s.calls < 10 THEN 'FM990.0' ELSE 'FM999,999,999,990' END),
                             CASE to_char(s.calls, 'FM990.0') WHEN '1.0' THEN 'call' ELSE 'calls' END,
                             dbadvisor.in_words(s.before / s.divisor), dbadvisor.in_words(s.after / s.divisor))
                 ELSE format('cost %s becomes %s: ',
                             to_char(s.before / s.divisor, 'FM999,999,999,999,990'),
                             to_char(s.after / s.divisor, 'FM999,999,999,999,990')) END,
            dbadvisor.in_one_line(s.query),
            CASE WHEN s.only_custom
                 THEN ' (Only with a plan made for the values, a custom plan; the generic plan of a prepared statement cannot use it.)' END),
            '; ' ORDER BY s.place) FILTER (WHERE s.place <= 3),
        CASE WHEN count(*) > 3 THEN format('; and %s more', count(*) - 3) END)
    FROM served s
    HAVING count(*) > 0;
END;
COMMENT ON FUNCTION dbadvisor.in_words_of_advice(jsonb) IS
    'What the statements that dbadvisor.index_advice() lists gain, in sentences.';

CREATE FUNCTION dbadvisor.index_build_ms(relation oid, method text, bytes bigint)
RETURNS double precision
LANGUAGE sql STABLE STRICT PARALLEL SAFE COST 1000
BEGIN ATOMIC
    -- Measured with a million rows in memory: a table is read twice, keys are sorted,
    -- the index is written; megabytes a second.
    SELECT 1000 * (2 * coalesce(sum(dbadvisor.relation_bytes(leaf)), 0)::float8 / (200 * 1024 * 1024)
                   + index_build_ms.bytes::float8 / (CASE WHEN index_build_ms.method IN ('btree', 'hash') THEN 16 ELSE 5 END
                                                     * 1024 * 1024))
    FROM dbadvisor.partition_leaves(index_build_ms.relation) AS leaf;
END;
COMMENT ON FUNCTION dbadvisor.index_build_ms(oid, text, bigint) IS
    'How long CREATE INDEX CONCURRENTLY about takes on a server that is otherwise idle, for an index of so many bytes.';

CREATE FUNCTION dbadvisor.index_caution(
    relation   oid,
    method     text,
    bytes      bigint,
    write_cost double precision,
    facts      jsonb,
    observed   boolean)
RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE COST 10000
BEGIN ATOMIC
    SELECT concat_ws(' ',
        CASE c.relkind
            WHEN 'p' THEN 'The indexes of the partitions are made one at a time and concurrently: reads and writes go on. Attaching them takes a moment''s ACCESS EXCLUSIVE lock on the indexes.'
            ELSE 'Takes a SHARE UPDATE EXCLUSIVE lock: reads and writes go on, VACUUM and other DDL of the table wait.' END,
        format('It waits for transactions that are older than it; building takes about %s where nothing else runs, %s of disk, %sand the table is read twice.',
               dbadvisor.in_words(dbadvisor.index_build_ms(c.oid, index_caution.method, index_caution.bytes)),
               pg_size_pretty(index_caution.bytes),
               CASE WHEN index_caution.method IN ('btree', 'hash', 'gin') AND index_caution.bytes > 64 * 1024 * 1024
                    THEN 'as much again for sorting, ' END),
        CASE WHEN index_caution.observed
             THEN CASE WHEN index_caution.write_cost >= 1
                       THEN format('Writing it costs about %s an hour (%s entries).', dbadvisor.in_words(index_caution.write_cost),
                                   to_char((index_caution.facts ->> 'entries_per_hour')::float8, 'FM999,999,999,999,990'))
                       ELSE 'Hardly anything is written to it.' END END,
        CASE WHEN (index_caution.facts ->> 'no_longer_hot_per_hour')::float8 >= 1
             THEN format('Updates of %s%s would no longer be HOT: each writes to all indexes of the table, and leaves more for VACUUM.',
                         (SELECT string_agg(u.name, ', ' ORDER BY u.n)
                          FROM jsonb_array_elements_text(index_caution.facts -> 'updated_columns') WITH ORDINALITY AS u(name, n)),
                         CASE WHEN index_caution.observed
                              THEN format(' (%s an hour)', to_char((index_caution.facts ->> 'no_longer_hot_per_hour')::float8,
                                                                   'FM999,999,999,999,990')) END) END,
        CASE WHEN c.relkind <> 'p'
             THEN 'If it fails, an invalid index is left: drop it before you try again.' END)
    FROM pg_class c
    WHERE c.oid = index_caution.relation;
END;
COMMENT ON FUNCTION dbadvisor.index_caution(oid, text, bigint, double precision, jsonb, boolean) IS
    'What an index that dbadvisor.index_advice() lists locks, takes and costs, in sentences.';

CREATE FUNCTION dbadvisor.index_advice(
    queries        text[]             DEFAULT NULL,
    weights        double precision[] DEFAULT NULL,
    storage_budget bigint             DEFAULT NULL,
    max_columns    integer            DEFAULT 3,
    time_limit     interval           DEFAULT '30 s',
    max_indexes    integer            DEFAULT NULL,
    OUT ddl             text,
    OUT "table"         regclass,
    OUT method          text,
    OUT estimated_bytes bigint,
    OUT cost_before     double precision,
    OUT cost_after      double precision,
    OUT saves_ms_per_hour double precision,
    OUT write_cost      double precision,
    OUT statements      jsonb,
    OUT reason          text,
    OUT kind            text,
    OUT undo            text,
    OUT caution         text,
    OUT confidence      double precision,
    OUT facts           jsonb)
RETURNS SETOF record
LANGUAGE sql VOLATILE PARALLEL UNSAFE COST 1000000 ROWS 10
BEGIN ATOMIC
    SELECT CASE
           WHEN a.body IS NULL THEN a.command
           ELSE concat_ws(E'\n',
                          CASE c.relkind
                          WHEN 'p' THEN dbadvisor.partitioned_index_script(a.relation, NULL, false, a.body, x.label)
                          ELSE format('CREATE INDEX CONCURRENTLY %I ON %I.%I %s;',
                                      x.name, n.nspname, c.relname, a.body)
                          END,
                          old.drops)
           END,
           a.relation::regclass, a.method, a.estimated_bytes, a.cost_before, a.cost_after,
           a.saves_ms_per_hour, a.write_cost, a.statements,
           coalesce(a.reason, dbadvisor.in_words_of_advice(a.statements)), a.kind,
           CASE WHEN a.body IS NOT NULL
                THEN concat_ws(E'\n', old.creates,
                               format('DROP INDEX %s%I.%I;', CASE WHEN c.relkind <> 'p' THEN 'CONCURRENTLY ' END,
                                      n.nspname, x.name),
                               -- Those of partitions that the script attaches go with it.
                               CASE c.relkind WHEN 'p' THEN (
                                   SELECT string_agg(dbadvisor.index_definition(i.indexrelid) || ';', E'\n' ORDER BY i.indexrelid)
                                   FROM dbadvisor.partition_leaves(a.relation) leaf
                                   JOIN pg_index i ON i.indrelid = leaf
                                   JOIN pg_class ic ON ic.oid = i.indexrelid
                                   WHERE i.indisvalid
                                     AND NOT i.indisunique
                                     AND NOT ic.relispartition
                                     AND dbadvisor.index_body(i.indexrelid) = a.body) END) END,
           CASE WHEN a.body IS NOT NULL
                THEN concat_ws(' ', dbadvisor.index_caution(a.relation, a.method, a.estimated_bytes, a.write_cost,
                                                            a.facts, a.saves_ms_per_hour IS NOT NULL),
                               old.caution) END,
           -- Values that were seen are worth more than none; and plans may be made without them.
           (SELECT CASE WHEN bool_or(o.generic_gain IS NOT NULL AND o.generic_gain < 0.1) THEN 0.6
                        WHEN bool_and(o.samples = 0) THEN 0.7
                        ELSE 0.9 END
            FROM jsonb_to_recordset(a.statements) AS o(samples int, generic_gain float8)),
           a.facts
    FROM (SELECT i.*, row_number() OVER (PARTITION BY i.relation,
                                                      dbadvisor.new_index_name(i.relation, i.label)
                                         ORDER BY i.ordinality) AS same_name
          FROM dbadvisor.advise_indexes(queries, weights, storage_budget, max_columns,
                                        max_indexes, time_limit) WITH ORDINALITY i) a
    LEFT JOIN pg_class c ON c.oid = a.relation
    LEFT JOIN pg_namespace n ON n.oid = c.relnamespace
    CROSS JOIN LATERAL (
        SELECT l.label, dbadvisor.new_index_name(a.relation, l.label) AS name
        FROM (SELECT CASE WHEN a.same_name > 1 THEN a.same_name || '_' ELSE '' END || a.label AS label) l) x
    LEFT JOIN LATERAL (
        SELECT string_agg(format('DROP INDEX %sIF EXISTS %I.%I;', CASE WHEN o.relkind = 'i' THEN 'CONCURRENTLY ' END,
                                 n.nspname, o.relname), E'\n' ORDER BY o.relname) AS drops,
               string_agg(dbadvisor.index_definition(o.oid) || ';' || dbadvisor.index_extras(o.oid),
                          E'\n' ORDER BY o.relname) AS creates,
               'It takes the place of ' || string_agg(quote_ident(o.relname), ', ' ORDER BY o.relname)
                   || ', whose columns it begins with; drop that when the new one is valid.' AS caution
        FROM pg_class o
        WHERE o.oid = ANY (a.replaced)) old ON true
    ORDER BY a.ordinality;
END;
COMMENT ON FUNCTION dbadvisor.index_advice(text[], double precision[], bigint, integer, interval, integer) IS
    'The indexes that are worth making for the given statements, or for the workload that was observed (or else counted by pg_stat_statements): commands, size, what they gain and cost. Without a time_limit it takes the half of dbadvisor.time_limit, or what a rule has left, and remembers the answer until the command is over.';

CREATE FUNCTION dbadvisor.advice(
    OUT ddl             text,
    OUT "table"         regclass,
    OUT method          text,
    OUT estimated_bytes bigint,
    OUT cost_before     double precision,
    OUT cost_after      double precision,
    OUT saves_ms_per_hour double precision,
    OUT write_cost      double precision,
    OUT statements      jsonb,
    OUT reason          text,
    OUT kind            text,
    OUT undo            text,
    OUT caution         text,
    OUT confidence      double precision,
    OUT facts           jsonb)
RETURNS SETOF record
LANGUAGE sql VOLATILE PARALLEL UNSAFE COST 1000000 ROWS 10
BEGIN ATOMIC
    SELECT * FROM dbadvisor.index_advice(time_limit => NULL);
END;
COMMENT ON FUNCTION dbadvisor.advice() IS
    'dbadvisor.index_advice() for the observed workload, found out once for all rules of a run.';

CREATE FUNCTION dbadvisor.advised_indexes(
    kind text,
    OUT object            text,
    OUT detail            text,
    OUT saves_ms_per_hour double precision,
    OUT confidence        double precision,
    OUT fix               text,
    OUT undo              text,
    OUT caution           text,
    OUT evidence          jsonb,
    OUT times             double precision,
    OUT best_share        double precision,
    OUT observed          interval)
RETURNS SETOF record
LANGUAGE sql VOLATILE PARALLEL UNSAFE COST 1000000 ROWS 10
BEGIN ATOMIC
    WITH window_of AS MATERIALIZED (
        SELECT now() - min(s.since) AS observed
        FROM dbadvisor.known_statements s
    )
    -- Several may be advised on one table, so the columns are part of the name.
    SELECT format('%I.%I %s', n.nspname, c.relname, substring(a.ddl FROM '(USING [^;]*)')),
           a.reason, a.saves_ms_per_hour, a.confidence, a.ddl, a.undo, a.caution,
           jsonb_build_object('table', format('%I.%I', n.nspname, c.relname),
                              'method', a.method,
                              'estimated_bytes', a.estimated_bytes,
                              'ms_per_hour_before', a.cost_before,
                              'ms_per_hour_after', a.cost_after,
                              'write_ms_per_hour', a.write_cost,
                              'observed_hours', extract(epoch FROM w.observed) / 3600,
                              'statements', a.statements) || a.facts,
           served.times, served.best_share, w.observed
    FROM dbadvisor.advice() a
    JOIN pg_class c ON c.oid = a."table"
    JOIN pg_namespace n ON n.oid = c.relnamespace
    CROSS JOIN window_of w
    CROSS JOIN LATERAL (
        SELECT sum(s.times) AS times,
               max(1 - s.after / nullif(s.before, 0)) AS best_share
        FROM jsonb_to_recordset(a.statements) AS s(times float8, before float8, after float8)) served
    WHERE a.kind = advised_indexes.kind;
END;
COMMENT ON FUNCTION dbadvisor.advised_indexes(text) IS
    'What dbadvisor.advice() says of indexes, of one kind (index or replacement), as the columns of a rule; and how often the statements served ran, the largest share of one that is saved, and how long was observed.';

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
      AND left(n.nspname, 3) <> 'pg_'
      AND n.nspname <> 'information_schema'
      AND NOT EXISTS (SELECT
                      FROM pg_depend d
                      WHERE d.refclassid = 'pg_extension'::regclass
                        AND d.classid = 'pg_class'::regclass
                        AND d.objid = c.oid
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
    JOIN pg_class referenced ON referenced.oid = con.conindid
    JOIN pg_am a ON a.oid = referenced.relam
    WHERE con.contype = 'f'
      AND con.conparentid = 0
      AND a.amname <> 'gist';
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
    WHERE c.relkind = 'S'
      AND c.relpersistence <> 't'
      AND NOT EXISTS (SELECT
                      FROM pg_depend e
                      WHERE e.refclassid = 'pg_extension'::regclass
                        AND e.classid = 'pg_class'::regclass
                        AND e.objid = c.oid
                        AND e.deptype = 'e')
      AND dbadvisor.examinable(c.oid);
COMMENT ON VIEW dbadvisor.user_sequences IS
    'The sequences that rules look at, with the column that owns each.';

CREATE VIEW dbadvisor.statement_totals AS
    WITH summed AS (
        SELECT s.queryid,
               bool_or(s.toplevel) AS toplevel,
               (array_agg(s.query ORDER BY s.toplevel DESC, s.total_ms DESC, s.query))[1] AS query,
               sum(s.calls)::bigint AS calls,
               sum(s.rows)::bigint AS rows,
               sum(s.total_ms) AS ms,
               sum(s.temp_written)::bigint AS temp_written,
               sum(s.spills)::bigint AS spills,
               sum(s.counted)::bigint AS counted,
               min(s.since) AS since
        FROM dbadvisor.user_statements s
        GROUP BY s.queryid
        HAVING sum(s.calls) > 0
    )
    SELECT s.*,
           now() - s.since AS observed,
           s.calls / h.hours AS calls_per_hour,
           s.ms / h.hours AS ms_per_hour,
           dbadvisor.in_one_line(s.query) AS shown
    FROM summed s
    CROSS JOIN LATERAL (
        SELECT greatest(5, extract(epoch FROM now() - s.since))::float8 / 3600 AS hours) h;
COMMENT ON VIEW dbadvisor.statement_totals IS
    'The statements of user_statements, each once: summed over users and levels, with rates per hour. Those of other users are missing for a role that is not a member of pg_read_all_stats.';

CREATE VIEW dbadvisor.autovacuum_units AS
    WITH settings AS (
        SELECT current_setting('autovacuum_vacuum_threshold')::float8 AS vacuum_threshold,
               current_setting('autovacuum_vacuum_scale_factor')::float8 AS vacuum_scale,
               current_setting('autovacuum_vacuum_max_threshold', true)::float8 AS vacuum_max,
               current_setting('autovacuum_vacuum_insert_threshold')::float8 AS insert_threshold,
               current_setting('autovacuum_vacuum_insert_scale_factor')::float8 AS insert_scale,
               current_setting('autovacuum_analyze_threshold')::float8 AS analyze_threshold,
               current_setting('autovacuum_analyze_scale_factor')::float8 AS analyze_scale,
               current_setting('autovacuum_freeze_max_age')::bigint AS freeze_max_age,
               current_setting('autovacuum_multixact_freeze_max_age')::bigint AS multixact_freeze_max_age,
               current_setting('autovacuum')::boolean
               AND current_setting('track_counts')::boolean AS enabled
    ), options AS (
        SELECT c.oid AS relid,
               jsonb_object_agg(o.option_name, o.option_value) AS given
        FROM pg_class c
        CROSS JOIN LATERAL pg_options_to_table(c.reloptions) o
        WHERE c.reloptions IS NOT NULL
          AND c.relkind IN ('r', 'm', 't')
        GROUP BY c.oid
    ), tables AS MATERIALIZED (
        SELECT * FROM dbadvisor.user_tables WHERE kind <> 'p'
    ), units AS (
        SELECT t.relid, t.root, t.schema, t.name, t.kind, t.relid AS unit, t.relid AS options_of,
               t.pages, t.tuples, t.frozenxid, t.minmxid, t.dead_tuples, t.live_tuples,
               t.inserted_since_vacuum, t.modified_since_analyze, t.last_vacuum, t.last_analyze
        FROM tables t
        UNION ALL
        SELECT t.relid, t.root, t.schema, t.name, t.kind, c.oid,
               CASE WHEN c.reloptions IS NULL THEN t.relid ELSE c.oid END,
               c.relpages, c.reltuples, c.relfrozenxid, c.relminmxid,
               pg_stat_get_dead_tuples(c.oid), pg_stat_get_live_tuples(c.oid),
               pg_stat_get_ins_since_vacuum(c.oid), 0,
               greatest(pg_stat_get_last_vacuum_time(c.oid),
                        pg_stat_get_last_autovacuum_time(c.oid)), NULL
        FROM tables t
        JOIN pg_class c ON c.oid = t.toast
    ), effective AS (
        SELECT u.*, o.given, s.enabled,
               greatest(u.tuples, 0)::float8 AS rows,
               coalesce((o.given ->> 'autovacuum_vacuum_threshold')::float8, s.vacuum_threshold) AS vacuum_threshold,
               coalesce((o.given ->> 'autovacuum_vacuum_scale_factor')::float8, s.vacuum_scale) AS vacuum_scale,
               coalesce((o.given ->> 'autovacuum_vacuum_max_threshold')::float8, s.vacuum_max, -1) AS vacuum_max,
               coalesce((o.given ->> 'autovacuum_vacuum_insert_threshold')::float8, s.insert_threshold) AS insert_threshold,
               coalesce((o.given ->> 'autovacuum_vacuum_insert_scale_factor')::float8, s.insert_scale) AS insert_scale,
               coalesce((o.given ->> 'autovacuum_analyze_threshold')::float8, s.analyze_threshold) AS analyze_threshold,
               coalesce((o.given ->> 'autovacuum_analyze_scale_factor')::float8, s.analyze_scale) AS analyze_scale,
               least((o.given ->> 'autovacuum_freeze_max_age')::float8::bigint,
                     s.freeze_max_age) AS freeze_max_age,
               least((o.given ->> 'autovacuum_multixact_freeze_max_age')::float8::bigint,
                     s.multixact_freeze_max_age) AS multixact_freeze_max_age
        FROM units u
        CROSS JOIN settings s
        LEFT JOIN options o ON o.relid = u.options_of
    )
    SELECT relid, root, schema, name, kind, unit,
           unit <> relid AS is_toast,
           CASE WHEN NOT enabled THEN 'server'
                WHEN NOT coalesce((given ->> 'autovacuum_enabled')::boolean, true) THEN 'table' END AS disabled_by,
           given ->> 'autovacuum_enabled' AS enabled_option,
           CASE WHEN options_of <> relid THEN 'toast.' ELSE '' END AS option_prefix,
           pages, rows, live_tuples, dead_tuples, inserted_since_vacuum, modified_since_analyze,
           last_vacuum, last_analyze, frozenxid, minmxid,
           CASE WHEN vacuum_max >= 0 THEN least(vacuum_threshold + vacuum_scale * rows, vacuum_max)
                ELSE vacuum_threshold + vacuum_scale * rows END AS vacuum_trigger,
           CASE WHEN insert_threshold >= 0
                THEN insert_threshold + insert_scale * rows
                     * CASE WHEN pages > 0 AND inserted_since_vacuum > insert_threshold
                            THEN (SELECT 1 - least(coalesce((to_jsonb(c) ->> 'relallfrozen')::float8, 0)
                                                   / effective.pages, 1)
                                  FROM pg_class c
                                  WHERE c.oid = effective.unit)
                            ELSE 1 END END AS insert_trigger,
           analyze_threshold + analyze_scale * rows AS analyze_trigger,
           freeze_max_age, multixact_freeze_max_age
    FROM effective;
COMMENT ON VIEW dbadvisor.autovacuum_units IS
    'What autovacuum treats one by one, the tables of dbadvisor.user_tables and their TOAST tables, with the points at which it comes: settings and storage parameters as it reads them.';

CREATE VIEW dbadvisor.xmin_holders AS
    WITH activity AS MATERIALIZED (
        SELECT a.*,
               CASE WHEN a.backend_type = 'walsender' AND a.datid IS NULL THEN 'standby'
                    ELSE 'session' END AS kind,
               coalesce(a.datname = current_database(), true) OR pg_is_in_recovery() AS is_here
        FROM pg_stat_activity a
    ), running AS (
        SELECT a.backend_xid AS xid, a.xact_start AS since
        FROM activity a
        WHERE a.backend_xid IS NOT NULL
        UNION ALL
        SELECT p.transaction, '-infinity'
        FROM pg_prepared_xacts p
    ), holders AS (
        SELECT a.kind,
               CASE a.kind WHEN 'standby' THEN format('standby %I, process %s', a.application_name, a.pid)
                    ELSE format('session %s', a.pid) END AS object,
               NULL::text AS name,
               a.pid,
               a.datname::text AS database,
               a.usename::text AS username,
               a.application_name AS application,
               a.state,
               true AS active,
               a.backend_start,
               a.xact_start AS since,
               a.state_change AS idle_since,
               a.backend_xid AS xid,
               CASE WHEN a.is_here THEN a.backend_xmin END AS xmin,
               NULL::xid AS catalog_xmin
        FROM activity a
        WHERE a.pid <> pg_backend_pid()
          AND a.leader_pid IS NULL
          AND a.backend_type NOT LIKE 'autovacuum%'
          AND NOT EXISTS (SELECT FROM pg_stat_progress_vacuum v WHERE v.pid = a.pid)
          AND NOT (a.backend_type = 'walsender'
                   AND EXISTS (SELECT FROM pg_replication_slots s WHERE s.active_pid = a.pid))
        UNION ALL
        SELECT 'prepared transaction', format('prepared transaction %L', p.gid), p.gid,
               NULL, p.database::text, p.owner::text, NULL, NULL, false, NULL,
               p.prepared, NULL, p.transaction, NULL, NULL
        FROM pg_prepared_xacts p
        UNION ALL
        SELECT 'slot', format('replication slot %I', s.slot_name), s.slot_name::text,
               s.active_pid, s.database::text, NULL, NULL, s.slot_type, s.active, NULL,
               NULL, (to_jsonb(s) ->> 'inactive_since')::timestamptz, NULL, s.xmin, s.catalog_xmin
        FROM pg_replication_slots s
        WHERE s.wal_status IS DISTINCT FROM 'lost'
          AND NOT coalesce((to_jsonb(s) ->> 'synced')::boolean, false)
    )
    SELECT h.kind, h.object, h.name, h.pid, h.database, h.username, h.application, h.state, h.active,
           h.backend_start, h.since, h.idle_since,
           a.held_xids,
           coalesce(a.table_xids, 0) < a.held_xids / 2 AS catalogs_only,
           coalesce(age(h.xid) >= a.held_xids, false)
           OR NOT EXISTS (SELECT
                          FROM running r
                          WHERE age(r.xid) = a.held_xids
                            AND r.since <= coalesce(h.since, 'infinity')) AS is_origin
    FROM holders h
    CROSS JOIN LATERAL (
        SELECT greatest(age(h.xid), age(h.xmin), age(h.catalog_xmin))::bigint AS held_xids,
               greatest(age(h.xid), age(h.xmin))::bigint AS table_xids) a
    WHERE a.held_xids IS NOT NULL
      AND (NOT pg_is_in_recovery() OR current_setting('hot_standby_feedback')::boolean);
COMMENT ON VIEW dbadvisor.xmin_holders IS
    'Who keeps VACUUM in this database from removing dead rows, and for how many transactions by now: sessions, prepared transactions, replication slots, standbys that send feedback. Not ourselves, and not VACUUM itself. is_origin is false for one that reaches so far back only because another transaction here did when it began.';

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

/* ---------------------------------------------------------------- health */

CREATE FUNCTION dbadvisor.health(
    OUT metric text,
    OUT value  double precision,
    OUT unit   text,
    OUT target text,
    OUT status text,
    OUT reason text)
RETURNS SETOF record
LANGUAGE sql VOLATILE PARALLEL UNSAFE COST 100000 ROWS 20
BEGIN ATOMIC
    WITH server AS MATERIALIZED (
        SELECT pg_is_in_recovery() AS is_standby,
               pg_has_role('pg_read_all_stats', 'USAGE') AS sees_all,
               greatest(1, extract(epoch FROM now() - dbadvisor.statistics_since()) / 3600)::float8 AS hours,
               CASE WHEN dbadvisor.observing_obstacle() IS NOT NULL
                    THEN dbadvisor.observing_obstacle()
                    WHEN NOT dbadvisor.is_preloaded()
                         AND NOT EXISTS (SELECT
                                         FROM pg_settings s
                                         WHERE s.name = 'session_preload_libraries'
                                           AND s.setting ~ '(^|[,/"[:space:]])dbadvisor([.]so)?($|[,"[:space:]])')
                    THEN 'only sessions that load dbadvisor themselves are observed: add it to shared_preload_libraries and restart, or to session_preload_libraries'
                    END AS obstacle
    ), statistics AS MATERIALIZED (
        SELECT d.datid,
               d.blks_hit,
               d.blks_hit + d.blks_read AS blocks,
               d.deadlocks,
               d.temp_bytes
        FROM pg_stat_database d
        WHERE d.datname = current_database()
    ), observed AS MATERIALIZED (
        -- Evaluated only where they can be: the functions raise errors elsewhere.
        SELECT CASE WHEN v.obstacle IS NULL
                    THEN (SELECT to_jsonb(l) FROM dbadvisor.latency() l) END AS latency,
               CASE WHEN v.obstacle IS NULL
                    THEN (SELECT jsonb_build_object('calls', sum(s.calls), 'errors', sum(s.errors))
                          FROM dbadvisor.statements s
                          WHERE s.toplevel
                            AND s.dbid = (SELECT t.datid FROM statistics t)) END AS executions,
               CASE WHEN v.obstacle IS NULL
                    THEN (SELECT i.since FROM dbadvisor.store i) END AS since,
               CASE WHEN v.obstacle IS NOT NULL THEN 'statements are not observed: ' || v.obstacle
                    ELSE 'no statement was observed yet' END AS reason
        FROM server v
    ), scans AS MATERIALIZED (
        SELECT coalesce(sum(t.seq_scan), 0) + coalesce(sum(t.idx_scan), 0) AS all_scans,
               coalesce(sum(t.idx_scan), 0) AS index_scans
        FROM pg_stat_user_tables t
        JOIN pg_class c ON c.oid = t.relid
        WHERE c.reltuples >= 10000
    ), tuples AS MATERIALIZED (
        SELECT coalesce(sum(t.n_live_tup), 0) + coalesce(sum(t.n_dead_tup), 0) AS all_rows,
               coalesce(sum(t.n_dead_tup), 0) AS dead_rows
        FROM pg_stat_user_tables t
    ), sessions AS MATERIALIZED (
        SELECT count(*) AS clients,
               max(now() - a.xact_start) FILTER (WHERE a.pid <> pg_backend_pid()) AS oldest,
               max(now() - a.state_change) FILTER (WHERE a.state LIKE 'idle in transaction%') AS idle
        FROM pg_stat_activity a
        WHERE a.backend_type = 'client backend'
    ), attached AS MATERIALIZED (
        SELECT count(*) AS standbys,
               max(coalesce(r.replay_lag, '0')) AS lag,
               max(pg_wal_lsn_diff(CASE WHEN v.is_standby THEN pg_last_wal_replay_lsn()
                                        ELSE pg_current_wal_lsn() END, r.replay_lsn)) AS bytes
        FROM server v
        CROSS JOIN pg_stat_replication r
    ), measured AS (
        SELECT m.metric, m.value, m.reason
        FROM server v
        CROSS JOIN statistics t
        CROSS JOIN observed o
        CROSS JOIN scans s
        CROSS JOIN tuples u
        CROSS JOIN sessions a
        CROSS JOIN attached r
        CROSS JOIN LATERAL (
            VALUES
                ('latency_p50', (o.latency ->> 'p50_ms')::float8, o.reason),
                ('latency_p90', (o.latency ->> 'p90_ms')::float8, o.reason),
                ('latency_p95', (o.latency ->> 'p95_ms')::float8, o.reason),
                ('latency_p99', (o.latency ->> 'p99_ms')::float8, o.reason),
                ('statements',
                 (o.executions ->> 'calls')::float8 / greatest(1, extract(epoch FROM now() - o.since))::float8,
                 o.reason),
                ('errors',
                 100 * (o.executions ->> 'errors')::float8
                     / nullif((o.executions ->> 'calls')::float8 + (o.executions ->> 'errors')::float8, 0),
                 o.reason),
                ('cache_hit',
                 CASE WHEN t.blocks >= 50000 THEN 100 * t.blks_hit::float8 / t.blocks END,
                 format('only %s blocks were read so far, fewer than 50000', t.blocks)),
                ('index_use',
                 CASE WHEN s.all_scans >= 1000 THEN 100 * s.index_scans::float8 / s.all_scans::float8 END,
                 format('only %s scans of tables with 10000 rows or more so far, fewer than 1000', s.all_scans)),
                ('connections',
                 100 * a.clients::float8
                     / greatest(1, current_setting('max_connections')::int
                                   - current_setting('superuser_reserved_connections')::int
                                   - coalesce(current_setting('reserved_connections', true)::int, 0)),
                 NULL),
                ('oldest_transaction',
                 CASE WHEN v.sees_all
                      THEN greatest(0, extract(epoch FROM greatest(
                               a.oldest,
                               (SELECT max(now() - p.prepared) FROM pg_prepared_xacts p))))::float8 END,
                 'your role may not see the sessions of others: it is no member of pg_read_all_stats'),
                ('idle_in_transaction',
                 CASE WHEN v.sees_all THEN greatest(0, extract(epoch FROM a.idle))::float8 END,
                 'your role may not see the sessions of others: it is no member of pg_read_all_stats'),
                ('dead_rows',
                 CASE WHEN NOT v.is_standby AND u.all_rows >= 10000
                      THEN 100 * u.dead_rows::float8 / u.all_rows::float8 END,
                 CASE WHEN v.is_standby THEN 'this server is a standby: ask its primary'
                      ELSE format('only %s rows are known of, fewer than 10000', u.all_rows) END),
                ('transaction_id_age',
                 (SELECT max(age(d.datfrozenxid)) FROM pg_database d)::float8,
                 NULL),
                ('replication_lag',
                 CASE WHEN v.is_standby AND pg_last_wal_receive_lsn() = pg_last_wal_replay_lsn() THEN 0
                      WHEN v.is_standby AND pg_last_wal_receive_lsn() IS NOT NULL
                      THEN greatest(0, extract(epoch FROM now() - pg_last_xact_replay_timestamp()))
                      WHEN NOT v.is_standby AND v.sees_all
                      THEN extract(epoch FROM r.lag) END::float8,
                 CASE WHEN v.is_standby THEN 'this standby receives no stream'
                      WHEN r.standbys = 0 THEN 'nothing is attached'
                      ELSE 'your role may not see it: it is no member of pg_read_all_stats' END),
                ('replication_lag_bytes',
                 CASE WHEN v.is_standby THEN pg_wal_lsn_diff(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn())
                      WHEN v.sees_all THEN r.bytes END::float8,
                 CASE WHEN v.is_standby THEN 'this standby receives no stream'
                      WHEN r.standbys = 0 THEN 'nothing is attached'
                      ELSE 'your role may not see it: it is no member of pg_read_all_stats' END),
                ('deadlocks', t.deadlocks / v.hours, NULL),
                ('temporary_files', t.temp_bytes / v.hours, NULL),
                ('observed', extract(epoch FROM now() - o.since)::float8 / 3600, o.reason)
            ) AS m(metric, value, reason)
    ), limits AS (
        SELECT l.*,
               coalesce(l.notice > l.critical, l.notice > l.warning, false) AS is_floor
        FROM (VALUES
            (1, 'latency_p50', 'ms', NULL::float8, NULL::float8, NULL::float8),
            (2, 'latency_p90', 'ms', NULL, NULL, NULL),
            (3, 'latency_p95', 'ms', NULL, NULL, NULL),
            (4, 'latency_p99', 'ms', NULL, NULL, NULL),
            (5, 'statements', 'per second', NULL, NULL, NULL),
            (6, 'errors', '%', 1, 5, 20),
            (7, 'cache_hit', '%', 95, 90, 85),
            (8, 'index_use', '%', 80, 50, NULL),
            (9, 'connections', '%', 60, 80, 95),
            (10, 'oldest_transaction', 's', 3600, 4 * 3600, 24 * 3600),
            (11, 'idle_in_transaction', 's', 300, 900, 3600),
            (12, 'dead_rows', '%', 20, 40, NULL),
            (13, 'transaction_id_age', 'transactions',
             least(1.25 * current_setting('autovacuum_freeze_max_age')::float8, 1.2e9),
             least(2 * current_setting('autovacuum_freeze_max_age')::float8, 1.4e9), 1.6e9),
            (14, 'replication_lag', 's', 1, 5, 30),
            (15, 'replication_lag_bytes', 'bytes', 10 * 1024 ^ 2, 100 * 1024 ^ 2, 1024 ^ 3),
            (16, 'deadlocks', 'per hour', 1, 10, NULL),
            (17, 'temporary_files', 'bytes per hour', 1024 ^ 3, 10 * 1024 ^ 3, NULL),
            (18, 'observed', 'hours', NULL, NULL, NULL)
            ) AS l(place, metric, unit, notice, warning, critical)
    )
    SELECT l.metric,
           m.value,
           l.unit,
           CASE WHEN l.is_floor THEN format('at least %s', l.notice)
                WHEN l.notice IS NOT NULL THEN format('below %s', l.notice) END,
           CASE WHEN m.value IS NULL AND m.reason = 'nothing is attached' THEN 'ok'
                WHEN m.value IS NULL THEN 'unknown'
                WHEN l.is_floor
                THEN CASE WHEN m.value < l.critical THEN 'critical'
                          WHEN m.value < l.warning THEN 'warning'
                          WHEN m.value < l.notice THEN 'notice'
                          ELSE 'ok' END
                WHEN m.value >= l.critical THEN 'critical'
                WHEN m.value >= l.warning THEN 'warning'
                WHEN m.value >= l.notice THEN 'notice'
                ELSE 'ok' END,
           CASE WHEN m.value IS NULL THEN m.reason END
    FROM limits l
    JOIN measured m ON m.metric = l.metric
    ORDER BY l.place;
END;
COMMENT ON FUNCTION dbadvisor.health() IS
    'The state of this database and its server in numbers, each against its target: latency, errors, cache, connections, open transactions, dead rows, replication. What cannot be known here says why.';

/* ---------------------------------------- what became of recommendations */

CREATE FUNCTION dbadvisor.statement_counters()
RETURNS jsonb
LANGUAGE sql VOLATILE PARALLEL UNSAFE COST 10000
BEGIN ATOMIC
    -- Evaluated only where it can be: the views raise errors elsewhere.
    SELECT CASE WHEN dbadvisor.observing_obstacle() IS NULL
                THEN (SELECT jsonb_object_agg(s.queryid,
                                              jsonb_build_object('calls', s.calls, 'ms', s.ms, 'since', s.since))
                      FROM (SELECT s.queryid,
                                   sum(s.calls) AS calls,
                                   sum(s.total_ms) AS ms,
                                   min(greatest(s.first_seen, o.since)) AS since
                            FROM dbadvisor.statements s
                            CROSS JOIN dbadvisor.store o
                            WHERE s.queryid IS NOT NULL
                              AND s.dbid = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database())
                            GROUP BY s.queryid) s) END;
END;
COMMENT ON FUNCTION dbadvisor.statement_counters() IS
    'Of each observed statement of this database the calls and milliseconds so far, and since when they count; null where nothing is observed.';

CREATE FUNCTION dbadvisor.baseline(evidence jsonb, counters jsonb)
RETURNS jsonb
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT jsonb_build_object('at', now(), 'statements', jsonb_object_agg(s.queryid, s.counted))
    FROM (SELECT DISTINCT e.statement ->> 'queryid' AS queryid,
                 baseline.counters -> (e.statement ->> 'queryid') AS counted
          FROM jsonb_path_query(baseline.evidence, 'lax $.statements[*]') AS e(statement)) s
    WHERE (s.counted ->> 'calls')::bigint > 0
    HAVING count(*) > 0;
END;
COMMENT ON FUNCTION dbadvisor.baseline(jsonb, jsonb) IS
    'What the statements that a recommendation is for have taken so far: those of its evidence, of counters as statement_counters() gives them. Null where none is known.';

CREATE FUNCTION dbadvisor.effects(
    OUT id         text,
    OUT index      oid,
    OUT status     text,
    OUT applied_at timestamptz,
    OUT baseline   jsonb,
    OUT measured   jsonb)
RETURNS SETOF record
LANGUAGE sql VOLATILE PARALLEL UNSAFE COST 100000 ROWS 10
BEGIN ATOMIC
    WITH limits AS MATERIALIZED (
        SELECT 30 AS min_calls,
               interval '10 minutes' AS min_time,
               0.9 AS max_ratio_of_gain,
               1.1 AS max_ratio_of_none
    ), tracked AS MATERIALIZED (
        SELECT f.id, f.status, f.applied_at, f.baseline, f.measured,
               dbadvisor.built_index(f.fix) AS index
        FROM dbadvisor.findings f
        WHERE f.rule IN ('missing_index', 'replace_index')
          AND f.baseline IS NOT NULL
    ), counted AS MATERIALIZED (
        SELECT CASE WHEN EXISTS (SELECT FROM tracked t WHERE t.index IS NOT NULL)
                    THEN dbadvisor.statement_counters() END AS counters
    ), since AS (
        -- What each statement took since. One whose numbers shrank, or begin later,
        -- was forgotten meanwhile: then all of them are from afterwards.
        SELECT t.id, b.queryid,
               CASE WHEN x.afresh THEN x.calls ELSE x.calls - x.calls_then END AS calls,
               CASE WHEN x.afresh THEN x.ms ELSE x.ms - x.ms_then END AS ms,
               (b.before ->> 'ms')::float8 / (b.before ->> 'calls')::float8 AS mean_ms_before
        FROM tracked t
        CROSS JOIN counted c
        CROSS JOIN LATERAL jsonb_each(t.baseline -> 'statements') AS b(queryid, before)
        CROSS JOIN LATERAL (
            SELECT c.counters -> b.queryid AS present,
                   t.baseline -> 'applied' -> b.queryid AS past) n
        CROSS JOIN LATERAL (
            SELECT (n.present ->> 'calls')::float8 AS calls,
                   (n.present ->> 'ms')::float8 AS ms,
                   (n.past ->> 'calls')::float8 AS calls_then,
                   (n.past ->> 'ms')::float8 AS ms_then,
                   n.past IS NULL
                   OR (n.present ->> 'since')::timestamptz > (n.past ->> 'since')::timestamptz
                   OR (n.present ->> 'calls')::float8 < (n.past ->> 'calls')::float8 AS afresh) x
        WHERE t.status <> 'open'
    ), sums AS (
        SELECT s.id,
               sum(s.calls) AS calls,
               sum(s.ms) AS ms,
               sum(s.calls * s.mean_ms_before) AS expected_ms,
               jsonb_object_agg(s.queryid,
                                jsonb_build_object('calls', s.calls,
                                                   'mean_ms_before', s.mean_ms_before,
                                                   'mean_ms', s.ms / s.calls)) AS statements
        FROM since s
        WHERE s.calls > 0
        GROUP BY s.id
    ), judged AS (
        SELECT t.*,
               CASE WHEN t.index IS NULL AND t.status IN ('applied', 'verified', 'no_gain', 'regressed') THEN 'resolved'
                    WHEN t.index IS NOT NULL AND t.status NOT IN ('applied', 'verified', 'no_gain', 'regressed') THEN 'applied'
                    WHEN t.index IS NULL OR t.status = 'verified' THEN t.status
                    WHEN s.calls < l.min_calls OR now() - t.applied_at < l.min_time
                         OR s.expected_ms IS NULL THEN t.status
                    WHEN s.ms <= l.max_ratio_of_gain * s.expected_ms THEN 'verified'
                    WHEN s.ms <= l.max_ratio_of_none * s.expected_ms THEN 'no_gain'
                    ELSE 'regressed' END AS becomes,
               jsonb_build_object(
                   'at', now(),
                   'calls', s.calls,
                   'ms', s.ms,
                   'expected_ms', s.expected_ms,
                   'gain', 1 - s.ms / nullif(s.expected_ms, 0),
                   'statements', s.statements) AS measures,
               c.counters
        FROM tracked t
        CROSS JOIN limits l
        CROSS JOIN counted c
        LEFT JOIN sums s ON s.id = t.id
    )
    SELECT j.id,
           j.index,
           j.becomes,
           CASE WHEN j.becomes = 'applied' AND j.status <> 'applied' THEN now()
                WHEN j.becomes NOT IN ('open', 'resolved') THEN j.applied_at END,
           CASE WHEN j.becomes = 'applied' AND j.status <> 'applied'
                THEN j.baseline
                     || jsonb_build_object('applied',
                            (SELECT coalesce(jsonb_object_agg(k.queryid, j.counters -> k.queryid), '{}')
                             FROM jsonb_object_keys(j.baseline -> 'statements') AS k(queryid)
                             WHERE j.counters ? k.queryid))
                ELSE j.baseline END,
           CASE WHEN j.becomes IN ('verified', 'no_gain', 'regressed') AND j.status <> 'verified'
                     AND j.measures -> 'calls' <> 'null'
                THEN j.measures
                WHEN j.becomes <> 'applied' THEN j.measured END
    FROM judged j;
END;
COMMENT ON FUNCTION dbadvisor.effects() IS
    'What became of the indexes that were recommended and recorded: what snapshot() is about to write. An index that exists is applied; when its statements ran 30 times and 10 minutes have passed it is verified (they take at least 10 % less than before), no_gain, or regressed (at least 10 % more), each statement compared with itself; one that is gone again is resolved.';

CREATE FUNCTION dbadvisor.snapshot()
RETURNS bigint
LANGUAGE sql VOLATILE PARALLEL UNSAFE
BEGIN ATOMIC
    UPDATE dbadvisor.findings f
    SET status = e.status,
        applied_at = e.applied_at,
        baseline = e.baseline,
        measured = e.measured
    FROM dbadvisor.effects() e
    WHERE f.id = e.id
      AND (f.status, f.applied_at, f.baseline, f.measured)
          IS DISTINCT FROM (e.status, e.applied_at, e.baseline, e.measured);

    WITH present AS MATERIALIZED (
        SELECT r.*, r.rule IN ('missing_index', 'replace_index') AS is_tracked
        FROM dbadvisor.recommendations(min_severity => 'info',
                                       include_dismissed => true) r
    ), counted AS MATERIALIZED (
        SELECT CASE WHEN EXISTS (SELECT FROM present p WHERE p.is_tracked)
                    THEN dbadvisor.statement_counters() END AS counters
    ), recorded AS (
        INSERT INTO dbadvisor.findings AS f
            (id, severity, category, rule, object, detail, fix, undo, first_seen, last_seen, times_seen, baseline)
        SELECT p.id, p.severity, p.category, p.rule, p.object, p.detail,
               p.fix, p.undo, now(), now(), 1,
               CASE WHEN p.is_tracked THEN dbadvisor.baseline(p.evidence, c.counters) END
        FROM present p
        CROSS JOIN counted c
        ON CONFLICT (id) DO UPDATE
        SET severity = excluded.severity,
            detail = excluded.detail,
            fix = excluded.fix,
            undo = excluded.undo,
            last_seen = excluded.last_seen,
            times_seen = f.times_seen + 1,
            -- what was before stays as it was once the index is there
            status = CASE f.status WHEN 'resolved' THEN 'open' ELSE f.status END,
            baseline = CASE WHEN f.applied_at IS NULL THEN coalesce(excluded.baseline, f.baseline)
                            ELSE f.baseline END
        RETURNING 1
    )
    SELECT count(*) FROM recorded;
END;
COMMENT ON FUNCTION dbadvisor.snapshot() IS
    'Records the present findings in dbadvisor.findings, and what became of the indexes that it recorded before. Returns how many findings there are.';

/* ------------------------------------------------------------ privileges */

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA dbadvisor FROM PUBLIC;
REVOKE ALL ON ALL TABLES IN SCHEMA dbadvisor FROM PUBLIC;

GRANT USAGE ON SCHEMA dbadvisor TO pg_monitor;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA dbadvisor TO pg_monitor;
REVOKE EXECUTE ON FUNCTION dbadvisor.reset() FROM pg_monitor;
GRANT SELECT ON ALL TABLES IN SCHEMA dbadvisor TO pg_monitor;
GRANT INSERT, UPDATE, DELETE ON dbadvisor.dismissals TO pg_monitor;

COMMENT ON SCHEMA dbadvisor IS
    'A database architect inside PostgreSQL. Begin with SELECT * FROM dbadvisor.recommendations();';
