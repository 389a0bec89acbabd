-- no_gain: index that was recommended and built, and whose statements are no faster
-- category: index
-- severity: notice
-- needs: primary
-- examines: dbadvisor.findings
--
-- A recommendation rests on the planner's estimates; what counts is what happens.
-- snapshot() remembers what the statements took that an index was recommended
-- for, notices when the index is there, whoever built it, and compares: each
-- statement with itself, its mean time before and since.
--
-- Reported is an index whose statements ran at least 30 times and 10 minutes
-- since it was noticed, and take less than 10 % less than before (notice), or at
-- least 10 % more (warning). It is measured again at each snapshot, until the gain
-- is there: a cold cache or a burst of work passes.
--
-- Fix: drop it again. What it replaced is made again first. The undo statement
-- makes the index again.
--
-- Not reported: an index that has proved its worth (dbadvisor.findings has it as
-- verified, with the gain), one whose statements ran too seldom since, one of a
-- constraint, and one that is gone again.

WITH built AS MATERIALIZED (
    SELECT f.*, dbadvisor.built_index(f.fix) AS index
    FROM dbadvisor.findings f
    WHERE f.status IN ('no_gain', 'regressed')
      AND f.measured IS NOT NULL
), measured AS (
    SELECT DISTINCT ON (b.index) b.*,
           (b.measured ->> 'calls')::bigint AS calls,
           (b.measured ->> 'ms')::float8 AS ms,
           (b.measured ->> 'expected_ms')::float8 AS expected_ms,
           (b.measured ->> 'at')::timestamptz - b.applied_at AS counted,
           (SELECT count(*) FROM jsonb_object_keys(b.measured -> 'statements')) AS statements
    FROM built b
    WHERE b.index IS NOT NULL
      AND NOT EXISTS (SELECT FROM pg_constraint con WHERE con.conindid = b.index)
    ORDER BY b.index, b.status DESC, b.applied_at
)
SELECT 'pg_class'::regclass::oid AS classid,
       m.index AS objid,
       0 AS objsubid,
       format('Recommended on %s and built, but %s, which ran %s times in %s since, %s: %s a call, %s before.',
              m.first_seen::date,
              CASE m.statements WHEN 1 THEN 'the statement that it was for'
                   ELSE format('the %s statements that it was for', m.statements) END,
              m.calls,
              dbadvisor.in_words(extract(epoch FROM m.counted)::float8 * 1000),
              CASE WHEN m.status = 'regressed'
                   THEN format('%s %s times as long', CASE m.statements WHEN 1 THEN 'takes' ELSE 'take' END,
                               round((m.ms / m.expected_ms)::numeric, 1))
                   ELSE format('%s not faster', CASE m.statements WHEN 1 THEN 'is' ELSE 'are' END) END,
              dbadvisor.in_words(m.ms / m.calls),
              dbadvisor.in_words(m.expected_ms / m.calls)) AS detail,
       CASE m.status WHEN 'regressed' THEN 'warning' ELSE 'notice' END AS severity,
       CASE WHEN m.status = 'regressed'
            THEN (m.ms - m.expected_ms) / (extract(epoch FROM m.counted)::float8 / 3600) END AS saves_ms_per_hour,
       s.bytes AS frees_bytes,
       CASE m.status WHEN 'regressed' THEN 0.8 ELSE 0.6 END::float8 AS confidence,
       concat((SELECT string_agg(rtrim(command, ';') || E';\n', '' ORDER BY n)
               FROM regexp_split_to_table(m.undo, E';\n') WITH ORDINALITY AS u(command, n)
               WHERE m.rule = 'replace_index'
                 AND command ~* '^\s*create\s'),
              format('DROP INDEX %s%I.%I;',
                     CASE c.relkind WHEN 'I' THEN '' ELSE 'CONCURRENTLY ' END, n.nspname, c.relname)) AS fix,
       d.definition || ';' || dbadvisor.index_extras(m.index) AS undo,
       concat_ws(' ',
           CASE c.relkind WHEN 'I'
                THEN 'Takes ACCESS EXCLUSIVE on the table and its partitions for a moment: set lock_timeout.'
                ELSE 'Blocks no reads or writes; waits for transactions that use the table, and cannot run inside a transaction block.' END,
           'Look first whether something else changed in that time: more rows, more load, other values. Other statements may use the index by now: unused_index tells.') AS caution,
       jsonb_build_object(
           'recommendation', m.id,
           'rule', m.rule,
           'recommended', m.first_seen,
           'applied', m.applied_at,
           'calls', m.calls,
           'ms_per_call', round((m.ms / m.calls)::numeric, 3),
           'ms_per_call_before', round((m.expected_ms / m.calls)::numeric, 3),
           'gain', round((m.measured ->> 'gain')::numeric, 4),
           'bytes', s.bytes,
           'statements', m.measured -> 'statements') AS evidence
FROM measured m
JOIN pg_class c ON c.oid = m.index
JOIN pg_namespace n ON n.oid = c.relnamespace
CROSS JOIN LATERAL (
    SELECT sum(dbadvisor.relation_bytes(leaf))::bigint AS bytes
    FROM dbadvisor.partition_leaves(m.index) AS leaf) s
CROSS JOIN LATERAL (
    SELECT dbadvisor.index_definition(m.index) AS definition) d
WHERE d.definition IS NOT NULL
