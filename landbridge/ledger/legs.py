"""
The legs of a migration: leg 0 goes forward, leg 1 back, leg 2 forward again. Each is a run in the ledger of its own
target, and is prepared before it may do anything: only the switch of the leg before makes it the one that counts.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from landbridge.endpoints.abc import Statement
from landbridge.ledger import layout as t
from landbridge.ledger.inventory import Item, record
from landbridge.ledger.runs import PREPARED, Blueprint, Run, begin_run, finish_phase
from landbridge.model import Bounds, Position, dump, load
from landbridge.plan import Plan

_DONE = ("prepare", "capture", "load", "build-indexes")
"""Phases that a further leg never runs: its tables are there, loaded, and at one position."""


@dataclass(frozen=True, kw_only=True)
class Leg:
    """before: the run of the leg before, '' of the first. It stands in the other side's ledger."""

    number: int = 0
    before: str = ""

    @property
    def leads_back(self) -> bool:
        return self.number % 2 == 1


def leg_of(connection: sa.Connection, run: str) -> Leg:
    beside = connection.execute(sa.select(t.runs.c.beside).where(t.runs.c.run == run)).scalar_one()
    return Leg(**beside["leg"]) if "leg" in beside else Leg()


def next_leg(connection: sa.Connection, before: str) -> str | None:
    """The run that was prepared, or has taken over, after the run `before` of the other side's ledger."""
    query = sa.select(t.runs.c.run, t.runs.c.beside).order_by(t.runs.c.created.desc())
    found = (row.run for row in connection.execute(query) if row.beside.get("leg", {}).get("before") == before)
    return next(found, None)


def prepare_leg(
    connection: sa.Connection,
    plan: Plan,
    source: str,
    leg: Leg,
    blueprint: Blueprint,
    ranges: Mapping[int, Sequence[Bounds]],
    inventory: Sequence[Item],
) -> Run:
    """ranges: what each table was loaded in, for comparisons. Its plan does not find the run before it is activated."""
    run = begin_run(connection, plan, source, blueprint)
    which = t.runs.c.run == run.run
    beside = connection.execute(sa.select(t.runs.c.beside).where(which)).scalar_one()
    beside = beside | {"leg": {"number": leg.number, "before": leg.before}}
    connection.execute(t.runs.update().where(which).values(state=PREPARED, beside=beside))
    connection.execute(t.tables.update().where(t.tables.c.run == run.run).values(state="applying"))
    segments = [
        {"run": run.run, "table_number": table, "number": number, "bounds": dump(each), "state": "done"}
        for table, bounds in ranges.items()
        for number, each in enumerate(bounds)
    ]
    if segments:
        connection.execute(t.segments.insert(), segments)
    record(connection, run.run, inventory)
    for phase in _DONE:
        finish_phase(connection, run.run, phase)
    return run


def keep_still(connection: sa.Connection, run: str, found: Sequence[Statement]) -> None:
    """Beside what was kept before; of one that has changed since, as it is now."""
    kept = {(one.kind, one.name): one for one in (*kept_still(connection, run), *found)}
    _set_still(connection, run, list(kept.values()))


def kept_still(connection: sa.Connection, run: str) -> list[Statement]:
    beside = connection.execute(sa.select(t.runs.c.beside).where(t.runs.c.run == run)).scalar_one()
    return [load(Statement, each) for each in beside.get("still", ())]


def forget_still(connection: sa.Connection, run: str) -> None:
    _set_still(connection, run, [])


def _set_still(connection: sa.Connection, run: str, kept: Sequence[Statement]) -> None:
    which = t.runs.c.run == run
    beside = connection.execute(sa.select(t.runs.c.beside).where(which)).scalar_one()
    still = [dump(each) for each in kept]
    if still != beside.get("still", []):
        connection.execute(t.runs.update().where(which).values(beside=beside | {"still": still}))


def start_leg(connection: sa.Connection, run: str, start: Position, hold: Position) -> None:
    """
    Its stream begins at `start`, where both sides are equal, and stands still at `hold` until it is activated. Whoever
    applied for it after an earlier try is fenced.
    """
    c = t.stream.c
    place = {"start": start, "position": start, "consistent": start, "hold": hold, "held": "", "spool": None}
    counts = {"changes": 0, "committed": time.time(), "applied": 0.0, "paused": "", "passed": "", "left_out": ""}
    again = t.stream.update().where(c.run == run).values(**place, **counts, epoch=c.epoch + 1)
    if connection.execute(again).rowcount == 0:
        connection.execute(t.stream.insert().values(run=run, **place, **counts, epoch=0))


def activate_leg(connection: sa.Connection, run: str) -> None:
    """From here on it is its plan's run, and writes. Doing it again is harmless, also when it has ended meanwhile."""
    which = (t.runs.c.run == run) & (t.runs.c.state == PREPARED)
    if connection.execute(t.runs.update().where(which).values(state="active")).rowcount == 1:
        connection.execute(t.stream.update().where(t.stream.c.run == run).values(hold="", held=""))
