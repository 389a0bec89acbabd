-- missing_index: index that would make the observed statements cheaper
-- category: index
-- severity: notice
-- needs: statements
-- examines: dbadvisor.known_statements
--
-- The statements that were observed are planned again, with the values that were
-- sampled, as if indexes were there that are not; those are proposed that together
-- save most time, after what writing them costs. The costs are the planner's own: an
-- index that it would not use is not proposed. What a statement takes is measured,
-- what it would take is that times the share by which its estimated cost falls.
--
-- Reported is an index that saves 1 s an hour or more and without which no tenth of
-- some statement's cost could be saved, and that makes no statement dearer by more
-- than dbadvisor.max_regression (10 %). Severity is warning where it saves 6 minutes an
-- hour (10 % of it), notice from 36 s on (1 %), else info; and info while less than an
-- hour has been observed, and where what it serves ran fewer than 5 times.
--
-- Where statements are not observed, those that pg_stat_statements counted are planned
-- without values: no index with WHERE can be proposed for these then, and of columns
-- with very uneven values the advice is a guess. The confidence says so.
--
-- Fix: create the index. CREATE INDEX CONCURRENTLY blocks no writes. On a partitioned
-- table the script makes it a partition at a time. The caution says how long that
-- takes, what writing costs from then on, and which updates would no longer be HOT.
--
-- Not reported: tables of fewer than 1000 rows or 50 pages, system and temporary
-- tables, those of extensions, and those that were never analyzed (see
-- never_analyzed). Statements that cannot be planned again, because a table was
-- dropped or is locked, or they are other users' and read what the caller may not
-- read, are left out, and coverage() counts them; so are those that take a thousandth of
-- all time together. For all of them ask as a superuser, or as a member of pg_monitor
-- and pg_read_all_data.

WITH limits AS MATERIALIZED (
    SELECT 1000 AS min_ms_per_hour,
           36 * 1000 AS notable_ms_per_hour,
           360 * 1000 AS heavy_ms_per_hour,
           0.1 AS min_share,
           5 AS min_times,
           least('1 hour', current_setting('dbadvisor.min_window')::interval) AS min_observed
)
SELECT NULL::oid AS classid,
       NULL::oid AS objid,
       NULL::int AS objsubid,
       a.object,
       a.detail,
       CASE WHEN a.observed < l.min_observed
                 OR a.times < l.min_times
                 OR a.saves_ms_per_hour < l.notable_ms_per_hour THEN 'info'
            WHEN a.saves_ms_per_hour >= l.heavy_ms_per_hour THEN 'warning'
            ELSE 'notice' END AS severity,
       a.saves_ms_per_hour,
       a.confidence,
       a.fix,
       a.undo,
       a.caution,
       a.evidence
FROM dbadvisor.advised_indexes('index') a
CROSS JOIN limits l
WHERE a.saves_ms_per_hour >= l.min_ms_per_hour
  AND a.best_share >= l.min_share
