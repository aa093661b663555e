"""
What a source's DDL means for a run: the table's new shape on both sides, and whether it may be carried out by itself.

Safe is what cannot lose or refuse a row: a nullable column more, without default or with a constant one, a wider type,
secondary indexes, other names, defaults and comments. Everything else waits for a person.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from landbridge import kinds, ledger
from landbridge.endpoints import Endpoint
from landbridge.endpoints.abc import Connects, Prepares
from landbridge.endpoints.altering import Alters, Drift
from landbridge.errors import PlanError, SchemaDrift
from landbridge.kinds import Kind
from landbridge.ledger import Alteration
from landbridge.mapping import Remapped, remap
from landbridge.model import Column, ColumnMap, Index, Position, Table, TableMap, TableName
from landbridge.plan import Plan

_ACTING = ("CASCADE", "SET NULL")

BACK_ENDS = (
    "the way back ends here, and the old side has all up to there: `landbridge complete PLAN`; to go back all the same,"
    " migrate the other way with a plan of its own"
)


class Following:
    """One run's schema history, written ahead of the spool. `tables`: as the source has them where the stream is."""

    def __init__(self, source: Endpoint, target: Endpoint, run: ledger.Run) -> None:
        self._source, self._target, self._run, self._plan = source, target, run.run, run.plan
        self._engine = target.get(Connects).engine()
        self._shapes: dict[int, TableMap] = {}
        with self._engine.begin() as connection:
            self._leads_back = ledger.leg_of(connection, run.run).leads_back

    def tables(self, since: Position) -> list[TableMap]:
        """At the beginning of a stream. What was met past there, but not spooled, will be met again."""
        with self._engine.begin() as connection:
            ledger.forget_captured(connection, self._run, since)
            found = ledger.tables_at(connection, self._run, since)
        self._shapes = {table.number: table for table in found}
        return found

    def follow(self, drift: Drift) -> TableMap:
        """Implements abc.Follow. A drift that came before keeps the shape that it had then."""
        with self._engine.begin() as connection:
            known = ledger.alteration(connection, self._run, drift.position, drift.table)
            if known is None:
                blueprint = ledger.blueprint(connection, self._run)
                shapes = list(self._shapes.values())
                if self._leads_back:
                    known = judge_back(self._shapes[drift.table], drift)
                else:
                    known = judge(self._plan, self._source.family, self._target, _names(blueprint), shapes, drift)
                ledger.add_alteration(connection, self._run, known)
        self._shapes[drift.table] = known.map
        return known.map


def judge(
    plan: Plan,
    family: str,
    target: Endpoint,
    names: Mapping[TableName, TableName],
    shapes: list[TableMap],
    drift: Drift,
) -> Alteration:
    """family: the source's. names: source to target. Raises SchemaDrift where not even a person could let it go on."""
    old = next(table for table in shapes if table.number == drift.table)
    try:
        before = remap(plan, old.source, old, names, family, target.get(Prepares))
        after = remap(plan, drift.changed, old, names, family, target.get(Prepares))
    except PlanError as error:
        raise SchemaDrift(f"{drift.statement}: {error.found}", mend=error.mend) from None
    lost = [loss.what for loss in after.losses if loss.blocking]
    made = [str(named.name) for named in after.types if named not in before.types]
    obstacle = drift.obstacle or next(_obstacles(old.source, after.source, drift.renamed, plan), "")
    obstacle = obstacle or (f"the target cannot hold it: {lost[0]}" if lost else "")
    obstacle = obstacle or (f"it needs the type {made[0]} on the target" if made else "")
    if obstacle and cascading(old, shapes):
        raise SchemaDrift(
            f"{old.source.name}, whose foreign keys act, was altered by the source ({obstacle}): {drift.statement}",
            mend="begin the migration of this plan anew",
        )
    new = _advanced(old, after, before, drift.renamed, target)
    return Alteration(
        position=drift.position, table=drift.table, statement=drift.statement, obstacle=obstacle, map=new,
        renamed=dict(drift.renamed),
    )  # fmt: skip


