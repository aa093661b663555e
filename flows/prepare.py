"""Phase 2: the run in the ledger, the tables on the target; rows need no more than that."""

from prefect import flow

from landbridge.plan import Plan
from tasks.running import phase_of_run, running
from tasks.schema import build, write_down_the_run


@flow(name="prepare", flow_run_name="prepare {plan.name}")
def prepare(plan: Plan) -> None:
    """Make the ledger, then the schemas, types, sequences and tables with their primary keys."""
    with running(plan):
        write_down_the_run(plan)
        with phase_of_run("prepare", plan) as this:
            if this.todo:
                made = build(plan, this.run, "tables", this.say)
                this.say(f"{made} objects made")
