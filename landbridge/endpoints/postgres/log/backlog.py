"""
What the slot is far behind with, read in bulk. A walsender gives each message to the kernel by itself, which takes more
than half of its time; by SQL (manual 9.28.6) the same messages come as the rows of one COPY (ADR 0016).

They are read from a copy of the slot that ends with its session. So whatever is killed, the slot stands where it stood:
nothing is forgotten at the source that the target does not hold.
"""

import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

import psycopg2

from landbridge.endpoints.postgres.log.lsn import AS_NUMBER, pg_lsn
from landbridge.endpoints.postgres.names import quote

_FAR, _NEAR = 16 << 20, 2 << 20
"""Bytes of the log from which on it is worth another connection, and at which it ends."""

_LOG, _FIRST, _MESSAGES = 32 << 20, 25_000, 200_000
"""
What one call decodes at most, but for the transaction that passes it: bytes of the log, and messages. The first call
asks for few, so that apply has something soon.
"""

_CALLS = 16
_ROOM, _EACH = 80 << 20, 64
"""Bytes of a chunk in our memory, and those that Python keeps beside a message."""

_BACK = 64 << 20
"""
Each call decodes from the slot's restart_lsn on. Where that lies farther back, or at first half as far as there is to
be read, a walsender is better.
"""

_WORK_MEM = "64MB"
_WAIT, _TELL = 0.25, 10.0
_FIELD, _HEADER = 6, 19
"""COPY's binary format: before a row's only field its number of fields and its length; before all rows a header."""

_PASSING = ("08", "57P")  # SQLSTATE: connection, shutdown

_WORTH = f"""
    select {AS_NUMBER % "pg_catalog.pg_current_wal_insert_lsn()"} - %(since)s > greatest(
            %(far)s, 2 * (%(since)s - {AS_NUMBER % "restart_lsn"})
        )
        and %(since)s - {AS_NUMBER % "restart_lsn"} < %(back)s
        and coalesce(pg_catalog.current_setting('synchronized_standby_slots', true), '') = ''
    from pg_catalog.pg_replication_slots where slot_name = %(name)s
"""  # a copy would not wait for the standbys that the slot waits for
_STATE = f"""
    select {AS_NUMBER % "confirmed_flush_lsn"}, {AS_NUMBER % "restart_lsn"},
        {AS_NUMBER % "pg_catalog.pg_current_wal_insert_lsn()"}
    from pg_catalog.pg_replication_slots where slot_name = %s
"""
_ROWS = """
    copy (
        select data from pg_catalog.pg_logical_slot_get_binary_changes(
            %s, %s, %s, 'proto_version', '1', 'publication_names', %s, 'messages', 'true'
        )
    ) to stdout (format binary)
"""


class TooMuch(Exception):
    """A transaction that does not go into memory."""


class Rows:
    """The file that COPY writes: the driver gives it each row by itself, the first one with the header before it."""

    def __init__(self) -> None:
        self._found: list[bytes] = []
        self._room = _ROOM

    def write(self, row: bytes) -> None:
        self._room -= len(row) + _EACH
        if self._room < 0:
            raise TooMuch
        self._found.append(row[_FIELD:])

    def messages(self) -> list[bytes]:
        """At the end stands what is shorter than a row, the format's trailer."""
        found = self._found
        found[0] = found[0][_HEADER:]
        if found.pop() != b"":
            raise AssertionError("COPY ended without its trailer")
        return found


@dataclass(frozen=True, kw_only=True)
class Chunk:
    """end: up to where the log was decoded. restart: of the copied slot. here: where the log ended."""

    messages: list[bytes]
    end: int
    restart: int
    here: int


def worth(connection: Any, name: str, since: int) -> bool:
    """Whether there is so much of the log past `since` that it should be read so, and the slot can be."""
    with connection.cursor() as cursor:
        cursor.execute(_WORTH, {"name": name, "since": since, "far": _FAR, "back": _BACK})
        found = cursor.fetchone()
    return bool(found and found[0])


