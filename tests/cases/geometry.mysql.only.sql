-- The Brandenburg Gate: MySQL 8 and later write latitude first where the reference system 4326 says so; see geometry.mysql.sql.

CREATE TABLE globe (id INT PRIMARY KEY, place POINT SRID 4326, way LINESTRING SRID 4326, any_kind GEOMETRY);
INSERT INTO globe VALUES
  (1, ST_GeomFromText('POINT(52.5163 13.3777)', 4326), ST_GeomFromText('LINESTRING(52.5 13.25,53.5 14.25)', 4326),
   ST_GeomFromText('POINT(52.5163 13.3777)', 4326)),
  (2, ST_SRID(POINT(-180, -90), 4326), NULL, ST_GeomFromText('POINT(1 2)'));

-- later
INSERT INTO globe VALUES (3, ST_GeomFromText('POINT(13.3777 52.5163)', 4326, 'axis-order=long-lat'), NULL, NULL);
UPDATE globe SET place = ST_GeomFromText('POINT(90 180)', 4326), any_kind = way WHERE id = 1;
