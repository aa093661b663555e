"""
Foreign key actions that MariaDB does not log, met before the consistent point: the target's rows are of any mixture of
moments that a load can leave, and become the source's all the same.
"""

import contextlib
import random
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from landbridge import ledger
from landbridge.batch import BatchWriter
from landbridge.change import DELETE, INSERT, UPDATE, Change
from landbridge.endpoints.abc import Changes, Connects
from landbridge.endpoints.mysql import server as mysql
from landbridge.endpoints.postgres import server as postgres
from landbridge.model import Position
from tests.pair import Pair, plan, ref
from tests.support import mysql_connection, postgres_connection, rows

TABLES = (
    "CREATE TABLE parent (id INT PRIMARY KEY, word VARCHAR(9))",
    (
        "CREATE TABLE `chi%sld` (p INT, n INT, word VARCHAR(9), PRIMARY KEY (p, n),"
        " FOREIGN KEY (p) REFERENCES parent (id) ON DELETE CASCADE ON UPDATE CASCADE)"
    ),
    (
        "CREATE TABLE grandchild (id INT PRIMARY KEY, p INT, n INT, INDEX (p, n),"
        " FOREIGN KEY (p, n) REFERENCES `chi%sld` (p, n) ON DELETE CASCADE ON UPDATE CASCADE)"
    ),
    "CREATE TABLE friend (id INT PRIMARY KEY, p INT, FOREIGN KEY (p) REFERENCES parent (id) ON DELETE SET NULL)",
)
BEFORE = (
    "INSERT INTO parent VALUES (1, 'a'), (2, 'b'), (3, 'c'), (4, 'd')",
    "INSERT INTO `chi%sld` VALUES (1, 10, 'x'), (1, 11, 'y'), (2, 20, 'z'), (3, 30, 'u'), (4, 40, 'v')",
    "INSERT INTO grandchild VALUES (100, 1, 10), (101, 1, 11), (200, 2, 20), (300, 3, 30), (400, 4, 40), (500, NULL, 1)",
    "INSERT INTO friend VALUES (1, 4), (2, 2), (3, NULL)",
)
MEANWHILE = (
    "UPDATE parent SET id = 9 WHERE id = 1",
    "DELETE FROM parent WHERE id = 2",
    "DELETE FROM parent WHERE id = 3",
    "INSERT INTO parent VALUES (3, 'again')",
    "INSERT INTO `chi%sld` VALUES (3, 30, 'again')",
)
PARENT, CHILD = "parent", "chi%sld"


def changes(numbers: dict[str, int]) -> list[Change]:
    """What the log holds of it: no word of the children that the server changed itself."""
    return [
        (UPDATE, numbers[PARENT], (b"1",), (b"9", b"a")),
        (DELETE, numbers[PARENT], (b"2",), None),
        (DELETE, numbers[PARENT], (b"3",), None),
        (INSERT, numbers[PARENT], None, (b"3", b"again")),
        (INSERT, numbers[CHILD], None, (b"3", b"30", b"again")),
    ]


PAST: dict[str, tuple[str, ...]] = {
    "parent 1 was there": ("INSERT INTO parent VALUES (1, 'a')",),
    "parent 9 was not": ("DELETE FROM parent WHERE id = 9",),
    "parent 2 was there": ("INSERT INTO parent VALUES (2, 'b')",),
    "parent 3 was the old one": ("UPDATE parent SET word = 'c' WHERE id = 3",),
    "child 1/10 was there": ("INSERT INTO \"chi%sld\" VALUES (1, 10, 'x')",),
    "child 9/10 was not": ('DELETE FROM "chi%sld" WHERE p = 9 AND n = 10',),
    "child 1/11 was there": ("INSERT INTO \"chi%sld\" VALUES (1, 11, 'y')",),
    "child 9/11 was not": ('DELETE FROM "chi%sld" WHERE p = 9 AND n = 11',),
    "child 2/20 was there": ("INSERT INTO \"chi%sld\" VALUES (2, 20, 'z')",),
    "child 3/30 was the old one": ("UPDATE \"chi%sld\" SET word = 'u' WHERE p = 3",),
    "child 3/30 was not there": ('DELETE FROM "chi%sld" WHERE p = 3',),
    "grandchild 100 was 1's": ("UPDATE grandchild SET p = 1 WHERE id = 100",),
    "grandchild 101 was 1's": ("UPDATE grandchild SET p = 1 WHERE id = 101",),
    "grandchild 200 was there": ("INSERT INTO grandchild VALUES (200, 2, 20)",),
    "grandchild 300 was there": ("INSERT INTO grandchild VALUES (300, 3, 30)",),
    "friend 2 was 2's": ("UPDATE friend SET p = 2 WHERE id = 2",),
}
"""Of the target's rows, each may have been read before any of this, whatever the others were."""


