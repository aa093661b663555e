-- Tables with every option that MySQL and MariaDB share.
CREATE TABLE plain (id int unsigned NOT NULL AUTO_INCREMENT, PRIMARY KEY (id)) AUTO_INCREMENT=77;

CREATE TABLE kinds (
  id bigint NOT NULL,
  b1 tinyint(1) DEFAULT '1', b2 tinyint unsigned zerofill, b3 mediumint NOT NULL DEFAULT '-5', b4 bigint unsigned,
  d decimal(65,30) DEFAULT NULL, d0 decimal(10,0) NOT NULL DEFAULT '3', f float, g double NOT NULL DEFAULT '1.5', f2 float(7,3),
  bits bit(5) DEFAULT b'101', y year DEFAULT '1999',
  da date DEFAULT '2020-02-29', ti time(3), dt datetime(6) DEFAULT CURRENT_TIMESTAMP(6) ON UPDATE CURRENT_TIMESTAMP(6),
  ts timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP, ts2 timestamp(2) NULL DEFAULT '2020-01-02 03:04:05.67',
  c char(3) DEFAULT 'a''b', v varchar(10) NOT NULL DEFAULT '', v2 varchar(10) DEFAULT 'NULL', l varchar(10) CHARACTER SET latin1,
  b varchar(10) CHARACTER SET latin1 COLLATE latin1_bin NOT NULL DEFAULT 'Ä', u varchar(5) CHARACTER SET ucs2,
  t1 tinytext, t2 text, t3 mediumtext, t4 longtext CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
  bi binary(3), vb varbinary(9) DEFAULT 'x', bl1 tinyblob, bl2 blob, bl3 mediumblob, bl4 longblob,
  j json, e enum('a','b','it''s','c,d') DEFAULT 'b', s set('x','y') NOT NULL DEFAULT 'x,y',
  `odd ``name``, (x` int COMMENT 'it''s a `comment`, with (parentheses) and a\nline\\',
  geo geometry, pt point NOT NULL,
  PRIMARY KEY (id),
  SPATIAL KEY pt (pt)
) DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci COMMENT='all ''kinds'', \\ of them';

CREATE TABLE indexes (
  a int NOT NULL, b varchar(200) COLLATE utf8mb4_bin, c text, w varchar(20), d int, e blob,
  PRIMARY KEY (a, d),
  UNIQUE KEY u (b),
  UNIQUE KEY prefixed (b(10), a),
  KEY descending (a DESC, d),
  KEY text_prefix (c(20)) COMMENT 'the ''first''',
  KEY blob_prefix (e(7)),
  FULLTEXT KEY words (c, w),
  KEY size (d) KEY_BLOCK_SIZE=8
) DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci ROW_FORMAT=COMPRESSED KEY_BLOCK_SIZE=8;

CREATE TABLE numbered_elsewhere (
  a int NOT NULL, n int NOT NULL AUTO_INCREMENT, PRIMARY KEY (a), KEY n (n)
) STATS_PERSISTENT=1 STATS_AUTO_RECALC=0 STATS_SAMPLE_PAGES=30 MAX_ROWS=1000 MIN_ROWS=5 AVG_ROW_LENGTH=50 CHECKSUM=1;

CREATE TABLE numbered_unique (
  a int, n bigint NOT NULL AUTO_INCREMENT COMMENT 'n', UNIQUE KEY n (n)
);

CREATE TABLE made (
  a int NOT NULL, b varchar(10),
  v int GENERATED ALWAYS AS (a * 2) VIRTUAL,
  s varchar(30) GENERATED ALWAYS AS (concat(b, ',', 'it''s')) STORED COMMENT 'made',
  n int GENERATED ALWAYS AS (a + 1) STORED,
  KEY v (v), PRIMARY KEY (a)
);

CREATE TABLE checked (
  a int CHECK (a > 0), b varchar(10), `select` int DEFAULT 5,
  CONSTRAINT `Two, of them` CHECK (`select` < 10 AND b <> ')'),
  CONSTRAINT in_list CHECK (b IN ('x', 'y(', 'z'))
);

CREATE TABLE expressions (
  id char(36) NOT NULL DEFAULT (uuid()), n int DEFAULT (1 + 2), t text DEFAULT ('abc'), day date DEFAULT (curdate()),
  PRIMARY KEY (id)
);

CREATE TABLE parent (id int NOT NULL, code varchar(5) NOT NULL, PRIMARY KEY (id, code), UNIQUE KEY code (code)) DEFAULT CHARSET=latin1;

CREATE TABLE child (
  id int NOT NULL PRIMARY KEY, parent_id int, parent_code varchar(5) CHARACTER SET latin1, up int, other varchar(5) CHARACTER SET latin1,
  CONSTRAINT both_parts FOREIGN KEY (parent_id, parent_code) REFERENCES parent (id, code) ON DELETE CASCADE ON UPDATE SET NULL,
  CONSTRAINT itself FOREIGN KEY (up) REFERENCES child (id) ON DELETE RESTRICT,
  CONSTRAINT plain FOREIGN KEY (other) REFERENCES parent (code) ON DELETE NO ACTION ON UPDATE CASCADE
);

CREATE TABLE by_range (id int NOT NULL, d date NOT NULL, PRIMARY KEY (id, d))
PARTITION BY RANGE (year(d)) SUBPARTITION BY HASH (id) SUBPARTITIONS 2 (
  PARTITION p0 VALUES LESS THAN (2000) COMMENT = 'old, (ones)',
  PARTITION p1 VALUES LESS THAN MAXVALUE
);

CREATE TABLE by_columns (a int NOT NULL, b varchar(10) NOT NULL) PARTITION BY RANGE COLUMNS (a, b) (
  PARTITION p0 VALUES LESS THAN (1, 'm'), PARTITION `p 1` VALUES LESS THAN (MAXVALUE, MAXVALUE));

CREATE TABLE by_list (a int NOT NULL) PARTITION BY LIST (a) (PARTITION p0 VALUES IN (1, 2), PARTITION p1 VALUES IN (3));

CREATE TABLE by_key (a int NOT NULL PRIMARY KEY) PARTITION BY KEY () PARTITIONS 3;

CREATE TABLE `Mixed "Case"` (`Id` int NOT NULL PRIMARY KEY, `select` int, KEY `Group` (`select`)) ROW_FORMAT=DYNAMIC;

CREATE TABLE hidden (a int NOT NULL PRIMARY KEY, b int INVISIBLE, c varchar(5) DEFAULT 'x' INVISIBLE COMMENT 'c');
