"""
Tables and segments of a run. The rows of a segment and its line here commit in one transaction, and a table takes
segments only while it is `loading`, so that neither a retry nor a zombie can double rows or write after a newer change.
"""

import time
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from landbridge.errors import Terminal
from landbridge.ledger import layout as t
from landbridge.model import EVERYTHING, Bounds, Copied, Position, Segment, TableMap, TableName, dump, load


@dataclass(frozen=True, kw_only=True)
class TableState:
    """state: pending (segments not planned), loading, loaded, applying. position: exact, of a table without key."""

    map: TableMap
    state: str
    rows: int
    bytes: int
    position: Position | None
    started: float | None
    finished: float | None


def add_tables(connection: sa.Connection, run: str, maps: Iterable[TableMap]) -> None:
    rows = [
        {
            "run": run, "number": m.number, "source": str(m.source.name), "target_schema": m.target.name.schema,
            "target_name": m.target.name.name, "map": dump(m), "state": "pending", "rows": 0, "bytes": 0,
        }
        for m in maps
    ]  # fmt: skip
    connection.execute(t.tables.insert(), rows)


def tables(connection: sa.Connection, run: str) -> list[TableMap]:
    return [state.map for state in table_states(connection, run)]


def table_states(connection: sa.Connection, run: str) -> list[TableState]:
    query = sa.select(t.tables).where(t.tables.c.run == run).order_by(t.tables.c.number)
    return [
        TableState(
            map=load(TableMap, row.map), state=row.state, rows=row.rows, bytes=row.bytes,
            position=row.position, started=row.started, finished=row.finished,
        )
        for row in connection.execute(query)
    ]  # fmt: skip


def owned_tables(connection: sa.Connection, plan_name: str) -> Collection[TableName]:
    """Target tables that runs of this plan have made."""
    joined = t.tables.join(t.runs, t.runs.c.run == t.tables.c.run)
    query = sa.select(t.tables.c.target_schema, t.tables.c.target_name).select_from(joined)
    rows = connection.execute(query.where(t.runs.c.plan_name == plan_name))
    return {TableName(schema=row[0], name=row[1]) for row in rows}


def plan_segments(connection: sa.Connection, run: str, table: int, bounds: Sequence[Bounds]) -> None:
    """Write a table's segments down, once, and open it for loading."""
    which = (t.tables.c.run == run) & (t.tables.c.number == table) & (t.tables.c.state == "pending")
    changed = connection.execute(t.tables.update().where(which).values(state="loading", started=time.time()))
    if changed.rowcount != 1:
        return
    rows = [
        {"run": run, "table_number": table, "number": number, "bounds": dump(b), "state": "planned"}
        for number, b in enumerate(bounds)
    ]
    connection.execute(t.segments.insert(), rows)


def open_segments(connection: sa.Connection, run: str, table: int) -> list[Segment]:
    c = t.segments.c
    query = sa.select(c.number, c.bounds).where(c.run == run, c.table_number == table, c.state == "planned")
    return [
        Segment(table=table, number=row.number, bounds=load(Bounds, row.bounds))
        for row in connection.execute(query.order_by(c.number))
    ]


def segment_bounds(connection: sa.Connection, run: str, table: int) -> list[Bounds]:
    """The ranges the table was loaded in, in order."""
    c = t.segments.c
    query = sa.select(c.bounds).where(c.run == run, c.table_number == table).order_by(c.number)
    return [load(Bounds, bounds) for bounds in connection.execute(query).scalars()]


def claim_segment(connection: sa.Connection, run: str, segment: Segment) -> bool:
    """
    First statement of a segment's transaction. False: it is done already. A second claim waits here for the first.
    """
    table = (t.tables.c.run == run) & (t.tables.c.number == segment.table)
    state = connection.execute(sa.select(t.tables.c.state).where(table).with_for_update(read=True)).scalar_one()
    if state != "loading":
        return False
    c = t.segments.c
    which = (c.run == run) & (c.table_number == segment.table) & (c.number == segment.number) & (c.state == "planned")
    return connection.execute(t.segments.update().where(which).values(state="done")).rowcount == 1


