-- deadlocks: statements that lock each other out, again and again
-- category: locks
-- severity: notice
-- needs: observing
-- examines: dbadvisor.statements
--
-- Two transactions that each wait for what the other has locked wait for ever.
-- The server notices after deadlock_timeout, and ends one of them with an error:
-- all its work is lost, both have waited, and whoever cannot repeat the
-- transaction has lost an order.
--
-- Reported are the statements that were ended so, with the one that they met
-- the last time. Two statements that meet each other are one finding, and so are
-- all that meet over the same tables; it has the name of the one with the smallest
-- queryid, so that it stays the same whoever loses more often. Constants are left
-- out of the texts. Severity is warning from one deadlock an hour on, notice from
-- one a day, else info, as it is below three deadlocks and while statements were
-- observed for less than an hour. At most 20.
--
-- The saving is what can be said with certainty: deadlock_timeout for each
-- deadlock, for which the loser waited in vain (and no more than the time that
-- its failed executions took). The work that is thrown away, and the waiting of
-- the other side, come on top. None is claimed for what is only info because it is
-- too little, or too early, to be a rate.
--
-- Fix: none that is a command. A deadlock goes away when all transactions lock
-- in one order; the caution says of what: rows of one table, tables, table locks
-- or advisory locks. Until then the application has to repeat the transaction.
-- The shorter a transaction is, the more seldom it meets another.
--
-- Not reported: statements whose last deadlock is more than a week ago. The
-- other side is not named where dbadvisor.capture_parameters is off, or when
-- many others came after it (the last 64 events of the server are kept in
-- words).

