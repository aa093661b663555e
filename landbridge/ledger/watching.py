"""What is kept for whoever looks on: changes applied by table, the latest figures, and the alarms under way."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from landbridge.ledger import layout as t

Counted = Mapping[tuple[int, str], int]
"""Changes by table and column of `counts`."""


def add_counts(connection: sa.Connection, run: str, counted: Counted) -> None:
    """In the transaction that writes the changes, or soon after it."""
    names = ("inserts", "updates", "deletes", "truncates")
    for number in sorted({number for number, _ in counted}):
        new = {name: counted.get((number, name), 0) for name in names}
        which = (t.counts.c.run == run) & (t.counts.c.table_number == number)
        more = {name: t.counts.c[name] + value for name, value in new.items() if value}
        if more and connection.execute(t.counts.update().where(which).values(**more)).rowcount == 0:
            connection.execute(t.counts.insert().values(run=run, table_number=number, **new))


def counts(connection: sa.Connection, run: str) -> dict[int, dict[str, int]]:
    """Changes applied to each table that had any, by its number."""
    found = connection.execute(sa.select(t.counts).where(t.counts.c.run == run)).mappings()
    return {row["table_number"]: {k: row[k] for k in row if k not in ("run", "table_number")} for row in found}


def set_figures(connection: sa.Connection, run: str, figures: dict[str, Any]) -> None:
    values = {"at": time.time(), "figures": figures}
    if connection.execute(t.figures.update().where(t.figures.c.run == run).values(**values)).rowcount == 0:
        connection.execute(t.figures.insert().values(run=run, **values))


def latest_figures(connection: sa.Connection, run: str) -> dict[str, Any] | None:
    found = connection.execute(sa.select(t.figures.c.figures).where(t.figures.c.run == run)).scalar_one_or_none()
    return None if found is None else dict(found)


def clear_figures(connection: sa.Connection, run: str) -> None:
    """Nothing measures any more."""
    connection.execute(t.figures.delete().where(t.figures.c.run == run))


@dataclass(frozen=True, kw_only=True)
class Alarm:
    """began: seconds since 1970."""

    alarm: str
    began: float
    found: str


def alarms(connection: sa.Connection, run: str) -> list[Alarm]:
    """Those under way."""
    c = t.alarms.c
    rows = connection.execute(sa.select(c.alarm, c.began, c.found).where(c.run == run).order_by(c.began, c.alarm))
    return [Alarm(**row._mapping) for row in rows]


def begin_alarm(connection: sa.Connection, run: str, alarm: str, found: str) -> None:
    connection.execute(t.alarms.insert().values(run=run, alarm=alarm, began=time.time(), found=found))


def end_alarm(connection: sa.Connection, run: str, alarm: str) -> None:
    connection.execute(t.alarms.delete().where((t.alarms.c.run == run) & (t.alarms.c.alarm == alarm)))
