"""
Whether a table in the log is the table that was recorded. Decoding by today's catalog, or by a table of another shape,
would swap columns without a word.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from pymysqlreplication.constants import FIELD_TYPE

from landbridge.endpoints.mysql.log import fields
from landbridge.endpoints.mysql.log.charsets import Charsets, of_collation
from landbridge.endpoints.mysql.log.events import BLOB_COMPRESSED, VARCHAR_COMPRESSED, WireColumn, WireTable
from landbridge.errors import SchemaDrift, Unsupported
from landbridge.kinds import Enum, Set
from landbridge.model import Column, Table

AGAIN = "begin the migration of this plan anew; changes to planned tables are not followed while it runs"

Shape = tuple[int, int]
Expectation = Callable[["_Recorded"], Shape]

_HIDDEN = re.compile(r"DB_ROW_HASH_\d+")
"""What MariaDB appends for a UNIQUE key over long texts."""

_NATIVE = re.compile(r"(\w+)\s*(?:\((\d+)(?:,(\d+))?\))?")
_OLD = {FIELD_TYPE.TIMESTAMP, FIELD_TYPE.DATETIME, FIELD_TYPE.TIME}

_NUMBERS = {
    "tinyint": (FIELD_TYPE.TINY, 0), "smallint": (FIELD_TYPE.SHORT, 0), "mediumint": (FIELD_TYPE.INT24, 0),
    "int": (FIELD_TYPE.LONG, 0), "bigint": (FIELD_TYPE.LONGLONG, 0), "float": (FIELD_TYPE.FLOAT, 4),
    "double": (FIELD_TYPE.DOUBLE, 8),
}  # fmt: skip
_BLOB_SIZES = {"tiny": 1, "": 2, "medium": 3, "long": 4}


def completed(table: Table, wire: WireTable, charsets: Charsets) -> WireTable:
    """
    What binlog_row_metadata below FULL leaves out, as recorded. Raises SchemaDrift where the rest does not fit: a table
    that was altered is found by its statement in the log, by this only if the columns' types differ.
    """
    if all(column.name for column in wire.columns):
        return wire
    recorded, more = table.columns, len(wire.columns) - len(table.columns)
    time = _of_time(table)
    if not 0 <= more - len(time) <= sum(index.unique and index.method == "hash" for index in table.indexes):
        raise SchemaDrift(
            f"table {table.name} has {len(wire.columns)} columns in the log, but was recorded with {len(recorded)}",
            mend=AGAIN,
        )
    numbers = {charset: number for number, charset in charsets.names.items()}
    told = [_told(*pair, numbers) for pair in zip(recorded, wire.columns, strict=False)]
    names = [*time, *(f"DB_ROW_HASH_{number}" for number in range(1, more - len(time) + 1))]
    hidden = [replace(column, name=name) for column, name in zip(wire.columns[len(recorded) :], names, strict=True)]
    for column, seen in zip(recorded, told, strict=True):
        if column.nullable != seen.nullable and column.zero_dates == "error":  # else the plan has made it nullable
            raise SchemaDrift(
                f"column {column.name} of table {table.name} was recorded as {column.native}, but the log has another"
                " nullability",
                mend=AGAIN,
            )
    return WireTable(name=wire.name, columns=(*told, *hidden))


def check_columns(table: Table, found: Sequence[tuple[str, str, str | None]]) -> None:
    """found: name, type and collation of the table's columns as they are now. Raises SchemaDrift when they differ."""
    recorded = [(column.name, column.native, column.collation) for column in table.columns]
    if [tuple(row) for row in found] != recorded:
        raise SchemaDrift(f"table {table.name} was altered between its recording and the capture's begin", mend=AGAIN)


def _of_time(table: Table) -> tuple[str, ...]:
    """The columns of rows' time that are in the log only."""
    names = (table.versioning.start, table.versioning.end) if table.versioning else ()
    return names if names and names[1] not in {column.name for column in table.columns} else ()


def _told(column: Column, seen: WireColumn, numbers: Mapping[str, int]) -> WireColumn:
    collation = seen.collation
    if collation is None and seen.type in fields.LETTERED:
        collation = numbers[of_collation(column.collation)] if column.collation else fields.BINARY
    labels = column.kind.labels if isinstance(column.kind, Enum | Set) else ()
    return replace(
        seen,
        name=column.name,
        unsigned="unsigned" in column.native if seen.unsigned is None else seen.unsigned,
        collation=collation,
        labels=seen.labels or tuple(label.encode() for label in labels),
    )


