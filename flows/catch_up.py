"""Phase 5: the changes since the load began, until the target is where the source is."""

from prefect import flow

from landbridge.plan import Plan
from tasks.running import phase_of_run
from tasks.stream import catch_up as follow
from tasks.stream import replicating


@flow(name="catch-up", flow_run_name="catch up {plan.name}")
def catch_up(plan: Plan) -> None:
    """Apply changes past the consistent point and up to where the source's log ends now."""
    with phase_of_run("catch-up", plan, again=True) as this, replicating(plan) as stream:
        this.say(follow(stream))
