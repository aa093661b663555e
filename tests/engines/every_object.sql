-- One of each that a schema can hold and a run carries, for versions 14 to 18.
CREATE SCHEMA other;
COMMENT ON SCHEMA other IS 'a schema';
CREATE EXTENSION citext;
CREATE EXTENSION pg_trgm;
CREATE EXTENSION btree_gist SCHEMA other;

CREATE TYPE mood AS ENUM ('sad', 'ok');
ALTER TYPE mood ADD VALUE 'so so' AFTER 'sad';
CREATE TYPE pair AS (a integer, m mood, t text COLLATE "C");
COMMENT ON COLUMN pair.m IS 'how it is';
CREATE TYPE pairs AS (p pair[], q pair);
CREATE TYPE span AS RANGE (SUBTYPE = float8, SUBTYPE_DIFF = float8mi, MULTIRANGE_TYPE_NAME = spans);
CREATE COLLATION german (PROVIDER = libc, LOCALE = 'C');
CREATE FUNCTION inner_one(integer) RETURNS integer IMMUTABLE LANGUAGE sql AS 'SELECT $1 + 1';
CREATE FUNCTION outer_one(integer) RETURNS integer IMMUTABLE LANGUAGE plpgsql AS 'BEGIN RETURN public.inner_one($1); END';
CREATE FUNCTION is_fine(text) RETURNS boolean IMMUTABLE LANGUAGE sql BEGIN ATOMIC SELECT length($1) < 100; END;
CREATE DOMAIN fine AS text CHECK (is_fine(VALUE));
COMMENT ON DOMAIN fine IS 'rests on a function';
CREATE DOMAIN finer AS fine;
CREATE DOMAIN word AS citext;
CREATE DOMAIN couple AS pair;
CREATE DOMAIN short AS text;
CREATE TABLE of_short (s short);
INSERT INTO of_short VALUES (repeat('x', 100));
ALTER DOMAIN short ADD CONSTRAINT is_short CHECK (length(VALUE) < 9) NOT VALID;
COMMENT ON CONSTRAINT is_short ON DOMAIN short IS 'not yet';
CREATE FUNCTION plus(pair, integer) RETURNS integer IMMUTABLE LANGUAGE sql AS 'SELECT $1.a + $2';
CREATE OPERATOR + (FUNCTION = plus, LEFTARG = pair, RIGHTARG = integer);
COMMENT ON OPERATOR + (pair, integer) IS 'adds';
CREATE FUNCTION to_int(pair) RETURNS integer IMMUTABLE LANGUAGE sql AS 'SELECT $1.a';
CREATE CAST (pair AS integer) WITH FUNCTION to_int(pair) AS ASSIGNMENT;
CREATE TEXT SEARCH DICTIONARY plain (TEMPLATE = simple, STOPWORDS = english);
CREATE TEXT SEARCH CONFIGURATION words (PARSER = default);
ALTER TEXT SEARCH CONFIGURATION words ADD MAPPING FOR asciiword, word WITH plain, simple;
COMMENT ON TEXT SEARCH CONFIGURATION words IS 'its words';

CREATE SEQUENCE lone AS smallint INCREMENT -2 MINVALUE -90 MAXVALUE 90 START 80 CACHE 3 CYCLE;
COMMENT ON SEQUENCE lone IS 'nobody''s';
CREATE SEQUENCE shared;

