-- paging.sql: somebody leafs through all products.
\set products int(40000 * :shop_scale)
\set skipped random(:products / 8, :products / 2)
SELECT id, name, price FROM shop.products ORDER BY name OFFSET :skipped LIMIT 20;
