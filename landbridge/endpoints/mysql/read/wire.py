"""
The rows of a query with one column, taken off the wire in large blocks: the only work left to Python in a load, about a
third of a microsecond a row.

Protocol: the server manual's "Text Resultset" and "MySQL Packets" pages (MySQL source documentation). A row is a packet
(3 bytes length, 1 byte number) with the value's length before the value; one of 16 MiB or more is several packets.
"""

from collections.abc import Callable, Iterator
from struct import Struct
from typing import Any

import pymysql
from pymysql.constants import CR

BLOCK = 256 * 1024

_HEAD = Struct("<IB")  # length and number of the packet, first byte of its payload
_WHOLE = 0xFFFFFF  # length of a packet whose payload goes on in the next one
_NULL, _LENGTH_2, _LENGTH_3, _LENGTH_8, _ERROR = 0xFB, 0xFC, 0xFD, 0xFE, 0xFF
_LONGEST_END = 8  # bytes of a packet that begins with 0xFE and is the end, not a row


class Values:
    """
    Iterating yields blocks of whole values, joined. `rows` counts the values in them, `nulls` those that were NULL,
    which are in no block. An error of the server in the middle of the rows is raised as the driver's.
    """

    def __init__(self, connection: Any, sql: str) -> None:
        connection.query(sql, unbuffered=True)
        self.rows = 0
        self.nulls = 0
        self._connection = connection
        self._stream = connection._rfile  # noqa: SLF001 - the driver has no other way in
        self._data = b""
        self._ended = False

    def __iter__(self) -> Iterator[bytes]:
        values: list[bytes] = []
        size = 0
        while not self._ended:
            self._receive()
            size += self._split(values)
            if values and (size >= BLOCK or self._ended):
                self.rows += len(values)
                yield b"".join(values)
                values.clear()
                size = 0

    def drain(self) -> None:
        """Read what is left, so that the connection can be used again."""
        for _ in self:
            pass

    def _split(self, values: list[bytes]) -> int:
        """Append the values of all whole packets; returns how many bytes they took."""
        data, unpack, append = self._data, _HEAD.unpack_from, values.append
        at, size = 0, len(data)
        last = size - _HEAD.size
        while at <= last:
            head, first = unpack(data, at)
            end = at + 4 + (head & _WHOLE)
            if end > size:
                break
            if first < _NULL:
                append(data[at + 5 : end])
            elif first == _LENGTH_2:
                append(data[at + 7 : end])
            elif first == _NULL:
                self.nulls += 1
            elif first == _LENGTH_3 and end - at - 4 < _WHOLE:
                append(data[at + 8 : end])
            elif first == _ERROR or end - at - 4 <= _LONGEST_END:
                self._end(data[at + 4 : end])
                at = end
                break
            else:
                self._data = data[at:]
                append(self._long())
                return at + len(values[-1])
            at = end
        self._data = data[at:]
        return at

    def _end(self, payload: bytes) -> None:
        self._ended = True
        self._connection._result.unbuffered_active = False  # noqa: SLF001 - we have read to the end
        if payload[0] == _ERROR:
            pymysql.err.raise_mysql_exception(payload)

    def _long(self) -> bytes:
        """A value in several packets."""
        parts: list[bytes] = []
        size = _WHOLE
        while size == _WHOLE:
            self._at_least(4)
            size = int.from_bytes(self._data[:3], "little")
            self._at_least(4 + size)
            parts.append(self._data[4 : 4 + size])
            self._data = self._data[4 + size :]
        whole = b"".join(parts)
        return whole[4 if whole[0] == _LENGTH_3 else 9 :]

    def _at_least(self, size: int) -> None:
        while len(self._data) < size:
            self._append(self._stream.read, size - len(self._data))

    def _receive(self) -> None:
        """What has come so far; of a packet that is larger all the rest, so that it is joined only once."""
        head = self._data[:3] if len(self._data) >= 4 else b""
        missing = 4 + int.from_bytes(head, "little") - len(self._data)
        if missing > BLOCK:
            self._append(self._stream.read, missing)
        else:
            self._append(self._stream.read1, BLOCK)

    def _append(self, read: Callable[[int], bytes], size: int) -> None:
        try:
            data = read(size)
        except OSError:
            data = b""
        if not data:
            self._ended = True
            self._connection._force_close()  # noqa: SLF001 - a goodbye would be in the middle of a result
            raise pymysql.err.OperationalError(CR.CR_SERVER_LOST, "the connection was lost in the middle of a result")
        self._data += data


def records(connection: Any, sql: str) -> Iterator[tuple[bytes | None, ...]]:
    """The rows of any query, one by one, over a session that hands out bytes."""
    connection.query(sql, unbuffered=True)
    read = connection._result._read_rowdata_packet_unbuffered  # noqa: SLF001 - a cursor reads the rest when it is dropped
    while (row := read()) is not None:
        yield row


def finish(connection: Any) -> None:
    """Read what is left of `records`, so that the session can go on."""
    if connection._result is not None:  # noqa: SLF001
        connection._result._finish_unbuffered_query()  # noqa: SLF001


def forsake(connection: Any) -> None:
    """Leave what is left unread, for the session ends here: the driver would read all of it."""
    if connection._result is not None:  # noqa: SLF001
        connection._result.unbuffered_active = False  # noqa: SLF001
