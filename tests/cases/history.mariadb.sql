-- System-versioned tables of MariaDB: what was is no part of what is; see kinds.mysql.sql for the order of things.

CREATE TABLE hidden (
  id INT PRIMARY KEY, a INT, b VARCHAR(40) DEFAULT 'x WITHOUT SYSTEM VERSIONING' WITHOUT SYSTEM VERSIONING, c INT DEFAULT 3 WITHOUT SYSTEM VERSIONING,
  UNIQUE KEY one_a (a), KEY some_b (b)
) COMMENT 'keeps its history' WITH SYSTEM VERSIONING;
CREATE TABLE named (
  id INT AUTO_INCREMENT PRIMARY KEY, a INT UNIQUE, since TIMESTAMP(6) GENERATED ALWAYS AS ROW START,
  until TIMESTAMP(6) GENERATED ALWAYS AS ROW END INVISIBLE, note TEXT, PERIOD FOR SYSTEM_TIME (since, until), KEY by_time (since)
) WITH SYSTEM VERSIONING PARTITION BY SYSTEM_TIME (PARTITION p0 HISTORY, PARTITION pn CURRENT);
CREATE TABLE keyless (a INT, b VARCHAR(9)) WITH SYSTEM VERSIONING;
CREATE TABLE hashed (id INT PRIMARY KEY, long_one TEXT, UNIQUE (long_one)) WITH SYSTEM VERSIONING;
INSERT INTO hidden (id, a, b) VALUES (1, 10, 'x'), (2, 20, 'x'), (3, 30, NULL), (4, 40, '');
INSERT INTO named (id, a) VALUES (1, 10), (2, 20), (3, 30), (4, 40);

INSERT INTO keyless VALUES (1, 'x'), (1, 'x'), (2, 'y');
INSERT INTO hashed VALUES (1, REPEAT('a', 3000)), (2, REPEAT('b', 3000));
COMMIT;
UPDATE hidden SET a = a + 1 WHERE id < 3; DELETE FROM hidden WHERE id = 2;
UPDATE named SET a = a + 1 WHERE id < 3; DELETE FROM named WHERE id = 2;

UPDATE keyless SET b = 'z' WHERE a = 2;

-- later
UPDATE hidden SET a = a + 1 WHERE id = 1; UPDATE named SET a = a + 1, note = 'new' WHERE id = 1; 
INSERT INTO hidden (id, a) VALUES (2, 21); INSERT INTO named (id, a) VALUES (2, 21); 
UPDATE keyless SET a = 7 WHERE b = 'z'; DELETE FROM keyless WHERE a = 1 LIMIT 1;
UPDATE hashed SET long_one = REPEAT('c', 3000) WHERE id = 1; INSERT INTO hashed VALUES (3, REPEAT('a', 3000));
-- later
REPLACE INTO hidden (id, a, b) VALUES (1, 99, 'y'); REPLACE INTO named (id, a) VALUES (1, 99); 
-- later
INSERT INTO hidden (id, a) VALUES (1, 0) ON DUPLICATE KEY UPDATE a = 78; INSERT INTO named (id, a) VALUES (1, 0) ON DUPLICATE KEY UPDATE a = 78;
UPDATE hidden SET id = 7 WHERE id = 3; UPDATE named SET id = 7 WHERE id = 3; 
-- later
DELETE FROM hidden WHERE id = 4; DELETE FROM named WHERE id = 4; DELETE FROM hashed WHERE id = 2;
-- later
UPDATE hidden SET b = 'alone', c = 4 WHERE id = 1;
-- later
DELETE HISTORY FROM hidden; DELETE HISTORY FROM keyless;