CREATE TABLE goal (
    id integer, a integer, b integer, c text,
    CONSTRAINT goal_pkey PRIMARY KEY (id) INCLUDE (c) WITH (fillfactor = 90),
    UNIQUE (a, b) WITH (fillfactor = 80)
) WITH (fillfactor = 70, autovacuum_enabled = false, toast.autovacuum_enabled = false);
COMMENT ON CONSTRAINT goal_pkey ON goal IS 'the key';
CREATE TABLE late (id integer PRIMARY KEY DEFERRABLE INITIALLY DEFERRED, n bigint DEFAULT nextval('shared'));
CREATE TABLE t (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    a integer DEFAULT outer_one(1),
    b integer,
    n bigint DEFAULT nextval('shared'),
    twice integer GENERATED ALWAYS AS (outer_one(a) * 2) STORED,
    m mood,
    p pair,
    ps pairs,
    s span,
    many spans,
    d daterange,
    w word,
    f finer,
    co couple,
    body text COLLATE german,
    words tsvector GENERATED ALWAYS AS (to_tsvector('words', body)) STORED,
    CONSTRAINT fine_body CHECK (is_fine(body)),
    CONSTRAINT alone CHECK (b > -100) NO INHERIT,
    EXCLUDE USING gist (d WITH &&) WHERE (d IS NOT NULL)
);
COMMENT ON TABLE t IS 'of all kinds';
COMMENT ON CONSTRAINT fine_body ON t IS 'a check';
COMMENT ON CONSTRAINT t_d_excl ON t IS 'an exclusion';
ALTER TABLE t ALTER COLUMN body SET STORAGE EXTERNAL;
ALTER TABLE t ALTER COLUMN body SET STATISTICS 500;
ALTER TABLE t ALTER COLUMN b SET (n_distinct = 10);
ALTER TABLE t ALTER COLUMN f SET COMPRESSION pglz;
ALTER TABLE t ADD CONSTRAINT whole FOREIGN KEY (a, b) REFERENCES goal (a, b) MATCH FULL ON UPDATE CASCADE;
INSERT INTO goal VALUES (1, 2, -5, 'g');
INSERT INTO t (b, body) VALUES (-5, 'x');
ALTER TABLE t ADD CONSTRAINT later CHECK (b > 0) NOT VALID;
ALTER TABLE t ADD CONSTRAINT nowhere FOREIGN KEY (b) REFERENCES goal (id) NOT VALID;
COMMENT ON CONSTRAINT nowhere ON t IS 'not proven';
CREATE INDEX trigrams ON t USING gin (body gin_trgm_ops) WITH (fastupdate = off);
CREATE INDEX by_function ON t (outer_one(b)) WHERE is_fine(body);
CREATE UNIQUE INDEX identifying ON goal (b, id);
ALTER TABLE goal ALTER COLUMN b SET NOT NULL;
ALTER TABLE goal REPLICA IDENTITY USING INDEX identifying;
ALTER TABLE goal CLUSTER ON goal_pkey;
ALTER TABLE late REPLICA IDENTITY FULL;
CREATE FUNCTION of_row(late) RETURNS bigint IMMUTABLE LANGUAGE sql AS 'SELECT $1.n + 1';
CREATE INDEX by_row ON late (of_row(late)) WHERE id > 1;
COMMENT ON INDEX by_row IS 'of whole rows';
ALTER TABLE late ADD CONSTRAINT row_check CHECK (of_row(late) > 0);
CREATE STATISTICS joint (ndistinct, mcv) ON a, b FROM t;
ALTER STATISTICS joint SET STATISTICS 7;
COMMENT ON STATISTICS joint IS 'both';
CREATE STATISTICS sums ON (a + b) FROM t;

CREATE UNLOGGED TABLE fleeting (id serial PRIMARY KEY, v text);

CREATE TABLE parent (id integer PRIMARY KEY, v text DEFAULT 'p' NOT NULL, CONSTRAINT positive CHECK (id > 0),
    CONSTRAINT own CHECK (id < 1000) NO INHERIT);
CREATE TABLE aside (z integer);
CREATE TABLE child (extra integer, v text DEFAULT 'c', PRIMARY KEY (id)) INHERITS (parent);
CREATE TABLE grandchild (more integer NOT NULL) INHERITS (child, aside);
ALTER TABLE grandchild ALTER COLUMN v SET DEFAULT 'g';
COMMENT ON COLUMN grandchild.id IS 'from above';

CREATE TABLE root (area text, n integer, note text DEFAULT 'x', PRIMARY KEY (area, n)) PARTITION BY LIST (area);
CREATE TABLE root_a PARTITION OF root FOR VALUES IN ('a') PARTITION BY RANGE (n);
CREATE TABLE root_a1 PARTITION OF root_a (note DEFAULT 'y', CONSTRAINT odd CHECK (n <> 5)) FOR VALUES FROM (0) TO (10);
CREATE TABLE other.root_a2 PARTITION OF root_a FOR VALUES FROM (10) TO (20) PARTITION BY HASH (n);
CREATE TABLE root_a2x PARTITION OF other.root_a2 (note NOT NULL) FOR VALUES WITH (MODULUS 1, REMAINDER 0) WITH (fillfactor = 50);
CREATE TABLE root_rest PARTITION OF root DEFAULT;
CREATE INDEX on_branch ON root_a (n, note);
CREATE INDEX on_all ON root (note);
COMMENT ON TABLE root_rest IS 'all others';
COMMENT ON COLUMN root_a1.note IS 'a note';
CREATE TABLE keyed (a integer) PARTITION BY LIST (a);
CREATE TABLE keyed_1 PARTITION OF keyed (PRIMARY KEY (a)) FOR VALUES IN (1);