def finish_segment(connection: sa.Connection, run: str, segment: Segment, copied: Copied) -> None:
    """Last statement of a segment's transaction."""
    c = t.segments.c
    which = (c.run == run) & (c.table_number == segment.table) & (c.number == segment.number)
    connection.execute(
        t.segments.update()
        .where(which)
        .values(rows=copied.rows, bytes=copied.bytes, position=copied.position, finished=time.time())
    )


def finish_table(connection: sa.Connection, run: str, table: int, exact: bool) -> None:
    """
    Close a table whose segments are all done; from now on no segment can land in it. exact: its only segment was read
    at an exactly known position, before which no change of the stream may be applied.
    """
    which = (t.tables.c.run == run) & (t.tables.c.number == table)
    if connection.execute(sa.select(t.tables.c.state).where(which).with_for_update()).scalar_one() != "loading":
        return
    if open_segments(connection, run, table):
        raise Terminal(f"table {table} of run {run} still has open segments", mend="run `landbridge migrate` again")
    c = t.segments.c
    totals = sa.select(sa.func.sum(c.rows), sa.func.sum(c.bytes), sa.func.max(c.position))
    rows, size, position = connection.execute(totals.where(c.run == run, c.table_number == table)).one()
    values = {"state": "loaded", "rows": int(rows or 0), "bytes": int(size or 0), "finished": time.time()}
    connection.execute(t.tables.update().where(which).values(**values, position=position if exact else None))


def loaded_anew(connection: sa.Connection, run: str, table: int, copied: Copied) -> None:
    """
    In the transaction that wrote all of a table's rows, read in one snapshot: what the stream has of it up to there is
    not to be applied.
    """
    which = (t.tables.c.run == run) & (t.tables.c.number == table)
    values = {"rows": copied.rows, "bytes": copied.bytes, "position": copied.position, "finished": time.time()}
    connection.execute(t.tables.update().where(which).values(**values))
    c = t.segments.c
    connection.execute(t.segments.delete().where((c.run == run) & (c.table_number == table)))
    one = {"run": run, "table_number": table, "number": 0, "bounds": dump(EVERYTHING), "state": "done"}
    connection.execute(t.segments.insert().values(**one))
    finish_segment(connection, run, Segment(table=table, number=0), copied)


def open_for_apply(connection: sa.Connection, run: str) -> None:
    """From here on changes may be written to the run's tables. Raises Terminal while one is not loaded."""
    c = t.tables.c
    states = connection.execute(sa.select(c.number, c.state).where(c.run == run).with_for_update()).all()
    waiting = [row.number for row in states if row.state not in ("loaded", "applying")]
    if waiting:
        raise Terminal(f"tables {waiting} of run {run} are not loaded yet", mend="run `landbridge migrate` again")
    connection.execute(t.tables.update().where(c.run == run).values(state="applying"))


def newest_read(connection: sa.Connection, run: str) -> Position | None:
    """Pmax: the newest position at which any segment was read."""
    query = sa.select(sa.func.max(t.segments.c.position)).where(t.segments.c.run == run)
    newest: Position | None = connection.execute(query).scalar_one()
    return newest


def table_positions(connection: sa.Connection, run: str) -> dict[int, Position]:
    """Of tables without a key, and of those loaded anew: where they were read, exactly."""
    c = t.tables.c
    query = sa.select(c.number, c.position).where(c.run == run, c.position.is_not(None))
    return {row.number: row.position for row in connection.execute(query)}


def loaded_so_far(connection: sa.Connection, run: str) -> dict[int, tuple[int, int]]:
    """Rows and bytes of the segments done, per table number."""
    c = t.segments.c
    query = sa.select(c.table_number, sa.func.sum(c.rows), sa.func.sum(c.bytes)).where(c.run == run, c.state == "done")
    return {row[0]: (int(row[1] or 0), int(row[2] or 0)) for row in connection.execute(query.group_by(c.table_number))}
