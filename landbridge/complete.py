"""The end of a migration that is switched over: nothing of it is left on either side but what stays closed."""

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from landbridge import ledger
from landbridge.endpoints import connect
from landbridge.endpoints.abc import Changes, Connects
from landbridge.errors import Terminal
from landbridge.legs import turned
from landbridge.plan import Plan
from landbridge.quiet import give_back
from landbridge.replicate import ROLES, end_survivor
from landbridge.runfolder import RunFolder

_WORKING = ("capture.json", "apply.json", "applied.json", "run.json")


@dataclass(frozen=True, kw_only=True)
class Completed:
    """runs: of both ledgers. kept: folders with reports and ledger.json."""

    runs: tuple[str, ...]
    kept: tuple[str, ...]


def complete(plan: Plan, folder_of: Callable[[str], Path]) -> Completed:
    """Harmless to do again. Raises Terminal before the first switch: there is nothing to be completed then."""
    directions = (turned(plan), plan)  # the plan's own ledger last: it says what there is to do
    runs = {each.target: _runs(each) for each in directions}
    _require_a_switch(plan, runs[plan.target])
    kept = []
    for direction in directions:
        for run in runs[direction.target]:
            folder = folder_of(run)
            _keep(direction, run, folder)
            for role in ROLES:
                end_survivor(RunFolder(folder), role)
            connect(direction.source).get(Changes).release(run)
            give_back(connect(direction.target), run)
            _clear(folder)
            kept.append(str(folder))
    for direction in directions:
        if runs[direction.target]:
            with connect(direction.target).get(Connects).engine().begin() as connection:
                ledger.forget_runs(connection, runs[direction.target])
    return Completed(runs=tuple(run for found in runs.values() for run in found), kept=tuple(kept))


def _runs(plan: Plan) -> list[str]:
    with connect(plan.target).get(Connects).engine().begin() as connection:
        if ledger.exists(connection):
            ledger.find_run(connection, plan)  # raises when the name is another plan's
        return ledger.runs_of_plan(connection, plan.name)


def _require_a_switch(plan: Plan, runs: list[str]) -> None:
    with connect(plan.target).get(Connects).engine().begin() as connection:
        if any(ledger.cutover_row(connection, run)[0] == "done" for run in runs):
            return
    raise Terminal(
        f"{plan.name!r} is not switched over" if runs else f"nothing is left of {plan.name!r}, or it was never begun",
        mend="run `landbridge cutover` first; `landbridge status` shows how far it is",
    )


def _keep(plan: Plan, run: str, folder: Path) -> None:
    """The ledger's word: phases, approvals with their evidence, inventory, comparisons, the cutover."""
    with connect(plan.target).get(Connects).engine().begin() as connection:
        found = ledger.everything(connection, [run])
    draft = folder / ".ledger.json"
    draft.write_text(json.dumps(found, indent=1, default=str), encoding="utf-8")
    draft.replace(folder / "ledger.json")


def _clear(folder: Path) -> None:
    """What the run's processes left; reports and logs stay."""
    for spool in folder.glob("spool*"):
        shutil.rmtree(spool, ignore_errors=True)
    RunFolder(folder).remove(*_WORKING, *(f"{role}.lock" for role in ROLES))
