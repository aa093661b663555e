-- Edge values of every kind that PostgreSQL has and others can hold. What stands before the first line `-- later` is
-- there when the load begins; what follows is read from the log, one transaction for each `-- later`.

CREATE TYPE mood AS ENUM ('sad', 'it''s "ok"', 'ü');
CREATE TYPE pair AS (a int, b text);
CREATE DOMAIN positive AS int CHECK (value > 0);

CREATE TABLE numbers (
  id bigint PRIMARY KEY, small smallint, plain integer, own positive, exact numeric(12,3), wide numeric(60,25),
  rough numeric(5,-2), single real, twice double precision, flag boolean, ident oid
);
INSERT INTO numbers VALUES
  (-9223372036854775808, -32768, -2147483648, 1, -999999999.999, 0.0000000000000000000000001, 12345, 0.1, 0.1, true, 0),
  (9223372036854775807, 32767, 2147483647, 2147483647, 999999999.999, 99999999999999999999999999999999999, 1,
   -3.4028234e38, -1.7976931348623157e308, false, 4294967295),
  (0, 0, 0, NULL, 0, 0, 0, 16777216, 1e15, NULL, 1);

CREATE TABLE unlimited (id int PRIMARY KEY, n numeric);
INSERT INTO unlimited VALUES (1, 1.50), (2, 100), (3, -0.001), (4, 1e200), (5, 'NaN');

CREATE TABLE moments (
  id date PRIMARY KEY, t time, t0 time(0), ts timestamp, ts3 timestamp(3), tz timestamptz, tz0 timestamptz(0)
);
INSERT INTO moments VALUES
  ('1000-01-01', '00:00', '00:00', '1000-01-01', '2024-01-02 03:04:05.1', '1971-01-01 00:00:01.5+00', '2024-03-31 02:30+02'),
  ('9999-12-31', '23:59:59.999999', '23:59:59', '9999-12-31 23:59:59.999999', '9999-12-31 23:59:59.999',
   '2037-12-31 23:59:59.999999+00', '2024-10-27 01:30+00'),
  ('2024-02-29', '12:00:00.5', NULL, NULL, NULL, NULL, NULL);

CREATE TABLE texts (
  id varchar(20) COLLATE "C" PRIMARY KEY, t text, v varchar(50), c char(5), e mood, u uuid, x bytea, b bit(5), vb bit varying(9)
);
INSERT INTO texts VALUES
  ('', E'tab\there', E'line\nfeed', 'a', 'sad', '6CCD780C-BABA-1026-9564-5B8C656024DB', '\x', B'00101', B''),
  ('A', '\N', ' spaces ', '', 'it''s "ok"', '00000000-0000-0000-0000-000000000000', '\x00ff5c09', B'11111', B'101'),
  ('a', repeat('long ☃', 3000), '', ' b ', 'ü', NULL, '\x5c4e', NULL, B'000000001'), ('☃', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);

CREATE TABLE documents (
  id int PRIMARY KEY, j json, jb jsonb, ints int[], words text[], moods mood[], p pair, ps pair[], days timestamp[]
);
INSERT INTO documents VALUES
  (1, '{"b": 1,  "a":[1.50,null]}', '{"b": 1,  "a":[1.50,null]}', '{1,NULL,-3}', '{"",NULL,"NULL","a,b"}', '{sad,NULL}',
   row(1, 'a "q" \ , (x)'), array[row(1, 'a')::pair, null], '{2024-01-02 03:04:05.5}'),
  (2, 'null', '"☃"', '{{1,2},{3,4}}', '{}', '{}', row(null, null), '{}', '{}'), (3, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);

CREATE TABLE others (
  id int PRIMARY KEY, i inet, n cidr, m macaddr, s interval, r int4range, tr tstzrange, pt point, mo money, tz timetz, v tsvector
);
INSERT INTO others VALUES
  (1, '1.2.3.4', '10.0.0.0/8', '08:00:2b:01:02:03', '1 year 2 mons -3 days 04:05:06.7', '[1,5]', '[2024-01-01 00:00+02,)',
   '(1.5,2)', 1234.5, '01:02:03.4+05:30', 'a b:3'),
  (2, '2001:db8::1/64', '2001:db8::/32', NULL, '-00:00:00.1', 'empty', NULL, NULL, -7, NULL, NULL),
  (3, '::1', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);

