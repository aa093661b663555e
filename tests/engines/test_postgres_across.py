"""Tables of another family, given in neutral words, made on a real server and read again there."""

from collections.abc import Callable
from contextlib import closing
from dataclasses import replace

import pytest

from landbridge.endpoints.abc import Adopted, Counter
from landbridge.endpoints.postgres.connection import Database
from landbridge.endpoints.postgres.counters import Counters
from landbridge.endpoints.postgres.ddl import SchemaBuilder
from landbridge.endpoints.postgres.server import Server
from landbridge.kinds import (
    Bit,
    Bool,
    Bytes,
    Date,
    Decimal,
    Enum,
    Float,
    Geometry,
    Inet,
    Int,
    Json,
    Kind,
    Set,
    Text,
    Time,
    Timestamp,
    TimestampTz,
    Uuid,
    Year,
)
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
    Partitioning,
    Sequence,
    Table,
    TableName,
)
from tests.engines.postgres_schema import Made, database, everything, planned
from tests.support import postgres_connection, rows

U64 = Int(bits=64, unsigned=True)


@pytest.fixture
def server(postgres_target_server: Server) -> Server:
    return postgres_target_server


@pytest.fixture
def target(server: Server, postgres_database: Callable[..., str]) -> Database:
    return database(server, postgres_database(server))


def shop(name: str) -> TableName:
    return TableName(schema="shop", name=name)


def column(name: str, kind: Kind, literal: str | None = None, **more: object) -> Column:
    default = None if literal is None else Default(native=f"'{literal}'", literal=literal)
    return Column(name=name, kind=kind, native="-", default=default, **more)  # type: ignore[arg-type]


def table(name: str, *columns: Column, key: tuple[str, ...] = (), **more: object) -> Table:
    primary_key = Key(name="PRIMARY", columns=key) if key else None
    return Table(name=shop(name), columns=columns, primary_key=primary_key, **more)  # type: ignore[arg-type]


def index(name: str, *parts: str | IndexPart, **more: object) -> Index:
    whole = tuple(IndexPart(column=part, native="-") if isinstance(part, str) else part for part in parts)
    return Index(name=name, parts=whole, **more)  # type: ignore[arg-type]


def catalog(*tables: Table, sequences: tuple[Sequence, ...] = ()) -> Catalog:
    return Catalog(family="another", version="1", tables=tables, sequences=sequences)


def make(target: Database, *tables: Table) -> Made:
    """Adopted, made, and what is read again is what was planned."""
    made = Made(target, catalog(*tables), {})
    assert [planned(each) for each in everything(target).tables] == made.tables
    return made


def adopt(target: Database, *tables: Table) -> list[Adopted]:
    names = {each.name: each.name for each in tables}
    builder = SchemaBuilder(target)
    return [builder.adopt(each, "another", each.name, names) for each in tables]


def test_every_kind_with_a_default_is_read_again_as_planned(target: Database) -> None:
    columns = (
        column("i8", Int(bits=8), "-5"),
        column("u16", Int(bits=16, unsigned=True), "65535"),
        column("u32", Int(bits=32, unsigned=True), "4294967295"),
        column("i64", Int(bits=64), str(-(2**63))),
        column("u64", U64, str(2**64 - 1)),
        column("d", Decimal(precision=65, scale=30), "-1." + "0" * 29 + "1"),
        column("d0", Decimal(precision=10, scale=0), "7"),
        column("r", Float(bits=32), "1.5"),
        column("f", Float(bits=64), "10000000000"),
        column("b", Bool(), "1"),
        column("day", Date(), "2024-02-29"),
        column("moment", Timestamp(fsp=3), "2020-01-01 00:00:00.500"),
        column("instant", TimestampTz(fsp=6), "2020-01-01 10:00:00.000000+00"),
        column("c", Text(length=5, fixed=True), "a'b"),
        column("v", Text(length=20), "it's \\ back"),
        column("t", Text(), "😀"),
        column("y", Bytes(), "\\x00ff"),
        column("j", Json(), '{"a": 1}'),
        column("jx", Json(exact=True), '{"a":1}'),
        column("u", Uuid(), "00000000-0000-0000-0000-00000000abcd"),
        column("e", Enum(labels=("x", "it's", "")), "it's"),
        column("s", Set(labels=("a", "b", "it's")), "a,it's"),
        column("bits", Bit(length=3), "101"),
        column("more", Bit(length=9, varying=True), "1"),
        column("year", Year(), "2020"),
        column("ip", Inet(), "::1"),
        column("Zähler %s :x", Int(bits=32), comment="it's 100%"),
    )
    made = make(target, table("t", *columns, comment="about %s"))
    assert made.losses == []
    [adopted] = made.tables
    assert [each.name for each in adopted.columns] == [each.name for each in columns]
    literals = {each.name: each.default.literal for each in columns if each.default}
    literals |= {"b": "1", "moment": "2020-01-01 00:00:00.500", "s": "a,it's"}
    assert {each.name: each.default.literal for each in adopted.columns if each.default} == literals


