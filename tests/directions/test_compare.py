"""The comparison itself: it calls copies equal, and finds every kind of damage that is done to one."""

import contextlib
from collections.abc import Callable, Iterator

import pytest

from landbridge.endpoints.mysql import server as mysql
from landbridge.endpoints.postgres import server as postgres
from tests.directions.compare import Side, count, differences
from tests.support import mysql_connection, postgres_connection, rows

_SOURCE = (
    (
        "CREATE TABLE thing (id INT UNSIGNED PRIMARY KEY, word VARCHAR(20), fixed CHAR(5), flag TINYINT(1), price DECIMAL(6,2),"
        " ratio FLOAT, exact DOUBLE, born DATETIME(6), seen TIMESTAMP(3) NULL, span TIME(1), year4 YEAR,"
        " size ENUM('S','L'), tags SET('a','b'), doc JSON, raw VARBINARY(20), bits BIT(4))"
    ),
    "CREATE TABLE heap (word VARCHAR(20), number INT)",
    (
        "INSERT INTO thing VALUES (1, 'a\\tb\\\\😀', 'x', 1, 1.50, 0.1, 0.1, '2024-02-29 23:59:59.123456', '2024-01-01 00:00:00.5',"
        " '-01:02:03.4', 1999, 'L', 'b,a', '{\"k\": [1, 2.5, null]}', x'00ff', b'0101'),"
        " (2, '', '', 0, -1, -3e30, 1e300, NULL, NULL, NULL, NULL, NULL, '', '\"s\"', '', b'0'),"
        " (3, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)"
    ),
    "INSERT INTO heap VALUES ('twice', 1), ('twice', 1), (NULL, 2)",
)
_TARGET = (
    (
        "CREATE TABLE copy.thing (id bigint PRIMARY KEY, word varchar(20), fixed char(5), flag boolean, price numeric(6,2),"
        " ratio real, exact double precision, born timestamp(6), seen timestamptz(3), span interval, year4 smallint,"
        " size text, tags text[], doc jsonb, raw bytea, bits bit(4))"
    ),
    "CREATE TABLE copy.heap (word varchar(20), number integer)",
    (
        "INSERT INTO copy.thing VALUES (1, E'a\\tb\\\\😀', 'x', true, 1.50, 0.1, 0.1, '2024-02-29 23:59:59.123456',"
        " '2024-01-01 01:00:00.5+01', '-01:02:03.4', 1999, 'L', '{a,b}', '{\"k\": [1, 2.5, null]}', '\\x00ff', '0101'),"
        " (2, '', '', false, -1, -3e30, 1e300, NULL, NULL, NULL, NULL, NULL, '{}', '\"s\"', '', '0000'),"
        " (3, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)"
    ),
    "INSERT INTO copy.heap VALUES ('twice', 1), (NULL, 2), ('twice', 1)",
)
DAMAGE = {
    "a lost row": ("DELETE FROM copy.thing WHERE id = 2", "thing: (2,) is missing"),
    "a row too many": ("INSERT INTO copy.thing (id) VALUES (9)", "thing: (9,) is only in the target"),
    "another text": ("UPDATE copy.thing SET word = 'a b' WHERE id = 1", "thing: (1,): word"),
    "empty for NULL": ("UPDATE copy.thing SET word = '' WHERE id = 3", "thing: (3,): word None became ''"),
    "NULL for empty": ("UPDATE copy.thing SET raw = NULL WHERE id = 2", "thing: (2,): raw b'' became None"),
    "a flag": ("UPDATE copy.thing SET flag = false WHERE id = 1", "thing: (1,): flag 1 became 0"),
    "a cent": ("UPDATE copy.thing SET price = 1.51 WHERE id = 1", "thing: (1,): price"),
    "a float's last bit": ("UPDATE copy.thing SET exact = 0.10000000000000002 WHERE id = 1", "thing: (1,): exact"),
    "a microsecond": ("UPDATE copy.thing SET born = born + interval '1us' WHERE id = 1", "thing: (1,): born"),
    "an hour": ("UPDATE copy.thing SET seen = seen + interval '1h' WHERE id = 1", "thing: (1,): seen"),
    "a sign": ("UPDATE copy.thing SET span = -span WHERE id = 1", "thing: (1,): span"),
    "a label": ("UPDATE copy.thing SET tags = '{a}' WHERE id = 1", "thing: (1,): tags ('a', 'b') became ('a',)"),
    "a byte": ("UPDATE copy.thing SET raw = '\\x00fe' WHERE id = 1", "thing: (1,): raw"),
    "a bit": ("UPDATE copy.thing SET bits = '0111' WHERE id = 1", "thing: (1,): bits 5 became 7"),
    "a value inside json": ("UPDATE copy.thing SET doc = '{\"k\": [1, 2.5]}' WHERE id = 1", "thing: (1,): doc"),
    "two rows swapped": (
        "UPDATE copy.thing SET id = 100 - id WHERE id > 1; UPDATE copy.thing SET id = id - 95 WHERE id > 5",
        "thing: (2,): word '' became None",
    ),
    "a duplicate lost": (
        "DELETE FROM copy.heap WHERE ctid = (SELECT min(ctid) FROM copy.heap WHERE number = 1)",
        "heap: 1 row(s) missing in the target: ('twice', 1)",
    ),
    "a duplicate made": ("INSERT INTO copy.heap VALUES ('twice', 1)", "heap: 1 row(s) only in the target"),
    "a table": ("DROP TABLE copy.heap", "heap: the target has no such table"),
    "a table too many": ("CREATE TABLE copy.other (n int)", "other: the source has no such table"),
    "a column": ("ALTER TABLE copy.heap DROP COLUMN number", "heap: columns"),
    "a key": ("ALTER TABLE copy.thing DROP CONSTRAINT thing_pkey", "thing: key ('id',) became ()"),
}


