"""The catalog of a real server, against what the DDL below says."""

from collections.abc import Callable
from contextlib import closing

import pytest

from landbridge import kinds
from landbridge.endpoints.postgres.catalog import Describer
from landbridge.endpoints.postgres.counters import Counters
from landbridge.endpoints.postgres.server import Server
from landbridge.errors import Terminal
from landbridge.kinds import Array, Enum, Int, Other, Text
from landbridge.model import (
    Catalog,
    Check,
    Column,
    Default,
    ForeignKey,
    Generated,
    Index,
    IndexPart,
    Key,
    NamedType,
    Partition,
    Partitioning,
    Sequence,
    Share,
    Split,
    Table,
    TableName,
)
from tests.engines.postgres_schema import database, everything
from tests.support import postgres_connection, psql, rows


@pytest.fixture
def server(postgres_server: Server) -> Server:
    return postgres_server


@pytest.fixture
def name(server: Server, postgres_database: Callable[..., str]) -> str:
    return postgres_database(server)


def public(name: str) -> TableName:
    return TableName(schema="public", name=name)


def described(server: Server, name: str, sql: str) -> Catalog:
    psql(server, name, sql)
    return everything(database(server, name))


def table(catalog: Catalog, name: str) -> Table:
    return next(each for each in catalog.tables if each.name.name == name)


def others(catalog: Catalog) -> set[tuple[str, str, str]]:
    return {(each.kind, each.name.name, each.parent.name if each.parent else "") for each in catalog.others}


WHOLE = """
    CREATE TYPE mood AS ENUM ('sad', 'ok');
    CREATE DOMAIN tiny AS smallint CHECK (VALUE < 10);
    CREATE TABLE goal (id integer PRIMARY KEY);
    CREATE TABLE t (
        id bigint GENERATED ALWAYS AS IDENTITY (START WITH 7 INCREMENT BY 2),
        n serial,
        m mood DEFAULT 'ok',
        d tiny,
        twice bigint GENERATED ALWAYS AS (n * 2) STORED,
        c varchar(5) COLLATE "C" DEFAULT 'it''s',
        goal integer REFERENCES goal ON DELETE SET NULL DEFERRABLE,
        PRIMARY KEY (n, id),
        CONSTRAINT small CHECK (n < 5),
        CONSTRAINT pair UNIQUE (c, goal)
    );
    CREATE INDEX part ON t (lower(c) DESC, goal) INCLUDE (n) WHERE goal > 3;
    COMMENT ON TABLE t IS 'about t';
    COMMENT ON COLUMN t.c IS 'about c';
    COMMENT ON INDEX part IS 'about part';
    COMMENT ON TYPE mood IS 'about mood';
"""
MOOD = kinds.Enum(labels=("sad", "ok"), schema="public", name="mood")
PART = IndexPart(expression="lower((c)::text)", descending=True, native="lower((c)::text) DESC")
T = Table(
    name=public("t"),
    columns=(
        Column(name="id", kind=Int(bits=64), native="bigint", nullable=False, identity="always"),
        Column(
            name="n", kind=Int(bits=32), native="integer", nullable=False,
            default=Default(native="nextval('public.t_n_seq'::regclass)", sequence=public("t_n_seq")),
        ),
        Column(
            name="m", kind=MOOD, native="public.mood",
            default=Default(native="'ok'::public.mood", literal="ok"),
        ),
        Column(name="d", kind=Int(bits=16), native="public.tiny"),
        Column(
            name="twice", kind=Int(bits=64), native="bigint",
            generated=Generated(expression="(n * 2)", stored=True),
        ),
        Column(
            name="c", kind=Text(length=5), native="character varying(5)", collation='pg_catalog."C"',
            default=Default(native="'it''s'::character varying", literal="it's"), comment="about c",
        ),
        Column(name="goal", kind=Int(bits=32), native="integer"),
    ),
    primary_key=Key(name="t_pkey", columns=("n", "id")),
    indexes=(
        Index(
            name="pair", unique=True, constraint=True,
            parts=(IndexPart(column="c", native="c"), IndexPart(column="goal", native="goal")),
        ),
        Index(
            name="part", parts=(PART, IndexPart(column="goal", native="goal")), include=("n",),
            where="(goal > 3)", comment="about part",
        ),
    ),
    foreign_keys=(
        ForeignKey(
            name="t_goal_fkey", columns=("goal",), target=public("goal"), target_columns=("id",),
            on_delete="SET NULL", deferrable=True,
        ),
    ),
    checks=(Check(name="small", expression="(n < 5)"),),
    comment="about t",
    old_image="key",
)  # fmt: skip


