"""Every connection to a server of this family is opened here, its session set and then asserted."""

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pymysql
import sqlalchemy as sa
from pymysql.constants import CLIENT, ER
from sqlalchemy.dialects.mysql.base import MySQLDDLCompiler, MySQLTypeCompiler
from sqlalchemy.pool import NullPool

from landbridge.endpoints.lock import Lock
from landbridge.errors import MigrationError, Terminal, Transient
from landbridge.plan import EndpointRef

SQL_MODE = (
    "STRICT_TRANS_TABLES,STRICT_ALL_TABLES,NO_AUTO_VALUE_ON_ZERO,NO_ENGINE_SUBSTITUTION,ERROR_FOR_DIVISION_BY_ZERO,"
    "ALLOW_INVALID_DATES"
)
"""
Exact, so that neither the server's default nor NO_BACKSLASH_ESCAPES or ANSI_QUOTES changes what SQL means. A source may
hold the 30th of February, and within the family it arrives as it is.
"""

_VERSIONED = ", system_versioning_asof=DEFAULT, system_versioning_alter_history='KEEP'"
"""Of versioned tables what is now is read, whatever the server's own default says, and indexes may be added to them."""

_IDLE = 31_536_000
"""Seconds that a session which holds a lock may be idle: the most there is. The server's own default is eight hours."""

_FLAGS = CLIENT.FOUND_ROWS | CLIENT.LOCAL_FILES
"""
Rows found are counted, also where an update changes nothing. Of LOCAL_FILES the driver itself knows nothing, so that a
server that asks for a file of its own choice is refused; only infile.py answers.
"""

_TRANSIENT = {
    ER.LOCK_WAIT_TIMEOUT, ER.LOCK_DEADLOCK, ER.CON_COUNT_ERROR, ER.SERVER_SHUTDOWN, ER.TOO_MANY_USER_CONNECTIONS,
    ER.QUERY_INTERRUPTED, 1613, 1614, 1927, 1969, 3024,
}  # fmt: skip
_LOST = {2002, 2003, 2006, 2013, 2014, 2055, 0}
_OF_DATA = {
    ER.WARN_DATA_TRUNCATED, ER.TRUNCATED_WRONG_VALUE_FOR_FIELD, ER.WARN_TOO_FEW_RECORDS, ER.WARN_TOO_MANY_RECORDS,
    ER.WARN_ALLOWED_PACKET_OVERFLOWED, 1300, 1364, 1525, 3643, 3819, 4078,
}  # fmt: skip
"""Errors that mean the row, beside those of SQLSTATE classes 22 and 23."""


class Database:
    """A server by its reference; opens connections and keeps none."""

    def __init__(self, ref: EndpointRef) -> None:
        self.ref = ref

    def open(self, **settings: Any) -> Any:
        """A driver connection in autocommit with the session asserted."""
        with driver_errors(self.ref):
            connection = self._connect(**settings)
            with connection.cursor() as cursor:
                cursor.execute("set session sql_mode=%s, time_zone='+00:00'", (SQL_MODE,))
                versioned = _VERSIONED if self.is_mariadb(connection) else ""
                cursor.execute(f"set session sql_quote_show_create=1, group_concat_max_len=1048576{versioned}")
                cursor.execute("select @@session.time_zone, @@session.character_set_client, @@session.sql_mode")
                zone, charset, mode = cursor.fetchone()
        if zone != "+00:00" or charset != "utf8mb4" or "NO_BACKSLASH_ESCAPES" in mode:
            raise Terminal(
                f"the server did not take the session settings (time_zone {zone}, charset {charset}, sql_mode {mode})",
                mend="connect to the server itself, not through a proxy that resets sessions",
            )
        return connection

    def engine(self) -> sa.Engine:
        engine = sa.create_engine("mysql+pymysql://", creator=self._in_transaction, poolclass=NullPool)
        engine.dialect.ddl_compiler = _BytewiseTables
        engine.dialect.type_compiler_instance = _LongTexts(engine.dialect)
        sa.event.listen(engine, "handle_error", self._raise_ours)
        return engine

    def _in_transaction(self) -> Any:
        """The ledger counts on statements that see what others have committed before them."""
        connection = self.open(autocommit=False)
        with driver_errors(self.ref), connection.cursor() as cursor:
            cursor.execute("set session transaction isolation level read committed")
            cursor.execute("set session default_storage_engine = InnoDB")
        return connection

    def _raise_ours(self, context: sa.ExceptionContext) -> None:
        execution = context.execution_context
        if execution is not None and execution.execution_options.get("skip_user_error_events"):
            return  # SQLAlchemy tries whether a table is there
        if isinstance(context.original_exception, pymysql.Error):
            raise translate(context.original_exception, self.ref)

    def identity(self) -> str:
        with closing(self.open()) as connection, connection.cursor() as cursor:
            if self.is_mariadb(connection):
                cursor.execute("select @@server_id, @@hostname, @@port, @@log_bin_basename")
                return "/".join(str(part) for part in cursor.fetchone())
            cursor.execute("select @@server_uuid")
            return str(cursor.fetchone()[0])

    @staticmethod
    def is_mariadb(connection: Any) -> bool:
        return "MariaDB" in connection.get_server_info()

    @contextmanager
    def exclusive(self, name: str) -> Iterator[Lock]:
        lock = f"landbridge.{name}"[:64]
        with closing(self.open()) as connection, connection.cursor() as cursor:
            cursor.execute("set session wait_timeout = %s", (_IDLE,))
            cursor.execute("select get_lock(%s, 0)", (lock,))
            free = cursor.fetchone()[0] == 1
            yield Lock(free=free, held=lambda: _still(cursor, lock))

    def _connect(self, **settings: Any) -> Any:
        ref = self.ref
        options: dict[str, Any] = {
            "host": ref.host, "port": ref.port or 3306, "user": ref.user, "password": ref.secret(),
            "database": ref.database, "charset": "utf8mb4", "autocommit": True, "connect_timeout": 10,
            "read_timeout": None, "program_name": "landbridge", "client_flag": _FLAGS,
        }  # fmt: skip
        return pymysql.connect(**(options | tls_settings(ref) | settings))


