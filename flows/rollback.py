"""The way back: the word `rollback`, once the target is open. The same switch the other way, with a gate of its own."""

from typing import Literal

from prefect import flow

from flows.catch_up import catch_up
from flows.finish import finish
from flows.gate import gate
from flows.switch import switch
from flows.verify import verify
from landbridge.plan import Plan
from tasks.approval import is_approved, must_be_able_to_ask
from tasks.cutover import is_switched, way_back_of
from tasks.running import running
from tasks.stream import replicating

GATE = "rollback"


@flow(name="rollback", flow_run_name="rollback {plan.name}")
def rollback(plan: Plan, wait: bool = True, approve: bool = False) -> Literal["waiting", "rolled back"]:
    """
    Bring the old source up to the target, compare, ask at the gate, and give the old source back to its writers.

    Args:
        plan: as it was switched over, with `way_back`
        wait: wait at the gate for an approval; else end there, and go on when the flow is run again
        approve: open the gate without asking anybody
    """
    must_be_able_to_ask(plan, approve=approve)
    with running(plan):
        back = way_back_of(plan)
        if not is_switched(back):
            with replicating(back):
                catch_up(back)
                if not is_approved(back, GATE):
                    verify(back)
                if not gate(back, wait=wait, approve=approve, name=GATE):
                    return "waiting"
                switch(back)
        finish(back)
    return "rolled back"
