-- missing_pg_stat_statements: the tests' server loads it, so here: created (no
-- finding), not created, outdated.  The states before it is loaded are in
-- t/010_preload_fix.pl, which can restart its servers.
\ir ../rule.psql
SELECT plan(11);

SELECT ok(NOT test.found('missing_pg_stat_statements', 'extension pg_stat_statements'),
          'not reported where it is loaded and created');

DROP EXTENSION pg_stat_statements;
SELECT matches(detail, 'not an extension of this database', 'reported where it is not created')
FROM test.finding('missing_pg_stat_statements', 'extension pg_stat_statements');

SELECT is(severity, 'info', 'for the record, because dbadvisor observes statements itself')
FROM test.finding('missing_pg_stat_statements', 'extension pg_stat_statements');
SET dbadvisor.observe = off;
SELECT is(r ->> 'severity', 'notice', 'or as a notice where it does not')
FROM test.rows_with('missing_pg_stat_statements', 's.reset_val', 's.setting') r;
RESET dbadvisor.observe;

SELECT coalesce(jsonb_agg(to_jsonb(r)), '[]') AS as_superuser
FROM dbadvisor.recommendations('{config}', 'info') r WHERE r.rule = 'missing_pg_stat_statements' \gset
SET ROLE pg_monitor;
SELECT coalesce(jsonb_agg(to_jsonb(r)), '[]') AS as_monitor
FROM dbadvisor.recommendations('{config}', 'info') r WHERE r.rule = 'missing_pg_stat_statements' \gset
RESET ROLE;
SELECT is(:'as_monitor'::text, :'as_superuser', 'pg_monitor is told the same');

SELECT undo FROM test.finding('missing_pg_stat_statements', 'extension pg_stat_statements') \gset
SELECT test.commands('missing_pg_stat_statements', 'extension pg_stat_statements', 'fix') \gexec
SELECT ok(NOT test.found('missing_pg_stat_statements', 'extension pg_stat_statements'), 'the fix ends it');
:undo
SELECT ok(test.found('missing_pg_stat_statements', 'extension pg_stat_statements'), 'and the undo takes it back');

CREATE EXTENSION pg_stat_statements VERSION '1.8';
SELECT matches(detail, 'of version 1.8 ', 'an old version is reported')
FROM test.finding('missing_pg_stat_statements', 'extension pg_stat_statements');
SELECT is(undo, NULL, 'as one that cannot be taken back')
FROM test.finding('missing_pg_stat_statements', 'extension pg_stat_statements');
SELECT test.commands('missing_pg_stat_statements', 'extension pg_stat_statements', 'fix') \gexec
SELECT ok(NOT test.found('missing_pg_stat_statements', 'extension pg_stat_statements'), 'until it is updated');

DROP EXTENSION pg_stat_statements;
CREATE EXTENSION pg_stat_statements VERSION '1.9';
SELECT ok(NOT test.found('missing_pg_stat_statements', 'extension pg_stat_statements'),
          'an older one that has all the columns is left alone');

SELECT * FROM finish();
