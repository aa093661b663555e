"""From the plan's rules and the source's catalog to what moves where. Nothing is written here."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from landbridge import history, numbering
from landbridge.census import TableLoss, census, waived
from landbridge.columns import Shaped, shape
from landbridge.endpoints.abc import Adopted, Carried, Carries, Prepares
from landbridge.errors import PlanError
from landbridge.kinds import Loss
from landbridge.ledger import Item
from landbridge.model import (
    Catalog,
    ColumnMap,
    NamedType,
    SchemaObject,
    Sequence,
    SequenceMap,
    Table,
    TableMap,
    TableName,
)
from landbridge.partitions import arrange
from landbridge.plan import Names, OnError, Plan, TableRule, matches

_RIGHTS = ("grant", "grant on columns", "owner", "default privileges")
"""What is only on other things, and named after roles: an include cannot mean it."""


@dataclass(frozen=True, kw_only=True)
class Resolved:
    """tables in a stable order; types with their target names; items: the inventory at the start."""

    tables: tuple[TableMap, ...]
    sequences: tuple[SequenceMap, ...]
    types: tuple[NamedType, ...]
    objects: tuple[Carried, ...]
    losses: tuple[TableLoss, ...]
    items: tuple[Item, ...]

    @property
    def blocking(self) -> tuple[TableLoss, ...]:
        return tuple(found for found in self.losses if found.loss.blocking)


def schemas_wanted(plan: Plan, present: Iterable[str]) -> tuple[str, ...]:
    """The source's schemas that any include could match."""
    patterns = [_parts(rule.include)[0] for rule in plan.tables if rule.include]
    return tuple(schema for schema in present if any(matches(schema, pattern) for pattern in patterns))


Count = Callable[[tuple[TableLoss, ...], tuple[TableMap, ...]], tuple[TableLoss, ...]]


def resolve(
    plan: Plan,
    catalog: Catalog,
    target_family: str,
    prepares: Prepares,
    carries: Carries,
    count: Count = lambda losses, _: losses,
) -> Resolved:
    """
    count: finds out how many rows the losses are of. Raises PlanError when an include matches nothing or two tables
    would get one name.
    """
    chosen = _choose(plan, catalog)
    names = _names(catalog, chosen, plan.names)
    plain = catalog.family == target_family
    referenced = _referenced(chosen)
    arranged = [
        arrange(table, rule.partitions, plain=plain, referenced=table.name in referenced) for table, rule in chosen
    ]
    tables = [(each.table, rule.columns) for each, (_, rule) in zip(arranged, chosen, strict=True)]
    shaped = [each.finish(done) for each, done in zip(arranged, shape(tables, plan.names, plain=plain), strict=True)]
    others = _objects(plan, catalog, names)  # their names must be known: tables call routines and use types
    wanted = [each.adopted if plain else history.without(each.adopted) for each in shaped]
    adopted = [
        prepares.adopt(table, catalog.family, names[each.source.name], names)
        for each, table in zip(shaped, wanted, strict=True)
    ]
    maps = tuple(
        _table_map(number, each, made.table, plain)
        for number, (each, made) in enumerate(zip(shaped, adopted, strict=True))
    )
    maps = tuple(prepares.fitted(maps))
    _refuse_collisions(maps)
    losses = tuple(
        TableLoss(table=each.source.name, loss=loss)
        for each, made in zip(shaped, adopted, strict=True)
        for loss in (*each.losses, *made.losses)
    )
    losses += tuple(numbering.losses(maps, catalog.sequences))
    rules = [rule.history for _, rule in chosen]
    losses += tuple(history.losses((m.source, m.target, rule) for m, rule in zip(maps, rules, strict=True)))
    losses = count(losses, maps)
    sequences = tuple(
        SequenceMap(source=s, target=replace(s, name=names[s.name], owned_by=_owner(s, maps)))
        for s in _sequences(catalog, names)
    )
    types = _types(catalog, names, adopted)
    made = {it.name for it in prepares.statements(maps, [s.target for s in sequences], types) if it.kind == "sequence"}
    counted = _counted_by_columns(maps)
    stays = {s.source.name for s in sequences if not s.source.identity and s.target.name not in made} - counted
    carried = {s.source.name for s in sequences} - stays | {found.name for found in catalog.types}
    objects = tuple(carries.carry(others, catalog.family, names, maps, rights=plan.grants))
    items = tuple(waived(census(catalog, maps, carried, losses, objects, stays), plan.waive))
    return Resolved(tables=maps, sequences=sequences, types=types, objects=objects, losses=losses, items=items)


@dataclass(frozen=True, kw_only=True)
class Remapped:
    """One table by itself. renames: of the columns that travel; adopted: what the target would make of it now."""

    source: Table
    renames: Mapping[str, str]
    adopted: Table
    types: tuple[NamedType, ...]
    losses: tuple[Loss, ...]


