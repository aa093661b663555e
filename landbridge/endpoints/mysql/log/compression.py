"""
Compressed parts of the log. MySQL packs the events of a transaction into one event; MariaDB packs the rows of a row
event and the text of a statement.

Formats: MySQL source documentation, "Transaction_payload_event"; MariaDB manual, "Replication Protocol",
ROWS_COMPRESSED_EVENT_V1 and QUERY_COMPRESSED_EVENT.
"""

import struct
import zlib
from collections.abc import Iterator
from typing import IO, Protocol, cast

import zstandard
from pymysqlreplication.constants import BINLOG

from landbridge.endpoints.mysql.log.events import Cursor
from landbridge.errors import Unsupported

TRANSACTION_PAYLOAD, QUERY_COMPRESSED = 40, 165
ROWS_COMPRESSED = {
    166: BINLOG.WRITE_ROWS_EVENT_V1, 167: BINLOG.UPDATE_ROWS_EVENT_V1, 168: BINLOG.DELETE_ROWS_EVENT_V1,
    169: BINLOG.WRITE_ROWS_EVENT_V2, 170: BINLOG.UPDATE_ROWS_EVENT_V2, 171: BINLOG.DELETE_ROWS_EVENT_V2,
}  # fmt: skip
"""Compressed row events and what they are without."""

HEADER = struct.Struct("<IBIIIH")
"""Of every event: timestamp, type, server id, size, end position, flags."""

_END, _SIZE, _TYPE, _UNPACKED_SIZE = range(4)
_ZSTD, _NONE = 0, 255

PackedEvent = tuple[int, int, int, bytes]
"""(type, timestamp, flags, body): in the log it has no place and no checksum of its own"""


class Damaged(Exception):
    """What was packed does not come out as it says."""


class _Readable(Protocol):
    def read(self, size: int, /) -> bytes: ...


class _Pieces:
    """Bytes that arrive piece by piece, to be read like a file."""

    def __init__(self, first: bytes, pieces: Iterator[bytes]) -> None:
        self._piece, self._at = first, 0
        self._pieces = pieces
        self.taken = 0

    def read(self, size: int) -> bytes:
        """At most so many; none only at the end."""
        while self._at >= len(self._piece):
            piece = next(self._pieces, None)
            if piece is None:
                return b""
            self._piece, self._at = piece, 0
        start, self._at = self._at, min(self._at + size, len(self._piece))
        self.taken += self._at - start
        return self._piece[start : self._at]


def events(pieces: Iterator[bytes]) -> Iterator[PackedEvent]:
    """
    The events of a transaction payload, as they come out of it: neither the packed nor the unpacked payload is ever
    held as a whole. pieces: the event's body. Raises Damaged, Unsupported for another compression.
    """
    head = Cursor(next(pieces))
    fields: dict[int, bytes] = {}
    while (kind := head.packed()) != _END:
        fields[kind] = head.string()
    if not {_TYPE, _SIZE, _UNPACKED_SIZE} <= fields.keys():
        raise Damaged("it does not say how it is packed")
    method, packed_size, unpacked_size = (Cursor(fields[kind]).packed() for kind in (_TYPE, _SIZE, _UNPACKED_SIZE))
    packed = _Pieces(head.data[head.at :], pieces)
    source = _unpacked(packed, method)
    size = 0
    try:
        while header := _exactly(source, HEADER.size, begun=False):
            stamp, kind, _, length, _, flags = HEADER.unpack(header)
            size += length
            yield kind, stamp, flags, _exactly(source, length - HEADER.size)
    except zstandard.ZstdError as error:
        raise Damaged(str(error)) from None
    if packed.read(1) or packed.taken != packed_size or size != unpacked_size:
        raise Damaged("its sizes are other than it says")


def _unpacked(packed: _Pieces, method: int) -> _Readable:
    if method == _NONE:
        return packed
    if method != _ZSTD:
        raise Unsupported(
            f"the log holds a transaction in an unknown compression ({method})",
            mend="SET GLOBAL binlog_transaction_compression = OFF; then begin anew",
        )
    return zstandard.ZstdDecompressor().stream_reader(cast(IO[bytes], packed), read_across_frames=True)


def _exactly(source: _Readable, size: int, *, begun: bool = True) -> bytes:
    """begun: nothing is not allowed either."""
    parts, missing = [], size
    while missing and (part := source.read(missing)):
        parts.append(part)
        missing -= len(part)
    if missing and (begun or missing < size):
        raise Damaged("it ends inside of an event")
    return b"".join(parts)


def rows(kind: int, body: bytes) -> bytes:
    """The body of a row event, unpacked. All but the rows themselves is never packed."""
    plain = ROWS_COMPRESSED[kind]
    at = 8
    if plain >= BINLOG.WRITE_ROWS_EVENT_V2:
        at += int.from_bytes(body[8:10], "little")
    cursor = Cursor(body, at)
    bitmap = (cursor.packed() + 7) // 8
    at = cursor.at + bitmap * (2 if plain in (BINLOG.UPDATE_ROWS_EVENT_V1, BINLOG.UPDATE_ROWS_EVENT_V2) else 1)
    return body[:at] + _inflate(body[at:])


def query(body: bytes) -> bytes:
    """The body of a statement's event, unpacked."""
    at = 13 + int.from_bytes(body[11:13], "little") + body[8] + 1
    return body[:at] + _inflate(body[at:])


def _inflate(packed: bytes) -> bytes:
    """A byte with the method (bits 4 to 6, 0: zlib) and the size of the length that follows (lower three), the data."""
    if not packed:
        raise Damaged("it ends before it begins")
    size = packed[0] & 7
    if packed[0] & 0x70:
        raise Unsupported(
            "the log holds an event in an unknown compression",
            mend="SET GLOBAL log_bin_compress = OFF; then begin anew",
        )
    length = int.from_bytes(packed[1 : 1 + size], "big")
    stream = zlib.decompressobj()
    try:
        data = stream.decompress(packed[1 + size :], length + 1)
    except zlib.error as error:
        raise Damaged(str(error)) from None
    if len(data) != length or not stream.eof:
        raise Damaged("its size is another than it says")
    return data