class Loaded:
    """The source after all of it, the target loaded from it."""

    def __init__(
        self, source: Any, target: Any, pair: Pair, schema: str, since: Position, numbers: dict[str, int]
    ) -> None:
        self.source, self.target, self.pair, self.schema = source, target, pair, schema
        self.since, self.numbers = since, numbers
        self.wanted = {name: self._rows(source, f"`{name}`") for name in numbers}

    @staticmethod
    def _rows(side: Any, table: str) -> list[tuple[Any, ...]]:
        return sorted(rows(side, f"SELECT * FROM {table}"), key=repr)

    def found(self) -> dict[str, list[tuple[Any, ...]]]:
        return {name: self._rows(self.target, f'"{name}"') for name in self.numbers}

    def apply(self, batches: int) -> None:
        engine = self.pair.target.get(Connects).engine()
        here = self.pair.source.get(Changes).here()
        with engine.connect() as connection:
            with connection.begin():
                ledger.raise_consistent(connection, self.pair.run, here)
            writer = BatchWriter(self.pair.source, self.pair.target, self.pair.run, connection, here, lambda: False)
            all_changes = changes(self.numbers)
            size = -(-len(all_changes) // batches)
            for start in range(0, len(all_changes), size):
                with connection.begin():
                    writer.write(all_changes[start : start + size], self.since, careful=False)
            assert writer.consistent is not None
            assert writer.consistent >= here
            for _ in range(3):  # as long as rows are read again, the target is not there yet
                with connection.begin():
                    writer.close(self.since, writer.consistent)


@pytest.fixture
def loaded(
    mariadb_server: mysql.Server,
    postgres_server: postgres.Server,
    mysql_database: Callable[[mysql.Server], str],
    postgres_database: Callable[[], str],
) -> Iterator[Loaded]:
    database, target_database = mysql_database(mariadb_server), postgres_database()
    source = mysql_connection(mariadb_server, database)
    target = postgres_connection(postgres_server, target_database, options=f"-c search_path={database}")
    with contextlib.closing(source), contextlib.closing(target):
        for statement in (*TABLES, *BEFORE):
            rows(source, statement)
        ends = (ref("mysql", mariadb_server, database), ref("postgres", postgres_server, target_database))
        since: list[Position] = []

        def start(pair: Pair) -> None:
            since.append(pair.source.get(Changes).here())
            for statement in MEANWHILE:
                rows(source, statement)
            with pair.target.get(Connects).engine().begin() as connection:
                ledger.start_stream(connection, pair.run, since[0])

        pair = Pair(plan("cascades", *ends, f"{database}.*"), database, lambda sql: rows(target, sql), start)
        with pair.target.get(Connects).engine().begin() as connection:
            numbers = {t.source.name.name: t.number for t in ledger.tables(connection, pair.run)}
        yield Loaded(source, target, pair, database, since[0], numbers)


def test_the_source_has_done_what_its_log_does_not_say(loaded: Loaded) -> None:
    assert loaded.wanted == loaded.found()
    assert loaded.wanted[CHILD] == [(3, 30, "again"), (4, 40, "v"), (9, 10, "x"), (9, 11, "y")]
    assert loaded.wanted["grandchild"] == [(100, 9, 10), (101, 9, 11), (400, 4, 40), (500, None, 1)]
    assert loaded.wanted["friend"] == [(1, 4), (2, None), (3, None)]


@pytest.mark.parametrize("seed", range(4))
def test_any_mixture_of_moments_becomes_the_source(loaded: Loaded, seed: int) -> None:
    chance = random.Random(seed)
    for turn in range(25):
        past = [what for what in PAST if chance.random() < 0.5]
        for what in past:
            for statement in PAST[what]:
                rows(loaded.target, statement)
        loaded.apply(batches=turn % 5 + 1)
        assert loaded.found() == loaded.wanted, f"the target was of a moment when {past}"
