"""
The neutral kinds of column values. Each has one canonical text (docs/canonical-text.md); an engine maps its own types
to kinds (source) and kinds to its own types (target), so there are n + m mappings and never n × m.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class Int:
    tag: Literal["int"] = "int"
    bits: int
    unsigned: bool = False


@dataclass(frozen=True, kw_only=True)
class Decimal:
    """precision and scale None: unbounded."""

    tag: Literal["decimal"] = "decimal"
    precision: int | None = None
    scale: int | None = None


@dataclass(frozen=True, kw_only=True)
class Float:
    tag: Literal["float"] = "float"
    bits: int


@dataclass(frozen=True, kw_only=True)
class Bool:
    tag: Literal["bool"] = "bool"


@dataclass(frozen=True, kw_only=True)
class Date:
    tag: Literal["date"] = "date"


@dataclass(frozen=True, kw_only=True)
class Time:
    """long: the data has values below 00:00:00 or above 24:00:00, so it is a span rather than a time of day."""

    tag: Literal["time"] = "time"
    fsp: int = 0
    long: bool = False


@dataclass(frozen=True, kw_only=True)
class Timestamp:
    """Without time zone."""

    tag: Literal["timestamp"] = "timestamp"
    fsp: int = 0


@dataclass(frozen=True, kw_only=True)
class TimestampTz:
    """An instant; its canonical text is in UTC."""

    tag: Literal["timestamptz"] = "timestamptz"
    fsp: int = 0


@dataclass(frozen=True, kw_only=True)
class Text:
    """length in characters, None: unbounded; fixed: CHAR(n)."""

    tag: Literal["text"] = "text"
    length: int | None = None
    fixed: bool = False


@dataclass(frozen=True, kw_only=True)
class Bytes:
    tag: Literal["bytes"] = "bytes"
    length: int | None = None
    fixed: bool = False


@dataclass(frozen=True, kw_only=True)
class Json:
    """exact: the text itself is the value (key order, duplicate keys), not what it parses to."""

    tag: Literal["json"] = "json"
    exact: bool = False


@dataclass(frozen=True, kw_only=True)
class Uuid:
    tag: Literal["uuid"] = "uuid"


@dataclass(frozen=True, kw_only=True)
class Enum:
    """schema and name are those of the type where the engine has named enums, else empty."""

    tag: Literal["enum"] = "enum"
    labels: tuple[str, ...]
    schema: str = ""
    name: str = ""


@dataclass(frozen=True, kw_only=True)
class Set:
    tag: Literal["set"] = "set"
    labels: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Bit:
    tag: Literal["bit"] = "bit"
    length: int
    varying: bool = False


@dataclass(frozen=True, kw_only=True)
class Year:
    tag: Literal["year"] = "year"


@dataclass(frozen=True, kw_only=True)
class Inet:
    tag: Literal["inet"] = "inet"


@dataclass(frozen=True, kw_only=True)
class Geometry:
    """Canonical text: EWKB in lower hex, SRID included, X before Y. subtype: point, polygon…, '' for any."""

    tag: Literal["geometry"] = "geometry"
    subtype: str = ""
    srid: int | None = None


@dataclass(frozen=True, kw_only=True)
class Vector:
    """Canonical text: a JSON array of numbers, each the shortest that reads back to the same 32 bits."""

    tag: Literal["vector"] = "vector"
    dimension: int


@dataclass(frozen=True, kw_only=True)
class Array:
    """Canonical text: JSON, nested by dimension."""

    tag: Literal["array"] = "array"
    element: "Kind"
    native: str


@dataclass(frozen=True, kw_only=True)
class Composite:
    """A row type. Canonical text: a JSON object, its members in the fields' order."""

    tag: Literal["composite"] = "composite"
    fields: tuple[tuple[str, "Kind"], ...]
    native: str


@dataclass(frozen=True, kw_only=True)
class Hstore:
    """Canonical text: a JSON object of strings and nulls."""

    tag: Literal["hstore"] = "hstore"


@dataclass(frozen=True, kw_only=True)
class Other:
    """
    A type that only its own engine family knows, carried in its own text: ranges, network addresses, XML, money… Across
    families it becomes a text, which is a loss to be told.
    """

    tag: Literal["other"] = "other"
    native: str


Kind = (
    Int | Decimal | Float | Bool | Date | Time | Timestamp | TimestampTz | Text | Bytes | Json | Uuid | Enum | Set | Bit
    | Year | Inet | Geometry | Vector | Array | Composite | Hstore | Other
)  # fmt: skip

SORTED_ALIKE = (Int, Decimal, Bool, Date, Timestamp, TimestampTz, Year)
"""Kinds whose values every engine sorts in the same order, so that a key range means the same rows on both sides."""

DOCUMENTS = (Array, Composite, Hstore)
"""Kinds that travel as JSON though their engine has types of their own for them."""

BY_VALUE = (Float, Json, Vector, *DOCUMENTS)
"""Kinds whose texts may differ between engines though the values are equal: compared parsed when texts differ."""

FREE_TEXT = (Text, Json, Enum, Set, Other, *DOCUMENTS)
"""Kinds whose text may hold any character, so it needs escaping in a line and its length in a checksum."""


Part = Literal["column", "index", "foreign key", "check", "table"]


@dataclass(frozen=True, kw_only=True)
class Unfit:
    """
    Values of a column that a target has no place for, in words by which every source can count them (its `unfit.py`).
    most: of 'too long', characters or bytes. keeps: they arrive all the same, though not quite as they are; else a row
    that has one would be refused.
    """

    what: Literal[
        "not finite", "too many digits", "long number", "beyond years", "no day", "nul", "no label", "too long",
        "swapped uuid", "loose json", "empty geometry", "odd geometry", "own bounds",
    ]  # fmt: skip
    most: int = 0
    keeps: bool = False


@dataclass(frozen=True, kw_only=True)
class Loss:
    """
    What a target cannot hold. A blocking loss stops the plan; the others are shown in its report. `column` is the name
    of what is lost: of a column or, as `part` says, of an index, a foreign key or a check; empty for the whole table.
    unfit: which values it is about, where that is not all of them. rows: how many of the source's have such a value,
    None where nobody counted; `uncounted` says why not.
    """

    column: str
    what: str
    blocking: bool
    choices: tuple[str, ...] = ()
    part: Part = "column"
    unfit: Unfit | None = None
    rows: int | None = None
    uncounted: str = ""

    @property
    def told(self) -> str:
        """With the number of rows, or why there is none."""
        if self.rows is not None:
            return f"{self.what} ({self.rows:,} row{'s' * (self.rows != 1)} now)" if self.unfit else self.what
        return f"{self.what} (not counted: {self.uncounted})" if self.uncounted else self.what

    @property
    def touches(self) -> bool:
        """Whether it is of anything that is there now, as far as is known."""
        return self.unfit is None or self.rows != 0


Rendered = tuple[str, tuple[Loss, ...]]
Renderer = Callable[[Kind], Rendered]
