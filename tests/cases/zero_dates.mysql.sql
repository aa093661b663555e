-- Dates that no calendar has, of the MySQL family only; see kinds.mysql.sql for the order of things.

CREATE TABLE days (id INT PRIMARY KEY, d DATE NOT NULL, dt DATETIME(3), ts TIMESTAMP NULL, own DATE);
INSERT INTO days VALUES
  (1, '0000-00-00', '0000-00-00 00:00:00', '0000-00-00 00:00:00', '2024-02-29'),
  (2, '2024-00-10', '2024-02-00 01:02:03.5', '2024-01-02 03:04:05', NULL),
  (3, '2024-02-30', '2023-02-29 00:00:00', NULL, '0001-01-01'), (4, '0000-05-05', NULL, NULL, '9999-12-31'),
  (5, '2024-02-29', '2024-02-29 01:02:03.5', '2024-01-02 03:04:05', '2024-01-02');

-- later
INSERT INTO days VALUES (6, '2023-02-29', '0000-01-01 00:00:00', '0000-00-00 00:00:00', '2000-02-29');
UPDATE days SET d = '2000-01-01', dt = '2000-02-30 00:00:00' WHERE id = 1;
UPDATE days SET d = '0000-00-00', ts = '0000-00-00 00:00:00' WHERE id = 5;
DELETE FROM days WHERE id = 2;
