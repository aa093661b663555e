"""
The switch as a state machine in the ledger:

idle → freezing → frozen → drained → opening → done
         └────────┴─────────┴──→ thawing → idle

Each step is a compare-and-set of one row. Before `opening` the stream of the way back, if there is to be one, stands
ready and held. Up to `drained` a failure, or the timer, thaws the source; `opening` is the
point of no return. The timer is a process of its own (`python -m landbridge.cutover FOLDER`), so that the source thaws
even when the flow was killed.
"""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from landbridge import ledger
from landbridge.catch_up import Watch, wait_position
from landbridge.endpoints import Endpoint, connect
from landbridge.endpoints.abc import Changes, Connects, Counter, Counts, Freezes
from landbridge.errors import CutoverVoid, Fenced
from landbridge.hook import hook
from landbridge.model import Position, TableMap, TableName
from landbridge.plan import Plan, seconds
from landbridge.quiet import quieten
from landbridge.resume import refuse_unseen
from landbridge.runfolder import RunFolder, handed_over

_UNDOABLE = ("freezing", "frozen", "drained", "thawing")
_OPENING_TAKES = 1.0


class Cutover:
    """One run's switch. `state`, `epoch` and `detail` mirror the ledger's row."""

    def __init__(self, source: Endpoint, target: Endpoint, run: str, plan: Plan, folder: Path) -> None:
        self.source, self.target, self.run, self.plan, self.folder = source, target, run, plan, folder
        self.engine = target.get(Connects).engine()
        with self.engine.begin() as connection:
            self.state, self.epoch, self.detail = ledger.cutover_row(connection, run)
            self.tables = ledger.tables(connection, run)

    def freeze(self) -> None:
        """Stop the source's writers, prove it, and note the position past every change."""
        self._refuse_standing()
        timeout = seconds(self.plan.cutover.timeout)
        self._move("freezing", started=time.time(), deadline=time.time() + timeout)
        start_timer(self.run, self.plan, self.folder)
        evidence = freeze_source(self.source, self.run, self.plan, self.tables)
        marker = self.source.get(Freezes).mark(self.run)
        try:
            self._move("frozen", frozen=time.time(), evidence=list(evidence), marker=marker)
        except Fenced:
            thaw_source(self.source, self.run, self.plan, self.tables)  # the timer thawed before there was a freeze
            raise

    def drain(self, watch: Watch) -> None:
        """Apply everything up to the marker."""
        row = wait_position(self.engine, self.run, Position(self.detail["marker"]), watch, self.left())
        self._refuse_standing()
        self._move("drained", drained=time.time(), changes=row.changes)

    def _refuse_standing(self) -> None:
        with self.engine.begin() as connection:
            ledger.refuse_standing(connection, self.run)
            tables = ledger.tables(connection, self.run)
        refuse_unseen(self.source, tables)

    def advance_counters(self) -> None:
        """Sequences and identities of the target go past the source's and past every value present."""
        with self.engine.begin() as connection:
            blueprint = ledger.blueprint(connection, self.run)
        counters = self.source.get(Counts).counters(
            [table.source for table in blueprint.tables], [sequence.source for sequence in blueprint.sequences]
        )
        there = _counters_there(blueprint)
        moved = [(there[c.name, c.column], c.last) for c in counters if (c.name, c.column) in there]
        self.target.get(Counts).advance([Counter(name=n, column=column, last=last) for (n, column), last in moved])

    def open(self, watch: Watch, following: str = "") -> None:
        """
        The point of no return. following: the run of the next leg, which stands ready. Raises CutoverVoid when the
        source took a write after the marker or time is up.
        """
        watch()
        if self.left() < _OPENING_TAKES:
            raise CutoverVoid(
                f"the switch took longer than cutover.timeout ({self.plan.cutover.timeout})",
                mend="raise cutover.timeout in the plan and run `landbridge cutover` again",
            )
        merged = self.detail | {"opening": time.time(), "next": following}
        with self.engine.begin() as connection:  # apply is fenced and has applied nothing since, or all is as it was
            ledger.take_over(connection, self.run)
            self._refuse_late(ledger.read_stream(connection, self.run))
            epoch = ledger.move(connection, self.run, self.state, "opening", self.epoch, merged)
        self.state, self.epoch, self.detail = "opening", epoch, merged
        self.finish()

    def _refuse_late(self, row: ledger.StreamRow) -> None:
        late = row.changes - int(self.detail["changes"])
        if late:
            raise CutoverVoid(
                f"the source committed {late} change(s) after it was frozen",
                mend="find the writer (see docs/runbook.md, what bypasses a freeze), then run the same command again",
            )

    def finish(self) -> None:
        """
        From `opening` on there is only forward: the side that opens may have been frozen by the leg before; on the
        other, which is closed by now, nothing acts by itself once the next leg writes.
        """
        with self.engine.begin() as connection:
            before = ledger.leg_of(connection, self.run).before
        if before:
            thaw_source(self.target, before, self.plan, self.tables)
        opened = time.time()
        if following := self.detail.get("next"):
            quieten(self.source, following)
            with self.source.get(Connects).engine().begin() as connection:
                ledger.activate_leg(connection, following)
        with self.engine.begin() as connection:
            ledger.forget_still(connection, self.run)  # all of it was made again before the opening
        self._move("done", opened=opened, pause=opened - float(self.detail["started"]))

    def noted(self, step: str) -> None:
        """The moment at which a step ended."""
        self._move(self.state, **{step: time.time()})

    def undo(self) -> bool:
        """Give the source back to its writers. False when there was nothing to undo."""
        with self.engine.begin() as connection:
            self.state, self.epoch, self.detail = ledger.cutover_row(connection, self.run)
        if self.state not in _UNDOABLE:
            return False
        if self.state != "thawing":
            self._move("thawing")
        thaw_source(self.source, self.run, self.plan, self.tables)
        self._move("idle")
        self.forget_next()
        return True

    def forget_next(self) -> None:
        """Nothing keeps the target's log for a way back that is not to be."""
        if not self.plan.cutover.way_back:
            return
        with self.source.get(Connects).engine().begin() as connection:
            following = ledger.next_leg(connection, self.run) if ledger.exists(connection) else None
        if following is not None:
            self.target.get(Changes).release(following)

    def left(self) -> float:
        """Seconds until the freeze is undone."""
        return max(0.0, float(self.detail["deadline"]) - time.time())

    def _move(self, state: str, **detail: Any) -> None:
        merged = self.detail | detail
        with self.engine.begin() as connection:
            self.epoch = ledger.move(connection, self.run, self.state, state, self.epoch, merged)
        self.state, self.detail = state, merged


