"""Commits that did not wait for the target's disk, and a target that fails before they are safe."""

import itertools
import os
import signal
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import sqlalchemy as sa

from landbridge import apply_session, ledger
from landbridge.change import INSERT, UPDATE
from landbridge.endpoints.postgres import server as postgres
from landbridge.ledger import layout
from tests.engines.applying import RUN, Stage, at
from tests.support import postgres_connection, rows

_NEVER_BY_ITSELF = (
    "autovacuum=off", "checkpoint_timeout=1d", "bgwriter_lru_maxpages=0", "wal_buffers=16MB", "wal_writer_delay=10s",
)  # fmt: skip
"""With its `walwriter` stopped, the server brings to its disk what a commit waits for, and nothing else."""

_numbers = itertools.count()


@pytest.fixture(scope="module")
def first_started(start_postgres: Callable[..., postgres.Server]) -> postgres.Server:
    return start_postgres(None, *_NEVER_BY_ITSELF)


@pytest.fixture
def stage(first_started: postgres.Server, session_folder: Path) -> Iterator[Stage]:
    server = postgres.running(first_started.folder)
    assert server is not None
    names = [f"relaxed_{next(_numbers)}" for _ in range(2)]
    for name in names:
        postgres.create_database(server, name)
    made = Stage(server, *names, Path(tempfile.mkdtemp(dir=session_folder)))
    made.on_both("create table items (id int primary key, name text)")
    made.begin("items")
    signal_walwriter(made, signal.SIGSTOP)
    yield made
    signal_walwriter(made, signal.SIGCONT)
    made.close()


def signal_walwriter(stage: Stage, which: signal.Signals) -> None:
    ((pid,),) = rows(stage.target, "select pid from pg_stat_activity where backend_type = 'walwriter'")
    os.kill(pid, which)


def kill(stage: Stage) -> None:
    """Its processes end at once with all that they had in memory, as with the machine's power."""
    others = [pid for (pid,) in rows(stage.target, "select pid from pg_stat_activity")]
    server = stage.source.server.pid
    os.kill(server, signal.SIGSTOP)  # the others hear of its end, and something was then still written
    for pid in (*others, server):
        os.kill(pid, signal.SIGKILL)


def start(stage: Stage) -> None:
    server = stage.source.server
    again = postgres.start(server.folder, port=server.port, options=("fsync=off", *_NEVER_BY_ITSELF))
    stage.source.server = again
    stage.target = postgres_connection(again, stage.refs[1].database)
    signal_walwriter(stage, signal.SIGSTOP)


def test_what_a_failure_takes_back_is_applied_again(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apply_session, "_UNSAFE", 1e9)
    monkeypatch.setattr(apply_session.Session, "_settle", lambda _: None)
    stage.spool(1, (INSERT, 0, None, (b"0", b"first")))
    with stage.running() as running:
        stage.wait(lambda: running.applying.done.kept)
        for number in range(2, 200):
            changes = (INSERT, 0, None, (b"%d" % number, b"n")), (UPDATE, 0, None, (b"0", b"%d" % number))
            stage.spool(number, *changes)
        stage.wait(lambda: running.applying.done.position == at(199))
        kill(stage)
    told = running.applying.done.kept
    start(stage)
    assert told is not None
    assert told <= stage.row().position < at(199)
    monkeypatch.undo()
    stage.apply(199)
    assert sorted(rows(stage.target, "select id, name from items")) == [(0, "199"), *((n, "n") for n in range(2, 200))]


def test_nothing_is_let_go_of_before_it_is_safe(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """At each failure the target stands at or past what capture was told; where it stood before does not matter."""
    monkeypatch.setattr(apply_session, "_UNSAFE", 0.2)
    lost = 0
    with written_to(stage):
        for _ in range(4):
            with stage.running() as running:
                before = stage.row().position
                stage.wait(lambda before=before: stage.row().position > before)
                time.sleep(0.5)
                seen = stage.row().position
                kill(stage)
            assert running.error is None
            told = running.applying.done.kept
            start(stage)
            stands = stage.row().position
            assert told is not None
            assert told <= stands
            lost += stands < seen
    assert stage.writer is not None
    end = int(stage.writer.tail, 16)
    stage.apply(end)
    assert lost, "nothing was ever taken back: this shows nothing"
    assert [n for (n,) in rows(stage.target, "select id from items order by id")] == list(range(1, end + 1))


@contextmanager
def written_to(stage: Stage) -> Iterator[None]:
    """One row after the other."""
    done = threading.Event()

    def write() -> None:
        for number in itertools.count(1):
            if done.wait(0.002):
                return
            stage.spool(number, (INSERT, 0, None, (b"%d" % number, b"n")))

    writer = threading.Thread(target=write)
    writer.start()
    try:
        yield
    finally:
        done.set()
        writer.join()


def test_with_the_last_change_the_position_is_safe_soon(stage: Stage) -> None:
    """Whether or not anything comes after: capture may wait for room until then."""
    with stage.running() as running:
        for number in range(1, 20):
            stage.spool(number, (INSERT, 0, None, (b"%d" % number, b"n")))
        stage.wait(lambda: running.applying.done.kept == at(19))
        kill(stage)
    start(stage)
    assert stage.row().position == at(19)


def test_what_another_process_found_is_safe_once_it_goes_by_it(stage: Stage) -> None:
    with stage.engine.begin() as connection:
        values = {"plan_name": "relaxed", "plan_hash": "", "plan": {}, "source": "", "beside": {}, "state": "active"}
        connection.execute(layout.runs.insert().values(run=RUN, **values, created=0.0))
    with stage.engine.begin() as connection:
        connection.execute(sa.text("set local synchronous_commit = off"))
        ledger.advance(connection, RUN, at(0), at(2), 0, 0, 1.0)
    with stage.engine.begin() as connection:
        found = ledger.kept_from(connection, RUN)
        ledger.make_safe(connection, RUN)
    kill(stage)
    start(stage)
    assert found == at(2) == stage.row().position
