"""
Both ends of a foreign key must be of one type here. Elsewhere an integer may point to a wider one: then the narrower
column gets the wider type, on every table that is tied to it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from landbridge.endpoints.mysql.kinds import kind_of
from landbridge.errors import Unsupported
from landbridge.model import Table, TableMap, TableName

_INTEGERS = ("tinyint", "smallint", "mediumint", "int", "bigint")
_TEXTS = ("char", "varchar")

Ends = tuple[tuple[TableName, str], tuple[TableName, str]]


def widened(tables: Sequence[TableMap]) -> list[TableMap]:
    """Raises Unsupported for a foreign key between types that no width makes alike."""
    natives = {
        (each.target.name, column.name): column.native
        for each in tables
        if not each.target.definition
        for column in each.target.columns
    }
    pairs = [pair for each in tables for pair in _ends(each.target) if set(pair) <= natives.keys()]
    while any(_widen(pair, natives) for pair in pairs):
        pass
    for child, parent in pairs:
        if not _alike(natives[child], natives[parent]):
            raise Unsupported(
                f"a foreign key ties {child[0]}.{child[1]} ({natives[child]}) to {parent[0]}.{parent[1]}"
                f" ({natives[parent]}), which must be of one type here",
                mend="give both the same type in the source, or drop the foreign key there",
            )
    return [replace(each, target=_with_types(each.target, natives)) for each in tables]


def _ends(table: Table) -> Iterator[Ends]:
    for key in table.foreign_keys:
        for column, other in zip(key.columns, key.target_columns, strict=True):
            yield (table.name, column), (key.target, other)


def _widen(pair: Ends, natives: dict[tuple[TableName, str], str]) -> bool:
    here, there = natives[pair[0]], natives[pair[1]]
    if here == there or here not in _INTEGERS or there not in _INTEGERS:
        return False
    wider = max(here, there, key=_INTEGERS.index)
    natives[pair[0]] = natives[pair[1]] = wider
    return True


def _alike(here: str, there: str) -> bool:
    """Texts may differ in length."""
    return here == there or (here.partition("(")[0] in _TEXTS and there.partition("(")[0] in _TEXTS)


def _with_types(table: Table, natives: dict[tuple[TableName, str], str]) -> Table:
    columns = tuple(
        replace(column, native=wider, kind=kind_of(wider))
        if (wider := natives.get((table.name, column.name), column.native)) != column.native
        else column
        for column in table.columns
    )
    return table if columns == table.columns else replace(table, columns=columns)
