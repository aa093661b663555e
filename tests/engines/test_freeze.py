"""Freezing real sources under real writers: after freeze() returns, no row may change."""

import contextlib
import itertools
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg2
import pymysql
import pytest

from landbridge.endpoints import connect
from landbridge.endpoints.abc import Changes, Describes, Freezes
from landbridge.endpoints.mysql.connection import Database as MysqlDatabase
from landbridge.endpoints.mysql.freeze import Freezer as MysqlFreezer
from landbridge.endpoints.postgres.connection import Database as PostgresDatabase
from landbridge.endpoints.postgres.freeze import Freezer as PostgresFreezer
from landbridge.errors import Terminal, Unsupported
from landbridge.plan import EndpointRef
from tests.engines.checking import maps
from tests.support import mysql_connection, postgres_connection, rows

SOURCES = ["mariadb_server", "mariadb11_server", "mysql_server", "postgres_server", "postgres_15"]
RUN = "run-1"


class Source:
    """A database with one table, a login `app` for the application, and root or postgres as our own."""

    def __init__(self, server: Any, database: str, engine: str) -> None:
        self.server, self.database, self.engine = server, database, engine
        self.app = f"app_{database}"
        self.ref = EndpointRef(engine=engine, host=server.host, port=server.port, user=server.user, database=database)
        if engine == "mysql":
            self.admin("create table t (id int auto_increment primary key, n int not null)")
            self.admin(f"create user {self.app}@'127.0.0.1'")
            self.admin(f"grant all on `{database}`.* to {self.app}@'127.0.0.1'")
        else:
            self.admin("create table t (id int generated always as identity primary key, n int not null)")
            self.admin(f"create role {self.app} login")
            self.admin(f"grant all on t to {self.app}")

    def freezer(self, patience: float = 10) -> Any:
        if self.engine == "mysql":
            return MysqlFreezer(MysqlDatabase(self.ref), patience)
        return PostgresFreezer(PostgresDatabase(self.ref), patience)

    def open(self, **settings: Any) -> Any:
        """The application's session, in its own transaction mode."""
        place = {"host": self.server.host, "port": self.server.port, "user": self.app, "database": self.database}
        if self.engine == "mysql":
            return pymysql.connect(**place | settings, autocommit=False)
        return psycopg2.connect(**place | settings)

    def admin(self, sql: str) -> list[tuple[Any, ...]]:
        if self.engine == "mysql":
            connection = mysql_connection(self.server, self.database)
        else:
            connection = postgres_connection(self.server, self.database, options="-c default_transaction_read_only=off")
        with contextlib.closing(connection):
            return rows(connection, sql)

    def numbers(self) -> set[int]:
        return {row[0] for row in self.admin("select n from t")}

    def clear(self) -> None:
        self.freezer().thaw(RUN, "read-only", ())
        if self.engine == "mysql":
            self.admin("set global read_only = off")
            self.admin(f"drop user {self.app}@'127.0.0.1'")
            self.admin("drop database if exists landbridge")
        else:
            self.admin(f'alter database "{self.database}" reset default_transaction_read_only')
            self.admin(f"drop owned by {self.app}")
            self.admin(f"drop role {self.app}")


@pytest.fixture(params=SOURCES)
def source(
    request: pytest.FixtureRequest, mysql_database: Callable[..., str], postgres_database: Callable[..., str]
) -> Iterator[Source]:
    if request.param == "postgres_15":
        server = request.getfixturevalue("postgres_version")(15)
    else:
        server = request.getfixturevalue(request.param)
    engine = "postgres" if request.param.startswith("postgres") else "mysql"
    made = Source(server, (postgres_database if engine == "postgres" else mysql_database)(server), engine)
    yield made
    made.clear()


