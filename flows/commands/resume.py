"""landbridge resume: apply goes on after `landbridge pause`."""

from flows.commands import pause
from flows.commands.options import Json, PlanFile


def resume(plan: PlanFile, as_json: Json = False) -> None:
    """Let apply go on."""
    pause.resume(plan, as_json=as_json)
