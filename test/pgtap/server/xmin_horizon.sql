-- xmin_horizon: who keeps VACUUM from removing dead rows is reported with the
-- means to end it: idle and running sessions, prepared transactions, slots. A
-- session that holds nothing is not, nor are we ourselves. While somebody holds,
-- vacuum_overdue says that VACUUM alone will not help.
--
-- Prepared transactions and logical slots are tested where the server has
-- max_prepared_transactions and wal_level = logical.
\ir ../rule.psql
SELECT plan(31);
CREATE EXTENSION dblink;

SELECT current_setting('max_prepared_transactions')::int > 0 AS can_prepare,
       current_setting('wal_level') = 'logical' AS is_logical,
       current_database() AS here,
       format('host=%L port=%s user=%L dbname=', split_part(current_setting('unix_socket_directories'), ',', 1),
              current_setting('port'), current_user) AS server \gset

CREATE FUNCTION test.burn(xids int) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    FOR i IN 1 .. xids LOOP
        BEGIN
            PERFORM pg_logical_emit_message(true, '', '');
        EXCEPTION WHEN raise_exception THEN
            NULL;
        END;
    END LOOP;
END $$;
CREATE FUNCTION test.pid(connection text) RETURNS text LANGUAGE sql AS
    $$SELECT pid FROM dblink(connection, 'SELECT pg_backend_pid()') AS d(pid int)$$;

CREATE TABLE t WITH (autovacuum_enabled = off) AS
    SELECT i AS id, repeat('x', 180) AS pad FROM generate_series(1, 60000) i;

SELECT is((SELECT array_agg(object) FROM dbadvisor.recommendations('{vacuum}', 'info') WHERE rule = 'xmin_horizon'),
          NULL::text[], 'on a quiet server nobody is reported');

-- An open snapshot; one transaction with a number, and one without either.
SELECT dblink_connect('snapshot', :'server' || :'here'), dblink_connect('writer', :'server' || :'here'),
       dblink_connect('harmless', :'server' || :'here'), dblink_connect('runner', :'server' || :'here'),
       dblink_connect('reads elsewhere', :'server' || 'postgres'), dblink_connect('writes elsewhere', :'server' || 'postgres');
SELECT test.pid('snapshot') AS snapshot, test.pid('writer') AS writer, test.pid('harmless') AS harmless,
       test.pid('runner') AS runner, test.pid('reads elsewhere') AS reads_elsewhere,
       test.pid('writes elsewhere') AS writes_elsewhere \gset
