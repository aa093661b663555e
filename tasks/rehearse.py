"""A rehearsal's scratch target, the switch without a freeze, and what is kept of it when all else is dropped."""

import contextvars
import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from prefect.logging import get_run_logger

from landbridge import ledger, rehearsal
from landbridge.begin import must_find
from landbridge.cutover import Cutover
from landbridge.endpoints import connect
from landbridge.endpoints.abc import Connects
from landbridge.endpoints.scratches import Scratches
from landbridge.errors import Busy, PlanError
from landbridge.evidence.facts import plan_hash
from landbridge.plan import Plan
from landbridge.rehearsal import Sample
from tasks import artifacts, checks
from tasks.board import BOARD
from tasks.home import home, run_folder
from tasks.running import Phase, ledger_of
from tasks.schema import build
from tasks.steps import step
from tasks.stream import Stream, end_survivors

_EVERY = 1.0
_MOST_SAMPLES = 400
_CHECK_AT_MOST = 2.0
"""Seconds. Where comparing everything takes longer, the switch compares what changed since the last comparison."""


@contextmanager
def scratch_target(plan: Plan) -> Iterator[Plan]:
    """
    The plan with a scratch database as its target, which is there inside only, and nothing of it afterwards: neither
    on the target nor what its run keeps of the source's log. What a killed rehearsal left goes first.
    """
    rehearsal.must_be_able(plan)
    dry = rehearsal.dry(plan)
    server = connect((plan.rehearsal.server if plan.rehearsal else None) or plan.target)
    with server.get(Connects).exclusive(f"rehearsal/{plan.name}") as free:
        if not free:
            raise Busy(f"another process rehearses {plan.name!r}", mend="wait for it or end it")
        make_scratch(plan)
        try:
            yield dry
        finally:
            drop_scratch(plan)


@step("make-scratch", retries=2)
def make_scratch(plan: Plan) -> None:
    if rehearsal.clear(plan, end_what_is_left):
        get_run_logger().warning("what an earlier rehearsal left has been dropped")
    rehearsal.make(plan)


@step("drop-scratch")
def drop_scratch(plan: Plan) -> None:
    rehearsal.clear(plan, end_what_is_left)


def end_what_is_left(run: str) -> None:
    end_survivors(run)
    shutil.rmtree(run_folder(run) / "spool", ignore_errors=True)


class Sampler:
    """How far behind the target was, and how large the spool, once a second or more rarely."""

    def __init__(self) -> None:
        self.samples: list[Sample] = []
        self.spool: Path | None = None
        self._begun, self._every = time.monotonic(), _EVERY

    def go_on(self, stop: threading.Event) -> None:
        while not stop.wait(self._every):
            self.samples.append(self._sample())
            if len(self.samples) >= _MOST_SAMPLES:
                self.samples, self._every = self.samples[::2], self._every * 2

    def _sample(self) -> Sample:
        now, seen = round(time.monotonic() - self._begun, 2), BOARD.stream
        lag = None if seen is None or seen.lag is None else round(seen.lag, 3)
        rate = 0.0 if seen is None else round(seen.rate, 1)
        return Sample(at=now, lag=lag, rate=rate, spool=_size(self.spool))


def _size(folder: Path | None) -> int:
    if folder is None or not folder.is_dir():
        return 0
    sizes = []
    for path in folder.iterdir():
        try:
            sizes.append(path.stat().st_size)
        except FileNotFoundError:  # freed just now
            continue
    return sum(sizes)


@contextmanager
def sampling() -> Iterator[Sampler]:
    made, stop = Sampler(), threading.Event()
    run = contextvars.copy_context().run
    thread = threading.Thread(target=run, args=(made.go_on, stop), name="samples", daemon=True)
    thread.start()
    try:
        yield made
    finally:
        stop.set()
        thread.join()


def watch_spool(sampler: Sampler, dry: Plan) -> None:
    sampler.spool = run_folder(must_find(dry).run) / "spool"


class Steps(dict[str, float]):
    """Seconds of each step of a switch."""

    @contextmanager
    def timed(self, name: str) -> Iterator[None]:
        begun = time.monotonic()
        yield
        self[name] = time.monotonic() - begun


def compare_as_in_the_switch(dry: Plan, this: Phase, stream: Stream, took: Steps) -> None:
    """Of everything; counted in the pause for no longer than a switch would let it take."""
    with took.timed("check"):
        measured = checks.compare(dry, this.run, stream.watch, this.say)
    if dry.validation.in_switch != "everything" and took["check"] > _CHECK_AT_MOST:
        took.pop("check")
        took["check of what changed (assumed)"] = _CHECK_AT_MOST
    checks.show(dry, checks.judge(dry, this.run, measured))


def build_as_in_the_switch(dry: Plan, this: Phase, took: Steps) -> None:
    """Apply has stopped, as it stands still in a switch."""
    step = Cutover(connect(dry.source), connect(dry.target), this.run, dry, run_folder(this.run))
    with took.timed("counters"):
        step.advance_counters()
    with took.timed("foreign keys"):
        build(dry, this.run, "foreign keys", this.say)
    with took.timed("triggers"):
        build(dry, this.run, "triggers", this.say)


@step("measure")
def measure(plan: Plan, dry: Plan, sampler: Sampler, took: Steps) -> dict[str, Any]:
    """Of this rehearsal, as it is at its end."""
    if plan.rehearsal is None:
        raise PlanError("the plan has no rehearsal", mend="add `rehearsal: {database: NAME}`")
    disk = connect(plan.rehearsal.server or plan.target).get(Scratches).size(plan.rehearsal.database)
    with ledger_of(dry).connect() as connection:
        found = rehearsal.measure(
            connection, must_find(dry).run, sampler.samples, took, disk, way_back=plan.cutover.way_back
        )
    ends = {"source": dry.source, "target": dry.target}
    where = {side: f"{ref.engine} at {ref.host}" for side, ref in ends.items()}
    return found | where | {"plan": plan.name, "plan_hash": plan_hash(plan)}


@step("keep")
def keep(plan: Plan, measured: dict[str, Any]) -> dict[str, Any]:
    """In the real target's ledger, as files, and in the orchestrator's UI: the scratch target is gone by now."""
    with ledger_of(plan).begin() as connection:
        ledger.open_ledger(connection)
        document = rehearsal.document(measured, ledger.rehearsals(connection, plan.name))
        document["number"] = ledger.add_rehearsal(connection, plan.name, document)
    shown, data = rehearsal.write(document, home() / "rehearsals" / plan.name, str(document["number"]))
    document |= {"report": str(shown), "data": str(data)}
    BOARD.note(f"report: {shown}")
    artifacts.page("rehearsal", plan.name, rehearsal.markdown(document, shown), document["summary"])
    return document
