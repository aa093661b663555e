"""The source's tables are altered while a run follows it: between which changes, what is safe, what stands still."""

import json
import random
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from flows.commands import status
from flows.commands.resume import resume
from landbridge import ledger
from landbridge.alarms import judge
from landbridge.altering import Altering
from landbridge.errors import Terminal
from landbridge.evidence import describe, gather, page
from landbridge.figures import Meter
from landbridge.resume import approve, go_on
from landbridge.runfolder import RunFolder
from tests.altered import Altered, End, altered
from tests.support import rows

Make = Callable[..., Altered]

SETUP = ("create table t (id int primary key, note varchar(10))", "insert into t values (1, 'a'), (2, 'b')")


@pytest.fixture
def make(
    request: pytest.FixtureRequest, session_folder: Path, postgres_database: Any, mysql_database: Any
) -> Iterator[Make]:
    """make("mariadb", "postgres_target", *setup): a source, a target, what the source begins with."""
    opened = []

    def end(name: str) -> End:
        family = "postgres" if name.startswith("postgres") else "mysql"
        server = request.getfixturevalue(f"{name}_server")
        return End(server, (postgres_database if family == "postgres" else mysql_database)(server))

    def begin(source: str, target: str, *setup: str, **settings: Any) -> Altered:
        opened.append(altered(end(source), end(target), session_folder, *setup, **settings))
        return opened[-1].__enter__()

    yield begin
    for each in opened:
        each.__exit__(None, None, None)


@pytest.fixture
def writing() -> Iterator[Callable[[End, Callable[[int], str]], Callable[[], int]]]:
    """Writes on and on in a session of its own; what it gives ends that and says how many statements there were."""
    ends = []

    def begin(end: End, statement: Callable[[int], str]) -> Callable[[], int]:
        stop, done = threading.Event(), [0]

        def write() -> None:
            with closing(end.open()) as connection:
                while not stop.wait(0.002):
                    done[0] += 1
                    rows(connection, statement(done[0]))

        thread = threading.Thread(target=write)
        thread.start()

        def finish() -> int:
            stop.set()
            thread.join()
            return done[0]

        ends.append(finish)
        return finish

    yield begin
    for finish in ends:
        finish()


def test_a_column_is_added_while_writes_go_on(make: Make, writing: Any) -> None:
    here = make("mariadb", "postgres_target", *SETUP)
    finish = writing(here.source, lambda n: f"insert into t (id, note) values ({n + 10}, 'n{n}')")
    with here.replication:
        here.catch_up()
        here.source.run("alter table t add column more varchar(20) default 'x' after id")
        here.source.run("update t set more = 'set' where id = 1", "insert into t (id, more) values (3, null)")
        here.wait(lambda: here.states() == ["applied"])
        assert finish() > 0
        here.catch_up()
        here.equal()
    found = here.target.run("select id, note, more from t where id <= 3 order by id")
    assert found == [(1, "a", "set"), (2, "b", "x"), (3, None, None)]


def test_what_is_safe_is_carried_out(make: Make) -> None:
    here = make(
        "mariadb", "postgres_target", "create table t (id int primary key, note varchar(10) not null, size int)",
        "insert into t values (1, 'a', 7)",
    )  # fmt: skip
    with here.replication:
        here.source.run(
            "alter table t modify note varchar(30) null default 'none', change size extent bigint comment 'in bytes'",
            "insert into t values (2, '12345678901234567890', 5000000000), (3, null, null)",
            "create index by_extent on t (extent)",
            "alter table t add column (a int, b decimal(8,2) default 1.5), add index (a), algorithm=inplace",
            "insert into t (id, a, b) values (4, 4, 4.25)",
            "alter table t rename column a to aa, drop index by_extent, alter column b drop default",
            "update t set aa = 5, b = null where id = 4",
            "create table other (x int)", "alter table other add y int not null", "drop table other",
        )  # fmt: skip
        here.catch_up()
        assert set(here.states()) == {"applied"}
        here.equal()
    assert here.columns("t") == ["id", "note", "extent", "aa", "b"]
    assert here.target.run("select * from t where id in (1, 4) order by id") == [
        (1, "a", 7, None, 1.5), (4, "none", None, 5, None)
    ]  # fmt: skip
    indexes = here.target.run("select indexname, indexdef from pg_indexes where tablename = 't' order by 1")
    assert [(name, what.partition(" USING ")[2]) for name, what in indexes] == [
        ("t_a", "btree (aa)"), ("t_pkey", "btree (id)")
    ]  # fmt: skip


