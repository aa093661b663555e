"""From the plan's rules and the source's catalog to what moves where. Nothing is written here."""

import fnmatch
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from landbridge.census import TableLoss, census
from landbridge.endpoints.abc import Adopted, Prepares
from landbridge.errors import PlanError
from landbridge.ledger import Item
from landbridge.model import (
    Catalog,
    ColumnMap,
    NamedType,
    Sequence,
    SequenceMap,
    Table,
    TableMap,
    TableName,
)
from landbridge.plan import Plan, TableRule


@dataclass(frozen=True, kw_only=True)
class Resolved:
    """tables in a stable order; types with their target names; items: the inventory at the start."""

    tables: tuple[TableMap, ...]
    sequences: tuple[SequenceMap, ...]
    types: tuple[NamedType, ...]
    losses: tuple[TableLoss, ...]
    items: tuple[Item, ...]

    @property
    def blocking(self) -> tuple[TableLoss, ...]:
        return tuple(found for found in self.losses if found.loss.blocking)


def schemas_wanted(plan: Plan, present: Iterable[str]) -> tuple[str, ...]:
    """The source's schemas that any include could match."""
    patterns = [_parts(rule.include)[0] for rule in plan.tables if rule.include]
    return tuple(schema for schema in present if any(_matches(schema, pattern) for pattern in patterns))


def resolve(plan: Plan, catalog: Catalog, target_family: str, prepares: Prepares) -> Resolved:
    """Raises PlanError when an include matches nothing or two tables would get one name."""
    chosen = _choose(plan, catalog)
    names = _names(catalog, chosen)
    plain = catalog.family == target_family
    adopted = {table.name: prepares.adopt(table, catalog.family, names[table.name], names) for table, _ in chosen}
    maps = tuple(
        _table_map(number, table, adopted[table.name].table, plain) for number, (table, _) in enumerate(chosen)
    )
    _refuse_collisions(maps)
    losses = tuple(TableLoss(table=name, loss=loss) for name, made in adopted.items() for loss in made.losses)
    sequences = tuple(
        SequenceMap(source=s, target=replace(s, name=names[s.name], owned_by=_owner(s, maps)))
        for s in _sequences(catalog, names)
    )
    types = _types(catalog, names, adopted.values())
    carried = {sequence.source.name for sequence in sequences} | {found.name for found in catalog.types}
    items = tuple(census(catalog, maps, carried, losses))
    return Resolved(tables=maps, sequences=sequences, types=types, losses=losses, items=items)


def _choose(plan: Plan, catalog: Catalog) -> list[tuple[Table, TableRule]]:
    used: set[int] = set()
    chosen = []
    for table in catalog.tables:
        rule = _deciding_rule(plan, table.name, used)
        if rule is not None and rule.include is not None:
            chosen.append((table, rule))
    unused = [r.include for n, r in enumerate(plan.tables) if r.include is not None and n not in used]
    if unused:
        present = ", ".join(sorted({table.name.schema for table in catalog.tables})) or "none"
        raise PlanError(
            f"these includes match no table of the source: {', '.join(unused)} (schemas with tables here: {present})",
            mend="write include as schema.table, with * as wildcard, in the source's own letters",
        )
    return chosen


def _deciding_rule(plan: Plan, name: TableName, used: set[int]) -> TableRule | None:
    decided = None
    for number, rule in enumerate(plan.tables):
        schema, table = _parts(rule.include or rule.exclude)
        if _matches(name.schema, schema) and _matches(name.name, table):
            used.add(number)
            decided = rule
    return decided


def _parts(pattern: str | None) -> tuple[str, str]:
    schema, dot, table = (pattern or "").partition(".")
    if not dot or not schema or not table:
        raise PlanError(
            f"{pattern!r} is not schema.table", mend="write both parts, for example shop.* or public.orders"
        )
    return schema, table


def _matches(name: str, pattern: str) -> bool:
    """Only * is special; a bracket or question mark in a name is itself."""
    literal = re.sub(r"([\[\]?])", r"[\1]", pattern)
    return fnmatch.fnmatchcase(name, literal)


def _renamed(name: TableName, to: str | None) -> TableName:
    if to is None:
        return name
    schema, table = _parts(to)
    return TableName(schema=schema.replace("*", name.schema), name=table.replace("*", name.name))


def _names(catalog: Catalog, chosen: list[tuple[Table, TableRule]]) -> dict[TableName, TableName]:
    """Source name to target name, of tables, their partitions, and the sequences and types beside them."""
    names = {table.name: _renamed(table.name, rule.to) for table, rule in chosen}
    schemas = {source.schema: target.schema for source, target in reversed(names.items())}
    for table, _ in chosen:
        for part in table.partitioning.partitions if table.partitioning else ():
            names[part.name] = TableName(schema=names[table.name].schema, name=part.name.name)
    for beside in (*(s.name for s in catalog.sequences), *(t.name for t in catalog.types)):
        names[beside] = TableName(schema=schemas.get(beside.schema, beside.schema), name=beside.name)
    return names


def _table_map(number: int, source: Table, target: Table, plain: bool) -> TableMap:
    columns = tuple(
        ColumnMap(source=column, target=target.column(column.name))
        for column in source.columns
        if column.generated is None
    )
    return TableMap(number=number, source=source, target=target, columns=columns, plain=plain)


def _refuse_collisions(maps: Iterable[TableMap]) -> None:
    taken: dict[TableName, TableName] = {}
    for table in maps:
        other = taken.setdefault(table.target.name, table.source.name)
        if other != table.source.name:
            raise PlanError(
                f"{other} and {table.source.name} would both become {table.target.name}",
                mend="give one of them another name with `to`",
            )


def _sequences(catalog: Catalog, names: Mapping[TableName, TableName]) -> Iterator[Sequence]:
    """All but those of tables left out. Identities' too: their options go into the column."""
    for sequence in catalog.sequences:
        owner = sequence.owned_by[0] if sequence.owned_by else None
        if sequence.name in names and (owner is None or owner in names):
            yield sequence


def _owner(sequence: Sequence, maps: Iterable[TableMap]) -> tuple[TableName, str] | None:
    if sequence.owned_by is None:
        return None
    table, column = sequence.owned_by
    return next(((m.target.name, column) for m in maps if m.source.name == table), None)


def _types(catalog: Catalog, names: Mapping[TableName, TableName], adopted: Iterable[Adopted]) -> tuple[NamedType, ...]:
    carried = [replace(found, name=names[found.name]) for found in catalog.types if found.name in names]
    made = [new for each in adopted for new in each.types]
    return tuple({found.name: found for found in (*carried, *made)}.values())