WITH limits AS MATERIALIZED (
    SELECT 3 AS min_deadlocks,
           1.0 / 24 AS notice_per_hour,
           1.0 AS warning_per_hour,
           interval '7 days' AS max_age,
           least('1 hour', current_setting('dbadvisor.min_window')::interval) AS min_counted,
           extract(epoch FROM current_setting('deadlock_timeout')::interval)::float8 * 1000 AS timeout_ms,
           400 AS compared_characters,
           20 AS max_findings
), here AS MATERIALIZED (
    SELECT d.oid AS dbid
    FROM pg_database d
    WHERE d.datname = current_database()
), statements AS MATERIALIZED (
    -- The last deadlock of a statement may have left the last events; then it is
    -- known only that it was not after the last one of the database.
    SELECT s.queryid,
           (array_agg(s.query ORDER BY s.total_ms DESC, s.query))[1] AS query,
           sum(s.deadlocks)::bigint AS deadlocks,
           sum(s.error_ms) AS error_ms,
           (SELECT i.since FROM dbadvisor.store i) AS since,
           (SELECT c.last_at FROM dbadvisor.event_counts c WHERE c.kind = 'deadlock') AS last_of_all
    FROM dbadvisor.statements s
    JOIN here ON here.dbid = s.dbid
    WHERE s.queryid IS NOT NULL
    GROUP BY s.queryid
), events AS MATERIALIZED (
    -- Who waits for whom, then the texts: the loser's, whom that one waited for, ...
    SELECT DISTINCT ON (e.queryid)
           e.queryid,
           e.at,
           e.detail,
           regexp_split_to_array(e.detail, format('\n[^0-9\n]{1,40}(?:%s): ', w.numbers)) AS parts
    FROM dbadvisor.events e
    JOIN here ON here.dbid = e.dbid
    CROSS JOIN LATERAL (
        -- Only a process that waited begins a text: a string may have such lines, too.
        SELECT string_agg(m.number[1], '|') AS numbers
        FROM regexp_matches(regexp_replace(e.detail, '\n[^0-9\n]{1,40}[0-9]+: .*', ''), '[0-9]+', 'g') AS m(number)) w
    WHERE e.kind = 'deadlock'
      AND e.queryid IS NOT NULL
    ORDER BY e.queryid, e.at DESC
), losers AS MATERIALIZED (
    SELECT s.*,
           coalesce(e.at, s.last_of_all) AS last_at,
           e.parts[1] AS waits,
           e.parts[3:] AS other_texts,
           greatest(cardinality(e.parts) - 1, 2) AS sides
    FROM statements s
    CROSS JOIN limits l
    LEFT JOIN events e ON e.queryid = s.queryid
    WHERE s.deadlocks > 0
      AND coalesce(e.at, s.last_of_all) >= now() - l.max_age
      AND s.query !~* 'dbadvisor[.]|pg_stat_statements'
), texts AS (
    SELECT s.queryid, 0 AS place, s.query AS text FROM statements s WHERE EXISTS (SELECT FROM losers)
    UNION ALL
    SELECT v.queryid, o.place, o.text FROM losers v CROSS JOIN unnest(v.other_texts) WITH ORDINALITY o (text, place)
), shapes AS MATERIALIZED (
    -- One statement's texts are the same once comments, constants and spaces are out of them.
    SELECT t.queryid,
           t.place,
           p.shown,
           left(regexp_replace(p.shown, '\?( ?, ?\?)+', '?', 'g'), l.compared_characters) AS shape
    FROM texts t
    CROSS JOIN limits l
    CROSS JOIN LATERAL (
        -- From 18 on a list of constants is $1 with a comment for the others.
        SELECT btrim(dbadvisor.without_constants(replace(left(t.text, 10 * l.compared_characters),
                                                         ' /*, ... */', '')), '; ') AS shown) p
), pairs AS MATERIALIZED (
    SELECT v.*,
           own.shown AS own_shown,
           other.shown AS other_shown,
           own.shape = other.shape AS is_same,
           partner.queryid AS partner
    FROM losers v
    JOIN shapes own ON own.queryid = v.queryid AND own.place = 0
    LEFT JOIN LATERAL (
        -- Others that run the same statement may only queue for the same row.
        SELECT o.shown, o.shape
        FROM shapes o
        WHERE o.queryid = v.queryid
          AND o.place > 0
        ORDER BY o.shape = own.shape, o.place
        LIMIT 1) other ON true
    LEFT JOIN LATERAL (
        SELECT p.queryid
        FROM shapes p
        WHERE p.place = 0
          AND p.shape = other.shape
        ORDER BY p.queryid = v.queryid DESC, p.queryid
        LIMIT 1) partner ON true
), meeting_pairs AS MATERIALIZED (
    -- Whose own event is gone may be known from the other's.
    SELECT p.queryid, p.deadlocks, p.error_ms, p.since, p.last_at, p.waits, p.sides,
           p.own_shown, p.other_shown, p.is_same,
           coalesce(p.partner, (SELECT min(o.queryid) FROM pairs o
                                WHERE o.partner = p.queryid
                                  AND o.queryid <> p.queryid)) AS partner
    FROM pairs p
), tables AS MATERIALIZED (
    SELECT sc.queryid,
           format('%I.%I', n.nspname, c.relname) AS name
    FROM dbadvisor.statement_columns sc
    JOIN here ON here.dbid = sc.dbid
    JOIN pg_class c ON c.oid = sc.relation
    JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE EXISTS (SELECT FROM meeting_pairs p WHERE sc.queryid IN (p.queryid, p.partner))
), meetings AS MATERIALIZED (
    SELECT min(p.queryid) AS queryid,
           m.tables,
           sum(p.deadlocks)::bigint AS deadlocks,
           sum(p.error_ms) AS error_ms,
           max(p.last_at) AS last_at,
           greatest(0.001, extract(epoch FROM now() - min(p.since)) / 3600)::float8 AS hours,
           min(p.since) AS since,
           (array_agg(p.own_shown ORDER BY p.queryid))[1] AS own_shown,
           (array_agg(p.other_shown ORDER BY p.queryid))[1] AS other_shown,
           (array_agg(p.is_same ORDER BY p.queryid))[1] AS is_same,
           (array_agg(p.waits ORDER BY p.queryid))[1] AS waits,
           max(p.sides) AS sides,
           jsonb_agg(jsonb_build_object('queryid', p.queryid::text,
                                        'statement', p.own_shown,
                                        'deadlocks', p.deadlocks,
                                        'met_queryid', p.partner::text,
                                        'met', p.other_shown)
                     ORDER BY p.deadlocks DESC, p.queryid) AS statements
    FROM meeting_pairs p
    CROSS JOIN LATERAL (
        SELECT least(p.queryid, p.partner) AS first,
               greatest(p.queryid, p.partner) AS second,
               (SELECT array_agg(DISTINCT t.name) FROM tables t
                WHERE t.queryid IN (p.queryid, p.partner)) AS tables) m
    -- With whom it was is not known: then its tables are not all there were.
    GROUP BY m.tables, p.partner IS NULL,
             CASE WHEN m.tables IS NULL OR p.partner IS NULL THEN m.first END,
             CASE WHEN m.tables IS NULL THEN m.second END
), judged AS (
    SELECT m.*,
           m.deadlocks / m.hours AS per_hour,
           m.deadlocks >= l.min_deadlocks
           AND m.hours >= extract(epoch FROM l.min_counted) / 3600 AS is_rate,
           CASE WHEN m.waits ~ '\[' THEN 'advisory locks'
                WHEN m.waits ~ '(Access(Share|Exclusive)|Row(Share|Exclusive)|Share(RowExclusive|UpdateExclusive))Lock' THEN 'table locks'
                ELSE 'rows' END AS what
    FROM meetings m
    CROSS JOIN limits l
    ORDER BY m.deadlocks DESC, m.queryid
    LIMIT (SELECT max_findings FROM limits)
), named AS (
    SELECT j.*,
           dbadvisor.in_one_line(j.own_shown) AS own,
           CASE WHEN j.other_shown IS NOT NULL THEN dbadvisor.in_one_line(j.other_shown) END AS other
    FROM judged j
)
SELECT NULL::oid AS classid,
       NULL::oid AS objid,
       NULL::int AS objsubid,
       'statement ' || n.queryid AS object,
       format('%s in %s, the last on %s, each of which ended a transaction: %s %s',
              CASE n.deadlocks WHEN 1 THEN '1 deadlock' ELSE format('%s deadlocks', n.deadlocks) END,
              dbadvisor.in_words(n.hours * 3600 * 1000),
              to_char(n.last_at, 'YYYY-MM-DD HH24:MI'),
              n.own,
              CASE WHEN n.is_same THEN '(two executions of it locked each other out)'
                   WHEN n.other IS NOT NULL THEN format('(each waited for the other; the other: %s)', n.other)
                   ELSE '(with whom is not known)' END) AS detail,
       CASE WHEN NOT n.is_rate OR n.per_hour < l.notice_per_hour THEN 'info'
            WHEN n.per_hour >= l.warning_per_hour THEN 'warning'
            ELSE 'notice' END AS severity,
       CASE WHEN n.is_rate THEN least(n.per_hour * l.timeout_ms, n.error_ms / n.hours) END AS saves_ms_per_hour,
       CASE WHEN n.is_rate THEN n.error_ms / n.hours END AS costs_ms_per_hour,
       CASE WHEN n.deadlocks < l.min_deadlocks THEN 0.5 ELSE 0.9 END::float8 AS confidence,
       concat_ws(' ',
           CASE WHEN n.what = 'advisory locks'
                THEN 'They waited for advisory locks: let every transaction take those in one order, the smallest key first.'
                WHEN n.what = 'table locks'
                THEN 'They waited for locks on tables: let every transaction lock the tables in one order, each at once in the strongest mode that it will need. Schema changes belong in transactions of their own, with lock_timeout.'
                WHEN n.is_same
                THEN format('Both lock rows of %s, each in an order of its own. Let every transaction write them in one order (sort by the key before the loop), or lock them first: SELECT .. WHERE .. ORDER BY the key FOR UPDATE.',
                            coalesce(array_to_string(n.tables, ', '), 'one table'))
                ELSE format('They lock the same rows%s in different order. Let every transaction write the tables in one order, and the rows of each by their key; or lock first what the whole transaction will write: SELECT .. ORDER BY the key FOR UPDATE.',
                            coalesce(' of ' || array_to_string(n.tables, ', '), '')) END,
           'What comes between the first lock and COMMIT makes it worse: calls of other services, work that needs no lock.',
           'The application must repeat a transaction that fails with SQLSTATE 40P01.',
           CASE WHEN n.sides > 2 THEN format('Up to %s transactions waited in a circle.', n.sides) END) AS caution,
       jsonb_build_object(
           'deadlocks', n.deadlocks,
           'per_hour', round(n.per_hour::numeric, 3),
           'since', n.since,
           'last_at', n.last_at,
           'statements', n.statements,
           'meets_itself', n.is_same,
           'sides', n.sides,
           'waited_for', n.what,
           'tables', to_jsonb(n.tables),
           'deadlock_timeout_ms', l.timeout_ms,
           'failed_ms', round(n.error_ms::numeric, 1)) AS evidence
FROM named n
CROSS JOIN limits l
