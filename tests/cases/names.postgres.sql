-- Names that others could trip over, of those that MySQL takes as well; see nasty.postgres.sql for those it does not.

CREATE TABLE "Order" ("from" int PRIMARY KEY, "Group" text, " lead" text, "quo""te's `" text, "%s {x} :y" int, "sel?ect" int, "Ünï ☃" text);
CREATE TABLE "quo""te's ` %s ☃" ("Primary" varchar(20) COLLATE "C", "KEY" int, "where" text, PRIMARY KEY ("Primary", "KEY"));
CREATE TABLE "nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnné1" ("cnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnné1" int PRIMARY KEY, "back\slash" text);
INSERT INTO "Order" SELECT n, 'g' || n, ' ', '"', n, n, '☃' FROM generate_series(1, 5) n;
INSERT INTO "quo""te's ` %s ☃" VALUES ('a', 1, 'x'), ('%s', 2, NULL);
INSERT INTO "nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnné1" VALUES (1, '\');

-- later
UPDATE "Order" SET "from" = 10, "Group" = NULL, "sel?ect" = 7 WHERE "from" = 1;
INSERT INTO "Order" ("from", "Ünï ☃") VALUES (11, '%s');
DELETE FROM "Order" WHERE "from" = 2;
UPDATE "quo""te's ` %s ☃" SET "Primary" = '☃', "where" = '`' WHERE "KEY" = 1;
INSERT INTO "nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnné1" VALUES (2, '%');
