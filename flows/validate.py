"""The proof by itself: the word `validate`, and a schedule's."""

from prefect import flow

from flows.catch_up import catch_up
from flows.verify import verify
from landbridge.plan import Plan
from tasks.cutover import refuse_if_switched
from tasks.running import running
from tasks.stream import replicating


@flow(name="validate", flow_run_name="validate {plan.name}")
def validate(plan: Plan) -> None:
    """
    Catch up, then compare every row. Raises Differs unless both sides are equal.

    Args:
        plan: as it was loaded
    """
    with running(plan):
        refuse_if_switched(plan)
        with replicating(plan):
            catch_up(plan)
            verify(plan)
