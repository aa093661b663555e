-- Geometries in columns that take any, for a target that has nothing but a name for the type; see kinds.mysql.sql.

CREATE TABLE places (id INT PRIMARY KEY, g GEOMETRY);
INSERT INTO places VALUES (1, ST_GeomFromText('POINT(1 -2.5)')), (2, ST_GeomFromText('POINT(1 2)', 3857)), (3, NULL);

-- later
INSERT INTO places VALUES (4, ST_GeomFromText('POINT(0 0)', 3857));
UPDATE places SET g = ST_GeomFromText('POINT(0 1)') WHERE id = 1;
DELETE FROM places WHERE id = 3;