def test_a_table_stands_still_until_it_is_approved(make: Make) -> None:
    here = make("mariadb", "postgres_target", *SETUP, "create table u (id int primary key)")
    name = f"{here.source.schema}.t"
    with here.replication:
        here.source.run(
            "alter table t add column must int not null default 0",
            "insert into t values (3, 'c', 3)", "update t set must = 1 where id = 1", "delete from t where id = 2",
            "alter table t add column later int", "update t set later = 9 where id = 3", "insert into u values (1)",
        )  # fmt: skip
        here.catch_up()
        assert here.states() == ["paused", "captured"]
        assert here.target.run("select * from u") == [(1,)]
        assert here.target.run("select * from t order by id") == [(1, "a"), (2, "b")]
        with pytest.raises(Terminal, match=f"does not follow {name}"):
            here.pair.compare()
        with here.engine.begin() as connection:
            evidence = gather(connection, here.pair.plan, here.pair.run, "cutover", 0.0)
        assert f"nothing is switched: 1 ({name})" in describe(evidence)
        assert name in page(evidence)
        with pytest.raises(Terminal, match="no column must integer"):
            approve(here.pair.plan, name, "me", "why")
        here.target.run("alter table t add column must int not null default 0")
        approve(here.pair.plan, name, "me", "made by hand")
        here.wait(lambda: here.states() == ["applied", "applied"])
        here.source.run("insert into t values (4, 'd', 4, 4)")
        here.catch_up()
        here.equal()
    assert here.target.run("select * from t order by id") == [(1, "a", 1, None), (3, "c", 3, 9), (4, "d", 4, 4)]


def test_what_the_stream_does_not_tell_is_found(make: Make) -> None:
    """A PostgreSQL source: alterations with rows behind them, in their own transaction, and with none."""
    here = make("postgres", "postgres_target", *SETUP, "create table u (id int primary key, size int)")
    with here.replication:
        here.source.run(
            "alter table t add column more varchar(20) default 'x'", "insert into t values (3, 'c', null)",
            "begin", "insert into t values (4, 'd', 'm')", "alter table t rename column note to remark",
            "alter table t alter column remark type varchar(40)", "insert into t values (5, repeat('e', 30), 'n')", "commit",
            "alter table u add column silent int", "create index on u (size)", "alter table u alter column size set default 7",
        )  # fmt: skip
        here.wait(lambda: here.columns("u") == ["id", "size", "silent"])
        here.source.run("insert into u values (1)")
        here.catch_up()
        assert set(here.states()) == {"applied"}
        here.equal()
    assert here.target.run("select * from t order by id") == here.source.run("select * from t order by id")
    assert here.columns("t") == ["id", "remark", "more"]
    assert here.target.run("select * from u") == [(1, 7, None)]
    assert here.target.run("select indexname from pg_indexes where indexname = 'u_size_idx'") == [("u_size_idx",)]


@pytest.mark.parametrize(("source", "target"), [("mysql", "mariadb_target"), ("postgres", "mysql_target")])
def test_a_target_that_commits_ddl_by_itself(make: Make, source: str, target: str) -> None:
    here = make(source, target, *SETUP)
    with here.replication:
        here.source.run(
            "alter table t add column more varchar(20) default 'x'", "insert into t values (3, 'c', null)",
            "begin", "insert into t values (4, 'd', 'm')", "alter table t rename column note to remark",
            "insert into t values (5, 'e', 'n')", "commit", "create index i on t (more)",
        )  # fmt: skip
        here.source.run(
            "alter table t alter column remark type varchar(40)" if source == "postgres" else
            "alter table t modify remark varchar(40), add column front bigint first",
            "update t set remark = repeat('long', 10) where id = 5",
        )  # fmt: skip
        here.catch_up()
        here.wait(lambda: set(here.states()) == {"applied"})
        here.equal()
    assert here.columns("t") == ["front"] * (source == "mysql") + ["id", "remark", "more"]
    assert here.target.run("select id, remark, more from t order by id") == [
        (1, "a", "x"), (2, "b", "x"), (3, "c", None), (4, "d", "m"), (5, "long" * 10, "n")
    ]  # fmt: skip


