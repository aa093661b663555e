"""landbridge rollback: the gate and the switch back to the old source."""

from flows.commands import migrate, running
from flows.commands.dry_run import DryRun, show
from flows.commands.options import Json, NoWait, PlanFile, Yes
from landbridge.plan import read_plan


def rollback(
    plan: PlanFile, yes: Yes = False, no_wait: NoWait = False, dry_run: DryRun = False, as_json: Json = False
) -> None:
    """Catch the old source up, compare, ask at the gate, and switch back."""
    found = read_plan(plan)
    if dry_run:
        show(found, back=True, as_json=as_json)
        return
    wait = migrate.waits(no_wait=no_wait)
    outcome = running.run_flow("rollback", plan, found, wait=wait, approve=yes)
    migrate.end(outcome, plan, found, as_json=as_json)
