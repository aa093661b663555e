-- Geometries of all kinds that MySQL and MariaDB have, in reference systems without an order of axes; see kinds.mysql.sql.

CREATE TABLE plane (
  id INT PRIMARY KEY, any_kind GEOMETRY, pt POINT, ls LINESTRING, pg POLYGON, mpt MULTIPOINT, mls MULTILINESTRING, mpg MULTIPOLYGON,
  gc GEOMETRYCOLLECTION
);
INSERT INTO plane VALUES
  (1, ST_GeomFromText('POINT(1 -2.5)'), ST_GeomFromText('POINT(0.1 1e300)'), ST_GeomFromText('LINESTRING(0 0,1 1,-1e-300 2)'),
   ST_GeomFromText('POLYGON((0 0,4 0,4 4,0 4,0 0),(1 1,2 1,2 2,1 1))'), ST_GeomFromText('MULTIPOINT(0 0,1 1)'),
   ST_GeomFromText('MULTILINESTRING((0 0,1 1),(2 2,3 3,4 4))'),
   ST_GeomFromText('MULTIPOLYGON(((0 0,1 0,1 1,0 0)),((5 5,9 5,9 9,5 5),(6 5.5,7 5.5,7 6,6 5.5)))'),
   ST_GeomFromText('GEOMETRYCOLLECTION(POINT(1 1),GEOMETRYCOLLECTION(LINESTRING(0 0,1 1),MULTIPOINT(1 2)))')),
  (2, ST_GeomFromText('POINT(1 2)', 3857), ST_GeomFromText('POINT(3 4)', 3857), ST_GeomFromText('LINESTRING(0 0,1 1)', 3857),
   ST_GeomFromText('POLYGON((0 0,4 0,4 4,0 0))', 3857), ST_GeomFromText('MULTIPOINT(7 8)', 3857),
   ST_GeomFromText('MULTILINESTRING((0 0,1 1))', 3857), ST_GeomFromText('MULTIPOLYGON(((0 0,1 0,1 1,0 0)))', 3857),
   ST_GeomFromText('GEOMETRYCOLLECTION(POINT(1 1),POLYGON((0 0,4 0,4 4,0 0)))', 3857)),
  (3, ST_GeomFromText('GEOMETRYCOLLECTION EMPTY'), NULL, NULL, NULL, NULL, NULL, NULL, ST_GeomFromText('GEOMETRYCOLLECTION EMPTY')),
  (4, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);

-- later
INSERT INTO plane SELECT id + 10, gc, pt, ls, pg, mpt, mls, mpg, gc FROM plane;
UPDATE plane SET any_kind = mpg, pt = ST_GeomFromText('POINT(-0.5 7)'), gc = ST_GeomFromText('GEOMETRYCOLLECTION(POINT(9 9))') WHERE id IN (1, 12);
UPDATE plane SET any_kind = pg, pg = NULL WHERE id = 2;
DELETE FROM plane WHERE id = 11;
