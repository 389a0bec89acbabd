-- inactive_slot: a slot that nobody reads is reported by the WAL that it keeps,
-- and one whose WAL is going, or gone, whatever its size; a new, a temporary and
-- an empty one are not. Dropping it ends the finding.
\ir ../rule.psql
SELECT plan(16);

CREATE FUNCTION test.write_wal(segments int) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    FOR i IN 1 .. segments LOOP
        PERFORM pg_logical_emit_message(false, '', '');
        PERFORM pg_switch_wal();
    END LOOP;
END $$;
-- Has the server read its configuration, and waits until this session has, too:
-- it looks between two statements.
\set wait 'SELECT format(''SELECT pg_sleep(0.02) FROM pg_settings WHERE name = %L AND setting <> %L'', ''max_slot_wal_keep_size'', :''limit'') FROM generate_series(1, 500)'
\set found 'test.rows_with(''inactive_slot'', ''interval \'\'5 minutes\'\' AS min_absence'', ''interval \'\'0\'\' AS min_absence'''

SELECT pg_create_physical_replication_slot('keeps', true), pg_create_physical_replication_slot('empty'),
       pg_create_physical_replication_slot('temporary', true, true);
SELECT is((SELECT count(*) FROM :found)), 0::bigint, 'a slot that keeps nothing is not reported');

SELECT setting::int / 10 / 16 + 7 AS segments FROM pg_settings WHERE name = 'max_wal_size' \gset
SELECT test.write_wal(:segments);
SELECT is((SELECT array_agg(concat(found ->> 'object', ' ', found ->> 'severity')) FROM :found) found),
          '{"replication slot keeps notice"}', 'one that keeps WAL is, and no temporary or empty one');
SELECT ok(found ->> 'detail' LIKE '%physical slot%MB of WAL; nothing limits how much%', 'the detail says how much, and what limits it')
FROM :found) found;
SELECT ok((found ->> 'frees_bytes')::bigint BETWEEN 7 * 16 * 1024 * 1024 AND (found -> 'evidence' ->> 'kept_bytes')::bigint,
          'and that it can be freed')
FROM :found) found;
SELECT is(test.found('inactive_slot', 'replication slot keeps'), current_setting('server_version_num')::int < 170000,
          'where it is known since when, a consumer has five minutes to come back');
SELECT is((SELECT array_agg(found ->> 'severity') FROM :found, '1024::bigint * 1024 * 1024 AS warning_bytes', '1024 AS warning_bytes',
                                                       'greatest(warning_bytes, max_wal_bytes)', 'warning_bytes') found),
          '{warning}', 'more is a warning');
SELECT is((SELECT array_agg(found ->> 'severity') FROM :found, '100 * 1024::bigint * 1024 * 1024 AS critical_bytes', '1024 AS critical_bytes',
                                                       'greatest(critical_bytes, max_wal_bytes * 10)', 'critical_bytes') found),
          '{critical}', 'much more is critical while nothing limits it');

SELECT string_agg(concat(found ->> 'object', found ->> 'severity', found ->> 'detail', found ->> 'fix'), '') AS as_superuser FROM :found) found \gset
GRANT USAGE ON SCHEMA test TO pg_monitor;
SET ROLE pg_monitor;
SELECT string_agg(concat(found ->> 'object', found ->> 'severity', found ->> 'detail', found ->> 'fix'), '') AS as_monitor FROM :found) found \gset
RESET ROLE;
SELECT is(:'as_monitor'::text, :'as_superuser'::text, 'pg_monitor gets the same findings');

-- With a limit, the slot is about to be lost, then lost.
SELECT setting::int + 16 * 2 AS limit, (setting::int + 16 * 2) * 1024::bigint * 1024 AS limit_bytes
FROM pg_settings WHERE name = 'max_wal_size' \gset
ALTER SYSTEM SET max_slot_wal_keep_size = :limit;
SELECT pg_reload_conf();
:wait \gexec
SELECT is((SELECT array_agg(found ->> 'severity') FROM :found, '100 * 1024::bigint * 1024 * 1024 AS critical_bytes', '1024 AS critical_bytes',
                                                       'greatest(critical_bytes, max_wal_bytes * 10)', 'critical_bytes') found),
          '{notice}', 'a limit keeps the disk safe');
SELECT ok(found ->> 'detail' LIKE '%after another % its consumer cannot go on%', 'and the detail tells how far it is')
FROM :found) found;
SELECT is((SELECT array_agg(found ->> 'severity') FROM :found, '0.1 AS little_left_share', '1.0 AS little_left_share') found),
          '{warning}', 'little left is a warning');
-- Whoever uses a slot that is lost is ended, so we must not.
SELECT pg_drop_replication_slot('temporary');
\set limit 32
ALTER SYSTEM SET max_slot_wal_keep_size = :limit;
SELECT pg_reload_conf();
:wait \gexec
SELECT is(severity, 'warning', 'WAL that goes at the next checkpoint is a warning')
FROM test.finding('inactive_slot', 'replication slot keeps');
SELECT ok(detail LIKE '%the next checkpoint removes them.', 'which says so')
FROM test.finding('inactive_slot', 'replication slot keeps');
CHECKPOINT;
SELECT is(severity, 'critical', 'WAL that is gone is critical')
FROM test.finding('inactive_slot', 'replication slot keeps');
SELECT ok(frees_bytes IS NULL AND caution LIKE 'The slot is of no more use%', 'though there is nothing to free any more')
FROM test.finding('inactive_slot', 'replication slot keeps');
ALTER SYSTEM RESET max_slot_wal_keep_size;
SELECT pg_reload_conf();

SELECT test.commands('inactive_slot', 'replication slot keeps', 'fix') \gexec
SELECT is((SELECT array_agg(object) FROM dbadvisor.recommendations('{replication}', 'info') WHERE rule = 'inactive_slot'),
          NULL::text[], 'dropping it ends the finding');
SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots;

SELECT * FROM finish();
