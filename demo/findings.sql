-- findings.sql: one record a finding, for print.awk. The variable "categories"
-- may hold an array of categories, "min_severity" a severity.
\set ON_ERROR_STOP 1
\if :{?categories}
\else
    \set categories NULL
\endif
\if :{?min_severity}
\else
    \set min_severity notice
\endif
SELECT 'finding', r.rank, r.severity,
       r.category || '/' || r.rule || coalesce(' (also ' || also.rules || ')', ''),
       r.object, r.detail, r.fix, r.undo, r.caution
FROM dbadvisor.recommendations(:categories, :'min_severity') r
CROSS JOIN LATERAL (
    SELECT string_agg(key, ', ' ORDER BY key) AS rules
    FROM jsonb_object_keys(r.evidence -> 'also') AS key) also
ORDER BY r.rank;