class Writers:
    """Threads that insert numbers and know which commits the server confirmed, which it refused, and which it did not
    answer. They connect anew when they are ended, as an application's pool does."""

    def __init__(self, source: Source, count: int = 4) -> None:
        self._source = source
        self._stop = threading.Event()
        self._numbers = itertools.count(1)
        self.confirmed: set[int] = set()
        self.unknown: set[int] = set()
        self._threads = [threading.Thread(target=self._run, args=(pause,)) for pause in (0, 0.001, 0.01, 0.05)[:count]]

    def __enter__(self) -> "Writers":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _run(self, pause: float) -> None:
        while not self._stop.is_set():
            with contextlib.suppress(Exception), contextlib.closing(self._source.open()) as connection:
                while not self._stop.is_set():
                    self._write(connection, pause)
            time.sleep(0.005)

    def _write(self, connection: Any, pause: float) -> None:
        number = next(self._numbers)
        with connection.cursor() as cursor:
            cursor.execute("insert into t (n) values (%s)", (number,))
        time.sleep(pause)
        self.unknown.add(number)
        connection.commit()
        self.confirmed.add(number)


def wait_until(true: Callable[[], bool], seconds: float = 10) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if true():
            return True
        time.sleep(0.02)
    return true()


def test_nothing_changes_once_it_is_frozen_and_all_goes_on_when_thawed(source: Source) -> None:
    freezer = source.freezer()
    with Writers(source) as writers:
        assert wait_until(lambda: len(writers.confirmed) > 50)
        said = freezer.freeze(RUN, "read-only", ())
        frozen = source.numbers()
        confirmed = set(writers.confirmed)
        first = freezer.mark(RUN)
        time.sleep(1)
        assert source.numbers() == frozen
        assert writers.confirmed <= frozen, "a commit was confirmed that is not there"
        assert frozen <= writers.confirmed | writers.unknown
        assert confirmed == writers.confirmed
        freezer.thaw(RUN, "read-only", ())
        assert wait_until(lambda: len(source.numbers()) > len(frozen) + 20)
    assert freezer.mark(RUN) > first
    assert said
    assert all(isinstance(line, str) for line in said)


def test_a_transaction_that_is_open_cannot_commit_any_more(source: Source) -> None:
    with contextlib.closing(source.open()) as older, contextlib.closing(source.open()) as reader:
        rows(older, "insert into t (n) values (1)")
        rows(reader, "select * from t")
        source.freezer().freeze(RUN, "read-only", ())
        with pytest.raises(Exception):  # noqa: B017, PT011 - by whatever name the driver calls a lost connection
            older.commit()
    assert source.numbers() == set()


def test_new_sessions_are_refused_but_may_read(source: Source) -> None:
    source.admin("insert into t (n) values (7)")
    source.freezer().freeze(RUN, "read-only", ())
    with contextlib.closing(source.open()) as connection:
        assert rows(connection, "select n from t") == [(7,)]
        with pytest.raises(Exception, match=r"read-only"):
            rows(connection, "insert into t (n) values (8)")


def test_freezing_again_is_harmless_and_thawing_again_too(source: Source) -> None:
    freezer = source.freezer()
    freezer.thaw(RUN, "read-only", ())
    freezer.freeze(RUN, "read-only", ())
    if source.engine == "mysql":
        source.admin("set global read_only = off")  # as a restart of the server does
    else:
        source.admin(f'alter database "{source.database}" reset default_transaction_read_only')
    freezer.freeze(RUN, "read-only", ())
    freezer.thaw("another-run", "read-only", ())
    with contextlib.closing(source.open()) as connection, pytest.raises(Exception, match="read-only"):
        rows(connection, "insert into t (n) values (1)")
    freezer.thaw(RUN, "read-only", ())
    freezer.thaw(RUN, "read-only", ())
    with contextlib.closing(source.open()) as connection:
        rows(connection, "insert into t (n) values (1)")
        connection.commit()
    assert source.numbers() == {1}


@pytest.mark.parametrize("source", ["mysql_server", "mariadb_server"], indirect=True)
def test_our_login_alone_is_admitted_and_what_a_restart_opened_is_closed_again(source: Source) -> None:
    freezer = source.freezer()
    freezer.freeze(RUN, "read-only", ())
    source.admin("set global read_only = off")  # as a restart of the server does
    freezer.admit("another-run")
    assert source.admin("select @@global.read_only") == [(0,)]
    freezer.admit(RUN)
    source.admin("insert into t (n) values (2)")
    with contextlib.closing(source.open()) as connection, pytest.raises(Exception, match="read-only"):
        rows(connection, "insert into t (n) values (3)")


