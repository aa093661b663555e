"""The switch, step by step; whatever fails before the point of no return gives the source back to its writers."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from prefect.logging import get_run_logger

from landbridge import ledger, legs, way_back
from landbridge.begin import find, must_find
from landbridge.catch_up import Watch
from landbridge.cutover import Cutover
from landbridge.endpoints import connect
from landbridge.endpoints.abc import Changes
from landbridge.errors import CutoverVoid, Terminal
from landbridge.hook import hook
from landbridge.model import Position
from landbridge.plan import Plan
from landbridge.replicate import Replication
from tasks import checks
from tasks.home import run_folder
from tasks.running import Phase, ledger_of
from tasks.schema import take_back_what_acts
from tasks.steps import step

if TYPE_CHECKING:
    from landbridge.changed_keys import Following
    from validation.verify import Measured, Verdict

_MOMENTS = 2.0
"""Seconds that the comparison of everything may cost the switch."""

_SLOWER = 2.0
"""A comparison may take this much longer than the last one did."""


def is_switched(plan: Plan) -> bool:
    """
    Whether the target is open already. An opening that was cut short is completed first, in either direction: from
    there is only forward. Raises PlanError when the plan has no run.
    """
    if not _is_opened(plan):
        return False
    other = legs.now(plan)
    return other is plan or not _is_opened(other) or is_switched(plan)


def _is_opened(plan: Plan) -> bool:
    run = must_find(plan).run
    with ledger_of(plan).connect() as connection:
        state = ledger.cutover_row(connection, run)[0]
    if state == "opening":
        _cutover(plan, run).finish()
    return state in ("opening", "done")


def _cutover(plan: Plan, run: str) -> Cutover:
    return Cutover(connect(plan.source), connect(plan.target), run, plan, run_folder(run))


def way_back_of(plan: Plan) -> Plan:
    """The turned plan, whose run leads back. Raises Terminal where no way leads back from here."""
    run, back = must_find(plan).run, legs.turned(plan)
    switched = is_switched(plan)
    found = find(back)
    if found is not None:
        with ledger_of(plan).connect() as connection:
            came_from = ledger.leg_of(connection, run).before
        with ledger_of(back).connect() as connection:
            follows = ledger.leg_of(connection, found.run).before == run
        if follows or (not switched and came_from == found.run):
            return back
    raise Terminal(
        f"no way leads back: {plan.name!r} {'was switched over without one' if switched else 'is not switched over'}",
        mend="write `cutover: {way_back: true}` in the plan before `landbridge cutover`"
        if switched
        else "nothing is to be done: the source takes the writes",
    )


def leg_now(plan: Plan) -> Plan:
    """The turned plan after a switch with a way back, whose opening is completed if it was cut short; else the plan."""
    is_switched(plan)
    return legs.now(plan)


def refuse_if_switched(plan: Plan) -> None:
    if is_switched(plan):
        raise Terminal(
            f"the target of {plan.name!r} is open and takes writes of its own, so it may differ from the source",
            mend="nothing is to be done; `landbridge status` shows the last comparison, made before it opened",
        )


def must_be_proven(plan: Plan) -> None:
    """Raises Terminal unless everything is built and the latest comparison found both sides equal."""
    run = must_find(plan).run
    with ledger_of(plan).connect() as connection:
        built, latest = ledger.phase_done(connection, run, "build-indexes"), ledger.latest_round(connection, run)
    if not built:
        raise Terminal(
            f"{plan.name!r} is not loaded and built yet", mend="run `landbridge migrate` with this plan first"
        )
    if latest is None or not latest["passed"]:
        found = "has not been compared yet" if latest is None else f"differed in round {latest['round']}"
        raise Terminal(f"the target of {plan.name!r} {found}", mend="run `landbridge validate` with this plan first")


@contextmanager
def switching(plan: Plan, run: str) -> Iterator[Cutover]:
    """The state machine, undone if what happens inside fails; first of all, what an earlier try left is undone."""
    cutover = _cutover(plan, run)
    cutover.undo()
    try:
        yield cutover
    except BaseException:
        if cutover.undo():
            get_run_logger().warning("the side that was frozen takes writes again")
            take_back_what_acts(plan, run)
        elif cutover.state == "idle":
            cutover.forget_next()
        raise


@step("freeze", retries=0)
def freeze(cutover: Cutover) -> None:
    cutover.freeze()


@step("drain", retries=0)
def drain(cutover: Cutover, watch: Watch) -> None:
    cutover.drain(watch)


@step("advance-counters", retries=2)
def advance_counters(cutover: Cutover) -> None:
    cutover.advance_counters()
    cutover.noted("counters")


@step("prepare-way-back", retries=0)
def prepare_way_back(plan: Plan, run: str) -> way_back.NextLeg | None:
    """The next leg with its log position, its capture proven; None where the plan wants none."""
    return way_back.prepare(plan, run, run_folder) if plan.cutover.way_back else None


@contextmanager
def standing_ready(cutover: Cutover, leg: way_back.NextLeg | None, watch: Watch) -> Iterator[str]:
    """The next leg's stream runs inside, held; its run, '' where there is none. It is for others to keep it running."""
    if leg is None:
        yield ""
        return
    replication = start_way_back(cutover, leg, watch)
    try:
        yield leg.run
    finally:
        replication.stop()


