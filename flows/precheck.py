"""Phase 1: everything that must be so, looked at on both ends; nothing is written."""

from prefect import flow

from landbridge.plan import Plan
from tasks.precheck import look_at_both_ends, show
from tasks.running import phase


@flow(name="precheck", flow_run_name="precheck {plan.name}")
def precheck(plan: Plan) -> None:
    """
    Refuse, with all findings in one list, what would fail later.

    Args:
        plan: what to move from where to where; the keys of the plan's file
    """
    with phase("precheck") as this:
        found = look_at_both_ends(plan)
        this.say(show(plan, found.findings))
        found.refuse()
