-- Prints what bench/sizes found as tables in Markdown.
CREATE VIEW compared AS
SELECT number, coalesce(substring(ddl FROM ' USING (\w+)'), 'btree') AS method, substring(ddl FROM 27) AS index,
       estimated / 8192 AS estimated, built / 8192 AS built, ms, height, real_height,
       100.0 * (estimated - built) / built AS off, 100.0 * (hypopg - built) / built AS hypopg_off
FROM cases;
SELECT '| access method | indexes | median | worst | HypoPG: indexes | median | worst |';
SELECT '|---|---|---|---|---|---|---|';
SELECT format('| %s | %s | %s %% | %s %% | %s | %s | %s |', method, count(*),
              round((percentile_cont(0.5) WITHIN GROUP (ORDER BY abs(off)))::numeric, 1), round(max(abs(off)), 1),
              count(hypopg_off), coalesce(round((percentile_cont(0.5) WITHIN GROUP (ORDER BY abs(hypopg_off)))::numeric, 1) || ' %', '-'),
              coalesce(round(max(abs(hypopg_off)), 1) || ' %', '-'))
FROM compared GROUP BY method ORDER BY min(number);
SELECT E'\n' || format('Tree height right: %s of %s btrees. Time of an estimate: median %s ms, longest %s ms.',
              count(*) FILTER (WHERE height = real_height), count(real_height),
              round((percentile_cont(0.5) WITHIN GROUP (ORDER BY ms))::numeric), round(max(ms))) || E'\n'
FROM compared;
SELECT '| index | pages | estimated | off | HypoPG off |';
SELECT '|---|---|---|---|---|';
SELECT format('| %s | %s | %s | %s %% | %s |', index, built, estimated, round(off, 1), coalesce(round(hypopg_off, 1) || ' %', '-'))
FROM compared ORDER BY number;