@step("start-way-back", retries=0)
def start_way_back(cutover: Cutover, leg: way_back.NextLeg, watch: Watch) -> Replication:
    cutover.noted("built")
    replication = way_back.start(leg, cutover.run, run_folder(leg.run), watch, cutover.left)
    cutover.noted("stands")
    return replication


@step("open", retries=0)
def open_target(cutover: Cutover, watch: Watch, following: str = "") -> None:
    cutover.open(watch, following)


def check_once_more(
    plan: Plan, cutover: Cutover, watch: Watch, this: Phase, noted: "Following | None"
) -> "Measured | None":
    """
    The comparison again, while both sides stand still; its reports can wait. Of everything where that is a matter of
    moments, else of what changed since the last clean one. Left out, and said so, where it is not known what changed
    and the last one took longer than the freeze may last: each change was applied with its row count proven.
    """
    left, last = float(cutover.detail["deadline"]) - time.time(), _last_seconds(plan, cutover.run)
    changed = _followed(plan, cutover, noted, last)
    fits = last * _SLOWER <= left or plan.validation.in_switch == "everything"
    if not fits and (changed is None or None in changed.keys.values()):
        this.detail["final_check"] = f"not repeated: it took {last:.0f} s and the freeze had {left:.0f} s left"
        cutover.noted("checked")
        return None
    measured = checks.compare(plan, cutover.run, watch, this.say, still=True, changed=changed)
    if not measured.comparison.equal:
        cutover.undo()
        verdict = report(plan, cutover.run, measured, this)
        raise CutoverVoid(
            f"the final check found {verdict.differing:,} differing row(s)", mend=f"see the report {verdict.report}"
        )
    cutover.noted("checked")
    return measured


def _followed(plan: Plan, cutover: Cutover, noted: "Following | None", last: float) -> "Following | None":
    """What changed up to the marker; None where that is not known, or everything is to be compared."""
    wanted = plan.validation.in_switch
    if noted is None or wanted == "everything" or (wanted == "auto" and last <= _MOMENTS):
        return None
    return noted if noted.follow(Position(cutover.detail["marker"])) else None


def report(plan: Plan, run: str, measured: "Measured", this: Phase) -> "Verdict":
    verdict = checks.judge(plan, run, measured)
    this.detail["final_check"] = checks.show(plan, verdict)
    return verdict


def _last_seconds(plan: Plan, run: str) -> float:
    with ledger_of(plan).connect() as connection:
        latest = ledger.latest_round(connection, run, whole=True)
    return float(latest["detail"]["seconds"]) if latest and latest["detail"] else 0.0


@step("after", retries=0)
def after(plan: Plan, run: str) -> None:
    """The plan's own command, now that the target is open; what it finds wrong undoes nothing."""
    where = plan.target
    there = {"HOST": where.host, "PORT": str(where.port or ""), "DATABASE": where.database or ""}
    hook(plan.cutover.after, "opened", run, **{f"LANDBRIDGE_OPEN_{name}": value for name, value in there.items()})


@step("release")
def release(plan: Plan, run: str) -> None:
    """The source forgets the stream: what it kept for us is freed."""
    connect(plan.source).get(Changes).release(run)


@step("end-the-run")
def end_the_run(plan: Plan, run: str) -> None:
    with ledger_of(plan).begin() as connection:
        ledger.end_run(connection, run, "done")
