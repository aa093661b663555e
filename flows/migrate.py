"""The whole migration, phase by phase. Each phase is a flow of its own; what is done already is not done again."""

from typing import Literal

from prefect import flow

from flows.build_indexes import build_indexes
from flows.capture import capture
from flows.catch_up import catch_up
from flows.finish import finish
from flows.gate import gate
from flows.load import load
from flows.precheck import precheck
from flows.prepare import prepare
from flows.switch import switch
from flows.verify import verify
from landbridge.plan import Plan
from tasks.approval import is_approved, must_be_able_to_ask
from tasks.cutover import is_switched
from tasks.running import find, running
from tasks.stream import replicating

Until = Literal["loaded", "caught-up", "validated", "cutover"]
Outcome = Literal["loaded", "caught-up", "validated", "waiting", "cutover"]


@flow(name="migrate", flow_run_name="migrate {plan.name}")
def migrate(plan: Plan, until: Until = "cutover", wait: bool = True, approve: bool = False) -> Outcome:
    """
    Move the plan's databases and switch over.

    Args:
        plan: what to move from where to where; the keys of the plan's file
        until: stop after this; the same flow with the same plan goes on later
        wait: wait at the gate for an approval; else end there, and go on when the flow is run again
        approve: open the gate without asking anybody
    """
    if until == "cutover":
        must_be_able_to_ask(plan, approve=approve)
    if find(plan) is None:
        precheck(plan)
    with running(plan):
        prepare(plan)
        if not is_switched(plan):
            capture(plan)
            with replicating(plan):
                load(plan)
                if until == "loaded":
                    return "loaded"
                catch_up(plan)
                if until == "caught-up":
                    return "caught-up"
                build_indexes(plan)
                if until == "validated" or not is_approved(plan):
                    verify(plan)
                if until == "validated":
                    return "validated"
                if not gate(plan, wait=wait, approve=approve):
                    return "waiting"
                switch(plan)
        finish(plan)
    return "cutover"
