"""What a source keeps of its log for us, and when it will not any more."""

import time
from collections.abc import Callable, Iterator
from itertools import groupby
from typing import Any

import pytest

from landbridge.endpoints.abc import Held
from landbridge.endpoints.mysql.changes import ChangeLog as BinaryLog
from landbridge.endpoints.mysql.connection import Database
from landbridge.endpoints.postgres import server as postgres
from landbridge.model import Position
from landbridge.plan import EndpointRef
from tests.engines.capture import RUN, Source, wait_for
from tests.engines.conftest import MakeSource
from tests.support import mysql_connection, rows

NOW = 0.0
"""Where the age is not asked for."""


@pytest.fixture(params=["14", "18"])
def each(
    request: pytest.FixtureRequest, postgres_version: Callable[..., postgres.Server], make_source: MakeSource
) -> Source:
    return make_source(postgres_version(request.param))


def test_a_slot_holds_back_what_was_written_since(each: Source) -> None:
    each.run("create table t (id int primary key)")
    since = each.prepare("t")
    first = each.log.held(RUN, since, NOW)
    each.run("select pg_logical_emit_message(false, 'x', repeat('x', 2000000))")
    second = each.log.held(RUN, since, NOW)
    assert (first.state, first.bytes_left, first.seconds_left) == ("kept", None, None)
    assert 2_000_000 <= second.bytes - first.bytes < 3_000_000
    end = each.log.here()
    with each.log.stream(RUN, since, each.tables) as opened:
        follow = iter(opened)
        while next(follow).position < end:
            pass
        opened.confirm(end)
        each.run("select pg_log_standby_snapshot()" if each.connection.info.server_version >= 160000 else "checkpoint")
        wait_for(
            lambda: (opened.confirm(next(follow).position), each.log.held(RUN, since, NOW).bytes < 2_000_000)[1], 30
        )
    each.log.release(RUN)
    assert each.log.held(RUN, since, NOW) == Held(state="lost")


@pytest.mark.long
def test_a_limited_slot_is_told_before_it_is_lost(start_postgres: Callable[..., postgres.Server]) -> None:
    server = start_postgres("14", "max_slot_wal_keep_size=48MB", "min_wal_size=32MB", "max_wal_size=32MB")
    source = Source(server, "postgres")
    source.run("create table t (id int primary key)")
    since = source.prepare("t")
    seen = [source.log.held(RUN, since, NOW)]
    while seen[-1].state != "lost":
        assert len(seen) < 20
        source.run("select pg_logical_emit_message(false, 'x', 'x'), pg_switch_wal()")
        seen.append(source.log.held(RUN, since, NOW))
        if seen[-1].state == "threatened":
            source.run("checkpoint")
            seen.append(source.log.held(RUN, since, NOW))
    states = [state for state, _ in groupby(one.state for one in seen)]
    assert states in (
        ["kept", "threatened", "lost"],
        ["kept", "lost"],
    )  # a checkpoint of the server's own comes between
    left = [one.bytes_left for one in seen if one.state == "kept"]
    assert all(more is not None and more > 0 for more in left)
    assert left == sorted(left, reverse=True)  # type: ignore[type-var]
    source.connection.close()


@pytest.fixture(params=["mariadb_server", "mariadb11_server", "mysql_server"])
def binary(request: pytest.FixtureRequest) -> Iterator[tuple[Any, BinaryLog]]:
    server = request.getfixturevalue(request.param)
    connection = mysql_connection(server)
    ref = EndpointRef(engine="mysql", host=server.host, port=server.port, user=server.user, tls="disable")
    yield connection, BinaryLog(Database(ref))
    connection.close()


def test_a_binary_log_is_kept_by_age(binary: tuple[Any, BinaryLog]) -> None:
    connection, log = binary
    ((before,),) = rows(connection, "select @@global.binlog_expire_logs_seconds")
    rows(connection, "set global binlog_expire_logs_seconds = 36000")
    try:
        since = log.here()
        newest = log.held(RUN, since, time.time() - 3600)
        rows(connection, "flush binary logs")
        older = log.held(RUN, since, time.time() - 3600)
        old = log.held(RUN, since, time.time() - 36_001)
        unknown = log.held(RUN, since, 0.0)
        rows(connection, "set global binlog_expire_logs_seconds = 0")
        for_ever = log.held(RUN, since, time.time() - 3600)
    finally:
        rows(connection, f"set global binlog_expire_logs_seconds = {before}")
    assert (newest.state, newest.seconds_left, newest.bytes_left) == ("kept", 36_000, None)
    assert older.seconds_left == pytest.approx(32_400, abs=5)
    assert older.bytes > newest.bytes
    assert [one.seconds_left for one in (old, unknown, for_ever)] == [0.0, None, None]
    gone = Position(since.replace("binlog.", "nolog.").replace("-bin.", "-nolog."))
    assert log.held(RUN, gone, time.time()) == Held(state="lost")