CREATE VIEW seen AS SELECT t.*, goal.c FROM t JOIN goal ON goal.id = t.b;
COMMENT ON VIEW seen IS 'a view';
COMMENT ON COLUMN seen.c IS 'of the goal';
CREATE VIEW guarded WITH (security_barrier = true) AS SELECT id, a FROM t WHERE a > 1 WITH LOCAL CHECK OPTION;
ALTER VIEW guarded ALTER COLUMN a SET DEFAULT 5;
CREATE VIEW other.above AS SELECT a, count(*) AS "How many" FROM guarded GROUP BY a;
CREATE RECURSIVE VIEW counted (n) AS SELECT 1 UNION ALL SELECT n + 1 FROM counted WHERE n < 5;
CREATE MATERIALIZED VIEW kept WITH (fillfactor = 60) AS SELECT a, "How many" AS many FROM other.above;
CREATE UNIQUE INDEX kept_a ON kept (a);
COMMENT ON MATERIALIZED VIEW kept IS 'kept';
CREATE MATERIALIZED VIEW empty AS SELECT 1 AS one WITH NO DATA;
CREATE FUNCTION rows_of_seen() RETURNS SETOF seen LANGUAGE sql STABLE AS 'SELECT * FROM public.seen';
CREATE VIEW of_function AS SELECT id FROM rows_of_seen();
CREATE FUNCTION guessed(n integer DEFAULT 3, VARIADIC more text[] DEFAULT '{}'::text[], OUT x integer, OUT y text)
    LANGUAGE plpgsql SECURITY DEFINER COST 7 PARALLEL SAFE SET search_path TO 'pg_catalog' AS $f$BEGIN x := n; y := $$a'b$$; END$f$;
COMMENT ON FUNCTION guessed(integer, text[]) IS 'a function';
CREATE PROCEDURE did(INOUT n integer) LANGUAGE plpgsql AS 'BEGIN n := n + 1; END';
CREATE AGGREGATE most (integer) (SFUNC = int4larger, STYPE = integer, SORTOP = >, PARALLEL = SAFE);
CREATE AGGREGATE together (text, text) (SFUNC = string_agg_transfn, STYPE = internal, FINALFUNC = string_agg_finalfn);
COMMENT ON AGGREGATE most (integer) IS 'the most';
CREATE AGGREGATE nth (float8 ORDER BY anyelement) (
    SFUNC = ordered_set_transition, STYPE = internal, FINALFUNC = percentile_disc_final, FINALFUNC_EXTRA
);

CREATE FUNCTION fired() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE TRIGGER each BEFORE INSERT OR UPDATE OF a, b ON t FOR EACH ROW WHEN (NEW.a > 0) EXECUTE FUNCTION fired('x', 'y''z');
CREATE TRIGGER off AFTER DELETE ON t REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION fired();
ALTER TABLE t DISABLE TRIGGER off;
CREATE TRIGGER always AFTER INSERT ON t FOR EACH ROW EXECUTE FUNCTION fired();
ALTER TABLE t ENABLE ALWAYS TRIGGER always;
CREATE CONSTRAINT TRIGGER at_last AFTER INSERT ON t DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION fired();
CREATE TRIGGER on_root AFTER INSERT ON root FOR EACH ROW EXECUTE FUNCTION fired();
CREATE TRIGGER instead INSTEAD OF INSERT ON seen FOR EACH ROW EXECUTE FUNCTION fired();
COMMENT ON TRIGGER each ON t IS 'a trigger';
CREATE RULE quiet AS ON DELETE TO goal DO ALSO NOTIFY gone;
CREATE RULE loud AS ON UPDATE TO goal WHERE NEW.a > 5 DO ALSO INSERT INTO late (id) VALUES (NEW.id);
ALTER TABLE goal DISABLE RULE loud;
ALTER TABLE t ENABLE ROW LEVEL SECURITY;
ALTER TABLE t FORCE ROW LEVEL SECURITY;
CREATE POLICY mine ON t AS RESTRICTIVE FOR UPDATE TO PUBLIC USING (a > 1) WITH CHECK (b IN (SELECT id FROM goal));
COMMENT ON POLICY mine ON t IS 'a policy';
