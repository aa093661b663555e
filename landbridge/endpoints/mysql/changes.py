"""The binlog as a stream of committed transactions."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import pymysql
from pymysql.constants import ER

from landbridge.change import Transaction
from landbridge.endpoints.abc import Held, Pulse
from landbridge.endpoints.altering import Follow
from landbridge.endpoints.mysql import connection
from landbridge.endpoints.mysql.catalog import Describer, fetch
from landbridge.endpoints.mysql.connection import Database, closing, driver_errors
from landbridge.endpoints.mysql.log import binlog, charsets, open_transactions, prepared, shape
from landbridge.endpoints.mysql.log import history as history_of
from landbridge.endpoints.mysql.log.binlog import Event
from landbridge.endpoints.mysql.log.charsets import Charsets
from landbridge.endpoints.mysql.log.drifts import Drifts
from landbridge.endpoints.mysql.log.gtid import GtidSet
from landbridge.endpoints.mysql.log.held import held
from landbridge.endpoints.mysql.log.passed import Passed
from landbridge.endpoints.mysql.log.pulse import pulse
from landbridge.endpoints.mysql.log.transactions import Source, Transactions
from landbridge.endpoints.mysql.read import sessions
from landbridge.errors import MigrationError, PositionLost
from landbridge.model import Position, Table, TableMap

HEARTBEAT = binlog.HEARTBEAT

_COLUMNS = """
select column_name, column_type, collation_name from information_schema.columns
where table_schema = %s and table_name = %s order by ordinal_position"""

_LARGEST_START = (1 << 32) - 1
"""The protocol has four bytes for the offset where a dump begins."""


class ChangeLog:
    def __init__(self, database: Database) -> None:
        self._database = database
        self._known: tuple[Position, Passed | None] = (Position(""), None)

    def here(self) -> Position:
        with sessions.reading(self._database) as driver:
            return sessions.log_end(self._database, driver)

    def prepare(self, run: str, tables: Sequence[TableMap]) -> Position:  # noqa: ARG002
        """
        The log is there by itself. What it holds up to here becomes visible in tables by the end of `settle`. A change
        of a table before here is in no log that is read, one after it is found there.
        """
        position = self.here()
        with driver_errors(self._database.ref), closing(self._database.open()) as driver:
            for table in tables:
                shape.check_columns(
                    table.source, fetch(driver, _COLUMNS, (table.source.name.schema, table.source.name.name))
                )
        return position

    def settle(self, since: Position, patience: float) -> None:  # noqa: ARG002
        """Waits for all transactions that are open now: those open at `since` are among them."""
        open_transactions.wait(self._database, patience)

    @contextmanager
    def stream(
        self,
        run: str,  # noqa: ARG002
        since: Position,
        tables: Sequence[TableMap],
        left_out: str = "",
        follow: Follow | None = None,
        passed: str = "",
        *,
        packed: bool = False,  # noqa: ARG002
    ) -> Iterator["Stream"]:
        source = self._source([table.source for table in tables])
        file, offset = binlog.place(since)
        with binlog.dump(self._database, file, offset if offset <= _LARGEST_START else binlog.FIRST) as dump:
            history, drifts = self._history(since, left_out), self._drifts(follow) if follow else None
            history_of.require(history, passed, since)
            transactions = Transactions(tables, source, since, self._recall, history, drifts)
            try:
                yield Stream(self._database, dump, transactions, since)
            finally:
                self._known = (transactions.border, history)

    def _history(self, since: Position, left_out: str) -> Passed:
        """What is known from the stream that broke here need not be read again."""
        border, passed = self._known
        if border == since and passed is not None:
            history: GtidSet | None = passed.history if passed.known else None
        else:
            history = history_of.at(self._database, since)
        return Passed(history or GtidSet(), GtidSet(left_out), known=history is not None)

    def resume(self, run: str, known: str, since: Position, passed: str) -> Position:  # noqa: ARG002
        return history_of.resume(self._database, passed)

    def _drifts(self, follow: Follow) -> Drifts:
        return Drifts(follow=follow, describe=Describer(self._database).table, charsets=self._charsets)

    def _charsets(self, tables: Sequence[Table]) -> Charsets:
        with driver_errors(self._database.ref), closing(self._database.open()) as driver:
            return _charsets(driver, tables)

    def _recall(self, xid: prepared.Xid, file: str, offset: int) -> list[Event] | None:
        """Log file by log file, the newest first."""
        with driver_errors(self._database.ref), closing(self._database.open()) as driver:
            files = [str(row[0]) for row in fetch(driver, "show binary logs")]
        for each in reversed(files[: files.index(file) + 1] if file in files else []):
            with binlog.dump(self._database, each, binlog.FIRST) as dump:
                found = prepared.find(_upto(dump, each, offset if each == file else None), xid)
            if found is not None:
                return found
        return None

    def release(self, run: str) -> None:
        """Nothing was made."""

    def held(self, run: str, since: Position, committed: float) -> Held:  # noqa: ARG002
        return held(self._database, since, committed)

    def pulse(self, *positions: Position) -> Pulse:
        return pulse(self._database, positions)

    def _source(self, tables: Sequence[Table]) -> Source:
        with driver_errors(self._database.ref), closing(self._database.open()) as driver:
            with driver.cursor() as cursor:
                cursor.execute("select @@lower_case_table_names, unix_timestamp(now(6))")
                folding, clock = cursor.fetchone()
            return Source(
                mariadb=self._database.is_mariadb(driver),
                folded=bool(folding),
                charsets=_charsets(driver, tables),
                clock_ahead=float(clock) - time.time(),
            )


def _charsets(driver: object, tables: Sequence[Table]) -> Charsets:
    collations = {column.collation for table in tables for column in table.columns if column.collation}
    return charsets.read(driver, {charsets.of_collation(collation) for collation in collations})


def _upto(dump: binlog.Dump, file: str, offset: int | None) -> Iterator[Event]:
    """The file's events up to the offset, or all."""
    for event in dump:
        if dump.file != file or (offset is not None and event[2] >= offset):
            return
        yield event