SELECT dblink_exec('snapshot', $$SET application_name = 'Nightly "report"'$$);
SELECT dblink_exec(c, 'BEGIN ISOLATION LEVEL REPEATABLE READ') FROM unnest('{snapshot,reads elsewhere}'::text[]) c;
SELECT dblink_exec(c, 'BEGIN') FROM unnest('{writer,writes elsewhere,harmless}'::text[]) c;
SELECT d.* FROM unnest('{snapshot,reads elsewhere,harmless}'::text[]) c, dblink(c, 'SELECT 1') AS d(one int);
SELECT d.* FROM unnest('{writer,writes elsewhere}'::text[]) c, dblink(c, 'SELECT pg_current_xact_id()::text') AS d(xid text);
SELECT dblink_send_query('runner', 'SELECT pg_sleep(600)');
DO $$ BEGIN WHILE NOT EXISTS (SELECT FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(600)' AND state = 'active' AND backend_xmin IS NOT NULL) LOOP PERFORM pg_sleep(0.01); PERFORM pg_stat_clear_snapshot(); END LOOP; END $$;
SELECT test.burn(200000);

SELECT is((SELECT array_agg(object) FROM dbadvisor.recommendations('{vacuum}', 'info') WHERE rule = 'xmin_horizon'),
          NULL::text[], 'nor is a short transaction of few others');
SELECT is((SELECT array_agg(found ->> 'object' ORDER BY found ->> 'object')
           FROM test.rows_with('xmin_horizon', 'interval ''5 minutes'' AS notice_idle', 'interval ''0'' AS notice_idle') found),
          (SELECT array_agg('session ' || pid ORDER BY 'session ' || pid)
           FROM unnest(ARRAY[:'snapshot', :'writer', :'writes_elsewhere']) pid),
          'by the time idle: snapshots here, writers everywhere');
SELECT is((SELECT array_agg(found ->> 'severity') FROM test.rows_with('xmin_horizon', 'interval ''15 minutes'' AS warning_idle', 'interval ''0'' AS warning_idle') found),
          '{warning,warning,warning}', 'as warning when it is longer');
SELECT is((SELECT array_agg(found ->> 'object' ORDER BY found ->> 'object')
           FROM test.rows_with('xmin_horizon', 'interval ''1 hour'' AS notice_running', 'interval ''0'' AS notice_running') found),
          (SELECT array_agg('session ' || pid ORDER BY 'session ' || pid)
           FROM unnest(ARRAY[:'snapshot', :'writer', :'writes_elsewhere', :'runner']) pid),
          'by the time open: the active one as well');
SELECT is((SELECT count(*) FROM test.rows_with('xmin_horizon', 'interval ''5 minutes'' AS notice_idle', 'interval ''0'' AS notice_idle',
                                               'interval ''15 minutes'' AS warning_idle', 'interval ''0'' AS warning_idle',
                                               'interval ''1 hour'' AS notice_running', 'interval ''0'' AS notice_running',
                                               '1000 AS min_xids_by_time', '300000 AS min_xids_by_time')),
          0::bigint, 'but not where little happened meanwhile');
SELECT is((SELECT array_agg(DISTINCT found ->> 'severity') FROM test.rows_with('xmin_horizon', '10000000 AS warning_xids', '150000 AS warning_xids') found),
          '{warning}', 'by transactions: a warning');
SELECT is((SELECT array_agg(DISTINCT found ->> 'severity') FROM test.rows_with('xmin_horizon', '100000000 AS critical_xids', '150000 AS critical_xids') found),
          '{critical}', 'or critical');

-- VACUUM cannot help, and the rules that advise it say so.
DELETE FROM t WHERE id <= 20000;
:flush
SELECT matches(caution, 'Session [0-9]+ keeps what died in the last [0-9,]+ transactions', 'vacuum_overdue names the holder')
FROM test.finding('vacuum_overdue', 'public.t');

-- A million transactions later.
SELECT test.burn(800000);
SELECT is(severity, 'notice', 'an old snapshot is a notice')
FROM test.finding('xmin_horizon', 'session ' || :'snapshot');
SELECT matches(detail, 'in any table during the last 1,[0-9,]+ transactions: idle for [0-9]+ seconds in a transaction open for [0-9]+ seconds, user [^,]+, application "Nightly ""report"""[.]$',
               'and the detail says how old and whose it is')
FROM test.finding('xmin_horizon', 'session ' || :'snapshot');
SELECT ok(test.found('xmin_horizon', 'session ' || :'writer'), 'a transaction with a number is found without a snapshot');
SELECT ok(NOT test.found('xmin_horizon', 'session ' || :'runner'), 'a statement that reaches back to it only because it came later is not');
SELECT ok(NOT test.found('xmin_horizon', 'session ' || :'harmless'), 'an idle transaction that holds nothing is not');
SELECT ok(NOT test.found('xmin_horizon', 'session ' || :'reads_elsewhere'), 'nor one that reads another database');
SELECT ok(test.found('xmin_horizon', 'session ' || :'writes_elsewhere'), 'but one that writes there is');
SELECT ok(caution LIKE '%Alone this frees nothing: session ' || :'snapshot' || ' reaches as far back, or further.', 'the oldest is named')
FROM test.finding('xmin_horizon', 'session ' || :'writes_elsewhere');
SELECT ok(caution NOT LIKE '%Alone%', 'except by the oldest itself')
FROM test.finding('xmin_horizon', 'session ' || :'snapshot');

BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT pg_current_xact_id();
SELECT ok(NOT EXISTS (SELECT FROM dbadvisor.xmin_holders WHERE pid = pg_backend_pid()), 'we ourselves are not');
COMMIT;

SELECT string_agg(concat(object, severity, fix), ' ' ORDER BY rank) AS as_superuser
FROM dbadvisor.recommendations('{vacuum}', 'info') WHERE rule = 'xmin_horizon' \gset
SET ROLE pg_monitor;
SELECT string_agg(concat(object, severity, fix), ' ' ORDER BY rank) AS as_monitor
FROM dbadvisor.recommendations('{vacuum}', 'info') WHERE rule = 'xmin_horizon' \gset
RESET ROLE;
SELECT is(:'as_monitor'::text, :'as_superuser'::text, 'pg_monitor gets the same findings');

-- The fix ends the transaction it is about, and no later one of that session.
CREATE TABLE fixes AS SELECT * FROM test.commands('xmin_horizon', 'session ' || :'writer', 'fix') AS command;
SELECT dblink_exec('writer', 'COMMIT');
SELECT dblink_exec('writer', 'BEGIN');
SELECT * FROM dblink('writer', 'SELECT pg_current_xact_id()::text') AS d(xid text);
SELECT command FROM fixes \gexec
SELECT ok(EXISTS (SELECT FROM pg_stat_activity WHERE pid = :'writer'::int), 'a fix that comes too late ends nothing');
SELECT dblink_disconnect('writer');
SELECT ok(test.found('xmin_horizon', 'session ' || :'runner'), 'once that is gone a statement that came later holds by itself');

SELECT command
FROM dbadvisor.recommendations('{vacuum}', 'info') r, unnest(string_to_array(r.fix, E';\n')) AS command
WHERE r.rule = 'xmin_horizon' \gexec
DO $$ BEGIN WHILE EXISTS (SELECT FROM dbadvisor.xmin_holders WHERE kind = 'session' AND held_xids > 100000) LOOP PERFORM pg_sleep(0.01); PERFORM pg_stat_clear_snapshot(); END LOOP; END $$;
SELECT is((SELECT array_agg(object) FROM dbadvisor.recommendations('{vacuum}', 'info') WHERE rule = 'xmin_horizon'),
          NULL::text[], 'the fixes end the findings');
SELECT ok(caution NOT LIKE '%transactions%', 'and VACUUM can help again')
FROM test.finding('vacuum_overdue', 'public.t');
SELECT dblink_disconnect('harmless'), dblink_disconnect('reads elsewhere');

-- A prepared transaction.
\if :can_prepare
BEGIN;
SELECT pg_current_xact_id();
PREPARE TRANSACTION 'It''s "mine"';
SELECT is((SELECT count(*) FROM dbadvisor.xmin_holders WHERE kind = 'prepared transaction' AND held_xids < 1000), 1::bigint, 'a prepared transaction holds');
SELECT ok(NOT test.found('xmin_horizon', 'prepared transaction ''It''''s "mine"'''), 'which is nothing if it is new');
SELECT is((SELECT array_agg(found ->> 'severity') FROM test.rows_with('xmin_horizon', 'interval ''5 minutes'' AS notice_prepared', 'interval ''0'' AS notice_prepared') found),
          '{notice}', 'but matters after some minutes');
SELECT is((SELECT array_agg(found ->> 'severity') FROM test.rows_with('xmin_horizon', 'interval ''1 hour'' AS warning_prepared', 'interval ''0'' AS warning_prepared') found),
          '{warning}', 'and more after an hour');
SELECT found ->> 'fix' FROM test.rows_with('xmin_horizon', 'interval ''1 hour'' AS warning_prepared', 'interval ''0'' AS warning_prepared') found \gexec
SELECT is((SELECT count(*) FROM pg_prepared_xacts), 0::bigint, 'its fix rolls it back');
\else
SELECT skip('max_prepared_transactions is 0', 5);
\endif

-- A logical slot holds the catalogs back.
\if :is_logical
SELECT pg_create_logical_replication_slot('catalogs', 'pgoutput');
SELECT test.burn(100000);
SELECT ok(found ->> 'detail' ~ 'in system catalogs during the last 10[0-9],[0-9]+ transactions: nobody uses this logical slot(, for [0-9]+ seconds by now)?[.]$', 'an unused logical slot is reported')
FROM test.rows_with('xmin_horizon', '1000000 AS notice_xids', '100000 AS notice_xids') found;
SELECT found ->> 'fix' FROM test.rows_with('xmin_horizon', '1000000 AS notice_xids', '100000 AS notice_xids') found \gexec
SELECT is((SELECT count(*) FROM pg_replication_slots), 0::bigint, 'its fix drops it');
\else
SELECT skip('wal_level is not logical', 2);
\endif

SELECT * FROM finish();
