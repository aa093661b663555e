"""Following the source for as long as nobody says otherwise: the word `replicate`, and a deployment for weeks."""

from prefect import flow

from flows.build_indexes import build_indexes
from flows.capture import capture
from flows.catch_up import catch_up
from flows.load import load
from flows.precheck import precheck
from flows.prepare import prepare
from landbridge.plan import Plan
from tasks.cutover import leg_now, refuse_if_switched
from tasks.exposing import exposing
from tasks.following import follow, persist
from tasks.running import find, phase_of_run, running
from tasks.stream import replicating


@flow(name="replicate", flow_run_name="replicate {plan.name}")
def replicate(plan: Plan, metrics_port: int | None = None) -> None:
    """
    Load and catch up where that is not done, then keep the target up with the source until told to end. After a switch
    with a way back it is the source that is kept up with the target.

    Args:
        plan: what to move from where to where; the keys of the plan's file
        metrics_port: serve the figures for Prometheus here, instead of at the plan's metrics.port
    """

    ready = False

    def attempt() -> None:
        nonlocal ready  # what is done once is not shown again each time that a connection was lost
        with running(plan):
            if not ready:
                prepare(plan)
            now = leg_now(plan)
            refuse_if_switched(now)
            if not ready:
                capture(now)
            with replicating(now) as stream, exposing(stream.metering, metrics_port):
                if not ready:
                    load(now)
                    catch_up(now)
                    build_indexes(now)
                ready = True
                with phase_of_run("replicate", now, again=True) as this:
                    follow(stream, this)

    if find(plan) is None:
        precheck(plan)
    persist(attempt)
