"""Changes that cannot be read from the log: their table stands still until it is loaded anew, all others go on."""

from collections.abc import Callable
from contextlib import closing

import pymysql
import pytest
from pymysql.constants import ER

from landbridge import drift, ledger, reload
from landbridge.endpoints.altering import UNREAD
from landbridge.errors import MigrationError, SchemaDrift, Terminal
from landbridge.resume import approve, go_on
from tests.altered import Altered, End
from tests.engines.capture import wait_for
from tests.engines.test_ddl import Make, make
from tests.engines.test_reload import name
from tests.support import rows

__all__ = ["make"]

SETUP = (
    "create table t (id int primary key, code int not null unique, note varchar(10))",
    "insert into t values (1, 10, 'a'), (2, 20, 'b'), (3, 30, 'c')", "create table u (id int primary key)",
)  # fmt: skip


KEYLESS = ("create table t (id int, code int not null unique, note varchar(10))", *SETUP[1:])


def setup(source: str) -> tuple[str, ...]:
    return SETUP if source == "postgres" else KEYLESS


def spoil(source: End) -> None:
    """From here on updates of t do not say all that must be known."""
    if source.engine == "mysql":
        source.run("set session binlog_row_image = minimal")
    else:
        source.run("alter table t replica identity using index t_code_key")


def mend(source: End) -> None:
    if source.engine == "mysql":
        source.run("set session binlog_row_image = full")
    else:
        source.run("alter table t replica identity default")


def followed(here: Altered, number: int) -> Callable[[], bool]:
    return lambda: here.target.run(f"select count(*) from u where id = {number}") == [(1,)]


@pytest.mark.parametrize(
    ("source", "target"),
    [("mariadb", "postgres_target"), ("postgres", "mysql_target"), ("postgres", "postgres_target")],
)
def test_its_table_stands_still_and_the_others_go_on(make: Make, source: str, target: str) -> None:
    here = make(source, target, *setup(source))
    with here.replication:
        here.catch_up()
        spoil(here.source)
        here.source.run("begin", "insert into u values (1)", "update t set note = 'x' where id < 3")
        here.source.run("update t set note = 'y' where id = 3", "insert into t values (4, 40, 'd')", "commit")
        here.source.run("update t set note = 'z' where id = 1", "insert into u values (2)")
        here.wait(followed(here, 2))
        assert here.history() == [("paused", UNREAD), ("captured", UNREAD)]
        assert here.target.run("select id, note from t order by id") == [(1, "a"), (2, "b"), (3, "c")]
        with pytest.raises(Terminal, match=r"(?s)could not be read.*--reload"):
            approve(here.pair.plan, name(here), "me", "why")
        with pytest.raises(Terminal, match="does not stand still at a refused change"):
            go_on(here.pair.plan, name(here), "me")
    here.source.run("insert into u values (3)")
    with here.replication:  # what was met before it ended is met once more
        here.wait(followed(here, 3))
        mend(here.source)
        here.source.run("insert into u values (4)", "update t set note = 'whole' where id = 2")
        here.wait(followed(here, 4))
        _, copied = reload.reload(here.pair.plan, name(here), "me", "the setting is put right")
        assert copied.rows == 4
        here.source.run("insert into t values (5, 50, 'e')", "update t set note = 'later' where id = 1")
        here.wait(lambda: set(here.states()) == {"applied"})
        here.catch_up()
        here.equal()
    assert here.target.run("select id, note from t order by id") == [
        (1, "later"), (2, "whole"), (3, "y"), (4, "d"), (5, "e")
    ]  # fmt: skip


@pytest.mark.parametrize("target", ["postgres_target", "mysql_target"])
def test_what_a_large_transaction_holds_is_told_once_it_commits(make: Make, target: str) -> None:
    here = make("postgres", target, *SETUP, "alter system set logical_decoding_work_mem = '64kB'")
    try:
        here.source.run("select pg_reload_conf()")
        with here.replication:
            here.catch_up()
            spoil(here.source)
            big = "insert into u select i from generate_series({}, {}) i"
            undone = ("begin", "update t set note = 'no' where id = 1", big.format(1000, 4000), "rollback")
            part = ("savepoint s", "update t set note = 'no' where id = 1", "rollback to savepoint s")
            here.source.run(*undone, "begin", *part, big.format(1000, 4000), "commit")
            here.wait(followed(here, 4000))
            assert here.history() == []
            here.source.run("begin", big.format(5000, 9000), "update t set note = 'n' where id = 1", "commit")
            here.wait(followed(here, 9000))
            assert here.history() == [("paused", UNREAD)]
            mend(here.source)
            here.source.run("update t set note = 'm' where id = 2")
            reload.reload(here.pair.plan, name(here), "me", "why")
            here.wait(lambda: here.states() == ["applied"])
            here.catch_up()
            here.equal()
    finally:
        here.source.run("alter system reset logical_decoding_work_mem", "select pg_reload_conf()")


def prepare(source: End, statement: str) -> None:
    """In a session that ends, as before that it can do nothing else."""
    with closing(source.open()) as session:
        for each in (
            "set session binlog_row_image = minimal",
            "xa start 'a'",
            statement,
            "xa end 'a'",
            "xa prepare 'a'",
        ):
            rows(session, each)


def ended(source: End, how: str) -> bool:
    """False as long as the session that prepared it has not let go of it."""
    try:
        source.run(f"xa {how} 'a'")
    except pymysql.err.OperationalError as error:
        if error.args[0] != ER.XAER_NOTA:
            raise
        return False
    return True


