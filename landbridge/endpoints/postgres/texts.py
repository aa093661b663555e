"""
From the text that pgoutput sends to canonical text (docs/canonical-text.md): the same that `expressions.canonical`
has the server print, so that a change reads as a SELECT does.

Session settings decide what the server prints (connection.py): ISO dates in UTC, hex bytes, the shortest digits.
"""

import json
import re
import socket
import struct
from collections.abc import Callable, Iterator, Sequence
from functools import cache

from landbridge import kinds
from landbridge.errors import Unsupported
from landbridge.kinds import Kind

Convert = Callable[[bytes], bytes]
Jsonize = Callable[[str], str]

_NOT_FINITE = (b"NaN", b"Infinity", b"-Infinity")
_MOMENT = re.compile(r"(\d+-\d\d-\d\d) (\d\d:\d\d:\d\d(?:\.\d+)?)(\+00)?( BC)?")
_SECONDS, _CLOCK = len("2000-01-01 00:00:00"), len("00:00:00")
_QUOTED = re.compile(r'"((?:[^"\\]|\\.|"")*)"', re.DOTALL)
_BARE = re.compile(r'[^,{}"]+')
_BARE_BOX = re.compile(r'[^;{}"]+')
_BOX = kinds.Other(native="box")
"""The one type whose arrays have no commas."""

_MARKS = {"{": "[", "}": "]"}
_PLAIN = re.compile(r'[^,"]+')
_ESCAPED = re.compile(r'\\(.)|""', re.DOTALL)
_HSTORE = re.compile(r'"((?:[^"\\]|\\.)*)"=>(?:"((?:[^"\\]|\\.)*)"|NULL)', re.DOTALL)


def converter(kind: Kind) -> Convert | None:
    """What makes the server's text canonical; None where it is that already."""
    make = _CONVERTERS.get(type(kind))
    return make(kind) if make else None


def _decimal(kind: kinds.Decimal) -> Convert | None:
    """Without a scale of the column's each value has its own, which other engines cannot keep."""
    if kind.scale is not None:
        return None
    return lambda text: text.rstrip(b"0").rstrip(b".") if b"." in text else text


def _float(kind: kinds.Float) -> Convert | None:
    return _real if kind.bits == 32 else None


def _real(text: bytes) -> bytes:
    """
    The digits of the double that these digits of 32 bits stand for. Above 2**53 the server now and then writes a digit
    more than it needs; numbers of this kind are compared by value.
    """
    if text in _NOT_FINITE:
        return text
    (value,) = struct.unpack("f", struct.pack("f", float(text)))
    digits = repr(value).removesuffix(".0")
    if 1e15 <= abs(value) < 1e16:
        sign, digits = ("-", digits[1:]) if value < 0 else ("", digits)
        rest = digits[1:].rstrip("0")
        digits = f"{sign}{digits[0]}{'.' * bool(rest)}{rest}e+15"
    return digits.encode()


def _timestamp(kind: kinds.Timestamp) -> Convert:
    return _padded(kind.fsp)


def _timestamptz(kind: kinds.TimestampTz) -> Convert:
    pad = _padded(kind.fsp)

    def convert(text: bytes) -> bytes:
        return pad(text[:-3]) + b"+00" if text[4:5] == b"-" and text.endswith(b"+00") else text

    return convert


def _padded(fsp: int) -> Convert:
    """The server leaves out a fraction's last zeros. Infinity, BC and years above 9999 stay as they are."""
    zeros = b"." + b"0" * fsp if fsp else b""

    def convert(text: bytes) -> bytes:
        if text[4:5] != b"-" or text.endswith(b"BC"):
            return text
        return text + zeros[len(text) - _SECONDS :]

    return convert


def _time(kind: kinds.Time) -> Convert:
    zeros = b"." + b"0" * kind.fsp if kind.fsp else b""
    return lambda text: text + zeros[len(text) - _CLOCK :]


def _text(kind: kinds.Text) -> Convert | None:
    return (lambda text: text.rstrip(b" ")) if kind.fixed else None


def _inet(text: bytes) -> bytes:
    """IPv6 written out; the mask stands where it is not the whole address, as it does on the server."""
    if b":" not in text:
        return text
    address, slash, mask = text.partition(b"/")
    return socket.inet_pton(socket.AF_INET6, address.decode()).hex(":", 2).encode() + slash + mask


def _document(kind: Kind) -> Convert:
    make = _jsonizer(kind)
    return lambda text: make(text.decode()).encode()


# --- documents: what to_json() makes of the value that has this text -------------------------------------------------


@cache
def _jsonizer(kind: Kind) -> Jsonize:
    make = _JSONIZERS.get(type(kind))
    return make(kind) if make else _string


