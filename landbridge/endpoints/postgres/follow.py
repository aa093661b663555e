"""A foreign key's action, carried out for a source that does not log it (landbridge/cascades.py)."""

from collections.abc import Sequence
from typing import Any

from landbridge.endpoints.postgres.expressions import canonical
from landbridge.endpoints.postgres.names import qualified, quote
from landbridge.model import Relation, Value

Image = tuple[Value, ...]


def follow(
    cursor: Any, relation: Relation, places: Sequence[int], values: Image, to: Image | None
) -> list[tuple[Image, Image | None]]:
    """The old key of each row touched, and its new key unless it is deleted."""
    named = [relation.fields[place] for place in places]
    where = " and ".join(f"{quote(f.name)} = %s::{f.native}" for f in named)
    keys = ", ".join(canonical(f) for f in relation.key_fields)
    table = qualified(relation.name)
    if to is None:
        cursor.execute(f"delete from {table} where {where} returning {keys}", _texts(values))
        return [(_bytes(row), None) for row in cursor.fetchall()]
    sets = ", ".join(f"{quote(f.name)} = %s::{f.native}" for f in named)
    cursor.execute(f"update {table} set {sets} where {where} returning {keys}", [*_texts(to), *_texts(values)])
    new = [_bytes(row) for row in cursor.fetchall()]
    before = dict(zip(places, values, strict=True))
    return [(_with(relation.key, image, before), image) for image in new]


def _with(key: Sequence[int], image: Image, before: dict[int, Value]) -> Image:
    """The key as it was: all rows touched had `before` at the places that changed."""
    return tuple(before.get(place, value) for place, value in zip(key, image, strict=True))


def _texts(values: Image) -> list[str | None]:
    return [None if value is None else value.decode() for value in values]


def _bytes(row: Sequence[str]) -> Image:
    return tuple(value.encode() for value in row)
