"""What this family's types and defaults mean in neutral words (a source's), and kinds as its types (a target's)."""

import re
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal as Number
from decimal import InvalidOperation
from functools import partial

from landbridge.kinds import (
    DOCUMENTS,
    Array,
    Bit,
    Bool,
    Bytes,
    Composite,
    Date,
    Decimal,
    Enum,
    Float,
    Geometry,
    Inet,
    Int,
    Json,
    Kind,
    Loss,
    Other,
    Rendered,
    Set,
    Text,
    Time,
    Timestamp,
    TimestampTz,
    Unfit,
    Uuid,
    Vector,
    Year,
)
from landbridge.model import Default, TableName

LARGEST_PRECISION, LARGEST_SCALE = 65, 30
LONGEST_VARCHAR = 16_383
LONGEST_CHAR = 255
LONGEST_BIT = 64
"""Limits of the types (manual, 13.1 and 13.3); of VARCHAR in four-byte characters."""

QUOTED = r"'(?:[^'\\]|''|\\.)*'"

_NAME = re.compile(r"[a-z0-9_]+")
_ARGUMENTS = re.compile(r"\w+\s*\((\d+)(?:,(\d+))?\)")
_LABEL = re.compile(QUOTED, re.DOTALL)
_TEXT_LITERAL = re.compile(rf"(?:_utf8(?:mb[34])?\s*)?({QUOTED})", re.DOTALL)
_HEX_LITERAL = re.compile(r"(?:x'([0-9a-f]*)'|0x([0-9a-f]*))", re.IGNORECASE)
_BIT_LITERAL = re.compile(r"b'([01]*)'")
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:e[+-]?\d+)?", re.IGNORECASE)
_NOW = re.compile(r"(?:current_timestamp|now|localtime|localtimestamp)(?:\(\d*\))?", re.IGNORECASE)
_NEXT = re.compile(r"nextval\(`((?:[^`]|``)*)`\.`((?:[^`]|``)*)`\)")
_TIME = re.compile(r"(-?\d{2,3}:\d{2}:\d{2})(?:\.(\d{1,6}))?")
_MOMENT = re.compile(r"(\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2})(?:\.(\d{1,6}))?")
_ESCAPES = {"0": "\0", "n": "\n", "r": "\r", "t": "\t", "b": "\b", "Z": "\x1a"}

_INTS = {"tinyint": 8, "smallint": 16, "mediumint": 24, "int": 32, "bigint": 64}
_WIDTHS = {
    "tinyint": (4, 3), "smallint": (6, 5), "mediumint": (9, 8), "int": (11, 10), "bigint": (20, 20), "year": (4, 4)
}  # fmt: skip
"""Of numbers, signed and unsigned, where none is given."""

_WIDTH = re.compile(r"^\(\d+\)")
_WHOLE_SECONDS = re.compile(r"^(time|datetime|timestamp)\(0\)")
_TEXTS = ("tinytext", "text", "mediumtext", "longtext")
_BLOBS = ("tinyblob", "blob", "mediumblob", "longblob")

_SHAPES = (
    "point", "linestring", "polygon", "multipoint", "multilinestring", "multipolygon", "geometrycollection",
)  # fmt: skip


def _shape(name: str, _: int | None) -> Kind:
    return Geometry(subtype=name)


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
    "vector": lambda length: Vector(dimension=length or 1),
    "geometry": lambda _: Geometry(),
    "geomcollection": lambda _: Geometry(subtype="geometrycollection"),
    **{name: partial(_shape, name) for name in _SHAPES},
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


