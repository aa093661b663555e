-- What only MariaDB has.
CREATE TABLE kinds_of_its_own (
  u uuid NOT NULL DEFAULT uuid(), i4 inet4 DEFAULT '1.2.3.4', i6 inet6, j json, jn json DEFAULT '{"a": 1}',
  c text COMPRESSED, t text DEFAULT 'abc', n varchar(10) COLLATE utf8mb4_nopad_bin, PRIMARY KEY (u)
);
CREATE TABLE indexes_of_its_own (
  a int NOT NULL PRIMARY KEY, b int, t text, KEY b (b) IGNORED, UNIQUE KEY whole (t)
);
CREATE SEQUENCE numbers START WITH 5 INCREMENT BY 3 MAXVALUE 1000 CYCLE;
CREATE TABLE drawing (a bigint NOT NULL DEFAULT nextval(numbers), PRIMARY KEY (a));
CREATE TABLE options_of_its_own (a int) PAGE_COMPRESSED=1 ENCRYPTED=NO;
CREATE TABLE periods (a int NOT NULL, s date NOT NULL, e date NOT NULL, PERIOD FOR p (s, e), UNIQUE KEY a (a, p WITHOUT OVERLAPS));
CREATE TABLE first_of_many (a int, CHECK (a > 1));
CREATE TABLE second_of_many (a int, CHECK (a > 2));
CREATE TABLE arithmetic (a int, b int DEFAULT (a + 1), c int DEFAULT 7);
CREATE TABLE versioned (
  a int NOT NULL PRIMARY KEY, b varchar(40) DEFAULT ' WITHOUT SYSTEM VERSIONING' WITHOUT SYSTEM VERSIONING, UNIQUE KEY (b)
) COMMENT 'WITH SYSTEM VERSIONING' WITH SYSTEM VERSIONING;
CREATE TABLE versioned_by_name (
  a int NOT NULL PRIMARY KEY, since timestamp(6) GENERATED ALWAYS AS ROW START COMMENT 'from', until timestamp(6) GENERATED ALWAYS AS ROW END INVISIBLE,
  b int UNIQUE, d date, KEY d (d, since), PERIOD FOR SYSTEM_TIME (since, until)
) WITH SYSTEM VERSIONING PARTITION BY SYSTEM_TIME LIMIT 1000 (PARTITION p0 HISTORY, PARTITION p1 HISTORY, PARTITION now CURRENT);
