"""The steps of a switch, printed and not made: `landbridge cutover --dry-run` and `landbridge rollback --dry-run`."""

from typing import Annotated

import typer

from flows.commands import output
from landbridge.errors import Terminal
from landbridge.plan import Plan

DryRun = Annotated[bool, typer.Option("--dry-run", help="Only list the steps and the seconds they should take.")]


def show(plan: Plan, *, back: bool, as_json: bool) -> None:
    """Raises Terminal where this switch is not the next one."""
    from landbridge import ledger, legs
    from landbridge.endpoints import connect
    from landbridge.endpoints.abc import Connects
    from landbridge.steps import steps

    now = legs.now(plan)
    if back != (now is not plan):
        raise Terminal(
            "no way leads back from here" if back else "the target is open already",
            mend="see `landbridge status`; the next switch is the other one",
        )
    with connect(now.target).get(Connects).engine().connect() as connection:
        run = ledger.find_run(connection, now)
        if run is None or not ledger.has_stream(connection, run.run):
            raise Terminal(f"{plan.name!r} is not loaded yet", mend="run `landbridge migrate` with this plan first")
        found = steps(connection, now, run.run)
    pause = sum(step.seconds or 0.0 for step in found if step.pause)
    lines = [
        f"{'||' if step.pause else '  '} {_seconds(step.seconds)}  {step.name}: {step.what} ({step.basis})"
        for step in found
    ]
    lines.append(
        f"|| {_seconds(pause)}  in all while nobody can write; the freeze is undone after {plan.cutover.timeout}"
    )
    data = {"plan": plan.name, "run": run.run, "pause": pause, "steps": [vars(step) for step in found]}
    output.result(data, "\n".join(lines), as_json=as_json)


def _seconds(seconds: float | None) -> str:
    return "       ?" if seconds is None else f"{seconds:6.1f} s"
