"""
How each type of the log is laid out in bytes, and the Python source that turns its bytes into canonical text.

Layouts: MySQL source documentation, "Row Images" and the field types' pack() (sql/field.cc, my_time, decimal). Measured
on MySQL 9.7 and MariaDB 10.11, 11.8 where the documentation is silent.
"""

import zlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from pymysqlreplication.constants import FIELD_TYPE

from landbridge.endpoints.mysql import texts
from landbridge.endpoints.mysql.log import jsonb
from landbridge.endpoints.mysql.log.charsets import Charsets, Decoder
from landbridge.endpoints.mysql.log.events import BLOB_COMPRESSED, VARCHAR_COMPRESSED, VECTOR, WireColumn
from landbridge.kinds import Bytes, Geometry, Inet, Kind, Uuid, Vector

BINARY = 63
"""The collation of bytes."""


@dataclass(frozen=True, kw_only=True)
class Layout:
    """
    code: `struct` code of the value or, when `prefix`, of the length before it (a string code: little-endian bytes).
    source: an expression of the canonical text; {v} is the unpacked value, {c} the column's own constant. None: this
    type can be stepped over but not read.
    """

    code: str
    source: str | None
    constant: Any = None
    prefix: bool = False


NAMES: dict[str, Any] = {
    "DATE": texts.PackedDate(),
    "DAY": texts.PackedDay(),
    "CLOCK": texts.PackedClock(),
    "EPOCH_DAY": texts.EpochDay(),
    "SECOND": texts.SecondOfDay(),
    "FRACTION": texts.FRACTION,
    "MILLI": texts.MILLI,
    "real": texts.real,
    "big": int.from_bytes,
    "is_a_date": texts.is_a_date,
}
"""What the sources may name besides {c}."""

_INTS = {
    FIELD_TYPE.TINY: "b", FIELD_TYPE.SHORT: "h", FIELD_TYPE.INT24: "3s", FIELD_TYPE.LONG: "i", FIELD_TYPE.LONGLONG: "q",
}  # fmt: skip
_BLOBS = {FIELD_TYPE.BLOB, FIELD_TYPE.JSON, FIELD_TYPE.GEOMETRY, VECTOR, BLOB_COMPRESSED}
_STRINGS = {FIELD_TYPE.VARCHAR, FIELD_TYPE.VAR_STRING, FIELD_TYPE.STRING, VARCHAR_COMPRESSED}
LETTERED = _BLOBS | _STRINGS
_LENGTHS = {1: "B", 2: "H", 3: "3s", 4: "I"}
_ENUM_CODES = {1: "B", 2: "H"}


def layout(wire: WireColumn, kind: Kind | None, charsets: Charsets) -> Layout | None:
    """kind: None for a column that is only stepped over. None: a type this version does not know."""
    if wire.type in _INTS:
        return _int(wire)
    if wire.type in _STRINGS or wire.type in _BLOBS:
        size = wire.size if wire.type in _BLOBS else 1 if wire.size < 256 else 2
        return Layout(code=_LENGTHS[size], prefix=True, **_letters(wire, kind, charsets))
    maker = _MAKERS.get(wire.type)
    return maker(wire, charsets) if maker else None


def without_odd_dates(found: Layout) -> Layout:
    """None for what is no date: the plan's `zero_dates: null`."""
    assert found.source is not None
    return replace(found, source=f"(day if is_a_date(day := {found.source}) else None)")


def without_nul(found: Layout) -> Layout:
    """A text without the character NUL: the plan's `nul: strip`."""
    assert found.source is not None
    return replace(found, source=f"{found.source}.replace(b'\\0', b'')")


def _int(wire: WireColumn) -> Layout:
    code = _INTS[wire.type]
    if code == "b":
        low = 0 if wire.unsigned else -128
        # A negative index counts from the table's end, which is where two's complement has the negative numbers.
        table = [b"%d" % number for number in (*range(low + 256), *range(low, 0))]
        return Layout(code="B" if wire.unsigned else "b", source="{c}[{v}]", constant=table)
    if code == "3s":
        return Layout(code=code, source=f"str(big({{v}}, 'little', signed={not wire.unsigned})).encode()")
    return Layout(code=code.upper() if wire.unsigned else code, source="str({v}).encode()")


def _letters(wire: WireColumn, kind: Kind | None, charsets: Charsets) -> dict[str, Any]:
    """Source and constant of strings and blobs."""
    compressed = wire.type in (BLOB_COMPRESSED, VARCHAR_COMPRESSED)
    if wire.type == FIELD_TYPE.JSON:
        return {"source": "{c}({v})", "constant": jsonb.text}
    if isinstance(kind, Geometry | Vector):
        return {"source": "{c}({v})", "constant": texts.ewkb if isinstance(kind, Geometry) else texts.vector}
    if kind is None or wire.collation is None:
        return {"source": None}
    if isinstance(kind, Uuid | Inet):
        return {"source": "{c}({v})", "constant": texts.uuid if isinstance(kind, Uuid) else _inet(wire.size)}
    if wire.collation != BINARY:
        return _text(charsets.decoder(wire.collation), compressed)
    value = "{c}({v})" if compressed else "{v}"
    if isinstance(kind, Bytes) and kind.fixed:
        value = f"{{v}}.ljust({wire.size}, b'\\0')"  # the log leaves out the zero bytes at the end
    return {"source": f"('\\\\x' + {value}.hex()).encode()", "constant": inflate if compressed else None}


