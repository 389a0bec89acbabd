-- high_p99_spread: statement that is usually fast, and very slow now and then
-- category: statement
-- severity: notice
-- needs: observing
-- examines: dbadvisor.user_statements
-- general: yes
--
-- A mean hides it: of a hundred calls ninety-nine take a millisecond and one takes
-- a second. That one is somebody's timeout, and holds a connection that others
-- wait for. Mostly it is the values: a tenant with a hundred times the rows, a
-- state that nearly all rows have, a plan that was made for other values.
--
-- Reported are statements of this database with at least 100 calls of which 1 %
-- take 50 ms or more and ten times as long as half of them do, when what is above
-- the usual time adds up to 10 s an hour. The numbers are those of the user with
-- whom most is lost. Where values are kept (dbadvisor.capture_parameters) the
-- slowest execution is compared with usual ones, and the parameters are named in
-- which it differs from all of them. The values themselves are in the evidence
-- alone, which no snapshot stores.
--
-- What touches hardly any blocks in all that time, and returns no more rows than
-- usual, did not read: it waits for locks where it writes or locks rows, else it
-- waits or computes. Then the values are not to blame, and the caution says so.
-- (Where it waits for row locks no plan is shown.)
--
-- Severity is warning when the slow calls take 1 s or more and 10 % of an hour is
-- lost. It is info below 300 calls (then it may be one bad moment), in the first
-- hour, and where the slow execution returned as many more rows as it took time.
--
-- Fix: the commands show two plans and run nothing: with the values of a slow
-- execution, then with those of a usual one. (Of an execution that nobody expected
-- to be slow, sent as text, only the text is kept: then the usual plan alone.) Where the plans differ the estimates
-- are to be looked at; where they are the same it reads that many more rows. How
-- much can be saved is not known, so no saving is claimed.
--
-- Not reported: utility statements, SELECT pg_sleep(..) and pg_advisory_lock(..),
-- what reads dbadvisor or pg_stat_statements. If the same values were fast at
-- other times the sentence says so: then it waited, for a lock or for the disk.

