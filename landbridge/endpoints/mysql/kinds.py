"""What this family's types and defaults mean in neutral words."""

import re
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal as Number
from decimal import InvalidOperation

from landbridge.kinds import (
    Bit,
    Bool,
    Bytes,
    Date,
    Decimal,
    Enum,
    Float,
    Inet,
    Int,
    Json,
    Kind,
    Other,
    Set,
    Text,
    Time,
    Timestamp,
    TimestampTz,
    Uuid,
    Year,
)
from landbridge.model import Default

QUOTED = r"'(?:[^'\\]|''|\\.)*'"

_NAME = re.compile(r"[a-z0-9_]+")
_ARGUMENTS = re.compile(r"\w+\s*\((\d+)(?:,(\d+))?\)")
_LABEL = re.compile(QUOTED, re.DOTALL)
_TEXT_LITERAL = re.compile(rf"(?:_utf8(?:mb[34])?\s*)?({QUOTED})", re.DOTALL)
_HEX_LITERAL = re.compile(r"(?:x'([0-9a-f]*)'|0x([0-9a-f]*))", re.IGNORECASE)
_BIT_LITERAL = re.compile(r"b'([01]*)'")
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:e[+-]?\d+)?", re.IGNORECASE)
_NOW = re.compile(r"(?:current_timestamp|now|localtime|localtimestamp)(?:\(\d*\))?", re.IGNORECASE)
_TIME = re.compile(r"(-?\d{2,3}:\d{2}:\d{2})(?:\.(\d{1,6}))?")
_MOMENT = re.compile(r"(\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2})(?:\.(\d{1,6}))?")
_ESCAPES = {"0": "\0", "n": "\n", "r": "\r", "t": "\t", "b": "\b", "Z": "\x1a"}

_INTS = {"tinyint": 8, "smallint": 16, "mediumint": 24, "int": 32, "bigint": 64}
_TEXTS = ("tinytext", "text", "mediumtext", "longtext")
_BLOBS = ("tinyblob", "blob", "mediumblob", "longblob")

_SIMPLE: dict[str, Callable[[int | None], Kind]] = {
    "double": lambda _: Float(bits=64),
    "float": lambda _: Float(bits=32),
    "date": lambda _: Date(),
    "datetime": lambda fsp: Timestamp(fsp=fsp or 0),
    "timestamp": lambda fsp: TimestampTz(fsp=fsp or 0),
    "time": lambda fsp: Time(fsp=fsp or 0),
    "year": lambda _: Year(),
    "char": lambda length: Text(length=1 if length is None else length, fixed=True),
    "varchar": lambda length: Text(length=length),
    "binary": lambda length: Bytes(length=1 if length is None else length, fixed=True),
    "varbinary": lambda length: Bytes(length=length),
    "bit": lambda length: Bit(length=length or 1),
    "json": lambda _: Json(),
    "uuid": lambda _: Uuid(),
    "inet4": lambda _: Inet(),
    "inet6": lambda _: Inet(),
}


def kind_of(native: str, *, boolean: bool = False) -> Kind:
    """native: information_schema.columns.column_type. boolean: what a tinyint(1) is, which its data decides."""
    found = _NAME.match(native)
    name = found[0] if found else ""
    if name in ("enum", "set"):
        return Enum(labels=labels(native)) if name == "enum" else Set(labels=labels(native))
    numbers = _ARGUMENTS.match(native)
    first, second = (int(part) if part else None for part in numbers.groups()) if numbers else (None, None)
    if name in _INTS:
        return Bool() if boolean and may_be_bool(native) else Int(bits=_INTS[name], unsigned="unsigned" in native)
    if name == "decimal":
        return Decimal(precision=first or 10, scale=second or 0)
    if name in _TEXTS:
        return Text()
    if name in _BLOBS:
        return Bytes()
    return _SIMPLE[name](first) if name in _SIMPLE else Other(native=native)


def may_be_bool(native: str) -> bool:
    return native.startswith("tinyint(1)")


def labels(native: str) -> tuple[str, ...]:
    """The labels of an enum or a set, in definition order."""
    return tuple(unquote(match[0]) for match in _LABEL.finditer(native))


def unquote(text: str) -> str:
    """The value of a quoted string, its escapes resolved (manual, "String Literals")."""
    return re.sub(r"''|\\(.)", _resolve, text[1:-1], flags=re.DOTALL)


def _resolve(found: re.Match[str]) -> str:
    return "'" if found[1] is None else _ESCAPES.get(found[1], found[1])