class Killed(Exception):
    """Where a kill would hit."""


@pytest.mark.parametrize("target", ["mysql_target", pytest.param("postgres_target", marks=pytest.mark.long)])
def test_a_kill_between_the_ddl_and_its_position(make: Make, target: str, monkeypatch: pytest.MonkeyPatch) -> None:
    here = make("mariadb", target, *SETUP)
    with here.engine.begin() as connection:
        ledger.set_hold(connection, here.pair.run, ledger.NOW)
    with here.replication:
        here.source.run("alter table t add column more int default 4", "insert into t values (3, 'c', null)")
        here.spooled()
    with here.engine.begin() as connection:
        ledger.set_hold(connection, here.pair.run, "")
    before, applied = here.row().position, Altering._applied if target == "postgres_target" else Altering.write

    def killed(*_: object, **__: object) -> None:
        raise Killed

    monkeypatch.setattr(Altering, applied.__name__, killed)
    with pytest.raises(Killed):
        here.apply_here()
    monkeypatch.undo()
    assert here.row().position == before
    carried_out = target == "mysql_target"  # where a rollback takes no DDL back
    assert (here.states(), "more" in here.columns("t")) == (["begun" if carried_out else "captured"], carried_out)
    with here.replication:
        here.catch_up()
        here.equal()
    assert here.target.run("select * from t order by id") == [(1, "a", 4), (2, "b", 4), (3, "c", None)]
    assert here.states() == ["applied"]


@pytest.mark.parametrize(
    ("source", "target"),
    [("mariadb", "postgres_target"), pytest.param("postgres", "mysql_target", marks=pytest.mark.long)],
)
def test_alterations_whatever_is_killed(make: Make, writing: Any, source: str, target: str) -> None:
    here = make(source, target, *SETUP)
    chance = random.Random(5)
    finish = writing(here.source, lambda n: f"insert into t (id, note) values ({n + 100}, 'n{n}')")
    for number in range(4):
        here.replication.start()
        here.source.run(f"alter table t add column c{number} int default {number}")
        here.source.run(f"update t set c{number} = {number + 10} where id = 1")
        here.linger(chance.random())
        here.kill("capture" if number % 2 else "apply")
    assert finish() > 0
    with here.replication:
        here.catch_up()
        here.equal()
    assert here.target.run("select c0, c1, c2, c3 from t where id < 3 order by id") == [(10, 11, 12, 13), (0, 1, 2, 3)]
    assert here.states() == ["applied"] * 4


def test_another_table_takes_the_name_and_a_column_goes(make: Make) -> None:
    """How tools for online changes end; and what the plan allows to go."""
    here = make(
        "mysql", "mariadb_target", *SETUP, "create table u (id int primary key, a int, b int)",
        "insert into u values (1, 1, 1)", ddl={"drop": "allow"},
    )  # fmt: skip
    name = f"{here.source.schema}.t"
    with here.replication:
        here.source.run(
            "create table ghost like t", "alter table ghost add extra varchar(9) not null default 'new'",
            "insert into ghost (id, note) select * from t", "rename table t to gone, ghost to t",
            "insert into t values (3, 'c', 'x')", "drop table gone", "alter table u drop column a",
            "insert into u values (2, 2)",
        )  # fmt: skip
        here.catch_up()
        assert here.states() == ["paused", "applied"]
        assert here.target.run("select * from u order by id") == [(1, 1), (2, 2)]
        with pytest.raises(Terminal, match=r"no column extra varchar\(9\)"):
            approve(here.pair.plan, name, "me", "why")
        here.target.run("alter table t add extra varchar(9) not null default 'new'")
        approve(here.pair.plan, name, "me", "the tool copied every row")
        here.wait(lambda: here.states() == ["applied", "applied"])
        here.equal()
    assert here.target.run("select * from t order by id") == [(1, "a", "new"), (2, "b", "new"), (3, "c", "x")]


