"""Capture and apply: processes of their own, kept running and watched for as long as a phase needs them."""

import contextlib
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from prefect.logging import get_run_logger

from landbridge import ledger
from landbridge.begin import capture_start, must_find
from landbridge.catch_up import let_go, wait_consistent, wait_for, wait_position
from landbridge.endpoints import connect
from landbridge.endpoints.abc import Changes
from landbridge.errors import Transient
from landbridge.ledger import StreamRow
from landbridge.model import Position
from landbridge.plan import Plan, seconds
from landbridge.replicate import ROLES, Replication, end_survivor
from landbridge.runfolder import RunFolder
from landbridge.way_back import keep_closed
from tasks.board import BOARD
from tasks.home import run_folder
from tasks.metering import Metering, metering
from tasks.running import ledger_of
from tasks.schema import take_back_what_acts
from tasks.steps import step

_SHOWN_EVERY = 0.5
_open: dict[str, "Stream"] = {}


class Stream:
    """A run's capture and apply while they run."""

    def __init__(self, plan: Plan, run: str, replication: Replication, metering: Metering) -> None:
        self.plan, self.run, self.replication, self.metering = plan, run, replication, metering
        self.engine = ledger_of(plan)
        self._next = 0.0

    def watch(self) -> None:
        """Raises what capture or apply died of; shows how far they are."""
        self.replication.check()
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + _SHOWN_EVERY
            with contextlib.suppress(Transient):  # capture and apply try again by themselves; this is only to look at
                self._show()

    def _show(self) -> None:
        with self.engine.connect() as connection:
            row = ledger.read_stream(connection, self.run)
        state = "paused" if row.paused else "held" if row.held else "applying" if _reached(row) else "converging"
        BOARD.streamed(state, lag(row), row.changes)


def _reached(row: StreamRow) -> bool:
    return row.consistent is not None and row.position >= row.consistent


def lag(row: StreamRow) -> float | None:
    """Seconds since the source committed what was applied last; None before anything was."""
    return max(0.0, time.time() - row.committed) if row.committed else None


@contextmanager
def replicating(plan: Plan) -> Iterator[Stream]:
    """
    Capture and apply run inside. Entering it again inside is free and gives the same; the outermost one stops them,
    also when this process is told to end, which reaches its main thread only, as a BaseException.
    """
    run = must_find(plan).run
    if run in _open:
        yield _open[run]
        return
    let_go(ledger_of(plan), run)
    take_back_what_acts(plan, run)
    keep_closed(plan, run)
    replication = Replication(plan, run, run_folder(run))
    try:
        replication.start()
        with metering(plan, run) as figures:
            _open[run] = Stream(plan, run, replication, figures)
            get_run_logger().info("capture and apply run")
            yield _open[run]
    finally:
        _open.pop(run, None)
        replication.stop()
        get_run_logger().info("capture and apply have stopped")


@step("catch-up")
def catch_up(stream: Stream) -> str:
    """To the consistent point, then to where the source's log ends now; what came of it in one line."""
    wait_consistent(stream.engine, stream.run, stream.watch)
    here = connect(stream.plan.source).get(Changes).here()
    row = wait_position(stream.engine, stream.run, here, stream.watch, None)
    return f"{row.changes:,} changes applied, the target is where the source was a moment ago"


@step("wait-for-lag")
def wait_for_lag(stream: Stream) -> float | None:
    """Until the lag is what the plan allows at the gate. A source where nothing happens may tell no later time: then
    it counts that all of its log was applied, as far as it went a moment ago."""
    most = seconds(stream.plan.cutover.max_lag)
    while True:
        asked, here = time.time(), connect(stream.plan.source).get(Changes).here()
        row = wait_for(stream.engine, stream.run, _near(most, asked, here), stream.watch)
        since, behind = time.time() - asked, lag(row)
        if row.position >= here and since <= most:
            return None if behind is None else min(behind, since)
        if (behind or 0.0) <= most:
            return behind


def _near(most: float, asked: float, here: Position) -> Callable[[StreamRow], bool]:
    return lambda row: (lag(row) or 0.0) <= most or row.position >= here or time.time() > asked + most


@step("end-survivors")
def end_survivors(run: str) -> None:
    """Capture and apply of a flow that was killed: nobody else would end them."""
    folder = RunFolder(run_folder(run))
    for role in ROLES:
        end_survivor(folder, role)


@step("fix-the-start", retries=1)
def fix_the_start(plan: Plan, run: str) -> None:
    """Where the stream begins; waits until nothing older than that is open at the source."""
    capture_start(plan, run, connect(plan.source), connect(plan.target))
