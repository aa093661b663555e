"""Other sessions of a server of the MySQL family: whatever they run, they are seen, and ended where they must be."""

import contextlib
import socket
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from landbridge.endpoints.mysql.checks import Checker
from landbridge.endpoints.mysql.connection import Database
from landbridge.endpoints.mysql.processlist import clients, threads
from landbridge.endpoints.mysql.read import sessions
from landbridge.endpoints.mysql.scratch import Scratcher
from landbridge.errors import Transient
from landbridge.plan import EndpointRef
from tests.engines.capture import wait_for
from tests.support import mysql_connection, rows

TEXTS = (*(f"{'x' * number}{'€' * 60}" for number in range(3)), "🚀🚀")
"""The server shows 100 bytes of each statement: of the first three one at least ends inside of a character."""


@pytest.fixture(params=["mariadb_server", "mariadb11_server", "mysql_server"])
def server(request: pytest.FixtureRequest) -> Any:
    return request.getfixturevalue(request.param)


@pytest.fixture
def database(server: Any) -> Database:
    return Database(EndpointRef(engine="mysql", host=server.host, port=server.port, user="root"))


@pytest.fixture
def sleeping(server: Any) -> Iterator[set[int]]:
    """The numbers of sessions that run statements no single way of the server's can show."""
    with contextlib.ExitStack() as stack, ThreadPoolExecutor() as pool:
        others = [stack.enter_context(contextlib.closing(mysql_connection(server))) for _ in TEXTS]
        watching = stack.enter_context(contextlib.closing(mysql_connection(server)))
        numbers = {each.thread_id() for each in others}
        running = [
            pool.submit(rows, each, f"select sleep(60), '{text}'") for each, text in zip(others, TEXTS, strict=True)
        ]
        try:
            wait_for(lambda: numbers <= {each.number for each in threads(watching) if each.command == "Query"})
            yield numbers
        finally:
            for number in numbers:
                rows(watching, f"kill query {number}")
        assert all(each.exception() is None or "interrupted" in str(each.exception()) for each in running)


def test_what_others_run_is_nothing_that_a_check_stumbles_over(database: Database, sleeping: set[int]) -> None:
    found = list(Checker(database).check_source([], "read-only"))
    assert "freeze-replica" not in {each.name for each in found}


def test_long_statements_are_waited_for_and_named(
    database: Database, sleeping: set[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sessions, "PATIENCE", 0)
    with contextlib.closing(database.open()) as connection:
        wait_for(lambda: all(each.seconds > 1 for each in threads(connection) if each.number in sleeping))
    if database.is_mariadb(connection):
        return  # it says exact positions without a lock
    with sessions.reading(database) as connection, pytest.raises(Transient) as raised:
        sessions.begin_exactly(database, connection)
    assert f"statements run in sessions {', '.join(map(str, sorted(sleeping)))}" in str(raised.value)


def test_a_session_that_is_only_logging_in_is_a_client(server: Any) -> None:
    """A freeze counts on it: whoever that will be may have rights from before."""
    with (
        contextlib.closing(mysql_connection(server)) as connection,
        socket.create_connection((server.host, server.port)) as coming,
    ):
        coming.recv(1)
        wait_for(lambda: "unauthenticated user" in [each.user for each in clients(connection)])


def test_the_place_of_a_rehearsal_is_dropped_under_those_who_are_in_it(
    server: Any, database: Database, sleeping: set[int], mysql_database: Callable[..., str]
) -> None:
    other, name = mysql_database(server), f"{mysql_database(server)}_try"
    Scratcher(database).make(name, "mark")
    with (
        contextlib.closing(mysql_connection(server, name, autocommit=False)) as inside,
        contextlib.closing(mysql_connection(server, other)) as outside,
    ):
        rows(inside, "select * from landbridge_rehearsal")
        Scratcher(database).drop(name)
        assert Scratcher(database).mark(name) is None
        with pytest.raises(Exception, match=r"Lost connection|gone away|killed"):
            rows(inside, "select 1")
        assert rows(outside, "select 1") == [(1,)]
