"""A foreign key's actions, carried out or looked for, where the source does not log them (landbridge/cascades.py)."""

from collections.abc import Sequence
from typing import Any

from landbridge.change import Value
from landbridge.endpoints.postgres.expressions import canonical
from landbridge.endpoints.postgres.names import qualified, quote
from landbridge.endpoints.postgres.read.ranges import constant
from landbridge.model import Field, Relation

Image = tuple[Value, ...]


def follow(
    cursor: Any, relation: Relation, places: Sequence[int], values: Image, to: Image | None
) -> list[tuple[Image, Image | None]]:
    """The old key of each row touched, and its new key unless it is deleted."""
    where = _among(relation, places, [values])
    keys = ", ".join(canonical(f) for f in relation.key_fields)
    table = qualified(relation.name)
    if to is None:
        cursor.execute(f"delete from {table} where {where} returning {keys}")
        return [(_bytes(row), None) for row in cursor.fetchall()]
    named = zip((relation.fields[place] for place in places), to, strict=True)
    sets = ", ".join(f"{quote(field.name)} = {_constant(field, value)}" for field, value in named)
    cursor.execute(f"update {table} set {sets} where {where} returning {keys}")
    new = [_bytes(row) for row in cursor.fetchall()]
    before = dict(zip(places, values, strict=True))
    return [(_with(relation.key, image, before), image) for image in new]


def find(cursor: Any, relation: Relation, places: Sequence[int], values: Sequence[Image]) -> list[Image]:
    """The keys of the rows that a parent's going or coming may concern."""
    keys = ", ".join(canonical(f) for f in relation.key_fields)
    cursor.execute(f"select {keys} from {qualified(relation.name)} where {_among(relation, places, values)}")
    return [_bytes(row) for row in cursor.fetchall()]


def astray(
    cursor: Any, relation: Relation, places: Sequence[int], parent: Relation, others: Sequence[int]
) -> list[Image]:
    keys = ", ".join(canonical(f) for f in relation.key_fields)
    own = [f"{qualified(relation.name)}.{quote(relation.fields[place].name)}" for place in places]
    theirs = [f"parent.{quote(parent.fields[place].name)}" for place in others]
    given = " and ".join(f"{name} is not null" for name in own)
    same = " and ".join(f"{name} = {other}" for name, other in zip(own, theirs, strict=True))
    cursor.execute(
        f"select {keys} from {qualified(relation.name)} where {given}"
        f" and not exists (select from {qualified(parent.name)} parent where {same})"
    )
    return [_bytes(row) for row in cursor.fetchall()]


def _among(relation: Relation, places: Sequence[int], values: Sequence[Image]) -> str:
    fields = [relation.fields[place] for place in places]
    rows = (", ".join(_constant(f, v) for f, v in zip(fields, image, strict=True)) for image in values)
    return f"({', '.join(quote(f.name) for f in fields)}) in (values {', '.join(f'({row})' for row in rows)})"


def _constant(field: Field, value: Value) -> str:
    return "null" if value is None else constant(field, value.decode())


def _with(key: Sequence[int], image: Image, before: dict[int, Value]) -> Image:
    """The key as it was: all rows touched had `before` at the places that changed."""
    return tuple(before.get(place, value) for place, value in zip(key, image, strict=True))


def _bytes(row: Sequence[str]) -> Image:
    return tuple(value.encode() for value in row)
