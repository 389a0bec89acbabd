-- no_gain: an index that was recommended and built is measured by the statements
-- that it was for: verified where they are faster; reported, with the command that
-- drops it, where they are not, or are slower.
\ir ../rule.psql
SELECT plan(37);

CREATE TABLE t (id int PRIMARY KEY, a int, b int, c int, d text) WITH (autovacuum_enabled = false);
INSERT INTO t
SELECT i, i % 50, CASE i % 50 WHEN 7 THEN 1000000 + i ELSE (i::bigint * 7919 % 200000)::int END, i, repeat('x', 100)
FROM generate_series(1, 200000) i;
CREATE INDEX t_a ON t (a);
VACUUM ANALYZE t;

-- As snapshot() records a recommendation: with what its statement took so far.
CREATE FUNCTION test.queryid(text_like text) RETURNS bigint LANGUAGE sql VOLATILE AS $$
    SELECT queryid FROM dbadvisor.statements
    WHERE query LIKE text_like AND toplevel
      AND dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
$$;
CREATE PROCEDURE test.recommend(recommended text, text_like text, ddl text, rule text DEFAULT 'missing_index',
                                undo text DEFAULT NULL) LANGUAGE sql AS $$
    INSERT INTO dbadvisor.findings (id, severity, category, rule, object, detail, fix, undo,
                                    first_seen, last_seen, times_seen, baseline)
    SELECT recommended, 'warning', 'index', rule, 'public.t', '', ddl, undo, now(), now(), 1,
           dbadvisor.baseline(jsonb_build_object('statements', jsonb_build_array(
                                  jsonb_build_object('queryid', test.queryid(text_like)))),
                              dbadvisor.statement_counters())
$$;
CREATE FUNCTION test.status(recommended text) RETURNS text LANGUAGE sql VOLATILE AS $$
    SELECT status FROM dbadvisor.findings WHERE id = recommended
$$;
-- A quarter of an hour later.
CREATE PROCEDURE test.wait() LANGUAGE sql AS $$
    UPDATE dbadvisor.findings SET applied_at = applied_at - interval '15 minutes'
$$;
CREATE FUNCTION test.gain(recommended text) RETURNS float8 LANGUAGE sql VOLATILE AS $$
    SELECT (measured ->> 'gain')::float8 FROM dbadvisor.findings WHERE id = recommended
$$;

-- Whether an index is the one that was recommended.
SELECT is(dbadvisor.built_index('CREATE INDEX ON public.t (c)'), NULL, 'an index that is not there is not built');
CREATE INDEX other_name ON t USING btree (c ASC NULLS LAST);
SELECT is(dbadvisor.built_index('CREATE INDEX CONCURRENTLY t_c_idx ON public.t (c)')::regclass::text, 'other_name',
          'one that is there is, whatever its name and spelling');
SELECT is(dbadvisor.built_index('CREATE INDEX CONCURRENTLY other_name ON public.t (c);' || E'\nDROP INDEX public.t_a;')::regclass::text,
          'other_name', 'also as the first of several commands');
SELECT is(dbadvisor.built_index(ddl), NULL, 'but not ' || ddl)
FROM unnest(ARRAY['CREATE INDEX ON public.t (c DESC)', 'CREATE INDEX ON public.t (c, a)', 'CREATE UNIQUE INDEX ON public.t (c)',
                  'CREATE INDEX ON public.t USING hash (c)', 'CREATE INDEX ON public.t (c) WHERE a > 1',
                  'CREATE INDEX ON public.t (c) INCLUDE (a)', 'CREATE INDEX ON public.t ((c + 1))',
                  'CREATE INDEX ON public.gone (c)', 'CREATE INDEX ON public.t (gone)', 'CREATE INDEX ON', 'ANALYZE public.t']) AS ddl;
DROP INDEX other_name;
CREATE UNIQUE INDEX other_name ON t ((c + 1), abs(b), id) INCLUDE (d, a) WHERE a > 1 AND b IS NOT NULL;
SELECT is(dbadvisor.built_index('CREATE INDEX ON public.t ((c+1), (abs(b)), id) INCLUDE (a) WHERE ((a > 1) AND (b IS NOT NULL))')::regclass::text,
          'other_name', 'expressions, a condition, and more included columns');
UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'other_name'::regclass;
SELECT is(dbadvisor.built_index('CREATE INDEX ON public.t ((c + 1), abs(b), id) WHERE a > 1 AND b IS NOT NULL'), NULL,
          'nor one that is not valid');
DROP INDEX other_name;
CREATE TABLE part (id int, v int) PARTITION BY RANGE (id);
CREATE TABLE part_1 PARTITION OF part FOR VALUES FROM (0) TO (40000);
CREATE INDEX part_v ON ONLY part (v);
SELECT is(dbadvisor.built_index('CREATE INDEX ON ONLY public.part (v)'), NULL, 'nor one that has not all of its partitions');
CREATE INDEX part_1_v ON part_1 (v);
ALTER INDEX part_v ATTACH PARTITION part_1_v;
SELECT is(dbadvisor.built_index('CREATE INDEX ON ONLY public.part (v)')::regclass::text, 'part_v', 'but one that has them');

