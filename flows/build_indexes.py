"""Phase 6: indexes and constraints that only make sense once the rows agree with each other."""

from prefect import flow

from landbridge.plan import Plan
from tasks.running import phase_of_run
from tasks.schema import build
from tasks.stream import replicating


@flow(name="build-indexes", flow_run_name="build indexes {plan.name}")
def build_indexes(plan: Plan) -> None:
    """The plain indexes that are left, the unique ones, views, routines. Foreign keys and triggers: in the switch."""
    with phase_of_run("build-indexes", plan) as this:
        if this.todo:
            with replicating(plan):
                made = sum(build(plan, this.run, part, this.say) for part in ("indexes", "unique", "objects"))
                this.say(f"{made} objects made")
