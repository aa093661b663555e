"""What a writer leaves in real tables, read back through the plain driver."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import sqlalchemy as sa

from landbridge.change import DELETE, INSERT, TRUNCATE, UPDATE
from landbridge.endpoints.applying import TableBatch
from landbridge.endpoints.postgres.apply import Applier, Writer
from landbridge.endpoints.postgres.connection import Database
from landbridge.endpoints.postgres.server import Server
from landbridge.errors import RowRejected, Terminal
from landbridge.kinds import Text
from landbridge.model import Field, Relation, TableName
from landbridge.plan import EndpointRef
from tests.support import postgres_connection, rows


def relation(number: int, name: str, columns: str, key: tuple[int, ...] = (0,), schema: str = "public") -> Relation:
    fields = tuple(Field(name=column, kind=Text(), native="") for column in columns.split())
    return Relation(number=number, name=TableName(schema=schema, name=name), fields=fields, key=key)


def batch(table: int = 0, deletes: Any = (), updates: Any = (), inserts: Any = ()) -> TableBatch:
    return TableBatch(table=table, deletes=list(deletes), updates=list(updates), inserts=list(inserts), missing=[])


class Place:
    """A database, its plain connection, and writers into it."""

    def __init__(self, server: Server, database: str) -> None:
        self.ref = EndpointRef(
            engine="postgres", host=server.host, port=server.port, user=server.user, database=database
        )
        self.plain = postgres_connection(server, database)
        self.connection = Database(self.ref).engine().connect()

    def sql(self, statement: str) -> list[tuple[Any, ...]]:
        return rows(self.plain, statement)

    def writer(self, *tables: Relation) -> Writer:
        return Applier(Database(self.ref)).writer(self.connection, tables)

    @contextmanager
    def transaction(self) -> Iterator[sa.Connection]:
        with self.connection.begin():
            yield self.connection


@pytest.fixture
def place(postgres_server: Server, postgres_database: Callable[[], str]) -> Iterator[Place]:
    made = Place(postgres_server, postgres_database())
    yield made
    made.connection.close()
    made.plain.close()


ITEMS = relation(0, "items", "id name price")


@pytest.fixture
def items(place: Place) -> Writer:
    place.sql("create table items (id int primary key, name text, price numeric(8,2))")
    place.sql("insert into items values (1, 'one', 1), (2, 'two', 2), (3, 'three', 3)")
    return place.writer(ITEMS)


def test_a_batch_deletes_updates_and_inserts(place: Place, items: Writer) -> None:
    with place.transaction():
        assert items.write(
            batch(
                deletes=[(b"1",)],
                updates=[((b"2",), (b"2", b"zwei", ...)), ((b"3",), (b"30", ..., None))],
                inserts=[(b"4", b"tab\tline\nback\\slash\\.", None), (b"3", b"\\N", b"0.50")],
            ),
            converge=False,
        )
    assert place.sql("select id, name, price::text from items order by id") == [
        (2, "zwei", "2.00"),
        (3, "\\N", "0.50"),
        (4, "tab\tline\nback\\slash\\.", None),
        (30, "three", None),
    ]


@pytest.mark.parametrize(
    "wrong",
    [
        batch(deletes=[(b"1",), (b"9",)]),
        batch(updates=[((b"9",), (b"9", b"x", b"1"))]),
        batch(updates=[((b"9",), (b"9", b"x", ...)), ((b"1",), (b"1", ..., b"1"))]),
        batch(updates=[((b"9",), (b"9", ..., ...))]),
        batch(updates=[((b"9",), (b"10", b"x", b"1"))]),
    ],
)
def test_a_row_that_is_not_there_fails_the_batch(place: Place, items: Writer, wrong: TableBatch) -> None:
    with place.transaction() as connection:
        assert not items.write(wrong, converge=False)
        connection.rollback()


def test_a_row_that_is_there_already_fails_the_batch(place: Place, items: Writer) -> None:
    with pytest.raises(Terminal, match="23505"), place.transaction():
        items.write(batch(inserts=[(b"1", b"x", b"1")]), converge=False)
    with place.transaction():
        assert items.write(batch(deletes=[(b"1",)]), converge=False), "the writer goes on after a rollback"
    assert place.sql("select id from items order by id") == [(2,), (3,)]


def test_a_row_without_all_columns_is_not_inserted(place: Place, items: Writer) -> None:
    with pytest.raises(Terminal, match="without all its columns"), place.transaction():
        items.write(batch(inserts=[(b"7", ..., b"1")]), converge=False)


def test_many_batches_in_one_transaction(place: Place, items: Writer, monkeypatch: pytest.MonkeyPatch) -> None:
    """A large transaction comes in parts; the staging table is cleared on the way."""
    monkeypatch.setattr("landbridge.endpoints.postgres.apply._CROWDED", 5)
    place.sql("insert into items select i, 'x', 0 from generate_series(4, 40) i")
    with place.transaction():
        for start in range(4, 40, 4):
            keys = [b"%d" % number for number in range(start, start + 4)]
            changed = [((key,), (key, b"new " + key, b"1")) for key in keys[:2]]
            assert items.write(batch(updates=changed, deletes=[(key,) for key in keys[2:]]), converge=False)
    found = place.sql(
        "select count(*), count(*) filter (where name = 'new ' || id) from items where id between 4 and 39"
    )
    assert found == [(18, 18)]


def test_staging_outlives_commits_and_rollbacks(place: Place, items: Writer) -> None:
    for name in (b"a", b"b", b"c"):
        with place.transaction() as connection:
            assert items.write(batch(updates=[((b"1",), (b"1", name, ...))]), converge=False)
            if name == b"b":
                connection.rollback()
        assert place.sql("select name from items where id = 1") == [("c",) if name == b"c" else ("a",)]


def test_large_tables_are_reached_by_their_key(place: Place, items: Writer) -> None:
    place.sql("insert into items select i, 'x', 0 from generate_series(4, 20000) i")
    changed = [((b"%d" % key,), (b"%d" % key, b"y", b"1")) for key in range(4, 5004)]
    for converge in (False, True):
        with place.transaction() as connection:
            more = [(b"%d" % key, b"z", b"1") for key in range(30000 + converge * 10000, 35000 + converge * 10000)]
            gone = [(b"%d" % key,) for key in range(6000 + converge * 5000, 11000 + converge * 5000)]
            assert items.write(batch(updates=changed, deletes=gone, inserts=more), converge=converge)
            scans = "select seq_scan from pg_stat_xact_user_tables where relname = 'items'"
            assert connection.exec_driver_sql(scans).scalar() == 0


def test_keys_of_several_columns_and_awkward_names(place: Place) -> None:
    place.sql('create schema "My ""Shop"""')
    place.sql(
        'create table "My ""Shop"""."Or%der" ("Sel ect" text, "%s" int, "a""b" text, primary key ("%s", "Sel ect"))'
    )
    place.sql("""insert into "My ""Shop""\"."Or%der" values ('x', 1, 'p'), ('y', 1, 'q'), ('x', 2, 'r')""")
    shop = Relation(
        number=5,
        name=TableName(schema='My "Shop"', name="Or%der"),
        fields=tuple(Field(name=name, kind=Text(), native="") for name in ("Sel ect", "%s", 'a"b')),
        key=(1, 0),
    )
    writer = place.writer(shop)
    with place.transaction():
        updates = [((b"1", b"y"), (b"Y", b"1", b"Q")), ((b"2", b"x"), (b"x", b"2", b"R"))]
        wanted = batch(5, deletes=[(b"1", b"x")], updates=updates, inserts=[(b"z", b"3", b"%s")])
        assert writer.write(wanted, converge=False)
        writer.replay([(UPDATE, 5, (b"3", b"z"), (b"zz", b"3", ...)), (INSERT, 5, None, (b"n", b"4", b"'"))], False)
    found = place.sql('select * from "My ""Shop"""."Or%der" order by 2, 1')
    assert found == [("Y", 1, "Q"), ("x", 2, "R"), ("zz", 3, "%s"), ("n", 4, "'")]


