"""landbridge complete: the end of a migration, and of the way back."""

from flows.commands import output, running
from flows.commands.options import Json, PlanFile
from landbridge.plan import read_plan


def complete(plan: PlanFile, as_json: Json = False) -> None:
    """End a migration that is switched over: remove slots, spools and control tables; keep the reports."""
    found = read_plan(plan)
    kept = running.run_flow("complete", plan, found)
    lines = [f"{found.name} is complete; its reports and all that the ledger said are kept in"]
    output.result({"plan": found.name, "kept": kept}, "\n  ".join([*lines, *kept]), as_json=as_json)
