"""Phase 10: after the switch. Foreign keys proven, the stream removed from the source, the run ended."""

from prefect import flow

from landbridge.plan import Plan
from tasks.cutover import end_the_run, release
from tasks.running import phase_of_run
from tasks.schema import build
from tasks.stream import end_survivors


@flow(name="finish", flow_run_name="finish {plan.name}")
def finish(plan: Plan) -> None:
    """What the application on the target needs not wait for."""
    with phase_of_run("finish", plan) as this:
        if this.todo:
            build(plan, this.run, "validate", this.say)
            end_survivors(this.run)
            release(plan, this.run)
            end_the_run(plan, this.run)
            this.say("the source has been released")
