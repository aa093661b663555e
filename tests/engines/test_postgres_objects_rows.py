"""Rows of tables that inherit, of partitions of partitions and of unlogged tables: loaded, followed and compared."""

from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import pytest

from landbridge import ledger
from landbridge.change import Change
from landbridge.compaction import RowByRow, Truncation, compact
from landbridge.endpoints.abc import Changes, Connects, Views
from landbridge.endpoints.applying import Applies
from landbridge.endpoints.postgres.log import beats
from landbridge.endpoints.postgres.server import Server
from landbridge.errors import Unsupported
from landbridge.model import EVERYTHING, Position, TableMap
from tests.engines.capture import until
from tests.pair import Pair, plan, ref
from tests.support import postgres_connection, psql, rows

TABLES = """
    CREATE TABLE parent (id integer PRIMARY KEY, v text);
    CREATE TABLE child (extra integer, PRIMARY KEY (id)) INHERITS (parent);
    CREATE TABLE grandchild (more integer, UNIQUE (more)) INHERITS (child);
    CREATE TABLE root (area text, n integer, v text, PRIMARY KEY (area, n)) PARTITION BY LIST (area);
    CREATE TABLE root_a PARTITION OF root FOR VALUES IN ('a') PARTITION BY RANGE (n);
    CREATE TABLE root_a1 PARTITION OF root_a FOR VALUES FROM (0) TO (10);
    CREATE TABLE root_a2 PARTITION OF root_a FOR VALUES FROM (10) TO (20);
    CREATE TABLE root_rest PARTITION OF root DEFAULT;
    ALTER TABLE grandchild REPLICA IDENTITY FULL;
"""
ROWS = """
    INSERT INTO parent VALUES (1, 'p1'), (2, 'p2'), (3, 'p3');
    INSERT INTO child VALUES (1, 'c1', 10), (2, 'c2', 20);
    INSERT INTO grandchild VALUES (1, 'g1', 100, 1000), (3, 'g3', NULL, 1001);
    INSERT INTO root VALUES ('a', 1, 'a1'), ('a', 11, 'a11'), ('b', 1, 'b1'), ('b', 2, 'b2');
"""
CHANGES = """
    UPDATE ONLY parent SET v = 'changed' WHERE id = 1;
    UPDATE ONLY parent SET id = 7 WHERE id = 2;
    DELETE FROM ONLY parent WHERE id = 3;
    UPDATE parent SET v = v || '!' WHERE id = 1;
    DELETE FROM ONLY child WHERE id = 2;
    INSERT INTO child VALUES (2, 'again', 21), (9, 'new', 90);
    UPDATE grandchild SET more = 2000 WHERE id = 3;
    UPDATE root SET n = 12 WHERE area = 'a' AND n = 1;
    UPDATE root SET area = 'b', n = 3 WHERE area = 'a' AND n = 11;
    DELETE FROM root WHERE area = 'b' AND n = 2;
    INSERT INTO root VALUES ('a', 5, 'a5'), ('c', 1, NULL);
"""
EXPECTED = {
    "parent": [(1, "changed!"), (7, "p2")],
    "child": [(1, "c1!", 10), (2, "again", 21), (9, "new", 90)],
    "grandchild": [(1, "g1!", 100, 1000), (3, "g3", None, 2000)],
    "root_a1": [("a", 5, "a5")],
    "root_a2": [("a", 12, "a1")],
    "root_rest": [("b", 1, "b1"), ("b", 3, "a11"), ("c", 1, None)],
}


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(beats, "_BEAT", 0.1)


@pytest.fixture(params=[14, 18])
def source(
    request: pytest.FixtureRequest,
    postgres_version: Callable[[int], Server],
    postgres_database: Callable[..., str],
) -> tuple[Server, str]:
    server = postgres_version(request.param)
    name = postgres_database(server)
    psql(server, name, TABLES + ROWS)
    return server, name