class Stream:
    """Yields what the dump's events make; the driver's errors leave as ours."""

    def __init__(self, database: Database, dump: binlog.Dump, transactions: Transactions, since: Position) -> None:
        self._database = database
        self._dump = dump
        self._transactions = transactions
        self._since = since

    def __iter__(self) -> Iterator[Transaction]:
        take, beat, clock = self._transactions.take, self._transactions.heartbeat, time.monotonic
        due = clock() + HEARTBEAT
        try:
            for event in self._dump:
                found = take(event)
                if found is None and clock() >= due:
                    found = beat(float(event[1]))
                if found is not None:
                    yield found
                    due = clock() + HEARTBEAT
        except pymysql.Error as error:
            raise self._refused(error) from None

    def confirm(self, position: Position) -> None:
        """The server keeps its log by age alone (binlog_expire_logs_seconds)."""

    def _refused(self, error: pymysql.Error) -> MigrationError:
        found = connection.translate(error, self._database.ref)
        if error.args[0] != ER.MASTER_FATAL_ERROR_READING_BINLOG or self._still_there():
            return found
        return PositionLost(
            f"the log no longer has the position {self._since}: {found.found}",
            mend="begin the migration of this plan anew; SET GLOBAL binlog_expire_logs_seconds keeps the log longer",
        )

    def _still_there(self) -> bool:
        """The same error number also means that the log cannot be read where it is."""
        file, offset = binlog.place(self._since)
        with driver_errors(self._database.ref), closing(self._database.open()) as driver, driver.cursor() as cursor:
            cursor.execute("show binary logs")
            return any(row[0] == file and int(row[1]) >= offset for row in cursor.fetchall())