def test_a_table_is_described_whole(server: Server, name: str) -> None:
    catalog = described(server, name, WHOLE)
    assert table(catalog, "t") == T
    assert catalog.types == (
        NamedType(name=public("mood"), labels=("sad", "ok"), comment="about mood"),
        NamedType(name=public("tiny"), definition="smallint CONSTRAINT tiny_check CHECK ((VALUE < 10))"),
    )
    assert catalog.sequences == (
        Sequence(name=public("t_id_seq"), start=7, increment=2, owned_by=(public("t"), "id"), identity=True),
        Sequence(name=public("t_n_seq"), type="integer", maximum=2**31 - 1, owned_by=(public("t"), "n")),
    )
    assert catalog.others == ()
    assert (catalog.family, catalog.version.partition(".")[0]) == ("postgres", "18")


def test_index_parts_keep_what_only_the_server_prints(server: Server, name: str) -> None:
    catalog = described(
        server,
        name,
        """
        CREATE TABLE t ("a, b" text, c text, d integer, "e"")" text, f point);
        CREATE INDEX i ON t ("a, b" COLLATE "C" text_pattern_ops DESC NULLS LAST, c, (d + 1), "e"")" NULLS FIRST,
            replace(c, ',', '(x'),
            (c || ', (' || '"''') DESC);
        CREATE INDEX "CREATE INDEX ON t USING btree (" ON t USING gist (f point_ops);
        CREATE UNIQUE INDEX u ON t (d) NULLS NOT DISTINCT WHERE c <> ' NULLS NOT DISTINCT';
        CREATE UNIQUE INDEX v ON t (d) WHERE c <> ' NULLS NOT DISTINCT';
        ALTER TABLE t ADD CONSTRAINT w UNIQUE (c, d) DEFERRABLE;
        """,
    )
    first, index, unique, plain, late = table(catalog, "t").indexes
    assert [part.native for part in index.parts] == [
        '"a, b" COLLATE "C" text_pattern_ops DESC NULLS LAST',
        "c",
        "((d + 1))",
        '"e"")" NULLS FIRST',
        "replace(c, ','::text, '(x'::text)",
        "(((c || ', ('::text) || '\"'''::text)) DESC",
    ]
    assert [part.column for part in index.parts] == ["a, b", "c", None, 'e")', None, None]
    assert [part.descending for part in index.parts] == [True, False, False, False, False, True]
    assert (first.method, first.parts[0].native) == ("gist", "f")
    assert [unique.nulls_distinct, plain.nulls_distinct] == [False, True]
    assert (late.constraint, late.deferrable, late.deferred) == (True, True, False)