WITH limits AS (
    SELECT 100 AS min_calls,
           300 AS sure_calls,
           50 AS min_p99_ms,
           10 AS min_spread,
           10 * 1000 AS min_ms_per_hour,
           1000 AS very_slow_ms,
           360 * 1000 AS heavy_ms_per_hour,
           5 AS usual_factor,
           3 AS rows_tolerance,
           100 AS many_rows,
           100 AS max_blocks_of_waiting,
           2 AS max_blocks_per_ms,
           20 AS max_blocks_per_ms_of_writes,
           0.1 AS max_read_share_of_waiting,
           0.5 AS planned_seldom,
           '{int2,int4,int8,numeric,oid,text,varchar,bpchar,name,uuid,unknown}'::regtype[] AS comparable_literals,
           20 AS max_findings
), entries AS (
    SELECT s.*,
           s.total_ms - s.calls * s.p50_ms AS lost_ms,
           count(*) FILTER (WHERE s.explainable) OVER (PARTITION BY s.queryid) AS plannable_entries
    FROM dbadvisor.user_statements s
), spread AS (
    SELECT DISTINCT ON (e.queryid)
           e.*,
           e.lost_ms / e.hours AS lost_ms_per_hour
    FROM entries e, limits l
    WHERE e.calls >= l.min_calls
      AND e.p99_ms >= l.min_p99_ms
      AND e.p99_ms >= l.min_spread * e.p50_ms
      AND e.lost_ms / e.hours >= l.min_ms_per_hour
    ORDER BY e.queryid, e.lost_ms DESC, e.userid, e.toplevel
), worst AS (
    SELECT s.*
    FROM spread s
    ORDER BY s.lost_ms_per_hour DESC, s.queryid
    LIMIT (SELECT max_findings FROM limits)
), samples AS MATERIALIZED (
    SELECT w.queryid, w.p99_ms, x.*
    FROM worst w
    CROSS JOIN LATERAL (
        -- Read only where there is something to compare.
        SELECT a.sample, a.slowest, a.ms, a.rows, a.parameters, a.parameter_types
        FROM dbadvisor.samples a
        WHERE a.queryid = w.queryid
          AND a.userid = w.userid
          AND a.toplevel = w.toplevel
          AND a.dbid = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database())
        OFFSET 0) x
), slow AS (
    SELECT DISTINCT ON (a.queryid) a.*
    FROM samples a
    WHERE a.ms >= a.p99_ms / 2
    ORDER BY a.queryid, a.ms DESC
), usual AS (
    SELECT a.*
    FROM samples a
    JOIN slow s USING (queryid)
    CROSS JOIN limits l
    WHERE a.ms * l.usual_factor <= s.ms
), compared AS (
    SELECT s.queryid,
           (SELECT a.sample
            FROM samples a
            WHERE a.queryid = s.queryid
              AND a.parameter_types IS NOT NULL
              AND a.ms >= a.p99_ms / 2
            ORDER BY a.ms DESC
            LIMIT 1) AS slow_sample,
           s.ms AS slow_ms,
           s.rows AS slow_rows,
           count(u.sample) AS usual_samples,
           min(u.sample) FILTER (WHERE u.parameter_types IS NOT NULL) AS usual_sample,
           avg(u.ms) AS usual_ms,
           avg(u.rows) AS usual_rows,
           coalesce(bool_or(v.known), false) AS values_known,
           s.parameters IS NULL OR '(not kept)' = ANY (s.parameters) AS values_lost
    FROM slow s
    LEFT JOIN usual u USING (queryid)
    CROSS JOIN LATERAL (
        SELECT EXISTS (SELECT FROM unnest(s.parameters) AS p(value)
                       WHERE p.value <> '(not kept)') AS known) v
    GROUP BY s.queryid, s.ms, s.rows, s.parameters
), slow_values AS (
    -- Where only the text of an execution was kept its values are literals.
    SELECT s.queryid,
           p.number,
           s.parameter_types IS NULL AS is_literal,
           CASE WHEN s.parameter_types IS NULL AND p.value ~ '^''.*''$'
                THEN replace(substr(p.value, 2, length(p.value) - 2), '''''', '''')
                ELSE p.value END AS value
    FROM slow s
    CROSS JOIN LATERAL unnest(s.parameters) WITH ORDINALITY AS p(value, number)
    WHERE p.value IS DISTINCT FROM '(not kept)'
), compared_values AS (
    SELECT v.queryid,
           v.number,
           v.value,
           bool_or(u.parameters[v.number] IS NOT DISTINCT FROM v.value) AS same,
           count(DISTINCT u.parameters[v.number]) <= 1 AS always_one,
           -- Others may be written in many ways: '1 day', '24:00'.
           NOT v.is_literal
           OR bool_and(coalesce(u.parameter_types[v.number] = ANY (l.comparable_literals), false)) AS comparable,
           jsonb_agg(u.parameters[v.number]) AS list
    FROM slow_values v
    JOIN usual u USING (queryid)
    CROSS JOIN limits l
    GROUP BY v.queryid, v.number, v.value, v.is_literal
), differing AS (
    SELECT c.queryid,
           string_agg('$' || c.number, ', ' ORDER BY c.number) AS words,
           jsonb_agg(jsonb_build_object('parameter', c.number, 'slow', c.value, 'usual', c.list)
                     ORDER BY c.number) AS evidence
    FROM compared_values c
    WHERE NOT c.same
      AND (c.comparable OR NOT c.always_one)
    GROUP BY c.queryid
), known AS (
    SELECT w.*,
           c.slow_sample, c.slow_ms, c.slow_rows,
           c.usual_samples, c.usual_sample, c.usual_ms, c.usual_rows, c.values_known, c.values_lost,
           d.words, d.evidence AS parameters,
           b.blocks / w.calls AS blocks_per_call,
           dbadvisor.takes_row_locks(w.query) AS takes_row_locks,
           -- How many blocks the slow calls touched is not known, only those of all.
           b.blocks < l.max_blocks_of_waiting * w.calls
           AND b.blocks < w.lost_ms * CASE WHEN dbadvisor.takes_row_locks(w.query) THEN l.max_blocks_per_ms_of_writes
                                           ELSE l.max_blocks_per_ms END
           AND w.temp_written = 0
           AND w.read_ms <= l.max_read_share_of_waiting * w.lost_ms
           AND coalesce(c.slow_rows <= l.rows_tolerance * greatest(c.usual_rows, 1), true) AS waits,
           coalesce(c.usual_samples > 0
                    AND c.slow_rows >= l.many_rows
                    AND c.slow_rows * l.rows_tolerance
                        >= greatest(c.usual_rows, 1) * c.slow_ms / nullif(c.usual_ms, 0), false) AS rows_explain
    FROM worst w
    CROSS JOIN limits l
    CROSS JOIN LATERAL (
        SELECT (w.shared_hit + w.shared_read + w.local_blocks)::float8 AS blocks) b
    LEFT JOIN compared c USING (queryid)
    LEFT JOIN differing d USING (queryid)
), judged AS (
    SELECT k.*,
           k.waits AND k.takes_row_locks AS waits_for_rows,
           k.explainable AND k.slow_sample IS NOT NULL AND k.plannable_entries = 1 AS is_plannable
    FROM known k
)
SELECT NULL::oid AS classid,
       NULL::oid AS objid,
       NULL::int AS objsubid,
       'statement ' || j.queryid AS object,
       format('Half of %s calls take up to %s, but 1 in 100 takes %s or more: %s of waiting an hour, over all sessions%s%s: %s',
              j.calls,
              dbadvisor.in_words(j.p50_ms),
              dbadvisor.in_words(j.p99_ms),
              dbadvisor.in_words(j.lost_ms_per_hour),
              CASE WHEN j.slow_ms IS NOT NULL
                   THEN format('; the slowest took %s for %s%s%s', dbadvisor.in_words(j.slow_ms),
                               CASE WHEN j.slow_rows = 1 THEN '1 row' ELSE j.slow_rows || ' rows' END,
                               CASE WHEN j.usual_samples > 0
                                    THEN format(' (usual: %s, %s)', dbadvisor.in_words(j.usual_ms),
                                                CASE WHEN round(j.usual_rows) = 1 THEN '1 row'
                                                     ELSE round(j.usual_rows) || ' rows' END) END,
                               CASE WHEN j.waits THEN NULL
                                    WHEN j.words IS NOT NULL THEN format(' with another %s than usual', j.words)
                                    WHEN j.usual_samples > 0 AND j.values_known
                                    THEN ' with values that were fast at other times' END) END,
              CASE WHEN j.waits THEN format('; %s blocks a call', round(j.blocks_per_call)) END,
              dbadvisor.in_one_line(j.query)) AS detail,
       CASE WHEN j.is_new OR j.calls < l.sure_calls OR j.rows_explain THEN 'info'
            WHEN j.p99_ms >= l.very_slow_ms AND j.lost_ms_per_hour >= l.heavy_ms_per_hour THEN 'warning'
            ELSE 'notice' END AS severity,
       j.lost_ms_per_hour AS costs_ms_per_hour,
       CASE WHEN j.words IS NULL THEN 0.6 ELSE 0.8 END::float8 AS confidence,
       CASE WHEN NOT j.explainable OR j.waits_for_rows THEN NULL
            WHEN j.is_plannable
            THEN concat_ws(E'\n',
                           format('SELECT dbadvisor.explain_sample(%L, %s);', j.queryid, j.slow_sample),
                           CASE WHEN j.usual_sample IS NOT NULL
                                THEN format('SELECT dbadvisor.explain_sample(%L, %s);', j.queryid, j.usual_sample) END)
            ELSE format('SELECT dbadvisor.explain_sample(%L);', j.queryid) END AS fix,
       concat_ws(' ',
           CASE WHEN j.waits THEN dbadvisor.waits_in_words(j.query, j.blocks_per_call) END,
           CASE WHEN j.explainable AND NOT j.waits_for_rows
                THEN 'For superusers and members of the role whose statement it is:' END,
           CASE WHEN j.waits_for_rows THEN NULL
                WHEN j.waits AND j.is_plannable
                THEN 'The fix plans it with the values of a slow execution, then with usual ones; runs nothing.'
                WHEN j.waits AND j.explainable THEN 'The fix shows the plan for usual values, and runs nothing.'
                WHEN j.waits THEN NULL
                WHEN j.is_plannable
                THEN 'Plans the statement with the values of a slow execution, then with usual ones; runs nothing. If the plans differ: ANALYZE, a larger statistics target, or extended statistics. If they are the same it reads more rows for these values: an index that serves them, LIMIT, or a table of sums.'
                WHEN j.explainable THEN 'Shows the plan for usual values, and runs nothing; of a slow execution only the text was kept. Compare it with EXPLAIN for the slow values.'
                ELSE 'Use EXPLAIN (ANALYZE, BUFFERS) with slow and with fast values.' END,
           CASE WHEN j.rows_explain
                THEN 'The slow execution returned as many more rows as it took time: ask for fewer at once, if nobody reads them all.' END,
           CASE WHEN NOT j.waits AND j.words IS NULL AND j.usual_samples > 0 AND j.values_known
                THEN 'The same values are fast at other times, so it waits for something: for locks (log_lock_waits), or for the disk (track_io_timing).' END,
           CASE WHEN NOT j.waits AND j.words IS NOT NULL
                THEN 'evidence -> ''parameters'' has the values.' END,
           CASE WHEN NOT j.waits AND j.values_lost
                THEN 'Not all of its values are kept: see dbadvisor.capture_parameters.' END,
           CASE WHEN NOT j.waits AND j.plans < l.planned_seldom * j.calls
                THEN 'Its plan is kept for many executions, and was made for no values in particular: try plan_cache_mode = force_custom_plan for its role.' END,
           dbadvisor.where_to_read(j.query, j.queryid)) AS caution,
       jsonb_strip_nulls(jsonb_build_object(
           'queryid', j.queryid::text,
           'calls', j.calls,
           'p50_ms', round(j.p50_ms::numeric, 3),
           'p99_ms', round(j.p99_ms::numeric, 3),
           'max_ms', round(j.max_ms::numeric, 3),
           'spread', round((j.p99_ms / nullif(j.p50_ms, 0))::numeric, 1),
           'total_ms', round(j.total_ms::numeric, 1),
           'above_usual_ms_per_hour', round(j.lost_ms_per_hour::numeric, 1),
           'slow_sample', j.slow_sample,
           'slow_ms', round(j.slow_ms::numeric, 3),
           'slow_rows', j.slow_rows,
           'usual_samples', j.usual_samples,
           'usual_ms', round(j.usual_ms::numeric, 3),
           'usual_rows', round(j.usual_rows, 1),
           'parameters', CASE WHEN NOT j.waits_for_rows THEN j.parameters END,
           'blocks_per_call', round(j.blocks_per_call::numeric, 1),
           'waits', j.waits,
           'plans', j.plans,
           'read_ms', round(j.read_ms::numeric, 1),
           'lock_timeouts', j.lock_timeouts,
           'userid', j.userid::int8,
           'toplevel', j.toplevel,
           'since', j.since)) AS evidence
FROM judged j, limits l
