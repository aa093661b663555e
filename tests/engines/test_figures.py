"""What is measured beside capture and apply, against what was done by hand."""

import contextlib
import os
import signal
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from landbridge import ledger
from landbridge.endpoints import connect
from landbridge.endpoints.abc import Changes
from landbridge.endpoints.postgres import server as postgres
from landbridge.figures import CAUGHT_UP, Meter
from landbridge.plan import EndpointRef
from tests.engines.test_replicate import Pair, pair
from tests.support import mysql_connection, postgres_connection, rows

__all__ = ["pair"]

ITEMS = "create table items (id int primary key, note text)"


@pytest.fixture
def fourteen(
    postgres_version: Callable[..., postgres.Server], postgres_database: Callable[..., str]
) -> Iterator[tuple[Any, EndpointRef]]:
    server = postgres_version(14)
    name = postgres_database(server)
    connection = postgres_connection(server, name)
    yield (
        connection,
        EndpointRef(engine="postgres", host=server.host, port=server.port, user=server.user, database=name),
    )
    connection.close()


def test_a_pulse_of_a_log_by_lsn(fourteen: tuple[Any, EndpointRef]) -> None:
    connection, ref = fourteen
    rows(connection, ITEMS)
    changes = connect(ref).get(Changes)
    first = changes.pulse(changes.here())
    assert abs(first.clock - time.time()) < 20
    rows(connection, "select pg_logical_emit_message(false, 'x', repeat('x', 300000))")
    connection.autocommit = False
    rows(connection, "insert into items values (1, 'open')")
    ((pid,),) = rows(connection, "select pg_backend_pid()")
    second = changes.pulse(first.end, changes.here())
    assert second.oldest is not None
    assert second.oldest[1].startswith(f"pid {pid}")
    assert 0 <= second.oldest[0] < 20
    assert second.behind[0] is not None
    assert 300_000 <= second.behind[0] < 1_000_000
    assert second.behind[1] is not None
    assert second.behind[1] < 10_000
    connection.rollback()
    assert f"pid {pid}" not in str(changes.pulse().oldest)


@pytest.mark.parametrize("which", ["mariadb_server", "mysql_server"])
def test_a_pulse_of_a_log_in_files(
    which: str, request: pytest.FixtureRequest, mysql_database: Callable[..., str]
) -> None:
    server = request.getfixturevalue(which)
    database = mysql_database(server)
    ref = EndpointRef(engine="mysql", host=server.host, port=server.port, user=server.user, tls="disable")
    changes = connect(ref).get(Changes)
    with contextlib.closing(mysql_connection(server, database)) as connection:
        rows(connection, "create table items (id int primary key, note mediumtext)")
        before = changes.here()
        rows(connection, "insert into items values (1, repeat('x', 300000))")
        rows(connection, "flush binary logs")
        rows(connection, "begin")
        rows(connection, "insert into items values (2, 'open')")
        time.sleep(0.2)  # the server's list of transactions is a copy, renewed every tenth of a second
        pulse = changes.pulse(before, changes.here())
        ((session,),) = rows(connection, "select connection_id()")
        assert pulse.oldest is not None
        assert pulse.oldest[1] == f"session {session}"
        rows(connection, "rollback")
    assert abs(pulse.clock - time.time()) < 20
    first, second = pulse.behind
    assert first is not None
    assert 300_000 <= first < 320_000
    assert second == 0
    assert changes.pulse(type(before)(before.replace("bin", "gone"))).behind == (None,)


def measuring(pair: Pair) -> Meter:
    return Meter(connect(pair.plan.source), connect(pair.plan.target), pair.run, pair.folder)


def test_every_figure_is_what_was_done(pair: Pair) -> None:
    pair.begin(ITEMS)
    meter = measuring(pair)
    before = meter.measure()
    assert (before.capture.state, before.apply.state, before.spool_bytes, before.tables) == (None, None, None, {})
    with pair.replication:
        for statement in (
            "insert into items select n, 'x' from generate_series(1, 50) n",
            "update items set note = 'y' where id <= 7",
            "delete from items where id > 47",
        ):
            pair.source.run(statement)
        pair.catch_up()
        found = pair.wait(lambda: (now := meter.measure()).tables and now.changes == 60 and now)
        wanted = {"inserts": 50, "updates": 7, "deletes": 3, "truncates": 0}
        pair.wait(lambda: meter.measure().tables == {"public.items": wanted})
        done = time.monotonic()
        idle = pair.wait(lambda: time.monotonic() - done > CAUGHT_UP and meter.measure(), seconds=20)
        assert idle.lag < CAUGHT_UP, "nothing was written, so nothing is behind"
        assert (idle.catch_up, idle.growing) == (0.0, False)
        assert idle.capture.state == "capturing"
        assert idle.log["state"] == "kept"
        assert found.spool_bytes > 0

        with pair.engine.begin() as connection:
            ledger.set_paused(connection, pair.run, "by Ada: a test")
        pair.wait(lambda: meter.measure().apply.state == "paused")
        meter = measuring(pair)  # rates begin anew
        assert meter.measure().capture.rate is None
        pair.source.run("insert into items select n, repeat('z', 1000) from generate_series(100, 599) n")
        late = pair.wait(lambda: (now := meter.measure()).apply.bytes > 500_000 and now.capture.bytes < 100_000 and now)
        assert late.paused == "by Ada: a test"
        assert late.capture.lag < CAUGHT_UP
        assert late.capture.rate > 0
        assert late.apply.rate == 0
        later = pair.wait(lambda: (now := meter.measure()).apply.lag > late.apply.lag + 1 and now, seconds=20)
        assert later.lag >= later.apply.lag
        assert rows(pair.target, "select count(*) from items") == [(47,)]
        with pair.engine.begin() as connection:
            ledger.set_paused(connection, pair.run, "")
        pair.catch_up()
        pair.equal("items")


def test_a_kill_leaves_no_table_with_more_changes_than_there_were(pair: Pair) -> None:
    pair.begin(ITEMS)
    for start in range(0, 90, 30):
        pair.replication.start()
        for n in range(start, start + 30):
            pair.source.run(f"insert into items values ({n}, 'x')")
        pair.wait(lambda start=start: pair.row().changes > start + 10)
        if start < 60:
            os.kill(pair.pid("apply"), signal.SIGKILL)
    pair.catch_up()
    pair.replication.stop()
    with pair.engine.connect() as connection:
        (counted,) = ledger.counts(connection, pair.run).values()
    assert pair.row().changes == 90
    assert 30 <= counted["inserts"] <= 90
