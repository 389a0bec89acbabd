-- hot_blocked: a table whose updates set an indexed column is reported with both, as
-- key, in an expression, in INCLUDE or in WHERE; one whose pages are full with a
-- fillfactor. Those whose updates are HOT, that are small, or were updated as a whole
-- once are not.
\ir ../rule.psql
SELECT plan(35);

SELECT $$SELECT i AS id, 0 AS seen, 'n'::text AS note, i AS part, repeat('x', 120) AS pad FROM generate_series(1, 20000) i$$ AS rows \gset
CREATE TABLE template (id int PRIMARY KEY, seen int, note text, part int, pad text) WITH (autovacuum_enabled = off);
CREATE TABLE keyed (LIKE template INCLUDING ALL) WITH (autovacuum_enabled = off);
CREATE INDEX keyed_seen ON keyed (seen);
CREATE TABLE "Odd ""na'me" (LIKE template INCLUDING ALL, "ä;" int) WITH (autovacuum_enabled = off);
CREATE INDEX "i ""1" ON "Odd ""na'me" (id) INCLUDE ("ä;");
CREATE TABLE expression (LIKE template INCLUDING ALL) WITH (autovacuum_enabled = off);
CREATE INDEX expression_note ON expression (lower(note));
CREATE TABLE predicate (LIKE template INCLUDING ALL) WITH (autovacuum_enabled = off);
CREATE INDEX predicate_open ON predicate (part) WHERE seen = 0;
CREATE TABLE upserted (LIKE template INCLUDING ALL) WITH (autovacuum_enabled = off);
CREATE INDEX upserted_seen ON upserted (seen);
CREATE TABLE tree (LIKE template) PARTITION BY RANGE (id);
CREATE TABLE tree_1 PARTITION OF tree FOR VALUES FROM (0) TO (9000) WITH (autovacuum_enabled = off);
CREATE TABLE tree_2 (gone int, pad text, part int, note text, seen int, id int NOT NULL) WITH (autovacuum_enabled = off);
ALTER TABLE tree_2 DROP COLUMN gone;
ALTER TABLE tree ATTACH PARTITION tree_2 FOR VALUES FROM (9000) TO (90000);
CREATE INDEX tree_id ON tree (id);
CREATE INDEX tree_seen ON tree (seen);
-- The pages of these are full, or not.
CREATE TABLE crowded (LIKE template INCLUDING ALL) WITH (autovacuum_enabled = off);
CREATE INDEX crowded_part ON crowded (part);
CREATE TABLE roomy (LIKE template INCLUDING ALL) WITH (autovacuum_enabled = off, fillfactor = 50);
CREATE INDEX roomy_part ON roomy (part);
CREATE TABLE tight_already (LIKE template INCLUDING ALL) WITH (autovacuum_enabled = off, fillfactor = 99);
CREATE TABLE full_by_name (LIKE template INCLUDING ALL) WITH (autovacuum_enabled = off, fillfactor = 100);
-- Indexes that are read as often as one would expect.
CREATE TABLE queue (LIKE template INCLUDING ALL) WITH (autovacuum_enabled = off);
CREATE INDEX queue_open ON queue (seen) WHERE seen = 0;
CREATE TABLE looked_up (LIKE template INCLUDING ALL) WITH (autovacuum_enabled = off);
CREATE INDEX looked_up_seen ON looked_up (seen);
CREATE TABLE triggered (LIKE template INCLUDING ALL) WITH (autovacuum_enabled = off);
CREATE INDEX triggered_seen ON triggered (seen);
CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.seen := NEW.seen + 1; RETURN NEW; END';
CREATE TRIGGER touch BEFORE UPDATE ON triggered FOR EACH ROW EXECUTE FUNCTION touch();
-- One UPDATE of the whole table is maintenance, whoever writes beside it.
CREATE TABLE migrated (LIKE template INCLUDING ALL) WITH (autovacuum_enabled = off);
CREATE INDEX migrated_seen ON migrated (seen);
CREATE TABLE small (id int PRIMARY KEY, seen int) WITH (autovacuum_enabled = off);
CREATE INDEX small_seen ON small (seen);

SELECT format('INSERT INTO %I (id, seen, note, part, pad) %s', t, :'rows')
FROM unnest('{keyed,"Odd \"na''me",expression,predicate,upserted,tree,crowded,full_by_name,queue,looked_up,roomy,tight_already,triggered,migrated}'::text[]) AS t \gexec
INSERT INTO small SELECT i, 0 FROM generate_series(1, 100) i;

