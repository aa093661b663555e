"""
The next leg of a migration: before a switch it is made ready and its capture proven; while both sides stand still its
stream gets its beginning and shows that it runs, held; the point of no return lets it go. No two legs ever write at
once: a held one writes nothing, and the switch fences the leg before (docs/decisions/0008).
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep

from landbridge import ledger
from landbridge.catch_up import Watch
from landbridge.endpoints import Endpoint, connect
from landbridge.endpoints.abc import Changes, Connects, Describes, Freezes
from landbridge.errors import CutoverVoid, Transient
from landbridge.inverse import inverted, inverted_sequences
from landbridge.legs import turned
from landbridge.model import TableMap
from landbridge.plan import Plan
from landbridge.quiet import refuse_lasting
from landbridge.replicate import ROLES, Replication, end_survivor
from landbridge.runfolder import RunFolder

_POLL = 0.05
_PROOF_PATIENCE = 60.0


@dataclass(frozen=True, kw_only=True)
class NextLeg:
    """plan: of its own direction. run: in the ledger of its target, the source of the leg before."""

    plan: Plan
    run: str
    tables: tuple[TableMap, ...]

    @property
    def source(self) -> Endpoint:
        return connect(self.plan.source)

    @property
    def target(self) -> Endpoint:
        return connect(self.plan.target)


def prepare(plan: Plan, run: str, folder_of: Callable[[str], Path]) -> NextLeg:
    """
    The leg after `run`, in its ledger, with the log position (slot) on its source, and its capture proven by a
    heartbeat. What an earlier try left is removed: tables may have another shape by now.
    """
    back = turned(plan)
    source, target = connect(back.source), connect(back.target)
    with target.get(Connects).engine().begin() as connection:
        ledger.open_ledger(connection)
        known = ledger.next_leg(connection, run)
    if known is not None:
        _remove(known, source, target, RunFolder(folder_of(known)))
    name = _write_down(back, run, source, target)
    with target.get(Connects).engine().begin() as connection:
        tables = tuple(ledger.tables(connection, name))
    refuse_lasting(target, [table.target.name for table in tables])
    leg = NextLeg(plan=back, run=name, tables=tables)
    _prove_capture(leg)
    return leg


def _remove(run: str, source: Endpoint, target: Endpoint, folder: RunFolder) -> None:
    for role in ROLES:
        end_survivor(folder, role)
    source.get(Changes).release(run)
    with target.get(Connects).engine().begin() as connection:
        ledger.remove_runs(connection, [run])


def _write_down(back: Plan, run: str, source: Endpoint, target: Endpoint) -> str:
    with source.get(Connects).engine().begin() as connection:
        before = ledger.leg_of(connection, run)
        blueprint = ledger.blueprint(connection, run)
        ranges = {table.number: ledger.segment_bounds(connection, run, table.number) for table in blueprint.tables}
    leg = ledger.Leg(number=before.number + 1, before=run)
    inventory: list[ledger.Item] = []
    if leg.leads_back:
        blueprint = _inverse(blueprint, source)
    else:
        with target.get(Connects).engine().begin() as connection:
            blueprint = ledger.blueprint(connection, before.before)
            inventory = ledger.items(connection, before.before)
    identity = source.get(Connects).identity()
    with target.get(Connects).engine().begin() as connection:
        return ledger.prepare_leg(connection, back, identity, leg, blueprint, ranges, inventory).run


def _inverse(blueprint: ledger.Blueprint, now: Endpoint) -> ledger.Blueprint:
    schemas = sorted({table.target.name.schema for table in blueprint.tables})
    found = now.get(Describes).describe(schemas)
    described = {table.name: table for table in found.tables}
    return ledger.Blueprint(
        tables=tuple(inverted(table, described) for table in blueprint.tables),
        sequences=inverted_sequences(blueprint.sequences, {sequence.name for sequence in found.sequences}),
        types=(),
        stands=True,
    )


def _prove_capture(leg: NextLeg) -> None:
    changes = leg.source.get(Changes)
    since = changes.prepare(leg.run, leg.tables)
    here, deadline = changes.here(), monotonic() + _PROOF_PATIENCE
    with changes.stream(leg.run, since, leg.tables) as stream:
        for transaction in stream:
            if transaction.last and transaction.position >= here:
                return
            if monotonic() > deadline:
                raise Transient(
                    f"the stream of the way back did not come to {here} in {_PROOF_PATIENCE:.0f} s",
                    mend="see whether the target is overloaded, then run the same command again",
                )


def start(leg: NextLeg, run: str, folder: Path, watch: Watch, patience: Callable[[], float]) -> Replication:
    """
    Both sides stand still: the stream begins here. Returns once a heartbeat has gone through it and it is held there.
    patience: the seconds that are left. The caller stops the Replication if it does not come to the opening.
    """
    leg.target.get(Freezes).admit(run)
    changes = leg.source.get(Changes)
    begin = changes.here()
    _touch(leg, run)
    hold = changes.here()
    with leg.target.get(Connects).engine().begin() as connection:
        ledger.start_leg(connection, leg.run, begin, hold)
    replication = Replication(leg.plan, leg.run, folder)
    replication.start()
    try:
        _wait_until_held(leg, replication, watch, patience)
    except BaseException:
        replication.stop()
        raise
    return replication


def keep_closed(plan: Plan, run: str) -> None:
    """A side that follows is closed to all but us, which a restart of its server may have ended."""
    target = connect(plan.target)
    with target.get(Connects).engine().begin() as connection:
        before = ledger.leg_of(connection, run).before
    if before:
        target.get(Freezes).admit(before)


def _touch(leg: NextLeg, run: str) -> None:
    """A commit on the side that is to be captured, so that its log goes past the beginning."""
    with leg.source.get(Connects).engine().begin() as connection:
        ledger.touch(connection, run)


def _wait_until_held(leg: NextLeg, replication: Replication, watch: Watch, patience: Callable[[], float]) -> None:
    engine = leg.target.get(Connects).engine()
    while True:
        with engine.begin() as connection:
            row = ledger.read_stream(connection, leg.run)
        if row.held and row.position >= row.hold:
            if row.changes:
                raise CutoverVoid(
                    f"{row.changes} change(s) were made on the side that is to be opened, before it was",
                    mend="find who writes there already, then run the same command again",
                )
            return
        replication.check()
        watch()
        if patience() <= 0:
            raise CutoverVoid(
                "the way back did not stand within cutover.timeout",
                mend="see capture.log and apply.log in its run's folder; raise cutover.timeout in the plan",
            )
        sleep(_POLL)