TYPES = {
    "bytea": (b"\\x00ff5c", b"\\x"),
    "json": (b'{"b": 1,  "a": "x\\ty"}', b"null"),
    "jsonb": (b'{"a": 1.0}', b'{"a": 1.00}'),
    "timestamptz(3)": (b"2024-02-29 23:59:59.123+00", b"infinity"),
    "numeric": (b"1.0", b"1.00"),
    "float8": (b"-0", b"0"),
    "bit(3)": (b"101", b"000"),
    "varchar(3)": (b"a\\b", b"'  "),
    "char(4)": (b"ab  ", b"    "),
    "text[]": (b'{"a,b",NULL,"\\\\"}', b"{}"),
    "mood": (b"very happy", b"sad"),
    "point": (b"(1,2)", b"(0,0)"),
    "interval": (b"1 day", b"24:00:00"),
    "int4range": (b"[1,5)", b"empty"),
    "inet": (b"10.0.0.1/8", b"::1"),
    "positive": (b"7", b"8"),
}


@pytest.mark.parametrize("converge", [False, True])
@pytest.mark.parametrize("key", [(0,), ()])
def test_every_type_takes_its_text(place: Place, key: tuple[int, ...], converge: bool) -> None:
    place.sql("create type mood as enum ('sad', 'very happy')")
    place.sql("create domain positive as int not null check (value > 0)")
    columns = ", ".join(f"c{number} {type_}" for number, type_ in enumerate(TYPES))
    place.sql(f"create table wide (id int {'primary key' if key else ''}, {columns})")
    wide = relation(0, "wide", " ".join(["id", *(f"c{number}" for number in range(len(TYPES)))]), key)
    first = tuple(value for value, _ in TYPES.values())
    second = tuple(value for _, value in TYPES.values())
    writer = place.writer(wide)
    with place.transaction():
        assert writer.write(batch(inserts=[(b"1", *first), (b"2", *second), (b"3", *first)]), converge and bool(key))
        if key:
            changed = batch(updates=[((b"1",), (b"1", *second))], deletes=[(b"3",)])
            assert writer.write(changed, converge)
            writer.replay([(UPDATE, 0, None, (b"2", *first)), (INSERT, 0, None, (b"4", *second))], converge)
        else:
            writer.replay([(UPDATE, 0, (b"1", *first), (b"1", *second)), (DELETE, 0, (b"3", *first), None)], False)
            writer.replay([(UPDATE, 0, (b"2", *second), (b"2", *first)), (INSERT, 0, None, (b"4", *second))], False)
    for number, type_ in enumerate(TYPES):
        a, b = (f"$${value.decode()}$$::{type_}::text" for value in TYPES[type_])
        found = place.sql(f"select id, c{number}::text in ({b}), c{number}::text in ({a}) from wide order by id")
        assert found == [(1, True, False), (2, False, True), (4, True, False)], type_


