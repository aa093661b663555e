-- Beside the sample databases: what they lack. Wide rows of every kind, a table without a key, foreign key actions.

CREATE TABLE wide (
  id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
  label VARCHAR(100) NOT NULL DEFAULT 'none',
  body LONGTEXT,
  picture LONGBLOB,
  doc JSON,
  ratio DOUBLE,
  single FLOAT,
  exact DECIMAL(30,10) DEFAULT '0.5000000000',
  small TINYINT,
  big BIGINT UNSIGNED,
  middle MEDIUMINT UNSIGNED,
  flag TINYINT(1) NOT NULL DEFAULT 1,
  bits BIT(12),
  span TIME(6),
  born DATETIME(6),
  day DATE,
  seen TIMESTAMP(6) NULL DEFAULT NULL,
  size ENUM('small', 'it''s', 'a,b', 'größe') DEFAULT 'small',
  tags SET('red', 'green', 'blue'),
  code CHAR(6),
  fixed BINARY(8),
  doubled INT GENERATED ALWAYS AS (small * 2) STORED,
  KEY wide_label (label),
  KEY wide_prefix (body(20), born),
  UNIQUE KEY wide_code (code, id)
) ENGINE=InnoDB CHARACTER SET utf8mb4 COMMENT='it''s wide; ünï';

CREATE TABLE latin (
  id INT NOT NULL PRIMARY KEY,
  word VARCHAR(50) CHARACTER SET latin1,
  other VARCHAR(50) CHARACTER SET cp1251 NOT NULL DEFAULT ''
) ENGINE=InnoDB CHARACTER SET latin1;

CREATE TABLE heap (
  word VARCHAR(60),
  number INT,
  at DATETIME(3)
) ENGINE=InnoDB CHARACTER SET utf8mb4;

CREATE TABLE parent (
  id INT NOT NULL AUTO_INCREMENT PRIMARY KEY,
  name VARCHAR(60) NOT NULL UNIQUE
) ENGINE=InnoDB CHARACTER SET utf8mb4;

CREATE TABLE child (
  id INT NOT NULL AUTO_INCREMENT PRIMARY KEY,
  parent_id INT NOT NULL,
  note VARCHAR(60),
  CONSTRAINT child_of FOREIGN KEY (parent_id) REFERENCES parent (id) ON DELETE CASCADE ON UPDATE CASCADE
) ENGINE=InnoDB CHARACTER SET utf8mb4;

CREATE TABLE grandchild (
  id INT NOT NULL AUTO_INCREMENT PRIMARY KEY,
  child_id INT NOT NULL,
  CONSTRAINT grandchild_of FOREIGN KEY (child_id) REFERENCES child (id) ON DELETE CASCADE
) ENGINE=InnoDB CHARACTER SET utf8mb4;

CREATE TABLE friend (
  id INT NOT NULL AUTO_INCREMENT PRIMARY KEY,
  parent_id INT,
  CONSTRAINT friend_of FOREIGN KEY (parent_id) REFERENCES parent (id) ON DELETE SET NULL ON UPDATE SET NULL
) ENGINE=InnoDB CHARACTER SET utf8mb4;

INSERT INTO wide (label, body, doc, ratio, single, big, span, born, seen, size, tags, code, fixed, bits, small) VALUES
  ('first', REPEAT('tab\tback\\slash\n', 1000), '{"k": [1, 2.5, null, "\\t"]}', 0.1, 0.1, 18446744073709551615,
   '00:00:00.000001', '1000-01-01 00:00:00.000001', '1970-01-01 12:00:01.5', 'it''s', 'red,blue', 'ab', x'00ff0000', b'101', -128),
  ('second', '', '""', -1e308, 1e-38, 0, '23:59:59.999999', '9999-12-31 23:59:59.999999', '2037-01-01 00:00:00', 'größe', '', '', x'', b'0', 63),
  ('third', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO latin VALUES (1, 'Grüße', 'Привет'), (2, NULL, ''), (3, 'tab	back\\slash', '\\N');
INSERT INTO heap VALUES ('twice', 1, NULL), ('twice', 1, NULL), (NULL, NULL, NULL), ('', 0, '2024-02-29 00:00:00.001');
INSERT INTO parent (id, name) VALUES (1, 'one'), (2, 'two'), (3, '😀');
INSERT INTO child (parent_id, note) VALUES (1, 'a'), (1, NULL), (2, '');
INSERT INTO grandchild (child_id) VALUES (1), (2), (3);
INSERT INTO friend (parent_id) VALUES (1), (3), (NULL);
