-- A hostile catalog: odd names, namesakes of our functions and of the server's
-- in the caller's way, very wide tables, views and functions that raise errors.
-- Nothing of it is executed, and every statement that comes out of it runs.
SET dbadvisor.min_window = 0;
SET client_min_messages = warning;

CREATE SCHEMA "Hostile ""schema"", with a
newline; DROP TABLE x;--";
SET search_path = "Hostile ""schema"", with a
newline; DROP TABLE x;--";

-- Anything that runs these gives itself away.
CREATE FUNCTION trap() RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS
    $$BEGIN RAISE EXCEPTION 'a user''s function was executed'; END$$;
CREATE FUNCTION format(text, VARIADIC text[]) RETURNS text LANGUAGE plpgsql AS
    $$BEGIN RAISE EXCEPTION 'a user''s format() was executed'; END$$;
CREATE FUNCTION now() RETURNS timestamptz LANGUAGE plpgsql AS
    $$BEGIN RAISE EXCEPTION 'a user''s now() was executed'; END$$;
CREATE FUNCTION examinable(oid) RETURNS boolean LANGUAGE plpgsql AS
    $$BEGIN RAISE EXCEPTION 'a user''s examinable() was executed'; END$$;
CREATE FUNCTION recommendations() RETURNS SETOF int LANGUAGE plpgsql AS
    $$BEGIN RAISE EXCEPTION 'a user''s recommendations() was executed'; END$$;
CREATE FUNCTION int_is(int, int) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS
    $$BEGIN RAISE EXCEPTION 'a user''s operator was executed'; END$$;
CREATE OPERATOR = (LEFTARG = int, RIGHTARG = int, FUNCTION = int_is);
CREATE VIEW pg_class AS SELECT trap() AS oid, 1 / 0 AS relname;
CREATE VIEW broken AS SELECT 1 / 0 AS one, trap() AS two;
CREATE TEMP TABLE pg_namespace (oid oid);

CREATE DOMAIN d1 AS int;
CREATE DOMAIN d2 AS d1 CHECK (VALUE > 0);
CREATE FUNCTION odd(int) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT $1 % 2 OPERATOR(pg_catalog.=) 1';
CREATE FUNCTION harmless_once(int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT $1';

CREATE TABLE "Ünïcödé name that is sixty-three bytes long, quotes ' "" and €€" (
    id d2, "Col ""umn" int, n int
) WITH (autovacuum_enabled = false);
INSERT INTO "Ünïcödé name that is sixty-three bytes long, quotes ' "" and €€"
    SELECT i, i, i FROM generate_series(1, 150000) i;
CREATE INDEX "index ""1""; DROP TABLE x" ON "Ünïcödé name that is sixty-three bytes long, quotes ' "" and €€" ("Col ""umn");
CREATE INDEX "index
2" ON "Ünïcödé name that is sixty-three bytes long, quotes ' "" and €€" (harmless_once(n)) WHERE odd(n);
CREATE INDEX "index
3" ON "Ünïcödé name that is sixty-three bytes long, quotes ' "" and €€" (harmless_once(n)) WHERE odd(n);
-- From now on they are traps.
CREATE OR REPLACE FUNCTION odd(int) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS
    $$BEGIN RAISE EXCEPTION 'a user''s predicate was executed'; END$$;
CREATE OR REPLACE FUNCTION harmless_once(int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS
    $$BEGIN RAISE EXCEPTION 'a user''s index expression was executed'; END$$;

DO $$BEGIN
    EXECUTE (SELECT 'CREATE TABLE wide (' || string_agg(pg_catalog.format('c%s int', i), ', ') || ')'
             FROM generate_series(1, 1600) i);
END$$;
CREATE TABLE empty ();
SELECT pg_stat_force_next_flush();

SELECT count(*) > 0 AS found FROM dbadvisor.recommendations(min_severity => 'info');
SELECT rule, reason FROM dbadvisor.coverage() WHERE status = 'failed';

-- The indexes come out quoted as SQL needs it.
SELECT object, fix FROM dbadvisor.recommendations('{index}', 'info')
WHERE rule IN ('unused_index', 'duplicate_index') ORDER BY object COLLATE "C";

RESET search_path;
SET client_min_messages = error;
DROP SCHEMA "Hostile ""schema"", with a
newline; DROP TABLE x;--" CASCADE;
DROP TABLE pg_temp.pg_namespace;
DROP EXTENSION dbadvisor;
