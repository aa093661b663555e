-- Names of all letters and lengths that the family takes: 64 of them, more bytes than others take; see names.postgres.sql.

CREATE TABLE `Order` (`from` INT PRIMARY KEY, `Group` TEXT, ` lead` TEXT, `quo"te's ``` TEXT, `%s {x} :y` INT, `sel?ect` INT, `Ünï ☃` TEXT);
CREATE TABLE `quo"te's `` %s ☃` (`Primary` VARCHAR(20) COLLATE utf8mb4_bin, `KEY` INT, `where` TEXT, PRIMARY KEY (`Primary`, `KEY`));
CREATE TABLE `n234567890123456789012345678901234567890123456789012345678901234` (`c234567890123456789012345678901234567890123456789012345678901234` INT PRIMARY KEY, `back\slash` TEXT);
INSERT INTO `Order` VALUES (1, 'g1', ' ', '"', 1, 1, '☃'), (2, 'g2', ' ', '"', 2, 2, '😀');
INSERT INTO `quo"te's `` %s ☃` VALUES ('a', 1, 'x'), ('%s', 2, NULL);
INSERT INTO `n234567890123456789012345678901234567890123456789012345678901234` VALUES (1, '\\');

-- later
UPDATE `Order` SET `from` = 10, `Group` = NULL, `sel?ect` = 7 WHERE `from` = 1;
INSERT INTO `Order` (`from`, `Ünï ☃`) VALUES (11, '%s');
DELETE FROM `Order` WHERE `from` = 2;
UPDATE `quo"te's `` %s ☃` SET `Primary` = '☃', `where` = '`' WHERE `KEY` = 1;
INSERT INTO `n234567890123456789012345678901234567890123456789012345678901234` VALUES (2, '%');
