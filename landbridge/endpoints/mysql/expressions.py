"""
SQL expressions that yield canonical text (docs/canonical-text.md) on a server of this family.

Two rules keep them exact. NULL is tested on the raw column, and what is joined is joined by CONCAT: a function whose
result would pass max_allowed_packet yields NULL with a mere warning, so an overflow makes the whole line NULL, which
never is data. And text is turned into UTF-8 first and into a binary string then: bytes are searched and replaced three
times faster than characters, and no collation has a say.
"""

from collections.abc import Callable

from landbridge.endpoints.mysql import texts
from landbridge.endpoints.mysql.names import quote
from landbridge.errors import Terminal
from landbridge.kinds import (
    FREE_TEXT,
    Bit,
    Bool,
    Bytes,
    Decimal,
    Float,
    Geometry,
    Inet,
    Int,
    Json,
    Text,
    TimestampTz,
    Uuid,
    Vector,
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
    """
    The canonical text of a column, NULL where the column is, or where it is too long for one value. A column of texts
    keeps it as it is.
    """
    made = _text if field.native == "longtext" else _BY_KIND.get(type(field.kind))
    text = made(quote(field.name), field) if made else quote(field.name)
    if field.nul == "strip":
        text = f"replace({text}, x'00', '')"
    return f"if({is_no_date(field.name)}, null, {text})" if field.zero_dates == "null" else text


def is_no_date(name: str) -> str:
    """Condition for zero, partial and impossible dates and those of year 0, which no calendar has; NULL for NULL."""
    column = quote(name)
    part = f"year({column}) = 0 or month({column}) = 0 or dayofmonth({column}) = 0"
    return f"({part} or dayofmonth({column}) > dayofmonth(last_day({column})))"


def is_null(field: Field) -> str:
    """Condition that a field travels as NULL."""
    null = f"{quote(field.name)} is null"
    return f"({null} or {is_no_date(field.name)})" if field.zero_dates == "null" else null


def _text(column: str, _: Field) -> str:
    return f"convert(convert({column} using utf8mb4) using binary)"


def _json(column: str, field: Field) -> str:
    """
    Of JSON that is longer than max_allowed_packet the server makes an empty text, with a mere warning, even in a plain
    SELECT (measured on MySQL 9.7). No document is empty.
    """
    return f"nullif({_text(column, field)}, '')" if field.native == "json" else _text(column, field)


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
    if not field.native.startswith("bit"):
        return column
    return f"lpad(bin({column} + 0), {getattr(field.kind, 'length', 64)}, '0')"


def _integer(column: str, field: Field) -> str:
    return f"cast({column} as unsigned)" if "zerofill" in field.native else column


def _decimal(column: str, field: Field) -> str:
    digits = field.native.partition("(")[2].partition(")")[0]
    if isinstance(field.kind, Decimal) and field.kind.scale is None:
        # Each of the source's values had a scale of its own.
        trimmed = f"trim(trailing '.' from trim(trailing '0' from {column}))"
        return f"if(locate('.', {column}), {trimmed}, {column})"
    return f"cast({column} as decimal({digits}))" if "zerofill" in field.native else column


def _timestamptz(column: str, _: Field) -> str:
    return f"concat({column}, '+00')"


def _inet(column: str, field: Field) -> str:
    """IPv6 written out, for servers shorten it in ways of their own."""
    groups = rf"regexp_replace(lower(hex({column})), '(....)(?=.)', '\\1:')"
    return groups if field.native == "inet6" else f"cast({column} as char)"


def is_packed(field: Field) -> bool:
    """Whether the column is a geometry or a vector of the server's own: the kind may be kept as a text as well."""
    own = (Geometry, ("geom", "point", "line", "polygon", "multi")), (Vector, ("vector",))
    return any(isinstance(field.kind, kind) and field.native.startswith(names) for kind, names in own)


def _geometry(column: str, field: Field) -> str:
    """
    EWKB in hex. The server keeps four bytes of SRID and then WKB, little-endian and X before Y whatever axis order a
    reference system has (manual, "Supported Spatial Data Formats"; measured on MySQL 9.7).
    """
    if not is_packed(field):
        return _text(column, field)
    digits = f"lower(hex({column}))"
    with_srid = f"concat(substr({digits}, 9, 8), '20', left({digits}, 8), substr({digits}, 19))"
    return f"if(left({digits}, 8) = '00000000', substr({digits}, 9), {with_srid})"


def _vector(column: str, field: Field) -> str:
    """The servers print six digits, too few: as if it were too long, its row travels by plain columns (`raw`)."""
    return "null" if is_packed(field) else _text(column, field)


_BY_KIND: dict[type, Callable[[str, Field], str]] = {
    **dict.fromkeys(FREE_TEXT, _text),
    Json: _json,
    Bytes: _bytes,
    Float: _double,
    Bit: _bit,
    Int: _integer,
    Bool: _integer,
    Decimal: _decimal,
    TimestampTz: _timestamptz,
    Uuid: lambda column, _: f"cast({column} as char)",
    Inet: _inet,
    Geometry: _geometry,
    Vector: _vector,
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
    return f"if({is_null(field)}, {_NULL}, {expression})"


def _concat(separator: str, parts: list[str], end: str | None = None) -> str:
    joined = f", {separator}, ".join(parts)
    return f"concat({joined}, {end})" if end else f"concat({joined})"


def _whole_document(text: bytes) -> bytes:
    if not text:
        raise Terminal(
            "a JSON value is longer than max_allowed_packet: the server hands out an empty text for it",
            mend="SET GLOBAL max_allowed_packet = 1073741824;",
        )
    return bytes(text)


def _without_nul(text: bytes) -> bytes:
    return text.replace(b"\0", b"")


def raw(field: Field) -> tuple[str, Callable[[bytes], bytes]]:
    """An expression of any length at all, and what makes its bytes (as the driver hands them out) canonical text."""
    if isinstance(field.kind, Bytes):
        return quote(field.name), lambda value: b"\\x" + value.hex().encode()
    if isinstance(field.kind, Json) and field.native == "json":
        return quote(field.name), _whole_document
    if isinstance(field.kind, FREE_TEXT):
        return quote(field.name), _without_nul if field.nul == "strip" else bytes
    if is_packed(field):
        return quote(field.name), texts.ewkb if isinstance(field.kind, Geometry) else texts.vector
    return canonical(field), bytes