def check(table: Table, wire: WireTable, charsets: Charsets) -> None:
    """Raises SchemaDrift when they differ."""
    time = _of_time(table)
    found = [column for column in wire.columns if not _HIDDEN.fullmatch(column.name) and column.name not in time]
    names, recorded = [column.name for column in found], [column.name for column in table.columns]
    if names != recorded:
        raise SchemaDrift(
            f"table {table.name} has the columns {', '.join(names)} in the log, but was recorded with"
            f" {', '.join(recorded)}",
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
    expected = _EXPECTED.get(base)
    shape = expected(_Recorded(column, int(first or 0), int(second or 0), _width(seen, charsets))) if expected else None
    if shape is not None and shape != (seen.type, seen.size):
        yield "type" if shape[0] != seen.type else "size"
    if base in _NUMBERS and bool(seen.unsigned) != ("unsigned" in column.native):
        yield "sign"
    charset = charsets.names.get(seen.collation) if seen.collation is not None else None
    if column.collation and charset not in (None, of_collation(column.collation)):
        yield "character set"
    elif isinstance(column.kind, Enum | Set):
        labels = tuple(label.decode() for label in fields.labels(seen, charsets))
        if labels != column.kind.labels:
            yield "list of labels"


def _width(seen: WireColumn, charsets: Charsets) -> int:
    """The most bytes that a character has in this column."""
    return charsets.widths.get(charsets.names.get(seen.collation or fields.BINARY, ""), 1)


@dataclass(frozen=True)
class _Recorded:
    """A column with the numbers that its type has in parentheses, 0 where it has none."""

    column: Column
    first: int
    second: int
    width: int

    @property
    def compressed(self) -> bool:
        return "COMPRESSED" in self.column.native

    @property
    def labels(self) -> int:
        return len(self.column.kind.labels) if isinstance(self.column.kind, Enum | Set) else 0


def _string(recorded: _Recorded) -> Shape:
    size = (recorded.first if "(" in recorded.column.native else 1) * recorded.width
    fixed = recorded.column.native.startswith(("char", "binary"))
    if recorded.compressed:
        return VARCHAR_COMPRESSED, size + 1
    return (FIELD_TYPE.STRING if fixed else FIELD_TYPE.VARCHAR), size


def _set(recorded: _Recorded) -> Shape:
    size = (recorded.labels + 7) // 8
    return FIELD_TYPE.SET, 8 if size > 4 else size


def _number(code: int, size: int) -> Expectation:
    return lambda _: (code, size)


def _blob(size: int) -> Expectation:
    return lambda recorded: (BLOB_COMPRESSED if recorded.compressed else FIELD_TYPE.BLOB, size)


def _time(code: int) -> Expectation:
    return lambda recorded: (code, recorded.first)


_EXPECTED: dict[str, Expectation] = {
    **{name: _number(code, size) for name, (code, size) in _NUMBERS.items()},
    **{name: _number(FIELD_TYPE.STRING, size) for name, size in {"uuid": 16, "inet6": 16, "inet4": 4}.items()},
    **dict.fromkeys(("char", "varchar", "binary", "varbinary"), _string),
    **{f"{size}{what}": _blob(number) for size, number in _BLOB_SIZES.items() for what in ("text", "blob")},
    "datetime": _time(FIELD_TYPE.DATETIME2),
    "timestamp": _time(FIELD_TYPE.TIMESTAMP2),
    "time": _time(FIELD_TYPE.TIME2),
    "date": _number(FIELD_TYPE.DATE, 0),
    "year": _number(FIELD_TYPE.YEAR, 0),
    "json": _number(FIELD_TYPE.JSON, 4),
    "decimal": lambda recorded: (FIELD_TYPE.NEWDECIMAL, (recorded.first or 10) * 256 + recorded.second),
    "bit": lambda recorded: (FIELD_TYPE.BIT, recorded.first or 1),
    "enum": lambda recorded: (FIELD_TYPE.ENUM, 1 if recorded.labels < 256 else 2),
    "set": _set,
}
"""Type and size in the log of every type that is read."""