NOT_CARRIED = """
    CREATE TABLE parent (a integer);
    CREATE TABLE child () INHERITS (parent);
    CREATE UNLOGGED TABLE fleeting (a integer);
    CREATE TABLE root (a integer, b integer) PARTITION BY LIST (a);
    CREATE TABLE branch PARTITION OF root FOR VALUES IN (1) PARTITION BY LIST (b);
    CREATE TABLE leaf PARTITION OF branch FOR VALUES IN (1);
    CREATE TABLE half (a integer) PARTITION BY LIST (a);
    CREATE UNLOGGED TABLE half_1 PARTITION OF half FOR VALUES IN (1);
    CREATE FOREIGN DATA WRAPPER w;
    CREATE SERVER s FOREIGN DATA WRAPPER w;
    CREATE TABLE abroad (a integer) PARTITION BY LIST (a);
    CREATE FOREIGN TABLE abroad_1 PARTITION OF abroad FOR VALUES IN (1) SERVER s;
    CREATE FOREIGN TABLE far (a integer) SERVER s;
    CREATE TEMPORARY TABLE passing (a integer);

    CREATE TABLE t (a integer, b integer, c integer, d int4range, PRIMARY KEY (a) DEFERRABLE);
    CREATE TABLE u (a integer, b integer, UNIQUE (a, b), UNIQUE (b, a));
    INSERT INTO t VALUES (1, 1, 1), (2, 1, 2);
    ALTER TABLE t ADD CONSTRAINT apart EXCLUDE USING gist (d WITH &&);
    ALTER TABLE t ADD CONSTRAINT later CHECK (a > 1) NOT VALID;
    ALTER TABLE t ADD CONSTRAINT nowhere FOREIGN KEY (b, c) REFERENCES u (a, b) NOT VALID;
    ALTER TABLE u ADD CONSTRAINT whole FOREIGN KEY (a, b) REFERENCES u (b, a) MATCH FULL;
    ALTER TABLE u ADD CONSTRAINT partly FOREIGN KEY (b, a) REFERENCES u (a, b) ON DELETE SET NULL (b);
    ALTER TABLE t SET (fillfactor = 70);
    CREATE INDEX filled ON t (b) WITH (fillfactor = 60);
    COMMENT ON CONSTRAINT later ON t IS 'x';
    ALTER TABLE t ENABLE ROW LEVEL SECURITY;
    CREATE POLICY mine ON t USING (a > 1);
    CREATE RULE quiet AS ON DELETE TO u DO INSTEAD NOTHING;
    CREATE STATISTICS joint ON a, b FROM t;

    CREATE TABLE parts (a integer, b integer, c text DEFAULT 'x') PARTITION BY LIST (a);
    CREATE TABLE part_1 PARTITION OF parts (c DEFAULT 'y', b NOT NULL, CONSTRAINT odd CHECK (b > 1)) FOR VALUES IN (1);
    CREATE TABLE part_2 PARTITION OF parts (PRIMARY KEY (b)) FOR VALUES IN (2);
    COMMENT ON TABLE part_2 IS 'x';

    CREATE VIEW seen AS SELECT a FROM t;
    CREATE MATERIALIZED VIEW kept AS SELECT a FROM u;
    CREATE INDEX of_kept ON kept (a);
    CREATE FUNCTION f(integer) RETURNS integer LANGUAGE sql AS 'SELECT 1';
    CREATE FUNCTION f(text) RETURNS integer LANGUAGE sql AS 'SELECT 1';
    CREATE PROCEDURE p() LANGUAGE sql AS 'SELECT 1';
    CREATE AGGREGATE most (integer) (SFUNC = int4larger, STYPE = integer);
    CREATE FUNCTION fired() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
    CREATE TRIGGER g AFTER INSERT ON t EXECUTE FUNCTION fired();
    CREATE TRIGGER g AFTER INSERT ON parts FOR EACH ROW EXECUTE FUNCTION fired();
    CREATE FUNCTION watched() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';
    CREATE EVENT TRIGGER watch ON ddl_command_start EXECUTE FUNCTION watched();
    ALTER EVENT TRIGGER watch DISABLE;
    CREATE TYPE pair AS (a integer, b integer);
    CREATE TYPE span AS RANGE (SUBTYPE = float8);
    CREATE COLLATION mine FROM "C";
    CREATE DOMAIN word AS text;
    ALTER DOMAIN word ADD CONSTRAINT short CHECK (length(VALUE) < 9) NOT VALID;
    CREATE EXTENSION hstore;
    CREATE SEQUENCE lone;
    COMMENT ON SEQUENCE lone IS 'x';
    CREATE CAST (pair AS integer) WITH INOUT;
    SELECT lo_create(0);
"""


LISTED = {
    ("table with foreign partitions", "abroad", ""),
    ("foreign table", "abroad_1", "abroad"),
    ("foreign table", "far", ""),
    ("foreign data wrapper", "w", ""),
    ("foreign server", "s", ""),
    ("deferrable primary key", "t_pkey", "t"),
    ("exclusion constraint", "apart", "t"),
    ("unproven check constraint", "later", "t"),
    ("unproven foreign key", "nowhere", "t"),
    ("match full of a foreign key", "whole", "u"),
    ("foreign key that sets some columns", "partly", "u"),
    ("storage parameters", "t", ""),
    ("storage parameters", "filled", "t"),
    ("comment on a constraint", "later", "t"),
    ("row level security", "t", "t"),
    ("policy", "mine", "t"),
    ("rule", "quiet", "u"),
    ("extended statistics", "joint", "t"),
    ("default of a partition", "c", "part_1"),
    ("not null of a partition", "b", "part_1"),
    ("not null of a partition", "b", "part_2"),
    ("check constraint of a partition", "odd", "part_1"),
    ("primary key of a partition", "part_2_pkey", "part_2"),
    ("comment on a partition", "part_2", ""),
    ("view", "seen", ""),
    ("materialized view", "kept", ""),
    ("index of a materialized view", "of_kept", "kept"),
    ("function", "f(integer)", ""),
    ("function", "f(text)", ""),
    ("function", "fired()", ""),
    ("function", "watched()", ""),
    ("procedure", "p()", ""),
    ("aggregate", "most(integer)", ""),
    ("trigger", "g", "t"),
    ("trigger", "g", "parts"),
    ("event trigger", "watch", ""),
    ("composite type", "pair", ""),
    ("range type", "span", ""),
    ("multirange type", "span_multirange", ""),
    ("collation", "mine", ""),
    ("unproven check of a domain", "short", ""),
    ("extension", "hstore", ""),
    ("comment on a sequence", "lone", ""),
    ("cast", "public.pair as integer", ""),
    ("large objects", "1 large objects", ""),
}


