"""Exactly once, whatever is killed; held where it is told to; converging to a source that is ahead."""

import itertools
import os
import random
import signal
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from landbridge import apply, apply_session, ledger
from landbridge.batch import BatchWriter
from landbridge.change import DELETE, INSERT, TRUNCATE, UPDATE, Change
from landbridge.endpoints.postgres import server as postgres
from landbridge.errors import Fenced, RowRejected
from landbridge.ledger import layout
from landbridge.model import Position
from landbridge.preparing import Prepared
from tests.engines.applying import RUN, History, Stage, at, in_one_go
from tests.support import rows


@pytest.fixture(params=["plain", pytest.param("packed", marks=pytest.mark.long), "grouped"])
def stage(
    request: pytest.FixtureRequest,
    postgres_server: postgres.Server,
    postgres_database: Callable[[], str],
    session_folder: Path,
) -> Iterator[Stage]:
    folder = Path(tempfile.mkdtemp(dir=session_folder))
    made = Stage(postgres_server, postgres_database(), postgres_database(), folder)
    made.packs, made.groups = request.param != "plain", request.param == "grouped"
    yield made
    made.close()


def item(number: int, name: str = "n", note: bytes | None = None) -> Change:
    return (INSERT, 0, None, (b"%d" % number, name.encode(), note))


@pytest.fixture
def items(stage: Stage) -> Stage:
    stage.on_both("create table items (id int primary key, name text, note text)")
    stage.begin("items")
    return stage


def numbers(stage: Stage) -> list[int]:
    return [number for (number,) in rows(stage.target, "select id from items order by id")]


