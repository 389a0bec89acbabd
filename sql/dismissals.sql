-- dismiss() and reopen().
SET dbadvisor.min_window = 0;
SET client_min_messages = warning;
CREATE TABLE visits (id int PRIMARY KEY, at int) WITH (autovacuum_enabled = false);
INSERT INTO visits SELECT i, i FROM generate_series(1, 60000) i;
CREATE INDEX visits_at ON visits (at);
ANALYZE visits;
SELECT pg_stat_force_next_flush();

CREATE TEMP VIEW advice AS
    SELECT id, rule, object, status FROM dbadvisor.recommendations('{index}')
    WHERE object = 'public.visits_at';
SELECT rule, object, status FROM advice;
SELECT id FROM advice \gset

SELECT dbadvisor.dismiss(:'id', 'the yearly report needs it');
SELECT count(*) AS shown FROM advice;
SELECT rule, object, status
FROM dbadvisor.recommendations('{index}', include_dismissed => true)
WHERE object = 'public.visits_at';
SELECT rule, object, reason, until, dismissed_by = current_user AS by_me, dismissed_at <= now() AS at
FROM dbadvisor.dismissals;

-- Again, until a time: the later word counts.
SELECT dbadvisor.dismiss(:'id', until => 'tomorrow');
SELECT reason, until = 'tomorrow' AS until FROM dbadvisor.dismissals;
SELECT count(*) AS shown FROM advice;

-- Once the time has come it is shown again.
UPDATE dbadvisor.dismissals SET until = now() - interval '1 second';
SELECT count(*) AS shown FROM advice;

SELECT dbadvisor.dismiss(:'id');
SELECT count(*) AS shown FROM advice;
SELECT replace(dbadvisor.reopen(:'id'), :'id', 'ID') AS reopened;
SELECT count(*) AS shown FROM advice;
SELECT count(*) AS dismissals FROM dbadvisor.dismissals;

-- Dismissed findings are history all the same.
SELECT dbadvisor.dismiss(:'id');
SELECT dbadvisor.snapshot() > 0 AS recorded;
SELECT object FROM dbadvisor.findings WHERE id = :'id';
SELECT count(*) AS reopened FROM dbadvisor.reopen(:'id');

-- Two rules that give the same command are one finding; whichever of them ranks
-- first, the dismissal of either is the dismissal of both.  (The id is the first
-- twelve digits of a hash of the rule and the object.)
CREATE INDEX visits_at_again ON visits (at);
SELECT rule, object, evidence -> 'also' ? 'unused_index' AS also_unused
FROM dbadvisor.recommendations('{index}') WHERE object = 'public.visits_at_again';
INSERT INTO dbadvisor.dismissals (id, rule, object)
SELECT left(encode(sha256(convert_to(E'unused_index\npublic.visits_at_again', 'UTF8')), 'hex'), 12),
       'unused_index', 'public.visits_at_again';
SELECT count(*) AS shown
FROM dbadvisor.recommendations('{index}') WHERE object = 'public.visits_at_again';
DELETE FROM dbadvisor.dismissals;

DROP VIEW advice;
DROP TABLE visits;