def quote(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "''").replace("\0", "\\0") + "'"


def plain(expression: str) -> str:
    """An expression as it was, where MySQL's information_schema shows it with every quote and backslash escaped."""
    return re.sub(r"\\(.)", r"\1", expression, flags=re.DOTALL)


def default_of_value(kind: Kind, value: str) -> Default:
    """A default that is a constant, given as a value and not as SQL (MySQL)."""
    bits, binary = _BIT_LITERAL.fullmatch(value), _HEX_LITERAL.fullmatch(value)
    if isinstance(kind, Bit) and bits:
        return Default(native=value, literal=literal(kind, bits[1]))
    if isinstance(kind, Bytes) and binary:
        return Default(native=value, literal=_bytes_literal(kind, binary[1] or binary[2] or ""))
    return Default(native=quote(value), literal=literal(kind, value))


def default_of_expression(kind: Kind, expression: str) -> Default:
    """A default that is SQL: any on MariaDB, those in parentheses and CURRENT_TIMESTAMP on MySQL."""
    if isinstance(kind, Date | Timestamp | TimestampTz) and _NOW.fullmatch(expression):
        return Default(native=expression, now=True)
    if quoted := _TEXT_LITERAL.fullmatch(expression):
        return Default(native=expression, literal=literal(kind, unquote(quoted[1])))
    if _NUMBER.fullmatch(expression):
        return Default(native=expression, literal=literal(kind, expression))
    if bits := _BIT_LITERAL.fullmatch(expression):
        return Default(native=expression, literal=literal(kind, bits[1]))
    if isinstance(kind, Bytes) and (binary := _HEX_LITERAL.fullmatch(expression)):
        return Default(native=expression, literal=_bytes_literal(kind, binary[1] or binary[2] or ""))
    return Default(native=expression)


def literal(kind: Kind, value: str) -> str | None:
    """The value in canonical text, None where it has none (a zero date, say)."""
    make = _LITERALS.get(type(kind))
    try:
        return make(kind, value) if make else value
    except (ValueError, InvalidOperation):
        return None


def _int_literal(_: Int, value: str) -> str:
    return str(int(Number(value)))


def _decimal_literal(kind: Decimal, value: str) -> str:
    return format(Number(value).quantize(Number(1).scaleb(-(kind.scale or 0))), "f")


def _float_literal(_: Float, value: str) -> str:
    return str(float(value)).removesuffix(".0")


def _bool_literal(_: Bool, value: str) -> str | None:
    return {"0": "0", "1": "1"}.get(value)


def _date_literal(_: Date, value: str) -> str:
    return date.fromisoformat(value).isoformat()


def _moment_literal(kind: Timestamp | TimestampTz, value: str) -> str | None:
    found = _MOMENT.fullmatch(value)
    if found is None or not datetime.fromisoformat(found[1]):
        return None
    zone = "+00" if isinstance(kind, TimestampTz) else ""
    return found[1] + _fraction(kind.fsp, found[2]) + zone


def _time_literal(kind: Time, value: str) -> str | None:
    found = _TIME.fullmatch(value)
    return found[1] + _fraction(kind.fsp, found[2]) if found else None


def _fraction(fsp: int, digits: str | None) -> str:
    return "." + (digits or "").ljust(fsp, "0")[:fsp] if fsp else ""


def _text_literal(_: Text, value: str) -> str | None:
    return None if "\0" in value else value


def _bytes_literal(kind: Kind, hexadecimal: str) -> str:
    width = kind.length * 2 if isinstance(kind, Bytes) and kind.fixed and kind.length else 0
    return "\\x" + hexadecimal.lower().ljust(width, "0")


_LITERALS: dict[type, Callable[..., str | None]] = {
    Int: _int_literal,
    Decimal: _decimal_literal,
    Float: _float_literal,
    Bool: _bool_literal,
    Date: _date_literal,
    Timestamp: _moment_literal,
    TimestampTz: _moment_literal,
    Time: _time_literal,
    Year: lambda _, value: value.zfill(4) if value.isdigit() else None,
    Text: _text_literal,
    Bytes: lambda kind, value: _bytes_literal(kind, value.encode().hex()),
    Bit: lambda kind, value: value.zfill(kind.length),
    Enum: lambda kind, value: value if value in kind.labels else None,
    Set: lambda kind, value: ",".join(x for x in kind.labels if x in value.split(",")),
    Other: lambda _kind, _value: None,
}
