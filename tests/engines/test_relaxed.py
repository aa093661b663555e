"""Commits that did not wait for the target's disk, and a target that fails before they are safe."""

import itertools
import os
import signal
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from landbridge import apply_session, ledger
from landbridge.change import INSERT, UPDATE
from landbridge.endpoints.postgres import server as postgres
from landbridge.ledger import layout
from tests.engines.applying import RUN, Stage, at
from tests.support import postgres_connection, rows

_NEVER_BY_ITSELF = ("wal_writer_delay=10s", "wal_writer_flush_after=1GB", "autovacuum=off", "checkpoint_timeout=1d")
"""The server brings to its disk what a commit waits for, and nothing else."""


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
    yield made
    made.close()


def fail(stage: Stage) -> None:
    """Its processes end with all that they had in memory, as with the machine's power, and it starts again."""
    server = stage.source.server
    os.kill(server.pid, signal.SIGKILL)
    again = postgres.start(server.folder, port=server.port, options=("fsync=off", *_NEVER_BY_ITSELF))
    stage.source.server = again
    stage.target = postgres_connection(again, stage.refs[1].database)


def test_what_a_failure_takes_back_is_applied_again(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apply_session, "_UNSAFE", 1e9)
    monkeypatch.setattr(apply_session.Session, "_settle", lambda _: None)
    stage.spool(1, (INSERT, 0, None, (b"0", b"first")))
    with stage.running() as running:
        stage.wait(lambda: running.applying.done.kept)
        for number in range(2, 200):
            changes = (INSERT, 0, None, (b"%d" % number, b"n")), (UPDATE, 0, None, (b"0", b"%d" % number))
            stage.spool(number, *changes)
        stage.wait(lambda: stage.row().position == at(199))
        told = running.applying.done
        stage.wait(lambda: running.applying.done.position == at(199))
        assert told.kept is not None
        assert told.kept < at(199)
        fail(stage)
        monkeypatch.undo()
        stage.wait(lambda: running.applying.done.kept == at(199))
    assert running.error is None
    assert sorted(rows(stage.target, "select id, name from items")) == [(0, "199"), *((n, "n") for n in range(2, 200))]


def test_nothing_is_let_go_of_before_it_is_safe(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """At each failure the target stands at or past what capture was told; where it stood before does not matter."""
    monkeypatch.setattr(apply_session, "_UNSAFE", 0.2)
    done = threading.Event()

    def write() -> None:
        number = 0
        while not done.wait(0.002):
            number += 1
            stage.spool(number, (INSERT, 0, None, (b"%d" % number, b"n")))

    writer = threading.Thread(target=write)
    writer.start()
    lost = 0
    try:
        with stage.running() as running:
            for _ in range(4):
                before = stage.row().position
                stage.wait(lambda before=before: stage.row().position > before)
                threading.Event().wait(0.5)
                seen, kept = stage.row().position, running.applying.done.kept
                fail(stage)
                with stage.engine.connect() as connection:
                    stands = ledger.read_stream(connection, RUN).position
                assert kept is not None
                assert kept <= stands
                lost += stands < seen
            done.set()
            writer.join()
            assert stage.writer is not None
            end = stage.writer.tail
            stage.wait(lambda: running.applying.done.kept == end)
    finally:
        done.set()
        writer.join()
    assert running.error is None
    assert lost, "nothing was ever taken back: this shows nothing"
    assert [n for (n,) in rows(stage.target, "select id from items order by id")] == list(range(1, int(end, 16) + 1))


def test_with_the_last_change_the_position_is_safe_soon(stage: Stage) -> None:
    """Whether or not anything comes after: capture may wait for room until then."""
    with stage.running() as running:
        for number in range(1, 20):
            stage.spool(number, (INSERT, 0, None, (b"%d" % number, b"n")))
        stage.wait(lambda: running.applying.done.kept == at(19))
        fail(stage)
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
    fail(stage)
    assert found == at(2) == stage.row().position