def _string(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _number(text: str) -> str:
    return _string(text) if text[-1] in "yN" else text  # Infinity, NaN


def _iso(text: str) -> str:
    found = _MOMENT.fullmatch(text)
    if found is None:
        return _string(text)
    day, clock, zone, era = found.groups()
    return _string(f"{day}T{clock}{'+00:00' if zone else ''}{era or ''}")


def _array(text: str, kind: kinds.Array) -> str:
    """Manual, 8.15.6. Lower bounds other than 1 stand before the braces, and JSON has no place for them."""
    make, at = _jsonizer(kind.element), text.index("{")
    comma, bare = (";", _BARE_BOX) if kind.element == _BOX else (",", _BARE)
    parts: list[str] = []
    while at < len(text):
        mark = text[at]
        if mark in _MARKS or mark == comma:
            parts.append(_MARKS.get(mark, ","))
            at += 1
        elif found := _QUOTED.match(text, at):
            parts.append(make(_unescaped(found[1])))
            at = found.end()
        elif found := bare.match(text, at):
            parts.append("null" if found[0] == "NULL" else make(found[0]))
            at = found.end()
        else:
            raise Unsupported("the stream holds an array that cannot be read", mend="report this with its type")
    return "".join(parts)


def _unescaped(text: str) -> str:
    return _ESCAPED.sub(lambda found: found[1] or '"', text)


def _composite(text: str, kind: kinds.Composite) -> str:
    """Manual, 8.16.6."""
    if not kind.fields:
        return "{}"
    members = zip(kind.fields, _fields(text), strict=True)
    made = (f"{_string(name)}:{'null' if value is None else _jsonizer(of)(value)}" for (name, of), value in members)
    return "{" + ",".join(made) + "}"


def _fields(text: str) -> Iterator[str | None]:
    """An empty field is NULL; an empty text stands in quotes. Quotes may begin anywhere in a field."""
    text, at, end = text[1:-1], 0, len(text) - 2
    while at <= end:
        parts: list[str] = []
        while at < end and text[at] != ",":
            found = _QUOTED.match(text, at) if text[at] == '"' else _PLAIN.match(text, at)
            assert found is not None
            parts.append(_unescaped(found[1]) if text[at] == '"' else found[0])
            at = found.end()
        yield "".join(parts) if parts else None
        at += 1


def _hstore(text: str) -> str:
    pairs = (
        f"{_string(_unescaped(key))}:{'null' if value is None else _string(_unescaped(value))}"
        for key, value in ((found[1], found[2]) for found in _HSTORE.finditer(text))
    )
    return "{" + ",".join(pairs) + "}"


_JSONIZERS: dict[type, Callable[..., Jsonize]] = {
    kinds.Array: lambda kind: lambda text: _array(text, kind),
    kinds.Composite: lambda kind: lambda text: _composite(text, kind),
    kinds.Hstore: lambda _: _hstore,
    kinds.Bool: lambda _: {"t": "true", "f": "false"}.__getitem__,
    kinds.Int: lambda kind: _string if kind.unsigned else _number,  # an oid is no number to the server
    kinds.Decimal: lambda _: _number,
    kinds.Float: lambda _: _number,
    kinds.Json: lambda _: str,
    kinds.Timestamp: lambda _: _iso,
    kinds.TimestampTz: lambda _: _iso,
}

_CONVERTERS: dict[type, Callable[..., Convert | None]] = {
    kinds.Bool: lambda _: {b"t": b"1", b"f": b"0"}.__getitem__,
    kinds.Decimal: _decimal,
    kinds.Float: _float,
    kinds.Timestamp: _timestamp,
    kinds.TimestampTz: _timestamptz,
    kinds.Time: _time,
    kinds.Text: _text,
    kinds.Inet: lambda _: _inet,
    kinds.Geometry: lambda _: bytes.lower,
    **dict.fromkeys(kinds.DOCUMENTS, _document),
}


def taking(
    places: Sequence[int], converts: Sequence[Convert | None]
) -> Callable[[Sequence[object]], tuple[object, ...]]:
    """A function, written and compiled for the table, that picks the fields at these places and converts them."""
    names: dict[str, object] = {f"c{number}": convert for number, convert in enumerate(converts)}
    fields = (
        f"f[{place}]" if convert is None else f"x if (x := f[{place}]) is None or x is ... else c{number}(x)"
        for number, (place, convert) in enumerate(zip(places, converts, strict=True))
    )
    body = "".join(f"({field}), " for field in fields)
    made: Callable[[Sequence[object]], tuple[object, ...]] = eval(f"lambda f: ({body})", names)  # noqa: S307
    return made