def _still(cursor: Any, lock: str) -> bool:
    try:
        cursor.execute("select is_used_lock(%s) = connection_id()", (lock,))
        return bool(cursor.fetchone()[0] == 1)
    except pymysql.Error:
        return False


def tls_settings(ref: EndpointRef) -> dict[str, Any]:
    """PyMySQL's own words for the plan's `tls`."""
    if ref.effective_tls == "disable":
        return {"ssl_disabled": True}
    context = ssl.create_default_context(cafile=ref.ca)
    context.check_hostname = ref.effective_tls == "verify-full"
    if ref.effective_tls == "require":
        context.verify_mode = ssl.CERT_NONE
    return {"ssl": context}


@contextmanager
def closing(connection: Any) -> Iterator[Any]:
    try:
        yield connection
    finally:
        if connection.open:
            connection.close()


@contextmanager
def driver_errors(ref: EndpointRef) -> Iterator[None]:
    """The driver's errors as ours, by error number."""
    try:
        yield
    except pymysql.Error as error:
        raise translate(error, ref) from None


class _BytewiseTables(MySQLDDLCompiler):
    """Tables that SQLAlchemy makes are the ledger's, whose positions and names are what their bytes are."""

    def post_create_table(self, table: sa.Table) -> str:
        return f"{super().post_create_table(table)} engine=InnoDB character set utf8mb4 collate utf8mb4_bin"


class _LongTexts(MySQLTypeCompiler):
    """A text without a length has none here either: TEXT would end at 64 KiB."""

    def visit_TEXT(self, type_: Any, **_: Any) -> str:  # noqa: N802 - SQLAlchemy's name
        return "LONGTEXT" if type_.length is None else super().visit_TEXT(type_)


def is_of_data(error: pymysql.Error) -> bool:
    """Whether the row itself is refused. The messages of these errors quote it."""
    state = getattr(error, "sqlstate", None) or ""
    return state.startswith(("22", "23")) or (bool(error.args) and error.args[0] in _OF_DATA)


def translate(error: pymysql.Error, ref: EndpointRef) -> MigrationError:
    where = f"{ref.engine} at {ref.host}:{ref.port or 3306}"
    number = error.args[0] if error.args and isinstance(error.args[0], int) else 0
    message = "a row was refused" if is_of_data(error) else str(error.args[-1]) if error.args else type(error).__name__
    if number in _LOST:
        return Transient(f"{where}: {message}", mend="check host and port and that the server runs")
    if number in (ER.ACCESS_DENIED_ERROR, ER.DBACCESS_DENIED_ERROR, ER.SPECIFIC_ACCESS_DENIED_ERROR, 1698):
        return Terminal(f"{where}: {message}", mend="check user and password, and grant the right that is named")
    cls = Transient if number in _TRANSIENT else Terminal
    return cls(f"{where}: {message} (error {number})", mend="see the server's error log")
