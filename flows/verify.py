"""Phase 7: the proof. Every row of both sides, compared at one position while changes go on."""

from prefect import flow

from landbridge.errors import Differs
from landbridge.plan import Plan
from tasks.checks import compare, judge, show
from tasks.running import phase_of_run
from tasks.stream import replicating


@flow(name="verify", flow_run_name="verify {plan.name}")
def verify(plan: Plan) -> None:
    """Raise Differs unless both sides are equal."""
    with phase_of_run("verify", plan, again=True) as this, replicating(plan) as stream:
        verdict = judge(plan, this.run, compare(plan, this.run, stream.watch, this.say))
        this.say(show(plan, verdict))
        if not verdict.passed:
            raise Differs(
                f"source and target of {plan.name!r} are not equal: {verdict.differing:,} differing row(s)",
                mend=f"see the report {verdict.report}",
            )