def test_a_key_compares_as_its_index_does(place: Place) -> None:
    """Types of extensions bring their own equality, which an empty search path hides; collations must not clash."""
    place.sql("create extension citext")
    place.sql(
        'create table words (a citext, b text collate "POSIX", c text collate "C", d text, primary key (a, b, c))'
    )
    place.sql("insert into words values ('x', 'y', 'z', 'first'), ('X2', 'y', 'z', 'second')")
    writer = place.writer(relation(0, "words", "a b c d", (0, 1, 2)))
    with place.transaction() as connection:
        updates = [((b"X", b"y", b"z"), (b"X", b"y", b"z", b"changed"))]
        assert writer.write(batch(updates=updates, deletes=[(b"x2", b"y", b"z")]), converge=False)
        assert writer.write(batch(inserts=[(b"X", b"y", b"z", b"again"), (b"n", b"n", b"n", b"n")]), converge=True)
        writer.replay([(UPDATE, 0, None, (b"N", b"n", b"n", b"new")), (DELETE, 0, (b"n", b"n", b"n"), None)], False)
        scans = "select seq_scan from pg_stat_xact_user_tables where relname = 'words'"
        assert connection.exec_driver_sql(scans).scalar() == 0
    assert place.sql("select a, b, c, d from words") == [("x", "y", "z", "again")]


def test_columns_that_are_always_generated(place: Place) -> None:
    place.sql("create table made (id int primary key, n int generated always as identity, t text)")
    place.sql("insert into made values (1, default, 'a'), (2, default, 'b')")
    writer = place.writer(relation(0, "made", "id n t"))
    with place.transaction():
        good = batch(updates=[((b"1",), (b"1", b"1", b"A"))], inserts=[(b"5", b"50", b"e")])
        assert writer.write(good, converge=False)
        assert writer.write(batch(inserts=[(b"6", b"60", b"f"), (b"5", b"50", b"E")]), converge=True)
        writer.replay([(INSERT, 0, None, (b"7", b"70", b"g")), (UPDATE, 0, None, (b"2", b"2", b"B"))], False)
    assert place.sql("select * from made order by id") == [
        (1, 1, "A"), (2, 2, "B"), (5, 50, "E"), (6, 60, "f"), (7, 70, "g"),
    ]  # fmt: skip
    with pytest.raises(RowRejected), place.transaction():
        writer.replay([(UPDATE, 0, None, (b"2", b"99", b"B"))], False)


