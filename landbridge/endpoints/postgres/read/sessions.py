"""Sessions that read: one consistent transaction each, and where the log was."""

import secrets
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import psycopg2

from landbridge.endpoints.postgres.connection import Database, closing, driver_errors
from landbridge.endpoints.postgres.log.lsn import AS_NUMBER, position
from landbridge.errors import Transient
from landbridge.model import Position

PATIENCE = 10.0
"""Seconds within which a snapshot with an exact position must be had."""

_BEGIN = "begin isolation level repeatable read, read only"


@contextmanager
def reading(db: Database) -> Iterator[Any]:
    """A session in a transaction whose snapshot the first query will take."""
    with driver_errors(db.ref), closing(db.open()) as connection:
        query(connection, _BEGIN)
        yield connection


@contextmanager
def reading_exactly(db: Database) -> Iterator[tuple[Any, Position]]:
    """
    A session whose snapshot shows exactly the transactions that end at or before the position: those that a new logical
    slot will not send. The slot begins at the end of a log record, and it sends what commits by a record after that;
    records do not overlap, so a commit that begins before the position also ends at or before it.
    """
    with driver_errors(db.ref), closing(db.open()) as connection:
        query(connection, _BEGIN)
        with _exported(db) as (snapshot, start):
            query(connection, "set transaction snapshot %s", (snapshot,))
        yield connection, start


def query(connection: Any, sql: str, parameters: Sequence[Any] | None = None) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return list(cursor.fetchall()) if cursor.description else []


def log_end(connection: Any) -> Position:
    """At or past the end of every transaction that any statement before this one could see."""
    return position(query(connection, f"select {AS_NUMBER % 'pg_current_wal_insert_lsn()'}")[0][0])


@contextmanager
def _exported(db: Database) -> Iterator[tuple[str, Position]]:
    """A snapshot to be taken over while this lasts. The slot is temporary: it goes with its session."""
    with closing(db.open_replication()) as connection:
        watch = _Watch(db, connection)
        slot = f"landbridge_view_{secrets.token_hex(8)}"
        with connection.cursor() as cursor, watch:
            cursor.execute(f"CREATE_REPLICATION_SLOT {slot} TEMPORARY LOGICAL pgoutput EXPORT_SNAPSHOT")
            _, start, snapshot, _ = cursor.fetchone()
        high, _, low = start.partition("/")
        yield snapshot, position(int(high, 16) << 32 | int(low, 16))


class _Watch:
    """Cancels the making of a slot that takes too long, and says who holds it up: it waits for every open writer."""

    def __init__(self, db: Database, connection: Any) -> None:
        self._db = db
        self._connection = connection
        self._blockers: list[int] | None = None
        self._timer = threading.Timer(PATIENCE, self._cancel)

    def __enter__(self) -> None:
        self._timer.daemon = True
        self._timer.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: object) -> None:
        self._timer.cancel()
        self._timer.join()
        if self._blockers is None or not isinstance(error, psycopg2.Error):
            return
        who = ", ".join(map(str, self._blockers)) or "unknown"
        raise Transient(
            f"no snapshot within {PATIENCE:.0f} seconds: a transaction that writes is open in session {who}",
            mend="wait until it ends, or end it with pg_terminate_backend; 0 is a prepared transaction",
        ) from None

    def _cancel(self) -> None:
        self._blockers = []
        try:
            with closing(self._db.open()) as connection:
                held = query(connection, "select pg_blocking_pids(%s)", (self._connection.info.backend_pid,))
                self._blockers = list(held[0][0])
        finally:
            self._connection.cancel()
