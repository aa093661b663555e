"""
An application that keeps writing while its database is moved: threads of small transactions, from before the migration
begins until long after the source refuses them. What it writes is decided by its seed; the order of commits is not.
"""

import contextlib
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import psycopg2
import pymysql

from landbridge.endpoints.mysql import server as mysql
from landbridge.endpoints.postgres import server as postgres
from tests.support import mysql_connection, postgres_connection

Operation = Callable[[Any, random.Random], None]
"""One transaction, on an open cursor. It raises Changed to be rolled back on purpose."""

APPLICATION = "app"
APPLICATION_PASSWORD = "app-secret-5fK2"

TEXTS = (
    "", " ", "plain", "tab\there", "line\nfeed", "carriage\rreturn\r\n", "back\\slash", "\\N", "\\n", "\\", "'", '"', "''",
    "null", "NULL", "naïve", "Grüße aus Köln", "日本語のテキスト", "ünï☃code", "a,b;c|d", "{}", "{NULL}", "%s %d %%", ":name",
    "\\.", "\x01\x7f", " leading and trailing ", "x" * 40,
)  # fmt: skip
"""Of three bytes a character at most: sakila's character set has no more."""

EMOJI = (*TEXTS, "🚀", "😀\t😀\\😀\n", "👩‍👩‍👧‍👦", "𝔘𝔫𝔦𝔠𝔬𝔡𝔢", "e\u0301")

_MYSQL_REFUSALS = {1045, 1044, 1142, 1227, 1290, 1792, 1836, 3032, 3118, 3100, 4151}
_MYSQL_MISTAKES = {1054, 1064, 1146, 1136, 1366, 1406}
_POSTGRES_REFUSALS = {"25006", "28000", "28P01", "42501", "55000", "57P03", "53300"}
_POSTGRES_SHUT = ("not permitted to log in", "permission denied for database")
_POSTGRES_MISTAKES = {"42601", "42703", "42P01", "42883", "42804", "22P02"}


class Changed(Exception):
    """The application changed its mind: the transaction is rolled back."""


@dataclass(kw_only=True)
class Tally:
    """What came of one thread's transactions. failed: by the server's error code. Times by time.time()."""

    committed: Counter[str] = field(default_factory=Counter)
    failed: Counter[str] = field(default_factory=Counter)
    rolled_back: Counter[str] = field(default_factory=Counter)
    refused: int = 0
    first_refusal: float | None = None
    last_commit: float = 0.0
    mistakes: list[str] = field(default_factory=list)


class _Watched:
    """A cursor that knows whether anything but reading was asked of it."""

    def __init__(self, cursor: Any) -> None:
        self._cursor = cursor
        self.wrote = False

    def execute(self, sql: str, parameters: Any = None) -> None:
        self.wrote |= not sql.lstrip().upper().startswith("SELECT")
        self._cursor.execute(sql, parameters)

    def executemany(self, sql: str, parameters: Any) -> None:
        self.wrote = True
        self._cursor.executemany(sql, parameters)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._cursor, name)


class Writer(threading.Thread):
    """One session of the application. It goes on trying after a refusal: a write that slips through then shows."""

    def __init__(self, connect: Callable[[], Any], operations: Sequence[Operation], seed: int, rate: float) -> None:
        super().__init__(daemon=True, name=f"writer-{seed}")
        self.tally = Tally()
        self._connect = connect
        self._operations = operations
        self._random = random.Random(seed)
        self._pause = 1.0 / rate
        self._stopping = threading.Event()

    def stop(self) -> None:
        self._stopping.set()

    def run(self) -> None:
        connection = None
        turn = 0
        while not self._stopping.is_set():
            operation = (
                self._operations[turn] if turn < len(self._operations) else self._random.choice(self._operations)
            )
            began = time.monotonic()
            try:
                connection = connection or self._connect()
                self._transaction(connection, operation)
                turn += 1
            except (pymysql.Error, psycopg2.Error) as error:
                connection = self._after(error, connection, operation)
            self._stopping.wait(max(0.0, self._pause - (time.monotonic() - began)))
        _close(connection)

    def _transaction(self, connection: Any, operation: Operation) -> None:
        with connection.cursor() as cursor:
            watched = _Watched(cursor)
            try:
                operation(watched, self._random)
            except Changed:
                connection.rollback()
                self.tally.rolled_back[operation.__name__] += 1
                return
        connection.commit()
        if watched.wrote:
            self.tally.last_commit = time.time()
            self.tally.committed[operation.__name__] += 1

    def _after(self, error: Exception, connection: Any, operation: Operation) -> Any:
        """Rolls back, or throws the session away; says which to go on with."""
        code, refused, mistaken = _judge(error)
        self.tally.failed[code] += 1
        if mistaken:
            self.tally.mistakes.append(f"{operation.__name__}: {error}")
        if refused:
            self.tally.refused += 1
            self.tally.first_refusal = self.tally.first_refusal or time.time()
            self._stopping.wait(0.1)
        try:
            connection.rollback()
        except (pymysql.Error, psycopg2.Error, AttributeError, OSError):
            _close(connection)
            return None
        return connection


