"""Views, routines, triggers and whatever else is no table, as this server can have them."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from landbridge.endpoints.abc import Carried
from landbridge.endpoints.postgres import FAMILY
from landbridge.endpoints.postgres.connection import Database
from landbridge.endpoints.postgres.objects import translated
from landbridge.endpoints.postgres.schema import carrying, target
from landbridge.model import SchemaObject, TableMap, TableName

_LAST = ("trigger", "rule", "row level security", "policy", "grant", "grant on columns", "owner", "event trigger")
_BEFORE = ("extension", "collation", "text search dictionary", "text search configuration")


class Carrier:
    def __init__(self, database: Database) -> None:
        self._database = database

    def carry(
        self,
        objects: Sequence[SchemaObject],
        family: str,
        names: Mapping[TableName, TableName],
        tables: Sequence[TableMap] = (),
        *,
        rights: bool = False,
    ) -> Sequence[Carried]:
        if family != FAMILY:
            return translated.carry(objects, family, names, tables, target.read(self._database).version)
        extensions = [found.name.name for found in objects if found.kind == "extension"]
        there = carrying.look(self._database, extensions, carrying.libraries(objects))
        work = carrying.Carrying(there, objects, names, tables, rights=rights)
        return [work.carry(found) for found in _ordered(objects)]


def _ordered(objects: Iterable[SchemaObject]) -> Iterator[SchemaObject]:
    """What is needed before what needs it; comments come last."""
    given = sorted(objects, key=_rank)
    by_name: dict[TableName, list[SchemaObject]] = {}
    for found in given:
        if not found.kind.startswith("comment"):
            by_name.setdefault(found.name, []).append(found)
    seen: set[SchemaObject] = set()

    def visit(found: SchemaObject) -> Iterator[SchemaObject]:
        if found in seen:
            return
        seen.add(found)
        for need in (*found.needs, *filter(None, [found.parent])):
            for other in by_name.get(need, ()):
                yield from visit(other)
        yield found

    for found in given:
        yield from visit(found)


def _rank(found: SchemaObject) -> tuple[int, str, TableName]:
    if found.kind.startswith("comment"):
        place = 9
    elif found.kind in _LAST:
        place = 5 + _LAST.index(found.kind) // 2
    elif found.kind in _BEFORE:
        place = 0
    else:
        place = 1 if found.early else 2 if "(" in found.name.name else 3
    return place, found.kind, found.name