@pytest.mark.parametrize("source", ["mysql_server", "postgres_server"], indirect=True)
def test_another_process_thaws(source: Source) -> None:
    source.freezer().freeze(RUN, "read-only", ())
    script = (
        "import sys; from landbridge.plan import EndpointRef; from landbridge.endpoints import abc; "
        f"from landbridge.endpoints.{source.engine}.connection import Database; "
        f"from landbridge.endpoints.{source.engine}.freeze import Freezer; "
        "Freezer(Database(EndpointRef.model_validate_json(sys.argv[1]))).thaw(sys.argv[2], 'read-only', ())"
    )
    command = [sys.executable, "-c", script, source.ref.model_dump_json(), RUN]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=Path(__file__).parents[2])
    assert done.returncode == 0, done.stderr
    with contextlib.closing(source.open()) as connection:
        rows(connection, "insert into t (n) values (1)")
        connection.commit()


def test_the_freeze_of_another_run_is_respected(source: Source) -> None:
    source.freezer().freeze(RUN, "read-only", ())
    with pytest.raises(Terminal, match=RUN):
        source.freezer().freeze("another-run", "read-only", ())
    with contextlib.closing(source.open()) as connection, pytest.raises(Exception, match="read-only"):
        rows(connection, "insert into t (n) values (1)")


def test_what_somebody_else_closed_stays_closed(source: Source) -> None:
    if source.engine == "mysql":
        source.admin("set global read_only = on")
    else:
        source.admin(f'alter database "{source.database}" set default_transaction_read_only = on')
    with pytest.raises(Terminal, match="already"):
        source.freezer().freeze(RUN, "read-only", ())
    source.freezer().thaw(RUN, "read-only", ())
    with contextlib.closing(source.open()) as connection, pytest.raises(Exception, match="read-only"):
        rows(connection, "insert into t (n) values (1)")


def test_a_prepared_transaction_is_named_and_the_freeze_undone(source: Source) -> None:
    with contextlib.closing(source.open()) as connection:
        if source.engine == "mysql":
            for statement in ("xa start 'g7'", "insert into t (n) values (1)", "xa end 'g7'", "xa prepare 'g7'"):
                rows(connection, statement)
            end = "xa rollback 'g7'"
        else:
            rows(connection, "insert into t (n) values (1)")
            rows(connection, "prepare transaction 'g7'")
            end = "rollback prepared 'g7'"
    try:
        with pytest.raises(Terminal, match="g7"):
            source.freezer(patience=1).freeze(RUN, "read-only", ())
        with contextlib.closing(source.open()) as connection:
            rows(connection, "insert into t (n) values (2)")
            connection.commit()
    finally:
        source.admin(end)
    source.freezer().freeze(RUN, "read-only", ())
    assert source.numbers() == {2}


def test_a_running_statement_is_ended(source: Source) -> None:
    source.admin("insert into t (n) values (1), (2), (3)")
    sleep = "sleep(10)" if source.engine == "mysql" else "(select 10 from pg_sleep(10))"
    outcome: list[object] = []

    def update() -> None:
        try:
            with contextlib.closing(source.open()) as connection:
                rows(connection, f"update t set n = n + 100 + 0 * {sleep}")
                connection.commit()
                outcome.append("committed")
        except Exception as error:  # noqa: BLE001
            outcome.append(error)

    thread = threading.Thread(target=update)
    thread.start()
    time.sleep(0.5)
    began = time.monotonic()
    source.freezer().freeze(RUN, "read-only", ())
    assert time.monotonic() - began < 8
    thread.join()
    assert outcome[0] != "committed"
    assert source.numbers() == {1, 2, 3}


def test_other_ways_to_freeze_are_refused(source: Source) -> None:
    with pytest.raises(Unsupported):
        source.freezer().freeze(RUN, "by magic", ())
    source.freezer().thaw(RUN, "by magic", ())
    with contextlib.closing(source.open()) as connection:
        rows(connection, "insert into t (n) values (1)")
        connection.commit()


def test_it_is_what_the_registry_gives(source: Source) -> None:
    assert type(connect(source.ref).get(Freezes)) is type(source.freezer())


