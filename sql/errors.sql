-- Every mistake has its error code, and a hint that lists what there is.
CREATE FUNCTION complaint(statement text, OUT code text, OUT message text, OUT has_hint boolean)
LANGUAGE plpgsql AS $$
DECLARE
    hint text;
BEGIN
    EXECUTE statement;
    message := 'no error';
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS code = RETURNED_SQLSTATE,
                            message = MESSAGE_TEXT,
                            hint = PG_EXCEPTION_HINT;
    has_hint := hint ~ 'unused_index|index|notice|dismissed|Dismissed|reopen|findings';
END
$$;
SET dbadvisor.min_window = 0;

SELECT * FROM complaint($$SELECT dbadvisor.explain_rule('nonsense')$$);
SELECT * FROM complaint($$SELECT dbadvisor.explain_rule('vacuum/unused_index')$$);
SELECT * FROM complaint($$SELECT * FROM dbadvisor.recommendations('{nonsense}')$$);
SELECT * FROM complaint($$SELECT * FROM dbadvisor.recommendations('{index,NULL}')$$);
SELECT * FROM complaint($$SELECT * FROM dbadvisor.recommendations('{}')$$);
SELECT * FROM complaint($$SELECT * FROM dbadvisor.recommendations(NULL, 'loud')$$);
SELECT * FROM complaint($$SELECT * FROM dbadvisor.recommendations(NULL, NULL)$$);
SELECT * FROM complaint($$SELECT * FROM dbadvisor.coverage('{nonsense}')$$);
SELECT * FROM complaint($$SELECT dbadvisor.dismiss('nonsense')$$);
SELECT * FROM complaint($$SELECT dbadvisor.dismiss(NULL)$$);
SELECT * FROM complaint($$SELECT dbadvisor.dismiss('nonsense', until => 'yesterday')$$);
SELECT * FROM complaint($$SELECT dbadvisor.reopen('nonsense')$$);
-- (the server's own messages, whose wording differs between versions)
SELECT code FROM complaint($$SET dbadvisor.time_limit = -1$$);
SELECT code FROM complaint($$SET dbadvisor.min_window = -1$$);
SELECT code FROM complaint($$SET dbadvisor.nonsense = 1$$);

-- The facts about objects that are not there, or of another kind, are null.
SELECT dbadvisor.relation_bytes(0) AS bytes, dbadvisor.relation_bytes('pg_tables'::regclass) AS of_a_view,
       dbadvisor.relation_created(0) AS created, dbadvisor.last_scan(0) AS scanned,
       dbadvisor.sequence_last_value(0) AS value, dbadvisor.sequence_last_value('pg_class'::regclass) AS of_a_table,
       dbadvisor.index_definition(0) AS definition, dbadvisor.index_definition('pg_class'::regclass) AS of_no_index,
       dbadvisor.compare_indexes(0, 0) AS comparison, dbadvisor.new_index_name(0, 'x') AS name,
       dbadvisor.has_statistics(0) AS statistics, dbadvisor.column_distinct(0, 0::smallint) AS distinct_values, dbadvisor.index_serves_foreign_key(0, 0) AS serves;

-- Without privileges nothing is to be had.
CREATE ROLE regress_dbadvisor_nobody;
SET ROLE regress_dbadvisor_nobody;
SELECT * FROM complaint($$SELECT * FROM dbadvisor.recommendations()$$);
SELECT * FROM complaint($$SELECT * FROM dbadvisor.rules$$);
SELECT * FROM complaint($$SELECT dbadvisor.dismiss('nonsense')$$);
RESET ROLE;
GRANT pg_monitor TO regress_dbadvisor_nobody;
SET ROLE regress_dbadvisor_nobody;
SELECT count(*) = (SELECT count(*) FROM dbadvisor.rules) AS all_rules,
       count(*) FILTER (WHERE status = 'failed') AS failed
FROM dbadvisor.coverage();
-- It decides what is shown, but does not write commands that others will run.
SELECT code FROM complaint($$UPDATE dbadvisor.findings SET fix = 'DROP TABLE x'$$);
SELECT code FROM complaint($$SELECT dbadvisor.snapshot()$$);
SELECT code FROM complaint($$DELETE FROM dbadvisor.dismissals$$);
RESET ROLE;

-- One broken rule never loses the report: here one lacks the right to read
-- what it examines, the others go on.
SET client_min_messages = error;
REVOKE SELECT ON dbadvisor.user_indexes FROM pg_monitor;
SET ROLE regress_dbadvisor_nobody;
SELECT status, found, reason FROM dbadvisor.coverage('{index}') WHERE rule = 'unused_index';
SELECT count(*) = (SELECT count(*) FROM dbadvisor.rules) AS all_rules FROM dbadvisor.coverage();
SELECT count(*) >= 0 AS goes_on FROM dbadvisor.recommendations();
RESET ROLE;
GRANT SELECT ON dbadvisor.user_indexes TO pg_monitor;
DROP ROLE regress_dbadvisor_nobody;
DROP FUNCTION complaint;