def shown(native: str, *, mariadb: bool) -> str:
    """
    The type as information_schema shows it: whole seconds without a precision; MariaDB tells every number's width, and
    of JSON what it is made of.
    """
    if mariadb and native == "json":
        return "longtext"
    native = _WHOLE_SECONDS.sub(r"\1", native)
    found = _NAME.match(native)
    name = found[0] if found else ""
    if name not in _WIDTHS or "zerofill" in native or native == "tinyint(1)":
        return native
    rest = _WIDTH.sub("", native[len(name) :])
    signed, unsigned = _WIDTHS[name]
    return f"{name}({unsigned if 'unsigned' in rest else signed}){rest}" if mariadb else f"{name}{rest}"


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
    if drawn := _NEXT.fullmatch(expression):
        schema, name = (part.replace("``", "`") for part in drawn.groups())
        return Default(native=expression, sequence=TableName(schema=schema, name=name))
    if isinstance(kind, Date | Timestamp | TimestampTz) and _NOW.fullmatch(expression):
        return Default(native=expression, now=True)
    if quoted := _TEXT_LITERAL.fullmatch(expression):
        return Default(native=expression, literal=literal(kind, unquote(quoted[1])))
    if _NUMBER.fullmatch(expression):
        return Default(native=expression, literal=literal(kind, expression))
    bits, binary = _BIT_LITERAL.fullmatch(expression), _HEX_LITERAL.fullmatch(expression)
    value = literal(kind, bits[1]) if bits else None
    if binary and isinstance(kind, Bytes):
        value = _bytes_literal(kind, binary[1] or binary[2] or "")
    return Default(native=expression, literal=value)


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
    **dict.fromkeys((Other, Geometry, Vector), lambda _kind, _value: None),
}


def render(kind: Kind, *, mariadb: bool = False, vectors: bool = True) -> Rendered:
    """
    The type for a kind that comes from another family, and what is lost. The losses name no column yet. vectors:
    whether the server has that type.
    """
    if isinstance(kind, Uuid) and mariadb:
        # Measured on 10.11 and 11.8, whose storage moves bytes by version: a hash cast to uuid may be such a one.
        what = "those with byte 7 from 80 to ff and byte 9 from 01 to 80 are refused when their row is loaded"
        return "uuid", (_told(what, Unfit(what="swapped uuid")),)
    if isinstance(kind, Vector) and not vectors:
        return "json", (_told("the target has no vectors: the values are kept as JSON"),)
    if isinstance(kind, Json) and mariadb:
        return "json", ()
    if isinstance(kind, Json) and kind.exact:
        why = "its type json would change the texts of the values, so they are kept as text that is checked to be JSON"
        return "longtext", (_told(why),)
    if isinstance(kind, Array | Composite) and not mariadb and _has_long_numbers(kind):
        return "json", (*_json(kind)[1], *_document(kind)[1])
    rendered = _RENDERERS[type(kind)](kind)
    return (rendered, ()) if isinstance(rendered, str) else rendered


_AS_TEXTS = "keep its values as texts: `columns: {NAME: text}`"
_CHOICES = (_AS_TEXTS, "correct them on the source", "exclude the table")


def _told(what: str, unfit: Unfit | None = None) -> Loss:
    return Loss(column="", what=what, blocking=False, unfit=unfit, choices=_CHOICES if unfit else ())


def _not_finite(what: str) -> Loss:
    return _told(f"{what} are refused when their row is loaded", Unfit(what="not finite"))


def _decimal(kind: Decimal) -> Rendered:
    precision, scale = kind.precision, kind.scale or 0
    if precision is not None and precision <= LARGEST_PRECISION and scale <= LARGEST_SCALE:
        return f"decimal({precision},{scale})", (_not_finite("values that are NaN"),)
    found = "a numeric without limits" if precision is None else f"numeric({precision},{scale})"
    what = f"{found} does not fit: decimals have {LARGEST_PRECISION} digits at most, {LARGEST_SCALE} behind the point"
    choices = (
        _AS_TEXTS,
        "ALTER the column to a narrower numeric in the source",
        "exclude the table",
    )
    return f"decimal({LARGEST_PRECISION},{LARGEST_SCALE})", (
        Loss(column="", what=what, blocking=True, choices=choices, unfit=Unfit(what="too many digits")),
    )


def _float(kind: Float) -> Rendered:
    return "float" if kind.bits == 32 else "double", (_not_finite("NaN and infinities"),)


_BEYOND = Unfit(what="beyond years")


def _moment(kind: Date | Timestamp) -> Rendered:
    what = "infinities and dates outside of the years 0 to 9999 are refused when their row is loaded"
    return "date" if isinstance(kind, Date) else f"datetime({kind.fsp})", (_told(what, _BEYOND),)