def test_the_stream_of_an_idle_source_reaches_the_mark(source: Source) -> None:
    endpoint = connect(source.ref)
    schema = source.database if source.engine == "mysql" else "public"
    log = endpoint.get(Changes)
    tables = [replace(one, plain=True) for one in maps(endpoint.get(Describes).describe([schema]).tables)]
    since = log.prepare(RUN, tables)
    try:
        source.admin("insert into t (n) values (7)")
        source.freezer().freeze(RUN, "read-only", ())
        before = log.here()
        mark = source.freezer().mark(RUN)
        assert before <= mark <= log.here()
        deadline = time.monotonic() + 20
        seen = []
        with log.stream(RUN, since, tables) as stream:
            for transaction in stream:
                seen += transaction.changes
                assert time.monotonic() < deadline
                if transaction.position >= mark:
                    break
        assert [change[3][1] for change in seen if change[3]] == [b"7"]
    finally:
        log.release(RUN)


@pytest.mark.parametrize("source", SOURCES[:3], indirect=True)
def test_a_table_lock_is_ended(source: Source) -> None:
    with contextlib.closing(source.open()) as holder:
        rows(holder, "set autocommit = on")
        rows(holder, "lock tables t write")
        said = source.freezer().freeze(RUN, "read-only", ())
        with pytest.raises(pymysql.Error):
            rows(holder, "insert into t (n) values (1)")
    assert any(source.app in line for line in said)


@pytest.mark.parametrize("source", SOURCES[:3], indirect=True)
def test_an_open_xa_transaction_cannot_be_prepared_any_more(source: Source) -> None:
    """Left alone, it could be: MySQL 9.7 prepares and commits it under super_read_only."""
    with contextlib.closing(source.open()) as connection:
        for statement in ("xa start 'g8'", "insert into t (n) values (1)", "xa end 'g8'"):
            rows(connection, statement)
        source.freezer().freeze(RUN, "read-only", ())
        with pytest.raises(pymysql.Error):
            rows(connection, "xa prepare 'g8'")
    assert source.numbers() == set()


@pytest.mark.parametrize("source", SOURCES[:2], indirect=True)
def test_an_account_that_goes_on_writing_is_found_out(source: Source) -> None:
    source.admin(f"grant read_only admin on *.* to {source.app}@'127.0.0.1'")
    with Writers(source) as writers:
        assert wait_until(lambda: len(writers.confirmed) > 50)
        with pytest.raises(Terminal, match=source.app):
            source.freezer(patience=2).freeze(RUN, "read-only", ())
        source.admin(f"revoke read_only admin on *.* from {source.app}@'127.0.0.1'")
        count = len(writers.confirmed)
        assert wait_until(lambda: len(writers.confirmed) > count + 50), "the freeze was not undone"


@pytest.mark.parametrize("source", SOURCES[:2], indirect=True)
def test_events_that_read_only_does_not_stop(source: Source) -> None:
    source.admin("create event ev on schedule every 1 hour do insert into t (n) values (99)")
    source.admin("set global event_scheduler = on")
    try:
        with pytest.raises(Terminal, match=r"\.ev"):
            source.freezer().freeze(RUN, "read-only", ())
    finally:
        source.admin("set global event_scheduler = off")
    source.freezer().freeze(RUN, "read-only", ())


@pytest.mark.parametrize("source", SOURCES[:3], indirect=True)
def test_a_login_with_the_rights_that_precheck_asks_for_freezes(source: Source) -> None:
    login = f"'m_{source.database}'@'127.0.0.1'"
    special = "READ_ONLY ADMIN, CONNECTION ADMIN, BINLOG MONITOR"
    if not rows_say_mariadb(source):
        special = "SYSTEM_VARIABLES_ADMIN, CONNECTION_ADMIN, XA_RECOVER_ADMIN, REPLICATION CLIENT"
    source.admin(f"create user {login}")
    source.admin(f"grant {special}, PROCESS on *.* to {login}")
    source.admin(f"grant SELECT, INSERT, DELETE, CREATE on landbridge.* to {login}")
    freezer = MysqlFreezer(
        MysqlDatabase(source.ref.model_copy(update={"user": f"m_{source.database}", "database": None}))
    )
    try:
        with Writers(source) as writers:
            assert wait_until(lambda: len(writers.confirmed) > 20)
            freezer.freeze(RUN, "read-only", ())
            frozen = source.numbers()
            time.sleep(0.5)
            assert source.numbers() == frozen
            freezer.thaw(RUN, "read-only", ())
            assert wait_until(lambda: len(source.numbers()) > len(frozen))
    finally:
        source.admin(f"drop user {login}")


