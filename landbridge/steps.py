"""The steps of a switch and the seconds that each should take: as in the last one of this direction, else by rule."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from landbridge import ledger
from landbridge.plan import Plan

_PARTS = (
    ("freeze", "stop the writers of the side that is left, and prove that none is left", "started", "frozen"),
    ("drain", "apply all up to the marker", "frozen", "drained"),
    ("counters", "move sequences and AUTO_INCREMENT past both sides' values", "drained", "counters"),
    ("final check", "compare once more while both sides stand still", "counters", "checked"),
    ("build", "make foreign keys, triggers and what else acts by itself", "checked", "built"),
    ("way back", "start the reverse stream and wait for its heartbeat", "built", "stands"),
    ("open", "the point of no return; the other side takes the writes", "stands", "opened"),
)
"""Name, what happens, and the moments in the cutover's detail between which it does."""

_FREEZE, _STREAM, _EACH, _OPEN = 1.0, 3.0, 0.05, 0.2


@dataclass(frozen=True, kw_only=True)
class Step:
    """pause: applications cannot write meanwhile. seconds None: it waits for people. basis: where they are from."""

    name: str
    what: str
    pause: bool
    seconds: float | None
    basis: str


def steps(connection: sa.Connection, plan: Plan, run: str) -> list[Step]:
    """plan and run: of the direction of the switch."""
    row, leg = ledger.read_stream(connection, run), ledger.leg_of(connection, run)
    behind = max(0.0, time.time() - row.committed) if row.committed else 0.0
    lag = min(behind, time.time() - row.applied) if row.applied else behind
    found = [
        Step(name="catch up", what="apply what came since", pause=False, seconds=lag, basis="the lag"),
        Step(
            name="gate", what=f"an approval of the {'rollback' if leg.leads_back else 'cutover'}", pause=False,
            seconds=None, basis="people",
        ),
    ]  # fmt: skip
    if plan.cutover.way_back:
        what = "take the log position of the way back and prove its capture"
        found.append(Step(name="prepare", what=what, pause=False, seconds=_STREAM, basis="by rule"))
    return [*found, *_in_the_pause(connection, plan, run)]


def _in_the_pause(connection: sa.Connection, plan: Plan, run: str) -> Iterator[Step]:
    measured, rules = _last_switch(connection, plan), _rules(connection, run)
    for name, what, begin, end in _PARTS:
        if name == "way back" and not plan.cutover.way_back:
            continue
        if begin in measured and end in measured:
            seconds, basis = max(0.0, float(measured[end]) - float(measured[begin])), "the last switch"
        else:
            seconds, basis = rules[name], "by rule"
        yield Step(name=name, what=what, pause=True, seconds=round(seconds, 2), basis=basis)


def _last_switch(connection: sa.Connection, plan: Plan) -> dict[str, Any]:
    """The moments of the latest one of this direction that came to its end; empty before there is one."""
    for run in reversed(ledger.runs_of_plan(connection, plan.name)):
        state, detail = ledger.last_cutover(connection, run)
        if state == "done":
            return detail
    return {}


def _rules(connection: sa.Connection, run: str) -> dict[str, float]:
    blueprint, checked = ledger.blueprint(connection, run), ledger.latest_round(connection, run)
    keys = sum(len(table.target.foreign_keys) for table in blueprint.tables)
    acting = sum(bool(one.undo) for each in blueprint.objects for one in each.statements)
    seconds = (checked or {}).get("detail") or {}
    return {
        "freeze": _FREEZE,
        "drain": _FREEZE,
        "counters": _EACH * (1 + len(blueprint.tables) + len(blueprint.sequences)),
        "final check": float(seconds.get("seconds", 0.0)),
        "build": 0.0 if blueprint.stands else _EACH * (1 + keys + acting),
        "way back": _STREAM,
        "open": _OPEN,
    }
