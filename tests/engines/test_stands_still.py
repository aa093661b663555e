"""A change that the target refuses, where the plan says `on_error: pause`: its table stands still, all others go on."""

from collections.abc import Iterator
from typing import Any

import pytest

from landbridge import apply_session, ledger
from landbridge.change import DELETE, INSERT, UPDATE, Change
from landbridge.ledger import Alteration
from landbridge.model import Position
from landbridge.spool import SpoolReader
from tests.engines.applying import RUN, Stage, at
from tests.engines.test_mysql_exactly_once import stage_of
from tests.support import rows

TABLES = (
    "create table named (id int primary key, name varchar(20) unique)",
    "create table other (id int primary key)",
    "create table unkeyed (a int, b varchar(5))",
)


@pytest.fixture(params=["postgres_server", "mysql_server", pytest.param("mariadb_server", marks=pytest.mark.long)])
def stage(request: pytest.FixtureRequest) -> Iterator[Stage]:
    made = stage_of(request.param, request)
    made.on_error = "pause"
    for sql in TABLES:
        made.source.run(sql)
        rows(made.target, sql)
    yield made
    made.close()


def named(number: int, name: str, operation: int = INSERT) -> Change:
    return (operation, 0, None, (b"%d" % number, name.encode()))


def other(number: int) -> Change:
    return (INSERT, 1, None, (b"%d" % number,))


def begin(stage: Stage, **settings: Any) -> None:
    rows(stage.target, "insert into named values (1, 'a'), (2, 'of somebody else')")
    stage.begin("named", "other", "unkeyed", **settings)


def standing(stage: Stage) -> list[Alteration]:
    with stage.engine.begin() as connection:
        return ledger.standing(connection, RUN)


def resume(stage: Stage) -> None:
    with stage.engine.begin() as connection:
        (found,) = ledger.standing(connection, RUN)
        ledger.approve_alteration(connection, RUN, found, "me", "resumed")


def names(stage: Stage) -> list[tuple[Any, ...]]:
    return rows(stage.target, "select id, name from named order by id")


def test_the_table_waits_and_the_others_go_on(stage: Stage) -> None:
    begin(stage)
    stage.spool(1, named(1, "b", UPDATE), other(1))
    stage.spool(2, named(1, "c", UPDATE), other(2), named(2, "x"))  # refused, all of it on that table
    stage.spool(3, named(3, "z"), (DELETE, 0, (b"1",), None), other(3))
    with stage.running() as running:
        stage.wait(lambda: stage.row().position == at(3))
        (found,) = standing(stage)
        assert (found.since, found.state, found.refused, found.table) == (at(1), "paused", True, 0)
        assert "named" in found.obstacle
        assert names(stage) == [(1, "b"), (2, "of somebody else")]
        assert rows(stage.target, "select id from other order by id") == [(1,), (2,), (3,)]
        stage.wait(lambda: running.applying.done.kept == at(1))
        resume(stage)  # nothing is mended: it stands still again
        stage.wait(lambda: standing(stage)[0].state == "paused")
        rows(stage.target, "delete from named where id = 2")
        resume(stage)
        stage.wait(lambda: not standing(stage))
        stage.spool(4, named(4, "d"))
        stage.wait(lambda: stage.row().position == at(4))
        stage.wait(lambda: running.applying.done.kept == at(4))
        assert (stage.row().changes, running.applying.done.changes) == (9, 9)
    assert names(stage) == [(2, "x"), (3, "z"), (4, "d")]


