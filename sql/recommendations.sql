-- recommendations(), coverage() and snapshot(), over one table with one fault.
SET dbadvisor.min_window = 0;
SET client_min_messages = warning;
CREATE SCHEMA shop;
CREATE TABLE shop.orders (id int PRIMARY KEY, customer int, placed int)
    WITH (autovacuum_enabled = false);
INSERT INTO shop.orders SELECT i, i, i FROM generate_series(1, 60000) i;
CREATE INDEX orders_placed ON shop.orders (placed);
CREATE INDEX orders_customer ON shop.orders (customer);
ANALYZE shop.orders;
SELECT count(*) FROM shop.orders WHERE customer = 7;
SELECT pg_stat_force_next_flush();

SELECT rank, id, severity, category, rule, object, fix, undo, status, first_seen
FROM dbadvisor.recommendations('{index}')
WHERE object LIKE 'shop.%';

-- The numbers behind it are in the evidence, the freed space is that of the file.
SELECT frees_bytes = pg_relation_size('shop.orders_placed') AS frees_the_index,
       evidence ->> 'scans' AS scans, evidence ->> 'table_writes' AS writes,
       confidence BETWEEN 0 AND 1 AS confident
FROM dbadvisor.recommendations('{index}')
WHERE object = 'shop.orders_placed';

-- By severity.
SELECT bool_and(severity = 'critical') IS NOT FALSE AS only_critical
FROM dbadvisor.recommendations(min_severity => 'critical');

-- Ranked by severity, then time saved, then space freed, where nothing is known
-- of what it costs.
SELECT bool_and(ordered) AS is_ranked
FROM (SELECT (array_position('{critical,warning,notice,info}', severity),
              -coalesce(saves_ms_per_hour, -1), -coalesce(frees_bytes, -1))
             >= lag((array_position('{critical,warning,notice,info}', severity),
                     -coalesce(saves_ms_per_hour, -1), -coalesce(frees_bytes, -1)))
                OVER (ORDER BY rank) AS ordered
      FROM dbadvisor.recommendations('{config,index,replication,schema,statistics,vacuum}', 'info')) r;

-- What was examined: every rule has its row, and none failed.
SELECT (SELECT count(*) FROM dbadvisor.coverage()) = (SELECT count(*) FROM dbadvisor.rules) AS complete;
SELECT rule, reason FROM dbadvisor.coverage() WHERE status = 'failed';
SELECT status, examined >= 3 AS examined, found, skipped, reason, ms > 0 AS took_time
FROM dbadvisor.coverage('{index}') WHERE rule = 'unused_index';

-- A snapshot remembers; what is remembered has a date.
SELECT dbadvisor.snapshot() >= 1 AS recorded;
SELECT status, first_seen = now() AS just_now
FROM (SELECT * FROM dbadvisor.recommendations('{index}')) r WHERE object = 'shop.orders_placed';
SELECT dbadvisor.snapshot() >= 1 AS recorded;
SELECT object, times_seen, last_seen > first_seen AS later
FROM dbadvisor.findings WHERE object = 'shop.orders_placed';

-- The id is that of the names: the same after a rename and a rename back.
CREATE TEMP TABLE ids AS
    SELECT id, object FROM dbadvisor.recommendations('{index}') WHERE object LIKE 'shop.%';
ALTER INDEX shop.orders_placed RENAME TO orders_date;
SELECT count(*) AS same_id FROM dbadvisor.recommendations('{index}') JOIN ids USING (id);
ALTER INDEX shop.orders_date RENAME TO orders_placed;
SELECT count(*) AS same_id FROM dbadvisor.recommendations('{index}') JOIN ids USING (id, object);

-- Read-only is enough.
BEGIN READ ONLY;
SELECT count(*) AS found FROM dbadvisor.recommendations('{index}') WHERE object LIKE 'shop.%';
SELECT count(*) AS failed FROM dbadvisor.coverage() WHERE status = 'failed';
COMMIT;

-- A caller's settings are as before.
SET search_path = shop, public;
SET DateStyle = 'SQL, DMY';
SELECT count(*) > 0 AS found FROM dbadvisor.recommendations();
SHOW search_path;
SHOW DateStyle;
RESET search_path;
RESET DateStyle;

-- Time: what does not fit says so.  A limit that nothing can keep leaves some
-- rules out, and no error comes of it.
SET dbadvisor.time_limit = 1;
SELECT count(*) = (SELECT count(*) FROM dbadvisor.rules) AS complete,
       count(*) FILTER (WHERE status = 'cut off') > 0 AS some_cut_off,
       bool_and(reason LIKE '%dbadvisor.time_limit%') FILTER (WHERE status = 'cut off') AS say_why
FROM dbadvisor.coverage();
SET dbadvisor.time_limit = 0;
SELECT count(*) FILTER (WHERE status = 'cut off') AS cut_off FROM dbadvisor.coverage();
RESET dbadvisor.time_limit;

DROP SCHEMA shop CASCADE;
