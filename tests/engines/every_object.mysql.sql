-- One of each that a database of MySQL or MariaDB can hold beside the tables of table_park.sql.
CREATE TABLE noted (id int AUTO_INCREMENT PRIMARY KEY, a int, note varchar(90), at timestamp NULL, shape geometry NOT NULL, SPATIAL KEY (shape));
CREATE VIEW seen AS SELECT id, a FROM noted WHERE a > 0;
CREATE VIEW broken AS SELECT id, note FROM noted;
ALTER TABLE noted RENAME COLUMN note TO remark;
CREATE TRIGGER at_once BEFORE INSERT ON noted FOR EACH ROW SET NEW.at = now();
CREATE TRIGGER afterwards AFTER DELETE ON noted FOR EACH ROW DELETE FROM noted_too WHERE id = OLD.id;
CREATE TABLE noted_too (id int PRIMARY KEY);
CREATE FUNCTION half(n int) RETURNS int DETERMINISTIC NO SQL RETURN n DIV 2;
CREATE PROCEDURE done(OUT n int) SELECT 1 INTO n;
CREATE EVENT some_day ON SCHEDULE EVERY 1 DAY STARTS '2037-01-01 00:00:00' DISABLE DO DELETE FROM noted_too;
