"""Making the target's schema, phase by phase; each statement once, each object's fate in the inventory."""

from collections.abc import Callable, Collection, Iterable, Sequence

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
    "foreign keys": ("foreign key",),
    "validate": (),
}


def statements(target: Endpoint, blueprint: ledger.Blueprint) -> list[Statement]:
    sequences = [sequence.target for sequence in blueprint.sequences]
    return list(target.get(Prepares).statements(blueprint.tables, sequences, blueprint.types))


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
        made += _make(engine, run, statement)
    return made


def _make(engine: sa.Engine, run: str, statement: Statement) -> bool:
    try:
        with engine.begin() as connection:
            literally = connection.execution_options(no_parameters=True)  # a % in the text is a %
            if literally.exec_driver_sql(statement.exists).first() is not None:
                return False
            literally.exec_driver_sql(statement.sql)
            return True
    except Transient:
        raise
    except (MigrationError, sa.exc.DBAPIError) as error:
        reason = str(error.orig).strip() if isinstance(error, sa.exc.DBAPIError) else error.found
        with engine.begin() as connection:
            item = ledger.Item(kind=statement.kind, name=str(statement.name), status="failed", reason=reason)
            ledger.record(connection, run, [item])
        raise Terminal(
            f"the target refused to make {statement.kind} {statement.name}: {reason}",
            mend=f"put right what the server says and run the same command again; the statement was: {statement.sql}",
        ) from None


def mark_done(
    connection: sa.Connection, run: str, phases: Collection[Phase], tables: Sequence[TableMap], *, whole: bool
) -> None:
    """
    The planned objects of these phases have arrived. whole: also those that belong to no table. A table that another
    family's engine holds now is translated, not merely migrated.
    """
    kinds = {kind for phase in phases for kind in _KINDS[phase]}
    parents = {str(name): table.plain for table in tables for name in _names(table)}
    done = []
    for item in ledger.items(connection, run):
        owner = item.parent or item.name
        ours = item.status == "planned" and item.kind in kinds and (owner in parents or (whole and not item.parent))
        if ours:
            status: ledger.Status = "migrated" if parents.get(owner, True) else "translated"
            done.append(
                ledger.Item(kind=item.kind, name=item.name, parent=item.parent, status=status, reason=item.reason)
            )
    ledger.record(connection, run, done)


def _names(table: TableMap) -> Iterable[TableName]:
    yield table.source.name
    for part in table.source.partitioning.partitions if table.source.partitioning else ():
        yield part.name
