"""This engine's types as neutral kinds (a source's question) and kinds as this engine's types (a target's)."""

import re
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any

from landbridge import kinds
from landbridge.endpoints.postgres.names import fits, quote
from landbridge.endpoints.postgres.queries import Row
from landbridge.kinds import Kind, Loss, Rendered

LONGEST_VARCHAR = 10_485_760
LONGEST_BIT = 83_886_080
LARGEST_PRECISION = 1000
"""Limits of the modifiers (manual, 8.1.2, 8.3 and 8.10)."""

_SPELLED = re.compile(r"(?P<name>[a-z ]+?)(?:\((?P<modifier>-?\d+(?:,-?\d+)?)\))?(?P<zone> with(?:out)? time zone)?")

_OF_EXTENSIONS = re.compile(r"(?:.*\.)?(?P<name>hstore|geometry|geography|vector)(?:\((?P<modifier>[^()]*)\))?")

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


def kind_of(native: str, named: Mapping[str, Kind] = MappingProxyType({})) -> Kind:
    """
    The kind of a type as format_type prints it. `named`: of this database's own types, under their printed names
    (`named_kinds`).
    """
    if native in named:
        return named[native]
    if native.endswith("[]"):
        return _array(native, kind_of(native[:-2], named))
    if extended := _OF_EXTENSIONS.fullmatch(native):
        return _of_extension(extended["name"], extended["modifier"] or "") or kinds.Other(native=native)
    match = _SPELLED.fullmatch(native)
    if match is None:
        return kinds.Other(native=native)
    name = match["name"]
    if match["modifier"] is None:
        return _PLAIN.get(name) or _temporal(name, 6, match["zone"]) or kinds.Other(native=native)
    first, _, second = match["modifier"].partition(",")
    return _modified(name, int(first), int(second or 0), match["zone"]) or kinds.Other(native=native)


def named_kinds(found: Iterable[Row]) -> Mapping[str, Kind]:
    """Of the rows of sql/named_types.sql. No type can consist of itself."""
    rows = {row["printed"]: row for row in found}
    made: dict[str, Kind] = {}

    def make(printed: str) -> None:
        row = rows.get(printed.removesuffix("[]"))
        if row is None or row["printed"] in made:
            return
        for needed in (*row["types"], row["base"] or ""):
            make(needed)
        made[row["printed"]] = _named(row, made)

    for printed in rows:
        make(printed)
    return made


def _named(row: Row, named: Mapping[str, Kind]) -> Kind:
    if row["what"] == "d":
        return kind_of(row["base"], named)
    if row["what"] == "e":
        return kinds.Enum(labels=tuple(row["labels"]), schema=row["schema"], name=row["name"])
    fields = zip(row["fields"], row["types"], strict=True)
    members = tuple((name, kind_of(native, named)) for name, native in fields)
    if any(isinstance(kind, kinds.Geometry) for _, kind in members):
        return kinds.Other(native=row["printed"])
    return kinds.Composite(fields=members, native=row["printed"])


def _array(native: str, element: Kind) -> Kind:
    """to_json() makes GeoJSON of geometries, which is not what their text says."""
    return (
        kinds.Other(native=native)
        if isinstance(element, kinds.Geometry)
        else kinds.Array(element=element, native=native)
    )


def _of_extension(name: str, modifier: str) -> Kind | None:
    if name == "hstore":
        return kinds.Hstore()
    if name == "vector":
        return kinds.Vector(dimension=int(modifier)) if modifier else None
    subtype, _, srid = modifier.partition(",")
    shape = "" if subtype == "Geometry" else subtype.lower()
    if shape and shape not in _SUBTYPES:  # with Z or M, or with arcs
        return None
    return kinds.Geometry(subtype=shape, srid=int(srid) if srid else 4326 if name == "geography" else None)


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


def render(
    kind: Kind, spell: Callable[[str], str] = quote, extensions: Mapping[str, str] = MappingProxyType({})
) -> Rendered:
    """
    The type for a kind that comes from another family, as format_type will print it, and what is lost. The losses name
    no column yet. `spell` writes the names of enum types; an enum without a name becomes text, its caller adds a check.
    extensions: the types of extensions that the target has, by their bare names, as the server prints them.
    """
    if isinstance(kind, kinds.Enum) and kind.name:
        return f"{spell(kind.schema)}.{spell(kind.name)}", (_NO_LABEL,)
    if isinstance(kind, kinds.Geometry | kinds.Vector):
        return _extended(kind, extensions)
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


_AS_TEXTS = "keep its values as texts: `columns: {NAME: text}`"
_CORRECT = ("correct them on the source", "exclude the table")


def _unfit(what: str, unfit: kinds.Unfit, *choices: str) -> Loss:
    return Loss(column="", what=what, blocking=False, unfit=unfit, choices=choices)


