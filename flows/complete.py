"""The end: the word `complete`, when nobody wants to go back any more."""

from prefect import flow

from landbridge.plan import Plan
from tasks.complete import clear_up
from tasks.running import phase, running


@flow(name="complete", flow_run_name="complete {plan.name}")
def complete(plan: Plan) -> list[str]:
    """
    Remove what the migration made on both sides beside the target itself; the folders where its reports are kept.

    Args:
        plan: as it was switched over
    """
    with running(plan), phase("complete") as this:
        done = clear_up(plan)
        this.say(f"slots, spools and control tables of {len(done.runs)} run(s) are removed, the reports kept")
        return list(done.kept)
