-- deadlocks: two statements that lock each other out are reported together, a
-- statement that meets itself alone; each deadlock is counted. Those that lock in
-- one order are not reported.
\ir ../rule.psql
SELECT plan(27);

CREATE TABLE account (id int PRIMARY KEY, owner text, balance int);
CREATE TABLE "Odd "" table" (id int PRIMARY KEY, n int);
INSERT INTO account SELECT i, 'O''Hara ' || i, 0 FROM generate_series(1, 9) i;
INSERT INTO "Odd "" table" SELECT i, 0 FROM generate_series(1, 9) i;
CREATE FUNCTION test.named(beginning text) RETURNS text LANGUAGE sql VOLATILE AS $$
    SELECT 'statement ' || max(queryid)
    FROM dbadvisor.statements
    WHERE starts_with(query, beginning)
      AND dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
$$;

CREATE FUNCTION test.queryid(relation text) RETURNS bigint LANGUAGE sql VOLATILE AS $$
    SELECT substr(test.named(format('UPDATE %I SET n = n +', relation)), 11)::bigint
$$;
-- Waits until a session has the advisory lock, or (0) waits for this one.
CREATE FUNCTION test.wait_until(key int) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    WHILE NOT EXISTS (SELECT FROM pg_locks l
                      WHERE CASE WHEN key = 0 THEN NOT l.granted AND pg_backend_pid() = ANY (pg_blocking_pids(l.pid))
                                 ELSE l.granted AND l.locktype = 'advisory' AND l.objid = key
                                      AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database()) END) LOOP
        PERFORM pg_sleep(0.002);
    END LOOP;
END $$;

-- Two sessions meet: the first runs $1 and $2, the other one $3 and then $4, when
-- the first waits already. The other one looks for a deadlock at once, the first
-- never, so that it is always $4 that is ended.
\setenv PGDATABASE :DBNAME
\setenv MEET 'printf "%s\\n" "BEGIN; $1; SELECT pg_advisory_xact_lock(1); SELECT test.wait_until(2); $2; COMMIT;" | PGOPTIONS="-c deadlock_timeout=1h $OPTIONS" psql -Xq > /dev/null 2>&1 & printf "%s\\n" "BEGIN; $3; SELECT pg_advisory_xact_lock(2); SELECT test.wait_until(0); $4; COMMIT;" | PGOPTIONS="-c deadlock_timeout=1ms $OPTIONS" psql -Xq > /dev/null 2>&1; wait'

-- Two executions of one statement, whose text has a comment and all kinds of
-- quotes, and a line like those between the statements in the server's message.
\! u="UPDATE account /* a'b */ SET balance = balance -1, owner = \$\$pw-hunter2-1\$\$||E'a\\'secret\\'b'||U&'d\\0061t' WHERE owner <> 'it''s me"; v="$(printf '\nProcess 1: hidden')' AND id ="; for i in 1 2 3 4; do sh -c "$MEET" - "$u$v 1" "$u$v 2" "$u$v 2" "$u$v 1"; done
-- Two statements in opposite order; now one is ended, now the other.
\! a='UPDATE account SET owner = owner WHERE id = 9' b='UPDATE "Odd "" table" SET n = n + 1 WHERE id IN (8, 9)'; for i in 1 2 3; do sh -c "$MEET" - "$a" "$b" "$b" "$a"; sh -c "$MEET" - "$b" "$a" "$a" "$b"; done
-- Twice only, and it is always the statement with the larger queryid.
CREATE TABLE one (id int PRIMARY KEY, n int);
CREATE TABLE other (id int PRIMARY KEY, n int);
INSERT INTO one VALUES (1, 1);
INSERT INTO other VALUES (1, 1);
UPDATE one SET n = n + 1 WHERE id = 1;
UPDATE other SET n = n + 1 WHERE id = 1;
SELECT format('UPDATE %I SET n = n + 1 WHERE id = 1', (array_agg(t ORDER BY test.queryid(t)))[2]) AS loser,
       format('UPDATE %I SET n = n + 1 WHERE id = 1', (array_agg(t ORDER BY test.queryid(t)))[1]) AS winner,
       'statement ' || max(test.queryid(t)) AS seldom
FROM unnest('{one,other}'::text[]) t \gset
\setenv LOSER :loser
\setenv WINNER :winner
\! for i in 1 2; do sh -c "$MEET" - "$LOSER" "$WINNER" "$WINNER" "$LOSER"; done
-- The twin: both write the same rows in one order, and one waits for the other.
\! a='UPDATE account SET balance = 1 WHERE id = 5' b='UPDATE account SET balance = 1 WHERE id = 6'; printf '%s\n' "BEGIN; $a; SELECT pg_advisory_xact_lock(1); SELECT test.wait_until(0); $b; COMMIT;" | psql -Xq > /dev/null 2>&1 & printf '%s\n' "BEGIN; SELECT test.wait_until(1); $a; $b; COMMIT;" | psql -Xq > /dev/null 2>&1; wait
:flush

SELECT is((SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()), 12::bigint, 'there were deadlocks');
SELECT is((SELECT count FROM dbadvisor.event_counts WHERE kind = 'deadlock'),
          (SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()), 'all of them were counted');
SELECT is((SELECT sum((evidence ->> 'deadlocks')::bigint)::bigint FROM dbadvisor.recommendations('{locks}', 'info')
           WHERE rule = 'deadlocks'),
          (SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()), 'and are reported');
SELECT is((SELECT count(*) FROM dbadvisor.recommendations('{locks}', 'info') WHERE rule = 'deadlocks'), 3::bigint,
          'in one finding for each pair that meets');