@pytest.mark.parametrize("version", [15, 16, 17, 18])
def test_nothing_is_left_out_in_silence(
    version: int, postgres_version: Callable[[int], Server], postgres_database: Callable[..., str]
) -> None:
    server = postgres_version(version)
    catalog = described(server, postgres_database(server), NOT_CARRIED)
    names = {"t", "u", "parts", "parent", "child", "fleeting", "root", "half"}
    assert {each.name.name for each in catalog.tables} == names
    assert others(catalog) == LISTED
    assert table(catalog, "t").checks == ()
    assert [key.name for key in table(catalog, "u").foreign_keys] == ["whole"]


def test_what_a_broken_index_build_left_behind(server: Server, name: str) -> None:
    psql(server, name, "CREATE TABLE t (a integer); INSERT INTO t VALUES (1), (1)")
    with closing(postgres_connection(server, name)) as connection:
        rows(connection, "CREATE INDEX broken ON t (a)")
        rows(connection, "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'broken'::regclass")
    catalog = everything(database(server, name))
    assert table(catalog, "t").indexes == ()
    assert others(catalog) == {("invalid index", "broken", "t")}


def test_what_only_version_18_has(server: Server, name: str) -> None:
    catalog = described(
        server,
        name,
        """
        CREATE EXTENSION IF NOT EXISTS btree_gist;
        CREATE TABLE t (id integer, d daterange, PRIMARY KEY (id, d WITHOUT OVERLAPS));
        CREATE TABLE u (
            id integer, d daterange, n integer, v integer GENERATED ALWAYS AS (n + 1) VIRTUAL, w integer,
            CONSTRAINT during FOREIGN KEY (id, PERIOD d) REFERENCES t (id, PERIOD d),
            CONSTRAINT lax CHECK (id > 1) NOT ENFORCED
        );
        INSERT INTO u (id) VALUES (NULL);
        ALTER TABLE u ADD CONSTRAINT filled NOT NULL n NOT VALID;
        ALTER TABLE u ALTER w SET DEFAULT 1;
        """,
    )
    assert table(catalog, "t").primary_key is None
    assert table(catalog, "t").old_image == "none"
    assert {each for each in others(catalog) if each[0] != "extension"} == {
        ("exclusion constraint", "t_pkey", "t"),
        ("temporal foreign key", "during", "u"),
        ("unproven check constraint", "lax", "u"),
        ("unproven not null", "filled", "u"),
    }
    columns = {column.name: column for column in table(catalog, "u").columns}
    assert columns["n"].nullable
    assert columns["v"].generated == Generated(expression="(n + 1)", stored=False)


@pytest.mark.parametrize(
    ("columns", "then", "image"),
    [
        ("id integer PRIMARY KEY", "", "key"),
        ("id integer", "", "none"),
        ("id integer", "ALTER TABLE t REPLICA IDENTITY FULL", "full"),
        ("id integer PRIMARY KEY", "ALTER TABLE t REPLICA IDENTITY NOTHING", "none"),
        ("id integer PRIMARY KEY DEFERRABLE", "", "none"),
        ("id integer PRIMARY KEY", "ALTER TABLE t REPLICA IDENTITY USING INDEX t_pkey", "key"),
        ("id integer PRIMARY KEY, u integer NOT NULL", "ALTER TABLE t REPLICA IDENTITY USING INDEX u", "none"),
    ],
)
def test_what_a_change_carries_of_the_row_before_it(
    server: Server, name: str, columns: str, then: str, image: str
) -> None:
    sql = f"CREATE TABLE t ({columns});" + ("CREATE UNIQUE INDEX u ON t (u);" if "u integer" in columns else "")
    assert table(described(server, name, sql + then), "t").old_image == image


