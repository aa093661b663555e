"""
Whether a table in the log is the table that was recorded. Decoding by today's catalog, or by a table of another shape,
would swap columns without a word.
"""

import re
from collections.abc import Iterator

from pymysqlreplication.constants import FIELD_TYPE

from landbridge.endpoints.mysql import fields
from landbridge.endpoints.mysql.charsets import Charsets, of_collation
from landbridge.endpoints.mysql.events import BLOB_COMPRESSED, VARCHAR_COMPRESSED, WireColumn, WireTable
from landbridge.errors import SchemaDrift, Unsupported
from landbridge.kinds import Enum, Set
from landbridge.model import Column, Table

AGAIN = "begin the migration of this plan anew; changes to planned tables are not followed while it runs"

_HIDDEN = re.compile(r"DB_ROW_HASH_\d+")
"""What MariaDB appends for a UNIQUE key over long texts."""

_NATIVE = re.compile(r"(\w+)\s*(?:\((\d+)(?:,(\d+))?\))?")
_OLD = {FIELD_TYPE.TIMESTAMP, FIELD_TYPE.DATETIME, FIELD_TYPE.TIME}

_NUMBERS = {
    "tinyint": FIELD_TYPE.TINY, "smallint": FIELD_TYPE.SHORT, "mediumint": FIELD_TYPE.INT24, "int": FIELD_TYPE.LONG,
    "bigint": FIELD_TYPE.LONGLONG, "float": FIELD_TYPE.FLOAT, "double": FIELD_TYPE.DOUBLE,
}  # fmt: skip
_TIMES = {"datetime": FIELD_TYPE.DATETIME2, "timestamp": FIELD_TYPE.TIMESTAMP2, "time": FIELD_TYPE.TIME2}
_STRINGS = {
    "char": FIELD_TYPE.STRING, "binary": FIELD_TYPE.STRING, "varchar": FIELD_TYPE.VARCHAR, "varbinary": FIELD_TYPE.VARCHAR,
}  # fmt: skip
_BLOBS = {
    "tinytext": 1, "tinyblob": 1, "text": 2, "blob": 2, "mediumtext": 3, "mediumblob": 3, "longtext": 4, "longblob": 4,
}  # fmt: skip
_FIXED = {"uuid": 16, "inet6": 16, "inet4": 4}


def check(table: Table, wire: WireTable, charsets: Charsets) -> None:
    """Raises SchemaDrift when they differ."""
    found = [column for column in wire.columns if not _HIDDEN.fullmatch(column.name)]
    names, recorded = [column.name for column in found], [column.name for column in table.columns]
    if names != recorded:
        raise SchemaDrift(
            f"table {table.name} has the columns {', '.join(names)} in the log, but {', '.join(recorded)} were recorded",
            mend=AGAIN,
        )
    for column, seen in zip(table.columns, found, strict=True):
        if seen.type in _OLD:
            raise Unsupported(
                f"column {column.name} of {table.name} still has the storage format of servers before 5.6",
                mend=f"ALTER TABLE {table.name} FORCE",
            )
        differences = list(_differences(column, seen, charsets))
        if differences:
            raise SchemaDrift(
                f"column {column.name} of table {table.name} was recorded as {column.native}, but the log has another"
                f" {' and another '.join(differences)}",
                mend=AGAIN,
            )


def _differences(column: Column, seen: WireColumn, charsets: Charsets) -> Iterator[str]:
    matched = _NATIVE.match(column.native)
    base, first, second = matched.groups() if matched else ("", None, None)
    shape = _expected(base, int(first or 0), int(second or 0), column, seen, charsets)
    if shape is not None and shape != (seen.type, seen.size):
        yield "type" if shape[0] != seen.type else "size"
    if base in _NUMBERS and seen.unsigned != ("unsigned" in column.native):
        yield "sign"
    if column.collation and seen.collation is not None and of_collation(column.collation) != charsets.names.get(seen.collation):
        yield "character set"
    if isinstance(column.kind, Enum | Set):
        labels = tuple(label.decode() for label in fields.labels(seen, charsets))
        if labels != column.kind.labels:
            yield "list of labels"


def _expected(
    base: str, first: int, second: int, column: Column, seen: WireColumn, charsets: Charsets
) -> tuple[int, int] | None:
    """Type and size in the log of a recorded type, None for a type that is never read."""
    compressed = "COMPRESSED" in column.native
    if base in _NUMBERS:
        return _NUMBERS[base], {"float": 4, "double": 8}.get(base, 0)
    if base in _TIMES:
        return _TIMES[base], first
    if base in _STRINGS:
        width = charsets.widths.get(charsets.names.get(seen.collation or fields.BINARY, ""), 1)
        size = (first if "(" in column.native else 1) * width
        return (VARCHAR_COMPRESSED, size + 1) if compressed else (_STRINGS[base], size)
    if base in _BLOBS:
        return (BLOB_COMPRESSED if compressed else FIELD_TYPE.BLOB), _BLOBS[base]
    if base in _FIXED:
        return FIELD_TYPE.STRING, _FIXED[base]
    return _expected_other(base, first, second, column, seen)


def _expected_other(base: str, first: int, second: int, column: Column, seen: WireColumn) -> tuple[int, int] | None:
    if base == "decimal":
        return FIELD_TYPE.NEWDECIMAL, (first or 10) * 256 + second
    if base == "bit":
        return FIELD_TYPE.BIT, first or 1
    if base == "date":
        return (FIELD_TYPE.NEWDATE if seen.type == FIELD_TYPE.NEWDATE else FIELD_TYPE.DATE), 0
    if base == "year":
        return FIELD_TYPE.YEAR, 0
    if base == "json":
        return FIELD_TYPE.JSON, 4
    if isinstance(column.kind, Enum):
        return FIELD_TYPE.ENUM, 1 if len(column.kind.labels) < 256 else 2
    if isinstance(column.kind, Set):
        size = (len(column.kind.labels) + 7) // 8
        return FIELD_TYPE.SET, 8 if size > 4 else size
    return None
