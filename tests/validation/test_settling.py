"""
Rows of a target that is ahead of the position where it is compared, in part: what is newer there is no difference, and
what is wrong there is one.
"""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from landbridge import ledger
from landbridge.model import Position
from tests.altered import Altered
from tests.engines.test_ddl import Make, make
from validation.compare import Comparison, compare
from validation.settle import Settling

__all__ = ["make"]

SETUP = (
    "create table parent (id int primary key)",
    "create table child (id int primary key, parent int, note varchar(10), foreign key (parent) references parent (id))",
    "insert into parent values (1), (2)",
    "insert into child values (1, 1, 'a'), (2, 2, 'b'), (3, null, 'c')",
)


@pytest.fixture
def here(make: Make) -> Altered:
    return make("mariadb", "postgres_target", *SETUP)


def ahead(here: Altered) -> None:
    """As where rows are read again all the time."""
    with here.engine.begin() as connection:
        ledger.raise_consistent(connection, here.pair.run, Position("9" * 10))


def compared(here: Altered, patience: float, once_seen: Callable[[], object] = lambda: None) -> Comparison:
    """once_seen: done when both sides' views are open."""
    pair = here.pair

    def follow() -> None:
        for held in (True, False):
            while bool(here.row().hold) is not held:
                time.sleep(0.005)
        once_seen()

    with ThreadPoolExecutor() as pool:
        following = pool.submit(follow)
        found = compare(pair.source, pair.target, pair.run, here.replication.check, patience=patience)
        following.result(10)
    return found


def test_what_comes_to_agree_is_no_difference(here: Altered) -> None:
    def arrive() -> None:
        here.target.run("insert into parent values (7)", "update child set note = 'b' where id = 2")
        here.target.run("update child set parent = null where id = 3", "delete from parent where id = 7")

    with here.replication:
        here.catch_up()
        ahead(here)
        here.target.run("update child set note = 'newer' where id = 2", "update child set parent = 7 where id = 3")
        found = compared(here, 20, arrive)
    assert found.equal, (found.differences, found.orphans)
    assert {each.table.source.name.name: each.proof for each in found.ranges} == {
        "child": "settled",
        "parent": "checksum",
    }
    assert found.orphans == dict.fromkeys(found.orphans, 0)
    assert len(found.orphans) == 1


def test_what_does_not_is_named(here: Altered) -> None:
    with here.replication:
        here.catch_up()
        ahead(here)
        here.target.run("update child set note = 'wrong' where id = 2", "delete from child where id = 1")
        here.target.run("insert into child values (9, 99, 'x')", "update parent set id = 5 where id = 1")
        found = compared(here, 10)
    named = {(each.table_number, each.key, each.what, each.columns) for each in found.differences}
    child, parent = sorted({each.table.number for each in found.ranges})
    assert named == {
        (child, "2", "different", "note"),
        (child, "1", "missing", ""),
        (child, "9", "extra", ""),
        (parent, "1", "missing", ""),
        (parent, "5", "extra", ""),
    }
    assert not found.equal
    assert list(found.orphans.values()) == [1]


def test_a_target_that_is_not_ahead_is_not_waited_for(here: Altered) -> None:
    with here.replication:
        here.catch_up()
        here.target.run("update child set note = 'newer' where id = 2")
        found = compared(here, 20, lambda: here.target.run("update child set note = 'b' where id = 2"))
    assert not found.equal
    assert [(each.key, each.what) for each in found.differences] == [("2", "different")]


def test_comparing_takes_no_time_of_settling(here: Altered) -> None:
    pair = here.pair
    with here.engine.begin() as connection:
        (child,) = (each for each in ledger.tables(connection, pair.run) if each.source.name.name == "child")
    with here.replication:
        here.catch_up()
        here.target.run("update child set note = 'wrong' where id = 2")
        settling = Settling(pair.source, pair.target, pair.run, here.replication.check, 0.5)
        time.sleep(0.6)
        assert settling.differing(child, [(b"1",), (b"2",), (b"3",)]) == [(b"2",)]
        assert settling.differing(child, [(b"1",)]) == [(b"1",)], "nothing is left"