@pytest.mark.parametrize(
    ("key", "first", "full", "image"),
    [
        (", PRIMARY KEY (id)", "", (), "key"),
        (", PRIMARY KEY (id)", "", ("t", "a"), "key"),
        (", PRIMARY KEY (id)", "", ("t", "a", "b"), "full"),
        ("", "", ("t", "a", "b"), "full"),
        ("", "", ("a", "b"), "none"),
        ("", "(PRIMARY KEY (id))", ("t", "b"), "none"),
    ],
)
def test_the_weakest_partition_decides(
    server: Server, name: str, key: str, first: str, full: tuple[str, ...], image: str
) -> None:
    sql = f"""
        CREATE TABLE t (id integer{key}) PARTITION BY LIST (id);
        CREATE TABLE a PARTITION OF t {first} FOR VALUES IN (1);
        CREATE TABLE b PARTITION OF t FOR VALUES IN (2);
    """
    sql += "".join(f"ALTER TABLE {each} REPLICA IDENTITY FULL;" for each in full)
    assert table(described(server, name, sql), "t").old_image == image


def test_partitions_belong_to_their_root(server: Server, name: str) -> None:
    sql = """
        CREATE SCHEMA past;
        CREATE TABLE t (a integer, b text) PARTITION BY LIST (a);
        CREATE TABLE t_1 PARTITION OF t FOR VALUES IN (1);
        CREATE TABLE past.t_2 PARTITION OF t DEFAULT;
        CREATE INDEX on_all ON t (a);
        CREATE INDEX on_one ON t_1 (b);
        INSERT INTO t SELECT n % 3, repeat('x', 100) FROM generate_series(1, 3000) n;
        ANALYZE t_1, past.t_2;
    """
    psql(server, name, sql)
    describer = Describer(database(server, name))
    assert describer.schemas() == ("past", "public")
    [root] = describer.describe(["public"]).tables
    assert [index.name for index in root.indexes] == ["on_all"]
    on_one = Index(name="on_one", parts=(IndexPart(column="b", native="b"),))
    assert root.partitioning == Partitioning(
        by="LIST (a)",
        partitions=(
            Partition(name=TableName(schema="past", name="t_2"), bound="DEFAULT"),
            Partition(name=public("t_1"), bound="FOR VALUES IN (1)", indexes=(on_one,)),
        ),
        split=Split(
            method="list", columns=("a",), shares=(Share(name="t_1", values=("1",)), Share(name="t_2", rest=True))
        ),
    )
    assert root.rows == 3000
    assert 300_000 < root.bytes < 1_000_000
    beside = describer.describe(["past"])
    assert beside.tables == ()
    [other] = beside.others
    assert (other.kind, str(other.name), other.parent) == ("partition of a table elsewhere", "past.t_2", public("t"))


def test_types_and_sequences_of_other_schemas_come_along(server: Server, name: str) -> None:
    psql(
        server,
        name,
        """
        CREATE SCHEMA elsewhere; CREATE EXTENSION citext;
        CREATE TYPE elsewhere.e AS ENUM ('x'); CREATE DOMAIN elsewhere.d AS elsewhere.e;
        CREATE TYPE elsewhere.unused AS ENUM ('y'); CREATE SEQUENCE elsewhere.s; CREATE SEQUENCE elsewhere.unused_too;
        CREATE TABLE t (a elsewhere.d[], b integer DEFAULT nextval('elsewhere.s'), c citext);
        """,
    )
    catalog = Describer(database(server, name)).describe(["public"])
    assert [str(each.name) for each in catalog.types] == ["elsewhere.e", "elsewhere.d"]
    assert [str(each.name) for each in catalog.sequences] == ["elsewhere.s"]
    assert [column.kind for column in catalog.tables[0].columns] == [
        Array(element=Enum(labels=("x",), schema="elsewhere", name="e"), native="elsewhere.d[]"), Int(bits=32),
        Other(native="public.citext"),
    ]  # fmt: skip
    assert others(catalog) == {("extension", "citext", "")}


def test_a_login_that_may_read_little(server: Server, name: str) -> None:
    """A sequence that cannot be read must not look like one that was never used."""
    psql(
        server,
        name,
        """
        DO $$ BEGIN CREATE ROLE little LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$;
        CREATE TABLE t (id serial PRIMARY KEY, n integer GENERATED ALWAYS AS IDENTITY);
        INSERT INTO t DEFAULT VALUES;
        GRANT SELECT ON t_n_seq TO little;
        """,
    )
    place = database(server, name, "little")
    catalog = everything(place)
    assert {each.name.name: each.last_value for each in catalog.sequences} == {"t_id_seq": None, "t_n_seq": 1}
    assert others(catalog) == {
        ("unreadable sequence", "t_id_seq", ""),
        ("grant", "public.t_n_seq", ""),
        ("owner", "postgres", ""),
    }
    with pytest.raises(Terminal, match=r'no right to read the sequences "public"\."t_id_seq"'):
        Counters(place).counters(catalog.tables, catalog.sequences)
