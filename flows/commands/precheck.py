"""landbridge precheck: everything that would refuse the plan later, now, in one list."""

import typer

from flows.commands import output, running
from flows.commands.options import Json, PlanFile
from landbridge.errors import CheckFailed
from landbridge.plan import read_plan


def precheck(plan: PlanFile, as_json: Json = False) -> None:
    """Check both ends; writes nothing."""
    found = read_plan(plan)
    refusal: CheckFailed | None = None
    try:
        running.run_flow("precheck", plan, found)
    except CheckFailed as error:
        refusal = error
    from tasks.board import BOARD

    data = {"plan": found.name, "refused": refusal is not None, "findings": BOARD.findings}
    text = str(refusal) if refusal else f"{found.name}: nothing stands in the way"
    output.result(data, text, as_json=as_json)
    raise typer.Exit(output.REFUSED if refusal else output.DONE)