def _instant(kind: TimestampTz) -> Rendered:
    what = "kept in UTC as a datetime, which ends in 9999 (TIMESTAMP in 2038) and which no session's zone changes"
    beyond = "infinities and moments outside of the years 0 to 9999 are refused when their row is loaded"
    return f"datetime({kind.fsp})", (_told(what), _told(beyond, _BEYOND))


def _text(kind: Text) -> str:
    if kind.length is None or kind.length > LONGEST_VARCHAR:
        return "longtext"
    return f"{'char' if kind.fixed and kind.length <= LONGEST_CHAR else 'varchar'}({kind.length})"


def _bytes(kind: Bytes) -> str:
    if kind.length is None or kind.length > 4 * LONGEST_VARCHAR:
        return "longblob"
    return f"{'binary' if kind.fixed and kind.length <= LONGEST_CHAR else 'varbinary'}({kind.length})"


def _enumerated(kind: Enum | Set) -> Rendered:
    """The server strips blanks at the end of labels, and sets hold 64 of them at most."""
    odd = any(label.endswith(" ") or len(label) > LONGEST_CHAR for label in kind.labels)
    if not kind.labels or odd or (isinstance(kind, Set) and len(kind.labels) > LONGEST_BIT):
        return "longtext", (_told("its labels cannot be those of an enum here, so it becomes a text that takes any"),)
    return f"{kind.tag}({','.join(map(quote, kind.labels))})", ()


def _bit(kind: Bit) -> Rendered:
    if kind.varying or kind.length > LONGEST_BIT:
        return "longtext", (_told("bits of varying or of more than 64 places become a text of 0 and 1"),)
    return f"bit({kind.length})", ()


def _geometry(kind: Geometry) -> Rendered:
    if kind.subtype and kind.subtype not in _SHAPES:
        what = f"geometries of the subtype {kind.subtype} cannot be stored"
        return "geometry", (Loss(column="", what=what, blocking=True, choices=("exclude the table",)),)
    empty = "empty geometries other than collections are refused when their row is loaded, or of no use here"
    told = [_told(empty, Unfit(what="empty geometry"))]
    if not kind.subtype:
        odd = "geometries with Z or M and those with arcs are refused when their row is loaded"
        told.append(_told(odd, Unfit(what="odd geometry")))
    if kind.srid:
        told.append(_told(f"values keep their SRID, but that it is {kind.srid} is no rule of the column here"))
    return kind.subtype or "geometry", tuple(told)


def _other(kind: Other) -> Rendered:
    what = f"{kind.native} is a type of its own engine family only: the texts of its values are kept, as text"
    return "longtext", (_told(what),)


def _json(_: Kind) -> Rendered:
    return "json", (_told("numbers of more than some 17 digits are rounded in JSON here", Unfit(what="long number")),)


def _has_long_numbers(kind: Kind) -> bool:
    """Whether a document made of it may have numbers of any length."""
    if isinstance(kind, Array):
        return _has_long_numbers(kind.element)
    if isinstance(kind, Composite):
        return any(_has_long_numbers(member) for _, member in kind.fields)
    return isinstance(kind, Decimal | Json)


def _document(kind: Kind) -> Rendered:
    told = [_told("the values are kept as JSON")]
    if isinstance(kind, Array):
        bounds = "arrays that begin at another place than 1 lose that"
        told.append(Loss(column="", what=bounds, blocking=False, unfit=Unfit(what="own bounds", keeps=True)))
    return "json", tuple(told)


_RENDERERS: dict[type, Callable[..., str | Rendered]] = {
    Int: lambda kind: next(n for n, bits in _INTS.items() if kind.bits <= bits) + " unsigned" * kind.unsigned,
    Decimal: _decimal,
    Float: _float,
    Bool: lambda _: "tinyint(1)",
    Date: _moment,
    Time: lambda kind: f"time({kind.fsp})",
    Timestamp: _moment,
    TimestampTz: _instant,
    Text: _text,
    Bytes: _bytes,
    Json: _json,
    Uuid: lambda _: "char(36)",
    Enum: _enumerated,
    Set: _enumerated,
    Bit: _bit,
    Year: lambda _: "year",
    Inet: lambda _: "varchar(43)",
    Geometry: _geometry,
    Vector: lambda kind: f"vector({kind.dimension})",
    **dict.fromkeys(DOCUMENTS, _document),
    Other: _other,
}