class Followed(Pair):
    """A pair whose source's changes since before the load can be taken over."""

    def __init__(self, source: tuple[Server, str], target: tuple[Server, str]) -> None:
        given = plan("followed", ref("postgres", *source), ref("postgres", *target), "public.*")
        super().__init__(given, "public", lambda sql: None, self._prepare)

    def _prepare(self, pair: Pair) -> None:
        self.tables = self._tables()
        self.start: Position = self.source.get(Changes).prepare(self.run, self.tables)

    def _tables(self) -> list[TableMap]:
        with self.target.get(Connects).engine().begin() as connection:
            return list(ledger.tables(connection, self.run))

    def changes(self) -> Iterator[list[Change]]:
        log = self.source.get(Changes)
        with log.stream(self.run, self.start, self.tables) as opened:
            for transaction in until(opened, log.here()):
                yield transaction.changes

    def apply(self, *, in_sets: bool) -> None:
        keys = {table.number: table.key for table in self.tables}
        everything = [change for changes in self.changes() for change in changes]
        with self.target.get(Connects).engine().connect() as connection:
            writer = self.target.get(Applies).writer(connection, [table.target_side for table in self.tables])
            with connection.begin():
                if not in_sets:
                    assert writer.replay(everything, False) == []
                for step in compact(everything, keys, converge=False) if in_sets else ():
                    if isinstance(step, Truncation):
                        writer.truncate(step.table)
                    elif isinstance(step, RowByRow):
                        writer.replay(step.changes, False)
                    else:
                        assert writer.write(step, False)

    def sums(self, side: str) -> dict[str, Any]:
        end = self.source if side == "source" else self.target
        relations = [table.source_side if side == "source" else table.target_side for table in self.tables]
        with end.get(Views).view() as view:
            return {relation.name.name: view.sum(relation, EVERYTHING) for relation in relations}


def held(server: Server, name: str) -> dict[str, list[tuple[Any, ...]]]:
    """The rows that each table holds itself."""
    with closing(postgres_connection(server, name)) as connection:
        return {table: rows(connection, f"SELECT * FROM ONLY {table} ORDER BY 1, 2") for table in EXPECTED}


@pytest.mark.parametrize("in_sets", [True, False], ids=["sets", "row by row"])
def test_rows_stay_in_their_tables(
    in_sets: bool,
    source: tuple[Server, str],
    postgres_target_server: Server,
    postgres_database: Callable[..., str],
) -> None:
    target = (postgres_target_server, postgres_database(postgres_target_server))
    pair = Followed(source, target)
    assert held(*target) == held(*source)
    psql(*source, CHANGES)
    pair.apply(in_sets=in_sets)
    assert held(*target) == held(*source) == EXPECTED
    assert pair.sums("source") == pair.sums("target")
    psql(*target, "UPDATE ONLY child SET v = 'damaged' WHERE id = 9; UPDATE root_a2 SET v = 'damaged'")
    before, after = pair.sums("source"), pair.sums("target")
    assert {name for name in before if before[name] != after[name]} == {"child", "root"}


def test_a_truncated_parent_keeps_its_children(
    source: tuple[Server, str], postgres_target_server: Server, postgres_database: Callable[..., str]
) -> None:
    target = (postgres_target_server, postgres_database(postgres_target_server))
    pair = Followed(source, target)
    psql(*source, "TRUNCATE ONLY parent; TRUNCATE root")
    pair.apply(in_sets=True)
    found = held(*target)
    assert found == held(*source)
    assert (len(found["parent"]), len(found["child"]), len(found["root_a1"])) == (0, 2, 0)


def test_changes_of_unlogged_tables_cannot_be_followed(
    source: tuple[Server, str], postgres_target_server: Server, postgres_database: Callable[..., str]
) -> None:
    server, name = source
    psql(server, name, "ALTER TABLE root_a2 SET UNLOGGED; CREATE UNLOGGED TABLE fleeting (id integer PRIMARY KEY)")
    target = (postgres_target_server, postgres_database(postgres_target_server))
    with pytest.raises(Unsupported, match=r"unlogged tables cannot be captured: public\.fleeting, public\.root_a2"):
        Followed(source, target)


def test_an_unlogged_table_is_loaded_as_one(
    source: tuple[Server, str], postgres_target_server: Server, postgres_database: Callable[..., str]
) -> None:
    server, name = source
    psql(server, name, "CREATE UNLOGGED TABLE fleeting (id integer PRIMARY KEY); INSERT INTO fleeting VALUES (1), (2)")
    copy = postgres_database(postgres_target_server)
    given = plan("unlogged", ref("postgres", *source), ref("postgres", postgres_target_server, copy), "public.*")
    Pair(given, "public", lambda sql: None)
    with closing(postgres_connection(postgres_target_server, copy)) as connection:
        assert rows(connection, "SELECT id FROM fleeting ORDER BY 1") == [(1,), (2,)]
        kind = "SELECT relpersistence::text FROM pg_class WHERE relname = 'fleeting'"
        assert rows(connection, kind) == [("u",)]
