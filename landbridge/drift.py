"""
What a source's DDL means for a run: the table's new shape on both sides, and whether it may be carried out by itself.

Safe is what cannot lose or refuse a row: a nullable column more, without default or with a constant one, a wider type,
secondary indexes, other names, defaults and comments. Everything else waits for a person.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace

import sqlalchemy as sa

from landbridge import ledger
from landbridge.endpoints import Endpoint
from landbridge.endpoints.abc import Connects, Prepares
from landbridge.endpoints.altering import UNREAD, Alters, Drift
from landbridge.errors import PlanError, SchemaDrift
from landbridge.ledger import Alteration
from landbridge.mapping import Remapped, remap
from landbridge.model import Column, ColumnMap, Index, Position, Table, TableMap, TableName
from landbridge.obstacles import obstacles
from landbridge.plan import Plan

_UNREAD_AT_MOST = 1000
"""Transactions of a table that stands still because of them; each takes a row in the ledger, and some milliseconds."""

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
                if drift.statement == UNREAD:
                    self._refuse_unread(connection, drift)
                    known = judge_unread(self._shapes[drift.table], shapes, drift)
                elif self._leads_back:
                    known = judge_back(self._shapes[drift.table], drift)
                else:
                    known = judge(self._plan, self._source.family, self._target, _names(blueprint), shapes, drift)
                ledger.add_alteration(connection, self._run, known)
        self._shapes[drift.table] = known.map
        return known.map

    def _refuse_unread(self, connection: sa.Connection, drift: Drift) -> None:
        """On the way back, and where it never ends."""
        if self._leads_back:
            raise SchemaDrift(drift.obstacle, mend=BACK_ENDS)
        waiting = ledger.alterations(connection, self._run, "captured", "paused")
        if sum(each.table == drift.table and each.unread for each in waiting) >= _UNREAD_AT_MOST:
            raise SchemaDrift(
                f"{_UNREAD_AT_MOST} transactions of {drift.changed.name} cannot be read, the last: {drift.obstacle}",
                mend="mend that, then `landbridge ddl approve PLAN TABLE --reload`; or begin anew without the table",
            )


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
    obstacle = drift.obstacle or next(obstacles(old.source, after.source, drift.renamed, plan), "")
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


def judge_unread(old: TableMap, shapes: list[TableMap], drift: Drift) -> Alteration:
    """The table stands still until it is loaded anew. Raises SchemaDrift where others' rows follow from its own."""
    if cascading(old, shapes):
        raise SchemaDrift(
            f"{old.source.name}, whose foreign keys act, has {UNREAD}: {drift.obstacle}",
            mend="begin the migration of this plan anew",
        )
    return Alteration(
        position=drift.position, table=drift.table, statement=UNREAD, obstacle=drift.obstacle, map=old, renamed={}
    )


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
