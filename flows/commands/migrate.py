"""landbridge migrate: the whole migration, or on from where it stopped."""

import enum
import sys
from pathlib import Path
from typing import Annotated

import typer

from flows.commands import output, running, status
from flows.commands.options import Json, NoWait, PlanFile, Yes
from landbridge.plan import Plan, read_plan


class Stop(enum.StrEnum):
    LOADED = "loaded"
    CAUGHT_UP = "caught-up"
    VALIDATED = "validated"
    CUTOVER = "cutover"


Until = Annotated[Stop, typer.Option("--until", help="Stop after this; the same command goes on later.")]


def migrate(
    plan: PlanFile, until: Until = Stop.CUTOVER, yes: Yes = False, no_wait: NoWait = False, as_json: Json = False
) -> None:
    """Move the plan's databases and switch over; again, to go on where it stopped."""
    found = read_plan(plan)
    wait = waits(no_wait=no_wait)
    outcome = running.run_flow("migrate", plan, found, until=until.value, wait=wait, approve=yes)
    end(outcome, plan, found, as_json=as_json)


def waits(*, no_wait: bool) -> bool:
    """At the gate: only where somebody looks on."""
    return not no_wait and sys.stdin.isatty() and sys.stderr.isatty()


def end(outcome: str, path: Path, plan: Plan, *, as_json: bool) -> None:
    """Tell where the run stands, with the exit code that says so."""
    data = {"outcome": outcome} | status.collect(plan)
    output.result(data, status.describe(data), as_json=as_json)
    if outcome == "waiting":
        output.note(
            f"\nwaiting for approval: landbridge approve {path} --by NAME --reason TEXT, then this command again"
        )
        raise typer.Exit(output.WAITING)
