-- replace_index: index that a better one would make superfluous
-- category: index
-- severity: notice
-- needs: statements
-- examines: dbadvisor.known_statements
--
-- The observed statements want an index whose columns begin with those of one that
-- exists. Whatever uses the old one can use the new one as well; so the new one is
-- made, and the old one dropped, and writes maintain no more indexes than before. All
-- that is known of statements was planned again without the old index: none became
-- dearer by more than 5 %.
--
-- Otherwise this is missing_index: the same thresholds, and the same is left out.
--
-- Fix: create the new index; drop the old one, which is the last command, when the new
-- one is valid. Both CONCURRENTLY. The undo makes the old one again first.
--
-- Not reported: what keeps values unique or backs a constraint, replica identity or
-- CLUSTER, and partial indexes with another predicate: these stay, and the new index
-- is proposed by missing_index beside them.

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
FROM dbadvisor.advised_indexes('replacement') a
CROSS JOIN limits l
WHERE a.saves_ms_per_hour >= l.min_ms_per_hour
  AND a.best_share >= l.min_share
