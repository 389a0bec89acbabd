-- coverage.sql: one record a rule, for print.awk.
\set ON_ERROR_STOP 1
SELECT 'coverage', c.category || '/' || c.rule, c.status, c.examined, c.found, c.skipped,
       c.ms::numeric(10, 1), c.reason
FROM dbadvisor.coverage() c;