def judge_back(old: TableMap, drift: Drift) -> Alteration:
    """
    On the way back what leaves the rows as they are is noted, and the old side stays as it is: indexes, defaults,
    comments. Raises SchemaDrift for all else.
    """
    now = drift.changed
    same = [_bare(column) for column in now.columns] == [_bare(column) for column in old.source.columns]
    keys = now.primary_key and old.source.primary_key and now.primary_key.columns == old.source.primary_key.columns
    acting = old.source.logs_cascades or set(now.foreign_keys) == set(old.source.foreign_keys)
    if drift.obstacle or not (same and keys and acting and _constraints(old.source) <= _constraints(now)):
        raise SchemaDrift(
            f"{old.source.name} was altered on the side that was opened, which the way back cannot follow:"
            f" {drift.statement}",
            mend=BACK_ENDS,
        )
    columns = [replace(now.column(c.name), kind=c.kind, zero_dates=c.zero_dates, nul=c.nul) for c in old.source.columns]
    source = replace(now, columns=tuple(columns), foreign_keys=old.source.foreign_keys)
    pairs = tuple(replace(pair, source=source.column(pair.source.name)) for pair in old.columns)
    return Alteration(
        position=drift.position, table=drift.table, statement=drift.statement, obstacle="",
        map=replace(old, source=source, columns=pairs), renamed={},
    )  # fmt: skip


def _constraints(table: Table) -> set[str]:
    return {index.name for index in table.indexes if index.unique} | {check.name for check in table.checks}


def _bare(column: Column) -> tuple[object, ...]:
    """What a row's fields depend on."""
    return column.name, column.native, column.nullable, column.generated, column.identity, column.collation


def target_renames(found: Alteration, old: TableMap) -> dict[str, str]:
    """The columns' old names to new ones on the target."""
    names = {column.source.name: column.target.name for column in old.columns}
    after = {column.source.name: column.target.name for column in found.map.columns}
    pairs = {names[a]: after[b] for a, b in found.renamed.items() if a in names and b in after}
    return {a: b for a, b in pairs.items() if a != b}


def _names(blueprint: ledger.Blueprint) -> dict[TableName, TableName]:
    """Source name to target name, as far as the ledger has them; types have their target's only."""
    names = {table.source.name: table.target.name for table in blueprint.tables}
    names |= {sequence.source.name: sequence.target.name for sequence in blueprint.sequences}
    names |= {each.source.name: each.name for each in blueprint.objects if each.source.parent is None}
    return {named.name: named.name for named in blueprint.types} | names


def cascading(table: TableMap, shapes: list[TableMap]) -> bool:
    """Whether changes of it are derived from others' or others' from its own: then it cannot stand still alone."""
    if table.source.logs_cascades:
        return False
    acting = [
        (each.source.name, key.target)
        for each in shapes
        for key in each.source.foreign_keys
        if {key.on_delete, key.on_update} & set(_ACTING)
    ]
    return any(table.source.name in pair for pair in acting)


def _advanced(
    old: TableMap, after: Remapped, before: Remapped, renamed: Mapping[str, str], target: Endpoint
) -> TableMap:
    """What the source left as it was stays as it is on the target, whatever would be made of it today."""
    own = {new: name for name, new in after.renames.items()}
    origins = {new: name for name, new in renamed.items()}
    known = {column.name: column for column in old.source.columns}
    there = {column.source.name: column.target for column in old.columns}
    there |= {c.name: c for c in old.target.columns if c.generated and c.name in known}
    columns = []
    for column in after.adopted.columns:
        source = after.source.column(own[column.name])
        origin = origins.get(source.name, source.name)
        kept = there.get(origin) if _same(known.get(origin), source) else None
        columns.append(replace(kept, name=column.name) if kept else column)
    new = replace(
        old.target, columns=tuple(columns), indexes=tuple(_indexes(old, after, before, renamed)),
        comment=after.adopted.comment,
    )  # fmt: skip
    new = target.get(Alters).completed(old.target, new, after.adopted)
    travelling = tuple(
        ColumnMap(source=column, target=new.column(after.renames[column.name]))
        for column in after.source.columns
        if column.generated is None and column.name in after.renames
    )
    return replace(old, source=after.source, target=new, columns=travelling)


def _same(old: Column | None, new: Column) -> bool:
    return old is not None and replace(old, name=new.name) == new


def _indexes(old: TableMap, after: Remapped, before: Remapped, renamed: Mapping[str, str]) -> Iterator[Index]:
    """The target's own, less those that are gone, and the new ones; all of them in new words when a column has some."""
    gone = {i.name for i in before.adopted.indexes} - {i.name for i in after.adopted.indexes}
    was = {index.name: index for index in before.adopted.indexes}
    now = {index.name: index for index in after.adopted.indexes}
    for index in old.target.indexes:
        if index.name not in gone and index.name in now:
            yield now[index.name] if renamed or now[index.name] != was.get(index.name) else index
        elif index.name not in gone:
            yield index
    for index in now.values():
        if index.name not in {each.name for each in old.target.indexes}:
            yield index


