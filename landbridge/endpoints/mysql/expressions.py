"""
SQL expressions that yield canonical text (docs/canonical-text.md) on a server of this family.

Two rules keep them exact. NULL is tested on the raw column, and what is joined is joined by CONCAT: a function whose
result would pass max_allowed_packet yields NULL with a mere warning, so an overflow makes the whole line NULL, which
never is data. And text is turned into UTF-8 first and into a binary string then: bytes are searched and replaced three
times faster than characters, and no collation has a say.
"""

from collections.abc import Callable

from landbridge.endpoints.mysql.names import quote
from landbridge.kinds import (
    FREE_TEXT,
    Bit,
    Bool,
    Bytes,
    Decimal,
    Float,
    Inet,
    Int,
    Text,
    TimestampTz,
    Uuid,
)
from landbridge.model import Field, Relation

_TAB = r"'\t'"
_NULL = r"'\\N'"
_LF = r"'\n'"
_ESCAPES = {"5c": "5c", "09": "74", "0a": "6e", "0d": "72"}
"""What is escaped, backslash first, and the letter that then stands behind a backslash."""

_SHORT = 500
"""Bytes below which a text is escaped by REPLACE on MariaDB."""

OVERFLOW = 10**30
"""What a row whose hash is NULL adds to a sum of hashes: more than the hashes of any table together."""


def canonical(field: Field) -> str:
    """The canonical text of a column, NULL where the column is, or where it is too long for one value."""
    made = _BY_KIND.get(type(field.kind))
    return made(quote(field.name), field) if made else quote(field.name)


def _text(column: str, _: Field) -> str:
    return f"convert(convert({column} using utf8mb4) using binary)"


def _bytes(column: str, _: Field) -> str:
    return rf"concat('\\x', lower(hex({column})))"


def _escaped_bytes(column: str) -> str:
    return rf"concat('\\\\x', lower(hex({column})))"


def _double(column: str, field: Field) -> str:
    """
    The shortest digits of the value as a double. The server prints them for a DOUBLE column only: for FLOAT it stops at
    six digits, for DOUBLE(m, d) at d decimals, and MySQL cuts what an expression yields to 22 characters, which is just
    enough for those two without the sign.
    """
    if field.native in ("double", "double unsigned"):
        return column
    if field.native == "double unsigned zerofill":
        return f"concat('0', trim(leading '0' from {column}))"
    return f"concat(if(left({column}, 1) = '-', '-', ''), abs({column} + 0e0))"


def _bit(column: str, field: Field) -> str:
    return f"lpad(bin({column} + 0), {getattr(field.kind, 'length', 64)}, '0')"


def _integer(column: str, field: Field) -> str:
    return f"cast({column} as unsigned)" if "zerofill" in field.native else column


def _decimal(column: str, field: Field) -> str:
    digits = field.native.partition("(")[2].partition(")")[0]
    return f"cast({column} as decimal({digits}))" if "zerofill" in field.native else column


def _timestamptz(column: str, _: Field) -> str:
    return f"concat({column}, '+00')"


def _inet(column: str, field: Field) -> str:
    """IPv6 written out, for servers shorten it in ways of their own."""
    groups = rf"regexp_replace(lower(hex({column})), '(....)(?=.)', '\\1:')"
    return groups if field.native == "inet6" else f"cast({column} as char)"


_BY_KIND: dict[type, Callable[[str, Field], str]] = {
    **dict.fromkeys(FREE_TEXT, _text),
    Bytes: _bytes,
    Float: _double,
    Bit: _bit,
    Int: _integer,
    Bool: _integer,
    Decimal: _decimal,
    TimestampTz: _timestamptz,
    Uuid: lambda column, _: f"cast({column} as char)",
    Inet: _inet,
}
"""Other kinds are numbers and points in time that the server prints in canonical form."""


def line(relation: Relation, *, mariadb: bool) -> str:
    """The row as one escaped line with its LF. NULL: some value is too long for this lane."""
    return _concat(_TAB, [_or_null(field, _escaped(field, mariadb)) for field in relation.fields], _LF)


def _escaped(field: Field, mariadb: bool) -> str:
    column, kind = quote(field.name), field.kind
    if isinstance(kind, Bytes):
        return _escaped_bytes(column)
    if not isinstance(kind, FREE_TEXT):
        return canonical(field)
    replaced = canonical(field)
    for byte, letter in _ESCAPES.items():
        replaced = f"replace({replaced}, x'{byte}', x'5c{letter}')"
    if not mariadb or (isinstance(kind, Text) and kind.length is not None and kind.length < _SHORT):
        return replaced
    # MariaDB's REPLACE moves the rest of the text for every byte it finds: a megabyte of lines takes it 14 seconds,
    # REGEXP_REPLACE 0.02. For short texts that is the slower one.
    searched = canonical(field)
    for byte, letter in _ESCAPES.items():
        after = bytes.fromhex(letter).decode().replace("\\", r"\\\\")
        searched = rf"regexp_replace({searched}, '\\x{byte}', '\\\\{after}')"
    return f"if(length({column}) < {_SHORT}, {replaced}, {searched})"


def text(relation: Relation) -> str:
    """
    The row as text to be hashed: fields joined by TAB, not escaped, then the byte length of each free text (nothing for
    NULL), so that different rows never have the same text. Read from its end, it can be parsed in one way only.
    """
    fields = [_or_null(field, canonical(field)) for field in relation.fields]
    free = [field for field in relation.fields if isinstance(field.kind, FREE_TEXT)]
    lengths = [f"ifnull(length({canonical(field)}), '')" for field in free]
    return _concat(_TAB, fields + lengths)


def hashed(relation: Relation) -> str:
    """The first 64 bits of the text's SHA-256, as BIGINT UNSIGNED."""
    return f"cast(conv(left(sha2({text(relation)}, 256), 16), 16, 10) as unsigned)"


def _or_null(field: Field, expression: str) -> str:
    return f"if({quote(field.name)} is null, {_NULL}, {expression})"


def _concat(separator: str, parts: list[str], end: str | None = None) -> str:
    joined = f", {separator}, ".join(parts)
    return f"concat({joined}, {end})" if end else f"concat({joined})"


def raw(field: Field) -> tuple[str, Callable[[bytes], bytes]]:
    """An expression of any length at all, and what makes its bytes (as the driver hands them out) canonical text."""
    if isinstance(field.kind, Bytes):
        return quote(field.name), lambda value: b"\\x" + value.hex().encode()
    if isinstance(field.kind, FREE_TEXT):
        return quote(field.name), bytes
    return canonical(field), bytes