@pytest.fixture
def sides(
    mariadb_server: mysql.Server,
    postgres_server: postgres.Server,
    mysql_database: Callable[[mysql.Server], str],
    postgres_database: Callable[[], str],
) -> Iterator[tuple[Side, Side]]:
    """The same rows twice, written by hand in the words of each engine."""
    name, other = mysql_database(mariadb_server), postgres_database()
    source = mysql_connection(mariadb_server, name, init_command="SET time_zone = '+00:00'")
    target = postgres_connection(postgres_server, other)
    with contextlib.closing(source), contextlib.closing(target):
        for statement in _SOURCE:
            rows(source, statement)
        for statement in ("CREATE SCHEMA copy", *_TARGET):
            rows(target, statement)
        yield (
            Side(engine="mysql", connection=source, schema=name),
            Side(engine="postgres", connection=target, schema="copy"),
        )


def test_copies_are_equal(sides: tuple[Side, Side]) -> None:
    assert differences(*sides) == []
    assert count(sides[0]) == count(sides[1]) == 6


@pytest.mark.parametrize("engines", ["two", "one"])
def test_all_damage_is_found(sides: tuple[Side, Side], engines: str) -> None:
    source, target = sides
    if engines == "one":  # the undamaged copy moves aside, to be compared with as its own text
        rows(target.connection, "ALTER SCHEMA copy RENAME TO original")
        source = Side(engine="postgres", connection=target.connection, schema="original")
        rows(target.connection, "CREATE SCHEMA copy")
        for statement in _TARGET:
            rows(target.connection, statement)
    assert differences(source, target) == []
    target.connection.autocommit = False
    missed = []
    for what, (statement, wanted) in DAMAGE.items():
        rows(target.connection, statement)
        found = differences(source, target)
        if not found or (engines == "two" and wanted not in "\n".join(found)):
            missed.append(f"{what}: {found}")
        target.connection.rollback()
    assert not missed, "\n".join(missed)
