"""One change that does not go as a set costs its batch little, and stops apply right before its own transaction."""

from collections.abc import Iterable, Iterator
from typing import Any

import pytest
import sqlalchemy as sa

from landbridge import ledger
from landbridge.change import DELETE, INSERT, UPDATE, Change
from landbridge.endpoints.mysql.apply import Writer as MysqlWriter
from landbridge.endpoints.postgres.apply import Writer as PostgresWriter
from landbridge.errors import RowRejected
from landbridge.ledger import layout
from tests.engines.applying import RUN, Stage, at
from tests.engines.test_mysql_exactly_once import stage_of
from tests.support import rows

NUMBER = 3000


@pytest.fixture(params=["postgres_server", "mariadb_server", "mysql_server"])
def stage(request: pytest.FixtureRequest) -> Iterator[Stage]:
    made = stage_of(request.param, request)
    yield made
    made.close()


@pytest.fixture
def replayed(monkeypatch: pytest.MonkeyPatch) -> list[Change]:
    """Every change that goes row by row."""
    seen: list[Change] = []

    def noted(changes: Iterable[Change]) -> Iterator[Change]:
        for change in changes:
            seen.append(change)
            yield change

    for writer in (MysqlWriter, PostgresWriter):
        replay: Any = writer.replay
        monkeypatch.setattr(
            writer, "replay", lambda self, changes, converge, replay=replay: replay(self, noted(changes), converge)
        )
    return seen


def named(number: int, name: str, operation: int = UPDATE) -> Change:
    return (operation, 0, None, (b"%d" % number, name.encode()))


def begin(stage: Stage) -> None:
    stage.source.run("create table named (id int primary key, name varchar(20) unique)")
    rows(stage.target, "create table named (id int primary key, name varchar(20) unique)")
    values = ", ".join(f"({number}, 'n{number}')" for number in range(NUMBER))
    rows(stage.target, f"insert into named values {values}")
    stage.begin("named")


def test_unique_values_that_change_places_leave_the_rest_to_sets(stage: Stage, replayed: list[Change]) -> None:
    begin(stage)
    wanted = {number: f"{'n' if number < 50 else 'm'}{number}" for number in range(NUMBER)}
    for number in range(5, NUMBER // 10):
        stage.spool(number + 1, *(named(each, f"m{each}") for each in range(number * 10, number * 10 + 10)))
    swaps = [(3, 29), (17, 18), (40, 2)]
    for place, (one, other) in enumerate(swaps, 1000):
        stage.spool(place, named(one, "between"), named(other, f"n{one}"), named(one, f"n{other}"))
        wanted[one], wanted[other] = wanted[other], wanted[one]
    stage.apply(1002)
    assert dict(rows(stage.target, "select id, name from named")) == wanted
    assert 0 < len(replayed) <= 2 * 16 * len(swaps)
    assert stage.row().changes == NUMBER - 50 + 9


def test_all_before_the_refused_transaction_is_applied(stage: Stage, replayed: list[Change]) -> None:
    begin(stage)
    for number in range(1, 401):
        first = NUMBER + number * 10
        stage.spool(number, *(named(each, f"n{each}", INSERT) for each in range(first, first + 10)))
    rows(stage.target, f"insert into named values ({NUMBER + 3335}, 'of somebody else')")
    with pytest.raises(RowRejected, match="named"):
        stage.apply(400)
    assert stage.row().position == at(332)
    assert rows(stage.target, "select count(*) from named") == [(NUMBER + 3320 + 1,)]
    assert len(replayed) < 400
    with stage.engine.begin() as connection:
        assert [table for table, _ in ledger.rejects(connection, RUN)] == [0]
    rows(stage.target, f"delete from named where id = {NUMBER + 3335}")
    stage.apply(400)
    assert rows(stage.target, "select count(*) from named") == [(NUMBER + 4000,)]


def test_what_is_refused_can_be_kept_and_the_rest_goes_on(stage: Stage, replayed: list[Change]) -> None:
    begin(stage)
    stage.on_error = "store"
    rows(stage.target, f"insert into named values ({NUMBER + 105}, 'of somebody else'), ({NUMBER + 2000}, 'n3050')")
    for number in range(1, 101):
        first = NUMBER + number * 10
        stage.spool(number, *(named(each, f"n{each}", INSERT) for each in range(first, first + 10)))
    stage.spool(101, (DELETE, 0, (b"99999",), None), named(NUMBER + 50, "later"), named(7, "x" * 30), named(8, "m8"))
    stage.apply(101)
    with stage.engine.begin() as connection:
        changes = connection.execute(sa.select(layout.rejects.c.change)).scalars()
        kept = {(change["operation"], *(change["row"] or change["key"]).values()) for change in changes}
    assert kept == {
        ("insert", f"{NUMBER + 105}", f"n{NUMBER + 105}"),
        ("insert", f"{NUMBER + 50}", "n3050"),
        ("update", f"{NUMBER + 50}", "later"),
        ("delete", "99999"),
        ("update", "7", "x" * 30),
    }
    assert rows(stage.target, "select count(*) from named") == [(NUMBER + 1000 + 2 - 2,)]
    assert rows(stage.target, "select id, name from named where id in (7, 8) order by id") == [(7, "n7"), (8, "m8")]
    with stage.engine.begin() as connection:
        reasons = [reason for _, reason in ledger.rejects(connection, RUN)]
    assert len(reasons) == 5
    assert not any("later" in reason or "xxx" in reason for reason in reasons), "row data stands in the change alone"
    assert len(replayed) < 500
