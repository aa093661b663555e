"""Waiting for apply, and holding it at a position; all through the stream's row in the ledger."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import sqlalchemy as sa

from landbridge import ledger
from landbridge.errors import Terminal, Transient
from landbridge.ledger import StreamRow
from landbridge.model import Position

Watch = Callable[[], None]
"""Called while waiting; raises what capture or apply died of."""

_PAUSE = 0.05


def wait_for(
    engine: sa.Engine, run: str, reached: Callable[[StreamRow], bool], watch: Watch, patience: float | None = None
) -> StreamRow:
    """The stream's row once `reached` says so. Transient after `patience` seconds."""
    deadline = None if patience is None else time.monotonic() + patience
    while True:
        with engine.begin() as connection:
            row = ledger.read_stream(connection, run)
        if reached(row):
            return row
        watch()
        if row.paused and patience is not None:
            raise Terminal(
                f"apply is paused {row.paused}", mend="landbridge resume PLAN, then run the same command again"
            )
        if deadline is not None and time.monotonic() > deadline:
            raise Transient(
                f"apply did not come as far as wanted in {patience:.0f} s (it stands at {row.position})",
                mend="see apply.log and capture.log in the run's folder; raise the timeout if the source is just busy",
            )
        time.sleep(_PAUSE)


def wait_consistent(engine: sa.Engine, run: str, watch: Watch, patience: float | None = None) -> StreamRow:
    """
    Until the target has passed what was read before now. Where rows are read again for changes that do not hold them
    whole, of a busy source some are ahead of it at any moment, so that nobody waits for the ones to come.
    """
    with engine.begin() as connection:
        known = ledger.read_stream(connection, run).consistent
    return wait_for(engine, run, lambda row: known is None or row.position >= known, watch, patience)


def wait_position(engine: sa.Engine, run: str, position: Position, watch: Watch, patience: float | None) -> StreamRow:
    return wait_for(engine, run, lambda row: row.position >= position, watch, patience)


@contextmanager
def holding(engine: sa.Engine, run: str, watch: Watch, patience: float) -> Iterator[Callable[[Position], StreamRow]]:
    """
    Apply stands still inside. The function given runs it on to exactly a position and holds it there. Apply goes on at
    exit, whatever happened.
    """

    def hold(upto: str) -> StreamRow:
        with engine.begin() as connection:
            ledger.set_hold(connection, run, upto)
        return wait_for(engine, run, lambda row: row.held != "", watch, patience)

    try:
        hold(ledger.NOW)
        yield hold
    finally:
        let_go(engine, run)


def let_go(engine: sa.Engine, run: str) -> None:
    """Also of what a killed flow held: nobody else would, and apply would stand still for ever."""
    with engine.begin() as connection:
        ledger.set_hold(connection, run, "")
