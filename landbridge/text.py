"""
Lines of canonical text (docs/canonical-text.md): fields joined by TAB, NULL as \\N; backslash, TAB, LF and CR inside a
field escaped by a backslash. The very format of COPY's text format and of LOAD DATA's defaults.
"""

import re
from collections.abc import Iterable, Sequence

from landbridge.errors import Terminal
from landbridge.model import TableName

NULL = b"\\N"
_SPECIAL = re.compile(rb"[\\\t\n\r]")
_ESCAPES = {b"\\": b"\\\\", b"\t": b"\\t", b"\n": b"\\n", b"\r": b"\\r"}
_UNESCAPES = {b"t": b"\t", b"n": b"\n", b"r": b"\r", b"b": b"\b", b"f": b"\f", b"v": b"\v", b"0": b"\0"}
_ESCAPED = re.compile(rb"\\(.)", re.DOTALL)


def escape(field: bytes | None) -> bytes:
    """One field as it stands in a line."""
    if field is None:
        return NULL
    if _SPECIAL.search(field) is None:
        return field
    return _SPECIAL.sub(lambda match: _ESCAPES[match[0]], field)


def unescape(field: bytes) -> bytes | None:
    if field == NULL:
        return None
    if b"\\" not in field:
        return field
    return _ESCAPED.sub(lambda match: _UNESCAPES.get(match[1], match[1]), field)


def line(fields: tuple[bytes | None, ...]) -> bytes:
    return b"\t".join(map(escape, fields)) + b"\n"


def lines(columns: Iterable[Sequence[bytes | None]]) -> bytes:
    """The lines of rows that are given column by column: a third of the time that `line` takes for each of them."""
    return b"\n".join(map(b"\t".join, zip(*map(_escape_all, columns), strict=True))) + b"\n"


def whole_lines(table: TableName, columns: Iterable[Sequence[bytes | None]]) -> bytes:
    """`lines` of rows for the table; Terminal where one has not all its columns."""
    try:
        return lines(columns)
    except TypeError:
        raise Terminal(
            f"a row to insert into {table} came without all its columns",
            mend="let the source log whole rows; `landbridge precheck` names the setting",
        ) from None


def _escape_all(column: Sequence[bytes | None]) -> Sequence[bytes]:
    try:
        clean = _needs_no_escape(column)  # type: ignore[arg-type]
    except TypeError:  # it has NULLs, or something that is no field at all
        if not _needs_no_escape([field for field in column if field is not None]):
            return [escape(field) for field in column]
        return [NULL if field is None else field for field in column]
    return column if clean else [escape(field) for field in column]  # type: ignore[return-value]


def _needs_no_escape(column: Sequence[bytes]) -> bool:
    whole = b"\t".join(column)
    return not (b"\\" in whole or b"\n" in whole or b"\r" in whole or whole.count(b"\t") >= max(len(column), 1))


def split(line: bytes) -> tuple[bytes | None, ...]:
    """The fields of a line without its LF."""
    return tuple(map(unescape, line.split(b"\t")))