def test_converging_meets_a_target_that_is_ahead(place: Place, items: Writer) -> None:
    with place.transaction():
        wanted = batch(
            deletes=[(b"8",), (b"1",)],
            updates=[
                ((b"2",), (b"2", b"zwei", ...)),
                ((b"9",), (b"9", b"nine", ...)),
                ((b"3",), (b"33", b"moved", ...)),
                ((b"10",), (b"11", b"whole", b"11")),
            ],
            inserts=[(b"12", b"new", None)],
        )
        assert items.write(wanted, converge=True)
        assert sorted(wanted.missing) == [(b"33",), (b"9",)]
        again = batch(inserts=[(b"12", b"newer", b"12"), (b"2", b"again", b"2")])
        assert items.write(again, converge=True)
        assert again.missing == []
    assert place.sql("select id, name from items order by id") == [(2, "again"), (11, "whole"), (12, "newer")]


def test_converging_row_by_row_does_the_same(place: Place, items: Writer) -> None:
    with place.transaction():
        missing = items.replay(
            [
                (DELETE, 0, (b"8",), None),
                (DELETE, 0, (b"1",), None),
                (UPDATE, 0, None, (b"2", b"zwei", ...)),
                (UPDATE, 0, None, (b"9", b"nine", ...)),
                (UPDATE, 0, (b"3",), (b"33", b"moved", ...)),
                (UPDATE, 0, (b"10",), (b"11", b"whole", b"11")),
                (INSERT, 0, None, (b"12", b"new", None)),
                (INSERT, 0, None, (b"12", b"newer", b"12")),
                (INSERT, 0, None, (b"2", b"again", b"2")),
            ],
            converge=True,
        )
    assert sorted(missing) == [(0, (b"33",)), (0, (b"9",))]
    assert place.sql("select id, name from items order by id") == [(2, "again"), (11, "whole"), (12, "newer")]


def test_converging_does_not_take_another_row_for_this_one(place: Place) -> None:
    """ON CONFLICT would: row 2 is equal to row 1 in the unique name."""
    place.sql("create table named (id int primary key, name text unique)")
    place.sql("insert into named values (1, 'a')")
    writer = place.writer(relation(0, "named", "id name"))
    with pytest.raises(Terminal, match="23505"), place.transaction():
        writer.write(batch(inserts=[(b"2", b"a")]), converge=True)
    assert place.sql("select * from named") == [(1, "a")]


def test_unique_values_change_places_row_by_row(place: Place) -> None:
    place.sql("create table named (id int primary key, name text unique)")
    place.sql("insert into named values (1, 'a'), (2, 'b')")
    writer = place.writer(relation(0, "named", "id name"))
    with pytest.raises(Terminal, match="23505"), place.transaction():
        writer.write(batch(updates=[((b"1",), (b"1", b"b")), ((b"2",), (b"2", b"a"))]), converge=False)
    with place.transaction():
        changes = [(UPDATE, 0, None, (b"1", b"?")), (UPDATE, 0, None, (b"2", b"a")), (UPDATE, 0, None, (b"1", b"b"))]
        assert writer.replay(changes, converge=False) == []
    assert place.sql("select * from named order by id") == [(1, "b"), (2, "a")]


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ((INSERT, 0, None, (b"1", b"secret", b"1")), "SQLSTATE 23505, unique violation"),
        ((INSERT, 0, None, (b"9", b"secret", b"1e9")), "SQLSTATE 22003, numeric value out of range"),
        ((INSERT, 0, None, (b"9", b"sec\0ret", b"1")), "NUL"),
        ((INSERT, 0, None, (b"9", ..., b"1")), "without all its columns"),
        ((DELETE, 0, (b"9",), None), "no rows have its key"),
        ((UPDATE, 0, None, (b"9", b"secret", ...)), "no rows have its key"),
        ((UPDATE, 0, None, (b"9", ..., ...)), "no rows have its key"),
        ((UPDATE, 0, (b"9",), (b"10", b"secret", ...)), "no rows have its key"),
        ((UPDATE, 0, (b"1",), (b"2", b"secret", ...)), "SQLSTATE 23505, unique violation"),
    ],
)
def test_a_refused_row_names_its_table_but_no_data(place: Place, items: Writer, change: Any, fault: str) -> None:
    with pytest.raises(RowRejected) as refused, place.transaction():
        items.replay([(DELETE, 0, (b"3",), None), change], converge=False)
    assert "public.items" in str(refused.value)
    assert fault in str(refused.value)
    assert "secret" not in str(refused.value)
    assert place.sql("select count(*) from items") == [(3,)]


