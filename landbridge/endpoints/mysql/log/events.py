"""
The rare events of the log: what a table looks like, what a statement said, when a transaction was committed.

Formats: MySQL source documentation, "Binary Log Event" (Table_map_event, Query_event, Gtid_event); MariaDB manual,
"Replication Protocol".
"""

from collections.abc import Iterator
from dataclasses import dataclass

from pymysqlreplication.constants import BINLOG, FIELD_TYPE

from landbridge.model import TableName

VECTOR, TYPED_ARRAY, BLOB_COMPRESSED, VARCHAR_COMPRESSED = 242, 20, 140, 141
HEARTBEAT_V2, GTID_TAGGED = 41, 42

INSERTS = {BINLOG.WRITE_ROWS_EVENT_V1, BINLOG.WRITE_ROWS_EVENT_V2}
PARTIAL_UPDATE = BINLOG.PARTIAL_UPDATE_ROWS_EVENT
UPDATES = {BINLOG.UPDATE_ROWS_EVENT_V1, BINLOG.UPDATE_ROWS_EVENT_V2, PARTIAL_UPDATE}
DELETES = {BINLOG.DELETE_ROWS_EVENT_V1, BINLOG.DELETE_ROWS_EVENT_V2}
ROWS_V2 = {BINLOG.WRITE_ROWS_EVENT_V2, BINLOG.UPDATE_ROWS_EVENT_V2, BINLOG.DELETE_ROWS_EVENT_V2, PARTIAL_UPDATE}

UNDECODED = range(20, 23)
"""Types that hold rows in the format of servers before 5.1."""

_ONE_BYTE = {
    FIELD_TYPE.FLOAT, FIELD_TYPE.DOUBLE, FIELD_TYPE.BLOB, FIELD_TYPE.JSON, FIELD_TYPE.GEOMETRY, FIELD_TYPE.TIMESTAMP2,
    FIELD_TYPE.DATETIME2, FIELD_TYPE.TIME2, FIELD_TYPE.TINY_BLOB, FIELD_TYPE.MEDIUM_BLOB, FIELD_TYPE.LONG_BLOB,
    VECTOR, BLOB_COMPRESSED,
}  # fmt: skip
_TWO_BYTES = {
    FIELD_TYPE.VARCHAR, FIELD_TYPE.BIT, FIELD_TYPE.NEWDECIMAL, FIELD_TYPE.ENUM, FIELD_TYPE.SET, FIELD_TYPE.VAR_STRING,
    FIELD_TYPE.STRING, VARCHAR_COMPRESSED,
}  # fmt: skip
_SIGNED = {
    FIELD_TYPE.TINY, FIELD_TYPE.SHORT, FIELD_TYPE.INT24, FIELD_TYPE.LONG, FIELD_TYPE.LONGLONG, FIELD_TYPE.NEWDECIMAL,
    FIELD_TYPE.FLOAT, FIELD_TYPE.DOUBLE, FIELD_TYPE.YEAR,
}  # fmt: skip
_LETTERS = {
    FIELD_TYPE.VARCHAR, FIELD_TYPE.VAR_STRING, FIELD_TYPE.STRING, FIELD_TYPE.BLOB, VECTOR, BLOB_COMPRESSED,
    VARCHAR_COMPRESSED,
}  # fmt: skip

_SIGNEDNESS, _DEFAULT_CHARSET, _COLUMN_CHARSET, _NAME, _SET_LABELS, _ENUM_LABELS = 1, 2, 3, 4, 5, 6
_ENUM_DEFAULT_CHARSET, _ENUM_COLUMN_CHARSET = 10, 11


@dataclass(frozen=True, kw_only=True)
class WireColumn:
    """
    type: the real one, so ENUM and SET never hide as STRING. size: what the type's metadata says: bytes at most
    (strings), bytes of the length (blobs), bytes of the value (enum, set), digits of the fraction (times), bits;
    precision * 256 + scale. collation: 63 is binary, None where the type has none. With binlog_row_metadata below FULL
    the log says less: the name is empty, `unsigned` may be None, collation and labels may be missing.
    """

    name: str
    type: int
    size: int
    nullable: bool
    unsigned: bool | None = False
    collation: int | None = None
    labels: tuple[bytes, ...] = ()


@dataclass(frozen=True, kw_only=True)
class WireTable:
    name: TableName
    columns: tuple[WireColumn, ...]


class Cursor:
    """Reads the integers and strings of the protocol one after the other."""

    def __init__(self, data: bytes, at: int = 0) -> None:
        self.data = data
        self.at = at

    def take(self, size: int) -> bytes:
        start, self.at = self.at, self.at + size
        return self.data[start : self.at]

    def fixed(self, size: int) -> int:
        return int.from_bytes(self.take(size), "little")

    def packed(self) -> int:
        """A length-encoded integer."""
        first = self.fixed(1)
        return first if first < 251 else self.fixed({252: 2, 253: 3, 254: 8}[first])

    def string(self) -> bytes:
        return self.take(self.packed())

    @property
    def more(self) -> bool:
        return self.at < len(self.data)


def table_name(body: bytes) -> TableName:
    """Of a table map, without reading the rest of it."""
    cursor = Cursor(body, 8)
    schema = cursor.take(cursor.fixed(1) + 1)[:-1].decode()
    return TableName(schema=schema, name=cursor.take(cursor.fixed(1) + 1)[:-1].decode())


