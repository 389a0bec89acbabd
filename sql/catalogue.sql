-- The catalogue of rules.  Which rules there are is not listed here: a new
-- rule must not change this test.
SELECT count(*) >= 1 AS has_rules, count(DISTINCT name) = count(*) AS names_are_unique
FROM dbadvisor.rules;

SELECT name, category, severity, title, needs, examines
FROM dbadvisor.rules WHERE name = 'unused_index';

SELECT count(*) AS incomplete
FROM dbadvisor.rules
WHERE title = '' OR documentation !~ '[[:alpha:]]' OR query !~* '^\s*(select|with)'
   OR severity NOT IN ('info', 'notice', 'warning', 'critical');

-- By name, and by category and name.
SELECT dbadvisor.explain_rule('unused_index') = dbadvisor.explain_rule('index/unused_index') AS same;
SELECT split_part(dbadvisor.explain_rule('unused_index'), E'\n', 1) AS first_line;
