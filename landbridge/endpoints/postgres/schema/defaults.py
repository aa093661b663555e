"""Default expressions: what the server prints to neutral meaning (source), neutral meaning to its text (target)."""

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation, localcontext
from typing import Any

from landbridge import kinds
from landbridge.endpoints.postgres.names import literal
from landbridge.kinds import Kind
from landbridge.model import Default, TableName

_TYPE = r'[\w ."]+'  # without a modifier: a cast with one rounds, cuts or pads
_NUMBER = re.compile(rf"\(?(?P<value>-?\d+(?:\.\d+)?)\)?(?:::{_TYPE})?")
_STRING = re.compile(rf"B?'(?P<value>(?:[^']|'')*)'(?P<casts>(?:::{_TYPE})*)")
_TEXT_CAST = re.compile(r"::(?:text|character varying|bpchar|name)")
_CLOCK = r"(?:now\(\)|CURRENT_TIMESTAMP|LOCALTIMESTAMP|(?:transaction|statement|clock)_timestamp\(\))(?:\(\d\))?"
_NOW: Mapping[type, str] = {
    kinds.Timestamp: _CLOCK,
    kinds.TimestampTz: _CLOCK,
    kinds.Date: rf"(?:CURRENT_DATE|{_CLOCK}|\(?{_CLOCK}\)?::date)",
    kinds.Time: r"(?:LOCALTIME|CURRENT_TIME)(?:\(\d\))?",
}
_MOMENT = re.compile(r"(?P<seconds>\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)(?:\.(?P<digits>\d+))?(?:\+00)?")
_TIME = re.compile(r"(?P<seconds>(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d)(?:\.(?P<digits>\d+))?")
_DATE = re.compile(r"\d{4}-\d\d-\d\d")


def recognise(native: str, kind: Kind, sequence: TableName | None = None) -> Default:
    """
    The default with its neutral meaning, where it has one. `sequence`: the sequence that the expression depends on; it
    is the default's meaning only when nothing else is done to its value.
    """
    if sequence and re.fullmatch(r"nextval\('(?:[^']|'')+'::regclass\)", native):
        return Default(native=native, sequence=sequence)
    now = _NOW.get(type(kind))
    if now and re.fullmatch(now, native):
        return Default(native=native, now=True)
    return Default(native=native, literal=_canonical(native, kind))


def _canonical(native: str, kind: Kind) -> str | None:
    number = _NUMBER.fullmatch(native)
    if number:
        return _of_number(number["value"], kind)
    if native in ("true", "false"):
        return ("1" if native == "true" else "0") if isinstance(kind, kinds.Bool) else None
    string = _STRING.fullmatch(native)
    if string is None:
        return None
    if string["casts"].count("::") > 1 and _TEXT_CAST.sub("", string["casts"]):
        return None  # casts change values: '1.6'::numeric::integer, 'now'::text::date
    value = string["value"].replace("''", "'")
    if isinstance(kind, kinds.Timestamp | kinds.TimestampTz) and value.endswith("+00") != isinstance(
        kind, kinds.TimestampTz
    ):
        return None  # converted by the time zone of whoever inserts
    return canonical(value, kind)


def _of_number(text: str, kind: Kind) -> str | None:
    if isinstance(kind, kinds.Int | kinds.Decimal | kinds.Float):
        return canonical(text, kind)
    if isinstance(kind, kinds.Text) and text.isdigit():
        return text
    return None


def canonical(text: str, kind: Kind) -> str | None:
    """A constant's canonical text; None when it is not a plain value of the kind, or one that rounding would change."""
    form = _FORMS.get(type(kind))
    return form(text, kind) if form else None


def _integer(text: str, _: Kind) -> str | None:
    return str(int(text)) if re.fullmatch(r"-?\d+", text) else None


def _decimal(text: str, kind: kinds.Decimal) -> str | None:
    if not re.fullmatch(r"-?\d+(?:\.\d+)?", text):
        return None
    if kind.scale is None:
        return text
    with localcontext(prec=20_000):
        return f"{Decimal(text).quantize(Decimal(1).scaleb(-kind.scale), ROUND_HALF_UP):f}"


def _float(text: str, _: Kind) -> str | None:
    try:
        return f"{Decimal(text).normalize():f}" if Decimal(text).is_finite() else None
    except InvalidOperation:
        return None