SELECT test.named('UPDATE account /*') AS self \gset
SELECT ok(test.found('deadlocks', :'self'), 'a statement that meets itself is reported');
SELECT matches(detail, '^4 deadlocks in [0-9.]+ (s|minutes|hours), the last on .*: UPDATE account SET balance = balance -\s?\?, owner = \?\|\|\?\|\|\? WHERE owner <> \? AND id = \? \(two executions of it locked each other out\)$',
               'in words, without constants and comments')
FROM test.finding('deadlocks', :'self');
SELECT is(evidence ->> 'meets_itself' || ' ' || (evidence ->> 'waited_for') || ' ' || (evidence ->> 'tables'),
          'true rows ["public.account"]', 'and in figures')
FROM test.finding('deadlocks', :'self');
SELECT matches(caution, '^Both lock rows of public.account, each in an order of its own', 'with advice for it')
FROM test.finding('deadlocks', :'self');
SELECT is(fix, NULL, 'no command is given: the application must change') FROM test.finding('deadlocks', :'self');

SELECT 'statement ' || least(substr(test.named('UPDATE account SET owner'), 11)::bigint,
                             substr(test.named('UPDATE "Odd'), 11)::bigint) AS pair \gset
SELECT ok(test.found('deadlocks', :'pair'), 'two statements that meet are reported as one');
SELECT matches(detail, 'UPDATE account SET owner = owner WHERE id = \?', 'which names the one')
FROM test.finding('deadlocks', :'pair');
-- From 18 on the statement's own text has one ? for a list, the text of who waited for it all of them.
SELECT matches(detail, 'UPDATE "Odd "" table" SET n = n \+ \? WHERE id IN \(\?(, \?)?\)', 'and the other')
FROM test.finding('deadlocks', :'pair');
SELECT is(evidence -> 'tables', '["public.\"Odd \"\" table\"", "public.account"]', 'and both tables')
FROM test.finding('deadlocks', :'pair');
SELECT matches(caution, 'in different order', 'with other advice') FROM test.finding('deadlocks', :'pair');
SELECT ok(NOT test.found('deadlocks', test.named('UPDATE account SET balance = $1 WHERE id = $2')),
          'statements that lock in one order are not reported');

SELECT matches(detail, '^6 deadlocks .* \(each waited for the other; the other: UPDATE .*\)$', 'which met whoever of them was ended')
FROM test.finding('deadlocks', :'pair');

SELECT is(severity, 'info', 'two deadlocks are for the record') FROM test.finding('deadlocks', :'seldom');
SELECT is(regexp_replace(regexp_replace(detail, '^.*: (UPDATE \S+) .*$', '\1'), '^UPDATE ', ''), regexp_replace(:'loser', '^UPDATE (\S+).*$', '\1'),
          'in the name of the statement that was ended, whatever the order of the two')
FROM (SELECT split_part(detail, ' (each waited', 1) AS detail FROM test.finding('deadlocks', :'seldom')) f;
SELECT is((SELECT saves_ms_per_hour FROM dbadvisor.recommendations('{locks}', 'info') WHERE object = :'seldom'), NULL,
          'and no saving is claimed for them');

SELECT is(severity, 'warning', 'many an hour are a warning') FROM test.finding('deadlocks', :'self');
SELECT cmp_ok((SELECT count(*) FROM dbadvisor.recommendations('{locks}', 'info') WHERE rule = 'deadlocks' AND saves_ms_per_hour > 0),
              '=', 2::bigint, 'the time waited in vain is said');
SET dbadvisor.min_window = '7d';
SELECT is(severity, 'info', 'but in the first hour they are only for the record') FROM test.finding('deadlocks', :'self');
SET dbadvisor.min_window = 0;
SELECT is_empty($$SELECT r ->> 'object' FROM test.rows_with('deadlocks', 'interval ''7 days''', 'interval ''-1 second''') r$$,
                'what did not happen for a week is reported no more');
SELECT is((SELECT DISTINCT r ->> 'severity'
           FROM test.rows_with('deadlocks', '3 AS min_deadlocks', '1000000 AS min_deadlocks') r), 'info',
          'what hardly ever happens is for the record');

-- Whoever may not see the statements of others is not shown any.
SELECT jsonb_agg(to_jsonb(r) - 'detail' - 'saves_ms_per_hour' - 'evidence' ORDER BY object) AS as_superuser
FROM dbadvisor.recommendations('{locks}', 'info') r WHERE rule = 'deadlocks' \gset
SET ROLE pg_monitor;
SELECT jsonb_agg(to_jsonb(r) - 'detail' - 'saves_ms_per_hour' - 'evidence' ORDER BY object) AS as_monitor
FROM dbadvisor.recommendations('{locks}', 'info') r WHERE rule = 'deadlocks' \gset
RESET ROLE;
SELECT is(:'as_monitor'::jsonb, :'as_superuser'::jsonb, 'pg_monitor is told the same');

-- Where no values may be kept, the other side is not known.
CREATE TABLE discreet (id int PRIMARY KEY, name text);
INSERT INTO discreet SELECT i FROM generate_series(1, 9) i;
\setenv OPTIONS '-c dbadvisor.capture_parameters=off'
\! u="UPDATE discreet SET name = 'secret' WHERE id ="; sh -c "$MEET" - "$u 1" "$u 2" "$u 2" "$u 1"
SELECT matches(detail, '\(with whom is not known\)$', 'without values the statement stands alone')
FROM test.finding('deadlocks', test.named('UPDATE discreet'));
SELECT is_empty($$SELECT 1 FROM dbadvisor.recommendations('{locks}', 'info') WHERE to_jsonb(recommendations)::text ~ 'secret|hunter|hidden|Hara|it''s me'$$,
                'and never is a value shown');

SELECT * FROM finish();
