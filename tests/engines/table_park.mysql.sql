-- What only MySQL has.
CREATE TABLE indexes_of_its_own (
  a int NOT NULL PRIMARY KEY, b varchar(20), c text, j json,
  UNIQUE KEY (b) INVISIBLE,
  KEY expression ((lower(b)), a DESC),
  UNIQUE KEY unique_expression ((a + 1)),
  KEY many ((cast(j->'$.tags' as unsigned array))),
  FULLTEXT KEY grams (c) WITH PARSER ngram
);
CREATE TABLE not_enforced (
  a int CHECK (a > 0) NOT ENFORCED, b varchar(10), CONSTRAINT other CHECK (b like 'x%') NOT ENFORCED, CONSTRAINT enforced CHECK (a < 5)
);
CREATE TABLE kinds_of_its_own (
  id binary(16) NOT NULL DEFAULT (uuid_to_bin(uuid())), v vector(3), p point NOT NULL SRID 4326, vc varchar(10) COLLATE utf8mb4_0900_as_cs,
  j json DEFAULT (json_object('a', 1)), PRIMARY KEY (id), SPATIAL KEY p (p)
) DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_0900_ai_ci;
CREATE TABLE options_of_its_own (a int) COMPRESSION='zlib' AUTOEXTEND_SIZE=4194304;
SET sql_generate_invisible_primary_key=1;
CREATE TABLE without_key (a int);
SET sql_generate_invisible_primary_key=0;
