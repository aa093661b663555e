"""
Rehearsals and what they measured, by the plan's name. In the real target's ledger, for the scratch target is dropped,
and the next rehearsal, or the gate, may be on another machine.
"""

import time
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from landbridge.ledger import layout as t


def add_rehearsal(connection: sa.Connection, plan_name: str, document: dict[str, Any]) -> int:
    c = t.rehearsals.c
    newest = connection.execute(sa.select(sa.func.max(c.number)).where(c.plan_name == plan_name)).scalar_one()
    number = int(newest or 0) + 1
    values = {"plan_name": plan_name, "number": number, "finished": time.time(), "document": document}
    connection.execute(t.rehearsals.insert().values(**values))
    return number


def rehearsals(connection: sa.Connection, plan_name: str, most: int = 10) -> list[dict[str, Any]]:
    """The latest documents, oldest first."""
    c = t.rehearsals.c
    query = sa.select(c.document).where(c.plan_name == plan_name).order_by(c.number.desc()).limit(most)
    return list(reversed(connection.execute(query).scalars().all()))


def runs_of(connection: sa.Connection, plan_name: str) -> list[str]:
    """None where there is no ledger."""
    if not sa.inspect(connection).has_table("runs", schema=t.SCHEMA):
        return []
    return list(connection.execute(sa.select(t.runs.c.run).where(t.runs.c.plan_name == plan_name)).scalars())


def forget(connection: sa.Connection, runs: Sequence[str]) -> None:
    """Every line of these runs. Only of rehearsals: a real one's are what it can go on by."""
    if not runs:
        return
    for table in t.metadata.sorted_tables:
        if "run" in table.c:
            connection.execute(table.delete().where(table.c.run.in_(runs)))