@pytest.mark.long
def test_a_spool_full_of_what_waits_ends_the_run_and_an_approval_lets_it_go_on(make: Make) -> None:
    here = make("postgres", "postgres_target", *SETUP, capture={"spool_gb": 0.0005})
    with here.replication:
        here.source.run(
            "alter table t add column must int not null default 5",
            "insert into t select n, md5(n::text)::varchar(10) from generate_series(10, 9000) n",
        )  # fmt: skip
        here.wait(lambda: here.states() == ["paused"])
        with pytest.raises(Terminal, match="tables that stand still"):
            here.wait(lambda: here.source.run("insert into t select max(id) + 1 from t") and False)
        here.target.run("alter table t add column must int not null default 5")
        approve(here.pair.plan, "public.t", "me", "made by hand")
    with here.replication:
        here.catch_up()
        here.wait(lambda: here.states() == ["applied"])
        here.equal()
    assert here.target.run("select count(*), min(must), max(must) from t") >= [(8993, 5, 5)]


@pytest.mark.parametrize(
    ("source", "target"),
    [("mariadb", "mysql_target"), pytest.param("postgres", "postgres_target", marks=pytest.mark.long)],
)
def test_a_refused_change_stops_its_table_alone(
    make: Make, source: str, target: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """`on_error: pause`, through the processes and by the words, with the table altered behind the refused change."""
    here = make(source, target, *SETUP, "create table u (id int primary key)")
    rule = here.pair.plan.tables[0].model_copy(update={"on_error": "pause"})
    here.use(here.pair.plan.model_copy(update={"tables": (rule,)}))
    name = f"{here.source.schema}.t"
    with here.replication:
        here.catch_up()  # before that a row that is there already is taken for the source's
        here.target.run("insert into t values (3, 'not ours')")
        here.source.run(
            "insert into u values (1)", "insert into t values (3, 'c')", "update t set note = 'later' where id = 1",
            "alter table t add column more int", "insert into t values (4, 'd', 4)", "insert into u values (2)",
        )  # fmt: skip
        here.catch_up()
        assert here.target.run("select * from u order by id") == [(1,), (2,)]
        told = status.collect(here.pair.plan)
        assert [(each["table"], each["statement"]) for each in told["standing"]] == [(name, None)]
        assert {each["source"]: each["state"] for each in told["tables"]}[name] == "paused"
        assert f"then `landbridge resume PLAN --table {name}`" in status.describe(told)
        figures = Meter(here.pair.source, here.pair.target, here.pair.run, RunFolder(here.folder)).measure()
        told_of = {each.alarm: each.found for each in judge(figures, here.pair.plan.alarms, frozenset())}
        assert f"{name} stands still" in told_of["standing"]
        with pytest.raises(Terminal, match=f"does not follow {name}"):
            here.pair.compare()
        with pytest.raises(Terminal, match=f"landbridge resume PLAN --table {name}"):
            approve(here.pair.plan, name, "me", "why")
    with here.replication:  # over restarts
        here.catch_up()
        assert here.target.run("select * from t order by id") == [(1, "a"), (2, "b"), (3, "not ours")]
        here.target.run("delete from t where id = 3")
        resume(here.plan_file(), table=name, as_json=True)
        assert json.loads(capsys.readouterr().out)["table"] == name
        here.wait(lambda: set(here.states()) == {"applied"})
        here.equal()
    found = here.target.run("select * from t order by id")
    assert found == [(1, "later", None), (2, "b", None), (3, "c", None), (4, "d", 4)]
    with pytest.raises(Terminal, match="does not stand still"):
        go_on(here.pair.plan, name, "me")
