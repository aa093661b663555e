"""Phase 3: capture on. Where the stream begins is fixed before the first row is read, so that no change is missed."""

from prefect import flow

from landbridge.plan import Plan
from tasks.running import phase_of_run
from tasks.stream import fix_the_start


@flow(name="capture", flow_run_name="capture {plan.name}")
def capture(plan: Plan) -> None:
    """Make what the stream needs on the source, and wait until nothing older than its start is open there."""
    with phase_of_run("capture", plan) as this:
        if this.todo:
            fix_the_start(plan, this.run)
