"""Whether a table in the stream is still the table that was recorded when the run began."""

from typing import Any

from landbridge.endpoints.postgres.log.pgoutput import Relation
from landbridge.errors import SchemaDrift
from landbridge.model import TableMap

_TYPES = """
    select array_agg(pg_catalog.format_type(type, modifier) order by place)
    from unnest(%s::pg_catalog.oid[], %s::int[]) with ordinality as t(type, modifier, place)
"""


def examine(connection: Any, relation: Relation, table: TableMap) -> bool:
    """
    Raises SchemaDrift when columns or their types are not the recorded ones. Returns whether the replica identity
    holds what updates and deletes need: the primary key, or the whole row of a table without one. A partition has an
    identity of its own.
    """
    recorded = {column.name: column.native for column in table.source.columns if column.generated is None}
    generated = {column.name for column in table.source.columns if column.generated is not None}
    found = dict(zip((column.name for column in relation.columns), types(connection, relation), strict=True))
    _compare(table, recorded, {name: type_ for name, type_ in found.items() if name not in generated})
    if table.source.primary_key is None:
        return relation.identity == "f"
    key = set(table.source.primary_key.columns)
    identified = {column.name for column in relation.columns if column.identity}
    if relation.identity == "d" and identified != key:
        raise _drift(table, f"the primary key is ({', '.join(sorted(identified))}), was ({', '.join(sorted(key))})")
    return key <= identified


def types(connection: Any, relation: Relation) -> list[str]:
    """Of the relation's columns, as the server spells them."""
    with connection.cursor() as cursor:
        cursor.execute(_TYPES, ([c.type for c in relation.columns], [c.modifier for c in relation.columns]))
        return list(cursor.fetchone()[0] or [])


def _compare(table: TableMap, recorded: dict[str, str], found: dict[str, str]) -> None:
    differences = [f"{name} is new" for name in found.keys() - recorded.keys()]
    differences += [f"{name} is gone" for name in recorded.keys() - found.keys()]
    differences += [
        f"{name} is {found[name]}, was {native}"
        for name, native in recorded.items()
        if found.get(name, native) != native
    ]
    if differences:
        raise _drift(table, "; ".join(sorted(differences)))


def _drift(table: TableMap, what: str) -> SchemaDrift:
    return SchemaDrift(
        f"{table.source.name} has changed since the run began: {what}",
        mend="load again: changes of a table's shape are not followed yet",
    )