def table_map(body: bytes, *, mariadb: bool) -> WireTable:
    name = table_name(body)
    cursor = Cursor(body, 8)
    cursor.take(cursor.fixed(1) + 1)
    cursor.take(cursor.fixed(1) + 1)
    codes = cursor.string()
    metadata = Cursor(cursor.string())
    types = [_type(code, metadata) for code in codes]
    nullable = int.from_bytes(cursor.take((len(codes) + 7) // 8), "little")
    facts: dict[int, bytes] = {}
    while cursor.more:
        fact = cursor.fixed(1)
        facts[fact] = cursor.string()
    # Measured: MariaDB lists a collation (binary) for geometry too, MySQL for vectors but not for geometry.
    letters = _LETTERS | {FIELD_TYPE.GEOMETRY} if mariadb else _LETTERS
    return WireTable(name=name, columns=tuple(_columns(types, nullable, facts, letters)))


def _type(code: int, metadata: Cursor) -> tuple[int, int]:
    """Real type and size."""
    if code in _ONE_BYTE:
        return code, metadata.fixed(1)
    if code not in _TWO_BYTES:
        return code, 0
    first, second = metadata.take(2)
    if code == FIELD_TYPE.STRING:
        # CHAR's length has ten bits: the upper two stand, inverted, inside the type.
        labelled = first in (FIELD_TYPE.ENUM, FIELD_TYPE.SET)
        return (first, second) if labelled else (code, ((first & 0x30) ^ 0x30) << 4 | second)
    if code == FIELD_TYPE.BIT:
        return code, first + second * 8
    return code, first * 256 + second if code == FIELD_TYPE.NEWDECIMAL else first + second * 256


def _columns(
    types: list[tuple[int, int]], nullable: int, facts: dict[int, bytes], with_letters: set[int]
) -> Iterator[WireColumn]:
    names = _strings(facts.get(_NAME, b""))
    enums, sets = _label_lists(facts.get(_ENUM_LABELS, b"")), _label_lists(facts.get(_SET_LABELS, b""))
    signs = _signs(facts.get(_SIGNEDNESS, b""))
    letters = _collations(facts, _DEFAULT_CHARSET, _COLUMN_CHARSET)
    labelled = _collations(facts, _ENUM_DEFAULT_CHARSET, _ENUM_COLUMN_CHARSET)
    for place, (code, size) in enumerate(types):
        collation: int | None = None
        labels: tuple[bytes, ...] = ()
        if code in with_letters:
            collation = next(letters, None)
        elif code in (FIELD_TYPE.ENUM, FIELD_TYPE.SET):
            collation, labels = next(labelled, None), next(enums if code == FIELD_TYPE.ENUM else sets, ())
        yield WireColumn(
            name=next(names, b"").decode(),
            type=code,
            size=size,
            nullable=bool(nullable >> place & 1),
            unsigned=next(signs, None) if code in _SIGNED else False,
            collation=collation,
            labels=labels,
        )


def _strings(data: bytes) -> Iterator[bytes]:
    cursor = Cursor(data)
    while cursor.more:
        yield cursor.string()


def _label_lists(data: bytes) -> Iterator[tuple[bytes, ...]]:
    cursor = Cursor(data)
    while cursor.more:
        yield tuple(cursor.string() for _ in range(cursor.packed()))


def _signs(data: bytes) -> Iterator[bool]:
    """True for unsigned; one bit for each numeric column, the highest bit first."""
    return (bool(byte >> bit & 1) for byte in data for bit in range(7, -1, -1))


def _collations(facts: dict[int, bytes], default: int, each: int) -> Iterator[int]:
    """Either one for each column with letters, or a default and the columns (counted among those) that differ."""
    if each in facts:
        cursor = Cursor(facts[each])
        while cursor.more:
            yield cursor.packed()
    elif default in facts:
        cursor = Cursor(facts[default])
        usual, differing = cursor.packed(), {}
        while cursor.more:
            column = cursor.packed()
            differing[column] = cursor.packed()
        number = 0
        while True:
            yield differing.get(number, usual)
            number += 1


@dataclass(frozen=True, kw_only=True)
class Query:
    """collation: of the text, None where the event does not say."""

    schema: bytes
    text: bytes
    sql_mode: int
    collation: int | None


def is_begin(body: bytes) -> bool:
    """Whether a query event says BEGIN, as every second event of a busy server does."""
    return body.endswith(b"\0BEGIN") and len(body) == 19 + body[8] + int.from_bytes(body[11:13], "little")


_STATUS_SIZES = {0: 4, 1: 8, 3: 4, 4: 6}
_CATALOG, _CHARSET_COLLATIONS = 6, 131


def query(body: bytes, *, load: bool = False) -> Query:
    """load: the event is EXECUTE_LOAD_QUERY, which has a longer head."""
    size = body[8]
    status = int.from_bytes(body[11:13], "little")
    start = 13 + 13 * load
    variables = _status(Cursor(body[start : start + status]))
    schema = start + status
    charset = variables.get(4)
    return Query(
        schema=body[schema : schema + size],
        text=body[schema + size + 1 :],
        sql_mode=int.from_bytes(variables.get(1, b""), "little"),
        collation=int.from_bytes(charset[:2], "little") if charset else None,
    )


def _status(cursor: Cursor) -> dict[int, bytes]:
    """The first status variables, those in whose size we trust."""
    found: dict[int, bytes] = {}
    while cursor.more:
        code = cursor.fixed(1)
        if code in (_CATALOG, _CHARSET_COLLATIONS):  # a text; pairs of numbers, which MariaDB writes before the rest
            found[code] = cursor.take(cursor.fixed(1) * (1 if code == _CATALOG else 4))
        elif code in _STATUS_SIZES:
            found[code] = cursor.take(_STATUS_SIZES[code])
        else:
            break
    return found


def commit_time(body: bytes) -> float:
    """When this server committed the transaction that a MySQL GTID event begins, in seconds; 0: it does not say."""
    if len(body) < 49:
        return 0.0
    microseconds = int.from_bytes(body[42:49], "little") & (1 << 55) - 1
    return microseconds / 1e6
