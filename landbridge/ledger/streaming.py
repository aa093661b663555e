"""
The stream's row: the applied position, moved by compare-and-set in the transaction that writes the rows, and the words
by which a flow holds apply at a position.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from landbridge.errors import Fenced, Terminal
from landbridge.ledger import layout as t
from landbridge.model import Position

NOW = "now"


@dataclass(frozen=True, kw_only=True)
class StreamRow:
    """
    start: where capture began. consistent: Pmax, past which the target equals the source. hold: '' run on, 'now', or a
    position up to which to apply. held: the position at which apply stands still, '' while it runs. changes: applied so
    far. committed: the source's time of the last applied commit; applied: our time of it. paused: by whom and why apply
    stands still until it is resumed, '' while it runs. passed: the source's history up to the position (see
    Transaction). left_out: what was applied from a server that was the source before this one.
    """

    run: str
    start: Position
    position: Position
    consistent: Position | None
    epoch: int
    hold: str
    held: str
    spool: str | None
    changes: int
    committed: float
    applied: float
    paused: str
    passed: str
    left_out: str


def start_stream(connection: sa.Connection, run: str, start: Position) -> None:
    values = {"hold": "", "held": "", "epoch": 0, "changes": 0, "committed": 0.0, "applied": 0.0, "paused": ""}
    connection.execute(t.stream.insert().values(run=run, start=start, position=start, **values))


def has_stream(connection: sa.Connection, run: str) -> bool:
    return connection.execute(sa.select(t.stream.c.run).where(t.stream.c.run == run)).one_or_none() is not None


def read_stream(connection: sa.Connection, run: str) -> StreamRow:
    row = connection.execute(sa.select(t.stream).where(t.stream.c.run == run)).one_or_none()
    if row is None:
        raise Terminal(f"run {run} has no stream in the ledger", mend="run `landbridge migrate` with this plan again")
    return StreamRow(**row._mapping)


def make_safe(connection: sa.Connection, run: str) -> None:
    """Writes anything: with the commit, all that this transaction has seen is safe on the target's disk."""
    connection.execute(t.runs.update().where(t.runs.c.run == run).values(source=t.runs.c.source))


def take_over(connection: sa.Connection, run: str) -> int:
    """The new epoch. Whoever applied under the older one is fenced from its next transaction on."""
    which = t.stream.c.run == run
    connection.execute(t.stream.update().where(which).values(epoch=t.stream.c.epoch + 1, held=""))
    return int(connection.execute(sa.select(t.stream.c.epoch).where(which)).scalar_one())


def advance(
    connection: sa.Connection,
    run: str,
    old: Position,
    new: Position,
    epoch: int,
    changes: int,
    committed: float,
    passed: str = "",
) -> None:
    """Move the position. Raises Fenced unless it stood at `old` under our epoch."""
    c = t.stream.c
    which = (c.run == run) & (c.position == old) & (c.epoch == epoch)
    values = {"position": new, "changes": c.changes + changes, "committed": committed, "applied": time.time()}
    values["passed"] = passed
    if connection.execute(t.stream.update().where(which).values(**values)).rowcount != 1:
        raise Fenced(f"another process applies the stream of run {run}", mend="let it; end this process")


def count(connection: sa.Connection, run: str, changes: int) -> None:
    """Changes beside those with which the position was moved in this transaction."""
    c = t.stream.c
    connection.execute(t.stream.update().where(c.run == run).values(changes=c.changes + changes))


def go_on_elsewhere(connection: sa.Connection, run: str, old: str, new: str, position: Position) -> None:
    """
    The source is the server `new` now, where the stream goes on from `position`; all that was passed on `old` is left
    out there. Whoever still applies is fenced, the spool unknown. Raises Fenced when it is `old` no longer.
    """
    which = (t.runs.c.run == run) & (t.runs.c.source == old)
    if connection.execute(t.runs.update().where(which).values(source=new)).rowcount != 1:
        raise Fenced(f"the source of run {run} was changed by another process", mend="run the same command again")
    c = t.stream.c
    values = {"start": position, "position": position, "consistent": position, "hold": "", "held": "", "spool": ""}
    connection.execute(t.stream.update().where(c.run == run).values(**values, epoch=c.epoch + 1, left_out=c.passed))
    connection.execute(t.tables.update().where(t.tables.c.run == run).values(position=None))
    connection.execute(t.segments.update().where(t.segments.c.run == run).values(position=None))


def set_hold(connection: sa.Connection, run: str, hold: str) -> None:
    connection.execute(t.stream.update().where(t.stream.c.run == run).values(hold=hold, held=""))


def set_held(connection: sa.Connection, run: str, epoch: int, held: str) -> None:
    c = t.stream.c
    connection.execute(t.stream.update().where((c.run == run) & (c.epoch == epoch)).values(held=held))


def set_paused(connection: sa.Connection, run: str, paused: str) -> None:
    """'' resumes."""
    connection.execute(t.stream.update().where(t.stream.c.run == run).values(paused=paused))


def raise_consistent(connection: sa.Connection, run: str, position: Position) -> None:
    """Pmax only ever grows."""
    c = t.stream.c
    which = (c.run == run) & (c.consistent.is_(None) | (c.consistent < position))
    connection.execute(t.stream.update().where(which).values(consistent=position))


def set_spool(connection: sa.Connection, run: str, spool: str) -> None:
    connection.execute(t.stream.update().where(t.stream.c.run == run).values(spool=spool))


def spool(connection: sa.Connection, run: str) -> str | None:
    return read_stream(connection, run).spool


def reject(connection: sa.Connection, run: str, table: int | None, reason: str) -> None:
    connection.execute(t.rejects.insert().values(run=run, table_number=table, reason=reason, at=time.time()))


def rejects(connection: sa.Connection, run: str) -> list[tuple[int | None, str]]:
    c = t.rejects.c
    query = sa.select(c.table_number, c.reason).where(c.run == run).order_by(c.number)
    return [(row[0], row[1]) for row in connection.execute(query)]


def store_reject(
    connection: sa.Connection, run: str, table: int, reason: str, position: Position, change: Mapping[str, Any]
) -> None:
    """In the transaction that goes on without the change. position: where the target stood before, or earlier."""
    values = {"run": run, "table_number": table, "reason": reason, "at": time.time()}
    connection.execute(t.rejects.insert().values(**values, position=position, change=dict(change)))


def forget_stops(connection: sa.Connection, run: str) -> None:
    """Changes at which apply stopped, and which it tries again now. Those that it went on without stay."""
    connection.execute(t.rejects.delete().where(t.rejects.c.run == run, t.rejects.c.change.is_(None)))
