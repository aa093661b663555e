"""Where sequences stand and whether the next number after a move is a new one, on real servers."""

from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import pytest

from landbridge.endpoints.abc import Counter
from landbridge.endpoints.postgres.connection import Database
from landbridge.endpoints.postgres.counters import Counters
from landbridge.endpoints.postgres.server import Server
from landbridge.errors import Terminal
from landbridge.model import TableName
from tests.engines.postgres_schema import database, everything
from tests.support import postgres_connection, psql, rows

TABLES = """
    CREATE TABLE identity (id integer GENERATED ALWAYS AS IDENTITY, n integer);
    CREATE TABLE serial (id serial PRIMARY KEY, n integer);
    CREATE SEQUENCE "Free, 😀";
    CREATE SEQUENCE shared INCREMENT BY 10;
    CREATE TABLE one (id bigint DEFAULT nextval('shared'));
    CREATE TABLE two (id numeric(20, 0) DEFAULT nextval('shared'), id2 bigint DEFAULT -nextval('shared'));
    CREATE SEQUENCE down AS smallint INCREMENT BY -1;
    CREATE TABLE lower (id smallint DEFAULT nextval('down'));
    CREATE SEQUENCE round AS smallint MAXVALUE 5 CYCLE;
    CREATE TABLE rounds (id smallint DEFAULT nextval('round'));
"""


@pytest.fixture
def server(postgres_server: Server) -> Server:
    return postgres_server


@pytest.fixture
def place(server: Server, postgres_database: Callable[..., str]) -> Database:
    name = postgres_database(server)
    psql(server, name, TABLES)
    return database(server, name)


@pytest.fixture
def connection(server: Server, place: Database) -> Iterator[Any]:
    with closing(postgres_connection(server, str(place.ref.database))) as opened:
        yield opened


def public(name: str) -> TableName:
    return TableName(schema="public", name=name)


def counter(name: str, column: str | None, last: int | None) -> Counter:
    return Counter(name=public(name), column=column, last=last)


def counted(place: Database) -> dict[str, int | None]:
    catalog = everything(place)
    counters = Counters(place).counters(catalog.tables, catalog.sequences)
    assert len({(each.name, each.column) for each in counters}) == len(counters)
    return {f"{each.name.name}.{each.column}" if each.column else each.name.name: each.last for each in counters}


def following(connection: Any, sequence: str) -> int:
    number: int = rows(connection, "SELECT nextval(%s::regclass)", (sequence,))[0][0]
    return number


def test_unused_counters_have_no_last_number(place: Database) -> None:
    assert counted(place) == {
        "identity.id": None, "serial_id_seq": None, "Free, 😀": None, "shared": None, "down": None, "round": None,
    }  # fmt: skip


def test_present_numbers(place: Database, connection: Any) -> None:
    rows(connection, "INSERT INTO identity (n) VALUES (1), (2)")
    rows(connection, "INSERT INTO serial (n) SELECT generate_series(1, 40)")
    rows(connection, "INSERT INTO one SELECT FROM generate_series(1, 3)")
    rows(connection, "SELECT setval('down', -7), setval('round', 3, false)")
    rows(connection, """ALTER SEQUENCE "Free, 😀" RESTART WITH 1000""")
    assert counted(place) == {
        "identity.id": 2, "serial_id_seq": 40, "Free, 😀": 999, "shared": 21, "down": -7, "round": 2,
    }  # fmt: skip
    last = {each.name.name: each.last_value for each in everything(place).sequences}
    assert (last["identity_id_seq"], last["serial_id_seq"], last["Free, 😀"]) == (2, 40, 999)


def test_the_next_number_is_the_one_the_source_would_give(place: Database, connection: Any) -> None:
    wanted = [
        counter("identity", "id", 41), counter("serial", "id", 7), counter("Free, 😀", None, 999),
        counter("shared", None, 21), counter("down", None, -7), counter("round", None, 5),
    ]  # fmt: skip
    Counters(place).advance(wanted)
    assert counted(place) == {
        "identity.id": 41, "serial_id_seq": 7, "Free, 😀": 999, "shared": 21, "down": -7, "round": 5,
    }  # fmt: skip
    names = ("identity_id_seq", "serial_id_seq", '"Free, 😀"', "shared", "down", "round")
    assert [following(connection, name) for name in names] == [42, 8, 1000, 31, -8, 1]


def test_the_next_number_comes_after_every_value_in_the_columns(place: Database, connection: Any) -> None:
    rows(connection, "INSERT INTO identity OVERRIDING SYSTEM VALUE VALUES (500, 1), (3, 1)")
    rows(connection, "INSERT INTO serial VALUES (77, 1)")
    rows(connection, "INSERT INTO one VALUES (70)")
    rows(connection, "INSERT INTO two VALUES (85, 90), ('NaN', -1000)")
    rows(connection, "INSERT INTO lower VALUES (-30), (4)")
    Counters(place).advance(
        [
            counter("identity", "id", 10),
            counter("serial_id_seq", None, None),
            counter("shared", None, 21),
            counter("down", None, -7),
        ]
    )
    names = ("identity_id_seq", "serial_id_seq", "shared", "down")
    assert [following(connection, name) for name in names] == [501, 78, 100, -31]


