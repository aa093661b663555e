"""Phase 10: after the switch. The plan's own command, foreign keys proven, the source released, the run ended."""

from prefect import flow

from landbridge.plan import Plan
from tasks.cutover import after, end_the_run, release
from tasks.running import phase_of_run
from tasks.schema import build
from tasks.stream import end_survivors


@flow(name="finish", flow_run_name="finish {plan.name}")
def finish(plan: Plan) -> None:
    """The plan's own command first; then what the application on the target needs not wait for."""
    if plan.cutover.after:
        with phase_of_run("after", plan) as this:
            if this.todo:
                after(plan, this.run)
    with phase_of_run("finish", plan) as this:
        if this.todo:
            build(plan, this.run, "validate", this.say)
            end_survivors(this.run)
            release(plan, this.run)
            end_the_run(plan, this.run)
            this.say("the source has been released")