@pytest.mark.parametrize(
    ("stage", "seed", "keyed"),
    [
        ("packed", 1, False), ("grouped", 2, True), pytest.param("plain", 2, True, marks=pytest.mark.long),
        pytest.param("packed", 3, True, marks=pytest.mark.long),
    ],
    indirect=["stage"],
)  # fmt: skip
def test_exactly_once_whatever_is_killed(stage: Stage, seed: int, keyed: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    for table in History.TABLES:
        stage.on_both(table)
    stage.begin("items", "named", "log")
    history, total, last = History(seed, keyed=keyed), 0, 500
    for number in range(1, last + 1):
        changes, statements = history.transaction()
        total += len(changes)
        large = number % 50 == 0 and len(changes) > 1
        if large:
            stage.spool(number, *changes[:1], last=False)
        stage.spool(number, *(changes[1:] if large else changes))
        in_one_go(stage.source.connection, statements)
    monkeypatch.setattr(apply, "BATCH_BYTES", 4000)
    chance, kills = random.Random(seed), 0
    while stage.row().position < at(last):
        run_and_kill(stage, chance)
        kills += 1
    assert kills > 4
    for table in ("items", "named", "log"):
        assert stage.found(table) == stage.found(table, stage.source.connection), table
    assert stage.row().changes == total


def run_and_kill(stage: Stage, chance: random.Random) -> None:
    """In a child process that ends itself around one of its first steps, or is ended at any moment."""
    begun = stage.row().position
    by_itself = chance.random() < 0.7
    child = os.fork()
    if child == 0:
        try:
            applying = stage.applying()
            if by_itself:
                kill_around(applying.engine, chance.randint(1, 40))
            applying.run_until_stopped()
        finally:
            os._exit(1)  # never returns into pytest
    if not by_itself:
        stage.wait(lambda: stage.row().position > begun)
        time.sleep(chance.uniform(0, 0.05))
        os.kill(child, signal.SIGKILL)
    assert os.waitpid(child, 0)[1] == signal.SIGKILL, "apply ended before it was killed"


def kill_around(engine: sa.Engine, steps: int) -> None:
    """Before or after the position is moved, rows are written, or a transaction commits: `steps` of these from now."""
    left = itertools.count(steps, -1)

    def step(*_: object) -> None:
        if next(left) == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def around(function: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(*arguments: Any, **named: Any) -> Any:
            step()
            result = function(*arguments, **named)
            step()
            return result

        return wrapped

    sa.event.listen(engine, "commit", step)
    ledger.advance = around(ledger.advance)
    BatchWriter.write = around(BatchWriter.write)  # type: ignore[method-assign]
    prepare = BatchWriter.prepare

    def prepared(*arguments: Any) -> Prepared | None:
        made = prepare(*arguments)
        return replace(made, write=around(made.write)) if made else None

    BatchWriter.prepare = prepared  # type: ignore[method-assign]


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> list[tuple[bool, int]]:
    """Batches that had been made ready: whether they fitted, and their changes."""
    seen: list[tuple[bool, int]] = []
    prepare = BatchWriter.prepare

    def prepared(*arguments: Any) -> Prepared | None:
        made = prepare(*arguments)

        def write() -> bool:
            assert made is not None
            seen.append((False, sum(made.counts.values())))
            fitted = made.write()
            seen[-1] = (fitted, sum(made.counts.values()))
            return fitted

        return replace(made, write=write) if made else None

    monkeypatch.setattr(BatchWriter, "prepare", prepared)
    monkeypatch.setattr(apply, "BATCH_BYTES", 4000)
    return seen


def test_batches_are_made_ready_ahead(items: Stage, written: list[tuple[bool, int]]) -> None:
    for number in range(1, 201):
        items.spool(number, item(number), item(1000 + number), (UPDATE, 0, None, (b"%d" % number, b"x", ...)))
    for number in range(201, 301):
        items.spool(number, (DELETE, 0, (b"%d" % (number - 200),), None))
    items.apply(300)
    assert numbers(items) == [*range(101, 201), *range(1001, 1201)]
    assert {name for (name,) in rows(items.target, "select name from items where id < 1000")} == {"x"}
    assert [fitted for fitted, _ in written] == [True] * len(written)
    assert sum(count for _, count in written) == items.row().changes == 700


def test_what_does_not_fit_as_it_was_made_ready_is_divided(stage: Stage, written: list[tuple[bool, int]]) -> None:
    """Two names are exchanged an odd number of times: however that is cut into batches, one of them has an odd number."""
    stage.on_both("create table items (id int primary key, name text unique, note text)")
    stage.begin("items")
    stage.spool(1, item(1, "a"), item(2, "b"))
    stage.apply(1)
    for number in range(2, 203):
        one, other = (b"a", b"b") if number % 2 else (b"b", b"a")
        exchange = [(UPDATE, 0, None, (b"1", b"c", ...)), (UPDATE, 0, None, (b"2", other, ...))]
        stage.spool(number, *exchange, (UPDATE, 0, None, (b"1", one, ...)))
    stage.spool(203, item(3, "d"))
    stage.apply(203)
    assert stage.found("items") == [("(1,b,)",), ("(2,a,)",), ("(3,d,)",)]
    assert stage.row().changes == 606
    assert not all(fitted for fitted, _ in written)


def _altered(writer: BatchWriter) -> None:
    writer.alter(writer.shape(0))


@pytest.mark.parametrize("tidings", [_altered, BatchWriter.learn])
def test_nothing_made_ready_is_written_after_its_table_was_altered_or_read_anew(
    items: Stage,
    written: list[tuple[bool, int]],
    monkeypatch: pytest.MonkeyPatch,
    tidings: Callable[[BatchWriter], None],
) -> None:
    """After the batch was made ready, before it is written."""
    fits = BatchWriter.fits
    stale: list[bool] = []

    def altered(writer: BatchWriter, prepared: Prepared, position: Position) -> bool:
        if not stale:
            with writer._connection.begin():
                tidings(writer)
        stale.append(fits(writer, prepared, position))
        return stale[-1]

    monkeypatch.setattr(BatchWriter, "fits", altered)
    items.spool(1, item(1))
    items.apply(1)
    items.spool(2, item(2))
    items.apply(2)
    assert (stale, written) == ([False, True], [(True, 1)])
    assert numbers(items) == [1, 2]


def test_who_is_overtaken_dies_and_writes_nothing_more(items: Stage) -> None:
    with items.running() as first:
        items.spool(1, item(1))
        items.wait(lambda: items.row().position == at(1))
        with items.running() as second:
            items.wait(lambda: not first.alive)
            assert isinstance(first.error, Fenced)
            items.spool(2, item(2))
            items.wait(lambda: items.row().position == at(2))
            assert second.alive
    assert numbers(items) == [1, 2]


def test_a_zombie_with_a_batch_in_its_hands_is_fenced(items: Stage) -> None:
    """It has read, and knows nothing yet of the other one: the position is the first thing it writes."""
    with items.running() as zombie:
        items.wait(lambda: items.row().epoch == 1)
        blocker = items.engine.connect()
        with blocker.begin():
            ledger.take_over(blocker, RUN)
            items.spool(1, item(1))
            time.sleep(0.2)
        items.wait(lambda: not zombie.alive)
        blocker.close()
    assert isinstance(zombie.error, Fenced)
    assert (numbers(items), items.row().position) == ([], at(0))


def test_nothing_is_written_while_a_table_is_loading(items: Stage) -> None:
    with items.engine.begin() as connection:
        connection.execute(layout.tables.update().values(state="loading"))
    items.spool(1, item(1))
    with items.running() as running:
        time.sleep(0.3)
        assert running.applying.done.state == "loading"
        assert (numbers(items), items.row().epoch) == ([], 0)
        with items.engine.begin() as connection:
            connection.execute(layout.tables.update().values(state="applying"))
        items.wait(lambda: items.row().position == at(1))


def test_apply_holds_exactly_where_it_is_told_to(items: Stage) -> None:
    for number in range(1, 10):
        items.spool(number * 10, item(number * 10))
    items.hold(at(35))
    with items.running() as running:
        assert items.held() == at(35)
        assert numbers(items) == [10, 20, 30]
        items.hold(at(50))
        assert items.held() == at(50)
        assert numbers(items) == [10, 20, 30, 40, 50]
        items.hold(at(40))
        assert items.held() == at(50), "what is applied is said, whatever was asked"
        items.hold(ledger.NOW)
        assert items.held() == at(50)
        assert running.applying.done.state == "held"
        items.hold("")
        items.hold(ledger.NOW)
        position = items.held()
        assert numbers(items)[-1] == int(position, 16)
        items.hold("")
        items.wait(lambda: items.row().position == at(90))
        assert items.row().held == ""


def test_an_answer_never_meets_the_wrong_hold(items: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """The hold is replaced after apply has seen it and before it answers."""
    items.spool(50, item(1))
    items.hold(ledger.NOW)
    advance, seen = ledger.advance, []

    def replaced(*arguments: Any) -> None:
        if not seen:
            items.hold(at(50))
        seen.append(items.row().held)
        advance(*arguments)

    monkeypatch.setattr(ledger, "advance", replaced)
    with items.running():
        assert items.held() == at(50)
    assert set(seen) == {""}


def test_a_hold_past_the_last_transaction_needs_a_heartbeat(items: Stage) -> None:
    items.spool(10, item(1))
    items.hold(at(15))
    with items.running():
        items.wait(lambda: items.row().position == at(10))
        time.sleep(0.2)
        assert items.row().held == ""
        items.spool(20)
        assert items.held() == at(15)


def test_the_history_passed_is_that_of_the_position(items: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where more was read than is applied yet, as a transaction without changes before a hold."""
    monkeypatch.setattr(apply_session, "_HEARTBEAT", 100.0)
    seen, known = [""], apply_session.passed_by
    monkeypatch.setattr(apply_session, "passed_by", lambda *given: seen.append(known(*given)) or seen[-1])
    items.spool(10, item(1), passed="a:1-5")
    with items.running():
        items.wait(lambda: items.row().position == at(10))
        items.spool(20, passed="+a:6")
        items.wait(lambda: seen[-1] == "a:1-5,a:6")
        items.hold(ledger.NOW)
        assert items.held() == at(10)
        assert items.row().passed == "a:1-5"
        items.hold("")
        items.spool(30, item(3), last=False)
        items.spool(31, item(4), passed="+b:1")
        items.wait(lambda: items.row().position == at(31))
        assert items.row().passed == "a:1-5,a:6,b:1"
        items.spool(40, item(5), passed="a:1-7,b:1")
        items.wait(lambda: items.row().position == at(40))
    assert items.row().passed == "a:1-7,b:1"


def test_a_restart_answers_a_hold_again(items: Stage) -> None:
    items.spool(10, item(1))
    items.hold(ledger.NOW)
    for _ in range(2):
        with items.running() as running:
            items.wait(lambda: running.applying.done.state == "held")
            assert items.held() == at(0)
    assert numbers(items) == []


def test_heartbeats_move_the_position_but_not_at_every_beat(items: Stage) -> None:
    with items.running():
        written = "select n_tup_upd from pg_stat_user_tables where relname = 'stream'"
        for number in range(1, 101):
            items.spool(number)
            time.sleep(0.01)
        items.wait(lambda: items.row().position == at(100))
        assert items.row().committed == 1100.0
    items.target.cursor().execute("select pg_stat_clear_snapshot()")
    assert rows(items.target, written)[0][0] < 12


def test_a_large_transaction_shows_when_it_is_whole(items: Stage) -> None:
    items.spool(5, item(1))
    for part in range(2, 6):
        items.spool(10, item(part * 10), item(part * 10 + 1), last=False)
    items.hold(at(5))
    with items.running():
        assert items.held() == at(5)
        assert numbers(items) == [1]
        items.hold("")
        items.spool(10, (DELETE, 0, (b"20",), None), item(99))
        items.spool(11, item(100))
        items.wait(lambda: items.row().position == at(11))
    assert numbers(items) == [1, 21, 30, 31, 40, 41, 50, 51, 99, 100]
    assert items.row().changes == 12


def test_a_lost_connection_costs_nothing(items: Stage) -> None:
    with items.running() as running:
        for number in range(1, 41):
            items.spool(number, item(number))
            if number % 10 == 0:
                ours = "pid <> pg_backend_pid() and application_name = 'landbridge' and datname = current_database()"
                rows(items.target, f"select pg_terminate_backend(pid) from pg_stat_activity where {ours}")
        items.wait(lambda: items.row().position == at(40))
        assert running.alive
    assert numbers(items) == list(range(1, 41))
    assert (items.row().changes, items.row().epoch) == (40, 1)


def test_a_refused_row_stops_apply_before_it(items: Stage) -> None:
    rows(items.target, "insert into items values (3, 'of somebody else', null)")
    items.spool(1, item(1))
    items.spool(2, item(2), item(3))
    items.spool(3, item(4))
    with pytest.raises(RowRejected, match=r"public\.items .* 23505"):
        items.apply(3)
    with items.engine.begin() as connection:
        ((table, reason),) = ledger.rejects(connection, RUN)
    assert (table, "unique violation" in reason) == (0, True)
    assert items.row().position < at(2)
    assert 2 not in numbers(items)
    rows(items.target, "delete from items where id = 3")
    items.apply(3)
    assert numbers(items) == [1, 2, 3, 4]


def test_a_missing_row_stops_apply_once_the_target_is_exact(items: Stage) -> None:
    items.spool(1, item(1))
    items.spool(2, (UPDATE, 0, None, (b"2", b"x", None)))
    with pytest.raises(RowRejected, match="no rows have its key"):
        items.apply(2)


def test_converging_to_a_source_that_is_ahead(stage: Stage) -> None:
    """The target was copied while the source changed; columns that did not change are not in the stream."""
    stage.on_both("create table items (id int primary key, name text, note text)")
    stage.source.run("insert into items values (1, 'one', 'n1'), (12, 'two', 'n2'), (4, 'four', 'n4')")
    rows(stage.target, "insert into items values (4, 'four', 'n4'), (3, 'gone since', 'n3'), (2, 'twö', 'other')")
    stage.begin("items", consistent=at(50))
    stage.spool(10, (UPDATE, 0, None, (b"1", b"one", ...)))
    stage.spool(20, (UPDATE, 0, (b"2",), (b"12", b"two", ...)), (DELETE, 0, (b"5",), None))
    stage.spool(30, (UPDATE, 0, None, (b"3", b"still there", ...)))
    stage.spool(40, (DELETE, 0, (b"3",), None), (UPDATE, 0, None, (b"7", b"gone since", ...)))
    stage.spool(50, item(4, "four", b"n4"))
    with stage.running():
        stage.wait(lambda: stage.row().position >= at(50))
        found = stage.found("items")
        row = stage.row()
        assert found == stage.found("items", stage.source.connection)
        assert row.consistent is not None
        assert row.consistent > at(1000), "the rows read again are of a later position"
        assert stage.writer is not None
        beyond = int(row.consistent, 16) + 1
        stage.spool(beyond)
        stage.wait(lambda: stage.row().position == at(beyond))
    stage.spool(beyond + 1, (UPDATE, 0, None, (b"77", b"x", None)))
    with pytest.raises(RowRejected):
        stage.apply(beyond + 1)


def test_rows_are_read_again_when_going_row_by_row_too(stage: Stage) -> None:
    """A unique name that is there too early makes the batch fail as sets."""
    stage.on_both("create table named (id int primary key, name text unique, note text)")
    stage.source.run("insert into named values (1, 'b', 'long'), (2, 'a', null)")
    rows(stage.target, "insert into named values (1, 'a', 'long'), (2, 'b', null)")
    stage.begin("named", consistent=at(10))
    swap: list[Change] = [
        (UPDATE, 0, None, (b"1", b"?", ...)),
        (UPDATE, 0, None, (b"2", b"a", None)),
        (UPDATE, 0, None, (b"1", b"b", ...)),
        (UPDATE, 0, None, (b"3", b"c", ...)),
    ]
    stage.spool(5, *swap)
    stage.apply(5)
    assert stage.found("named") == stage.found("named", stage.source.connection)


def test_a_table_without_key_starts_after_its_own_snapshot(stage: Stage) -> None:
    stage.on_both("create table log (a int, b text)")
    stage.on_both("create table items (id int primary key, name text, note text)")
    rows(stage.target, "insert into log values (1, 'x'), (1, 'x')")
    stage.begin("items", "log", consistent=at(30), read_at={1: at(20)})
    for number in (10, 20, 30, 40):
        stage.spool(number, (INSERT, 1, None, (b"%d" % number, b"y")), item(number))
    stage.spool(50, (DELETE, 1, (b"1", b"x"), None), (TRUNCATE, 0, None, None), item(5))
    stage.apply(50)
    assert stage.found("log") == [("(1,x)",), ("(30,y)",), ("(40,y)",)]
    assert numbers(stage) == [5]


@pytest.mark.parametrize("made", ["rows", "values"])
def test_a_table_with_a_key_starts_after_its_own_snapshot_too(stage: Stage, made: str) -> None:
    """What it was read with does not count as applied either."""
    stage.on_both("create table items (id int primary key, name text, note text)")
    rows(stage.target, "insert into items values (10, 'n20', null), (20, 'n', null)")
    stage.begin("items", read_at={0: at(20)})
    for number in (10, 20, 30, 40):
        update: Change = (UPDATE, 0, None, (b"10", b"n%d" % number, None))
        stage.spool(number, item(number) if made == "rows" else update)
    stage.apply(40)
    assert numbers(stage) == ([10, 20, 30, 40] if made == "rows" else [10, 20])
    assert rows(stage.target, "select name from items where id = 10") == [("n20" if made == "rows" else "n40",)]
    assert stage.row().changes == 2


def test_unchanged_large_values_stay(items: Stage) -> None:
    rows(items.target, "insert into items values (1, 'a', repeat('long', 10000)), (2, 'b', 'x')")
    items.spool(1, (UPDATE, 0, None, (b"1", b"A", ...)), (UPDATE, 0, (b"2",), (b"22", ..., ...)))
    items.spool(2, (UPDATE, 0, (b"1",), (b"11", b"AA", ...)), (UPDATE, 0, None, (b"22", b"B", ...)))
    items.apply(2)
    found = rows(items.target, "select id, name, note = repeat('long', 10000) from items order by id")
    assert found == [(11, "AA", True), (22, "B", False)]
