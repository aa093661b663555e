-- Edge values of the kinds that only MySQL has; see kinds.mysql.sql.

CREATE TABLE vectors (id INT PRIMARY KEY, v VECTOR(3));
INSERT INTO vectors VALUES (1, STRING_TO_VECTOR('[1,2.5,0.1]')), (2, STRING_TO_VECTOR('[1e-10,16777217,123456.789]')), (3, NULL);

CREATE TABLE shapes (id INT PRIMARY KEY, g GEOMETRY, p POINT SRID 4326, l LINESTRING, c GEOMETRYCOLLECTION);
INSERT INTO shapes VALUES
  (1, ST_GeomFromText('POINT(10 20)', 4326), ST_GeomFromText('POINT(10 20)', 4326), ST_GeomFromText('LINESTRING(0 0,1 1)'),
   ST_GeomFromText('GEOMETRYCOLLECTION(POINT(1 1),POLYGON((0 0,4 0,4 4,0 0)))')),
  (2, ST_GeomFromText('POINT(1 -2.5)'), NULL, NULL, NULL);

-- later
INSERT INTO vectors VALUES (4, STRING_TO_VECTOR('[-0.5,3e38,2e-38]'));
UPDATE vectors SET v = STRING_TO_VECTOR('[0.3333333333,1e6,999999]') WHERE id = 1;
INSERT INTO shapes VALUES (3, ST_GeomFromText('MULTIPOINT(0 0,1 1)', 3857), ST_GeomFromText('POINT(-90 180)', 4326), NULL, NULL);
UPDATE shapes SET g = ST_GeomFromText('POLYGON((0 0,4 0,4 4,0 0),(1 1,2 1,2 2,1 1))') WHERE id = 2;
DELETE FROM shapes WHERE id = 1;
