"""Every connection to a server of this family is opened here, its session set and then asserted."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg2
import psycopg2.errorcodes
import psycopg2.errors
import psycopg2.extensions
import sqlalchemy as sa
from sqlalchemy.pool import NullPool

from landbridge.endpoints.lock import Lock
from landbridge.errors import MigrationError, Terminal, Transient
from landbridge.plan import EndpointRef

SESSION = {
    "TimeZone": "UTC",
    "DateStyle": "ISO, MDY",
    "IntervalStyle": "postgres",
    "extra_float_digits": "3",
    "bytea_output": "hex",
    "client_encoding": "UTF8",
    "search_path": '""',
    "statement_timeout": "0",
    "idle_in_transaction_session_timeout": "0",
    "standard_conforming_strings": "on",
    "row_security": "off",
    "lc_monetary": "C",
    "default_transaction_read_only": "off",
}
"""
What the canonical text rests on. A walsender obeys `ALTER ROLE ... SET` too, so it is set for all. A policy that hides
rows is an error then, and our own login is not stopped by our own freeze.
"""

_SAFE = "select set_config('synchronous_commit', 'on', false) where current_setting('synchronous_commit') = 'off'"
"""What was committed is acted on elsewhere: there it must stay true, whatever the server's setting."""

_TRANSIENT_CLASSES = ("08", "40", "53", "57P", "55P03")
"""SQLSTATE classes (manual, appendix A) that may clear: connection, rollback, resources, shutdown, lock."""


_TIMELINE = """
    select case when pg_catalog.pg_is_in_recovery() then (select timeline_id from pg_catalog.pg_control_checkpoint())
        else ('x' || left(pg_catalog.pg_walfile_name(pg_catalog.pg_current_wal_insert_lsn()), 8))::bit(32)::int
        end::text
"""
"""Of a server that was just promoted, the control file still has the old one."""


class Database:
    """A database by its reference; opens connections and keeps none."""

    def __init__(self, ref: EndpointRef) -> None:
        self.ref = ref

    def open(self, **settings: Any) -> Any:
        """A driver connection in autocommit with the session asserted."""
        connection = self._connect(**settings)
        connection.autocommit = True
        _assert_session(connection)
        return connection

    def open_replication(self) -> Any:
        """A connection that speaks the replication protocol."""
        from psycopg2.extras import LogicalReplicationConnection

        connection = self._connect(connection_factory=LogicalReplicationConnection)
        _assert_session(connection)
        return connection

    def engine(self) -> sa.Engine:
        engine = sa.create_engine("postgresql+psycopg2://", creator=self._in_transaction, poolclass=NullPool)
        sa.event.listen(engine, "handle_error", self._raise_ours)
        return engine

    def _raise_ours(self, context: sa.ExceptionContext) -> None:
        if isinstance(context.original_exception, psycopg2.Error):
            raise translate(context.original_exception, self.ref)

    def _in_transaction(self) -> Any:
        connection = self.open()
        with connection.cursor() as cursor:
            cursor.execute(_SAFE)
        connection.autocommit = False
        return connection

    def identity(self) -> str:
        with driver_errors(self.ref), closing(self.open()) as connection, connection.cursor() as cursor:
            cursor.execute("select system_identifier::text from pg_catalog.pg_control_system()")
            system = cursor.fetchone()[0]
            cursor.execute(_TIMELINE)
            return f"{system}/{cursor.fetchone()[0]}/{connection.info.dbname}"

    @contextmanager
    def exclusive(self, name: str) -> Iterator[Lock]:
        number = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big", signed=True)
        with closing(self.open()) as connection, connection.cursor() as cursor:
            cursor.execute("set idle_session_timeout = 0")
            cursor.execute("select pg_catalog.pg_try_advisory_lock(%s)", (number,))
            free = cursor.fetchone()[0]
            yield Lock(free=free, held=lambda: _still(cursor))

    def _connect(self, **settings: Any) -> Any:
        ref = self.ref
        options = " ".join(f"-c {key}={_option(value)}" for key, value in SESSION.items())
        with driver_errors(ref):
            return psycopg2.connect(
                host=ref.host,
                port=ref.port or 5432,
                user=ref.user,
                password=ref.secret() or None,
                dbname=ref.database or ref.user,
                sslmode=ref.effective_tls,
                sslrootcert=ref.ca or ("system" if ref.effective_tls == "verify-full" else None),
                connect_timeout=10,
                keepalives_idle=30,
                keepalives_interval=10,
                keepalives_count=3,
                tcp_user_timeout=60_000,
                application_name="landbridge",
                options=options,
                **settings,
            )


def _still(cursor: Any) -> bool:
    """A session keeps its locks as long as it lives."""
    try:
        cursor.execute("select 1")
    except psycopg2.Error:
        return False
    return True


def _option(value: str) -> str:
    return value.replace("\\", "\\\\").replace(" ", "\\ ")


def _assert_session(connection: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute("select name, setting from pg_catalog.pg_settings where name = any(%s)", (list(SESSION),))
        wrong = {name: value for name, value in cursor.fetchall() if value != SESSION[name]}
    if wrong:
        raise Terminal(
            f"the server did not take these session settings: {wrong}",
            mend="connect to the server itself, not through a pooler that resets sessions",
        )


@contextmanager
def closing(connection: Any) -> Iterator[Any]:
    try:
        yield connection
    finally:
        connection.close()


@contextmanager
def driver_errors(ref: EndpointRef) -> Iterator[None]:
    """The driver's errors as ours, by SQLSTATE class. The server's detail may hold row data, so it is left out."""
    try:
        yield
    except psycopg2.Error as error:
        raise translate(error, ref) from None


def translate(error: psycopg2.Error, ref: EndpointRef) -> MigrationError:
    where = f"{ref.engine} at {ref.host}:{ref.port or 5432}"
    state = error.pgcode
    if state is None:
        message = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        return Transient(
            f"{where}: {message}", mend="check host, port, user, password and tls, and that the server runs"
        )
    primary = error.diag.message_primary or type(error).__name__
    if state.startswith("22"):  # of data, which these messages quote
        primary = psycopg2.errorcodes.lookup(state).lower().replace("_", " ")
    cls = Transient if state.startswith(_TRANSIENT_CLASSES) else Terminal
    return cls(
        f"{where}: {primary} (SQLSTATE {state})",
        mend=error.diag.message_hint or "see the server's log for the statement",
    )
