"""How canonical text (docs/canonical-text.md) becomes a column's value: as an SQL expression, and as a constant."""

from collections.abc import Callable

from landbridge.change import Value
from landbridge.endpoints.mysql.expressions import is_packed
from landbridge.endpoints.mysql.names import quote
from landbridge.kinds import Bit, Bytes, Geometry, TimestampTz, Uuid
from landbridge.model import Field

Expression = Callable[[str], str]

_BINARY = ("binary", "varbinary", "tinyblob", "blob", "mediumblob", "longblob")


def taken(field: Field, *, mariadb: bool) -> Expression | None:
    """The column's value as an expression over one that is its canonical text. None: the server takes the text."""
    if is_packed(field):
        packed = "vec_fromtext" if mariadb else "string_to_vector"
        return _geometry if isinstance(field.kind, Geometry) else lambda text: f"{packed}({text})"
    natives, make = _MAKERS.get(type(field.kind), ((), None))
    return make if field.native.startswith(natives) else None


def _geometry(text: str) -> str:
    """
    Little-endian EWKB in hex as the server's own form: SRID, then WKB without it (manual, "Supported Spatial Data
    Formats"). X is before Y in both, so no function with an opinion on axis order is asked.
    """
    with_srid = f"concat(substr({text}, 11, 8), '01', substr({text}, 3, 6), '00', substr({text}, 19))"
    return f"unhex(if(substr({text}, 9, 2) = '20', {with_srid}, concat('00000000', {text})))"


_MAKERS: dict[type, tuple[tuple[str, ...], Expression]] = {
    Bytes: (_BINARY, lambda text: f"unhex(substr({text}, 3))"),
    Bit: (("bit",), lambda text: f"cast(conv({text}, 2, 10) as unsigned)"),
    TimestampTz: (("timestamp", "datetime"), lambda text: f"trim(trailing '+00' from {text})"),
    Uuid: (("binary",), lambda text: f"unhex(replace({text}, '-', ''))"),
}
"""By kind: the native types, by how they begin, that need an expression, and that expression."""


def constant(field: Field, value: Value, *, mariadb: bool) -> bytes:
    """The value in a statement, NULL for None."""
    if value is None:
        return b"null"
    make = taken(field, mariadb=mariadb)
    if isinstance(field.kind, Bytes) and make is not None:  # half as long as by UNHEX
        return b"x'%b'" % bytes.fromhex(value[2:].decode()).hex().encode()
    text = _quoted(value)
    # LATIN-1 keeps every byte what it is on its way through the expression.
    return text if make is None else make(text.decode("latin-1")).encode("latin-1")


def _quoted(value: bytes) -> bytes:
    return b"'%b'" % value.replace(b"\\", b"\\\\").replace(b"'", b"\\'").replace(b"\0", b"\\0")


def columns(fields: tuple[Field, ...], *, mariadb: bool) -> str:
    """
    What stands behind LOAD DATA's format: the columns that take the text of the line, and variables for those that
    take an expression over it.
    """
    names, sets = [], []
    for place, field in enumerate(fields):
        make = taken(field, mariadb=mariadb)
        names.append(quote(field.name) if make is None else f"@f{place}")
        sets += [] if make is None else [f"{quote(field.name)} = {make(f'@f{place}')}"]
    return f"({', '.join(names)})" + (f" set {', '.join(sets)}" if sets else "")
