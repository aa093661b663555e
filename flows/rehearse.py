"""The whole migration into a scratch target, with a switch that touches no source, and a forecast of the real one."""

from typing import Any

from prefect import flow

from flows.build_indexes import build_indexes
from flows.capture import capture
from flows.catch_up import catch_up
from flows.load import load
from flows.precheck import precheck
from flows.prepare import prepare
from flows.verify import verify
from landbridge.errors import Differs, Terminal
from landbridge.plan import Plan
from tasks import checks
from tasks import rehearse as steps
from tasks.running import phase_of_run, running
from tasks.schema import build
from tasks.stream import catch_up as follow
from tasks.stream import replicating, wait_for_lag


@flow(name="rehearse", flow_run_name="rehearse {plan.name}")
def rehearse(plan: Plan, fail_on_regression: bool = False) -> dict[str, Any]:
    """
    Try the migration without touching what is used, and say what the real one will take.

    Args:
        plan: with `rehearsal`, which says where the scratch target is
        fail_on_regression: end as failed when something takes a quarter more than in the last rehearsal
    """
    with steps.scratch_target(plan) as dry, steps.sampling() as sampler:
        precheck(dry)
        checks.get_ready()  # that takes seconds, and no data
        with running(dry):
            prepare(dry)
            steps.watch_spool(sampler, dry)
            capture(dry)
            try:
                with replicating(dry):
                    load(dry)
                    catch_up(dry)
                    build_indexes(dry)
                    verify(dry)
                took = switch_without_freeze(dry)
            except Differs:  # what differs is told in the report
                took = steps.Steps()
        measured = steps.measure(plan, dry, sampler, took)
    document = steps.keep(plan, measured)
    if fail_on_regression and document["regressions"]:
        raise Terminal(
            f"the rehearsal of {plan.name!r} is worse than the last: {', '.join(document['regressions'])}",
            mend=f"see {document['report']}",
        )
    return document


@flow(name="switch-without-freeze", flow_run_name="switch without freeze {plan.name}")
def switch_without_freeze(plan: Plan) -> steps.Steps:
    """Every step of a switch but the one that would stop the source's writers, with its seconds."""
    took = steps.Steps()
    with phase_of_run("switch-without-freeze", plan) as this:
        with replicating(plan) as stream:
            wait_for_lag(stream)
            with took.timed("drain"):
                this.say(follow(stream))
            steps.compare_as_in_the_switch(plan, this, stream, took)
        steps.build_as_in_the_switch(plan, this, took)
        build(plan, this.run, "validate", this.say)
        this.say(f"{sum(took.values()):.2f} s, and the freeze")
    return took
