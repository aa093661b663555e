-- Geometries of all kinds that others have, in PostGIS, whose X is the longitude; see kinds.postgres.sql.

CREATE TABLE plane (
  id int PRIMARY KEY, any_kind geometry, pt geometry(Point), ls geometry(LineString), pg geometry(Polygon),
  mpt geometry(MultiPoint), mls geometry(MultiLineString), mpg geometry(MultiPolygon), gc geometry(GeometryCollection)
);
INSERT INTO plane VALUES
  (1, 'POINT(1 -2.5)', 'POINT(0.1 1e300)', 'LINESTRING(0 0,1 1,-1e-300 2)', 'POLYGON((0 0,4 0,4 4,0 4,0 0),(1 1,2 1,2 2,1 1))',
   'MULTIPOINT(0 0,1 1)', 'MULTILINESTRING((0 0,1 1),(2 2,3 3,4 4))',
   'MULTIPOLYGON(((0 0,1 0,1 1,0 0)),((5 5,9 5,9 9,5 5),(6 5.5,7 5.5,7 6,6 5.5)))',
   'GEOMETRYCOLLECTION(POINT(1 1),GEOMETRYCOLLECTION(LINESTRING(0 0,1 1),MULTIPOINT(1 2)))'),
  (2, 'SRID=3857;POINT(1 2)', NULL, NULL, NULL, NULL, NULL, NULL, 'GEOMETRYCOLLECTION EMPTY'),
  (3, 'SRID=3857;GEOMETRYCOLLECTION(POINT(1 1),POLYGON((0 0,4 0,4 4,0 0)))', NULL, NULL, NULL, NULL, NULL, NULL, NULL),
  (4, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);

CREATE TABLE globe (id int PRIMARY KEY, place geometry(Point,4326), way geometry(LineString,4326), earth geography(Point,4326));
INSERT INTO globe VALUES
  (1, 'SRID=4326;POINT(13.3777 52.5163)', 'SRID=4326;LINESTRING(13.25 52.5,14.25 53.5)', 'POINT(13.3777 52.5163)'),
  (2, 'SRID=4326;POINT(-180 -90)', NULL, NULL);

-- later
INSERT INTO plane SELECT id + 10, gc, pt, ls, pg, mpt, mls, mpg, gc FROM plane;
UPDATE plane SET any_kind = mpg, pt = 'POINT(-0.5 7)', gc = 'GEOMETRYCOLLECTION(POINT(9 9))' WHERE id IN (1, 12);
UPDATE plane SET any_kind = 'SRID=4326;POINT(13.3777 52.5163)', pg = NULL WHERE id = 2;
DELETE FROM plane WHERE id = 11;
INSERT INTO globe VALUES (3, 'SRID=4326;POINT(13.3777 52.5163)', NULL, 'POINT(180 90)');
UPDATE globe SET place = 'SRID=4326;POINT(180 90)' WHERE id = 1;