def _moment(text: str, kind: kinds.Timestamp | kinds.TimestampTz) -> str | None:
    match = _MOMENT.fullmatch(text)
    if match is None or not _is_date(text[:10]) or not _TIME.fullmatch(match["seconds"][11:]):
        return None
    digits = _with_digits(match, kind.fsp)
    return f"{digits}+00" if digits and isinstance(kind, kinds.TimestampTz) else digits


def _time(text: str, kind: kinds.Time) -> str | None:
    match = _TIME.fullmatch(text)
    return _with_digits(match, kind.fsp) if match else None


def _with_digits(match: re.Match[str], fsp: int) -> str | None:
    digits = (match["digits"] or "").rstrip("0")
    if len(digits) > fsp:
        return None
    return match["seconds"] + (f".{digits:0<{fsp}}" if fsp else "")


def _date(text: str, _: Kind) -> str | None:
    return text if _DATE.fullmatch(text) and _is_date(text) else None


def _is_date(text: str) -> bool:
    try:
        return bool(datetime.strptime(text, "%Y-%m-%d"))  # noqa: DTZ007  (a day, not a moment)
    except ValueError:
        return False


def _text(text: str, kind: kinds.Text) -> str | None:
    if "\0" in text:
        return None
    return text.rstrip(" ") if kind.fixed else text


_FORMS: Mapping[type, Callable[[str, Any], str | None]] = {
    kinds.Int: _integer,
    kinds.Decimal: _decimal,
    kinds.Float: _float,
    kinds.Bool: lambda text, _: {"t": "1", "true": "1", "1": "1", "f": "0", "false": "0", "0": "0"}.get(text),
    kinds.Date: _date,
    kinds.Time: _time,
    kinds.Timestamp: _moment,
    kinds.TimestampTz: _moment,
    kinds.Text: _text,
    kinds.Bytes: lambda text, _: text if re.fullmatch(r"\\x(?:[0-9a-f]{2})*", text) else None,
    kinds.Json: lambda text, _: text,
    kinds.Uuid: lambda text, _: text.lower(),
    kinds.Enum: lambda text, kind: text if text in kind.labels else None,
    kinds.Set: lambda text, kind: text if not text or set(text.split(",")) <= set(kind.labels) else None,
    kinds.Bit: lambda text, _: text if re.fullmatch("[01]*", text) else None,
    kinds.Year: _integer,
    kinds.Inet: lambda text, _: text,
}

_MODIFIER = re.compile(r"\([\d,]+\)")


def render(default: Default, kind: Kind, native: str) -> str | None:
    """
    The expression, as the server will print it, for a neutral default of another family; `kind` is its source's and
    `native` the type here. None when it has no meaning that this engine can hold.
    """
    if default.now:
        clock = {kinds.Date: "CURRENT_DATE", kinds.Time: "LOCALTIME", kinds.Timestamp: "LOCALTIMESTAMP"}
        return clock.get(type(kind), "CURRENT_TIMESTAMP") if type(kind) in _NOW else None
    value = None if default.literal is None else canonical(default.literal, kind)
    return None if value is None else _constant(value, kind, native)


def _constant(value: str, kind: Kind, native: str) -> str:
    if native == "boolean":
        return "true" if value == "1" else "false"
    if native in ("smallint", "integer", "bigint") or native.startswith("numeric"):
        return _number(value)
    if isinstance(kind, kinds.Bit):
        return f'{literal(value)}::"bit"'
    if isinstance(kind, kinds.Timestamp | kinds.TimestampTz | kinds.Time):
        value = re.sub(r"\.?0*(\+00)?$", r"\1", value) if "." in value else value
    return f"{literal(value)}::{native if isinstance(kind, kinds.Enum) else re.sub(_MODIFIER, '', native)}"


def _number(value: str) -> str:
    """Bare where the server keeps it bare: what is not negative and, without a point, fits into an integer."""
    if "." in value:
        return f"{literal(value)}::numeric" if value.startswith("-") else value
    number = int(value)
    if 0 <= number < 2**31:
        return value
    kept = "integer" if -(2**31) <= number < 0 else "bigint" if -(2**63) <= number < 2**63 else "numeric"
    return f"{literal(value)}::{kept}"
