-- Texts with the character NUL, in columns from which the plan strips it; see kinds.mysql.sql.

CREATE TABLE notes (
  id int PRIMARY KEY, v varchar(50) CHARACTER SET utf8mb4, u varchar(50) CHARACTER SET utf16, t longtext CHARACTER SET latin1,
  c char(5) CHARACTER SET utf8mb4, kept varchar(20)
);
INSERT INTO notes VALUES
  (1, 'a\0b\\\0\t', '\0é\0', CONCAT('é\0', REPEAT('x\0', 3000)), 'a\0', 'x'), (2, '\0', 'Ā', '\0\0\n', '\0a', ''),
  (3, NULL, NULL, NULL, NULL, NULL), (4, 'plain', 'plain', 'plain', 'plain', 'plain'), (5, 'gone\0', NULL, NULL, NULL, NULL);
CREATE TABLE loose (v varchar(50) CHARACTER SET utf8mb4, n int);
INSERT INTO loose VALUES ('a\0', 1), ('a', 1), ('\0', NULL);

-- later
INSERT INTO notes VALUES (6, '\0\0new', '☃\0', 'é\0', '', 'y');
UPDATE notes SET v = 'x\0y', u = 'Ā\0', t = CONCAT(t, '\0end'), c = 'b\0c' WHERE id IN (2, 4);
UPDATE notes SET id = 7, kept = 'z' WHERE id = 1;
DELETE FROM notes WHERE id = 5;
UPDATE loose SET n = 2 WHERE HEX(v) = '6100';
DELETE FROM loose WHERE n IS NULL;
