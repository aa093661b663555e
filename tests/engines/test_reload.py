"""A table that stands still is loaded anew, while it and all others are written to."""

import json
from typing import Any

import pytest

from flows.commands import ddl
from landbridge import ledger, reload
from landbridge.errors import Terminal, Transient
from landbridge.resume import approve
from tests.altered import Altered
from tests.engines.test_ddl import Make, make, writing

__all__ = ["make", "writing"]

SETUP = (
    "create table t (id int primary key, note varchar(10) unique)", "insert into t values (1, 'a'), (2, 'b'), (3, 'c')",
    "create table u (id int primary key)",
)  # fmt: skip


def name(here: Altered) -> str:
    return f"{here.source.schema}.t"


SWAPS = (
    "null where id = 1",
    "'a' where id = 2",
    "'b' where id = 1",
    "null where id = 1",
    "'b' where id = 2",
    "'a' where id = 1",
)
"""Values of a unique column that change places: older changes of them do not fit on newer rows."""


def statement(number: int) -> str:
    if number % 2:
        return f"insert into {'t (id)' if number % 4 == 1 else 'u'} values ({number + 100})"
    return f"update t set note = {SWAPS[(number // 2 - 1) % len(SWAPS)]}"


def newest(here: Altered) -> str:
    """Where the last alteration takes effect, which a catalog tells of later than it happens."""
    with here.engine.begin() as connection:
        return ledger.alterations(connection, here.pair.run)[-1].position


def stopped_at_its_end(here: Altered, monkeypatch: pytest.MonkeyPatch) -> None:
    """As by a kill, too: nothing of it was done."""
    turns = iter((None, Transient("altered meanwhile", mend="again")))

    def refuse(*_: object) -> None:
        if (found := next(turns)) is not None:
            raise found

    monkeypatch.setattr(reload, "refuse_unseen", refuse)
    with pytest.raises(Transient, match="altered meanwhile"):
        reload.reload(here.pair.plan, name(here), "me", "why")
    monkeypatch.undo()
    assert here.states() == ["paused", "captured"]
    assert here.target.run("select id, note from t") == [(7, "of nobody")]


@pytest.mark.parametrize(
    ("source", "target"),
    [pytest.param("mariadb", "postgres_target", marks=pytest.mark.long), ("postgres", "mysql_target"), pytest.param("mysql", "mariadb_target", marks=pytest.mark.long)],
)  # fmt: skip
def test_all_rows_are_read_anew_while_writes_go_on(
    make: Make, writing: Any, monkeypatch: pytest.MonkeyPatch, source: str, target: str
) -> None:
    here = make(source, target, *SETUP)
    with here.replication:
        here.catch_up()
        here.source.run("alter table t add column must int not null default 5", "insert into u values (1)")
        here.source.run(
            "insert into t values (9, 'i', 9)", "alter table t add column later int", "insert into u values (2)"
        )
        here.wait(lambda: here.states() == ["paused", "captured"])
        here.wait(lambda: here.row().position >= newest(here))
        here.target.run("delete from t", "insert into t values (7, 'of nobody')")  # whatever became of it meanwhile
        finish = writing(here.source, statement)
        with pytest.raises(Terminal, match="no column must"):
            reload.reload(here.pair.plan, name(here), "me", "why")
        here.target.run("alter table t add column must int not null default 5", "alter table t add column later int")
        stopped_at_its_end(here, monkeypatch)
        _, copied = reload.reload(here.pair.plan, name(here), "me", "the rows were exchanged")
        assert copied.rows > 4
        here.wait(lambda: here.states() == ["applied", "applied"])
        assert finish() > 0
        here.source.run("insert into t values (4, 'd', 4, 4)")
        here.catch_up()
        here.equal()
        with pytest.raises(Terminal, match="does not stand still"):
            reload.reload(here.pair.plan, name(here), "me", "why")
    assert here.target.run("select id, must, later from t where id < 100 order by id") == [
        (1, 5, None), (2, 5, None), (3, 5, None), (4, 4, 4), (9, 9, None)
    ]  # fmt: skip


def test_an_alteration_that_was_not_seen_when_it_was_read_is_met_again(
    make: Make, capsys: pytest.CaptureFixture[str]
) -> None:
    """The rows were read later than it, in the shape of before: they are not taken for whole."""
    here = make("mariadb", "postgres_target", *SETUP)
    with here.replication:
        here.catch_up()
        here.source.run("alter table t add column must int not null default 5")
        here.wait(lambda: here.states() == ["paused"])
    here.source.run("alter table t add column unseen int", "update t set unseen = 6 where id = 1")
    here.target.run("alter table t add column must int not null default 5")
    reload.reload(here.pair.plan, name(here), "me", "why")
    with here.replication:
        here.wait(lambda: here.states() == ["applied", "paused"])
        with here.engine.begin() as connection:
            (found,) = ledger.standing(connection, here.pair.run)
        assert "load them anew" in found.obstacle
        here.target.run("alter table t add column unseen int")
        with pytest.raises(Terminal, match="were read later than it was altered"):
            approve(here.pair.plan, name(here), "me", "why")
        ddl.approve(here.plan_file(), name(here), by="me", reason="why", reload=True, as_json=True)
        assert json.loads(capsys.readouterr().out)["rows"] == 3
        here.wait(lambda: here.states() == ["applied", "applied"])
        here.equal()
    assert here.target.run("select unseen from t where id = 1") == [(6,)]
