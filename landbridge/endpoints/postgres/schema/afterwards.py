"""
Indexes and checks that call a function of a whole row. The function needs the table, so they cannot come with it: they
are set aside as objects of their own, which come after the function.
"""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace

from landbridge.endpoints.postgres.names import qualified, quote, references
from landbridge.endpoints.postgres.schema import clauses
from landbridge.model import Check, Index, SchemaObject, Table, TableName


def set_aside(tables: Iterable[Table], late: Collection[TableName]) -> Iterator[tuple[Table, tuple[SchemaObject, ...]]]:
    """`late`: the routines, by their signatures. Each table without what calls one, and that as objects."""
    heads = {replace(name, name=name.name.partition("(")[0]): name for name in late if "(" in name.name}
    for table in tables:
        indexes = {index: needs for index in table.indexes if (needs := _called(_of_index(index), heads))}
        checks = {check: needs for check in table.checks if (needs := _called([check.expression], heads))}
        kept = replace(
            table,
            indexes=tuple(index for index in table.indexes if index not in indexes),
            checks=tuple(check for check in table.checks if check not in checks),
        )
        apart = [_index(table.name, index, needs) for index, needs in indexes.items()]
        apart += [_check(table.name, check, needs) for check, needs in checks.items()]
        yield kept, tuple(apart)


def _of_index(index: Index) -> list[str]:
    return [*(part.native for part in index.parts), index.where or ""]


def _called(texts: Iterable[str], heads: dict[TableName, TableName]) -> tuple[TableName, ...]:
    named = {name for text in texts for _, name in references(text)}
    return tuple(sorted(heads[name] for name in named & heads.keys()))


def _index(table: TableName, index: Index, needs: tuple[TableName, ...]) -> SchemaObject:
    definition = [clauses.create_index(table, index)]
    if index.comment:
        name = qualified(replace(table, name=index.name))
        definition.append(clauses.comment(f"INDEX {name}", index.comment))
    return SchemaObject(
        kind="index", name=replace(table, name=index.name), parent=table, definition=tuple(definition), needs=needs
    )


def _check(table: TableName, check: Check, needs: tuple[TableName, ...]) -> SchemaObject:
    end = " NO INHERIT" if check.alone else ""
    add = f"ALTER TABLE {qualified(table)} ADD CONSTRAINT {quote(check.name)} CHECK ({check.expression}){end}"
    return SchemaObject(
        kind="check", name=replace(table, name=check.name), parent=table, definition=(add,), needs=needs
    )
