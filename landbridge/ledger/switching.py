"""The cutover's one row: a state that moves only by compare-and-set."""

import time
from typing import Any

import sqlalchemy as sa

from landbridge.errors import Fenced
from landbridge.ledger import layout as t


def cutover_row(connection: sa.Connection, run: str) -> tuple[str, int, dict[str, Any]]:
    """State, epoch and detail; 'idle' before the first step."""
    row = connection.execute(sa.select(t.cutover).where(t.cutover.c.run == run)).one_or_none()
    if row is None:
        connection.execute(t.cutover.insert().values(run=run, state="idle", epoch=0, detail={}, changed=time.time()))
        return "idle", 0, {}
    return row.state, row.epoch, dict(row.detail)


def last_cutover(connection: sa.Connection, run: str) -> tuple[str, dict[str, Any]]:
    """State and detail; only looks."""
    row = connection.execute(sa.select(t.cutover).where(t.cutover.c.run == run)).one_or_none()
    return ("idle", {}) if row is None else (row.state, dict(row.detail))


def move(connection: sa.Connection, run: str, old: str, new: str, epoch: int, detail: dict[str, Any]) -> int:
    """Go from one state to the next; the new epoch. Raises Fenced when the state has moved meanwhile."""
    c = t.cutover.c
    which = (c.run == run) & (c.state == old) & (c.epoch == epoch)
    values = {"state": new, "epoch": epoch + 1, "detail": detail, "changed": time.time()}
    if connection.execute(t.cutover.update().where(which).values(**values)).rowcount != 1:
        raise Fenced(
            f"the cutover of run {run} is no longer {old!r}", mend="see `landbridge status`, then run it again"
        )
    return epoch + 1


def touch(connection: sa.Connection, run: str) -> None:
    """A write that changes nothing but a time."""
    connection.execute(t.cutover.update().where(t.cutover.c.run == run).values(changed=time.time()))