-- A statement that an index makes faster, one that it does nothing for, and one
-- whose plan it spoils: there are no early rows with a = 7 in the order of b.
\o /dev/null
SELECT 'SELECT d FROM t WHERE c = ' || i FROM generate_series(1, 10) i \gexec
SELECT 'SELECT count(*) FROM t WHERE d = ''x' || i || '''' FROM generate_series(1, 10) i \gexec
SELECT 'SELECT id FROM t WHERE a = 7 ORDER BY b LIMIT 1' FROM generate_series(1, 10) i \gexec
\o
CALL test.recommend('faster', 'SELECT d FROM t WHERE c%', 'CREATE INDEX CONCURRENTLY ON public.t (c);');
CALL test.recommend('same', 'SELECT count(*) FROM t WHERE d =%', 'CREATE INDEX CONCURRENTLY ON public.t (c, a);');
CALL test.recommend('slower', 'SELECT id FROM t WHERE a =%', 'CREATE INDEX CONCURRENTLY ON public.t (b);', 'replace_index',
                    E'CREATE INDEX CONCURRENTLY old ON public.t USING btree (b, c);\nDROP INDEX CONCURRENTLY public.t_b_idx;');
CALL test.recommend('never', 'SELECT id FROM t WHERE a =%', 'CREATE INDEX CONCURRENTLY ON public.t (b, id, c);');
SELECT isnt(baseline, NULL, 'what the statements took is recorded') FROM dbadvisor.findings WHERE id = 'faster';
SELECT ok(dbadvisor.snapshot() >= 0, 'snapshot');
SELECT is(test.status('faster'), 'open', 'an index that is not built stays open');

CREATE INDEX faster_c ON t (c);
CREATE INDEX same_ca ON t (c, a);
CREATE INDEX slower_b ON t (b);
VACUUM ANALYZE t;
SELECT ok(dbadvisor.snapshot() >= 0, 'snapshot');
SELECT results_eq('SELECT id, status, applied_at IS NOT NULL FROM dbadvisor.findings WHERE baseline IS NOT NULL AND length(id) < 12 ORDER BY id',
                  $$VALUES ('faster', 'applied', true), ('never', 'open', false), ('same', 'applied', true), ('slower', 'applied', true)$$,
                  'those that are built are applied, whatever their names');

\o /dev/null
SELECT 'SELECT d FROM t WHERE c = ' || i FROM generate_series(1, 29) i \gexec
\o
CALL test.wait();
SELECT ok(dbadvisor.snapshot() >= 0, 'snapshot');
SELECT is(test.status('faster'), 'applied', 'which 29 executions do not judge');
UPDATE dbadvisor.findings SET applied_at = now() WHERE applied_at IS NOT NULL;
\o /dev/null
SELECT 'SELECT d FROM t WHERE c = ' || i FROM generate_series(1, 30) i \gexec
SELECT 'SELECT count(*) FROM t WHERE d = ''x' || i || '''' FROM generate_series(1, 30) i \gexec
SELECT 'SELECT id FROM t WHERE a = 7 ORDER BY b LIMIT 1' FROM generate_series(1, 30) i \gexec
\o
SELECT ok(dbadvisor.snapshot() >= 0, 'snapshot');
SELECT is(test.status('faster'), 'applied', 'nor do ten minutes that are not over');

-- The same plan takes the same time, but not on a busy machine: what it took before
-- is made to be what it took since.
UPDATE dbadvisor.findings f
SET baseline = jsonb_set(f.baseline, ARRAY['statements', q.queryid, 'ms'],
        to_jsonb((f.baseline -> 'statements' -> q.queryid ->> 'calls')::float8
                 * ((n.present ->> 'ms')::float8 - (n.past ->> 'ms')::float8)
                 / ((n.present ->> 'calls')::float8 - (n.past ->> 'calls')::float8)))
FROM jsonb_object_keys((SELECT baseline -> 'statements' FROM dbadvisor.findings WHERE id = 'same')) AS q(queryid)
CROSS JOIN LATERAL (SELECT dbadvisor.statement_counters() -> q.queryid AS present,
                           (SELECT baseline -> 'applied' -> q.queryid FROM dbadvisor.findings WHERE id = 'same') AS past) n
WHERE f.id = 'same';
CALL test.wait();
SELECT ok(dbadvisor.snapshot() >= 0, 'snapshot');
SELECT is(test.status('faster') || ' ' || test.status('same') || ' ' || test.status('slower'), 'verified no_gain regressed',
          'each is measured by its statements');
SELECT ok(test.gain('faster') > 0.5 AND abs(test.gain('same')) < 0.001 AND test.gain('slower') < -0.5,
          format('with the gain: %s, %s, %s', test.gain('faster'), test.gain('same'), test.gain('slower')));
SELECT is(measured ->> 'calls', '59', 'over the calls since') FROM dbadvisor.findings WHERE id = 'faster';

SELECT results_eq($$SELECT object, severity FROM dbadvisor.recommendations('{index}', 'notice') WHERE rule = 'no_gain' ORDER BY object$$,
                  $$VALUES ('public.same_ca', 'notice'), ('public.slower_b', 'warning')$$,
                  'those that gain nothing are reported, the slower as a warning');
SELECT matches(f.detail, '^Recommended on [-0-9]+ and built, but the statement that it was for, which ran 30 times in 1[56]\.?\d* min.* since, is not faster: ',
               'with what was measured')
FROM test.finding('no_gain', 'public.same_ca') f;
SELECT is(f.fix, E'CREATE INDEX CONCURRENTLY old ON public.t USING btree (b, c);\nDROP INDEX CONCURRENTLY public.slower_b;',
          'what an index replaced is made again before it is dropped')
FROM test.finding('no_gain', 'public.slower_b') f;
SELECT * FROM test.commands('no_gain', 'public.same_ca', 'fix') \gexec
SELECT ok(NOT test.found('no_gain', 'public.same_ca'), 'the fix ends the finding');
SELECT * FROM test.commands('no_gain', 'public.slower_b', 'fix') \gexec
SELECT ok(dbadvisor.snapshot() >= 0, 'snapshot');
SELECT is(test.status('same') || ' ' || test.status('slower') || ' ' || test.status('faster'), 'resolved resolved verified',
          'and what is gone again is resolved');

SELECT * FROM finish();
