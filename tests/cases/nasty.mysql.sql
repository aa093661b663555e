-- Names that break whoever forgets to quote: case, reserved words, quotes, placeholders, letters, 63 bytes. The family
-- allows no letters of four bytes in names.

CREATE TABLE `Order` (
  `from` INT NOT NULL AUTO_INCREMENT PRIMARY KEY,
  `Group` VARCHAR(100) DEFAULT 'it''s %s :name "q" \\',
  `a b` ENUM('Group', 'it''s "x"', 'a\\b', '%s', 'ü☃', 'a,b', '{c}') DEFAULT 'it''s "x"',
  `per%cent` INT,
  `:colon` INT NOT NULL DEFAULT 7,
  `back\slash` VARCHAR(20),
  `quo"te's``` VARCHAR(20),
  `{curly}` VARCHAR(20),
  `%(named)s` VARCHAR(20),
  `Ünï ☃` DATETIME(6) DEFAULT CURRENT_TIMESTAMP(6),
  `user` VARCHAR(20) NOT NULL DEFAULT '',
  ` spaces` VARCHAR(20),
  `select` SET('a b', 'it''s') DEFAULT 'it''s',
  UNIQUE KEY `uni "q" %s` (`Group`, `per%cent`)
) ENGINE=InnoDB CHARACTER SET utf8mb4 COMMENT='it''s a "comment" with %s and \\ and ☃';
CREATE TABLE `quo"te's ☃ %s` (
  `Primary` VARCHAR(20) COLLATE utf8mb4_bin NOT NULL,
  `KEY` INT NOT NULL,
  `☃` VARCHAR(20),
  PRIMARY KEY (`Primary`, `KEY`)
) ENGINE=InnoDB CHARACTER SET utf8mb4;
CREATE TABLE `nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnné1` (
  `nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnné1` INT NOT NULL PRIMARY KEY,
  `cnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnné1` INT,
  KEY `innnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnné1` (`cnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnné1`),
  CONSTRAINT `fnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnné1` FOREIGN KEY (`cnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnné1`) REFERENCES `Order` (`from`) ON DELETE SET NULL
) ENGINE=InnoDB CHARACTER SET utf8mb4;

INSERT INTO `Order` (`Group`, `a b`, `per%cent`, `back\slash`, `quo"te's```, `{curly}`, `%(named)s`, ` spaces`, `select`) VALUES
  ('g1', 'Group', 1, '\\', '"', '{}', '%s', ' ', 'a b'), ('g2', 'it''s "x"', 2, NULL, '', NULL, NULL, NULL, 'a b,it''s'),
  ('g3', 'a\\b', 3, '\\N', '\t', '%', ':x', '☃', ''), ('%s', '%s', 4, '', '''', '', '', '', NULL),
  (NULL, '{c}', NULL, '', '', '', '', '', NULL);
INSERT INTO `quo"te's ☃ %s` VALUES ('', 0, NULL), ('☃', 1, '\t'), ('\\', 2, '\\N'), ('%s', 3, ''), (':name', 4, 'x');
INSERT INTO `nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnné1` VALUES (1, 1), (2, NULL);