def refused(error: psycopg2.Error) -> bool:
    """By the server, as it will be again: for want of a right, a slot, or room."""
    return error.pgcode is not None and not error.pgcode.startswith(_PASSING)


class Backlog:
    """
    Implements stream.Messages; the next chunk is fetched while one is read. It is over when the end of the log is near,
    or a walsender is better from there on; none is ever inside of a transaction. connection: an ordinary one of its
    own. refuse: told why no other Backlog is to be made.
    """

    slow = True

    def __init__(self, connection: Any, name: str, since: int, refuse: Callable[[str], None]) -> None:
        """Raises what the server refuses."""
        self._connection, self._name, self._copy = connection, name, f"landbridge_copy_{connection.info.backend_pid}"
        self._cursor, self._refuse = connection.cursor(), refuse
        self._cursor.execute(f"set work_mem = '{_WORK_MEM}'")  # or the rows would go through the server's disk
        self._cursor.execute("select pg_catalog.pg_copy_logical_replication_slot(%s, %s, true)", (name, self._copy))
        self._advance(self._copy, since)
        self.read: Callable[[], bytes | None] = _nothing
        self.end, self._confirmed, self._told_at = since, 0, time.monotonic()
        self._calls, self._messages = _CALLS, _FIRST
        self._thread = ThreadPoolExecutor(1, "backlog")
        self._coming: Future[Chunk] | None = self._thread.submit(self._fetch, since)

    def wait(self) -> bool:
        if self._coming is None:
            self._tell()
            return False
        try:
            chunk = self._coming.result(_WAIT)
        except TimeoutError:
            return True
        except TooMuch:
            self._refuse("it holds large transactions")
            return False
        except psycopg2.Error as error:
            if not refused(error):
                raise
            self._refuse(str(error.pgcode))
            return False
        self._coming = self._thread.submit(self._fetch, chunk.end) if self._goes_on(chunk) else None
        self.read, self.end = partial(next, iter(chunk.messages), None), chunk.end
        return True

    def _goes_on(self, chunk: Chunk) -> bool:
        self._calls -= 1
        self._messages = min(self._messages * 4, _MESSAGES)
        far = self.end < chunk.end and chunk.here - chunk.end > _NEAR
        return far and chunk.end - chunk.restart < _BACK and self._calls > 0

    def behind(self, lsn: int) -> bool:  # noqa: ARG002
        return False

    def confirm(self, lsn: int) -> None:
        """
        The slot is told now and then, as the server reads the log up to there each time: so it does not hold the log
        for long, however long whoever reads us waits for room.
        """
        self._confirmed = lsn
        if time.monotonic() - self._told_at >= _TELL and (self._coming is None or self._coming.done()):
            self._tell()

    def _tell(self) -> None:
        self._told_at = time.monotonic()
        try:
            self._advance(self._name, self._confirmed)
        except psycopg2.Error as error:
            if not refused(error):
                raise
            self._refuse(str(error.pgcode))

    def close(self) -> None:
        if self._coming is not None and not self._coming.done():
            with suppress(psycopg2.Error):
                self._connection.cancel()
        self._thread.shutdown()

    def _fetch(self, since: int) -> Chunk:
        rows = Rows()
        values = (self._copy, pg_lsn(since + _LOG), self._messages, quote(self._name))
        self._cursor.copy_expert(self._cursor.mogrify(_ROWS, values), rows)
        self._cursor.execute(_STATE, (self._copy,))
        end, restart, here = self._cursor.fetchone()
        return Chunk(messages=rows.messages(), end=end, restart=restart, here=here)

    def _advance(self, name: str, lsn: int) -> None:
        """Nothing where it is there."""
        self._cursor.execute(_STATE, (name,))
        if self._cursor.fetchone()[0] < lsn:
            self._cursor.execute("select pg_catalog.pg_replication_slot_advance(%s, %s)", (name, pg_lsn(lsn)))


def _nothing() -> None:
    return None
