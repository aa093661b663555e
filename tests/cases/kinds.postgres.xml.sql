-- XML, of a server that was built with it; see kinds.postgres.sql.

CREATE TABLE papers (id int PRIMARY KEY, x xml, xs xml[]);
INSERT INTO papers VALUES
  (1, '<?xml version="1.0"?><a b="1">é &amp; <![CDATA[<x>]]></a>', array['<a/>'::xml, NULL]), (2, '<a/>text<b/>', '{}'),
  (3, NULL, NULL);

-- later
INSERT INTO papers VALUES (4, E'<é>\t\n&#9;\\</é>', array[xml '<q a="\"/>', xml '']);
UPDATE papers SET x = '<changed/>', xs = NULL WHERE id = 1;
DELETE FROM papers WHERE id = 3;