def _text(decoder: Decoder | None, compressed: bool) -> dict[str, Any]:
    if not compressed:
        return {"source": "{c}({v})" if decoder else "{v}", "constant": decoder}
    decode = decoder or bytes
    return {"source": "{c}({v})", "constant": lambda value: decode(inflate(value))}


def inflate(value: bytes) -> bytes:
    """
    MariaDB's COMPRESSED column: a byte with the method (upper half, 0: none) and the size of the length that follows
    (lower three bits), the length before compression, and the data.
    """
    if not value or value[0] == 0:
        return value[1:]
    return zlib.decompress(value[1 + (value[0] & 7) :], -15 if value[0] & 8 else 15)


def _inet(size: int) -> Callable[[bytes], bytes]:
    return texts.inet4 if size == 4 else texts.inet6


def _decimal(wire: WireColumn, _: Charsets) -> Layout:
    precision, scale = divmod(wire.size, 256)
    size = texts.decimal_size(precision - scale) + texts.decimal_size(scale)
    top = texts.decimal_top(precision, scale)
    source = f"{texts.decimal_source(precision, scale)} if (x := big({{v}}, 'big') ^ {top}) < {top} else {{c}}({{v}})"
    return Layout(code=f"{size}s", source=source, constant=texts.decimal(precision, scale))


def _datetime(wire: WireColumn, _: Charsets) -> Layout:
    """Bits: sign 1, year * 13 + month 17, day 5, hour 5, minute 6, second 6, then the fraction's bytes."""
    digits, size = wire.size, (wire.size + 1) // 2
    rest = 8 * size
    source = f"DAY[(x := big({{v}}, 'big')) >> {17 + rest}] + CLOCK[x >> {rest} & 131071]"
    return Layout(code=f"{5 + size}s", source=f"({source}{_fraction(digits)}).encode()")


def _timestamp(wire: WireColumn, _: Charsets) -> Layout:
    """Seconds since 1970 and the fraction; all zero: the zero date."""
    digits, size = wire.size, (wire.size + 1) // 2
    source = f"EPOCH_DAY[(s := x >> {8 * size}) // 86400] + SECOND[s % 86400]{_fraction(digits)} + '+00'"
    zero = f"0000-00-00 00:00:00{'.' * bool(digits)}{'0' * digits}+00".encode()
    return Layout(code=f"{4 + size}s", source=f"({source}).encode() if (x := big({{v}}, 'big')) else {zero!r}")


def _fraction(digits: int) -> str:
    """Source of the fraction, which stands at the end of x in as many bytes as digits make pairs."""
    if digits == 0:
        return ""
    if digits <= 2:
        return f" + FRACTION[(x & 255) * 10][:{1 + digits}]"
    if digits <= 4:
        last = " + MILLI[y % 10 * 100][0]" if digits == 4 else ""
        return f" + FRACTION[(y := x & 65535) // 10]{last}"
    return f" + FRACTION[(y := x & 16777215) // 1000] + MILLI[y % 1000]{'[:2]' if digits == 5 else ''}"


def _time(wire: WireColumn, _: Charsets) -> Layout:
    size = (wire.size + 1) // 2
    return Layout(code=f"{3 + size}s", source="{c}({v})", constant=texts.time(wire.size))


def _bit(wire: WireColumn, _: Charsets) -> Layout:
    return Layout(code=f"{(wire.size + 7) // 8}s", source=f"f\"{{big({{v}}, 'big'):0{wire.size}b}}\".encode()")


def _enum(wire: WireColumn, charsets: Charsets) -> Layout:
    return Layout(code=_ENUM_CODES[wire.size], source="{c}[{v}]", constant=(b"", *labels(wire, charsets)))


def _set(wire: WireColumn, charsets: Charsets) -> Layout:
    source = "{c}[big({v}, 'little')]"
    return Layout(code=f"{wire.size}s", source=source, constant=texts.LabelSets(labels(wire, charsets)))


def labels(wire: WireColumn, charsets: Charsets) -> tuple[bytes, ...]:
    """An enum's or a set's labels in UTF-8."""
    decoder = charsets.decoder(wire.collation) if wire.collation not in (None, BINARY) else None
    return tuple(map(decoder, wire.labels)) if decoder else wire.labels


_YEARS = [b"0000", *(b"%d" % (1900 + year) for year in range(1, 256))]

_MAKERS: dict[int, Callable[[WireColumn, Charsets], Layout]] = {
    FIELD_TYPE.FLOAT: lambda _wire, _charsets: Layout(code="f", source="real({v})"),
    FIELD_TYPE.DOUBLE: lambda _wire, _charsets: Layout(code="d", source="real({v})"),
    FIELD_TYPE.YEAR: lambda _wire, _charsets: Layout(code="B", source="{c}[{v}]", constant=_YEARS),
    FIELD_TYPE.DATE: lambda _wire, _charsets: Layout(code="3s", source="DATE[{v}]"),
    FIELD_TYPE.NEWDECIMAL: _decimal,
    FIELD_TYPE.DATETIME2: _datetime,
    FIELD_TYPE.TIMESTAMP2: _timestamp,
    FIELD_TYPE.TIME2: _time,
    FIELD_TYPE.BIT: _bit,
    FIELD_TYPE.ENUM: _enum,
    FIELD_TYPE.SET: _set,
}