def test_what_was_read_while_it_stood_still_is_not_lost(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Transactions of that table alone move no position at once, and are read when it goes on."""
    monkeypatch.setattr(apply_session, "_HEARTBEAT", 1e9)
    read, asked, seen = SpoolReader.read, [0], dict[Position, int]()

    def watched(self: SpoolReader, max_bytes: int, timeout: float, **how: bool) -> Any:
        asked[0] += 1
        found = read(self, max_bytes, timeout, **how)
        seen.setdefault(self.position, asked[0])
        return found

    monkeypatch.setattr(SpoolReader, "read", watched)
    begin(stage)
    stage.spool(1, named(2, "x"), other(1))
    with stage.running():
        stage.wait(lambda: standing(stage) and stage.row().position == at(1))
        rows(stage.target, "delete from named where id = 2")
        stage.spool(2, named(3, "read meanwhile"))
        stage.wait(lambda: at(2) in seen and asked[0] > seen[at(2)])
        assert stage.row().position == at(1)
        resume(stage)
        stage.wait(lambda: not standing(stage))
        stage.spool(3, named(4, "after"), other(3))
        stage.wait(lambda: stage.row().position == at(3))
    assert names(stage) == [(1, "a"), (2, "x"), (3, "read meanwhile"), (4, "after")]


def test_a_large_transaction_of_several_tables(stage: Stage) -> None:
    begin(stage)
    stage.spool(1, *(other(number) for number in range(100)), named(5, "e"), last=False)
    stage.spool(1, named(2, "x"), other(100), last=False)
    stage.spool(1, named(6, "f"), other(101))
    with stage.running():
        stage.wait(lambda: stage.row().position == at(1))
        assert rows(stage.target, "select count(*) from other") == [(102,)]
        assert names(stage) == [(1, "a"), (2, "of somebody else")]
        rows(stage.target, "delete from named where id = 2")
        resume(stage)
        stage.wait(lambda: not standing(stage))
    assert names(stage) == [(1, "a"), (2, "x"), (5, "e"), (6, "f")]


class Killed(BaseException):
    """Where a kill would hit."""


def test_a_kill_as_soon_as_it_is_noted(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Resumed before anything was written past it, and refused again at the same place; then killed while going on."""
    begin(stage)
    stage.spool(1, named(2, "x"), other(1))

    def killed(*_: object) -> None:
        raise Killed

    monkeypatch.setattr(apply_session.log, "warning", lambda text, *_: killed() if text.startswith("a table") else None)
    for _ in range(2):
        with pytest.raises(Killed):
            stage.apply(1)
        assert stage.row().position == at(0)
        assert [found.since for found in standing(stage)] == [at(0)]
        resume(stage)
    monkeypatch.undo()
    with stage.running():
        stage.wait(lambda: stage.row().position == at(1))
    rows(stage.target, "delete from named where id = 2")
    resume(stage)
    monkeypatch.setattr(apply_session.BatchWriter, "close", killed)
    with stage.running() as running:
        stage.wait(lambda: not running.alive)
    assert isinstance(running.error, Killed)
    monkeypatch.undo()
    assert names(stage) == [(1, "a")]
    with stage.running():
        stage.wait(lambda: not standing(stage))
    assert names(stage) == [(1, "a"), (2, "x")]
    assert rows(stage.target, "select id from other") == [(1,)]


def test_a_table_without_a_key_that_was_read_later(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """What its rows had when they were read does not come again with what waited."""
    monkeypatch.setattr(apply_session, "_HEARTBEAT", 1e9)
    begin(stage, read_at={2: at(2)})
    rows(stage.target, "insert into unkeyed values (1, 'one')")
    stage.spool(2, (INSERT, 2, None, (b"1", b"one")))
    stage.spool(3, (INSERT, 2, None, (b"2", b"too long")), other(1))
    with stage.running():
        stage.wait(lambda: stage.row().position == at(3))
        wider = "alter column b type varchar(20)" if type(stage) is Stage else "modify b varchar(20)"
        rows(stage.target, f"alter table unkeyed {wider}")
        assert [found.since for found in standing(stage)] == [at(0)]
        resume(stage)
        stage.wait(lambda: not standing(stage))
    assert rows(stage.target, "select a, b from unkeyed order by a") == [(1, "one"), (2, "too long")]
