"""What to know before anything: the word `assess`, and a form for whoever has no terminal."""

from typing import Any

from prefect import flow

from landbridge.plan import Plan
from tasks.assess import look_into, show
from tasks.running import phase


@flow(name="assess", flow_run_name="assess {plan.name}")
def assess(plan: Plan, others: list[Plan] | None = None, source_only: bool = False) -> dict[str, Any]:
    """
    Look at the databases, write to none, and make one report. others: more plans, for an inventory of an estate.
    source_only: towards a private, empty server of the target's engine.
    """
    with phase("assess") as this:
        found = look_into(plan, others or [], source_only, this.say)
        document = show(found)
        this.say(document["summary"])
    return document