def freeze_source(source: Endpoint, run: str, plan: Plan, tables: list[TableMap]) -> tuple[str, ...]:
    how = plan.cutover.freeze
    if how.startswith("hook:"):
        hook(how.removeprefix("hook:"), "freeze", run)
        return (f"the command of the plan froze the source: {how.removeprefix('hook:').strip()}",)
    return source.get(Freezes).freeze(run, how, tables)


def thaw_source(source: Endpoint, run: str, plan: Plan, tables: list[TableMap]) -> None:
    how = plan.cutover.freeze
    if how.startswith("hook:"):
        hook(how.removeprefix("hook:"), "thaw", run)
    else:
        source.get(Freezes).thaw(run, how, tables)


def start_timer(run: str, plan: Plan, folder: Path) -> None:
    RunFolder(folder).describe(run, plan)
    with (folder / "timer.log").open("ab") as log:
        subprocess.Popen(
            [sys.executable, "-m", "landbridge.cutover", str(folder)],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=os.environ | handed_over(plan),
            start_new_session=True,
        )  # fmt: skip


def watch_freeze(folder: Path, sleep: Callable[[float], None] = time.sleep) -> str:
    """Sleep till the deadline, then thaw unless the switch got past it; the state it left. Never gives up: if the
    ledger cannot be reached the source stays frozen, for a thaw might let both sides take writes."""
    run, plan = RunFolder(folder).described()
    source, target = connect(plan.source), connect(plan.target)
    while True:
        try:
            cutover = Cutover(source, target, run, plan, folder)
            if cutover.state not in _UNDOABLE:
                return cutover.state
            left = cutover.left()
            if left <= 0:
                cutover.undo()
                return cutover.state
            sleep(min(left, 1.0))
        except Fenced:
            continue
        except Exception as error:  # noqa: BLE001 whatever it is, giving up would leave the source frozen for ever
            sys.stderr.write(f"{type(error).__name__}: the ledger or the source cannot be reached; still frozen\n")
            sleep(1.0)


if __name__ == "__main__":
    watch_freeze(Path(sys.argv[1]))


_Counted = tuple[TableName, str | None]


def _counters_there(blueprint: ledger.Blueprint) -> dict[_Counted, _Counted]:
    """Where each counter of the source goes on. A column that counts by itself may stand for a sequence."""
    there: dict[_Counted, _Counted] = {(s.source.name, None): (s.target.name, None) for s in blueprint.sequences}
    for table in blueprint.tables:
        for column in table.columns:
            source, target = column.source, column.target
            if target.identity or (target.default and target.default.sequence):
                there[table.source.name, source.name] = (table.target.name, target.name)
            if target.identity and source.default and source.default.sequence:
                there[source.default.sequence, None] = (table.target.name, target.name)
    return there
