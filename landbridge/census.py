"""The inventory as a run begins: every object of the source, planned, or not carried and why."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

from landbridge.endpoints.abc import Carried
from landbridge.kinds import Enum, Loss, Part
from landbridge.ledger import Item, Status
from landbridge.model import Catalog, Column, ForeignKey, Index, SchemaObject, Table, TableMap, TableName
from landbridge.partitions import lifted
from landbridge.plan import Waiver

_LEFT_OUT = "the plan leaves its table out"


@dataclass(frozen=True, kw_only=True)
class TableLoss:
    table: TableName
    loss: Loss


def census(
    catalog: Catalog,
    maps: Iterable[TableMap],
    carried: Collection[TableName],
    losses: Iterable[TableLoss],
    objects: Iterable[Carried],
    stays: Collection[TableName] = (),
) -> Iterator[Item]:
    """carried: the source's names of the sequences and types that move. stays: of those sequences that cannot."""
    moving = {table.source.name: table for table in maps}
    lost = _Lost(losses)
    for table in catalog.tables:
        if table.name in moving:
            yield from _of_table(table, moving[table.name].target, lost)
        else:
            yield Item(kind="table", name=str(table.name), status="not carried", reason="the plan leaves it out")
    for sequence in catalog.sequences:
        item = _beside("sequence", sequence.name, carried)
        yield replace(item, reason="the target has no sequences") if sequence.name in stays else item
    for named in catalog.types:
        yield _beside("enum" if named.labels else "domain", named.name, carried)
    made = {each.source: each for each in objects}
    for found in catalog.others:
        yield item_of(found, made.get(found))


def waived(items: Iterable[Item], waivers: Sequence[Waiver]) -> Iterator[Item]:
    """The first waiver that fits an object left behind says by whom and why."""
    for item in items:
        fitting = (waiver for waiver in waivers if waiver.covers(item.kind, item.name))
        waiver = next(fitting, None) if item.status == "not carried" else None
        yield replace(item, status="waived", reason=f"by {waiver.by}: {waiver.reason}") if waiver else item


class _Lost:
    """Losses by what they are of."""

    def __init__(self, losses: Iterable[TableLoss]) -> None:
        self._what: dict[tuple[TableName, Part, str], list[str]] = {}
        for table, loss in ((found.table, found.loss) for found in losses if found.loss.touches):
            self._what.setdefault((table, loss.part, loss.column), []).append(loss.told)

    def why(self, table: TableName, part: Part, name: str) -> str | None:
        what = self._what.get((table, part, name))
        return "; ".join(dict.fromkeys(what)) if what else None


def item_of(found: SchemaObject, carried: Carried | None) -> Item:
    """carried None: the plan's rules leave it out."""
    item = Item(kind=found.kind, name=str(found.name), parent=str(found.parent or ""), status="not carried")
    if carried is None:
        return replace(item, reason="the plan leaves it out")
    if carried.statements:
        return replace(item, status="planned", reason=carried.reason)
    effort = f" (by hand: a {carried.effort} effort)" if carried.effort else ""
    return replace(item, reason=carried.reason + effort)


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
    yield from _of_partitions(table, target, lost)
    yield from _parts(table.name, parent, table.indexes, table.foreign_keys, lost)
    for check in table.checks:
        yield _part("check", check.name, parent, lost.why(table.name, "check", check.name))


def _of_partitions(table: Table, target: Table, lost: _Lost) -> Iterator[Item]:
    """What is of a partition only may be of the whole table on the target."""
    made = target.partitioning
    alike = {} if made and made.partitions and not made.given else lifted(table)
    for part in table.partitioning.partitions if table.partitioning else ():
        item = Item(kind="partition", name=str(part.name), parent=str(table.name), status="planned")
        if made is None or made.given:
            why = "the plan divides the table anew" if made else "its rows are all in one table"
            item = replace(item, status="not carried", reason=why)
        yield item
        yield from _parts(table.name, str(part.name), part.indexes, part.foreign_keys, lost, alike)


def _of_column(column: Column, parent: str, why: str | None, carried: bool) -> Iterator[Item]:
    """A loss of a column that is there all the same is told beside it."""
    status: Status = "planned" if carried else "not carried"
    yield Item(kind="column", name=column.name, parent=parent, status=status, reason=why or "")
    if carried and isinstance(column.kind, Enum) and not column.kind.name:
        yield Item(kind="enum", name=column.name, parent=parent, status="planned")


def _parts(
    table: TableName,
    parent: str,
    indexes: Iterable[Index],
    foreign_keys: Iterable[ForeignKey],
    lost: _Lost,
    alike: Mapping[str, str] = MappingProxyType({}),
) -> Iterator[Item]:
    """alike: by an index's or foreign key's name, that of the one which stands for it."""
    for index in indexes:
        why = lost.why(table, "index", alike.get(index.name, index.name))
        yield _part("unique" if index.unique else "index", index.name, parent, why)
    for key in foreign_keys:
        yield _part("foreign key", key.name, parent, lost.why(table, "foreign key", alike.get(key.name, key.name)))


def _part(kind: str, name: str, parent: str, why: str | None) -> Item:
    if why is not None:
        return Item(kind=kind, name=name, parent=parent, status="not carried", reason=why)
    return Item(kind=kind, name=name, parent=parent, status="planned")
