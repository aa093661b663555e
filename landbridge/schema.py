"""Making the target's schema, phase by phase; each statement once, each object's fate in the inventory."""

from collections.abc import Callable, Collection, Iterable
from dataclasses import replace

import sqlalchemy as sa

from landbridge import ledger
from landbridge.endpoints import Endpoint
from landbridge.endpoints.abc import Connects, Phase, Prepares, Statement
from landbridge.errors import MigrationError, Terminal, Transient
from landbridge.model import TableMap, TableName

_KINDS: dict[Phase, tuple[str, ...]] = {
    "tables": ("table", "column", "primary key", "partition", "check", "enum", "domain", "sequence"),
    "indexes": ("index",),
    "unique": ("unique",),
    "objects": (),
    "foreign keys": ("foreign key",),
    "triggers": (),
    "validate": (),
}


_FORGIVEN: tuple[Phase, ...] = ("objects",)
"""A view that the target refuses is told at the gate; it stops nothing before."""


def statements(target: Endpoint, blueprint: ledger.Blueprint) -> list[Statement]:
    """
    Of each phase in an order that works: extensions before types, what tables call before tables, and what acts on DDL
    after all else. None for a side where all of it stands anyway.
    """
    if blueprint.stands:
        return []
    sequences = [sequence.target for sequence in blueprint.sequences]
    made = list(target.get(Prepares).statements(blueprint.tables, sequences, blueprint.types))
    beside = [replace(one, item=each.key) for each in blueprint.objects for one in each.statements]
    extensions = [statement for statement in beside if statement.kind == "extension"]
    last = [statement for statement in beside if statement.phase == "validate"]
    rest = [statement for statement in beside if statement.kind != "extension" and statement not in last]
    types = next((place for place, found in enumerate(made) if found.kind != "schema"), len(made))
    tables = next((place for place, found in enumerate(made) if found.kind == "table"), len(made))
    return [*made[:types], *extensions, *made[types:tables], *rest, *made[tables:], *last]


def build(
    target: Endpoint,
    run: str,
    todo: Iterable[Statement],
    phases: Collection[Phase],
    *,
    table: int | None = None,
    progress: Callable[[Statement], None] = lambda _: None,
) -> int:
    """
    Run the statements of these phases, of one table or of all; how many had to be run. Each is asked for first, so
    doing it again is harmless.
    """
    made = 0
    engine = target.get(Connects).engine()
    for statement in todo:
        if statement.phase not in phases or (table is not None and statement.table != table):
            continue
        progress(statement)
        try:
            made += _make(engine, run, statement)
        except Terminal:
            if statement.phase not in _FORGIVEN:
                raise
    return made


def take_back(target: Endpoint, run: str, todo: Iterable[Statement]) -> int:
    """
    Unmake what acts by itself: the target takes in the source's changes again, in which all it would do is done
    already. How much there was.
    """
    engine = target.get(Connects).engine()
    undone = []
    for statement in reversed(list(todo)):
        if statement.undo:
            with engine.begin() as connection:
                if unmake(connection, statement):
                    undone.append(statement.item)
    with engine.begin() as connection:
        again = [item for item in ledger.items(connection, run) if (item.kind, item.name, item.parent) in undone]
        ledger.record(connection, run, [replace(item, status="planned") for item in again])
    return len(undone)


def make(connection: sa.Connection, statement: Statement) -> bool:
    """False when it is there already."""
    literally = connection.execution_options(no_parameters=True)  # a % in the text is a %
    if literally.exec_driver_sql(statement.exists).first() is not None:
        return False
    for sql in (*statement.session, statement.sql):
        literally.exec_driver_sql(sql)
    return True


def unmake(connection: sa.Connection, statement: Statement) -> bool:
    """False when it is not there."""
    literally = connection.execution_options(no_parameters=True)
    if literally.exec_driver_sql(statement.exists).first() is None:
        return False
    for sql in (*statement.session, statement.undo):
        literally.exec_driver_sql(sql)
    return True


def _make(engine: sa.Engine, run: str, statement: Statement) -> bool:
    try:
        with engine.begin() as connection:
            return make(connection, statement)
    except Transient:
        raise
    except (MigrationError, sa.exc.DBAPIError) as error:
        reason = str(error.orig).strip() if isinstance(error, sa.exc.DBAPIError) else error.found
        with engine.begin() as connection:
            kind, name, parent = statement.item or (statement.kind, str(statement.name), "")
            item = ledger.Item(kind=kind, name=name, parent=parent, status="failed", reason=reason)
            ledger.record(connection, run, [item])
        raise Terminal(
            f"the target refused to make {statement.kind} {statement.name}: {reason}",
            mend=f"put right what the server says and run the same command again; the statement was: {statement.sql}",
        ) from None


def mark_done(
    connection: sa.Connection, run: str, phases: Collection[Phase], blueprint: ledger.Blueprint, *, whole: bool
) -> None:
    """
    The planned objects of these phases have arrived. whole: also those that belong to no table. A table that another
    family's engine holds now is translated, not merely migrated.
    """
    kinds = {kind for phase in phases for kind in _KINDS[phase]}
    parents = {str(name): table.plain for table in blueprint.tables for name in _names(table)}
    beside = {each.key: each for each in blueprint.objects}
    done = []
    for item in ledger.items(connection, run):
        if item.status != "planned":
            continue
        carried = beside.get((item.kind, item.name, item.parent))
        owner = item.parent or item.name
        if carried is not None:
            arrived, kept = carried.statements[-1].phase in phases, not carried.translated
        else:
            arrived = item.kind in kinds and (owner in parents or (whole and not item.parent))
            kept = parents.get(owner, True)
        if arrived:
            done.append(replace(item, status="migrated" if kept else "translated"))
    ledger.record(connection, run, done)


def _names(table: TableMap) -> Iterable[TableName]:
    yield table.source.name
    for part in table.source.partitioning.partitions if table.source.partitioning else ():
        yield part.name