def test_a_counter_is_never_moved_back(place: Database, connection: Any) -> None:
    rows(connection, "SELECT setval('serial_id_seq', 900), setval('identity_id_seq', 800, false)")
    Counters(place).advance([counter("serial", "id", 7), counter("identity", "id", 7)])
    assert (following(connection, "serial_id_seq"), following(connection, "identity_id_seq")) == (901, 800)


def test_unused_stays_unused(place: Database, connection: Any) -> None:
    Counters(place).advance([counter("serial", "id", None), counter("down", None, None), counter("round", None, None)])
    assert set(counted(place).values()) == {None}
    assert [following(connection, name) for name in ("serial_id_seq", "down", "round")] == [1, -1, 1]


def test_a_number_before_the_first_possible_one(place: Database, connection: Any) -> None:
    rows(connection, "CREATE SEQUENCE late MINVALUE 1000 START WITH 2000")
    rows(connection, "ALTER SEQUENCE late RESTART WITH 1000")
    assert counted(place)["late"] == 999
    rows(connection, "DROP SEQUENCE late")
    rows(connection, "CREATE SEQUENCE late MINVALUE 1000 START WITH 1000")
    Counters(place).advance([counter("late", None, 999)])
    assert following(connection, "late") == 1000


@pytest.mark.parametrize("last", [32766, 32767, 40000])
def test_used_up_numbers_fail_and_never_come_again(place: Database, connection: Any, last: int) -> None:
    rows(connection, "CREATE TABLE few (id smallint GENERATED ALWAYS AS IDENTITY)")
    Counters(place).advance([counter("few", "id", last)])
    if last == 32766:
        assert following(connection, "few_id_seq") == 32767
    with pytest.raises(Exception, match="reached maximum value"):
        following(connection, "few_id_seq")


def test_values_larger_than_any_sequence(place: Database, connection: Any) -> None:
    rows(connection, "INSERT INTO two (id) VALUES (18446744073709551615)")
    Counters(place).advance([counter("shared", None, 1)])
    with pytest.raises(Exception, match="reached maximum value"):
        following(connection, "shared")


def test_partitions_count_through_their_root(place: Database, connection: Any) -> None:
    rows(connection, "CREATE TABLE parts (id serial, n integer) PARTITION BY LIST (n)")
    rows(connection, "CREATE TABLE part_1 PARTITION OF parts FOR VALUES IN (1)")
    rows(connection, "INSERT INTO part_1 VALUES (12, 1)")
    Counters(place).advance([counter("parts", "id", 3)])
    assert following(connection, "parts_id_seq") == 13


def test_what_is_not_there_is_named(place: Database) -> None:
    wanted = [counter("serial", "n", 1), counter("nothing", None, 1), counter("one", None, 1)]
    with pytest.raises(Terminal, match=r"public\.serial, column n; public\.nothing; public\.one"):
        Counters(place).advance(wanted)


def test_a_right_that_is_missing_is_named(server: Server, place: Database, connection: Any) -> None:
    rows(connection, "DROP ROLE IF EXISTS reader")
    rows(connection, "CREATE ROLE reader LOGIN")
    rows(connection, "GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader")
    rows(connection, "GRANT SELECT ON ALL SEQUENCES IN SCHEMA public TO reader")
    reader = database(server, str(place.ref.database), "reader")
    assert set(counted(reader).values()) == {None}
    with pytest.raises(Terminal, match=r'no right to set the sequences "public"\."serial_id_seq"') as caught:
        Counters(reader).advance([counter("serial", "id", 5)])
    assert "GRANT SELECT, UPDATE ON SEQUENCE" in caught.value.mend
    rows(connection, "DROP OWNED BY reader")
    rows(connection, "DROP ROLE reader")


def test_many_counters_at_once(place: Database, connection: Any) -> None:
    rows(
        connection,
        "DO $$ BEGIN FOR n IN 1..450 LOOP EXECUTE format('CREATE TABLE t%s (id serial)', n); END LOOP; END $$",
    )
    Counters(place).advance([counter(f"t{n}", "id", n) for n in range(1, 451)])
    found = counted(place)
    assert [found[f"t{n}_id_seq"] for n in range(1, 451)] == list(range(1, 451))


@pytest.mark.parametrize("version", [15, 16, 17])
def test_older_versions(
    version: int, postgres_version: Callable[[int], Server], postgres_database: Callable[..., str]
) -> None:
    server = postgres_version(version)
    name = postgres_database(server)
    psql(server, name, TABLES + "INSERT INTO serial VALUES (77, 1); INSERT INTO identity (n) VALUES (1);")
    place = database(server, name)
    assert counted(place)["identity.id"] == 1
    Counters(place).advance([counter("identity", "id", 41), counter("serial", "id", 7), counter("down", None, -7)])
    found = counted(place)
    assert (found["identity.id"], found["serial_id_seq"], found["down"]) == (41, 77, -7)