def remap(
    plan: Plan, table: Table, old: TableMap, names: Mapping[TableName, TableName], family: str, prepares: Prepares
) -> Remapped:
    """A table of a run that goes on, by the plan's rules. Raises PlanError when they no longer fit it."""
    rule = _deciding_rule(plan, table.name, set()) or TableRule()
    referenced = bool(old.source.partitioning and old.source.partitioning.referenced)
    arranged = arrange(table, rule.partitions, plain=old.plain, referenced=referenced)
    (shaped,) = shape([(arranged.table, rule.columns)], plan.names, plain=old.plain)
    shaped = arranged.finish(shaped)
    made = prepares.adopt(shaped.adopted, family, old.target.name, names)
    return Remapped(
        source=shaped.source, renames=shaped.renames, adopted=made.table, types=made.types,
        losses=(*shaped.losses, *made.losses),
    )  # fmt: skip


def _objects(plan: Plan, catalog: Catalog, names: dict[TableName, TableName]) -> list[SchemaObject]:
    """What the rules take of all that is no table; `names` gets their target names as well."""
    schemas = {source.schema: target.schema for source, target in reversed(names.items())}
    for found in catalog.others:
        rule = _deciding_rule(plan, found.name, set()) if found.parent is None else None
        if not found.name.schema:  # of the whole database, such as an extension: no rule can name it
            names.setdefault(found.name, found.name)
        elif found.early and rule is None:  # tables rest on it, as they do on the types
            names.setdefault(found.name, replace(found.name, schema=schemas.get(found.name.schema, found.name.schema)))
        elif rule is not None and rule.include is not None:
            names.setdefault(found.name, _renamed(found.name, rule.to, plan.names))
    return [found for found in catalog.others if (found.parent or found.name) in names]


def _referenced(chosen: Iterable[tuple[Table, TableRule]]) -> set[TableName]:
    """Tables that a foreign key of another one, or of a partition, points at."""
    keys = [key for table, _ in chosen for key in table.foreign_keys]
    for table, _ in chosen:
        keys += [
            key for part in (table.partitioning.partitions if table.partitioning else ()) for key in part.foreign_keys
        ]
    return {key.target for key in keys}


def _counted_by_columns(maps: Iterable[TableMap]) -> set[TableName]:
    """Sequences that a column of the target stands for, which counts by itself."""
    pairs = [(c.source.default, c.target.identity) for table in maps for c in table.columns]
    return {default.sequence for default, identity in pairs if identity and default and default.sequence}


def _choose(plan: Plan, catalog: Catalog) -> list[tuple[Table, TableRule]]:
    used: set[int] = set()
    chosen = []
    for table in catalog.tables:
        rule = _deciding_rule(plan, table.name, used)
        if rule is not None and rule.include is not None:
            chosen.append((table, rule))
    for found in catalog.others:
        if found.name.schema and found.parent is None and found.kind not in _RIGHTS and "table" not in found.kind:
            _deciding_rule(plan, found.name, used)
    unused = [r.include for n, r in enumerate(plan.tables) if r.include is not None and n not in used]
    if unused:
        present = ", ".join(sorted({table.name.schema for table in catalog.tables})) or "none"
        told = f"{', '.join(unused)} (schemas with tables here: {present})"
        raise PlanError(
            f"these includes match no table and nothing else of the source: {told}",
            mend="write include as schema.table, with * as wildcard, in the source's own letters",
        )
    return chosen


def on_error(plan: Plan, table: TableName) -> OnError:
    """What a change of this table of the source does that the target refuses."""
    rule = _deciding_rule(plan, table, set())
    return rule.on_error if rule is not None else "stop"


def _deciding_rule(plan: Plan, name: TableName, used: set[int]) -> TableRule | None:
    decided = None
    for number, rule in enumerate(plan.tables):
        schema, table = _parts(rule.include or rule.exclude)
        if matches(name.schema, schema) and matches(name.name, table):
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


def _renamed(name: TableName, to: str | None, names: Names) -> TableName:
    """What `to` says stays as it is written, but for what its * stands for."""
    schema, table = _parts(to or "*.*")
    own = TableName(schema=name.schema.lower(), name=name.name.lower()) if names == "lower" else name
    return TableName(schema=schema.replace("*", own.schema), name=table.replace("*", own.name))


def _names(catalog: Catalog, chosen: list[tuple[Table, TableRule]], policy: Names) -> dict[TableName, TableName]:
    """Source name to target name, of tables, their partitions, and the sequences and types beside them."""
    names = {table.name: _renamed(table.name, rule.to, policy) for table, rule in chosen}
    schemas = {source.schema: target.schema for source, target in reversed(names.items())}
    for table, rule in chosen:
        for part in table.partitioning.partitions if table.partitioning and rule.partitions == "keep" else ():
            beside_root = part.name.schema == table.name.schema
            own = _renamed(part.name, None, policy)
            schema = names[table.name].schema if beside_root else schemas.get(part.name.schema, own.schema)
            names[part.name] = replace(own, schema=schema)
    for beside in (*(s.name for s in catalog.sequences), *(t.name for t in catalog.types)):
        own = _renamed(beside, None, policy)
        names[beside] = replace(own, schema=schemas.get(beside.schema, own.schema))
    return names


def _table_map(number: int, shaped: Shaped, target: Table, plain: bool) -> TableMap:
    columns = tuple(
        ColumnMap(source=column, target=target.column(shaped.renames[column.name]))
        for column in shaped.source.columns
        if column.generated is None and column.name in shaped.renames
    )
    return TableMap(number=number, source=shaped.source, target=target, columns=columns, plain=plain)


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