def test_times_of_the_source_become_times_of_the_target(target: Database) -> None:
    now = Default(native="current_timestamp()", now=True)
    columns = (
        Column(name="a", kind=TimestampTz(), native="-", default=now, on_update_now=True),
        Column(name="b", kind=Timestamp(fsp=6), native="-", default=now),
        Column(name="c", kind=Date(), native="-", default=now),
        column("d", Time(fsp=1), "10:00:00.5"),
    )
    made = make(target, table("t", *columns))
    assert [each.default and each.default.now for each in made.tables[0].columns] == [True, True, True, False]
    assert [(loss.column, loss.blocking) for loss in made.losses] == [("a", False)]


def test_defaults_without_a_meaning_here_are_losses(target: Database) -> None:
    columns = (
        column("zero", Date(), "0000-00-00"),
        column("long", Time(), "100:00:00"),
        Column(name="f", kind=Text(length=36), native="-", default=Default(native="uuid()")),
    )
    made = make(target, table("t", *columns))
    assert [each.default for each in made.tables[0].columns] == [None, None, None]
    left_out = [loss.column for loss in made.losses if "is left out" in loss.what]
    assert left_out == ["zero", "long", "f"]
    assert not any(loss.blocking for loss in made.losses)


def test_numbered_columns(server: Server, target: Database) -> None:
    """An identity must be an integer: what is numbered by anything larger gets a sequence of its own."""
    small = table("small", column("id", Int(bits=16, unsigned=True), identity="auto", nullable=False), key=("id",))
    large = table("large", column("id", U64, identity="auto", nullable=False), key=("id",))
    made = make(target, small, large)
    ids = {each.name.name: each.columns[0] for each in made.tables}
    assert (ids["small"].native, ids["small"].identity, ids["small"].default) == ("integer", "default", None)
    assert (ids["large"].native, ids["large"].identity) == ("numeric(20,0)", None)
    owned = {str(each.name): each.owned_by for each in everything(target).sequences}
    assert owned == {"shop.large_id_seq": (shop("large"), "id"), "shop.small_id_seq": (shop("small"), "id")}
    with closing(postgres_connection(server, str(target.ref.database))) as connection:
        rows(connection, "INSERT INTO shop.large VALUES (18446744073709551000), (7)")
        rows(connection, "DELETE FROM shop.large WHERE id > 10")
    Counters(target).advance(
        [Counter(name=shop("small"), column="id", last=41), Counter(name=shop("large"), column="id", last=None)]
    )
    with closing(postgres_connection(server, str(target.ref.database))) as connection:
        assert rows(connection, "INSERT INTO shop.small DEFAULT VALUES RETURNING id") == [(42,)]
        assert rows(connection, "INSERT INTO shop.large DEFAULT VALUES RETURNING id") == [(8,)]


def test_sequences_of_the_source_are_made(target: Database) -> None:
    given = Sequence(name=shop("numbers"), start=5, increment=-2, minimum=-100, maximum=10, cache=3, cycle=True)
    default = Default(native="nextval(`shop`.`numbers`)", sequence=given.name)
    made = Made(target, catalog(table("t", Column(name="n", kind=Int(bits=64), native="-", default=default)),
                                sequences=(given,)), {})  # fmt: skip
    assert everything(target).sequences == (given,)
    assert [planned(each) for each in everything(target).tables] == made.tables
    assert made.tables[0].columns[0].default == Default(
        native="nextval('shop.numbers'::regclass)", sequence=shop("numbers")
    )


def test_labels_that_no_enum_type_can_have(server: Server, target: Database) -> None:
    long = "ü" * 32
    made = make(target, table("t", column("e", Enum(labels=("a", long))), column("s", Set(labels=("x", "y")))))
    assert made.tables[0].columns[0].native == "text"
    assert [check.name for check in made.tables[0].checks] == ["t_e_check", "t_s_check"]
    with closing(postgres_connection(server, str(target.ref.database))) as connection:
        for good in ((long, "x,y"), ("a", ""), (None, None)):
            rows(connection, "INSERT INTO shop.t VALUES (%s, %s)", good)
        for bad in (("b", None), ("", None), (None, "x,z"), (None, "z")):
            with pytest.raises(Exception, match="violates check constraint"):
                rows(connection, "INSERT INTO shop.t VALUES (%s, %s)", bad)


def test_index_names_are_unique_in_the_schema(target: Database) -> None:
    integer = column("x", Int(bits=32), nullable=False)
    clashing = [
        table("a", integer, key=("x",), indexes=(index("b_c", "x"), index("pkey", "x"), index("x_seq", "x"))),
        table("a_b", integer, key=("x",), indexes=(index("c", "x"), index("i", "x"))),
        table("a_b_i", integer, key=("x",), indexes=(index("i", "x"),)),
        table("a" * 60, integer, key=("x",), indexes=(index("b" * 60, "x"), index("b" * 61, "x"))),
    ]
    made = make(target, *clashing)
    names = [index.name for each in made.tables for index in each.indexes]
    assert len(set(names)) == len(names) == 8
    assert {"a_b_c", "a_b_i_i"} <= set(names)
    assert "a_b_i" not in names
    assert all(len(each.encode()) <= 63 for each in names)