@pytest.mark.parametrize("partitioned", [False, True])
def test_without_a_key_one_row_of_those_equal(place: Place, partitioned: bool) -> None:
    place.sql(f"create table log (a text, b json, n int) {'partition by list (n)' if partitioned else ''}")
    if partitioned:
        place.sql("create table log1 partition of log for values in (1)")
        place.sql("create table log2 partition of log default")
    writer = place.writer(relation(0, "log", "a b n", ()))
    same, other, empty = (b"x", b'{"k": 1}', b"1"), (b"X", b'{"k":1}', b"2"), (None, None, None)
    with place.transaction():
        assert writer.write(batch(inserts=[same, same, same, other, empty, empty]), converge=False)
        changes = [(DELETE, 0, same, None), (UPDATE, 0, same, (b"y", ..., b"2")), (DELETE, 0, empty, None)]
        writer.replay(changes, converge=False)
    found = place.sql("select a, b::text, n from log order by a")
    assert sorted(map(str, found)) == sorted(
        map(str, [("x", '{"k": 1}', 1), ("X", '{"k":1}', 2), ("y", '{"k": 1}', 2), (None, None, None)])
    )
    for absent in ((b"x", b'{"k":1}', b"1"), (b"q", None, None)):
        with pytest.raises(RowRejected, match="no row is equal"), place.transaction():
            writer.replay([(DELETE, 0, absent, None)], converge=False)


def test_without_a_key_equal_is_identical(place: Place) -> None:
    place.sql("create extension citext")
    place.sql("create table log (f float8, n numeric, t citext)")
    writer = place.writer(relation(0, "log", "f n t", ()))
    images = [(b"0", b"1.0", b"a"), (b"-0", b"1.0", b"a"), (b"0", b"1.00", b"a"), (b"0", b"1.0", b"A")]
    for gone in images[1:]:
        with place.transaction():
            writer.truncate(0)
            assert writer.write(batch(inserts=images), converge=False)
            writer.replay([(DELETE, 0, gone, None)], converge=False)
        left = {(f.encode(), n.encode(), t.encode()) for f, n, t in place.sql("select f::text, n::text, t from log")}
        assert left == set(images) - {gone}


def test_truncate_spares_readers(place: Place, items: Writer) -> None:
    place.plain.autocommit = False
    place.sql("set transaction isolation level repeatable read")
    assert place.sql("select count(*) from items") == [(3,)]
    with place.transaction():
        items.truncate(0)
        items.replay([(INSERT, 0, None, (b"7", b"x", b"1")), (TRUNCATE, 0, None, None)], converge=False)
        assert items.write(batch(inserts=[(b"5", b"five", b"5")]), converge=False)
    assert place.sql("select count(*) from items") == [(3,)]
    place.plain.rollback()
    assert place.sql("select id from items") == [(5,)]


def test_triggers_stay_silent(place: Place, items: Writer) -> None:
    place.sql("create function boom() returns trigger language plpgsql as $$ begin raise exception 'boom'; end $$")
    place.sql("create trigger b before insert or update or delete on items for each row execute function boom()")
    with place.transaction():
        wanted = batch(deletes=[(b"1",)], updates=[((b"2",), (b"2", b"q", ...))], inserts=[(b"9", b"n", None)])
        assert items.write(wanted, converge=False)
    assert place.sql("select id, name from items order by id") == [(2, "q"), (3, "three"), (9, "n")]


def test_who_cannot_silence_triggers_is_refused(place: Place, items: Writer) -> None:
    place.sql("create role plain_writer login")
    try:
        place.sql("alter table items owner to plain_writer")
        ref = place.ref.model_copy(update={"user": "plain_writer"})
        applier = Applier(Database(ref))
        with Database(ref).engine().connect() as connection:
            writer = applier.writer(connection, [ITEMS])
            with connection.begin():
                assert writer.write(batch(deletes=[(b"1",)]), converge=False)
        place.sql("create function quiet() returns trigger language plpgsql as $$ begin return new; end $$")
        place.sql("create trigger q after insert on items for each row execute function quiet()")
        with Database(ref).engine().connect() as connection, pytest.raises(Terminal, match="disable trigger user"):
            applier.writer(connection, [ITEMS])
        place.sql("alter table items disable trigger user")
        with Database(ref).engine().connect() as connection:
            applier.writer(connection, [ITEMS])
    finally:
        place.sql("drop owned by plain_writer cascade")
        place.sql("drop role plain_writer")
