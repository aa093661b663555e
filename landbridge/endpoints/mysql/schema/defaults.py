"""Defaults of another family: neutral meaning to this family's text."""

import re

from landbridge import kinds
from landbridge.endpoints.mysql.kinds import quote as literal
from landbridge.kinds import Kind
from landbridge.model import Default

_LONG = re.compile(r"(?:tiny|medium|long)?(?:text|blob)|json|geom|point|linestring|polygon|multi")


def render(default: Default, kind: Kind, native: str) -> str | None:
    """
    The text behind DEFAULT, for a column of `native` whose source is of `kind`; None when the default has no neutral
    meaning.
    """
    if default.now:
        return _clock(kind)
    if default.literal is None:
        return None
    text = _constant(default.literal, kind, native)
    return f"({text})" if _LONG.match(native) else text


def _clock(kind: Kind) -> str | None:
    """An instant is kept in UTC, whatever the zone of the session that inserts it."""
    if isinstance(kind, kinds.TimestampTz):
        return f"(utc_timestamp({kind.fsp}))"
    if isinstance(kind, kinds.Timestamp):
        return f"CURRENT_TIMESTAMP({kind.fsp})" if kind.fsp else "CURRENT_TIMESTAMP"
    if isinstance(kind, kinds.Time):
        return f"(curtime({kind.fsp}))"
    return "(curdate())" if isinstance(kind, kinds.Date) else None


def _constant(value: str, kind: Kind, native: str) -> str:
    if isinstance(kind, kinds.Int | kinds.Decimal | kinds.Float | kinds.Bool | kinds.Year):
        return value
    if isinstance(kind, kinds.Bit) and native.startswith("bit"):
        return f"b'{value}'"
    if isinstance(kind, kinds.Bytes):
        return f"x'{value[2:]}'"
    if isinstance(kind, kinds.TimestampTz):
        return literal(value.removesuffix("+00"))
    return literal(value)
