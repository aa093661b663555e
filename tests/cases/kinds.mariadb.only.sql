-- Edge values of the kinds that only MariaDB has; see kinds.mysql.sql.

CREATE TABLE own (
  id UUID PRIMARY KEY, a INET4, b INET6, v VARCHAR(300) COMPRESSED, l MEDIUMBLOB COMPRESSED
) CHARACTER SET utf8mb4;
INSERT INTO own VALUES
  ('6CCD780C-BABA-1026-9564-5B8C656024DB', '1.2.3.4', '::1', '', x''),
  ('00000000-0000-0000-0000-000000000000', '0.0.0.0', '2001:db8::1', 'short', REPEAT(x'00ff', 50000)),
  ('ffffffff-ffff-ffff-ffff-ffffffffffff', NULL, '::ffff:1.2.3.4', REPEAT('é', 300), NULL);

CREATE TABLE vectors (id INT PRIMARY KEY, v VECTOR(3));
INSERT INTO vectors VALUES (1, VEC_FromText('[1,2.5,0.1]')), (2, VEC_FromText('[1e-10,16777217,123456.789]')), (3, NULL);

CREATE TABLE shapes (id INT PRIMARY KEY, g GEOMETRY, p POINT REF_SYSTEM_ID=4326, l LINESTRING, c GEOMETRYCOLLECTION);
INSERT INTO shapes VALUES
  (1, ST_GeomFromText('POINT(10 20)', 4326), ST_GeomFromText('POINT(10 20)', 4326), ST_GeomFromText('LINESTRING(0 0,1 1)'),
   ST_GeomFromText('GEOMETRYCOLLECTION(POINT(1 1),POLYGON((0 0,4 0,4 4,0 0)))')),
  (2, ST_GeomFromText('POINT(1 -2.5)'), NULL, NULL, NULL);

-- later
INSERT INTO own VALUES ('018f4e5e-1234-7abc-8def-000000000001', '255.255.255.0', '1:0:0:2:3:0:0:4', 'x', x'00');
UPDATE own SET b = '::', v = 'changed' WHERE a = '1.2.3.4';
DELETE FROM own WHERE a IS NULL;
INSERT INTO vectors VALUES (4, VEC_FromText('[-0.5,1e19,2e-38]'));
UPDATE vectors SET v = VEC_FromText('[0.3333333333,1e6,999999]') WHERE id = 1;
INSERT INTO shapes VALUES (3, ST_GeomFromText('MULTIPOINT(0 0,1 1)', 3857), ST_GeomFromText('POINT(-90 180)', 4326), NULL, NULL);
UPDATE shapes SET g = ST_GeomFromText('POLYGON((0 0,4 0,4 4,0 0),(1 1,2 1,2 2,1 1))') WHERE id = 2;
DELETE FROM shapes WHERE id = 1;
