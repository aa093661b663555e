"""landbridge validate: the exact comparison, once more."""

import typer

from flows.commands import output, running, status
from flows.commands.options import Json, PlanFile
from landbridge.errors import Differs
from landbridge.plan import read_plan


def validate(plan: PlanFile, as_json: Json = False) -> None:
    """Catch up, then compare every row of both sides."""
    found = read_plan(plan)
    difference: Differs | None = None
    try:
        running.run_flow("validate", plan, found)
    except Differs as error:
        difference = error
    checked = status.collect(found)["validation"]
    data = {"plan": found.name, "equal": difference is None, **checked["detail"]}
    text = str(difference) if difference else f"all {data['rows']:,} rows are equal; report {data['report']}"
    output.result(data, text, as_json=as_json)
    raise typer.Exit(output.FAILED if difference else output.DONE)
