"""Sessions that read: one consistent transaction each, and where the log was."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import pymysql
from pymysql.constants import ER

from landbridge.endpoints.mysql.connection import Database, closing, driver_errors
from landbridge.endpoints.mysql.log.binlog import position
from landbridge.endpoints.mysql.processlist import threads
from landbridge.endpoints.mysql.read.wire import forsake
from landbridge.errors import Transient, Unsupported
from landbridge.model import Position

PATIENCE = 10.0
"""Seconds within which a snapshot with an exact position must be had."""

_PAUSE = 3600
"""Seconds the server lets us pause reading rows, while the target is busy with the ones before."""

_LOCK_WAIT = 1
"""Seconds to wait for the global read lock: all writers wait as long."""


_SETTINGS = ("sql_select_limit = 18446744073709551615", "sql_big_selects = 1", f"net_write_timeout = {_PAUSE}")
"""A server's own limits would cut a result short, the first of them without a word."""

_NO_TIMEOUT = {True: "max_statement_time = 0", False: "max_execution_time = 0, information_schema_stats_expiry = 0"}
"""By whether the server is MariaDB. MySQL shows statistics of the day before if it is let."""


@contextmanager
def reading(db: Database) -> Iterator[Any]:
    """A session that hands out every value as bytes, before its transaction."""
    with driver_errors(db.ref), closing(db.open()) as connection:
        with connection.cursor() as cursor:
            cursor.execute("set session transaction isolation level repeatable read")
            cursor.execute("set session " + ", ".join((*_SETTINGS, _NO_TIMEOUT[db.is_mariadb(connection)])))
        connection.decoders, connection.use_unicode = {}, False
        try:
            yield connection
        finally:
            forsake(connection)


def query(connection: Any, sql: str, parameters: Sequence[Any] | None = None) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return list(cursor.fetchall())


def begin(connection: Any) -> None:
    """A snapshot that the first row read will take; its position is known only from above (`log_end`)."""
    query(connection, "start transaction read only")


def begin_consistently(connection: Any) -> None:
    """A snapshot of now."""
    query(connection, "start transaction with consistent snapshot, read only")


def log_end(db: Database, connection: Any) -> Position:
    """The binlog's end: at or past every change that any statement before this one could see."""
    for statement in _log_statements(db, connection):
        try:
            rows = query(connection, statement)
        except pymysql.err.ProgrammingError:
            continue  # a server before 8.2 does not know the first one
        if rows:
            return position(rows[0][0].decode(), int(rows[0][1]))
        break
    raise _no_log(db)


def _log_statements(db: Database, connection: Any) -> tuple[str, ...]:
    if db.is_mariadb(connection):
        return ("show master status",)
    return ("show binary log status", "show master status")


def _no_log(db: Database) -> Unsupported:
    return Unsupported(
        f"{db.ref.engine} at {db.ref.host} writes no binlog, so nothing read from it has a position",
        mend="start the server with log_bin",
    )


def begin_exactly(db: Database, connection: Any) -> Position:
    """
    A snapshot of exactly the transactions that end at or before the position returned. MariaDB says it by itself. MySQL
    does not, so nobody may commit in between: the global read lock is held for some milliseconds, and waited for never
    longer than a second, for all writers wait as long.
    """
    if db.is_mariadb(connection):
        return _begin_on_mariadb(db, connection)
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            return _begin_under_lock(db, connection)
        except pymysql.Error as error:
            if error.args[0] != ER.LOCK_WAIT_TIMEOUT:
                raise
        if time.monotonic() > deadline:
            raise Transient(
                f"no moment to take a snapshot within {PATIENCE:.0f} seconds: {_blockers(connection)}",
                mend="wait until these statements have ended, or end them with KILL",
            )
        time.sleep(0.2)


def _begin_on_mariadb(db: Database, connection: Any) -> Position:
    begin_consistently(connection)
    found = dict(query(connection, "show status like 'binlog_snapshot%'"))
    file, offset = found.get(b"Binlog_snapshot_file", b""), found.get(b"Binlog_snapshot_position", b"")
    if not file:
        raise _no_log(db)
    return position(file.decode(), int(offset))


def _begin_under_lock(db: Database, connection: Any) -> Position:
    query(connection, f"set session lock_wait_timeout = {_LOCK_WAIT}")
    if _long_statements(connection):
        raise pymysql.err.OperationalError(ER.LOCK_WAIT_TIMEOUT, "a statement is older than the wait for the lock")
    query(connection, "flush tables with read lock")
    try:
        begin_consistently(connection)
        return log_end(db, connection)
    finally:
        with suppress(pymysql.Error):
            query(connection, "unlock tables")


def _long_statements(connection: Any) -> list[int]:
    """Other sessions whose statement runs for longer than we would wait: the lock would stop all writers in vain."""
    own = int(query(connection, "select connection_id()")[0][0])
    return [
        each.number
        for each in threads(connection)
        if each.client and each.command in ("Query", "Execute") and each.seconds > _LOCK_WAIT and each.number != own
    ]


def _blockers(connection: Any) -> str:
    found = _long_statements(connection)
    if not found:
        return "the global read lock could not be had in between"
    return "statements run in sessions " + ", ".join(map(str, found))
