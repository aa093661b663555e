"""Phase 9: the switch. Writers stopped and proven stopped, the last change applied, the target opened."""

from prefect import flow

from landbridge.plan import Plan
from tasks import checks, cutover
from tasks.running import phase_of_run
from tasks.schema import build
from tasks.stream import replicating


@flow(name="switch", flow_run_name="switch {plan.name}")
def switch(plan: Plan) -> None:
    """Freeze, drain, check, open; or raise, with the source as it was."""
    with phase_of_run("switch", plan) as this, replicating(plan) as stream:
        checks.get_ready()
        with checks.following(plan, this.run) as noted, cutover.switching(plan, this.run) as step:
            leg = cutover.prepare_way_back(plan, this.run)
            cutover.freeze(step)
            cutover.drain(step, stream.watch)
            cutover.advance_counters(step)
            measured = cutover.check_once_more(plan, step, stream.watch, this, noted)
            build(plan, this.run, "foreign keys", this.say)
            build(plan, this.run, "triggers", this.say)
            with cutover.standing_ready(step, leg, stream.watch) as ready:
                cutover.open_target(step, stream.watch, ready)
        if measured is not None:
            cutover.report(plan, this.run, measured, this)
        this.detail["pause"] = step.detail["pause"]
        this.say(f"writes stood still for {step.detail['pause']:.2f} s")
