"""landbridge pause: apply stands still until it is resumed, whoever runs it and wherever."""

import getpass
import time
from pathlib import Path
from typing import Annotated, Any

import typer

from flows.commands import output
from flows.commands.options import Json, PlanFile
from landbridge.errors import PlanError
from landbridge.plan import read_plan

Reason = Annotated[str, typer.Option("--reason", help="Why; shown by `status`.")]
_LONGEST = 200


def pause(plan: PlanFile, reason: Reason = "", as_json: Json = False) -> None:
    """Let apply stand still at the next transaction's border; capture goes on, into the spool."""
    since = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime())
    why = f": {reason.strip()[:_LONGEST]}" if reason.strip() else ""
    _set(plan, f"by {who()} since {since}{why}", as_json=as_json)


def resume(plan: Path, *, as_json: bool) -> None:
    _set(plan, "", as_json=as_json)


def _set(plan: Path, paused: str, *, as_json: bool) -> None:
    from landbridge import ledger, legs
    from landbridge.endpoints import connect
    from landbridge.endpoints.abc import Connects

    found = legs.now(read_plan(plan))
    with connect(found.target).get(Connects).engine().begin() as connection:
        run = ledger.find_run(connection, found)
        if run is None or run.state != "active" or not ledger.has_stream(connection, run.run):
            raise PlanError(
                f"the plan {found.name!r} has no run that captures changes", mend="begin one: landbridge replicate PLAN"
            )
        before = ledger.read_stream(connection, run.run).paused
        ledger.set_paused(connection, run.run, paused)
    data: dict[str, Any] = {"run": run.run, "paused": paused or None, "before": before or None}
    said = f"paused {paused}" if paused else f"resumed; it was paused {before}" if before else "it was not paused"
    output.result(data, f"run {run.run}: {said}", as_json=as_json)


def who() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user without a name
        return "an operator"