def _judge(error: Exception) -> tuple[str, bool, bool]:
    """Code, whether the server refuses writes, whether the statement itself is wrong."""
    if isinstance(error, pymysql.Error):
        number = error.args[0] if error.args and isinstance(error.args[0], int) else 0
        return str(number), number in _MYSQL_REFUSALS, number in _MYSQL_MISTAKES
    state = getattr(error, "pgcode", None)
    refused = state in _POSTGRES_REFUSALS or (state is None and any(shut in str(error) for shut in _POSTGRES_SHUT))
    return state or "connection", refused, state in _POSTGRES_MISTAKES


def _close(connection: Any) -> None:
    with contextlib.suppress(Exception):  # whatever state it is in
        connection.close()


class Workload:
    """Several writers at once; `with` starts them and stops them."""

    def __init__(
        self,
        connect: Callable[[], Any],
        operations: Sequence[Operation],
        *,
        writers: int = 3,
        rate: float = 50,
        seed: int = 1,
    ) -> None:
        self.operations = tuple(operations)
        self._writers = [Writer(connect, self.operations, seed * 100 + number, rate) for number in range(writers)]

    def __enter__(self) -> "Workload":
        for writer in self._writers:
            writer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        for writer in self._writers:
            writer.stop()
        for writer in self._writers:
            writer.join(timeout=30)
            assert not writer.is_alive(), "a writer's statement does not come back"

    def run_for(self, transactions: int, patience: float = 60) -> None:
        """Return once that many more are committed."""
        wanted, deadline = self.committed + transactions, time.monotonic() + patience
        while self.committed < wanted:
            assert time.monotonic() < deadline, (
                f"only {self.committed} of {wanted} transactions in time: {self.failures}"
            )
            time.sleep(0.05)

    @property
    def committed(self) -> int:
        return sum(writer.tally.committed.total() for writer in self._writers)

    @property
    def refused(self) -> int:
        return sum(writer.tally.refused for writer in self._writers)

    @property
    def rolled_back(self) -> int:
        return sum(writer.tally.rolled_back.total() for writer in self._writers)

    @property
    def failures(self) -> Counter[str]:
        return sum((writer.tally.failed for writer in self._writers), Counter())

    @property
    def mistakes(self) -> list[str]:
        return [line for writer in self._writers for line in writer.tally.mistakes]

    @property
    def idle(self) -> list[str]:
        """Operations that never once came to their end, and so proved nothing."""
        done = sum((writer.tally.committed + writer.tally.rolled_back for writer in self._writers), Counter())
        return [operation.__name__ for operation in self.operations if not done[operation.__name__]]

    @property
    def last_commit(self) -> float:
        return max(writer.tally.last_commit for writer in self._writers)


# --- sessions of an ordinary account ----------------------------------------------------------------------------------


def mysql_application(server: mysql.Server, database: str) -> Callable[[], Any]:
    """Makes the account, which has the rights of an application and no others, and returns how to connect as it."""
    with contextlib.closing(mysql_connection(server)) as connection, connection.cursor() as cursor:
        cursor.execute(f"CREATE USER IF NOT EXISTS '{APPLICATION}'@'%' IDENTIFIED BY '{APPLICATION_PASSWORD}'")
        rights = "SELECT, INSERT, UPDATE, DELETE, EXECUTE"
        cursor.execute(f"GRANT {rights} ON `{database}`.* TO '{APPLICATION}'@'%'")

    def connect() -> Any:
        return pymysql.connect(
            host=server.host, port=server.port, user=APPLICATION, password=APPLICATION_PASSWORD, database=database,
            charset="utf8mb4", autocommit=False, read_timeout=60,
            init_command="SET SESSION innodb_lock_wait_timeout = 5, time_zone = '+02:00'",
        )  # fmt: skip

    return connect


def postgres_application(server: postgres.Server, database: str) -> Callable[[], Any]:
    with contextlib.closing(postgres_connection(server, database)) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (APPLICATION,))
        if cursor.fetchone() is None:
            cursor.execute(f"CREATE ROLE {APPLICATION} LOGIN PASSWORD '{APPLICATION_PASSWORD}'")
        cursor.execute("SELECT quote_ident(nspname) FROM pg_namespace WHERE nspname !~ '^(pg_|information_schema)'")
        for (schema,) in cursor.fetchall():
            cursor.execute(f"GRANT USAGE ON SCHEMA {schema} TO {APPLICATION}")
            cursor.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {schema} TO {APPLICATION}")
            cursor.execute(f"GRANT USAGE ON ALL SEQUENCES IN SCHEMA {schema} TO {APPLICATION}")

    def connect() -> Any:
        return psycopg2.connect(
            host=server.host, port=server.port, user=APPLICATION, password=APPLICATION_PASSWORD, dbname=database,
            options="-c lock_timeout=5s -c TimeZone=Asia/Tokyo",
        )  # fmt: skip

    return connect