def rows_say_mariadb(source: Source) -> bool:
    return "MariaDB" in source.admin("select version()")[0][0]


@pytest.mark.parametrize("source", SOURCES[3:], indirect=True)
def test_whoever_turns_the_default_off_is_found_out(source: Source) -> None:
    writing = threading.Event()
    stop = threading.Event()

    def write() -> None:
        while not stop.is_set():
            with (
                contextlib.suppress(psycopg2.Error),
                contextlib.closing(source.open(options="-c default_transaction_read_only=off")) as connection,
            ):
                while not stop.is_set():
                    rows(connection, "insert into t (n) values (1)")
                    connection.commit()
                    writing.set()

    thread = threading.Thread(target=write)
    thread.start()
    try:
        assert writing.wait(10)
        with pytest.raises(Terminal, match=source.app):
            source.freezer(patience=3).freeze(RUN, "read-only", ())
        writing.clear()
        assert writing.wait(10), "the freeze was not undone"
    finally:
        stop.set()
        thread.join()
    source.freezer().freeze(RUN, "read-only", ())


@pytest.mark.parametrize("source", SOURCES[3:], indirect=True)
def test_a_role_with_a_setting_of_its_own_is_named(source: Source) -> None:
    source.admin(f"alter role {source.app} set default_transaction_read_only = off")
    with pytest.raises(Terminal, match=source.app) as caught:
        source.freezer().freeze(RUN, "read-only", ())
    source.admin(caught.value.mend)
    source.freezer().freeze(RUN, "read-only", ())


@pytest.mark.parametrize("source", SOURCES[3:], indirect=True)
def test_a_subscription_is_named(source: Source) -> None:
    source.admin(
        "create subscription sub connection 'host=127.0.0.1 port=1' publication p "
        "with (connect = false, slot_name = 'none_such')"
    )
    try:
        source.freezer().freeze(RUN, "read-only", ())
        source.freezer().thaw(RUN, "read-only", ())
        source.admin("alter subscription sub enable")
        with pytest.raises(Terminal, match="sub") as caught:
            source.freezer().freeze(RUN, "read-only", ())
        source.admin(caught.value.mend)
        source.freezer().freeze(RUN, "read-only", ())
    finally:
        source.admin("alter subscription sub disable")
        source.admin("alter subscription sub set (slot_name = none)")
        source.admin("drop subscription sub")


@pytest.mark.parametrize("source", SOURCES[3:], indirect=True)
def test_the_owner_of_the_database_freezes_and_what_was_set_comes_back(source: Source) -> None:
    owner = f"owner_{source.database}"
    source.admin(f"create role {owner} login in role pg_signal_backend, pg_read_all_stats")
    source.admin(f'alter database "{source.database}" owner to {owner}')
    source.admin(f'alter database "{source.database}" set default_transaction_read_only = off')
    freezer = PostgresFreezer(PostgresDatabase(source.ref.model_copy(update={"user": owner})))
    setting = (
        "select unnest(setconfig) from pg_db_role_setting s join pg_database d on d.oid = setdatabase "
        "where datname = current_database()"
    )
    try:
        with Writers(source) as writers:
            assert wait_until(lambda: len(writers.confirmed) > 50)
            freezer.freeze(RUN, "read-only", ())
            frozen = source.numbers()
            assert source.admin(setting) == [("default_transaction_read_only=on",)]
            time.sleep(0.5)
            assert source.numbers() == frozen
            freezer.thaw(RUN, "read-only", ())
            assert source.admin(setting) == [("default_transaction_read_only=off",)]
            assert wait_until(lambda: len(source.numbers()) > len(frozen))
    finally:
        source.admin(f'alter database "{source.database}" owner to postgres')
        source.admin(f"drop owned by {owner}")
        source.admin(f"drop role {owner}")
