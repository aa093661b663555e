-- Edge values of every kind that MySQL and MariaDB have alike. What stands before the first line `-- later` is there
-- when the load begins; what follows is read from the log, one transaction for each `-- later`.

CREATE TABLE integers (
  id BIGINT PRIMARY KEY, tiny TINYINT, utiny TINYINT UNSIGNED, small SMALLINT, usmall SMALLINT UNSIGNED,
  medium MEDIUMINT, umedium MEDIUMINT UNSIGNED, plain INT, uplain INT UNSIGNED, big BIGINT, ubig BIGINT UNSIGNED,
  filled INT(8) UNSIGNED ZEROFILL, flag TINYINT(1)
);
INSERT INTO integers VALUES
  (-9223372036854775808, -128, 0, -32768, 0, -8388608, 0, -2147483648, 0, -9223372036854775808, 0, 0, 0),
  (9223372036854775807, 127, 255, 32767, 65535, 8388607, 16777215, 2147483647, 4294967295, 9223372036854775807,
   18446744073709551615, 4294967295, 1),
  (0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 42, NULL);

CREATE TABLE fractions (
  id DECIMAL(20,4) PRIMARY KEY, wide DECIMAL(65,30), whole DECIMAL(10,0), small DECIMAL(5,5),
  filled DECIMAL(9,2) UNSIGNED ZEROFILL, single FLOAT, single_cut FLOAT(7,3), twice DOUBLE,
  positive DOUBLE UNSIGNED, twice_filled DOUBLE UNSIGNED ZEROFILL, twice_cut DOUBLE(20,2)
);
INSERT INTO fractions VALUES
  (0.5, -99999999999999999999999999999999999.999999999999999999999999999999, -9999999999, -0.99999, 0, 0.1, 0.1,
   0.1, 2.2250738585072014e-308, 0.1, 0.3),
  (-1, 1e-30, 42, 0.1, 9999999.99, -3.4028234e38, -1234.567, -1.7976931348623157e308, 0, 1e300, 12345678901234567.89),
  (9999999999999999.9999, 0, 0, 0, 42.5, 16777217, 0, 4.9e-324, 12345678.9, 10, -0.1),
  (2, NULL, NULL, NULL, NULL, 1.4e-45, NULL, 1e15, NULL, 0, NULL),
  (3, 1, 1, 0.00001, 1, -1e-7, 1, -0.000012345678901234567, 1, 1, 1);

CREATE TABLE moments (
  id DATE PRIMARY KEY, d DATE, t TIME, t6 TIME(6), dt DATETIME, dt3 DATETIME(3), dt6 DATETIME(6),
  ts TIMESTAMP NULL, ts4 TIMESTAMP(4) NULL, y YEAR
);
INSERT INTO moments VALUES
  ('0001-01-01', '0001-01-01', '00:00:00', '00:00:00.000001', '0001-01-01', '1000-01-01 00:00:00.100',
   '9999-12-31 23:59:59.999999', '1970-01-01 00:00:01', '2024-10-27 00:30:00.1234', 1901),
  ('9999-12-31', '9999-12-31', '23:59:59', '23:59:59.999999', '9999-12-31 23:59:59', '9999-12-31 23:59:59.999',
   '2024-03-31 02:30:00', '2038-01-19 03:14:07', '1999-12-31 23:59:59', 2155),
  ('2024-02-29', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 0);

CREATE TABLE spans (id TIME(3) PRIMARY KEY, t TIME, t6 TIME(6));
INSERT INTO spans VALUES
  ('-838:59:58.999', '-838:59:59', '-00:00:00.000001'), ('838:59:58.5', '838:59:59', '838:59:58.999999'),
  ('00:00:00', '-00:00:01', '-100:00:00.5'), ('25:00:00', '24:00:01', NULL);

