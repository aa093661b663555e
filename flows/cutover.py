"""The end by itself: the word `cutover`, for a run that is loaded and validated."""

from typing import Literal

from prefect import flow

from flows.catch_up import catch_up
from flows.finish import finish
from flows.gate import gate
from flows.switch import switch
from landbridge.plan import Plan
from tasks.approval import must_be_able_to_ask
from tasks.cutover import is_switched, must_be_proven
from tasks.running import running
from tasks.stream import replicating


@flow(name="cutover", flow_run_name="cutover {plan.name}")
def cutover(plan: Plan, wait: bool = True, approve: bool = False) -> Literal["waiting", "cutover"]:
    """
    Catch up, ask at the gate, and switch over.

    Args:
        plan: as it was loaded
        wait: wait at the gate for an approval; else end there, and go on when the flow is run again
        approve: open the gate without asking anybody
    """
    must_be_able_to_ask(plan, approve=approve)
    with running(plan):
        if not is_switched(plan):
            must_be_proven(plan)
            with replicating(plan):
                catch_up(plan)
                if not gate(plan, wait=wait, approve=approve):
                    return "waiting"
                switch(plan)
        finish(plan)
    return "cutover"