def test_indexes_and_keys(target: Database) -> None:
    columns = (
        column("id", Int(bits=32), nullable=False),
        column("Order", Text(), nullable=False),
        column("v", Text(length=30), collation="utf8_general_ci"),
        column("w", Text(length=30), collation="utf8_bin"),
        column("b", Bytes()),
        column("e", Enum(labels=("x",))),
        column("j", Json(exact=True)),
        Column(name="g", kind=Int(bits=32), native="-", generated=Generated(expression="`id` + 1", stored=True)),
    )
    indexes = (
        index("plain", "Order", IndexPart(column="id", descending=True)),
        index("prefix", IndexPart(column="Order", prefix=10), IndexPart(column="v", prefix=5, descending=True)),
        index("bytes_", IndexPart(column="b", prefix=7), unique=True),
        index("ci", "v", unique=True, constraint=True, comment="it's"),
        index("cs", "w", unique=True, constraint=True),
        index("down", IndexPart(column="id", descending=True), unique=True, constraint=True),
        index("hashed", "e", method="hash"),
        index("words", "Order", method="fulltext"),
        index("derived", "g"),
        index("functional", IndexPart(expression="lower(`v`)")),
        index("documents", "j"),
    )
    made = make(target, table("T", *columns, key=("id",), indexes=indexes))
    natives = {each.name: [part.native for part in each.parts] for each in made.tables[0].indexes}
    assert natives == {
        "T_bytes_": ['"substring"(b, 1, 7)'],
        "T_ci": ["v"],
        "T_cs": ["w"],
        "T_down": ["id DESC"],
        "T_hashed": ["e"],
        "T_plain": ['"Order"', "id DESC"],
        "T_prefix": ['"left"("Order", 10)', '"left"((v)::text, 5) DESC'],
        "T_words": ["to_tsvector('simple'::regconfig, COALESCE(\"Order\", ''::text))"],
    }
    assert made.tables[0].primary_key == Key(name="T_pkey", columns=("id",))
    lost = [loss.what for loss in made.losses]
    for each in ("index words", "index derived", "index functional", "index documents", "generated column is"):
        assert sum(each in what for what in lost) == 1
    collations = [loss.column for loss in made.losses if "collation" in loss.what]
    assert collations == ["v"]
    assert not any(loss.blocking for loss in made.losses)


def test_foreign_keys_checks_and_partitions(target: Database) -> None:
    parent = table("parent", column("id", U64, nullable=False), key=("id",))
    keys = (
        ForeignKey(name="k" * 64, columns=("p",), target=shop("parent"), target_columns=("id",), on_delete="SET NULL"),
        ForeignKey(name="away", columns=("p",), target=shop("nowhere"), target_columns=("id",)),
    )
    child = table(
        "child",
        column("p", U64),
        foreign_keys=keys,
        checks=(Check(name="c", expression="`p` > 1"),),
        partitioning=Partitioning(by="HASH (p)", partitions=()),
    )
    made = make(target, child, parent)
    [key] = made.tables[0].foreign_keys
    assert (key.on_delete, len(key.name)) == ("SET NULL", 63)
    assert [loss.blocking for loss in made.losses] == [False, False, False]
    assert ["away" in made.losses[0].what, "check c" in made.losses[1].what, "partition" in made.losses[2].what]


@pytest.mark.parametrize(
    ("broken", "named"),
    [
        (table("t", column("g", Geometry())), "geometry"),
        (table("t", column("ü" * 32, Int(bits=8))), "63 bytes"),
        (table("ü" * 32, column("a", Int(bits=8))), "63 bytes"),
        (
            table(
                "t",
                Column(name="g", kind=Int(bits=8), native="-", generated=Generated(expression="1", stored=True)),
                key=("g",),
            ),
            "primary key",
        ),
    ],
)
def test_what_would_lose_data_blocks(target: Database, broken: Table, named: str) -> None:
    [adopted] = adopt(target, broken)
    assert [loss.blocking for loss in adopted.losses if named in loss.what] == [True]


def test_a_table_goes_where_the_plan_says(target: Database) -> None:
    source = table("t", column("e", Enum(labels=("x",)), "x"), column("n", U64, identity="auto"), key=("n",))
    other = TableName(schema="Other place", name="select")
    made = Made(target, catalog(replace(source)), {"shop": "Other place"})
    assert [str(each.name) for each in everything(target).tables] == ["Other place.t"]
    [adopted] = [SchemaBuilder(target).adopt(source, "another", other, {source.name: other})]
    assert adopted.table.columns[0].native == '"Other place".select_e'
    assert adopted.types[0].name == TableName(schema="Other place", name="select_e")
    assert made.losses == []