CREATE DOMAIN scores AS int[] CHECK (array_length(value, 1) < 9);
CREATE DOMAIN zipcode AS varchar(10) CHECK (value ~ '^[0-9]*$');
CREATE TABLE rarer (
  id int PRIMARY KEY, sc scores, zips zipcode[], m macaddr8, mr int4multirange, nr numrange, dr daterange, spans interval[],
  tri int[][][], bx box, bxs box[], ls lseg, ph path, pg polygon, ci circle, li line, lsn pg_lsn, q tsquery, jp jsonpath, n name, oc "char"
);
INSERT INTO rarer VALUES
  (1, '{1,2}', '{0,NULL,""}', '08:00:2b:01:02:03:04:05', '{[1,3),[7,)}',
   '[0.10,1e30)', '(,2024-02-29)', '{1 mon,NULL,-00:00:00.000001}', '{{{1,2},{3,4}},{{5,6},{7,NULL}}}', '(1,2),(-0.5,1e300)',
   '{(1,1),(0,0);(2,2),(1,1)}', '[(0,0),(1,2.5)]', '[(0,0),(1,1)]', '((0,0),(1,1),(1,0))', '<(0.1,2),3>', '{1,-1,0}',
   '16/B374D848', '''fat'':ab & !''c''''at'' | x:*', '$."a\\\""[*] ? (@ > 1)', 'ü''"', 'x'),
  (2, '{}', '{}', NULL, '{}', 'empty', 'empty', '{}', '{}', NULL, '{}', NULL, '((0,0))', NULL, NULL, NULL, '0/0', '', NULL, '', ''),
  (3, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);

CREATE TABLE keyless (
  a int, t text, f double precision, r real, jb jsonb, ints int[], b bytea, c char(3), ts timestamp, i inet, u uuid, e mood
);
ALTER TABLE keyless REPLICA IDENTITY FULL;
INSERT INTO keyless SELECT 1, t, 0.1, 0.1, '{"b": [1.50, "é"], "a": null}', '{1,NULL}', '\x00ff', 'a', '2024-01-02 03:04:05.5',
  '::1', '6ccd780c-baba-1026-9564-5b8c656024db', 'ü' FROM unnest(array['x', 'x', 'X']) t;
INSERT INTO keyless DEFAULT VALUES;

-- later
INSERT INTO numbers VALUES (7, -1, -1, 7, 0.001, -1e-25, 55555, 1e-30, 5e-300, true, 7);
UPDATE numbers SET exact = -exact, single = 0.2, flag = NOT flag WHERE id <> 7;
UPDATE numbers SET id = id + 1 WHERE id < 0;
DELETE FROM numbers WHERE id = 0;
INSERT INTO unlimited VALUES (6, 1200.0);
INSERT INTO moments VALUES ('2024-01-02', '01:02:03.000001', '01:02:03', '2024-01-02 03:04:05.12', '2024-01-02', '2024-01-02 03:04:05+02', '2024-01-02 00:00+00');
UPDATE moments SET id = '2024-03-01', t0 = '01:00', ts = '2000-01-01', tz = '2000-01-01 00:00+00' WHERE id = '2024-02-29';
DELETE FROM moments WHERE id = '1000-01-01';
-- later
INSERT INTO texts VALUES ('b', E'\\\t\n\r', 'é', 'xyz  ', 'ü', '018f4e5e-1234-7abc-8def-000000000001', '\x0a', B'10000', B'1');
UPDATE texts SET id = 'B', c = 'c', v = 'changed', e = 'sad' WHERE id = 'a';
UPDATE texts SET x = '\x00', b = NULL WHERE id = '';
DELETE FROM texts WHERE id = '☃';
INSERT INTO documents VALUES (4, '[1, 2]', '{"é": [true, -0.5, 12345678901234567890]}', '{7}', '{☃,"q\"","\\"}', '{"it''s \"ok\""}', row(2, ''), NULL, NULL);
UPDATE documents SET jb = '[]', ints = '{}', p = row(5, NULL), words = '{x,NULL}' WHERE id = 1;
DELETE FROM documents WHERE id = 3;
INSERT INTO others VALUES (4, '0.0.0.0/0', '::/0', '00:00:00:00:00:00', '0', '(,)', '(,)', '(0,0)', 0, '00:00+00', '');
UPDATE others SET i = '::ffff:1.2.3.4', s = '3 days', r = '[7,8)' WHERE id = 1;
DELETE FROM others WHERE id = 3;
INSERT INTO rarer VALUES
  (4, '{NULL,-1}', '{12345,777}', 'ff:ff:ff:ff:ff:ff:ff:ff', '{(,)}', '(-1.5,]', '[2024-01-01,2024-01-01]', '{1 year -2 days}',
   '{{{1,NULL}}}', '(0,0),(0,0)', '{NULL}', '[(1,1),(1,1)]', '[(1e-10,1)]', '((1,1))', '<(0,0),0>', '{0,1,1e10}', 'F/1', '!a <-> b',
   '$', 'name', 'y');
UPDATE rarer SET sc = '{9}', zips = '{7}', mr = '{[5,6)}', tri = NULL, bxs = '{(3,3),(2,2)}', ci = NULL, oc = NULL WHERE id = 1;
DELETE FROM rarer WHERE id = 3;
INSERT INTO keyless VALUES (2, 'new', 1e-5);
UPDATE keyless SET t = 'y', r = 0.2 WHERE ctid = (SELECT min(ctid) FROM keyless WHERE t = 'x');
UPDATE keyless SET jb = '{"z": 1}', ints = '{}', a = 3 WHERE t = 'y';
DELETE FROM keyless WHERE a IS NULL;
