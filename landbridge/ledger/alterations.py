"""
The schema history: every alteration of a planned table that capture met in the source's log, written here before the
log is spooled past it, and what became of it on the target.

captured → (begun →) applied            carried out by itself; begun: a target whose DDL commits by itself may have it
captured → paused → approved → applied  the table's later changes wait in the spool until a person has approved

A table whose change the target refused stands still by the same rule, at what is no alteration: it begins as paused.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import sqlalchemy as sa

from landbridge.endpoints.altering import UNREAD
from landbridge.errors import Terminal
from landbridge.ledger import layout as t
from landbridge.ledger.loading import tables
from landbridge.ledger.streaming import read_stream
from landbridge.model import Position, TableMap, dump, load

State = Literal["captured", "begun", "paused", "approved", "applied"]
_PENDING: tuple[State, ...] = ("captured", "begun")
_EARLIER = "-"
"""Before the positions of alterations on a server that is the source no longer; sorts before every position."""

_STANDING: tuple[State, ...] = ("paused", "approved")
_REFUSED = "+"
"""After the position before a refused change: sorts after all that is at that position, and before all later ones."""


@dataclass(frozen=True, kw_only=True)
class Alteration:
    """
    position: of the statement in the source's log. map: the table from here on. renamed: columns of the source, old
    name to new. obstacle: why it is not carried out by itself, empty where it is. since: of a paused one, a position
    from which the spool has all that follows it. statement: '' where there is none, but a change that was refused.
    """

    position: Position
    table: int
    statement: str
    obstacle: str
    map: TableMap
    renamed: dict[str, str]
    state: State = "captured"
    since: Position | None = None
    met: float = 0.0
    approved_by: str | None = None
    reason: str | None = None

    @property
    def refused(self) -> bool:
        """The table stands before a change that the target refused; obstacle says why."""
        return not self.statement

    @property
    def unread(self) -> bool:
        """Changes of the table are missing in the stream here; obstacle says why."""
        return self.statement == UNREAD


def add_alteration(connection: sa.Connection, run: str, found: Alteration) -> None:
    connection.execute(
        t.alterations.insert().values(
            run=run, position=found.position, table_number=found.table, statement=found.statement,
            obstacle=found.obstacle, map=dump(found.map), renamed=found.renamed, state=found.state, met=time.time(),
        )
    )  # fmt: skip


def alterations(connection: sa.Connection, run: str, *states: State) -> list[Alteration]:
    """In the log's order; all, or those in these states."""
    c = t.alterations.c
    query = sa.select(t.alterations).where(c.run == run).order_by(c.position, c.table_number)
    rows = connection.execute(query.where(c.state.in_(states)) if states else query)
    return [_alteration(row) for row in rows]


def alteration(connection: sa.Connection, run: str, position: Position, table: int) -> Alteration | None:
    row = connection.execute(sa.select(t.alterations).where(_which(run, position, table))).one_or_none()
    return None if row is None else _alteration(row)


def tables_at(connection: sa.Connection, run: str, position: Position) -> list[TableMap]:
    """The run's tables as the source had them at a position, which is not before the one applied."""
    found = {table.number: table for table in tables(connection, run)}
    ahead = alterations(connection, run, *_PENDING, *_STANDING)
    return list((found | {each.table: each.map for each in ahead if each.position <= position}).values())


def set_alteration(
    connection: sa.Connection, run: str, found: Alteration, state: State, **values: str | float | None
) -> None:
    """Once it is applied, its shape is the run's."""
    which = _which(run, found.position, found.table)
    connection.execute(t.alterations.update().where(which).values(state=state, **values))
    if state == "applied":
        c = t.tables.c
        own = (c.run == run) & (c.number == found.table)
        connection.execute(t.tables.update().where(own).values(map=dump(found.map)))


def standing(connection: sa.Connection, run: str) -> list[Alteration]:
    """Of every table that stands still the alteration that it stands at."""
    return alterations(connection, run, *_STANDING)


def stand_still(connection: sa.Connection, run: str, table: int, since: Position, refused: str) -> None:
    """From `since` on, where the target stands: a change after it was refused. The stream goes on without the table."""
    found = Alteration(
        position=Position(since + _REFUSED), table=table, statement="", obstacle=refused, state="paused",
        map=next(each for each in tables(connection, run) if each.number == table), renamed={},
    )  # fmt: skip
    connection.execute(t.alterations.delete().where(_which(run, found.position, table)))  # it was let go on here before
    add_alteration(connection, run, found)
    set_alteration(connection, run, found, "paused", since=since)


def kept_from(connection: sa.Connection, run: str) -> Position:
    """Nothing after this may be forgotten: the position applied, or the least one at which a table stands still."""
    applied = read_stream(connection, run).position
    return min([applied, *(each.since for each in standing(connection, run) if each.since is not None)])


def refuse_standing(connection: sa.Connection, run: str) -> None:
    """Raises Terminal while a table stands still."""
    names = sorted({str(each.map.source.name) for each in standing(connection, run)})
    if names:
        raise Terminal(
            f"the target does not follow {', '.join(names)}: an alteration waits for you, or a change was refused",
            mend="see `landbridge ddl list PLAN`; make the target fit, then `landbridge ddl approve PLAN TABLE`, or"
            " `landbridge resume PLAN --table TABLE` after a refused change",
        )


def forget_pending(connection: sa.Connection, run: str) -> None:
    """The stream goes on at another server of the source, where they have other positions, and are met again."""
    refuse_standing(connection, run)
    c = t.alterations.c
    connection.execute(t.alterations.delete().where((c.run == run) & c.state.in_(_PENDING)))
    earlier = sa.literal(_EARLIER) + c.position  # what is at the same place there is another one
    connection.execute(t.alterations.update().where(c.run == run).values(position=earlier))


def forget_captured(connection: sa.Connection, run: str, since: Position) -> None:
    """Those past `since` of which nobody but capture knows."""
    c = t.alterations.c
    connection.execute(t.alterations.delete().where((c.run == run) & (c.position > since) & (c.state == "captured")))


def approve_alteration(connection: sa.Connection, run: str, found: Alteration, by: str, reason: str) -> None:
    set_alteration(connection, run, found, "approved", approved_by=by, reason=reason, decided=time.time())


def take_turn(connection: sa.Connection, run: str, found: Alteration) -> bool:
    """Whether it still waits for a person. Nobody else decides until the transaction ends."""
    state = sa.select(t.alterations.c.state).where(_which(run, found.position, found.table)).with_for_update()
    return connection.execute(state).scalar_one_or_none() == "paused"


def _which(run: str, position: Position, table: int) -> "sa.ColumnElement[bool]":
    c = t.alterations.c
    return (c.run == run) & (c.position == position) & (c.table_number == table)


def _alteration(row: "sa.Row[Any]") -> Alteration:
    return Alteration(
        position=row.position, table=row.table_number, statement=row.statement, obstacle=row.obstacle,
        map=load(TableMap, row.map), renamed=row.renamed, state=row.state, since=row.since, met=row.met,
        approved_by=row.approved_by, reason=row.reason,
    )  # fmt: skip


def altered_since(connection: sa.Connection, run: str, known: Sequence[Alteration]) -> list[Alteration]:
    """What was begun or carried out that `known` does not have so."""
    before = {(each.position, each.table) for each in known if each.state in ("begun", "applied")}
    now = alterations(connection, run, "begun", "applied")
    return [each for each in now if (each.position, each.table) not in before]
