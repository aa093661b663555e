"""The inventory: every object of the source, and what became of it."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

import sqlalchemy as sa

from landbridge.ledger import layout as t

Status = Literal["planned", "migrated", "translated", "not carried", "waived", "failed"]


@dataclass(frozen=True, kw_only=True)
class Item:
    """name and parent are the source's names; parent is the table of an index, constraint or trigger."""

    kind: str
    name: str
    parent: str = ""
    status: Status
    reason: str = ""


def record(connection: sa.Connection, run: str, items: Iterable[Item]) -> None:
    """Write or overwrite."""
    for item in items:
        c = t.inventory.c
        which = (c.run == run) & (c.kind == item.kind) & (c.name == item.name) & (c.parent == item.parent)
        values = {"status": item.status, "reason": item.reason}
        if connection.execute(t.inventory.update().where(which).values(**values)).rowcount == 0:
            connection.execute(t.inventory.insert().values(run=run, **asdict(item)))


def items(connection: sa.Connection, run: str) -> list[Item]:
    c = t.inventory.c
    query = sa.select(c.kind, c.name, c.parent, c.status, c.reason).where(c.run == run)
    rows = connection.execute(query.order_by(c.kind, c.parent, c.name))
    return [Item(**row._mapping) for row in rows]


def waive(connection: sa.Connection, run: str, by: str, reason: str) -> None:
    left = [item for item in items(connection, run) if item.status == "not carried"]
    record(connection, run, [replace(i, status="waived", reason=f"by {by}: {reason} ({i.reason})") for i in left])


def summary(connection: sa.Connection, run: str) -> dict[str, Any]:
    """How many objects of each kind have each status."""
    c = t.inventory.c
    query = sa.select(c.kind, c.status, sa.func.count()).where(c.run == run).group_by(c.kind, c.status)
    counts: dict[str, dict[str, int]] = {}
    for kind, status, number in connection.execute(query.order_by(c.kind)):
        counts.setdefault(kind, {})[status] = number
    return counts