_NUL = kinds.Unfit(what="nul")
_NO_LABEL = _unfit(
    "the empty value that a server without strict mode made of a wrong one is refused when its row is loaded",
    kinds.Unfit(what="no label"),
    _AS_TEXTS,
    *_CORRECT,
)


def _text(kind: kinds.Text) -> Rendered:
    """
    Never character(n): it pads what it stores and ignores trailing blanks in comparisons, so the canonical text read
    back would not be the one sent. varchar(n) holds exactly what travels and still guards the length.
    """
    unbounded = kind.length is None or kind.length > LONGEST_VARCHAR
    strip = "strip it: `columns: {NAME: {nul: strip}}`"
    nul = _unfit("texts with the character NUL are refused when their row is loaded", _NUL, strip, *_CORRECT)
    return "text" if unbounded else f"character varying({kind.length})", (nul,)


def _json(kind: kinds.Json) -> Rendered:
    """json keeps the very text (key order, duplicates); jsonb can be indexed, which is what applications want."""
    if kind.exact:
        loose = "JSON with escapes or numbers that the standard has not (1.) is refused when its row is loaded"
        return "json", (_unfit(loose, kinds.Unfit(what="loose json"), _AS_TEXTS, *_CORRECT),)
    nul = "JSON with the character NUL (\\u0000) is refused when its row is loaded"
    return "jsonb", (_unfit(nul, _NUL, _AS_TEXTS, *_CORRECT),)


def _clock(kind: kinds.Timestamp | kinds.TimestampTz | kinds.Time) -> Rendered:
    zone = "with" if isinstance(kind, kinds.TimestampTz) else "without"
    if not isinstance(kind, kinds.Time):
        return f"timestamp({kind.fsp}) {zone} time zone", ()
    if kind.long:
        found = "the values are spans of time (some are below 00:00:00 or above 24:00:00), so it becomes an interval"
        return f"interval({kind.fsp})", (_unfit(found, kinds.Unfit(what="no day", keeps=True)),)
    found = "times of day only: a value below 00:00:00 or above 24:00:00 is refused when its row is loaded"
    refused = _unfit(found, kinds.Unfit(what="no day"), _AS_TEXTS, *_CORRECT)
    return f"time({kind.fsp}) without time zone", (refused,)


def _extended(kind: kinds.Geometry | kinds.Vector, extensions: Mapping[str, str]) -> Rendered:
    """A type that an extension brings: PostGIS, pgvector."""
    bare, extension = ("geometry", "postgis") if isinstance(kind, kinds.Geometry) else ("vector", "vector")
    modifier = _modifier(kind)
    if printed := extensions.get(bare):
        return printed + modifier, ()
    found = f"the type {bare}{modifier} comes with the extension {extension}, which the target's database has not"
    choices = (
        f"CREATE EXTENSION {extension} in the target's database",
        _AS_TEXTS,
        "exclude the table",
    )
    return f"{bare}{modifier}", (Loss(column="", what=found, blocking=True, choices=choices),)


def _modifier(kind: kinds.Geometry | kinds.Vector) -> str:
    if isinstance(kind, kinds.Vector):
        return f"({kind.dimension})"
    subtype = _SUBTYPES.get(kind.subtype, "Geometry")
    return f"({subtype},{kind.srid})" if kind.srid else f"({subtype})" if kind.subtype else ""


_SUBTYPES = {
    name.lower(): name
    for name in ("Point", "LineString", "Polygon", "MultiPoint", "MultiLineString", "MultiPolygon",
                 "GeometryCollection")
}  # fmt: skip
"""As PostGIS prints them."""


def _other(kind: kinds.Other) -> Rendered:
    found = f"{kind.native} is a type of its own engine family only: the texts of its values are kept, as text"
    return "text", (Loss(column="", what=found, blocking=False),)


def _document(_: Kind) -> Rendered:
    return "jsonb", (Loss(column="", what="the values are kept as JSON", blocking=False),)


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
    kinds.Json: _json,
    kinds.Uuid: lambda _: "uuid",
    kinds.Enum: lambda _: ("text", (_NO_LABEL,)),
    kinds.Set: lambda _: "text",
    kinds.Bit: lambda kind: f"bit varying({kind.length})" if kind.varying else f"bit({kind.length})",
    kinds.Year: lambda _: "smallint",
    kinds.Inet: lambda _: "inet",
    kinds.Other: _other,
    **dict.fromkeys(kinds.DOCUMENTS, _document),
}


def labels_fit(labels: tuple[str, ...]) -> bool:
    """Whether an enum type can have these labels (manual, 8.7.4: up to 63 bytes)."""
    return all(map(fits, labels))