CREATE TABLE texts (
  id VARCHAR(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin PRIMARY KEY, v VARCHAR(100), c CHAR(10), l TEXT,
  latin VARCHAR(50) CHARACTER SET latin1, chinese VARCHAR(50) CHARACTER SET gbk, wide VARCHAR(50) CHARACTER SET utf16
) CHARACTER SET utf8mb4;
INSERT INTO texts VALUES
  ('', 'tab\there', 'a', 'line\nfeed', 'é€\\', '汉字\\', '汉😀\\'), ('A', 'back\\slash', ' b ', 'car\rriage', '', '誠\t', '\n'),
  ('a', '\\N', '', '\\.', '\t', '\\', ''), ('☃', '☃😀', NULL, '\b\Z', NULL, NULL, NULL),
  ('\\', 'a\tb\\\n\r\\', '\t', REPEAT('long \\ text\n', 5000), 'x', 'x', 'x'), ('%s', '"\'', 'N', ' ', 'x', 'x', 'x');

CREATE TABLE bytes (id VARBINARY(8) PRIMARY KEY, b BINARY(4), v VARBINARY(100), l LONGBLOB, bits BIT(13), one BIT(1), most BIT(64));
INSERT INTO bytes VALUES
  (x'', x'', x'', x'', b'0', b'0', b'0'), (x'00', x'00000000', x'00', x'00', b'1', b'1', ~0),
  (x'5c4e', x'61000000', x'ff00fe0d0a09', REPEAT(x'00ff5c', 100000), b'1111111111111', NULL, x'8000000000000001'),
  (x'ff', x'5c090a0d', NULL, NULL, NULL, b'1', b'1');

CREATE TABLE labels (id INT PRIMARY KEY, e ENUM('a', 'b c', 'tab\t', 'ü', 'x,y', ''), s SET('a', 'b c', 'ü'));
INSERT INTO labels VALUES (1, 'a', 'a'), (2, 'tab\t', 'ü,a'), (3, 'x,y', ''), (4, '', 'a,b c,ü'), (5, NULL, NULL);

CREATE TABLE documents (id INT PRIMARY KEY, j JSON);
INSERT INTO documents VALUES
  (1, '{"b": 1, "aa": [1, 2.5, null, "x\\n☃😀"], "c": {"d": "\\\\"}}'), (2, 'null'), (3, '"s\\\\t"'), (4, '[]'), (5, NULL);

CREATE TABLE keyless (
  a INT, v VARCHAR(20), d DOUBLE, f FLOAT, j JSON, b BLOB, t TIME(2), c CHAR(3), ts TIMESTAMP(3) NULL, s SET('x', 'y'), y BIT(9)
);
INSERT INTO keyless VALUES
  (1, 'x', 0.1, 0.1, '{"b": [1.50, "é"], "a": null}', x'00ff', '-838:59:58.5', 'a', '2024-01-02 03:04:05.5', 'x,y', b'101'),
  (1, 'x', 0.1, 0.1, '{"b": [1.50, "é"], "a": null}', x'00ff', '-838:59:58.5', 'a', '2024-01-02 03:04:05.5', 'x,y', b'101'),
  (1, 'X', 0.1, 0.1, '{"b": [1.50, "é"], "a": null}', x'00ff', '-838:59:58.5', 'a', '2024-01-02 03:04:05.5', 'x,y', b'101'),
  (NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);

-- later
INSERT INTO integers SELECT 7, small, utiny, tiny, usmall, medium, umedium, plain, uplain, big, ubig, filled, 1 FROM integers WHERE id = 0;
UPDATE integers SET big = id, ubig = 18446744073709551614, tiny = -1, plain = -1, medium = -1, flag = 0 WHERE id > 0;
UPDATE integers SET id = id + 1 WHERE id < 0;
DELETE FROM integers WHERE id = 0;
INSERT INTO fractions VALUES (4, -1e-30, -1, -0.1, 0.01, 3.4028234e38, 0.5, -4.9e-324, 1e-300, 2.5, -0.01);
UPDATE fractions SET id = id + 0.0001, twice = 123456789012345678, single = 0.2, wide = -wide WHERE id < 1;
DELETE FROM fractions WHERE id = 2;
INSERT INTO moments VALUES ('2024-01-02', '2000-02-29', '12:00:00', '12:00:00.5', '2024-01-02 03:04:05',
  '2024-01-02 03:04:05.5', '2024-01-02 03:04:05.000001', '2024-03-31 02:30:00', '2024-10-27 02:30:00.5', 2024);
UPDATE moments SET id = '2024-03-01', d = '2024-02-29', t = '01:02:03', y = 0, ts = '2000-01-01' WHERE id = '2024-02-29';
DELETE FROM moments WHERE id = '0001-01-01';
INSERT INTO spans VALUES ('-00:00:00.5', '-12:00:00', '123:04:05.6');
UPDATE spans SET id = '-838:59:58.998', t = '838:59:58' WHERE t < '-838:00:00';
DELETE FROM spans WHERE id = '00:00:00';
-- later
INSERT INTO texts VALUES ('b', 'é', 'ü ', 'x', 'ß', '中', '😀');
UPDATE texts SET id = 'B', v = '\\\\', l = NULL, latin = 'ÿ' WHERE id = 'A';
DELETE FROM texts WHERE id = '☃';
INSERT INTO bytes VALUES (x'0a', x'01', x'0000', x'09', b'101', b'1', b'101');
UPDATE bytes SET id = x'0000', b = x'20', v = x'20', bits = b'0' WHERE id = x'00';
DELETE FROM bytes WHERE id = x'';
INSERT INTO labels VALUES (6, 'ü', 'b c'), (7, 'b c', 'ü');
UPDATE labels SET e = '', s = 'a,ü' WHERE id = 2;
DELETE FROM labels WHERE id = 1;
INSERT INTO documents VALUES (6, '{"é": [true, false, -0.5, 12345678901234567890]}');
UPDATE documents SET j = '[{"a": "\\u0001\\t"}, 1e10]' WHERE id = 1;
INSERT INTO keyless (a, v, d, j) VALUES (2, 'new', 1e-5, '[]');
UPDATE keyless SET v = 'y', f = 0.2 WHERE v = 'x' LIMIT 1;
UPDATE keyless SET j = '{"z": 1}', a = 3 WHERE v = 'y';
DELETE FROM keyless WHERE a IS NULL;
