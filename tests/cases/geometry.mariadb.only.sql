-- The Brandenburg Gate: MariaDB has no order of axes, so longitude is written first; see geometry.mysql.sql.

CREATE TABLE globe (id INT PRIMARY KEY, place POINT REF_SYSTEM_ID=4326, way LINESTRING REF_SYSTEM_ID=4326, any_kind GEOMETRY);
INSERT INTO globe VALUES
  (1, ST_GeomFromText('POINT(13.3777 52.5163)', 4326), ST_GeomFromText('LINESTRING(13.25 52.5,14.25 53.5)', 4326),
   ST_GeomFromText('POINT(13.3777 52.5163)', 4326)),
  (2, ST_GeomFromText('POINT(-180 -90)', 4326), NULL, ST_GeomFromText('POINT(1 2)'));

-- later
INSERT INTO globe VALUES (3, ST_GeomFromText('POINT(13.3777 52.5163)', 4326), NULL, NULL);
UPDATE globe SET place = ST_GeomFromText('POINT(180 90)', 4326), any_kind = way WHERE id = 1;
