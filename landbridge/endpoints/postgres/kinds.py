"""This engine's types as neutral kinds (a source's question) and kinds as this engine's types (a target's)."""

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from landbridge import kinds
from landbridge.endpoints.postgres.names import fits, quote
from landbridge.kinds import Kind, Loss, Rendered

LONGEST_VARCHAR = 10_485_760
LONGEST_BIT = 83_886_080
LARGEST_PRECISION = 1000
"""Limits of the modifiers (manual, 8.1.2, 8.3 and 8.10)."""

_SPELLED = re.compile(r"(?P<name>[a-z ]+?)(?:\((?P<modifier>-?\d+(?:,-?\d+)?)\))?(?P<zone> with(?:out)? time zone)?")

_PLAIN: Mapping[str, Kind] = {
    "smallint": kinds.Int(bits=16),
    "integer": kinds.Int(bits=32),
    "bigint": kinds.Int(bits=64),
    "oid": kinds.Int(bits=32, unsigned=True),
    "numeric": kinds.Decimal(),
    "real": kinds.Float(bits=32),
    "double precision": kinds.Float(bits=64),
    "boolean": kinds.Bool(),
    "date": kinds.Date(),
    "character varying": kinds.Text(),
    "text": kinds.Text(),
    "bpchar": kinds.Text(fixed=True),
    "name": kinds.Text(),
    "bytea": kinds.Bytes(),
    "json": kinds.Json(exact=True),
    "jsonb": kinds.Json(),
    "uuid": kinds.Uuid(),
    "bit varying": kinds.Bit(length=LONGEST_BIT, varying=True),
    "inet": kinds.Inet(),
}


def kind_of(native: str, enums: Mapping[str, kinds.Enum] = MappingProxyType({})) -> Kind:
    """
    The kind of a type as format_type prints it. `enums`: this database's enum types under their printed names. A
    domain is to be asked about by the type it rests on.
    """
    if native in enums:
        return enums[native]
    match = _SPELLED.fullmatch(native)
    if match is None:
        return kinds.Other(native=native)
    name = match["name"]
    if match["modifier"] is None:
        return _PLAIN.get(name) or _temporal(name, 6, match["zone"]) or kinds.Other(native=native)
    first, _, second = match["modifier"].partition(",")
    return _modified(name, int(first), int(second or 0), match["zone"]) or kinds.Other(native=native)


def _temporal(name: str, fsp: int, zone: str | None) -> Kind | None:
    if name == "timestamp" and zone:
        return kinds.TimestampTz(fsp=fsp) if zone == " with time zone" else kinds.Timestamp(fsp=fsp)
    if name == "time" and zone == " without time zone":
        return kinds.Time(fsp=fsp)
    return None


def _modified(name: str, first: int, second: int, zone: str | None) -> Kind | None:
    if zone:
        return _temporal(name, first, zone)
    if name == "numeric":
        # Since version 15 the scale may be negative (rounded left of the point) or larger than the precision.
        scale = max(second, 0)
        return kinds.Decimal(precision=max(first, second) if second >= 0 else first - second, scale=scale)
    if name in ("character varying", "character"):
        return kinds.Text(length=first, fixed=name == "character")
    if name in ("bit", "bit varying"):
        return kinds.Bit(length=first, varying=name == "bit varying")
    return None


def render(kind: Kind, spell: Callable[[str], str] = quote) -> Rendered:
    """
    The type for a kind that comes from another family, as format_type will print it, and what is lost. The losses name
    no column yet. `spell` writes the names of enum types; an enum without a name becomes text, its caller adds a check.
    """
    if isinstance(kind, kinds.Enum) and kind.name:
        return f"{spell(kind.schema)}.{spell(kind.name)}", ()
    rendered = _RENDERERS[type(kind)](kind)
    return (rendered, ()) if isinstance(rendered, str) else rendered


def _integer(bits: int) -> str:
    """By the signed bits it takes: an unsigned 64 bit number does not fit into bigint."""
    for most, native in ((16, "smallint"), (32, "integer"), (64, "bigint")):
        if bits <= most:
            return native
    return "numeric(20,0)"


def _numeric(kind: kinds.Decimal) -> str:
    if kind.precision is None or kind.precision > LARGEST_PRECISION:
        return "numeric"
    return f"numeric({kind.precision},{kind.scale or 0})"


def _text(kind: kinds.Text) -> str:
    """
    Never character(n): it pads what it stores and ignores trailing blanks in comparisons, so the canonical text read
    back would not be the one sent. varchar(n) holds exactly what travels and still guards the length.
    """
    if kind.length is None or kind.length > LONGEST_VARCHAR:
        return "text"
    return f"character varying({kind.length})"


def _clock(kind: kinds.Timestamp | kinds.TimestampTz | kinds.Time) -> Rendered:
    zone = "with" if isinstance(kind, kinds.TimestampTz) else "without"
    if not isinstance(kind, kinds.Time):
        return f"timestamp({kind.fsp}) {zone} time zone", ()
    found = "times of day only: a value below 00:00:00 or above 24:00:00 is refused when its row is loaded"
    return f"time({kind.fsp}) without time zone", (Loss(column="", what=found, blocking=False),)


def _other(kind: kinds.Other) -> Rendered:
    found = f"the type {kind.native} is known to its own engine family only"
    return "text", (Loss(column="", what=found, blocking=True, choices=("exclude the table",)),)


_RENDERERS: Mapping[type, Callable[[Any], str | Rendered]] = {
    kinds.Int: lambda kind: _integer(kind.bits + kind.unsigned),
    kinds.Decimal: _numeric,
    kinds.Float: lambda kind: "real" if kind.bits == 32 else "double precision",
    kinds.Bool: lambda _: "boolean",
    kinds.Date: lambda _: "date",
    kinds.Time: _clock,
    kinds.Timestamp: _clock,
    kinds.TimestampTz: _clock,
    kinds.Text: _text,
    kinds.Bytes: lambda _: "bytea",
    # json keeps the very text (key order, duplicates); jsonb can be indexed, which is what applications want.
    kinds.Json: lambda kind: "json" if kind.exact else "jsonb",
    kinds.Uuid: lambda _: "uuid",
    kinds.Enum: lambda _: "text",
    kinds.Set: lambda _: "text",
    kinds.Bit: lambda kind: f"bit varying({kind.length})" if kind.varying else f"bit({kind.length})",
    kinds.Year: lambda _: "smallint",
    kinds.Inet: lambda _: "inet",
    kinds.Other: _other,
}


def labels_fit(labels: tuple[str, ...]) -> bool:
    """Whether an enum type can have these labels (manual, 8.7.4: up to 63 bytes)."""
    return all(map(fits, labels))
