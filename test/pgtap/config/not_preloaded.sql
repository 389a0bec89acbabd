-- not_preloaded: reported exactly where the server did not load dbadvisor, with
-- a command that keeps what the server loads now.  Executing it is left to
-- t/010_preload_fix.pl, which can restart its servers.
\ir ../rule.psql
SELECT plan(6);

SELECT is(test.found('not_preloaded', 'setting shared_preload_libraries'),
          NOT dbadvisor.is_preloaded(), 'reported exactly where it is not preloaded');
SELECT is((SELECT fix FROM test.finding('not_preloaded', 'setting shared_preload_libraries')),
          (SELECT add_missing FROM dbadvisor.preload_libraries WHERE NOT dbadvisor.is_preloaded()),
          'with the command that adds what is missing');
SELECT ok((SELECT add_missing FROM dbadvisor.preload_libraries)
          ~ '^ALTER SYSTEM SET shared_preload_libraries = .*''pg_stat_statements''.*, ''dbadvisor''.*;$',
          'which keeps the others, each in quotes of its own');

SELECT coalesce(jsonb_agg(to_jsonb(r) ORDER BY r.object), '[]') AS as_superuser
FROM dbadvisor.recommendations('{config}', 'info') r WHERE r.rule = 'not_preloaded' \gset
SET ROLE pg_monitor;
SELECT coalesce(jsonb_agg(to_jsonb(r) ORDER BY r.object), '[]') AS as_monitor
FROM dbadvisor.recommendations('{config}', 'info') r WHERE r.rule = 'not_preloaded' \gset
RESET ROLE;
SELECT is(:'as_monitor'::text, :'as_superuser', 'pg_monitor is told the same');

-- A role that cannot read the setting must not be given a command made from nothing.
CREATE ROLE dbadvisor_test_blind;
GRANT USAGE ON SCHEMA dbadvisor TO dbadvisor_test_blind;
GRANT SELECT ON ALL TABLES IN SCHEMA dbadvisor TO dbadvisor_test_blind;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA dbadvisor TO dbadvisor_test_blind;
SET ROLE dbadvisor_test_blind;
SELECT count(r.fix) AS commands,
       count(*) FILTER (WHERE r.rule = 'not_preloaded') AS findings
FROM dbadvisor.recommendations('{config}', 'info') r
WHERE r.rule IN ('not_preloaded', 'missing_pg_stat_statements') \gset
RESET ROLE;
DROP OWNED BY dbadvisor_test_blind;
DROP ROLE dbadvisor_test_blind;
SELECT is(:commands, 0, 'who may not read the setting gets no command');
SELECT is(:findings, (NOT dbadvisor.is_preloaded())::int, 'but the finding');

SELECT * FROM finish();