# --- what is safe -----------------------------------------------------------------------------------------------------


def _obstacles(old: Table, new: Table, renamed: Mapping[str, str], plan: Plan) -> Iterator[str]:
    """Why a person has to look at it, the weightiest first; nothing for what is safe."""
    names = {column.name: renamed.get(column.name, column.name) for column in old.columns}
    after = {column.name: column for column in new.columns}
    for column in old.columns:
        if names[column.name] not in after:
            yield from _dropped(column, old, plan)
        else:
            yield from _changed(column, after[names[column.name]])
    for column in new.columns:
        if column.name not in names.values():
            yield from _added(column)
    yield from _beside(old, new, names)


def _dropped(column: Column, table: Table, plan: Plan) -> Iterator[str]:
    if plan.ddl.drop != "allow":
        yield f"it drops the column {column.name}, which the plan does not allow (ddl: {{drop: allow}})"
    if table.primary_key and column.name in table.primary_key.columns:
        yield f"it drops {column.name} of the primary key"


def _added(column: Column) -> Iterator[str]:
    default = column.default
    if column.generated or column.identity:
        yield f"the new column {column.name} gets its values by itself"
    elif not column.nullable:
        yield f"the new column {column.name} is NOT NULL"
    elif default is not None and default.literal is None:
        yield f"the default of the new column {column.name} is no constant: {default.native}"
    elif column.on_update_now:
        yield f"the new column {column.name} is set by every update"


def _changed(old: Column, new: Column) -> Iterator[str]:
    if old.native != new.native and not wider(old.kind, new.kind):
        yield f"the type of {new.name} becomes {new.native}, was {old.native}: not every value may fit"
    if old.nullable and not new.nullable:
        yield f"{new.name} becomes NOT NULL"
    if (old.generated, old.identity, old.on_update_now) != (new.generated, new.identity, new.on_update_now):
        yield f"how {new.name} gets its values by itself changes"
    if old.collation != new.collation:
        yield f"the collation of {new.name} becomes {new.collation}, was {old.collation}"
    default = new.default
    if default != old.default and default is not None and default.literal is None and not default.now:
        yield f"the default of {new.name} becomes {default.native}, which is no constant"


def wider(old: Kind, new: Kind) -> bool:
    """Whether every value of the old kind is, in the same text, one of the new kind."""
    if isinstance(old, kinds.Int) and isinstance(new, kinds.Int):
        return old.unsigned == new.unsigned and new.bits >= old.bits
    if isinstance(old, kinds.Decimal) and isinstance(new, kinds.Decimal):
        if old.precision is None or new.precision is None:
            return False
        return old.scale == new.scale and new.precision >= old.precision
    if isinstance(old, kinds.Text) and isinstance(new, kinds.Text):
        return not (old.fixed or new.fixed) and _longer(old.length, new.length)
    if isinstance(old, kinds.Bytes) and isinstance(new, kinds.Bytes):
        return not (old.fixed or new.fixed) and _longer(old.length, new.length)
    return False


def _longer(old: int | None, new: int | None) -> bool:
    return new is None or (old is not None and new >= old)


def _beside(old: Table, new: Table, names: Mapping[str, str]) -> Iterator[str]:
    """Keys, constraints and the table itself."""
    key = tuple(names[column] for column in old.primary_key.columns) if old.primary_key else ()
    if key != (new.primary_key.columns if new.primary_key else ()):
        yield "it changes the primary key"
    had = {index.name for index in old.indexes}
    if unique := [index.name for index in new.indexes if index.unique and index.name not in had]:
        yield f"{unique[0]} is a new constraint"
    if {c.name for c in old.checks} != {c.name for c in new.checks}:
        yield "it changes what is checked"
    if {k.name for k in new.foreign_keys} - {k.name for k in old.foreign_keys}:
        yield "it adds a foreign key"
    if (old.partitioning is None) != (new.partitioning is None):
        yield "it changes how the table is divided into partitions"
    moved = [name for name, other in names.items() if name != other]
    if moved and (old.checks or old.partitioning or any(c.generated for c in old.columns)):
        yield f"{moved[0]} has another name, and checks, generated columns or partitions may be written with it"
    if (old.transactional, old.inherits) != (new.transactional, new.inherits):
        yield "the table becomes one of another sort"
