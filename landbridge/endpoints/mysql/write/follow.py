"""A foreign key's actions, carried out or looked for, where the source does not log them (landbridge/cascades.py)."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

from landbridge.change import Value
from landbridge.endpoints.mysql.expressions import canonical
from landbridge.endpoints.mysql.names import qualified, quote
from landbridge.endpoints.mysql.read.ranges import equal
from landbridge.endpoints.mysql.read.sessions import query
from landbridge.endpoints.mysql.write.values import constant
from landbridge.endpoints.mysql.write.written import WrittenTable
from landbridge.model import Relation

_AT_ONCE = 500

Image = tuple[Value, ...]


def follow(
    connection: Any, table: WrittenTable, places: Sequence[int], values: Image, to: Image | None, *, mariadb: bool
) -> list[tuple[Image, Image | None]]:
    """The old key of each row touched, and its new key unless it is deleted."""
    relation = table.target
    old = find(connection, relation, places, [values], lock=True)
    if not old:
        return []
    where = next(_conditions(relation, places, [values]))
    if to is None:
        _execute(connection, f"delete from {qualified(relation.name)} where {where}".encode())
        return [(key, None) for key in old]
    fields = [relation.fields[place] for place in places]
    sets = [
        b"%b = %b" % (quote(field.name).encode(), constant(field, value, mariadb=mariadb))
        for field, value in zip(fields, to, strict=True)
    ]
    sets += [f"{name} = {name}".encode() for name in table.still(places)]
    statement = b"update %b set %b where %b" % (qualified(relation.name).encode(), b", ".join(sets), where.encode())
    _execute(connection, statement)
    after = dict(zip(places, to, strict=True))
    return [(key, _with(relation.key, key, after)) for key in old]


def find(
    connection: Any, relation: Relation, places: Sequence[int], values: Sequence[Image], *, lock: bool = False
) -> list[Image]:
    """The keys of the rows that a parent's going or coming may concern."""
    found: list[Image] = []
    for where in _conditions(relation, places, values):
        found += _keys(connection, relation, f"where {where}{' for update' if lock else ''}")
    return list(dict.fromkeys(found))


def astray(
    connection: Any, relation: Relation, places: Sequence[int], parent: Relation, others: Sequence[int]
) -> list[Image]:
    own = [f"{qualified(relation.name)}.{quote(relation.fields[place].name)}" for place in places]
    theirs = [f"parent.{quote(parent.fields[place].name)}" for place in others]
    given = " and ".join(f"{name} is not null" for name in own)
    same = " and ".join(f"{name} = {other}" for name, other in zip(own, theirs, strict=True))
    missing = f"not exists (select 1 from {qualified(parent.name)} parent where {same})"
    return _keys(connection, relation, f"where {given} and {missing}")


def _conditions(relation: Relation, places: Sequence[int], values: Iterable[Image]) -> Iterator[str]:
    """NULL equals nothing."""
    fields = [relation.fields[place] for place in places]
    texts = (tuple(value.decode() for value in image) for image in values if None not in image)
    while some := list(islice(texts, _AT_ONCE)):
        yield "(" + " or ".join(equal(fields, image) for image in some) + ")"


def _keys(connection: Any, relation: Relation, condition: str) -> list[Image]:
    """As canonical texts, so the driver must not make anything else of them."""
    columns = ", ".join(map(canonical, relation.key_fields))
    decoders, connection.decoders = connection.decoders, {}
    unicode, connection.use_unicode = connection.use_unicode, False
    try:
        return query(connection, f"select {columns} from {qualified(relation.name)} {condition}")
    finally:
        connection.decoders, connection.use_unicode = decoders, unicode


def _execute(connection: Any, statement: bytes) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)


def _with(key: Sequence[int], image: Image, after: dict[int, Value]) -> Image:
    return tuple(after.get(place, value) for place, value in zip(key, image, strict=True))
