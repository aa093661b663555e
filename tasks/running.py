"""One run of a plan at a time, and its phases: on the board, in the log and in the ledger, under the same names."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from prefect import runtime
from prefect.logging import get_run_logger
from prefect.settings import PREFECT_FLOWS_HEARTBEAT_FREQUENCY, temporary_settings
from prefect.utilities.urls import url_for

from landbridge import begin, ledger
from landbridge.endpoints import connect
from landbridge.endpoints.abc import Connects
from landbridge.endpoints.lock import Lock
from landbridge.errors import Busy, MigrationError, PlanError, Transient
from landbridge.plan import Plan, secret_sources
from tasks import cancelling, events
from tasks.board import BOARD, Outcome
from tasks.secrets import read_block
from tasks.steps import patiently

secret_sources["block"] = read_block
_held: dict[str, Lock] = {}


@contextmanager
def running(plan: Plan) -> Iterator[None]:
    """
    Hold the plan's lock on the target, so that no other process runs this plan. Entering it again inside is free:
    every phase enters it, so that each can also be run alone.
    """
    if plan.name in _held:
        yield
        return
    with cancelling.heeding(), connect(plan.target).get(Connects).exclusive(f"plan/{plan.name}") as free:
        if not free:
            raise Busy(
                f"another process runs the plan {plan.name!r}",
                mend="wait for it or end it; `landbridge status` shows how far it is",
            )
        _held[plan.name] = free
        try:
            # Each flow inside would wait a second for its own heartbeat thread; the outermost has one.
            with temporary_settings({PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None}):
                yield
        finally:
            _held.pop(plan.name, None)


def still_ours(plan: Plan) -> None:
    """Raises Transient when the lock went with its session, as it does when the target is restarted."""
    if not _held[plan.name].held():
        raise Transient(
            f"the session that held the lock of the plan {plan.name!r} was lost",
            mend="start it again: unless another process has the lock by now, it goes on",
        )


@dataclass(kw_only=True)
class Phase:
    """run: empty before there is one. todo: False when an earlier try finished it. `detail` goes into the ledger."""

    name: str
    run: str = ""
    todo: bool = True
    waiting: bool = False
    said: str = ""
    detail: dict[str, Any] = field(default_factory=dict)

    def say(self, line: str) -> None:
        """One line about what is going on or came out."""
        self.said = line
        BOARD.say(self.name, line)


@contextmanager
def phase(name: str) -> Iterator[Phase]:
    """On the board and in the log."""
    this, log = Phase(name=name), get_run_logger()
    BOARD.begin(name)
    BOARD.flow_run = url_for("flow-run", obj_id=runtime.flow_run.root_flow_run_id) or ""
    log.info("%s: begins", name)
    try:
        yield this
    except BaseException:
        BOARD.end(name, "failed")
        raise
    outcome: Outcome = "waiting" if this.waiting else "done" if this.todo else "skipped"
    BOARD.end(name, outcome)
    log.info("%s: %s in %.1f s. %s", name, outcome, BOARD.phases[name].seconds, BOARD.phases[name].said)


@contextmanager
def phase_of_run(name: str, plan: Plan, *, again: bool = False) -> Iterator[Phase]:
    """
    In the ledger too, under the plan's lock. again: it has something to do also when it was finished before. Raises
    PlanError when the plan has no run.
    """
    with running(plan), phase(name) as this:
        this.run = patiently(lambda: begin.must_find(plan)).run
        this.todo = patiently(lambda: _start(plan, this.run, name)) or again
        if not this.todo:
            yield this
            return
        events.tell("phase.began", plan.name, this.run, f"{name} begins", phase=name)
        try:
            yield this
        except MigrationError as error:
            events.tell("phase.failed", plan.name, this.run, f"{name} failed: {error.found}", phase=name)
            raise
        if not this.waiting:
            patiently(lambda: _finish(plan, this))
            events.tell("phase.done", plan.name, this.run, f"{name} is done. {this.said}".rstrip(), phase=name)


def _start(plan: Plan, run: str, name: str) -> bool:
    with ledger_of(plan).begin() as connection:
        ledger.start_phase(connection, run, name)
        return not ledger.phase_done(connection, run, name)


def _finish(plan: Plan, this: Phase) -> None:
    with ledger_of(plan).begin() as connection:
        ledger.finish_phase(connection, this.run, this.name, this.detail)


def ledger_of(plan: Plan) -> sa.Engine:
    return connect(plan.target).get(Connects).engine()


def find(plan: Plan) -> ledger.Run | None:
    """The plan's run, if the ledger knows one. None too when it cannot be asked: precheck will say why."""
    try:
        return begin.find(plan)
    except PlanError:
        raise
    except MigrationError:
        return None
