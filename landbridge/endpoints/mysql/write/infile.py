"""
LOAD DATA LOCAL out of memory: the driver itself knows only files.

Protocol: MySQL source documentation, "LOCAL INFILE Request". To the statement the server answers with a request for the
file; the content follows in packets of any size, an empty one ends it, and the answer is an OK packet.
"""

import re
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import pymysql
from pymysql.constants import COMMAND, CR
from pymysql.protocol import OKPacketWrapper

from landbridge.endpoints.mysql.names import qualified
from landbridge.endpoints.mysql.write.values import columns
from landbridge.model import Relation

_PIECE = 1 << 17
"""Bytes of a packet: below any server's max_allowed_packet that a migration could run with."""

_FORMAT = r"character set utf8mb4 fields terminated by '\t' escaped by '\\' lines terminated by '\n'"
_NUMBER = re.compile(rb"\d+")


@dataclass(frozen=True, kw_only=True)
class Taken:
    """LOCAL forgives: duplicates are skipped and values bent until they fit, and only these numbers tell."""

    records: int
    rows: int
    skipped: int
    warnings: int

    def whole(self, lines: int) -> bool:
        return self.records == self.rows == lines and not self.skipped and not self.warnings


def load(connection: Any, table: Relation, blocks: Iterable[bytes], *, mariadb: bool) -> Taken:
    """Send the lines in. An error in `blocks` is raised once the server has let go; its rows are there until then."""
    file = f"load data local infile 'lines' into table {qualified(table.name)}"
    packet = _ask(connection, f"{file} {_FORMAT} {columns(table.fields, mariadb=mariadb)}")
    if not packet.is_load_local_packet():
        raise pymysql.err.OperationalError(CR.CR_COMMANDS_OUT_OF_SYNC, "the server did not ask for the lines")
    sender = _Sender(connection)
    try:
        for block in blocks:
            sender.send(block)
    except BaseException:
        sender.give_up()
        raise
    return _taken(sender.end())


def _ask(connection: Any, sql: str) -> Any:
    connection._execute_command(COMMAND.COM_QUERY, sql)  # noqa: SLF001 - the driver has no other way in
    return connection._read_packet()  # noqa: SLF001


class _Sender:
    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self._within = False

    def send(self, block: bytes) -> None:
        self._within = True
        view = memoryview(block)
        for start in range(0, len(block), _PIECE):
            self._connection.write_packet(view[start : start + _PIECE])
        self._within = False

    def end(self) -> Any:
        self._connection.write_packet(b"")
        return OKPacketWrapper(self._connection._read_packet())  # noqa: SLF001

    def give_up(self) -> None:
        """Cut off within a packet, the session cannot go on; between two, it can."""
        if self._within:
            self._connection._force_close()  # noqa: SLF001
            return
        with suppress(pymysql.Error):
            self.end()


def _taken(packet: Any) -> Taken:
    """Of the message only the numbers, for its words are in the server's language; its length is before them."""
    records, _, skipped, warnings = map(int, _NUMBER.findall(packet.message)[-4:])
    return Taken(
        records=records, rows=packet.affected_rows, skipped=skipped, warnings=max(warnings, packet.warning_count)
    )
