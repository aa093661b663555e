"""
MySQL's binary JSON as the text that CAST(json AS CHAR) gives.

Format: MySQL source documentation, sql-common/json_binary.h. A value is a type byte and its bytes; objects and arrays
hold offsets counted from their own first byte, two bytes wide in small ones, four in large ones.
"""

import base64
import re
import struct
from collections.abc import Callable

from pymysqlreplication.constants import FIELD_TYPE

from landbridge.endpoints.mysql import texts
from landbridge.errors import Unsupported

_SMALL_OBJECT, _LARGE_OBJECT, _SMALL_ARRAY, _LARGE_ARRAY, _LITERAL = range(5)
_DOUBLE, _STRING, _OPAQUE = 0x0B, 0x0C, 0x0F
_LITERALS = {0: b"null", 1: b"true", 2: b"false"}
_NUMBERS = {
    0x05: struct.Struct("<h"), 0x06: struct.Struct("<H"), 0x07: struct.Struct("<i"), 0x08: struct.Struct("<I"),
    0x09: struct.Struct("<q"), 0x0A: struct.Struct("<Q"),
}  # fmt: skip
_INLINED = {False: {_LITERAL, 0x05, 0x06}, True: {_LITERAL, 0x05, 0x06, 0x07, 0x08}}
"""Types that stand in the list of values itself, in small and in large objects and arrays."""

_SPECIAL = re.compile(rb'[\x00-\x1f"\\]')
_ESCAPES = {b'"': b'\\"', b"\\": b"\\\\", b"\b": b"\\b", b"\f": b"\\f", b"\n": b"\\n", b"\r": b"\\r", b"\t": b"\\t"}


def text(value: bytes) -> bytes:
    """An empty value is what IGNORE stores where NULL was given for NOT NULL: the server shows it as null."""
    return _value(value, value[0], 1) if value else b"null"


def _value(data: bytes, kind: int, at: int) -> bytes:
    if kind == _STRING:
        start, end = _extent(data, at)
        return quoted(data[start:end])
    if kind in _NUMBERS:
        number: int = _NUMBERS[kind].unpack_from(data, at)[0]
        return b"%d" % number
    if kind <= _LARGE_ARRAY:
        return _container(data, kind, at)
    if kind == _LITERAL:
        return _LITERALS[data[at]]
    if kind == _DOUBLE:
        return _double(struct.unpack_from("<d", data, at)[0])
    if kind == _OPAQUE:
        start, end = _extent(data, at + 1)
        return _opaque(data[at], data[start:end])
    raise Unsupported(f"JSON in the log holds a value of the unknown type {kind}", mend="report it with its version")


def _container(data: bytes, kind: int, start: int) -> bytes:
    large, is_object = kind in (_LARGE_OBJECT, _LARGE_ARRAY), kind in (_SMALL_OBJECT, _LARGE_OBJECT)
    width = 4 if large else 2
    count = int.from_bytes(data[start : start + width], "little")
    keys = start + 2 * width
    entries = keys + (count * (width + 2) if is_object else 0)
    items = []
    for at in range(entries, entries + count * (1 + width), 1 + width):
        kind = data[at]
        place = at + 1 if kind in _INLINED[large] else start + int.from_bytes(data[at + 1 : at + 1 + width], "little")
        items.append(_value(data, kind, place))
    if not is_object:
        return b"[" + b", ".join(items) + b"]"
    names = (_key(data, start, keys + number * (width + 2), width) for number in range(count))
    return b"{" + b", ".join(b"%b: %b" % pair for pair in zip(names, items, strict=True)) + b"}"


def _key(data: bytes, start: int, entry: int, width: int) -> bytes:
    offset = start + int.from_bytes(data[entry : entry + width], "little")
    size = int.from_bytes(data[entry + width : entry + width + 2], "little")
    return quoted(data[offset : offset + size])


def _extent(data: bytes, at: int) -> tuple[int, int]:
    """Where the bytes begin and end whose length stands here, seven bits a byte, the lowest first."""
    size = shift = 0
    while True:
        size |= (data[at] & 0x7F) << shift
        at, more = at + 1, data[at] & 0x80
        if not more:
            return at, at + size
        shift += 7


def quoted(value: bytes) -> bytes:
    if _SPECIAL.search(value):
        value = _SPECIAL.sub(lambda found: _ESCAPES.get(found[0]) or b"\\u%04x" % ord(found[0]), value)
    return b'"' + value + b'"'


def _double(value: float) -> bytes:
    digits = texts.real(value)
    return digits if b"." in digits or b"e" in digits else digits + b".0"


def _opaque(kind: int, value: bytes) -> bytes:
    """A value of an SQL type that JSON has not."""
    maker = _OPAQUES.get(kind)
    if maker:
        return maker(value)
    lines = base64.encodebytes(value).splitlines()
    return b'"base64:type%d:%b"' % (kind, b"\\n".join(lines))


def _decimal(value: bytes) -> bytes:
    return texts.decimal(value[0], value[1])(value[2:])


def _packed(value: bytes) -> tuple[bytes, int, int, bytes]:
    """Sign, the integer part's upper (date) and lower (time) 17 bits, and six digits of the fraction."""
    number = int.from_bytes(value, "little", signed=True)
    sign, number = (b"-", -number) if number < 0 else (b"", number)
    return sign, number >> 41, number >> 24 & 0x1FFFF, b"%06d" % (number & 0xFFFFFF)


def _date_part(packed: int) -> bytes:
    year, month = divmod(packed >> 5, 13)
    return b"%04d-%02d-%02d" % (year, month, packed & 31)


def _date(value: bytes) -> bytes:
    return b'"%b"' % _date_part(_packed(value)[1])


def _moment(value: bytes) -> bytes:
    _, day, clock, fraction = _packed(value)
    return b'"%b %02d:%02d:%02d.%b"' % (_date_part(day), clock >> 12, clock >> 6 & 63, clock & 63, fraction)


def _time(value: bytes) -> bytes:
    sign, _, _, fraction = _packed(value)
    clock = abs(int.from_bytes(value, "little", signed=True)) >> 24
    return b'"%b%02d:%02d:%02d.%b"' % (sign, clock >> 12 & 1023, clock >> 6 & 63, clock & 63, fraction)


_OPAQUES: dict[int, Callable[[bytes], bytes]] = {
    FIELD_TYPE.NEWDECIMAL: _decimal,
    FIELD_TYPE.DATE: _date,
    FIELD_TYPE.DATETIME: _moment,
    FIELD_TYPE.TIMESTAMP: _moment,
    FIELD_TYPE.TIME: _time,
}
