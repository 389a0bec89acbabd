-- A schema is not taken over while somebody else may put objects into it: his
-- operators could pass for the server's.
\set VERBOSITY terse
CREATE ROLE regress_dbadvisor_owner;
CREATE SCHEMA dbadvisor AUTHORIZATION regress_dbadvisor_owner;
CREATE EXTENSION dbadvisor;
ALTER SCHEMA dbadvisor OWNER TO CURRENT_USER;
GRANT CREATE ON SCHEMA dbadvisor TO PUBLIC;
CREATE EXTENSION dbadvisor;
DROP SCHEMA dbadvisor;
DROP ROLE regress_dbadvisor_owner;
\set VERBOSITY default

-- CREATE EXTENSION, and what is in it: everything is commented, nothing is
-- open to PUBLIC, every function states its volatility and parallel safety.
CREATE EXTENSION dbadvisor;

-- The interface.
SELECT p.proname || '(' || pg_get_function_arguments(p.oid) || ')' AS function
FROM pg_proc p
WHERE p.pronamespace = 'dbadvisor'::regnamespace
  AND p.proname IN ('recommendations', 'coverage', 'rules', 'explain_rule',
                    'dismiss', 'reopen', 'snapshot', 'health')
ORDER BY p.proname COLLATE "C";

SELECT c.relname, c.relkind
FROM pg_class c
WHERE c.relnamespace = 'dbadvisor'::regnamespace AND c.relkind IN ('r', 'v')
ORDER BY c.relname COLLATE "C";

-- Without a comment: none.
SELECT pg_describe_object(d.classid, d.objid, 0) AS uncommented
FROM pg_depend d
JOIN pg_extension e ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid
WHERE e.extname = 'dbadvisor' AND d.deptype = 'e'
  AND d.classid IN ('pg_proc'::regclass, 'pg_class'::regclass, 'pg_namespace'::regclass)
  AND obj_description(d.objid, (SELECT relname FROM pg_class WHERE oid = d.classid)) IS NULL
ORDER BY 1;

-- Open to PUBLIC: none.
SELECT p.proname AS open_function
FROM pg_proc p
WHERE p.pronamespace = 'dbadvisor'::regnamespace
  AND has_function_privilege('public', p.oid, 'EXECUTE');
SELECT c.relname AS open_relation
FROM pg_class c
WHERE c.relnamespace = 'dbadvisor'::regnamespace AND c.relkind IN ('r', 'v')
  AND has_table_privilege('public', c.oid, 'SELECT');
SELECT has_schema_privilege('public', 'dbadvisor', 'USAGE') AS open_schema;

-- SECURITY DEFINER: none.
SELECT proname AS definer FROM pg_proc
WHERE pronamespace = 'dbadvisor'::regnamespace AND prosecdef;

-- Closed to pg_monitor: what forgets for everybody.
SELECT p.proname AS closed_function
FROM pg_proc p
WHERE p.pronamespace = 'dbadvisor'::regnamespace
  AND NOT has_function_privilege('pg_monitor', p.oid, 'EXECUTE');
