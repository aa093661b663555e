"""Phase 4: the load. Tables and their segments in any order, while the application writes."""

from prefect import flow

from landbridge.plan import Plan
from tasks.load import load_tables
from tasks.running import phase_of_run
from tasks.stream import replicating


@flow(name="load", flow_run_name="load {plan.name}")
def load(plan: Plan) -> None:
    """Copy every table that is not copied yet, and let apply begin."""
    with phase_of_run("load", plan) as this:
        if this.todo:
            with replicating(plan) as stream:
                this.say(load_tables(plan, this.run, stream.watch))
