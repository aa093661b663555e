"""The inventory as a run begins: every object of the source, planned, or not carried and why."""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

from landbridge.kinds import Enum, Loss, Part
from landbridge.ledger import Item, Status
from landbridge.model import Catalog, Column, ForeignKey, Index, SchemaObject, Table, TableMap, TableName

_LEFT_OUT = "the plan leaves its table out"


@dataclass(frozen=True, kw_only=True)
class TableLoss:
    table: TableName
    loss: Loss


def census(
    catalog: Catalog, maps: Iterable[TableMap], carried: Collection[TableName], losses: Iterable[TableLoss]
) -> Iterator[Item]:
    """carried: the source's names of the sequences and types that move."""
    moving = {table.source.name: table for table in maps}
    lost = _Lost(losses)
    for table in catalog.tables:
        if table.name in moving:
            yield from _of_table(table, moving[table.name].target, lost)
        else:
            yield Item(kind="table", name=str(table.name), status="not carried", reason="the plan leaves it out")
    for sequence in catalog.sequences:
        yield _beside("sequence", sequence.name, carried)
    for named in catalog.types:
        yield _beside("enum" if named.labels else "domain", named.name, carried)
    yield from map(_other, catalog.others)


class _Lost:
    """Losses by what they are of."""

    def __init__(self, losses: Iterable[TableLoss]) -> None:
        self._what = {(found.table, found.loss.part, found.loss.column): found.loss.what for found in losses}

    def why(self, table: TableName, part: Part, name: str) -> str | None:
        return self._what.get((table, part, name))


def _other(found: SchemaObject) -> Item:
    parent = str(found.parent) if found.parent else ""
    reason = "this version does not carry objects of this kind"
    return Item(kind=found.kind, name=str(found.name), parent=parent, status="not carried", reason=reason)


def _beside(kind: str, name: TableName, carried: Collection[TableName]) -> Item:
    if name in carried:
        return Item(kind=kind, name=str(name), status="planned")
    return Item(kind=kind, name=str(name), status="not carried", reason=_LEFT_OUT)


def _of_table(table: Table, target: Table, lost: _Lost) -> Iterator[Item]:
    parent = str(table.name)
    yield Item(kind="table", name=parent, status="planned", reason=lost.why(table.name, "table", "") or "")
    there = {column.name for column in target.columns}
    for column in table.columns:
        yield from _of_column(column, parent, lost.why(table.name, "column", column.name), column.name in there)
    if table.primary_key:
        yield Item(kind="primary key", name=table.primary_key.name, parent=parent, status="planned")
    for part in table.partitioning.partitions if table.partitioning else ():
        yield Item(kind="partition", name=str(part.name), parent=parent, status="planned")
        yield from _parts(table.name, str(part.name), part.indexes, part.foreign_keys, lost)
    yield from _parts(table.name, parent, table.indexes, table.foreign_keys, lost)
    for check in table.checks:
        yield _part("check", check.name, parent, lost.why(table.name, "check", check.name))


def _of_column(column: Column, parent: str, why: str | None, carried: bool) -> Iterator[Item]:
    """A loss of a column that is there all the same is told beside it."""
    status: Status = "planned" if carried else "not carried"
    yield Item(kind="column", name=column.name, parent=parent, status=status, reason=why or "")
    if carried and isinstance(column.kind, Enum) and not column.kind.name:
        yield Item(kind="enum", name=column.name, parent=parent, status="planned")


def _parts(
    table: TableName, parent: str, indexes: Iterable[Index], foreign_keys: Iterable[ForeignKey], lost: _Lost
) -> Iterator[Item]:
    for index in indexes:
        yield _part("unique" if index.unique else "index", index.name, parent, lost.why(table, "index", index.name))
    for key in foreign_keys:
        yield _part("foreign key", key.name, parent, lost.why(table, "foreign key", key.name))


def _part(kind: str, name: str, parent: str, why: str | None) -> Item:
    if why is not None:
        return Item(kind=kind, name=name, parent=parent, status="not carried", reason=why)
    return Item(kind=kind, name=name, parent=parent, status="planned")
