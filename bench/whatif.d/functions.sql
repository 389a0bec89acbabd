-- functions.sql: the loops that bench/whatif times inside the server; after
-- advice.d/functions.sql.

CREATE TABLE bench.candidate (
    id int PRIMARY KEY,
    ddl text NOT NULL
);

-- Plans every statement so many times by EXPLAIN; microseconds for each plan.
CREATE FUNCTION bench.time_explain(times int) RETURNS float8
LANGUAGE plpgsql AS $$
DECLARE
    started CONSTANT timestamptz = clock_timestamp();
    command text;
    plan json;
BEGIN
    FOR i IN 1..times LOOP
        FOR command IN SELECT 'EXPLAIN (FORMAT JSON) ' || query FROM bench.statement ORDER BY id LOOP
            EXECUTE command INTO plan;
        END LOOP;
    END LOOP;
    RETURN extract(epoch FROM clock_timestamp() - started) * 1e6 / times / (SELECT count(*) FROM bench.statement);
END
$$;

-- The same with whatif() and the first so many candidates, for at most so many
-- seconds; microseconds for each plan.  It plans twice, without and with them,
-- prints both plans, and finds the size of every index by a sample each time.
CREATE FUNCTION bench.time_whatif(times int, candidates int, seconds float8) RETURNS float8
LANGUAGE plpgsql AS $$
DECLARE
    started CONSTANT timestamptz = clock_timestamp();
    ddl CONSTANT text[] = ARRAY(SELECT c.ddl FROM bench.candidate c WHERE c.id <= candidates ORDER BY c.id);
    command text;
    calls int = 0;
BEGIN
    FOR i IN 1..times LOOP
        FOR command IN SELECT query FROM bench.statement ORDER BY id LOOP
            EXIT WHEN clock_timestamp() > started + seconds * interval '1 s';
            PERFORM cost_after FROM dbadvisor.whatif(command, ddl);
            calls := calls + 1;
        END LOOP;
    END LOOP;
    RETURN extract(epoch FROM clock_timestamp() - started) * 1e6 / (2 * calls);
END
$$;

-- The greedy choice of so many candidates with HypoPG and EXPLAIN and nothing
-- remembered: every further candidate is tried, every statement planned.
CREATE FUNCTION bench.naive_greedy(chosen_count int, OUT chosen int[], OUT cost float8, OUT plans int, OUT seconds float8)
LANGUAGE plpgsql AS $$
DECLARE
    started CONSTANT timestamptz = clock_timestamp();
    candidate record;
    index_oid oid;
    trial float8;
    best int;
    best_cost float8;
BEGIN
    PERFORM hypopg_reset();
    chosen := '{}';
    cost := bench.sum_of_costs();
    plans := (SELECT count(*) FROM bench.statement);
    FOR step IN 1..chosen_count LOOP
        best := NULL;
        best_cost := 'infinity';
        FOR candidate IN SELECT * FROM bench.candidate c WHERE c.id <> ALL (chosen) ORDER BY c.id LOOP
            SELECT h.indexrelid INTO index_oid FROM hypopg_create_index(candidate.ddl) h;
            trial := bench.sum_of_costs();
            plans := plans + (SELECT count(*) FROM bench.statement);
            PERFORM hypopg_drop_index(index_oid);
            IF trial < best_cost THEN
                best := candidate.id;
                best_cost := trial;
            END IF;
        END LOOP;
        chosen := chosen || best;
        cost := best_cost;
        PERFORM hypopg_create_index(c.ddl) FROM bench.candidate c WHERE c.id = best;
    END LOOP;
    seconds := extract(epoch FROM clock_timestamp() - started);
    PERFORM hypopg_reset();
END
$$;

-- What all statements cost now.
CREATE FUNCTION bench.sum_of_costs() RETURNS float8
LANGUAGE plpgsql AS $$
DECLARE
    statement bench.statement;
    plan json;
    sum float8 = 0;
BEGIN
    FOR statement IN SELECT * FROM bench.statement LOOP
        EXECUTE 'EXPLAIN (FORMAT JSON) ' || statement.query INTO plan;
        sum := sum + statement.weight * (plan -> 0 -> 'Plan' ->> 'Total Cost')::float8;
    END LOOP;
    RETURN sum;
END
$$;