\o /dev/null
SELECT format('UPDATE keyed SET seen = seen + 1 WHERE id BETWEEN %1$s AND %1$s + 99;
UPDATE "Odd ""na''me" SET "ä;" = 1 WHERE id BETWEEN %1$s AND %1$s + 99;
UPDATE expression SET note = note || 1 WHERE id BETWEEN %1$s AND %1$s + 99;
UPDATE predicate SET seen = seen + 1 WHERE id BETWEEN %1$s AND %1$s + 99;
INSERT INTO upserted SELECT i FROM generate_series(%1$s, %1$s + 99) i ON CONFLICT (id) DO UPDATE SET seen = %1$s;
UPDATE tree SET seen = seen + 1 WHERE id BETWEEN %1$s AND %1$s + 99;
UPDATE crowded SET note = note || 1 WHERE id BETWEEN %1$s AND %1$s + 99;
UPDATE full_by_name SET note = note || 1 WHERE id BETWEEN %1$s AND %1$s + 99;
UPDATE queue SET seen = seen + 1 WHERE id BETWEEN %1$s AND %1$s + 99;
UPDATE looked_up SET seen = seen + 1 WHERE id BETWEEN %1$s AND %1$s + 99;
UPDATE roomy SET note = note || 1 WHERE id BETWEEN %1$s AND %1$s + 99;
UPDATE tight_already SET note = note || 1 WHERE id BETWEEN %1$s AND %1$s + 99;
UPDATE triggered SET note = note || 1 WHERE id BETWEEN %1$s AND %1$s + 99;
UPDATE small SET seen = seen + 1', 1 + i * 100)
FROM generate_series(0, 149) i \gexec
UPDATE migrated SET seen = 1;
UPDATE migrated SET seen = 2;
SELECT format('UPDATE migrated SET note = ''x'' WHERE id BETWEEN %1$s AND %1$s + 19', 1 + i * 100) FROM generate_series(0, 149) i \gexec
\o
:flush

SET enable_seqscan = off;
DO $$
BEGIN
    FOR i IN 1..2000 LOOP
        PERFORM FROM queue WHERE seen = 0 LIMIT 1;
        PERFORM FROM looked_up WHERE seen = 7 LIMIT 1;
    END LOOP;
END $$;
RESET enable_seqscan;
:flush

SELECT ok(test.found('hot_blocked', 'public.keyed'), 'a table whose updates set a key is reported');
SELECT matches(detail, '^None of 15,000 updates was HOT, because statements set seen \(in public.keyed_seen, never scanned\): such an update writes to both indexes\.$',
               'with column, index and numbers')
FROM test.finding('hot_blocked', 'public.keyed');
SELECT is(evidence -> 'causes' ->> 0, '{"index": "public.keyed_seen", "scans": 0, "column": "seen", "rows_set": 15000}', 'all in the evidence')
FROM test.finding('hot_blocked', 'public.keyed');
SELECT is(severity, 'warning', 'as a warning') FROM test.finding('hot_blocked', 'public.keyed');
SELECT is(fix, NULL, 'nobody is told to drop an index') FROM test.finding('hot_blocked', 'public.keyed');
SELECT matches(caution, '^Weigh the index against the updates', 'but to choose') FROM test.finding('hot_blocked', 'public.keyed');
SELECT is(jsonb_build_array(severity, caution), '["info", "That is the price of this index; it pays if it is read, and it is."]',
          'the index of a queue, which is read, is for the record')
FROM test.finding('hot_blocked', 'public.queue');
SELECT ok(severity = 'info' AND caution ~ '^The index is read, so' AND detail ~ 'scanned 2,000 times', 'so is any that is read')
FROM test.finding('hot_blocked', 'public.looked_up');
SELECT matches(detail, 'set "ä;" \(in public."i ""1", scanned 150 times', 'so is INCLUDE, whatever the names')
FROM test.finding('hot_blocked', 'public.' || quote_ident('Odd "na''me'));
SELECT matches(detail, 'set note \(in public.expression_note, ', 'a column of an expression') FROM test.finding('hot_blocked', 'public.expression');
SELECT matches(detail, 'set seen \(in public.predicate_open, ', 'a column of a WHERE') FROM test.finding('hot_blocked', 'public.predicate');
SELECT matches(detail, 'set seen \(in public.upserted_seen, ', 'and what ON CONFLICT sets') FROM test.finding('hot_blocked', 'public.upserted');
SELECT matches(detail, 'of 15,000 updates .* set seen \(in public.tree_seen, ', 'partitions are reported together, though their columns differ')
FROM test.finding('hot_blocked', 'public.tree');
SELECT is_empty($$SELECT object FROM dbadvisor.recommendations('{vacuum}', 'info') WHERE rule = 'hot_blocked' AND object ~ 'tree_'$$, 'and not one by one');

SELECT ok(test.found('hot_blocked', 'public.crowded'), 'full pages are reported');
SELECT matches(detail, 'though no indexed column is set: the pages are full', 'in other words') FROM test.finding('hot_blocked', 'public.crowded');
SELECT is(fix || undo, 'ALTER TABLE public.crowded SET (fillfactor = 90);ALTER TABLE public.crowded RESET (fillfactor);', 'with fillfactor')
FROM test.finding('hot_blocked', 'public.crowded');
SELECT is(fix || undo, 'ALTER TABLE public.full_by_name SET (fillfactor = 90);ALTER TABLE public.full_by_name SET (fillfactor = 100);',
          'also where fillfactor is 100, as pgbench writes it')
FROM test.finding('hot_blocked', 'public.full_by_name');
SELECT ok(NOT test.found('hot_blocked', 'public.roomy'), 'pages with room are not');
SELECT ok(NOT test.found('hot_blocked', 'public.tight_already'), 'nor where somebody has chosen a fillfactor');
SELECT ok(NOT test.found('hot_blocked', 'public.small'), 'nor a small table');
SELECT ok(NOT test.found('hot_blocked', 'public.migrated'), 'nor one that was updated as a whole');
-- Where the server counts moved updates, these are seen to have stayed.
SELECT ok(NOT test.found('hot_blocked', 'public.triggered')
          OR current_setting('server_version_num')::int >= 160000, 'a trigger may set what no statement sets');

-- Below 65 % and 1000 an hour, and in the first hour, it is for the record.
SELECT is((SELECT DISTINCT r ->> 'severity' FROM test.rows_with('hot_blocked', '1000 AS notice_per_hour', '1000000000 AS notice_per_hour') r),
          'info', 'few updates an hour are for the record');
SET dbadvisor.min_window = '7d';
SELECT is(severity, 'info', 'and so is the first hour') FROM test.finding('hot_blocked', 'public.keyed');
SET dbadvisor.min_window = 0;
SELECT jsonb_agg(r.object || r.detail ORDER BY r.object) AS as_superuser FROM dbadvisor.recommendations('{vacuum}', 'info') r WHERE r.rule = 'hot_blocked' \gset
SET ROLE pg_monitor;
SELECT jsonb_agg(r.object || r.detail ORDER BY r.object) AS as_monitor FROM dbadvisor.recommendations('{vacuum}', 'info') r WHERE r.rule = 'hot_blocked' \gset
RESET ROLE;
SELECT is(:'as_monitor'::jsonb, :'as_superuser'::jsonb, 'pg_monitor is told the same');

-- What an open transaction may still see fills pages as well. One that began after
-- the updates is not to blame for them.
CREATE EXTENSION dblink;
SELECT format('host=%L port=%s user=%L dbname=%L', split_part(current_setting('unix_socket_directories'), ',', 1),
              current_setting('port'), current_user, current_database()) AS here \gset
CREATE PROCEDURE test.burn(xids int) LANGUAGE plpgsql AS $$
BEGIN
    FOR i IN 1 .. xids LOOP
        PERFORM pg_current_xact_id();
        COMMIT;
    END LOOP;
END $$;
\o /dev/null
SELECT dblink_connect('late', :'here');
SELECT dblink_exec('late', 'BEGIN ISOLATION LEVEL REPEATABLE READ');
SELECT * FROM dblink('late', 'SELECT 1') AS t(i int);
CALL test.burn(10001);
\o
SELECT ok(fix IS NOT NULL AND detail ~ 'the pages are full', 'a transaction that began later is not blamed')
FROM test.finding('hot_blocked', 'public.crowded');
\o /dev/null
SELECT format('UPDATE crowded SET note = note || 1 WHERE id BETWEEN %1$s AND %1$s + 99', 1 + i * 100) FROM generate_series(0, 149) i \gexec
\o
:flush
SELECT matches(f.severity || ': ' || f.detail || f.caution,
               format('^info: .*no indexed column is set: session %s is open, .*Open transactions keep VACUUM and pruning', pid), 'one that was there is named')
FROM test.finding('hot_blocked', 'public.crowded') f, dblink('late', 'SELECT pg_backend_pid()') AS d(pid int);
SELECT is(jsonb_build_array(fix, undo), '[null, null]', 'with nothing to run') FROM test.finding('hot_blocked', 'public.crowded');
SELECT ok(test.found('hot_blocked', 'public.predicate') AND detail ~ 'because statements set', 'an indexed column that is set is one all the same')
FROM test.finding('hot_blocked', 'public.predicate');
\o /dev/null
SELECT dblink_disconnect('late');
\o
SELECT ok(fix IS NOT NULL AND detail ~ 'the pages are full', 'when it has ended, fillfactor it is')
FROM test.finding('hot_blocked', 'public.crowded');

-- Fixed: room in the pages, or no index in the way. (The server counts on; it
-- forgets only with all its numbers.)
SELECT undo FROM test.finding('hot_blocked', 'public.crowded') \gset
SELECT test.commands('hot_blocked', 'public.crowded', 'fix') \gexec
SELECT ok(NOT test.found('hot_blocked', 'public.crowded'), 'the fix ends the finding');
:undo
SELECT ok(test.found('hot_blocked', 'public.crowded'), 'and the undo brings it back');
DROP INDEX keyed_seen;
SELECT pg_stat_reset_single_table_counters('keyed'::regclass);
VACUUM FULL keyed;
ALTER TABLE keyed SET (fillfactor = 50);
VACUUM FULL keyed;
\o /dev/null
SELECT format('UPDATE keyed SET seen = seen + 1 WHERE id BETWEEN %1$s AND %1$s + 99', 1 + i * 100) FROM generate_series(0, 149) i \gexec
\o
:flush
SELECT cmp_ok(pg_stat_get_tuples_hot_updated('keyed'::regclass), '>', 12000::bigint, 'without the index updates are HOT');
SELECT ok(NOT test.found('hot_blocked', 'public.keyed'), 'and the table is not reported');

SELECT * FROM finish();
