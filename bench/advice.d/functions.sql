-- functions.sql: what bench/advice and bench/whatif need inside the server.

CREATE SCHEMA bench;
CREATE TABLE bench.statement (
    id int PRIMARY KEY,
    name text NOT NULL,
    weight float8 NOT NULL,		-- calls an hour
    query text NOT NULL
);

-- What a statement costs now, which indexes its plan uses, and a name for the
-- plan without its estimates.
CREATE FUNCTION bench.plan(id int, OUT cost float8, OUT used text[], OUT shape text)
LANGUAGE plpgsql AS $$
DECLARE
    plan json;
    plan_text text;
    costs CONSTANT text = '"(Startup Cost|Total Cost|Plan Rows|Plan Width|Workers Planned)": [0-9.]+,?';
BEGIN
    EXECUTE 'EXPLAIN (FORMAT JSON) ' || (SELECT s.query FROM bench.statement s WHERE s.id = plan.id) INTO plan;
    plan_text := plan::text;
    cost := plan -> 0 -> 'Plan' ->> 'Total Cost';
    used := ARRAY(SELECT DISTINCT m[1] FROM regexp_matches(plan_text, '"Index Name": "([^"]*)"', 'g') m);
    shape := md5(regexp_replace(plan_text, costs, '', 'g'));
END
$$;

-- The same for choosing: cost and used indexes only, as cheap as it gets.
CREATE FUNCTION bench.cost(id int, OUT cost float8, OUT used text[])
LANGUAGE plpgsql AS $$
DECLARE
    plan json;
BEGIN
    EXECUTE 'EXPLAIN (FORMAT JSON) ' || (SELECT s.query FROM bench.statement s WHERE s.id = cost.id) INTO plan;
    cost := plan -> 0 -> 'Plan' ->> 'Total Cost';
    used := ARRAY(SELECT DISTINCT m[1] FROM regexp_matches(plan::text, '"Index Name": "([^"]*)"', 'g') m);
END
$$;

-- The columns of a statement's tables that it names: the server's own
-- dependencies of a function with the statement as its body.
CREATE FUNCTION bench.columns(id int)
RETURNS TABLE (relation text, "column" text, type text)
LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE 'CREATE FUNCTION bench.body() RETURNS void LANGUAGE sql BEGIN ATOMIC '
        || (SELECT s.query FROM bench.statement s WHERE s.id = columns.id) || '; END';
    RETURN QUERY
    SELECT DISTINCT c.relnamespace::regnamespace || '.' || quote_ident(c.relname), quote_ident(a.attname), format_type(a.atttypid, NULL)
    FROM pg_depend d
    JOIN pg_class c ON c.oid = d.refobjid AND c.relkind = 'r'
    LEFT JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid AND a.attnum > 0
    WHERE d.classid = 'pg_proc'::regclass AND d.objid = to_regproc('bench.body') AND d.refclassid = 'pg_class'::regclass;
    DROP FUNCTION bench.body();
END
$$;

-- Of the indexes that the benchmark built, lets the server see these alone, so
-- that sets of indexes can be compared in turn without building them again.
-- An index that is not live is neither read nor written.
CREATE FUNCTION bench.show_indexes(names text[]) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    tables oid[];
BEGIN
    WITH changed AS (
        UPDATE pg_index i
        SET indislive = c.relname = ANY (names), indisvalid = c.relname = ANY (names), indisready = c.relname = ANY (names)
        FROM pg_class c
        WHERE c.oid = i.indexrelid AND c.relname LIKE 'bench\_index\_%' AND i.indislive <> (c.relname = ANY (names))
        RETURNING i.indrelid)
    SELECT array_agg(DISTINCT indrelid) INTO tables FROM changed;
    -- Has the server read the tables' lists of indexes again.
    UPDATE pg_class SET relhasindex = true WHERE oid = ANY (tables);
END
$$;

-- Milliseconds of processor time that this backend has had, by the kernel's
-- accounts, which lag by a tick; NULL where it keeps none.
CREATE FUNCTION bench.cpu_ms() RETURNS float8
LANGUAGE sql VOLATILE
RETURN split_part(pg_read_file('/proc/self/schedstat', 0, 100, true), ' ', 1)::float8 / 1e6;

-- Runs a statement so many times, undoing what it writes; milliseconds each.
-- Long ones count processor time, which leaves out waiting for a busy machine;
-- nothing is read from disk here and nothing runs in parallel.
CREATE FUNCTION bench.run(id int, times int) RETURNS float8
LANGUAGE plpgsql AS $$
DECLARE
    command text = (SELECT s.query FROM bench.statement s WHERE s.id = run.id);
    started timestamptz;
    spent interval = '0';
    elapsed float8;
    cpu float8 = bench.cpu_ms();
BEGIN
    IF command ~ '^(SELECT|WITH)' THEN
        started := clock_timestamp();
        FOR i IN 1..times LOOP
            EXECUTE command;
        END LOOP;
        spent := clock_timestamp() - started;
    ELSE
        FOR i IN 1..times LOOP
            BEGIN
                started := clock_timestamp();
                EXECUTE command;
                spent := spent + (clock_timestamp() - started);
                RAISE EXCEPTION USING ERRCODE = 'UE000';
            EXCEPTION WHEN SQLSTATE 'UE000' THEN
            END;
        END LOOP;
    END IF;
    elapsed := extract(epoch FROM spent) * 1000;
    cpu := bench.cpu_ms() - cpu;
    RETURN CASE WHEN elapsed > 100 THEN LEAST(elapsed, cpu) ELSE elapsed END / times;
END
$$;