@pytest.mark.parametrize("source", ["mariadb", "mysql"])
def test_what_was_undone_counts_for_nothing(make: Make, source: str) -> None:
    """Where a transaction may yet be undone, in part or as a whole, it is known at its end what is left of it."""
    here = make(source, "postgres_target", *KEYLESS)
    update, late = "update t set note = '{}' where id = {}", "insert into u values ({})"
    with here.replication:
        here.catch_up()
        spoil(here.source)
        part = ("savepoint s", update.format("no", 1), late.format(-1), "rollback to savepoint s")
        here.source.run("begin", late.format(1), *part, late.format(2), "commit")
        prepare(here.source, update.format("no", 1))
        wait_for(lambda: ended(here.source, "rollback"))
        here.source.run(late.format(3))
        here.wait(followed(here, 3))
        assert here.history() == []
        here.source.run("begin", "savepoint s", update.format("x", 2), "savepoint t", late.format(4), "commit")
        here.wait(followed(here, 4))
        assert here.history() == [("paused", UNREAD)]
        prepare(here.source, update.format("x", 1))
        here.source.run(late.format(5))
        here.wait(followed(here, 5))
        assert here.states() == ["paused"]
    with here.replication:  # what was prepared before is looked for in the log
        wait_for(lambda: ended(here.source, "commit"))
        here.source.run(late.format(6))
        here.wait(followed(here, 6))
        assert here.states() == ["paused", "captured"]
        mend(here.source)
        reload.reload(here.pair.plan, name(here), "me", "why")
        here.source.run(update.format("y", 3))
        here.wait(lambda: set(here.states()) == {"applied"})
        here.catch_up()
        here.equal()
    assert {number for (number,) in here.target.run("select id from u")} == {1, 2, 3, 4, 5, 6}


@pytest.mark.parametrize(("source", "target"), [("mariadb", "mysql_target"), ("mariadb", "postgres_target")])
def test_a_large_transaction_of_the_log_tells_it_in_its_part(make: Make, source: str, target: str) -> None:
    """Also where the target's DDL would commit: nothing is to be altered there."""
    here = make(source, target, *KEYLESS)
    big = "insert into u select seq from seq_{}_to_{}"
    with here.replication:
        here.catch_up()
        spoil(here.source)
        update = "update t set note = 'x' where id = {}"
        here.source.run("begin", big.format(1, 12000), update.format(1), big.format(12001, 24000), update.format(2))
        here.source.run("insert into t values (4, 40, 'd')", big.format(24001, 25000), update.format(3), "commit")
        here.wait(followed(here, 25000))
        assert here.target.run("select count(*) from u") == [(25000,)]
        assert here.history() == [("paused", UNREAD)]
        assert here.target.run("select id, note from t order by id") == [(1, "a"), (2, "b"), (3, "c")]
        mend(here.source)
        here.source.run("insert into u values (0)")
        here.wait(followed(here, 0))
        reload.reload(here.pair.plan, name(here), "me", "why")
        here.source.run("insert into t values (5, 50, 'e')")
        here.wait(lambda: here.states() == ["applied"])
        here.catch_up()
        here.equal()


def test_it_is_nothing_where_the_rows_were_read_later(make: Make) -> None:
    """Changes up to where a table was loaded anew are in its rows."""
    here = make("mariadb", "postgres_target", *KEYLESS)
    with here.replication:
        here.catch_up()
        spoil(here.source)
        here.source.run("update t set note = 'x' where id = 1", "insert into u values (1)")
        here.wait(followed(here, 1))
    here.source.run("update t set note = 'unseen' where id = 2")
    mend(here.source)
    reload.reload(here.pair.plan, name(here), "me", "why")
    with here.replication:
        here.catch_up()
        here.source.run("update t set note = 'y' where id = 3")
        here.wait(lambda: here.states() == ["applied", "applied"])
        here.catch_up()
        here.equal()


def test_there_is_an_end_to_it(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drift, "_UNREAD_AT_MOST", 2)
    here = make("mariadb", "postgres_target", *KEYLESS)
    with here.replication:
        here.catch_up()
    spoil(here.source)
    here.source.run(*(f"update t set note = '{number}' where id = 1" for number in range(3)))
    follow = drift.Following(here.pair.source, here.pair.target, _run(here))
    from landbridge.endpoints.abc import Changes

    since = here.row().position
    with (
        pytest.raises(SchemaDrift, match=r"2 transactions of .*t cannot be read, the last: a change of table"),
        here.pair.source.get(Changes).stream(here.pair.run, since, follow.tables(since), "", follow.follow) as stream,
    ):
        for _ in stream:
            pass


def _run(here: Altered) -> ledger.Run:
    with here.engine.begin() as connection:
        found = ledger.read_run(connection, here.pair.run)
    assert found is not None
    return found


def test_keys_that_act_on_other_tables_end_it(make: Make) -> None:
    acting = "create table child (a int not null unique, t int, foreign key (t) references t (id) on delete cascade)"
    here = make("mariadb", "postgres_target", *SETUP, acting)
    with here.replication:
        here.catch_up()
        spoil(here.source)
        here.source.run("insert into child values (1, 1)", "update child set a = 2")
        with pytest.raises(MigrationError, match="whose foreign keys act, has a change that cannot be read"):
            here.wait(lambda: False)
