"""The source is another server than it was, as after a failover: going on there, or a clear stop."""

from dataclasses import replace

import sqlalchemy as sa

from landbridge import ledger
from landbridge.endpoints import Endpoint
from landbridge.endpoints.abc import Changes, Connects
from landbridge.errors import PositionLost
from landbridge.ledger import Run, StreamRow

_FIRST = "point the plan at the first server, or begin again under another plan name with an empty target"


def follow(source: Endpoint, target: Endpoint, run: Run, identity: str) -> Run:
    """
    Positions mean nothing on another server, so that only a run whose target stands at a known place of the source's
    history can go on: past the consistent point, and not in the middle of the switch. Raises PositionLost.
    """
    engine = target.get(Connects).engine()
    with engine.begin() as connection:
        row = _position(connection, run, identity)
    position = source.get(Changes).resume(run.run, run.source, row.position, row.passed)
    with engine.begin() as connection:
        if ledger.read_stream(connection, run.run).position != row.position:
            raise _stop(run, identity, "changes are still applied by another process")
        ledger.forget_pending(connection, run.run)
        ledger.go_on_elsewhere(connection, run.run, run.source, identity, position)
    return replace(run, source=identity)


def _position(connection: sa.Connection, run: Run, identity: str) -> StreamRow:
    if not ledger.has_stream(connection, run.run):
        raise _stop(run, identity, "the run had not fixed yet where its stream begins")
    row = ledger.read_stream(connection, run.run)
    if row.consistent is None or row.position < row.consistent:
        raise _stop(
            run, identity, "rows read from the first one, by the load or again since, are ahead of what was applied"
        )
    state, *_ = ledger.cutover_row(connection, run.run)
    if state != "idle":
        raise _stop(run, identity, f"the cutover had begun ({state})")
    return row


def _stop(run: Run, identity: str, why: str) -> PositionLost:
    return PositionLost(f"the source is another server ({identity}) than it was ({run.source}), and {why}", mend=_FIRST)
