"""
What the output plugin `pgoutput` sends, protocol versions 1 to 4 (manual, 54.9 "Logical Replication Message Formats").
The first byte of a message is its tag; numbers are big-endian; times are microseconds since 2000-01-01. Version 2 adds
transactions that are sent before they end. Versions 3 and 4 add only messages that have to be asked for: of prepared
transactions, which come when they commit without that, and for a subscriber with several workers.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from struct import Struct
from struct import error as StructError  # noqa: N812 it is a class
from typing import Any

from landbridge.errors import Unsupported
from landbridge.model import TableName

BEGIN, COMMIT, RELATION, TRUNCATE, MESSAGE, TYPE, ORIGIN = b"BCRTMYO"
STREAM_START, STREAM_STOP, STREAM_COMMIT, STREAM_ABORT = b"SEcA"
INSERT, UPDATE, DELETE = b"I", b"U", b"D"
NEW, KEY, FULL = b"NKO"
"""Tags of a row: as it is after the change, its replica identity before it, all of it before it."""

_BEGIN = Struct(">xQq")
_STREAM_COMMIT = Struct(">x4sxQQq")
_EPOCH = 946_684_800

_FIELD = Struct(">BI").unpack_from
_TEXT, _NULL, _UNCHANGED = b"tnu"
_ROW = 2  # the count of fields comes first
_PAD = bytes(4)  # so that a last field that has no length can be looked at as if it had one

Fields = tuple[Any, ...]
ReadRow = Callable[[bytes, int], tuple[Fields, int]]
"""The fields of the row that begins at a place of a message, and where it ends."""


@dataclass(frozen=True, kw_only=True)
class RelationColumn:
    name: str
    identity: bool
    type: int
    modifier: int


@dataclass(frozen=True, kw_only=True)
class Relation:
    """identity: 'd' primary key, 'i' another index, 'f' all columns, 'n' none. Generated columns are not listed."""

    oid: int
    name: TableName
    identity: str
    columns: tuple[RelationColumn, ...]


def begin(payload: bytes) -> tuple[int, float]:
    """Where the commit record starts, and when it was written."""
    start, micros = _BEGIN.unpack_from(payload)
    return start, _EPOCH + micros / 1_000_000


def commit(payload: bytes) -> int:
    """Where the commit record ends."""
    return int.from_bytes(payload[10:18], "big")


def stream_commit(payload: bytes) -> tuple[bytes, int, int, float]:
    """The transaction; where the commit record starts and ends, and when it was written."""
    whole, start, end, micros = _STREAM_COMMIT.unpack_from(payload)
    return whole, start, end, _EPOCH + micros / 1_000_000


def message(payload: bytes) -> tuple[bool, int, bytes, bytes]:
    """Of a message that somebody emitted: whether it belongs to a transaction, its position, prefix and content."""
    end = payload.index(0, 10)
    return bool(payload[1]), int.from_bytes(payload[2:10], "big"), payload[10:end], payload[end + 5 :]


def truncated(payload: bytes) -> list[bytes]:
    """The tables' oids, as the four bytes that name them in messages."""
    count = int.from_bytes(payload[1:5], "big")
    return [payload[place : place + 4] for place in range(6, 6 + 4 * count, 4)]


def relation(payload: bytes) -> Relation:
    schema, place = _string(payload, 5)
    name, place = _string(payload, place)
    identity = chr(payload[place])
    count = int.from_bytes(payload[place + 1 : place + 3], "big")
    place += 3
    columns = []
    for _ in range(count):
        flags = payload[place]
        column, place = _string(payload, place + 1)
        type_, modifier = Struct(">Ii").unpack_from(payload, place)
        place += 8
        columns.append(RelationColumn(name=column, identity=bool(flags & 1), type=type_, modifier=modifier))
    return Relation(
        oid=int.from_bytes(payload[1:5], "big"),
        name=TableName(schema=schema or "pg_catalog", name=name),
        identity=identity,
        columns=tuple(columns),
    )


def row(payload: bytes, place: int) -> tuple[Fields, int]:
    """
    The fields of the row that begins at `place` (after its tag), and where it ends: the server's text as bytes, None
    for NULL, Ellipsis for a value stored out of line that the update left as it was.
    """
    fields: list[Any] = []
    add = fields.append
    end = len(payload)
    count = payload[place] << 8 | payload[place + 1]
    place += _ROW
    for _ in range(count):
        if place + 5 <= end:
            kind, length = _FIELD(payload, place)
        else:  # too little is left for a length: the last fields are NULL or unchanged
            kind, length = payload[place], 0
        if kind == _TEXT:
            start = place + 5
            place = start + length
            add(payload[start:place])
        elif kind == _NULL:
            add(None)
            place += 1
        elif kind == _UNCHANGED:
            add(...)
            place += 1
        else:
            raise Unsupported(
                f"the stream holds a value of format {chr(kind)!r}", mend="report this with the server's version"
            )
    if place > end:
        raise Unsupported("the stream holds a row that is cut off", mend="report this with the server's version")
    return tuple(fields), place


@cache
def row_reader(count: int) -> ReadRow:
    """
    `row` for rows of so many fields, written out and compiled: two thirds of its time. What is odd goes to `row`, which
    says what is wrong.
    """
    field = """
        k, n = F(b, p)
        if k == 116:
            s = p + 5
            p = s + n
            v{0} = b[s:p]
        elif k == 110:
            v{0} = None
            p += 1
        elif k == 117:
            v{0} = ...
            p += 1
        else:
            return row(payload, place)"""
    body = "".join(field.format(number) for number in range(count))
    names = "".join(f"v{number}, " for number in range(count))
    source = f"""def read(payload, place):
    b, p = payload + PAD, place + 2
    try:
        if b[place] << 8 | b[place + 1] != {count}:
            return row(payload, place){body}
    except error:
        return row(payload, place)
    return (({names}), p) if p <= len(payload) else row(payload, place)
"""
    made: dict[str, Any] = {"F": _FIELD, "PAD": _PAD, "error": (StructError, IndexError), "row": row}
    exec(source, made)  # noqa: S102 nothing in it but a number
    reader: ReadRow = made["read"]
    return reader


def _string(payload: bytes, place: int) -> tuple[str, int]:
    end = payload.index(0, place)
    return payload[place:end].decode(), end + 1
