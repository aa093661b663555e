-- Edge values of the kinds that extensions bring; see kinds.postgres.sql.

CREATE EXTENSION hstore SCHEMA public;
CREATE EXTENSION vector SCHEMA public;
CREATE EXTENSION citext SCHEMA public;
CREATE EXTENSION ltree SCHEMA public;

CREATE TABLE extended (id int PRIMARY KEY, h hstore, v vector(3), c citext, hs hstore[], l ltree, lq lquery, ls ltree[], cs citext[]);
INSERT INTO extended VALUES
  (1, 'a=>1, "b c"=>"x\\ \"y", d=>NULL', '[1,2.5,0.1]', 'Case', array['a=>1'::hstore, null],
   'Top.Science_1.é', '*.Astro*@.!x{1,}', '{a.b,NULL,""}', '{"a,b",NULL}'),
  (2, '', '[1e-10,16777217,123456.789]', '', '{}', '', '*', '{}', '{}'),
  (3, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);

-- later
INSERT INTO extended VALUES (4, '☃=>"\"\\"', '[-0.5,1e18,2e-38]', E'\t', NULL, 'a', NULL, '{c}', '{É}');
UPDATE extended SET h = h || 'new=>"☃"', v = '[0.33333334,1e6,-999999]', c = 'case', l = 'b.c', ls = NULL WHERE id = 1;
DELETE FROM extended WHERE id = 3;
